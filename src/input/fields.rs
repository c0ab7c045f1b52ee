//! The fields that a customer has, their names, what others call them, and how names are compared.

use serde::{Deserialize, Serialize};

use crate::legacy::AddressField;

/// What a column can give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// One of the fields that `docs/input.md` names.
    Field(Field),
    /// A metadata value, by its key.
    Metadata(String),
}

/// The fields that `docs/input.md` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// Whose line it is.
    LegacyId,
    /// An e-mail address.
    Email,
    /// A name.
    Name,
    /// A phone number.
    Phone,
    /// A description.
    Description,
    /// A part of the address.
    Address(AddressField),
    /// The platform Customer to adopt.
    PlatformCustomer,
    /// Sources.
    PaymentMethod,
    /// The source that shall be the default.
    DefaultPaymentMethod,
    /// Whether the line's source is the default.
    IsDefault,
    /// Connected accounts.
    ConnectedAccount,
}

/// Every field with its name, in the order that people are shown.
pub(super) const FIELDS: [(&str, Field); 16] = [
    ("legacy_id", Field::LegacyId),
    ("email", Field::Email),
    ("name", Field::Name),
    ("phone", Field::Phone),
    ("description", Field::Description),
    ("address_line1", Field::Address(AddressField::Line1)),
    ("address_line2", Field::Address(AddressField::Line2)),
    ("address_city", Field::Address(AddressField::City)),
    ("address_state", Field::Address(AddressField::State)),
    (
        "address_postal_code",
        Field::Address(AddressField::PostalCode),
    ),
    ("address_country", Field::Address(AddressField::Country)),
    ("platform_customer", Field::PlatformCustomer),
    ("payment_method", Field::PaymentMethod),
    ("default_payment_method", Field::DefaultPaymentMethod),
    ("is_default", Field::IsDefault),
    ("connected_account", Field::ConnectedAccount),
];

/// What others call them: enough for a hint, not enough to be taken at its word.
const ALSO_KNOWN_AS: &[(&str, Field)] = &[
    ("id", Field::LegacyId),
    ("customerid", Field::LegacyId),
    ("userid", Field::LegacyId),
    ("externalid", Field::LegacyId),
    ("customerno", Field::LegacyId),
    ("customernumber", Field::LegacyId),
    ("customerref", Field::LegacyId),
    ("clientid", Field::LegacyId),
    ("memberid", Field::LegacyId),
    ("kundennr", Field::LegacyId),
    ("kundennummer", Field::LegacyId),
    ("mail", Field::Email),
    ("emailaddress", Field::Email),
    ("fullname", Field::Name),
    ("customername", Field::Name),
    ("telephone", Field::Phone),
    ("phonenumber", Field::Phone),
    ("mobile", Field::Phone),
    ("street", Field::Address(AddressField::Line1)),
    ("line1", Field::Address(AddressField::Line1)),
    ("line2", Field::Address(AddressField::Line2)),
    ("city", Field::Address(AddressField::City)),
    ("state", Field::Address(AddressField::State)),
    ("zip", Field::Address(AddressField::PostalCode)),
    ("zipcode", Field::Address(AddressField::PostalCode)),
    ("postcode", Field::Address(AddressField::PostalCode)),
    ("postalcode", Field::Address(AddressField::PostalCode)),
    ("country", Field::Address(AddressField::Country)),
    ("stripecustomer", Field::PlatformCustomer),
    ("stripecustomerid", Field::PlatformCustomer),
    ("paymentmethodid", Field::PaymentMethod),
    ("cardid", Field::PaymentMethod),
    ("defaultsource", Field::DefaultPaymentMethod),
    ("defaultcard", Field::DefaultPaymentMethod),
    ("isprimary", Field::IsDefault),
    ("account", Field::ConnectedAccount),
    ("accountid", Field::ConnectedAccount),
    ("stripeaccount", Field::ConnectedAccount),
    ("stripeaccountid", Field::ConnectedAccount),
];

/// The names of the markers that pmclone writes into metadata itself.
pub(super) const MARKERS: [&str; 3] = [
    "pmclone_migration",
    "legacy_customer_id",
    "platform_customer",
];
/// Stripe takes 50 keys (<https://docs.stripe.com/api/metadata>); the markers need theirs.
pub(super) const METADATA_KEYS_MAX: usize = 50 - MARKERS.len();
/// Stripe's own limit on a key.
const METADATA_KEY_CHARS_MAX: usize = 40;

impl Field {
    /// The name of its column.
    pub fn name(self) -> &'static str {
        let known = FIELDS.iter().find(|(_, field)| *field == self);
        known.map_or("", |(name, _)| name)
    }

    /// Whether its cells may hold long runs of digits by their nature.
    pub(super) fn may_hold_digits(self) -> bool {
        match self {
            Self::LegacyId
            | Self::Phone
            | Self::PlatformCustomer
            | Self::PaymentMethod
            | Self::DefaultPaymentMethod
            | Self::ConnectedAccount => true,
            Self::Email | Self::Name | Self::Description | Self::IsDefault | Self::Address(_) => {
                false
            }
        }
    }

    /// Whether it says who is meant, so that one value for all lines would make one customer, or one card, of all.
    fn names_one_customer(self) -> bool {
        matches!(
            self,
            Self::LegacyId
                | Self::PlatformCustomer
                | Self::PaymentMethod
                | Self::DefaultPaymentMethod
        )
    }
}

