//! What a listener hears, while the run goes on: an account that took its access back is parked before the next step is begun there.
//!
//! Before each step one row of the state file is looked at, unless that was done just now: microseconds, where a call that is sent
//! in vain costs one of Stripe's twenty a second.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use crate::store::{Access, Ears, StoreError};

/// A look that is no older will do.
const FRESH_FOR: Duration = Duration::from_millis(5);

/// What a client is told of an account that an event parked.
const TOLD: &str = "an event told that the account took the platform's access back";

/// How a run hears.
#[derive(Debug)]
pub struct Hearing {
    ears: Ears,
    looked: Instant,
    /// What was heard, and whoever watches was not told yet.
    untold: Vec<Access>,
}

impl Hearing {
    /// Hears with these ears.
    pub fn with(ears: Ears) -> Self {
        Self {
            ears,
            looked: Instant::now(),
            untold: Vec::new(),
        }
    }
}

impl Context {
    /// Takes up what events told since the last look. Accounts that took their access back are parked for every step to come; those
    /// that gave it again are for customers that are read from now on.
    pub fn hear(&self) -> Result<(), StoreError> {
        let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(hearing) = hearing
            .as_mut()
            .filter(|hearing| hearing.looked.elapsed() >= FRESH_FOR)
        else {
            return Ok(());
        };
        hearing.looked = Instant::now();
        for known in hearing.ears.news()? {
            let is_news = if known.parked {
                self.client.set_gone(&known.account, TOLD);
                self.park(&known.account)
            } else {
                self.client.set_back(&known.account);
                self.unpark(&known.account);
                true
            };
            if is_news {
                hearing.untold.push(known);
            }
        }
        Ok(())
    }

    /// What was heard since this was asked last.
    pub fn heard(&self) -> Vec<Access> {
        let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = hearing.as_mut().map(|hearing| &mut hearing.untold);
        untold.map(std::mem::take).unwrap_or_default()
    }
}
