//! PURE. A row of the checkpoint, and the one function that makes the next row of it.

use super::{Doubt, Object, Refusal, StepState};
use crate::ids::RequestId;
use crate::time::StripeTime;

/// One row of the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which deliberate try, from 1; part of the key.
    pub try_no: u32,
    /// When this try's intent was first committed.
    pub started_at: StripeTime,
    /// Digest of the request, so that a resend is known to be the same.
    pub digest: i64,
    /// Where it stands.
    pub state: StepState,
    /// The answer that told, if it had an id.
    pub request_id: Option<RequestId>,
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
}

/// An event that must not happen in that state: a defect of the tool, never of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the step machine was asked for {event} in state {state}: please report this")]
pub struct Illegal {
    state: &'static str,
    event: &'static str,
}

impl Record {
    /// The record after `event`; `before` is `None` for a step that never was. The one transition function.
    pub fn after(
        before: Option<&Record>,
        event: Event,
        request_id: Option<RequestId>,
    ) -> Result<Record, Illegal> {
        let illegal = |event: &'static str| Illegal {
            state: before.map_or("(none)", |b| b.state.name()),
            event,
        };
        let state_now = before.map(|record| &record.state);
        let step_to = |state| {
            let (try_no, started_at, digest) = before.map_or((1, StripeTime(0), 0), |b| {
                (b.try_no, b.started_at, b.digest)
            });
            Ok(Record {
                try_no,
                started_at,
                digest,
                state,
                request_id,
            })
        };
        match (state_now, event) {
            (None | Some(StepState::Ready), Event::Start { at, digest }) => {
                let try_no = before.map_or(1, |b| b.try_no);
                Ok(Record {
                    try_no,
                    started_at: at,
                    digest,
                    state: StepState::Started,
                    request_id: None,
                })
            }
            // The first intent's time and digest stay: the key's age counts from the first send.
            (
                Some(StepState::Started | StepState::InDoubt(Doubt::NoAnswer)),
                Event::Start { .. },
            ) => step_to(StepState::Started),
            (Some(_), Event::Start { .. }) => Err(illegal("start")),
            (
                None | Some(StepState::Ready | StepState::Started | StepState::InDoubt(_)),
                Event::Succeed(object),
            ) => step_to(StepState::Done(object)),
            (Some(_), Event::Succeed(_)) => Err(illegal("succeed")),
            (
                None | Some(StepState::Ready | StepState::Started | StepState::InDoubt(_)),
                Event::Refuse(refusal),
            ) => step_to(StepState::Refused(refusal)),
            (Some(_), Event::Refuse(_)) => Err(illegal("refuse")),
            (Some(StepState::Started | StepState::InDoubt(_)), Event::Doubt(doubt)) => {
                step_to(StepState::InDoubt(doubt))
            }
            (_, Event::Doubt(_)) => Err(illegal("doubt")),
            (Some(StepState::Started), Event::Withdraw) => step_to(StepState::Ready),
            (_, Event::Withdraw) => Err(illegal("withdraw")),
            (Some(StepState::Refused(_)), Event::Retry) => {
                step_to(StepState::Ready).map(|record| Record {
                    try_no: record.try_no.saturating_add(1),
                    ..record
                })
            }
            (_, Event::Retry) => Err(illegal("retry")),
        }
    }
}

impl StepState {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Started => "started",
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::InDoubt(_) => "in doubt",
        }
    }
}
