//! The command line: clap types and their help texts, nothing else. [`crate::config`] makes settings of them.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::ids::AccountId;

/// Moves a platform's customers and their saved cards onto Stripe connected accounts.
///
/// Rehearse first, with nothing but this tool: `pmclone run customers.csv --simulate`.
/// stdout is data, stderr is progress and messages.
#[derive(Debug, Parser)]
#[command(
    name = "pmclone",
    version,
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
4 the input has problems, 5 refused for safety, 6 key or permission, 7 stopped by a stop-loss, 8 stopped by a limit asked for, \
9 the drill found something lost or doubled, 10 no state file, 11 another run holds it, 130/143 interrupted with the state saved.

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

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import a CSV and migrate its customers; the same command goes on after an interruption.
    Run(Run),
    /// Go on with the migration in the state file; no CSV is needed.
    Resume(Resume),
    /// Settle by reading what may have reached Stripe, and send nothing else; every run begins with it.
    Reconcile(Reconcile),
    /// Rebuild a lost state file from Stripe itself, so that a run after it makes nothing twice.
    Recover(Recover),
    /// Show what stands where; works while a run is on.
    Status(Status),
    /// Write the mapping from old ids to new ones.
    Export(Export),
    /// Serve the built-in Stripe simulator on a loopback address.
    Simulate(Box<Simulate>),
    /// Write a realistic CSV to rehearse with.
    Sample(Sample),
    /// Kill a rehearsal of a CSV at every boundary, and certify that nothing is lost and nothing is made twice.
    Drill(Drill),
}

/// `pmclone run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The legacy customers.
    pub csv: PathBuf,
    /// Check the whole CSV and print every problem and the plan; send nothing, leave nothing behind.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
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

/// `pmclone reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Read and tell, but keep nothing of it.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}

/// `pmclone recover`.
#[derive(Debug, Args)]
pub struct Recover {
    /// The legacy customers; where the lost state file had several files, all of them, the oldest first.
    #[arg(required = true)]
    pub csv: Vec<PathBuf>,
    /// The migration to rebuild, where several are found.
    #[arg(long, value_name = "UUID")]
    pub migration: Option<Uuid>,
    /// Do not wait a quarter of an hour for what the lost run sent last: it ended longer ago than that.
    #[arg(long)]
    pub no_wait: bool,
    /// Sweep the accounts and tell what is found; read no PaymentMethods, leave nothing behind.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}

/// How to reach Stripe, and how fast.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stripe")]
pub struct Stripe {
    /// Read the API key from a file, or from stdin with `-`; else from `STRIPE_API_KEY`.
    #[arg(long, value_name = "FILE|-")]
    pub api_key_file: Option<PathBuf>,
    /// Where Stripe is: https, or http to a loopback address [default: `https://api.stripe.com`].
    #[arg(long, value_name = "URL")]
    pub api_base: Option<String>,
    /// Allow a live key; needs --confirm too.
    #[arg(long)]
    pub live: bool,
    /// The platform's account id, typed out, to confirm a live migration.
    #[arg(long, value_name = "acct_…")]
    pub confirm: Option<AccountId>,
    /// Requests per second in all, or `off` for no limits of any kind [default: 80 with a live key, 20 in test mode].
    #[arg(long, value_name = "N|off")]
    pub rate: Option<Rate>,
    /// Requests per second for each endpoint [default: 20].
    #[arg(long, value_name = "N|off")]
    pub endpoint_rate: Option<Rate>,
    /// Requests per second for each connected account [default: as --rate].
    #[arg(long, value_name = "N|off")]
    pub account_rate: Option<Rate>,
    /// Customers in flight at once; each has one request in flight at most [default: 32].
    #[arg(long, value_name = "N")]
    pub concurrency: Option<NonZeroU32>,
    /// Wait at each commit for the word of the drill that started this run.
    #[arg(long, hide = true)]
    pub drill_gate: bool,
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

/// The rehearsal on the built-in simulator.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rehearsal")]
pub struct Rehearsal {
    /// Rehearse on the built-in Stripe simulator: no key is read, nothing leaves this machine.
    #[arg(long)]
    pub simulate: bool,
    /// Whether the simulator has Stripe's documented test-mode rate limits.
    #[arg(
        long,
        value_name = "on|off",
        requires = "simulate",
        default_value = "on"
    )]
    pub simulate_limits: Switch,
    /// How long the simulator takes for each answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub simulate_latency: u64,
    /// What shall go wrong: a fault script (see `pmclone simulate --help`).
    #[arg(long, value_name = "SCRIPT")]
    pub simulate_faults: Option<PathBuf>,
}

