//! PURE. What a newer CSV says otherwise of a customer, by the names of columns: no value is in it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ids::{AccountId, LegacyId, PaymentMethodId};
use crate::legacy::{Details, Outline};
use crate::state::{Customer, Wanted};

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Columns of contact details and metadata, by name. `contact details` where the values before are erased, and which of them
    /// differ cannot be told any more.
    pub columns: Vec<String>,
    /// PaymentMethods that were not asked for before.
    pub new_payment_methods: u64,
    /// PaymentMethods that are not named any more.
    pub gone_payment_methods: u64,
    /// Connected accounts that were not asked for before.
    pub new_accounts: u64,
    /// Connected accounts that are not named any more.
    pub gone_accounts: u64,
    /// PaymentMethods that are asked for on an account which they were not asked for on, both of which were known.
    pub new_pairs: u64,
    /// Another PaymentMethod is to be the default.
    pub default: bool,
    /// Another platform Customer is to be adopted.
    pub platform_customer: bool,
}

impl Difference {
    /// Between what was asked for and what is. `columns` are those of contact details that differ, if any do.
    pub(super) fn between(before: &Customer, now: &Wanted, columns: Option<Vec<String>>) -> Self {
        let count = |all: usize| u64::try_from(all).unwrap_or(u64::MAX);
        let known = |id: &&PaymentMethodId| before.sources.contains(id);
        let new_sources = now.sources.iter().filter(|id| !known(id)).count();
        let gone_sources = before.sources.iter().filter(|id| !now.sources.contains(id));
        let target_of = |id: &AccountId| before.targets.iter().find(|target| target.account == *id);
        let new_accounts = now.targets.iter().filter(|(id, _)| target_of(id).is_none());
        let gone_accounts = before.targets.iter().filter(|target| {
            let mut named = now.targets.iter();
            !named.any(|(id, _)| *id == target.account)
        });
        let pairs = now.targets.iter().filter_map(|(id, sources)| {
            let target = target_of(id)?;
            let sources = sources.iter().filter_map(|at| {
                let id = now.sources.get(usize::try_from(*at).ok()?)?;
                let before_at = before.sources.iter().position(|each| each == id)?;
                let asked = target.sources.iter();
                let mut asked = asked.filter_map(|at| usize::try_from(*at).ok());
                (!asked.any(|at| at == before_at)).then_some(())
            });
            Some(sources.count())
        });
        let default = now.default.as_ref().or_else(|| now.sources.first());
        let default_before = before.source(before.default);
        Self {
            columns: columns.unwrap_or_default(),
            new_payment_methods: count(new_sources),
            gone_payment_methods: count(gone_sources.count()),
            new_accounts: count(new_accounts.count()),
            gone_accounts: count(gone_accounts.count()),
            new_pairs: count(pairs.sum()),
            default: default.is_some() && default_before.is_some() && default != default_before,
            platform_customer: now.platform_customer != before.platform_customer
                && now.platform_customer.as_ref() != before.platform_customer(),
        }
    }

    /// True where anything is asked for that was not before.
    pub(super) fn adds(&self) -> bool {
        let new = [self.new_payment_methods, self.new_accounts, self.new_pairs];
        new.iter().any(|count| *count > 0) || self.platform_customer
    }

    /// What differs, in words.
    pub fn words(&self) -> Vec<String> {
        let mut words = self.columns.clone();
        let numbered = [
            ("payment_method", '+', self.new_payment_methods),
            ("payment_method", '-', self.gone_payment_methods),
            ("connected_account", '+', self.new_accounts),
            ("connected_account", '-', self.gone_accounts),
            ("payment_method on connected_account", '+', self.new_pairs),
        ];
        let numbered = numbered.into_iter().filter(|(_, _, count)| *count > 0);
        words.extend(numbered.map(|(what, sign, count)| format!("{what} {sign}{count}")));
        let named = [
            ("default_payment_method", self.default),
            ("platform_customer", self.platform_customer),
        ];
        let named = named.into_iter().filter(|(_, differs)| *differs);
        words.extend(named.map(|(what, _)| what.to_owned()));
        words
    }
}

/// The columns of contact details that differ. Of those that are erased, `given` has what was kept.
pub(super) fn columns(
    before: Option<&Details>,
    given: Option<&str>,
    (legacy_id, now): (&LegacyId, &Details),
) -> Vec<String> {
    let differing = if let Some(before) = before {
        let fields = |details: &Details| -> BTreeMap<String, String> {
            let fields = details.fields().filter(|(_, text)| !text.is_empty());
            fields.map(|(name, text)| (name, text.to_owned())).collect()
        };
        unlike(&fields(before), &fields(now))
    } else {
        let before = Outline::parse(given.unwrap_or_default());
        unlike(&before.filled(), &Outline::of(legacy_id, now).filled())
    };
    if differing.is_empty() {
        return vec!["contact details".to_owned()];
    }
    differing
}

fn unlike<T: PartialEq>(before: &BTreeMap<String, T>, now: &BTreeMap<String, T>) -> Vec<String> {
    let mut names: Vec<_> = before.keys().chain(now.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(name) != now.get(name));
    names
}
