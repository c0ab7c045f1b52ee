//! PURE. A refused customer whose line a person has mended: what it asks for from now on, and which steps are tried again.
//!
//! Steps are known by positions of sources and accounts, and their keys by ids. So a mended customer gets new positions, its steps go
//! along, and nothing changes for those that are done.
//!
//! Hazard: what Stripe has done must stay known, whatever the line says now, or it would be done a second time. So what is there
//! stays asked for, and a customer with a step of unknown outcome is left as it is. Steps that are not asked for any more are
//! given back as dropped: should a later line ask for them again, they go on with another try.

use std::collections::BTreeMap;

use super::{Customer, Event, Illegal, Position, Record, Refusal, StepId, StepKind, StepState};
use crate::ids::{AccountId, CustomerId, PaymentMethodId};

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The platform Customer to adopt.
    pub platform_customer: Option<CustomerId>,
    /// The sources, in the line's order.
    pub sources: Vec<PaymentMethodId>,
    /// The default, as it is named.
    pub default: Option<PaymentMethodId>,
    /// The accounts, each with the positions of its sources.
    pub targets: Vec<(AccountId, Vec<Position>)>,
}

/// A step by the ids that its key is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepName {
    /// What is done.
    pub kind: StepKind,
    /// Where; `None`: the platform.
    pub account: Option<AccountId>,
    /// With which source.
    pub source: Option<PaymentMethodId>,
}

/// The last try of each step that was dropped earlier.
pub type Tried = BTreeMap<StepName, u32>;

/// What becomes of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What is asked for now: the line's, and what is there already.
    pub asked: Wanted,
    /// The target that each of them was before.
    pub was: Vec<Option<Position>>,
    /// All steps, by their new positions.
    pub steps: BTreeMap<StepId, Record>,
    /// Tries that another one takes the place of.
    pub earlier: Vec<(StepName, Record)>,
    /// Steps that are not asked for any more.
    pub dropped: Vec<(StepName, Record)>,
    /// Refused steps that are tried again.
    pub again: u32,
    /// Clones among the dropped: they stay, attached to nobody.
    pub clones_left: u32,
    /// Whether anything else is asked for than before.
    pub is_changed: bool,
}

/// Why a customer is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// A step may have reached Stripe: that has to be settled first.
    InDoubt,
    /// Nothing of it was refused.
    NotRefused,
    /// All of it is done.
    Migrated,
    /// Another platform Customer is named than the one that is in use.
    PlatformCustomer,
    /// What was made of it is taken back, or on its way there.
    Undone,
    /// Another try would come to the same: nothing that was refused is asked for otherwise.
    Same,
}

impl Left {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::InDoubt => "in_doubt",
            Self::NotRefused => "not_refused",
            Self::Migrated => "migrated",
            Self::PlatformCustomer => "platform_customer_in_use",
            Self::Undone => "undone",
            Self::Same => "nothing_to_try",
        }
    }
}

impl Customer {
    /// What becomes of the customer when `wanted` is asked for, or why it is left as it is.
    pub fn mended(&self, wanted: &Wanted, tried: &Tried) -> Result<Result<Mended, Left>, Illegal> {
        if let Some(left) = self.is_out_of_hand() {
            return Ok(Err(left));
        }
        let any = |is: fn(&StepState) -> bool| self.steps.values().any(|each| is(&each.state));
        if !any(|state| matches!(state, StepState::Refused(_))) {
            return Ok(Err(Left::NotRefused));
        }
        let same_platform = self.is_same_platform(wanted);
        if !same_platform && any(|state| matches!(state, StepState::Done(_))) {
            return Ok(Err(Left::PlatformCustomer));
        }
        let (asked, was) = self.asked_with(wanted, same_platform);
        let mut mended = Mended {
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
            self.take_along(&mut mended, *step, record)?;
        }
        mended.go_on_from(tried);
        self.set_other_defaults(&mut mended)?;
        if mended.again == 0 && !mended.is_changed {
            return Ok(Err(Left::Same));
        }
        Ok(Ok(mended))
    }

    /// Why nothing else may be asked for now, where that is so.
    pub(super) fn is_out_of_hand(&self) -> Option<Left> {
        let mut targets = (0..).zip(&self.targets);
        if self.is_undone() || targets.any(|(at, _)| self.is_undone_on(at)) {
            return Some(Left::Undone);
        }
        let unknown =
            |record: &Record| matches!(record.state, StepState::Started | StepState::InDoubt(_));
        self.steps.values().any(unknown).then_some(Left::InDoubt)
    }

    /// True where no other platform Customer is named than the one that is in use.
    pub(super) fn is_same_platform(&self, wanted: &Wanted) -> bool {
        let in_use = self.made_on(None).map(|(customer, _)| customer);
        wanted.platform_customer == self.platform_customer
            || (self.platform_customer.is_none() && wanted.platform_customer.as_ref() == in_use)
    }

    /// The name of a step of this customer.
    pub fn name_of(&self, step: StepId) -> StepName {
        let account = step.target.and_then(|target| self.target(target));
        StepName {
            kind: step.kind,
            account: account.map(|target| target.account.clone()),
            source: step.source.and_then(|source| self.source(source)).cloned(),
        }
    }

    fn is_done(&self, kind: StepKind, target: Option<Position>, source: Option<Position>) -> bool {
        let step = StepId {
            kind,
            target,
            source,
        };
        matches!(self.state_of(step), Some(StepState::Done(_)))
    }

    /// Whether a source is attached on the platform.
    pub(super) fn is_attached(&self, source: Position) -> bool {
        let done = |kind| self.is_done(kind, None, Some(source));
        done(StepKind::CreatePlatformCustomer) || done(StepKind::AttachPlatformPaymentMethod)
    }

