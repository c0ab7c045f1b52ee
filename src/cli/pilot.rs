//! What to confine a run to, and when it stops by itself.

use std::num::{NonZeroU8, NonZeroU64};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::ids::AccountId;

/// What to work on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Work")]
pub struct Work {
    /// Stop after so many customers, as for a pilot.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only so many customers, spread over accounts, countries and numbers of cards; the same N are the same customers again.
    #[arg(long, value_name = "N", conflicts_with_all = ["limit", "only"])]
    pub sample: Option<NonZeroU64>,
    /// Only this connected account; may be given several times.
    #[arg(long = "account", value_name = "acct_…")]
    pub accounts: Vec<AccountId>,
    /// Only the customers of this file: one `legacy_id` a line.
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,
    /// Stop once so many customers were refused, or, from the hundredth on, such a part of them; `off` never stops [default:
    /// when most of the first hundred were refused for one reason].
    #[arg(long, value_name = "N|P%|off")]
    pub stop_after_refusals: Option<StopAfter>,
    /// Begin even where most of the CSV's ids that are looked up first are unknown to this platform, or its accounts give no access.
    #[arg(long)]
    pub accept_unknown_ids: bool,
    /// Clone a source that belongs to another platform Customer from there, instead of refusing it.
    #[arg(long)]
    pub adopt_attached: bool,
    /// Go on although all of this migration was taken back by `pmclone undo`: with what it had not come to.
    #[arg(long)]
    pub after_undo: bool,
}

/// How many refusals are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAfter {
    /// Any number is borne.
    Never,
    /// So many customers.
    Customers(NonZeroU64),
    /// Such a part of those that are finished, 1 to 100.
    Percent(NonZeroU8),
}

impl FromStr for StopAfter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "give a number of customers such as 50, a part such as 10% (1% to 100%), or `off`";
        let parsed = match text.strip_suffix('%') {
            _ if text == "off" => Some(Self::Never),
            None => text.parse().ok().map(Self::Customers),
            Some(percent) => percent
                .parse()
                .ok()
                .filter(|percent: &NonZeroU8| percent.get() <= 100)
                .map(Self::Percent),
        };
        parsed.ok_or(WRONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_limits() {
        let customers = |n| NonZeroU64::new(n).map(StopAfter::Customers);
        let percent = |n| NonZeroU8::new(n).map(StopAfter::Percent);
        let cases = [
            ("off", Some(StopAfter::Never)),
            ("1", customers(1)),
            ("5000", customers(5000)),
            ("1%", percent(1)),
            ("100%", percent(100)),
            ("101%", None),
            ("0", None),
            ("0%", None),
            ("-1", None),
            ("%", None),
            ("half", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        }
    }
}
