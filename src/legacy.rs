//! What the CSV says of a customer, once checked. Pure data: made by [`crate::input`], kept by [`crate::store`],
//! sent by [`crate::stripe`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};

/// The columns of a CSV, by pmclone's own names and in the order in which it writes them; `metadata.KEY` comes after them.
pub const COLUMNS: [&str; 15] = [
    "legacy_id",
    "email",
    "name",
    "phone",
    "description",
    "address_line1",
    "address_line2",
    "address_city",
    "address_state",
    "address_postal_code",
    "address_country",
    "platform_customer",
    "payment_method",
    "default_payment_method",
    "connected_account",
];

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
    /// What is one text that is given, by its name in the CSV, which is Stripe's too.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("email", &self.email),
            ("name", &self.name),
            ("phone", &self.phone),
            ("description", &self.description),
        ];
        let given = texts.into_iter();
        given.filter_map(|(name, text)| Some((name, text.as_deref()?)))
    }

    /// Every field that is given, by the name of its column.
    pub fn fields(&self) -> impl Iterator<Item = (String, &str)> {
        let texts = self.texts().map(|(name, text)| (name.to_owned(), text));
        let address = self.address.iter();
        let address =
            address.map(|(field, text)| (format!("address_{}", field.name()), text.as_str()));
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(key, text)| (format!("metadata.{key}"), text.as_str()));
        texts.chain(address).chain(metadata)
    }

    /// Makes a field empty that is not given, by the name of its column: where the Customer has it, it is to be unset.
    pub fn fill(&mut self, name: &str) {
        let texts = [
            ("email", &mut self.email),
            ("name", &mut self.name),
            ("phone", &mut self.phone),
            ("description", &mut self.description),
        ];
        for (field, text) in texts {
            if field == name {
                text.get_or_insert_default();
            }
        }
        if let Some(key) = name.strip_prefix("metadata.") {
            self.metadata.entry(key.to_owned()).or_default();
        }
        let mut fields = AddressField::ALL.into_iter();
        let field = fields.find(|field| name.strip_prefix("address_") == Some(field.name()));
        if let Some(field) = field {
            self.address.entry(field).or_default();
        }
    }
}

/// What is kept of contact details that are erased: the names of the fields, each with one byte of a hash of its value, by which a
/// newer CSV's changes are named. One byte tells 255 changes of 256, and of a value next to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline(BTreeMap<String, u8>);

/// The byte of a field that is to be unset.
const UNSET: u8 = 0;

impl Outline {
    /// Of these details.
    pub fn of(legacy_id: &LegacyId, details: &Details) -> Self {
        let fields = details.fields();
        Self(
            fields
                .map(|(name, text)| {
                    let byte = byte_of(legacy_id, &name, text);
                    (name, byte)
                })
                .collect(),
        )
    }

    /// Reads what [`Outline::text`] wrote; nothing where it cannot be read.
    pub fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// As the state file keeps it.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The names of all fields, those to be unset among them.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// The fields that have a value.
    pub fn filled(&self) -> BTreeMap<String, u8> {
        let filled = self.0.iter().filter(|(_, byte)| **byte != UNSET);
        filled.map(|(name, byte)| (name.clone(), *byte)).collect()
    }
}

/// From 1 to 255.
fn byte_of(legacy_id: &LegacyId, name: &str, text: &str) -> u8 {
    if text.is_empty() {
        return UNSET;
    }
    let hash = Sha256::digest([legacy_id.as_str(), name, text].join("\0"));
    hash.first().copied().unwrap_or(1).max(1)
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
