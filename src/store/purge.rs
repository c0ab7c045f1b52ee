//! The end of the retention: what is left of people in the state file is erased, and the mapping stays.
//!
//! Erased pages are overwritten (`secure_delete`), and the log is emptied: its old pages hold what the file no longer does.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::counts::count;
use super::{StoreError, standings};
use crate::state::Standing;
use crate::time::StripeTime;

/// What of people is in a state file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Personal {
    /// Customers with contact details, by standing, in the order of [`Standing::ALL`].
    pub details: [u64; 8],
    /// Customers that a run could still work on, by standing, whether there are details of them or not.
    pub open: [u64; 8],
    /// Stripe's messages, masked.
    pub messages: u64,
    /// Values that a person mended, masked.
    pub mended: u64,
    /// Legacy ids that are e-mail addresses: they are the mapping, and stay.
    pub emails_as_ids: u64,
}

/// Where Stripe's messages are kept: table, column.
const MESSAGES: [(&str, &str); 5] = [
    ("step", "message"),
    ("earlier", "message"),
    ("proof", "declined_message"),
    ("proof_step", "message"),
    ("undo_step", "message"),
];

impl Personal {
    /// Counts it. To be asked while no run is on.
    pub fn read(conn: &Connection) -> Result<Self, StoreError> {
        let one = |sql: &str| conn.query_row(sql, [], |row| count(row, 0));
        let mut found = Self {
            mended: one("SELECT count(*) FROM mended WHERE coalesce(old, new) IS NOT NULL")?,
            emails_as_ids: one("SELECT count(*) FROM customer WHERE legacy_id LIKE '%_@_%'")?,
            ..Self::default()
        };
        for (table, column) in MESSAGES {
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} <> ''");
            found.messages += one(&sql)?;
        }
        let sql =
            "SELECT standing, count(*) FROM customer WHERE details IS NOT NULL GROUP BY standing";
        let mut statement = conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let standing: Standing = row.get(0)?;
            let places = Standing::ALL.iter().zip(&mut found.details);
            for (_, place) in places.filter(|(each, _)| **each == standing) {
                *place = count(row, 1)?;
            }
        }
        found.open = standings(conn, false)?;
        for (standing, open) in Standing::ALL.iter().zip(&mut found.open) {
            if matches!(
                standing,
                Standing::Migrated | Standing::Undone | Standing::PartlyUndone
            ) {
                *open = 0;
            }
        }
        Ok(found)
    }

    /// Customers that no run can work on any more once it is erased.
    pub fn given_up(&self) -> u64 {
        self.open.iter().sum()
    }
}

/// Erases it, and keeps when, in seconds since 1970 by this machine's clock. The caller holds the [`super::RunLock`]. Done again, it
/// empties the log alone.
pub fn purge(conn: &mut Connection, at: StripeTime) -> Result<(), StoreError> {
    if purged_at(conn)?.is_none() {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "UPDATE customer SET details = NULL, given = NULL, digest = 0, details_digest = 0",
            [],
        )?;
        for (table, column) in MESSAGES {
            let sql = format!("UPDATE {table} SET {column} = '' WHERE {column} <> ''");
            transaction.execute(&sql, [])?;
        }
        transaction.execute("UPDATE mended SET old = NULL, new = NULL", [])?;
        transaction.execute("UPDATE migration SET purged_at = ?1", [at.0])?;
        transaction.commit()?;
    }
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// When that was done.
pub fn purged_at(conn: &Connection) -> Result<Option<StripeTime>, StoreError> {
    let at = conn.query_row("SELECT purged_at FROM migration", [], |row| row.get(0));
    Ok(at.optional()?.flatten().map(StripeTime))
}
