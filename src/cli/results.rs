//! `status`, `export` and `report`: what stands in the state file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::ids::AccountId;
use crate::time::StripeTime;

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
    /// csv: all of the mapping; jsonl: the same as JSON lines; stripe: Stripe's own header, migrated sources only; sql: a statement
    /// for each migrated source, from --template.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub format: ExportFormat,
    /// Write to a file, which is replaced whole, instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only this connected account; may be given several times.
    #[arg(long = "account", value_name = "acct_…")]
    pub accounts: Vec<AccountId>,
    /// The statement, with columns of the mapping in braces and without quotes: `UPDATE cards SET customer = {connected_customer} WHERE id = {legacy_id}`.
    #[arg(long, value_name = "SQL", required_if_eq("format", "sql"))]
    pub template: Option<String>,
    /// How the database reads a backslash in a literal; needed only where a legacy id has one.
    #[arg(long, value_enum, value_name = "DIALECT")]
    pub dialect: Option<SqlDialect>,
    /// Only customers whose standing was written at or after this time, and those under way: `2026-10-01` or `2026-10-01T12:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<StripeTime>,
    /// Write a receipt for each connected account into a folder; the mapping too, where -o names a file.
    #[arg(long, value_name = "DIR")]
    pub receipts: Option<PathBuf>,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// Customers on the page, at most. In headless Chromium on two cores 10,000 paint after 0.3 to 0.5 s and are loaded after 1.6 s; 20,000
/// take 7 s.
const LISTED_AT_MOST: u64 = 10_000;

/// `pmclone report`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "The page is one file: it opens in any browser without a network, prints to PDF with a sign-off sheet, and fetches nothing. \
Contact details are left out and legacy ids that are e-mail addresses masked, unless --unmasked is given; other ids stand as they are. \
It reads the state file alone: no key is needed, nothing is sent, and a run may be on."
)]
pub struct Report {
    /// Write to a file, which is replaced whole; `-` is stdout.
    #[arg(short, long, value_name = "FILE|-", required_unless_present = "json")]
    pub output: Option<PathBuf>,
    /// List so many customers, first those that need a look, 10,000 at most: a browser opens a longer page only slowly. The sums are always
    /// of all, and `pmclone export` has every one.
    #[arg(long, value_name = "N", default_value_t = LISTED_AT_MOST, value_parser = clap::value_parser!(u64).range(..=LISTED_AT_MOST))]
    pub customers: u64,
    /// Show personal data as it is: names and e-mail addresses that are kept still, ids that are addresses, the folder of the CSV.
    #[arg(long)]
    pub unmasked: bool,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// A day, or an instant, in UTC unless it says otherwise.
fn time(text: &str) -> Result<StripeTime, String> {
    let instant = text.parse::<jiff::Timestamp>().ok();
    let day = || {
        let day: jiff::civil::Date = text.parse().ok()?;
        day.to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    let at = instant.or_else(day);
    at.map(|at| StripeTime(at.as_second())).ok_or_else(|| {
        "expected a day such as 2026-10-01, or a time such as 2026-10-01T12:00:00Z".to_owned()
    })
}

/// How a database reads a backslash in a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlDialect {
    /// It stands for itself: PostgreSQL, SQLite, SQL Server, Oracle.
    Standard,
    /// It escapes: MySQL, MariaDB.
    Mysql,
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
    /// Statements from --template.
    Sql,
}
