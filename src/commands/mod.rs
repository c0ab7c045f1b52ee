//! One file for each command, and what they share: how a session with Stripe begins, and how a run is carried out.

mod check;
mod drill;
mod dry_run;
pub(crate) mod export;
mod import;
mod interrupt;
mod migrate;
mod pilot;
mod radar;
mod reconcile;
mod recover;
mod rehearsal;
mod resume;
mod run;
mod sample;
mod session;
mod simulate;
pub(crate) mod status;
mod take_up;
#[cfg(test)]
mod tests;

use std::io;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs the command; what it fails with is printed here, once.
pub fn run(cli: Cli) -> Exit {
    let config = match Config::new(&cli.common) {
        Ok(config) => config,
        Err(failure) => {
            return print(
                &crate::report::Screen::new(crate::report::Settings::default()),
                &failure,
            );
        }
    };
    let ended = match cli.command {
        Command::Run(args) => run::run(&config, &args),
        Command::Resume(args) => resume::resume(&config, &args),
        Command::Reconcile(args) => reconcile::reconcile(&config, &args),
        Command::Recover(args) => recover::recover(&config, &args),
        Command::Status(args) => status::status(&config, &args),
        Command::Export(args) => export::export(&config, &args),
        Command::Simulate(args) => simulate::simulate(&config, &args),
        Command::Sample(args) => sample::sample(&args),
        Command::Check(args) => check::check(&config, &args),
        Command::Drill(args) => drill::drill(&config, &args),
    };
    ended.unwrap_or_else(|failure| print(&config.screen, &failure))
}

fn print(screen: &crate::report::Screen, failure: &Failure) -> Exit {
    screen.problem(&format!("pmclone: {}", failure.message));
    for hint in &failure.hints {
        screen.problem(&format!("  {hint}"));
    }
    failure.exit
}

/// A reader of stdout that has gone (`| head`) is not an error.
fn gone_is_fine(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Descriptors that a command which talks to somebody needs, besides one for each request in flight: the state file, its log
/// and lock, the runtime's own.
const DESCRIPTORS: usize = 24;

/// The runtime of the commands that talk to somebody.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let refused = |error: &io::Error| {
        Failure::new(
            Exit::Unexpected,
            format!("the machine gives no threads or descriptors: {error}"),
        )
        .hint("nothing was sent; allow more (`ulimit -n 1024`, `ulimit -u`), then run the same command again")
    };
    // The runtime breaks off where it finds none left, so they are asked for first.
    let exe = std::env::current_exe().map_err(|error| refused(&error))?;
    let probe: io::Result<Vec<_>> = (0..DESCRIPTORS)
        .map(|_| std::fs::File::open(&exe))
        .collect();
    drop(probe.map_err(|error| refused(&error))?);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))
}
