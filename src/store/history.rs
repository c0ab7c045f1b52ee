//! What was done on this state file, for the record: each run, as it was asked for and as it ended, and each verification.
//! A few rows a command, so that the writer of a run has nothing more to do than before.

use rusqlite::Connection;

use super::counts::count;
use super::{RequestTally, StoreError};
use crate::time::StripeTime;

/// A run's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSeq(i64);

/// A run, a resume or a retry, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAsked {
    /// The command's name.
    pub command: String,
    /// What it was confined to, in words.
    pub asked: String,
    /// Hexadecimal, of the file that it takes lines of; `None`: the CSV that was imported last.
    pub csv_sha256: Option<String>,
    /// When, by Stripe's clock.
    pub begun_at: StripeTime,
    /// The version that did it.
    pub tool_version: String,
    /// The commit that it was built from.
    pub tool_commit: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnded {
    /// When, by Stripe's clock; `None` where that was never known.
    pub at: Option<StripeTime>,
    /// The stable name of how: finished, confined, `limit_reached`, interrupted, terminated, stopped.
    pub how: String,
    /// What it sent.
    pub requests: RequestTally,
    /// Customers that it settled.
    pub settled: u64,
}

/// A run, for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKept {
    /// As it was asked for.
    pub asked: RunAsked,
    /// `None`: it is on, or was broken off before it could say so.
    pub ended: Option<RunEnded>,
}

impl RunAsked {
    /// Keeps a run that begins.
    pub fn keep(&self, conn: &Connection) -> Result<RunSeq, StoreError> {
        conn.execute(
            "INSERT INTO run (command, asked, csv_sha256, begun_at, tool_version, tool_commit)
             VALUES (?1, ?2, coalesce(?6, (SELECT csv_sha256 FROM migration)), ?3, ?4, ?5)",
            rusqlite::params![
                self.command,
                self.asked,
                self.begun_at.0,
                self.tool_version,
                self.tool_commit,
                self.csv_sha256
            ],
        )?;
        Ok(RunSeq(conn.last_insert_rowid()))
    }
}

impl RunEnded {
    /// Adds to a run's row how it ended.
    pub fn keep(&self, conn: &Connection, run: RunSeq) -> rusqlite::Result<()> {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        conn.execute(
            "UPDATE run SET ended_at = coalesce(?2, begun_at), ended = ?3, sent = ?4, retried = ?5, rate_limited = ?6, settled = ?7
             WHERE seq = ?1",
            rusqlite::params![
                run.0,
                self.at.map(|at| at.0),
                self.how,
                signed(self.requests.sent),
                signed(self.requests.retried),
                signed(self.requests.rate_limited),
                signed(self.settled)
            ],
        )?;
        Ok(())
    }
}

impl RunKept {
    /// Every run, in order.
    pub fn read(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(
            "SELECT command, asked, csv_sha256, begun_at, tool_version, tool_commit, ended_at, ended, sent, retried, rate_limited, settled
             FROM run ORDER BY seq",
        )?;
        let rows = statement.query_map([], |row| {
            let how: Option<String> = row.get(7)?;
            let ended = match how {
                Some(how) => Some(RunEnded {
                    at: row.get::<_, Option<i64>>(6)?.map(StripeTime),
                    how,
                    requests: RequestTally {
                        sent: count(row, 8)?,
                        retried: count(row, 9)?,
                        rate_limited: count(row, 10)?,
                    },
                    settled: count(row, 11)?,
                }),
                None => None,
            };
            Ok(Self {
                asked: RunAsked {
                    command: row.get(0)?,
                    asked: row.get(1)?,
                    csv_sha256: row.get(2)?,
                    begun_at: StripeTime(row.get(3)?),
                    tool_version: row.get(4)?,
                    tool_commit: row.get(5)?,
                },
                ended,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A verification that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationKept {
    /// When, by Stripe's clock.
    pub at: StripeTime,
    /// The version that did it.
    pub tool_version: String,
    /// What was looked at and what came of it, as JSON: the summary of `verify --json`.
    pub summary: String,
    /// The first lines that are not `=`, as JSON, without what was expected and found: that may tell of cards.
    pub unlike: String,
}

impl VerificationKept {
    /// Keeps it, on the connection of whoever holds the lock.
    pub fn keep(&self, conn: &Connection) -> Result<(), StoreError> {
        conn.execute(
            "INSERT INTO verification (at, tool_version, summary, unlike) VALUES (?1, ?2, ?3, ?4)",
            rusqlite::params![self.at.0, self.tool_version, self.summary, self.unlike],
        )?;
        Ok(())
    }

    /// Every one, in order.
    pub fn read(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT at, tool_version, summary, unlike FROM verification ORDER BY seq";
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(Self {
                at: StripeTime(row.get(0)?),
                tool_version: row.get(1)?,
                summary: row.get(2)?,
                unlike: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
