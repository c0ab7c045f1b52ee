//! Why a file as a whole cannot be imported: one sentence each, saying what it is and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be imported at all.
#[derive(Debug, thiserror::Error)]
#[error("{} {why}", path.display())]
pub struct WrongFile {
    /// The file as it was named.
    pub path: PathBuf,
    /// What it is instead.
    pub why: Why,
}

/// What is wrong with a file as a whole. Each text goes on from the file's name.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// `-`.
    #[error(
        "(standard input) cannot be imported, as a run that goes on later may have to read it again: save it to a file and name that"
    )]
    StandardInput,
    /// No such file.
    #[error("does not exist: check the path")]
    Missing,
    /// A directory.
    #[error("is a directory: name the CSV file inside it")]
    Directory,
    /// A pipe, a socket or a device.
    #[error(
        "is a pipe or a device, which can be read only once or never ends: save what it gives to a file and name that"
    )]
    NotRegular,
    /// It cannot be opened, or reading failed on the way.
    #[error("cannot be read ({0}): check its permissions and the disk")]
    Unreadable(io::Error),
    /// Nothing in it, or only blank lines.
    #[error("is empty: was the export finished?")]
    Empty,
    /// A header and nothing below it.
    #[error("has a header but no lines below it: was the export finished?")]
    HeaderOnly,
    /// A known format that is not CSV.
    #[error("is {format}, not CSV: {remedy}")]
    OtherFormat {
        /// What it is, with an article.
        format: &'static str,
        /// How to make CSV of it.
        remedy: &'static str,
    },
    /// Text in UTF-16 or UTF-32.
    #[error("is text in {0}: save it as \"CSV UTF-8\", or convert it with `iconv -f {0} -t UTF-8`")]
    WideText(&'static str),
    /// Bytes above 127 that are not UTF-8.
    #[error(
        "is not UTF-8 but most likely Windows-1252 (what Excel's plain \"CSV\" writes): save it as \"CSV UTF-8\", or convert it with `iconv -f WINDOWS-1252 -t UTF-8`"
    )]
    NotUtf8,
    /// Not text.
    #[error("is not text: name a CSV file")]
    Binary,
    /// Another separator than the comma.
    #[error("has its columns separated by {0}: save it with commas between the columns")]
    Separator(&'static str),
    /// Excel's own first line, `sep=…`.
    #[error(
        "begins with a line \"sep=…\", which only Excel understands: remove that line, and separate the columns by commas"
    )]
    SeparatorLine,
    /// Data on the first line.
    #[error(
        "has no header: put a first line above the data that names the columns, beginning with legacy_id"
    )]
    NoHeader,
    /// No column says whose line it is.
    #[error("has no column legacy_id, which says whose each line is{}", candidate(.0.as_deref()))]
    NoLegacyId(Option<String>),
    /// Two columns of one name.
    #[error("has two columns named {0}: remove one, or rename it")]
    TwoColumns(String),
    /// A column that names card numbers or security codes.
    #[error(
        "has a column {0}, which by its name holds card numbers or security codes: remove that column at its source. pmclone must never read them and needs none; nothing of the file is kept"
    )]
    CardColumn(String),
    /// A cell that holds what passes for a card number.
    #[error(
        "holds what looks like a card number on line {line}, column {column}: remove it at its source. pmclone must never read card numbers and needs none; nothing of the file is kept"
    )]
    CardNumber {
        /// The physical line that the record begins on.
        line: u64,
        /// The column's name or number.
        column: String,
    },
    /// A record that does not end.
    #[error(
        "has a record on line {line} that goes on for over 1 MiB: look there for a quote that is not closed, or for a file without line breaks"
    )]
    EndlessRecord {
        /// The physical line that the record begins on.
        line: u64,
    },
}

fn candidate(column: Option<&str>) -> String {
    match column {
        Some(name) => format!(": if that is the column {name}, rename it"),
        None => ": add one with the ids of your own system".to_owned(),
    }
}

impl Why {
    /// Says it of a file.
    pub(super) fn of(self, path: &Path) -> WrongFile {
        WrongFile {
            path: path.to_owned(),
            why: self,
        }
    }
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable(error),
        }
    }
}
