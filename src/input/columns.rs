//! From a header to columns: which cell holds what, what to call it, and what a header that is not known may mean.

use super::card;
use super::problem::{Problem, ProblemKind};
use super::records::Record;
use super::wrong_file::Why;
use crate::legacy::AddressField;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Field(Field),
    /// A metadata value, by its key.
    Metadata(String),
    /// Nothing that is read.
    Unread,
}

/// The columns that design and README name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    LegacyId,
    Email,
    Name,
    Phone,
    Description,
    Address(AddressField),
    PlatformCustomer,
    PaymentMethod,
    DefaultPaymentMethod,
    ConnectedAccount,
}

const FIELDS: [(&str, Field); 15] = [
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
    ("connected_account", Field::ConnectedAccount),
];

/// What others call them: enough for a hint, not enough to be taken at its word.
const ALSO_KNOWN_AS: &[(&str, &str)] = &[
    ("id", "legacy_id"),
    ("customer_id", "legacy_id"),
    ("user_id", "legacy_id"),
    ("external_id", "legacy_id"),
    ("mail", "email"),
    ("full_name", "name"),
    ("street", "address_line1"),
    ("line1", "address_line1"),
    ("line2", "address_line2"),
    ("city", "address_city"),
    ("state", "address_state"),
    ("zip", "address_postal_code"),
    ("postcode", "address_postal_code"),
    ("postal_code", "address_postal_code"),
    ("country", "address_country"),
    ("stripe_customer", "platform_customer"),
    ("stripe_customer_id", "platform_customer"),
    ("payment_method_id", "payment_method"),
    ("card_id", "payment_method"),
    ("default_source", "default_payment_method"),
    ("account", "connected_account"),
    ("account_id", "connected_account"),
    ("stripe_account", "connected_account"),
];

/// Columns that `pmclone refused --csv` adds for people to read.
pub(crate) const OF_REFUSED: [&str; 3] = ["refused", "reason", "remedy"];

/// The names of the markers that pmclone writes into metadata itself.
const MARKERS: [&str; 3] = [
    "pmclone_migration",
    "legacy_customer_id",
    "platform_customer",
];
/// Stripe takes 50 keys (<https://docs.stripe.com/api/metadata>); the markers need theirs.
pub(super) const METADATA_KEYS_MAX: usize = 50 - MARKERS.len();
/// Stripe's own limit on a key.
const METADATA_KEY_CHARS_MAX: usize = 40;

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) content: Content,
    /// How problems call it: its header, or its number where the header is empty or may be personal.
    pub(super) label: String,
}

impl Column {
    /// Whether its cells may hold long runs of digits by their nature.
    pub(super) fn may_hold_digits(&self) -> bool {
        use Field as F;
        match &self.content {
            Content::Field(
                F::LegacyId
                | F::Phone
                | F::PlatformCustomer
                | F::PaymentMethod
                | F::DefaultPaymentMethod
                | F::ConnectedAccount,
            ) => true,
            Content::Field(F::Email | F::Name | F::Description | F::Address(_))
            | Content::Metadata(_)
            | Content::Unread => false,
        }
    }
}

/// Resolves a header: what each column holds, and what is odd about it.
pub(super) fn resolve(header: &Record) -> Result<(Vec<Column>, Vec<Problem>), Why> {
    let names = names(header)?;
    if let Some(name) = names.iter().find(|name| card::is_named_by(name)) {
        return Err(Why::CardColumn((*name).to_owned()));
    }
    let columns: Vec<Column> = (1..)
        .zip(&names)
        .map(|(number, name)| Column {
            content: content(name),
            label: label(name, number),
        })
        .collect();
    require_legacy_id(&names, &columns)?;
    if let Some(twice) = repeated(&columns) {
        return Err(Why::TwoColumns(twice.label.clone()));
    }
    let problems = names
        .iter()
        .zip(&columns)
        .filter_map(|(name, column)| oddity(name, column, &columns))
        .map(|problem| Problem {
            line: header.line,
            ..problem
        })
        .collect();
    Ok((columns, problems))
}

fn names(header: &Record) -> Result<Vec<&str>, Why> {
    let mut names = Vec::new();
    for (number, cell) in (1_u32..).zip(header.cells()) {
        if card::holds_number(cell) {
            let (line, column) = (header.line, number.to_string());
            return Err(Why::CardNumber { line, column });
        }
        let name = std::str::from_utf8(cell).map_err(|_| Why::NotUtf8)?;
        if name.contains('\0') {
            return Err(Why::Binary);
        }
        names.push(super::cell::trim(name));
    }
    Ok(names)
}

fn content(name: &str) -> Content {
    if let Some(key) = metadata_key(name) {
        return Content::Metadata(key.to_owned());
    }
    let known = FIELDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map_or(Content::Unread, |(_, field)| Content::Field(*field))
}

/// `KEY` of `metadata.KEY`; the key's own case is kept, as Stripe keeps it.
fn metadata_key(name: &str) -> Option<&str> {
    let (prefix, key) = name.split_once('.')?;
    prefix.eq_ignore_ascii_case("metadata").then(|| key.trim())
}

/// The header's text if it is fit to be shown. Where a file has no header, its first line is somebody's data.
fn label(name: &str, number: u32) -> String {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let fit = (1..=60).contains(&name.chars().count())
        && digits < 7
        && !name.contains(['@', '\n', '\r'])
        && !name.chars().any(char::is_control);
    if fit {
        name.to_owned()
    } else {
        number.to_string()
    }
}

