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
    let (why, hint) = why_not(path, error);
    let told = format!("{} cannot be written: {why}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(Exit::Unexpected, told).hint("make room, or name a file elsewhere")
        }
        _ => Failure::usage(told).hint(hint),
    }
}

/// Why a file cannot be begun there, and what to do.
pub fn why_not(path: &Path, error: &io::Error) -> (String, &'static str) {
    const ELSEWHERE: &str = "name a file elsewhere";
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    match (error.kind(), folder) {
        (io::ErrorKind::NotFound, Some(folder)) if !folder.exists() => {
            let why = format!("there is no folder {}", folder.display());
            (why, "make it first, or name a file elsewhere")
        }
        (io::ErrorKind::NotADirectory, Some(folder)) => {
            let why = format!("{} is a file, not a folder", folder.display());
            (why, ELSEWHERE)
        }
        (io::ErrorKind::PermissionDenied, _) => {
            ("this user may not write there".to_owned(), ELSEWHERE)
        }
        // The kernel's own folders say that they find nothing.
        (io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotFound, _) => {
            ("nothing can be written there".to_owned(), ELSEWHERE)
        }
        _ => (error.to_string(), ELSEWHERE),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_in_words_with_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        let (here, none) = (place.path().join("x"), place.path().join("none/x"));
        let file = place.path().join("f");
        std::fs::write(&file, "").unwrap();
        for (path, kind, why, code) in [
            (&none, io::ErrorKind::NotFound, "there is no folder", 2),
            (&here, io::ErrorKind::NotFound, "nothing can be written", 2),
            (
                &file.join("x"),
                io::ErrorKind::NotADirectory,
                "is a file, not a folder",
                2,
            ),
            (
                &here,
                io::ErrorKind::PermissionDenied,
                "this user may not write there",
                2,
            ),
            (
                &here,
                io::ErrorKind::ReadOnlyFilesystem,
                "nothing can be written there",
                2,
            ),
            (&here, io::ErrorKind::StorageFull, "no storage space", 1),
        ] {
            let failure = unwritable(path, &kind.into());
            let told = format!("{} cannot be written: ", path.display());
            assert!(failure.message.starts_with(&told), "{failure:?}");
            assert!(failure.message.contains(why), "{failure:?}");
            assert!(!failure.message.contains("os error"), "{failure:?}");
            assert!(failure.hints.iter().any(|hint| hint.contains("elsewhere")));
            assert_eq!(failure.exit.code(), code, "{failure:?}");
        }
    }
}
