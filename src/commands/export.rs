//! `pmclone export`: the mapping from old ids to new ones, streamed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use rusqlite::Connection;

use super::migrate::known_accounts;
use super::spared::{spare, unwritable};
use super::status::missing_or;
use crate::cli::{self, ExportFormat, SqlDialect};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::report::export::{Fate, Format, Row, Writer};
use crate::report::file::AtomicFile;
use crate::report::receipt::{Head, Receipts};
use crate::report::sql::{Dialect, Template};
use crate::report::words;
use crate::state::{Customer, Position, Standing};
use crate::store::{self, CustomerSeq, Loaded, Loader, Migration, RunLock, StoreError};
use crate::time::StripeTime;

/// Customers read at once.
const PAGE: u32 = 512;

/// The mapping as CSV, as of the moment of `conn`, written to `out`; gives it back, and when the last change in it was.
pub(super) fn whole_mapping<W: Write>(
    conn: &Connection,
    state: &Path,
    running: bool,
    out: W,
) -> Result<(W, Option<StripeTime>), Failure> {
    let mapping = Mapping {
        loader: Loader::new(conn).map_err(|error| Failure::store(state, &error))?,
        state,
        running,
        only: &[],
        since: None,
    };
    mapping
        .write(Format::Csv, out, None)
        .map_err(Problem::failure)
}

/// Writes the mapping to stdout, or to a file that appears whole; and receipts.
pub fn export(config: &Config, args: &cli::Export) -> Result<Exit, Failure> {
    let format = format(args)?;
    let state = config.state_file(args.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    let running = RunLock::is_held(&state);
    let conn = store::open_readonly(&state).map_err(of)?;
    // As of one moment: a run may go on meanwhile.
    let moment = conn
        .unchecked_transaction()
        .map_err(|error| of(error.into()))?;
    let migration = Migration::read(&moment).map_err(of)?;
    let migration = migration.ok_or_else(|| of(StoreError::Missing))?;
    known_accounts(&moment, &args.accounts, &state)?;
    let mapping = Mapping {
        loader: Loader::new(&*moment).map_err(of)?,
        state: &state,
        running,
        only: &args.accounts,
        since: args.since,
    };
    if let Some(path) = &args.output {
        spare(path, &state, &moment)?;
    }
    let mut receipts = match &args.receipts {
        Some(place) => Some(receipts(place, &migration)?),
        None => None,
    };
    let written = match (&args.output, &receipts) {
        (Some(path), _) => to_file(config, &mapping, format, path, receipts.as_mut())?,
        (None, Some(_)) => {
            let written = mapping.write(format, io::sink(), receipts.as_mut());
            written.map(|(_, last)| last).map_err(Problem::failure)?
        }
        (None, None) => return to_stdout(&mapping, format),
    };
    if let (Some(receipts), Some(place)) = (receipts, &args.receipts) {
        let count = receipts
            .commit(written)
            .map_err(|error| failed(place, &error))?;
        let count = words::count(u64::try_from(count).unwrap_or(u64::MAX), "receipt");
        config
            .screen
            .line(&format!("{count} in {}.", place.display()));
    }
    if let Some(last) = written {
        config.screen.line(&format!(
            "What changes from now on: --since {}",
            words::second(StripeTime(last.0.saturating_sub(STAMPED_BEFORE_SECONDS)))
        ));
    }
    Ok(Exit::Done)
}

/// A change is stamped before it is committed: so much earlier than the last one that is seen, none can be that is not.
const STAMPED_BEFORE_SECONDS: i64 = 300;

fn format(args: &cli::Export) -> Result<Format, Failure> {
    let dialect = match args.dialect {
        None => Dialect::Any,
        Some(SqlDialect::Standard) => Dialect::Standard,
        Some(SqlDialect::Mysql) => Dialect::Mysql,
    };
    let template = args.template.as_deref();
    Ok(match (args.format, template) {
        (ExportFormat::Sql, template) => {
            let template = Template::parse(template.unwrap_or_default());
            let wrong = |why| Failure::usage(format!("--template: {why}"));
            Format::Sql(template.map_err(wrong)?, dialect)
        }
        (_, Some(_)) => {
            return Err(Failure::usage("--template is for --format sql"));
        }
        (ExportFormat::Csv, None) => Format::Csv,
        (ExportFormat::Jsonl, None) => Format::Jsonl,
        (ExportFormat::Stripe, None) => Format::Stripe,
    })
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()))
}

fn receipts(place: &Path, migration: &Migration) -> Result<Receipts, Failure> {
    let head = Head {
        migration: migration.id.to_string(),
        platform_account: migration.platform_account.clone(),
        mode: match (migration.simulated, migration.livemode) {
            (true, _) => "a rehearsal",
            (false, true) => "live mode",
            (false, false) => "test mode",
        },
    };
    Receipts::create(place, head).map_err(|error| unwritable(place, &error))
}

