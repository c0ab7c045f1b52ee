//! The CSV: from a path to checked lines, a line at a time, with all problems in one pass.
//!
//! ```text
//! bytes ──► records ──► columns (the header)
//! opened,   split,       │
//! counted,  numbered     ▼
//! digested      └─────► check ──► Line        ──► the store gathers lines per customer
//!                         └─────► Problems    ◄── and adds what is wrong between them
//! ```
//!
//! Nothing is kept of a line but what goes into its [`Line`]; memory does not grow with the file.
//!
//! Hazards: a cell may hold a card number (the import stops, the value is shown nowhere), a line may be shifted (what stands
//! in an id's place may be personal and is not shown), a quote may not be closed (a record is bounded).

mod between;
mod bytes;
mod card;
mod cell;
mod check;
mod columns;
mod problem;
mod records;
#[cfg(test)]
mod tests;
mod wrong_file;

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::problem::{Problem, ProblemKind, Problems, Severity};
pub use self::wrong_file::{Why, WrongFile};
use crate::legacy::Line;

/// Opens a CSV file and resolves its header.
pub fn open(path: &Path) -> Result<Reader, WrongFile> {
    let source = bytes::open(path).map_err(|why| why.of(path))?;
    Reader::new(path, source)
}

/// Reads the lines of one file.
pub struct Reader {
    path: PathBuf,
    records: records::Records,
    columns: Vec<columns::Column>,
    /// What is odd about the header, until the first call of `next` passes it on.
    of_header: Vec<Problem>,
    marked: bool,
    lines: u64,
    blank_lines: u64,
}

/// What is known of a file, for the plan and the state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceFacts {
    /// Bytes read so far: the file's size once `next` has returned `None`.
    pub bytes: u64,
    /// Records read so far, good and bad, without the header and without blank ones.
    pub lines: u64,
    /// SHA-256 of the bytes read so far, in hexadecimal: the file's once `next` has returned `None`.
    pub sha256: String,
    /// The columns that are read, as the header names them.
    pub columns: Vec<String>,
    /// What was assumed or left out, for people to read.
    pub notes: Vec<String>,
}

impl Reader {
    /// Reads from any source, in the name of `path`.
    pub fn new(path: &Path, source: Box<dyn Read + Send>) -> Result<Self, WrongFile> {
        Self::begin(path, source).map_err(|why| why.of(path))
    }

    fn begin(path: &Path, source: Box<dyn Read + Send>) -> Result<Self, Why> {
        let (bytes, marked) = bytes::begin(source)?;
        let mut records = records::Records::new(bytes);
        let header = loop {
            match records.next()? {
                None => return Err(Why::Empty),
                Some(record) if record.is_blank() => {}
                Some(record) => break columns::resolve(record)?,
            }
        };
        let (columns, of_header) = header;
        Ok(Self {
            path: path.to_owned(),
            records,
            columns,
            of_header,
            marked,
            lines: 0,
            blank_lines: 0,
        })
    }

    /// The next line that can be taken, or `None` at the end. What is wrong with the lines passed over, or odd about this
    /// one, goes to `problems`.
    pub fn next(&mut self, problems: &mut Problems) -> Result<Option<Line>, WrongFile> {
        self.advance(problems).map_err(|why| why.of(&self.path))
    }

    fn advance(&mut self, problems: &mut Problems) -> Result<Option<Line>, Why> {
        for problem in self.of_header.drain(..) {
            problems.add(problem);
        }
        while let Some(record) = self.records.next()? {
            if record.is_blank() {
                self.blank_lines += 1;
                continue;
            }
            self.lines += 1;
            check::refuse_card_numbers(record, &self.columns)?;
            if let Some(line) = check::line(record, &self.columns, problems) {
                return Ok(Some(line));
            }
        }
        if self.lines == 0 {
            return Err(Why::HeaderOnly);
        }
        Ok(None)
    }

    /// What is known of the file by now; complete once [`Reader::next`] has returned `None`.
    pub fn facts(&self) -> SourceFacts {
        let bytes = self.records.bytes();
        let (read, unread): (Vec<_>, Vec<_>) = self
            .columns
            .iter()
            .partition(|column| column.content != columns::Content::Unread);
        let labels = |of: Vec<&columns::Column>| -> Vec<String> {
            of.iter().map(|column| column.label.clone()).collect()
        };
        let unread = labels(unread);
        SourceFacts {
            bytes: bytes.bytes(),
            lines: self.lines,
            sha256: bytes.sha256(),
            columns: labels(read),
            notes: self.notes(&unread),
        }
    }

    fn notes(&self, unread: &[String]) -> Vec<String> {
        let mark = if self.marked {
            " with a byte order mark"
        } else {
            ""
        };
        let mut notes = vec![format!("read as UTF-8{mark}, columns separated by commas")];
        if !unread.is_empty() {
            notes.push(format!("columns not read: {}", unread.join(", ")));
        }
        if self.blank_lines > 0 {
            notes.push(format!("blank lines skipped: {}", self.blank_lines));
        }
        notes
    }
}
