//! The rehearsal: its options, the simulator as a server, invented customers, the crash drill.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Input;

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
    #[arg(long, value_name = "N", default_value = "2000")]
    pub kills: NonZeroU64,
    /// How many customers to take, drawn from the CSV.
    #[arg(long, value_name = "N", default_value = "50")]
    pub customers: NonZeroU32,
    /// What is drawn follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// How the CSV is to be read.
    #[command(flatten)]
    pub input: Input,
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
    /// Send what happens to a webhook endpoint on this machine, signed, and again until it is answered with 2xx.
    #[arg(long, value_name = "URL", requires = "webhook_secret_file")]
    pub webhook: Option<String>,
    /// The endpoint's signing secret (`whsec_…`, any that begins so); several, one a line, while it is rolled.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub webhook_secret_file: Option<PathBuf>,
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
