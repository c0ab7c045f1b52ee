//! Parses, runs, prints the error and its hints, and gives the exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;
use pmclone::cli::Cli;
use pmclone::commands;

fn main() -> ExitCode {
    let cli = Cli::parse();
    commands::run(cli).into()
}
