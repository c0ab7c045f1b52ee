//! `pmclone drill`: what it certifies, that it can fail, and that nothing of it stays behind.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::support::tool::repository;
use crate::support::{Place, Result, until};

fn drill(place: &Place, arguments: &[&str], code: i32) -> Result<Value> {
    let samples = repository("samples/customers.csv");
    std::fs::copy(samples, place.path("customers.csv"))?;
    let all = [&["drill", "customers.csv", "--json"], arguments].concat();
    place.pmclone_keyless(&all)?.with(code)?.json()
}

fn counts(certificate: &Value, field: &str) -> Result<Vec<(String, u64)>> {
    let counts = certificate[field].as_array().context("counts")?;
    counts
        .iter()
        .map(|each| {
            let kind = each["kind"].as_str().context("a kind")?.to_owned();
            Ok((kind, each["count"].as_u64().context("a count")?))
        })
        .collect()
}

/// Five customers at every boundary, with every kind of fault, in about ten seconds.
#[cfg_attr(
    feature = "without-intents",
    ignore = "of a client that keeps its intents"
)]
#[test]
fn a_drill_kills_at_every_boundary_and_nothing_is_lost_or_doubled() -> Result<()> {
    let place = Place::new()?;
    let certificate = drill(&place, &["--customers", "5", "--kills", "450"], 0)?;
    for clean in ["duplicates", "lost", "different", "in_doubt", "broken_off"] {
        assert_eq!(certificate[clean], 0, "{certificate}");
    }
    assert_eq!(certificate["clean"], true);
    assert_eq!(certificate["every_boundary"], true);
    let kills = counts(&certificate, "kills_by_point")?;
    for (point, kills) in &kills {
        assert!(*kills > 0, "never killed at {point}: {certificate}");
    }
    let sum: u64 = kills.iter().map(|(_, kills)| kills).sum();
    assert_eq!(certificate["kills"], sum);
    assert_eq!(certificate["resumes"], sum);
    assert!(certificate["resumes_after_25_hours"].as_u64() > Some(100));
    assert!(certificate["faults"].as_u64() > Some(10), "{certificate}");
    // Nothing but the CSV is here, before and after.
    assert_eq!(place.listing()?.len(), 1, "{:?}", place.listing()?);
    Ok(())
}

/// `cargo test --features without-intents without_intents`: a client that a drill must catch.
#[cfg(feature = "without-intents")]
#[test]
fn a_client_without_intents_is_caught_by_a_drill() -> Result<()> {
    let place = Place::new()?;
    let certificate = drill(&place, &["--customers", "5", "--kills", "300"], 9)?;
    assert_eq!(certificate["clean"], false);
    assert!(
        certificate["duplicates"].as_u64() > Some(0),
        "{certificate}"
    );
    assert!(
        !certificate["remarks"]
            .as_array()
            .context("remarks")?
            .is_empty()
    );
    Ok(())
}

#[test]
fn a_csv_with_errors_is_not_drilled_with() -> Result<()> {
    let place = Place::new()?;
    place.put("bad.csv", "legacy_id,email\n1,nobody\n")?;
    let ended = place.pmclone_keyless(&["drill", "bad.csv"])?.with(4)?;
    assert!(ended.err.contains("nothing to drill with"), "{}", ended.err);
    assert_eq!(ended.out, "");
    Ok(())
}

#[test]
fn a_gate_opens_for_nothing_but_a_drill() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", "legacy_id\n1\n")?;
    let base = ["--api-base", "https://example.com", "--drill-gate"];
    let ended = place.pmclone(&[&["run", "c.csv"], &base[..]].concat())?;
    assert!(ended.with(2)?.err.contains("--drill-gate"));
    Ok(())
}

/// Children of this drill, by its temporary directory.
#[cfg(target_os = "linux")]
fn children(root: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc")? {
        let place = std::fs::read_link(entry?.path().join("cwd"));
        count += usize::from(place.is_ok_and(|place| place.starts_with(root)));
    }
    Ok(count)
}

/// The temporary directory of a drill that is on, once a child is at work in it.
#[cfg(target_os = "linux")]
fn root_of(scratch: &Path) -> Result<std::path::PathBuf> {
    let mut found = None;
    until("a drill's child", || {
        found = std::fs::read_dir(scratch)?
            .next()
            .transpose()?
            .map(|entry| entry.path());
        match &found {
            Some(root) => Ok(children(root)? > 0),
            None => Ok(false),
        }
    })?;
    found.context("no directory")
}

#[cfg(target_os = "linux")]
fn start(place: &Place, scratch: &Path) -> Result<crate::support::Running> {
    std::fs::copy(repository("samples/customers.csv"), place.path("c.csv"))?;
    std::fs::create_dir(scratch)?;
    let mut command = place.keyless(&["drill", "c.csv", "--kills", "100000"]);
    command
        .env("TMPDIR", scratch)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    Ok(crate::support::Running::of(command.spawn()?))
}

#[cfg(target_os = "linux")]
#[test]
fn a_drill_that_is_interrupted_leaves_no_child_and_no_directory() -> Result<()> {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new()?;
        let scratch = place.path("scratch");
        let running = start(&place, &scratch)?;
        let root = root_of(&scratch)?;
        running.signal(signal)?;
        let ended = running.wait()?.with(code)?;
        assert!(
            ended.err.contains("there is no certificate"),
            "{}",
            ended.err
        );
        assert_eq!(ended.out, "");
        ensure!(!root.exists(), "{} is left", root.display());
        assert_eq!(children(&root)?, 0);
    }
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_drill_that_is_killed_takes_its_children_along() -> Result<()> {
    let place = Place::new()?;
    let scratch = place.path("scratch");
    let running = start(&place, &scratch)?;
    let root = root_of(&scratch)?;
    running.kill()?;
    until("the end of its children", || Ok(children(&root)? == 0))
}

#[test]
fn a_place_that_is_not_there_is_told_with_what_to_do() -> Result<()> {
    let place = Place::new()?;
    let samples = repository("samples/customers.csv");
    let ended = place
        .keyless(&["drill", &samples.display().to_string()])
        .env("TMPDIR", place.path("nowhere"))
        .output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1), "{said}");
    ensure!(
        said.contains("nowhere") && said.contains("TMPDIR"),
        "{said}"
    );
    Ok(())
}
