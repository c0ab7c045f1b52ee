//! `purge`: the end of the retention.

use clap::Args;

/// What it does and does not.
const WHAT: &str = "\
What is erased from the state file, from its log and its free pages: contact details and metadata of customers that are not migrated (those of \
migrated ones went as they finished), Stripe's messages, and the masked values of mended lines. What stays: the mapping with its ids, legacy ids among \
them, standings, reasons, request ids, times, who mended which line.

Afterwards export, report, status, explain, verify and undo work as before. run, resume and retry do not: this state file's migration is over, since a \
request that was sent before could not be sent again as it was. Customers that are not migrated by then are given up; --give-up N says so, and N is how \
many they are: `pmclone purge --dry-run` tells.

Other files are not touched: the CSV, mended and refused lines, exports, records, receipts, the rehearsal's world, backups of the state file.";

/// `pmclone purge`.
#[derive(Debug, Args)]
#[command(after_long_help = WHAT)]
pub struct Purge {
    /// Tell what would be erased and who would be given up; erase nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Give up N customers that are not migrated: no run can take them up again.
    #[arg(long, value_name = "N")]
    pub give_up: Option<u64>,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}
