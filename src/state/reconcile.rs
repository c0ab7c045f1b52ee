//! PURE. Steps in doubt that are settled by reading: what to look for, and what follows from what was seen.
//!
//! ```text
//!   what is in doubt     where to look                                          found         not found
//!   a Customer           the list of Customers made about then, by metadata     adopted       made, under a new key
//!   an attach            the PaymentMethod itself                               done          attached, under a new key
//!   a clone              nowhere: while it is not attached, no list has it      -             cloned again
//!   a change, a detach   nowhere: made again, it comes to the same              -             made again, under a new key
//! ```
//!
//! Hazards: (1) a look-up that failed is not a [`Sight`]: it never comes here; (2) a request that is still on its way makes
//! its Customer after the look, so absence counts only once nothing of the step can reach Stripe any more. An attach or a clone that
//! comes late makes no second: attaching twice is one attach, and an unattached clone can never be charged.

#[cfg(test)]
mod tests;

use super::{
    Customer, Doubt, Event, Object, Position, Reading, Record, Seen, StepId, StepKind, StepState,
};
use crate::ids::{CustomerId, PaymentMethodId};
use crate::time::StripeTime;

/// A stretch of Stripe's time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Its first second.
    pub from: StripeTime,
    /// Its last second.
    pub to: StripeTime,
}

/// Servers of Stripe may differ by so much, in seconds, in the time they note.
const SKEW_SECONDS: i64 = 15 * 60;

impl Window {
    /// Where `created` of the object must lie that a step made.
    fn of(record: &Record) -> Self {
        Self {
            from: StripeTime(record.started_at.0.saturating_sub(SKEW_SECONDS)),
            to: record.sent_at.over_by(),
        }
    }

    /// Joins windows that overlap or touch, so that each second is read once. Returned in order.
    pub fn joined(mut windows: Vec<Self>) -> Vec<Self> {
        windows.sort_unstable();
        let mut joined: Vec<Self> = Vec::new();
        for window in windows {
            match joined.last_mut() {
                Some(last) if window.from.0 <= last.to.0.saturating_add(1) => {
                    last.to = last.to.max(window.to);
                }
                Some(_) | None => joined.push(window),
            }
        }
        joined
    }
}

/// Where to look for a step in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// Among the Customers of the step's account that were made then.
    Customers(Window),
    /// At the PaymentMethod, which it may have attached to this Customer.
    PaymentMethod(PaymentMethodId, CustomerId),
    /// Nowhere.
    Nowhere,
}

/// A step in doubt that only reading can settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubtful {
    /// Which.
    pub step: StepId,
    /// Where to look for it.
    pub look_up: LookUp,
}

/// What a complete reading showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// The Customers that bear the customer's marks, none left out.
    Customers(Vec<CustomerId>),
    /// Whom the PaymentMethod is attached to. `None` too where there is no such PaymentMethod: to send again tells why.
    AttachedTo(Option<CustomerId>),
    /// Nothing was looked for.
    Nothing,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is to be applied to the step.
    Settled(Event),
    /// It was not seen, but may yet come to be: look again from then on.
    TooSoon(StripeTime),
}

impl Customer {
    /// The steps that no answer came to, and whose keys may not be sent again either: they are to be put in doubt as expired.
    pub fn overdue(&self, may_resend: impl Fn(&Record) -> bool) -> Vec<StepId> {
        let open = |state: &StepState| {
            matches!(
                state,
                StepState::Started | StepState::InDoubt(Doubt::NoAnswer)
            )
        };
        self.steps
            .iter()
            .filter(|(_, record)| open(&record.state) && !may_resend(record))
            .map(|(step, _)| *step)
            .collect()
    }

    /// For a plan, made before anything is read: what is in doubt counts as not done. What was found twice waits for a person.
    pub fn assume_missed(&mut self) {
        for record in self.steps.values_mut() {
            if matches!(record.state, StepState::InDoubt(doubt) if doubt != Doubt::FoundTwice) {
                record.state = StepState::Ready;
            }
        }
    }

