//! Stripe's time, as opposed to this machine's: the only time by which the age of an intent is judged.
//!
//! Hazard: a key that is thought younger than it is makes a second of something. So intents are stamped with the
//! earliest time it can be at Stripe, and aged by the latest ([`crate::stripe::clock`] keeps both).

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01 UTC by the `Date` header of Stripe's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StripeTime(pub i64);

/// Stripe keeps an idempotency key for at least 24 hours (<https://docs.stripe.com/api/idempotent_requests>). An hour is
/// left for what clocks, queues and slow answers can add.
pub const RESEND_WINDOW_SECONDS: i64 = 23 * 3600;

/// A step is sent, and sent again, for so long after its intent was committed, and no longer.
pub const SEND_WITHIN_SECONDS: i64 = 30 * 60;

/// A request that was sent arrives within so long, in seconds, or never: Linux gives up sending again after that.
pub const ARRIVES_WITHIN_SECONDS: u64 = 15 * 60;

/// After so long, nothing of a step can reach Stripe any more: what was sent last has a quarter of an hour to arrive (Linux
/// gives up sending again after that), and another quarter is left for clocks.
pub const REACHES_STRIPE_SECONDS: i64 = SEND_WITHIN_SECONDS + 30 * 60;

impl StripeTime {
    /// True while a request with this intent may be sent again under its key.
    pub fn may_resend(self, latest_now: StripeTime) -> bool {
        latest_now.0.saturating_sub(self.0) < RESEND_WINDOW_SECONDS
    }

    /// True while a request may be sent whose intent was committed then.
    pub fn may_send(self, latest_now: StripeTime) -> bool {
        latest_now.0.saturating_sub(self.0) < SEND_WITHIN_SECONDS
    }

    /// From when on nothing of a step can reach Stripe any more whose intent was committed last at this time.
    #[must_use]
    pub fn over_by(self) -> StripeTime {
        StripeTime(self.0.saturating_add(REACHES_STRIPE_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_used_again_for_less_than_twenty_three_hours() {
        let start = StripeTime(1_000);
        assert!(start.may_resend(StripeTime(1_000 + 23 * 3600 - 1)));
        assert!(!start.may_resend(StripeTime(1_000 + 23 * 3600)));
    }
}
