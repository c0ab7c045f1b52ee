//! PURE. Decides whether an attempt is followed by another, and when. The caller sleeps.
//!
//! ```text
//!   what failed               waits (full jitter)            until
//!   rate limit, lock (429)    100/500 ms doubling to 8 s     15 minutes of waiting: nothing was executed, waiting is not failing
//!   conflict (409)            100 ms doubling to 8 s         12 attempts
//!   5xx, lost, no connection  500 ms doubling to 8 s         6 attempts
//! ```
//!
//! `Stripe-Should-Retry` is heeded before anything else, with one exception: `false` on an answer by a limiter. Stripe's own
//! SDKs do not retry a plain 429 (it may be what the header tells them), since they serve a caller that waits; 429s are
//! documented as not executed and not stored, so the same key may be sent again at no risk, and to give up would leave behind
//! whoever's turn it was. Nothing is lost by asking later; so `false` there means "not soon": the wait is
//! drawn from the upper half.

use std::time::Duration;

use super::answer::{Advice, Again, Cause, Effect};

/// How patient the client is. All waits are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Ceiling of the first wait.
    pub base_ms: u64,
    /// Ceiling of the first wait where somebody else holds a lock, which mostly is for less than a second.
    pub contended_base_ms: u64,
    /// No ceiling grows above this.
    pub cap_ms: u64,
    /// No wait is shorter, so that a run of small jitter does not hammer.
    pub floor_ms: u64,
    /// Attempts in all, where one may have had effect or could not be made.
    pub attempts: u32,
    /// Attempts in all, where a request with the same key is still running.
    pub conflict_attempts: u32,
    /// Waiting in all, where nothing was executed.
    pub patience_ms: u64,
}

impl Policy {
    /// What is used with Stripe. Its own SDKs begin at 500 ms and cap at 5 s; a migration can wait longer than a checkout.
    pub const STRIPE: Self = Self {
        base_ms: 500,
        contended_base_ms: 100,
        cap_ms: 8_000,
        floor_ms: 20,
        attempts: 6,
        conflict_attempts: 12,
        patience_ms: 15 * 60 * 1000,
    };
}

/// Longest `Retry-After` that is heeded.
const RETRY_AFTER_MAX_MS: u64 = 60_000;

/// A failed attempt, in the terms that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What kind of trouble it is.
    pub pace: Pace,
    /// What Stripe advises.
    pub advice: Advice,
    /// `Retry-After`, if one came.
    pub retry_after_ms: Option<u64>,
}

/// How to go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A limiter said no: be patient.
    Limited,
    /// A lock was not to be had, and nothing was executed: be patient, but ask soon.
    Locked,
    /// The same key is being executed: ask soon, and often.
    Conflict,
    /// Something is wrong: give it a few chances.
    Trouble,
}

/// What has been tried in one call of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Failed attempts by [`Pace::Trouble`].
    troubles: u32,
    /// Failed attempts by [`Pace::Conflict`].
    conflicts: u32,
    /// Failed attempts by [`Pace::Limited`] or [`Pace::Locked`].
    refusals: u32,
    /// Waited because of these last.
    waited_ms: u64,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Wait, then send the same again.
    Retry {
        /// How long to wait.
        after_ms: u64,
    },
    /// Leave it.
    GiveUp(GiveUp),
}

/// Why no further attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// `Stripe-Should-Retry: false`.
    Advised,
    /// All attempts are used up.
    Attempts,
    /// All patience is used up.
    Patience,
}

impl Failure {
    /// The failure that an unsettled attempt is.
    pub fn of(again: &Again, advice: Advice, retry_after_ms: Option<u64>) -> Self {
        let pace = match (again.cause, again.effect) {
            (Cause::RateLimited(_), _) => Pace::Limited,
            (Cause::Locked, _) => Pace::Locked,
            (Cause::Conflict, _) => Pace::Conflict,
            (
                Cause::Server(_)
                | Cause::NotUnderstood(_)
                | Cause::NoConnection
                | Cause::Lost
                | Cause::TimedOut,
                Effect::None | Effect::Possible,
            ) => Pace::Trouble,
        };
        Self {
            pace,
            advice,
            retry_after_ms,
        }
    }
}

