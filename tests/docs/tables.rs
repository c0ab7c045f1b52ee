//! What the documents list: exit codes, settings, messages, rules of the fault script, tests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use pmclone::exit::Exit;
use pmclone::simulator::FaultScript;

use super::{ROOT, documents, help, read, scratch, shell};

/// What `src/exit.rs` says of each way to end, in its order.
fn told_of_exits() -> Result<Vec<String>> {
    let source = read("src/exit.rs")?;
    let (_, of_enum) = source.split_once("pub enum Exit {").context("the enum")?;
    let (of_enum, _) = of_enum.split_once("\n}").context("its end")?;
    let comment = |line: &str| line.trim().strip_prefix("/// ").map(str::to_owned);
    Ok(of_enum.lines().filter_map(comment).collect())
}

#[test]
fn the_table_of_exit_codes_is_the_codes() -> Result<()> {
    let page = read("docs/commands.md")?;
    let (_, section) = page
        .split_once("## Exit codes")
        .context("the section on exit codes")?;
    let (section, _) = section.split_once("\n#").context("the next section")?;
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let code = cells.next()?.parse::<u8>().ok()?;
        Some((code, cells.next()?.to_owned()))
    };
    let rows: Vec<_> = section.lines().filter_map(row).collect();
    let expected: Vec<_> = Exit::ALL
        .map(Exit::code)
        .into_iter()
        .zip(told_of_exits()?)
        .collect();
    assert_eq!(rows, expected);
    Ok(())
}

#[test]
fn the_sample_configuration_is_accepted_and_has_every_setting() -> Result<()> {
    let folder = scratch()?;
    let accepted = shell(
        folder.path(),
        "pmclone --config samples/pmclone.toml run samples/customers.csv --dry-run",
    )?;
    ensure!(
        accepted.status.success(),
        "{}",
        String::from_utf8_lossy(&accepted.stderr)
    );
    // What refuses an unknown setting lists those that there are.
    fs::write(folder.path().join("pmclone.toml"), "colour = 1\n")?;
    let refused = shell(folder.path(), "pmclone run samples/customers.csv --dry-run")?;
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    let (_, settings) = told
        .split_once("expected one of ")
        .context("a list of settings")?;
    let (sample, page) = (
        read("samples/pmclone.toml")?,
        read("docs/configuration.md")?,
    );
    for setting in settings.split('`').skip(1).step_by(2) {
        ensure!(
            sample.contains(&format!("{setting} = ")) || sample.contains(&format!("[{setting}]")),
            "{setting} is not in the sample"
        );
        ensure!(
            page.contains(&format!("`{setting}`")),
            "{setting} is not in docs/configuration.md"
        );
    }
    Ok(())
}

#[test]
fn the_fault_scripts_in_the_help_are_read() -> Result<()> {
    let help = help(Some("simulate"))?;
    let is_rule = |line: &&str| {
        ["at ", "every ", "chance ", "nth "]
            .iter()
            .any(|when| line.starts_with(when))
    };
    // A rule and what it does are set apart by blanks.
    let rules: Vec<_> = help
        .lines()
        .map(str::trim)
        .filter(is_rule)
        .filter_map(|line| line.split("  ").next())
        .collect();
    ensure!(rules.len() == 7, "{rules:?}");
    FaultScript::parse(&rules.join("\n"))?;
    Ok(())
}

fn collect_sources(folder: &Path, sources: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_sources(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[test]
fn the_messages_in_the_table_of_failures_are_those_of_the_program() -> Result<()> {
    /// Messages of SQLite.
    const OF_OTHERS: [&str; 1] = ["database or disk is full"];
    let runbook = read("MIGRATION.md")?;
    let (_, section) = runbook
        .split_once("## When something goes wrong")
        .context("the section")?;
    let (section, _) = section.split_once("\n#").context("the next section")?;
    let mut sources = String::new();
    collect_sources(&Path::new(ROOT).join("src"), &mut sources)?;
    let mut checked = 0;
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let symptom = row.split(" | ").next().unwrap_or_default();
        for message in symptom.split('`').skip(1).step_by(2) {
            for part in message.split('…').map(str::trim) {
                checked += 1;
                ensure!(
                    sources.contains(part) || OF_OTHERS.contains(&part),
                    "{part:?} is nowhere in src"
                );
            }
        }
    }
    ensure!(checked > 15, "only {checked} messages in the table");
    Ok(())
}

/// The names in the column of tests of every row of a table; each must be one of a test.
fn named_tests(table: &str, column: usize) -> Result<usize> {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        collect_sources(&Path::new(ROOT).join(folder), &mut sources)?;
    }
    let mut checked = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.split(" | ").nth(column).context("a column of tests")?;
        for name in tests
            .split('`')
            .filter(|name| name.matches('_').count() > 2)
        {
            checked += 1;
            let defined = format!("fn {name}()");
            ensure!(sources.contains(&defined), "there is no test {name}");
        }
    }
    Ok(checked)
}

/// A threat whose test is gone is not guarded against any more.
#[test]
fn the_tests_that_the_threat_model_names_exist() -> Result<()> {
    let document = read("SECURITY.md")?;
    let (_, threats) = document.split_once("## Threats").context("the threats")?;
    let (threats, _) = threats.split_once("\n## ").context("their end")?;
    let checked = named_tests(threats, 2)?;
    ensure!(checked > 30, "only {checked} tests are named");
    Ok(())
}

#[test]
fn the_tests_that_the_runbook_names_exist() -> Result<()> {
    let document = read("MIGRATION.md")?;
    let (_, happened) = document
        .split_once("| what happened |")
        .context("the table")?;
    let (happened, _) = happened.split_once("\n\n").context("its end")?;
    let checked = named_tests(happened, 3)?;
    ensure!(checked > 10, "only {checked} tests are named");
    Ok(())
}

/// The filter in the words after `cargo test`: which tests are to run.
fn filter_of(words: &str) -> Option<&str> {
    let mut words = words.split_whitespace().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        match word {
            "--profile" | "--test" | "--features" => {
                words.next();
            }
            flag if flag.starts_with("--") => {}
            filter => return Some(filter),
        }
    }
    None
}

/// A filter that matches nothing runs nothing, and ends well.
#[test]
fn the_tests_that_are_told_to_be_run_again_exist() -> Result<()> {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        collect_sources(&Path::new(ROOT).join(folder), &mut sources)?;
    }
    let is_named = |line: &str, part: &str| {
        let line = line.trim_start();
        let module = [format!("mod {part};"), format!("mod {part} {{")];
        module.iter().any(|module| line.starts_with(module))
            || (line.starts_with("fn ") && line.contains(part))
    };
    let mut checked = 0;
    for document in documents()? {
        let text = read(&document)?;
        for rest in text.split("cargo test").skip(1) {
            let words = rest.split(['`', '\n']).next().unwrap_or_default();
            for part in filter_of(words).into_iter().flat_map(|all| all.split("::")) {
                checked += 1;
                ensure!(
                    sources.lines().any(|line| is_named(line, part)),
                    "{document}: no test is called {part}"
                );
            }
        }
    }
    ensure!(checked > 6, "only {checked} filters");
    Ok(())
}
