//! Clients that must be caught: a harness that finds nothing in them proves nothing about the sound one.

use std::path::Path;

use crate::store::StoreError;

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
}

impl Mutant {
    /// Makes the state file what it would be without the safeguard, before a process starts.
    pub fn tamper(self, state: &Path, now_s: i64) -> Result<(), StoreError> {
        let sql = match self {
            Self::Sound | Self::FreshKeys => return Ok(()),
            Self::NoIntents => "DELETE FROM step WHERE state = 1 AND ?1 > 0",
            // 25 hours are forgotten at each start.
            Self::LongWindow => {
                "UPDATE step SET started_at = min(started_at + 90000, ?1) WHERE state IN (1, 4)"
            }
        };
        crate::store::open_existing(state)?.execute(sql, [now_s])?;
        Ok(())
    }
}
