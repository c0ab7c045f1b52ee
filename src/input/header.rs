//! A file's first record: the names of its columns, and what they are called in messages.

use super::card;
use super::fields::fold;
use super::records::Record;
use super::wrong_file::Why;
use crate::spreadsheet;

/// Columns that the file of mended lines has in front of those of the file that it came from.
pub(super) const MENDED: [&str; 2] = ["pmclone_line", "pmclone_problem"];

/// Columns that `pmclone refused --csv` adds to those of the CSV.
pub(super) const OF_REFUSED: [&str; 3] = ["pmclone_refused", "pmclone_reason", "pmclone_remedy"];

/// Takes off what kept a cell from a spreadsheet.
pub(super) type Unescape = fn(&str) -> &str;

/// The names of a file's columns.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// The physical line that it stands on.
    pub(super) line: u64,
    /// As they stand, without blanks at the ends.
    pub(super) names: Vec<String>,
    /// As messages call them: a name, or the column's number where the name is empty or may be personal.
    pub(super) labels: Vec<String>,
}

impl Header {
    pub(super) fn of(record: &Record) -> Result<Self, Why> {
        let mut names = Vec::new();
        for (number, cell) in (1_u32..).zip(record.cells()) {
            if card::holds_number(cell) {
                let (line, column) = (record.line, number.to_string());
                return Err(Why::CardNumber { line, column });
            }
            let name = std::str::from_utf8(cell).map_err(|_| Why::NotUtf8)?;
            if name.contains('\0') {
                return Err(Why::Binary);
            }
            names.push(super::cell::trim(name).to_owned());
        }
        if let Some(name) = names.iter().find(|name| card::is_named_by(name)) {
            return Err(Why::CardColumn(name.clone()));
        }
        if is_of_own_refused(&names) {
            for name in &mut names {
                *name = spreadsheet::lasting_text(name).to_owned();
            }
        }
        let labels = (1..).zip(&names);
        Ok(Self {
            line: record.line,
            labels: labels.map(|(number, name)| label(name, number)).collect(),
            names,
        })
    }

    /// The column of such a name, without regard to case, blanks and punctuation; one that is written exactly so comes first.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let exactly = self.names.iter().position(|each| each == name);
        let folded = fold(name);
        exactly.or_else(|| {
            let alike = |each: &String| !folded.is_empty() && fold(each) == folded;
            self.names.iter().position(alike)
        })
    }

    /// How messages call a column.
    pub(super) fn label(&self, column: usize) -> String {
        self.labels.get(column).cloned().unwrap_or_default()
    }

    /// Whether it is that of a file of refused lines with the CSV's own columns.
    pub(super) fn is_of_own_refused(&self) -> bool {
        is_of_own_refused(&self.names)
    }

    /// How the cells of such a file are to be read, where they were written for a spreadsheet.
    pub(super) fn unescape(&self) -> Option<Unescape> {
        if self.is_of_mended() {
            return Some(spreadsheet::text);
        }
        let own: Unescape = spreadsheet::lasting_text;
        self.is_of_own_refused().then_some(own)
    }

    /// Whether it is that of a file of lines to be mended.
    pub(super) fn is_of_mended(&self) -> bool {
        let begins = self.names.iter().zip(MENDED);
        self.names.len() >= 2
            && begins
                .into_iter()
                .all(|(name, mended)| fold(name) == fold(mended))
    }
}

/// Whether it is that of a file of refused lines with the CSV's own columns.
fn is_of_own_refused(names: &[String]) -> bool {
    let has = |wanted: &&str| names.iter().any(|name| fold(name) == fold(wanted));
    OF_REFUSED.iter().all(has)
}

/// The header's text if it is fit to be shown. Where a file has no header, its first line is somebody's data.
fn label(name: &str, number: u32) -> String {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let fit = (1..=60).contains(&name.chars().count())
        && digits < 7
        && !name.contains(['@', '\n', '\r'])
        && !name.chars().any(char::is_control);
    if fit {
        name.to_owned()
    } else {
        number.to_string()
    }
}
