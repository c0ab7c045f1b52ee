//! What the steps that are done say is at Stripe.

use super::{About, Line, Sign};
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::state::{Customer, Doubt, Object, Position, StepId, StepKind, StepState};

/// All of one legacy customer that is said to be at Stripe. What is not done, or refused, is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Whose it is.
    pub legacy_id: LegacyId,
    /// Its Customers: the platform's first, then by target.
    pub customers: Vec<ExpectedCustomer>,
    /// The sources of clones, by position.
    pub sources: Vec<(Position, PaymentMethodId)>,
    /// Where a Customer may have been made, or is being made: one that is found there is no second one. `None`: the platform.
    pub in_doubt: Vec<Option<AccountId>>,
}

/// A Customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedCustomer {
    /// The connected account; none: the platform.
    pub account: Option<AccountId>,
    /// Its id.
    pub id: CustomerId,
    /// Whether the migration made it, and so marked it. Adopted ones have no marks.
    pub made: bool,
    /// The platform Customer that its marks name, on connected accounts.
    pub platform_customer: Option<CustomerId>,
    /// The default PaymentMethod, where the migration set it.
    pub default: Option<PaymentMethodId>,
    /// What is attached to it.
    pub methods: Vec<ExpectedMethod>,
}

/// A source on the platform, or a clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedMethod {
    /// Its id.
    pub id: PaymentMethodId,
    /// Whom it is attached to.
    pub customer: CustomerId,
    /// The source that it is, or is a clone of.
    pub source: Position,
}

/// What is said to be at Stripe of this customer.
pub fn expected(customer: &Customer) -> Expected {
    // What is taken back is not said to be there.
    let platform = platform(customer).filter(|_| !customer.undone);
    let mut customers: Vec<_> = platform.into_iter().collect();
    let targets = (0..).zip(&customer.targets);
    let there = targets.filter(|(position, _)| !customer.is_undone_on(*position));
    customers.extend(there.filter_map(|(position, _)| connected(customer, position)));
    let is_cloned = |position: Position| {
        let connected = customers.iter().filter(|each| each.account.is_some());
        connected
            .flat_map(|each| &each.methods)
            .any(|method| method.source == position)
    };
    let sources = (0..).zip(customer.sources.iter().cloned());
    Expected {
        legacy_id: customer.legacy_id.clone(),
        sources: sources.filter(|(at, _)| is_cloned(*at)).collect(),
        in_doubt: in_doubt(customer),
        customers,
    }
}

/// Why there is nothing to look at where `undo` was.
pub const TAKEN_BACK: &str = "what was made of it there is taken back by `pmclone undo`";

/// Lines for a customer that a person named, of what cannot be looked at: what is taken back, and what was never made. Without
/// them an empty look would pass for a clean one. `wanted`: whether an account (none: the platform) was asked for.
pub fn absent(customer: &Customer, wanted: impl Fn(Option<&AccountId>) -> bool) -> Vec<Line> {
    let line = |account: Option<&AccountId>, made: Option<&CustomerId>, why: &str| {
        not_looked(customer, (account, made), About::Customer, why.to_owned())
    };
    let made = |target| customer.made_on(target).map(|(id, _)| id);
    let mut lines = Vec::new();
    if customer.undone && customer.platform_customer.is_none() {
        lines.push(line(None, made(None), TAKEN_BACK));
    }
    let targets = (0..).zip(&customer.targets);
    let gone =
        targets.filter(|(at, target)| customer.is_undone_on(*at) && wanted(Some(&target.account)));
    lines.extend(gone.map(|(at, target)| line(Some(&target.account), made(Some(at)), TAKEN_BACK)));
    let nothing_told = lines.is_empty() && doubtful(customer, wanted).is_empty();
    if nothing_told && expected(customer).customers.is_empty() {
        lines.push(line(None, None, "nothing of it is known to be made"));
    }
    lines
}

/// Lines for what is in doubt: it may be at Stripe, and the state file does not say that it is. Without them a look at the rest
/// would pass for one at all of it. One for each place and matter.
pub fn doubtful(customer: &Customer, wanted: impl Fn(Option<&AccountId>) -> bool) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (step, record) in &customer.steps {
        let StepState::InDoubt(doubt) = record.state else {
            continue;
        };
        let account = step.target.and_then(|target| customer.target(target));
        let account = account.map(|target| &target.account);
        let is_undone = match step.target {
            None => customer.undone,
            Some(target) => customer.is_undone_on(target),
        };
        let about = matter(step.kind);
        let told = |line: &Line| line.account.as_ref() == account && line.about == about;
        if is_undone || !wanted(account) || lines.iter().any(told) {
            continue;
        }
        let made = customer.made_on(step.target).map(|(id, _)| id);
        let why = format!(
            "{} is in doubt ({}): `pmclone reconcile` looks",
            step.kind.name(),
            doubt.name()
        );
        lines.push(not_looked(customer, (account, made), about, why));
    }
    lines
}

