//! What the state file adds up to: the counts that `status` shows.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::codes::StateCode;
use super::refused::STANDS;
use super::{RequestTally, StoreError};
use crate::ids::{AccountId, CustomerId, LegacyId};
use crate::state::{Doubt, Standing, StepKind};
use crate::time::StripeTime;

/// Everything that `status` counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Customers by standing, in the order of [`Standing::ALL`].
    pub customers: [u64; 8],
    /// Clones asked for: one for each source and account.
    pub clones_asked: u64,
    /// Clones made, and attached.
    pub cloned: u64,
    /// Every connected account.
    pub accounts: Vec<AccountCounts>,
    /// What was sent.
    pub requests: RequestTally,
}

/// One connected account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCounts {
    /// The account.
    pub id: AccountId,
    /// Why it is parked; `None`: active.
    pub parked: Option<String>,
    /// Customers by standing there, in the order of [`Standing::ALL`].
    pub customers: [u64; 8],
}

/// A reason for refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// Stripe's code, or ours.
    pub reason: String,
    /// One of the messages that came with it.
    pub message: String,
    /// Customers that it hit.
    pub customers: u64,
}

/// A step that only reading can settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubtfulStep {
    /// Whose.
    pub legacy_id: LegacyId,
    /// What was sent.
    pub kind: StepKind,
    /// Where; `None`: the platform.
    pub account: Option<AccountId>,
    /// When its intent was first committed.
    pub since: StripeTime,
    /// Why it is not known.
    pub doubt: Doubt,
    /// The Customers that reading found for it.
    pub seen: Vec<CustomerId>,
}

fn index_of(standing: Standing) -> usize {
    Standing::ALL
        .iter()
        .position(|each| *each == standing)
        .unwrap_or(0)
}

/// A count, which SQLite has as a signed number, or as nothing where there was nothing to sum.
pub(super) fn count(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<u64> {
    /// No file has a trillion of anything; one that says so is damaged, and its sums would overflow.
    const MOST: u64 = 1 << 40;
    let found = row.get::<_, Option<i64>>(index)?.unwrap_or(0);
    let found_count = u64::try_from(found).ok().filter(|count| *count <= MOST);
    found_count.ok_or(rusqlite::Error::IntegralValueOutOfRange(index, found))
}

impl Counts {
    /// Counts all. `running`: a run holds the file, so that what is started is under way and not in doubt.
    pub fn read(conn: &Connection, running: bool) -> Result<Self, StoreError> {
        // As of one moment, the caller's where there is one: a run may begin meanwhile.
        let moment = if conn.is_autocommit() {
            Some(conn.unchecked_transaction()?)
        } else {
            None
        };
        let mut counts = Self {
            requests: RequestTally::read(conn)?,
            ..Self::default()
        };
        counts.customers = standings(conn, running)?;
        counts.read_targets(conn)?;
        counts.cloned += attached_elsewhere(conn)?;
        if let Some(moment) = moment {
            moment.finish()?;
        }
        Ok(counts)
    }
}

/// Customers by standing, in the order of [`Standing::ALL`]. `running`: as for [`Counts::read`].
pub fn standings(conn: &Connection, running: bool) -> Result<[u64; 8], StoreError> {
    let mut customers = [0; 8];
    let mut statement =
        conn.prepare("SELECT standing, count(*) FROM customer GROUP BY standing")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        customers[index_of(row.get(0)?)] += count(row, 1)?;
    }
    if !running {
        let unknown = unknown_customers(conn)?;
        customers[index_of(Standing::InProgress)] -= unknown;
        customers[index_of(Standing::InDoubt)] += unknown;
    }
    Ok(customers)
}

/// Accounts that are parked.
pub fn parked_count(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM account WHERE parked IS NOT NULL";
    Ok(conn.query_row(sql, [], |row| count(row, 0))?)
}

impl Counts {
    /// Reads the accounts, and all targets in one pass: an index that has them by account would have to be kept up by every
    /// customer of a run.
    fn read_targets(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let mut places = HashMap::new();
        let mut statement = conn.prepare("SELECT seq, id, parked FROM account ORDER BY seq")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            places.insert(row.get::<_, i64>(0)?, self.accounts.len());
            self.accounts.push(AccountCounts {
                id: row.get(1)?,
                parked: row.get(2)?,
                customers: [0; 8],
            });
        }
        let mut statement = conn.prepare("SELECT account, standing, asked FROM target")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (standing, asked): (Standing, u64) = (row.get(1)?, count(row, 2)?);
            self.clones_asked += asked;
            if standing == Standing::Migrated {
                self.cloned += asked;
            }
            let place = places.get(&row.get(0)?);
            if let Some(account) = place.and_then(|place| self.accounts.get_mut(*place)) {
                account.customers[index_of(standing)] += 1;
            }
        }
        Ok(())
    }
}

/// Customers in progress that have a step without a known outcome: their visit was broken off.
fn unknown_customers(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM customer c WHERE standing = ?1
               AND EXISTS (SELECT 1 FROM step s WHERE s.customer = c.seq AND s.state IN (?2, ?3))";
    Ok(conn.query_row(
        sql,
        rusqlite::params![Standing::InProgress, StateCode::Started, StateCode::InDoubt],
        |row| count(row, 0),
    )?)
}

