//! PURE. A customer that a newer CSV asks more of: what it asks for from now on, and what is sent for it.
//!
//! New sources and accounts come to the Customers that are there. What a newer CSV no longer names stays asked for, and stays where it
//! is: a CSV may hold a part of the customers' cards alone. Only a source that was refused on the platform, so that nothing of it is
//! anywhere, makes way for what stands in its place.
//!
//! Hazard: a change of what is there must not be lost behind an older one. So a customer with a step of unknown outcome is left as it
//! is, and every change that follows another has a key of its own ([`Event::Renew`]).

use std::collections::BTreeMap;

use super::mend::place;
use super::{
    Customer, Event, Illegal, Left, Mended, Position, Record, StepId, StepKind, StepState, Tried,
    Wanted,
};

/// What of a newer CSV is to be changed at Stripe where Customers are made already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Contact details.
    pub details: bool,
    /// The default; otherwise it stays what it was.
    pub default: bool,
}

impl Customer {
    /// True where the migration made a Customer for it anywhere.
    pub fn is_made(&self) -> bool {
        self.places()
            .any(|target| self.made_on(target).is_some() && !self.is_undone())
    }

    /// What becomes of the customer when `wanted` is asked for too, or why it is left as it is.
    pub fn grown(
        &self,
        wanted: &Wanted,
        tried: &Tried,
        sent: Sent,
    ) -> Result<Result<Mended, Left>, Illegal> {
        let left = self.is_out_of_hand().or_else(|| {
            let same = self.is_same_platform(wanted);
            let done = |record: &Record| matches!(record.state, StepState::Done(_));
            (!same && self.steps.values().any(done)).then_some(Left::PlatformCustomer)
        });
        if let Some(left) = left {
            return Ok(Err(left));
        }
        let (asked, was) = self.grown_with(wanted, sent);
        let mut grown = Mended {
            is_changed: !self.asks_for(&asked),
            asked,
            was,
            steps: BTreeMap::new(),
            earlier: Vec::new(),
            dropped: Vec::new(),
            again: 0,
            clones_left: 0,
        };
        for (step, record) in &self.steps {
            self.carry(&mut grown, *step, record.clone());
        }
        grown.go_on_from(tried);
        if sent.details {
            for target in self.places().filter(|at| self.made_on(*at).is_some()) {
                grown.change(self, StepKind::UpdateCustomer, target)?;
            }
        }
        self.set_other_defaults(&mut grown)?;
        Ok(Ok(grown))
    }

    /// The platform, then each target.
    fn places(&self) -> impl Iterator<Item = Option<Position>> + '_ {
        let targets = (0..).zip(&self.targets).map(|(at, _)| Some(at));
        [None].into_iter().chain(targets)
    }

    /// Where a Customer was made for another default than is wanted now, it is to be given that.
    pub(super) fn set_other_defaults(&self, mended: &mut Mended) -> Result<(), Illegal> {
        for target in self.places().filter(|at| self.made_on(*at).is_some()) {
            let before = self.wanted_default(target).and_then(|at| self.source(at));
            let now = mended.default_on(self, target);
            if now.is_some() && before != now {
                mended.change(self, StepKind::SetDefault, target)?;
            }
        }
        Ok(())
    }

    /// What `wanted` asks for, and after it all that was asked for before.
    fn grown_with(&self, wanted: &Wanted, sent: Sent) -> (Wanted, Vec<Option<Position>>) {
        let mut asked = wanted.clone();
        if self.is_same_platform(wanted) {
            asked.platform_customer.clone_from(&self.platform_customer);
        }
        for (position, source) in (0..).zip(&self.sources) {
            if !asked.sources.contains(source) && !self.is_refused_source(position) {
                asked.sources.push(source.clone());
            }
        }
        let default = self.source(self.default);
        let stays = !sent.default && self.is_made();
        if let Some(default) = default.filter(|id| stays && asked.sources.contains(id)) {
            asked.default = Some(default.clone());
        }
        let mut was = vec![None; asked.targets.len()];
        for (position, target) in (0..).zip(&self.targets) {
            let mut accounts = asked.targets.iter();
            let known = accounts.position(|(id, _)| *id == target.account);
            let index = known.unwrap_or_else(|| {
                asked.targets.push((target.account.clone(), Vec::new()));
                was.push(None);
                asked.targets.len() - 1
            });
            was[index] = Some(position);
            let before = target.sources.iter().filter_map(|at| self.source(*at));
            let before: Vec<_> = before.filter_map(|id| place(&asked.sources, id)).collect();
            let sources = &mut asked.targets[index].1;
            sources.extend(before);
            sources.sort_unstable();
            sources.dedup();
        }
        (asked, was)
    }

    /// True where nothing of a source is anywhere, since Stripe refused it on the platform.
    fn is_refused_source(&self, source: Position) -> bool {
        let refused = |kind| {
            let step = StepId {
                kind,
                target: None,
                source: Some(source),
            };
            matches!(self.state_of(step), Some(StepState::Refused(_)))
        };
        !self.is_attached(source)
            && (refused(StepKind::CreatePlatformCustomer)
                || refused(StepKind::AttachPlatformPaymentMethod))
    }
}

impl Mended {
    /// The source that is to be the default on a place of `customer`, which may have another position now.
    fn default_on(
        &self,
        customer: &Customer,
        target: Option<Position>,
    ) -> Option<&crate::ids::PaymentMethodId> {
        let (asked, named) = (&self.asked, self.asked.default.as_ref());
        let Some(target) = target else {
            return named.or_else(|| asked.sources.first());
        };
        let account = &customer.target(target)?.account;
        let (_, sources) = asked.targets.iter().find(|(id, _)| id == account)?;
        let mut there = sources
            .iter()
            .filter_map(|at| asked.sources.get(usize::try_from(*at).ok()?));
        let first = there.clone().next();
        let overall = named.or_else(|| asked.sources.first());
        there.find(|id| Some(*id) == overall).or(first)
    }

    /// A change of the Customer on a place of `customer` is to be made, once more where one was made before.
    fn change(
        &mut self,
        customer: &Customer,
        kind: StepKind,
        target: Option<Position>,
    ) -> Result<(), Illegal> {
        let name = customer.name_of(StepId {
            kind,
            target,
            source: None,
        });
        let Some(step) = self.asked.step(&name) else {
            return Ok(());
        };
        let again = match self.steps.get(&step) {
            None => Record::taken_up(1),
            Some(before) => match before.state {
                StepState::Done(_) => Record::after(Some(before), Event::Renew, None)?,
                StepState::Refused(_) => Record::after(Some(before), Event::Retry, None)?,
                StepState::Ready | StepState::Started | StepState::InDoubt(_) => return Ok(()),
            },
        };
        let before = self.steps.insert(step, again);
        self.earlier.extend(before.map(|before| (name, before)));
        Ok(())
    }

    /// True where something is to be sent or looked at that was not before.
    pub fn has_change(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|(step, record)| step.kind.is_change() && record.state == StepState::Ready)
    }
}
