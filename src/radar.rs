//! PURE. The wrong-account radar: what a few look-ups tell of whether a CSV belongs to this platform and this mode.
//!
//! Hazard: with the key of another account every customer would be made there, on somebody else's platform, before the first
//! clone is refused. A look-up that failed says nothing, neither way.

/// Sources, or platform Customers, that are looked up before the first write.
pub const FIRST: usize = 5;
/// How many there are in all, where most of the first are unknown: a CSV may have a bad stretch.
pub const FURTHER: usize = 25;
/// Connected accounts that are looked up.
pub const ACCOUNTS: usize = 5;

/// What one look-up told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is there.
    Known,
    /// There is no such thing on this platform, or the account gives it no access.
    Unknown,
    /// It is there in the other mode.
    OtherMode,
    /// The look-up was refused, or got no answer.
    Untold,
}

/// Looked up, and not found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Look-ups that told something.
    pub told: u64,
    /// Those that found nothing in this mode, the next among them.
    pub unknown: u64,
    /// Those that found it in the other mode.
    pub other_mode: u64,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it.
    Go,
    /// Most of the first are unknown: more are looked up before anything is said.
    LookFurther,
    /// Most of what the CSV names is in the other mode.
    OtherMode(Tally),
    /// Most of what the CSV names is unknown here.
    Unknown(Tally),
    /// Most of the connected accounts give no access.
    NoAccess(Tally),
}

impl Tally {
    fn of(signs: &[Sign]) -> Self {
        let count = |is: fn(&Sign) -> bool| {
            u64::try_from(signs.iter().filter(|sign| is(sign)).count()).unwrap_or(u64::MAX)
        };
        Self {
            told: count(|sign| *sign != Sign::Untold),
            unknown: count(|sign| matches!(sign, Sign::Unknown | Sign::OtherMode)),
            other_mode: count(|sign| *sign == Sign::OtherMode),
        }
    }

    fn is_most(self) -> bool {
        self.unknown * 2 > self.told
    }
}

/// Judges what was looked up on the platform, and the connected accounts. `more`: there is more that could be looked up.
pub fn judge(on_platform: &[Sign], accounts: &[Sign], more: bool) -> Verdict {
    let (tally, reached) = (Tally::of(on_platform), Tally::of(accounts));
    if tally.is_most() && more {
        return Verdict::LookFurther;
    }
    if tally.is_most() {
        // Ids of the other mode are there for certain; the rest may be theirs too, where it is not by far the most.
        return if tally.other_mode > 0 && tally.other_mode * 2 >= tally.unknown {
            Verdict::OtherMode(tally)
        } else {
            Verdict::Unknown(tally)
        };
    }
    // One account that cut the platform off is parked; several at once were never its own.
    if reached.told > 1 && reached.is_most() {
        return Verdict::NoAccess(reached);
    }
    Verdict::Go
}

#[cfg(test)]
mod tests {
    use super::Sign::{Known, OtherMode, Unknown, Untold};
    use super::*;

    #[test]
    fn the_table_of_verdicts() {
        let tally = |told, unknown, other_mode| Tally {
            told,
            unknown,
            other_mode,
        };
        let stop = |told, unknown| Verdict::Unknown(tally(told, unknown, 0));
        let cases: &[(&[Sign], &[Sign], bool, Verdict)] = &[
            (&[], &[], true, Verdict::Go),
            (&[Known; 5], &[Known], true, Verdict::Go),
            (&[Known, Unknown], &[], false, Verdict::Go),
            (
                &[Known, Known, Unknown, Unknown, Known],
                &[],
                true,
                Verdict::Go,
            ),
            (
                &[Unknown, Unknown, Unknown, Known, Known],
                &[],
                true,
                Verdict::LookFurther,
            ),
            (
                &[Unknown, Unknown, Unknown, Known, Known],
                &[],
                false,
                stop(5, 3),
            ),
            (&[Unknown], &[], false, stop(1, 1)),
            // What told nothing counts neither way.
            (
                &[Untold, Untold, Untold],
                &[Untold, Untold],
                false,
                Verdict::Go,
            ),
            (&[Untold, Untold, Unknown], &[], false, stop(1, 1)),
            (
                &[OtherMode, Unknown, Known],
                &[],
                false,
                Verdict::OtherMode(tally(3, 2, 1)),
            ),
            (&[OtherMode, Known, Known], &[], false, Verdict::Go),
            (
                &[OtherMode, Unknown, Unknown, Unknown],
                &[],
                false,
                Verdict::Unknown(tally(4, 4, 1)),
            ),
            // Accounts: one alone is parked, as ever.
            (&[Known], &[Unknown], false, Verdict::Go),
            (
                &[Known],
                &[Unknown, Unknown],
                false,
                Verdict::NoAccess(tally(2, 2, 0)),
            ),
            (&[Known], &[Unknown, Known], false, Verdict::Go),
            (
                &[],
                &[Unknown, Unknown, Known],
                false,
                Verdict::NoAccess(tally(3, 2, 0)),
            ),
        ];
        for (on_platform, accounts, more, verdict) in cases {
            assert_eq!(
                judge(on_platform, accounts, *more),
                *verdict,
                "{on_platform:?} {accounts:?}"
            );
        }
    }
}
