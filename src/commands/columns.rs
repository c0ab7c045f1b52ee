//! `pmclone columns`: how a file would be read, and a `pmclone.toml` to begin with.

use std::io::{self, Write as _};
use std::path::Path;

use super::gone_is_fine;
use super::spared::unwritable;
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::look::{self, Look};
use crate::report::{self, print_json};

/// Looks at a file, prints what is seen, and writes a configuration where one is asked for.
pub fn columns(config: &Config, args: &cli::Columns) -> Result<Exit, Failure> {
    let reading = config.reading(&args.input)?;
    let wrong = |error: crate::input::WrongFile| Failure::new(Exit::Input, error.to_string());
    let look = look::at(&args.csv, &reading).map_err(wrong)?;
    gone_is_fine(if config.json {
        print_json(&mut io::stdout(), &look)
    } else {
        report::print(&mut io::stdout(), &report::columns::text(&args.csv, &look))
    })?;
    if let Some(output) = &args.output {
        write(&args.csv, &look, output)?;
        let line = format!(
            "A starting configuration is in {}: edit it, then run --dry-run.",
            output.display()
        );
        config.screen.line(&line);
    }
    Ok(Exit::Done)
}

/// Writes a new file: one that somebody edited is not replaced.
fn write(csv: &Path, look: &Look, output: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists already, and is not replaced",
            output.display()
        ))
        .hint("name another file with -o, or move that one away"),
        _ => Failure::new(Exit::Unexpected, format!("{}: {error}", output.display())),
    };
    let mut file = std::fs::File::create_new(output).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => failed(error),
        _ => unwritable(output, &error),
    })?;
    file.write_all(look.toml(csv).as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)
}
