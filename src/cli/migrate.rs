//! `run` and `resume`, and what they work on.

use std::path::PathBuf;

use clap::Args;

use super::{Input, Rehearsal, Stripe};
use crate::ids::AccountId;

/// `pmclone run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The legacy customers.
    pub csv: PathBuf,
    /// Check the whole CSV and print every problem and the plan; send nothing, leave nothing behind.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Write the lines that something stands against to this file, each with its reason, to be mended in a spreadsheet.
    #[arg(long, value_name = "FILE")]
    pub problems: Option<PathBuf>,
    /// How the CSV is to be read.
    #[command(flatten)]
    pub input: Input,
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

/// What to work on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Work")]
pub struct Work {
    /// Stop after so many customers, as for a pilot.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only this connected account; may be given several times.
    #[arg(long = "account", value_name = "acct_…")]
    pub accounts: Vec<AccountId>,
    /// Clone a source that belongs to another platform Customer from there, instead of refusing it.
    #[arg(long)]
    pub adopt_attached: bool,
}
