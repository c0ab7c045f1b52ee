//! What the record of a migration adds up from the steps: what was made, and what was in doubt, with the evidence. Each is one walk
//! through the steps: nothing is kept for it while a run is on.

use rusqlite::Connection;

use super::codes::{StateCode, ids_from};
use super::counts::count;
use super::{CustomerSeq, StoreError};
use crate::ids::{AccountId, CustomerId, LegacyId};
use crate::state::{Doubt, Standing, StepKind};
use crate::time::StripeTime;

/// Steps of one kind that were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Their kind.
    pub kind: StepKind,
    /// How many.
    pub done: u64,
}

/// What became of a step whose outcome was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settled {
    /// It is not known yet.
    Open,
    /// Reading showed that it was done: what was found was adopted.
    Found,
    /// Reading showed that it was not done: it was sent anew under a new key, or waits for that.
    Absent,
    /// No answer had come, and the request was sent again under its own key, to which Stripe answers with what it did first.
    AskedAgain,
    /// Known by reading alone, since the state file was rebuilt after a loss.
    Rebuilt,
}

/// A step that was once in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubtKept {
    /// Whose.
    pub legacy_id: LegacyId,
    /// The first line of the CSV that names it.
    pub lines: String,
    /// What was sent.
    pub kind: StepKind,
    /// Where; `None`: the platform.
    pub account: Option<AccountId>,
    /// Which deliberate try it stands at.
    pub try_no: u32,
    /// When this try's intent was committed first.
    pub started_at: StripeTime,
    /// When it was committed last.
    pub sent_at: StripeTime,
    /// What became of it.
    pub settled: Settled,
    /// Why it is not known, where it still is not.
    pub doubt: Option<Doubt>,
    /// When it was looked for.
    pub seen_at: Option<StripeTime>,
    /// The Customers that were seen then.
    pub seen: Vec<CustomerId>,
    /// What it made, or what was found.
    pub object: Option<String>,
    /// The answer that told.
    pub request_id: Option<String>,
}

/// The history of doubts: how many of each, and the first of them, those that are open before all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    /// How many became what.
    pub counts: Vec<(Settled, u64)>,
    /// Some of them.
    pub rows: Vec<DoubtKept>,
}

/// What became of a step `s`; the codes are those of [`StateCode`]. A step that was withdrawn and sent anew is no doubt: its first
/// intent is the later one. NULL: it was never in doubt. `?1`: a run is on, and what is started is under way.
const SETTLED: &str = "CASE
    WHEN s.state = 4 OR (s.state = 1 AND ?1 = 0) THEN 0
    WHEN s.seen_at IS NOT NULL AND s.digest = 0 THEN 4
    WHEN s.seen_at IS NOT NULL AND s.state = 2 AND s.sent_at <= s.seen_at THEN 1
    WHEN s.seen_at IS NOT NULL THEN 2
    WHEN s.sent_at > s.started_at AND s.state IN (2, 3) THEN 3 END";

impl Settled {
    /// Every one, in the order of its code above.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Found,
        Self::Absent,
        Self::AskedAgain,
        Self::Rebuilt,
    ];

    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Found => "found",
            Self::Absent => "absent",
            Self::AskedAgain => "asked_again",
            Self::Rebuilt => "rebuilt",
        }
    }

    fn from_code(code: i64) -> Option<Self> {
        let code = usize::try_from(code).ok()?;
        Self::ALL.get(code).copied()
    }
}

