//! PURE. The one decision: what to do next for a customer, from what was asked for and the checkpoint alone.
//!
//! The walk goes through the platform first, then through the targets one by one, and stops at the first step that can
//! be done; where nothing can, it says where everything stands. One step at a time: Stripe locks the objects of a
//! customer, and parallel writes to them answer 429 `lock_timeout`.

use super::{
    Customer, Doubt, Object, Position, Reach, Reachable, Record, Standing, StepId, StepKind,
    StepState,
};
use crate::ids::PaymentMethodId;
use crate::time::StripeTime;

/// What to do next for a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Commit the step's intent and send it (again).
    Send(StepId),
    /// Read the source on the platform before anything is cloned from it: an unattached source is consumed by cloning.
    Look(Position),
    /// The step's key is too old to be sent again: put it in doubt.
    Expire(StepId),
    /// Record that the source cannot be cloned: its id alone tells, no call is spent on it.
    SetAside(Position),
    /// Nothing can be done now.
    Settled(Review),
}

/// Where a customer stands when nothing can be done for it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The customer as a whole.
    pub customer: Standing,
    /// Each target, in order.
    pub targets: Vec<Standing>,
}

/// A source, as far as the platform is concerned.
enum Source {
    /// Attached to a platform Customer, so it may be cloned.
    Attached,
    SetAside,
    InDoubt,
}

/// The platform, once nothing is left to do there.
enum Platform {
    /// One [`Source`] for each position, and how changes of the Customer ended.
    Customer(Vec<Source>, Standing),
    Refused,
    InDoubt,
}

/// How a step that needs nothing more ended.
enum Ended<'a> {
    Done(&'a Object),
    Refused(Reach),
    InDoubt,
}

impl Customer {
    /// Decides what comes next. `latest_now` is the latest time that it can be at Stripe.
    pub fn next(&self, latest_now: StripeTime) -> Next {
        Walk {
            customer: self,
            latest_now,
        }
        .run()
        .unwrap_or_else(|next| next)
    }
}

struct Walk<'a> {
    customer: &'a Customer,
    latest_now: StripeTime,
}

/// `Err` is an action that comes first: `?` makes the walk stop at it.
type OrNext<T> = Result<T, Next>;

impl<'a> Walk<'a> {
    fn run(&self) -> OrNext<Next> {
        if self.customer.is_undone() {
            let targets = self.customer.targets.iter();
            let targets: Vec<_> = targets.map(|target| undone(target.reach)).collect();
            return Ok(Next::Settled(Review {
                customer: targets.iter().copied().min().unwrap_or(Standing::Undone),
                targets,
            }));
        }
        let platform = self.platform()?;
        let reached = (0..)
            .zip(&self.customer.targets)
            .map(
                |(position, target)| match (self.target(&platform, position), target.reach) {
                    (_, reach @ (Reachable::UndoBegun | Reachable::Undone)) => Ok(undone(reach)),
                    (Err(Next::Send(_)), Reachable::Parked) => Ok(Standing::Parked),
                    (Err(Next::Send(_)), Reachable::NotSelected) => Ok(Standing::InProgress),
                    (standing_or_next, _) => standing_or_next,
                },
            )
            .collect::<OrNext<Vec<_>>>()?;
        // Only now: what is in doubt matters to nobody while something can be done.
        let targets: Vec<_> = (0..)
            .zip(reached)
            .map(|(position, standing)| self.waiting(position, standing))
            .collect();
        let customer = targets
            .iter()
            .copied()
            .chain([platform.standing()])
            .min()
            .unwrap_or(Standing::Migrated);
        // Not all of it is, or that was told above.
        let customer = match customer {
            Standing::Undone => Standing::PartlyUndone,
            other => other,
        };
        Ok(Next::Settled(Review { customer, targets }))
    }

    /// The standing of a target where nothing can be done now: in doubt, whatever else, while one of its steps is.
    fn waiting(&self, target: Position, otherwise: Standing) -> Standing {
        if otherwise.is_undone() {
            return otherwise;
        }
        let unknown =
            |state: &StepState| matches!(state, StepState::Started | StepState::InDoubt(_));
        let in_doubt = StepKind::ALL.into_iter().any(|kind| {
            let mut steps = self.customer.steps_on(kind, Some(target));
            steps.any(|(_, record)| unknown(&record.state))
        });
        if in_doubt {
            Standing::InDoubt
        } else {
            otherwise
        }
    }

