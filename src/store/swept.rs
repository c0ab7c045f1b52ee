//! What the sweeps of `verify` saw, outside the state file: a database of its own that is gone at the end, so that memory stays
//! the same however many Customers there are. And which customers are looked at.

use rusqlite::Connection;

use super::StoreError;
use super::counts::count;
use super::load::CustomerSeq;
use super::writer::in_transaction;
use crate::ids::{AccountId, LegacyId};
use crate::stripe::CustomerFacts;

/// Customers with the marks of one migration.
#[derive(Debug)]
pub struct Swept {
    conn: Connection,
}

impl Swept {
    /// Nothing was swept yet.
    pub fn new() -> Result<Self, StoreError> {
        let conn = Connection::open("")?;
        conn.execute_batch(
            "CREATE TABLE swept (legacy_id TEXT NOT NULL, account TEXT NOT NULL, id TEXT NOT NULL, facts TEXT NOT NULL,
             PRIMARY KEY (legacy_id, account, id)) STRICT, WITHOUT ROWID",
        )?;
        Ok(Self { conn })
    }

    /// Keeps a page of an account's (`None`: the platform's).
    pub fn keep(
        &self,
        account: Option<&AccountId>,
        page: &[(LegacyId, CustomerFacts)],
    ) -> Result<(), StoreError> {
        let account = account.map_or("", AccountId::as_str);
        Ok(in_transaction(&self.conn, || {
            let mut insert = self
                .conn
                .prepare_cached("INSERT OR REPLACE INTO swept VALUES (?1, ?2, ?3, ?4)")?;
            for (legacy_id, facts) in page {
                let json = serde_json::to_string(facts)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                insert.execute(rusqlite::params![legacy_id, account, facts.id, json])?;
            }
            Ok(())
        })?)
    }

    /// Those of a legacy customer, the platform's first.
    pub fn of(
        &self,
        legacy_id: &LegacyId,
    ) -> Result<Vec<(Option<AccountId>, CustomerFacts)>, StoreError> {
        let sql = "SELECT account, facts FROM swept WHERE legacy_id = ?1 ORDER BY account, id";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query([legacy_id])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// Tells of those whose legacy customer the state file does not know.
    pub fn for_each_stranger(
        &self,
        state: &Connection,
        mut each: impl FnMut(LegacyId, Option<AccountId>, CustomerFacts),
    ) -> Result<(), StoreError> {
        let mut known =
            state.prepare("SELECT EXISTS (SELECT 1 FROM customer WHERE legacy_id = ?1)")?;
        let mut statement = self.conn.prepare(
            "SELECT account, facts, legacy_id FROM swept ORDER BY legacy_id, account, id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let legacy_id: LegacyId = row.get(2)?;
            if !known.query_row([&legacy_id], |row| row.get(0))? {
                let (account, facts) = read(row)?;
                each(legacy_id, account, facts);
            }
        }
        Ok(())
    }
}

fn read(row: &rusqlite::Row<'_>) -> Result<(Option<AccountId>, CustomerFacts), StoreError> {
    let account: String = row.get(0)?;
    let facts: String = row.get(1)?;
    let damaged = |what: &dyn std::fmt::Display| StoreError::Damaged(what.to_string());
    let facts = serde_json::from_str(&facts).map_err(|error| damaged(&error))?;
    let account = match account.as_str() {
        "" => None,
        id => Some(AccountId::parse(id).map_err(|error| damaged(&error))?),
    };
    Ok((account, facts))
}

/// Of a customer `c`: something of it is done. (Standing: not pending; state: done.)
const SOMETHING_DONE: &str =
    "c.standing <> 0 AND EXISTS (SELECT 1 FROM step s WHERE s.customer = c.seq AND s.state = 2)";

/// Of an account `a`: it is one of those asked for.
fn is_asked_for(accounts: &[AccountId]) -> String {
    let places: Vec<String> = (1..=accounts.len()).map(|n| format!("?{n}")).collect();
    match accounts {
        [] => "TRUE".to_owned(),
        [_, ..] => format!("a.id IN ({})", places.join(", ")),
    }
}

