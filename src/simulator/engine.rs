//! The world with everything around it that can make a request go otherwise: clock, limits, faults, requests in
//! flight, journal and transcript. It takes real time as an argument and knows no socket, so that a test can drive
//! years of it in seconds.
//!
//! ```text
//! fault before? → rate limits → key in use? object locked? → world → journal → fault after? → transcript
//! lost, 5xx, 429  429           409          429 lock_timeout
//! ```
//!
//! The effect is applied when the request arrives, and the answer is due `after_ms` later; until then the request counts
//! as in flight. So a client that is gone before its answer finds, as it would at Stripe, that the work was done.

mod journaled;

use super::faults::{Fault, FaultScript, Verdict};
use super::ids::Moment;
use super::in_flight::{self, InFlight};
use super::journal::{Control, Header, Journal, Kept, What};
use super::keys::Credentials;
use super::limits::Limiter;
use super::request::Request;
use super::response::{Failure, Response};
use super::routes::Route;
use super::settings::{Settings, SimulatorError};
use super::transcript::{Counters, Line, Transcript};
use super::webhooks::Deliveries;
use super::world::{Handling, World};

/// What the caller is to send, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The answer, or what is left of it.
    pub answer: Answered,
    /// How long the answer is to be held back, in milliseconds.
    pub after_ms: u64,
}

/// How much of the answer reaches the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// All of it.
    Whole(Response),
    /// The head and half of the body, then the connection ends.
    Half(Response),
    /// Nothing: the connection ends.
    Nothing,
}

/// What becomes of a request before the world sees it.
enum Gate {
    Open,
    /// No answer at all.
    Silent,
    Refused(Box<Failure>),
}

impl Gate {
    fn refused(failure: Failure) -> Self {
        Self::Refused(Box::new(failure))
    }
}

/// Virtual time: real time and an offset, and never backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    offset_ms: i64,
    floor: i64,
}

impl Clock {
    fn read(&mut self, wall_ms: i64) -> i64 {
        self.floor = self.floor.max((wall_ms + self.offset_ms).div_euclid(1000));
        self.floor
    }
}

/// A simulated Stripe, without its socket.
#[derive(Debug)]
pub struct Simulator {
    pub(super) world: World,
    settings: Settings,
    clock: Clock,
    number: u64,
    limiter: Limiter,
    pub(super) faults: Option<FaultScript>,
    pub(super) faults_seen: Vec<u64>,
    in_flight: InFlight,
    journal: Option<Journal>,
    pub(super) transcript: Transcript,
    pub(super) counters: Counters,
    pub(super) deliveries: Deliveries,
    broken: Option<String>,
}

impl Simulator {
    /// True where the platform, or an account, has a Customer of this id.
    pub fn knows(&self, customer: &str) -> bool {
        self.world.customers.slot(customer).is_some()
    }

    /// Starts a simulator, or goes on with the world of its journal. `wall_ms` is real time in unix milliseconds.
    pub fn open(settings: Settings, wall_ms: i64) -> Result<Self, SimulatorError> {
        let laws = settings.laws();
        let offset_ms = settings
            .clock_start
            .map_or(0, |start| start * 1000 - wall_ms);
        let open_transcript = Transcript::open(settings.transcript.as_deref());
        let transcript = open_transcript.map_err(|source| SimulatorError::Transcript {
            path: settings.transcript.clone().unwrap_or_default(),
            source,
        })?;
        let mut simulator = Self {
            world: World::new(laws.clone()),
            clock: Clock {
                offset_ms,
                floor: i64::MIN,
            },
            number: 0,
            limiter: Limiter::new(settings.limits),
            faults: settings.faults.clone(),
            faults_seen: Vec::new(),
            in_flight: InFlight::default(),
            journal: None,
            transcript,
            counters: Counters::default(),
            deliveries: Deliveries::default(),
            broken: None,
            settings,
        };
        if let Some(path) = simulator.settings.journal.clone() {
            let fresh = Header::new(laws, offset_ms);
            let journal = Journal::open(&path, &fresh, |header, entry| {
                simulator.replay(header, entry);
            })
            .map_err(|source| SimulatorError::Journal { path, source })?;
            simulator.journal = Some(journal);
        }
        Ok(simulator)
    }

    /// The world, to be looked at.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What passed so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Virtual time in unix seconds.
    pub fn now(&mut self, wall_ms: i64) -> i64 {
        self.clock.read(wall_ms)
    }

    /// Why nothing is answered any more, if so.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Handles one request. `wall_ms` is real time in unix milliseconds; it may be any clock that the caller likes.
    pub fn receive(&mut self, wall_ms: i64, request: &Request) -> Delivery {
        self.receive_with(wall_ms, request, None)
    }

