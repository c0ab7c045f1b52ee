//! One runner per state file: an OS lock on a file beside it, which dies with its process.
//!
//! The lock is not taken on the database itself: on network file systems that would meet SQLite's own locks. Readers
//! (`status`, `export`) do not take it. The file stays where it is: removing it would let two runners lock two files of one name.
//!
//! It also remembers that a migration began. Hazard: SQLite takes an empty file for a new one, and drops the log beside it; so a
//! state file that was cut off to nothing would be begun anew, and everything be made twice.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::open::private_file;

/// How often a lock is asked for that somebody holds.
const LOOKS: u32 = 10;

/// A pause between, in which whoever only looked is gone.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Held for as long as a command may write to the state file.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

/// What the file holds once a migration began.
const BEGUN: &[u8] = b"a migration began in the state file beside this\n";

impl RunLock {
    /// Takes the lock, or says [`StoreError::Busy`]: a run holds it for minutes, one who asks [`RunLock::is_held`] for an instant,
    /// which is waited out.
    pub fn take(state: &Path) -> Result<Self, StoreError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "before the runtime; for an instant, and seldom"
        )]
        Self::take_between(state, || std::thread::sleep(BETWEEN_LOOKS))
    }

    /// The same, with what is done between two looks.
    pub(crate) fn take_between(state: &Path, mut pause: impl FnMut()) -> Result<Self, StoreError> {
        // Before a lock is left beside it.
        if state.is_dir() {
            return Err(StoreError::Directory);
        }
        let file = private_file(&path(state))?;
        for _ in 1..LOOKS {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => pause(),
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Busy,
            TryLockError::Error(error) => error.into(),
        })?;
        Ok(Self { file })
    }

    /// Notes, to disk, that a migration began. Before anything is sent.
    pub fn note_begun(&self) -> Result<(), StoreError> {
        if self.file.metadata()?.len() == 0 {
            (&self.file).write_all(BEGUN)?;
            self.file.sync_all()?;
        }
        Ok(())
    }

    /// The state file is a new one.
    pub(super) fn forget_begun(state: &Path) -> Result<(), StoreError> {
        match OpenOptions::new().write(true).open(path(state)) {
            Ok(lock) => Ok(lock.set_len(0)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// True where a migration began in this state file, whatever is left of it.
    pub(super) fn has_begun(state: &Path) -> bool {
        std::fs::metadata(path(state)).is_ok_and(|lock| lock.len() > 0)
    }

    /// True while some process holds the lock. Makes no file.
    pub fn is_held(state: &Path) -> bool {
        File::open(path(state))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Of the file itself, whatever link leads to it: two names must not make two locks, also where the file is yet to be made.
fn path(state: &Path) -> PathBuf {
    let mut name: OsString = state
        .canonicalize()
        .unwrap_or_else(|_| led_to(state))
        .into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

/// Where links lead whose end is not there yet. The system follows no more of them than this either.
fn led_to(state: &Path) -> PathBuf {
    const LINKS: u32 = 40;
    let mut path = state.to_owned();
    for _ in 0..LINKS {
        let Ok(end) = std::fs::read_link(&path) else {
            break;
        };
        // An absolute one takes the place of the whole.
        path = path.parent().unwrap_or(Path::new("")).join(end);
    }
    path
}