/// Clones that are attached on targets that are not migrated as a whole: with their Customer, or by a step of their own. Where a
/// target is, all that was asked for is attached, so the great table of steps need not be read for it.
fn attached_elsewhere(conn: &Connection) -> Result<u64, StoreError> {
    let sql =
        "SELECT count(*) FROM customer c CROSS JOIN step s ON s.customer = c.seq AND s.kind IN (?1, ?11)
               CROSS JOIN target t ON t.customer = s.customer AND t.position = s.target
               WHERE c.standing IN (?2, ?3, ?4, ?5, ?6) AND s.state = ?7 AND s.source >= 0 AND t.standing NOT IN (?8, ?9, ?10)";
    let params = rusqlite::params![
        StepKind::CreateConnectedCustomer,
        Standing::Pending,
        Standing::InProgress,
        Standing::InDoubt,
        Standing::Parked,
        Standing::Refused,
        StateCode::Done,
        Standing::Migrated,
        Standing::Undone,
        Standing::PartlyUndone,
        StepKind::AttachConnectedPaymentMethod
    ];
    Ok(conn.query_row(sql, params, |row| count(row, 0))?)
}

impl ReasonCount {
    /// The reasons for refusals, the most frequent first.
    pub fn read(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(&format!(
            "SELECT reason, max(message), count(DISTINCT customer) FROM step s WHERE state = 3 AND {STANDS}
             GROUP BY reason ORDER BY 3 DESC, reason"
        ))?;
        let rows = statement.query_map([], |row| {
            Ok(Self {
                reason: row.get(0)?,
                message: row.get(1)?,
                customers: count(row, 2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The step that was refused last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// Whose.
    pub legacy_id: LegacyId,
    /// What was sent.
    pub kind: StepKind,
    /// Where; `None`: the platform.
    pub account: Option<AccountId>,
    /// When its intent was committed last.
    pub at: StripeTime,
    /// Stripe's code, or ours.
    pub reason: String,
    /// Stripe's message, masked.
    pub message: String,
}

impl LastError {
    /// The refusal whose intent is the latest. What only a read told has none.
    pub fn read(conn: &Connection) -> Result<Option<Self>, StoreError> {
        let sql = format!(
            "SELECT c.legacy_id, s.kind, a.id, s.sent_at, s.reason, s.message
             FROM (SELECT * FROM step s INDEXED BY step_refused WHERE state = 3 AND sent_at > 0 AND {STANDS} ORDER BY sent_at DESC LIMIT 1) s
             JOIN customer c ON c.seq = s.customer
             LEFT JOIN target t ON t.customer = s.customer AND t.position = s.target LEFT JOIN account a ON a.seq = t.account"
        );
        let refused = conn.query_row(&sql, [], |row| {
            Ok(Self {
                legacy_id: row.get(0)?,
                kind: row.get(1)?,
                account: row.get(2)?,
                at: StripeTime(row.get(3)?),
                reason: row.get(4)?,
                message: row.get(5)?,
            })
        });
        Ok(refused.optional()?)
    }
}

impl DoubtfulStep {
    /// The first `most` steps whose outcome is not known, in the CSV's order. To be asked while no run is on.
    pub fn read(conn: &Connection, most: u32) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(
            "SELECT c.legacy_id, s.kind, a.id, s.started_at, s.doubt, s.seen FROM customer c JOIN step s ON s.customer = c.seq
             LEFT JOIN target t ON t.customer = c.seq AND t.position = s.target LEFT JOIN account a ON a.seq = t.account
             WHERE c.standing IN (?1, ?2, ?3) AND s.state = ?4 AND s.doubt <> ?5 ORDER BY c.seq LIMIT ?6",
        )?;
        let rows = statement.query_map(
            rusqlite::params![
                Standing::InProgress,
                Standing::InDoubt,
                Standing::Parked,
                StateCode::InDoubt,
                Doubt::NoAnswer,
                most
            ],
            |row| {
                Ok(Self {
                    legacy_id: row.get(0)?,
                    kind: row.get(1)?,
                    account: row.get(2)?,
                    since: StripeTime(row.get(3)?),
                    doubt: row.get(4)?,
                    seen: super::codes::ids_from(row.get_ref(5)?.as_str_or_null()?)?,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Steps in doubt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DoubtCounts {
    /// All of them.
    pub steps: u64,
    /// Those that no answer came to, or nobody waited for: they may be sent again while their keys are young.
    pub unanswered: u64,
}

impl DoubtCounts {
    /// Counts them; for when no run is on.
    pub fn read(conn: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT count(*), sum(s.doubt IS NULL OR s.doubt = ?6) FROM customer c JOIN step s ON s.customer = c.seq
                   WHERE c.standing IN (?1, ?2, ?3) AND s.state IN (?4, ?5)";
        let params = rusqlite::params![
            Standing::InProgress,
            Standing::InDoubt,
            Standing::Parked,
            StateCode::Started,
            StateCode::InDoubt,
            Doubt::NoAnswer
        ];
        Ok(conn.query_row(sql, params, |row| {
            Ok(Self {
                steps: count(row, 0)?,
                unanswered: count(row, 1)?,
            })
        })?)
    }
}
