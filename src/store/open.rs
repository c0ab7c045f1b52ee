//! Opening the state file: for a run, for a reader, or a temporary one for `--dry-run`.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::check::{self, Left};
use super::import::RUN_CACHE_KIB;
use super::{RunLock, StoreError, schema};

/// Marks the file as pmclone's (`PRAGMA application_id`): "pmcl".
const APPLICATION_ID: i64 = 0x706d_636c;

/// Bytes of a page in a new file. Twice SQLite's default: an import writes half as many pages, twice each, and is a tenth
/// faster; a run's commits cost the same.
const PAGE_BYTES: u32 = 8_192;

/// How long a reader waits for a checkpoint, or a writer for a reader that resets the WAL.
const BUSY_MS: u64 = 10_000;

/// Opens (and makes where there is none) a file that only its owner can read.
pub(super) fn private_file(path: &Path) -> Result<File, std::io::Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Opens the state file for a run and makes it where there is none. The caller holds the [`super::RunLock`].
pub fn create(path: &Path) -> Result<Connection, StoreError> {
    if path.try_exists()? {
        check::not_emptied(path)?;
    } else {
        RunLock::forget_begun(path)?;
    }
    drop(private_file(path)?);
    writable(path)
}

/// Opens a state file that must exist, for writing. The caller holds the [`super::RunLock`].
pub fn open_existing(path: &Path) -> Result<Connection, StoreError> {
    if !path.try_exists()? {
        return Err(StoreError::Missing);
    }
    check::not_emptied(path)?;
    writable(path)
}

/// Opens a state file that must exist, for one who writes beside a run: the lock is not held, nothing is made or mended.
pub fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    // Whose file it is, and of which version, is told by reading.
    drop(open_readonly(path)?);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    keep_plans(&conn)?;
    durable(&conn)?;
    Ok(conn)
}

fn writable(path: &Path) -> Result<Connection, StoreError> {
    let left = Left::of(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    keep_plans(&conn)?;
    conn.pragma_update(None, "page_size", PAGE_BYTES)?;
    own(&conn)?;
    // This reads the file, so it comes once it is known whose that is.
    conn.pragma_update(None, "cache_size", -i64::from(RUN_CACHE_KIB))?;
    durable(&conn)?;
    schema::migrate(&mut conn)?;
    if left == Left::Open {
        check::sound(&conn)?;
    }
    Ok(conn)
}

/// Keeps a prepared statement's plan whatever is bound to it. SQLite is built with STAT4 here, under which a statement with
/// a bound range or limit is compiled anew for each value, though no statistics were ever gathered.
fn keep_plans(conn: &Connection) -> Result<(), StoreError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Refuses a database that something else wrote, before anything in it is changed.
fn own(conn: &Connection) -> Result<(), StoreError> {
    let id: i64 = conn
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(not_ours)?;
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(not_ours)?;
    match (id, tables) {
        (APPLICATION_ID, _) => Ok(()),
        (0, 0) => Ok(conn.pragma_update(None, "application_id", APPLICATION_ID)?),
        _ => Err(StoreError::NotOurs),
    }
}

fn not_ours(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs,
        _ => error.into(),
    }
}

/// WAL with a sync at every commit, and checkpoints that the writer makes itself, so that it sees their errors.
fn durable(conn: &Connection) -> Result<(), StoreError> {
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::NotDurable("journal_mode = WAL"));
    }
    conn.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 0;",
    )?;
    let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if synchronous != 2 {
        return Err(StoreError::NotDurable("synchronous = FULL"));
    }
    let secure: i64 = conn.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0))?;
    if secure != 1 {
        return Err(StoreError::NotDurable("secure_delete = ON"));
    }
    Ok(())
}

/// Opens a state file to look at it; a run may go on meanwhile.
pub fn open_readonly(path: &Path) -> Result<Connection, StoreError> {
    if !path.try_exists()? {
        return Err(StoreError::Missing);
    }
    check::not_emptied(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    keep_plans(&conn)?;
    let id: i64 = conn
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(not_ours)?;
    if id != APPLICATION_ID {
        return Err(StoreError::NotOurs);
    }
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        schema::VERSION => Ok(conn),
        0 => Err(StoreError::Missing),
        found => Err(StoreError::Version { found }),
    }
}

/// A state that lives in memory, spills to a nameless temporary file, and is gone when closed: for `--dry-run`.
pub fn temporary() -> Result<Connection, StoreError> {
    let mut conn = Connection::open("")?;
    conn.pragma_update(None, "page_size", PAGE_BYTES)?;
    keep_plans(&conn)?;
    // A copy of it shall be known as ours.
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    schema::migrate(&mut conn)?;
    Ok(conn)
}

/// Copies a whole state file into another connection, as of one moment.
pub fn copy(from: &Connection, into: &mut Connection) -> Result<(), StoreError> {
    /// Pages a step; the source is read under one lock for all of them.
    const PAGES: std::ffi::c_int = 10_000;
    let backup = rusqlite::backup::Backup::new(from, into)?;
    backup.run_to_completion(PAGES, std::time::Duration::ZERO, None)?;
    Ok(())
}
