//! SHELL. The client: one call is one step, sent as often as need be, always under the same key.
//!
//! ```text
//!   write(&Started, &Write) ─▶ permit ─▶ age? ─▶ send ─▶ classify ─┬─▶ Outcome
//!                                ▲                                 │ Again
//!                                └────────── sleep ◀── decide ◀────┘
//! ```
//!
//! Hazard: an attempt that is sent after its key expired makes a second of something. So the key's age is judged before every
//! attempt, after the last wait.

mod counts;
mod ends;
mod gone;
mod pay;
mod read;
mod remove;
#[cfg(test)]
mod tests;
mod tried;

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::{Advice, Again, Cause, Effect, Garbled, Outcome, WireAnswer, classify};
use super::api_base::ApiBase;
use super::clock::Clock;
use super::http::{ClientError, Http, Lost, Timeouts};
use super::key::{Mode, SecretKey};
use super::limiter::{Came, Limiter, Limits, Permit};
use super::request::{Method, Request, Write};
use super::retry::{Failure, History, Pace, Policy, Verdict, decide};
use crate::store::Started;

use counts::Counters;
pub use counts::RequestCounts;
use ends::{Attempt, Ends};
pub use ends::{AttemptCounts, AttemptEnd, LIMITED_BY};
use gone::Gone;
use tried::{Tried, Unsettled, Why, untold};

/// What a client is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where requests go.
    pub api_base: ApiBase,
    /// The platform's key; it tells the mode.
    pub key: SecretKey,
    /// How fast requests go.
    pub limits: Limits,
    /// Once true, no attempt begins, no permit is waited for, and no retry: calls end as soon as the answer that is on its
    /// way is here. A sender that is gone counts as "never".
    pub draining: watch::Receiver<bool>,
}

/// Stripe, as far as the tool needs it. One is made for a run, and shared by reference.
#[derive(Debug)]
pub struct Client {
    http: Http,
    mode: Mode,
    limiter: Limiter,
    clock: Clock,
    policy: Policy,
    draining: watch::Receiver<bool>,
    counters: Counters,
    ends: Ends,
    notice: OnceLock<String>,
    gone: Gone,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The last word.
    pub outcome: Outcome,
    /// The worst that this call's attempts can have done beyond what the outcome tells. Only with [`Effect::None`], and no
    /// earlier call for the same step, may the intent be taken back.
    pub effect: Effect,
}

impl Client {
    /// A client that has sent nothing yet.
    pub fn new(settings: Settings) -> Result<Self, ClientError> {
        Self::with(settings, Policy::STRIPE, Timeouts::STRIPE)
    }

    fn with(settings: Settings, policy: Policy, timeouts: Timeouts) -> Result<Self, ClientError> {
        let http = Http::new(&settings.api_base, &settings.key, timeouts)?;
        Ok(Self::of(http, Clock::new(), settings, policy))
    }

    /// The same on a simulated machine, whose wall clock is so far ahead of its monotonic one.
    #[cfg(test)]
    pub(crate) fn simulated(
        settings: Settings,
        wire: crate::simulation::Wire,
        wall_ahead_ms: std::sync::Arc<std::sync::atomic::AtomicI64>,
    ) -> Result<Self, ClientError> {
        let http = Http::simulated(&settings.api_base, &settings.key, wire)?;
        let clock = Clock::simulated(wall_ahead_ms);
        Ok(Self::of(http, clock, settings, Policy::STRIPE))
    }

    fn of(http: Http, clock: Clock, settings: Settings, policy: Policy) -> Self {
        Self {
            http,
            mode: settings.key.mode(),
            limiter: Limiter::new(settings.limits),
            clock,
            policy,
            draining: settings.draining,
            counters: Counters::default(),
            ends: Ends::default(),
            notice: OnceLock::new(),
            gone: Gone::default(),
        }
    }

