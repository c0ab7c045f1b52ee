//! What `undo` keeps: the intent and the outcome of everything that is detached or deleted, how far each place is, and what was left
//! where it is, and why.
//!
//! Hazard: something that is half taken back and that a run makes whole again. So the first intent marks its place, in the same
//! commit, and whatever is marked no run works on.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::codes::StateCode;
use super::counts::count;
use super::load::CustomerSeq;
use super::{StoreError, writer::AccountSeq, writer::Changes};
use crate::proof::{Attempt, No, Phase};
use crate::state::{Doubt, Position, Standing, StepKind};
use crate::time::StripeTime;
use crate::undo::Why;

/// How far a place is: a customer on an account, or on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Taken {
    /// Nothing of it is taken back.
    #[default]
    Nothing,
    /// Something may be: its first intent is durable.
    Begun,
    /// All of it is.
    All,
}

impl Taken {
    fn code(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Begun => 1,
            Self::All => 2,
        }
    }

    fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Nothing,
            2 => Self::All,
            _ => Self::Begun,
        }
    }
}

/// How far each place of a customer is, and what was sent there, by the object's id. `None`: the platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    taken: BTreeMap<Option<Position>, Taken>,
    /// The last attempt at each object.
    pub steps: BTreeMap<(Option<Position>, String), Attempt>,
}

impl Undone {
    /// Reads it.
    pub fn read(conn: &Connection, customer: CustomerSeq) -> Result<Self, StoreError> {
        let mut undone = Self::default();
        let sql = "SELECT -1, undone FROM customer WHERE seq = ?1
                   UNION ALL SELECT position, undone FROM target WHERE customer = ?1";
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query([customer.0])?;
        while let Some(row) = rows.next()? {
            let taken = Taken::from_code(row.get(1)?);
            undone.taken.insert(place(row, 0)?, taken);
        }
        for step in undo_steps(conn, customer)? {
            undone
                .steps
                .insert((step.target, step.object), step.attempt);
        }
        Ok(undone)
    }

    /// A place is at least so far. Without its platform Customer nothing is left to be made of a customer anywhere.
    pub fn mark(&mut self, target: Option<Position>, taken: Taken) {
        let place = self.taken.entry(target).or_default();
        *place = taken.max(*place);
    }

    /// How far a place is.
    pub fn taken(&self, target: Option<Position>) -> Taken {
        self.taken.get(&target).copied().unwrap_or_default()
    }
}

/// How far a place is now, and what that means for its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenPlace {
    /// Which; `None`: the platform.
    pub target: Option<Position>,
    /// How far it is.
    pub taken: Taken,
    /// Where the customer stands with that.
    pub standing: Standing,
    /// Nothing more is made of the customer, so its contact details go.
    pub erase: bool,
    /// The number of source cards under which the platform Customer is deleted, where that was given.
    pub spends: Option<u64>,
}

/// Something that was detached or deleted, or was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoneStep {
    /// Where; `None`: the platform.
    pub target: Option<Position>,
    /// A clone, or a Customer.
    pub object: String,
    /// How it went.
    pub attempt: Attempt,
}

/// All that was sent of a customer.
pub fn undo_steps(conn: &Connection, customer: CustomerSeq) -> Result<Vec<UndoneStep>, StoreError> {
    let sql =
        "SELECT target, object, try_no, started_at, sent_at, phase, doubt, status, reason, message
               FROM undo_step WHERE customer = ?1 ORDER BY target, sent_at, object DESC";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([customer.0])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(UndoneStep {
            target: place(row, 0)?,
            object: row.get(1)?,
            attempt: Attempt {
                try_no: row.get(2)?,
                started_at: StripeTime(row.get(3)?),
                sent_at: StripeTime(row.get(4)?),
                phase: phase(row)?,
            },
        });
    }
    Ok(steps)
}

