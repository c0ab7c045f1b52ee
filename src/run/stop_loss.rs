//! PURE. When a run has gone so wrong that going on would only make more of it.
//!
//! Hazard: one wrong column refuses every customer, each after a Customer was made for it on the platform. A run that is
//! left alone for the night should not find that out a hundred thousand times.

use std::collections::HashMap;

use crate::state::Standing;

/// Customers that the default judges a run by, and before which no part of them is told from chance.
pub const JUDGED: u64 = 100;

/// How many refusals are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bound {
    /// Any number is borne.
    Never,
    /// Most of the first [`JUDGED`], for one reason.
    #[default]
    MostForOneReason,
    /// So many customers.
    Customers(u64),
    /// Such a part of those that are finished, in percent, once they are [`JUDGED`].
    Percent(u64),
}

/// Counts the customers that this run finished.
#[derive(Debug, Default)]
pub struct StopLoss {
    bound: Bound,
    finished: u64,
    refused: u64,
    by_reason: HashMap<String, u64>,
    loss: Option<Loss>,
}

/// What was too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Customers that this run had finished by then.
    pub finished: u64,
    /// Those of them with a refusal.
    pub refused: u64,
    /// The reason of most of them.
    pub reason: String,
    /// How many it was of.
    pub of_reason: u64,
}

impl StopLoss {
    /// That nothing is finished yet.
    pub fn new(bound: Bound) -> Self {
        Self {
            bound,
            ..Self::default()
        }
    }

    /// A customer that this run worked on is finished. `reason` is why it was refused, if it was.
    pub fn note(&mut self, standing: Standing, reason: Option<&str>) {
        if self.loss.is_some() {
            return;
        }
        self.finished += 1;
        if standing == Standing::Refused {
            self.refused += 1;
            let reason = reason.unwrap_or("unnamed_error");
            match self.by_reason.get_mut(reason) {
                Some(count) => *count += 1,
                None => {
                    self.by_reason.insert(reason.to_owned(), 1);
                }
            }
        }
        if self.is_too_much() {
            self.loss = self.worst();
        }
    }

    /// What was too much, once it was.
    pub fn loss(&self) -> Option<&Loss> {
        self.loss.as_ref()
    }

    fn is_too_much(&self) -> bool {
        match self.bound {
            Bound::Never => false,
            Bound::MostForOneReason => {
                let most = self.by_reason.values().copied().max().unwrap_or(0);
                self.finished <= JUDGED && most * 2 > JUDGED
            }
            Bound::Customers(most) => self.refused >= most,
            Bound::Percent(percent) => {
                self.finished >= JUDGED
                    && self.refused.saturating_mul(100) >= percent.saturating_mul(self.finished)
            }
        }
    }

    fn worst(&self) -> Option<Loss> {
        // Of equal ones, the first by name, so that the same run tells the same.
        let mut reasons: Vec<_> = self.by_reason.iter().collect();
        reasons.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        let (reason, of_reason) = reasons.first()?;
        Some(Loss {
            finished: self.finished,
            refused: self.refused,
            reason: (*reason).clone(),
            of_reason: **of_reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many customers it stops, where each is refused for what is given, or not at all.
    fn stops_after(bound: Bound, customers: &[Option<&str>]) -> Option<u64> {
        let mut stop_loss = StopLoss::new(bound);
        for reason in customers {
            let standing = if reason.is_some() {
                Standing::Refused
            } else {
                Standing::Migrated
            };
            stop_loss.note(standing, *reason);
        }
        stop_loss.loss().map(|loss| loss.finished)
    }

    fn pattern(
        count: usize,
        of: impl Fn(usize) -> Option<&'static str>,
    ) -> Vec<Option<&'static str>> {
        (0..count).map(of).collect()
    }

    #[test]
    fn by_default_it_stops_as_soon_as_most_of_the_first_hundred_must_have_failed_for_one_reason() {
        let bound = Bound::default();
        let all = pattern(100, |_| Some("resource_missing"));
        assert_eq!(stops_after(bound, &all), Some(51));
        let two_reasons = pattern(1000, |n| Some(if n % 2 == 0 { "a" } else { "b" }));
        assert_eq!(stops_after(bound, &two_reasons), None);
        let half = pattern(1000, |n| (n % 2 == 0).then_some("a"));
        assert_eq!(stops_after(bound, &half), None);
        let late = pattern(1000, |n| (n >= 50).then_some("a"));
        assert_eq!(stops_after(bound, &late), None);
        let just = pattern(100, |n| (n >= 49).then_some("a"));
        assert_eq!(stops_after(bound, &just), Some(100));
    }

    #[test]
    fn a_number_counts_customers_and_a_part_waits_for_the_hundredth() {
        let all = pattern(200, |_| Some("a"));
        assert_eq!(stops_after(Bound::Customers(3), &all), Some(3));
        assert_eq!(stops_after(Bound::Percent(100), &all), Some(100));
        assert_eq!(stops_after(Bound::Never, &all), None);
        let tenth = pattern(1000, |n| (n % 10 == 0).then_some("a"));
        assert_eq!(stops_after(Bound::Percent(10), &tenth), Some(100));
        assert_eq!(stops_after(Bound::Percent(11), &tenth), None);
        let later = pattern(1000, |n| (n >= 500).then_some("a"));
        assert_eq!(stops_after(Bound::Percent(50), &later), Some(1000));
    }

    #[test]
    fn the_reason_of_most_is_told() {
        let mut stop_loss = StopLoss::new(Bound::Customers(4));
        for reason in ["b", "a", "b", "a"] {
            stop_loss.note(Standing::Refused, Some(reason));
        }
        let loss = stop_loss.loss().unwrap();
        assert_eq!(
            (loss.reason.as_str(), loss.of_reason, loss.refused),
            ("a", 2, 4)
        );
    }
}
