//! How enums and steps are written as numbers and texts in the tables. A code never changes its meaning.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::ids::{
    AccountId, ApplicationFeeId, ChargeId, CustomerId, EventId, IntentId, LegacyId,
    PaymentMethodId, RefundId, RequestId,
};
use crate::proof::{Held, Kind as ProofKind, Step as ProofStep};
use crate::state::{
    Doubt, Object, Position, Reach, Reading, Record, Refusal, Seen, Standing, StepId, StepKind,
    StepState,
};
use crate::time::StripeTime;

/// An enum that has one number for each of its values.
trait Code: Sized + Copy + 'static {
    const ALL: &'static [Self];
    fn code(self) -> i64;
    fn from_code(code: i64) -> FromSqlResult<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|each| each.code() == code)
            .ok_or(FromSqlError::OutOfRange(code))
    }
}

macro_rules! coded {
    ($type:ty, $($value:ident = $code:literal),+ $(,)?) => {
        impl Code for $type {
            const ALL: &'static [Self] = &[$(Self::$value),+];
            fn code(self) -> i64 {
                match self { $(Self::$value => $code),+ }
            }
        }
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.code().into())
            }
        }
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::from_code(value.as_i64()?)
            }
        }
    };
}

// Below 4 is what a run looks at again: the index `customer_open` says the same.
coded!(
    Standing,
    Pending = 0,
    InProgress = 1,
    InDoubt = 2,
    Parked = 3,
    Refused = 4,
    Migrated = 5,
    Undone = 6,
    PartlyUndone = 7
);
coded!(
    StepKind,
    CreatePlatformCustomer = 1,
    AttachPlatformPaymentMethod = 2,
    ClonePaymentMethod = 3,
    CreateConnectedCustomer = 4,
    AttachConnectedPaymentMethod = 5,
    UpdateCustomer = 6,
    SetDefault = 7,
    RenewPaymentMethod = 8,
    AttachRenewedPaymentMethod = 9,
    SetRenewedDefault = 10,
    DetachReplacedPaymentMethod = 11,
);
coded!(
    Doubt,
    NoAnswer = 1,
    Expired = 2,
    StoredServerError = 3,
    IdempotencyConflict = 4,
    RequestChanged = 5,
    FoundTwice = 6,
);
coded!(Reach, Source = 1, Customer = 2);

coded!(ProofKind, Charge = 1, Authorize = 2, SetUp = 3);
coded!(
    ProofStep,
    Authorize = 1,
    SetUp = 2,
    Capture = 3,
    Refund = 4,
    Cancel = 5
);
coded!(
    Held,
    Unknown = 0,
    Nothing = 1,
    Open = 2,
    Authorised = 3,
    Captured = 4,
    Refunded = 5,
    Canceled = 6,
    SetUp = 7
);

/// `step.state`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StateCode {
    /// See [`StepState::Ready`].
    Ready,
    /// See [`StepState::Started`].
    Started,
    /// See [`StepState::Done`].
    Done,
    /// See [`StepState::Refused`].
    Refused,
    /// See [`StepState::InDoubt`].
    InDoubt,
}
coded!(
    StateCode,
    Ready = 0,
    Started = 1,
    Done = 2,
    Refused = 3,
    InDoubt = 4
);

macro_rules! text_id {
    ($($type:ty),+) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::parse(value.as_str()?).map_err(|_| FromSqlError::InvalidType)
            }
        }
    )+};
}
text_id!(
    CustomerId,
    EventId,
    PaymentMethodId,
    AccountId,
    LegacyId,
    IntentId,
    ChargeId,
    RefundId,
    ApplicationFeeId
);

impl ToSql for RequestId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

/// Writes a row of `step` over the one before; the parameters are [`write_step`]'s.
pub const INSERT_STEP: &str = "INSERT INTO step (customer, kind, target, source, try_no, state, started_at, \
     digest, request_id, object, doubt, reach, status, reason, message, sent_at, seen_at, seen, seen_request_id) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
     ON CONFLICT (customer, kind, target, source) DO UPDATE SET try_no = ?5, state = ?6, started_at = ?7, digest = ?8, \
     request_id = ?9, object = ?10, doubt = ?11, reach = ?12, status = ?13, reason = ?14, message = ?15, \
     sent_at = ?16, seen_at = ?17, seen = ?18, seen_request_id = ?19";

/// Reads the rows of one customer for [`read_step`].
pub const SELECT_STEPS: &str = "SELECT kind, target, source, try_no, state, started_at, digest, request_id, object, \
     doubt, reach, status, reason, message, sent_at, seen_at, seen, seen_request_id FROM step WHERE customer = ?1";

/// A step as its row is keyed: kind, target, source.
pub fn step_columns(step: StepId) -> (StepKind, i64, i64) {
    let (target, source) = (position_code(step.target), position_code(step.source));
    (step.kind, target, source)
}

/// The code of a state.
pub fn state_code(state: &StepState) -> StateCode {
    match state {
        StepState::Ready => StateCode::Ready,
        StepState::Started => StateCode::Started,
        StepState::Done(_) => StateCode::Done,
        StepState::Refused(_) => StateCode::Refused,
        StepState::InDoubt(_) => StateCode::InDoubt,
    }
}

fn position_code(position: Option<Position>) -> i64 {
    position.map_or(-1, i64::from)
}

