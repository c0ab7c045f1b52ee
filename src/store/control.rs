//! What one terminal says to a run in another: a small file beside the state file, replaced whole by `pmclone throttle` and read
//! by the run ten times a second. The state file itself has one writer, the run.
//!
//! It is said to one run: a run that begins removes what was said to an earlier one.

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StoreError;

/// All that is said, not only what was said last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Raised with each word, so that whoever said it sees it taken up.
    pub word: u64,
    /// Requests per second in all: a number, `off` or `auto`; absent: as the run was started.
    pub rate: Option<String>,
    /// Nothing new is begun.
    pub pause: bool,
    /// The run ends when what is under way is settled.
    pub stop: bool,
}

impl Control {
    /// What is said to the run of `state`; `None`: nothing.
    pub fn read(state: &Path) -> Result<Option<Self>, StoreError> {
        match std::fs::read(control_file(state)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| {
                let path = control_file(state);
                StoreError::Damaged(format!("{} cannot be read: delete it", path.display()))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Says it, in place of all that was said before.
    pub fn write(&self, state: &Path) -> Result<(), StoreError> {
        let path = control_file(state);
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        let json = serde_json::to_vec(self).map_err(std::io::Error::from)?;
        file.write_all(&json)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets what was said.
    pub fn remove(state: &Path) -> Result<(), StoreError> {
        match std::fs::remove_file(control_file(state)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Of the file itself, whatever link leads to it.
pub(super) fn beside(state: &Path, ending: &str) -> PathBuf {
    let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    let mut name: OsString = state.into_os_string();
    name.push(ending);
    PathBuf::from(name)
}

fn control_file(state: &Path) -> PathBuf {
    beside(state, ".control")
}

/// The file that pauses a run while it is there, where no other is named.
pub fn pause_file(state: &Path) -> PathBuf {
    beside(state, ".pause")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_as_it_was_said_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("pmclone.db");
        assert_eq!(Control::read(&state).unwrap(), None);
        let said = Control {
            word: 7,
            rate: Some("auto".to_owned()),
            pause: true,
            stop: false,
        };
        said.write(&state).unwrap();
        assert_eq!(Control::read(&state).unwrap(), Some(said));
        Control::remove(&state).unwrap();
        Control::remove(&state).unwrap();
        assert_eq!(Control::read(&state).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("pmclone.db");
        std::fs::write(control_file(&state), "{\"faster\":true}").unwrap();
        let error = Control::read(&state).unwrap_err().to_string();
        assert!(error.contains("pmclone.db.control"), "{error}");
    }
}
