//! What time it is at Stripe, between two bounds.
//!
//! Hazard: a key that is thought younger than it is makes a second of something. So an intent is stamped with the *earliest*
//! time that it can be at Stripe, and aged by the *latest*. Both rest on the `Date` of Stripe's answers:
//!
//! ```text
//!    request sent        Stripe writes Date       answer here                     now
//!         │                     │                     │                            │
//!         │                     │                     ├──── monotonic elapsed ─────┤   earliest = Date + this
//!         ├──────────────── max(monotonic, wall clock) elapsed ────────────────────┤   latest   = Date + 1 s + this
//! ```
//!
//! The monotonic clock stands still while a laptop sleeps, so it never counts too much; the wall clock counts the sleep, and
//! when it is set back the monotonic one takes its place. A sleep *and* a clock set back within it are seen by neither: then
//! the next answer tells, and the hour that [`crate::time::RESEND_WINDOW_SECONDS`] leaves is all there is until then.
//!
//! Where an answer contradicts the bounds, one of them is wrong, and each side takes the careful value: `earliest` the lower,
//! `latest` the higher. So a single wrong `Date` makes keys look too old for one answer, never too young; and when Stripe's
//! time really leaps (a resumed virtual machine, a simulator's clock), the second answer that says so is believed. Only answers
//! with a `Request-Id` count, since a proxy's page has a `Date` of its own. That Stripe's servers agree on the time within
//! minutes is an assumption.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::StripeTime;

/// One look at this machine's two clocks, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Since some instant of this process; never goes back.
    pub mono_ms: i64,
    /// Since 1970; can be set.
    pub wall_ms: i64,
}

/// A `Date`, and the look at the clocks that it is counted on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anchor {
    at_stripe_ms: i64,
    look: Look,
}

/// Pure core of [`Clock`]: the bounds of Stripe's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    earliest: Anchor,
    latest: Anchor,
}

/// `Date` counts whole seconds, rounded down.
const DATE_RESOLUTION_MS: i64 = 1000;

impl Anchor {
    fn earliest_ms(self, now: Look) -> i64 {
        self.at_stripe_ms
            .saturating_add(now.mono_ms.saturating_sub(self.look.mono_ms).max(0))
    }

    fn latest_ms(self, now: Look) -> i64 {
        let wall_ms = now.wall_ms.saturating_sub(self.look.wall_ms);
        let mono_ms = now.mono_ms.saturating_sub(self.look.mono_ms);
        self.at_stripe_ms
            .saturating_add(wall_ms.max(mono_ms).max(0))
    }
}

impl Bounds {
    /// The bounds after the first answer.
    pub fn first(date: StripeTime, sent: Look, received: Look) -> Self {
        let date_ms = date.0.saturating_mul(1000);
        Self {
            earliest: Anchor {
                at_stripe_ms: date_ms,
                look: received,
            },
            latest: Anchor {
                at_stripe_ms: date_ms.saturating_add(DATE_RESOLUTION_MS),
                look: sent,
            },
        }
    }

    /// The bounds after one more answer.
    #[must_use]
    pub fn observe(self, date: StripeTime, sent: Look, received: Look) -> Self {
        let new = Self::first(date, sent, received);
        let (old_earliest, new_earliest) = (
            self.earliest.earliest_ms(received),
            new.earliest.earliest_ms(received),
        );
        let (old_latest, new_latest) = (
            self.latest.latest_ms(received),
            new.latest.latest_ms(received),
        );
        if new_earliest > old_latest {
            // Ahead of all that was thought possible: aged by it at once, stamped by it when the next answer agrees.
            return Self {
                earliest: self.earliest,
                latest: new.latest,
            };
        }
        if new_latest < old_earliest {
            // Behind all that was thought possible: stamped by it at once, and never aged by it.
            return Self {
                earliest: new.earliest,
                latest: self.latest,
            };
        }
        Self {
            earliest: if new_earliest > old_earliest {
                new.earliest
            } else {
                self.earliest
            },
            latest: if new_latest < old_latest {
                new.latest
            } else {
                self.latest
            },
        }
    }

    /// The earliest that it can be at Stripe: what intents are stamped with.
    pub fn earliest(&self, now: Look) -> StripeTime {
        StripeTime(self.earliest.earliest_ms(now).div_euclid(1000))
    }

    /// The latest that it can be at Stripe: what intents are aged by.
    pub fn latest(&self, now: Look) -> StripeTime {
        // Rounded up, and never before `earliest`.
        let latest_ms = self
            .latest
            .latest_ms(now)
            .max(self.earliest.earliest_ms(now));
        StripeTime(latest_ms.saturating_add(999).div_euclid(1000))
    }
}

/// How far ahead of the latest possible time an intent may be stamped and still be believed, in seconds. An intent that
/// is stamped honestly is never ahead at all.
const FUTURE_TOLERANCE_SECONDS: i64 = 300;

