//! PURE. The step machine: what a customer's steps add up to, and which one comes next.
//!
//! ```text
//!            start            succeed
//!   (none) ─────────▶ Started ─────────▶ Done
//!     ▲                │  ▲ │  refuse
//!     │ withdraw       │  │ ├─────────▶ Refused ── retry ──▶ Ready (try_no + 1)
//!     └── Ready ◀──────┘  │ │  doubt
//!          │              │ └─────────▶ InDoubt
//!          └── start ─────┴── start again, under the same key ──┘ (only where no answer came, within 23 hours)
//! ```
//!
//! What is in doubt otherwise is settled by reading: `InDoubt ── find ──▶ Done`, or `── miss ──▶ Ready (try_no + 1)`. What a run
//! did whose state file is lost is known by reading alone: `(none) ── find ──▶ Done`.
//!
//! What is done stays done, but for a change of what is there ([`StepKind::is_change`]), of which there may be another one later:
//! `Done ── renew ──▶ Ready (try_no + 1)`. So is a renewal, of which there may be another one too (`state/renew.rs`).
//!
//! [`Record::after`] (in `state/record.rs`) is the one transition function: nothing else makes a record for the state file.
//! [`Customer::next`] (in `state/next.rs`) is the one decision.
//!
//! Hazard: a state in which a step that may have had effect counts as never sent makes a second of something.
//! `Ready` is reached from `Started` only where every attempt is known to have had no effect.

mod grow;
mod mend;
mod next;
mod reconcile;
mod record;
mod recover;
mod renew;
#[cfg(test)]
mod schedules;
mod standing;
#[cfg(test)]
mod tests;

pub use grow::Sent;
pub use mend::{Left, Mended, StepName, Tried, Wanted};
pub use next::{Next, Review};
pub use reconcile::{Doubtful, LookUp, Sight, Verdict, Window};
pub use record::{Event, Illegal, Reading, Record, Seen};
pub use recover::{Found, Held, Likeness};
pub use renew::Renewable;
pub use standing::Standing;

use std::collections::BTreeMap;

use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId, RequestId};
use crate::time::StripeTime;

/// The kinds of write, in the order in which one card on one account meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// `POST /v1/customers` on the platform, carrying a source (or none, for a customer without any).
    CreatePlatformCustomer,
    /// `POST /v1/payment_methods/{pm}/attach` on the platform.
    AttachPlatformPaymentMethod,
    /// `POST /v1/payment_methods` with `Stripe-Account`.
    ClonePaymentMethod,
    /// `POST /v1/customers` with `Stripe-Account`, carrying a source's clone (or none).
    CreateConnectedCustomer,
    /// `POST /v1/payment_methods/{clone}/attach` with `Stripe-Account`.
    AttachConnectedPaymentMethod,
    /// `POST /v1/customers/{customer}` with contact details that changed after the Customer was made; on the platform too.
    UpdateCustomer,
    /// `POST /v1/customers/{customer}` with a default that it was not made with; on the platform too.
    SetDefault,
    /// `POST /v1/payment_methods` with `Stripe-Account`, once more, since the source changed.
    RenewPaymentMethod,
    /// `POST /v1/payment_methods/{new clone}/attach` with `Stripe-Account`.
    AttachRenewedPaymentMethod,
    /// `POST /v1/customers/{customer}` with the new clone as the default, where the one before is.
    SetRenewedDefault,
    /// `POST /v1/payment_methods/{clone before}/detach` with `Stripe-Account`.
    DetachReplacedPaymentMethod,
}

impl StepKind {
    /// Every kind, in the order of the work.
    pub const ALL: [Self; StepKind::COUNT] = [
        Self::CreatePlatformCustomer,
        Self::AttachPlatformPaymentMethod,
        Self::ClonePaymentMethod,
        Self::CreateConnectedCustomer,
        Self::AttachConnectedPaymentMethod,
        Self::UpdateCustomer,
        Self::SetDefault,
        Self::RenewPaymentMethod,
        Self::AttachRenewedPaymentMethod,
        Self::SetRenewedDefault,
        Self::DetachReplacedPaymentMethod,
    ];

    /// How many there are.
    pub const COUNT: usize = 11;

