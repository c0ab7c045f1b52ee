//! "Already attached": Stripe does not say to whom, so the PaymentMethod is read. And the look before a clone, which
//! asks the same question first.

use super::{Onward, VisitError, Visitor, attach_on_platform, known_unclonable};
use crate::ids::{AccountId, CustomerId};
use crate::state::{Doubt, Event, Object, Position, Reach, Refusal, StepId, StepKind};
use crate::stripe::{self, PaymentMethodFacts, ReadAnswer, ReadFailure};

/// Types that Stripe clones (<https://docs.stripe.com/connect/direct-charges-multiple-accounts>).
const CLONABLE: [&str; 2] = ["card", "us_bank_account"];

/// To whom a PaymentMethod is attached, as far as this customer is concerned.
enum Holder {
    Ours,
    Other(CustomerId),
    Nobody,
}

/// Whose mark a Customer carries.
enum Marker {
    Ours,
    Another,
    Unread(Onward),
}

/// Where a look-up that failed leaves a visit: a refusal does not tell what was asked, but it is an answer.
pub(super) fn after(failure: &ReadFailure) -> Onward {
    match failure {
        ReadFailure::Refused(_) => Onward::Unread,
        ReadFailure::NoAnswer(_) | ReadFailure::Draining => Onward::No,
    }
}

