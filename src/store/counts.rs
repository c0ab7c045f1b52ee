//! What the state file adds up to: the work left for the plan, and the counts that `status` shows.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::codes::StateCode;
use super::{RequestTally, StoreError};
use crate::ids::{AccountId, LegacyId};
use crate::plan::Work;
use crate::state::{Doubt, Standing, StepKind};
use crate::time::StripeTime;

/// What a run was asked to confine itself to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// At most so many customers (`--limit`).
    pub limit: Option<u64>,
    /// Only these accounts (`--account`); empty: all.
    pub accounts: Vec<AccountId>,
}

/// Everything that `status` counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Customers by standing, in the order of [`Standing::ALL`].
    pub customers: [u64; 6],
    /// Clones asked for: one for each source and account.
    pub clones_asked: u64,
    /// Clones made.
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
    pub customers: [u64; 6],
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

/// A step whose outcome is not known.
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
    /// Why it is not known; a step that was under way when the last run ended has [`Doubt::NoAnswer`].
    pub doubt: Doubt,
}

fn index_of(standing: Standing) -> usize {
    Standing::ALL
        .iter()
        .position(|each| *each == standing)
        .unwrap_or(0)
}

fn count(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<u64> {
    Ok(row
        .get::<_, Option<i64>>(index)?
        .unwrap_or(0)
        .unsigned_abs())
}

impl Counts {
    /// Counts all. `running`: a run holds the file, so that what is started is under way and not in doubt.
    pub fn read(conn: &Connection, running: bool) -> Result<Self, StoreError> {
        // As of one moment: a run may begin meanwhile.
        let moment = conn.unchecked_transaction()?;
        let mut counts = Self {
            requests: RequestTally::read(conn)?,
            ..Self::default()
        };
        let mut statement =
            conn.prepare("SELECT standing, count(*) FROM customer GROUP BY standing")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            counts.customers[index_of(row.get(0)?)] += count(row, 1)?;
        }
        if !running {
            let unknown = unknown_customers(conn)?;
            counts.customers[index_of(Standing::InProgress)] -= unknown;
            counts.customers[index_of(Standing::InDoubt)] += unknown;
        }
        counts.clones_asked =
            conn.query_row("SELECT sum(asked) FROM target", [], |row| count(row, 0))?;
        counts.cloned = conn.query_row(
            "SELECT count(*) FROM step WHERE kind = ?1 AND state = ?2",
            rusqlite::params![StepKind::ClonePaymentMethod, StateCode::Done],
            |row| count(row, 0),
        )?;
        counts.accounts = accounts(conn)?;
        moment.finish()?;
        Ok(counts)
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

fn accounts(conn: &Connection) -> Result<Vec<AccountCounts>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT a.id, a.parked, t.standing, count(t.customer) FROM account a LEFT JOIN target t ON t.account = a.seq
         GROUP BY a.seq, t.standing ORDER BY a.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut accounts: Vec<AccountCounts> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: AccountId = row.get(0)?;
        if accounts.last().is_none_or(|last| last.id != id) {
            accounts.push(AccountCounts {
                id,
                parked: row.get(1)?,
                customers: [0; 6],
            });
        }
        let standing: Option<Standing> = row.get(2)?;
        if let (Some(last), Some(standing)) = (accounts.last_mut(), standing) {
            last.customers[index_of(standing)] += count(row, 3)?;
        }
    }
    Ok(accounts)
}

