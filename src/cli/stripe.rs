//! How to reach Stripe, and how fast.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::ids::AccountId;

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
