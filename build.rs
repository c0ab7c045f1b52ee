//! Facts for `pmclone --version`: the commit, and the versions of the parts that talk to Stripe.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts by the environment"
)]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-env-changed=PMCLONE_COMMIT");
    println!("cargo::rustc-env=PMCLONE_COMMIT={}", commit());
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    for part in ["rustls", "reqwest"] {
        let name = part.to_uppercase();
        println!("cargo::rustc-env=PMCLONE_{name}={}", locked(&lock, part));
    }
    for about in ["TARGET", "PROFILE"] {
        let value = std::env::var(about).unwrap_or_default();
        println!("cargo::rustc-env=PMCLONE_{about}={value}");
    }
}

/// The commit that is built: as told (`PMCLONE_COMMIT`, where the sources come without their history), else git's. Other builds
/// than a release's do not ask, or each commit would build everything anew.
fn commit() -> String {
    if let Ok(told) = std::env::var("PMCLONE_COMMIT") {
        return told;
    }
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return "not recorded".to_owned();
    }
    // Sources that lie in somebody else's repository have no commit of their own.
    let top = git(&["rev-parse", "--show-toplevel"]);
    let here = std::fs::canonicalize(".").ok();
    if here.is_none() || top.map(|top| Path::new(&top).to_path_buf()) != here {
        return "unknown".to_owned();
    }
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["describe", "--always", "--dirty", "--abbrev=12"]).unwrap_or_else(|| "unknown".to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| text.trim().to_owned())
}

/// A package's version in the lock file.
fn locked<'a>(lock: &'a str, package: &str) -> &'a str {
    let name = format!("name = \"{package}\"\nversion = \"");
    lock.split_once(&name)
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("unknown")
}
