//! PURE. The few words that outputs use for where a customer, a target or a source stands.

use super::{Customer, Object, Position, Reach, Reachable, StepId, StepKind, StepState};
use crate::ids::PaymentMethodId;

/// Where something stands; of several that fit, the smallest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A step of it may have reached Stripe, and its outcome is not known.
    InDoubt,
    /// It waits for an account that cannot be reached now.
    Parked,
    /// Some part of it got a final no.
    Refused,
    /// Some of it is done.
    InProgress,
    /// Nothing of it was started.
    Pending,
    /// What was made is taken back on some of its accounts and not on others, or is on its way there.
    PartlyUndone,
    /// What was made is taken back on all of its accounts, and is not made again.
    Undone,
    /// All that was asked for is done.
    Migrated,
}

impl Standing {
    /// Every standing, in the order in which the first that fits counts.
    pub const ALL: [Self; 8] = [
        Self::InDoubt,
        Self::Parked,
        Self::Refused,
        Self::InProgress,
        Self::Pending,
        Self::PartlyUndone,
        Self::Undone,
        Self::Migrated,
    ];

    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::InDoubt => "in_doubt",
            Self::Parked => "parked",
            Self::Refused => "refused",
            Self::InProgress => "in_progress",
            Self::Pending => "pending",
            Self::PartlyUndone => "partly_undone",
            Self::Undone => "undone",
            Self::Migrated => "migrated",
        }
    }
}

impl Standing {
    /// True where something is taken back, and nothing is left to be made.
    pub fn is_undone(self) -> bool {
        matches!(self, Self::PartlyUndone | Self::Undone)
    }
}

impl PaymentMethodId {
    /// False for a legacy Source (`src_…`), which the PaymentMethods API cannot clone; of any other the type tells.
    pub fn may_be_clonable(&self) -> bool {
        !self.as_str().starts_with("src_")
    }
}

impl Customer {
    /// Where one source stands on one target: a line of the mapping.
    pub fn source_standing(&self, target: Position, source: Position) -> Standing {
        if self.is_undone_on(target) {
            return Standing::Undone;
        }
        let on_target = |kind| {
            self.state_of(StepId {
                kind,
                target: Some(target),
                source: Some(source),
            })
        };
        let on_platform = |kind| {
            self.state_of(StepId {
                kind,
                target: None,
                source: Some(source),
            })
        };
        let made_with = on_target(StepKind::CreateConnectedCustomer);
        let attached = on_target(StepKind::AttachConnectedPaymentMethod);
        // A rebuilt state file may know of clones before a person has said which platform Customer is ours.
        if self.found_twice().any(|(step, _)| step.target.is_none()) {
            return Standing::InDoubt;
        }
        if [made_with, attached].into_iter().any(is_done) {
            return Standing::Migrated;
        }
        // Where another source carries the Customer, this one's own step is the attach.
        let platform_attach = on_platform(StepKind::AttachPlatformPaymentMethod);
        let platform = [
            on_platform(StepKind::CreatePlatformCustomer),
            platform_attach,
        ];
        let all = [
            platform[0],
            platform[1],
            on_target(StepKind::ClonePaymentMethod),
            made_with,
            attached,
        ];
        let refused = all
            .into_iter()
            .any(|state| matches!(state, Some(StepState::Refused(_))))
            || !self
                .source(source)
                .is_some_and(PaymentMethodId::may_be_clonable)
            || self.is_refused_on(None)
            || self.is_refused_on(Some(target));
        if all
            .into_iter()
            .any(|state| matches!(state, Some(StepState::InDoubt(_))))
        {
            Standing::InDoubt
        } else if refused {
            // A final no waits for no account.
            Standing::Refused
        } else if self
            .target(target)
            .is_some_and(|target| target.reach == Reachable::Parked)
        {
            Standing::Parked
        } else if all.into_iter().any(|state| state.is_some()) {
            Standing::InProgress
        } else {
            Standing::Pending
        }
    }

    /// Where a target stands that no source is asked for on: the Customer there is all of it.
    pub fn target_standing(&self, target: Position) -> Standing {
        if self.is_undone_on(target) {
            return Standing::Undone;
        }
        let create = StepId {
            kind: StepKind::CreateConnectedCustomer,
            target: Some(target),
            source: None,
        };
        let parked = self
            .target(target)
            .is_some_and(|target| target.reach == Reachable::Parked);
        let on_platform = self.state_of(StepId {
            kind: StepKind::CreatePlatformCustomer,
            target: None,
            source: None,
        });
        if matches!(on_platform, Some(StepState::InDoubt(_))) {
            return Standing::InDoubt;
        }
        match self.state_of(create) {
            Some(StepState::Done(_)) => Standing::Migrated,
            Some(StepState::InDoubt(_)) => Standing::InDoubt,
            Some(StepState::Refused(_)) => Standing::Refused,
            Some(StepState::Ready | StepState::Started) | None if self.is_refused_on(None) => {
                Standing::Refused
            }
            Some(StepState::Ready | StepState::Started) | None if parked => Standing::Parked,
            None if self.steps.is_empty() => Standing::Pending,
            Some(StepState::Ready | StepState::Started) | None => Standing::InProgress,
        }
    }

    /// Where a source stands on the platform, which is all of it where no account asks for it.
    pub fn platform_standing(&self, source: Position) -> Standing {
        if self.is_undone() {
            return Standing::Undone;
        }
        let on_platform = |kind| {
            self.state_of(StepId {
                kind,
                target: None,
                source: Some(source),
            })
        };
        let attach = on_platform(StepKind::AttachPlatformPaymentMethod);
        let create = on_platform(StepKind::CreatePlatformCustomer);
        if is_done(attach) || is_done(create) {
            return Standing::Migrated;
        }
        let either = |is: fn(&StepState) -> bool| attach.is_some_and(is) || create.is_some_and(is);
        if either(|state| matches!(state, StepState::InDoubt(_))) {
            Standing::InDoubt
        } else if either(|state| matches!(state, StepState::Refused(_))) || self.is_refused_on(None)
        {
            Standing::Refused
        } else if self.steps.is_empty() {
            Standing::Pending
        } else {
            Standing::InProgress
        }
    }

    /// True where the customer's own details were refused on a target (on the platform: `None`).
    fn is_refused_on(&self, target: Option<Position>) -> bool {
        self.creates_on(target).any(|(_, record)| {
            matches!(&record.state, StepState::Refused(refusal) if refusal.reach == Reach::Customer)
        })
    }

    /// True where the source was made the default of the Customer on the target.
    pub fn is_default(&self, target: Position, source: Position) -> bool {
        self.default_on(target) == Some(source) && self.has_default(Some(target))
    }

    /// True where the Customer on a target (on the platform: `None`) has the default that it shall have: it was made with it, or was
    /// given it since.
    pub fn has_default(&self, target: Option<Position>) -> bool {
        let Some((_, carrier)) = self.made_on(target) else {
            return false;
        };
        match self.state_of(StepId::set_default(target)) {
            Some(state) => is_done(Some(state)),
            None => carrier.is_some() && carrier == self.wanted_default(target),
        }
    }
}

fn is_done(state: Option<&StepState>) -> bool {
    matches!(
        state,
        Some(StepState::Done(
            Object::Customer(_) | Object::PaymentMethod(_) | Object::HeldBy(_) | Object::Changed(_)
        ))
    )
}
