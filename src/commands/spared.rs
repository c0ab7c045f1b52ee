//! What `-o FILE` must not replace: the state file, what belongs to it, and the CSV.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::file;
use crate::store::{CsvFile, StoreError};

/// What stands beside a state file, by the end of its name.
const BESIDE: [&str; 6] = ["-wal", "-shm", ".lock", ".control", ".pause", ".world"];

/// A file that cannot be begun where it was asked for: another place has to be named. A full disk is nobody's mistake.
pub fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let told = |why: &str| format!("{} cannot be written: {why}", path.display());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    match (error.kind(), folder) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => {
            Failure::new(Exit::Unexpected, told(&error.to_string()))
        }
        (io::ErrorKind::NotFound, Some(folder)) => {
            let why = format!("there is no folder {}", folder.display());
            Failure::usage(told(&why)).hint("make it first, or name a file elsewhere")
        }
        (io::ErrorKind::NotADirectory, Some(folder)) => {
            let why = format!("{} is a file, not a folder", folder.display());
            Failure::usage(told(&why)).hint("name a file elsewhere")
        }
        (io::ErrorKind::PermissionDenied, _) => {
            Failure::usage(told("this user may not write there")).hint("name a file elsewhere")
        }
        (io::ErrorKind::ReadOnlyFilesystem, _) => {
            Failure::usage(told("nothing can be written there")).hint("name a file elsewhere")
        }
        _ => Failure::usage(told(&error.to_string())),
    }
}

/// What stands beside a state file, and the file itself.
fn files_of(state: &Path) -> Vec<PathBuf> {
    let beside = BESIDE.map(|end| {
        let mut name = state.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    let mut files = vec![state.to_path_buf()];
    files.extend(beside);
    files
}

/// The files of the migration and of the rehearsal that a command may be about, whether they are there or not.
pub fn of_state(config: &Config) -> Vec<PathBuf> {
    let states = [false, true].map(|simulate| config.state_file(simulate));
    states.iter().flat_map(|state| files_of(state)).collect()
}

/// Refuses to write over the files of this migration.
pub fn spare(output: &Path, state: &Path, conn: &Connection) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let mut files = files_of(state);
    let csv = CsvFile::read(conn).map_err(of)?;
    files.extend(csv.map(|csv| PathBuf::from(csv.path)));
    if file::is_one_of(output, &files) {
        return Err(Failure::usage(format!(
            "{} is a file of this migration itself, and is not replaced: nothing was written",
            output.display()
        ))
        .hint("name another file with -o"));
    }
    Ok(())
}
