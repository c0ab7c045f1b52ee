//! PURE. A lost state file, rebuilt: which steps must have been done, by what Stripe has.
//!
//! ```text
//!   a Customer with the marks      its create is done; the source that it carries is its default
//!   a source attached to it        its attach is done                          (on the platform ids are the CSV's own)
//!   a PaymentMethod attached to    the clone and the attach of the source are done that has its number, type and expiry
//!   a connected Customer
//!   anything else                  was never done, was refused, or left a clone that is attached to nobody: it is asked for again
//! ```
//!
//! Hazards: (1) a clone that is not recognised is made and attached a second time, so a card whose expiry an issuer has changed
//! since is still known by its number; (2) a source's number is the same in two of them (old expiry and new), so each clone is given
//! to one source only, the nearest.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{Customer, Doubt, Event, Object, Position, Reading, Seen, StepId, StepKind, StepState};
use crate::ids::{CustomerId, PaymentMethodId};
use crate::time::StripeTime;

/// What a clone has in common with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// Stripe's `type`.
    pub kind: String,
    /// The number's. Stripe gives the same on the platform and on its connected accounts, whatever the expiry.
    pub fingerprint: Option<String>,
    /// Year and month.
    pub expiry: Option<(u32, u32)>,
}

/// A PaymentMethod that is attached to a Customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The PaymentMethod.
    pub id: PaymentMethodId,
    /// What it is known by.
    pub likeness: Likeness,
    /// When it was made.
    pub created: Option<StripeTime>,
}

/// The one Customer that bears a legacy customer's marks on an account, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The Customer.
    pub customer: CustomerId,
    /// Its default PaymentMethod.
    pub default: Option<PaymentMethodId>,
    /// All that is attached to it, as far as it can matter.
    pub methods: Vec<Held>,
}

impl Likeness {
    /// The same number, of the same type.
    fn is_of_same_number(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.fingerprint.is_some()
            && self.fingerprint == other.fingerprint
    }

    /// The number and all else.
    fn is_same(&self, other: &Self) -> bool {
        self.is_of_same_number(other) && self.expiry == other.expiry
    }
}

/// What is done to a customer's steps, in order.
type Events = Vec<(StepId, Event)>;

impl Customer {
    /// What was done on the platform. A Customer that the CSV names was not made: nothing is said of it.
    pub fn recover_platform(&self, found: &Found, reading: &Reading) -> Events {
        if self.platform_customer.is_some() {
            return Events::new();
        }
        let held = |source: Position| {
            let id = self.source(source);
            found.methods.iter().any(|method| Some(&method.id) == id)
        };
        let attached: Vec<Position> = self.default_first().filter(|each| held(*each)).collect();
        let carrier = attached.first().copied();
        let seen = || seen(reading, &found.customer);
        let mut events = self.made(None, carrier, &found.customer, reading);
        for source in attached.into_iter().filter(|each| Some(*each) != carrier) {
            if let Some(id) = self.source(source) {
                let attach = attach_on_platform(source);
                let object = Object::PaymentMethod(id.clone());
                events.push((attach, Event::Find(object, seen())));
            }
        }
        self.unknown(events)
    }

    /// A source whose clone is there was attached on the platform when it was cloned: to `holder`, or to our own Customer if it is
    /// attached to nobody any more.
    pub fn recover_cloned(
        &self,
        source: Position,
        holder: Option<&CustomerId>,
        reading: &Reading,
    ) -> Events {
        let ours = self.platform_customer();
        let object = match (holder, self.source(source)) {
            (Some(holder), _) if Some(holder) != ours => Object::HeldBy(holder.clone()),
            (_, Some(id)) => Object::PaymentMethod(id.clone()),
            (_, None) => return Events::new(),
        };
        let customers = holder.or(ours).cloned().into_iter().collect();
        let event = Event::Find(
            object,
            Seen {
                reading: reading.clone(),
                customers,
            },
        );
        self.unknown(vec![(attach_on_platform(source), event)])
    }

