//! What is odd about a header: names that nothing is known of, and what they may stand for.

use super::fields::{self, Closeness, Field, Target};
use super::given::Given;
use super::header::{self, Header};
use super::problem::{Problem, ProblemKind};
use super::reading::Reading;
use super::wrong_file::Why;

/// Columns that `pmclone refused --csv` adds to pmclone's own for people to read.
const OF_REFUSED: [&str; 3] = ["refused", "reason", "remedy"];

/// Whether the header is that of a file of `pmclone refused --csv`.
pub(super) fn is_of_refused(header: &Header) -> bool {
    let has = |name: &&str| header.find(name).is_some();
    header.find(Field::LegacyId.name()).is_some() && OF_REFUSED.iter().all(has)
}

pub(super) fn no_legacy_id(header: &Header, given: &Given<'_>) -> Why {
    let nothing_known = given.targets.is_empty();
    if nothing_known && header.names.iter().any(|name| looks_like_data(name)) {
        return Why::NoHeader;
    }
    let is_missing = |field| field == Field::LegacyId;
    let near = |column: &usize| {
        let name = header.names.get(*column)?;
        let found = fields::suggestion(name, is_missing)?;
        Some((*column, found.1))
    };
    let unread = (0..header.names.len()).filter(|column| !given.is_read(*column));
    let candidate = {
        let mut unread = unread;
        unread.find_map(|column| near(&column))
    };
    Why::NoLegacyId(candidate.map(|(column, _)| header.label(column)))
}

fn looks_like_data(name: &str) -> bool {
    let an_id = ["cus_", "pm_", "card_1", "acct_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let a_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    an_id || a_number || name.contains('@')
}

/// What is odd about a column of the file that gives nothing.
pub(super) fn oddity(column: usize, given: &Given<'_>, reading: &Reading) -> Option<Problem> {
    let name = given.header.names.get(column)?;
    let label = given.header.labels.get(column)?;
    let found =
        |kind, what: String, remedy: String| Some(Problem::new(0, label, kind, what, remedy));
    let is_missing = |field| !given.has(&Target::Field(field));
    // Who names columns has seen the header: only what is nearly a field is worth a word.
    let named = !reading.columns.is_empty();
    if let Some(target) = Target::named(name)
        && let Some(by) = given.given_by(&target, reading)
    {
        return found(
            ProblemKind::ColumnNotRead,
            format!("is not read: {by} gives {}", target.name()),
            format!(
                "say --column {}={label:?} if this one is meant",
                target.name()
            ),
        );
    }
    match fields::suggestion(name, is_missing) {
        _ if OF_REFUSED.contains(&name.as_str()) => None,
        _ if header::OF_REFUSED.contains(&name.as_str()) => None,
        _ if name.is_empty() => found(
            ProblemKind::UnknownColumn,
            "has no name and is not read".to_owned(),
            "name it if it holds anything".to_owned(),
        ),
        Some((field, Closeness::Misspelled)) => found(
            ProblemKind::MisspelledColumn,
            format!("is no column that pmclone knows; {} is one", field.name()),
            "correct the header, or remove the column".to_owned(),
        ),
        _ if named => None,
        Some((field, Closeness::Synonym)) => found(
            ProblemKind::UnknownColumn,
            "is no column that pmclone knows and is not read".to_owned(),
            format!(
                "rename it to {0}, or say --column {0}={label:?}, if that is what it holds",
                field.name()
            ),
        ),
        None => found(
            ProblemKind::UnknownColumn,
            "is no column that pmclone knows and is not read".to_owned(),
            "remove it, or name it metadata.KEY to keep it on the Customers".to_owned(),
        ),
    }
}

pub(super) fn metadata_oddity(key: &str, label: &str) -> Option<Problem> {
    let wrong = fields::wrong_metadata_key(key)?;
    let (kind, what) = if fields::MARKERS.contains(&key) {
        (ProblemKind::ReservedMetadataKey, format!("{key} {wrong}"))
    } else {
        (ProblemKind::InvalidMetadataKey, wrong.to_owned())
    };
    Some(Problem::new(
        0,
        label,
        kind,
        what,
        "give the column another name",
    ))
}
