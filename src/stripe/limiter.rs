//! Keeps the rate. Every attempt takes a permit of three lanes, right before it is sent.
//!
//! ```text
//!   attempt ──▶ connected account's lane ──▶ endpoint's lane ──▶ total lane ──▶ send
//!               (only with Stripe-Account)   (platform and connected together)
//! ```
//!
//! Whose budget a `Stripe-Account` call uses, Stripe does not document; so it must fit all of them.
//!
//! The order is narrowest first: whoever waits in a lane holds only permits that few others want. Were the total taken first,
//! attempts that then wait for a busy account would keep the quiet ones from sending; and since a permit is spent when it is
//! taken, those that waited would go out in a bunch. The total comes last, so that its rate holds at the instant of sending.
//!
//! A lane serves in the order of arrival: one attempt at a time sleeps for its permit, the others queue behind it. A 429 that
//! names its limit pauses that lane until Stripe's window has passed; the others keep their speed.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::LimitedBy;
use super::key::Mode;
use super::request::Endpoint;
use crate::ids::AccountId;

/// Attempts per second that are sent at most; `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all kinds together (`--rate`).
    pub total_per_second: Option<NonZeroU32>,
    /// Of each endpoint (`--endpoint-rate`).
    pub endpoint_per_second: Option<NonZeroU32>,
    /// On each connected account.
    pub account_per_second: Option<NonZeroU32>,
}

impl Limits {
    /// Four fifths of what Stripe documents (<https://docs.stripe.com/rate-limits>): 100 a second live, 25 in test mode, and 25
    /// per endpoint. The rest is left to the platform's own traffic.
    pub const fn for_mode(mode: Mode) -> Self {
        let (total, endpoint) = match mode {
            Mode::Live => (NonZeroU32::new(80), NonZeroU32::new(20)),
            Mode::Test => (NonZeroU32::new(20), NonZeroU32::new(20)),
        };
        Self {
            total_per_second: total,
            endpoint_per_second: endpoint,
            account_per_second: total,
        }
    }

    /// No limit at all, as for a simulator without limits.
    pub const OFF: Self = Self {
        total_per_second: None,
        endpoint_per_second: None,
        account_per_second: None,
    };
}

/// Stripe's windows reset after one second, so a lane that was refused rests for as long.
const RATE_PAUSE: Duration = Duration::from_secs(1);
/// Room among the requests that run at once comes back as soon as some of them are done.
const CONCURRENCY_PAUSE: Duration = Duration::from_millis(250);

/// governor, on tokio's clock, so that a simulation under a paused clock has a single time.
#[derive(Debug, Clone, Copy, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

type Governor =
    RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<std::time::Instant>>;

/// One rate, one queue.
#[derive(Debug)]
struct Lane {
    /// The turn to ask for a permit. Quotas cannot be changed in place: a governor that adapts is swapped in here.
    turn: tokio::sync::Mutex<Option<Governor>>,
    /// No permit before this.
    paused_until: Mutex<Option<Instant>>,
}

impl Lane {
    fn new(per_second: Option<NonZeroU32>) -> Self {
        let governor = per_second.map(|rate| {
            let quota = Quota::per_second(rate).allow_burst(burst(rate));
            Governor::direct_with_clock(quota, TokioClock)
        });
        Self {
            turn: tokio::sync::Mutex::new(governor),
            paused_until: Mutex::new(None),
        }
    }

    /// Waits for a permit and takes it. Dropping the future gives the turn back and takes none.
    async fn permit(&self) {
        let turn = self.turn.lock().await;
        // A pause may be prolonged while it is waited for.
        while let Some(until) = self.pause_left() {
            sleep_until(until).await;
        }
        let Some(governor) = turn.as_ref() else {
            return;
        };
        while let Err(not_until) = governor.check() {
            sleep(not_until.wait_time_from(TokioClock.now())).await;
        }
    }

    fn pause_left(&self) -> Option<Instant> {
        let mut paused = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *paused = paused.filter(|until| *until > Instant::now());
        *paused
    }

    fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut paused = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |earlier| earlier.max(until)));
    }
}

/// How many permits a lane gives at once after it was idle. governor's default is a whole second's worth: together with those of
/// the second itself that is twice the rate. 2 keep the rate exact up to 100 a second, and 5 beyond (measured).
fn burst(per_second: NonZeroU32) -> NonZeroU32 {
    let burst = per_second.get().div_ceil(40).clamp(2, 5);
    NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)
}

/// The lanes of one run.
#[derive(Debug)]
pub struct Limiter {
    total: Lane,
    endpoints: [Lane; Endpoint::ALL.len()],
    /// Made when an account is first met; some hundred bytes each.
    accounts: Mutex<HashMap<AccountId, Arc<Lane>>>,
    account_per_second: Option<NonZeroU32>,
}

impl Limiter {
    /// All lanes idle.
    pub fn new(limits: Limits) -> Self {
        Self {
            total: Lane::new(limits.total_per_second),
            endpoints: Endpoint::ALL.map(|_| Lane::new(limits.endpoint_per_second)),
            accounts: Mutex::new(HashMap::new()),
            account_per_second: limits.account_per_second,
        }
    }

    /// Waits until one attempt may be sent. Dropping the future may have spent permits, which costs time and nothing else.
    pub async fn permit(&self, endpoint: Endpoint, account: Option<&AccountId>) {
        if let Some(account) = account {
            self.account(account).permit().await;
        }
        self.endpoint(endpoint).permit().await;
        self.total.permit().await;
    }

    /// Pauses the lane that a 429 names. A limit on requests for one object is no lane's, and neither is an unnamed one.
    pub fn pause(&self, limited_by: LimitedBy, endpoint: Endpoint) {
        match limited_by {
            LimitedBy::GlobalRate => self.total.pause(RATE_PAUSE),
            LimitedBy::GlobalConcurrency => self.total.pause(CONCURRENCY_PAUSE),
            LimitedBy::EndpointRate => self.endpoint(endpoint).pause(RATE_PAUSE),
            LimitedBy::EndpointConcurrency => self.endpoint(endpoint).pause(CONCURRENCY_PAUSE),
            LimitedBy::Resource | LimitedBy::Untold => {}
        }
    }

    fn endpoint(&self, endpoint: Endpoint) -> &Lane {
        &self.endpoints[endpoint.index()]
    }

