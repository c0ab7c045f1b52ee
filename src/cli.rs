//! The command line: clap types and their help texts, nothing else; a room for each group of commands. [`crate::config`] makes
//! settings of them.

mod after;
mod check;
mod input;
mod install;
mod listen;
mod migrate;
mod pace;
mod pilot;
mod purge;
mod rehearse;
mod results;
mod settle;
mod stripe;
mod undo;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use after::{Explain, Refused, Retry};
pub use check::{Check, Looks, Sources};
pub use input::{Columns, Input};
pub use install::{Completions, Man};
pub use listen::Listen;
pub use migrate::{Resume, Run};
pub use pace::{Steering, Throttle, TotalRate};
pub use pilot::{StopAfter, Work};
pub use purge::Purge;
pub use rehearse::{Drill, Rehearsal, Sample, Simulate, Switch};
pub use results::{Export, ExportFormat, Report, SqlDialect, Status};
pub use settle::{Reconcile, Recover};
pub use stripe::{Rate, Stripe};
pub use undo::Undo;
pub use verify::{Charging, Verify};

/// Moves a platform's customers and their saved cards onto Stripe connected accounts.
///
/// Rehearse first, with nothing but this tool: `pmclone run customers.csv --simulate`.
/// stdout is data, stderr is progress and messages.
#[derive(Debug, Parser)]
#[command(
    name = "pmclone",
    version,
    long_version = crate::version::long(),
    about,
    max_term_width = 100,
    propagate_version = true
)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

const EXIT_CODES: &str = "Exit codes: 0 all done, 1 unexpected, 2 usage or configuration, 3 finished with some refused, parked or in doubt, \
4 the input has problems or check found blockers, 5 refused for safety, 6 key or permission, 7 stopped by a stop-loss, 8 stopped by a limit asked for, \
9 verify found a difference, or the drill something lost or doubled, 10 no state file, 11 another run holds it, 130/143 interrupted with the state saved.

The API key comes from STRIPE_API_KEY or --api-key-file, never from an argument.";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// The state file [default: pmclone.db, or pmclone-rehearsal.db with --simulate].
    #[arg(long, global = true, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// A configuration file [default: pmclone.toml, if there is one here].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write results to stdout as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what went wrong.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// No colours; `NO_COLOR` does the same.
    #[arg(long, global = true)]
    pub no_color: bool,
}

impl Command {
    /// How the command reaches Stripe, if it is one that does.
    pub fn stripe(&self) -> Option<&Stripe> {
        match self {
            Self::Run(args) => Some(&args.stripe),
            Self::Resume(args) => Some(&args.stripe),
            Self::Reconcile(args) => Some(&args.stripe),
            Self::Recover(args) => Some(&args.stripe),
            Self::Check(args) => Some(&args.stripe),
            Self::Verify(args) => Some(&args.stripe),
            Self::Retry(args) => Some(&args.stripe),
            Self::Undo(args) => Some(&args.stripe),
            Self::Listen(args) => Some(&args.stripe),
            Self::Status(_)
            | Self::Throttle(_)
            | Self::Export(_)
            | Self::Report(_)
            | Self::Simulate(_)
            | Self::Sample(_)
            | Self::Columns(_)
            | Self::Drill(_)
            | Self::Explain(_)
            | Self::Refused(_)
            | Self::Purge(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }

    /// As it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Resume(_) => "resume",
            Self::Reconcile(_) => "reconcile",
            Self::Recover(_) => "recover",
            Self::Status(_) => "status",
            Self::Throttle(_) => "throttle",
            Self::Export(_) => "export",
            Self::Report(_) => "report",
            Self::Simulate(_) => "simulate",
            Self::Sample(_) => "sample",
            Self::Columns(_) => "columns",
            Self::Check(_) => "check",
            Self::Drill(_) => "drill",
            Self::Verify(_) => "verify",
            Self::Explain(_) => "explain",
            Self::Refused(_) => "refused",
            Self::Retry(_) => "retry",
            Self::Undo(_) => "undo",
            Self::Listen(_) => "listen",
            Self::Purge(_) => "purge",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import a CSV and migrate its customers; the same command goes on after an interruption.
    Run(Box<Run>),
    /// Go on with the migration in the state file; no CSV is needed.
    Resume(Box<Resume>),
    /// Settle by reading what may have reached Stripe, and send nothing else; every run begins with it.
    Reconcile(Reconcile),
    /// Rebuild a lost state file from Stripe itself, so that a run after it makes nothing twice.
    Recover(Box<Recover>),
    /// Show what stands where; works while a run is on.
    Status(Status),
    /// Slow down, pause or stop a run that is on, from another terminal.
    Throttle(Throttle),
    /// Write the mapping from old ids to new ones.
    Export(Export),
    /// Write the record of the migration as one page to be handed over: outcome, reasons, evidence, digests, sign-off.
    Report(Report),
    /// Serve the built-in Stripe simulator on a loopback address.
    Simulate(Box<Simulate>),
    /// Write a realistic CSV to rehearse with.
    Sample(Sample),
    /// Show how a file would be read: encoding, separator, columns, masked values; write a starting pmclone.toml.
    Columns(Columns),
    /// Ask Stripe, by reading alone, what of a CSV would be refused or parked.
    Check(Box<Check>),
    /// Kill a rehearsal of a CSV at every boundary, and certify that nothing is lost and nothing is made twice.
    Drill(Box<Drill>),
    /// Read back what was made and compare it with the state file.
    Verify(Box<Verify>),
    /// Tell all that is known of one customer, line, account or request, and what happens next.
    Explain(Explain),
    /// Show who was refused, by what is to be done about it, and write them to a CSV to be mended.
    Refused(Refused),
    /// Try again what was refused of the customers in a mended CSV, and only that.
    Retry(Box<Retry>),
    /// Take back what this migration made, and nothing else.
    Undo(Box<Undo>),
    /// Take Stripe's webhooks: accounts that connect or leave, and cards that change while the migration goes on.
    Listen(Box<Listen>),
    /// End the retention: erase what is left of people in the state file, and keep the mapping.
    Purge(Purge),
    /// Print the completions of a shell.
    Completions(Completions),
    /// Print the manual page, or write one for each command.
    Man(Man),
}
