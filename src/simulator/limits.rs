//! Stripe's documented rate limits, as windows of one second that start with the first request in them.
//! <https://docs.stripe.com/rate-limits>
//!
//! Whose budget a call with `Stripe-Account` burns is not documented ("per Stripe account"). Both readings can be
//! chosen: [`Budget::Shared`] counts it in the platform's budget, [`Budget::Own`] in the connected account's.

use std::collections::HashMap;

/// Whether limits are enforced, and how calls for connected accounts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// Everything is let through.
    #[default]
    Off,
    /// 25 requests a second in test mode and 100 in live mode, 25 per endpoint in both, 20 for Search.
    Documented(Budget),
}

/// Which account a call with `Stripe-Account` is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Budget {
    /// The platform's, together with its own calls: the lower reading, and so the default.
    #[default]
    Shared,
    /// Each connected account has a budget of its own.
    Own,
}

const WINDOW_MS: i64 = 1000;
const TOTAL_TEST: u32 = 25;
const TOTAL_LIVE: u32 = 100;
const ENDPOINT: u32 = 25;
const SEARCH: u32 = 20;

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    start_ms: i64,
    count: u32,
}

impl Window {
    /// Whether one more fits; a window that is over starts anew.
    fn has_room(&mut self, now_ms: i64, most: u32) -> bool {
        if self.count == 0 || !(0..WINDOW_MS).contains(&(now_ms - self.start_ms)) {
            *self = Self {
                start_ms: now_ms,
                count: 0,
            };
        }
        self.count < most
    }
}

/// What was let through in the current seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Limiter {
    limits: Limits,
    totals: HashMap<(bool, String), Window>,
    endpoints: HashMap<(bool, String), HashMap<&'static str, Window>>,
}

impl Limiter {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Lets a request through and counts it, or gives the value of `Stripe-Rate-Limited-Reason`. What is refused is
    /// not counted.
    pub fn admit(
        &mut self,
        now_ms: i64,
        livemode: bool,
        platform: &str,
        connected: Option<&str>,
        endpoint: &'static str,
    ) -> Result<(), &'static str> {
        let payer = match self.limits {
            Limits::Off => return Ok(()),
            Limits::Documented(Budget::Shared) => platform,
            Limits::Documented(Budget::Own) => connected.unwrap_or(platform),
        };
        let key = (livemode, payer.to_owned());
        let endpoint_most = if endpoint.ends_with("/search") {
            SEARCH
        } else {
            ENDPOINT
        };
        let total_most = if livemode { TOTAL_LIVE } else { TOTAL_TEST };
        let window = self
            .endpoints
            .entry(key.clone())
            .or_default()
            .entry(endpoint)
            .or_default();
        if !window.has_room(now_ms, endpoint_most) {
            return Err("endpoint-rate");
        }
        let total = self.totals.entry(key).or_default();
        if !total.has_room(now_ms, total_most) {
            return Err("global-rate");
        }
        window.count += 1;
        total.count += 1;
        Ok(())
    }
}