    fn account(&self, account: &AccountId) -> Arc<Lane> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = accounts.get(account) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(self.account_per_second));
        accounts.insert(account.clone(), Arc::clone(&lane));
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(total: u32, endpoint: u32, account: u32) -> Limits {
        Limits {
            total_per_second: NonZeroU32::new(total),
            endpoint_per_second: NonZeroU32::new(endpoint),
            account_per_second: NonZeroU32::new(account),
        }
    }

    fn account(n: u32) -> AccountId {
        AccountId::parse(&format!("acct_{n}")).unwrap()
    }

    /// Sends without pause from `workers` tasks for `seconds`; returns how many were sent in each second.
    async fn flood(
        limiter: &Arc<Limiter>,
        jobs: &[(Endpoint, Option<AccountId>)],
        workers: usize,
        seconds: usize,
    ) -> Vec<Vec<u32>> {
        let begin = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for (index, (endpoint, account)) in jobs.iter().cloned().enumerate() {
            for _ in 0..workers {
                let (limiter, account) = (Arc::clone(limiter), account.clone());
                tasks.spawn(async move {
                    let mut sent = vec![0; seconds];
                    loop {
                        limiter.permit(endpoint, account.as_ref()).await;
                        let second = usize::try_from(begin.elapsed().as_secs()).unwrap();
                        match sent.get_mut(second) {
                            Some(count) => *count += 1,
                            None => return (index, sent),
                        }
                    }
                });
            }
        }
        let mut sums = vec![vec![0; seconds]; jobs.len()];
        while let Some(joined) = tasks.join_next().await {
            let (index, sent) = joined.unwrap();
            for (sum, count) in sums[index].iter_mut().zip(sent) {
                *sum += count;
            }
        }
        sums
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_sends_more_than_the_rate_and_the_burst_and_none_less_than_the_rate() {
        for rate in [1, 2, 20, 80, 400] {
            let limiter = Arc::new(Limiter::new(limits(rate, 10_000, 10_000)));
            let sent = flood(&limiter, &[(Endpoint::CreateCustomer, None)], 64, 5).await;
            let burst = burst(NonZeroU32::new(rate).unwrap()).get();
            assert!(
                sent[0].iter().all(|n| *n <= rate + burst),
                "{rate}: {sent:?}"
            );
            // tokio's timer has whole milliseconds.
            assert!(
                sent[0][1..].iter().all(|n| *n + 1 + rate / 50 >= rate),
                "{rate}: {sent:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_lane_holds_its_own_rate() {
        let limiter = Arc::new(Limiter::new(limits(80, 20, 10)));
        let jobs = [
            (Endpoint::CreatePaymentMethod, Some(account(1))),
            (Endpoint::CreatePaymentMethod, Some(account(2))),
            (Endpoint::AttachPaymentMethod, Some(account(2))),
            (Endpoint::CreateCustomer, None),
        ];
        let sent = flood(&limiter, &jobs, 16, 10).await;
        let sums: Vec<u32> = sent.iter().map(|seconds| seconds.iter().sum()).collect();
        // Account 1: 10/s, account 2: 10/s over both endpoints, the platform: the endpoint's 20/s.
        assert!((98..=103).contains(&sums[0]), "{sums:?}");
        assert!((98..=103).contains(&(sums[1] + sums[2])), "{sums:?}");
        assert!((198..=203).contains(&sums[3]), "{sums:?}");
    }

    /// A thousand attempts wait for one account; the others go on at once.
    #[tokio::test(start_paused = true)]
    async fn a_crowd_at_one_account_does_not_keep_the_others_waiting() {
        let limiter = Arc::new(Limiter::new(limits(80, 20, 1)));
        let crowd: Vec<_> = (0..1000)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move {
                    limiter
                        .permit(Endpoint::CreateCustomer, Some(&account(1)))
                        .await;
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let begin = Instant::now();
        for n in 2..20 {
            limiter
                .permit(Endpoint::CreateCustomer, Some(&account(n)))
                .await;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
        crowd.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_named_pauses_its_lane_alone() {
        let limiter = Limiter::new(Limits::OFF);
        limiter.pause(LimitedBy::EndpointRate, Endpoint::CreateCustomer);
        limiter.pause(LimitedBy::Resource, Endpoint::AttachPaymentMethod);
        limiter.pause(LimitedBy::Untold, Endpoint::AttachPaymentMethod);
        let begin = Instant::now();
        limiter.permit(Endpoint::AttachPaymentMethod, None).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        limiter.permit(Endpoint::CreateCustomer, None).await;
        assert!(begin.elapsed() >= RATE_PAUSE);
        limiter.pause(LimitedBy::GlobalConcurrency, Endpoint::CreateCustomer);
        let begin = Instant::now();
        limiter.permit(Endpoint::AttachPaymentMethod, None).await;
        assert!(begin.elapsed() >= CONCURRENCY_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_leaves_the_turn_to_the_next() {
        let limiter = Limiter::new(limits(1, 1, 1));
        for _ in 0..2 {
            limiter.permit(Endpoint::CreateCustomer, None).await;
        }
        let impatient = limiter.permit(Endpoint::CreateCustomer, None);
        assert!(
            tokio::time::timeout(Duration::from_millis(10), impatient)
                .await
                .is_err()
        );
        let begin = Instant::now();
        limiter.permit(Endpoint::CreateCustomer, None).await;
        assert!(begin.elapsed() <= Duration::from_secs(1));
    }

    #[test]
    fn the_defaults_leave_a_fifth_of_stripes_limits() {
        assert_eq!(Limits::for_mode(Mode::Live), limits(80, 20, 80));
        assert_eq!(Limits::for_mode(Mode::Test), limits(20, 20, 20));
    }
}
