//! PURE. A clone whose source changed at Stripe is renewed: a new one is made and attached, made the default where the one before is,
//! and only then is that detached.
//!
//! ```text
//!   clone ──▶ attach ──▶ set the default, where the clone before is it ──▶ detach the clone before ──▶ the new one is the clone
//! ```
//!
//! All four steps are asked for at once, so a renewal is on from there until the last of them is done. Then what is known of the new
//! clone takes the place of the one before ([`Event::Replace`]), and the four stay as the renewal's trace: another renewal asks for
//! them once more, each under a new key.
//!
//! Hazard: a card that is missing in between. So nothing is detached before the new clone is attached, and is the default where the
//! one before was; and a renewal that Stripe refuses leaves everything as it was.

use super::{
    Customer, Event, Illegal, Object, Position, Reachable, Record, StepId, StepKind, StepState,
};
use crate::ids::PaymentMethodId;
use crate::time::StripeTime;

impl StepKind {
    /// The steps of a renewal, in their order.
    pub const RENEWAL: [Self; 4] = [
        Self::RenewPaymentMethod,
        Self::AttachRenewedPaymentMethod,
        Self::SetRenewedDefault,
        Self::DetachReplacedPaymentMethod,
    ];
}

/// Whether a clone can be renewed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewable {
    /// It can.
    Yes,
    /// A renewal of it was begun, and goes on by itself.
    Begun,
    /// A step of a renewal of it was refused, and can be tried again.
    Refused,
    /// Later: it is not known, or not attached, yet; or its account cannot be reached, or is not selected.
    Waits,
    /// There is none, or it is taken back.
    Nothing,
}

fn step(kind: StepKind, target: Position, source: Position) -> StepId {
    StepId {
        kind,
        target: Some(target),
        source: Some(source),
    }
}

impl Customer {
    /// True from when a clone is to be renewed until the one before is detached.
    pub fn is_in_renewal(&self, target: Position, source: Position) -> bool {
        let last = step(StepKind::DetachReplacedPaymentMethod, target, source);
        self.state_of(last)
            .is_some_and(|state| !matches!(state, StepState::Done(_)))
    }

    /// The new clone, while a renewal is on, once it is attached.
    pub(super) fn renewed_clone(
        &self,
        target: Position,
        source: Position,
    ) -> Option<&PaymentMethodId> {
        if !self.is_in_renewal(target, source) {
            return None;
        }
        let attach = step(StepKind::AttachRenewedPaymentMethod, target, source);
        let is_attached = matches!(self.state_of(attach), Some(StepState::Done(_)));
        self.new_clone(target, source).filter(|_| is_attached)
    }

    /// The new clone, while a renewal is on, once it is made.
    pub fn new_clone(&self, target: Position, source: Position) -> Option<&PaymentMethodId> {
        if !self.is_in_renewal(target, source) {
            return None;
        }
        match self.state_of(step(StepKind::RenewPaymentMethod, target, source)) {
            Some(StepState::Done(Object::PaymentMethod(clone))) => Some(clone),
            _ => None,
        }
    }

    /// Whether the clone of a source that changed at `since` can be renewed now on a target.
    pub fn is_renewable(&self, target: Position, source: Position, since: StripeTime) -> Renewable {
        let reach = self.target(target).map(|target| target.reach);
        if self.is_undone() || reach.is_none_or(|reach| reach == Reachable::Undone) {
            return Renewable::Nothing;
        }
        let of = |kind| self.state_of(step(kind, target, source));
        let can_be_reached = reach == Some(Reachable::Yes);
        if self.is_in_renewal(target, source) {
            let is_refused = |kind: &StepKind| matches!(of(*kind), Some(StepState::Refused(_)));
            return match StepKind::RENEWAL.iter().any(is_refused) {
                true if can_be_reached => Renewable::Refused,
                true => Renewable::Waits,
                false => Renewable::Begun,
            };
        }
        let clone = self
            .steps
            .get(&step(StepKind::ClonePaymentMethod, target, source));
        match clone.map(|clone| (&clone.state, clone.started_at > since)) {
            None
            | Some((StepState::Ready | StepState::Refused(_), _) | (StepState::Done(_), true)) => {
                Renewable::Nothing
            }
            // What was refused may be attached later, as it is.
            Some((StepState::Done(_), false))
                if can_be_reached && self.is_there(target, source) =>
            {
                Renewable::Yes
            }
            Some(_) => Renewable::Waits,
        }
    }

    /// Asks for a renewal, or for what was refused of one once more, and returns the records to be kept: none where it is not
    /// [`Renewable::Yes`] or [`Renewable::Refused`].
    pub fn renew(
        &mut self,
        target: Position,
        source: Position,
        since: StripeTime,
    ) -> Result<Vec<(StepId, Record)>, Illegal> {
        let renewable = self.is_renewable(target, source, since);
        if !matches!(renewable, Renewable::Yes | Renewable::Refused) {
            return Ok(Vec::new());
        }
        let refused = |each: &Self, kind| {
            let state = each.state_of(step(kind, target, source));
            matches!(state, Some(StepState::Refused(_)))
        };
        // A clone that Stripe does not attach is of no use.
        let clone_anew = refused(self, StepKind::AttachRenewedPaymentMethod);
        let mut records = Vec::new();
        for kind in StepKind::RENEWAL {
            let step = step(kind, target, source);
            let event = match self.state_of(step) {
                Some(StepState::Refused(_)) => Some(Event::Retry),
                Some(StepState::Done(_))
                    if renewable == Renewable::Yes
                        || (clone_anew && kind == StepKind::RenewPaymentMethod) =>
                {
                    Some(Event::Anew)
                }
                None => None,
                Some(_) => continue,
            };
            let record = match event {
                Some(event) => self.apply(step, event, None)?,
                None => Record::taken_up(1),
            };
            self.steps.insert(step, record.clone());
            records.push((step, record));
        }
        Ok(records)
    }

    /// What follows once a renewal's last step is done: the new clone takes the place of the one before.
    pub fn renewed(&self, last: StepId) -> Option<(StepId, Event)> {
        let (target, source) = last.target.zip(last.source)?;
        if last.kind != StepKind::DetachReplacedPaymentMethod
            || !matches!(self.state_of(last), Some(StepState::Done(_)))
        {
            return None;
        }
        let new = self
            .steps
            .get(&step(StepKind::RenewPaymentMethod, target, source))?;
        let clone = step(StepKind::ClonePaymentMethod, target, source);
        Some((clone, Event::Replace(Box::new(new.clone()))))
    }
}
