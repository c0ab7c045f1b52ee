//! The CSV: from a path to checked lines, a line at a time, with all problems in one pass.
//!
//! ```text
//! bytes ──► records ──► header ──► columns: which gives what ◄── Reading: what is asked for
//! opened,   split,        │           ▲
//! unpacked, numbered      │           └─ profiles, headers of joined files
//! converted,              ▼
//! digested    └─► (mended) ─► (joined) ─► check ──► Line   ──► the store gathers lines per customer
//!                                           └─────► Problems ◄── and adds what is wrong between them
//! ```
//!
//! Nothing is kept of a line but what goes into its [`Line`]; memory does not grow with the file, nor with those joined to it.
//!
//! Hazards: a cell may hold a card number (the import stops, the value is shown nowhere), a line may be shifted (what stands
//! in an id's place may be personal and is not shown), a quote may not be closed (a record is bounded).

mod again;
mod ahead;
mod between;
mod bytes;
mod card;
mod cell;
mod check;
mod columns;
mod country;
mod delimiter;
mod encoding;
mod fields;
mod given;
mod header;
mod join;
pub mod look;
mod mended;
mod nested;
mod oddity;
mod problem;
mod profile;
mod reading;
mod records;
mod shape;
mod sheet;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod words;
mod wrong_file;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

pub use self::again::write_again;
use self::columns::{Layout, Side};
pub use self::encoding::Encoding;
pub use self::fields::{Field, Target};
use self::header::{Header, Unescape};
use self::join::Joined;
use self::mended::{Mended, Sheet};
pub use self::problem::{Problem, ProblemKind, Problems, Severity};
pub use self::profile::Profile;
pub use self::reading::{Choice, Join, Reading};
use self::records::{Record, Records};
use self::source::{Asked, Kind, Opened};
pub use self::words::NullWords;
pub use self::wrong_file::{Why, WrongFile};
use crate::legacy::Line;

/// Opens a file as it is to be read, with the files that are joined to it, and resolves their headers.
pub fn open(path: &Path, reading: &Reading) -> Result<Reader, WrongFile> {
    let is_known = |name: &str| columns::is_known(name, reading);
    let opened = source::open(path, asked(reading, &is_known)).map_err(|why| why.of(path))?;
    Reader::begin(path, opened, reading)
}

fn asked<'a>(reading: &Reading, is_known: &'a dyn Fn(&str) -> bool) -> Asked<'a> {
    Asked {
        encoding: reading.encoding,
        delimiter: reading.delimiter,
        // With joined files memory counts more: their indexes want it.
        ahead: reading.joins.is_empty(),
        is_known,
    }
}

/// Whether `pmclone refused --csv` wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfRefused {
    /// It did not.
    No,
    /// It did: the columns have pmclone's own names, whatever those of the CSV are.
    Standard,
    /// It did: the columns are those of the CSV.
    Own,
}

/// Whether a file is one that `pmclone refused --csv` wrote. `kept`: how the CSV was read.
pub fn is_of_refused(path: &Path, kept: Option<&Reading>) -> Result<OfRefused, WrongFile> {
    let reading = kept.map_or_else(Reading::default, Reading::of_own_refused);
    let is_known = |name: &str| columns::is_known(name, &reading);
    let of = |why: Why| why.of(path);
    let mut opened = source::open(path, asked(&reading, &is_known)).map_err(of)?;
    let header = header(&mut opened.records).map_err(of)?;
    Ok(if header.is_of_own_refused() {
        OfRefused::Own
    } else if oddity::is_of_refused(&header) {
        OfRefused::Standard
    } else {
        OfRefused::No
    })
}

