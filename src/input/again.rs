//! Lines of a file once more, as they stand there and under its own header, with something added after them: to be mended in a
//! spreadsheet and read again as the file was.

use std::io::{self, Write};
use std::path::Path;

use super::header::{Header, OF_REFUSED};
use super::source::Kind;
use super::wrong_file::{Why, WrongFile};
use super::{Problems, Reader, Reading, Record, check, open, shape, stand_in};
use crate::legacy::Line;
use crate::spreadsheet;

/// What was written.
#[derive(Debug)]
pub struct Again<W> {
    /// Where to.
    pub out: W,
    /// SHA-256 of the file that was read, in hexadecimal.
    pub sha256: String,
}

/// Writes those lines of the file of which `remarks` tells something, with it after them. None where a file has no lines of its own
/// that would be whole: it is JSON, or others are joined to it.
pub fn write_again<W: Write>(
    path: &Path,
    reading: &Reading,
    out: W,
    mut remarks: impl FnMut(&Line) -> Option<[String; 3]>,
) -> Result<Option<Again<W>>, WrongFile> {
    let of = |why: Why| why.of(path);
    let failed = |error: io::Error| Why::from(error).of(path);
    if !reading.joins.is_empty() {
        return Ok(None);
    }
    let mut reader = open(path, reading)?;
    if reader.kind == Kind::Nested {
        return Ok(None);
    }
    let header = reader.header.clone();
    let mut lines = Lines::new(out, &reader, &header).map_err(failed)?;
    let mut told = Problems::default();
    while let Some(record) = reader.records.next().map_err(of)? {
        if record.is_blank() {
            continue;
        }
        let other = stand_in(record, reader.mended.as_mut(), reader.escape, &mut told);
        let record = other.as_ref().unwrap_or(record);
        shape::refuse_card_numbers(record, &reader.layout).map_err(of)?;
        let line = check::line(record, &reader.layout, &[], &mut told);
        if let Some(remarks) = line.as_ref().and_then(&mut remarks) {
            lines.write(record, &remarks).map_err(failed)?;
        }
    }
    Ok(Some(Again {
        out: lines.end().map_err(failed)?,
        sha256: reader.facts().sha256,
    }))
}

struct Lines<W: Write> {
    writer: csv::Writer<W>,
    width: usize,
}

impl<W: Write> Lines<W> {
    /// With a byte order mark, by which Excel knows UTF-8.
    fn new(mut out: W, reader: &Reader, header: &Header) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::WriterBuilder::new()
            .delimiter(reader.kind.delimiter())
            .terminator(csv::Terminator::CRLF)
            .from_writer(out);
        let names = header.names.iter();
        let names = names.map(|name| spreadsheet::lasting_cell(name).into_owned());
        writer.write_record(names.chain(OF_REFUSED.map(str::to_owned)))?;
        Ok(Self {
            writer,
            width: header.names.len(),
        })
    }

    fn write(&mut self, record: &Record, remarks: &[String; 3]) -> io::Result<()> {
        let text = |cell: &[u8]| {
            let text = String::from_utf8_lossy(cell);
            spreadsheet::lasting_cell(&text).into_owned()
        };
        // Under its own header's names alone, and as many of them: what is added stands under its own.
        let empty = std::iter::repeat_with(String::new);
        let cells = record.cells().map(text).chain(empty).take(self.width);
        let remarks = remarks.iter();
        let remarks = remarks.map(|remark| spreadsheet::cell(remark).into_owned());
        Ok(self.writer.write_record(cells.chain(remarks))?)
    }

    fn end(self) -> io::Result<W> {
        let out = self.writer.into_inner();
        out.map_err(csv::IntoInnerError::into_error)
    }
}
