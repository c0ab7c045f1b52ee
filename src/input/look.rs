//! What a file looks like, for somebody who is about to say how it is to be read: values are masked, card numbers refused.

use std::path::Path;

use serde::Serialize;

use super::columns::{self, Layout, Side};
use super::fields::{self, Field, Target, fold};
use super::header::Header;
use super::join::Joined;
use super::reading::Reading;
use super::source::{self, Kind};
use super::words::{NullWords, Nulls};
use super::wrong_file::{Why, WrongFile};
use super::{asked, card, cell, header};
use crate::input::Encoding;

/// Lines that are looked at.
const LINES: u64 = 1_000;
/// Values that are shown of each column.
const VALUES: usize = 3;
/// Characters that are shown of a value.
const VALUE_CHARS: usize = 32;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Look {
    /// How it is read, and what was recognised.
    pub notes: Vec<String>,
    /// The encoding, where it is text.
    pub encoding: Option<Encoding>,
    /// The character between columns, where it is text.
    pub delimiter: Option<char>,
    /// The profile that was recognised or asked for.
    pub profile: Option<&'static str>,
    /// The physical line of the header.
    pub header_line: u64,
    /// Its columns.
    pub columns: Vec<Seen>,
    /// Lines looked at.
    pub lines: u64,
    /// Why it cannot be read as it stands, if it cannot.
    pub wrong: Option<String>,
}

/// A column.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// Its header, or its number.
    pub header: String,
    /// The fields that it gives, or is a part of.
    pub gives: Vec<String>,
    /// Where it gives none: the field that it may be, by its name or by its values.
    pub guess: Option<String>,
    /// Whether the guess is by ids of Stripe's, which are nothing else.
    pub certain: bool,
    /// Some of its values, masked.
    pub values: Vec<String>,
}

/// Looks at a file.
pub fn at(path: &Path, reading: &Reading) -> Result<Look, WrongFile> {
    let of = |why: Why| why.of(path);
    let is_known = |name: &str| columns::is_known(name, reading);
    let mut opened = source::open(path, asked(reading, &is_known)).map_err(of)?;
    let header = header(&mut opened.records).map_err(of)?;
    let mut samples: Vec<Sample> = header.names.iter().map(|name| Sample::of(name)).collect();
    let mut lines = 0;
    while lines < LINES {
        let Some(record) = opened.records.next().map_err(of)? else {
            break;
        };
        if record.is_blank() {
            continue;
        }
        lines += 1;
        for (at, value) in record.cells().enumerate() {
            let may = samples.get(at).is_some_and(|sample| sample.may_hold_digits);
            if !may && card::holds_number(value) {
                let label = header.labels.get(at).cloned();
                let column = label.unwrap_or_else(|| (at + 1).to_string());
                let line = record.line;
                return Err(of(Why::CardNumber { line, column }));
            }
            if let Some(sample) = samples.get_mut(at) {
                sample.take(&String::from_utf8_lossy(value));
            }
        }
    }
    let joins = reading.joins.iter();
    let joined: Vec<Joined> = joins
        .map(|join| Joined::open(join, &header))
        .collect::<Result<_, _>>()?;
    let sides: Vec<Side<'_>> = joined.iter().map(Joined::side).collect();
    let resolved = columns::resolve(&header, &sides, reading);
    let (layout, wrong) = match resolved {
        Ok((layout, _)) => (Some(layout), None),
        Err(why) => (None, Some(why.of(path).to_string())),
    };
    let (encoding, delimiter) = match &opened.kind {
        Kind::Text { form, delimiter } => (Some(form.encoding), Some(char::from(*delimiter))),
        Kind::Workbook { .. } | Kind::Nested => (None, None),
    };
    let mut notes = vec![opened.kind.told()];
    notes.extend(
        layout
            .iter()
            .flat_map(|layout| layout.notes.iter().cloned()),
    );
    let profile = layout.as_ref().and_then(|layout| layout.profile);
    Ok(Look {
        notes,
        encoding,
        delimiter,
        profile: profile.map(super::Profile::name),
        header_line: header.line,
        columns: seen(&header, samples, layout.as_ref()),
        lines,
        wrong,
    })
}

