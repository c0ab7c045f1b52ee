//! How a file is to be read: what `pmclone.toml` and the command line say of it, checked, as a value.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::encoding::Encoding;
use super::fields::Target;
use super::profile::Profile;
use super::words::NullWords;

/// How a file is to be read. What is left open is recognised, and said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reading {
    /// Fields and the headers, or templates of headers, that give them.
    pub columns: Vec<(Target, String)>,
    /// Fields that have one value on every line.
    pub constants: Vec<(Target, String)>,
    /// Values of fields that a line leaves empty.
    pub defaults: Vec<(Target, String)>,
    /// Words that mean an empty cell.
    pub null_words: NullWords,
    /// The program that the file comes from.
    pub profile: Choice,
    /// Files whose columns are added to the lines.
    pub joins: Vec<Join>,
    /// `None`: recognised.
    pub encoding: Option<Encoding>,
    /// The character between columns. `None`: recognised.
    pub delimiter: Option<u8>,
    /// Files of lines that stand in place of the file's own; the later ones before the earlier.
    pub mended: Vec<PathBuf>,
}

/// Which profile applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// The one that the header shows.
    #[default]
    Recognised,
    /// None.
    Off,
    /// This one.
    Given(Profile),
}

/// A file whose columns are added to the lines, by a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Which.
    pub file: PathBuf,
    /// Its column that holds the key. `None`: recognised.
    pub key: Option<String>,
    /// The field, or the column, of the lines that holds the key. `None`: recognised, or else `legacy_id`.
    pub on: Option<String>,
}

impl Reading {
    /// SHA-256 of all of it, in hexadecimal: a file that is read in another way is another file.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(text);
        let digits = digest.iter().map(|byte| format!("{byte:02x}"));
        digits.fold(String::new(), |hex, two| hex + &two)
    }

    /// All of it as a text, by which the same file is read in the same way later.
    pub fn kept(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Of such a text; `None` where it is none.
    pub fn of_kept(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How a file is read that `pmclone refused --csv` wrote with the CSV's own columns: it is UTF-8, its delimiter is recognised, and
    /// what was mended before stands in it.
    #[must_use]
    pub fn of_own_refused(&self) -> Self {
        Self {
            encoding: None,
            delimiter: None,
            mended: Vec::new(),
            ..self.clone()
        }
    }

    /// The files that are read beside the main one.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.joins.iter().map(|join| &join.file).chain(&self.mended)
    }
}

impl Join {
    /// `FILE`, `FILE:KEY` or `FILE:KEY=ON`. A file that has such a name as a whole is meant as a whole.
    pub fn parse(text: &str) -> Self {
        let whole = Self {
            file: PathBuf::from(text),
            key: None,
            on: None,
        };
        let Some((file, key)) = text.rsplit_once(':') else {
            return whole;
        };
        // `C:\files\accounts.csv`.
        if whole.file.exists() || key.contains(['/', '\\']) || key.is_empty() {
            return whole;
        }
        let (key, on) = match key.split_once('=') {
            Some((key, on)) => (key, Some(on.trim().to_owned())),
            None => (key, None),
        };
        Self {
            file: PathBuf::from(file),
            key: Some(key.trim().to_owned()),
            on,
        }
    }
}