    /// What was done on a target. `sources` are those of the customer, as far as they could be read.
    pub fn recover_target(
        &self,
        target: Position,
        found: &Found,
        sources: &BTreeMap<Position, Likeness>,
        reading: &Reading,
    ) -> Events {
        let clones = self.clones_among(target, found, sources);
        let default = self.default_on(target);
        let is_default = |source: &Position| {
            let clone = clones.get(source).map(|held| &held.id);
            clone.is_some() && clone == found.default.as_ref()
        };
        // A default that Stripe does not have as one was attached later: what was refused at first is no default.
        let carrier = default.filter(is_default).or_else(|| {
            self.default_first()
                .find(|source| clones.contains_key(source) && Some(*source) != default)
        });
        let seen = || seen(reading, &found.customer);
        let mut events = self.made(Some(target), carrier, &found.customer, reading);
        for (source, clone) in &clones {
            let object = || Object::PaymentMethod(clone.id.clone());
            let step = |kind| StepId {
                kind,
                target: Some(target),
                source: Some(*source),
            };
            let cloned = step(StepKind::ClonePaymentMethod);
            events.push((cloned, Event::Find(object(), seen())));
            if carrier != Some(*source) {
                let attached = step(StepKind::AttachConnectedPaymentMethod);
                events.push((attached, Event::Find(object(), seen())));
            }
        }
        // Where a person has chosen, the clones of the one that is gone are gone too: under their keys Stripe would give them again.
        if self
            .found_twice()
            .any(|(step, _)| step.target == Some(target))
        {
            let asked = self.target(target).map_or(&[][..], |each| &each.sources);
            for source in asked.iter().filter(|each| !clones.contains_key(each)) {
                let step = StepId {
                    kind: StepKind::ClonePaymentMethod,
                    target: Some(target),
                    source: Some(*source),
                };
                events.push((step, Event::Miss(seen())));
            }
        }
        self.unknown(events)
    }

    /// That several Customers bear the marks on a target (on the platform: `None`).
    pub fn recover_several(
        &self,
        target: Option<Position>,
        customers: Vec<CustomerId>,
        reading: &Reading,
    ) -> Events {
        let source = match target {
            None => self.default_first().next(),
            Some(target) => self.default_on(target),
        };
        let event = Event::FindSeveral(Seen {
            reading: reading.clone(),
            customers,
        });
        self.unknown(vec![(create(target, source), event)])
    }

    /// The creates that a rebuilt state file has several Customers for, each with those.
    pub fn found_twice(&self) -> impl Iterator<Item = (StepId, &[CustomerId])> {
        self.steps.iter().filter_map(|(step, record)| {
            let twice = record.state == StepState::InDoubt(Doubt::FoundTwice);
            let seen = record.seen.as_ref()?;
            (twice && record.is_recovered()).then_some((*step, seen.customers.as_slice()))
        })
    }

    /// The clone of each source that was asked for on the target, among what is attached to the Customer there.
    fn clones_among<'f>(
        &self,
        target: Position,
        found: &'f Found,
        sources: &BTreeMap<Position, Likeness>,
    ) -> BTreeMap<Position, &'f Held> {
        let asked = self.target(target).map_or(&[][..], |each| &each.sources);
        // In the order in which they are cloned, so that of equals the first made goes to the first.
        let asked: Vec<Position> = self
            .default_first()
            .filter(|each| asked.contains(each))
            .collect();
        let mut methods: Vec<&Held> = found.methods.iter().collect();
        methods.sort_by_key(|held| {
            let is_default = Some(&held.id) == found.default.as_ref();
            (!is_default, held.created)
        });
        let mut clones = BTreeMap::new();
        let nearest_first: [fn(&Likeness, &Likeness) -> bool; 2] =
            [Likeness::is_same, Likeness::is_of_same_number];
        for is_clone in nearest_first {
            for source in &asked {
                let Some(likeness) = sources.get(source) else {
                    continue;
                };
                if clones.contains_key(source) {
                    continue;
                }
                let clone = methods
                    .iter()
                    .position(|held| is_clone(&held.likeness, likeness));
                if let Some(clone) = clone {
                    clones.insert(*source, methods.remove(clone));
                }
            }
        }
        clones
    }

    /// That a Customer was made with `carrier`. A create that was in doubt and is another one was not done.
    fn made(
        &self,
        target: Option<Position>,
        carrier: Option<Position>,
        customer: &CustomerId,
        reading: &Reading,
    ) -> Events {
        let made = create(target, carrier);
        let others = self
            .found_twice()
            .filter(|(step, _)| step.target == target && *step != made)
            .map(|(step, _)| (step, Event::Miss(seen(reading, customer))));
        let mut events: Events = others.collect();
        let object = Object::Customer(customer.clone());
        events.push((made, Event::Find(object, seen(reading, customer))));
        events
    }

    /// Leaves out what is known already: recovering can be interrupted, and goes over the same ground again.
    fn unknown(&self, mut events: Events) -> Events {
        events.retain(|(step, event)| match (self.state_of(*step), event) {
            (None | Some(StepState::InDoubt(Doubt::FoundTwice)), _) => true,
            (Some(_), _) => false,
        });
        events
    }
}

fn seen(reading: &Reading, customer: &CustomerId) -> Seen {
    Seen {
        reading: reading.clone(),
        customers: vec![customer.clone()],
    }
}

fn create(target: Option<Position>, source: Option<Position>) -> StepId {
    let kind = match target {
        None => StepKind::CreatePlatformCustomer,
        Some(_) => StepKind::CreateConnectedCustomer,
    };
    StepId {
        kind,
        target,
        source,
    }
}

fn attach_on_platform(source: Position) -> StepId {
    StepId {
        kind: StepKind::AttachPlatformPaymentMethod,
        target: None,
        source: Some(source),
    }
}
