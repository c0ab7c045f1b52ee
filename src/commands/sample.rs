//! `pmclone sample`: a CSV to rehearse with.

use std::io::{self, BufWriter, Write};

use super::gone_is_fine;
use super::spared::unwritable;
use crate::cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::file::AtomicFile;
use crate::sample::{Settings, write};

/// Writes the CSV to stdout, or to a file that appears whole.
pub fn sample(args: &cli::Sample) -> Result<Exit, Failure> {
    let settings = Settings {
        customers: args.customers,
        accounts: args.accounts,
        seed: args.seed,
    };
    match &args.output {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            gone_is_fine(write(settings, &mut out).and_then(|()| out.flush()))?;
        }
        Some(path) => {
            let failed = |error: io::Error| {
                Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()))
            };
            let mut out =
                BufWriter::new(AtomicFile::create(path).map_err(|error| unwritable(path, &error))?);
            write(settings, &mut out).map_err(failed)?;
            out.into_inner()
                .map_err(|error| failed(error.into_error()))?
                .commit()
                .map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}
