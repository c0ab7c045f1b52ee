//! `--problems FILE`: the lines that something stands against, to be mended and given back.

use std::io::BufWriter;
use std::path::Path;

use super::import::{Csv, Read};
use super::spared::unwritable;
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Reading};
use crate::report::file::AtomicFile;
use crate::report::words::count;

/// Problems of a kind that are kept for a file of them: more is a fault of the whole file, which nobody mends line by line.
const KEPT_FOR_A_FILE: u64 = 100_000;

/// The CSV of a run. Refuses to write its problems over a file that is there.
pub fn csv<'a>(args: &'a cli::Run, reading: &'a Reading) -> Result<Csv<'a>, Failure> {
    let mut csv = Csv::new(&args.csv, reading);
    if let Some(path) = &args.problems {
        is_new(path, "--problems")?;
        csv.problems_kept = KEPT_FOR_A_FILE;
    }
    Ok(csv)
}

/// Refuses a file that is there: somebody may have mended half of it, or named their own CSV by mistake.
pub fn is_new(path: &Path, option: &str) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!(
            "{} exists already, and is not replaced",
            path.display()
        ))
        .hint(format!(
            "name another file with {option}, or move that one away"
        )));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.exists()) {
        return Err(unwritable(path, &std::io::ErrorKind::NotFound.into()));
    }
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(unwritable(path, &std::io::ErrorKind::NotADirectory.into()));
    }
    Ok(())
}

/// Writes the file, if one was asked for and there is a line to write.
pub fn write(config: &Config, args: &cli::Run, csv: Csv<'_>, read: &Read) -> Result<(), Failure> {
    let Some(path) = &args.problems else {
        return Ok(());
    };
    if read.problems.errors() == 0 {
        let line = format!("No line has an error: {} was not written.", path.display());
        config.screen.line(&line);
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()))
    };
    let file = BufWriter::new(AtomicFile::create(path).map_err(|error| unwritable(path, &error))?);
    let written = input::write_problems(csv.path, csv.reading, &read.problems, file);
    let (file, lines) = written.map_err(|error| Failure::new(Exit::Input, error.to_string()))?;
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.commit().map_err(failed)?;
    let more = if read.problems.not_kept() > 0 {
        format!(" (of some kinds only the first {KEPT_FOR_A_FILE})")
    } else {
        String::new()
    };
    let earlier = args.input.mended.iter();
    let earlier: Vec<_> = earlier
        .map(|file| format!("--mended {} ", file.display()))
        .collect();
    config.screen.line(&format!(
        "{} to be mended are in {}{more}. It holds personal data. Mend them there, then run the same command with: {}--mended {}",
        count(lines, "line"),
        path.display(),
        earlier.concat(),
        path.display()
    ));
    Ok(())
}
