//! PURE. What a read-only look at Stripe tells of a CSV before its first write: what would be refused or parked, and what
//! would move and yet surprise.
//!
//! Hazard: a look-up that failed is neither a good sign nor a bad one. It has a finding of its own.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::ids::{AccountId, CustomerId, MigrationId};
use crate::stripe::{AccountFacts, CustomerFacts, PaymentMethodFacts};

/// Examples that are kept of each finding.
const EXAMPLES: usize = 5;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A run would be refused it, or would park it; or nothing could be charged afterwards.
    Blocker,
    /// It moves, and somebody should know.
    Warning,
}

impl Severity {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Warning => "warning",
        }
    }
}

/// What can be found. The order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The key gives no access to the account.
    AccountUnreachable,
    /// The account may make no charges; the detail is Stripe's reason.
    ChargesDisabled,
    /// `card_payments` is inactive.
    CardsInactive,
    /// A bank account is asked for on an account without `us_bank_account_ach_payments`; the detail is the capability's state.
    AchInactive,
    /// A source, or a Customer to adopt, is in the other mode.
    OtherMode,
    /// A source is unknown to the platform.
    SourceUnknown,
    /// A source is of a type that Stripe does not clone; the detail is the type.
    SourceUnclonable,
    /// A source is attached to another Customer than the CSV says.
    SourceOfAnother,
    /// A Customer to adopt is unknown to the platform, or deleted.
    CustomerUnknown,
    /// The account has a reason to be disabled, and may charge still; the detail is the reason.
    Restricted,
    /// `card_payments` is not active yet; the detail is its state.
    CardsPending,
    /// Platform and account are in different countries; the detail is the pair.
    CrossBorder,
    /// The account, or the platform, is in India.
    India,
    /// Bank accounts are among the sources.
    AchScope,
    /// A card has expired.
    Expired,
    /// A platform Customer carries the marker of another migration; the detail is its id.
    OtherMigration,
    /// It could not be looked up.
    Unread,
}

impl Kind {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::AccountUnreachable
            | Self::ChargesDisabled
            | Self::CardsInactive
            | Self::AchInactive
            | Self::OtherMode
            | Self::SourceUnknown
            | Self::SourceUnclonable
            | Self::SourceOfAnother
            | Self::CustomerUnknown => Severity::Blocker,
            Self::Restricted
            | Self::CardsPending
            | Self::CrossBorder
            | Self::India
            | Self::AchScope
            | Self::Expired
            | Self::OtherMigration
            | Self::Unread => Severity::Warning,
        }
    }

    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountUnreachable => "account_unreachable",
            Self::ChargesDisabled => "charges_disabled",
            Self::CardsInactive => "card_payments_inactive",
            Self::AchInactive => "ach_inactive",
            Self::OtherMode => "other_mode",
            Self::SourceUnknown => "source_unknown",
            Self::SourceUnclonable => "source_unclonable",
            Self::SourceOfAnother => "source_of_another_customer",
            Self::CustomerUnknown => "customer_unknown",
            Self::Restricted => "account_restricted",
            Self::CardsPending => "card_payments_pending",
            Self::CrossBorder => "cross_border",
            Self::India => "india",
            Self::AchScope => "ach_scope",
            Self::Expired => "card_expired",
            Self::OtherMigration => "other_migration",
            Self::Unread => "unread",
        }
    }
}

/// One kind of finding, with one detail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How often.
    pub count: u64,
    /// Customers that ask for the accounts it was found of; 0 where it is found of sources.
    pub customers: u64,
    /// The first of what it was found of: ids, never contact details.
    pub examples: Vec<String>,
}

/// All findings, the blockers first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    found: BTreeMap<(Kind, String), Found>,
}

/// A connected account that the CSV asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The account.
    pub id: AccountId,
    /// Customers that ask for it.
    pub customers: u64,
}

/// What a look-up came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked<T> {
    /// It is there.
    Found(T),
    /// It is not.
    Missing,
    /// It is, in the other mode.
    OtherMode,
    /// The account gives no access.
    NoAccess,
    /// Nothing is known.
    Unread,
}

/// What the CSV says of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How examples name it: the legacy id and the source.
    pub label: String,
    /// The platform Customer that the CSV names.
    pub customer: Option<CustomerId>,
    /// Where it shall be cloned to.
    pub accounts: Vec<AccountId>,
}

/// Year and month, by Stripe's clock.
pub type Month = (u32, u32);