fn seen(header: &Header, samples: Vec<Sample>, layout: Option<&Layout>) -> Vec<Seen> {
    let columns = header.names.iter().zip(&header.labels).zip(samples);
    let columns = columns.enumerate().map(|(at, ((name, label), sample))| {
        let gives = match layout {
            Some(layout) => given(layout, at),
            None => Target::named(name).iter().map(Target::name).collect(),
        };
        let guess = if gives.is_empty() {
            sample.guess()
        } else {
            None
        };
        let by_name = fields::suggestion(name, |_| gives.is_empty()).map(|(field, _)| field);
        Seen {
            header: label.clone(),
            certain: guess.is_some_and(|field| field != Field::Email),
            guess: guess.or(by_name).map(|field| field.name().to_owned()),
            gives,
            values: sample.masked,
        }
    });
    columns.collect()
}

/// The fields that a column gives, or is a part of.
fn given(layout: &Layout, column: usize) -> Vec<String> {
    let own = layout
        .columns
        .get(column)
        .and_then(|column| column.target.as_ref());
    let derived = layout
        .derived
        .iter()
        .filter(|(_, template)| template.parts.iter().any(|(_, part)| *part == column));
    own.into_iter()
        .chain(derived.map(|(target, _)| target))
        .map(Target::name)
        .collect()
}

/// Some of a column's values.
struct Sample {
    nulls: Nulls,
    may_hold_digits: bool,
    masked: Vec<String>,
    /// How many values there are, and how many are ids of each kind, or e-mail addresses.
    values: u32,
    kinds: [u32; KINDS.len()],
}

/// What values can be known by.
const KINDS: [(&[&str], Field); 4] = [
    (&["cus_"], Field::PlatformCustomer),
    (&["pm_", "card_", "ba_"], Field::PaymentMethod),
    (&["acct_"], Field::ConnectedAccount),
    (&[], Field::Email),
];

impl Sample {
    fn of(name: &str) -> Self {
        Self {
            nulls: Nulls::new(&NullWords::Usual),
            may_hold_digits: columns::may_hold_digits(name),
            masked: Vec::new(),
            values: 0,
            kinds: [0; KINDS.len()],
        }
    }

    fn take(&mut self, value: &str) {
        let value = cell::trim(value);
        if value.is_empty() || self.nulls.has(value) {
            return;
        }
        self.values += 1;
        let parts = cell::parts(value);
        for (count, (prefixes, _)) in self.kinds.iter_mut().zip(KINDS) {
            let is_one = if prefixes.is_empty() {
                cell::email(value).is_ok()
            } else {
                let begins = |part: &str| prefixes.iter().any(|prefix| part.starts_with(prefix));
                parts.iter().all(|part| begins(cell::trim(part)))
            };
            *count += u32::from(is_one);
        }
        let masked = mask(value);
        if self.masked.len() < VALUES && !self.masked.contains(&masked) {
            self.masked.push(masked);
        }
    }

    /// What all of its values are.
    fn guess(&self) -> Option<Field> {
        let mut kinds = self.kinds.iter().zip(KINDS);
        let all = kinds.find(|(count, _)| **count > 0 && **count == self.values);
        all.map(|(_, (_, field))| field)
    }
}

/// A value's shape: letters become x, digits 9, prefixes of Stripe's ids stay.
fn mask(value: &str) -> String {
    const PREFIXES: [&str; 8] = [
        "cus_", "pm_", "card_", "ba_", "src_", "acct_", "tok_", "sub_",
    ];
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut shape = String::new();
    for part in value.split_inclusive(|c| !of_word(c)) {
        let prefix = PREFIXES.iter().find(|prefix| part.starts_with(**prefix));
        let (prefix, rest) = part.split_at(prefix.map_or(0, |prefix| prefix.len()));
        shape.push_str(prefix);
        shape.extend(rest.chars().map(masked));
    }
    let chars = value.chars().count();
    if chars > VALUE_CHARS {
        let shown: String = shape.chars().take(VALUE_CHARS).collect();
        format!("{shown}… ({chars} characters)")
    } else {
        shape
    }
}

fn masked(c: char) -> char {
    match c {
        c if c.is_numeric() => '9',
        c if c.is_uppercase() => 'X',
        c if c.is_alphabetic() => 'x',
        c if c.is_control() => ' ',
        c => c,
    }
}

