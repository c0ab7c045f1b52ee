//! The one row of `migration`: whose state file this is, and from which CSV.

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{RequestTally, StoreError};
use crate::ids::{AccountId, IdempotencyKey, KeyMaterial, LegacyId, MigrationId};
use crate::state::{Customer, StepId, StepName};

/// What the state file is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Drawn when the file was made.
    pub id: MigrationId,
    /// The account whose key made it.
    pub platform_account: AccountId,
    /// Whether that was a live key.
    pub livemode: bool,
    /// True for a rehearsal on the built-in simulator.
    pub simulated: bool,
    /// Whether the state file was rebuilt after a loss.
    pub recovery: Recovery,
}

/// Whether a state file was rebuilt after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It is the first.
    No,
    /// Not to the end yet: nothing may be sent.
    Unfinished,
    /// It was.
    Done,
}

impl Recovery {
    fn code(self) -> i64 {
        match self {
            Self::No => 0,
            Self::Unfinished => 1,
            Self::Done => 2,
        }
    }

    /// Whatever is not known counts as unfinished: nothing is sent then.
    fn from_code(code: i64) -> Self {
        match code {
            0 => Self::No,
            2 => Self::Done,
            _ => Self::Unfinished,
        }
    }

    /// Keeps how far it is.
    pub fn write(self, conn: &Connection) -> Result<(), StoreError> {
        conn.execute("UPDATE migration SET recovery = ?1", [self.code()])?;
        Ok(())
    }
}

/// The CSV that was imported last, as the file system showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFile {
    /// As it was named on the command line.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it, or its name, was changed last, in nanoseconds since 1970.
    pub changed_ns: i64,
    /// Hexadecimal, of the whole file.
    pub sha256: String,
    /// How it was read: settings, and the files beside it, as a text that differs where anything of it does.
    pub reading: String,
    /// The settings themselves, as a text.
    pub settings: String,
}

impl Migration {
    /// Reads the row; `None` in a file that nothing was imported into yet.
    pub fn read(conn: &Connection) -> Result<Option<Self>, StoreError> {
        conn.query_row(
            "SELECT id, platform_account, livemode, simulated, recovery FROM migration",
            [],
            |row| {
                let id: String = row.get(0)?;
                let recovery = Recovery::from_code(row.get(4)?);
                Ok((id, row.get(1)?, row.get(2)?, row.get(3)?, recovery))
            },
        )
        .optional()?
        .map(|(id, platform_account, livemode, simulated, recovery)| {
            let id = Uuid::parse_str(&id)
                .map_err(|_| StoreError::Damaged("migration.id is no UUID".to_owned()))?;
            Ok(Self {
                id: MigrationId(id),
                platform_account,
                livemode,
                simulated,
                recovery,
            })
        })
        .transpose()
    }

    /// The key of a step's try.
    pub fn key(&self, customer: &Customer, step: StepId, try_no: u32) -> IdempotencyKey {
        let target = step.target.and_then(|target| customer.target(target));
        IdempotencyKey::derive(&KeyMaterial {
            livemode: self.livemode,
            platform_account: &self.platform_account,
            migration: self.id,
            legacy_id: &customer.legacy_id,
            step: step.kind.name(),
            connected_account: target.map(|target| &target.account),
            source: step.source.and_then(|source| customer.source(source)),
            try_no,
        })
    }

    /// The same of a step by its name, whether it is asked for still or not.
    pub fn key_of(&self, legacy_id: &LegacyId, step: &StepName, try_no: u32) -> IdempotencyKey {
        IdempotencyKey::derive(&KeyMaterial {
            livemode: self.livemode,
            platform_account: &self.platform_account,
            migration: self.id,
            legacy_id,
            step: step.kind.name(),
            connected_account: step.account.as_ref(),
            source: step.source.as_ref(),
            try_no,
        })
    }

    /// Writes the row of a new state file.
    pub fn write(&self, conn: &Connection, api_version: &str) -> Result<(), StoreError> {
        conn.execute(
            "INSERT INTO migration (one, id, platform_account, livemode, simulated, api_version, tool_version, recovery)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            rusqlite::params![
                self.id.to_string(),
                self.platform_account,
                self.livemode,
                self.simulated,
                api_version,
                crate::version::VERSION,
                self.recovery.code(),
            ],
        )?;
        Ok(())
    }
}

/// How fast the run goes that is on, or was on last, as it told it.
pub fn pace(conn: &Connection) -> Result<Option<String>, StoreError> {
    let told = conn
        .query_row("SELECT pace FROM migration", [], |row| row.get(0))
        .optional()?;
    Ok(told.flatten())
}

/// Keeps the same before the run's own writer has begun.
pub fn keep_pace(conn: &Connection, told: &str) -> Result<(), StoreError> {
    conn.execute("UPDATE migration SET pace = ?1", [told])?;
    Ok(())
}

/// Clones that may exist unattached, since their making was in doubt and they were made again.
pub fn clones_left(conn: &Connection) -> Result<u64, StoreError> {
    let left = conn
        .query_row("SELECT clones_left FROM migration", [], |row| {
            super::counts::count(row, 0)
        })
        .optional()?;
    Ok(left.unwrap_or(0))
}

impl CsvFile {
    /// The file that was imported last.
    pub fn read(conn: &Connection) -> Result<Option<Self>, StoreError> {
        let found = conn
            .query_row(
                "SELECT csv_path, csv_bytes, csv_changed_ns, csv_sha256, csv_reading, csv_settings FROM migration WHERE csv_sha256 IS NOT NULL",
                [],
                |row| {
                    let bytes: i64 = row.get(1)?;
                    Ok(Self {
                        path: row.get(0)?,
                        bytes: bytes.unsigned_abs(),
                        changed_ns: row.get(2)?,
                        sha256: row.get(3)?,
                        reading: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
                        settings: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                    })
                },
            )
            .optional()?;
        Ok(found)
    }

    /// Keeps what was imported.
    pub fn write(&self, conn: &Connection) -> Result<(), StoreError> {
        conn.execute(
            "UPDATE migration SET csv_path = ?1, csv_bytes = ?2, csv_changed_ns = ?3, csv_sha256 = ?4, csv_reading = ?5, csv_settings = ?6",
            rusqlite::params![
                self.path,
                i64::try_from(self.bytes).unwrap_or(i64::MAX),
                self.changed_ns,
                self.sha256,
                self.reading,
                self.settings
            ],
        )?;
        Ok(())
    }
}

impl RequestTally {
    /// What all runs on this state file have sent so far.
    pub fn read(conn: &Connection) -> Result<Self, StoreError> {
        let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Self> {
            let count = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
            Ok(Self {
                sent: count(0)?,
                retried: count(1)?,
                rate_limited: count(2)?,
            })
        };
        let sql = "SELECT requests_sent, requests_retried, requests_rate_limited FROM migration";
        Ok(conn.query_row(sql, [], row).optional()?.unwrap_or_default())
    }

    /// Adds what was sent since the last time.
    pub fn add_to(self, conn: &Connection) -> rusqlite::Result<()> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        conn.execute(
            "UPDATE migration SET requests_sent = requests_sent + ?1, requests_retried = requests_retried + ?2,
             requests_rate_limited = requests_rate_limited + ?3",
            [count(self.sent), count(self.retried), count(self.rate_limited)],
        )?;
        Ok(())
    }
}