/// Reads the lines of one file.
pub struct Reader {
    path: PathBuf,
    records: Records,
    tally: bytes::Tally,
    kind: Kind,
    layout: Layout,
    joined: Vec<Joined>,
    mended: Option<Mended>,
    /// Where the file itself is one that pmclone wrote for a spreadsheet: how its cells are read.
    escape: Option<Unescape>,
    header: Header,
    /// Lines that the last record became and that were not given yet.
    waiting: VecDeque<Line>,
    /// What is odd about the header, until the first call of `next` passes it on.
    of_header: Vec<Problem>,
    lines: u64,
    blank_lines: u64,
    stop: Arc<AtomicBool>,
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
    /// Reads from any source, in the name of `path`, with everything recognised.
    pub fn new(path: &Path, source: Box<dyn Read + Send>) -> Result<Self, WrongFile> {
        Self::of(path, source, &Reading::default())
    }

    /// Reads text in columns from any source, in the name of `path`.
    pub fn of(
        path: &Path,
        source: Box<dyn Read + Send>,
        reading: &Reading,
    ) -> Result<Self, WrongFile> {
        let is_known = |name: &str| columns::is_known(name, reading);
        let opened = source::read(source, None, asked(reading, &is_known));
        Self::begin(path, opened.map_err(|why| why.of(path))?, reading)
    }

    fn begin(path: &Path, mut opened: Opened, reading: &Reading) -> Result<Self, WrongFile> {
        let header = header(&mut opened.records).map_err(|why| why.of(path))?;
        let joins = reading.joins.iter();
        let joined: Vec<Joined> = joins
            .map(|join| Joined::open(join, &header))
            .collect::<Result<_, _>>()?;
        let sides: Vec<Side<'_>> = joined.iter().map(Joined::side).collect();
        let (layout, of_header) =
            columns::resolve(&header, &sides, reading).map_err(|why| why.of(path))?;
        let mended = Mended::open(&reading.mended, &header, path)?;
        Ok(Self {
            path: path.to_owned(),
            records: opened.records,
            tally: opened.tally,
            kind: opened.kind,
            escape: header.unescape(),
            header,
            layout,
            joined,
            mended,
            waiting: VecDeque::new(),
            of_header,
            lines: 0,
            blank_lines: 0,
            stop: Arc::default(),
        })
    }

    /// The next line that can be taken, or `None` at the end. What is wrong with the lines passed over, or odd about this
    /// one, goes to `problems`.
    pub fn next(&mut self, problems: &mut Problems) -> Result<Option<Line>, WrongFile> {
        for problem in self.of_header.drain(..) {
            problems.add(problem);
        }
        if let Some(line) = self.waiting.pop_front() {
            return Ok(Some(line));
        }
        let of = |why: Why| why.of(&self.path);
        while let Some(record) = self.records.next().map_err(of)? {
            if record.is_blank() {
                self.blank_lines += 1;
                continue;
            }
            self.lines += 1;
            let stands_in;
            let record = match stand_in(record, self.mended.as_mut(), self.escape, problems) {
                Some(other) => {
                    stands_in = other;
                    &stands_in
                }
                None => record,
            };
            shape::refuse_card_numbers(record, &self.layout).map_err(of)?;
            if let Some(problem) = shape::misshapen(record, &self.layout) {
                problems.add(problem);
                continue;
            }
            if self.joined.is_empty() {
                if let Some(line) = check::line(record, &self.layout, &[], problems) {
                    return Ok(Some(line));
                }
                continue;
            }
            let joined = (self.joined.as_mut_slice(), &*self.stop);
            self.waiting = join::lines(record, joined, &self.layout, problems)?.into();
            if let Some(line) = self.waiting.pop_front() {
                return Ok(Some(line));
            }
        }
        if self.lines == 0 {
            return Err(Why::HeaderOnly.of(&self.path));
        }
        if let Some(mended) = self.mended.take() {
            mended.tell_unused(problems);
        }
        Ok(None)
    }

    /// Set to true by another thread, it ends the reading where that takes long without giving a line: as joined files are indexed.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// How many bytes of text there are, about, in a file of so many.
    pub fn text_bytes(&self, file_bytes: u64) -> u64 {
        file_bytes.saturating_mul(self.kind.text_per_byte())
    }

