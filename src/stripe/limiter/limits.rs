//! PURE. What a run is asked to keep to, and what each lane is asked for because of it.

use std::num::NonZeroU32;

use super::budget::{ConnectedBudget, Learnt};
use super::lane::Asked;
use crate::stripe::key::Mode;

/// Which part of Stripe's limits the run may use, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u16);

impl Share {
    /// Four fifths: the rest is left to the platform's own traffic.
    pub const DEFAULT: Self = Self(800);

    /// Above 0, 1 at most; to the thousandth.
    pub fn parse(text: &str) -> Option<Self> {
        let share: f64 = text.parse().ok()?;
        let is_it = |thousandths: &u16| (f64::from(*thousandths) - share * 1000.0).abs() < 0.5;
        (1..=1000).find(is_it).map(Self)
    }

    /// Above 0, 1 at most.
    pub fn part(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// That part of a limit, rounded down, one at least.
    fn of(self, limit: u32) -> Option<NonZeroU32> {
        let part = u64::from(limit) * u64::from(self.0) / 1000;
        NonZeroU32::new(u32::try_from(part).unwrap_or(limit)).or(Some(NonZeroU32::MIN))
    }
}

/// Requests per second in all, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// No limit.
    Off,
    /// At most so many.
    PerSecond(NonZeroU32),
    /// As many as Stripe grants: looked for upward, slowly.
    Auto,
}

/// What a run keeps to. `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all kinds together (`--rate`), per second; with budgets of their own, the platform's.
    pub total_per_second: Option<NonZeroU32>,
    /// Of each endpoint (`--endpoint-rate`), per second.
    pub endpoint_per_second: Option<NonZeroU32>,
    /// On each connected account, per second.
    pub account_per_second: Option<NonZeroU32>,
    /// The part of Stripe's limit that is used (`--share`).
    pub share: Share,
    /// The rates are where to begin: what Stripe grants is looked for (`--rate auto`).
    pub seek: bool,
    /// Those of endpoints were asked for: they are not looked for.
    pub endpoint_is_asked: bool,
    /// The total was asked for as a number: it holds whoever pays.
    pub total_is_asked: bool,
    /// Whose budget a call with `Stripe-Account` uses.
    pub connected: ConnectedBudget,
}

/// Stripe's limits as documented, per second: <https://docs.stripe.com/rate-limits>.
const TOTAL_LIVE: u32 = 100;
const TOTAL_TEST: u32 = 25;
const ENDPOINT: u32 = 25;

/// Whose budget it is shows only above one budget's limit: so much further is tried, and no more.
const BEYOND: f64 = 1.5;

impl Limits {
    /// Four fifths of what Stripe documents (<https://docs.stripe.com/rate-limits>): 100 a second live, 25 in test mode, and 25
    /// per endpoint. The rest is left to the platform's own traffic.
    pub fn for_mode(mode: Mode) -> Self {
        Self::share_of(mode, Share::DEFAULT)
    }

    /// A part of what Stripe documents.
    pub fn share_of(mode: Mode, share: Share) -> Self {
        let total = match mode {
            Mode::Live => TOTAL_LIVE,
            Mode::Test => TOTAL_TEST,
        };
        Self {
            total_per_second: share.of(total),
            endpoint_per_second: share.of(ENDPOINT),
            account_per_second: share.of(total),
            share,
            ..Self::OFF
        }
    }

    /// No limit at all, as for a simulator without limits.
    pub const OFF: Self = Self {
        total_per_second: None,
        endpoint_per_second: None,
        account_per_second: None,
        share: Share::DEFAULT,
        seek: false,
        endpoint_is_asked: false,
        total_is_asked: false,
        connected: ConnectedBudget::Shared,
    };

    fn asked(&self, per_second: Option<NonZeroU32>) -> Asked {
        self.asked_or_sought(per_second, self.seek)
    }

    fn asked_of_endpoint(&self) -> Asked {
        self.asked_or_sought(
            self.endpoint_per_second,
            self.seek && !self.endpoint_is_asked,
        )
    }

    fn asked_or_sought(&self, per_second: Option<NonZeroU32>, seek: bool) -> Asked {
        let share = self.share.part();
        if seek {
            Asked::seek(per_second, f64::INFINITY, share)
        } else {
            Asked::most(per_second, share)
        }
    }

    /// Of everything together.
    pub(super) fn joint_total(&self, learnt: Option<Learnt>) -> Asked {
        match learnt {
            Some(Learnt::Shared) => self.asked(self.total_per_second),
            _ if self.total_is_asked => self.asked(self.total_per_second),
            Some(Learnt::Own) => Asked::Off,
            None => self.beyond(self.total_per_second),
        }
    }

    /// Of an endpoint, whoever pays.
    pub(super) fn joint_endpoint(&self, learnt: Option<Learnt>) -> Asked {
        match learnt {
            Some(Learnt::Shared) => self.asked_of_endpoint(),
            Some(Learnt::Own) => Asked::Off,
            None => self.beyond(self.endpoint_per_second),
        }
    }

    /// Of the platform's own calls, or of one account's, where each has a budget.
    pub(super) fn payer_total(&self) -> Asked {
        self.asked(self.total_per_second)
    }

    /// The same for an endpoint.
    pub(super) fn payer_endpoint(&self) -> Asked {
        self.asked_of_endpoint()
    }

    /// On one connected account, whoever pays.
    pub(super) fn account_total(&self) -> Asked {
        if self.connected == ConnectedBudget::Shared {
            Asked::most(self.account_per_second, self.share.part())
        } else {
            self.asked(self.account_per_second)
        }
    }

    /// Beyond what one budget grants, as far as it takes to tell whether there are several.
    fn beyond(&self, per_second: Option<NonZeroU32>) -> Asked {
        let granted = per_second.map_or(0.0, |rate| f64::from(rate.get())) / self.share.part();
        Asked::seek(per_second, granted * BEYOND, self.share.part())
    }

    /// What one budget grants of an endpoint, or in all, if the limits are Stripe's.
    pub(super) fn granted(&self, endpoint: bool) -> Option<f64> {
        let rate = if endpoint {
            self.endpoint_per_second
        } else {
            self.total_per_second
        };
        rate.map(|rate| f64::from(rate.get()) / self.share.part())
    }
}
