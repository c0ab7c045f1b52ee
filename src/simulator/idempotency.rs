//! What Stripe remembers under idempotency keys, and for how long.
//!
//! The scope of a key is (mode, account): Stripe documents "within your account" and is silent on the rest. A key lives
//! for 24 hours of virtual time; from then on it starts a new request.

use super::objects::{Customer, PaymentMethod};
use super::params::Params;
use super::render;
use super::response::Failure;
use super::shelf::LedgerId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// "Keys are removed automatically after they are at least 24 hours old."
pub(super) const LIFETIME_S: i64 = 24 * 60 * 60;

/// How often expired keys are swept out, in virtual seconds.
const SWEEP_EVERY_S: i64 = 60 * 60;

/// A body that can be sent again. The two frequent kinds are kept as the object they showed, which costs a pointer.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Customer(Arc<Customer>),
    PaymentMethod(Arc<PaymentMethod>),
    Text(Arc<str>),
}

impl Answer {
    pub fn body(&self) -> String {
        match self {
            Self::Customer(object) => render::customer(object, None),
            Self::PaymentMethod(object) => render::payment_method(object, None),
            Self::Text(text) => text.to_string(),
        }
    }
}

/// The result of the first request under a key.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub digest: [u8; 16],
    pub path: Cow<'static, str>,
    pub at: i64,
    /// The number of the request that was executed; its id follows from it.
    pub number: u64,
    pub status: u16,
    pub answer: Answer,
}

/// All keys in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    by_ledger: Vec<HashMap<Box<str>, Stored>>,
    swept_at: i64,
}

impl Keys {
    /// What was stored under the key: `None` for a new one, an error when it was used for something else.
    pub fn recall(
        &self,
        ledger: LedgerId,
        key: &str,
        path: &str,
        params: &Params,
        now: i64,
    ) -> Result<Option<&Stored>, Failure> {
        let stored = self.by_ledger.get(ledger).and_then(|keys| keys.get(key));
        let Some(stored) = stored.filter(|stored| now - stored.at < LIFETIME_S) else {
            return Ok(None);
        };
        if stored.path != path {
            return Err(Failure::key_other_endpoint(key, path, &stored.path));
        }
        if stored.digest != params.digest() {
            return Err(Failure::key_other_parameters(key));
        }
        Ok(Some(stored))
    }

    pub fn store(&mut self, ledger: LedgerId, key: &str, stored: Stored) {
        if stored.at - self.swept_at >= SWEEP_EVERY_S {
            self.sweep(stored.at);
        }
        if self.by_ledger.len() <= ledger {
            self.by_ledger.resize_with(ledger + 1, HashMap::new);
        }
        self.by_ledger[ledger].insert(key.into(), stored);
    }

    fn sweep(&mut self, now: i64) {
        for keys in &mut self.by_ledger {
            keys.retain(|_, stored| now - stored.at < LIFETIME_S);
        }
        self.swept_at = now;
    }

    pub fn count(&self) -> usize {
        self.by_ledger.iter().map(HashMap::len).sum()
    }
}

/// The path, without a copy where it is one of the two that nearly all keys are used for.
pub(super) fn path(path: &str) -> Cow<'static, str> {
    match path {
        "/v1/customers" => Cow::Borrowed("/v1/customers"),
        "/v1/payment_methods" => Cow::Borrowed("/v1/payment_methods"),
        other => Cow::Owned(other.to_owned()),
    }
}
