//! What goes beside an installed binary: completions, manual pages, and what a build is made of.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::support::{Place, Result};

/// The commands that `--help` lists.
fn commands(place: &Place) -> Result<BTreeSet<String>> {
    let help = place.pmclone_keyless(&["--help"])?.with(0)?.out;
    let (_, listed) = help.split_once("\nCommands:\n").context("the commands")?;
    let (listed, _) = listed.split_once("\n\n").context("their end")?;
    let names = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

#[test]
fn completions_know_every_command_and_the_shell_reads_them() -> Result<()> {
    let place = Place::new()?;
    let commands = commands(&place)?;
    ensure!(commands.contains("run") && commands.len() > 8);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.pmclone_keyless(&["completions", shell])?.with(0)?.out;
        for command in &commands {
            ensure!(script.contains(command.as_str()), "{shell} lacks {command}");
        }
        place.put(shell, &script)?;
    }
    let read = Command::new("bash")
        .arg("-n")
        .arg(place.path("bash"))
        .output()?;
    ensure!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    Ok(())
}

#[test]
fn each_command_has_a_manual_page() -> Result<()> {
    let place = Place::new()?;
    let folder = place.path(".").display().to_string();
    place.pmclone_keyless(&["man", "-o", &folder])?.with(0)?;
    let mut expected: BTreeSet<String> = commands(&place)?
        .iter()
        .filter(|name| *name != "help")
        .map(|name| format!("pmclone-{name}.1"))
        .collect();
    expected.insert("pmclone.1".to_owned());
    ensure!(place.listing()?.into_iter().collect::<BTreeSet<_>>() == expected);
    let first = place.pmclone_keyless(&["man"])?.with(0)?.out;
    ensure!(first == std::fs::read_to_string(place.path("pmclone.1"))?);
    let nowhere = place
        .pmclone_keyless(&["man", "-o", "not/there"])?
        .with(2)?;
    ensure!(nowhere.err.contains("not/there"), "{}", nowhere.err);
    Ok(())
}

#[test]
fn the_version_tells_what_the_build_is_made_of() -> Result<()> {
    let place = Place::new()?;
    let told = place.pmclone_keyless(&["--version"])?.with(0)?.out;
    for fact in [
        "commit",
        "build",
        "target",
        "Stripe-Version",
        "SQLite",
        "TLS",
        "HTTP",
    ] {
        let line = told.lines().find(|line| line.starts_with(fact));
        let value = line.with_context(|| format!("no {fact}"))?[fact.len()..].trim();
        ensure!(!value.is_empty() && value != "unknown", "{fact}: {value}");
    }
    let short = place.pmclone_keyless(&["-V"])?.with(0)?.out;
    ensure!(told.starts_with(short.trim_end()), "{short}");
    Ok(())
}

/// As where `/proc` is not mounted, or a package was upgraded meanwhile: a program cannot always open itself.
#[cfg(target_os = "linux")]
#[test]
fn a_program_whose_file_is_gone_begins_nevertheless() -> Result<()> {
    let place = Place::new()?;
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_pmclone"));
    let link = binary.with_file_name(format!("pmclone-gone-{}", std::process::id()));
    std::fs::hard_link(binary, &link)?;
    let script =
        r#"exec 3<"$0"; rm "$0"; exec /proc/self/fd/3 reconcile --simulate --state none.db"#;
    let ended = Command::new("sh")
        .args(["-c", script])
        .arg(&link)
        .current_dir(place.path("."))
        .output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(
        ended.status.code() == Some(10),
        "{:?}: {said}",
        ended.status
    );
    Ok(())
}
