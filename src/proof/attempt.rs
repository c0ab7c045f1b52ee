//! A step's row, and the one function that makes the next row of it.

use super::No;
use crate::state::Doubt;
use crate::time::StripeTime;

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Known to have had no effect under this `try_no`; may be started.
    Ready,
    /// The intent is durable; the request may be on its way.
    Started,
    /// Stripe did it.
    Done,
    /// Stripe said no.
    Refused(No),
    /// It may have had effect, and nobody knows.
    InDoubt(Doubt),
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which deliberate try, from 1; part of the key.
    pub try_no: u32,
    /// When this try's intent was first committed: the key's age counts from here.
    pub started_at: StripeTime,
    /// When it was committed last.
    pub sent_at: StripeTime,
    /// Where it stands.
    pub phase: Phase,
}

/// What can happen to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The intent is about to be committed (again, where no answer came).
    Start(StripeTime),
    /// Stripe did it, or a look shows that it did.
    Succeed,
    /// Stripe said no.
    Refuse(No),
    /// The outcome cannot be known.
    Doubt(Doubt),
    /// No attempt had any effect.
    Withdraw,
    /// A refused step is tried again, under a new key.
    Retry,
    /// A look shows that it was not done: it may be started again, under a new key.
    Miss,
}

/// An event that must not happen in that phase: a defect of the tool, never of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a step was asked for {event} in phase {phase}: please report this")]
pub struct Illegal {
    phase: &'static str,
    event: &'static str,
}

impl Phase {
    /// The stable name that outputs use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Started => "started",
            Self::Done => "done",
            Self::Refused(_) => "refused",
            Self::InDoubt(_) => "in_doubt",
        }
    }
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Succeed => "succeed",
            Self::Refuse(_) => "refuse",
            Self::Doubt(_) => "doubt",
            Self::Withdraw => "withdraw",
            Self::Retry => "retry",
            Self::Miss => "miss",
        }
    }
}

impl Attempt {
    /// The row after `event`; `before` is `None` for a step that never was.
    pub fn after(before: Option<&Self>, event: Event) -> Result<Self, Illegal> {
        let illegal = Illegal {
            phase: before.map_or("(none)", |before| before.phase.name()),
            event: event.name(),
        };
        let Some(before) = before else {
            return match event {
                Event::Start(at) => Ok(Self::started(1, at)),
                _ => Err(illegal),
            };
        };
        let to = |phase| {
            Ok(Self {
                phase,
                ..before.clone()
            })
        };
        let anew = || {
            Ok(Self {
                try_no: before.try_no.saturating_add(1),
                phase: Phase::Ready,
                ..before.clone()
            })
        };
        match (&before.phase, event) {
            (Phase::Ready, Event::Start(at)) => Ok(Self::started(before.try_no, at)),
            (Phase::Started | Phase::InDoubt(Doubt::NoAnswer), Event::Start(at)) => Ok(Self {
                sent_at: at,
                phase: Phase::Started,
                ..before.clone()
            }),
            (Phase::Started | Phase::InDoubt(_), Event::Succeed) => to(Phase::Done),
            (Phase::Started | Phase::InDoubt(_), Event::Refuse(no)) => to(Phase::Refused(no)),
            (Phase::Started | Phase::InDoubt(_), Event::Doubt(doubt)) => to(Phase::InDoubt(doubt)),
            (Phase::Started, Event::Withdraw) => to(Phase::Ready),
            (Phase::Refused(_), Event::Retry)
            | (Phase::Started | Phase::InDoubt(_), Event::Miss) => anew(),
            _ => Err(illegal),
        }
    }

    fn started(try_no: u32, at: StripeTime) -> Self {
        Self {
            try_no,
            started_at: at,
            sent_at: at,
            phase: Phase::Started,
        }
    }
}