    /// Sends a step's write until it is settled, or until the bounds of [`super::retry`] are reached.
    ///
    /// `started` proves that the intent is durable; its key goes with every attempt. Contact details may still be in the
    /// messages of the outcome, if Stripe quotes them: see [`super::Refusal::redacted`].
    pub async fn write(&self, started: &Started, write: &Write<'_>) -> Written {
        self.write_request(started, write, &write.request()).await
    }

    /// The same for a caller that has the write's request at hand, since its digest went into the intent.
    ///
    /// Once a write finds its account out of reach, those that still wait for their turn there are told so unsent.
    pub async fn write_request(
        &self,
        started: &Started,
        write: &Write<'_>,
        request: &Request,
    ) -> Written {
        let settled = self
            .exchange(
                request,
                Some(started),
                || self.gone.told(request.account.as_ref()),
                |wire| classify(write, self.mode, wire),
            )
            .await;
        if let (Ok((Outcome::AccountInvalid(refusal), _)), Some(account)) =
            (&settled, &request.account)
        {
            self.gone.note(account, refusal.clone());
        }
        match settled {
            Ok((outcome, effect)) => Written {
                effect: effect.max(untold(&outcome)),
                outcome,
            },
            Err(unsettled) => Written {
                effect: unsettled.effect,
                outcome: unsettled.of_write().into(),
            },
        }
    }

    /// Stripe's clock, by the answers of this client.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The mode of the key.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What has been sent so far.
    pub fn counts(&self) -> RequestCounts {
        self.counters.read()
    }

    /// How the attempts so far ended.
    pub fn ends(&self) -> AttemptCounts {
        self.ends.read()
    }

    /// How fast requests go, and what Stripe says to that.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// The first `Stripe-Notice` that came, such as word of an outdated API version; worth one warning.
    pub fn notice(&self) -> Option<&str> {
        self.notice.get().map(String::as_str)
    }

    /// Sends `request` until `classify` can tell what it came to, and gives the worst that earlier attempts can have done. What is
    /// `known` by the time that its turn comes is not asked for.
    async fn exchange<T>(
        &self,
        request: &Request,
        started: Option<&Started>,
        known: impl Fn() -> Option<T>,
        classify: impl Fn(&WireAnswer) -> Result<T, Again>,
    ) -> Result<(T, Effect), Unsettled> {
        let mut history = History::default();
        let mut tried = Tried::nothing();
        let mut number = 0;
        loop {
            let begins = started.is_some() && tried.is_nothing();
            let permit = match self.permitted(request, begins).await {
                Ok(permit) => permit,
                Err(why) => return tried.end(why),
            };
            if let Some(told) = known() {
                return Ok((told, tried.worst()));
            }
            if started.is_some_and(|started| !self.clock.may_resend(started.started_at())) {
                return tried.end(Why::Expired);
            }
            // So that nothing of the step reaches Stripe later than those believe who read whether it was done.
            if started.is_some_and(|started| !self.clock.may_send(started.sent_at())) {
                return tried.end(Why::GaveUp);
            }
            self.counters.sent(request.endpoint, tried.is_nothing());
            number += 1;
            let attempt = Attempt {
                request,
                started,
                number,
                begun: Instant::now(),
            };
            let (settled, failure) = self.attempt(&attempt, &classify).await;
            self.limiter.answered(permit, came(settled.as_ref().err()));
            tried.take(settled);
            let verdict =
                failure.map(|failure| decide(&self.policy, &mut history, failure, fastrand::f64()));
            match verdict {
                None | Some(Verdict::GiveUp(_)) => return tried.end(Why::GaveUp),
                Some(Verdict::Retry { after_ms }) => {
                    if !self.slept(Duration::from_millis(after_ms)).await {
                        return tried.end(Why::Draining);
                    }
                }
            }
        }
    }