impl ReasonCount {
    /// The reasons for refusals, the most frequent first.
    pub fn read(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(
            "SELECT reason, max(message), count(DISTINCT customer) FROM step WHERE state = 3
             GROUP BY reason ORDER BY 3 DESC, reason",
        )?;
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

impl DoubtfulStep {
    /// The first `most` steps whose outcome is not known, in the CSV's order. To be asked while no run is on.
    pub fn read(conn: &Connection, most: u32) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(
            "SELECT c.legacy_id, s.kind, a.id, s.started_at, s.doubt FROM customer c JOIN step s ON s.customer = c.seq
             LEFT JOIN target t ON t.customer = c.seq AND t.position = s.target LEFT JOIN account a ON a.seq = t.account
             WHERE c.standing IN (?1, ?2, ?3) AND s.state IN (?4, ?5) ORDER BY c.seq LIMIT ?6",
        )?;
        let rows = statement.query_map(
            rusqlite::params![
                Standing::InProgress,
                Standing::InDoubt,
                Standing::Parked,
                StateCode::Started,
                StateCode::InDoubt,
                most
            ],
            |row| {
                let doubt: Option<Doubt> = row.get(4)?;
                Ok(Self {
                    legacy_id: row.get(0)?,
                    kind: row.get(1)?,
                    account: row.get(2)?,
                    since: StripeTime(row.get(3)?),
                    doubt: doubt.unwrap_or(Doubt::NoAnswer),
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl DoubtfulStep {
    /// How many there are.
    pub fn count(conn: &Connection) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM customer c JOIN step s ON s.customer = c.seq
                   WHERE c.standing IN (?1, ?2, ?3) AND s.state IN (?4, ?5)";
        let params = rusqlite::params![
            Standing::InProgress,
            Standing::InDoubt,
            Standing::Parked,
            StateCode::Started,
            StateCode::InDoubt
        ];
        Ok(conn.query_row(sql, params, |row| count(row, 0))?)
    }
}

impl Selection {
    /// A common table expression `chosen (seq, adopted)` of the open customers that the selection takes, and its values.
    fn chosen(&self) -> (String, Vec<Value>) {
        let limit = self
            .limit
            .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        // With a limit, customers that wait for something are passed over, as the run does.
        let below = if self.limit.is_some() { 2 } else { 4 };
        let only = if self.accounts.is_empty() {
            String::new()
        } else {
            format!(
                "AND EXISTS (SELECT 1 FROM target t WHERE t.customer = c.seq AND t.standing < 4 AND {})",
                self.account_clause()
            )
        };
        let sql = format!(
            "WITH chosen AS MATERIALIZED (SELECT seq, platform_customer IS NOT NULL AS adopted FROM customer c
             WHERE standing < {below} {only} ORDER BY seq LIMIT {limit})"
        );
        let values = self
            .accounts
            .iter()
            .map(|account| Value::Text(account.as_str().to_owned()))
            .collect();
        (sql, values)
    }

    /// A condition on a target `t`.
    fn account_clause(&self) -> String {
        if self.accounts.is_empty() {
            return "1".to_owned();
        }
        let marks: Vec<String> = (1..=self.accounts.len()).map(|n| format!("?{n}")).collect();
        format!(
            "t.account IN (SELECT seq FROM account WHERE id IN ({}))",
            marks.join(", ")
        )
    }
}

/// The work left for the customers that `selection` takes.
pub fn work(conn: &Connection, selection: &Selection) -> Result<Work, StoreError> {
    let (chosen, values) = selection.chosen();
    let on = selection.account_clause();
    let params = || rusqlite::params_from_iter(values.iter());
    let platform = format!(
        "{chosen} SELECT count(*), sum(n), sum(NOT adopted), sum(iif(adopted, 0, max(n - 1, 0))), sum(iif(adopted, n, 0))
         FROM (SELECT adopted, (SELECT count(*) FROM payment_method p WHERE p.customer = chosen.seq) AS n FROM chosen)"
    );
    let mut work = Work::default();
    conn.query_row(&platform, params(), |row| {
        (work.customers, work.payment_methods) = (count(row, 0)?, count(row, 1)?);
        (work.writes[0], work.writes[1], work.looks) =
            (count(row, 2)?, count(row, 3)?, count(row, 4)?);
        Ok(())
    })?;
    let connected = format!(
        "{chosen} SELECT count(*), max(writes), sum(clones), sum(targets), sum(attaches) FROM
         (SELECT sum(asked) AS clones, count(*) AS targets, sum(max(asked - 1, 0)) AS attaches,
                 sum(asked + 1 + max(asked - 1, 0)) AS writes
          FROM chosen JOIN target t ON t.customer = chosen.seq WHERE {on} GROUP BY t.account)"
    );
    conn.query_row(&connected, params(), |row| {
        (work.accounts, work.busiest_account_writes) = (count(row, 0)?, count(row, 1)?);
        (work.writes[2], work.writes[3], work.writes[4]) =
            (count(row, 2)?, count(row, 3)?, count(row, 4)?);
        Ok(())
    })?;
    subtract_finished(conn, &chosen, &values, &on, &mut work)?;
    Ok(work)
}

/// Takes off what is done or refused already, so that a resumed run's plan is what is left.
fn subtract_finished(
    conn: &Connection,
    chosen: &str,
    values: &[Value],
    on: &str,
    work: &mut Work,
) -> Result<(), StoreError> {
    let sql = format!(
        "{chosen} SELECT s.kind, count(*) FROM chosen JOIN step s ON s.customer = chosen.seq
         LEFT JOIN target t ON t.customer = s.customer AND t.position = s.target
         WHERE s.state IN (2, 3) AND (s.target = -1 OR {on}) GROUP BY s.kind"
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values.iter()))?;
    while let Some(row) = rows.next()? {
        let kind: StepKind = row.get(0)?;
        let finished = count(row, 1)?;
        if let Some(index) = StepKind::ALL.iter().position(|each| *each == kind) {
            work.writes[index] = work.writes[index].saturating_sub(finished);
        }
    }
    Ok(())
}
