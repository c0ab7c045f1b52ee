//! Tries that another has taken the place of, and the last of steps that a mended line no longer asks for.
//!
//! A step has one row, that of its latest try: that is what a run decides on. What became of those before is kept here, by the ids that
//! the step's key is made of, for the person who asks what an earlier answer was. A row is written only where a new try begins.

use rusqlite::Connection;

use super::codes::{object_text, read_step, step_columns};
use super::{CustomerSeq, StoreError};
use crate::ids::{AccountId, LegacyId, PaymentMethodId};
use crate::state::{Mended, Record, StepId, StepName, StepState, Tried};

/// A try that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierTry {
    /// Of which step.
    pub name: StepName,
    /// As it was left; without the digest of its request.
    pub record: Record,
}

/// A try that is over, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierTryOf {
    /// Whose.
    pub legacy_id: LegacyId,
    /// The try.
    pub tried: EarlierTry,
    /// The step is not asked for any more.
    pub dropped: bool,
}

const COLUMNS: &str = "customer, kind, account, source, try_no, dropped, state, started_at, sent_at, \
     request_id, object, doubt, reach, status, reason, message, seen_at, seen, seen_request_id";

/// As [`read_step`] takes it, and after that what this table has besides.
const SELECT: &str = "SELECT e.kind, -1, -1, e.try_no, e.state, e.started_at, 0, e.request_id, e.object, e.doubt, e.reach, \
     e.status, e.reason, e.message, e.sent_at, e.seen_at, e.seen, e.seen_request_id, e.account, e.source, e.dropped, e.customer FROM earlier e";

/// Keeps a step's row, where it is of a try before `try_no`, which is about to take its place.
pub(super) fn keep_before(
    conn: &Connection,
    customer: i64,
    step: StepId,
    try_no: u32,
) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT OR REPLACE INTO earlier ({COLUMNS})
         SELECT s.customer, s.kind, coalesce(a.id, ''), coalesce(p.id, ''), s.try_no, 0, s.state, s.started_at, s.sent_at,
            s.request_id, s.object, s.doubt, s.reach, s.status, s.reason, s.message, s.seen_at, s.seen, s.seen_request_id
         FROM step s LEFT JOIN target t ON t.customer = s.customer AND t.position = s.target
            LEFT JOIN account a ON a.seq = t.account
            LEFT JOIN payment_method p ON p.customer = s.customer AND p.position = s.source
         WHERE s.customer = ?1 AND s.kind = ?2 AND s.target = ?3 AND s.source = ?4 AND s.try_no < ?5"
    );
    let (kind, target, source) = step_columns(step);
    conn.prepare_cached(&sql)?
        .execute(rusqlite::params![customer, kind, target, source, try_no])?;
    Ok(())
}

/// The tries that a mended customer's new ones take the place of, and the last of each step that is not asked for any more.
pub(super) fn keep(
    conn: &Connection,
    customer: CustomerSeq,
    mended: &Mended,
) -> Result<(), StoreError> {
    let earlier = mended.earlier.iter().map(|each| (each, false));
    for ((name, record), dropped) in earlier.chain(mended.dropped.iter().map(|each| (each, true))) {
        keep_one(conn, customer, name, record, dropped)?;
    }
    Ok(())
}

fn keep_one(
    conn: &Connection,
    customer: CustomerSeq,
    name: &StepName,
    record: &Record,
    dropped: bool,
) -> Result<(), StoreError> {
    let (object, doubt, refusal) = match &record.state {
        StepState::Done(object) => (Some(object_text(object)), None, None),
        StepState::Refused(refusal) => (None, None, Some(refusal)),
        StepState::InDoubt(doubt) => (None, Some(*doubt), None),
        StepState::Ready | StepState::Started => (None, None, None),
    };
    let seen = record.seen.as_ref();
    let sql = format!(
        "INSERT OR REPLACE INTO earlier ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
    );
    conn.prepare_cached(&sql)?.execute(rusqlite::params![
        customer.0,
        name.kind,
        name.account.as_ref().map_or("", AccountId::as_str),
        name.source.as_ref().map_or("", PaymentMethodId::as_str),
        record.try_no,
        dropped,
        super::codes::state_code(&record.state),
        record.started_at.0,
        record.sent_at.0,
        record.request_id,
        object,
        doubt,
        refusal.map(|refusal| refusal.reach),
        refusal.map(|refusal| refusal.status),
        refusal.map(|refusal| refusal.reason.as_str()),
        refusal.map(|refusal| refusal.message.as_str()),
        seen.map(|seen| seen.reading.at.0),
        seen.map(|seen| super::codes::ids_text(&seen.customers)),
        seen.and_then(|seen| seen.reading.request_id.as_ref()),
    ])?;
    Ok(())
}

/// The last try of each step that was dropped earlier.
pub(super) fn tried(conn: &Connection, customer: CustomerSeq) -> Result<Tried, StoreError> {
    let sql =
        "SELECT kind, account, source, max(try_no) FROM earlier WHERE customer = ?1 AND dropped = 1
         GROUP BY kind, account, source";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([customer.0], |row| {
        let (account, source): (String, String) = (row.get(1)?, row.get(2)?);
        let name = StepName {
            kind: row.get(0)?,
            account: AccountId::parse(&account).ok(),
            source: PaymentMethodId::parse(&source).ok(),
        };
        Ok((name, row.get(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All that is kept of one customer's earlier tries, step by step, in order.
pub(super) fn of_customer(
    conn: &Connection,
    customer: CustomerSeq,
) -> Result<Vec<EarlierTry>, StoreError> {
    let sql =
        format!("{SELECT} WHERE e.customer = ?1 ORDER BY e.kind, e.account, e.source, e.try_no");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map([customer.0], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many earlier tries are kept, and the first `most` of them, in the customers' order.
pub fn earlier_tries(conn: &Connection, most: u32) -> Result<(u64, Vec<EarlierTryOf>), StoreError> {
    let sql = "SELECT count(*) FROM earlier";
    let all = conn.query_row(sql, [], |row| super::counts::count(row, 0))?;
    let sql = format!(
        "SELECT e.*, c.legacy_id FROM ({SELECT} ORDER BY e.customer, e.kind, e.account, e.source, e.try_no LIMIT ?1) e
         JOIN customer c ON c.seq = e.customer ORDER BY e.customer, e.kind, e.account, e.source, e.try_no"
    );
    let mut statement = conn.prepare(&sql)?;
    let tries = statement.query_map([most], |row| {
        Ok(EarlierTryOf {
            legacy_id: row.get(22)?,
            tried: read(row)?,
            dropped: row.get(20)?,
        })
    })?;
    Ok((all, tries.collect::<Result<_, _>>()?))
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<EarlierTry> {
    let (step, record) = read_step(row)?;
    let (account, source): (String, String) = (row.get(18)?, row.get(19)?);
    Ok(EarlierTry {
        name: StepName {
            kind: step.kind,
            account: AccountId::parse(&account).ok(),
            source: PaymentMethodId::parse(&source).ok(),
        },
        record,
    })
}
