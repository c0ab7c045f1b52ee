//! Parses, runs, prints the error and its hints, and gives the exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;
use pmclone::cli::Cli;
use pmclone::commands;

/// Hyper, reqwest and serde allocate at every call, on several threads: see the crate's line in Cargo.toml.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    commands::run(cli).into()
}