    /// How the step ended, or what is to be done for it first.
    fn ended(&self, step: StepId) -> OrNext<Ended<'a>> {
        let Some(record) = self.customer.steps.get(&step) else {
            return Err(Next::Send(step));
        };
        match &record.state {
            StepState::Ready => Err(Next::Send(step)),
            StepState::Started if record.started_at.may_resend(self.latest_now) => {
                Err(Next::Send(step))
            }
            StepState::Started => Err(Next::Expire(step)),
            StepState::Done(object) => Ok(Ended::Done(object)),
            StepState::Refused(refusal) => Ok(Ended::Refused(refusal.reach)),
            // No answer, and the key has grown too old meanwhile: say so, since the remedy is another.
            StepState::InDoubt(Doubt::NoAnswer)
                if !record.started_at.may_resend(self.latest_now) =>
            {
                Err(Next::Expire(step))
            }
            StepState::InDoubt(_) => Ok(Ended::InDoubt),
        }
    }

    /// A Customer that may be there: none may be made with another source before that is known. It need not be the first
    /// that the walk comes to, since a source before it may have been retried, or answered late.
    fn unsettled_create(&self, target: Option<Position>) -> Option<StepId> {
        let unknown =
            |record: &Record| matches!(record.state, StepState::Started | StepState::InDoubt(_));
        self.customer
            .creates_on(target)
            .find(|(_, record)| unknown(record))
            .map(|(step, _)| *step)
    }

    fn platform(&self) -> OrNext<Platform> {
        let known = |source| self.customer.state_of(attach_on_platform(source)).is_some();
        if let Some(source) = self
            .customer
            .default_first()
            .find(|source| !self.is_clonable(*source) && !known(*source))
        {
            return Err(Next::SetAside(source));
        }
        if self.customer.platform_customer.is_some() {
            return self.platform_sources(None);
        }
        if let Some((_, carrier)) = self.customer.made_on(None) {
            return self.platform_sources(carrier);
        }
        if let Some(create) = self.unsettled_create(None) {
            self.ended(create)?;
            return Ok(Platform::InDoubt);
        }
        if self.customer.sources.is_empty() {
            return self
                .create_platform_customer(None)
                .map(|made| made.unwrap_or(Platform::Refused));
        }
        for source in self.customer.default_first() {
            if !self.was_refused(attach_on_platform(source))
                && let Some(platform) = self.create_platform_customer(Some(source))?
            {
                return Ok(platform);
            }
        }
        Ok(Platform::Refused)
    }

    /// `None` where the source that the Customer would have carried is refused: the next one may carry it.
    fn create_platform_customer(&self, source: Option<Position>) -> OrNext<Option<Platform>> {
        match self.ended(StepId {
            kind: StepKind::CreatePlatformCustomer,
            target: None,
            source,
        })? {
            Ended::Done(Object::Customer(_)) => self.platform_sources(source).map(Some),
            Ended::Done(Object::PaymentMethod(_) | Object::HeldBy(_) | Object::Changed(_))
            | Ended::InDoubt => Ok(Some(Platform::InDoubt)),
            Ended::Refused(Reach::Source) => Ok(None),
            Ended::Refused(Reach::Customer) => Ok(Some(Platform::Refused)),
        }
    }

    fn platform_sources(&self, carrier: Option<Position>) -> OrNext<Platform> {
        let mut sources: Vec<Source> = self
            .customer
            .sources
            .iter()
            .map(|_| Source::SetAside)
            .collect();
        for position in self.customer.default_first() {
            let source = self.platform_source(position, carrier)?;
            if let Some(slot) = usize::try_from(position)
                .ok()
                .and_then(|index| sources.get_mut(index))
            {
                *slot = source;
            }
        }
        let default = usize::try_from(self.customer.default).ok();
        let default = default.and_then(|index| sources.get(index));
        // One that another Customer holds can be cloned from there, and be no default of this one.
        let ours =
            self.customer.holder_of(self.customer.default) == self.customer.platform_customer();
        let changes = self.changes(None, ours && matches!(default, Some(Source::Attached)))?;
        Ok(Platform::Customer(sources, changes))
    }

    fn platform_source(&self, source: Position, carrier: Option<Position>) -> OrNext<Source> {
        if carrier == Some(source) {
            return Ok(Source::Attached);
        }
        let create = StepId {
            kind: StepKind::CreatePlatformCustomer,
            target: None,
            source: Some(source),
        };
        if self.was_refused(create) {
            return Ok(Source::SetAside);
        }
        let attach = attach_on_platform(source);
        // An adopted Customer's sources may be attached already, or to somebody else.
        if self.customer.platform_customer.is_some() && self.customer.state_of(attach).is_none() {
            return Err(Next::Look(source));
        }
        Ok(match self.ended(attach)? {
            Ended::Done(Object::HeldBy(_) | Object::PaymentMethod(_)) => Source::Attached,
            Ended::Done(Object::Customer(_) | Object::Changed(_)) | Ended::InDoubt => {
                Source::InDoubt
            }
            Ended::Refused(_) => Source::SetAside,
        })
    }

    fn target(&self, platform: &Platform, target: Position) -> OrNext<Standing> {
        let sources = match platform {
            Platform::Customer(sources, _) => sources,
            Platform::Refused => return Ok(Standing::Refused),
            Platform::InDoubt => return Ok(Standing::InDoubt),
        };
        let asked = self
            .customer
            .target(target)
            .map_or(&[][..], |target| &target.sources);
        if asked.is_empty() {
            let step = StepId {
                kind: StepKind::CreateConnectedCustomer,
                target: Some(target),
                source: None,
            };
            return match self.ended(step)? {
                Ended::Done(_) => self.changes(Some(target), false),
                Ended::Refused(_) => Ok(Standing::Refused),
                Ended::InDoubt => Ok(Standing::InDoubt),
            };
        }
        let mut made = self
            .customer
            .made_on(Some(target))
            .map(|(_, carrier)| Carrier(carrier));
        if made.is_none()
            && let Some(create) = self.unsettled_create(Some(target))
        {
            self.ended(create)?;
            return Ok(Standing::InDoubt);
        }
        let mut standing = Standing::Migrated;
        let mut there = Vec::new();
        let (default, mut default_is_attached) = (self.customer.default_on(target), false);
        for source in self
            .customer
            .default_first()
            .filter(|source| asked.contains(source))
        {
            let held = usize::try_from(source)
                .ok()
                .and_then(|index| sources.get(index));
            let moved = match held {
                Some(Source::Attached) => self.clone_and_attach(target, source, &mut made)?,
                Some(Source::InDoubt) => Moved::InDoubt,
                Some(Source::SetAside) | None => Moved::SetAside,
            };
            match moved {
                Moved::Attached => {
                    default_is_attached |= default == Some(source);
                    there.push(source);
                }
                Moved::SetAside => standing = standing.min(Standing::Refused),
                Moved::CustomerRefused => return Ok(Standing::Refused),
                Moved::CustomerInDoubt => return Ok(Standing::InDoubt),
                // A Customer made without its default now would need a call more later: wait for what becomes of it.
                Moved::InDoubt if made.is_none() && default == Some(source) => {
                    return Ok(Standing::InDoubt);
                }
                Moved::InDoubt => standing = Standing::InDoubt,
            }
        }
        let changes = self.changes(Some(target), default_is_attached)?;
        // A change that names the clone before may be on its way.
        if changes != Standing::InDoubt {
            for source in there {
                standing = standing.min(self.renewal(target, source)?);
            }
        }
        Ok(standing.min(changes))
    }

    /// One clone's renewal, where it was asked for.
    fn renewal(&self, target: Position, source: Position) -> OrNext<Standing> {
        if !self.customer.is_in_renewal(target, source) {
            return Ok(Standing::Migrated);
        }
        for kind in StepKind::RENEWAL {
            let step = StepId {
                kind,
                target: Some(target),
                source: Some(source),
            };
            match self.ended(step)? {
                Ended::Done(_) => {}
                Ended::Refused(_) => return Ok(Standing::Refused),
                Ended::InDoubt => return Ok(Standing::InDoubt),
            }
        }
        Ok(Standing::Migrated)
    }

    /// What is to be changed of the Customer that the migration made on a target (on the platform: `None`): contact details where
    /// that was asked for, and the default where another one came first. Both say what shall be, so they may be said again.
    fn changes(&self, target: Option<Position>, default_is_attached: bool) -> OrNext<Standing> {
        let mut made = self.customer.creates_on(target);
        let made = made.find(|(_, record)| matches!(record.state, StepState::Done(_)));
        let Some((StepId { source, .. }, record)) = made else {
            return Ok(Standing::Migrated);
        };
        let known = |step| self.customer.state_of(step).is_some();
        let (update, default) = (StepId::update(target), StepId::set_default(target));
        // What a lost state file's Customer has as its default may have been chosen by somebody since.
        let is_another = *source != self.customer.wanted_default(target) && !record.is_recovered();
        let wanted = [
            (update, known(update)),
            (
                default,
                default_is_attached && (is_another || known(default)),
            ),
        ];
        let mut standing = Standing::Migrated;
        for (step, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
            standing = standing.min(match self.ended(step)? {
                Ended::Done(_) => Standing::Migrated,
                Ended::Refused(_) => Standing::Refused,
                Ended::InDoubt => Standing::InDoubt,
            });
        }
        Ok(standing)
    }

    /// One source onto one target. `made` is the carrier of the Customer there, once it is made.
    fn clone_and_attach(
        &self,
        target: Position,
        source: Position,
        made: &mut Option<Carrier>,
    ) -> OrNext<Moved> {
        let step = |kind| StepId {
            kind,
            target: Some(target),
            source: Some(source),
        };
        match self.ended(step(StepKind::ClonePaymentMethod))? {
            Ended::Done(_) => {}
            Ended::Refused(_) => return Ok(Moved::SetAside),
            Ended::InDoubt => return Ok(Moved::InDoubt),
        }
        let Some(Carrier(carrier)) = *made else {
            return Ok(match self.ended(step(StepKind::CreateConnectedCustomer))? {
                Ended::Done(_) => {
                    *made = Some(Carrier(Some(source)));
                    Moved::Attached
                }
                Ended::Refused(Reach::Source) => Moved::SetAside,
                Ended::Refused(Reach::Customer) => Moved::CustomerRefused,
                Ended::InDoubt => Moved::CustomerInDoubt,
            });
        };
        if carrier == Some(source) {
            return Ok(Moved::Attached);
        }
        if self.was_refused(step(StepKind::CreateConnectedCustomer)) {
            return Ok(Moved::SetAside);
        }
        Ok(
            match self.ended(step(StepKind::AttachConnectedPaymentMethod))? {
                Ended::Done(_) => Moved::Attached,
                Ended::Refused(_) => Moved::SetAside,
                Ended::InDoubt => Moved::InDoubt,
            },
        )
    }

    fn was_refused(&self, step: StepId) -> bool {
        matches!(self.customer.state_of(step), Some(StepState::Refused(_)))
    }

    fn is_clonable(&self, source: Position) -> bool {
        self.customer
            .source(source)
            .is_some_and(PaymentMethodId::may_be_clonable)
    }
}

