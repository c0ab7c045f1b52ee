//! `status` and `export`: what stands in the state file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::ids::AccountId;

/// `pmclone status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Show it anew every two seconds, until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// `pmclone export`.
#[derive(Debug, Args)]
pub struct Export {
    /// csv: all of the mapping; jsonl: the same as JSON lines; stripe: Stripe's own header, migrated sources only.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub format: ExportFormat,
    /// Write to a file, which is replaced whole, instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only this connected account; may be given several times.
    #[arg(long = "account", value_name = "acct_…")]
    pub accounts: Vec<AccountId>,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// Formats of the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// `customer_id_old,source_id_old,customer_id_new,source_id_new`.
    Stripe,
}
