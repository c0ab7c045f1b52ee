//! How to reach Stripe, and how fast.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::TotalRate;
use crate::ids::AccountId;
use crate::stripe::{ConnectedBudget, Share};

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
    /// Requests per second in all; `off`: no limits of any kind; `auto`: begin with the default and look, slowly, how much more
    /// Stripe grants [default: 80 with a live key, 20 in test mode].
    #[arg(long, value_name = "N|off|auto")]
    pub rate: Option<TotalRate>,
    /// Requests per second for each endpoint [default: 20].
    #[arg(long, value_name = "N|off")]
    pub endpoint_rate: Option<Rate>,
    /// Requests per second for each connected account [default: as --rate].
    #[arg(long, value_name = "N|off")]
    pub account_rate: Option<Rate>,
    /// The part of Stripe's limits to use, above 0 and 1 at most; the rest is left to the platform's own traffic. Where Stripe
    /// grants less than it documents, the same part of that is used [default: 0.8].
    #[arg(long, value_name = "PART", value_parser = super::pace::share)]
    pub share: Option<Share>,
    /// Whose budget calls on connected accounts use, which Stripe does not document: the platform's, each account's own, or learn it
    /// from what Stripe refuses [default: shared].
    #[arg(
        long,
        value_enum,
        value_name = "shared|own|auto",
        hide_possible_values = true
    )]
    pub connected_budget: Option<ConnectedBudget>,
    /// Customers in flight at once; each has one request in flight at most [default: 32].
    #[arg(long, value_name = "N")]
    pub concurrency: Option<NonZeroU32>,
    /// Append a line of JSON to this file for each request and each event of note, without contact details, ids of customers or
    /// the key.
    #[arg(long, value_name = "FILE", help_heading = "Watching")]
    pub log: Option<PathBuf>,
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