    /// The same, with a fault that comes before those of the script.
    pub fn receive_with(
        &mut self,
        wall_ms: i64,
        request: &Request,
        fault: Option<Fault>,
    ) -> Delivery {
        if self.broken.is_some() {
            return Delivery {
                answer: Answered::Nothing,
                after_ms: 0,
            };
        }
        self.number += 1;
        let moment = Moment {
            number: self.number,
            unix: self.clock.read(wall_ms),
        };
        let refused;
        let request = match &request.credentials {
            Credentials::Key { kind, digest, .. } if self.settings.accepted.refuses(*digest) => {
                refused = Request {
                    credentials: Credentials::Refused(format!("{}***", kind.prefix())),
                    ..request.clone()
                };
                &refused
            }
            _ => request,
        };
        let mut verdict = match &self.faults {
            Some(script) => script.decide(
                self.settings.seed,
                moment.number,
                request,
                &mut self.faults_seen,
            ),
            None => Verdict::default(),
        };
        verdict.fault = fault.or(verdict.fault);
        for (account, revoked) in &verdict.access {
            let account = account.clone();
            let action = if *revoked {
                Control::Revoke { account }
            } else {
                Control::Restore { account }
            };
            // An account that does not exist stays as unreachable as it was; a journal that fails has set `broken`.
            self.control(moment.unix, action).unwrap_or_default();
        }
        let after_ms = self.settings.latency_ms + verdict.delay_ms;
        let response = self.respond(wall_ms, moment, request, verdict.fault.as_ref(), after_ms);
        self.deliver(wall_ms, moment, request, &verdict, response)
    }

    fn respond(
        &mut self,
        wall_ms: i64,
        moment: Moment,
        request: &Request,
        fault: Option<&Fault>,
        after_ms: u64,
    ) -> Option<Response> {
        match self.gate(wall_ms, request, fault) {
            Gate::Open => {}
            Gate::Silent => return None,
            Gate::Refused(failure) => return Some(self.world.refuse(moment, request, *failure)),
        }
        let holds = if after_ms > 0 || !self.in_flight.is_empty() {
            in_flight::holds(request)
        } else {
            Vec::new()
        };
        for (what, failure) in &holds {
            if self.in_flight.holds(what, wall_ms) {
                return Some(self.world.refuse(moment, request, failure.clone()));
            }
        }
        let handling = match fault {
            Some(Fault::Error {
                status,
                stored: true,
                done,
            }) => Handling::FailStored {
                status: *status,
                effect: *done,
            },
            _ => Handling::Normal,
        };
        let response = self.world.handle(moment, request, handling);
        if response.effect {
            let until = wall_ms.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX));
            for (what, _) in holds {
                self.in_flight.hold(what, wall_ms, until);
            }
            self.write(
                moment.number,
                moment.unix,
                What::Request(Kept::new(request, handling)),
            );
        }
        if let Some(Fault::Error {
            status,
            stored: false,
            done: true,
        }) = fault
        {
            return Some(self.world.refuse(moment, request, Failure::server(*status)));
        }
        Some(response)
    }

    /// What keeps a request from reaching the world.
    fn gate(&mut self, wall_ms: i64, request: &Request, fault: Option<&Fault>) -> Gate {
        let should_retry = self.settings.should_retry_on_429.then_some(true);
        match fault {
            Some(Fault::LostBefore) => return Gate::Silent,
            Some(Fault::Error {
                status,
                stored: false,
                done: false,
            }) => return Gate::refused(Failure::server(*status)),
            Some(Fault::RateLimit(reason)) => {
                let mut failure = Failure::rate_limited("", should_retry);
                failure.rate_limited_reason = *reason;
                return Gate::refused(failure);
            }
            Some(Fault::LockTimeout) => return Gate::refused(Failure::lock_timeout()),
            Some(Fault::Conflict) => {
                let key = request.idempotency_key.as_deref().unwrap_or_default();
                return Gate::refused(Failure::key_in_use(key));
            }
            Some(
                Fault::LostAfter
                | Fault::Half
                | Fault::Delay(_)
                | Fault::Error { .. }
                | Fault::Revoke(_)
                | Fault::Restore(_),
            )
            | None => {}
        }
        let Credentials::Key { kind, .. } = &request.credentials else {
            return Gate::Open;
        };
        let admitted = self.limiter.admit(
            wall_ms,
            kind.livemode(),
            &self.settings.platform_account,
            request.connected_account(),
            endpoint(request),
        );
        match admitted {
            Ok(()) => Gate::Open,
            Err(reason) => Gate::refused(Failure::rate_limited(reason, should_retry)),
        }
    }

    /// Cuts the answer as the fault says, and writes the transcript.
    fn deliver(
        &mut self,
        wall_ms: i64,
        moment: Moment,
        request: &Request,
        verdict: &Verdict,
        response: Option<Response>,
    ) -> Delivery {
        let lost = verdict.fault == Some(Fault::LostAfter);
        let response = response.filter(|_| !lost);
        let sent = response.as_ref();
        let line = Line {
            n: moment.number,
            t: moment.unix,
            method: request.method.name(),
            path: &request.path,
            account: request.connected_account(),
            status: sent.map(|response| response.status),
            request_id: sent.and_then(|response| response.request_id.as_deref()),
            idempotency_key: request.idempotency_key.as_deref(),
            replayed: sent.is_some_and(|response| response.replayed),
            fault: verdict.fault.as_ref().map(Fault::name),
            delay_ms: verdict.delay_ms,
        };
        self.counters
            .count(wall_ms, endpoint(request), line.status, line.replayed);
        if let Err(error) = self.transcript.add(&line) {
            self.broken = Some(format!("transcript: {error}"));
        }
        let answer = match response.filter(|_| self.broken.is_none()) {
            None => Answered::Nothing,
            Some(response) if verdict.fault == Some(Fault::Half) => Answered::Half(response),
            Some(response) => Answered::Whole(response),
        };
        Delivery {
            answer,
            after_ms: self.settings.latency_ms + verdict.delay_ms,
        }
    }
}

fn endpoint(request: &Request) -> &'static str {
    Route::of(request.method, &request.path).map_or("unrecognized", Route::endpoint)
}