    /// One attempt: what it settled, and, where another may follow, what it failed by.
    async fn attempt<T>(
        &self,
        attempt: &Attempt<'_>,
        classify: impl Fn(&WireAnswer) -> Result<T, Again>,
    ) -> (Result<T, Again>, Option<Failure>) {
        let (request, started) = (attempt.request, attempt.started);
        let sent = self.clock.look();
        let wire = match self.http.send(request, started.map(Started::key)).await {
            Ok(wire) => wire,
            Err(lost) => {
                let again = Again::from(lost);
                attempt.end(&self.ends, None, Some(&again));
                let failure = Failure::of(&again, Advice::Silent, None);
                return (Err(again), Some(failure));
            }
        };
        let account = request.account.as_ref();
        if wire
            .headers
            .answers_another(started.map(Started::key), account)
        {
            let again = wire.garbled(Garbled::OtherRequest);
            attempt.end(&self.ends, Some(&wire), Some(&again));
            let failure = Failure::of(&again, Advice::Silent, None);
            return (Err(again), Some(failure));
        }
        // A page by something between here and Stripe has a `Date` too, but no `Request-Id`.
        if let (Some(_), Some(date)) = (&wire.headers.request_id, wire.headers.date) {
            self.clock.observe(date, sent);
        }
        if let Some(notice) = &wire.headers.notice {
            self.notice.get_or_init(|| notice.clone());
        }
        let settled = classify(&wire);
        attempt.end(&self.ends, Some(&wire), settled.as_ref().err());
        let failure = self.failure(&wire, settled.as_ref().err());
        (settled, failure)
    }

    /// What an answer failed by, if another attempt may follow: it settled nothing, or Stripe itself advises to ask again.
    fn failure(&self, wire: &WireAnswer, again: Option<&Again>) -> Option<Failure> {
        // Stripe says "do not retry" on every success. Where the object did not come through, that is no advice.
        let success = (200..300).contains(&wire.status);
        let advice = match wire.headers.advice {
            Advice::DoNotRetry if success => Advice::Silent,
            advice => advice,
        };
        let retry_after_ms = wire.headers.retry_after_ms;
        match again {
            Some(again) => {
                if let Cause::RateLimited(_) = again.cause {
                    self.counters.rate_limited();
                }
                Some(Failure::of(again, advice, retry_after_ms))
            }
            None if wire.status != 200 && advice == Advice::Retry => Some(Failure {
                pace: Pace::Trouble,
                advice,
                retry_after_ms,
            }),
            None => None,
        }
    }

    /// Waits for a permit, unless the run is draining. What `begins` a write is not begun while the run is held, since its intent
    /// would age; what is under way is brought to its end; reads wait.
    async fn permitted(&self, request: &Request, begins: bool) -> Result<Permit, Why> {
        if *self.draining.borrow() {
            return Err(Why::Draining);
        }
        let read = request.method == Method::Get;
        let permit = async {
            if read {
                self.limiter.until_held(false).await;
            }
            self.limiter
                .permit(request.endpoint, request.account.as_ref())
                .await
        };
        tokio::select! {
            biased;
            () = self.limiter.until_held(true), if begins => Err(Why::Held),
            permit = permit => Ok(permit),
            () = self.drained() => Err(Why::Draining),
        }
    }

    /// Sleeps; false if the run is draining.
    async fn slept(&self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.drained() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }

    /// Ends when the run is draining.
    async fn drained(&self) {
        if self
            .draining
            .clone()
            .wait_for(|draining| *draining)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

/// What an attempt came to, as far as limits are concerned.
fn came(again: Option<&Again>) -> Came {
    match again.map(|again| again.cause) {
        Some(Cause::RateLimited(limited_by)) => Came::Limited(limited_by),
        Some(Cause::Locked) => Came::Locked,
        Some(Cause::NoConnection | Cause::Lost | Cause::TimedOut) => Came::Lost,
        Some(Cause::Server(_) | Cause::NotUnderstood(_) | Cause::Conflict) | None => Came::Through,
    }
}

impl From<Lost> for Again {
    fn from(lost: Lost) -> Self {
        Self {
            cause: lost.cause,
            effect: lost.effect,
            message: String::new(),
            request_id: None,
        }
    }
}