/// Decides what follows `failure`, and counts it in `history`. `jitter` is drawn evenly from 0 to 1.
pub fn decide(policy: &Policy, history: &mut History, failure: Failure, jitter: f64) -> Verdict {
    let (tries, base_ms) = history.count(failure.pace, policy);
    if let Some(give_up) = give_up(policy, *history, failure) {
        return Verdict::GiveUp(give_up);
    }
    let ceiling_ms = base_ms
        .saturating_mul(
            1u64.checked_shl(tries.saturating_sub(1))
                .unwrap_or(u64::MAX),
        )
        .min(policy.cap_ms);
    let told_ms = failure.retry_after_ms.unwrap_or(0).min(RETRY_AFTER_MAX_MS);
    let after_ms = wait_ms(ceiling_ms, failure, jitter)
        .max(policy.floor_ms)
        .max(told_ms);
    match failure.pace {
        Pace::Limited | Pace::Locked => {
            history.waited_ms = history.waited_ms.saturating_add(after_ms);
        }
        Pace::Conflict | Pace::Trouble => {}
    }
    Verdict::Retry { after_ms }
}

fn give_up(policy: &Policy, history: History, failure: Failure) -> Option<GiveUp> {
    let advised = failure.advice == Advice::DoNotRetry;
    match failure.pace {
        Pace::Limited | Pace::Locked => {
            (history.waited_ms >= policy.patience_ms).then_some(GiveUp::Patience)
        }
        Pace::Conflict | Pace::Trouble if advised => Some(GiveUp::Advised),
        Pace::Conflict => {
            (history.conflicts >= policy.conflict_attempts).then_some(GiveUp::Attempts)
        }
        Pace::Trouble => (history.troubles >= policy.attempts).then_some(GiveUp::Attempts),
    }
}

impl History {
    /// Counts a failed attempt; returns how many of its kind there were, and the ceiling of their first wait.
    fn count(&mut self, pace: Pace, policy: &Policy) -> (u32, u64) {
        let (counter, base_ms) = match pace {
            Pace::Limited => (&mut self.refusals, policy.base_ms),
            Pace::Locked => (&mut self.refusals, policy.contended_base_ms),
            Pace::Conflict => (&mut self.conflicts, policy.contended_base_ms),
            Pace::Trouble => (&mut self.troubles, policy.base_ms),
        };
        *counter = counter.saturating_add(1);
        (*counter, base_ms)
    }
}

