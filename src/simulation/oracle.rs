//! Judges a history by the simulated world itself, not by what the state file thinks of it; and then the state file by the world.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::shape::{ACCOUNTS, Asked, Conduct, PLATFORM, Shape, migration, newer_email};
use crate::ids::CustomerId;
use crate::simulator::{CustomerSeen, MethodSeen, Simulator};
use crate::state::{Object, Reachable, Standing, StepId, StepKind, StepState};
use crate::store::{self, CustomerSeq, Loaded, Loader, StoreError};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Objects beyond the first of their kind.
    pub duplicates: Vec<String>,
    /// Asked for, and neither there nor refused nor in doubt.
    pub lost: Vec<String>,
    /// What the state file says and the world does not.
    pub untrue: Vec<String>,
    /// Clones that nothing is attached to: inert.
    pub orphans: u64,
    /// Steps whose outcome nobody knows.
    pub in_doubt: u64,
}

/// Everything that a judgement rests on.
struct Case<'a> {
    shape: &'a Shape,
    customers: Vec<CustomerSeen>,
    methods: BTreeMap<String, MethodSeen>,
    verdict: Verdict,
    adopt_attached: bool,
}

/// Compares the world with what was asked for, and with the state file.
pub fn judge(
    simulator: &Simulator,
    shape: &Shape,
    adopt_attached: bool,
    state: &Path,
) -> Result<Verdict, StoreError> {
    let (customers, methods) = simulator.census();
    let methods = methods.into_iter().map(|each| (each.id.clone(), each));
    let mut case = Case {
        shape,
        customers,
        methods: methods.collect(),
        verdict: Verdict::default(),
        adopt_attached,
    };
    case.doubled_customers();
    case.doubled_clones();
    let loader = Loader::new(store::open_readonly(state)?)?;
    let loaded = loader.page_of_all(CustomerSeq::default(), 1000)?;
    for (asked, loaded) in shape.customers.iter().zip(&loaded) {
        case.customer(asked, loaded);
    }
    if loaded.len() != shape.customers.len() {
        case.untrue(format!("{} customers in the state file", loaded.len()));
    }
    case.orphans(&loaded);
    Ok(case.verdict)
}

