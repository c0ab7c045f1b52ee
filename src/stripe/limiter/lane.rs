//! One rate, one queue.
//!
//! governor's quotas cannot be changed in place, and a governor that is swapped in loses its place in the rhythm: up to one
//! request each time. So each lane's governor keeps a rate of one a second by a clock of its own, and that clock goes as many times
//! faster as the lane goes: a change of rate, the ramp at the beginning and a pause are changes of the clock's speed.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

use super::adapt::{Adaptive, Manner};

/// Stripe's windows reset after one second, so a lane without a rate that was refused rests for as long.
pub(super) const RATE_PAUSE: Duration = Duration::from_secs(1);

/// From a quarter of the rate to all of it, at the beginning of a lane.
const RAMP: Duration = Duration::from_secs(1);
/// Where the ramp begins.
const RAMP_FROM: f64 = 0.25;

/// Whoever waits looks again after so long: the rate may have changed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A governor's clock, at the lane's speed.
#[derive(Debug, Clone, Default)]
struct LaneClock(Arc<AtomicU64>);

impl Clock for LaneClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

type Governor = RateLimiter<NotKeyed, InMemoryState, LaneClock, NoOpMiddleware<Duration>>;

/// What a lane is asked to keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked {
    /// No rate.
    Off,
    /// A rate, and how to go about it when it is refused.
    Rate(Manner),
}

impl Asked {
    /// A fixed most, of which `share` is kept to once Stripe grants less.
    pub(super) fn most(per_second: Option<NonZeroU32>, share: f64) -> Self {
        per_second.map_or(Self::Off, |rate| {
            let rate = f64::from(rate.get());
            Self::Rate(Manner {
                start: rate,
                most: rate,
                seeks: false,
                share,
            })
        })
    }

    /// A rate to begin with, and more as Stripe grants it, up to `most`.
    pub(super) fn seek(per_second: Option<NonZeroU32>, most: f64, share: f64) -> Self {
        per_second.map_or(Self::Off, |rate| {
            Self::Rate(Manner {
                start: f64::from(rate.get()),
                most,
                seeks: true,
                share,
            })
        })
    }
}

/// How a lane stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// Requests per second now.
    pub rate: f64,
    /// Requests per second that it was asked for; infinite where it seeks.
    pub most: f64,
    /// It goes slower, since Stripe refused something.
    pub slowed: bool,
    /// The highest rate that passed, once it was looked for.
    pub passed_at: Option<f64>,
}

#[derive(Debug)]
struct Core {
    clock: LaneClock,
    pacer: Option<(Governor, Adaptive)>,
    /// The clock was set at this time.
    at: Instant,
    paused_until: Option<Instant>,
}

/// One rate, one queue.
#[derive(Debug)]
pub(super) struct Lane {
    /// The turn to ask for a permit.
    turn: tokio::sync::Mutex<()>,
    core: Mutex<Core>,
    begun: Instant,
    waited_us: AtomicU64,
    /// Neither a rate nor a pause: nothing to be asked.
    open: AtomicBool,
}

impl Lane {
    pub fn new(asked: Asked) -> Self {
        let now = Instant::now();
        let clock = LaneClock::default();
        Self {
            turn: tokio::sync::Mutex::new(()),
            core: Mutex::new(Core {
                pacer: pacer(asked, &clock),
                clock,
                at: now,
                paused_until: None,
            }),
            begun: now,
            waited_us: AtomicU64::new(0),
            open: AtomicBool::new(asked == Asked::Off),
        }
    }