impl Made {
    /// What was done, by kind.
    pub fn read(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT kind, count(*) FROM step WHERE state = ?1 GROUP BY kind ORDER BY kind";
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([StateCode::Done], |row| {
            Ok(Self {
                kind: row.get(0)?,
                done: count(row, 1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Doubts {
    /// Reads them; `most` rows at most. What a rebuilt state file knows by reading alone is counted and not shown one by one: it is
    /// all of it.
    pub fn read(conn: &Connection, running: bool, most: u32) -> Result<Self, StoreError> {
        let mut doubts = Self::default();
        let sql = format!(
            "SELECT {SETTLED}, count(*) FROM step s WHERE {SETTLED} IS NOT NULL GROUP BY 1 ORDER BY 1"
        );
        let mut statement = conn.prepare(&sql)?;
        let mut rows = statement.query([running])?;
        while let Some(row) = rows.next()? {
            if let Some(settled) = Settled::from_code(row.get(0)?) {
                doubts.counts.push((settled, count(row, 1)?));
            }
        }
        if doubts.counts.is_empty() {
            return Ok(doubts);
        }
        let sql = format!(
            "SELECT {SETTLED} AS settled, c.legacy_id, c.lines, s.kind, a.id, s.try_no, s.started_at, s.sent_at, s.doubt, s.seen_at, s.seen,
             s.object, coalesce(s.request_id, s.seen_request_id) FROM step s JOIN customer c ON c.seq = s.customer
             LEFT JOIN target t ON t.customer = s.customer AND t.position = s.target LEFT JOIN account a ON a.seq = t.account
             WHERE settled IN (0, 1, 2, 3) ORDER BY settled, s.customer, s.kind, s.target, s.source LIMIT ?2"
        );
        let mut statement = conn.prepare(&sql)?;
        let mut rows = statement.query(rusqlite::params![running, most])?;
        while let Some(row) = rows.next()? {
            doubts.rows.extend(doubt_kept(row)?);
        }
        Ok(doubts)
    }
}

fn doubt_kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<DoubtKept>> {
    let Some(settled) = Settled::from_code(row.get(0)?) else {
        return Ok(None);
    };
    let doubt: Option<Doubt> = row.get(8)?;
    let open = settled == Settled::Open;
    Ok(Some(DoubtKept {
        legacy_id: row.get(1)?,
        lines: row.get(2)?,
        kind: row.get(3)?,
        account: row.get(4)?,
        try_no: row.get(5)?,
        started_at: StripeTime(row.get(6)?),
        sent_at: StripeTime(row.get(7)?),
        settled,
        doubt: open.then_some(doubt.unwrap_or(Doubt::NoAnswer)),
        seen_at: row.get::<_, Option<i64>>(9)?.map(StripeTime),
        seen: ids_from(row.get_ref(10)?.as_str_or_null()?)?,
        object: row.get(11)?,
        request_id: row.get(12)?,
    }))
}

/// The customers that stand so, in the CSV's order, at most `most` of them.
pub fn standing_so(
    conn: &Connection,
    standing: Standing,
    most: u64,
) -> Result<Vec<CustomerSeq>, StoreError> {
    let sql = "SELECT seq FROM customer WHERE standing = ?1 ORDER BY seq LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = statement.query_map(rusqlite::params![standing, most], |row| {
        row.get(0).map(CustomerSeq)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A field that a person changed, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub legacy_id: LegacyId,
    /// What.
    pub field: super::MendedField,
}

/// What people changed of refused customers: how many fields, and the first `most` of them.
pub fn changes(conn: &Connection, most: u32) -> Result<(u64, Vec<Change>), StoreError> {
    let all = conn.query_row("SELECT count(*) FROM mended", [], |row| count(row, 0))?;
    let mut statement = conn.prepare(
        "SELECT c.legacy_id, m.at, m.who, m.file, m.line, m.field, m.old, m.new FROM mended m
         JOIN customer c ON c.seq = m.customer ORDER BY m.seq LIMIT ?1",
    )?;
    let rows = statement.query_map([most], |row| {
        Ok(Change {
            legacy_id: row.get(0)?,
            field: super::MendedField {
                at: StripeTime(row.get(1)?),
                who: row.get(2)?,
                file: row.get(3)?,
                line: count(row, 4)?,
                field: row.get(5)?,
                old: row.get(6)?,
                new: row.get(7)?,
            },
        })
    })?;
    Ok((all, rows.collect::<Result<_, _>>()?))
}
