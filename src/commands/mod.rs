//! One file for each command, and what they share: how a session with Stripe begins, and how a run is carried out.
//!
//! ```text
//!   run ──▶ import ─┐
//!   resume, retry ──┴▶ session ──▶ migrate (take_up, radar, helm, rounds) ──▶ closing table
//!   reconcile, recover, undo, verify, charge, check ──▶ session ──▶ their own room
//!   status, explain, export, refused, report, purge ──▶ the state file alone
//! ```
//!
//! A command opens, calls and closes in the right order, and says which exit code that comes to. What is decided belongs into a pure
//! room, what is said into [`crate::report`], SQL into [`crate::store`].

mod charge;
mod check;
mod columns;
mod drill;
mod dry_run;
mod explain;
pub(crate) mod export;
mod follow;
mod helm;
mod history;
mod import;
mod install;
mod interrupt;
mod listen;
mod lists;
mod machine;
mod metrics;
mod migrate;
mod pilot;
mod problems;
mod purge;
mod radar;
mod reconcile;
mod recover;
mod refresh;
mod refused;
mod rehearsal;
mod report;
mod resume;
mod retry;
mod run;
mod sample;
mod session;
mod simulate;
mod spared;
pub(crate) mod status;
mod take_up;
#[cfg(test)]
mod tests;
mod throttle;
mod undo;
mod verify;

use std::io;
use std::path::Path;

use rusqlite::Connection;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::commands::Flags;
use crate::report::words::quoted;
use crate::store::{self, Migration, StoreError};
use crate::{log, version};
use machine::runtime;

/// What the commands need that are suggested for a state file.
fn suggested(conn: &Connection, migration: &Migration) -> Result<Flags, StoreError> {
    Ok(Flags {
        simulated: migration.simulated,
        livemode: migration.livemode,
        taken_back: store::is_taken_back(conn)?,
    })
}

/// A command that is suggested for a state file, ready to be copied.
fn suggestion(flags: Flags, command: &str, state: &Path) -> String {
    flags.command(command, &quoted(&state.display().to_string()))
}

/// Runs the command; what it fails with is printed here, once.
pub fn run(cli: Cli) -> Exit {
    machine::keep_memory_private();
    let config = match Config::new(&cli.common) {
        Ok(config) => config,
        Err(failure) => {
            return print(
                &crate::report::Screen::new(crate::report::Settings::default()),
                &failure,
            );
        }
    };
    let ended = machine::enough_memory().and_then(|()| logged(&config, cli.command));
    ended.unwrap_or_else(|failure| print(&config.screen, &failure))
}

/// Carries the command out, with a log where one is asked for.
fn logged(config: &Config, command: Command) -> Result<Exit, Failure> {
    let name = command.name();
    if let Some(path) = command.stripe().and_then(|stripe| config.log(stripe)) {
        log::begin(&path, &spared::of_state(config), config.screen.clone()).map_err(|error| {
            let (why, _) = spared::why_not(&path, &error);
            Failure::usage(format!("the log {} cannot be kept: {why}", path.display()))
                .hint("nothing was sent; name another file with --log, or leave it out")
        })?;
    }
    let version = version::VERSION;
    tracing::info!(event = "command_begun", command = name, version);
    let ended = dispatch(config, command);
    let exit = migrate::exit_of(&ended);
    tracing::info!(event = "command_ended", command = name, exit = exit.code());
    ended
}

fn dispatch(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(config, &args),
        Command::Resume(args) => resume::resume(config, &args),
        Command::Reconcile(args) => reconcile::reconcile(config, &args),
        Command::Recover(args) => recover::recover(config, &args),
        Command::Status(args) => status::status(config, &args),
        Command::Throttle(args) => throttle::throttle(config, &args),
        Command::Export(args) => export::export(config, &args),
        Command::Report(args) => report::report(config, &args),
        Command::Simulate(args) => simulate::simulate(config, &args),
        Command::Sample(args) => sample::sample(&args),
        Command::Columns(args) => columns::columns(config, &args),
        Command::Check(args) => check::check(config, &args),
        Command::Drill(args) => drill::drill(config, &args),
        Command::Verify(args) => verify::verify(config, &args),
        Command::Explain(args) => explain::explain(config, &args),
        Command::Refused(args) => refused::refused(config, &args),
        Command::Retry(args) => retry::retry(config, &args),
        Command::Undo(args) => undo::undo(config, &args),
        Command::Listen(args) => listen::listen(config, &args),
        Command::Purge(args) => purge::purge(config, &args),
        Command::Completions(args) => install::completions(&args),
        Command::Man(args) => install::man(&args),
    }
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
