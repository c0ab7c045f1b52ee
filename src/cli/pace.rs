//! When a run may send, and what is said to one that is on.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::Rate;
use crate::run::steer::Window;
use crate::stripe::{self, Share};

/// When a run may send.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Hours")]
pub struct Steering {
    /// Send only within these hours of each day, and wait outside of them; may be given several times.
    #[arg(long = "window", value_name = "HH:MM-HH:MM")]
    pub windows: Vec<Window>,
    /// The time zone of these hours, as `Europe/Berlin` [default: the machine's].
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// End after so long, as `4h` or `90m`, with everything saved; exit code 8 where work is left.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub max_duration: Option<Duration>,
    /// Begin nothing new while this file is there [default: the state file's name with `.pause`].
    #[arg(long, value_name = "FILE")]
    pub pause_file: Option<PathBuf>,
    /// Write how it goes to this file every few seconds, for Prometheus (`node_exporter`'s textfile collector).
    #[arg(long, value_name = "FILE", help_heading = "Watching")]
    pub metrics_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or("give a time as 4h, 90m or 1h30m")
}

/// `pmclone throttle`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, each on its own"
)]
pub struct Throttle {
    /// Requests per second in all from now on: a number, `off`, or `auto`.
    #[arg(long, value_name = "N|off|auto")]
    pub rate: Option<TotalRate>,
    /// Begin nothing new; what is under way is finished.
    #[arg(long, conflicts_with = "go")]
    pub pause: bool,
    /// Go on after --pause.
    #[arg(long)]
    pub go: bool,
    /// End the run; what is under way is finished, everything is saved.
    #[arg(long)]
    pub stop: bool,
    /// Of the rehearsal.
    #[arg(long)]
    pub simulate: bool,
}

/// Requests per second in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalRate {
    /// A number, or no limit.
    Told(Rate),
    /// As many as Stripe grants.
    Auto,
}

impl FromStr for TotalRate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            told => told
                .parse()
                .map(Self::Told)
                .map_err(|_| "give a whole number from 1, `off`, or `auto`"),
        }
    }
}

impl fmt::Display for TotalRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(Rate::Off) => f.write_str("off"),
            Self::Told(Rate::PerSecond(rate)) => write!(f, "{rate}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl From<TotalRate> for stripe::Rate {
    fn from(rate: TotalRate) -> Self {
        match rate {
            TotalRate::Told(Rate::Off) => Self::Off,
            TotalRate::Told(Rate::PerSecond(rate)) => Self::PerSecond(rate),
            TotalRate::Auto => Self::Auto,
        }
    }
}

/// Reads `--share`.
pub fn share(text: &str) -> Result<Share, &'static str> {
    Share::parse(text).ok_or("give a part of the limit, above 0 and 1 at most, as 0.8")
}
