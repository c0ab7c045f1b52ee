//! `run` and `resume`.

use std::path::PathBuf;

use clap::Args;

use super::{Looks, Rehearsal, Stripe, Work};

/// `pmclone run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The legacy customers.
    pub csv: PathBuf,
    /// Check the whole CSV and print every problem and the plan; send nothing, leave nothing behind.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// With --dry-run: ask Stripe too, by reading alone, as `pmclone check` does.
    #[arg(long, requires = "dry_run")]
    pub online: bool,
    /// What to look at.
    #[command(flatten)]
    pub looks: Looks,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// What to work on.
    #[command(flatten)]
    pub work: Work,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}

/// `pmclone resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// Try again what Stripe refused, with new idempotency keys.
    #[arg(long)]
    pub retry_refused: bool,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// What to work on.
    #[command(flatten)]
    pub work: Work,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
