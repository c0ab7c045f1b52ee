//! PURE. A row of the checkpoint, and the one function that makes the next row of it.

use super::{Doubt, Object, Refusal, StepState};
use crate::ids::{CustomerId, RequestId};
use crate::time::StripeTime;

/// One row of the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which deliberate try, from 1; part of the key.
    pub try_no: u32,
    /// When this try's intent was first committed: the key's age counts from here.
    pub started_at: StripeTime,
    /// When it was committed last. Nothing of the step reaches Stripe later than [`crate::time::REACHES_STRIPE_SECONDS`] after.
    pub sent_at: StripeTime,
    /// Digest of the request, so that a resend is known to be the same; 0 where the record was recovered, see
    /// [`Record::is_recovered`].
    pub digest: i64,
    /// Where it stands.
    pub state: StepState,
    /// The answer that told, if it had an id.
    pub request_id: Option<RequestId>,
    /// What reading showed, the last time that the step was looked for.
    pub seen: Option<Seen>,
}

/// An answer to a read that tells of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When it was read.
    pub at: StripeTime,
    /// What Stripe logged it under; where several pages were read, the one that showed what was found, else the last.
    pub request_id: Option<RequestId>,
}

#[cfg(test)]
impl Reading {
    /// As tests have it.
    pub fn at(at: StripeTime) -> Self {
        let request_id = RequestId::parse("req_read");
        Self { at, request_id }
    }
}

/// What a complete reading of Stripe showed of a step in doubt: kept as evidence, whatever became of the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When, and by which request.
    pub reading: Reading,
    /// The Customers that bear the marks of the step's customer.
    pub customers: Vec<CustomerId>,
}

/// What can happen to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The intent is about to be committed (again, where no answer came).
    Start {
        /// Earliest time it can be at Stripe.
        at: StripeTime,
        /// Digest of the request.
        digest: i64,
    },
    /// Stripe did it, or a read showed that it is so.
    Succeed(Object),
    /// Stripe said no, or a read showed that it would.
    Refuse(Refusal),
    /// The outcome cannot be known.
    Doubt(Doubt),
    /// No attempt had any effect.
    Withdraw,
    /// A person asks to try a refused step again.
    Retry,
    /// What was changed is to be changed once more: other contact details, or another default.
    Renew,
    /// A step of a renewal that came to its end is to be gone through once more: of no other step, or it makes a second of something.
    Anew,
    /// A renewal came to its end: the clone is the one that this record is of.
    Replace(Box<Record>),
    /// Reading showed that the step was done; without a record, by a run whose state file is lost.
    Find(Object, Seen),
    /// Reading showed that it was not, and that it cannot happen any more: it may be started again, under a new key. Without a
    /// record, what a run made whose state file is lost is of no use: under its key Stripe would only give it once more.
    Miss(Seen),
    /// Reading showed more than one object, of which a person has to choose.
    FindSeveral(Seen),
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Succeed(_) => "succeed",
            Self::Refuse(_) => "refuse",
            Self::Doubt(_) => "doubt",
            Self::Withdraw => "withdraw",
            Self::Retry => "retry",
            Self::Renew => "renew",
            Self::Anew => "renew anew",
            Self::Replace(_) => "replace",
            Self::Find(..) => "find",
            Self::Miss(_) => "miss",
            Self::FindSeveral(_) => "find several",
        }
    }
}

/// An event that must not happen in that state: a defect of the tool, never of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the step machine was asked for {event} in state {state}: please report this")]
pub struct Illegal {
    state: &'static str,
    event: &'static str,
}

impl Illegal {
    /// The event is not for a step of that kind.
    pub(super) fn of_kind(record: Option<&Record>, event: &'static str) -> Self {
        let state = record.map_or("(none)", |record| record.state.name());
        Self { state, event }
    }
}