/// Full jitter: a share of the ceiling. After a limiter's "do not retry" it is the upper half of it.
fn wait_ms(ceiling_ms: u64, failure: Failure, jitter: f64) -> u64 {
    let upper_half = match (failure.pace, failure.advice) {
        (Pace::Limited | Pace::Locked, Advice::DoNotRetry) => true,
        (
            Pace::Limited | Pace::Locked | Pace::Conflict | Pace::Trouble,
            Advice::Retry | Advice::DoNotRetry | Advice::Silent,
        ) => false,
    };
    let share = if upper_half {
        f64::midpoint(1.0, jitter)
    } else {
        jitter
    };
    let ceiling = Duration::from_millis(ceiling_ms);
    let wait = Duration::try_from_secs_f64(ceiling.as_secs_f64() * share).unwrap_or(ceiling);
    u64::try_from(wait.as_millis()).unwrap_or(ceiling_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy::STRIPE;

    fn failure(pace: Pace, advice: Advice) -> Failure {
        Failure {
            pace,
            advice,
            retry_after_ms: None,
        }
    }

    /// All waits until the client gives up, and why it does.
    fn course(failure: Failure, jitter: f64) -> (Vec<u64>, GiveUp) {
        let (mut history, mut waits) = (History::default(), Vec::new());
        loop {
            match decide(&POLICY, &mut history, failure, jitter) {
                Verdict::Retry { after_ms } => waits.push(after_ms),
                Verdict::GiveUp(give_up) => return (waits, give_up),
            }
        }
    }

    /// The first waits of a course, in milliseconds.
    type Waits = &'static [u64];

    #[test]
    fn the_table_of_waits() {
        let cases: [(Pace, Advice, f64, Waits, usize, GiveUp); 9] = [
            (
                Pace::Trouble,
                Advice::Silent,
                1.0,
                &[500, 1000, 2000, 4000, 8000],
                5,
                GiveUp::Attempts,
            ),
            (
                Pace::Trouble,
                Advice::Retry,
                0.5,
                &[250, 500, 1000, 2000, 4000],
                5,
                GiveUp::Attempts,
            ),
            (
                Pace::Trouble,
                Advice::Silent,
                0.0,
                &[20, 20, 20, 20, 20],
                5,
                GiveUp::Attempts,
            ),
            (
                Pace::Trouble,
                Advice::DoNotRetry,
                1.0,
                &[],
                0,
                GiveUp::Advised,
            ),
            (
                Pace::Conflict,
                Advice::Silent,
                1.0,
                &[100, 200, 400, 800, 1600, 3200, 6400, 8000],
                11,
                GiveUp::Attempts,
            ),
            (
                Pace::Conflict,
                Advice::DoNotRetry,
                1.0,
                &[],
                0,
                GiveUp::Advised,
            ),
            (
                Pace::Limited,
                Advice::Silent,
                1.0,
                &[500, 1000, 2000, 4000, 8000, 8000],
                116,
                GiveUp::Patience,
            ),
            (
                Pace::Limited,
                Advice::DoNotRetry,
                0.0,
                &[250, 500, 1000, 2000, 4000, 4000],
                229,
                GiveUp::Patience,
            ),
            (
                Pace::Locked,
                Advice::Silent,
                1.0,
                &[100, 200, 400, 800, 1600, 3200, 6400, 8000],
                118,
                GiveUp::Patience,
            ),
        ];
        for (pace, advice, jitter, first, count, why) in cases {
            let (waits, give_up) = course(failure(pace, advice), jitter);
            assert_eq!(&waits[..first.len()], first, "{pace:?} {advice:?} {jitter}");
            assert_eq!(
                (waits.len(), give_up),
                (count, why),
                "{pace:?} {advice:?} {jitter}"
            );
        }
    }

    #[test]
    fn a_retry_after_is_heeded_up_to_a_minute() {
        for (told_ms, waited_ms) in [(3_000, 3_000), (10, 500), (86_400_000, 60_000)] {
            let failure = Failure {
                retry_after_ms: Some(told_ms),
                ..failure(Pace::Limited, Advice::Silent)
            };
            let verdict = decide(&POLICY, &mut History::default(), failure, 1.0);
            assert_eq!(
                verdict,
                Verdict::Retry {
                    after_ms: waited_ms
                }
            );
        }
    }

    #[test]
    fn waiting_for_a_limiter_uses_up_no_attempt() {
        let mut history = History::default();
        for _ in 0..50 {
            let limited = failure(Pace::Limited, Advice::Silent);
            let verdict = decide(&POLICY, &mut history, limited, 0.5);
            assert!(matches!(verdict, Verdict::Retry { .. }));
        }
        for _ in 1..POLICY.attempts {
            let trouble = failure(Pace::Trouble, Advice::Silent);
            let verdict = decide(&POLICY, &mut history, trouble, 0.5);
            assert!(matches!(verdict, Verdict::Retry { .. }));
        }
        let trouble = failure(Pace::Trouble, Advice::Silent);
        let verdict = decide(&POLICY, &mut history, trouble, 0.5);
        assert_eq!(verdict, Verdict::GiveUp(GiveUp::Attempts));
    }

    /// Every combination ends, whatever the jitter, and no wait is above the cap.
    #[test]
    fn every_course_ends() {
        for pace in [Pace::Limited, Pace::Locked, Pace::Conflict, Pace::Trouble] {
            for advice in [Advice::Retry, Advice::DoNotRetry, Advice::Silent] {
                for jitter in [0.0, 0.001, 0.3, 1.0, f64::NAN, 7.0] {
                    let (waits, _) = course(failure(pace, advice), jitter);
                    assert!(
                        waits.iter().all(|ms| (20..=56_000).contains(ms)),
                        "{pace:?} {jitter}"
                    );
                }
            }
        }
    }
}