    /// The stable name that goes into idempotency keys and outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreatePlatformCustomer => "create_platform_customer",
            Self::AttachPlatformPaymentMethod => "attach_platform_payment_method",
            Self::ClonePaymentMethod => "clone_payment_method",
            Self::CreateConnectedCustomer => "create_connected_customer",
            Self::AttachConnectedPaymentMethod => "attach_connected_payment_method",
            Self::UpdateCustomer => "update_customer",
            Self::SetDefault => "set_default",
            Self::RenewPaymentMethod => "renew_payment_method",
            Self::AttachRenewedPaymentMethod => "attach_renewed_payment_method",
            Self::SetRenewedDefault => "set_renewed_default",
            Self::DetachReplacedPaymentMethod => "detach_replaced_payment_method",
        }
    }

    /// True where it changes what is there, so that a second time comes to the same as the first.
    pub fn is_change(self) -> bool {
        match self {
            Self::UpdateCustomer | Self::SetDefault | Self::SetRenewedDefault => true,
            Self::CreatePlatformCustomer
            | Self::AttachPlatformPaymentMethod
            | Self::ClonePaymentMethod
            | Self::CreateConnectedCustomer
            | Self::AttachConnectedPaymentMethod
            | Self::RenewPaymentMethod
            | Self::AttachRenewedPaymentMethod
            | Self::DetachReplacedPaymentMethod => false,
        }
    }

    /// True where it is one of a renewal's, in the order of which these are: see [`StepKind::RENEWAL`].
    pub fn is_renewal(self) -> bool {
        Self::RENEWAL.contains(&self)
    }

    /// True where it is no part of what every customer goes through, but is asked for by somebody.
    pub fn is_extra(self) -> bool {
        self.is_change() || self.is_renewal()
    }
}

/// Position of a source among the customer's sources, or of an account among its targets.
pub type Position = u32;

/// Which step of a customer: its identity within the customer, the checkpoint's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// What is done.
    pub kind: StepKind,
    /// On which of the customer's targets; `None` on the platform.
    pub target: Option<Position>,
    /// With which source; `None` where a Customer is made that has none, and where one is changed.
    pub source: Option<Position>,
}

impl StepId {
    /// The change of contact details on a target (on the platform: `None`).
    pub fn update(target: Option<Position>) -> Self {
        Self {
            kind: StepKind::UpdateCustomer,
            target,
            source: None,
        }
    }

    /// The change of the default on a target (on the platform: `None`). Which source it is follows from the customer.
    pub fn set_default(target: Option<Position>) -> Self {
        Self {
            kind: StepKind::SetDefault,
            target,
            source: None,
        }
    }
}

/// How far a refusal reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The source that the step carried is set aside on that account.
    Source,
    /// The customer's own details are refused on that account.
    Customer,
}

/// Stripe's final no to a step, as it is kept. Texts are Stripe's, personal data masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How far it reaches.
    pub reach: Reach,
    /// HTTP status, or 0 where a read told it before anything was sent.
    pub status: u16,
    /// The most telling of Stripe's `decline_code`, `code` and `type`; an open set. What reasons are grouped by.
    pub reason: String,
    /// Stripe's `message`, masked.
    pub message: String,
}

/// Why the outcome of a step is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// No answer came that tells; the same key may be sent again while it is young.
    NoAnswer,
    /// Its key is 23 hours old or older.
    Expired,
    /// Stripe replays a 5xx that it stored under the key.
    StoredServerError,
    /// Stripe says the key was first used with other parameters.
    IdempotencyConflict,
    /// The request would no longer be the one that was sent first.
    RequestChanged,
    /// Stripe has several objects that bear its marks: a person has to choose.
    FoundTwice,
}

impl Doubt {
    /// Every doubt.
    pub const ALL: [Self; 6] = [
        Self::NoAnswer,
        Self::Expired,
        Self::StoredServerError,
        Self::IdempotencyConflict,
        Self::RequestChanged,
        Self::FoundTwice,
    ];

    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Expired => "expired",
            Self::StoredServerError => "stored_server_error",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::RequestChanged => "request_changed",
            Self::FoundTwice => "found_twice",
        }
    }

    /// True where sending again, with the same key while it is young, can settle it.
    pub fn may_resend(self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::Expired
            | Self::StoredServerError
            | Self::IdempotencyConflict
            | Self::RequestChanged
            | Self::FoundTwice => false,
        }
    }

    /// True where Stripe answered under the step's key, so that no request of it can be on its way any more.
    pub fn was_answered(self) -> bool {
        match self {
            Self::StoredServerError | Self::IdempotencyConflict => true,
            Self::NoAnswer | Self::Expired | Self::RequestChanged | Self::FoundTwice => false,
        }
    }
}

