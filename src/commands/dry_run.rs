//! `pmclone run --dry-run`, and the import that it shares with the real run.
//!
//! The dry run imports into a state that lives nowhere: a copy of the state file if there is one, so that the plan is
//! the very one that the run would carry out.

use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::Connection;
use serde::Serialize;

use super::{gone_is_fine, migrate, session};
use crate::cli;
use crate::config::{Config, rates};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Problem, Problems, SourceFacts};
use crate::plan::Plan;
use crate::report::plan::PlanJson;
use crate::report::{self, print_json};
use crate::store::{self, CsvFile, Imported, Importer, Migration, Selection, StoreError};
use crate::stripe::Mode;

/// What `run --dry-run --json` prints, one object. Fields are only ever added.
#[derive(Serialize)]
struct DryRunJson<'a> {
    file: &'a SourceFacts,
    errors: u64,
    warnings: u64,
    /// Problems by kind, with their counts.
    kinds: Vec<KindJson>,
    /// The first of each kind, by line.
    problems: Vec<&'a Problem>,
    /// Absent where there are errors: there is nothing that a run would carry out.
    plan: Option<PlanJson>,
}

#[derive(Serialize)]
struct KindJson {
    kind: &'static str,
    severity: input::Severity,
    count: u64,
}

/// Checks the CSV and prints problems and plan.
pub fn dry_run(config: &Config, args: &cli::Run) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let conn = copy_of(&state, args.rehearsal.simulate)?;
    let of = |error: StoreError| Failure::store(&state, &error);
    let read = import(&conn, &args.csv, |_| Ok(()), || Ok(()))?;
    let plan = if read.imported.is_some() {
        migrate::known_accounts(&conn, &selection(&args.work), &state)?;
        let work = store::work(&conn, &selection(&args.work)).map_err(of)?;
        Some(Plan::new(work, rates(limits(config, args))))
    } else {
        None
    };
    show(config, args, &read, plan.as_ref())?;
    Ok(if plan.is_some() {
        Exit::Done
    } else {
        Exit::Input
    })
}

fn show(config: &Config, args: &cli::Run, read: &Read, plan: Option<&Plan>) -> Result<(), Failure> {
    let rates = rates(limits(config, args));
    if config.json {
        let kind = |(kind, count): (input::ProblemKind, u64)| KindJson {
            kind: kind.name(),
            severity: kind.severity(),
            count,
        };
        let json = DryRunJson {
            file: &read.facts,
            errors: read.problems.errors(),
            warnings: read.problems.warnings(),
            kinds: read.problems.counts().map(kind).collect(),
            problems: read.problems.by_line(),
            plan: plan.map(|plan| PlanJson::new(plan, rates)),
        };
        return gone_is_fine(print_json(&mut io::stdout(), &json));
    }
    let mut text = report::import::problems(&args.csv, &read.facts, &read.problems);
    if let Some(plan) = plan {
        text.push('\n');
        text.push_str(&report::plan::text(plan, rates, config.stdout_look()));
        text.push_str("\n\nNothing was sent, and nothing was kept: this was a dry run.\n");
    }
    gone_is_fine(report::print(&mut io::stdout(), &text))
}

/// The limits a run would have; without a key at hand, those of the mode that the flags ask for.
fn limits(config: &Config, args: &cli::Run) -> crate::stripe::Limits {
    let mode = if args.stripe.live {
        Mode::Live
    } else {
        Mode::Test
    };
    config.limits(&args.stripe, mode)
}

/// What a run was asked to confine itself to.
pub fn selection(work: &cli::Work) -> Selection {
    Selection {
        limit: work.limit,
        accounts: work.accounts.clone(),
    }
}

/// A nameless copy of the state file, or an empty one.
fn copy_of(state: &Path, simulate: bool) -> Result<Connection, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let mut conn = store::temporary().map_err(of)?;
    match store::open_readonly(state) {
        Ok(source) => {
            if let Some(migration) = Migration::read(&source).map_err(of)? {
                session::kind_fits(&migration, simulate)?;
            }
            store::copy(&source, &mut conn).map_err(of)?;
        }
        Err(StoreError::Missing) => {}
        Err(error) => return Err(of(error)),
    }
    Ok(conn)
}

/// What came of reading a CSV.
pub struct Read {
    /// What was found wrong.
    pub problems: Problems,
    /// What was taken over; `None` where errors forbid it.
    pub imported: Option<Imported>,
    /// The file.
    pub facts: SourceFacts,
    /// The file as it is kept, to be known again.
    pub file: CsvFile,
}

/// Reads the whole CSV into the state, all or nothing. `seal` runs in the same transaction, last; `go_on` is asked at each
/// line, since this can take minutes.
pub fn import(
    conn: &Connection,
    csv: &Path,
    seal: impl FnOnce(&Connection) -> Result<(), StoreError>,
    go_on: impl Fn() -> Result<(), Failure>,
) -> Result<Read, Failure> {
    let wrong = |error: input::WrongFile| Failure::new(Exit::Input, error.to_string());
    let stored = |error: StoreError| {
        Failure::new(
            Exit::Unexpected,
            format!("the CSV cannot be imported: {error}"),
        )
    };
    let mut reader = input::open(csv).map_err(wrong)?;
    let mut importer = Importer::begin(conn, Problems::default()).map_err(stored)?;
    while let Some(line) = reader.next(importer.problems()).map_err(wrong)? {
        importer.add(line).map_err(stored)?;
        go_on()?;
    }
    let facts = reader.facts();
    let file = CsvFile {
        path: csv.display().to_string(),
        bytes: facts.bytes,
        modified_ns: modified_ns(csv),
        sha256: facts.sha256.clone(),
    };
    let (problems, imported) = importer
        .finish(|conn| {
            seal(conn)?;
            file.write(conn)
        })
        .map_err(stored)?;
    Ok(Read {
        problems,
        imported,
        facts,
        file,
    })
}

/// True where the file is the one that was imported last, by name, size and time of change.
pub fn is_imported(conn: &Connection, csv: &Path) -> Result<bool, StoreError> {
    let Some(last) = CsvFile::read(conn)? else {
        return Ok(false);
    };
    let bytes = std::fs::metadata(csv).map_or(0, |metadata| metadata.len());
    Ok(last.path == csv.display().to_string()
        && last.bytes == bytes
        && last.modified_ns == modified_ns(csv))
}

fn modified_ns(csv: &Path) -> i64 {
    let modified = std::fs::metadata(csv).and_then(|metadata| metadata.modified());
    let since = modified
        .ok()
        .and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    since
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}
