//! The simulated world and the wire to it: requests that are on the way, each with its own time of arrival, whoever still
//! waits for the answer.
//!
//! ```text
//!   client (one process) ──▶ Wire::send ──▶ fate drawn ──▶ events in the order of their times ──▶ Simulator::receive
//!            ▲                                                        │ outlive the process: a request
//!            └──────────── answer, half of it, or nothing ◀───────────┘ may arrive when its sender is long dead
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fastrand::Rng;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use super::event::{Event, What};
use super::fate::Fate;
use super::mutants::Mutant;
use super::plan::Weather;
use super::trace::Trace;
use crate::simulator::{Answered, Method, Request, Simulator};
use crate::stripe::Lost;
use crate::stripe::answer::{AnswerHeaders, Cause, Effect, WireAnswer};

/// What a sender learns.
pub type Learnt = Result<WireAnswer, Lost>;

/// The world, and what is on its way to it and back.
pub struct Net {
    pub simulator: Simulator,
    pub trace: Trace,
    pub weather: Weather,
    /// What the client lacks, where it shows on the wire.
    pub mutant: Mutant,
    /// How far the machine's wall clock is ahead of its monotonic one.
    pub wall: Arc<AtomicI64>,
    pub figures: Figures,
    rng: Rng,
    events: BinaryHeap<Reverse<Event>>,
    numbered: u64,
    /// Which process runs, or ran last.
    life: u64,
    now: Now,
    /// Senders that will never hear anything, until they give up.
    hanging: Vec<oneshot::Sender<Learnt>>,
    /// Moments until the process is killed.
    boundaries_left: Option<u32>,
    /// The process is dead, though its tasks may not know yet.
    pub dead: bool,
}

/// Counts of a history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub requests: u64,
    pub writes: u64,
    pub late: u64,
    pub after_death: u64,
}

/// True time.
#[derive(Debug, Clone, Copy)]
enum Now {
    /// While a process runs: since its start the runtime's clock tells, plus what the machine slept.
    Running {
        begun_ms: i64,
        begun: Instant,
    },
    Paused(i64),
}
/// A moment at which a process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    BeforeCommit,
    AfterCommit,
    BeforeSend,
    BeforeEffect,
    AfterEffect,
    Answer,
}

const LOST: Lost = Lost {
    cause: Cause::Lost,
    effect: Effect::Possible,
};
pub const TIMED_OUT: Lost = Lost {
    cause: Cause::TimedOut,
    effect: Effect::Possible,
};
const NO_CONNECTION: Lost = Lost {
    cause: Cause::NoConnection,
    effect: Effect::None,
};

impl Net {
    pub fn new(simulator: Simulator, now_ms: i64, rng: Rng, trace: Trace) -> Self {
        Self {
            simulator,
            trace,
            weather: Weather::default(),
            mutant: Mutant::Sound,
            wall: Arc::default(),
            figures: Figures::default(),
            rng,
            events: BinaryHeap::new(),
            numbered: 0,
            life: 0,
            now: Now::Paused(now_ms),
            hanging: Vec::new(),
            boundaries_left: None,
            dead: true,
        }
    }

