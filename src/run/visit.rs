//! One customer, from admission until nothing can be done for it now. Its steps go one after the other.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::Context;
use crate::ids::PaymentMethodId;
use crate::log;
use crate::state::{
    Doubt, Event, Next, Object, Position, Reach, Reachable, Record, Refusal, Review, Standing,
    StepId, StepKind, StepState,
};
use crate::store::{Changes, Loaded, Renewal, StoreError};
use crate::stripe::{self, DoubtKind, NotExecuted, Outcome, Stop, Write, Written};

mod attached;
mod renewal;
mod request;

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Nothing can be done for the customer now, and that is kept.
    Settled,
    /// Stripe gave no answer to some step, whose key may be sent again.
    Unanswered,
    /// Some step is in doubt that reading may settle.
    Doubtful,
    /// Stripe answered, and refused a look that some step waits for.
    Unread,
}

/// Why a visit, and the run with it, cannot go on.
#[derive(Debug)]
pub enum VisitError {
    /// Stripe refuses the key, or the like.
    Stop(Stop),
    /// The state file.
    Store(StoreError),
}

impl From<StoreError> for VisitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<crate::state::Illegal> for VisitError {
    fn from(error: crate::state::Illegal) -> Self {
        Self::Store(StoreError::Damaged(error.to_string()))
    }
}

/// Works on one customer until it is settled, or the run drains.
pub async fn visit(context: Arc<Context>, loaded: Loaded) -> Result<Visit, VisitError> {
    let changes = Changes::of(loaded.seq);
    let mut visitor = Visitor {
        context: &context,
        loaded,
        changes,
        seen: HashSet::new(),
    };
    visitor.run().await
}

struct Visitor<'a> {
    context: &'a Context,
    loaded: Loaded,
    /// What is not committed yet: an outcome goes into the file together with the next intent.
    changes: Changes,
    /// What this visit saw already of clones that are renewed: target and source.
    seen: HashSet<(renewal::Look, Position, Position)>,
}

/// Whether the visit goes on after a step.
enum Onward {
    Yes,
    /// The step was not sent: its turn comes in a later pass, or run.
    No,
    /// The same, since Stripe refused a look.
    Unread,
    /// It was not sent, since the run is held: it is sent when the run goes on.
    Held,
}

