//! Lines that were written out with their problems, mended in a spreadsheet, and given back: in place of the lines that they came from,
//! or as a file of its own.
//!
//! Each line carries its number and a few digits of its digest, so that it only ever stands in for the very line it was.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::header::{Header, MENDED, Unescape};
use super::problem::{Problem, ProblemKind, Problems, Severity};
use super::records::Record;
use super::source::{self, Asked, Kind};
use super::wrong_file::{Why, WrongFile};
use crate::spreadsheet;

/// Mended lines, by the line that each stands for.
pub(super) struct Mended {
    lines: HashMap<u64, Replacement>,
    /// Lines that name none, each with its file.
    nameless: Vec<(u64, PathBuf)>,
}

struct Replacement {
    path: PathBuf,
    /// Where it stands in the file of mended lines.
    at: u64,
    tag: String,
    record: Record,
    used: bool,
}

impl Mended {
    /// Reads files of mended lines whole: a person has gone through them. A line that several have is taken from the last. `own` is the
    /// header of the file whose lines they mend, at `of`. None where there are no files.
    pub(super) fn open(
        files: &[PathBuf],
        own: &Header,
        of: &Path,
    ) -> Result<Option<Self>, WrongFile> {
        let mut mended = Self {
            lines: HashMap::new(),
            nameless: Vec::new(),
        };
        for file in files {
            mended.read(file, own, of).map_err(|why| why.of(file))?;
        }
        Ok((!files.is_empty()).then_some(mended))
    }

    fn read(&mut self, path: &Path, own: &Header, of: &Path) -> Result<(), Why> {
        let is_known = |name: &str| MENDED.contains(&name) || own.find(name).is_some();
        let asked = Asked {
            encoding: None,
            delimiter: None,
            ahead: false,
            is_known: &is_known,
        };
        let mut opened = source::open(path, asked)?;
        let mut header = None;
        while let Some(record) = opened.records.next()? {
            if record.is_blank() {
                continue;
            }
            if header.is_none() {
                header = Some(fitting(record, own, of)?);
                continue;
            }
            refuse_card_numbers(record, own)?;
            self.take(record, path, own.names.len());
        }
        if header.is_none() {
            return Err(Why::Empty);
        }
        Ok(())
    }

    fn take(&mut self, record: &Record, path: &Path, width: usize) {
        let tag = String::from_utf8_lossy(record.cell(0)).trim().to_owned();
        let Some(line) = line_of(&tag) else {
            self.nameless.push((record.line, path.to_owned()));
            return;
        };
        let mut cells: Vec<&[u8]> = record.cells().skip(MENDED.len()).collect();
        // A spreadsheet makes all lines as long as the longest.
        while cells.len() > width && cells.last().is_some_and(|cell| cell.is_empty()) {
            cells.pop();
        }
        let replacement = Replacement {
            path: path.to_owned(),
            at: record.line,
            tag,
            record: unescaped(line, cells.into_iter(), spreadsheet::text),
            used: false,
        };
        self.lines.insert(line, replacement);
    }

    /// What stands in for a record, if something does. A line that is not the one that was written out is a problem.
    pub(super) fn of(&mut self, record: &Record, problems: &mut Problems) -> Option<Record> {
        let mended = self.lines.get_mut(&record.line)?;
        mended.used = true;
        if mended.tag != tag(record) {
            let what = format!(
                "is not the line that line {} of {} was made from",
                mended.at,
                mended.path.display()
            );
            let remedy = "write the problems out again, and mend those";
            let kind = ProblemKind::MendedElsewhere;
            problems.add(Problem::new(record.line, "", kind, what, remedy));
            return None;
        }
        Some(mended.record.clone())
    }

    /// Mended lines that stand for none of the file.
    pub(super) fn tell_unused(&self, problems: &mut Problems) {
        let kind = ProblemKind::MendedElsewhere;
        let unused = self.lines.iter().filter(|(_, mended)| !mended.used);
        let unused: BTreeMap<&u64, &Replacement> = unused.collect();
        for (line, mended) in unused {
            let file = mended.path.display();
            let what = format!("is named by line {} of {file}, and is not there", mended.at);
            let remedy = "write the problems out again, and mend those";
            problems.add(Problem::new(*line, "", kind, what, remedy));
        }
        for (at, file) in &self.nameless {
            let column = MENDED[0];
            let what = format!(
                "of {} does not say in {column} which line it mends",
                file.display()
            );
            let remedy =
                "leave that column as it was written; new lines belong into the file itself";
            problems.add(Problem::new(*at, "", kind, what, remedy));
        }
    }
}