    /// The names of the fields that the file gives, `metadata.KEY` among them.
    pub fn fields(&self) -> Vec<String> {
        let columns = self
            .layout
            .columns
            .iter()
            .filter_map(|column| column.target.as_ref());
        let derived = self.layout.derived.iter().map(|(target, _)| target);
        let otherwise = self.layout.otherwise.iter().map(|(target, _)| target);
        let all = columns.chain(derived).chain(otherwise);
        all.map(Target::name).collect()
    }

    /// What is known of the file by now; complete once [`Reader::next`] has returned `None`.
    pub fn facts(&self) -> SourceFacts {
        let own = self.layout.columns.iter().take(self.layout.own);
        let (read, unread): (Vec<_>, Vec<_>) = own.partition(|column| column.read);
        let labels = |of: Vec<&columns::Column>| -> Vec<String> {
            of.iter().map(|column| column.label.clone()).collect()
        };
        let unread = labels(unread);
        SourceFacts {
            bytes: self.tally.bytes(),
            lines: self.lines,
            sha256: self.tally.sha256(),
            columns: labels(read),
            notes: self.notes(&unread),
        }
    }

    fn notes(&self, unread: &[String]) -> Vec<String> {
        let mut notes = vec![self.kind.told()];
        notes.extend(self.layout.notes.iter().cloned());
        notes.extend(self.joined.iter().filter_map(Joined::note));
        if !unread.is_empty() {
            notes.push(format!("columns not read: {}", unread.join(", ")));
        }
        if self.blank_lines > 0 {
            notes.push(format!("blank lines skipped: {}", self.blank_lines));
        }
        let nulls = self.layout.nulls.met();
        if nulls > 0 {
            notes.push(format!(
                "cells with a word for nothing (NULL, N/A, -) taken as empty: {nulls}"
            ));
        }
        notes
    }
}

/// The first record that is not blank.
fn header(records: &mut Records) -> Result<Header, Why> {
    loop {
        match records.next()? {
            None => return Err(Why::Empty),
            Some(record) if record.is_blank() => {}
            Some(record) => return Header::of(record),
        }
    }
}

/// What is to be read in a record's place, if something is.
fn stand_in(
    record: &Record,
    mended: Option<&mut Mended>,
    escape: Option<Unescape>,
    problems: &mut Problems,
) -> Option<Record> {
    let other = mended.and_then(|mended| mended.of(record, problems));
    match escape {
        Some(unescape) if other.is_none() => {
            Some(mended::unescaped(record.line, record.cells(), unescape))
        }
        Some(_) | None => other,
    }
}

/// Writes the lines of a file that something stands against, each with its reasons, to be mended in a spreadsheet and given back.
/// Gives `out` again, and how many lines there are.
pub fn write_problems<W: Write>(
    path: &Path,
    reading: &Reading,
    problems: &Problems,
    out: W,
) -> Result<(W, u64), WrongFile> {
    let of = |why: Why| why.of(path);
    let failed = |error: io::Error| Why::from(error).of(path);
    let is_known = |name: &str| columns::is_known(name, reading);
    let mut opened = source::open(path, asked(reading, &is_known)).map_err(of)?;
    let header = header(&mut opened.records).map_err(of)?;
    let mut mended = Mended::open(&reading.mended, &header, path)?;
    let escape = header.unescape();
    let mut sheet = Sheet::new(out, &opened.kind, &header, problems).map_err(failed)?;
    let mut told = Problems::default();
    while let Some(record) = opened.records.next().map_err(of)? {
        if record.is_blank() {
            continue;
        }
        let other = stand_in(record, mended.as_mut(), escape, &mut told);
        sheet
            .take(record, other.as_ref().unwrap_or(record))
            .map_err(failed)?;
    }
    sheet.finish().map_err(failed)
}
