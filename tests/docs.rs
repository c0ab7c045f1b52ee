//! README.md, MIGRATION.md and the pages in docs/ say what is true: their commands run, their flags exist, their tables are the
//! code's, their links lead somewhere.
//!
//! Blocks fenced as `sh` are run, line by line and in order, in one scratch folder for each document, with nothing in it
//! but the samples. A line ends with exit code 0, or with the one that a comment after it names (`# exit 3`). A `text`
//! block right after one is its output: counts in it must come out as they stand. `console` blocks are for reading.
//! Nothing that is run may reach a network: see [`stays_here`].

mod links;
mod tables;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};

const PMCLONE: &str = env!("CARGO_BIN_EXE_pmclone");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const COMMANDS: [&str; 22] = [
    "run",
    "resume",
    "reconcile",
    "recover",
    "status",
    "throttle",
    "export",
    "report",
    "simulate",
    "sample",
    "check",
    "drill",
    "columns",
    "verify",
    "explain",
    "refused",
    "retry",
    "undo",
    "listen",
    "purge",
    "completions",
    "man",
];
/// Flags of other programs that the documents mention.
const FLAGS_OF_OTHERS: [&str; 14] = [
    "--include-ignored",
    "--locked",
    "--root",
    "--path",
    "--target",
    "--release",
    "--query",
    "--stripe-account",
    "--bench",
    "--features",
    "--test",
    "--profile",
    "--lib",
    "--nocapture",
];

fn read(name: &str) -> Result<String> {
    fs::read_to_string(Path::new(ROOT).join(name)).with_context(|| name.to_owned())
}

/// Every page in docs/, by its path from the root.
fn pages() -> Result<Vec<String>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension() == Some("md".as_ref()) {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    ensure!(pages.len() > 10, "only {} pages", pages.len());
    Ok(pages)
}

/// All that tells users how pmclone is used.
fn documents() -> Result<Vec<String>> {
    let mut documents = pages()?;
    documents.extend(["README.md".to_owned(), "MIGRATION.md".to_owned()]);
    Ok(documents)
}

/// A fenced block of a document.
struct Block<'a> {
    /// What stands after the opening fence.
    info: &'a str,
    /// Lines with their numbers.
    lines: Vec<(usize, &'a str)>,
    /// True where only blank lines are between it and the block before: it shows what that one does.
    follows: bool,
}

fn blocks(document: &str) -> Result<Vec<Block<'_>>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut open, mut near) = (false, false);
    for (index, line) in document.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open) {
            (Some(info), false) => {
                open = true;
                blocks.push(Block {
                    info: info.trim(),
                    lines: Vec::new(),
                    follows: near,
                });
            }
            (Some(_), true) => (open, near) = (false, true),
            (None, true) => blocks
                .last_mut()
                .context("a block")?
                .lines
                .push((index + 1, line)),
            (None, false) => near = near && line.is_empty(),
        }
    }
    ensure!(!open, "the last block is not closed");
    Ok(blocks)
}

/// A line of a block as a shell takes it, and the exit code that it shall end with.
fn command_of(line: &str) -> Result<(String, i32)> {
    let (command, code) = line.split_once("# exit ").unwrap_or((line, "0"));
    let code = code
        .trim()
        .parse()
        .with_context(|| format!("the exit code in {line:?}"))?;
    let command = command.trim().replace("cargo run --release --", "pmclone");
    Ok((command, code))
}

/// Fails for a command that could reach Stripe, or anything else but this machine.
fn stays_here(command: &str) -> Result<()> {
    let mut words = command.split_whitespace();
    let harmless = match (words.next(), words.next()) {
        (Some("pmclone"), Some("run")) => {
            command.contains("--simulate")
                || (command.contains("--dry-run") && !command.contains("--online"))
        }
        (Some("pmclone"), Some("resume" | "recover" | "verify" | "check" | "retry" | "undo")) => {
            command.contains("--simulate")
        }
        (
            Some("pmclone"),
            Some(
                "status" | "export" | "report" | "sample" | "drill" | "explain" | "refused"
                | "purge" | "completions" | "man" | "columns",
            ),
        )
        | (Some("printf" | "rm" | "sed"), _) => true,
        _ => false,
    };
    ensure!(harmless, "{command:?} is not known to stay on this machine");
    Ok(())
}

/// A folder with the samples in it.
fn scratch() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let samples = folder.path().join("samples");
    fs::create_dir(&samples)?;
    for entry in fs::read_dir(Path::new(ROOT).join("samples"))? {
        let entry = entry?;
        fs::copy(entry.path(), samples.join(entry.file_name()))?;
    }
    Ok(folder)
}

/// Runs a line with `pmclone` on the `PATH`, and nothing in the environment.
fn shell(folder: &Path, command: &str) -> Result<Output> {
    let bin = Path::new(PMCLONE).parent().context("the binary's folder")?;
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path);
    Ok(shell.output()?)
}

/// Beginnings of lines that come out the same every time, unless faults are drawn.
const CERTAIN: [&str; 9] = [
    "Plan  ",
    "  POST ",
    "  GET ",
    "Customers ",
    "  migrated ",
    "  refused ",
    "  parked ",
    "Clones wanted ",
    "error: ",
];

