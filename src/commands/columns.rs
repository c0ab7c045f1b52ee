//! `pmclone columns`.
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;

/// x
pub fn columns(config: &Config, args: &cli::Columns) -> Result<Exit, Failure> {
    let _reading = config.reading(&args.input)?;
    Ok(Exit::Done)
}
