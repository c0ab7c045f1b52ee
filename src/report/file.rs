//! A file that appears whole or not at all, for `-o FILE`.
//!
//! Hazard: a mapping that is cut off looks like one that is complete. So it is written beside its place, brought to the disk
//! and only then given its name; until then an older file of that name stays as it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Names tried for the file beside: leftovers of killed processes are never written into.
const TRIES: u32 = 100;

/// A file in the making. Dropped without [`AtomicFile::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    beside: PathBuf,
    place: PathBuf,
    committed: bool,
}

impl AtomicFile {
    /// Begins a file that will stand at `place`, readable by its owner alone. Fails where a directory, a pipe or a device
    /// stands there. A symbolic link stays, and what it points to is replaced.
    pub fn create(place: &Path) -> io::Result<Self> {
        let place = match fs::metadata(place) {
            // Only what is a file is looked into: opening a pipe waits for its other end.
            Ok(found) if found.is_file() && is_database(place) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, DATABASE));
            }
            Ok(found) if found.is_file() => fs::canonicalize(place)?,
            Ok(_) => return Err(not_a_file(place)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => place.to_path_buf(),
            Err(error) => return Err(error),
        };
        let (file, beside) = create_beside(&place)?;
        Ok(Self {
            file,
            beside,
            place,
            committed: false,
        })
    }

    /// Lets every user of this machine read it.
    pub fn for_all_to_read(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            self.file
                .set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }

    /// Brings the file to the disk and gives it its name, in place of what stood there.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.place)?;
        self.committed = true;
        sync_directory(directory_of(&self.place))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // The error that led here is on its way already; a file that stays has a name that says what it is.
            drop(fs::remove_file(&self.beside));
        }
    }
}

fn not_a_file(_: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

const DATABASE: &str = "a database is there, which may be a state file, and is not replaced";

/// Whether a file there begins as SQLite's do: a state file, of this migration or another, is the only record of what was sent.
fn is_database(place: &Path) -> bool {
    let mut first = [0; 15];
    let read = File::open(place).and_then(|mut file| io::Read::read_exact(&mut file, &mut first));
    read.is_ok() && &first == b"SQLite format 3"
}

/// Whether `place` is one of `files`, under whatever name. None of them need exist.
pub fn is_one_of(place: &Path, files: &[PathBuf]) -> bool {
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_path_buf());
    files
        .iter()
        .any(|file| fs::canonicalize(file).unwrap_or_else(|_| file.clone()) == place)
}

fn directory_of(place: &Path) -> &Path {
    match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn create_beside(place: &Path) -> io::Result<(File, PathBuf)> {
    let Some(name) = place.file_name() else {
        return Err(not_a_file(place));
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 0..TRIES {
        let mut beside_name = std::ffi::OsString::from(".");
        beside_name.push(name);
        beside_name.push(format!(".{}-{number}.part", std::process::id()));
        let beside = directory_of(place).join(beside_name);
        match options.open(&beside) {
            Ok(file) => return Ok((file, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A rename is on the disk only once its directory is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_appears_whole_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("mapping.csv");
        let mut file = AtomicFile::create(&place).unwrap();
        file.write_all(b"new").unwrap();
        assert!(!place.exists());
        file.commit().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["mapping.csv"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&place).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn a_file_that_is_given_up_leaves_the_older_one_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("mapping.csv");
        fs::write(&place, "old").unwrap();
        let mut file = AtomicFile::create(&place).unwrap();
        file.write_all(b"half of the n").unwrap();
        drop(file);
        assert_eq!(fs::read(&place).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["mapping.csv"]);
    }

    #[test]
    fn a_directory_a_device_or_a_missing_folder_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(AtomicFile::create(directory.path()).is_err());
        assert!(AtomicFile::create(&directory.path().join("none/mapping.csv")).is_err());
        #[cfg(unix)]
        assert!(AtomicFile::create(Path::new("/dev/null")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (
            directory.path().join("target.csv"),
            directory.path().join("link.csv"),
        );
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut file = AtomicFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }
}