impl Visitor<'_> {
    async fn run(&mut self) -> Result<Visit, VisitError> {
        loop {
            // Where it cannot be heard, the run goes on, and whoever watches it is told at its next tick.
            drop(self.context.hear());
            self.refresh_parked();
            let next = self.loaded.customer.next(self.context.latest_now()?);
            let draining = *self.context.draining.borrow();
            let held = self.context.client.limiter().is_held();
            let onward = match next {
                Next::Send(_) | Next::Look(_) if draining => Onward::No,
                Next::Send(_) | Next::Look(_) if held => Onward::Held,
                Next::Send(step) => match self.look_before(step) {
                    None => self.send(step).await?,
                    Some(look) => {
                        self.commit().await?;
                        self.look_at(look, step).await?
                    }
                },
                Next::Look(source) => {
                    self.commit().await?;
                    self.look(source).await?
                }
                Next::SetAside(source) => {
                    let refusal = known_unclonable("src");
                    self.apply(attach_on_platform(source), Event::Refuse(refusal), None)?;
                    Onward::Yes
                }
                Next::Expire(step) => {
                    self.apply(step, Event::Doubt(Doubt::Expired), None)?;
                    Onward::Yes
                }
                Next::Settled(review) => return self.settle(review).await,
            };
            match onward {
                Onward::Yes => {}
                Onward::No => return self.leave(Visit::Unanswered).await,
                Onward::Unread => return self.leave(Visit::Unread).await,
                Onward::Held => {
                    self.commit().await?;
                    self.context.released().await;
                }
            }
        }
    }

    /// Leaves a customer that has a step to be sent still.
    async fn leave(&mut self, visit: Visit) -> Result<Visit, VisitError> {
        if self.has_step(|state| matches!(state, StepState::InDoubt(_))) {
            self.changes.in_doubt();
        }
        self.commit().await?;
        Ok(visit)
    }

    fn has_step(&self, is: impl Fn(&StepState) -> bool) -> bool {
        self.loaded
            .customer
            .steps
            .values()
            .any(|record| is(&record.state))
    }

    async fn settle(&mut self, review: Review) -> Result<Visit, VisitError> {
        let standing = review.customer;
        let worked = !self.changes.is_empty() || standing != self.loaded.standing;
        if worked {
            self.changes.settle(review);
            self.commit().await?;
        }
        if self.has_step(|state| *state == StepState::InDoubt(Doubt::NoAnswer)) {
            return Ok(Visit::Unanswered);
        }
        if self.has_step(
            |state| matches!(state, StepState::InDoubt(doubt) if *doubt != Doubt::FoundTwice),
        ) {
            return Ok(Visit::Doubtful);
        }
        self.context.tally.settled(standing);
        if worked {
            let mut stop_loss = self
                .context
                .stop_loss
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            stop_loss.note(standing, self.reason());
        }
        Ok(Visit::Settled)
    }

    /// Why the customer was refused: the first of its reasons.
    fn reason(&self) -> Option<&str> {
        let records = self.loaded.customer.steps.values();
        records.into_iter().find_map(|record| match &record.state {
            StepState::Refused(refusal) => Some(refusal.reason.as_str()),
            StepState::Ready | StepState::Started | StepState::Done(_) | StepState::InDoubt(_) => {
                None
            }
        })
    }

    fn refresh_parked(&mut self) {
        let parked = self.context.parked();
        if parked.is_empty() {
            return;
        }
        for target in &mut self.loaded.customer.targets {
            if target.reach == Reachable::Yes && parked.contains(&target.account) {
                target.reach = Reachable::Parked;
            }
        }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let mut changes = std::mem::replace(&mut self.changes, Changes::of(self.loaded.seq));
        changes.at(self.context.client.clock().earliest_now());
        self.context.store.commit(changes).await
    }

    fn apply(
        &mut self,
        step: StepId,
        event: Event,
        request_id: Option<crate::ids::RequestId>,
    ) -> Result<(), VisitError> {
        let begins = self.renewal_begins(step, &event);
        let record = self.loaded.customer.apply(step, event, request_id)?;
        self.log(step, &record);
        self.changes.step(step, record);
        if begins {
            self.note_renewal(step, Renewal::Asked);
        }
        if let Some((clone, event)) = self.loaded.customer.renewed(step) {
            let record = self.loaded.customer.apply(clone, event, None)?;
            self.changes.step(clone, record);
            self.note_renewal(step, Renewal::Done);
        }
        Ok(())
    }

    /// What a person may ask about later, by the key of the request: the legacy id may be an e-mail address.
    fn log(&self, step: StepId, record: &Record) {
        let customer = &self.loaded.customer;
        let key = || {
            let key = self.context.migration.key(customer, step, record.try_no);
            key.to_string()
        };
        let account = step.target.and_then(|target| customer.target(target));
        let account = account.map(|target| target.account.as_str());
        let step = step.kind.name();
        match &record.state {
            StepState::InDoubt(doubt) => tracing::warn!(
                event = "in_doubt",
                step,
                account,
                doubt = doubt.name(),
                idempotency_key = key(),
            ),
            StepState::Refused(refusal) => tracing::warn!(
                event = "refused",
                step,
                account,
                status = refusal.status,
                reason = log::code(&refusal.reason),
                idempotency_key = key(),
            ),
            StepState::Ready | StepState::Started | StepState::Done(_) => {}
        }
    }

    /// Commits the intent, sends, and applies what came of it.
    async fn send(&mut self, step: StepId) -> Result<Onward, VisitError> {
        let request = self.write_of(step)?.request();
        let digest = request.digest();
        let before = self.loaded.customer.steps.get(&step);
        let resent = before.is_some_and(|record| record.state == StepState::Started);
        if resent && before.is_some_and(|record| record.digest != digest) {
            self.apply(step, Event::Doubt(Doubt::RequestChanged), None)?;
            return Ok(Onward::Yes);
        }
        let try_no = before.map_or(1, |record| record.try_no);
        let key = self
            .context
            .migration
            .key(&self.loaded.customer, step, try_no);
        if self.loaded.standing != Standing::InProgress {
            self.loaded.standing = Standing::InProgress;
            self.changes.in_progress();
        }
        let at = self
            .context
            .client
            .clock()
            .earliest_now()
            .ok_or_else(no_date)?;
        self.apply(step, Event::Start { at, digest }, None)?;
        let mut changes = std::mem::replace(&mut self.changes, Changes::of(self.loaded.seq));
        changes.at(Some(at));
        let started = self.context.store.start(changes, key).await?;
        let written = self
            .context
            .client
            .write_request(&started, &self.write_of(step)?, &request)
            .await;
        self.record(step, written, resent).await
    }

    fn write_of(&self, step: StepId) -> Result<Write<'_>, StoreError> {
        request::write_of(
            self.context,
            &self.loaded.customer,
            step,
            self.loaded.details.as_ref(),
        )
    }

    /// Applies an outcome. `resent`: an earlier run may have sent the step too.
    async fn record(
        &mut self,
        step: StepId,
        written: Written,
        resent: bool,
    ) -> Result<Onward, VisitError> {
        // Known to have had no effect: neither this call's attempts nor an earlier run's can have had any.
        let untouched = !resent && written.effect == stripe::Effect::None;
        match written.outcome {
            Outcome::Done(created) => {
                let object = match created.id {
                    stripe::ObjectId::Customer(id) if step.kind.is_change() => Object::Changed(id),
                    stripe::ObjectId::Customer(id) => Object::Customer(id),
                    stripe::ObjectId::PaymentMethod(id) => Object::PaymentMethod(id),
                };
                self.context.tally.step_done(step.kind);
                self.apply(step, Event::Succeed(object), created.request_id)?;
            }
            Outcome::AlreadyAttached(refusal) => {
                return self.settle_attached(step, refusal, untouched).await;
            }
            Outcome::Refused(refusal) if refusal.says_already_attached() => {
                return self.settle_attached(step, refusal, untouched).await;
            }
            Outcome::Refused(refusal) if step.kind == StepKind::DetachReplacedPaymentMethod => {
                return self.settle_detached(step, refusal, untouched).await;
            }
            Outcome::Refused(refusal) => self.refuse(step, refusal)?,
            Outcome::AccountInvalid(refusal) => {
                self.park(step, &refusal.message);
                self.withdraw(step, untouched)?;
            }
            Outcome::Stop(stop) => {
                self.withdraw(step, untouched)?;
                self.commit().await?;
                return Err(VisitError::Stop(stop));
            }
            Outcome::Doubt(doubt) => {
                let kind = match doubt.kind {
                    DoubtKind::NoAnswer(_) => Doubt::NoAnswer,
                    DoubtKind::Expired => Doubt::Expired,
                    DoubtKind::StoredServerError => Doubt::StoredServerError,
                    DoubtKind::IdempotencyConflict => Doubt::IdempotencyConflict,
                };
                self.apply(step, Event::Doubt(kind), doubt.request_id)?;
                if *self.context.draining.borrow() {
                    return Ok(Onward::No);
                }
            }
            Outcome::NotExecuted(NotExecuted::Held) => {
                self.withdraw(step, untouched)?;
                return Ok(Onward::Held);
            }
            Outcome::NotExecuted(NotExecuted::Draining | NotExecuted::GaveUp(_)) => {
                if untouched {
                    self.withdraw(step, true)?;
                } else {
                    self.apply(step, Event::Doubt(Doubt::NoAnswer), None)?;
                }
                return Ok(Onward::No);
            }
        }
        Ok(Onward::Yes)
    }

    /// Takes the intent back where nothing can have come of it; else it stays, and is sent again under its key.
    fn withdraw(&mut self, step: StepId, untouched: bool) -> Result<(), VisitError> {
        if untouched {
            self.apply(step, Event::Withdraw, None)
        } else {
            Ok(())
        }
    }

    fn refuse(&mut self, step: StepId, refusal: stripe::Refusal) -> Result<(), VisitError> {
        let creates = matches!(
            step.kind,
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer
        );
        let reach = if creates {
            match refusal.reach(self.carried(step)) {
                stripe::Reach::Source => Reach::Source,
                stripe::Reach::Customer => Reach::Customer,
            }
        } else {
            Reach::Source
        };
        let (status, reason, request_id) = (
            refusal.status,
            refusal.reason().to_owned(),
            refusal.request_id.clone(),
        );
        let message = match &self.loaded.details {
            Some(details) => refusal.redacted(details).message,
            None => refusal.message,
        };
        self.apply(
            step,
            Event::Refuse(Refusal {
                reach,
                status,
                reason,
                message,
            }),
            request_id,
        )
    }

    /// The PaymentMethod that a step's request names: the source on the platform, its clone on a target.
    fn carried(&self, step: StepId) -> Option<&PaymentMethodId> {
        let source = step.source?;
        match step.target {
            Some(target) => match step.kind {
                StepKind::ClonePaymentMethod | StepKind::RenewPaymentMethod => {
                    self.loaded.customer.source(source)
                }
                StepKind::AttachRenewedPaymentMethod | StepKind::SetRenewedDefault => {
                    self.loaded.customer.new_clone(target, source)
                }
                _ => self.loaded.customer.clone_before(target, source),
            },
            None => self.loaded.customer.source(source),
        }
    }

    fn park(&mut self, step: StepId, reason: &str) {
        let Some(position) = step.target else { return };
        if let Some(target) = self.loaded.customer.target(position) {
            let _news = self.context.park(&target.account);
        }
        let account = usize::try_from(position)
            .ok()
            .and_then(|index| self.loaded.accounts.get(index));
        if let Some(account) = account {
            let sent_at = self
                .loaded
                .customer
                .steps
                .get(&step)
                .map(|sent| sent.sent_at);
            self.changes.park(*account, reason.to_owned(), sent_at);
        }
    }
}

pub(super) fn no_date() -> VisitError {
    VisitError::Store(StoreError::Defect(
        "Stripe's answers carried no date, so no key's age can be told".to_owned(),
    ))
}

/// A refusal that no call was spent on, or only a read.
fn known_unclonable(kind: &str) -> Refusal {
    Refusal {
        reach: Reach::Source,
        status: 0,
        reason: "cannot_be_cloned".to_owned(),
        message: format!(
            "Only card and us_bank_account PaymentMethods can be cloned; this is a {kind}: collect it again."
        ),
    }
}

fn attach_on_platform(source: u32) -> StepId {
    StepId {
        kind: StepKind::AttachPlatformPaymentMethod,
        target: None,
        source: Some(source),
    }
}