fn position_from(code: i64) -> rusqlite::Result<Option<Position>> {
    if code == -1 {
        return Ok(None);
    }
    Position::try_from(code)
        .map(Some)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, code))
}

/// An object as text: an id, with `held:` before the Customer that holds a source, and `changed:` before one that was changed.
pub fn object_text(object: &Object) -> String {
    match object {
        Object::Customer(id) => id.as_str().to_owned(),
        Object::PaymentMethod(id) => id.as_str().to_owned(),
        Object::HeldBy(id) => format!("held:{id}"),
        Object::Changed(id) => format!("changed:{id}"),
    }
}

fn object_from(text: &str) -> FromSqlResult<Object> {
    let invalid = |_| FromSqlError::InvalidType;
    if let Some(holder) = text.strip_prefix("held:") {
        CustomerId::parse(holder)
            .map(Object::HeldBy)
            .map_err(invalid)
    } else if let Some(changed) = text.strip_prefix("changed:") {
        CustomerId::parse(changed)
            .map(Object::Changed)
            .map_err(invalid)
    } else if text.starts_with("cus_") {
        CustomerId::parse(text)
            .map(Object::Customer)
            .map_err(invalid)
    } else {
        PaymentMethodId::parse(text)
            .map(Object::PaymentMethod)
            .map_err(invalid)
    }
}

/// Writes a step's row, over the one before.
pub fn write_step(
    statement: &mut rusqlite::CachedStatement<'_>,
    customer: i64,
    step: StepId,
    record: &Record,
) -> rusqlite::Result<()> {
    let (object, doubt, refusal) = match &record.state {
        StepState::Ready | StepState::Started => (None, None, None),
        StepState::Done(object) => (Some(object_text(object)), None, None),
        StepState::Refused(refusal) => (None, None, Some(refusal)),
        StepState::InDoubt(doubt) => (None, Some(*doubt), None),
    };
    statement.execute(rusqlite::params![
        customer,
        step.kind,
        position_code(step.target),
        position_code(step.source),
        record.try_no,
        state_code(&record.state),
        record.started_at.0,
        record.digest,
        record.request_id,
        object,
        doubt,
        refusal.map(|r| r.reach),
        refusal.map(|r| r.status),
        refusal.map(|r| r.reason.as_str()),
        refusal.map(|r| r.message.as_str()),
        record.sent_at.0,
        record.seen.as_ref().map(|seen| seen.reading.at.0),
        record.seen.as_ref().map(|seen| ids_text(&seen.customers)),
        record
            .seen
            .as_ref()
            .and_then(|seen| seen.reading.request_id.as_ref()),
    ])?;
    Ok(())
}

/// Reads a step's row, as [`SELECT_STEPS`] gives it.
pub fn read_step(row: &rusqlite::Row<'_>) -> rusqlite::Result<(StepId, Record)> {
    let step = StepId {
        kind: row.get(0)?,
        target: position_from(row.get(1)?)?,
        source: position_from(row.get(2)?)?,
    };
    let state = match row.get(4)? {
        StateCode::Ready => StepState::Ready,
        StateCode::Started => StepState::Started,
        StateCode::Done => StepState::Done(object_from(row.get_ref(8)?.as_str()?)?),
        StateCode::InDoubt => StepState::InDoubt(row.get(9)?),
        StateCode::Refused => StepState::Refused(Refusal {
            reach: row.get(10)?,
            status: row.get(11)?,
            reason: row.get(12)?,
            message: row.get(13)?,
        }),
    };
    let request_id: Option<String> = row.get(7)?;
    let record = Record {
        try_no: row.get(3)?,
        started_at: StripeTime(row.get(5)?),
        digest: row.get(6)?,
        state,
        request_id: request_id.as_deref().and_then(RequestId::parse),
        sent_at: StripeTime(row.get(14)?),
        seen: seen_from(row)?,
    };
    Ok((step, record))
}

/// Ids with a blank between.
pub fn ids_text(ids: &[CustomerId]) -> String {
    let ids: Vec<_> = ids.iter().map(CustomerId::as_str).collect();
    ids.join(" ")
}

/// Reads what [`ids_text`] wrote.
pub fn ids_from(text: Option<&str>) -> FromSqlResult<Vec<CustomerId>> {
    let ids = text.unwrap_or_default().split_ascii_whitespace();
    ids.map(|id| CustomerId::parse(id).map_err(|_| FromSqlError::InvalidType))
        .collect()
}

fn seen_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Seen>> {
    let at: Option<i64> = row.get(15)?;
    let customers = ids_from(row.get_ref(16)?.as_str_or_null()?)?;
    let request_id = row
        .get_ref(17)?
        .as_str_or_null()?
        .and_then(RequestId::parse);
    Ok(at.map(|at| Seen {
        reading: Reading {
            at: StripeTime(at),
            request_id,
        },
        customers,
    }))
}

/// Positions as the tables keep them: numbers with a blank between.
pub fn positions_text(positions: &[Position]) -> String {
    let mut text = String::new();
    for position in positions {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&position.to_string());
    }
    text
}

/// Reads what [`positions_text`] wrote.
pub fn positions_from(text: &str) -> FromSqlResult<Vec<Position>> {
    text.split_ascii_whitespace()
        .map(|each| each.parse().map_err(|_| FromSqlError::InvalidType))
        .collect()
}
