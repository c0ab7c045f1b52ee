//! Whether a state file is whole. It is looked at before anything is written into one that was not closed as it should be:
//! after a crash or a power cut, and where it was cut off on its way here.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{RunLock, StoreError};

/// How a file was left, seen before SQLite opens it, which tidies up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The last one who wrote closed it.
    Closed,
    /// There is a write-ahead log still: its writer was killed, or is at work.
    Open,
}

impl Left {
    /// Looks at the file and its log; a file that is shorter than it says is refused.
    pub fn of(state: &Path) -> Result<Self, StoreError> {
        match log_left(state) {
            Some(_) => Ok(Self::Open),
            None => whole(state).map(|()| Self::Closed),
        }
    }
}

/// Refuses a directory, and an empty file in which a migration began. Whatever log is beside it, SQLite would begin anew.
pub(super) fn not_emptied(state: &Path) -> Result<(), StoreError> {
    let metadata = std::fs::metadata(state)?;
    if metadata.is_dir() {
        return Err(StoreError::Directory);
    }
    if metadata.len() == 0 && RunLock::has_begun(state) {
        let emptied = "it is empty, and a migration began in it";
        return Err(StoreError::Damaged(emptied.to_owned()));
    }
    Ok(())
}

/// The write-ahead log of a state file, where something is in it still.
pub fn log_left(state: &Path) -> Option<PathBuf> {
    let mut log = state.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    let some = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    some.then_some(log)
}

/// Where SQLite's header says how large the file is: the size of a page, and how many there are.
const HEADER_BYTES: usize = 32;

/// Refuses a file that was cut off. Without a log all of its pages must be in it; where SQLite's journal is left, from the moment in
/// which the file was made, opening it takes back what was half written.
fn whole(state: &Path) -> Result<(), StoreError> {
    let mut journal = state.as_os_str().to_owned();
    journal.push("-journal");
    if std::fs::metadata(PathBuf::from(journal)).is_ok_and(|journal| journal.len() > 0) {
        return Ok(());
    }
    let mut file = File::open(state)?;
    let mut header = [0_u8; HEADER_BYTES];
    let length = file.metadata()?.len();
    if length < 100 || file.read_exact(&mut header).is_err() {
        // Empty, or nothing that SQLite wrote: opening it tells.
        return Ok(());
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Ok(());
    }
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        page => page,
    };
    let pages = u64::from(u32::from_be_bytes([
        header[28], header[29], header[30], header[31],
    ]));
    if length < page * pages {
        return Err(StoreError::Damaged(format!(
            "it has {length} bytes of {}; it was cut off, or copied while a run was on",
            page * pages
        )));
    }
    Ok(())
}

/// Rows that contradict each other, and what is then wrong. Each statement gives a row where it is so. A Customer that was refused
/// with one source, or found twice, and made with another leaves a step (kinds 1 and 4) that stays ready for ever.
const CONTRADICTIONS: [(&str, &str); 7] = [
    (
        "customers without a migration",
        "SELECT 1 FROM customer WHERE NOT EXISTS (SELECT 1 FROM migration) LIMIT 1",
    ),
    (
        "a step without its customer",
        "SELECT 1 FROM step s LEFT JOIN customer c ON c.seq = s.customer WHERE c.seq IS NULL LIMIT 1",
    ),
    (
        "a step on an account that its customer does not ask for",
        "SELECT 1 FROM step s LEFT JOIN target t ON t.customer = s.customer AND t.position = s.target
         WHERE s.target >= 0 AND t.customer IS NULL LIMIT 1",
    ),
    (
        "a step with a source that its customer does not have",
        "SELECT 1 FROM step s LEFT JOIN payment_method p ON p.customer = s.customer AND p.position = s.source
         WHERE s.source >= 0 AND p.customer IS NULL LIMIT 1",
    ),
    (
        "an account that is asked for and is not there",
        "SELECT 1 FROM target t LEFT JOIN account a ON a.seq = t.account WHERE a.seq IS NULL LIMIT 1",
    ),
    (
        "a step that is done, and nobody knows what it made",
        "SELECT 1 FROM step WHERE state = 2 AND object IS NULL LIMIT 1",
    ),
    (
        "a migrated customer with a step that is not finished",
        "SELECT 1 FROM step s JOIN customer c ON c.seq = s.customer
         WHERE c.standing = 5 AND s.state NOT IN (2, 3) AND NOT (s.state = 0 AND s.kind IN (1, 4)) LIMIT 1",
    ),
];

/// Reads the whole file, and refuses one that SQLite, or its own rows, call damaged.
pub(super) fn sound(conn: &Connection) -> Result<(), StoreError> {
    let told: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if told != "ok" {
        return Err(StoreError::Damaged(told));
    }
    for (what, sql) in CONTRADICTIONS {
        if conn.prepare(sql)?.exists([])? {
            return Err(StoreError::Damaged(format!("it holds {what}")));
        }
    }
    Ok(())
}
