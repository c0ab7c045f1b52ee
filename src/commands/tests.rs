//! Whole commands, in this process, against the simulator.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::cli::Cli;
use crate::exit::Exit;

/// Runs a command in quiet.
fn pmclone(arguments: &[&str]) -> Exit {
    let quiet = ["pmclone", "--quiet", "--config", "/dev/null"];
    super::run(Cli::parse_from(quiet.iter().chain(arguments)))
}

/// A folder with a CSV, and the state file to be made there.
fn folder(csv: &str) -> (tempfile::TempDir, String, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (path, state) = (folder.path().join("in.csv"), folder.path().join("s.db"));
    std::fs::write(&path, csv).unwrap();
    (folder, path.display().to_string(), state)
}

/// A rehearsal as fast as it can be.
fn rehearse(csv: &str, state: &Path, more: &[&str]) -> Exit {
    let state = state.display().to_string();
    let fixed = [
        "run",
        csv,
        "--simulate",
        "--simulate-limits",
        "off",
        "--rate",
        "off",
    ];
    pmclone(&[&fixed[..], &["--state", &state], more].concat())
}

#[test]
fn a_rehearsal_is_begun_anew_by_removing_its_state_file() {
    let (_folder, csv, state) = folder(
        "legacy_id,platform_customer,payment_method,connected_account\n1,,pm_1,acct_1\n2,cus_2,pm_2,acct_1\n",
    );
    for _ in 0..2 {
        assert_eq!(rehearse(&csv, &state, &[]), Exit::Done);
        std::fs::remove_file(&state).unwrap();
    }
}
