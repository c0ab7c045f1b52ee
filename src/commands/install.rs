//! `pmclone completions` and `pmclone man`: made from the command line's own description, so that they cannot differ from it.

use std::io;

use clap::CommandFactory;

use super::gone_is_fine;
use super::spared::unwritable;
use crate::cli::{Cli, Completions, Man};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;

/// Prints a shell's completions.
pub fn completions(args: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pmclone", &mut script);
    print(&script)
}

/// Prints the manual's first page, or writes all of them.
pub fn man(args: &Man) -> Result<Exit, Failure> {
    if let Some(directory) = &args.output {
        return match clap_mangen::generate_to(Cli::command(), directory) {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(unwritable(&directory.join("pmclone.1"), &error)),
        };
    }
    // As `generate_to` does it, so that both are the same.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> Result<Exit, Failure> {
    let text = String::from_utf8_lossy(text);
    gone_is_fine(report::print(&mut io::stdout(), &text))?;
    Ok(Exit::Done)
}
