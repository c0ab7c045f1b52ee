//! PURE. How fast a lane goes once Stripe has refused something in it: it looks for the rate that Stripe grants, and stays
//! under it.
//!
//! ```text
//!            a 429                      passed        the bracket is narrow
//!   Free ───────────▶ lower ──▶ Trial ─────────▶ … ──────────────────────────▶ Rest ──▶ (after thousands) Trial above
//!     ▲                 ▲         │ a 429: lower, between what passed and what did not
//!     └── nothing refused, up to what was asked for                              │ refused: Rest again
//!                                                                                └ passed: up, in doubling steps
//! ```
//!
//! Two facts shape it. Stripe's windows reset after one second, so a refusal says nothing about the rate that follows it within
//! that second: what is sent then is not judged. And an answer takes its time: a refusal of what was sent before the rate was
//! lowered is old news.
//!
//! The rate that Stripe grants is held between two bounds, one that passed and one that did not, and the next trial lies between
//! them: a trial near the truth costs one 429, halving a rate costs half a second's worth of work. `benches/limits` compares this
//! with what is commonly done.

use std::collections::VecDeque;
use std::time::Duration;

/// How finely the granted rate is looked for.
const FINE: f64 = 0.002;

/// What is sent so soon after the rate was lowered is not judged: Stripe's window may be used up.
const GRACE: Duration = Duration::from_secs(1);

/// The stretch over which the granted rate is measured: as long as Stripe's window.
const WINDOW: Duration = Duration::from_secs(1);

/// Requests between two trials above what is known to be refused, so that those who are refused stay below one in a thousand.
const REST: u32 = 3_000;

/// Between two such trials at least.
const REST_AT_LEAST: Duration = Duration::from_secs(20);

/// A good neighbour asks more and more seldom, up to so many times [`REST`].
const REST_TIMES_AT_MOST: u32 = 2;

/// One step up into the unknown is no greater, where a limit is looked for that nobody told (`--rate auto`).
const STEP_UNKNOWN: f64 = 0.05;

/// The lowest rate: one request in five seconds, or nothing would ever be learnt again.
const LOWEST: f64 = 0.2;

/// What a lane was asked to keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// Requests per second to begin with.
    pub start: f64,
    /// Requests per second at most; infinite where the limit is looked for.
    pub most: f64,
    /// The limit is looked for, upward and slowly, since nobody told it.
    pub seeks: bool,
    /// Which part of what Stripe grants is taken once it has refused something: above 0, 1 at most.
    pub share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing refused, as far as is known: the rate asked for.
    Free,
    /// At a rate that may be refused.
    Trial,
    /// At the rate found, or at a share of it.
    Rest,
}

/// A lane's rate, by the answers that came. All times are since any fixed beginning.
#[derive(Debug, Clone)]
pub struct Adaptive {
    manner: Manner,
    rate: f64,
    phase: Phase,
    /// The highest rate that passed.
    under: Option<f64>,
    /// The lowest rate that was refused.
    over: Option<f64>,
    /// The next step up, as a part of the rate.
    step: f64,
    /// The trial is one above what was refused before.
    probing: bool,
    rest_times: u32,
    /// What was sent before is not judged at this rate.
    judged_from: Duration,
    /// Of what is judged, how many passed.
    passed: u32,
    /// When those were sent that passed lately.
    recent: VecDeque<Duration>,
}

impl Adaptive {
    /// At the rate to begin with.
    pub fn new(manner: Manner) -> Self {
        let phase = if manner.seeks {
            Phase::Trial
        } else {
            Phase::Free
        };
        Self {
            manner,
            rate: manner.start.min(manner.most),
            phase,
            under: None,
            over: None,
            step: STEP_UNKNOWN,
            probing: false,
            rest_times: 1,
            judged_from: Duration::ZERO,
            passed: 0,
            recent: VecDeque::new(),
        }
    }

    /// Requests per second that may be sent now.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Requests per second that were asked for; infinite where the limit is looked for.
    pub fn most(&self) -> f64 {
        self.manner.most
    }

    /// The highest rate that passed, once something was refused or looked for.
    pub fn passed_at(&self) -> Option<f64> {
        self.under
    }

    /// True while it goes slower than it was asked to, since Stripe refused something.
    pub fn is_slowed(&self) -> bool {
        self.over.is_some() || (self.phase != Phase::Free && !self.manner.seeks)
    }

    /// What was asked for is another thing now; what is known of Stripe stays known.
    pub fn ask(&mut self, manner: Manner, now: Duration) {
        self.manner = manner;
        if self.rate > manner.most {
            self.set(manner.most, now, Phase::Free);
        } else if self.over.is_none() {
            let (rate, phase) = if manner.seeks {
                (manner.start.max(self.rate), Phase::Trial)
            } else {
                (manner.most, Phase::Free)
            };
            self.set(rate, now, phase);
        }
    }