/// Where a target stands of which nothing more is made.
fn undone(reach: Reachable) -> Standing {
    match reach {
        Reachable::UndoBegun => Standing::PartlyUndone,
        // With its platform Customer a customer is taken back everywhere.
        Reachable::Undone | Reachable::Yes | Reachable::Parked | Reachable::NotSelected => {
            Standing::Undone
        }
    }
}

/// The step that holds what is known of a source on the platform, unless the Customer was made with it.
fn attach_on_platform(source: Position) -> StepId {
    StepId {
        kind: StepKind::AttachPlatformPaymentMethod,
        target: None,
        source: Some(source),
    }
}

/// The source that a Customer was made with, if any.
#[derive(Clone, Copy)]
struct Carrier(Option<Position>);

/// What became of one source on one target.
enum Moved {
    Attached,
    SetAside,
    InDoubt,
    /// The Customer that it was to be made with is refused for its own details.
    CustomerRefused,
    CustomerInDoubt,
}

impl Platform {
    fn standing(&self) -> Standing {
        let Self::Customer(sources, changes) = self else {
            return if matches!(self, Self::InDoubt) {
                Standing::InDoubt
            } else {
                Standing::Refused
            };
        };
        let of_source = |source: &Source| match source {
            Source::Attached => Standing::Migrated,
            Source::SetAside => Standing::Refused,
            Source::InDoubt => Standing::InDoubt,
        };
        sources
            .iter()
            .map(of_source)
            .chain([*changes])
            .min()
            .unwrap_or(Standing::Migrated)
    }
}
