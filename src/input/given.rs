//! What the columns of a file, and of those joined to it, give: gathered field by field, the first that gives one keeps it.

use super::columns::{Column, Layout, Side};
use super::fields::{self, Field, Target};
use super::header::Header;
use super::oddity::metadata_oddity;
use super::problem::Problem;
use super::profile::Profile;
use super::reading::{Choice, Reading};
use super::template::{Piece, Template, pieces};
use super::words::Nulls;
use super::wrong_file::Why;

/// What is given, while it is gathered.
pub(super) struct Given<'a> {
    pub(super) header: &'a Header,
    pub(super) sides: &'a [Side<'a>],
    /// In the order of taking.
    pub(super) targets: Vec<(Target, Template)>,
    pub(super) notes: Vec<String>,
}

impl<'a> Given<'a> {
    pub(super) fn new(header: &'a Header, sides: &'a [Side<'a>]) -> Self {
        Self {
            header,
            sides,
            targets: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn has(&self, target: &Target) -> bool {
        self.targets.iter().any(|(each, _)| each == target)
    }

    pub(super) fn of(&self, target: &Target) -> Option<&Template> {
        let given = self.targets.iter().find(|(each, _)| each == target);
        given.map(|(_, template)| template)
    }

    pub(super) fn is_read(&self, column: usize) -> bool {
        let mut templates = self.targets.iter().map(|(_, template)| template);
        templates.any(|template| template.parts.iter().any(|(_, part)| *part == column))
    }

    /// Where a joined file's columns begin among all.
    pub(super) fn start_of(&self, side: usize) -> usize {
        let before = self.sides.iter().take(side);
        self.header.names.len() + before.map(|side| side.header.names.len()).sum::<usize>()
    }

    /// The column of such a name: the file's own, or one of a joined file, which `accounts.csv:name` names for certain.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.find_before(name, self.sides.len())
    }

    pub(super) fn find_before(&self, name: &str, sides: usize) -> Option<usize> {
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
    pub(super) fn take_asked(&mut self, reading: &Reading) -> Result<(), Why> {
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

    pub(super) fn missing(&self, field: &str, name: &str) -> String {
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
    pub(super) fn take_side(&mut self, at: usize) -> Result<(), Why> {
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
                Target::Field(Field::LegacyId) => false,
                Target::Metadata(_)
                | Target::Field(
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
    pub(super) fn take_own(&mut self, profile: Option<Profile>, choice: Choice) -> Result<(), Why> {
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
            let asked = choice == Choice::Given(profile);
            let note = format!(
                "{} as {} (--profile {profile}): {}",
                if asked { "read" } else { "recognised" },
                profile.title(),
                told.join(", ")
            );
            self.notes.insert(0, note);
            let seems = Profile::of_header(&self.header.names).filter(|other| *other != profile);
            if let Some(other) = seems.filter(|_| asked) {
                let note = format!(
                    "its header is that of {} (--profile {other})",
                    other.title()
                );
                self.notes.insert(1, note);
            }
        }
        Ok(())
    }

    /// A constant is the same on every line, whatever a column says; which of the two is meant is asked where both are.
    pub(super) fn take_constants(&mut self, reading: &Reading) -> Result<(), Why> {
        for (target, _) in &reading.constants {
            if reading.columns.iter().any(|(asked, _)| asked == target) {
                return Err(Why::ConstantAndColumn(target.name()));
            }
        }
        let is_constant =
            |target: &Target| reading.constants.iter().any(|(each, _)| each == target);
        self.targets.retain(|(target, _)| !is_constant(target));
        Ok(())
    }

    /// What gives a field in place of the column of its name, for people.
    pub(super) fn given_by(&self, target: &Target, reading: &Reading) -> Option<String> {
        if reading.constants.iter().any(|(each, _)| each == target) {
            return Some("--constant".to_owned());
        }
        let template = self.of(target)?;
        let Some(column) = template.single() else {
            return Some("--column".to_owned());
        };
        if let Some(own) = self.header.labels.get(column) {
            return Some(format!("column {own}"));
        }
        let sides = self.sides.iter().enumerate();
        sides
            .rev()
            .find(|(at, _)| self.start_of(*at) <= column)
            .map(|(_, side)| side.join.file.display().to_string())
    }

    /// What is looked up in a joined file.
    pub(super) fn key(&self, at: usize, side: &Side<'_>) -> Result<Template, Why> {
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

    /// What a file without cards, or without accounts, comes to.
    pub(super) fn gap(&self, reading: &Reading) -> Option<String> {
        let has = |field| {
            let target = Target::Field(field);
            let mut values = reading.constants.iter().chain(&reading.defaults);
            self.has(&target) || values.any(|(each, _)| *each == target)
        };
        let name = "name a column with --column, or join a file that has it (--join)";
        let one_for_all = "or give one for all, --constant connected_account=acct_…";
        match (has(Field::PaymentMethod), has(Field::ConnectedAccount)) {
            (true, true) => None,
            (false, true) => Some(format!(
                "no column gives payment_method, so no card is moved: {name}"
            )),
            (true, false) => Some(format!(
                "no column gives connected_account, so nothing is cloned: {name}, {one_for_all}"
            )),
            (false, false) => Some(format!(
                "no column gives payment_method or connected_account, so no card is moved: {name}"
            )),
        }
    }

    pub(super) fn metadata_oddities(&self) -> Vec<Problem> {
        let wrong = self.targets.iter().filter_map(|(target, template)| {
            let Target::Metadata(key) = target else {
                return None;
            };
            let label = self.header.labels.get(template.single()?)?;
            metadata_oddity(key, label)
        });
        wrong.collect()
    }

    pub(super) fn into_layout(self, reading: &Reading, keys: Vec<Template>) -> Layout {
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

type Found = Vec<(Target, Template)>;

/// What a header gives by the names of its columns.
fn of_names(header: &Header) -> Result<Found, Why> {
    let mut found: Found = Vec::new();
    for (column, name) in header.names.iter().enumerate() {
        let Some(target) = Target::named(name) else {
            continue;
        };
        if found.iter().any(|(each, _)| *each == target) {
            return Err(Why::TwoColumns(header.label(column)));
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
