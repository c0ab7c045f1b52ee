//! `explain`, `refused` and `retry`: what became of one customer, and what to do about those that were refused.

use std::path::PathBuf;

use clap::Args;

use super::{Input, Rehearsal, Steering, Stripe};
use crate::report::remedy::Group;

/// `pmclone explain`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "An id is a legacy id, the number of a line of the CSV, a Customer (cus_…), a PaymentMethod (pm_…, card_…, ba_…, src_…), \
a connected account (acct_…), a request (req_…), or what `verify --charge` made (pi_…, seti_…, ch_…, re_…, fee_…). \
The requests of charges and of `undo` are not kept by their ids. A number that is both a legacy id and a line is taken for the legacy id. \
It reads the state file alone: no key is needed, nothing is sent."
)]
pub struct Explain {
    /// A legacy id, a line number, or an id of Stripe's: cus_…, pm_…, acct_…, req_….
    #[arg(value_name = "ID")]
    pub id: String,
    /// ID is the number of a line of the CSV.
    #[arg(long)]
    pub line: bool,
    /// Show contact details as they are, instead of masked.
    #[arg(long)]
    pub unmasked: bool,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// `pmclone refused`.
#[derive(Debug, Args)]
pub struct Refused {
    /// Write the refused customers to a CSV, with their contact details, to be mended and given to `pmclone retry`; `-` is stdout.
    #[arg(long, value_name = "FILE|-")]
    pub csv: Option<PathBuf>,
    /// Use pmclone's own column names, whatever those of the CSV are. They are used anyway where the CSV is not there any more as it was
    /// imported, where others were joined to it, or where lines were mended since.
    #[arg(long, requires = "csv")]
    pub standard_columns: bool,
    /// Only those about whom this is to be done; may be given several times.
    #[arg(long = "group", value_enum, value_name = "GROUP")]
    pub groups: Vec<Group>,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// `pmclone retry`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "FILE is what `pmclone refused --csv FILE` wrote, mended: lines that are deleted are left as they are, a column that is \
not there changes nothing, and columns that are added there for reading (refused, reason, remedy) are not read. Only these customers are worked on. \
The same command again goes on after an interruption."
)]
pub struct Retry {
    /// The mended lines.
    #[arg(value_name = "FILE")]
    pub csv: PathBuf,
    /// Check the file and tell what would be tried again; send nothing, keep nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// How the file is to be read, if it is not of `pmclone refused --csv`.
    #[command(flatten)]
    pub input: Input,
    /// Clone a source that belongs to another platform Customer from there, instead of refusing it.
    #[arg(long)]
    pub adopt_attached: bool,
    /// Go on although all of this migration was taken back by `pmclone undo`.
    #[arg(long)]
    pub after_undo: bool,
    /// Who mended it, for the record [default: the user of this machine].
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// When to send.
    #[command(flatten)]
    pub steering: Steering,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