impl Rehearsal {
    /// The first option that only a rehearsal has, if one is given without being one.
    pub fn misplaced(&self) -> Option<&'static str> {
        let given = [
            (self.simulate_limits == Switch::Off, "--simulate-limits"),
            (self.simulate_latency > 0, "--simulate-latency"),
            (self.simulate_faults.is_some(), "--simulate-faults"),
        ];
        given
            .into_iter()
            .find(|(given, _)| *given && !self.simulate)
            .map(|(_, option)| option)
    }
}

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

/// `pmclone sample`.
#[derive(Debug, Args)]
pub struct Sample {
    /// How many customers.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub customers: u64,
    /// Spread over how many connected accounts.
    #[arg(long, value_name = "M", default_value_t = 5)]
    pub accounts: u32,
    /// The same seed gives the same file.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Write to a file instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `pmclone drill`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "It runs this very program as a child process, on the built-in simulator, in a temporary directory: no key is read, \
no state file is touched, nothing leaves this machine. Exit code 0: nothing lost, nothing made twice, nothing left in doubt. 9: otherwise."
)]
pub struct Drill {
    /// The legacy customers.
    pub csv: PathBuf,
    /// How often to kill: at every boundary if they are no more than that, else at a sample of them.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub kills: u64,
    /// How many customers to take, drawn from the CSV.
    #[arg(long, value_name = "N", default_value = "50")]
    pub customers: NonZeroU32,
    /// What is drawn follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// The fault language, as [`crate::simulator::FaultScript`] reads it.
const FAULTS: &str = "\
Fault scripts: one rule a line, `#` starts a comment.

  at 12 lost-before                        the 12th request in the life of this simulated world
  at 100..110 error 503
  every 50 delay 200
  chance 0.01 lost-after                   `seed 7` on a line of its own changes the draw
  nth 3 on POST /v1/payment_methods/*/attach half
  chance 0.2 on ANY /v1/customers account acct_1abc limit endpoint-rate
  at 400 revoke acct_1abc

WHEN [on METHOD PATH] [account ACCOUNT] WHAT, where WHAT is one of

  lost-before                      no answer; nothing happened
  lost-after                       no answer; it happened
  half                             half of the answer; it happened
  delay MS                         the answer comes later
  limit [REASON]                   429, with Stripe-Rate-Limited-Reason
  lock                             429 lock_timeout
  conflict                         409 idempotency_key_in_use
  error STATUS [stored] [done]     a 5xx; stored: now and under that key; done: it happened
  revoke ACCOUNT, restore ACCOUNT  the platform's access changes before the request";

/// `pmclone simulate`.
#[derive(Debug, Args)]
#[command(after_long_help = FAULTS)]
pub struct Simulate {
    /// The loopback address to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:12111")]
    pub listen: SocketAddr,
    /// What shall go wrong: a fault script.
    #[arg(long, value_name = "SCRIPT")]
    pub faults: Option<PathBuf>,
    /// Whether Stripe's documented rate limits apply.
    #[arg(long, value_name = "on|off", default_value = "on")]
    pub limits: Switch,
    /// Whether a 429 says `Stripe-Should-Retry: true`.
    #[arg(long, value_name = "on|off", default_value = "off")]
    pub should_retry: Switch,
    /// Whether any account and PaymentMethod that is named exists.
    #[arg(long, value_name = "on|off", default_value = "off")]
    pub on_demand: Switch,
    /// Milliseconds for each answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Ids and fingerprints are drawn from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Keep the simulated world in a file, so that it outlives the process.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Write a line for each request to a file.
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
}

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// Requests per second, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// No limit.
    Off,
    /// At most so many.
    PerSecond(NonZeroU32),
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            number => number
                .parse()
                .map(Self::PerSecond)
                .map_err(|_| "give a whole number from 1, or `off`"),
        }
    }
}