    /// Whether a source's clone is attached on a target.
    pub(super) fn is_there(&self, target: Position, source: Position) -> bool {
        let done = |kind| self.is_done(kind, Some(target), Some(source));
        done(StepKind::CreateConnectedCustomer) || done(StepKind::AttachConnectedPaymentMethod)
    }

    /// The line's sources and accounts, and after them those that something of is there.
    fn asked_with(&self, wanted: &Wanted, same_platform: bool) -> (Wanted, Vec<Option<Position>>) {
        let mut asked = wanted.clone();
        if same_platform {
            asked.platform_customer.clone_from(&self.platform_customer);
        }
        for (position, source) in (0..).zip(&self.sources) {
            if self.is_attached(position) && !asked.sources.contains(source) {
                asked.sources.push(source.clone());
            }
        }
        let mut was = vec![None; asked.targets.len()];
        for (position, target) in (0..).zip(&self.targets) {
            let there: Vec<Position> = (0..)
                .zip(&self.sources)
                .filter(|(source, _)| self.is_there(position, *source))
                .filter_map(|(_, source)| place(&asked.sources, source))
                .collect();
            let known = asked
                .targets
                .iter()
                .position(|(id, _)| *id == target.account);
            let index = match known {
                Some(index) => index,
                None if there.is_empty() && self.made_on(Some(position)).is_none() => continue,
                None => {
                    asked.targets.push((target.account.clone(), Vec::new()));
                    was.push(None);
                    asked.targets.len() - 1
                }
            };
            was[index] = Some(position);
            let sources = &mut asked.targets[index].1;
            sources.extend(there);
            sources.sort_unstable();
            sources.dedup();
        }
        (asked, was)
    }

    pub(super) fn asks_for(&self, asked: &Wanted) -> bool {
        let targets = self
            .targets
            .iter()
            .map(|target| (&target.account, &target.sources));
        let default = |sources: &[PaymentMethodId], default: Option<&PaymentMethodId>| {
            default.or_else(|| sources.first()).cloned()
        };
        asked.platform_customer == self.platform_customer
            && asked.sources == self.sources
            && targets.eq(asked
                .targets
                .iter()
                .map(|(account, sources)| (account, sources)))
            && default(&asked.sources, asked.default.as_ref())
                == default(&self.sources, self.source(self.default))
    }

    /// A step under its new positions: tried again where it was refused, dropped where it is not asked for any more.
    fn take_along(
        &self,
        mended: &mut Mended,
        step: StepId,
        record: &Record,
    ) -> Result<(), Illegal> {
        let name = self.name_of(step);
        if mended.asked.step(&name).is_none() {
            self.carry(mended, step, record.clone());
            return Ok(());
        }
        // Only what asks for a renewal goes on with one.
        if StepKind::RENEWAL.contains(&step.kind) {
            self.carry(mended, step, record.clone());
            return Ok(());
        }
        let record = match &record.state {
            StepState::Refused(refusal) if !another_try_may_help(&name, refusal) => record.clone(),
            // Only a read told it, under no key: it is looked at anew.
            StepState::Refused(_) if record.sent_at.0 == 0 => {
                mended.again += 1;
                mended.earlier.push((name, record.clone()));
                return Ok(());
            }
            StepState::Refused(_) => {
                mended.again += 1;
                mended.earlier.push((name, record.clone()));
                Record::after(Some(record), Event::Retry, None)?
            }
            StepState::Ready | StepState::Done(_) | StepState::Started | StepState::InDoubt(_) => {
                record.clone()
            }
        };
        self.carry(mended, step, record);
        Ok(())
    }

    /// A step's record under its new positions, or dropped where it is not asked for any more.
    pub(super) fn carry(&self, mended: &mut Mended, step: StepId, record: Record) {
        let name = self.name_of(step);
        if let Some(step) = mended.asked.step(&name) {
            mended.steps.insert(step, record);
            return;
        }
        let made = matches!(record.state, StepState::Done(_));
        mended.clones_left += u32::from(made && name.kind == StepKind::ClonePaymentMethod);
        mended.dropped.push((name, record));
    }
}

/// What is set aside by its id alone is set aside again.
fn another_try_may_help(name: &StepName, refusal: &Refusal) -> bool {
    let source = name.source.as_ref();
    refusal.status != 0 || source.is_none_or(PaymentMethodId::may_be_clonable)
}

impl Wanted {
    /// A step by its positions; `None` where it is not asked for.
    pub(super) fn step(&self, name: &StepName) -> Option<StepId> {
        let source = match &name.source {
            Some(source) => Some(place(&self.sources, source)?),
            None => None,
        };
        let target = match &name.account {
            Some(account) => {
                let index = self.targets.iter().position(|(id, _)| id == account)?;
                let (_, asked) = self.targets.get(index)?;
                if source.is_some_and(|source| !asked.contains(&source)) {
                    return None;
                }
                Some(Position::try_from(index).ok()?)
            }
            None => None,
        };
        Some(StepId {
            kind: name.kind,
            target,
            source,
        })
    }
}

impl Mended {
    /// Steps that were dropped once and are asked for again go on from their last try.
    pub(super) fn go_on_from(&mut self, tried: &Tried) {
        for (name, try_no) in tried {
            if let Some(step) = self.asked.step(name) {
                let ready = Record::taken_up(try_no.saturating_add(1));
                self.steps.entry(step).or_insert(ready);
            }
        }
    }
}

pub(super) fn place(sources: &[PaymentMethodId], source: &PaymentMethodId) -> Option<Position> {
    let index = sources.iter().position(|each| each == source)?;
    Position::try_from(index).ok()
}