    /// Waits for a permit and takes it. Dropping the future gives the turn back and takes none.
    pub async fn permit(&self) {
        if self.open.load(Ordering::Relaxed) {
            return;
        }
        let came = Instant::now();
        let _turn = self.turn.lock().await;
        loop {
            let wait = self.core().take(self.begun, Instant::now());
            match wait {
                None => break,
                Some(wait) => sleep(wait.min(LOOK_AGAIN)).await,
            }
        }
        let waited = u64::try_from(came.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(waited, Ordering::Relaxed);
    }

    /// Something that was sent at `sent` was let through.
    pub fn accepted(&self, sent: Instant) {
        if self.open.load(Ordering::Relaxed) {
            return;
        }
        let (sent, now) = (self.since(sent), self.since(Instant::now()));
        let mut core = self.core();
        core.tick(self.begun, Instant::now());
        if let Some((_, adaptive)) = &mut core.pacer {
            adaptive.accepted(sent, now);
        }
    }

    /// Something that was sent at `sent` was refused for its rate: slower, or a pause where there is no rate to lower. True where
    /// the rate was lowered.
    pub fn refused(&self, sent: Instant) -> bool {
        let (sent, now) = (self.since(sent), self.since(Instant::now()));
        let mut core = self.core();
        core.tick(self.begun, Instant::now());
        if let Some((_, adaptive)) = &mut core.pacer {
            adaptive.refused(sent, now)
        } else {
            let until = Instant::now() + RATE_PAUSE;
            core.paused_until = core.paused_until.max(Some(until));
            self.open.store(false, Ordering::Relaxed);
            false
        }
    }

    /// What is asked for from now on.
    pub fn ask(&self, asked: Asked) {
        let mut core = self.core();
        let now = Instant::now();
        core.tick(self.begun, now);
        self.open.store(asked == Asked::Off, Ordering::Relaxed);
        match (asked, &mut core.pacer) {
            (Asked::Rate(manner), Some((_, adaptive))) => adaptive.ask(manner, now - self.begun),
            (Asked::Off, _) => core.pacer = None,
            (Asked::Rate(_), None) => {
                let clock = core.clock.clone();
                core.pacer = pacer(asked, &clock);
            }
        }
    }

    /// How it stands; `None` without a rate.
    pub fn standing(&self) -> Option<Standing> {
        let core = self.core();
        let (_, adaptive) = core.pacer.as_ref()?;
        Some(Standing {
            rate: adaptive.rate(),
            most: adaptive.most(),
            slowed: adaptive.is_slowed(),
            passed_at: adaptive.passed_at(),
        })
    }

    /// How long attempts have waited here, all together, since this was asked last, in microseconds.
    pub fn take_waited_us(&self) -> u64 {
        self.waited_us.swap(0, Ordering::Relaxed)
    }

    fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.begun)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Takes a permit, or says how long to wait before asking again.
    fn take(&mut self, begun: Instant, now: Instant) -> Option<Duration> {
        self.tick(begun, now);
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        self.paused_until = None;
        let (governor, adaptive) = self.pacer.as_ref()?;
        let not_until = governor.check().err()?;
        let wait = not_until.wait_time_from(self.clock.now());
        let speed = adaptive.rate() * ramp(now - begun);
        // tokio's timer has whole milliseconds and rounds up; a little too early is asked again.
        Some(Duration::from_secs_f64(wait.as_secs_f64() / speed).max(Duration::from_micros(10)))
    }

    /// Sets the clock, which went at one speed since it was set last.
    fn tick(&mut self, begun: Instant, now: Instant) {
        let rate = self.pacer.as_ref().map_or(0.0, |(_, pacer)| pacer.rate());
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        let halfway =
            self.at.saturating_duration_since(begun) + Duration::from_secs_f64(since / 2.0);
        let gone = Duration::from_secs_f64(since * rate * ramp(halfway));
        let gone_ns = u64::try_from(gone.as_nanos()).unwrap_or(u64::MAX);
        self.clock.0.fetch_add(gone_ns, Ordering::Relaxed);
        self.at = now;
    }
}

/// Which part of its rate a lane goes at, so long after its beginning.
fn ramp(since: Duration) -> f64 {
    let part = since.as_secs_f64() / RAMP.as_secs_f64();
    (RAMP_FROM + (1.0 - RAMP_FROM) * part).min(1.0)
}

fn pacer(asked: Asked, clock: &LaneClock) -> Option<(Governor, Adaptive)> {
    let Asked::Rate(manner) = asked else {
        return None;
    };
    let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(burst(manner));
    let governor = Governor::direct_with_clock(quota, clock.clone());
    Some((governor, Adaptive::new(manner)))
}

/// How many permits a lane gives at once after it was idle. governor's default is a whole second's worth: together with those of
/// the second itself that is twice the rate. 2 keep the rate exact up to 100 a second, and 5 beyond (measured).
pub(super) fn burst(manner: Manner) -> NonZeroU32 {
    let burst = if manner.start > 80.0 || manner.most > 80.0 {
        5
    } else {
        2
    };
    NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)
}