impl Look {
    /// A starting `pmclone.toml` for `file`.
    pub fn toml(&self, file: &Path) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut lines = vec![format!(
            "# How pmclone reads {}. Written by `pmclone columns`: check it, and edit it.",
            file.display()
        )];
        if let Some(encoding) = self.encoding {
            lines.push(format!("encoding = {}", text(encoding.name())));
        }
        if let Some(delimiter) = self.delimiter {
            lines.push(format!("delimiter = {}", text(&delimiter.to_string())));
        }
        let profile = self.profile.unwrap_or("none");
        lines.push(format!("profile = {}", text(profile)));
        lines.push(
            "# Words that mean an empty cell. Left out: NULL, N/A, - and the like.".to_owned(),
        );
        lines.push("# null_words = [\"NULL\", \"N/A\", \"-\"]".to_owned());
        lines.push("# Files whose columns are added to the lines with the same key.".to_owned());
        lines.push(
            "# join = [{ file = \"accounts.csv\", key = \"customer_id\", on = \"legacy_id\" }]"
                .to_owned(),
        );
        lines.push("\n# What each field is read from: a header, or a template as in \"{first_name} {last_name}\".".to_owned());
        lines.push("[columns]".to_owned());
        lines.extend(self.fields());
        let constants = [
            "\n# Values that are the same on every line.",
            "[constants]",
            "# connected_account = \"acct_…\"",
            "\n# Values for lines that leave a field empty.",
            "[defaults]",
            "# address_country = \"US\"",
        ];
        lines.extend(constants.map(str::to_owned));
        lines.push(String::new());
        lines.join("\n")
    }

    /// A line for each field, and one for each column that gives none.
    fn fields(&self) -> Vec<String> {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let (mut certain, mut open) = (Vec::new(), Vec::new());
        for (name, _) in fields::FIELDS {
            let of_field = |seen: &&Seen| seen.gives.iter().any(|given| given == name);
            let given: Vec<&Seen> = self.columns.iter().filter(of_field).collect();
            let guessed = self
                .columns
                .iter()
                .find(|seen| seen.guess.as_deref() == Some(name));
            match (given.as_slice(), guessed) {
                ([one], _) => certain.push(format!("{name} = {}", text(&one.header))),
                ([], Some(guess)) if guess.certain => {
                    certain.push(format!("{name} = {} # by its values", text(&guess.header)));
                }
                ([], Some(guess)) => {
                    open.push(format!(
                        "# {name} = {} # a guess: is it?",
                        text(&guess.header)
                    ));
                }
                ([], None) => open.push(format!("# {name} = \"\"")),
                (several, _) => {
                    let parts: Vec<_> = several
                        .iter()
                        .map(|seen| format!("{{{}}}", seen.header))
                        .collect();
                    certain.push(format!("{name} = {}", text(&parts.join(" "))));
                }
            }
        }
        for seen in &self.columns {
            for key in seen
                .gives
                .iter()
                .filter_map(|given| given.strip_prefix("metadata."))
            {
                let key = toml::Value::String(format!("metadata.{key}"));
                certain.push(format!("{key} = {}", text(&seen.header)));
            }
            if seen.gives.is_empty() && seen.guess.is_none() {
                let key = fold(&seen.header);
                open.push(format!("# \"metadata.{key}\" = {}", text(&seen.header)));
            }
        }
        certain.extend(open);
        certain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_but_for_their_shape() {
        assert_eq!(
            mask("Jürgen Müller-Lüdenscheidt"),
            "Xxxxxx Xxxxxx-Xxxxxxxxxxxx"
        );
        assert_eq!(mask("+49 170 1234567"), "+99 999 9999999");
        assert_eq!(mask("cus_A1b"), "cus_X9x");
        assert_eq!(mask(r#"["pm_1A", "card_2"]"#), r#"["pm_9X", "card_9"]"#);
        assert_eq!(mask("scar pm_1"), "xxxx pm_9");
        assert_eq!(mask("佐藤١"), "xx9");
        assert_eq!(
            mask(&"x".repeat(50)),
            format!("{}… (50 characters)", "x".repeat(32))
        );
    }
}
