//! `check`, and `run --dry-run --online`: what Stripe says of a CSV beforehand.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Input, Rehearsal, Stripe};

/// `pmclone check`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "It sends nothing but GETs, and leaves nothing behind. A restricted key that may only read is enough; \
with a live key neither --live nor --confirm is needed. Exit code 0: no blockers. 3: no blockers, but not everything could be read. 4: blockers, or the CSV has errors."
)]
pub struct Check {
    /// The legacy customers.
    pub csv: PathBuf,
    /// How the CSV is to be read.
    #[command(flatten)]
    pub input: Input,
    /// What to look at.
    #[command(flatten)]
    pub looks: Looks,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}

/// What to look at.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Look-ups")]
pub struct Looks {
    /// Which customers' sources are looked up: all, those of a hundred customers of every kind, or none [default: sample].
    #[arg(long, value_name = "all|sample|none")]
    pub sources: Option<Sources>,
    /// Read nothing if it would take more reads than this; Stripe allots 10,000 a month to the smallest platform [default: 5000].
    #[arg(long, value_name = "N")]
    pub max_reads: Option<NonZeroU64>,
}

/// Whose sources are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sources {
    /// Every customer's.
    All,
    /// Those of a few customers of every kind.
    Sample,
    /// Nobody's.
    None,
}
