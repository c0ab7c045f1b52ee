//! PURE. What the attempts of a call come to together: the last word, and the worst that any of them can have done.

use crate::stripe::answer::{
    Again, Doubt, DoubtKind, Effect, NotExecuted, Outcome, StopKind, Unsure,
};
use crate::stripe::facts::ReadFailure;

/// The attempts of a call.
pub(super) struct Tried<T> {
    /// The worst of all but the last.
    effect: Effect,
    last: Option<Result<T, Again>>,
}

/// How a call ended that no attempt settled.
pub(super) struct Unsettled {
    why: Why,
    /// The worst of all attempts.
    pub(super) effect: Effect,
    /// The last attempt, if there was one.
    last: Option<Again>,
}

/// Why no attempt follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    Draining,
    Held,
    Expired,
    GaveUp,
}

impl<T> Tried<T> {
    /// None yet.
    pub(super) fn nothing() -> Self {
        Self {
            effect: Effect::None,
            last: None,
        }
    }

    /// Whether there was none yet.
    pub(super) fn is_nothing(&self) -> bool {
        self.last.is_none()
    }

    /// One more attempt. An answer that was final, and is asked for again on Stripe's own advice, may have had effect.
    pub(super) fn take(&mut self, settled: Result<T, Again>) {
        self.effect = self.worst();
        self.last = Some(settled);
    }

    /// The worst of all attempts.
    pub(super) fn worst(&self) -> Effect {
        let last = match &self.last {
            None => Effect::None,
            Some(Ok(_)) => Effect::Possible,
            Some(Err(again)) => again.effect,
        };
        self.effect.max(last)
    }

    /// The last attempt has the last word: where it was answered for certain, that holds, however the call ended.
    pub(super) fn end(self, why: Why) -> Result<(T, Effect), Unsettled> {
        let effect = self.effect;
        match self.last {
            Some(Ok(told)) => Ok((told, effect)),
            Some(Err(again)) => Err(Unsettled {
                why,
                effect: effect.max(again.effect),
                last: Some(again),
            }),
            None => Err(Unsettled {
                why,
                effect,
                last: None,
            }),
        }
    }
}

/// What the answer that stopped a run may have done: one from the wrong mode made something there, and one that Stripe did
/// not write may hide one that Stripe did.
pub(super) fn untold(outcome: &Outcome) -> Effect {
    match outcome {
        Outcome::Stop(stop) => match stop.kind {
            StopKind::WrongMode | StopKind::NotStripe => Effect::Possible,
            StopKind::Key | StopKind::Permission | StopKind::ApiVersion => Effect::None,
        },
        Outcome::Done(_)
        | Outcome::Refused(_)
        | Outcome::AlreadyAttached(_)
        | Outcome::AccountInvalid(_)
        | Outcome::Doubt(_)
        | Outcome::NotExecuted(_) => Effect::None,
    }
}

impl Unsettled {
    /// What it is of a write.
    pub(super) fn of_write(self) -> Unsure {
        match (self.why, self.effect, self.last) {
            (Why::Expired, Effect::None | Effect::Possible, last) => {
                Unsure::Doubt(doubt(DoubtKind::Expired, last))
            }
            (Why::Draining | Why::Held | Why::GaveUp, Effect::Possible, Some(last)) => {
                Unsure::Doubt(doubt(DoubtKind::NoAnswer(last.cause), Some(last)))
            }
            (Why::GaveUp, Effect::None, Some(last)) => {
                Unsure::NotExecuted(NotExecuted::GaveUp(last))
            }
            // Only where nothing was tried.
            (Why::Held, Effect::None | Effect::Possible, None)
            | (Why::Held, Effect::None, Some(_)) => Unsure::NotExecuted(NotExecuted::Held),
            (Why::Draining, Effect::None, Some(_))
            | (Why::Draining | Why::GaveUp, Effect::None | Effect::Possible, None) => {
                Unsure::NotExecuted(NotExecuted::Draining)
            }
        }
    }

    /// What it is of a read.
    pub(super) fn of_read(self) -> ReadFailure {
        match (self.why, self.last) {
            (Why::Draining | Why::Held, _) | (Why::Expired | Why::GaveUp, None) => {
                ReadFailure::Draining
            }
            (Why::Expired | Why::GaveUp, Some(last)) => ReadFailure::NoAnswer(last),
        }
    }
}

fn doubt(kind: DoubtKind, last: Option<Again>) -> Doubt {
    let (message, request_id) =
        last.map_or_else(Default::default, |again| (again.message, again.request_id));
    Doubt {
        kind,
        message,
        request_id,
    }
}
