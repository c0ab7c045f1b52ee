//! `run` and `resume`.

use std::path::PathBuf;

use clap::Args;

use super::{Input, Looks, Rehearsal, Steering, Stripe, Work};

/// `pmclone run`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "It moves customers and their saved cards and bank accounts, and nothing else. Subscriptions, invoices, charges and mandates stay where \
they are: as long as both sides bill, people pay twice."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Run {
    /// The legacy customers.
    pub csv: PathBuf,
    /// Check the whole CSV and print every problem and the plan; send nothing, leave nothing behind.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Write the lines that something stands against to this file, each with its reason, to be mended in a spreadsheet.
    #[arg(long, value_name = "FILE")]
    pub problems: Option<PathBuf>,
    /// With a newer CSV on the same state file: send contact details, metadata and defaults that it changed to Customers that exist
    /// already. Without it they are named, and left as they are.
    #[arg(long)]
    pub update_details: bool,
    /// Renew clones whose sources changed since, as `resume --refresh-stale` does.
    #[arg(long)]
    pub refresh_stale: bool,
    /// Write every customer that is new, changed or gone in a newer CSV to this file, with what differs by the names of columns.
    #[arg(long, value_name = "FILE")]
    pub delta: Option<PathBuf>,
    /// How the CSV is to be read.
    #[command(flatten)]
    pub input: Input,
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
    /// When to send.
    #[command(flatten)]
    pub steering: Steering,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}

/// `pmclone resume`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Resume {
    /// Try again what Stripe refused, with new idempotency keys.
    #[arg(long)]
    pub retry_refused: bool,
    /// Renew clones whose sources changed since, as `pmclone listen` heard: a new clone of each is made, attached, and made the default
    /// where the one before is; only then is that detached. Without it they are counted, and left as they are.
    #[arg(long)]
    pub refresh_stale: bool,
    /// Print what would be sent, in calls; send nothing, keep nothing.
    #[arg(short = 'n', long, conflicts_with = "follow")]
    pub dry_run: bool,
    /// When nothing is left to be done, wait for what `pmclone listen` hears, and go on with it, until Ctrl-C. What is in doubt is
    /// looked at again meanwhile.
    #[arg(long, conflicts_with_all = ["limit", "sample", "only"])]
    pub follow: bool,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// What to work on.
    #[command(flatten)]
    pub work: Work,
    /// When to send.
    #[command(flatten)]
    pub steering: Steering,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
