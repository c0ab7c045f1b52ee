//! What people are told of listening: whether somebody does, what came last, and what is stale.

use std::fs::{File, TryLockError};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use crate::store::StoreError;
use crate::store::control::beside;
use crate::store::counts::count;
use crate::store::open::private_file;
use crate::time::StripeTime;
use crate::webhook::Change;

/// Held for as long as somebody listens for a state file; several may.
#[derive(Debug)]
pub struct Listening {
    _file: File,
}

impl Listening {
    /// Begins.
    pub fn begin(state: &Path) -> Result<Self, StoreError> {
        let file = private_file(&beside(state, ".listening"))?;
        file.lock_shared()?;
        Ok(Self { _file: file })
    }

    /// True while some process listens. Makes no file.
    pub fn is_on(state: &Path) -> bool {
        File::open(beside(state, ".listening"))
            .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

/// The event that was taken last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its type.
    pub kind: String,
    /// When it was made, by Stripe's clock.
    pub created: StripeTime,
    /// When it was taken, unix seconds by the clock of the machine that did.
    pub taken_at: i64,
    /// How many are kept.
    pub events: u64,
}

impl Heard {
    /// Reads it; `None` where none was ever taken, or all are forgotten.
    pub fn read(conn: &Connection) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT type, created, taken_at, (SELECT count(*) FROM event) FROM event ORDER BY taken_at DESC, created DESC LIMIT 1";
        let row = conn.query_row(sql, [], |row| {
            Ok(Self {
                kind: row.get(0)?,
                created: StripeTime(row.get(1)?),
                taken_at: row.get(2)?,
                events: count(row, 3)?,
            })
        });
        Ok(row.optional()?)
    }
}

/// Sources whose clones are of before a change, by what became of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StaleCounts {
    /// In the order of [`Change::ALL`].
    pub sources: [u64; 3],
}

impl StaleCounts {
    /// Counts them.
    pub fn read(conn: &Connection) -> Result<Self, StoreError> {
        let mut counts = Self::default();
        let mut statement = conn.prepare(
            "SELECT reason, count(DISTINCT customer || ' ' || source) FROM stale GROUP BY reason",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let reason: String = row.get(0)?;
            let number = count(row, 1)?;
            for (change, counted) in Change::ALL.iter().zip(&mut counts.sources) {
                if change.name() == reason {
                    *counted = number;
                }
            }
        }
        Ok(counts)
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.sources.iter().sum()
    }
}