/// Of a customer `c`: something of it is done, and it is on one of these accounts.
fn is_wanted(accounts: &[AccountId]) -> String {
    let asked = is_asked_for(accounts);
    match accounts {
        [] => SOMETHING_DONE.to_owned(),
        [_, ..] => format!(
            "{SOMETHING_DONE} AND EXISTS (SELECT 1 FROM target t JOIN account a ON a.seq = t.account
             WHERE t.customer = c.seq AND {asked})"
        ),
    }
}

/// Whom a sample is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// Customers of which something is done.
    Done,
    /// Customers with a card that is attached on a connected account.
    WithCard,
}

/// Of a customer `c`: a clone is attached. (Kinds: the Customer made with it, or the attach; state: done; standing: not undone.)
const WITH_CARD: &str = "EXISTS (SELECT 1 FROM step s WHERE s.customer = c.seq AND s.kind IN (4, 5) AND s.state = 2 AND s.source >= 0) AND c.standing <> 6";

/// At most `most` customers, drawn by `seed`, in the CSV's order.
pub fn draw(
    conn: &Connection,
    most: u64,
    seed: u64,
    accounts: &[AccountId],
    whom: Drawn,
) -> Result<Vec<CustomerSeq>, StoreError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut drawn: Vec<CustomerSeq> = Vec::new();
    let sql = format!(
        "SELECT c.seq FROM customer c WHERE {} AND {} ORDER BY c.seq",
        is_wanted(accounts),
        match whom {
            Drawn::Done => "TRUE",
            Drawn::WithCard => WITH_CARD,
        }
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(accounts))?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        let seq = CustomerSeq(row.get(0)?);
        seen += 1;
        // Reservoir sampling: each has the same chance, whoever they are and however many.
        if drawn.len() < most {
            drawn.push(seq);
        } else {
            let place = random.usize(0..seen);
            if let Some(place) = drawn.get_mut(place) {
                *place = seq;
            }
        }
    }
    drawn.sort_unstable();
    Ok(drawn)
}

/// How many requests `verify --all` makes, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadsOfAll {
    /// Pages of Customers, where accounts have no others.
    pub pages: u64,
    /// Lists of what is attached to one Customer, and single look-ups.
    pub lists: u64,
}

impl ReadsOfAll {
    /// Counts them. `thorough`: the list of every Customer is read.
    pub fn count(
        conn: &Connection,
        accounts: &[AccountId],
        thorough: bool,
    ) -> Result<Self, StoreError> {
        let (wanted, asked) = (is_wanted(accounts), is_asked_for(accounts));
        let (platform, connected) = if thorough {
            ("1", "1")
        } else {
            (
                "c.platform_customer IS NOT NULL OR (SELECT count(*) FROM payment_method p WHERE p.customer = c.seq) > 1",
                "t.asked > 1",
            )
        };
        let one = |sql: String| -> Result<u64, StoreError> {
            Ok(
                conn.query_row(&sql, rusqlite::params_from_iter(accounts), |row| {
                    count(row, 0)
                })?,
            )
        };
        // An adopted Customer has no marks that a sweep could find it by.
        let lists = one(format!(
            "SELECT count(CASE WHEN {platform} THEN 1 END) + count(c.platform_customer) FROM customer c WHERE {wanted}"
        ))? + one(format!(
            "SELECT count(*) FROM customer c JOIN target t ON t.customer = c.seq JOIN account a ON a.seq = t.account
             WHERE {wanted} AND {asked} AND ({connected})"
        ))?;
        let pages = one(format!(
            "SELECT (SELECT max(1, (count(*) + 99) / 100) FROM customer c WHERE {wanted})
             + (SELECT coalesce(sum((n + 99) / 100), 0) FROM (SELECT count(*) AS n FROM customer c
                JOIN target t ON t.customer = c.seq JOIN account a ON a.seq = t.account
                WHERE {wanted} AND {asked} GROUP BY t.account))"
        ))?;
        Ok(Self { pages, lists })
    }
}
