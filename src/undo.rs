//! PURE. `undo`: what a migration made of one customer, and what of it may be taken back.
//!
//! ```text
//!   state file ──▶ portions ──┐
//!                             ├──▶ judge ──▶ detach these clones, delete this Customer │ it is gone already │ leave it, and why
//!   Stripe, read just now ────┘
//! ```
//!
//! A portion is a Customer with what is attached to it: one for each account, and the platform's. Those on accounts come first, and
//! the platform's only once nothing of it is left on any.
//!
//! Hazards: (1) A PaymentMethod that is detached, or whose Customer is deleted, can never be used again. For a clone that is the
//! purpose; for a *source* it is the loss of a card that the platform may need. So no source is ever detached, and a platform Customer
//! that has one is deleted only where that was asked for. (2) Whatever Stripe has of a Customer that is not known to be ours is
//! somebody's, and the Customer stays. (3) What was there before the migration is no portion at all.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId, PaymentMethodId};
use crate::state::{Customer, Object, Position, StepId, StepKind, StepState};
use crate::stripe::{CustomerFacts, PaymentMethodFacts, UseFacts};

/// What the migration has on one account, or on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// Which target; `None`: the platform.
    pub target: Option<Position>,
    /// The connected account; `None`: the platform.
    pub account: Option<AccountId>,
    /// The Customer that the migration made; none where it came no further than clones.
    pub customer: Option<CustomerId>,
    /// Its clones, attached or not; on the platform the sources that are attached to it.
    pub methods: Vec<PaymentMethodId>,
    /// A step may have made something there that is not known yet.
    pub in_doubt: bool,
}

/// What there is to be taken back of a customer: accounts in order, the platform last. What was adopted is none of it.
pub fn portions(customer: &Customer) -> Vec<Portion> {
    let targets = (0..).zip(&customer.targets);
    let mut portions: Vec<_> = targets
        .filter_map(|(position, _)| connected(customer, position))
        .collect();
    portions.extend(platform(customer));
    portions
}

fn connected(customer: &Customer, target: Position) -> Option<Portion> {
    let asked = customer.target(target)?;
    let made = customer.made_on(Some(target)).map(|(id, _)| id.clone());
    // While one is renewed, both may be attached.
    let clones =
        (0..u32::try_from(customer.sources.len()).unwrap_or(u32::MAX)).flat_map(|source| {
            let both = [
                customer.clone_before(target, source),
                customer.new_clone(target, source),
            ];
            both.into_iter().flatten().cloned()
        });
    // A clone that nobody knows of is attached to nothing, and cannot be looked for.
    let in_doubt = is_in_doubt(customer, |step| {
        let clones = [StepKind::ClonePaymentMethod, StepKind::RenewPaymentMethod];
        step.target == Some(target) && !clones.contains(&step.kind)
    });
    let methods: Vec<_> = clones.collect();
    (made.is_some() || in_doubt || !methods.is_empty()).then(|| Portion {
        target: Some(target),
        account: Some(asked.account.clone()),
        customer: made,
        methods,
        in_doubt,
    })
}

fn platform(customer: &Customer) -> Option<Portion> {
    let made = customer.made_on(None);
    let in_doubt = is_in_doubt(customer, |step| step.target.is_none());
    let carrier = made.and_then(|(_, carrier)| carrier);
    let sources = (0..).zip(&customer.sources).filter(|(source, _)| {
        let attach = StepId {
            kind: StepKind::AttachPlatformPaymentMethod,
            target: None,
            source: Some(*source),
        };
        let attached = matches!(
            customer.state_of(attach),
            Some(StepState::Done(Object::PaymentMethod(_)))
        );
        carrier == Some(*source) || attached
    });
    if customer.platform_customer.is_some() {
        return None;
    }
    (made.is_some() || in_doubt).then(|| Portion {
        target: None,
        account: None,
        customer: made.map(|(id, _)| id.clone()),
        methods: sources.map(|(_, id)| id.clone()).collect(),
        in_doubt,
    })
}

fn is_in_doubt(customer: &Customer, of: impl Fn(&StepId) -> bool) -> bool {
    let mut steps = customer.steps.iter();
    steps.any(|(step, record)| {
        of(step) && matches!(record.state, StepState::Started | StepState::InDoubt(_))
    })
}

/// A Customer as Stripe has it, read just now and to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The Customer.
    pub customer: CustomerFacts,
    /// What is attached to it.
    pub methods: Vec<PaymentMethodFacts>,
    /// What it was used for.
    pub uses: Vec<UseFacts>,
}

/// Whose it must be, and what may be done.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The migration.
    pub migration: MigrationId,
    /// The customer.
    pub legacy_id: &'a LegacyId,
    /// A platform Customer is deleted although its source cards are lost with it.
    pub spend_source_cards: bool,
    /// The state file knows of a charge of `verify --charge` there that is open, and which is taken back before anything else.
    pub settles_charges: bool,
}

/// What is to be done with a portion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// These clones are detached, then the Customer is deleted.
    TakeBack(Vec<PaymentMethodId>),
    /// Nothing of it is there any more.
    Gone,
    /// Nothing is done.
    Leave(Why),
}

