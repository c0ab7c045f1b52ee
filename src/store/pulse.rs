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
    /// Reads it; `None` before a whole row is kept. Neither the row that is still being filled counts, nor one before which there
    /// is none: in that one the run began, or went on after a wait.
    pub fn read(conn: &Connection) -> Result<Option<Self>, StoreError> {
        let sql = "WITH now AS (SELECT max(at) AS at FROM pulse),
            begun AS (SELECT max(p.at) AS at FROM pulse p, now WHERE p.at BETWEEN now.at - ?1 AND now.at
                AND NOT EXISTS (SELECT 1 FROM pulse q WHERE q.at = p.at - ?2)),
            whole AS (SELECT max(coalesce(begun.at + ?2, 0), now.at - ?1) AS since FROM begun, now)
            SELECT coalesce(sum(p.sent), 0), coalesce(sum(p.finished), 0), count(*) * ?2
            FROM pulse p, now, whole WHERE p.at >= whole.since AND p.at < now.at";
        let speed = conn.query_row(sql, [ROWS * ROW_SECONDS, ROW_SECONDS], |row| {
            Ok(Self {
                sent: count(row, 0)?,
                finished: count(row, 1)?,
                seconds: count(row, 2)?,
            })
        })?;
        Ok((speed.seconds > 0).then_some(speed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The speed after rows that begin at these seconds, with so many requests in each.
    fn speed(rows: &[(i64, u64)]) -> Option<(u64, u64)> {
        let conn = crate::store::temporary().unwrap();
        for (at, sent) in rows {
            let pulse = Pulse {
                at: StripeTime(*at),
                tally: RequestTally {
                    sent: *sent,
                    ..RequestTally::default()
                },
                finished: 0,
            };
            pulse.add_to(&conn).unwrap();
        }
        let speed = Speed::read(&conn).unwrap()?;
        Some((speed.sent, speed.seconds))
    }

    #[test]
    fn only_whole_rows_of_the_present_stretch_count() {
        assert_eq!(speed(&[]), None);
        assert_eq!(speed(&[(1000, 1)]), None);
        // The run began somewhere in the first row.
        assert_eq!(speed(&[(1000, 1), (1010, 200)]), None);
        assert_eq!(speed(&[(1000, 1), (1010, 200), (1020, 7)]), Some((200, 10)));
        // It went on after a wait, somewhere in its row.
        let waited = [(1000, 200), (1010, 200), (1100, 3), (1110, 250), (1120, 9)];
        assert_eq!(speed(&waited), Some((250, 10)));
        let long: Vec<_> = (0..100).map(|row| (row * 10, 200)).collect();
        assert_eq!(speed(&long), Some((1200, 60)));
    }
}
