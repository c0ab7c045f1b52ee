//! `pmclone refused`: who was refused, by what is to be done about it; and the CSV to mend.

mod own;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use rusqlite::Connection;

use super::problems;
use super::purge::is_not_purged;
use super::spared::unwritable;
use super::status::missing_or;
use super::{gone_is_fine, suggested, suggestion};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::commands::Flags;
use crate::report::file::AtomicFile;
use crate::report::refused::{Counting, Lines, Refused, nobody, text};
use crate::report::remedy::{self, Group};
use crate::report::words::{count, quoted, second};
use crate::report::{print, print_json};
use crate::store::{self, CustomerSeq, Loaded, Loader, Migration, Reason, StoreError};

/// Tells who was refused.
pub fn refused(config: &Config, args: &cli::Refused) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    let conn = store::open_readonly(&state).map_err(of)?;
    let migration = Migration::read(&conn)
        .map_err(of)?
        .ok_or_else(|| of(StoreError::Missing))?;
    let moment = conn
        .unchecked_transaction()
        .map_err(|error| of(error.into()))?;
    let listing = Listing {
        conn: &moment,
        loader: Loader::new(&*moment).map_err(of)?,
        groups: &args.groups,
        state: &state,
        flags: suggested(&moment, &migration).map_err(of)?,
        left_out: Cell::new(0),
    };
    if args.csv.is_some() {
        is_not_purged(&state)?;
    }
    let to_stdout = args.csv.as_deref() == Some(Path::new("-"));
    if to_stdout && config.json {
        return Err(Failure::usage(
            "--csv - and --json would both write to standard output: name a file",
        ));
    }
    let told = listing.count().map_err(of)?;
    match &args.csv {
        Some(_) if to_stdout => {
            return listing.write_to_stdout(config, args.standard_columns);
        }
        Some(path) => {
            problems::is_new(path, "--csv")?;
            if told.customers == 0 {
                config.screen.line(&format!(
                    "{}\n{} was not written.",
                    nobody(&told),
                    path.display()
                ));
            } else {
                listing.write_file(config, path, args.standard_columns)?;
            }
        }
        None => {}
    }
    if config.json {
        gone_is_fine(print_json(&mut io::stdout(), &told))?;
    } else if args.csv.is_none() {
        let text = text(&told, migration.simulated, config.stdout_look());
        gone_is_fine(print(&mut io::stdout(), &text))?;
        let over = store::purged_at(&moment).map_err(of)?;
        match over {
            Some(at) => config.screen.line(&format!(
                "\nTheir contact details were erased on {}: none of them can be tried again from this state file.",
                second(at)
            )),
            None if told.groups.is_empty() => {}
            None => listing.next(config).map_err(of)?,
        }
    }
    Ok(Exit::Done)
}

enum Problem {
    Write(io::Error),
    Store(StoreError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

struct Listing<'a> {
    conn: &'a Connection,
    loader: Loader<&'a Connection>,
    groups: &'a [Group],
    state: &'a Path,
    flags: Flags,
    /// Customers that no mended line is taken of.
    left_out: Cell<u64>,
}

/// Where all was taken back.
const AFTER_UNDO: &str = "All of this migration was taken back, or was to be: they are tried again only with --after-undo.";

/// `retry` takes no mended line of these.
fn is_taken_back_in_part(loaded: &Loaded) -> bool {
    let targets = (0..).zip(&loaded.customer.targets);
    let mut targets = targets.map(|(position, _)| position);
    targets.any(|position| loaded.customer.is_undone_on(position))
}

impl Listing<'_> {
    /// A command on this state file.
    fn command(&self, command: &str) -> String {
        suggestion(self.flags, command, self.state)
    }

    /// What to do next.
    fn next(&self, config: &Config) -> Result<(), StoreError> {
        let mut to_mend = 0_u64;
        self.left_out.set(0);
        let counted = self.each(|_| {
            to_mend += 1;
            Ok(())
        });
        match counted {
            Err(Problem::Store(error)) => return Err(error),
            Err(Problem::Write(error)) => return Err(StoreError::Io(error)),
            Ok(()) => {}
        }
        config.screen.line("");
        if to_mend > 0 {
            config.screen.line(&format!(
                "To mend them in a spreadsheet, and try those lines again:\n  {}\n  {}\nWhere the cause is mended already, and the lines are right:\n  {}",
                self.command("refused --csv refused.csv"),
                self.command("retry refused.csv"),
                self.command("resume --retry-refused"),
            ));
        }
        if self.flags.taken_back {
            config.screen.line(AFTER_UNDO);
        }
        self.tell_left_out(config);
        Ok(())
    }

    fn takes(&self, reason: &Reason) -> bool {
        let group = remedy::group_of(&reason.reason, &reason.message);
        self.groups.is_empty() || self.groups.contains(&group)
    }