impl Case<'_> {
    fn untrue(&mut self, what: String) {
        self.verdict.untrue.push(what);
    }

    /// Customers on an account that carry this migration's markers for a legacy customer.
    fn marked<'c>(&'c self, account: &str, legacy_id: &str) -> Vec<&'c CustomerSeen> {
        let migration = migration().id.to_string();
        let ours = |each: &&CustomerSeen| {
            each.account == account
                && each.marker("pmclone_migration") == Some(&migration)
                && each.marker("legacy_customer_id") == Some(legacy_id)
        };
        self.customers.iter().filter(ours).collect()
    }

    fn doubled_customers(&mut self) {
        let mut made: BTreeMap<(String, String), u64> = BTreeMap::new();
        for each in &self.customers {
            if let Some(legacy_id) = each.marker("legacy_customer_id") {
                *made
                    .entry((each.account.clone(), legacy_id.to_owned()))
                    .or_default() += 1;
            }
        }
        for ((account, legacy_id), count) in made {
            if count > 1 {
                let what = format!("{legacy_id}: {count} Customers on {account}");
                self.verdict.duplicates.push(what);
            }
            let asked = self
                .shape
                .customers
                .iter()
                .find(|each| each.legacy_id == legacy_id);
            let wanted = asked.is_some_and(|asked| {
                let there = asked.targets.iter().any(|(each, _)| *each == account);
                there || (account == PLATFORM && asked.adopts.is_none())
            });
            if !wanted {
                self.untrue(format!("{legacy_id} on {account}: nobody asked for it"));
            }
        }
    }

    fn doubled_clones(&mut self) {
        let mut attached = BTreeSet::new();
        let mut twice = Vec::new();
        for each in self.methods.values() {
            let connected = each.account != PLATFORM && each.customer.is_some();
            if connected && !attached.insert((&each.account, each.fingerprint)) {
                twice.push(format!("{} on {} is attached twice", each.id, each.account));
            }
        }
        self.verdict.duplicates.extend(twice);
    }

    fn customer(&mut self, asked: &Asked, loaded: &Loaded) {
        let steps = &loaded.customer.steps;
        let unknown =
            |state: &StepState| matches!(state, StepState::Started | StepState::InDoubt(_));
        let doubts = steps.values().filter(|record| unknown(&record.state));
        let doubts = u64::try_from(doubts.count()).unwrap_or(u64::MAX);
        self.verdict.in_doubt += doubts;
        for (step, record) in steps {
            if let StepState::Done(object) = &record.state {
                self.done(asked, loaded, *step, object);
            }
        }
        if doubts > 0 {
            let what = format!("{}: {doubts} steps in doubt", asked.legacy_id);
            self.verdict.lost.push(what);
            return;
        }
        let settled = matches!(loaded.standing, Standing::Migrated | Standing::Refused);
        if !settled {
            let what = format!("{}: left {:?}", asked.legacy_id, loaded.standing);
            self.verdict.lost.push(what);
        }
        self.lost(asked);
        if self.shape.is_newer {
            self.not_updated(asked);
        }
    }

    /// What the newer CSV says of contact details is at every Customer that was made.
    fn not_updated(&mut self, asked: &Asked) {
        let email = newer_email(&asked.legacy_id);
        let mut lost = Vec::new();
        for account in ACCOUNTS.iter().copied().chain([PLATFORM]) {
            for made in self.marked(account, &asked.legacy_id) {
                if made.email.as_deref() != Some(email.as_str()) {
                    lost.push(format!(
                        "{}: {:?} on {account}",
                        asked.legacy_id, made.email
                    ));
                }
            }
        }
        self.verdict.lost.extend(lost);
    }

    /// What was asked for and can be had is there, in its place.
    fn lost(&mut self, asked: &Asked) {
        let movable = |position: &usize| {
            let source = asked.sources.get(*position);
            source.is_some_and(|source| self.moves(source.conduct))
        };
        let mut lost = Vec::new();
        for (account, positions) in &asked.targets {
            let wanted: Vec<_> = positions.iter().filter(|each| movable(each)).collect();
            let made = self.marked(account, &asked.legacy_id);
            let Some(made) = made.first() else {
                if !wanted.is_empty() || (asked.sources.is_empty()) {
                    lost.push(format!("{}: no Customer on {account}", asked.legacy_id));
                }
                continue;
            };
            if let Some(wrong) = self.wrong_default(asked, positions, made) {
                lost.push(wrong);
            }
            for position in wanted {
                let source = &asked.sources[*position];
                let fingerprint = self.fingerprint(&source.id);
                let there = self.methods.values().any(|each| {
                    each.account == *account
                        && each.fingerprint == fingerprint
                        && each.customer.as_deref() == Some(&made.id)
                });
                if fingerprint.is_none() || !there {
                    lost.push(format!("{}: {} on {account}", asked.legacy_id, source.id));
                }
            }
        }
        self.verdict.lost.extend(lost);
    }

    fn fingerprint(&self, id: &str) -> Option<u64> {
        self.methods.get(id).and_then(|each| each.fingerprint)
    }

    /// The default is the clone of the first source that is asked for there, and nothing where that one cannot be had.
    fn wrong_default(
        &self,
        asked: &Asked,
        positions: &[usize],
        made: &CustomerSeen,
    ) -> Option<String> {
        let first = positions.first().and_then(|each| asked.sources.get(*each));
        let wanted = first.filter(|source| self.moves(source.conduct));
        let wanted = wanted.and_then(|source| self.fingerprint(&source.id));
        let default = made.default_payment_method.as_deref();
        let found = default.and_then(|id| self.fingerprint(id));
        let (legacy_id, account) = (&asked.legacy_id, &made.account);
        (found != wanted || default.is_some() != wanted.is_some())
            .then(|| format!("{legacy_id}: default {default:?} on {account}"))
    }

    /// Whether a source ends as an attached clone.
    fn moves(&self, conduct: Conduct) -> bool {
        match conduct {
            Conduct::Good | Conduct::Held => true,
            Conduct::HeldByOther => self.adopt_attached,
            Conduct::Declined | Conduct::DeclinedThere | Conduct::Unclonable => false,
        }
    }

    /// What the state file says was made is there.
    fn done(&mut self, asked: &Asked, loaded: &Loaded, step: StepId, object: &Object) {
        let target = step
            .target
            .and_then(|target| loaded.customer.target(target));
        let account = target.map_or(PLATFORM, |target| target.account.as_str());
        let legacy_id = &asked.legacy_id;
        let wrong = match (step.kind, object) {
            (_, Object::HeldBy(_)) => None,
            (_, Object::Changed(id)) => {
                let there = self.customers.iter();
                let there = there.filter(|each| each.account == account);
                let known = there
                    .map(|each| each.id.as_str())
                    .any(|each| each == id.as_str());
                (!known).then(|| format!("{legacy_id}: {id} is not on {account} any more"))
            }
            (_, Object::Customer(id)) => {
                let made = self.marked(account, legacy_id);
                let there = made.iter().any(|each| each.id == id.as_str());
                let adopted = self.adopt_attached && account == PLATFORM;
                (!there && !adopted).then(|| format!("{legacy_id}: {id} is not on {account}"))
            }
            (StepKind::ClonePaymentMethod, Object::PaymentMethod(id)) => {
                let there = self.methods.get(id.as_str());
                let source = step.source.and_then(|each| loaded.customer.source(each));
                let source = source.and_then(|id| self.methods.get(id.as_str()));
                let right = there.is_some_and(|there| {
                    there.account == account
                        && source.is_some_and(|source| source.fingerprint == there.fingerprint)
                });
                (!right).then(|| format!("{legacy_id}: no clone {id} on {account}"))
            }
            (_, Object::PaymentMethod(id)) => {
                let holder = match step.target {
                    None => loaded.customer.platform_customer(),
                    Some(_) => loaded.customer.made_on(step.target).map(|(made, _)| made),
                };
                let there = self.methods.get(id.as_str());
                let right = there.is_some_and(|there| {
                    there.account == account
                        && there.customer.as_deref() == holder.map(CustomerId::as_str)
                });
                (!right).then(|| format!("{legacy_id}: {id} is not attached on {account}"))
            }
        };
        if let Some(wrong) = wrong {
            self.untrue(wrong);
        }
        if target.is_some_and(|target| target.reach != Reachable::Yes) {
            self.untrue(format!("{account} is parked still"));
        }
    }

    /// Clones that no step and no Customer has.
    fn orphans(&mut self, loaded: &[Loaded]) {
        let known: BTreeSet<&str> = loaded
            .iter()
            .flat_map(|loaded| loaded.customer.steps.values())
            .filter_map(|record| match &record.state {
                StepState::Done(Object::PaymentMethod(id)) => Some(id.as_str()),
                _ => None,
            })
            .collect();
        let orphans = self.methods.values().filter(|each| {
            each.account != PLATFORM && each.customer.is_none() && !known.contains(each.id.as_str())
        });
        self.verdict.orphans = u64::try_from(orphans.count()).unwrap_or(u64::MAX);
    }
}
