//! From headers to a layout: which column gives what, what was assumed of them, and what a header that is not known may mean.
//!
//! For each field, what is asked for by name comes first; then a column of a joined file; then one of the file itself, by its own name
//! or as a profile says.

use super::fields::{self, Closeness, Field, Target, fold};
use super::header::Header;
use super::problem::{Problem, ProblemKind};
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
    given.take_own(profile)?;
    if !given.has(&Target::Field(Field::LegacyId)) {
        return Err(no_legacy_id(header, &given));
    }
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
    let mut layout = given.into_layout(reading, keys);
    layout.profile = profile;
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

/// What is given, while it is gathered.
struct Given<'a> {
    header: &'a Header,
    sides: &'a [Side<'a>],
    /// In the order of taking.
    targets: Vec<(Target, Template)>,
    notes: Vec<String>,
}

impl<'a> Given<'a> {
    fn new(header: &'a Header, sides: &'a [Side<'a>]) -> Self {
        Self {
            header,
            sides,
            targets: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn has(&self, target: &Target) -> bool {
        self.targets.iter().any(|(each, _)| each == target)
    }

    fn of(&self, target: &Target) -> Option<&Template> {
        let given = self.targets.iter().find(|(each, _)| each == target);
        given.map(|(_, template)| template)
    }

    fn is_read(&self, column: usize) -> bool {
        let mut templates = self.targets.iter().map(|(_, template)| template);
        templates.any(|template| template.parts.iter().any(|(_, part)| *part == column))
    }

    /// Where a joined file's columns begin among all.
    fn start_of(&self, side: usize) -> usize {
        let before = self.sides.iter().take(side);
        self.header.names.len() + before.map(|side| side.header.names.len()).sum::<usize>()
    }

    /// The column of such a name: the file's own, or one of a joined file, which `accounts.csv:name` names for certain.
    fn find(&self, name: &str) -> Option<usize> {
        self.find_before(name, self.sides.len())
    }

    fn find_before(&self, name: &str, sides: usize) -> Option<usize> {
        if let Some(own) = self.header.find(name) {
            return Some(own);
        }
        let mut sides = self.sides.iter().enumerate().take(sides);
        sides.find_map(|(at, side)| {
            let file = side.join.file.display().to_string();
            let here = name
                .strip_prefix(&file)
                .and_then(|rest| rest.strip_prefix(':'));
            let column = side.header.find(here.unwrap_or(name))?;
            Some(self.start_of(at) + column)
        })
    }

    /// Takes what is asked for by name; all that is missing is told at once.
    fn take_asked(&mut self, reading: &Reading) -> Result<(), Why> {
        let mut missing = Vec::new();
        for (target, text) in &reading.columns {
            let field = target.name();
            let all = pieces(text).map_err(|why| Why::BadTemplate {
                field: field.clone(),
                why,
            })?;
            let unknown = all.iter().filter_map(|piece| match piece {
                Piece::Column(name) if self.find(name).is_none() => {
                    Some(self.missing(&field, name))
                }
                Piece::Column(_) | Piece::Text(_) => None,
            });
            missing.extend(unknown.collect::<Vec<_>>());
            if let Some(template) = Template::new(all, |name| self.find(name)) {
                self.targets.push((target.clone(), template));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Why::NoColumn(missing.join("; ")))
    }

    fn missing(&self, field: &str, name: &str) -> String {
        let sides = self.sides.iter().flat_map(|side| &side.header.labels);
        let labels = self.header.labels.iter().chain(sides);
        let near = fields::nearest(name, labels.map(String::as_str));
        let near = near.map(|near| format!("; the nearest is {near:?}"));
        format!(
            "no column {name:?}, which is named for {field}{}",
            near.unwrap_or_default()
        )
    }

    /// Takes from a joined file what its header, or its profile, gives. Contact details of an unknown file may be an
    /// account's, not the customer's: they are taken only where they are asked for.
    fn take_side(&mut self, at: usize) -> Result<(), Why> {
        let Some(side) = self.sides.get(at) else {
            return Ok(());
        };
        let start = self.start_of(at);
        let found = match side.profile {
            Some(profile) => of_profile(profile, side.header)?,
            None => of_names(side.header)?,
        };
        let file = side.join.file.display();
        let mut fields = Vec::new();
        for (target, template) in found {
            let allowed = match &target {
                Target::Metadata(_) => true,
                Target::Field(Field::LegacyId) => false,
                Target::Field(
                    Field::PlatformCustomer
                    | Field::PaymentMethod
                    | Field::DefaultPaymentMethod
                    | Field::IsDefault
                    | Field::ConnectedAccount,
                ) => true,
                Target::Field(_) => side.profile.is_some(),
            };
            let is_key = template.single() == Some(side.key.column);
            if allowed && !is_key && !self.has(&target) {
                fields.push(target.name());
                self.targets.push((target, template.moved(start)));
            }
        }
        let mut read =
            (start..start + side.header.names.len()).filter(|column| self.is_read(*column));
        if read.next().is_none() {
            return Err(Why::JoinGivesNothing {
                file: file.to_string(),
            });
        }
        let as_what = side
            .profile
            .map(|profile| format!(", recognised as {} ({profile})", profile.title()));
        let key = side
            .header
            .labels
            .get(side.key.column)
            .map_or("", String::as_str);
        let gives = if fields.is_empty() {
            String::new()
        } else {
            format!("; gives {}", fields.join(", "))
        };
        self.notes.push(format!(
            "{file}{} is joined by its column {key} on {}{gives}",
            as_what.unwrap_or_default(),
            side.key.on
        ));
        Ok(())
    }

    /// Takes what the file itself gives.
    fn take_own(&mut self, profile: Option<Profile>) -> Result<(), Why> {
        let found = match profile {
            Some(profile) => of_profile(profile, self.header)?,
            None => of_names(self.header)?,
        };
        let mut told = Vec::new();
        for (target, template) in found {
            if self.has(&target) {
                continue;
            }
            if let Some(column) = template.single() {
                let label = self.header.labels.get(column).map_or("", String::as_str);
                told.push(format!("{} from {label}", target.name()));
            } else {
                told.push(format!("{} from several columns", target.name()));
            }
            self.targets.push((target, template));
        }
        if let Some(profile) = profile {
            let note = format!(
                "recognised as {} (--profile {profile}): {}",
                profile.title(),
                told.join(", ")
            );
            self.notes.insert(0, note);
        }
        Ok(())
    }

    /// What is looked up in a joined file.
    fn key(&self, at: usize, side: &Side<'_>) -> Result<Template, Why> {
        let nowhere = || Why::NoJoinKey {
            file: side.join.file.display().to_string(),
            on: side.key.on.clone(),
        };
        let start = self.start_of(at);
        if let Some(template) = Target::named(&side.key.on).and_then(|target| self.of(&target)) {
            // A key cannot come out of what is looked up with it.
            let known = template.parts.iter().all(|(_, column)| *column < start);
            return if known {
                Ok(template.clone())
            } else {
                Err(nowhere())
            };
        }
        let column = self.find_before(&side.key.on, at);
        column.map(Template::column).ok_or_else(nowhere)
    }

    fn metadata_oddities(&self) -> Vec<Problem> {
        let wrong = self.targets.iter().filter_map(|(target, template)| {
            let Target::Metadata(key) = target else {
                return None;
            };
            let label = self.header.labels.get(template.single()?)?;
            metadata_oddity(key, label)
        });
        wrong.collect()
    }

    fn into_layout(self, reading: &Reading, keys: Vec<Template>) -> Layout {
        let own = self.header.names.len();
        let names = self.header.names.iter().zip(&self.header.labels);
        let mut columns: Vec<Column> = names
            .map(|(name, label)| Column::unread(name, label.clone()))
            .collect();
        for side in self.sides {
            let file = side.join.file.display();
            let names = side.header.names.iter().zip(&side.header.labels);
            columns
                .extend(names.map(|(name, label)| Column::unread(name, format!("{file}:{label}"))));
        }
        let mut derived = Vec::new();
        for key in &keys {
            for (_, part) in &key.parts {
                if let Some(column) = columns.get_mut(*part) {
                    column.may_hold_digits = true;
                }
            }
        }
        for (target, template) in self.targets {
            for (_, part) in &template.parts {
                if let Some(column) = columns.get_mut(*part) {
                    // A column that gives two things is as strict as the stricter.
                    column.may_hold_digits =
                        target.may_hold_digits() && (!column.read || column.may_hold_digits);
                    column.read = true;
                }
            }
            let free = template.single().and_then(|column| columns.get_mut(column));
            match free {
                Some(column) if column.target.is_none() => column.target = Some(target),
                Some(_) | None => derived.push((target, template)),
            }
        }
        let otherwise = reading.constants.iter().chain(&reading.defaults);
        Layout {
            own,
            columns,
            derived,
            otherwise: otherwise.cloned().collect(),
            nulls: Nulls::new(&reading.null_words),
            profile: None,
            keys,
            notes: self.notes,
        }
    }
}

impl Column {
    fn unread(name: &str, label: String) -> Self {
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

type Found = Vec<(Target, Template)>;

/// What a header gives by the names of its columns.
fn of_names(header: &Header) -> Result<Found, Why> {
    let mut found: Found = Vec::new();
    for (column, name) in header.names.iter().enumerate() {
        let Some(target) = Target::named(name) else {
            continue;
        };
        if found.iter().any(|(each, _)| *each == target) {
            return Err(Why::TwoColumns(label(header, column)));
        }
        found.push((target, Template::column(column)));
    }
    Ok(found)
}

/// What a header gives as a profile says.
fn of_profile(profile: Profile, header: &Header) -> Result<Found, Why> {
    let mut found: Found = Vec::new();
    for (field, text) in profile.gives() {
        let all = pieces(text).map_err(|why| Why::BadTemplate {
            field: field.name().to_owned(),
            why,
        })?;
        if let Some(template) = Template::new(all, |name| header.find(name)) {
            found.push((Target::Field(*field), template));
        }
    }
    for (column, name) in header.names.iter().enumerate() {
        let key = profile.metadata_key(name);
        // A marker of an earlier migration is not the customer's own.
        if let Some(key) = key.filter(|key| fields::wrong_metadata_key(key).is_none()) {
            found.push((Target::Metadata(key.to_owned()), Template::column(column)));
        } else if let Some(Target::Field(Field::ConnectedAccount)) = Target::named(name) {
            // Nobody's export has it: it was added for pmclone.
            found.push((
                Target::Field(Field::ConnectedAccount),
                Template::column(column),
            ));
        }
    }
    Ok(found)
}

fn label(header: &Header, column: usize) -> String {
    header.labels.get(column).cloned().unwrap_or_default()
}

fn no_legacy_id(header: &Header, given: &Given<'_>) -> Why {
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
    let candidate = unread.filter_map(|column| near(&column)).next();
    Why::NoLegacyId(candidate.map(|(column, _)| label(header, column)))
}

fn looks_like_data(name: &str) -> bool {
    let an_id = ["cus_", "pm_", "card_1", "acct_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let a_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    an_id || a_number || name.contains('@')
}

/// What is odd about a column of the file that gives nothing.
fn oddity(column: usize, given: &Given<'_>, reading: &Reading) -> Option<Problem> {
    let name = given.header.names.get(column)?;
    let label = given.header.labels.get(column)?;
    let found =
        |kind, what: String, remedy: String| Some(Problem::new(0, label, kind, what, remedy));
    let is_missing = |field| !given.has(&Target::Field(field));
    // Who names columns has seen the header: only what is nearly a field is worth a word.
    let named = !reading.columns.is_empty();
    match fields::suggestion(name, is_missing) {
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

fn metadata_oddity(key: &str, label: &str) -> Option<Problem> {
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
