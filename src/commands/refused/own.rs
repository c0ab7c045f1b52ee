//! The refused lines as they stand in the CSV, under its own header: what a person knows, and mends with the least trouble.
//!
//! Hazard: a line of an older CSV, or one that was mended since, says something else than what is asked for now; given back, it would
//! undo that. So it is all of the lines this way, or none, and why is told.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use super::super::import::stamp_of;
use super::{Listing, Problem};
use crate::ids::LegacyId;
use crate::input::{self, Reading};
use crate::legacy::Line;
use crate::report::refused::remarks_on;
use crate::report::words::count;
use crate::store::{CsvFile, CustomerSeq, StoreError, mended_customers};

/// The CSV, found as it was imported.
struct Csv {
    file: CsvFile,
    reading: Reading,
}

impl Listing<'_> {
    /// Writes the CSV with its own columns, and tells how many customers are in it; else why that cannot be.
    pub(super) fn write_own<W: Write>(&self, out: W) -> Result<Result<(W, u64), String>, Problem> {
        let csv = match self.csv()? {
            Ok(csv) => csv,
            Err(why) => return Ok(Err(why)),
        };
        let changed = mended_customers(self.conn)?;
        let (mut left, mut mended) = (HashMap::new(), 0);
        self.left_out.set(0);
        self.each(|loaded| {
            mended += u64::from(changed.contains(&loaded.seq));
            left.insert(loaded.customer.legacy_id.clone(), (loaded.seq, false));
            Ok(())
        })?;
        if mended > 0 {
            let told = count(mended, "customer");
            return Ok(Err(format!("{told} mended since the CSV was imported")));
        }
        let customers = u64::try_from(left.len()).unwrap_or(u64::MAX);
        let (path, mut failed) = (csv.file.path.as_str(), None);
        let again = input::write_again(Path::new(path), &csv.reading, out, |line| {
            self.remarks(&mut left, line).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                None
            })
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let again = match again {
            Ok(Some(again)) => again,
            Ok(None) => return Ok(Err(format!("{path} has no columns of its own for all"))),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if again.sha256 != csv.file.sha256 {
            return Ok(Err(format!("{path} has changed since it was imported")));
        }
        if left.values().any(|(_, met)| !met) {
            return Ok(Err(format!("{path} does not name all of them")));
        }
        Ok(Ok((again.out, customers)))
    }

    /// The CSV, or why it cannot be read once more.
    fn csv(&self) -> Result<Result<Csv, String>, StoreError> {
        let Some(file) = CsvFile::read(self.conn)? else {
            return Ok(Err("it is not known which CSV was imported".to_owned()));
        };
        let path = Path::new(&file.path);
        let Some(reading) = Reading::of_kept(&file.settings) else {
            return Ok(Err("it is not known how the CSV was read".to_owned()));
        };
        if !reading.joins.is_empty() {
            let path = path.display();
            return Ok(Err(format!("other files were joined to {path}")));
        }
        match std::fs::metadata(path) {
            Ok(found) if !found.is_file() => Ok(Err("the CSV was no file".to_owned())),
            Ok(found) if found.len() != file.bytes => {
                let path = path.display();
                Ok(Err(format!("{path} has changed since it was imported")))
            }
            Ok(_) if stamp_of(&reading) != file.reading => {
                Ok(Err("the file given with --mended has changed".to_owned()))
            }
            Ok(_) => Ok(Ok(Csv { file, reading })),
            Err(_) => Ok(Err(format!("{} cannot be read", path.display()))),
        }
    }

    fn remarks(
        &self,
        left: &mut HashMap<LegacyId, (CustomerSeq, bool)>,
        line: &Line,
    ) -> Result<Option<[String; 3]>, StoreError> {
        let Some((seq, met)) = left.get_mut(&line.legacy_id) else {
            return Ok(None);
        };
        let Some(loaded) = self.loader.whole(*seq)? else {
            return Ok(None);
        };
        let is_first = !std::mem::replace(met, true);
        Ok(Some(remarks_on(&loaded.customer, line, is_first)))
    }
}