    fn count(&self) -> Result<Refused, StoreError> {
        let mut counting = Counting::of(self.groups);
        store::for_each_refused(self.conn, |_, reasons| {
            counting.add(
                reasons
                    .iter()
                    .map(|each| (each.reason.as_str(), each.message.as_str())),
            );
            Ok::<_, StoreError>(())
        })?;
        Ok(counting.end())
    }

    fn each(&self, mut each: impl FnMut(&Loaded) -> Result<(), Problem>) -> Result<(), Problem> {
        store::for_each_refused(self.conn, |seq: CustomerSeq, reasons: &[Reason]| {
            if !reasons.iter().any(|reason| self.takes(reason)) {
                return Ok(());
            }
            match self.loader.whole(seq)? {
                Some(loaded) if is_taken_back_in_part(&loaded) => {
                    self.left_out.set(self.left_out.get() + 1);
                    Ok(())
                }
                Some(loaded) => each(&loaded),
                None => Ok(()),
            }
        })
    }

    /// Writes the CSV; gives how many customers are in it.
    fn write<W: Write>(&self, out: W) -> Result<(W, u64), Problem> {
        let mut keys = BTreeSet::new();
        self.each(|loaded| {
            let metadata = loaded
                .details
                .iter()
                .flat_map(|details| details.metadata.keys());
            keys.extend(metadata.cloned());
            Ok(())
        })?;
        let mut lines = Lines::new(out, keys.into_iter().collect())?;
        let mut customers = 0;
        self.left_out.set(0);
        self.each(|loaded| {
            customers += 1;
            let details = loaded.details.clone().unwrap_or_default();
            Ok(lines.customer(&loaded.customer, &details)?)
        })?;
        Ok((lines.finish()?, customers))
    }

    /// Writes the lines with the CSV's own columns where that can be, else with pmclone's, into what `create` makes anew.
    fn write_best<W: Write>(
        &self,
        config: &Config,
        standard: bool,
        create: impl Fn() -> Result<W, Failure>,
        failed: impl Fn(io::Error) -> Failure,
    ) -> Result<(W, u64), Failure> {
        let of = |problem: Problem| match problem {
            Problem::Write(error) => failed(error),
            Problem::Store(error) => Failure::store(self.state, &error),
        };
        if !standard {
            match self.write_own(create()?).map_err(of)? {
                Ok(written) => return Ok(written),
                Err(why) => config
                    .screen
                    .line(&format!("The columns have pmclone's own names: {why}.")),
            }
        }
        self.write(create()?).map_err(of)
    }

    /// Through a file without a name: what turns out not to be whole is not told.
    fn write_to_stdout(&self, config: &Config, standard: bool) -> Result<Exit, Failure> {
        let create = || Ok(BufWriter::new(tempfile::tempfile()?));
        let (file, _) = self.write_best(config, standard, create, Failure::from)?;
        self.tell_left_out(config);
        let mut file: File = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let mut out = io::stdout().lock();
        let copied = io::copy(&mut file, &mut out).and_then(|_| out.flush());
        gone_is_fine(copied)?;
        Ok(Exit::Done)
    }

    fn write_file(&self, config: &Config, path: &Path, standard: bool) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()))
        };
        let create = || {
            let file = AtomicFile::create(path).map_err(|error| unwritable(path, &error))?;
            Ok(BufWriter::new(file))
        };
        let (file, customers) = self.write_best(config, standard, create, failed)?;
        if customers == 0 {
            let told = format!("{} was not written.", path.display());
            config.screen.line(&told);
            self.tell_left_out(config);
            return Ok(());
        }
        file.into_inner()
            .map_err(|error| failed(error.into_error()))?
            .commit()
            .map_err(failed)?;
        config.screen.line(&format!(
            "{} in {}, with contact details. Mend what is wrong, delete the lines that shall stay as they are, then:\n  {}",
            count(customers, "customer"),
            path.display(),
            self.command(&format!("retry {}", quoted(&path.display().to_string()))),
        ));
        if self.flags.taken_back {
            config.screen.line(AFTER_UNDO);
        }
        self.tell_left_out(config);
        Ok(())
    }

    fn tell_left_out(&self, config: &Config) {
        if self.left_out.get() > 0 {
            config.screen.line(&format!(
                "{} not for `retry`, and not in its file, since a part of what was made of them is taken back. What was refused elsewhere is tried again as it is by:\n  {}\nWith other details or another card they can be migrated from another state file: `explain ID` says with which platform_customer.",
                match self.left_out.get() {
                    1 => "1 refused customer is".to_owned(),
                    more => format!("{} are", count(more, "refused customer")),
                },
                self.command("resume --retry-refused"),
            ));
        }
    }
}
