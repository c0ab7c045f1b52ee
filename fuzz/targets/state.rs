#![no_main]

use std::sync::LazyLock;

/// In memory, where there is such a place: each input is a file that is written and synced.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().expect("a folder"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pmclone::fuzzing::state(bytes, FOLDER.path()));
