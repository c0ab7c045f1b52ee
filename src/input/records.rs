//! From bytes to records: one at a time, in buffers that are used again, with exact physical line numbers.
//!
//! Hazard: one quote that is not closed makes a single record of the rest of a file, so a record's size is bounded.

use std::io::BufRead as _;

use csv_core::ReadRecordResult;

use super::bytes::{self, Bytes};
use super::wrong_file::Why;

/// 50 metadata values of 500 characters and a description of 5,000 fit in a ninth of it.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// One record: its cells, one after the other, and where each ends.
pub(super) struct Record {
    /// The physical line that it begins on.
    pub(super) line: u64,
    /// The physical line that it ends on.
    pub(super) last_line: u64,
    /// Whether the file ended inside a quoted cell.
    pub(super) unclosed: bool,
    text: Vec<u8>,
    text_len: usize,
    ends: Vec<usize>,
    cells: usize,
    /// Cells at the front that are none of the file's: its number, where records carry one.
    hidden: usize,
}

impl Clone for Record {
    fn clone(&self) -> Self {
        Self {
            text: self.text.get(..self.text_len).unwrap_or_default().to_vec(),
            ends: self.ends.get(..self.cells).unwrap_or_default().to_vec(),
            ..*self
        }
    }
}

impl Record {
    fn new() -> Self {
        Self {
            line: 1,
            last_line: 1,
            unclosed: false,
            text: vec![0; 1024],
            text_len: 0,
            ends: vec![0; 64],
            cells: 0,
            hidden: 0,
        }
    }

    /// A record of such cells, on a line of its own.
    pub(super) fn of<'c>(line: u64, cells: impl IntoIterator<Item = &'c [u8]>) -> Self {
        let mut record = Self {
            line,
            last_line: line,
            unclosed: false,
            text: Vec::new(),
            text_len: 0,
            ends: Vec::new(),
            cells: 0,
            hidden: 0,
        };
        for cell in cells {
            record.push(cell);
        }
        record
    }

    /// Adds a cell at the end.
    pub(super) fn push(&mut self, cell: &[u8]) {
        self.text.truncate(self.text_len);
        self.ends.truncate(self.cells);
        self.text.extend_from_slice(cell);
        self.text_len = self.text.len();
        self.ends.push(self.text_len);
        self.cells += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.cells - self.hidden
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.ends.get(..self.cells).unwrap_or_default();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(ends)
            .skip(self.hidden)
            .map(|(start, end)| self.text.get(start..*end).unwrap_or_default())
    }

    /// The cell in a column, empty where the record has none there.
    pub(super) fn cell(&self, column: usize) -> &[u8] {
        let at = column + self.hidden;
        let end = self.ends.get(..self.cells).and_then(|ends| ends.get(at));
        let start = at
            .checked_sub(1)
            .map_or(Some(&0), |before| self.ends.get(before));
        match (start, end) {
            (Some(start), Some(end)) => self.text.get(*start..*end).unwrap_or_default(),
            (_, None) | (None, _) => &[],
        }
    }

    /// Takes the number off that the first cell is.
    fn take_number(&mut self) {
        self.hidden = 0;
        let number = std::str::from_utf8(self.cell(0)).ok();
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            (self.line, self.last_line) = (number, number);
        }
        self.hidden = 1;
    }

    /// Whether there is nothing in it, as in an empty line or in the rows of commas that spreadsheets leave.
    pub(super) fn is_blank(&self) -> bool {
        let start = self
            .hidden
            .checked_sub(1)
            .and_then(|last| self.ends.get(last));
        let text = self.text.get(start.copied().unwrap_or(0)..self.text_len);
        text.unwrap_or_default().iter().all(u8::is_ascii_whitespace)
    }
}

/// The records of a file.
pub(super) struct Records {
    bytes: Bytes,
    csv: csv_core::Reader,
    record: Record,
    /// The physical line that the next byte is on.
    line: u64,
    /// Whether the byte before was a CR that ended a line, so that an LF belongs to it.
    after_cr: bool,
    /// Quotes in the record so far: an odd number means that one is open.
    quotes: usize,
    /// Whether each record begins with its number.
    numbered: bool,
}

impl Records {
    /// Records whose cells are parted by `delimiter`.
    pub(super) fn new(bytes: Bytes, delimiter: u8) -> Self {
        Self {
            bytes,
            csv: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            record: Record::new(),
            line: 1,
            after_cr: false,
            quotes: 0,
            numbered: false,
        }
    }

    /// Records that begin with their number in the file that they were taken from.
    pub(super) fn numbered(bytes: Bytes) -> Self {
        Self {
            numbered: true,
            ..Self::new(bytes, b',')
        }
    }