impl Visitor<'_> {
    /// Reads a source of an adopted Customer before anything is cloned from it.
    pub(super) async fn look(&mut self, source: Position) -> Result<Onward, VisitError> {
        let step = attach_on_platform(source);
        let Some(id) = self.loaded.customer.source(source).cloned() else {
            return Ok(Onward::No);
        };
        match self.context.client.payment_method(&id, None).await {
            ReadAnswer::Found(facts, _) => {
                if !CLONABLE.contains(&facts.kind.as_str()) {
                    self.apply(step, Event::Refuse(known_unclonable(&facts.kind)), None)?;
                    return Ok(Onward::Yes);
                }
                match self.holder(&facts) {
                    Holder::Nobody => self.send(step).await,
                    Holder::Ours => {
                        self.apply(step, Event::Succeed(Object::PaymentMethod(id)), None)?;
                        Ok(Onward::Yes)
                    }
                    Holder::Other(other) => self.held_by_other(step, other),
                }
            }
            // Stripe's final no is to this source, whether it says that there is none or why it does not tell.
            ReadAnswer::Missing(refusal)
            | ReadAnswer::AccountInvalid(refusal)
            | ReadAnswer::Failed(ReadFailure::Refused(refusal)) => {
                self.refuse(step, refusal)?;
                Ok(Onward::Yes)
            }
            ReadAnswer::Stop(stop) => Err(VisitError::Stop(stop)),
            // A failed look-up is never "not found": the source's turn comes again.
            ReadAnswer::Failed(ReadFailure::NoAnswer(_) | ReadFailure::Draining) => Ok(Onward::No),
        }
    }

    /// The customer that a step works with where it is sent.
    fn ours(&self, step: StepId) -> Option<&CustomerId> {
        match step.target {
            None => self.loaded.customer.platform_customer(),
            Some(target) => self
                .loaded
                .customer
                .made_on(Some(target))
                .map(|(customer, _)| customer),
        }
    }

    fn holder(&self, facts: &PaymentMethodFacts) -> Holder {
        match &facts.customer {
            None => Holder::Nobody,
            Some(customer) if self.loaded.customer.platform_customer() == Some(customer) => {
                Holder::Ours
            }
            Some(customer) => Holder::Other(customer.clone()),
        }
    }

    fn held_by_other(&mut self, step: StepId, other: CustomerId) -> Result<Onward, VisitError> {
        let event = match (self.context.adopt_attached, step.kind) {
            (true, StepKind::CreatePlatformCustomer) => Event::Succeed(Object::Customer(other)),
            (true, StepKind::AttachPlatformPaymentMethod) => Event::Succeed(Object::HeldBy(other)),
            (true | false, _) => Event::Refuse(attached_to(&other)),
        };
        self.apply(step, event, None)?;
        Ok(Onward::Yes)
    }

    /// After "already attached": ours is done, another's is refused by name.
    pub(super) async fn settle_attached(
        &mut self,
        step: StepId,
        refusal: stripe::Refusal,
        untouched: bool,
    ) -> Result<Onward, VisitError> {
        let Some(id) = self.carried(step).cloned() else {
            self.refuse(step, refusal)?;
            return Ok(Onward::Yes);
        };
        let account = step
            .target
            .and_then(|target| self.loaded.customer.target(target))
            .map(|t| t.account.clone());
        let holder = match self
            .context
            .client
            .payment_method(&id, account.as_ref())
            .await
        {
            ReadAnswer::Found(facts, _) => facts.customer,
            ReadAnswer::Missing(_) => None,
            ReadAnswer::Stop(stop) => return Err(VisitError::Stop(stop)),
            ReadAnswer::AccountInvalid(_) => {
                return self.unread(step, untouched, Onward::Unread);
            }
            ReadAnswer::Failed(failure) => {
                return self.unread(step, untouched, after(&failure));
            }
        };
        let Some(holder) = holder else {
            self.refuse(step, refusal)?;
            return Ok(Onward::Yes);
        };
        if self.ours(step) == Some(&holder) {
            self.context.tally.step_done(step.kind);
            self.apply(
                step,
                Event::Succeed(Object::PaymentMethod(id)),
                refusal.request_id,
            )?;
            return Ok(Onward::Yes);
        }
        let creates = matches!(
            step.kind,
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer
        );
        match self.marker(creates, &holder, account.as_ref()).await? {
            Marker::Ours => {
                self.context.tally.step_done(step.kind);
                self.apply(
                    step,
                    Event::Succeed(Object::Customer(holder)),
                    refusal.request_id,
                )?;
                Ok(Onward::Yes)
            }
            Marker::Another => self.held_by_other(step, holder),
            Marker::Unread(onward) => self.unread(step, untouched, onward),
        }
    }

    /// Whether the Customer was made by this migration for this legacy customer.
    async fn marker(
        &self,
        creates: bool,
        holder: &CustomerId,
        account: Option<&AccountId>,
    ) -> Result<Marker, VisitError> {
        if !creates {
            return Ok(Marker::Another);
        }
        match self.context.client.customer(holder, account).await {
            ReadAnswer::Found(facts, _) => {
                let migration = self.context.migration.id.to_string();
                let legacy_id = self.loaded.customer.legacy_id.as_str();
                let ours = facts.marker_migration.as_deref() == Some(migration.as_str());
                if ours && facts.marker_legacy_id.as_deref() == Some(legacy_id) {
                    Ok(Marker::Ours)
                } else {
                    Ok(Marker::Another)
                }
            }
            ReadAnswer::Missing(_) => Ok(Marker::Another),
            ReadAnswer::Stop(stop) => Err(VisitError::Stop(stop)),
            ReadAnswer::AccountInvalid(_) => Ok(Marker::Unread(Onward::Unread)),
            ReadAnswer::Failed(failure) => Ok(Marker::Unread(after(&failure))),
        }
    }

    /// The look-up failed: the step is asked for again later, and Stripe will give its stored answer.
    pub(super) fn unread(
        &mut self,
        step: StepId,
        untouched: bool,
        onward: Onward,
    ) -> Result<Onward, VisitError> {
        if untouched {
            self.withdraw(step, true)?;
        } else {
            self.apply(step, Event::Doubt(Doubt::NoAnswer), None)?;
        }
        Ok(onward)
    }
}

fn attached_to(other: &CustomerId) -> Refusal {
    Refusal {
        reach: Reach::Source,
        status: 400,
        reason: "already_attached".to_owned(),
        message: format!(
            "The PaymentMethod is attached to Customer {other}, which is not this migration's."
        ),
    }
}