impl Findings {
    /// Each kind and detail, with what was found, the blockers first.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &str, &Found)> {
        self.found
            .iter()
            .map(|((kind, detail), found)| (*kind, detail.as_str(), found))
    }

    /// Kinds of findings that are so bad, each detail counted.
    pub fn count(&self, severity: Severity) -> u64 {
        let of = self.iter().filter(|(kind, ..)| kind.severity() == severity);
        u64::try_from(of.count()).unwrap_or(u64::MAX)
    }

    /// How many look-ups told nothing.
    pub fn unread(&self) -> u64 {
        let unread = self.iter().filter(|(kind, ..)| *kind == Kind::Unread);
        unread.map(|(_, _, found)| found.count).sum()
    }

    fn note(&mut self, kind: Kind, detail: &str, example: &str, customers: u64) {
        let found = self.found.entry((kind, detail.to_owned())).or_default();
        found.count += 1;
        found.customers += customers;
        if found.examples.len() < EXAMPLES {
            found.examples.push(example.to_owned());
        }
    }

    /// Judges a connected account. Charges and cards count for every one; bank accounts where one is asked for there.
    pub fn account(
        &mut self,
        platform_country: Option<&str>,
        asked: &Asked,
        looked: &Looked<AccountFacts>,
    ) {
        let (id, customers) = (asked.id.as_str(), asked.customers);
        let facts = match looked {
            Looked::Found(facts) => facts,
            Looked::NoAccess | Looked::Missing | Looked::OtherMode => {
                return self.note(Kind::AccountUnreachable, "", id, customers);
            }
            Looked::Unread => return self.note(Kind::Unread, "account", id, customers),
        };
        let reason = facts.disabled_reason.as_deref();
        let cards = facts.capabilities.get("card_payments").map(String::as_str);
        match (facts.charges_enabled, reason, cards) {
            (Some(false), reason, _) => {
                self.note(Kind::ChargesDisabled, reason.unwrap_or(""), id, customers);
            }
            (_, _, Some("inactive")) => self.note(Kind::CardsInactive, "", id, customers),
            (_, Some(reason), _) => self.note(Kind::Restricted, reason, id, customers),
            (_, None, None | Some("active")) => {}
            (_, None, Some(state)) => self.note(Kind::CardsPending, state, id, customers),
        }
        if let (Some(platform), Some(country)) = (platform_country, facts.country.as_deref()) {
            if platform != country {
                let pair = format!("{platform} to {country}");
                self.note(Kind::CrossBorder, &pair, id, customers);
            }
            if [platform, country].contains(&"IN") {
                self.note(Kind::India, "", id, customers);
            }
        }
    }

    /// Judges a source. `accounts` are those that were found.
    pub fn source(
        &mut self,
        source: &Source,
        looked: &Looked<PaymentMethodFacts>,
        accounts: &BTreeMap<AccountId, AccountFacts>,
        now: Month,
    ) {
        let label = source.label.as_str();
        let facts = match looked {
            Looked::Found(facts) => facts,
            Looked::Missing | Looked::NoAccess => {
                return self.note(Kind::SourceUnknown, "", label, 0);
            }
            Looked::OtherMode => return self.note(Kind::OtherMode, "", label, 0),
            Looked::Unread => return self.note(Kind::Unread, "source", label, 0),
        };
        match facts.kind.as_str() {
            "card" => {}
            "us_bank_account" => self.bank_account(source, accounts),
            other => return self.note(Kind::SourceUnclonable, other, label, 0),
        }
        if facts.customer.is_some() && facts.customer != source.customer {
            self.note(Kind::SourceOfAnother, "", label, 0);
        }
        if facts.expiry.is_some_and(|expiry| expiry < now) {
            self.note(Kind::Expired, "", label, 0);
        }
    }

    fn bank_account(&mut self, source: &Source, accounts: &BTreeMap<AccountId, AccountFacts>) {
        self.note(Kind::AchScope, "", &source.label, 0);
        for account in &source.accounts {
            let Some(facts) = accounts.get(account) else {
                continue;
            };
            let capability = facts.capabilities.get("us_bank_account_ach_payments");
            let state = capability.map_or("not requested", String::as_str);
            if state != "active" {
                let example = format!("{} on {account}", source.label);
                self.note(Kind::AchInactive, state, &example, 0);
            }
        }
    }

    /// Judges a platform Customer that the CSV wants adopted, or that holds a source. `ours`: the migration of the state file.
    pub fn customer(
        &mut self,
        label: &str,
        looked: &Looked<CustomerFacts>,
        adopted: bool,
        ours: Option<MigrationId>,
    ) {
        let facts = match looked {
            Looked::Found(facts) => facts,
            // A holder that is gone says nothing of the source.
            Looked::Missing | Looked::NoAccess | Looked::OtherMode if !adopted => return,
            Looked::Missing | Looked::NoAccess => {
                return self.note(Kind::CustomerUnknown, "unknown", label, 0);
            }
            Looked::OtherMode => return self.note(Kind::OtherMode, "", label, 0),
            Looked::Unread => return self.note(Kind::Unread, "customer", label, 0),
        };
        if facts.deleted && adopted {
            self.note(Kind::CustomerUnknown, "deleted", label, 0);
        }
        let other = facts.marker_migration.as_deref();
        let is_ours = |marker: &str| ours.is_some_and(|ours| ours.to_string() == marker);
        if let Some(marker) = other.filter(|marker| !is_ours(marker)) {
            self.note(Kind::OtherMigration, marker, label, 0);
        }
    }
}