    /// Passes over so many whole lines, at the beginning.
    pub(super) fn skip_lines(&mut self, lines: u64) -> Result<(), Why> {
        for _ in 0..lines {
            let mut skipped = Vec::new();
            self.bytes.read_until(b'\n', &mut skipped)?;
            self.line += 1;
        }
        Ok(())
    }

    /// The next record that is not an empty line, or none at the end.
    pub(super) fn next(&mut self) -> Result<Option<&Record>, Why> {
        self.skip_line_ends()?;
        self.record.line = self.line;
        self.record.text_len = 0;
        self.record.cells = 0;
        self.quotes = 0;
        let mut read = 0;
        loop {
            let (result, consumed) = self.step()?;
            read += consumed;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => double(&mut self.record.text),
                ReadRecordResult::OutputEndsFull => double(&mut self.record.ends),
                ReadRecordResult::Record => {
                    if self.numbered {
                        self.record.take_number();
                    }
                    return Ok(Some(&self.record));
                }
                ReadRecordResult::End => return Ok(None),
            }
            if read > RECORD_BYTES_MAX {
                let line = self.record.line;
                return Err(Why::EndlessRecord { line });
            }
        }
    }

    /// Feeds what is at hand to the splitter; says what it made of it and how many bytes it took.
    fn step(&mut self) -> Result<(ReadRecordResult, usize), Why> {
        let input = bytes::fill(&mut self.bytes)?;
        let at_end = input.is_empty();
        let record = &mut self.record;
        let (result, consumed, text, cells) = self.csv.read_record(
            input,
            record.text.get_mut(record.text_len..).unwrap_or_default(),
            record.ends.get_mut(record.cells..).unwrap_or_default(),
        );
        record.text_len += text;
        record.cells += cells;
        let taken = input.get(..consumed).unwrap_or_default();
        self.quotes += count(taken, b'"');
        record.unclosed = at_end && self.quotes % 2 == 1;
        // The last byte of a record is the line end that closes it; any other line end is inside a quoted cell.
        let (inside, closing) = match (&result, taken.split_last()) {
            (ReadRecordResult::Record, Some((closing, inside))) => (inside, Some(*closing)),
            _ => (taken, None),
        };
        self.line += u64::try_from(count(inside, b'\n')).unwrap_or(u64::MAX);
        record.last_line = self.line;
        self.bytes.consume(consumed);
        if let Some(closing) = closing {
            self.end_line(closing);
        }
        Ok((result, consumed))
    }

    fn skip_line_ends(&mut self) -> Result<(), Why> {
        while let Some(byte @ (b'\r' | b'\n')) = bytes::fill(&mut self.bytes)?.first().copied() {
            self.end_line(byte);
            self.bytes.consume(1);
        }
        self.after_cr = false;
        Ok(())
    }

    /// Counts LF, CR LF and a lone CR as one line end each.
    fn end_line(&mut self, byte: u8) {
        let second_half = byte == b'\n' && self.after_cr;
        self.line += u64::from(!second_half);
        self.after_cr = byte == b'\r';
    }
}

/// Sums in bytes over stretches that cannot overflow one, which the compiler turns into vector instructions.
fn count(bytes: &[u8], wanted: u8) -> usize {
    let stretches = bytes.chunks(usize::from(u8::MAX));
    let found = stretches.map(|stretch| {
        let ones = stretch.iter().map(|byte| u8::from(*byte == wanted));
        usize::from(ones.fold(0, u8::wrapping_add))
    });
    found.sum()
}

fn double<T: Clone + Default>(buffer: &mut Vec<T>) {
    buffer.resize(buffer.len() * 2, T::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_and_cells(text: &'static str) -> Vec<(u64, u64, usize)> {
        let text = bytes::begin(Box::new(text.as_bytes()), None, None, false).unwrap();
        let mut records = Records::new(text.bytes, b',');
        std::iter::from_fn(|| {
            let record = records.next().unwrap()?;
            Some((record.line, record.last_line, record.len()))
        })
        .collect()
    }

    #[test]
    fn line_numbers_are_physical_whatever_ends_a_line() {
        let expected = [(1, 1, 2), (2, 3, 2), (6, 6, 3), (7, 7, 1)];
        let text = "a,b\n\"1\n2\",3\n\n\n4,5,6\n7";
        assert_eq!(lines_and_cells(text), expected);
        let with_cr_lf = text.replace('\n', "\r\n").leak();
        assert_eq!(lines_and_cells(with_cr_lf), expected);
        assert_eq!(
            lines_and_cells("a,b\r1,2\r\r3,4\r"),
            [(1, 1, 2), (2, 2, 2), (4, 4, 2)]
        );
    }

    #[test]
    fn records_larger_than_every_buffer_come_whole() {
        let text = format!("{}\n{}\n", "x".repeat(200_000), ",".repeat(5_000)).leak();
        assert_eq!(lines_and_cells(text), [(1, 1, 1), (2, 2, 5_001)]);
    }
}
