//! PURE. What the state file says is at Stripe ([`expected`]), compared with what is read there ([`compare()`]).
//!
//! Hazard: what could not be looked at is neither the same nor different. It has a sign of its own, and no look that failed is
//! ever told as something that is missing.

mod compare;
mod expect;
#[cfg(test)]
mod tests;

pub use compare::{Holds, Other, Seen, Sights, compare};
pub use expect::{
    Expected, ExpectedCustomer, ExpectedMethod, TAKEN_BACK, absent, doubtful, expected,
};

use serde::Serialize;

use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};

/// The first character of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// As the state file says.
    Same,
    /// In the state file, and not at Stripe.
    Missing,
    /// At Stripe, and not in the state file.
    Extra,
    /// At both, and not the same.
    Differs,
    /// Not looked at, or not to be told.
    NotLooked,
}

impl Sign {
    /// How it is written.
    pub fn char(self) -> char {
        match self {
            Self::Same => '=',
            Self::Missing => '-',
            Self::Extra => '+',
            Self::Differs => '*',
            Self::NotLooked => '!',
        }
    }

    /// True for what makes the verification fail.
    pub fn is_difference(self) -> bool {
        match self {
            Self::Missing | Self::Extra | Self::Differs => true,
            Self::Same | Self::NotLooked => false,
        }
    }
}

impl Serialize for Sign {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.char())
    }
}

/// What a line is about; the names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A Customer.
    Customer,
    /// The mark of the migration on a Customer.
    MarkMigration,
    /// The mark of the legacy customer on a Customer.
    MarkLegacyId,
    /// The mark of the platform Customer on a connected one.
    MarkPlatformCustomer,
    /// Which PaymentMethod is a Customer's default.
    DefaultPaymentMethod,
    /// Whom a PaymentMethod is attached to.
    AttachedTo,
    /// A clone's type.
    Type,
    /// A clone's fingerprint.
    Fingerprint,
    /// A clone's brand.
    Brand,
    /// A clone's last four digits.
    Last4,
    /// A clone's expiry.
    Expiry,
    /// The source that a clone is compared with.
    Source,
    /// A Customer with the same marks as another, or with marks that the state file knows nothing of.
    SecondCustomer,
    /// A PaymentMethod of the same number and expiry as a clone, attached to the same Customer.
    SecondPaymentMethod,
}

/// One line of the diff. `expected` is what the state file, or the source, says; `found` what is at Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How the two stand to each other.
    pub sign: Sign,
    /// Whose it is.
    #[serde(serialize_with = "as_text")]
    pub legacy_id: LegacyId,
    /// The connected account; none: the platform.
    pub account: Option<AccountId>,
    /// The Customer that it is about, or that the PaymentMethod is of.
    pub customer: Option<CustomerId>,
    /// The PaymentMethod that it is about.
    pub payment_method: Option<PaymentMethodId>,
    /// What is compared.
    pub about: About,
    /// What ought to be.
    pub expected: Option<String>,
    /// What is; with `!` why it is not known.
    pub found: Option<String>,
}

fn as_text<S: serde::Serializer>(id: &LegacyId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

/// How many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Legacy customers of which something is said to be at Stripe.
    pub customers: u64,
    /// Customers on the platform and on connected accounts that were looked at.
    pub stripe_customers: u64,
    /// PaymentMethods that were looked at: sources and clones.
    pub payment_methods: u64,
    /// Lines `=`: Customers that are as they should be, with all that is attached to them.
    pub same: u64,
    /// Lines `-`.
    pub missing: u64,
    /// Lines `+`.
    pub extra: u64,
    /// Lines `*`.
    pub different: u64,
    /// Lines `!`.
    pub not_looked_at: u64,
}

impl Tally {
    /// Counts a line.
    pub fn line(&mut self, line: &Line) {
        let count = match line.sign {
            Sign::Same => &mut self.same,
            Sign::Missing => &mut self.missing,
            Sign::Extra => &mut self.extra,
            Sign::Differs => &mut self.different,
            Sign::NotLooked => &mut self.not_looked_at,
        };
        *count += 1;
    }

    /// Lines that are differences.
    pub fn differences(&self) -> u64 {
        self.missing + self.extra + self.different
    }
}