    /// Something that was sent at `sent` was let through.
    pub fn accepted(&mut self, sent: Duration, now: Duration) {
        self.recent.push_back(sent);
        while self
            .recent
            .front()
            .is_some_and(|first| sent.saturating_sub(*first) > 2 * WINDOW)
        {
            self.recent.pop_front();
        }
        if sent < self.judged_from {
            return;
        }
        self.passed = self.passed.saturating_add(1);
        let enough = match self.phase {
            Phase::Free => return,
            Phase::Trial => self.trial_length(),
            Phase::Rest => f64::from(REST * self.rest_times),
        };
        if f64::from(self.passed) < enough {
            return;
        }
        let lasted = sent.saturating_sub(self.judged_from).as_secs_f64();
        match self.phase {
            Phase::Rest if lasted >= REST_AT_LEAST.as_secs_f64() => self.probe(now),
            // What was not sent at the rate that is tried says nothing of it.
            Phase::Trial if f64::from(self.passed) < 0.95 * self.rate * lasted => {
                self.judge_from(now);
            }
            Phase::Trial => self.pass(now),
            Phase::Free | Phase::Rest => {}
        }
    }

    /// Something that was sent at `sent` was refused for its rate. True where it lowers the rate.
    pub fn refused(&mut self, sent: Duration, now: Duration) -> bool {
        if sent < self.judged_from {
            return false;
        }
        let (tried, phase) = (self.rate, self.phase);
        if self.probing && phase == Phase::Trial {
            // What was known holds.
            if self.manner.share < 1.0 {
                self.rest_times = (self.rest_times * 2).min(REST_TIMES_AT_MOST);
            }
            self.rest(now);
            return true;
        }
        self.over = Some(tried);
        let searching = self
            .under
            .filter(|under| phase == Phase::Trial && *under < tried * (1.0 - FINE / 2.0));
        if let Some(under) = searching {
            if (tried - under) / tried <= FINE {
                self.rest(now);
            } else {
                self.set(f64::midpoint(under, tried), now, Phase::Trial);
            }
            return true;
        }
        self.under = None;
        let slight = f64::from(self.passed) > (3.0 * tried).max(50.0);
        let rate = if slight && self.manner.share >= 1.0 {
            tried * (1.0 - (2.0 / f64::from(self.passed)).clamp(FINE, 0.05))
        } else {
            self.measured(sent).min(tried * self.manner.share.min(0.9))
        };
        self.rest_times = 1;
        self.set(rate, now, Phase::Trial);
        true
    }