/// Why something is left where it is. Nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The stable name: what they are grouped by.
    pub reason: &'static str,
    /// A sentence's part, with ids.
    pub message: String,
}

impl Why {
    /// The reason of [`Self::in_doubt`].
    pub const IN_DOUBT: &'static str = "in_doubt";

    /// Something is in doubt, and may be there without being known.
    pub fn in_doubt() -> Self {
        Self {
            reason: Self::IN_DOUBT,
            message: "a step of it may have reached Stripe, and its outcome is not known yet"
                .to_owned(),
        }
    }

    /// The reason of [`Self::unsettled`].
    pub const UNSETTLED: &'static str = "unsettled";

    /// It could not be read, or not be brought to its end.
    pub fn unsettled(message: String) -> Self {
        Self::of(Self::UNSETTLED, message)
    }

    /// Something is left on an account, which the platform's Customer belongs to.
    pub fn not_alone() -> Self {
        Self {
            reason: "left_on_account",
            message: "something of it is left on a connected account".to_owned(),
        }
    }

    /// The reason of [`Self::source_cards`].
    pub const SOURCE_CARDS: &'static str = "source_cards";

    /// The reason where a charge of `verify --charge` is open.
    const OPEN_CHARGE: &'static str = "open_charge";

    /// Source cards are attached to it.
    pub fn source_cards(cards: usize) -> Self {
        let cards = match cards {
            1 => "1 source card is".to_owned(),
            cards => format!("{cards} source cards are"),
        };
        Self {
            reason: Self::SOURCE_CARDS,
            message: format!("{cards} attached to it, and would be lost with it for good"),
        }
    }

    /// The same in a few words: what it is about, where that is told at the message's beginning.
    pub fn brief(&self) -> &str {
        let about = self
            .message
            .split_once(" is ")
            .or(self.message.split_once(" are "));
        about.map_or(&self.message, |(about, _)| about)
    }

    /// True where this is as it should be: nobody has to look into it.
    pub fn is_expected(&self) -> bool {
        self.reason == Self::SOURCE_CARDS
    }

    fn of(reason: &'static str, message: String) -> Self {
        Self { reason, message }
    }
}

/// What is known without a look, if that is all it takes.
pub fn known(portion: &Portion) -> Option<Verdict> {
    if portion.in_doubt {
        return Some(Verdict::Leave(Why::in_doubt()));
    }
    // Clones that were never attached: they cannot be detached, listed or deleted, and nothing can be charged to a customer by them.
    portion.customer.is_none().then_some(Verdict::Gone)
}

/// Whether the cards that are attached to it are all that has to be looked at first: while there is one, it stays.
pub fn may_hold_source_cards(portion: &Portion, terms: Terms<'_>) -> bool {
    portion.target.is_none() && !portion.methods.is_empty() && !terms.spend_source_cards
}

/// Decides, by what Stripe has now.
pub fn judge(portion: &Portion, sight: &Sight, terms: Terms<'_>) -> Verdict {
    let customer = &sight.customer;
    if customer.deleted {
        return Verdict::Gone;
    }
    let ours = terms.migration.to_string();
    let marked = customer.marker_migration.as_deref() == Some(ours.as_str())
        && customer.marker_legacy_id.as_deref() == Some(terms.legacy_id.as_str());
    if !marked {
        let message = "its metadata does not say that this migration made it of this customer";
        return Verdict::Leave(Why::of("not_ours", message.to_owned()));
    }
    let known: BTreeSet<_> = portion.methods.iter().collect();
    let mut methods = sight.methods.iter();
    if let Some(foreign) = methods.find(|method| !known.contains(&method.id)) {
        let message = format!(
            "{} is attached to it, which pmclone did not put there",
            foreign.id
        );
        return Verdict::Leave(Why::of("payment_method", message));
    }
    let settled = |why: &Why| terms.settles_charges && why.reason == Why::OPEN_CHARGE;
    let uses = sight.uses.iter().filter_map(|each| used(each, &ours));
    if let Some(why) = uses.into_iter().find(|why| !settled(why)) {
        return Verdict::Leave(why);
    }
    let attached = sight.methods.len();
    if portion.target.is_none() {
        if attached > 0 && !terms.spend_source_cards {
            return Verdict::Leave(Why::source_cards(attached));
        }
        // Never detached: whoever asked for the loss asked for the Customer's deletion.
        return Verdict::TakeBack(Vec::new());
    }
    let there = |id: &&PaymentMethodId| sight.methods.iter().any(|method| method.id == **id);
    Verdict::TakeBack(portion.methods.iter().filter(there).cloned().collect())
}

fn used(each: &UseFacts, ours: &str) -> Option<Why> {
    let (kind, id) = (each.kind.name(), &each.id);
    if each.proof_of.as_deref() != Some(ours) {
        let message = format!("it has {id}, a {kind} that pmclone did not make");
        return Some(Why::of(kind, message.replace("a invoice", "an invoice")));
    }
    let message = format!("{id} of `verify --charge` is not taken back yet");
    (!each.is_over).then(|| Why::of(Why::OPEN_CHARGE, message))
}
