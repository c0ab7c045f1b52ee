//! How fast a run goes, kept ten seconds a row, so that another process can tell while it is on, and anybody afterwards.

use rusqlite::Connection;

use super::counts::count;
use super::{RequestTally, StoreError};
use crate::time::StripeTime;

/// Seconds of one row.
pub const ROW_SECONDS: i64 = 10;

/// The speed is that of the last so many whole rows.
const ROWS: i64 = 6;

/// What was done since the last pulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When it is now, by Stripe's clock.
    pub at: StripeTime,
    /// Requests.
    pub tally: RequestTally,
    /// Customers that were settled.
    pub finished: u64,
}

impl Pulse {
    /// Adds it to its row.
    pub(super) fn add_to(self, conn: &Connection) -> rusqlite::Result<()> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let at = self.at.0 - self.at.0.rem_euclid(ROW_SECONDS);
        let tally = self.tally;
        conn.prepare_cached(
            "INSERT INTO pulse (at, sent, retried, rate_limited, finished) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (at) DO UPDATE SET sent = sent + ?2, retried = retried + ?3,
             rate_limited = rate_limited + ?4, finished = finished + ?5",
        )?
        .execute([
            at,
            count(tally.sent),
            count(tally.retried),
            count(tally.rate_limited),
            count(self.finished),
        ])?;
        Ok(())
    }
}

/// Every row that was kept, in order; `at` is where it begins.
pub fn pulses(conn: &Connection) -> Result<Vec<Pulse>, StoreError> {
    let sql = "SELECT at, sent, retried, rate_limited, finished FROM pulse ORDER BY at";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Pulse {
            at: StripeTime(row.get(0)?),
            tally: RequestTally {
                sent: count(row, 1)?,
                retried: count(row, 2)?,
                rate_limited: count(row, 3)?,
            },
            finished: count(row, 4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How fast the run went in the last minute that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed {
    /// Requests in that time.
    pub sent: u64,
    /// Customers that were settled in it.
    pub finished: u64,
    /// How long it was.
    pub seconds: u64,
}

impl Speed {
    /// Reads it; `None` before ten seconds are kept. The row that is still being filled does not count.
    pub fn read(conn: &Connection) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT sum(p.sent), sum(p.finished), (SELECT max(at) FROM pulse) - min(p.at) FROM pulse p
                   WHERE p.at < (SELECT max(at) FROM pulse) AND p.at >= (SELECT max(at) FROM pulse) - ?1";
        let speed = conn.query_row(sql, [ROWS * ROW_SECONDS], |row| {
            Ok(Self {
                sent: count(row, 0)?,
                finished: count(row, 1)?,
                seconds: count(row, 2)?,
            })
        })?;
        Ok((speed.seconds > 0).then_some(speed))
    }
}
