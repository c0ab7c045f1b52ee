//! `--delta FILE`: who is new, changed or gone in a newer CSV, all of them.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::problems::is_new;
use super::spared::unwritable;
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::delta::Writer;
use crate::report::file::AtomicFile;
use crate::store::{Imported, Listed, StoreError};

/// The file in the making, if one was asked for.
pub struct Lists(Option<(PathBuf, Writer<BufWriter<AtomicFile>>)>);

impl Lists {
    /// Refuses to write over a file that is there.
    pub fn begin(args: &cli::Run) -> Result<Self, Failure> {
        let Some(path) = &args.delta else {
            return Ok(Self(None));
        };
        is_new(path, "--delta")?;
        let file = AtomicFile::create(path).map_err(|error| unwritable(path, &error))?;
        let writer = Writer::new(BufWriter::new(file)).map_err(failed(path))?;
        Ok(Self(Some((path.clone(), writer))))
    }

    /// Takes a customer.
    pub fn hear(&mut self, listed: &Listed) -> Result<(), StoreError> {
        let Some((_, writer)) = &mut self.0 else {
            return Ok(());
        };
        Ok(writer.write(listed)?)
    }

    /// Gives the file its name, where the CSV was taken up.
    pub fn end(self, config: &Config, imported: Option<&Imported>) -> Result<(), Failure> {
        let (Some((path, writer)), Some(imported)) = (self.0, imported) else {
            return Ok(());
        };
        if !imported.is_delta {
            config.screen.line(&format!(
                "The state file had no customers: all are new, and {} was not written.",
                path.display()
            ));
            return Ok(());
        }
        let file = writer.into_inner().map_err(failed(&path))?;
        let file = file
            .into_inner()
            .map_err(|error| failed(&path)(error.into_error()))?;
        file.commit().map_err(failed(&path))?;
        config.screen.line(&format!(
            "Who is new, changed or gone is in {}.",
            path.display()
        ));
        Ok(())
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |error| Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()))
}
