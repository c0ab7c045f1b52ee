//! Clones whose sources changed at Stripe: which of them are renewed, and what is known of each.
//!
//! ```text
//!   event heard ──▶ row ──▶ taken up ──▶ new clone asked for: `renewed` = the event known by then ──▶ clone before detached:
//!                    ▲                                                                                the row goes, if it still
//!                    └────────────── another event ◀── (it stays, and is taken up again, if not) ◀──  is of that event
//! ```
//!
//! Hazard: an event that is heard while a renewal is on tells of a change that the new clone may lack. One that was heard before the
//! clone was asked for does not, whatever the clocks say. So a row goes only with the event that was known by then.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::codes::{INSERT_STEP, write_step};
use super::earlier;
use super::load::{CustomerSeq, Loaded, Loader};
use super::work::Selection;
use super::{AccountSeq, StoreError};
use crate::ids::{AccountId, LegacyId, PaymentMethodId};
use crate::state::{Doubt, Position, Renewable, Standing, StepKind};
use crate::time::StripeTime;
use crate::webhook::Change;

/// How far the renewal of a clone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The new clone is asked for.
    Asked,
    /// The clone before is detached.
    Done,
}

/// Keeps it, in the transaction of the step that it is of.
pub(super) fn write(
    conn: &Connection,
    customer: CustomerSeq,
    account: AccountSeq,
    source: &PaymentMethodId,
    renewal: Renewal,
) -> rusqlite::Result<()> {
    let sql = match renewal {
        Renewal::Asked => {
            "UPDATE stale SET renewed = event WHERE customer = ?1 AND account = ?2 AND source = ?3"
        }
        Renewal::Done => {
            "DELETE FROM stale WHERE customer = ?1 AND account = ?2 AND source = ?3 AND event = renewed"
        }
    };
    let row = params![customer.0, account.0, source];
    conn.prepare_cached(sql)?.execute(row).map(|_| ())
}

/// What came of taking stale clones up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renewals {
    /// Clones that are renewed from now on.
    pub clones: u64,
    /// Their customers.
    pub customers: u64,
    /// Clones whose renewal was refused, and is tried again; among [`Renewals::clones`].
    pub again: u64,
    /// Clones whose renewal was begun before, and goes on.
    pub begun: u64,
    /// Clones that cannot be renewed now: they are in doubt, not attached yet, or on an account that is out of reach or not selected;
    /// or their customers are beyond a limit.
    pub waiting: u64,
    /// Sources that were detached from their Customer, so that nothing can be cloned from them.
    pub detached: u64,
}

/// Which stale clones are taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeStale {
    /// All, and what was refused of their renewals is tried again.
    All,
    /// Those whose source changed since they were asked for last.
    Changed,
}

/// A stale clone's row.
struct Row {
    account: AccountSeq,
    source: PaymentMethodId,
    since: StripeTime,
}

/// Asks for the renewal of stale clones that `selection` takes, in one transaction. `at`: kept where a standing changes.
pub fn take_up_stale(
    conn: &Connection,
    selection: &Selection,
    which: TakeStale,
    at: Option<StripeTime>,
) -> Result<Renewals, StoreError> {
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    let mut renewals = Renewals {
        detached: detached(&transaction)?,
        ..Renewals::default()
    };
    let left = selection.limit.unwrap_or(u64::MAX);
    let loader = Loader::new(&*transaction)?;
    for (seq, rows) in by_customer(&transaction, which)? {
        let beyond = renewals.customers >= left;
        let only = selection.only.as_ref();
        let is_left_out = only.is_some_and(|only| only.binary_search(&seq).is_err());
        let loaded = loader.whole(seq)?.filter(|_| !beyond && !is_left_out);
        let Some(mut loaded) = loaded else {
            renewals.waiting += u64::try_from(rows.len()).unwrap_or(u64::MAX);
            continue;
        };
        selection.confine(&mut loaded);
        take_up(&transaction, &mut loaded, &rows, at, &mut renewals)?;
    }
    drop(loader);
    transaction.commit()?;
    Ok(renewals)
}

fn by_customer(
    conn: &Connection,
    which: TakeStale,
) -> Result<BTreeMap<CustomerSeq, Vec<Row>>, StoreError> {
    let changed = match which {
        TakeStale::All => "",
        TakeStale::Changed => "AND (renewed IS NULL OR renewed <> event)",
    };
    let sql = format!(
        "SELECT customer, account, source, since FROM stale WHERE reason <> 'detached' {changed}"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut customers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let seq = CustomerSeq(row.get(0)?);
        customers.entry(seq).or_default().push(Row {
            account: AccountSeq(row.get(1)?),
            source: row.get(2)?,
            since: StripeTime(row.get(3)?),
        });
    }
    Ok(customers)
}