fn repeated(columns: &[Column]) -> Option<&Column> {
    columns.iter().enumerate().find_map(|(index, column)| {
        let earlier = columns.get(..index).unwrap_or_default();
        let known = column.content != Content::Unread;
        (known && earlier.iter().any(|c| c.content == column.content)).then_some(column)
    })
}

fn has(columns: &[Column], field: Field) -> bool {
    columns
        .iter()
        .any(|column| column.content == Content::Field(field))
}

fn require_legacy_id(names: &[&str], columns: &[Column]) -> Result<(), Why> {
    if has(columns, Field::LegacyId) {
        return Ok(());
    }
    let first = names.first().copied().unwrap_or_default();
    if first.to_ascii_lowercase().starts_with("sep=") {
        return Err(Why::SeparatorLine);
    }
    if let Some(separator) = other_separator(names) {
        return Err(Why::Separator(separator));
    }
    let nothing_known = columns.iter().all(|c| c.content == Content::Unread);
    if nothing_known && names.iter().any(|name| looks_like_data(name)) {
        return Err(Why::NoHeader);
    }
    let candidate = names.iter().zip(columns).find(|(name, column)| {
        column.content == Content::Unread && suggestion(name, columns).0 == Some("legacy_id")
    });
    Err(Why::NoLegacyId(
        candidate.map(|(_, column)| column.label.clone()),
    ))
}

/// The separator by which the header falls into names that are known.
fn other_separator(names: &[&str]) -> Option<&'static str> {
    const SEPARATORS: [(char, &str); 3] =
        [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];
    let found = SEPARATORS.iter().find(|(separator, _)| {
        names.iter().any(|name| {
            let mut parts = name.split(*separator);
            name.contains(*separator)
                && parts.any(|part| content(part.trim_matches([' ', '"'])) != Content::Unread)
        })
    });
    found.map(|(_, spoken)| *spoken)
}

fn looks_like_data(name: &str) -> bool {
    let an_id = ["cus_", "pm_", "card_1", "acct_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let a_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    an_id || a_number || name.contains('@')
}

fn oddity(name: &str, column: &Column, columns: &[Column]) -> Option<Problem> {
    let found = |kind, what: String, remedy: String| {
        Some(Problem::new(0, &column.label, kind, what, remedy))
    };
    match &column.content {
        Content::Field(_) => None,
        Content::Metadata(key) => metadata_oddity(key, &column.label),
        Content::Unread if OF_REFUSED.contains(&name) => None,
        Content::Unread if name.is_empty() => found(
            ProblemKind::UnknownColumn,
            "has no name and is not read".to_owned(),
            "name it if it holds anything".to_owned(),
        ),
        Content::Unread => match suggestion(name, columns) {
            (Some(known), Closeness::Misspelled) => found(
                ProblemKind::MisspelledColumn,
                format!("is no column that pmclone knows; {known} is one"),
                "correct the header, or remove the column".to_owned(),
            ),
            (Some(known), Closeness::Synonym) => found(
                ProblemKind::UnknownColumn,
                "is no column that pmclone knows and is not read".to_owned(),
                format!("rename it to {known} if that is what it holds"),
            ),
            (None, _) => found(
                ProblemKind::UnknownColumn,
                "is no column that pmclone knows and is not read".to_owned(),
                "remove it, or name it metadata.KEY to keep it on the Customers".to_owned(),
            ),
        },
    }
}

fn metadata_oddity(key: &str, label: &str) -> Option<Problem> {
    let invalid = |what: &str| {
        let kind = ProblemKind::InvalidMetadataKey;
        Some(Problem::new(
            0,
            label,
            kind,
            what,
            "give the column another name",
        ))
    };
    if MARKERS.contains(&key) {
        return Some(Problem::new(
            0,
            label,
            ProblemKind::ReservedMetadataKey,
            format!("{key} is a key that pmclone writes itself"),
            "give the column another name",
        ));
    }
    match key {
        "" => invalid("names no key"),
        _ if key.chars().count() > METADATA_KEY_CHARS_MAX => {
            invalid("has a key of over 40 characters, the most that Stripe takes")
        }
        _ if key.contains(['[', ']']) => invalid("has a bracket in its key, which Stripe refuses"),
        _ if key.chars().any(char::is_control) => invalid("has a control character in its key"),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closeness {
    Misspelled,
    Synonym,
}

/// The column that a header may stand for, among those that the file lacks.
fn suggestion(name: &str, columns: &[Column]) -> (Option<&'static str>, Closeness) {
    let folded = fold(name);
    let missing = || FIELDS.iter().filter(|(_, field)| !has(columns, *field));
    let nearest = missing()
        .map(|(known, _)| (distance(&folded, known), *known))
        .min();
    if let Some((steps, known)) = nearest
        && (steps <= 1 || (steps == 2 && known.len() >= 8))
    {
        return (Some(known), Closeness::Misspelled);
    }
    let synonym = ALSO_KNOWN_AS.iter().find(|(other, _)| *other == folded);
    let known = synonym.and_then(|(_, known)| missing().find(|(missing, _)| missing == known));
    (known.map(|(known, _)| *known), Closeness::Synonym)
}

/// Lower case, with `_` for everything that separates words.
fn fold(name: &str) -> String {
    let separated = |c: char| if c.is_alphanumeric() { c } else { '_' };
    name.to_lowercase().chars().map(separated).collect()
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
