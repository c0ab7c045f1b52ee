//! Connected accounts that are out of reach, as a write or an event told: what waits for its turn there is told so unsent.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Client;
use crate::ids::AccountId;
use crate::stripe::answer::Outcome;
use crate::stripe::refusal::Refusal;

/// Each with what Stripe said first.
#[derive(Debug, Default)]
pub(super) struct Gone(Mutex<HashMap<AccountId, Refusal>>);

impl Gone {
    /// What a write to `account` would come to, where it is known.
    pub(super) fn told(&self, account: Option<&AccountId>) -> Option<Outcome> {
        let gone = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gone.get(account?).cloned().map(Outcome::AccountInvalid)
    }

    /// It could not be reached.
    pub(super) fn note(&self, account: &AccountId, refusal: Refusal) {
        let mut gone = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gone.entry(account.clone()).or_insert(refusal);
    }

    fn forget(&self, account: &AccountId) {
        let mut gone = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gone.remove(account);
    }
}

impl Client {
    /// A connected account is known to be out of reach, as an event told: what waits for its turn there is told so unsent.
    pub fn set_gone(&self, account: &AccountId, why: &str) {
        let refusal = Refusal {
            status: 403,
            error_type: String::new(),
            code: Some("account_invalid".to_owned()),
            decline_code: None,
            param: None,
            message: why.to_owned(),
            request_id: None,
        };
        self.gone.note(account, refusal);
    }

    /// It may be within reach again.
    pub fn set_back(&self, account: &AccountId) {
        self.gone.forget(account);
    }
}
