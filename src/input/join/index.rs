//! The index of a joined file: its lines by their key, in a temporary SQLite file without a name.

use rusqlite::{Connection, params};

use super::LINES_MAX;
use crate::input::columns::Layout;
use crate::input::records::Record;
use crate::input::wrong_file::Why;

pub(super) struct Index {
    pub(super) conn: Connection,
    pub(super) lines: u64,
    pub(super) without_key: u64,
    /// A bit for each line that some line had the key of.
    pub(super) met: Vec<u64>,
    pub(super) last: (String, Vec<Found>),
}

#[derive(Clone)]
pub(super) struct Found {
    row: usize,
    pub(super) line: u64,
    pub(super) cells: Vec<u8>,
}

/// The cells that are read, each with its length; the others are left out.
pub(super) fn pack(
    record: &Record,
    layout: &Layout,
    start: usize,
    width: usize,
    cells: &mut Vec<u8>,
) {
    cells.clear();
    for (at, cell) in record.cells().enumerate().take(width) {
        let read = layout
            .columns
            .get(start + at)
            .is_some_and(|column| column.read);
        let is_key = layout
            .keys
            .iter()
            .any(|key| key.parts.iter().any(|(_, part)| *part == start + at));
        let cell = if read || is_key { cell } else { &[] };
        let length = u32::try_from(cell.len()).unwrap_or(0);
        cells.extend_from_slice(&length.to_le_bytes());
        cells.extend_from_slice(cell);
    }
}

pub(super) fn unpack(mut cells: &[u8]) -> Vec<&[u8]> {
    let mut unpacked = Vec::new();
    while let Some((length, rest)) = cells.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(0);
        let (cell, rest) = rest.split_at_checked(length).unwrap_or_default();
        unpacked.push(cell);
        cells = rest;
    }
    unpacked
}

impl Index {
    pub(super) fn find(&mut self, key: &str) -> Result<&[Found], Why> {
        if self.last.0 == key && !key.is_empty() {
            return Ok(&self.last.1);
        }
        let sql = "SELECT row, line, cells FROM side WHERE key = ?1 ORDER BY row LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let limit = i64::try_from(LINES_MAX).unwrap_or(i64::MAX) + 1;
        let mut rows = statement.query(params![key, limit])?;
        let mut found: Vec<Found> = Vec::new();
        while let Some(row) = rows.next()? {
            let number = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
            let (word, bit) = (number / 64, number % 64);
            if self.met.len() <= word {
                self.met.resize(word + 1, 0);
            }
            self.met[word] |= 1 << bit;
            let cells: Vec<u8> = row.get(2)?;
            // The same said twice is said once.
            if !found.iter().any(|each| each.cells == cells) {
                found.push(Found {
                    row: number,
                    line: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
                    cells,
                });
            }
        }
        found.sort_by_key(|each| each.row);
        self.last = (key.to_owned(), found);
        Ok(&self.last.1)
    }
}
