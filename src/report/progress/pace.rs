//! PURE. How fast a run goes, and how long it will still take, over the last seconds.

use std::collections::VecDeque;

/// The speed that is shown: short, so that it follows.
const RATE_WINDOW_MS: u64 = 5000;
/// The speed that the time left is judged by: long, so that it is calm.
const LEFT_WINDOW_MS: u64 = 60_000;
/// Measurements are kept this far apart, so 120 of them cover the long window.
const APART_MS: u64 = 500;
/// Before this much was measured, the plan's estimate is better.
const MEASURED_MS: u64 = 10_000;

const ALL_BILLIONTHS: u64 = 1_000_000_000;

/// What was measured lately, the newest last.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    kept: VecDeque<Sample>,
    newest: Sample,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sample {
    at_ms: u64,
    sent: u64,
    done_billionths: u64,
}

/// How long it will still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Ms(u64),
    /// Nothing moved for a minute, or there is neither an estimate nor a measurement yet.
    Unknown,
}

impl Pace {
    /// Takes in how far it is at `at_ms` after the beginning.
    pub(super) fn note(&mut self, at_ms: u64, sent: u64, done_billionths: u64) {
        if self.kept.is_empty() {
            self.kept.push_back(Sample::default());
        }
        self.newest = Sample {
            at_ms,
            sent,
            done_billionths,
        };
        if self
            .kept
            .back()
            .is_some_and(|last| at_ms.saturating_sub(last.at_ms) >= APART_MS)
        {
            self.kept.push_back(self.newest);
        }
        // The one that lies just outside the window stays: a window is measured from its far end.
        while self
            .kept
            .get(1)
            .is_some_and(|second| at_ms.saturating_sub(second.at_ms) >= LEFT_WINDOW_MS)
        {
            self.kept.pop_front();
        }
    }

    /// Requests sent in the last five seconds, per second, in tenths.
    pub(super) fn tenths_of_requests_per_second(&self) -> u64 {
        let since = self.before(RATE_WINDOW_MS);
        let sent = self.newest.sent.saturating_sub(since.sent);
        sent.saturating_mul(10_000) / self.newest.at_ms.saturating_sub(since.at_ms).max(1)
    }

    /// How long it will still take: by the speed of the last minute, or at first by the plan's estimate (0 is none).
    pub(super) fn left(&self, estimate_ms: u64) -> Left {
        let since = self.before(LEFT_WINDOW_MS);
        let done = self
            .newest
            .done_billionths
            .saturating_sub(since.done_billionths);
        let took_ms = self.newest.at_ms.saturating_sub(since.at_ms);
        let left = ALL_BILLIONTHS.saturating_sub(self.newest.done_billionths);
        if left == 0 {
            return Left::Ms(0);
        }
        if self.newest.at_ms < MEASURED_MS && estimate_ms > 0 {
            return Left::Ms(estimate_ms.saturating_sub(self.newest.at_ms));
        }
        let ms = (u128::from(left) * u128::from(took_ms)).checked_div(u128::from(done));
        match ms.map(u64::try_from) {
            Some(Ok(ms)) if self.newest.at_ms >= APART_MS => Left::Ms(ms),
            Some(Ok(_) | Err(_)) | None => Left::Unknown,
        }
    }

    /// The newest sample that is at least `window_ms` old, else the oldest there is.
    fn before(&self, window_ms: u64) -> Sample {
        let old_enough =
            |sample: &&Sample| self.newest.at_ms.saturating_sub(sample.at_ms) >= window_ms;
        let sample = self
            .kept
            .iter()
            .rev()
            .find(old_enough)
            .or(self.kept.front());
        sample.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run at `sent_per_second` that does `billionths_per_second` of the work, noted ten times a second.
    fn steady(seconds: u64, sent_per_second: u64, billionths_per_second: u64) -> Pace {
        let mut pace = Pace::default();
        for tenth in 0..=seconds * 10 {
            pace.note(
                tenth * 100,
                tenth * sent_per_second / 10,
                tenth * billionths_per_second / 10,
            );
        }
        pace
    }

    #[test]
    fn a_steady_run_is_measured_as_it_is() {
        let pace = steady(100, 60, 1_000_000);
        assert_eq!(pace.tenths_of_requests_per_second(), 600);
        assert_eq!(pace.left(1), Left::Ms(900_000));
    }

    #[test]
    fn the_estimate_counts_for_the_first_ten_seconds() {
        assert_eq!(
            steady(4, 60, 1_000_000).left(3_600_000),
            Left::Ms(3_596_000)
        );
        assert_eq!(steady(10, 60, 1_000_000).left(3_600_000), Left::Ms(990_000));
        assert_eq!(steady(4, 60, 1_000_000).left(0), Left::Ms(996_000));
        assert_eq!(Pace::default().left(0), Left::Unknown);
    }

    #[test]
    fn the_rate_follows_within_five_seconds_and_the_time_left_within_a_minute() {
        let mut pace = steady(100, 60, 1_000_000);
        let (sent, done) = (6000, 100_000_000);
        for tenth in 1..=50 {
            pace.note(100_000 + tenth * 100, sent, done);
        }
        assert_eq!(pace.tenths_of_requests_per_second(), 0);
        assert!(
            matches!(pace.left(1), Left::Ms(ms) if ms > 900_000),
            "{:?}",
            pace.left(1)
        );
        for tenth in 51..=600 {
            pace.note(100_000 + tenth * 100, sent, done);
        }
        assert_eq!(pace.left(1), Left::Unknown);
    }

    #[test]
    fn hours_are_kept_in_little_memory() {
        let pace = steady(10_000, 60, 10_000);
        assert!(pace.kept.len() <= 122, "{}", pace.kept.len());
    }

    #[test]
    fn what_is_done_takes_no_more_time() {
        assert_eq!(steady(100, 60, 10_000_000).left(1), Left::Ms(0));
    }
}