/// What a step is about.
fn matter(kind: StepKind) -> About {
    match kind {
        StepKind::CreatePlatformCustomer
        | StepKind::CreateConnectedCustomer
        | StepKind::UpdateCustomer => About::Customer,
        StepKind::AttachPlatformPaymentMethod
        | StepKind::ClonePaymentMethod
        | StepKind::AttachConnectedPaymentMethod
        | StepKind::RenewPaymentMethod
        | StepKind::AttachRenewedPaymentMethod
        | StepKind::DetachReplacedPaymentMethod => About::AttachedTo,
        StepKind::SetDefault | StepKind::SetRenewedDefault => About::DefaultPaymentMethod,
    }
}

fn not_looked(
    customer: &Customer,
    (account, made): (Option<&AccountId>, Option<&CustomerId>),
    about: About,
    why: String,
) -> Line {
    Line {
        sign: Sign::NotLooked,
        legacy_id: customer.legacy_id.clone(),
        account: account.cloned(),
        customer: made.cloned(),
        payment_method: None,
        about,
        expected: None,
        found: Some(why),
    }
}

fn done(customer: &Customer, step: StepId) -> Option<&Object> {
    match customer.state_of(step) {
        Some(StepState::Done(object)) => Some(object),
        _ => None,
    }
}

fn platform(customer: &Customer) -> Option<ExpectedCustomer> {
    let made = customer.made_on(None);
    // An adopted Customer counts once a step rests on it.
    let any_done = || {
        let mut states = customer.steps.values().map(|record| &record.state);
        states.any(|state| matches!(state, StepState::Done(_)))
    };
    let id = match made {
        Some((id, _)) => id,
        None => customer.platform_customer.as_ref().filter(|_| any_done())?,
    };
    let carrier = made.and_then(|(_, carrier)| carrier);
    let methods = (0..)
        .zip(&customer.sources)
        .filter_map(|(source, method)| {
            let attach = StepId {
                kind: StepKind::AttachPlatformPaymentMethod,
                target: None,
                source: Some(source),
            };
            let holder = match done(customer, attach) {
                Some(Object::HeldBy(holder)) => holder,
                Some(Object::PaymentMethod(_) | Object::Customer(_) | Object::Changed(_)) => id,
                None if carrier == Some(source) => id,
                None => return None,
            };
            Some(ExpectedMethod {
                id: method.clone(),
                customer: holder.clone(),
                source,
            })
        })
        .collect();
    let default = customer
        .wanted_default(None)
        .filter(|_| customer.has_default(None))
        .and_then(|source| customer.source(source));
    Some(ExpectedCustomer {
        account: None,
        id: id.clone(),
        made: made.is_some(),
        platform_customer: None,
        default: default.cloned(),
        methods,
    })
}

fn connected(customer: &Customer, target: Position) -> Option<ExpectedCustomer> {
    let (id, carrier) = customer.made_on(Some(target))?;
    let asked = customer.target(target)?;
    let is_attached = |source: Position| {
        let attach = StepId {
            kind: StepKind::AttachConnectedPaymentMethod,
            target: Some(target),
            source: Some(source),
        };
        carrier == Some(source) || done(customer, attach).is_some()
    };
    let methods = asked
        .sources
        .iter()
        .filter(|source| is_attached(**source))
        .filter_map(|source| {
            Some(ExpectedMethod {
                id: customer.clone_of(target, *source)?.clone(),
                customer: id.clone(),
                source: *source,
            })
        });
    let default = customer
        .default_on(target)
        .filter(|source| customer.is_default(target, *source))
        .and_then(|source| customer.clone_of(target, source));
    Some(ExpectedCustomer {
        account: Some(asked.account.clone()),
        id: id.clone(),
        made: true,
        platform_customer: customer.platform_customer().cloned(),
        default: default.cloned(),
        methods: methods.collect(),
    })
}

fn in_doubt(customer: &Customer) -> Vec<Option<AccountId>> {
    let mut places: Vec<_> = customer
        .steps
        .iter()
        .filter(|(step, _)| match step.kind {
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => true,
            StepKind::AttachPlatformPaymentMethod
            | StepKind::ClonePaymentMethod
            | StepKind::AttachConnectedPaymentMethod
            | StepKind::UpdateCustomer
            | StepKind::SetDefault
            | StepKind::RenewPaymentMethod
            | StepKind::AttachRenewedPaymentMethod
            | StepKind::SetRenewedDefault
            | StepKind::DetachReplacedPaymentMethod => false,
        })
        .filter(|(_, record)| match record.state {
            StepState::Started => true,
            // That one is a second one, and is told as such.
            StepState::InDoubt(doubt) => doubt != Doubt::FoundTwice,
            StepState::Ready | StepState::Done(_) | StepState::Refused(_) => false,
        })
        .filter_map(|(step, _)| match step.target {
            None => Some(None),
            Some(target) => Some(Some(customer.target(target)?.account.clone())),
        })
        .collect();
    places.dedup();
    places
}