/// Where this machine's wall clock is read.
#[derive(Debug)]
enum Wall {
    Machine,
    /// How far a simulated machine's wall clock is ahead of its monotonic one, in milliseconds, and since when the latter runs.
    #[cfg(test)]
    Simulated(std::sync::Arc<std::sync::atomic::AtomicI64>, Instant),
}

impl Wall {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where this machine's wall clock is read"
    )]
    fn read_ms(&self) -> i64 {
        match self {
            Self::Machine => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                i64::try_from(since.map_or(0, |since| since.as_millis())).unwrap_or(i64::MAX)
            }
            #[cfg(test)]
            Self::Simulated(ahead_ms, since) => {
                let mono_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
                mono_ms + ahead_ms.load(std::sync::atomic::Ordering::Relaxed)
            }
        }
    }
}

/// Stripe's clock as seen from here. Without any answer yet, it cannot tell.
#[derive(Debug)]
pub struct Clock {
    wall: Wall,
    origin: Instant,
    bounds: Mutex<Option<Bounds>>,
}

impl Clock {
    /// A clock that has seen no answer yet.
    pub(super) fn new() -> Self {
        Self::by(Wall::Machine)
    }

    /// The same on a simulated machine.
    #[cfg(test)]
    pub(super) fn simulated(ahead_ms: std::sync::Arc<std::sync::atomic::AtomicI64>) -> Self {
        Self::by(Wall::Simulated(ahead_ms, Instant::now()))
    }

    fn by(wall: Wall) -> Self {
        Self {
            wall,
            origin: Instant::now(),
            bounds: Mutex::new(None),
        }
    }

    /// The earliest that it can be at Stripe now: what an intent is stamped with. `None` until an answer has come.
    pub fn earliest_now(&self) -> Option<StripeTime> {
        let now = self.look();
        self.bounds().map(|bounds| bounds.earliest(now))
    }

    /// The latest that it can be at Stripe now: what an intent is aged by. `None` until an answer has come.
    pub fn latest_now(&self) -> Option<StripeTime> {
        let now = self.look();
        self.bounds().map(|bounds| bounds.latest(now))
    }

    /// True while a request with this intent may be sent again under its key; never before an answer has come, and not if
    /// the intent seems to be of the future, since then one of the clocks was wrong and the key's age is unknown.
    pub fn may_resend(&self, started_at: StripeTime) -> bool {
        self.latest_now().is_some_and(|latest| {
            let ahead = started_at.0.saturating_sub(latest.0);
            ahead <= FUTURE_TOLERANCE_SECONDS && started_at.may_resend(latest)
        })
    }

    /// True while a request may be sent whose intent was committed last at `sent_at`; the same care as [`Clock::may_resend`].
    pub fn may_send(&self, sent_at: StripeTime) -> bool {
        self.latest_now().is_some_and(|latest| {
            let ahead = sent_at.0.saturating_sub(latest.0);
            ahead <= FUTURE_TOLERANCE_SECONDS && sent_at.may_send(latest)
        })
    }

    /// How many seconds this machine's wall clock is ahead of Stripe's, for a warning; ages do not depend on it.
    pub fn wall_ahead_seconds(&self) -> Option<i64> {
        let now = self.look();
        let stripe = self.bounds()?.latest(now);
        Some(now.wall_ms.div_euclid(1000).saturating_sub(stripe.0))
    }

    /// Takes the `Date` of an answer to a request that was sent at `sent`.
    pub(super) fn observe(&self, date: StripeTime, sent: Look) {
        let received = self.look();
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        *bounds = Some(match *bounds {
            None => Bounds::first(date, sent, received),
            Some(bounds) => bounds.observe(date, sent, received),
        });
    }

