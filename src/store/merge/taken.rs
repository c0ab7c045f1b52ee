//! What a newer CSV changes in the tables.

use rusqlite::Connection;

use super::{Incoming, Known};
use crate::legacy::{Details, Outline};
use crate::state::{Mended, Standing};
use crate::store::mend::write_asked;
use crate::store::{Loaded, StoreError};

/// A customer that was begun, and what of the newer CSV is taken up.
pub(super) struct Taken<'t> {
    pub(super) known: &'t Known,
    pub(super) incoming: &'t Incoming,
    pub(super) before: &'t Loaded,
    pub(super) grown: &'t Mended,
    pub(super) details: &'t Details,
    /// Whether anything is asked for that was not before.
    pub(super) adds: bool,
    /// Of what the Customers that exist have, or are to be given.
    pub(super) details_digest: i64,
}

impl Taken<'_> {
    /// Writes it over the customer's rows. What is done stays done; where something is to be sent, a run takes it up.
    pub(super) fn write(&self, conn: &Connection) -> Result<(), StoreError> {
        let seq = self.known.seq;
        // A run looks at the customer again where something may be done for it; another order of cards that are there is nothing.
        let works = self.adds || self.grown.has_change() || !self.before.customer.is_made();
        if works {
            let targets = self.grown.asked.targets.len();
            write_asked(conn, seq, self.grown, vec![Standing::InProgress; targets])?;
        }
        // Of a customer that is finished, and stays so, nothing personal is kept.
        if works || self.before.details.is_some() {
            let details = super::json(&self.with_what_is_unset())?;
            conn.prepare_cached("UPDATE main.customer SET details = ?2 WHERE seq = ?1")?
                .execute(rusqlite::params![seq, details])?;
        }
        let standing = match self.before.standing {
            Standing::Migrated | Standing::Refused if works => Standing::InProgress,
            other => other,
        };
        if works {
            let asked = &self.grown.asked;
            conn.prepare_cached(
                "UPDATE main.customer SET platform_customer = ?2, default_payment_method = ?3, standing = ?4 WHERE seq = ?1",
            )?
            .execute(rusqlite::params![seq, asked.platform_customer, asked.default, standing])?;
        }
        if self.grown.clones_left > 0 {
            conn.prepare_cached("UPDATE main.migration SET clones_left = clones_left + ?1")?
                .execute([self.grown.clones_left])?;
        }
        super::super::earlier::keep(conn, self.before.seq, self.grown)?;
        note(conn, seq, self.incoming, self.details_digest)
    }

    /// What the newer CSV gives, and an empty field for each that was given before: it is to be unset where it was sent.
    fn with_what_is_unset(&self) -> Details {
        let before = match &self.before.details {
            Some(details) => details.fields().map(|(name, _)| name).collect(),
            None => Outline::parse(self.known.given.as_deref().unwrap_or_default()).names(),
        };
        let mut details = self.details.clone();
        for name in before {
            details.fill(&name);
        }
        details
    }
}

/// The customer is known from now on as the newer CSV has it.
pub(super) fn note(
    conn: &Connection,
    seq: i64,
    incoming: &Incoming,
    details_digest: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE main.customer SET lines = ?2, digest = ?3, details_digest = ?4 WHERE seq = ?1",
    )?
    .execute(rusqlite::params![
        seq,
        incoming.lines,
        incoming.digest,
        details_digest
    ])?;
    Ok(())
}

pub(super) fn remove(conn: &Connection, seq: i64) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM main.payment_method WHERE customer = ?1",
        "DELETE FROM main.target WHERE customer = ?1",
        "DELETE FROM main.customer WHERE seq = ?1",
    ] {
        conn.prepare_cached(sql)?.execute([seq])?;
    }
    Ok(())
}

/// Copies a customer with its rows; `seq` is the row to give it, or a new one.
pub(super) fn copy(conn: &Connection, incoming: i64, seq: Option<i64>) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO main.customer (seq, legacy_id, lines, digest, details_digest, platform_customer, default_payment_method, details, standing)
         SELECT ?2, legacy_id, lines, digest, details_digest, platform_customer, default_payment_method, details, standing
         FROM incoming.customer WHERE seq = ?1",
    )?;
    let seq = statement.insert(rusqlite::params![incoming, seq])?;
    conn.prepare_cached(
        "INSERT INTO main.payment_method (customer, position, id)
         SELECT ?2, position, id FROM incoming.payment_method WHERE customer = ?1",
    )?
    .execute([incoming, seq])?;
    conn.prepare_cached(
        "INSERT INTO main.target (customer, position, account, asked, sources, standing)
         SELECT ?2, t.position, m.seq, t.asked, t.sources, t.standing FROM incoming.target t
         JOIN incoming.account a ON a.seq = t.account JOIN main.account m ON m.id = a.id WHERE t.customer = ?1",
    )?
    .execute([incoming, seq])?;
    Ok(())
}