fn fitting(record: &Record, own: &Header, of: &Path) -> Result<Header, Why> {
    let header = Header::of(record)?;
    if !header.is_of_mended() {
        return Err(Why::NotMended);
    }
    let names = header.names.iter().skip(MENDED.len());
    let theirs: Vec<&String> = names.collect();
    let same = own
        .names
        .iter()
        .zip(&theirs)
        .all(|(one, other)| one == spreadsheet::text(other));
    let more = theirs.iter().skip(own.names.len());
    let padded = theirs.len() >= own.names.len() && more.into_iter().all(|name| name.is_empty());
    if same && padded {
        Ok(header)
    } else {
        Err(Why::MendedElse(of.display().to_string()))
    }
}

fn refuse_card_numbers(record: &Record, own: &Header) -> Result<(), Why> {
    // By the header alone: what each column gives is judged when the line is.
    for (index, cell) in record.cells().enumerate().skip(MENDED.len()) {
        let label = own.labels.get(index - MENDED.len());
        let may = label.is_some_and(|label| super::columns::may_hold_digits(label));
        if !may && super::card::holds_number(cell) {
            let column = label.cloned().unwrap_or_else(|| (index + 1).to_string());
            let line = record.line;
            return Err(Why::CardNumber { line, column });
        }
    }
    Ok(())
}

/// A record of such cells without what kept them from a spreadsheet.
pub(super) fn unescaped<'c>(
    line: u64,
    cells: impl Iterator<Item = &'c [u8]>,
    unescape: Unescape,
) -> Record {
    let plain = cells.map(|cell| match std::str::from_utf8(cell) {
        Ok(text) => unescape(text).as_bytes(),
        Err(_) => cell,
    });
    Record::of(line, plain)
}

/// `L17-1a2b3c4d`: a text to every spreadsheet.
fn tag(record: &Record) -> String {
    let mut digest = Sha256::new();
    for cell in record.cells() {
        digest.update(u64::try_from(cell.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(cell);
    }
    let digest = digest.finalize();
    let digits = digest.iter().take(4).map(|byte| format!("{byte:02x}"));
    let digits = digits.fold(String::new(), |digits, two| digits + &two);
    format!("L{}-{digits}", record.line)
}

fn line_of(tag: &str) -> Option<u64> {
    let (line, _) = tag.strip_prefix('L')?.split_once('-')?;
    line.parse().ok()
}

/// The lines that something stands against, by their numbers, with all that does.
fn reasons(problems: &Problems) -> BTreeMap<u64, Vec<String>> {
    let mut reasons: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let all = problems.by_line();
    for problem in all
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
    {
        reasons.entry(problem.line).or_default();
        if let Some(other) = problem.other_line {
            let also = format!("see the problem of line {}", problem.line);
            reasons.entry(other).or_default().push(also);
        }
    }
    for problem in all {
        if let Some(reasons) = reasons.get_mut(&problem.line) {
            let place = if problem.column.is_empty() {
                String::new()
            } else {
                format!("{}: ", problem.column)
            };
            reasons.push(format!("{place}{}; {}", problem.what, problem.remedy));
        }
    }
    reasons
}

/// Writes the lines that something stands against, each with its reasons in front, in a form that opens in a spreadsheet and can be
/// given back. Gives how many there are.
pub(super) struct Sheet<W: Write> {
    writer: csv::Writer<W>,
    reasons: BTreeMap<u64, Vec<String>>,
    written: u64,
}

impl<W: Write> Sheet<W> {
    /// Writes the header; with a byte order mark, by which Excel knows UTF-8.
    pub(super) fn new(
        mut out: W,
        kind: &Kind,
        header: &Header,
        problems: &Problems,
    ) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::WriterBuilder::new()
            .delimiter(kind.delimiter())
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(out);
        let names = header
            .names
            .iter()
            .map(|name| spreadsheet::lasting_cell(name).into_owned());
        let all = MENDED.iter().map(|name| (*name).to_owned()).chain(names);
        writer.write_record(all)?;
        Ok(Self {
            writer,
            reasons: reasons(problems),
            written: 0,
        })
    }

    /// Takes a record of the file, as it is there and as it was last mended.
    pub(super) fn take(&mut self, own: &Record, now: &Record) -> io::Result<()> {
        let Some(reasons) = self.reasons.get(&own.line) else {
            return Ok(());
        };
        let text = |cell: &[u8]| {
            let text = String::from_utf8_lossy(cell);
            spreadsheet::lasting_cell(&text).into_owned()
        };
        let front = [tag(own), reasons.join(" | ")];
        let cells = front.into_iter().chain(now.cells().map(text));
        self.writer.write_record(cells)?;
        self.written += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<(W, u64)> {
        let out = self.writer.into_inner();
        let out = out.map_err(csv::IntoInnerError::into_error)?;
        Ok((out, self.written))
    }
}
