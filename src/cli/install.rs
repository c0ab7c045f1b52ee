//! `completions` and `man`: what goes beside an installed binary.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `pmclone completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "For bash: pmclone completions bash > ~/.local/share/bash-completion/completions/pmclone"
)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// `pmclone man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write the page of each command into a directory, which must exist, instead of the first one to stdout.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}
