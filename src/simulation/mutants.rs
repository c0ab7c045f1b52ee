//! Clients that must be caught: a harness that finds nothing in them proves nothing about the sound one.

use std::path::Path;

use crate::simulator::Request;
use crate::store::StoreError;
use crate::time::StripeTime;

/// The client, as it is or with a safeguard taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// As it is.
    Sound,
    /// What was sent without an answer is not in the state file after a crash, as if no intent had been committed.
    NoIntents,
    /// Every attempt has a key of its own.
    FreshKeys,
    /// Keys are sent again that are up to 48 hours old.
    LongWindow,
    /// The machine's wall clock is taken for Stripe's.
    WallClock,
    /// A list that could not be read is taken for an empty one.
    BlindReads,
    /// Absence is believed at once, while the request may still be on its way.
    Impatient,
}

impl Mutant {
    /// What the state file would have been without the safeguard, before a process starts.
    pub fn tamper(self, state: &Path, now_s: i64) -> Result<(), StoreError> {
        let sql = match self {
            Self::Sound | Self::FreshKeys | Self::WallClock | Self::BlindReads => return Ok(()),
            Self::NoIntents => "DELETE FROM step WHERE state = 1 AND ?1 > 0",
            // 25 hours are forgotten at each start.
            Self::LongWindow => {
                "UPDATE step SET started_at = min(started_at + 90000, ?1) WHERE state IN (1, 4)"
            }
            Self::Impatient => {
                "UPDATE step SET sent_at = min(sent_at, ?1 - 3600) WHERE state IN (1, 4)"
            }
        };
        crate::store::open_existing(state)?.execute(sql, [now_s])?;
        Ok(())
    }

    /// The key that an attempt is sent under; each attempt has a number of its own.
    pub fn key(self, key: Option<String>, attempt: u64) -> Option<String> {
        match self {
            Self::FreshKeys => key.map(|_| format!("fresh-{attempt}")),
            _ => key,
        }
    }

    /// What the time seems to be at Stripe by an answer that says `date`, on a machine whose wall clock says `wall_ms`.
    pub fn date(self, date: Option<StripeTime>, wall_ms: i64) -> Option<StripeTime> {
        match self {
            Self::WallClock => date.map(|_| StripeTime(wall_ms.div_euclid(1000))),
            _ => date,
        }
    }

    /// True where no good answer to this request is taken for an empty list.
    pub fn is_blind_to(self, request: &Request) -> bool {
        self == Self::BlindReads && !request.query.is_empty()
    }
}