    /// The steps that only reading can settle. What was found twice when a lost state file was rebuilt is not among them: nobody
    /// knows when it was sent (see [`Customer::found_twice`]).
    pub fn doubtful(&self) -> Vec<Doubtful> {
        let to_be_read = |record: &Record| {
            matches!(record.state, StepState::InDoubt(doubt) if !doubt.may_resend())
                && !record.is_recovered()
        };
        self.steps
            .iter()
            .filter(|(_, record)| to_be_read(record))
            .map(|(step, record)| Doubtful {
                step: *step,
                look_up: self.look_up(*step, record),
            })
            .collect()
    }

    fn look_up(&self, step: StepId, record: &Record) -> LookUp {
        let attach = |id: Option<&PaymentMethodId>, customer: Option<&CustomerId>| {
            // Without both ids no attach can have been sent.
            id.cloned()
                .zip(customer.cloned())
                .map_or(LookUp::Nowhere, |(id, customer)| {
                    LookUp::PaymentMethod(id, customer)
                })
        };
        let source = |source: Option<Position>| source.and_then(|source| self.source(source));
        match step.kind {
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
                LookUp::Customers(Window::of(record))
            }
            // Nothing else is changed of a Customer before this is settled, so nothing that came after it is taken back.
            StepKind::ClonePaymentMethod
            | StepKind::UpdateCustomer
            | StepKind::SetDefault
            | StepKind::RenewPaymentMethod
            | StepKind::SetRenewedDefault
            | StepKind::DetachReplacedPaymentMethod => LookUp::Nowhere,
            StepKind::AttachPlatformPaymentMethod => {
                attach(source(step.source), self.platform_customer())
            }
            StepKind::AttachConnectedPaymentMethod => {
                let clone = step.target.zip(step.source);
                let clone = clone.and_then(|(target, source)| self.clone_before(target, source));
                attach(clone, self.made_on(step.target).map(|(made, _)| made))
            }
            StepKind::AttachRenewedPaymentMethod => {
                let clone = step.target.zip(step.source);
                let clone = clone.and_then(|(target, source)| self.new_clone(target, source));
                attach(clone, self.made_on(step.target).map(|(made, _)| made))
            }
        }
    }

    /// What follows from what was seen of a step. `reading` is dated by the earliest time that it can be at Stripe. `None` where it was not looked for where [`Customer::doubtful`] says.
    pub fn judge(&self, step: StepId, sight: Sight, reading: Reading) -> Option<Verdict> {
        let record = self.steps.get(&step)?;
        let StepState::InDoubt(doubt) = record.state else {
            return None;
        };
        if doubt.may_resend() {
            return None;
        }
        let earliest_now = reading.at;
        let seen = |customers| Seen { reading, customers };
        match (sight, self.look_up(step, record)) {
            (Sight::Customers(customers), LookUp::Customers(_)) => {
                let over_by = record.sent_at.over_by();
                Some(match customers.as_slice() {
                    [] if !doubt.was_answered() && earliest_now < over_by => {
                        Verdict::TooSoon(over_by)
                    }
                    [] => Verdict::Settled(Event::Miss(seen(customers))),
                    [one] => {
                        let object = Object::Customer(one.clone());
                        Verdict::Settled(Event::Find(object, seen(customers)))
                    }
                    [_, _, ..] => Verdict::Settled(Event::FindSeveral(seen(customers))),
                })
            }
            (Sight::AttachedTo(Some(holder)), LookUp::PaymentMethod(id, ours))
                if holder == ours =>
            {
                let object = Object::PaymentMethod(id);
                Some(Verdict::Settled(Event::Find(object, seen(vec![holder]))))
            }
            (Sight::AttachedTo(holder), LookUp::PaymentMethod(..)) => {
                let holder = holder.into_iter().collect();
                Some(Verdict::Settled(Event::Miss(seen(holder))))
            }
            (Sight::Nothing, LookUp::Nowhere) => {
                Some(Verdict::Settled(Event::Miss(seen(Vec::new()))))
            }
            (Sight::Customers(_) | Sight::AttachedTo(_) | Sight::Nothing, _) => None,
        }
    }
}
