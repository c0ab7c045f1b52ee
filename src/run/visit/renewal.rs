//! A clone is renewed: whether the one before is attached still, is the default, or is named by a Subscription, is seen right before that
//! is decided on, and a refused detach is read back.

use super::attached::after;
use super::{Onward, VisitError, Visitor};
use crate::ids::{AccountId, CustomerId, PaymentMethodId, RequestId};
use crate::state::{Event, Object, Position, Reach, Refusal, StepId, StepKind, StepState};
use crate::store::Renewal;
use crate::stripe::{self, DefaultMethod, ReadAnswer, UseFacts, UseKind};

/// What is read right before a step of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Look {
    /// Whether the clone before is attached still.
    Clone,
    /// Whether it is the default.
    Default,
    /// Whether a Subscription names it as its own.
    Bills,
}

/// Nothing was sent: somebody decided against the card.
fn removed() -> Refusal {
    Refusal {
        reach: Reach::Source,
        status: 0,
        reason: "clone_removed".to_owned(),
        message: "The clone before is not attached to its Customer any more: somebody removed it on the connected account. No other was made.".to_owned(),
    }
}

/// Nothing was sent: as long as a Subscription names the clone before, it stays.
fn billed(subscription: &str) -> Refusal {
    Refusal {
        reach: Reach::Source,
        status: 0,
        reason: "named_by_subscription".to_owned(),
        message: format!(
            "The Subscription {subscription} names the clone before as its own default_payment_method, so that is not detached. The new one is attached."
        ),
    }
}

/// What a read of the Customer told.
enum Default {
    /// It is the clone that is to be detached, or it is to be the new one and there is none.
    ToBeSet,
    /// It is something else, and stays.
    Stays,
}

impl Visitor<'_> {
    /// What this visit has to look at before a step that never was sent.
    pub(super) fn look_before(&self, step: StepId) -> Option<Look> {
        let looks: &[Look] = match step.kind {
            StepKind::RenewPaymentMethod => &[Look::Clone],
            StepKind::SetRenewedDefault => &[Look::Default],
            StepKind::DetachReplacedPaymentMethod => &[Look::Default, Look::Bills],
            _ => &[],
        };
        let (target, source) = step.target.zip(step.source)?;
        let is_new = matches!(
            self.loaded.customer.state_of(step),
            None | Some(StepState::Ready)
        );
        let mut unseen = looks
            .iter()
            .filter(|look| is_new && !self.seen.contains(&(**look, target, source)));
        unseen.next().copied()
    }

    /// Looks, by reading alone.
    pub(super) async fn look_at(&mut self, look: Look, step: StepId) -> Result<Onward, VisitError> {
        match look {
            Look::Clone => self.see_clone(step).await,
            Look::Default => self.see_default(step).await,
            Look::Bills => self.see_bills(step).await,
        }
    }

    /// Reads the clone before: where somebody removed it from its Customer, no other takes its place unasked.
    async fn see_clone(&mut self, step: StepId) -> Result<Onward, VisitError> {
        let Some((target, source, made, account)) = self.place_of(step) else {
            return Ok(Onward::No);
        };
        let Some(before) = self.loaded.customer.clone_before(target, source).cloned() else {
            return Ok(Onward::No);
        };
        let client = &self.context.client;
        let answer = client.payment_method(&before, Some(&account)).await;
        let facts = match self.look_of(step, answer)? {
            Ok((facts, _)) => facts,
            Err(onward) => return Ok(onward),
        };
        if facts.customer.as_ref() == Some(&made) {
            self.seen.insert((Look::Clone, target, source));
        } else {
            self.apply(step, Event::Refuse(removed()), None)?;
        }
        Ok(Onward::Yes)
    }

    /// Reads the Customer: the new clone is made its default where the one before is.
    async fn see_default(&mut self, step: StepId) -> Result<Onward, VisitError> {
        let Some((target, source, made, account)) = self.place_of(step) else {
            return Ok(Onward::No);
        };
        let answer = self.context.client.customer(&made, Some(&account)).await;
        let (answer, request_id) = match self.look_of(step, answer)? {
            Ok(told) => told,
            Err(onward) => return Ok(onward),
        };
        self.seen.insert((Look::Default, target, source));
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

    /// Reads the Customer's Subscriptions: a clone that one of them names as its own stays attached, or its next invoice would not be
    /// paid.
    async fn see_bills(&mut self, step: StepId) -> Result<Onward, VisitError> {
        let Some((target, source, made, account)) = self.place_of(step) else {
            return Ok(Onward::No);
        };
        let before = self.loaded.customer.clone_before(target, source).cloned();
        let mut after: Option<String> = None;
        loop {
            let (client, from) = (&self.context.client, after.as_deref());
            let kind = UseKind::Subscription;
            let answer = client.uses(kind, &made, from, Some(&account)).await;
            let page = match self.look_of(step, answer)? {
                Ok((page, _)) => page,
                Err(onward) => return Ok(onward),
            };
            let names_it = |each: &&UseFacts| {
                let before = before.as_ref().map(PaymentMethodId::as_str);
                each.bills.is_some() && each.bills.as_deref() == before
            };
            if let Some(subscription) = page.data.iter().find(names_it) {
                let refusal = billed(&subscription.id);
                self.apply(step, Event::Refuse(refusal), None)?;
                return Ok(Onward::Yes);
            }
            let last = page.data.last().map(|each| each.id.clone());
            if !page.has_more {
                break;
            }
            // A page that leads to itself tells nothing.
            if last.is_none() || last == after {
                return Ok(Onward::Unread);
            }
            after = last;
        }
        self.seen.insert((Look::Bills, target, source));
        Ok(Onward::Yes)
    }

    /// Where a step of a renewal is: target, source, the Customer, and its account.
    fn place_of(&self, step: StepId) -> Option<(Position, Position, CustomerId, AccountId)> {
        let customer = &self.loaded.customer;
        let (target, source) = step.target.zip(step.source)?;
        let (made, _) = customer.made_on(Some(target))?;
        let account = &customer.target(target)?.account;
        Some((target, source, made.clone(), account.clone()))
    }

    /// What a look before a step told; or how the visit goes on without it.
    fn look_of<T>(
        &mut self,
        step: StepId,
        answer: ReadAnswer<T>,
    ) -> Result<Result<(T, Option<RequestId>), Onward>, VisitError> {
        Ok(Err(match answer {
            ReadAnswer::Found(facts, request_id) => return Ok(Ok((facts, request_id))),
            ReadAnswer::Missing(refusal) => {
                self.refuse(step, refusal)?;
                Onward::Yes
            }
            ReadAnswer::AccountInvalid(refusal) => {
                self.park(step, &refusal.message);
                Onward::Yes
            }
            ReadAnswer::Stop(stop) => return Err(VisitError::Stop(stop)),
            ReadAnswer::Failed(failure) => after(&failure),
        }))
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