    fn bounds(&self) -> Option<Bounds> {
        *self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at both clocks. The monotonic one is tokio's, so that a simulation under a paused clock has a single time.
    pub(super) fn look(&self) -> Look {
        let mono_ms = self.origin.elapsed().as_millis();
        Look {
            mono_ms: i64::try_from(mono_ms).unwrap_or(i64::MAX),
            wall_ms: self.wall.read_ms(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// Both clocks of a machine that ran for `awake_ms`, slept for `asleep_ms`, and whose clock was then set by `set_ms`.
    fn look(awake_ms: i64, asleep_ms: i64, set_ms: i64) -> Look {
        Look {
            mono_ms: awake_ms,
            wall_ms: 1_000_000_000 + awake_ms + asleep_ms + set_ms,
        }
    }

    /// After an answer with `Date` 1000 s, sent at 0 and received 200 ms later.
    fn bounds() -> Bounds {
        Bounds::first(StripeTime(1000), look(0, 0, 0), look(200, 0, 0))
    }

    fn span(bounds: Bounds, now: Look) -> (i64, i64) {
        (bounds.earliest(now).0, bounds.latest(now).0)
    }

    #[test]
    fn the_table_of_what_can_happen_between_two_answers() {
        let cases = [
            ("nothing", look(200, 0, 0), (1000, 1002)),
            ("a minute", look(60_200, 0, 0), (1060, 1062)),
            (
                "a minute, and a day asleep",
                look(60_200, 24 * HOUR_MS, 0),
                (1060, 1062 + 86_400),
            ),
            (
                "a minute, clock set back a day",
                look(60_200, 0, -24 * HOUR_MS),
                (1060, 1062),
            ),
            (
                "a minute, clock set forward a day",
                look(60_200, 0, 24 * HOUR_MS),
                (1060, 1062 + 86_400),
            ),
            (
                "a day asleep, clock set back an hour",
                look(200, 24 * HOUR_MS, -HOUR_MS),
                (1000, 1002 + 23 * 3600),
            ),
        ];
        for (what, now, expected) in cases {
            assert_eq!(span(bounds(), now), expected, "{what}");
        }
    }

    #[test]
    fn an_honest_answer_narrows_the_bounds_and_never_widens_them() {
        let now = look(60_200, 0, 0);
        // Received out of order, or truncated: it is older than what is known already.
        let late = bounds().observe(StripeTime(1000), look(0, 0, 0), now);
        assert_eq!(span(late, now), (1060, 1062));
        // Stripe took its time: the Date is of somewhere within.
        let slow = bounds().observe(StripeTime(1061), look(200, 0, 0), now);
        assert_eq!(span(slow, now), (1061, 1062));
    }

    #[test]
    fn a_clock_set_forward_is_forgiven_by_the_next_answer() {
        let (sent, now) = (look(60_000, 0, 24 * HOUR_MS), look(60_200, 0, 24 * HOUR_MS));
        let after = bounds().observe(StripeTime(1060), sent, now);
        assert_eq!(span(after, now), (1060, 1062));
    }

    /// The answer lay in the socket while the machine slept: its Date says nothing about how long.
    #[test]
    fn an_answer_from_before_a_sleep_does_not_make_keys_look_young() {
        let (sent, now) = (look(60_000, 0, 0), look(60_300, 25 * HOUR_MS, 0));
        let after = bounds().observe(StripeTime(1060), sent, now);
        assert_eq!(span(after, now), (1060, 1062 + 25 * 3600));
    }

    #[test]
    fn a_single_wrong_date_makes_keys_look_old_and_never_young() {
        let now = look(60_200, 0, 0);
        for wrong in [1060 + 30 * 3600, 1060 - 30 * 3600, 0] {
            let (earliest, latest) = span(bounds().observe(StripeTime(wrong), now, now), now);
            assert!(
                earliest <= 1060 && 1060 <= latest,
                "{wrong}: {earliest} to {latest}"
            );
            // The next right answer heals it.
            let healed =
                bounds()
                    .observe(StripeTime(wrong), now, now)
                    .observe(StripeTime(1060), now, now);
            assert_eq!(span(healed, now), (1060, 1061), "{wrong}");
        }
    }

    #[test]
    fn a_leap_of_stripes_time_is_believed_when_a_second_answer_agrees() {
        let now = look(60_200, 0, 0);
        for leap in [25 * 3600, -25 * 3600] {
            let date = StripeTime(1060 + leap);
            let twice = bounds().observe(date, now, now).observe(date, now, now);
            assert_eq!(span(twice, now), (date.0, date.0 + 1), "{leap}");
        }
    }

    #[test]
    fn a_machine_whose_clocks_run_slow_or_fast_stays_within_seconds() {
        for (per_mille, tolerance) in [(900, 3), (999, 3), (1001, 3), (1100, 3)] {
            let mut bounds = bounds();
            for second in 1..100_000 {
                let now = look(200 + second * per_mille, 0, 0);
                bounds = bounds.observe(StripeTime(1000 + second), now, now);
                let (earliest, latest) = span(bounds, now);
                assert!(
                    (earliest - 1000 - second).abs() <= tolerance
                        && (latest - 1000 - second).abs() <= tolerance,
                    "{per_mille}: {second} {earliest} {latest}"
                );
            }
        }
    }

    #[test]
    fn without_an_answer_nothing_may_be_sent_and_with_one_an_intent_of_the_future_may_not() {
        let clock = Clock::new();
        assert!(clock.earliest_now().is_none() && !clock.may_resend(StripeTime(1000)));
        clock.observe(StripeTime(100_000), clock.look());
        assert_eq!(clock.earliest_now(), Some(StripeTime(100_000)));
        assert!(clock.may_resend(StripeTime(100_000)));
        assert!(clock.may_resend(StripeTime(100_000 - 22 * 3600)));
        assert!(!clock.may_resend(StripeTime(100_000 - 23 * 3600)));
        assert!(!clock.may_resend(StripeTime(100_000 + 3600)));
    }
}
