//! How a run hears: it reads what a listener wrote, by a connection of its own.

use std::cmp::Ordering;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use crate::ids::AccountId;
use crate::store::StoreError;
use crate::store::open::open_readonly;
use crate::time::StripeTime;

/// Whether an account can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Which.
    pub account: AccountId,
    /// It cannot be.
    pub parked: bool,
    /// When an event, or a look, told so last.
    pub told_at: Option<StripeTime>,
}

pub(super) fn access(conn: &Connection, whose: &str) -> Result<Vec<Access>, StoreError> {
    let sql = format!("SELECT id, parked IS NOT NULL, access_at FROM account {whose} ORDER BY id");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Access {
            account: row.get(0)?,
            parked: row.get(1)?,
            told_at: row.get::<_, Option<i64>>(2)?.map(StripeTime),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How a run hears what a listener wrote, by a connection of its own.
#[derive(Debug)]
pub struct Ears {
    conn: Connection,
    heard: i64,
    known: Vec<Access>,
}

impl Ears {
    /// Hears from now on.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let conn = open_readonly(state)?;
        Ok(Self {
            heard: heard(&conn)?,
            known: access(&conn, "")?,
            conn,
        })
    }

    /// The accounts of which something else is known than at the last look; one row is looked at where nothing was heard. What a run
    /// itself found out, and has not kept yet, is not taken back by it.
    pub fn news(&mut self) -> Result<Vec<Access>, StoreError> {
        let heard = heard(&self.conn)?;
        if heard == self.heard {
            return Ok(Vec::new());
        }
        // Read after: what is told meanwhile is told again.
        let now = access(&self.conn, "")?;
        let is_news = |each: &&Access| {
            self.known
                .binary_search_by(|known| compare(known, each))
                .is_err()
        };
        let news = now.iter().filter(is_news).cloned().collect();
        (self.heard, self.known) = (heard, now);
        Ok(news)
    }
}

/// In the order of ids; the same only where all is the same.
fn compare(one: &Access, other: &Access) -> Ordering {
    let key = |access: &Access| (access.parked, access.told_at);
    let by_id = one.account.as_str().cmp(other.account.as_str());
    by_id.then_with(|| key(one).cmp(&key(other)))
}

pub(in crate::store) fn heard(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT heard FROM migration";
    let heard = conn.prepare_cached(sql)?.query_row([], |row| row.get(0));
    Ok(heard.optional()?.unwrap_or(0))
}
