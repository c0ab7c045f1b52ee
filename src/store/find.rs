//! Whose an id is. These are the questions of a person about one customer at a time: no index is kept for them, since a run and an
//! import would have to keep it up for every row; each is one walk through a table.

use rusqlite::{Connection, OptionalExtension, Params};

use super::counts::count;
use super::earlier::{self, EarlierTry};
use super::proofs::{Case, Proofs};
use super::stale::StaleClone;
use super::undo::{UndoneStep, undo_left, undo_left_on, undo_steps};
use super::{AccountSeq, CustomerSeq, StoreError};
use crate::ids::AccountId;
use crate::state::{Position, Standing};
use crate::time::StripeTime;

/// Customers that are named for one id.
const MOST: u32 = 20;

/// The customer with this legacy id.
pub fn by_legacy_id(conn: &Connection, id: &str) -> Result<Option<CustomerSeq>, StoreError> {
    let sql = "SELECT seq FROM customer WHERE legacy_id = ?1";
    let found = conn.query_row(sql, [id], |row| row.get(0).map(CustomerSeq));
    Ok(found.optional()?)
}

/// The customers that a line of the CSV names: several, where several CSVs were imported.
pub fn by_line(conn: &Connection, line: u64) -> Result<Vec<CustomerSeq>, StoreError> {
    let sql = "SELECT seq FROM customer WHERE lines = ?1 OR (instr(lines, ' ') > 0 AND instr(' ' || lines || ' ', ' ' || ?1 || ' ') > 0) LIMIT ?2";
    let mut statement = conn.prepare(sql)?;
    let found = statement.query_map(rusqlite::params![line.to_string(), MOST], |row| {
        row.get(0).map(CustomerSeq)
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The customers that have to do with an object of Stripe's: a source, a clone, a Customer, or what `verify --charge` made.
pub fn by_object(conn: &Connection, id: &str) -> Result<Vec<CustomerSeq>, StoreError> {
    let sql = "SELECT customer FROM payment_method WHERE id = ?1
        UNION SELECT seq FROM customer WHERE platform_customer = ?1
        UNION SELECT customer FROM step WHERE object = ?1 OR object = 'held:' || ?1
            OR (seen IS NOT NULL AND instr(' ' || seen || ' ', ' ' || ?1 || ' ') > 0)
        UNION SELECT customer FROM earlier WHERE source = ?1 OR object = ?1 OR object = 'held:' || ?1
            OR (seen IS NOT NULL AND instr(' ' || seen || ' ', ' ' || ?1 || ' ') > 0)
        UNION SELECT customer FROM proof WHERE ?1 IN (intent, charge, refund, application_fee) LIMIT ?2";
    found(conn, sql, id)
}

/// The customers of whose steps this answer told.
pub fn by_request(conn: &Connection, id: &str) -> Result<Vec<CustomerSeq>, StoreError> {
    let sql = "SELECT customer FROM step WHERE request_id = ?1 OR seen_request_id = ?1
        UNION SELECT customer FROM earlier WHERE request_id = ?1 OR seen_request_id = ?1 LIMIT ?2";
    found(conn, sql, id)
}

fn found(conn: &Connection, sql: &str, id: &str) -> Result<Vec<CustomerSeq>, StoreError> {
    let mut statement = conn.prepare(sql)?;
    let found = statement.query_map(rusqlite::params![id, MOST], |row| {
        row.get(0).map(CustomerSeq)
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What is known of a customer beside what the step machine decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The lines of the CSV that name it.
    pub lines: Vec<u64>,
    /// When its standing was written last.
    pub changed_at: Option<StripeTime>,
    /// What was mended of it, in order.
    pub mended: Vec<MendedField>,
    /// Tries that are over, those of steps that are not asked for any more among them, step by step.
    pub earlier: Vec<EarlierTry>,
    /// What was detached and deleted, or was to be.
    pub undone: Vec<UndoneStep>,
    /// What `undo` left where it is: target (`None`: the platform), reason, message.
    pub left: Vec<(Option<Position>, String, String)>,
    /// Its clones whose sources changed since.
    pub stale: Vec<StaleClone>,
    /// What `verify --charge` did with its clones.
    pub proofs: Vec<Case>,
}

/// A field that a person changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MendedField {
    /// When, by Stripe's clock.
    pub at: StripeTime,
    /// Who.
    pub who: String,
    /// In which file.
    pub file: String,
    /// On which line.
    pub line: u64,
    /// The column; empty where nothing was changed.
    pub field: String,
    /// As it was; contact details are masked.
    pub old: Option<String>,
    /// As it is.
    pub new: Option<String>,
}

impl Trace {
    /// Reads it.
    pub fn read(conn: &Connection, seq: CustomerSeq) -> Result<Self, StoreError> {
        let sql = "SELECT lines, changed_at FROM customer WHERE seq = ?1";
        let (lines, changed_at): (String, Option<i64>) =
            conn.query_row(sql, [seq.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut statement = conn.prepare_cached(
            "SELECT at, who, file, line, field, old, new FROM mended WHERE customer = ?1 ORDER BY seq",
        )?;
        let mended = statement.query_map([seq.0], |row| {
            Ok(MendedField {
                at: StripeTime(row.get(0)?),
                who: row.get(1)?,
                file: row.get(2)?,
                line: count(row, 3)?,
                field: row.get(4)?,
                old: row.get(5)?,
                new: row.get(6)?,
            })
        })?;
        let mended = mended.collect::<Result<_, _>>()?;
        Ok(Self {
            lines: lines
                .split(' ')
                .filter_map(|line| line.parse().ok())
                .collect(),
            changed_at: changed_at.map(StripeTime),
            mended,
            earlier: earlier::of_customer(conn, seq)?,
            undone: undo_steps(conn, seq)?,
            left: undo_left(conn, seq)?,
            stale: StaleClone::read(conn, Some(seq), u32::MAX)?,
            proofs: Proofs::new(conn, None).of(seq)?,
        })
    }
}

/// A connected account, with what stands where on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTrace {
    /// Its id.
    pub id: AccountId,
    /// Why it is parked.
    pub parked: Option<String>,
    /// Customers that ask for it, by standing there, in the order of [`Standing::ALL`].
    pub customers: [u64; 8],
    /// Reasons for refusals there with their customers, the most frequent first.
    pub reasons: Vec<(String, String, u64)>,
    /// What `undo` left there: reason, one of the messages, customers; the most frequent first.
    pub left: Vec<(String, String, u64)>,
}

impl AccountTrace {
    /// Of the platform account: where the customers stand as a whole, and what was refused there.
    pub fn platform(conn: &Connection, id: &AccountId) -> Result<Self, StoreError> {
        let sql = "SELECT standing, count(*) FROM customer GROUP BY standing";
        let customers = counted(conn, sql, [])?;
        let sql = "SELECT reason, max(message), count(DISTINCT customer) FROM step s INDEXED BY step_refused
            WHERE state = 3 AND target = -1 GROUP BY reason ORDER BY 3 DESC, 1";
        Ok(Self {
            id: id.clone(),
            parked: None,
            customers,
            reasons: reasons(conn, sql, [])?,
            left: undo_left_on(conn, None)?,
        })
    }

    /// Reads it; `None` where no customer asks for it.
    pub fn read(conn: &Connection, id: &AccountId) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT seq, parked FROM account WHERE id = ?1";
        let found = conn.query_row(sql, [id], |row| Ok((AccountSeq(row.get(0)?), row.get(1)?)));
        let Some((seq, parked)) = found.optional()? else {
            return Ok(None);
        };
        let sql = "SELECT standing, count(*) FROM target WHERE account = ?1 GROUP BY standing";
        let customers = counted(conn, sql, [seq.0])?;
        let sql = "SELECT s.reason, max(s.message), count(DISTINCT s.customer) FROM step s INDEXED BY step_refused
            CROSS JOIN target t ON t.customer = s.customer AND t.position = s.target
            WHERE s.state = 3 AND t.account = ?1 AND t.undone = 0 GROUP BY s.reason ORDER BY 3 DESC, 1";
        Ok(Some(Self {
            id: id.clone(),
            parked,
            customers,
            reasons: reasons(conn, sql, [seq.0])?,
            left: undo_left_on(conn, Some(seq))?,
        }))
    }
}

/// How many stand where, in the order of [`Standing::ALL`].
fn counted(conn: &Connection, sql: &str, of: impl Params) -> Result<[u64; 8], StoreError> {
    let mut customers = [0; 8];
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query(of)?;
    while let Some(row) = rows.next()? {
        let standing: Standing = row.get(0)?;
        for (each, customers) in Standing::ALL.iter().zip(&mut customers) {
            if *each == standing {
                *customers = count(row, 1)?;
            }
        }
    }
    Ok(customers)
}

fn reasons(
    conn: &Connection,
    sql: &str,
    of: impl Params,
) -> Result<Vec<(String, String, u64)>, StoreError> {
    let mut statement = conn.prepare(sql)?;
    let reasons = statement.query_map(of, |row| Ok((row.get(0)?, row.get(1)?, count(row, 2)?)))?;
    Ok(reasons.collect::<Result<_, _>>()?)
}
