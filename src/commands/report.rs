//! `pmclone report`: gathers the record of a migration from the state file, as of one moment, and writes it.

mod gather;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::gone_is_fine;
use super::spared::{spare, unwritable};
use super::status::missing_or;
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::file::AtomicFile;
use crate::report::print_json;
use crate::report::record::{Record, page};
use crate::store::{self, RunLock, StoreError};

/// Writes the record: a page, or one object with `--json`.
pub fn report(config: &Config, args: &cli::Report) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    let running = RunLock::is_held(&state);
    let conn = store::open_readonly(&state).map_err(of)?;
    // As of one moment: a run may go on meanwhile.
    let moment = conn
        .unchecked_transaction()
        .map_err(|error| of(error.into()))?;
    let asked = gather::Asked {
        running,
        unmasked: args.unmasked,
        customers: if config.json { 0 } else { args.customers },
    };
    let record = gather::record(&moment, &state, &asked)?;
    match &args.output {
        Some(path) if path != Path::new("-") => {
            spare(path, &state, &moment)?;
            to_file(config, &record, path)?;
        }
        Some(_) | None => {
            let mut out = BufWriter::new(io::stdout().lock());
            gone_is_fine(write(config, &record, &mut out).and_then(|()| out.flush()))?;
        }
    }
    Ok(Exit::Done)
}

fn write(config: &Config, record: &Record, out: &mut impl Write) -> io::Result<()> {
    if config.json {
        print_json(out, record)
    } else {
        page::write(record, out)
    }
}

fn to_file(config: &Config, record: &Record, path: &Path) -> Result<(), Failure> {
    let of =
        |error: io::Error| Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()));
    let file = AtomicFile::create(path).map_err(|error| unwritable(path, &error))?;
    let mut file = Digested {
        out: BufWriter::new(file),
        digest: Sha256::new(),
    };
    write(config, record, &mut file).map_err(of)?;
    let digest = hexadecimal(file.digest);
    let file = file.out.into_inner();
    let file = file.map_err(|error| of(error.into_error()))?;
    file.commit().map_err(of)?;
    config.screen.line(&format!(
        "The record is in {}.\nSHA-256  {digest}",
        path.display()
    ));
    if record.unmasked {
        config
            .screen
            .line("It shows personal data as it is: --unmasked was given.");
    }
    Ok(())
}

/// Takes the digest of what is written.
struct Digested<W> {
    out: W,
    digest: Sha256,
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hexadecimal(digest: Sha256) -> String {
    let bytes = digest.finalize().into_iter();
    let digits = bytes.flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
