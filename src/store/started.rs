//! The proof that a step's intent is durable. The client cannot send a write without one.

use crate::ids::IdempotencyKey;
use crate::time::StripeTime;

/// A step whose intent is committed: only the store makes one, and only after its commit.
///
/// It is spent on one call of the client (which may send several times, always with this key) and then on
/// recording that call's outcome.
#[must_use = "an intent that is neither sent nor recorded leaves its step in doubt"]
#[derive(Debug)]
pub struct Started {
    key: IdempotencyKey,
    first: StripeTime,
    last: StripeTime,
}

impl Started {
    /// For the store alone, after the commit.
    pub(in crate::store) fn committed(
        key: IdempotencyKey,
        first: StripeTime,
        last: StripeTime,
    ) -> Self {
        Self { key, first, last }
    }

    /// For tests of the client, which have no store.
    #[cfg(test)]
    pub fn for_test(key: IdempotencyKey, started_at: StripeTime) -> Self {
        Self {
            key,
            first: started_at,
            last: started_at,
        }
    }

    /// The key under which the step is sent, however often.
    pub fn key(&self) -> IdempotencyKey {
        self.key
    }

    /// When the intent was first committed, by Stripe's clock: the key's age counts from here.
    pub fn started_at(&self) -> StripeTime {
        self.first
    }

    /// When it was committed this time, by Stripe's clock: no attempt begins later than
    /// [`crate::time::SEND_WITHIN_SECONDS`] after.
    pub fn sent_at(&self) -> StripeTime {
        self.last
    }
}