/// What a finished step made or touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// The Customer that was made (or adopted).
    Customer(CustomerId),
    /// The clone, or the PaymentMethod that was attached.
    PaymentMethod(PaymentMethodId),
    /// A source that is attached to a platform Customer other than the migration's own, which `--adopt-attached` took.
    HeldBy(CustomerId),
    /// The Customer whose contact details, or default, were changed.
    Changed(CustomerId),
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Known to have had no effect under this `try_no`; may be started.
    Ready,
    /// The intent is durable; the request may be on its way.
    Started,
    /// Stripe did it.
    Done(Object),
    /// Stripe said no.
    Refused(Refusal),
    /// It may have had effect, and nobody knows.
    InDoubt(Doubt),
}

/// Where a customer's sources shall be cloned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The connected account.
    pub account: AccountId,
    /// Positions of the sources asked for there, in the customer's order; empty for a customer that has none.
    pub sources: Vec<Position>,
    /// Whether its work may go on now.
    pub reach: Reachable,
}

/// Whether a target's work may go on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachable {
    /// It may.
    Yes,
    /// The account cannot be reached: its work waits for another run.
    Parked,
    /// `--account` named others.
    NotSelected,
    /// It is taken back, or on its way there: nothing more is made.
    Undone,
}

/// A customer with all that the machine needs to decide: what was asked for, and the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The customer's id in the CSV.
    pub legacy_id: LegacyId,
    /// The platform Customer that the CSV names for adoption.
    pub platform_customer: Option<CustomerId>,
    /// The sources, in the CSV's order; a [`Position`] counts in here.
    pub sources: Vec<PaymentMethodId>,
    /// The source that shall be the default; 0 where there is none.
    pub default: Position,
    /// The accounts asked for, in the CSV's order.
    pub targets: Vec<Target>,
    /// The checkpoint.
    pub steps: BTreeMap<StepId, Record>,
    /// The platform Customer is taken back, or on its way there: nothing more is made of the customer.
    pub undone: bool,
}

impl Customer {
    /// True where all of it is taken back, or on its way there.
    pub fn is_undone(&self) -> bool {
        let mut targets = self.targets.iter();
        self.undone
            || (!self.targets.is_empty() && targets.all(|target| target.reach == Reachable::Undone))
    }

    /// True where what it has on a target is taken back, or on its way there.
    pub fn is_undone_on(&self, target: Position) -> bool {
        let target = self.target(target);
        self.undone || target.is_some_and(|target| target.reach == Reachable::Undone)
    }

    /// Applies `event` to the step and returns the record to be committed.
    pub fn apply(
        &mut self,
        step: StepId,
        event: Event,
        request_id: Option<RequestId>,
    ) -> Result<Record, Illegal> {
        let before = self.steps.get(&step);
        match &event {
            Event::Anew if !step.kind.is_renewal() => {
                return Err(Illegal::of_kind(before, "renew anew"));
            }
            Event::Replace(_) if step.kind != StepKind::ClonePaymentMethod => {
                return Err(Illegal::of_kind(before, "replace"));
            }
            _ => {}
        }
        let record = Record::after(before, event, request_id)?;
        self.steps.insert(step, record.clone());
        Ok(record)
    }

    /// Takes up again, once for each visit, the steps that no answer came to. Only in memory: on disk they stay in
    /// doubt until their intent is committed again.
    pub fn reopen_unanswered(&mut self) {
        for record in self.steps.values_mut() {
            if record.state == StepState::InDoubt(Doubt::NoAnswer) {
                record.state = StepState::Started;
            }
        }
    }

    /// Whether anything can be done for the customer now. A step that is too old to be sent again is left to reading.
    pub fn has_work(&self, latest_now: StripeTime) -> bool {
        match self.next(latest_now) {
            Next::Send(_) | Next::Look(_) | Next::SetAside(_) => true,
            Next::Settled(_) => false,
            Next::Expire(_) => {
                let mut later = self.clone();
                for step in self.overdue(|record| record.started_at.may_resend(latest_now)) {
                    if let Some(record) = later.steps.get_mut(&step) {
                        record.state = StepState::InDoubt(Doubt::Expired);
                    }
                }
                // Nothing is left in it that could expire.
                !matches!(later.next(latest_now), Next::Settled(_))
            }
        }
    }

    /// The target's account turned out not to be reachable.
    pub fn park(&mut self, target: Position) {
        let target = usize::try_from(target).ok();
        if let Some(target) = target.and_then(|index| self.targets.get_mut(index)) {
            target.reach = Reachable::Parked;
        }
    }