fn take_up(
    conn: &Connection,
    loaded: &mut Loaded,
    rows: &[Row],
    at: Option<StripeTime>,
    renewals: &mut Renewals,
) -> Result<(), StoreError> {
    let mut targets = Vec::new();
    for row in rows {
        let Some((target, source)) = place(loaded, row) else {
            forget(conn, loaded.seq, row)?;
            continue;
        };
        match loaded.customer.is_renewable(target, source, row.since) {
            Renewable::Nothing => forget(conn, loaded.seq, row)?,
            Renewable::Begun => renewals.begun += 1,
            Renewable::Waits => renewals.waiting += 1,
            renewable @ (Renewable::Yes | Renewable::Refused) => {
                renewals.clones += 1;
                renewals.again += u64::from(renewable == Renewable::Refused);
                targets.push(target);
                let illegal =
                    |illegal: crate::state::Illegal| StoreError::Damaged(illegal.to_string());
                let records = loaded.customer.renew(target, source, row.since);
                let mut insert = conn.prepare_cached(INSERT_STEP)?;
                for (step, record) in records.map_err(illegal)? {
                    earlier::keep_before(conn, loaded.seq.0, step, record.try_no)?;
                    write_step(&mut insert, loaded.seq.0, step, &record)?;
                }
            }
        }
    }
    if targets.is_empty() {
        return Ok(());
    }
    renewals.customers += 1;
    let (now, finished) = (
        Standing::InProgress,
        [Standing::Refused, Standing::Migrated],
    );
    conn.prepare_cached(
        "UPDATE customer SET standing = ?2, changed_at = coalesce(?3, changed_at) WHERE seq = ?1 AND standing IN (?4, ?5)",
    )?
    .execute(params![loaded.seq.0, now, at.map(|at| at.0), finished[0], finished[1]])?;
    for target in targets {
        conn.prepare_cached(
            "UPDATE target SET standing = ?3 WHERE customer = ?1 AND position = ?2 AND standing IN (?4, ?5)",
        )?
        .execute(params![loaded.seq.0, target, now, finished[0], finished[1]])?;
    }
    Ok(())
}

/// Where a row's clone is.
fn place(loaded: &Loaded, row: &Row) -> Option<(Position, Position)> {
    let mut accounts = loaded.accounts.iter();
    let target = accounts.position(|account| *account == row.account)?;
    let mut sources = loaded.customer.sources.iter();
    let source = sources.position(|source| *source == row.source)?;
    Some((
        Position::try_from(target).ok()?,
        Position::try_from(source).ok()?,
    ))
}

/// There is no clone of before any more.
fn forget(conn: &Connection, customer: CustomerSeq, row: &Row) -> Result<(), StoreError> {
    let sql = "DELETE FROM stale WHERE customer = ?1 AND account = ?2 AND source = ?3";
    conn.prepare_cached(sql)?
        .execute(params![customer.0, row.account.0, row.source])?;
    Ok(())
}

/// Clones that can be renewed, without a look at how far each is.
pub fn to_be_renewed(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM stale WHERE reason <> 'detached'";
    Ok(conn.query_row(sql, [], |row| super::counts::count(row, 0))?)
}

/// Stale clones, and those of them whose source was detached.
pub fn stale_clones(conn: &Connection) -> Result<(u64, u64), StoreError> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE reason = 'detached') FROM stale";
    let row = |row: &rusqlite::Row<'_>| {
        let count = |column| super::counts::count(row, column);
        Ok((count(0)?, count(1)?))
    };
    Ok(conn.query_row(sql, [], row)?)
}

/// Sources that were detached, whose clones nothing can renew.
fn detached(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM (SELECT DISTINCT customer, source FROM stale WHERE reason = 'detached')";
    Ok(conn.query_row(sql, [], |row| super::counts::count(row, 0))?)
}

/// How often something was heard.
pub fn heard(conn: &Connection) -> Result<i64, StoreError> {
    super::heard::heard(conn)
}

/// True where a customer is left in doubt that a run may settle: what was found twice waits for a person.
pub fn any_to_be_settled(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM customer c JOIN step s ON s.customer = c.seq
        WHERE c.standing = ?1 AND (s.state = 1 OR (s.state = 4 AND s.doubt <> ?2)) LIMIT 1";
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.exists(params![Standing::InDoubt, Doubt::FoundTwice])?)
}

/// A clone that is stale, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleClone {
    /// Whose.
    pub customer: CustomerSeq,
    /// The same, as the CSV names it.
    pub legacy_id: LegacyId,
    /// Where.
    pub account: AccountId,
    /// Of which source.
    pub source: PaymentMethodId,
    /// When the source changed, by Stripe's clock.
    pub since: StripeTime,
    /// How: `automatically_updated`, `updated` or `detached`.
    pub reason: String,
    /// The event that told.
    pub event: String,
    /// Its renewal is asked for, and not at its end.
    pub in_renewal: bool,
}

impl StaleClone {
    /// The first `most` of them, or all of one customer.
    pub fn read(
        conn: &Connection,
        customer: Option<CustomerSeq>,
        most: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT s.customer, c.legacy_id, a.id, s.source, s.since, s.reason, s.event,
                EXISTS (SELECT 1 FROM step r JOIN target t ON t.customer = r.customer AND t.position = r.target
                    JOIN payment_method p ON p.customer = r.customer AND p.position = r.source
                    WHERE r.customer = s.customer AND r.kind = ?3 AND r.state <> 2 AND t.account = s.account AND p.id = s.source)
            FROM stale s JOIN customer c ON c.seq = s.customer JOIN account a ON a.seq = s.account
            WHERE ?1 IS NULL OR s.customer = ?1 ORDER BY s.customer, s.account, s.source LIMIT ?2";
        let mut statement = conn.prepare_cached(sql)?;
        let last = StepKind::DetachReplacedPaymentMethod;
        let rows = statement.query_map(params![customer.map(|seq| seq.0), most, last], |row| {
            Ok(Self {
                customer: CustomerSeq(row.get(0)?),
                legacy_id: row.get(1)?,
                account: row.get(2)?,
                source: row.get(3)?,
                since: StripeTime(row.get(4)?),
                reason: row.get(5)?,
                event: row.get(6)?,
                in_renewal: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// True where the source was detached, so that nothing can renew the clone.
    pub fn is_detached(&self) -> bool {
        self.reason == Change::Detached.name()
    }
}