/// What was left where it is of a customer, and why: target (`None`: the platform), reason, message.
pub fn undo_left(
    conn: &Connection,
    customer: CustomerSeq,
) -> Result<Vec<(Option<Position>, String, String)>, StoreError> {
    let sql = "SELECT target, reason, message FROM undo_left WHERE customer = ?1 ORDER BY target";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([customer.0], |row| {
        Ok((place(row, 0)?, row.get(1)?, row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Places where something was left where it is; and of these the platform Customers that stay for their source cards' sake.
pub fn undo_left_counts(conn: &Connection) -> Result<(u64, u64), StoreError> {
    let sql = "SELECT count(*), sum(reason = ?1) FROM undo_left";
    let counts = |row: &Row<'_>| Ok((count(row, 0)?, count(row, 1)?));
    Ok(conn.query_row(sql, [Why::SOURCE_CARDS], counts)?)
}

/// What was left where it is on an account (`None`: on the platform): reason, one of the messages, customers; the most frequent first.
pub(super) fn undo_left_on(
    conn: &Connection,
    account: Option<AccountSeq>,
) -> Result<Vec<(String, String, u64)>, StoreError> {
    let sql = "SELECT l.reason, max(l.message), count(*) FROM undo_left l
               LEFT JOIN target t ON t.customer = l.customer AND t.position = l.target
               WHERE t.account IS ?1 GROUP BY l.reason ORDER BY 3 DESC, 1";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([account.map(|account| account.0)], |row| {
        Ok((row.get(0)?, row.get(1)?, count(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All that was taken back, and what was left where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakenBack {
    /// Clones that were detached.
    pub clones: u64,
    /// Customers on connected accounts that were deleted.
    pub connected: u64,
    /// Customers on the platform that were deleted.
    pub platform: u64,
    /// Places where something was left, as it was seen last.
    pub left: u64,
    /// Of these, Customers on the platform that stayed for the sake of the source cards attached to them.
    pub for_source_cards: u64,
}

impl TakenBack {
    /// Counts it.
    pub fn read(conn: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT
            (SELECT count(*) FROM undo_step WHERE phase = ?1 AND substr(object, 1, 4) <> 'cus_'),
            (SELECT count(*) FROM undo_step WHERE phase = ?1 AND substr(object, 1, 4) = 'cus_' AND target >= 0),
            (SELECT count(*) FROM undo_step WHERE phase = ?1 AND substr(object, 1, 4) = 'cus_' AND target < 0),
            (SELECT count(*) FROM undo_left), (SELECT count(*) FROM undo_left WHERE reason = ?2)";
        let taken = conn.query_row(sql, rusqlite::params![DONE, Why::SOURCE_CARDS], |row| {
            Ok(Self {
                clones: count(row, 0)?,
                connected: count(row, 1)?,
                platform: count(row, 2)?,
                left: count(row, 3)?,
                for_source_cards: count(row, 4)?,
            })
        })?;
        Ok(taken)
    }
}

/// The customers whose platform Customer is taken back to the end, under the confirmation that so many source cards are lost. Those
/// that are not there yet are counted with what is still to be lost.
pub fn spent_under(conn: &Connection, said: u64) -> Result<Vec<CustomerSeq>, StoreError> {
    let sql = "SELECT seq FROM customer WHERE undone = 2 AND spent_under = ?1 ORDER BY seq";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([signed(Some(said))], |row| row.get(0).map(CustomerSeq))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether an undo of the whole migration was begun, and nobody has asked to go on since.
pub fn is_taken_back(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT taken_back FROM migration";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// Keeps that an undo of the whole migration begins; or that a person goes on after it.
pub fn set_taken_back(conn: &Connection, taken_back: bool) -> Result<(), StoreError> {
    conn.execute("UPDATE migration SET taken_back = ?1", [taken_back])?;
    Ok(())
}

/// Customers that a run would still make something of.
pub fn left_to_make(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM customer WHERE standing < ?1";
    Ok(conn.query_row(sql, [Standing::Refused], |row| count(row, 0))?)
}

/// Customers that were refused.
pub fn refused_count(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM customer WHERE standing = ?1";
    Ok(conn.query_row(sql, [Standing::Refused], |row| count(row, 0))?)
}

/// Places where an undo was begun and not ended.
pub fn undo_unfinished(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM customer WHERE undone = 1) + (SELECT count(*) FROM target WHERE undone = 1)";
    Ok(conn.query_row(sql, [], |row| count(row, 0))?)
}

/// The customers after `after` of which something is done, or may be (states: started, done, in doubt), and not all is taken back: at
/// most `most` of them.
pub fn undo_page(
    conn: &Connection,
    after: CustomerSeq,
    most: u32,
) -> Result<Vec<CustomerSeq>, StoreError> {
    let sql = "SELECT seq FROM customer WHERE seq > ?1 AND undone < 2
               AND EXISTS (SELECT 1 FROM step s WHERE s.customer = seq AND s.state IN (1, 2, 4)) ORDER BY seq LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(rusqlite::params![after.0, most], |row| {
        row.get(0).map(CustomerSeq)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is kept of a place, in one commit with all else of its customer.
#[derive(Debug, Clone, Default)]
pub(super) struct UndoChanges {
    steps: Vec<(Option<Position>, String, Attempt)>,
    place: Option<TakenPlace>,
    left: Option<(Option<Position>, Why)>,
}

impl UndoChanges {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.place.is_none() && self.left.is_none()
    }

    /// The last step, where that is an intent.
    pub fn intent(&self) -> Option<&Attempt> {
        let (_, _, attempt) = self.steps.last()?;
        (attempt.phase == Phase::Started).then_some(attempt)
    }
}

impl Changes {
    /// An attempt at detaching or deleting an object.
    pub fn undo_step(&mut self, target: Option<Position>, object: &str, attempt: Attempt) {
        self.undo.steps.push((target, object.to_owned(), attempt));
    }

    /// How far a place is.
    pub fn undo_taken(&mut self, place: TakenPlace) {
        self.undo.place = Some(place);
    }

    /// It is left where it is.
    pub fn undo_left(&mut self, target: Option<Position>, why: Why) {
        self.undo.left = Some((target, why));
    }
}

/// What a drill is told.
pub(super) fn told(customer: CustomerSeq, changes: &UndoChanges) -> String {
    let mut told = String::new();
    for (_, object, attempt) in &changes.steps {
        let state = attempt.phase.name();
        told += &[" undo/", &customer.0.to_string(), "/", object, "=", state].concat();
    }
    if let Some(place) = changes.place {
        let codes = [customer.0, target_code(place.target), place.taken.code()]
            .map(|code| code.to_string());
        told += &[" undo/", &codes[0], "/", &codes[1], "=", &codes[2]].concat();
    }
    told
}

pub(super) fn write(
    conn: &Connection,
    customer: CustomerSeq,
    changes: &UndoChanges,
    at: Option<StripeTime>,
) -> rusqlite::Result<()> {
    for (target, object, attempt) in &changes.steps {
        write_step(conn, customer, *target, object, attempt)?;
    }
    let at = at.map(|at| at.0);
    if let Some(place) = &changes.place {
        write_place(conn, customer, place, at)?;
    }
    if let Some((target, why)) = &changes.left {
        conn.prepare_cached("INSERT OR REPLACE INTO undo_left (customer, target, at, reason, message) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(rusqlite::params![customer.0, target_code(*target), at.unwrap_or(0), why.reason, why.message])?;
    }
    Ok(())
}

/// What was left since something of it was in doubt is not left for that any more where nothing is. Nobody else may come to say so: a
/// place of which it turns out that nothing was made there is no place that an undo comes to.
pub(super) fn settled(conn: &Connection, customer: CustomerSeq) -> rusqlite::Result<()> {
    // A clone in doubt keeps nothing where it is: see `crate::undo::portions`.
    let sql = "DELETE FROM undo_left WHERE customer = ?1 AND reason = ?2 AND NOT EXISTS (
               SELECT 1 FROM step s WHERE s.customer = undo_left.customer AND s.target = undo_left.target
               AND s.state IN (?3, ?4) AND s.kind NOT IN (?5, ?6))";
    conn.prepare_cached(sql)?.execute(rusqlite::params![
        customer.0,
        Why::IN_DOUBT,
        StateCode::Started,
        StateCode::InDoubt,
        StepKind::ClonePaymentMethod,
        StepKind::RenewPaymentMethod,
    ])?;
    Ok(())
}

fn write_place(
    conn: &Connection,
    customer: CustomerSeq,
    place: &TakenPlace,
    at: Option<i64>,
) -> rusqlite::Result<()> {
    let code = place.taken.code();
    if let Some(position) = place.target {
        let standing = match place.taken {
            Taken::All => Standing::Undone,
            Taken::Nothing | Taken::Begun => Standing::PartlyUndone,
        };
        conn.prepare_cached(
            "UPDATE target SET undone = max(undone, ?3), standing = iif(undone = 2, standing, ?4) WHERE customer = ?1 AND position = ?2",
        )?
        .execute(rusqlite::params![customer.0, position, code, standing])?;
    } else {
        // Without its platform Customer nothing more can be made of it anywhere.
        conn.prepare_cached("UPDATE target SET undone = 2, standing = ?2 WHERE customer = ?1")?
            .execute(rusqlite::params![customer.0, Standing::Undone])?;
        conn.prepare_cached(
            "UPDATE customer SET undone = max(undone, ?2), spent_under = coalesce(?3, spent_under) WHERE seq = ?1",
        )?
        .execute(rusqlite::params![customer.0, code, signed(place.spends)])?;
    }
    if place.taken == Taken::All {
        conn.prepare_cached("DELETE FROM undo_left WHERE customer = ?1 AND target = ?2")?
            .execute([customer.0, target_code(place.target)])?;
    }
    conn.prepare_cached(
        "UPDATE customer SET standing = ?2, changed_at = coalesce(?3, changed_at), details = iif(?4, NULL, details) WHERE seq = ?1",
    )?
    .execute(rusqlite::params![customer.0, place.standing, at, place.erase])?;
    Ok(())
}

fn signed(count: Option<u64>) -> Option<i64> {
    count.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn write_step(
    conn: &Connection,
    customer: CustomerSeq,
    target: Option<Position>,
    object: &str,
    attempt: &Attempt,
) -> rusqlite::Result<()> {
    let (phase, doubt, no) = match &attempt.phase {
        Phase::Ready => (0, None, None),
        Phase::Started => (1, None, None),
        Phase::Done => (DONE, None, None),
        Phase::Refused(no) => (3, None, Some(no)),
        Phase::InDoubt(doubt) => (4, Some(*doubt), None),
    };
    conn.prepare_cached(
        "INSERT OR REPLACE INTO undo_step (customer, target, object, try_no, started_at, sent_at, phase, doubt, status, reason, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(rusqlite::params![
        customer.0,
        target_code(target),
        object,
        attempt.try_no,
        attempt.started_at.0,
        attempt.sent_at.0,
        phase,
        doubt,
        no.map(|no| no.status),
        no.map(|no| no.reason.as_str()),
        no.map(|no| no.message.as_str()),
    ])?;
    Ok(())
}

/// [`Phase::Done`], as `undo_step.phase` has it.
const DONE: i64 = 2;

/// The codes are those of `proof_step.phase`.
fn phase(row: &Row<'_>) -> Result<Phase, StoreError> {
    let phase: i64 = row.get(5)?;
    Ok(match phase {
        0 => Phase::Ready,
        1 => Phase::Started,
        DONE => Phase::Done,
        3 => Phase::Refused(No {
            status: row.get(7)?,
            reason: row.get(8)?,
            message: row.get(9)?,
        }),
        4 => Phase::InDoubt(row.get::<_, Doubt>(6)?),
        _ => return Err(StoreError::Damaged("undo_step.phase".to_owned())),
    })
}

fn target_code(target: Option<Position>) -> i64 {
    target.map_or(-1, i64::from)
}

fn place(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Position>> {
    let position: i64 = row.get(column)?;
    Ok(Position::try_from(position).ok())
}