/// How many commands of the document ran, all of them as it says.
fn run_all_of(document: &str) -> Result<usize> {
    let text = read(document)?;
    let folder = scratch()?;
    let (mut shown, mut ran) = (String::new(), 0);
    let mut certain = false;
    for block in blocks(&text)? {
        match block.info {
            "sh" => {
                shown.clear();
                for (number, line) in block.lines {
                    let (command, code) = command_of(line)?;
                    stays_here(&command)?;
                    ran += 1;
                    let output = shell(folder.path(), &command)?;
                    let told = String::from_utf8_lossy(&output.stdout).into_owned()
                        + &String::from_utf8_lossy(&output.stderr);
                    ensure!(
                        output.status.code() == Some(code),
                        "{document}, line {number}: {command}\nended with {}\n{told}",
                        output.status
                    );
                    certain = !command.contains("--simulate-faults");
                    shown.push_str(&told);
                }
            }
            "text" if block.follows && certain => {
                for (number, line) in block.lines {
                    let is_certain = CERTAIN.iter().any(|begin| line.starts_with(begin));
                    ensure!(
                        !is_certain || shown.lines().any(|each| each == line),
                        "{document}, line {number}: {line:?} is not in\n{shown}"
                    );
                }
            }
            _ => {}
        }
    }
    Ok(ran)
}

#[cfg(unix)]
#[test]
fn the_commands_of_the_readme_run() -> Result<()> {
    ensure!(run_all_of("README.md")? > 5);
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_commands_of_the_runbook_run() -> Result<()> {
    ensure!(run_all_of("MIGRATION.md")? > 20);
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_commands_of_the_pages_run() -> Result<()> {
    let pages = pages()?;
    let ran = thread::scope(|scope| {
        let all: Vec<_> = pages
            .iter()
            .map(|page| scope.spawn(|| run_all_of(page)))
            .collect();
        let mut ran = 0;
        for page in all {
            ran += page.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        Ok::<_, anyhow::Error>(ran)
    })?;
    ensure!(ran > 40, "only {ran} commands");
    Ok(())
}

fn help(command: Option<&str>) -> Result<String> {
    let output = Command::new(PMCLONE).args(command).arg("--help").output()?;
    ensure!(output.status.success(), "--help of {command:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Every `--flag` in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let begins = |at: usize| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c == '-' || c.is_alphanumeric())
    };
    let flag = |at: usize| -> String {
        let rest = text[at..].chars();
        rest.take_while(|c| c.is_ascii_lowercase() || *c == '-')
            .collect()
    };
    text.match_indices("--")
        .filter(|(at, _)| begins(*at))
        .map(|(at, _)| flag(at))
        .filter(|flag| flag.chars().any(char::is_alphabetic))
        .collect()
}

#[test]
fn every_flag_in_the_documents_exists_and_every_flag_is_in_the_documents() -> Result<()> {
    let (mut documented, mut existing) = (BTreeSet::new(), flags(&help(None)?));
    for document in documents()? {
        documented.extend(flags(&read(&document)?));
    }
    for command in COMMANDS {
        existing.extend(flags(&help(Some(command))?));
    }
    let unknown: Vec<_> = documented
        .difference(&existing)
        .filter(|flag| !FLAGS_OF_OTHERS.contains(&flag.as_str()))
        .collect();
    ensure!(unknown.is_empty(), "{unknown:?} do not exist");
    let untold: Vec<_> = existing
        .difference(&documented)
        .filter(|flag| !["--help", "--version"].contains(&flag.as_str()))
        .collect();
    ensure!(untold.is_empty(), "{untold:?} are in no document");
    Ok(())
}

/// Fails where a command line has a flag that its command does not have.
fn fits(line: &str) -> Result<()> {
    let (line, _) = command_of(line)?;
    let Some(rest) = line.strip_prefix("pmclone ") else {
        return Ok(());
    };
    let command = rest.split_whitespace().next().unwrap_or_default();
    ensure!(COMMANDS.contains(&command), "no command {command}");
    let used = flags(line.split('|').next().unwrap_or_default());
    let known = flags(&help(Some(command))?);
    let unknown: Vec<_> = used.difference(&known).collect();
    ensure!(unknown.is_empty(), "{command} has no {unknown:?}");
    Ok(())
}

#[test]
fn each_command_line_in_the_documents_has_only_flags_of_its_command() -> Result<()> {
    for document in documents()? {
        let text = read(&document)?;
        for block in blocks(&text)? {
            for (number, line) in block.lines {
                let typed = match block.info {
                    "sh" => Some(line),
                    "console" => line.trim_start().strip_prefix("$ "),
                    // The cheat sheet: a command, blanks, and what it is for.
                    "bash" => line.split("   ").next(),
                    _ => None,
                };
                if let Some(typed) = typed {
                    fits(typed).with_context(|| format!("{document}, line {number}"))?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn every_command_is_in_the_readme() -> Result<()> {
    let (readme, all) = (read("README.md")?, help(None)?);
    for command in COMMANDS {
        ensure!(
            readme.contains(&format!("| `pmclone {command}")),
            "{command}"
        );
        ensure!(all.contains(&format!("\n  {command} ")), "{command}");
    }
    Ok(())
}
