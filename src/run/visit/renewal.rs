//! A clone is renewed: whether the one before is the default is seen right before that is decided on, and a refused detach is read back.

use super::attached::after;
use super::{Onward, VisitError, Visitor};
use crate::state::{Event, Object, Position, StepId, StepKind, StepState};
use crate::store::Renewal;
use crate::stripe::{self, DefaultMethod, ReadAnswer};

/// What a read of the Customer told.
enum Default {
    /// It is the clone that is to be detached, or it is to be the new one and there is none.
    ToBeSet,
    /// It is something else, and stays.
    Stays,
}

impl Visitor<'_> {
    /// True where a step is sent, or not, by what the default is, and this visit has not seen that yet.
    pub(super) fn must_see_default(&self, step: StepId) -> bool {
        let by_default = matches!(
            step.kind,
            StepKind::SetRenewedDefault | StepKind::DetachReplacedPaymentMethod
        );
        let state = self.loaded.customer.state_of(step);
        let place = step.target.zip(step.source);
        by_default
            && matches!(state, None | Some(StepState::Ready))
            && place.is_some_and(|place| !self.seen.contains(&place))
    }

    /// Reads the Customer: the new clone is made its default where the one before is.
    pub(super) async fn see_default(&mut self, step: StepId) -> Result<Onward, VisitError> {
        let customer = &self.loaded.customer;
        let Some((target, source)) = step.target.zip(step.source) else {
            return Ok(Onward::No);
        };
        let made = customer.made_on(Some(target)).map(|(made, _)| made.clone());
        let account = customer.target(target).map(|target| target.account.clone());
        let (Some(made), Some(account)) = (made, account) else {
            return Ok(Onward::No);
        };
        let (answer, request_id) = match self.context.client.customer(&made, Some(&account)).await {
            ReadAnswer::Found(facts, request_id) => (facts, request_id),
            ReadAnswer::Missing(refusal) => {
                self.refuse(step, refusal)?;
                return Ok(Onward::Yes);
            }
            ReadAnswer::AccountInvalid(refusal) => {
                self.park(step, &refusal.message);
                return Ok(Onward::Yes);
            }
            ReadAnswer::Stop(stop) => return Err(VisitError::Stop(stop)),
            ReadAnswer::Failed(failure) => return Ok(after(&failure)),
        };
        self.seen.insert((target, source));
        let set = StepId {
            kind: StepKind::SetRenewedDefault,
            ..step
        };
        let state = self.loaded.customer.state_of(set);
        match (self.default(target, source, answer.default.as_ref()), state) {
            (Default::ToBeSet, Some(StepState::Done(_))) => self.apply(set, Event::Renew, None)?,
            (Default::Stays, None | Some(StepState::Ready)) => {
                self.apply(set, Event::Succeed(Object::Changed(made)), request_id)?;
            }
            (Default::ToBeSet | Default::Stays, _) => {}
        }
        Ok(Onward::Yes)
    }

    fn default(
        &self,
        target: Position,
        source: Position,
        found: Option<&DefaultMethod>,
    ) -> Default {
        let customer = &self.loaded.customer;
        let is_set = match found {
            None => customer.default_on(target) == Some(source),
            Some(DefaultMethod::Id(id)) => customer
                .clone_before(target, source)
                .is_some_and(|clone| clone.as_str() == id),
            Some(DefaultMethod::Whole(facts)) => {
                customer.clone_before(target, source) == Some(&facts.id)
            }
        };
        if is_set {
            Default::ToBeSet
        } else {
            Default::Stays
        }
    }

    /// After a no to a detach, which may be the no to a second one: what Stripe has tells.
    pub(super) async fn settle_detached(
        &mut self,
        step: StepId,
        refusal: stripe::Refusal,
        untouched: bool,
    ) -> Result<Onward, VisitError> {
        let account = step
            .target
            .and_then(|target| self.loaded.customer.target(target))
            .map(|target| target.account.clone());
        let Some(id) = self.carried(step).cloned() else {
            self.refuse(step, refusal)?;
            return Ok(Onward::Yes);
        };
        let client = &self.context.client;
        let is_attached = match client.payment_method(&id, account.as_ref()).await {
            ReadAnswer::Found(facts, _) => facts.customer.is_some(),
            ReadAnswer::Missing(_) => false,
            ReadAnswer::Stop(stop) => return Err(VisitError::Stop(stop)),
            ReadAnswer::AccountInvalid(_) => {
                return self.unread(step, untouched, Onward::Unread);
            }
            ReadAnswer::Failed(failure) => return self.unread(step, untouched, after(&failure)),
        };
        if is_attached {
            self.refuse(step, refusal)?;
        } else {
            self.context.tally.step_done(step.kind);
            let gone = Event::Succeed(Object::PaymentMethod(id));
            self.apply(step, gone, refusal.request_id)?;
        }
        Ok(Onward::Yes)
    }

    /// True where a step is the first to ask for a new clone under its key.
    pub(super) fn renewal_begins(&self, step: StepId, event: &Event) -> bool {
        step.kind == StepKind::RenewPaymentMethod
            && matches!(event, Event::Start { .. })
            && matches!(
                self.loaded.customer.state_of(step),
                None | Some(StepState::Ready)
            )
    }

    /// Keeps, with the step, how far the renewal of a clone is.
    pub(super) fn note_renewal(&mut self, step: StepId, renewal: Renewal) {
        let Some((target, source)) = step.target.zip(step.source) else {
            return;
        };
        let index = usize::try_from(target).ok();
        let account = index.and_then(|index| self.loaded.accounts.get(index));
        let source = self.loaded.customer.source(source);
        if let Some((account, source)) = account.zip(source) {
            self.changes.renewal(*account, source.clone(), renewal);
        }
    }
}
