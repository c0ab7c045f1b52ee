//! Why a file as a whole cannot be imported: one sentence each, saying what it is and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::bytes::OFFICE;
use super::fields::fold;
use super::profile::Profile;

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
    /// A gzip archive that is damaged, or not all there.
    #[error("is a gzip archive that is damaged or was cut off ({0}): fetch or pack it again")]
    Damaged(io::Error),
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
    /// Text in UTF-32.
    #[error("is text in {0}: save it as \"CSV UTF-8\", or convert it with `iconv -f {0} -t UTF-8`")]
    WideText(&'static str),
    /// A header that is not UTF-8.
    #[error(
        "has a header that is not UTF-8: save the file as \"CSV UTF-8\", or say what it is in, as in --encoding windows-1252"
    )]
    NotUtf8,
    /// Not text.
    #[error("is not text: name a CSV file")]
    Binary,
    /// An export of payments.
    #[error(
        "is an export of payments, with a line for each charge: export the customers instead (Dashboard, Customers, Export)"
    )]
    Payments,
    /// A profile was asked for, and the file is none of its files.
    #[error(
        "has no column {column}, which every file of --profile {profile} has: name another profile, or leave it out"
    )]
    NotOfProfile {
        /// The one asked for.
        profile: Profile,
        /// A column that is missing.
        column: &'static str,
    },
    /// Columns that were asked for by name and are not there.
    #[error(
        "has {0}: correct --column, or [columns] in pmclone.toml (`pmclone columns` shows the header)"
    )]
    NoColumn(String),
    /// A template that cannot be read.
    #[error("cannot be read as asked for: what is named for {field} {why}")]
    BadTemplate {
        /// The field that it is for.
        field: String,
        /// What is wrong, as a clause.
        why: &'static str,
    },
    /// A field that has both a column and a constant.
    #[error(
        "cannot be read as asked for: {0} is given by --column and by --constant. Leave one out, or say --default for the lines that leave it empty"
    )]
    ConstantAndColumn(String),
    /// A constant or a default that no line could have.
    #[error(
        "cannot be read as asked for: the value given for {field} on every line: {what}. Correct --constant or --default, or [constants] or [defaults] in pmclone.toml"
    )]
    BadValue {
        /// The field that it is for.
        field: String,
        /// What is wrong, as a clause.
        what: String,
    },
    /// A joined file whose key is not known.
    #[error(
        "has no column that could be the key of the lines: name it, as in --join {0}:customer_id, or --join {0}:customer_id=legacy_id with what holds the same on the lines"
    )]
    NoKey(String),
    /// A key of a joined file that the lines do not have.
    #[error(
        "cannot be joined with {file}: nothing on its lines gives {on}, which the key is compared with"
    )]
    NoJoinKey {
        /// The joined file.
        file: String,
        /// What the key was to be compared with.
        on: String,
    },
    /// A joined file of which nothing is read.
    #[error(
        "is joined with {file}, and nothing of it is read: say which of its columns is what, as in --column connected_account=account_id"
    )]
    JoinGivesNothing {
        /// The joined file.
        file: String,
    },
    /// A key of a joined file that is not UTF-8.
    #[error("has bytes that are not UTF-8 in its key on line {line}: correct the cell")]
    JoinUtf8 {
        /// The physical line that the record begins on.
        line: u64,
    },
    /// A line of a joined file with more or fewer cells than its header.
    #[error(
        "has {found} cells on line {line}, where its header has {expected}: correct the line, as its cells may be shifted"
    )]
    JoinShape {
        /// The physical line that the record begins on.
        line: u64,
        /// Cells on the line.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// The temporary file that a joined file is brought into.
    #[error(
        "cannot be indexed in a temporary file ({0}): is the disk of the temporary directory full?"
    )]
    Index(String),
    /// Nobody wants its lines any more.
    #[error("was not read to its end, since the command was interrupted")]
    Stopped,
    /// A file of mended lines that is none.
    #[error(
        "is no file of mended lines: it has no columns pmclone_line and pmclone_problem in front of the others. `--problems FILE` writes one"
    )]
    NotMended,
    /// A file of mended lines of a file with other columns.
    #[error(
        "has other columns than {0}, whose lines it mends: correct a header in that file itself"
    )]
    MendedElse(String),
    /// A workbook that cannot be read.
    #[error("cannot be read as an Excel workbook ({0}): {OFFICE}")]
    Workbook(String),
    /// JSON that is no mapping of Stripe's.
    #[error(
        "is JSON, but not a mapping as Stripe gives it back after an import ({0}): export it as CSV"
    )]
    Nested(String),
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
        // The Dashboard lets its columns be chosen, and only this one is sure.
        Some(name) if fold(name) == "id" => format!(
            ": if that is the column {name}, say --column legacy_id={name:?}; if the file is the Dashboard's export of customers, --profile stripe-customers"
        ),
        Some(name) => format!(": if that is the column {name}, say --column legacy_id={name:?}"),
        None => ": add one with the ids of your own system, or say which it is, as in --column legacy_id=\"Customer No\"".to_owned(),
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

impl From<rusqlite::Error> for Why {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(error.to_string())
    }
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        // What a reader behind a reader has to say.
        let error = match error.downcast::<Self>() {
            Ok(why) => return why,
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            // Files are read as they are: only what unpacks them has something to say of their content.
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData => Self::Damaged(error),
            _ => Self::Unreadable(error),
        }
    }
}
