//! One legacy customer: what ought to be, and what was seen.

use std::collections::BTreeMap;

use super::{About, Expected, ExpectedCustomer, ExpectedMethod, Line, Sign};
use crate::ids::{AccountId, CustomerId, MigrationId, PaymentMethodId};
use crate::stripe::{CustomerFacts, DefaultMethod, PaymentMethodFacts};

/// What a look-up came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    Found(T),
    /// Stripe says that it is not.
    Missing,
    /// It was not looked at, and why: nothing follows from it.
    NotRead(String),
}

/// What is attached to a Customer, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// All of it.
    All(Vec<PaymentMethodFacts>),
    /// Its default, and no other was asked for: what else it holds is not known.
    Default(Box<PaymentMethodFacts>),
    /// None was expected, and none was read.
    Nothing,
    /// The list could not be read, and why.
    NotRead(String),
}

impl Holds {
    /// What was read of it.
    pub fn read(&self) -> &[PaymentMethodFacts] {
        match self {
            Self::All(methods) => methods,
            Self::Default(method) => std::slice::from_ref(method),
            Self::Nothing | Self::NotRead(_) => &[],
        }
    }
}

/// A Customer with the migration's marks for this legacy customer that the state file does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Where; none: the platform.
    pub account: Option<AccountId>,
    /// Which.
    pub id: CustomerId,
}

/// What was seen of one legacy customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sights {
    /// In the order of [`Expected::customers`].
    pub customers: Vec<(Seen<CustomerFacts>, Holds)>,
    /// PaymentMethods that were read one by one, since no Customer's list had them.
    pub alone: BTreeMap<(Option<AccountId>, PaymentMethodId), Seen<PaymentMethodFacts>>,
    /// Found by the sweeps.
    pub others: Vec<Other>,
}

impl Sights {
    /// A PaymentMethod, wherever it was seen.
    fn method<'a>(
        &'a self,
        account: Option<&AccountId>,
        holds: Option<&'a Holds>,
        id: &PaymentMethodId,
    ) -> Seen<&'a PaymentMethodFacts> {
        let read = holds.map_or(&[][..], Holds::read);
        if let Some(method) = read.iter().find(|method| method.id == *id) {
            return Seen::Found(method);
        }
        match self.alone.get(&(account.cloned(), id.clone())) {
            Some(Seen::Found(method)) => Seen::Found(method),
            Some(Seen::Missing) => Seen::Missing,
            Some(Seen::NotRead(why)) => Seen::NotRead(why.clone()),
            None => match holds {
                Some(Holds::NotRead(why)) => Seen::NotRead(why.clone()),
                _ => Seen::NotRead("it was not asked for".to_owned()),
            },
        }
    }
}

/// The lines of one legacy customer. One that has nothing to say against it has a line `=` for each of its Customers.
pub fn compare(expected: &Expected, sights: &Sights, migration: MigrationId) -> Vec<Line> {
    let mut lines = Vec::new();
    let platform = expected
        .customers
        .iter()
        .zip(&sights.customers)
        .find(|(each, _)| each.account.is_none())
        .map(|(_, (_, holds))| holds);
    for (customer, (facts, holds)) in expected.customers.iter().zip(&sights.customers) {
        let mut one = One {
            expected,
            customer,
            sights,
            lines: Vec::new(),
        };
        one.customer(facts, migration);
        if matches!(facts, Seen::Found(facts) if !facts.deleted) {
            one.methods(holds, platform);
            one.twice(holds);
        }
        if one.lines.is_empty() {
            one.line(Sign::Same, None, About::Customer, None, None);
        }
        lines.append(&mut one.lines);
    }
    lines.extend(
        sights
            .others
            .iter()
            .map(|other| second_customer(expected, other)),
    );
    lines
}

/// A Customer that is there without the state file's knowing.
fn second_customer(expected: &Expected, other: &Other) -> Line {
    let in_doubt = expected.in_doubt.contains(&other.account);
    let known = expected
        .customers
        .iter()
        .find(|each| each.account == other.account);
    let (sign, found) = if in_doubt {
        let why = "the step that makes it is not settled yet";
        (Sign::NotLooked, Some(why.to_owned()))
    } else {
        (Sign::Extra, Some(other.id.to_string()))
    };
    Line {
        sign,
        legacy_id: expected.legacy_id.clone(),
        account: other.account.clone(),
        customer: Some(other.id.clone()),
        payment_method: None,
        about: About::SecondCustomer,
        expected: known.map(|each| each.id.to_string()),
        found,
    }
}

/// One Customer, while it is compared.
struct One<'a> {
    expected: &'a Expected,
    customer: &'a ExpectedCustomer,
    sights: &'a Sights,
    lines: Vec<Line>,
}