    /// For those who only look while no run is on: what is started has nobody waiting for its answer, so it is in doubt.
    pub fn doubt_started(&mut self) {
        for record in self.steps.values_mut() {
            if record.state == StepState::Started {
                record.state = StepState::InDoubt(Doubt::NoAnswer);
            }
        }
    }

    /// The positions of all sources, the default first.
    pub fn default_first(&self) -> impl Iterator<Item = Position> + '_ {
        let all = 0..u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let default = self.default;
        all.clone()
            .filter(move |position| *position == default)
            .chain(all.filter(move |position| *position != default))
    }

    /// The source at a position.
    pub fn source(&self, position: Position) -> Option<&PaymentMethodId> {
        usize::try_from(position)
            .ok()
            .and_then(|index| self.sources.get(index))
    }

    /// The target at a position.
    pub fn target(&self, position: Position) -> Option<&Target> {
        usize::try_from(position)
            .ok()
            .and_then(|index| self.targets.get(index))
    }

    /// The source that is to be the default on a target: the customer's, else the first that is asked for there.
    pub fn default_on(&self, target: Position) -> Option<Position> {
        let target = self.target(target)?;
        self.default_first()
            .find(|source| target.sources.contains(source))
    }

    /// The same on a target, or on the platform (`None`).
    pub fn wanted_default(&self, target: Option<Position>) -> Option<Position> {
        match target {
            Some(target) => self.default_on(target),
            None => self.source(self.default).map(|_| self.default),
        }
    }

    /// Where a step stands, if it ever was.
    pub fn state_of(&self, step: StepId) -> Option<&StepState> {
        self.steps.get(&step).map(|record| &record.state)
    }

    /// The Customer that the migration works with on the platform, once there is one.
    pub fn platform_customer(&self) -> Option<&CustomerId> {
        self.platform_customer
            .as_ref()
            .or_else(|| self.made_on(None).map(|(customer, _)| customer))
    }

    /// The Customer made on a target (on the platform: `None`), and the source that it was made with.
    pub fn made_on(&self, target: Option<Position>) -> Option<(&CustomerId, Option<Position>)> {
        self.creates_on(target)
            .find_map(|(step, record)| match &record.state {
                StepState::Done(Object::Customer(customer)) => Some((customer, step.source)),
                _ => None,
            })
    }

    /// The steps that make, or were to make, the Customer on a target (on the platform: `None`).
    pub(in crate::state) fn creates_on(
        &self,
        target: Option<Position>,
    ) -> impl Iterator<Item = (&StepId, &Record)> {
        let kind = match target {
            Some(_) => StepKind::CreateConnectedCustomer,
            None => StepKind::CreatePlatformCustomer,
        };
        self.steps_on(kind, target)
    }

    /// The steps of one kind on one target, one for each source. The map's order has them side by side, so that a customer
    /// on very many accounts is not searched whole for each of them.
    fn steps_on(
        &self,
        kind: StepKind,
        target: Option<Position>,
    ) -> impl Iterator<Item = (&StepId, &Record)> {
        let with = |source| StepId {
            kind,
            target,
            source,
        };
        self.steps.range(with(None)..=with(Some(Position::MAX)))
    }

    /// The platform Customer that a source is attached to: what cloning it names as its `customer`.
    pub fn holder_of(&self, source: Position) -> Option<&CustomerId> {
        let step = StepId {
            kind: StepKind::AttachPlatformPaymentMethod,
            target: None,
            source: Some(source),
        };
        match self.state_of(step) {
            Some(StepState::Done(Object::HeldBy(holder))) => Some(holder),
            _ => self.platform_customer(),
        }
    }

    /// The clone that stands for a source on a target, once Stripe made one: in a renewal the new one as soon as it is attached.
    pub fn clone_of(&self, target: Position, source: Position) -> Option<&PaymentMethodId> {
        self.renewed_clone(target, source)
            .or_else(|| self.clone_before(target, source))
    }

    /// The clone of a source on a target; in a renewal the one that is to be replaced.
    pub fn clone_before(&self, target: Position, source: Position) -> Option<&PaymentMethodId> {
        let step = StepId {
            kind: StepKind::ClonePaymentMethod,
            target: Some(target),
            source: Some(source),
        };
        match self.state_of(step) {
            Some(StepState::Done(Object::PaymentMethod(clone))) => Some(clone),
            _ => None,
        }
    }
}
