//! The import that a run and its dry run share: one thread reads, checks and gathers, this one writes.
//!
//! ```text
//! CSV ─▶ Reader ─▶ Gathering ─▶ a few batches ─▶ Importer ─▶ SQLite
//! └────── a thread of its own ──────┘            └─ the caller's ─┘
//! ```

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Problems, Reader, Reading, SourceFacts};
use crate::store::{self, CsvFile, Gathering, Imported, Importer, Named, StoreError, TakeUp};

/// A time of change that no file has.
const NEVER: i64 = -1;

/// Customers handed over at once: enough that the hand-over costs nothing, few enough that they stay in a cache.
const BATCH: usize = 256;

/// Batches that may wait, so that neither thread stands still while the other one is held up for a moment.
const BATCHES: usize = 4;

/// How often a signal is heard while no lines come, as joined files are indexed.
const HEARS: Duration = Duration::from_millis(100);

/// A CSV and how it is to be read.
#[derive(Clone, Copy)]
pub struct Csv<'a> {
    /// The file.
    pub path: &'a Path,
    /// How.
    pub reading: &'a Reading,
    /// How many problems of each kind are kept in full.
    pub problems_kept: u64,
}

impl<'a> Csv<'a> {
    /// With the problems kept that somebody may read.
    pub fn new(path: &'a Path, reading: &'a Reading) -> Self {
        Self {
            path,
            reading,
            problems_kept: Problems::KEEP_PER_KIND,
        }
    }
}

/// What came of reading a CSV.
pub struct Read {
    /// What was found wrong.
    pub problems: Problems,
    /// What was taken over; `None` where errors forbid it.
    pub imported: Option<Imported>,
    /// The file.
    pub facts: SourceFacts,
    /// The file as it is kept, to be known again.
    pub file: CsvFile,
}

/// Reads the whole CSV into the state, all or nothing. `seal` runs in the same transaction, last; `go_on` is asked at each
/// batch, since this can take minutes.
pub fn import(
    conn: &Connection,
    csv: Csv<'_>,
    seal: impl FnOnce(&Connection) -> Result<(), StoreError>,
    go_on: impl Fn() -> Result<(), Failure>,
) -> Result<Read, Failure> {
    import_as(conn, csv, TakeUp::default(), seal, go_on)
}

/// The same, where the state file may have customers that a newer CSV says something else of.
pub fn import_as<'a>(
    conn: &'a Connection,
    csv: Csv<'_>,
    take_up: TakeUp<'a>,
    seal: impl FnOnce(&Connection) -> Result<(), StoreError>,
    go_on: impl Fn() -> Result<(), Failure>,
) -> Result<Read, Failure> {
    // Before anything is read: what changes meanwhile is read again the next time.
    let (stamp, changed_ns) = (stamp(csv), changed_ns(csv.path));
    let reader = input::open(csv.path, csv.reading).map_err(|error| wrong(&error))?;
    let stop = reader.stop();
    let text_bytes = reader.text_bytes(bytes(csv.path));
    let gathering = Gathering::new(text_bytes).keeping(csv.problems_kept);
    let importer = Importer::begin(conn).map_err(|error| stored(&error))?;
    let mut importer = importer.keeping(csv.problems_kept).taking_up(take_up);
    let (read, facts) = thread::scope(|scope| {
        let (send, batches) = sync_channel(BATCHES);
        let reading = thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || read(reader, gathering, &send))
            .map_err(|error| stored(&error.into()))?;
        // Where this loop is left early, the channel is closed with it, and the reader ends.
        let taken = loop {
            let batch = match batches.recv_timeout(HEARS) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            };
            if let Err(interrupted) = go_on() {
                break Err(interrupted);
            }
            for named in batch {
                importer.take(named).map_err(|error| stored(&error))?;
            }
        };
        if let Err(interrupted) = taken {
            stop.store(true, Ordering::Relaxed);
            return Err(interrupted);
        }
        let broke_off =
            |_| Failure::new(Exit::Unexpected, "the thread that reads the CSV broke off");
        reading.join().map_err(broke_off)?
    })?;
    let file = CsvFile {
        path: csv.path.display().to_string(),
        bytes: facts.bytes,
        changed_ns,
        sha256: facts.sha256.clone(),
        reading: stamp,
        settings: csv.reading.kept(),
    };
    let sealed = |conn: &Connection, imported: &Imported| {
        seal(conn)?;
        let mut kept = file.clone();
        // What could not be taken up yet is found by reading the same file again.
        if imported.in_doubt > 0 {
            kept.changed_ns = NEVER;
        }
        kept.write(conn)
    };
    let finished = importer.finish(read, sealed);
    let (problems, imported) = finished.map_err(|error| stored(&error))?;
    Ok(Read {
        problems,
        imported,
        facts,
        file,
    })
}

/// The reading thread: sends all that the file says, or ends early where nobody takes it any more.
fn read(
    mut reader: Reader,
    mut gathering: Gathering,
    batches: &SyncSender<Vec<Named>>,
) -> Result<(store::Read, SourceFacts), Failure> {
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(line) = reader
        .next(gathering.problems())
        .map_err(|error| wrong(&error))?
    {
        batch.extend(gathering.add(line).map_err(|error| stored(&error))?);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.send(full).is_err() {
                break;
            }
        }
    }
    let (last, read) = gathering.finish().map_err(|error| stored(&error))?;
    batch.extend(last);
    // Nobody takes it: then the writing side has its own reason, and tells it.
    drop(batches.send(batch));
    Ok((read, reader.facts()))
}

fn wrong(error: &input::WrongFile) -> Failure {
    Failure::new(Exit::Input, error.to_string())
}

fn stored(error: &StoreError) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("the CSV cannot be imported: {error}"),
    )
}

/// True where the file is the one that was imported last, by name, size and time of change, and is read in the same way, with the
/// same files beside it.
pub fn is_imported(conn: &Connection, csv: Csv<'_>) -> Result<bool, StoreError> {
    let Some(last) = CsvFile::read(conn)? else {
        return Ok(false);
    };
    Ok(last.path == csv.path.display().to_string()
        && last.bytes == bytes(csv.path)
        && last.changed_ns == changed_ns(csv.path)
        && last.reading == stamp(csv))
}

fn stamp(csv: Csv<'_>) -> String {
    stamp_of(csv.reading)
}

/// How a file is read: the settings' digest, then size and time of change of each file beside it.
pub(super) fn stamp_of(reading: &Reading) -> String {
    let files = reading.files();
    let files = files.map(|file| format!(" {}:{}", bytes(file), changed_ns(file)));
    files.fold(reading.digest(), |stamp, file| stamp + &file)
}

fn bytes(csv: &Path) -> u64 {
    std::fs::metadata(csv).map_or(0, |metadata| metadata.len())
}

/// When the file was changed last. On Unix the time that nobody can set: a file that was replaced by another of the same size, with
/// its time of modification kept, is still told from it.
#[cfg(unix)]
fn changed_ns(csv: &Path) -> i64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(csv).map_or(0, |metadata| {
        let seconds = metadata.ctime().saturating_mul(1_000_000_000);
        seconds.saturating_add(metadata.ctime_nsec())
    })
}

/// When the file was changed last.
#[cfg(not(unix))]
fn changed_ns(csv: &Path) -> i64 {
    let modified = std::fs::metadata(csv).and_then(|metadata| metadata.modified());
    let since = modified
        .ok()
        .and_then(|modified| modified.duration_since(std::time::UNIX_EPOCH).ok());
    since
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}
