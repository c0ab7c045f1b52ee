//! How fast, how many at once, and at what hours.

use std::num::NonZeroU32;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Config;
use crate::cli::{self, Rate, TotalRate};
use crate::failure::Failure;
use crate::plan::{Budgets, Rates};
use crate::run::steer::{Hours, Window};
use crate::stripe::{ConnectedBudget, Limits, Mode, Share};

/// Customers in flight. At 80 requests a second and 400 ms for each, 32 are in flight.
const CONCURRENCY: usize = 32;

/// A number, or `"off"`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected a whole number from 1, or \"off\"")]
pub(super) enum FileRate {
    PerSecond(NonZeroU32),
    Off(Off),
}

/// A number, `"off"` or `"auto"`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number from 1, \"off\", or \"auto\""
)]
pub(super) enum FileTotalRate {
    Told(FileRate),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Auto {
    #[serde(rename = "auto")]
    Auto,
}

impl From<FileTotalRate> for TotalRate {
    fn from(rate: FileTotalRate) -> Self {
        match rate {
            FileTotalRate::Told(rate) => Self::Told(rate.into()),
            FileTotalRate::Auto(Auto::Auto) => Self::Auto,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Off {
    #[serde(rename = "off")]
    Off,
}

impl From<FileRate> for Rate {
    fn from(rate: FileRate) -> Self {
        match rate {
            FileRate::PerSecond(rate) => Self::PerSecond(rate),
            FileRate::Off(Off::Off) => Self::Off,
        }
    }
}

impl Config {
    /// Customers in flight at once.
    pub fn concurrency(&self, stripe: &cli::Stripe) -> usize {
        let asked = stripe.concurrency.or(self.from_file.concurrency);
        asked
            .and_then(|asked| usize::try_from(asked.get()).ok())
            .unwrap_or(CONCURRENCY)
    }

    /// The limits to keep to. `--rate off` turns the others off too, unless they are given; `--rate auto` looks for them.
    pub fn limits(&self, stripe: &cli::Stripe, mode: Mode) -> Result<Limits, Failure> {
        let defaults = Limits::share_of(mode, self.share(stripe)?);
        let rate = stripe
            .rate
            .or_else(|| self.from_file.rate.map(TotalRate::from));
        let endpoint = stripe
            .endpoint_rate
            .or_else(|| self.from_file.endpoint_rate.map(Rate::from));
        let account = stripe
            .account_rate
            .or_else(|| self.from_file.account_rate.map(Rate::from));
        let told = match rate {
            Some(TotalRate::Told(rate)) => Some(rate),
            Some(TotalRate::Auto) | None => None,
        };
        let total_per_second = per_second(told, defaults.total_per_second);
        let unlimited = told == Some(Rate::Off);
        let connected = stripe.connected_budget.or(self.from_file.connected_budget);
        Ok(Limits {
            total_per_second,
            endpoint_per_second: per_second(
                endpoint,
                if unlimited {
                    None
                } else {
                    defaults.endpoint_per_second
                },
            ),
            account_per_second: per_second(account, total_per_second),
            seek: rate == Some(TotalRate::Auto),
            endpoint_is_asked: endpoint.is_some(),
            total_is_asked: told.is_some(),
            connected: connected.unwrap_or_default(),
            ..defaults
        })
    }

    fn share(&self, stripe: &cli::Stripe) -> Result<Share, Failure> {
        let from_file = || {
            let share = self.from_file.share?;
            let parsed = Share::parse(&share.to_string());
            Some(parsed.ok_or_else(|| {
                Failure::usage(
                    "pmclone.toml: share: give a part of the limit, above 0 and 1 at most",
                )
            }))
        };
        match stripe.share {
            Some(share) => Ok(share),
            None => from_file().unwrap_or(Ok(Share::DEFAULT)),
        }
    }

    /// The hours to send in, and how long the run may take.
    pub fn hours(&self, steering: &cli::Steering) -> Result<Hours, Failure> {
        let from_file = self.from_file.window.iter().map(|text| {
            let parsed: Result<Window, _> = text.parse();
            parsed.map_err(|error| Failure::usage(format!("pmclone.toml: window: {error}")))
        });
        let windows = if steering.windows.is_empty() {
            from_file.collect::<Result<_, _>>()?
        } else {
            steering.windows.clone()
        };
        let zone = steering
            .timezone
            .as_ref()
            .or(self.from_file.timezone.as_ref());
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| {
                Failure::usage(format!("{name} is no time zone that this machine knows"))
                    .hint("give one as Europe/Berlin, America/New_York or UTC; all but UTC are in the time zone database (Debian: tzdata)")
            })?,
            None => TimeZone::system(),
        };
        Ok(Hours {
            windows,
            zone,
            max_duration: steering.max_duration,
        })
    }
}

/// The rates that a plan shows, of the limits that a client keeps.
pub fn rates(limits: Limits) -> Rates {
    Rates {
        total: limits.total_per_second.map(NonZeroU32::get),
        endpoint: limits.endpoint_per_second.map(NonZeroU32::get),
        account: limits.account_per_second.map(NonZeroU32::get),
        budgets: match limits.connected {
            // What `auto` begins with.
            ConnectedBudget::Shared | ConnectedBudget::Auto => Budgets::Shared,
            ConnectedBudget::Own => Budgets::Own {
                total_is_joint: limits.total_is_asked,
            },
        },
        seeks: limits.seek,
        learns: limits.connected == ConnectedBudget::Auto,
    }
}

fn per_second(asked: Option<Rate>, default: Option<NonZeroU32>) -> Option<NonZeroU32> {
    match asked {
        None => default,
        Some(Rate::Off) => None,
        Some(Rate::PerSecond(rate)) => Some(rate),
    }
}