    pub fn now_ms(&self) -> i64 {
        match self.now {
            Now::Running { begun_ms, begun } => {
                begun_ms + i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX)
            }
            Now::Paused(now_ms) => now_ms,
        }
    }

    /// A process starts, on a fresh runtime.
    pub fn begin(&mut self, boundaries: Option<u32>) {
        self.now = Now::Running {
            begun_ms: self.now_ms(),
            begun: Instant::now(),
        };
        self.boundaries_left = boundaries;
        self.dead = false;
        self.life += 1;
    }

    /// The process has ended; nobody listens any more. What it sent is on its way still. Gives the time at which it would
    /// have begun, had the machine never slept.
    pub fn end(&mut self) -> i64 {
        let begun_ms = match self.now {
            Now::Running { begun_ms, .. } => begun_ms,
            Now::Paused(now_ms) => now_ms,
        };
        self.now = Now::Paused(self.now_ms());
        self.dead = true;
        self.hanging.clear();
        begun_ms
    }

    /// How long the disk takes for a commit.
    pub fn sync_ms(&mut self) -> u64 {
        self.rng.u64(0..=10)
    }

    /// Time passes without any process.
    pub fn pass(&mut self, ms: i64) {
        let until_ms = self.now_ms() + ms;
        self.happen(until_ms);
        self.now = Now::Paused(until_ms);
    }

    /// Time passes until nothing is on its way any more.
    pub fn drain(&mut self) {
        while let Some(Reverse(event)) = self.events.peek() {
            let at_ms = event.at_ms;
            self.happen(at_ms);
        }
    }

    /// The machine sleeps: true time leaps, as its own monotonic clock sees it.
    pub fn leap(&mut self, ms: i64) {
        if let Now::Running { begun_ms, .. } = &mut self.now {
            *begun_ms += ms;
        }
    }

    pub fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let now_ms = self.now_ms();
        self.trace.note(now_ms, what);
    }

    /// True where the process is killed at this moment, or was already.
    pub fn dies_at(&mut self, boundary: Boundary) -> bool {
        if self.dead {
            return true;
        }
        if let Some(left) = &mut self.boundaries_left {
            *left = left.saturating_sub(1);
            self.dead = *left == 0;
        }
        if self.dead {
            self.note(format_args!("killed {boundary:?}"));
        }
        self.dead
    }

    fn schedule(&mut self, at_ms: i64, what: What) {
        self.numbered += 1;
        let number = self.numbered;
        self.events.push(Reverse(Event {
            at_ms,
            number,
            what,
        }));
    }

    /// An account's access changes at a time.
    pub fn schedule_access(&mut self, at_ms: i64, account: &'static str, revoked: bool) {
        self.schedule(at_ms, What::Access { account, revoked });
    }

    /// Stops all faults from now on, and gives all accounts back. What is on its way stays on its way.
    pub fn calm(&mut self, accounts: &[&'static str]) {
        self.weather = Weather::default();
        let now_ms = self.now_ms();
        self.control(now_ms, "/_sim/faults", "");
        self.events
            .retain(|Reverse(event)| !matches!(event.what, What::Access { .. }));
        for account in accounts {
            self.control(now_ms, &format!("/_sim/accounts/{account}/restore"), "");
        }
    }

    /// Asks the simulator itself for something.
    pub fn control(&mut self, at_ms: i64, path: &str, body: &str) {
        let answer = self
            .simulator
            .answer_control(at_ms, Method::Post, path, "", body);
        self.trace.note(at_ms, format_args!("{path} {answer:?}"));
    }

    /// What happens up to a time, each at its own; no further than to the process's death.
    fn happen(&mut self, until_ms: i64) {
        while let Some(Reverse(next)) = self.events.peek() {
            if next.at_ms > until_ms {
                return;
            }
            let arrives = matches!(next.what, What::Arrives { .. });
            let alive = !self.dead;
            if alive && arrives && self.dies_at(Boundary::BeforeEffect) {
                return;
            }
            if let Some(Reverse(event)) = self.events.pop() {
                self.happens(event.at_ms, event.what);
            }
            if alive && self.dead {
                return;
            }
        }
    }

    fn happens(&mut self, at_ms: i64, what: What) {
        match what {
            What::Arrives {
                request,
                teller,
                life,
            } => {
                let posthumous = self.dead || life != self.life;
                self.figures.after_death += u64::from(posthumous);
                let delivery = self.simulator.receive(at_ms, &request);
                self.trace.note(
                    at_ms,
                    format_args!(
                        "{} {} {:?} {:?} {}",
                        request.method.name(),
                        request.path,
                        request.account,
                        request.idempotency_key,
                        status(&delivery.answer)
                    ),
                );
                if !posthumous && self.dies_at(Boundary::AfterEffect) {
                    return;
                }
                if let Some(teller) = teller {
                    let back_ms = self.rng.i64(1..=100);
                    let after_ms = i64::try_from(delivery.after_ms).unwrap_or(0) + back_ms;
                    let learnt = self.learnt(delivery.answer);
                    self.schedule(at_ms + after_ms, What::Tell(teller, Box::new(learnt)));
                }
            }
            What::Tell(teller, learnt) => {
                if !self.dead && !teller.is_closed() && !self.dies_at(Boundary::Answer) {
                    // A sender that has given up meanwhile is past being told.
                    drop(teller.send(*learnt));
                }
            }
            What::Access { account, revoked } => {
                let what = if revoked { "revoke" } else { "restore" };
                self.control(at_ms, &format!("/_sim/accounts/{account}/{what}"), "");
            }
        }
    }

    /// Draws what becomes of a request, and sends it on its way.
    pub fn post(&mut self, mut request: Request) -> oneshot::Receiver<Learnt> {
        self.figures.requests += 1;
        self.figures.writes += u64::from(request.method == Method::Post);
        let key = request.idempotency_key.take();
        request.idempotency_key = self.mutant.key(key, self.figures.requests);
        let (teller, learns) = oneshot::channel();
        let now_ms = self.now_ms();
        let life = self.life;
        let mut there_ms = now_ms + self.rng.i64(1..=100);
        let fate = Fate::drawn(&mut self.rng, self.weather);
        if fate != Fate::Arrives {
            self.note(format_args!("{fate:?} {}", request.path));
        }
        let mut teller = Some(teller);
        match fate {
            Fate::Arrives => {}
            Fate::Slow(ms) => there_ms += ms,
            Fate::NoConnection
            | Fate::Lost { .. }
            | Fate::AnswerLost { .. }
            | Fate::Late { .. } => {
                self.lose(teller.take(), there_ms, fate);
            }
        }
        match fate {
            Fate::NoConnection | Fate::Lost { .. } => return learns,
            Fate::Late { ms, .. } => {
                self.figures.late += 1;
                there_ms += ms;
            }
            Fate::Arrives | Fate::Slow(_) | Fate::AnswerLost { .. } => {}
        }
        let request = Box::new(request);
        self.schedule(
            there_ms,
            What::Arrives {
                request,
                teller,
                life,
            },
        );
        learns
    }

    /// The sender hears of a broken connection, or nothing until it gives up.
    fn lose(&mut self, teller: Option<oneshot::Sender<Learnt>>, there_ms: i64, fate: Fate) {
        let Some(teller) = teller else { return };
        let (lost, hangs) = match fate {
            Fate::NoConnection => (NO_CONNECTION, false),
            Fate::Lost { hangs } | Fate::AnswerLost { hangs } | Fate::Late { hangs, .. } => {
                (LOST, hangs)
            }
            Fate::Arrives | Fate::Slow(_) => return,
        };
        if hangs {
            self.hanging.push(teller);
        } else {
            let at_ms = there_ms + self.rng.i64(1..=100);
            self.schedule(at_ms, What::Tell(teller, Box::new(Err(lost))));
        }
    }

    /// An answer as the real transport would read it.
    fn learnt(&self, answer: Answered) -> Learnt {
        let Answered::Whole(response) = answer else {
            return Err(LOST);
        };
        let headers = response.headers();
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.as_str())
        };
        let mut headers = AnswerHeaders::read(header);
        headers.date = self.mutant.date(headers.date, self.wall_ms());
        Ok(WireAnswer {
            status: response.status,
            headers,
            body: response.body.into_bytes(),
        })
    }

    /// The machine's wall clock, while a process runs.
    fn wall_ms(&self) -> i64 {
        match self.now {
            Now::Running { begun, .. } => {
                let mono_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
                mono_ms + self.wall.load(Ordering::Relaxed)
            }
            Now::Paused(now_ms) => now_ms,
        }
    }

    /// What happened until now, and when the next thing happens.
    pub fn catch_up(&mut self) -> Option<Duration> {
        if self.dead {
            return None;
        }
        let now_ms = self.now_ms();
        self.happen(now_ms);
        let Reverse(next) = self.events.peek()?;
        let left_ms = u64::try_from(next.at_ms - self.now_ms()).unwrap_or(0);
        Some(Duration::from_millis(left_ms))
    }
}
fn status(answer: &Answered) -> u16 {
    match answer {
        Answered::Whole(response) | Answered::Half(response) => response.status,
        Answered::Nothing => 0,
    }
}