    /// What passed in the second before `sent`.
    fn measured(&self, sent: Duration) -> f64 {
        let within = |each: &&Duration| **each <= sent && sent.saturating_sub(**each) < WINDOW;
        let count = self.recent.iter().filter(within).count();
        f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// How many have to pass, so that a rate which is too high by what is at stake would have been refused.
    fn trial_length(&self) -> f64 {
        let at_stake = match (self.under, self.over) {
            (Some(under), Some(over)) if over > under => (over - under) / over,
            (Some(_), Some(_)) => 2.0 * FINE,
            (None, Some(_)) => 1.0,
            (Some(_) | None, None) => self.step,
        };
        let longest = 1.5 / FINE;
        (1.5 / at_stake).clamp(self.rate.min(longest), longest)
    }

    fn pass(&mut self, now: Duration) {
        self.under = Some(self.rate);
        if self.probing || self.over.is_some_and(|over| self.rate >= over) {
            self.over = None;
            self.probing = false;
            self.rest_times = 1;
            self.step = 2.0 * FINE;
        }
        match self.over {
            None if self.rate >= self.manner.most => self.phase = Phase::Free,
            None => self.step_up(now),
            Some(over) if (over - self.rate) / over <= FINE * 1.01 => self.rest(now),
            Some(over) => self.set(f64::midpoint(self.rate, over), now, Phase::Trial),
        }
    }

    fn step_up(&mut self, now: Duration) {
        let rate = self.rate * (1.0 + self.step);
        self.step = (self.step * 2.0).min(if self.manner.seeks { STEP_UNKNOWN } else { 1.0 });
        self.set(rate, now, Phase::Trial);
    }

    fn rest(&mut self, now: Duration) {
        self.probing = false;
        let found = self.under.unwrap_or(self.rate);
        self.set(found * self.manner.share, now, Phase::Rest);
    }

    fn probe(&mut self, now: Duration) {
        self.probing = true;
        let over = self.over.unwrap_or(self.rate);
        self.set(over * (1.0 + FINE), now, Phase::Trial);
    }

    fn set(&mut self, rate: f64, now: Duration, phase: Phase) {
        let rate = rate.clamp(LOWEST.min(self.manner.most), self.manner.most);
        self.judge_from(if rate < self.rate { now + GRACE } else { now });
        self.rate = rate;
        self.phase = phase;
    }

    fn judge_from(&mut self, from: Duration) {
        self.judged_from = from;
        self.passed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn asked(most: f64, share: f64) -> Adaptive {
        Adaptive::new(Manner {
            start: most,
            most,
            seeks: false,
            share,
        })
    }

    /// Sends at its rate before a limiter with windows of a second, each answer after `latency`; what passed and was refused from
    /// `settled` on.
    fn before(
        adaptive: &mut Adaptive,
        granted: impl Fn(u64) -> u32,
        latency: Duration,
        settled: Duration,
        end: Duration,
    ) -> (u32, u32) {
        let mut answers = VecDeque::new();
        let (mut now, mut second, mut count) = (Duration::ZERO, 0, 0);
        let (mut passed, mut refused) = (0, 0);
        while now < end {
            while answers
                .front()
                .is_some_and(|(sent, _)| *sent + latency <= now)
            {
                let Some((sent, through)) = answers.pop_front() else {
                    break;
                };
                if through {
                    adaptive.accepted(sent, sent + latency);
                } else {
                    adaptive.refused(sent, sent + latency);
                }
            }
            if now.as_secs() != second {
                (second, count) = (now.as_secs(), 0);
            }
            let through = count < granted(second);
            count += u32::from(through);
            if now >= settled {
                passed += u32::from(through);
                refused += u32::from(!through);
            }
            answers.push_back((now, through));
            now += Duration::from_secs_f64(1.0 / adaptive.rate());
        }
        (passed, refused)
    }

    #[test]
    fn what_is_granted_is_used_with_hardly_a_refusal_whatever_the_latency() {
        for latency_ms in [0, 150, 1000] {
            for granted in [10, 25, 50, 99] {
                let mut adaptive = asked(100.0, 1.0);
                let (settled, end) = (at(300_000), at(1_200_000));
                let (passed, refused) =
                    before(&mut adaptive, |_| granted, at(latency_ms), settled, end);
                assert!(
                    f64::from(passed) > 0.998 * f64::from(granted) * 900.0,
                    "{granted}: {passed}"
                );
                assert!(
                    refused * 1000 < passed,
                    "{granted} {latency_ms}: {refused} of {passed}"
                );
            }
        }
    }

    #[test]
    fn a_good_neighbour_keeps_to_its_share_of_what_is_left() {
        let mut adaptive = asked(80.0, 0.8);
        let (passed, refused) = before(&mut adaptive, |_| 50, at(150), at(60_000), at(600_000));
        let per_second = f64::from(passed) / 540.0;
        assert!((38.0..43.0).contains(&per_second), "{per_second}");
        assert!(refused * 1000 < passed, "{refused} of {passed}");
        assert!(adaptive.is_slowed());
    }

    #[test]
    fn a_limit_that_is_given_back_is_taken_up_again() {
        let mut adaptive = asked(80.0, 0.8);
        let granted = |second| if second < 300 { 40 } else { 100 };
        before(&mut adaptive, granted, at(150), at(0), at(900_000));
        assert!((adaptive.rate() - 80.0).abs() < 0.01, "{}", adaptive.rate());
        assert!(!adaptive.is_slowed());
    }

    #[test]
    fn an_unknown_limit_is_looked_for_slowly_and_stayed_under() {
        let mut adaptive = Adaptive::new(Manner {
            start: 80.0,
            most: f64::INFINITY,
            seeks: true,
            share: 0.8,
        });
        before(&mut adaptive, |_| 500, at(150), at(0), at(15_000));
        assert!(adaptive.rate() < 170.0, "{}", adaptive.rate());
        before(&mut adaptive, |_| 500, at(150), at(0), at(600_000));
        assert!(
            (395.0..=505.0).contains(&adaptive.rate()),
            "{}",
            adaptive.rate()
        );
    }

    /// So it need not be kept for the next run, where it may be another.
    #[test]
    fn a_limit_that_was_raised_fivefold_is_found_within_two_minutes() {
        for (start, granted) in [(20.0, 125), (80.0, 500)] {
            let mut adaptive = Adaptive::new(Manner {
                start,
                most: f64::INFINITY,
                seeks: true,
                share: 0.8,
            });
            before(&mut adaptive, |_| granted, at(150), at(0), at(120_000));
            let share = f64::from(granted) * 0.8;
            assert!(adaptive.rate() > 0.98 * share, "{}", adaptive.rate());
        }
    }

    #[test]
    fn refusals_of_what_was_sent_before_it_was_slowed_are_old_news() {
        let mut adaptive = asked(100.0, 0.8);
        assert!(adaptive.refused(at(500), at(600)));
        let slowed = adaptive.rate();
        for ms in 501..600 {
            assert!(!adaptive.refused(at(ms), at(ms + 100)));
        }
        assert_eq!(adaptive.rate().to_bits(), slowed.to_bits());
    }

    #[test]
    fn nothing_stops_it_for_good() {
        let mut adaptive = asked(1.0, 0.1);
        for second in 0..1000 {
            adaptive.refused(at(second * 10_000), at(second * 10_000));
        }
        assert!(adaptive.rate() >= LOWEST);
        before(&mut adaptive, |_| 5, at(0), at(0), at(36_000_000));
        assert!((adaptive.rate() - 1.0).abs() < 0.01, "{}", adaptive.rate());
    }
}
