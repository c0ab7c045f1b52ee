//! A newer CSV on a state file that has customers: what is new is added, what changed is taken up where that is safe.
//!
//! Hazard: details of a step that may be in flight are frozen, since the same key with other parameters is an error
//! and a new key makes a second of something. So a customer with an unanswered step stays as it is, and is reported.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::codes::StateCode;
use super::import::Imported;
use crate::state::Standing;

/// The first lines that are named of customers whose changes were not taken up.
const MOST_NAMED: usize = 20;

/// What the state file knows of a customer that the CSV names again.
struct Known {
    seq: i64,
    digest: i64,
    standing: Standing,
}

/// How far a changed customer may be taken up.
enum Extent {
    /// Nothing of it was ever started.
    All,
    /// What was started is finished: contact details may change, sources and accounts stay.
    Details,
    /// Something is unanswered, or it is migrated.
    Nothing,
}

/// Takes over what `incoming` has, inside the caller's transaction.
pub fn take_over(conn: &Connection, customers: u64) -> Result<Imported, StoreError> {
    conn.execute_batch(ADD_ACCOUNTS)?;
    let mut imported = Imported {
        customers,
        ..Imported::default()
    };
    let mut statement =
        conn.prepare("SELECT seq, legacy_id, digest, lines FROM incoming.customer ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let incoming: i64 = row.get(0)?;
        let Some(known) = known(conn, &row.get::<_, String>(1)?)? else {
            copy(conn, incoming, None)?;
            imported.added += 1;
            continue;
        };
        if known.digest == row.get::<_, i64>(2)? {
            imported.unchanged += 1;
            continue;
        }
        match extent(conn, &known, incoming)? {
            Extent::All => {
                remove(conn, known.seq)?;
                copy(conn, incoming, Some(known.seq))?;
                imported.updated += 1;
            }
            Extent::Details => {
                update_details(conn, known.seq, incoming)?;
                imported.updated += 1;
            }
            Extent::Nothing => {
                imported.kept_count += 1;
                if imported.kept.len() < MOST_NAMED {
                    let lines: String = row.get(3)?;
                    imported.kept.push(
                        lines
                            .split(' ')
                            .next()
                            .and_then(|line| line.parse().ok())
                            .unwrap_or(0),
                    );
                }
            }
        }
    }
    imported.absent = absent(conn)?;
    Ok(imported)
}

/// A state file that was rebuilt after a loss does not know what was done on an account that it never read.
const ADD_ACCOUNTS: &str = "
INSERT INTO main.account (id, unread, parked)
SELECT id, rebuilt, CASE WHEN rebuilt THEN 'not read yet since the state file was lost' END
FROM incoming.account, (SELECT EXISTS (SELECT 1 FROM main.migration WHERE recovery > 0) AS rebuilt)
WHERE true ON CONFLICT (id) DO NOTHING";

fn known(conn: &Connection, legacy_id: &str) -> Result<Option<Known>, StoreError> {
    let sql = "SELECT seq, digest, standing FROM main.customer WHERE legacy_id = ?1";
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Known {
            seq: row.get(0)?,
            digest: row.get(1)?,
            standing: row.get(2)?,
        })
    };
    Ok(conn
        .prepare_cached(sql)?
        .query_row([legacy_id], row)
        .optional()?)
}

fn extent(conn: &Connection, known: &Known, incoming: i64) -> Result<Extent, StoreError> {
    let exists = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
        conn.prepare_cached(sql)?
            .query_row(params, |row| row.get::<_, bool>(0))
    };
    // What is taken back is not made again.
    if matches!(known.standing, Standing::Migrated | Standing::Undone) {
        return Ok(Extent::Nothing);
    }
    if !exists(
        "SELECT EXISTS (SELECT 1 FROM main.step WHERE customer = ?1)",
        &[&known.seq],
    )? {
        return Ok(Extent::All);
    }
    let unanswered = exists(
        "SELECT EXISTS (SELECT 1 FROM main.step WHERE customer = ?1 AND state IN (?2, ?3))",
        &[&known.seq, &StateCode::Started, &StateCode::InDoubt],
    )?;
    let same_asked = exists(SAME_ASKED, &[&known.seq, &incoming])?;
    Ok(if unanswered || !same_asked {
        Extent::Nothing
    } else {
        Extent::Details
    })
}

/// True where two customers ask for the same sources, default, adoption and accounts.
const SAME_ASKED: &str = "
SELECT NOT EXISTS (
    SELECT position, id FROM main.payment_method WHERE customer = ?1
    EXCEPT SELECT position, id FROM incoming.payment_method WHERE customer = ?2)
AND NOT EXISTS (
    SELECT position, id FROM incoming.payment_method WHERE customer = ?2
    EXCEPT SELECT position, id FROM main.payment_method WHERE customer = ?1)
AND NOT EXISTS (
    SELECT t.position, a.id, t.sources FROM main.target t JOIN main.account a ON a.seq = t.account WHERE t.customer = ?1
    EXCEPT
    SELECT t.position, a.id, t.sources FROM incoming.target t JOIN incoming.account a ON a.seq = t.account
    WHERE t.customer = ?2)
AND NOT EXISTS (
    SELECT t.position, a.id, t.sources FROM incoming.target t JOIN incoming.account a ON a.seq = t.account
    WHERE t.customer = ?2
    EXCEPT
    SELECT t.position, a.id, t.sources FROM main.target t JOIN main.account a ON a.seq = t.account WHERE t.customer = ?1)
AND (SELECT platform_customer FROM main.customer WHERE seq = ?1)
    IS (SELECT platform_customer FROM incoming.customer WHERE seq = ?2)
AND (SELECT default_payment_method FROM main.customer WHERE seq = ?1)
    IS (SELECT default_payment_method FROM incoming.customer WHERE seq = ?2)";

fn remove(conn: &Connection, seq: i64) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM main.payment_method WHERE customer = ?1")?
        .execute([seq])?;
    conn.prepare_cached("DELETE FROM main.target WHERE customer = ?1")?
        .execute([seq])?;
    conn.prepare_cached("DELETE FROM main.customer WHERE seq = ?1")?
        .execute([seq])?;
    Ok(())
}

/// Copies a customer with its rows; `seq` is the row to give it, or a new one.
fn copy(conn: &Connection, incoming: i64, seq: Option<i64>) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO main.customer (seq, legacy_id, lines, digest, platform_customer, default_payment_method, details, standing)
         SELECT ?2, legacy_id, lines, digest, platform_customer, default_payment_method, details, standing
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

/// New contact details; a refused customer is looked at again when a person asks for it.
fn update_details(conn: &Connection, seq: i64, incoming: i64) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE main.customer SET (lines, digest, details) =
         (SELECT lines, digest, details FROM incoming.customer WHERE seq = ?2) WHERE seq = ?1",
    )?
    .execute([seq, incoming])?;
    Ok(())
}

fn absent(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM main.customer c
               WHERE NOT EXISTS (SELECT 1 FROM incoming.customer i WHERE i.legacy_id = c.legacy_id)";
    Ok(conn
        .query_row(sql, [], |row| row.get::<_, i64>(0))?
        .unsigned_abs())
}