impl Target {
    /// The target of such a name, if there is one: a field's, without regard to case, blanks and punctuation, or `metadata.KEY`.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(key) = metadata_key(name) {
            return Some(Self::Metadata(key.to_owned()));
        }
        let folded = fold(name);
        let known = FIELDS.iter().find(|(known, _)| fold(known) == folded);
        known.map(|(_, field)| Self::Field(*field))
    }

    /// The name of its column.
    pub fn name(&self) -> String {
        match self {
            Self::Field(field) => field.name().to_owned(),
            Self::Metadata(key) => format!("metadata.{key}"),
        }
    }

    /// The target of such a name in settings; else the sentence that says why there is none.
    pub fn of_settings(name: &str) -> Result<Self, String> {
        let Some(target) = Self::named(name) else {
            let near = nearest(name, FIELDS.iter().map(|(known, _)| *known))
                .map(|near| format!("; {near} is the nearest"));
            let near = near.unwrap_or_default();
            return Err(format!(
                "{name:?} is no field that pmclone knows{near}. There are {} and metadata.KEY",
                FIELDS.map(|(name, _)| name).join(", ")
            ));
        };
        if let Self::Metadata(key) = &target
            && let Some(wrong) = wrong_metadata_key(key)
        {
            return Err(format!("metadata.{key} {wrong}"));
        }
        Ok(target)
    }

    /// The target that one value may be given to for all lines; else the sentence that says why there is none.
    pub fn of_value(name: &str) -> Result<Self, String> {
        match Self::of_settings(name)? {
            Self::Field(field) if field.names_one_customer() => Err(format!(
                "{} cannot have the same value on every line: it says which customer, or which card, is meant",
                field.name()
            )),
            target => Ok(target),
        }
    }

    pub(super) fn may_hold_digits(&self) -> bool {
        matches!(self, Self::Field(field) if field.may_hold_digits())
    }
}

/// What is wrong with a metadata key, as a clause.
pub(super) fn wrong_metadata_key(key: &str) -> Option<&'static str> {
    match key {
        "" => Some("names no key"),
        _ if MARKERS.contains(&key) => Some("is a key that pmclone writes itself"),
        _ if key.chars().count() > METADATA_KEY_CHARS_MAX => {
            Some("has a key of over 40 characters, the most that Stripe takes")
        }
        _ if key.contains(['[', ']']) => Some("has a bracket in its key, which Stripe refuses"),
        _ if key.chars().any(char::is_control) => Some("has a control character in its key"),
        _ => None,
    }
}

/// `KEY` of `metadata.KEY`; the key's own case is kept, as Stripe keeps it.
fn metadata_key(name: &str) -> Option<&str> {
    let (prefix, key) = name.split_once('.')?;
    prefix
        .trim()
        .eq_ignore_ascii_case("metadata")
        .then(|| key.trim())
}

/// How close a header is to the field that it may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closeness {
    Misspelled,
    Synonym,
}

/// The field that a header may stand for, among those that `is_missing`.
pub(super) fn suggestion(
    name: &str,
    is_missing: impl Fn(Field) -> bool,
) -> Option<(Field, Closeness)> {
    let folded = fold(name);
    let missing = FIELDS.iter().filter(|(_, field)| is_missing(*field));
    let near = missing
        .map(|(known, field)| (distance(&folded, &fold(known)), known.len(), field))
        .min_by_key(|(steps, ..)| *steps);
    if let Some((steps, length, field)) = near
        && (steps <= 1 || (steps == 2 && length >= 8))
    {
        return Some((*field, Closeness::Misspelled));
    }
    synonym(name)
        .filter(|field| is_missing(*field))
        .map(|field| (field, Closeness::Synonym))
}

/// The field that others call so.
pub(super) fn synonym(name: &str) -> Option<Field> {
    let folded = fold(name);
    let known = ALSO_KNOWN_AS.iter().find(|(other, _)| *other == folded);
    known.map(|(_, field)| *field)
}

/// Letters and digits in lower case: names are compared without regard to case, blanks and punctuation.
pub(super) fn fold(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// The name that is nearest to another, if one is near at all.
pub(super) fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    let far = |other: &str| {
        let other = fold(other);
        // A name within another is near, however long the rest is.
        if folded.len() >= 3
            && other.len() >= 3
            && (other.contains(&folded) || folded.contains(&other))
        {
            return 1;
        }
        distance(&folded, &other)
    };
    let near = among
        .map(|other| (far(other), other))
        .min_by_key(|(steps, _)| *steps)?;
    (near.0 <= (folded.chars().count() / 2).max(1)).then_some(near.1)
}

/// The fewest insertions, removals, replacements and swaps of neighbours that make one of the other (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // Far apart by length alone; this also bounds the work on a header of a megabyte.
    if a.len().abs_diff(b.len()) > 20 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, from) in (1..).zip(a.chars()) {
        let mut this = vec![row];
        for (column, to) in b.iter().enumerate() {
            let replaced = last[column] + usize::from(from != *to);
            let one_more = this[column].min(last[column + 1]) + 1;
            let swapped = match column.checked_sub(1) {
                Some(left) if previous == Some(*to) && b[left] == from => before_last[left] + 1,
                _ => usize::MAX,
            };
            this.push(replaced.min(one_more).min(swapped));
        }
        before_last = std::mem::replace(&mut last, this);
        previous = Some(from);
    }
    last.last().copied().unwrap_or_default()
}
