//! From headers to a layout: which column gives what, what was assumed of them, and what a header that is not known may mean.
//!
//! For each field, what is asked for by name comes first; then a column of a joined file; then one of the file itself, by its own name
//! or as a profile says.

use super::check;
use super::fields::{self, Field, Target, fold};
use super::given::Given;
use super::header::Header;
use super::oddity::{no_legacy_id, oddity};
use super::problem::Problem;
use super::profile::{self, Profile};
use super::reading::{Choice, Join, Reading};
use super::template::{Piece, Template, pieces};
use super::words::Nulls;
use super::wrong_file::Why;

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    /// What its cells give, if they give something as they stand.
    pub(super) target: Option<Target>,
    /// How problems call it.
    pub(super) label: String,
    /// Whether its cells may hold long runs of digits by their nature.
    pub(super) may_hold_digits: bool,
    /// Whether it is read for something.
    pub(super) read: bool,
}

/// How a record becomes a line.
#[derive(Debug)]
pub(super) struct Layout {
    /// The file's columns, then those of the joined files, in order.
    pub(super) columns: Vec<Column>,
    /// How many of them are the file's own.
    pub(super) own: usize,
    /// What is put together from columns, or given by one that gives something else already.
    pub(super) derived: Vec<(Target, Template)>,
    /// What a line has where it says nothing: defaults, and constants, which no column gives.
    pub(super) otherwise: Vec<(Target, String)>,
    pub(super) nulls: Nulls,
    /// The profile that was recognised, or asked for.
    pub(super) profile: Option<Profile>,
    /// For each joined file, what is looked up in it.
    pub(super) keys: Vec<Template>,
    /// What was assumed, for people.
    pub(super) notes: Vec<String>,
}

/// A joined file, as far as its columns go.
pub(super) struct Side<'a> {
    pub(super) join: &'a Join,
    pub(super) header: &'a Header,
    /// Its column that holds the key, and the field that holds the same on the lines.
    pub(super) key: Key,
    pub(super) profile: Option<Profile>,
}

/// How a joined file is joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Its own column.
    pub(super) column: usize,
    /// What holds the same on the lines: a field's name, or a header.
    pub(super) on: String,
}

/// Resolves the header, and those of the joined files.
pub(super) fn resolve(
    header: &Header,
    sides: &[Side<'_>],
    reading: &Reading,
) -> Result<(Layout, Vec<Problem>), Why> {
    let profile = profile_of(header, reading)?;
    let mut given = Given::new(header, sides);
    given.take_asked(reading)?;
    for at in 0..sides.len() {
        given.take_side(at)?;
    }
    given.take_own(profile, reading.profile)?;
    if !given.has(&Target::Field(Field::LegacyId)) {
        return Err(no_legacy_id(header, &given));
    }
    given.take_constants(reading)?;
    let keys = sides.iter().enumerate();
    let keys = keys
        .map(|(at, side)| given.key(at, side))
        .collect::<Result<_, _>>()?;
    let oddities = if header.is_of_mended() { 2 } else { 0 };
    let problems = (oddities..header.names.len())
        .filter(|column| profile.is_none() && !given.is_read(*column))
        .filter_map(|column| oddity(column, &given, reading))
        .chain(given.metadata_oddities())
        .map(|problem| Problem {
            line: header.line,
            ..problem
        })
        .collect();
    let gap = given.gap(reading);
    let mut layout = given.into_layout(reading, keys);
    layout.profile = profile;
    layout.notes.extend(gap);
    check::values(&layout)?;
    Ok((layout, problems))
}

fn profile_of(header: &Header, reading: &Reading) -> Result<Option<Profile>, Why> {
    match reading.profile {
        Choice::Off => Ok(None),
        Choice::Given(profile) => match missing(profile, header) {
            None => Ok(Some(profile)),
            Some(column) => Err(Why::NotOfProfile { profile, column }),
        },
        Choice::Recognised if header.find("legacy_id").is_some() => Ok(None),
        Choice::Recognised => {
            if profile::is_of_payments(&header.names) && !asks_for_legacy_id(reading) {
                return Err(Why::Payments);
            }
            Ok(Profile::of_header(&header.names))
        }
    }
}

fn asks_for_legacy_id(reading: &Reading) -> bool {
    let legacy_id = Target::Field(Field::LegacyId);
    reading
        .columns
        .iter()
        .any(|(target, _)| *target == legacy_id)
}

fn missing(profile: Profile, header: &Header) -> Option<&'static str> {
    let needs = profile.needs().iter().copied();
    needs.into_iter().find(|need| header.find(need).is_none())
}

impl Column {
    pub(super) fn unread(name: &str, label: String) -> Self {
        Self {
            target: None,
            label,
            may_hold_digits: is_of_ids_or_phones(name),
            read: false,
        }
    }
}

/// Whether a column of such a name may hold long runs of digits, whatever it gives.
pub(super) fn may_hold_digits(name: &str) -> bool {
    Target::named(name).is_some_and(|target| target.may_hold_digits()) || is_of_ids_or_phones(name)
}

/// Whether a column that is not read holds ids or phone numbers by its name.
fn is_of_ids_or_phones(name: &str) -> bool {
    const WORDS: [&str; 16] = [
        "id",
        "ids",
        "uuid",
        "guid",
        "key",
        "token",
        "ref",
        "reference",
        "phone",
        "telephone",
        "tel",
        "mobile",
        "fax",
        "fingerprint",
        "imei",
        "pmclone",
    ];
    let lower = name.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| WORDS.contains(&word))
}

/// Whether a header's name is one that is known: to find out what stands between columns.
pub(super) fn is_known(name: &str, reading: &Reading) -> bool {
    let folded = fold(name);
    let named = |text: &str| {
        pieces(text).is_ok_and(|all| {
            all.iter()
                .any(|piece| matches!(piece, Piece::Column(column) if fold(column) == folded))
        })
    };
    let of_a_profile = |profile: Profile| profile.needs().iter().any(|need| fold(need) == folded);
    !folded.is_empty()
        && (Target::named(name).is_some()
            || fields::synonym(name).is_some()
            || reading.columns.iter().any(|(_, text)| named(text))
            || Profile::all().any(of_a_profile))
}
