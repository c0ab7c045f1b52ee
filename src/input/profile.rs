//! Files of programs that are known by their header: which of their columns gives what.
//!
//! Headers as their programs' documentation has them: Stripe's Dashboard exports, the mapping files of
//! <https://docs.stripe.com/get-started/data-migrations/map-payment-data> and of Stripe's account copy, Braintree's vault export
//! (<https://developer.paypal.com/braintree/articles/get-started/data-migration/exports>).

use serde::{Deserialize, Serialize};

use super::fields::{Field, fold};

/// A program whose files are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// The Dashboard's export of customers.
    StripeCustomers,
    /// What Stripe gives back after an import of card numbers, as PaymentMethods.
    StripeImport,
    /// The same, as legacy Cards.
    StripeImportCards,
    /// The mapping of Stripe's own copy between accounts.
    StripeCopy,
    /// The mapping of customers that Stripe asks for when cards go to Customers that exist.
    StripeExisting,
    /// Braintree's vault.
    BraintreeVault,
}

/// What is known of a profile's files.
struct Known {
    profile: Profile,
    name: &'static str,
    title: &'static str,
    /// Columns that it must have.
    needs: &'static [&'static str],
    /// Columns that only such files have, and how many of them show that it is one; chosen by name, it needs none.
    marks: &'static [&'static str],
    enough: usize,
    /// Fields, and the column or the template that gives them, where the file has it.
    gives: &'static [(Field, &'static str)],
    /// As a side file: its key, and the field of the lines that holds the same.
    key: (&'static str, Field),
}

const KNOWN: [Known; 6] = [
    Known {
        profile: Profile::StripeImport,
        name: "stripe-import",
        title: "the result of a Stripe PAN import (pm_)",
        needs: &["old_id", "created_customer", "source_new_id"],
        marks: &[],
        enough: 0,
        gives: &[
            (Field::LegacyId, "old_id"),
            (Field::PlatformCustomer, "created_customer"),
            (Field::PaymentMethod, "source_new_id"),
        ],
        key: ("old_id", Field::LegacyId),
    },
    Known {
        profile: Profile::StripeImportCards,
        name: "stripe-import-cards",
        title: "the result of a Stripe PAN import (card_)",
        needs: &["old_customer_id", "customer_id", "card_id"],
        marks: &[],
        enough: 0,
        gives: &[
            (Field::LegacyId, "old_customer_id"),
            (Field::PlatformCustomer, "customer_id"),
            (Field::PaymentMethod, "card_id"),
        ],
        key: ("old_customer_id", Field::LegacyId),
    },
    Known {
        profile: Profile::StripeCopy,
        name: "stripe-copy",
        title: "the mapping of a Stripe account copy",
        needs: &["customer_id_old", "customer_id_new", "source_id_new"],
        marks: &[],
        enough: 0,
        gives: &[
            (Field::LegacyId, "customer_id_old"),
            (Field::PlatformCustomer, "customer_id_new"),
            (Field::PaymentMethod, "source_id_new"),
        ],
        key: ("customer_id_old", Field::LegacyId),
    },
    Known {
        profile: Profile::StripeExisting,
        name: "stripe-existing",
        title: "a mapping of old customers to Stripe's",
        needs: &["old_customer_id", "stripe_customer_id"],
        marks: &[],
        enough: 0,
        gives: &[
            (Field::LegacyId, "old_customer_id"),
            (Field::PlatformCustomer, "stripe_customer_id"),
        ],
        key: ("old_customer_id", Field::LegacyId),
    },
    Known {
        profile: Profile::BraintreeVault,
        name: "braintree-vault",
        title: "a Braintree vault export",
        needs: &["id"],
        marks: &["credit_card.token"],
        enough: 1,
        gives: &[
            (Field::LegacyId, "id"),
            (Field::Email, "email"),
            (Field::Name, "{first_name} {last_name}"),
            (Field::Phone, "phone"),
            (Field::Description, "company"),
        ],
        key: ("id", Field::LegacyId),
    },
    Known {
        profile: Profile::StripeCustomers,
        name: "stripe-customers",
        title: "the Stripe Dashboard's export of customers",
        needs: &["id"],
        marks: &[
            "Created (UTC)",
            "Delinquent",
            "Total Spend",
            "Payment Count",
            "Average Order",
            "Refunded Volume",
            "Dispute Losses",
            "Default Source",
        ],
        enough: 2,
        gives: &[
            (Field::LegacyId, "id"),
            (Field::PlatformCustomer, "id"),
            (Field::Email, "Email"),
            (Field::Name, "Name"),
            (Field::Description, "Description"),
            (Field::Phone, "Phone"),
            (Field::PaymentMethod, "Card ID"),
        ],
        key: ("id", Field::PlatformCustomer),
    },
];

/// Columns that only an export of payments has, of which two are enough.
const OF_PAYMENTS: [&str; 8] = [
    "Seller Message",
    "Amount",
    "Amount Refunded",
    "Converted Amount",
    "Converted Currency",
    "Captured",
    "PaymentIntent ID",
    "Invoice ID",
];

impl Profile {
    /// Every profile, in the order in which a header is compared.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|known| known.profile)
    }

    /// Of such a name.
    pub fn named(name: &str) -> Option<Self> {
        let known = KNOWN.iter().find(|known| known.name == name);
        known.map(|known| known.profile)
    }

    /// The profile whose file has such a header.
    pub(super) fn of_header(names: &[String]) -> Option<Self> {
        let fits = |known: &&Known| {
            let marks = known.marks.iter().filter(|mark| has(names, mark)).count();
            known.needs.iter().all(|need| has(names, need))
                && marks >= known.enough
                && !is_of_payments(names)
        };
        KNOWN.iter().find(fits).map(|known| known.profile)
    }

    fn known(self) -> &'static Known {
        let known = KNOWN.iter().find(|known| known.profile == self);
        known.unwrap_or(&KNOWN[0])
    }

    /// The name that it is chosen by.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// What its files are, for people.
    pub fn title(self) -> &'static str {
        self.known().title
    }

    /// The columns that a file must have.
    pub(super) fn needs(self) -> &'static [&'static str] {
        self.known().needs
    }

    /// Fields and what gives them.
    pub(super) fn gives(self) -> &'static [(Field, &'static str)] {
        self.known().gives
    }

    /// As a side file: its key, and the field of the lines that holds the same.
    pub(super) fn key(self) -> (&'static str, Field) {
        self.known().key
    }

    /// Whether phone numbers are shortened to what Stripe takes: those of a vault come with dashes and extensions.
    pub(super) fn shortens_phones(self) -> bool {
        self == Self::BraintreeVault
    }

    /// The metadata key that a column of it holds: the Dashboard writes `plan (metadata)`.
    pub(super) fn metadata_key(self, name: &str) -> Option<&str> {
        if self != Self::StripeCustomers {
            return None;
        }
        name.strip_suffix("(metadata)").map(str::trim_end)
    }
}

/// Whether a header is that of an export of payments: a line for each charge, not for each customer.
pub(super) fn is_of_payments(names: &[String]) -> bool {
    OF_PAYMENTS.iter().filter(|mark| has(names, mark)).count() >= 2 && has(names, "id")
}

fn has(names: &[String], wanted: &str) -> bool {
    let wanted = fold(wanted);
    names.iter().any(|name| fold(name) == wanted)
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
