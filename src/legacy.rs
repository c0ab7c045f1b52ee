//! What the CSV says of a customer, once checked. Pure data: made by [`crate::input`], kept by [`crate::store`],
//! sent by [`crate::stripe`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};

/// Contact details and metadata: the personal data. `Debug` does not show it, so that no log can.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// At most 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// At most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// At most 5000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Stripe's `address` hash: `line1`, `line2`, `city`, `state`, `postal_code`, `country`, those that are given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub address: BTreeMap<AddressField, String>,
    /// The user's own metadata; the markers that pmclone adds are not among them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl std::fmt::Debug for Details {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Details([personal data])")
    }
}

/// The keys of Stripe's `address` hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressField {
    /// Street, or company name.
    Line1,
    /// Apartment, suite, unit.
    Line2,
    /// City, district, town.
    City,
    /// State, county, province.
    State,
    /// ZIP or postal code.
    PostalCode,
    /// Two-letter ISO 3166-1 code.
    Country,
}

impl AddressField {
    /// Every field, in Stripe's order.
    pub const ALL: [Self; 6] = [
        Self::Line1,
        Self::Line2,
        Self::City,
        Self::State,
        Self::PostalCode,
        Self::Country,
    ];

    /// Stripe's name of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Line1 => "line1",
            Self::Line2 => "line2",
            Self::City => "city",
            Self::State => "state",
            Self::PostalCode => "postal_code",
            Self::Country => "country",
        }
    }
}

/// One checked data line of the CSV: it asks for *its* PaymentMethods on *its* accounts. Lines that share a `legacy_id`
/// are one customer; the store gathers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The physical line that the record begins on; the header is line 1.
    pub number: u64,
    /// Whose line it is.
    pub legacy_id: LegacyId,
    /// Contact fields; empty ones may be filled by another line of the same customer.
    pub details: Details,
    /// The platform Customer to adopt, instead of making one.
    pub platform_customer: Option<CustomerId>,
    /// Sources, in the file's order, without repetition.
    pub payment_methods: Vec<PaymentMethodId>,
    /// The one to be the default, if the line names it.
    pub default_payment_method: Option<PaymentMethodId>,
    /// Where the sources shall be cloned to, in the file's order, without repetition.
    pub connected_accounts: Vec<AccountId>,
}

/// What parts an e-mail address in two; East Asian keyboards have signs of their own for it.
pub const AT: [char; 3] = ['@', '＠', '﹫'];

/// A contact detail as it may be shown: what it begins with, and the domain's beginning of an e-mail address.
pub fn masked(text: &str) -> String {
    let begin = |text: &str| -> String { text.chars().take(1).chain("***".chars()).collect() };
    match text.split_once(AT) {
        Some((local, domain)) => format!("{}@{}", begin(local), begin(domain)),
        None => begin(text),
    }
}

impl Details {
    /// Every field that is given, by the name of its column.
    pub fn fields(&self) -> impl Iterator<Item = (String, &str)> {
        let texts = [
            ("email", &self.email),
            ("name", &self.name),
            ("phone", &self.phone),
            ("description", &self.description),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?)));
        let address = self.address.iter();
        let address =
            address.map(|(field, text)| (format!("address_{}", field.name()), text.as_str()));
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(key, text)| (format!("metadata.{key}"), text.as_str()));
        texts.chain(address).chain(metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_masked_cannot_be_told() {
        assert_eq!(masked("jenny@example.com"), "j***@e***");
        assert_eq!(masked("ｊｅｎｎｙ＠ｅｘａｍｐｌｅ．ｃｏｍ"), "ｊ***@ｅ***");
        assert_eq!(masked("Jenny Rosen"), "J***");
        assert_eq!(masked("ä"), "ä***");
        assert_eq!(masked(""), "***");
    }
}