fn to_stdout(mapping: &Mapping<'_>, format: Format) -> Result<Exit, Failure> {
    let out = BufWriter::new(io::stdout().lock());
    let written = mapping.write(format, out, None);
    let written = written.and_then(|(mut out, _)| out.flush().map_err(Problem::Write));
    match written {
        Err(Problem::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(problem) => Err(problem.failure()),
        Ok(()) => Ok(Exit::Done),
    }
}

fn to_file(
    config: &Config,
    mapping: &Mapping<'_>,
    format: Format,
    path: &Path,
    receipts: Option<&mut Receipts>,
) -> Result<Option<StripeTime>, Failure> {
    let of = |error: io::Error| failed(path, &error);
    let file = AtomicFile::create(path).map_err(|error| unwritable(path, &error))?;
    let file = BufWriter::new(file);
    let (file, last) = mapping
        .write(format, file, receipts)
        .map_err(|problem| match problem {
            Problem::Write(error) if error.kind() != io::ErrorKind::InvalidData => of(error),
            problem => problem.failure(),
        })?;
    let file = file.into_inner().map_err(|error| of(error.into_error()))?;
    file.commit().map_err(of)?;
    config
        .screen
        .line(&format!("The mapping is in {}.", path.display()));
    Ok(last)
}

enum Problem {
    Write(io::Error),
    Store(Failure),
}

impl Problem {
    fn failure(self) -> Failure {
        match self {
            // What a format cannot say: nothing is wrong with the place that it was to be written to.
            Self::Write(error) if error.kind() == io::ErrorKind::InvalidData => {
                Failure::usage(error.to_string())
            }
            Self::Write(error) => error.into(),
            Self::Store(failure) => failure,
        }
    }
}

/// What is to be written.
struct Mapping<'a> {
    loader: Loader<&'a Connection>,
    state: &'a Path,
    running: bool,
    only: &'a [AccountId],
    since: Option<StripeTime>,
}

impl Mapping<'_> {
    /// Writes it, in the CSV's order; gives the output back, and when the last change in it was.
    fn write<W: Write>(
        &self,
        format: Format,
        out: W,
        mut receipts: Option<&mut Receipts>,
    ) -> Result<(W, Option<StripeTime>), Problem> {
        let stored = |error: StoreError| Problem::Store(Failure::store(self.state, &error));
        let mut writer = Writer::new(format, out).map_err(Problem::Write)?;
        let (mut after, mut last) = (CustomerSeq::default(), self.since);
        loop {
            let page = match self.since {
                Some(since) => self.loader.page_of_changed(since, after, PAGE),
                None => self.loader.page_of_all(after, PAGE),
            };
            let page = page.map_err(stored)?;
            let Some(end) = page.last() else { break };
            after = end.seq;
            for mut loaded in page {
                if !self.running {
                    loaded.customer.doubt_started();
                }
                last = last.max(loaded.changed_at);
                for row in rows(&loaded).iter().filter(|row| self.takes(row)) {
                    writer.row(row).map_err(Problem::Write)?;
                    if let Some(receipts) = receipts.as_deref_mut() {
                        receipts.row(row).map_err(Problem::Write)?;
                    }
                }
            }
        }
        Ok((writer.finish().map_err(Problem::Write)?, last))
    }

    fn takes(&self, row: &Row) -> bool {
        let account = row.connected_account.as_ref();
        self.only.is_empty() || account.is_some_and(|id| self.only.contains(id))
    }
}

/// A customer's lines: one for each source and account asked for. What is asked for nowhere has a line with empty columns,
/// so that no customer is missing from the mapping.
pub(crate) fn rows(loaded: &Loaded) -> Vec<Row> {
    let customer = &loaded.customer;
    let mut rows = Vec::new();
    let begun = |target| loaded.undo_begun.contains(&target) || loaded.undo_begun.contains(&None);
    let fate = |target, standing: Standing| match standing {
        standing if standing.is_undone() && begun(target) => Fate::UndoUnfinished,
        standing => Fate::Stands(standing),
    };
    for (position, target) in (0..).zip(&customer.targets) {
        let there = Some(position);
        rows.extend(target.sources.iter().map(|source| {
            let standing = customer.source_standing(position, *source);
            row(customer, there, Some(*source), fate(there, standing))
        }));
        if target.sources.is_empty() {
            let standing = customer.target_standing(position);
            rows.push(row(customer, there, None, fate(there, standing)));
        }
    }
    let asked = |source: &Position| {
        customer
            .targets
            .iter()
            .any(|target| target.sources.contains(source))
    };
    let nowhere = (0..u32::try_from(customer.sources.len()).unwrap_or(u32::MAX))
        .filter(|source| !asked(source));
    let is_replaced = |source| {
        let id = customer.source(source);
        id.is_some_and(|id| loaded.replaced.contains(id))
    };
    rows.extend(nowhere.map(|source| {
        let fate = match customer.platform_standing(source) {
            Standing::Migrated if is_replaced(source) => Fate::Replaced,
            standing => fate(None, standing),
        };
        row(customer, None, Some(source), fate)
    }));
    if rows.is_empty() {
        rows.push(row(customer, None, None, fate(None, loaded.standing)));
    }
    rows
}

fn row(
    customer: &Customer,
    target: Option<Position>,
    source: Option<Position>,
    status: Fate,
) -> Row {
    // What is taken back is nobody's new id.
    let there = target.filter(|target| !customer.is_undone_on(*target));
    let clone = there
        .zip(source)
        .and_then(|(target, source)| customer.clone_of(target, source));
    let made = there
        .and_then(|target| customer.made_on(Some(target)))
        .map(|(made, _)| made.clone());
    Row {
        legacy_id: customer.legacy_id.clone(),
        platform_customer: customer
            .platform_customer()
            .filter(|_| !customer.undone)
            .cloned(),
        platform_payment_method: source.and_then(|source| customer.source(source)).cloned(),
        connected_account: target
            .and_then(|target| customer.target(target))
            .map(|target| target.account.clone()),
        connected_customer: made,
        connected_payment_method: clone.cloned(),
        is_default: there
            .zip(source)
            .is_some_and(|(target, source)| customer.is_default(target, source)),
        status,
    }
}
