//! How a CSV is to be read, of `pmclone.toml` and the command line: an argument beats the file, field by field.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, Toml};
use crate::cli;
use crate::failure::Failure;
use crate::input::{Choice, Encoding, Join, NullWords, Profile, Reading, Target};

/// `join` in the file: `"accounts.csv"`, or a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a file's name, or { file, key, on }")]
pub enum FileJoin {
    /// As after `--join`.
    Name(String),
    /// With its key.
    Table(JoinTable),
}

/// A joined file with its key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinTable {
    file: PathBuf,
    key: Option<String>,
    on: Option<String>,
}

impl From<&FileJoin> for Join {
    fn from(join: &FileJoin) -> Self {
        match join {
            FileJoin::Name(name) => Self::parse(name),
            FileJoin::Table(table) => Self {
                file: table.file.clone(),
                key: table.key.clone(),
                on: table.on.clone(),
            },
        }
    }
}

type Values = Vec<(Target, String)>;

impl Config {
    /// How the CSV is to be read.
    pub fn reading(&self, input: &cli::Input) -> Result<Reading, Failure> {
        Self::reading_by(&self.from_file, input)
    }

    /// How a file is to be read that pmclone has written itself: what the configuration file says of the CSV is not about it.
    pub fn reading_of_ours(input: &cli::Input) -> Result<Reading, Failure> {
        Self::reading_by(&Toml::default(), input)
    }

    fn reading_by(file: &Toml, input: &cli::Input) -> Result<Reading, Failure> {
        let profile = input.profile.as_deref().or(file.profile.as_deref());
        let encoding = input.encoding.as_deref().or(file.encoding.as_deref());
        let delimiter = input.delimiter.as_deref().or(file.delimiter.as_deref());
        let joins = if input.joins.is_empty() {
            file.join.iter().map(Join::from).collect()
        } else {
            input.joins.iter().map(|join| Join::parse(join)).collect()
        };
        let (column, constant, default) = (
            Kind("column", Target::of_settings),
            Kind("constant", Target::of_value),
            Kind("default", Target::of_value),
        );
        Ok(Reading {
            columns: column.values(&input.columns, &file.columns)?,
            constants: constant.values(&input.constants, &file.constants)?,
            defaults: default.values(&input.defaults, &file.defaults)?,
            null_words: null_words(input, file.null_words.as_ref()),
            profile: profile.map_or(Ok(Choice::Recognised), choice)?,
            joins,
            encoding: encoding.map(named_encoding).transpose()?,
            delimiter: delimiter.map(named_delimiter).transpose()?,
            mended: input.mended.clone(),
        })
    }
}

/// `--column` and `[columns]`, say, and the fields that they can be of.
struct Kind(&'static str, fn(&str) -> Result<Target, String>);

impl Kind {
    /// What the arguments give, and what the file gives of other fields.
    fn values(
        &self,
        arguments: &[String],
        file: &BTreeMap<String, String>,
    ) -> Result<Values, Failure> {
        let option = self.0;
        let mut values: Values = Vec::new();
        for argument in arguments {
            let place = format!("--{option}");
            let (name, value) = argument.split_once('=').ok_or_else(|| {
                let example = format!("--{option} email=\"E-Mail\"");
                Failure::usage(format!(
                    "{place} {argument:?}: expected FIELD=VALUE, as in {example}"
                ))
            })?;
            let target = self.target(name.trim(), &place)?;
            if values.iter().any(|(each, _)| *each == target) {
                let twice = format!("{place}: {} is given twice", target.name());
                return Err(Failure::usage(twice));
            }
            values.push((target, value.trim().to_owned()));
        }
        for (name, value) in file {
            let target = self.target(name, &format!("[{option}s] in the configuration file"))?;
            if !values.iter().any(|(each, _)| *each == target) {
                values.push((target, value.clone()));
            }
        }
        Ok(values)
    }

    fn target(&self, name: &str, place: &str) -> Result<Target, Failure> {
        (self.1)(name).map_err(|why| Failure::usage(format!("{place}: {why}")))
    }
}

fn null_words(input: &cli::Input, file: Option<&Vec<String>>) -> NullWords {
    if !input.null_words.is_empty() {
        return NullWords::Only(input.null_words.clone());
    }
    file.map_or(NullWords::Usual, |words| NullWords::Only(words.clone()))
}

fn choice(name: &str) -> Result<Choice, Failure> {
    if name == "none" {
        return Ok(Choice::Off);
    }
    Profile::named(name).map(Choice::Given).ok_or_else(|| {
        let known: Vec<_> = Profile::all().map(Profile::name).collect();
        Failure::usage(format!(
            "there is no profile {name:?}; there are {} and none",
            known.join(", ")
        ))
    })
}

fn named_encoding(label: &str) -> Result<Encoding, Failure> {
    Encoding::named(label).ok_or_else(|| {
        Failure::usage(format!(
            "{label:?} is no encoding that is known; write its usual name, as in utf-8, windows-1252, utf-16le, iso-8859-15"
        ))
    })
}

fn named_delimiter(text: &str) -> Result<u8, Failure> {
    match text {
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "tab" | "\\t" => Ok(b'\t'),
        "bar" | "pipe" => Ok(b'|'),
        _ => match text.as_bytes() {
            [byte] if !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r') => {
                Ok(*byte)
            }
            _ => Err(Failure::usage(format!(
                "{text:?} cannot stand between columns: name comma, semicolon, tab, bar, or one character"
            ))),
        },
    }
}