impl Record {
    /// The record after `event`; `before` is `None` for a step that never was. The one transition function.
    pub fn after(
        before: Option<&Record>,
        event: Event,
        request_id: Option<RequestId>,
    ) -> Result<Record, Illegal> {
        let event_name = event.name();
        let state_now = before.map(|record| &record.state);
        let step_to = |state| {
            let zero = StripeTime(0);
            let never = (1, zero, zero, NEVER_SENT);
            let (try_no, started_at, sent_at, digest) =
                before.map_or(never, |b| (b.try_no, b.started_at, b.sent_at, b.digest));
            Ok(Record {
                try_no,
                started_at,
                sent_at,
                digest,
                state,
                request_id,
                seen: before.and_then(|b| b.seen.clone()),
            })
        };
        match (state_now, event) {
            (None | Some(StepState::Ready), Event::Start { at, digest }) => {
                let try_no = before.map_or(1, |b| b.try_no);
                Ok(Record {
                    try_no,
                    started_at: at,
                    sent_at: at,
                    digest,
                    state: StepState::Started,
                    request_id: None,
                    seen: before.and_then(|b| b.seen.clone()),
                })
            }
            // The first intent's time and digest stay: the key's age counts from the first send.
            (
                Some(StepState::Started | StepState::InDoubt(Doubt::NoAnswer)),
                Event::Start { at, .. },
            ) => step_to(StepState::Started).map(|record| Record {
                sent_at: at,
                ..record
            }),
            (
                None | Some(StepState::Ready | StepState::Started | StepState::InDoubt(_)),
                Event::Succeed(object),
            ) => step_to(StepState::Done(object)),
            (
                None | Some(StepState::Ready | StepState::Started | StepState::InDoubt(_)),
                Event::Refuse(refusal),
            ) => step_to(StepState::Refused(refusal)),
            (Some(StepState::Started | StepState::InDoubt(_)), Event::Doubt(doubt)) => {
                step_to(StepState::InDoubt(doubt))
            }
            (Some(StepState::Started), Event::Withdraw) => step_to(StepState::Ready),
            (Some(StepState::Refused(_)), Event::Retry) => {
                step_to(StepState::Ready).map(|record| Record {
                    try_no: record.try_no.saturating_add(1),
                    ..record
                })
            }
            (Some(StepState::Done(Object::Changed(_))), Event::Renew)
            | (Some(StepState::Done(Object::Changed(_) | Object::PaymentMethod(_))), Event::Anew) => {
                step_to(StepState::Ready).map(|record| Record {
                    try_no: record.try_no.saturating_add(1),
                    seen: None,
                    ..record
                })
            }
            (Some(StepState::Done(Object::PaymentMethod(_))), Event::Replace(by))
                if matches!(by.state, StepState::Done(Object::PaymentMethod(_))) =>
            {
                let try_no = before.map_or(1, |b| b.try_no);
                Ok(Record { try_no, ..*by })
            }
            (None, Event::Find(object, seen)) => {
                step_to(StepState::Done(object)).map(|record| record.recovered(seen))
            }
            (None, Event::FindSeveral(seen)) => {
                step_to(StepState::InDoubt(Doubt::FoundTwice)).map(|record| record.recovered(seen))
            }
            // While its key may be sent again, a step is asked for again rather than looked for.
            (Some(StepState::InDoubt(doubt)), Event::Find(object, seen)) if !doubt.may_resend() => {
                step_to(StepState::Done(object)).map(|record| record.with(seen))
            }
            (Some(StepState::InDoubt(doubt)), Event::Miss(seen)) if !doubt.may_resend() => {
                step_to(StepState::Ready).map(|record| Record {
                    try_no: record.try_no.saturating_add(1),
                    ..record.with(seen)
                })
            }
            (None, Event::Miss(seen)) => step_to(StepState::Ready).map(|record| Record {
                try_no: record.try_no.saturating_add(1),
                ..record.recovered(seen)
            }),
            (Some(StepState::InDoubt(doubt)), Event::FindSeveral(seen)) if !doubt.may_resend() => {
                step_to(StepState::InDoubt(Doubt::FoundTwice)).map(|record| record.with(seen))
            }
            _ => Err(Illegal::of_kind(before, event_name)),
        }
    }
}

/// The digest of a request that this state file never had.
const NEVER_SENT: i64 = 0;

impl Record {
    /// True where the step is known by reading alone, since the state file of the run that sent it is lost. When it was sent is
    /// not known then: no window of time finds it again.
    pub fn is_recovered(&self) -> bool {
        self.digest == NEVER_SENT && self.seen.is_some()
    }

    /// A step that may be started at this try; of those before, nothing is known but that they had no effect.
    pub(super) fn taken_up(try_no: u32) -> Self {
        Self {
            try_no,
            started_at: StripeTime(0),
            sent_at: StripeTime(0),
            digest: NEVER_SENT,
            state: StepState::Ready,
            request_id: None,
            seen: None,
        }
    }

    /// The times are of the reading: those of the intent are lost.
    fn recovered(self, seen: Seen) -> Self {
        Self {
            started_at: seen.reading.at,
            sent_at: seen.reading.at,
            ..self.with(seen)
        }
    }

    fn with(self, seen: Seen) -> Self {
        Self {
            seen: Some(seen),
            ..self
        }
    }
}

impl StepState {
    /// The state's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Started => "started",
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::InDoubt(_) => "in doubt",
        }
    }
}