impl One<'_> {
    fn line(
        &mut self,
        sign: Sign,
        method: Option<&PaymentMethodId>,
        about: About,
        expected: Option<String>,
        found: Option<String>,
    ) {
        self.lines.push(Line {
            sign,
            legacy_id: self.expected.legacy_id.clone(),
            account: self.customer.account.clone(),
            customer: Some(self.customer.id.clone()),
            payment_method: method.cloned(),
            about,
            expected,
            found,
        });
    }

    fn differs(
        &mut self,
        method: Option<&PaymentMethodId>,
        about: About,
        expected: Option<&str>,
        found: Option<&str>,
    ) {
        if expected != found {
            let text = |text: Option<&str>| text.map(str::to_owned);
            self.line(Sign::Differs, method, about, text(expected), text(found));
        }
    }

    fn customer(&mut self, seen: &Seen<CustomerFacts>, migration: MigrationId) {
        let facts = match seen {
            Seen::Found(facts) if !facts.deleted => facts,
            Seen::Found(_) => {
                let deleted = Some("deleted".to_owned());
                return self.line(Sign::Missing, None, About::Customer, None, deleted);
            }
            Seen::Missing => return self.line(Sign::Missing, None, About::Customer, None, None),
            Seen::NotRead(why) => {
                let why = Some(why.clone());
                return self.line(Sign::NotLooked, None, About::Customer, None, why);
            }
        };
        if self.customer.made {
            let migration = migration.to_string();
            let legacy_id = self.expected.legacy_id.as_str().to_owned();
            let platform = self.customer.platform_customer.clone();
            let marks = [
                (
                    About::MarkMigration,
                    Some(migration.as_str()),
                    &facts.marker_migration,
                ),
                (
                    About::MarkLegacyId,
                    Some(legacy_id.as_str()),
                    &facts.marker_legacy_id,
                ),
                (
                    About::MarkPlatformCustomer,
                    platform.as_ref().map(CustomerId::as_str),
                    &facts.marker_platform_customer,
                ),
            ];
            for (about, expected, found) in marks {
                self.differs(None, about, expected, found.as_deref());
            }
        }
        if let Some(default) = self.customer.default.clone() {
            let found = facts.default.as_ref().map(|found| match found {
                DefaultMethod::Id(id) => id.as_str(),
                DefaultMethod::Whole(method) => method.id.as_str(),
            });
            let about = About::DefaultPaymentMethod;
            self.differs(Some(&default), about, Some(default.as_str()), found);
        }
    }

    fn methods(&mut self, holds: &Holds, platform: Option<&Holds>) {
        let account = self.customer.account.clone();
        for method in &self.customer.methods {
            let seen = self
                .sights
                .method(account.as_ref(), Some(holds), &method.id);
            let id = Some(&method.id);
            let holder = Some(method.customer.to_string());
            match seen {
                Seen::Found(facts) => {
                    self.attached(method, facts);
                    if account.is_some() {
                        self.clone_of(method, facts, platform);
                    }
                }
                Seen::Missing => self.line(Sign::Missing, id, About::AttachedTo, holder, None),
                Seen::NotRead(why) => {
                    self.line(Sign::NotLooked, id, About::AttachedTo, holder, Some(why));
                }
            }
        }
    }

    fn attached(&mut self, method: &ExpectedMethod, facts: &PaymentMethodFacts) {
        let (expected, found) = (method.customer.as_str(), facts.customer.as_ref());
        let about = About::AttachedTo;
        if let Some(found) = found {
            self.differs(
                Some(&method.id),
                about,
                Some(expected),
                Some(found.as_str()),
            );
        } else {
            let expected = Some(expected.to_owned());
            self.line(Sign::Missing, Some(&method.id), about, expected, None);
        }
    }

    /// Compares a clone with its source.
    fn clone_of(
        &mut self,
        method: &ExpectedMethod,
        clone: &PaymentMethodFacts,
        platform: Option<&Holds>,
    ) {
        let named = |(at, _): &&(u32, PaymentMethodId)| *at == method.source;
        let Some((_, source)) = self.expected.sources.iter().find(named) else {
            return;
        };
        let id = Some(&method.id);
        let source = match self.sights.method(None, platform, source) {
            Seen::Found(source) => source,
            Seen::Missing => {
                let (expected, found) = (Some(source.to_string()), None);
                return self.line(Sign::Missing, id, About::Source, expected, found);
            }
            Seen::NotRead(why) => {
                let expected = Some(source.to_string());
                return self.line(Sign::NotLooked, id, About::Source, expected, Some(why));
            }
        };
        let expiry = |facts: &PaymentMethodFacts| {
            facts
                .expiry
                .map(|(year, month)| format!("{year}-{month:02}"))
        };
        let pairs = [
            (
                About::Type,
                Some(source.kind.clone()),
                Some(clone.kind.clone()),
            ),
            (
                About::Fingerprint,
                source.fingerprint.clone(),
                clone.fingerprint.clone(),
            ),
            (About::Brand, source.brand.clone(), clone.brand.clone()),
            (About::Last4, source.last4.clone(), clone.last4.clone()),
            (About::Expiry, expiry(source), expiry(clone)),
        ];
        for (about, expected, found) in pairs {
            self.differs(id, about, expected.as_deref(), found.as_deref());
        }
    }

    /// PaymentMethods that are there as often as they should not be. The platform's own, whose customers may have saved a card
    /// twice long before, are not looked through.
    fn twice(&mut self, holds: &Holds) {
        if self.customer.account.is_none() {
            return;
        }
        let ours = |id: &PaymentMethodId| self.customer.methods.iter().any(|each| each.id == *id);
        let likeness = |method: &PaymentMethodFacts| {
            (
                method.kind.clone(),
                method.fingerprint.clone(),
                method.expiry,
            )
        };
        let (mine, others): (Vec<_>, Vec<_>) =
            holds.read().iter().partition(|method| ours(&method.id));
        for other in others {
            let twin = mine
                .iter()
                .find(|each| each.fingerprint.is_some() && likeness(each) == likeness(other));
            if let Some(twin) = twin {
                let (expected, found) = (Some(twin.id.to_string()), Some(other.id.to_string()));
                self.line(
                    Sign::Extra,
                    Some(&other.id),
                    About::SecondPaymentMethod,
                    expected,
                    found,
                );
            }
        }
    }
}
