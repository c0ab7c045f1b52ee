//! One runner per state file: an OS lock on a file beside it, which dies with its process.
//!
//! The lock is not taken on the database itself: on network file systems that would meet SQLite's own locks. Readers
//! (`status`, `export`) do not take it. The file stays where it is: removing it would let two runners lock two files of one name.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::open::private_file;

/// Held for as long as a command may write to the state file.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock, or says [`StoreError::Busy`] at once.
    pub fn take(state: &Path) -> Result<Self, StoreError> {
        let file = private_file(&path(state))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// True while some process holds the lock. Makes no file.
    pub fn is_held(state: &Path) -> bool {
        File::open(path(state))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Of the file itself, whatever link leads to it: two names must not make two locks.
fn path(state: &Path) -> PathBuf {
    let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    let mut name: OsString = state.into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}
