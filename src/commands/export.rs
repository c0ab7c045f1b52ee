//! `pmclone export`: the mapping from old ids to new ones, streamed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::status::missing_or;
use crate::cli::{self, ExportFormat};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::report::export::{Format, Row, Writer};
use crate::report::file::AtomicFile;
use crate::state::{Customer, Position, Standing};
use crate::store::{self, CustomerSeq, Loaded, Loader, RunLock, StoreError};

/// Customers read at once.
const PAGE: u32 = 512;

/// Writes the mapping to stdout, or to a file that appears whole.
pub fn export(config: &Config, args: &cli::Export) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    let loader = store::open_readonly(&state)
        .and_then(Loader::new)
        .map_err(|error| missing_or(&state, &error))?;
    let format = match args.format {
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Jsonl => Format::Jsonl,
        ExportFormat::Stripe => Format::Stripe,
    };
    let Some(path) = &args.output else {
        return match write(
            &loader,
            &state,
            format,
            &args.accounts,
            BufWriter::new(io::stdout().lock()),
        ) {
            Err(Problem::Write(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error.into())
            }
            Err(Problem::Store(failure)) => Err(failure),
            Ok(_) | Err(Problem::Write(_)) => Ok(Exit::Done),
        };
    };
    let failed =
        |error: io::Error| Failure::new(Exit::Unexpected, format!("{}: {error}", path.display()));
    let file = BufWriter::new(AtomicFile::create(path).map_err(failed)?);
    let written =
        write(&loader, &state, format, &args.accounts, file).map_err(|problem| match problem {
            Problem::Write(error) => failed(error),
            Problem::Store(failure) => failure,
        })?;
    written
        .into_inner()
        .map_err(|error| failed(error.into_error()))?
        .commit()
        .map_err(failed)?;
    config
        .screen
        .line(&format!("The mapping is in {}.", path.display()));
    Ok(Exit::Done)
}

enum Problem {
    Write(io::Error),
    Store(Failure),
}

fn write<W: Write>(
    loader: &Loader,
    state: &Path,
    format: Format,
    only: &[AccountId],
    out: W,
) -> Result<W, Problem> {
    let stored = |error: StoreError| Problem::Store(Failure::store(state, &error));
    let running = RunLock::is_held(state);
    let mut writer = Writer::new(format, out).map_err(Problem::Write)?;
    let mut after = CustomerSeq::default();
    loop {
        let page = loader.page_of_all(after, PAGE).map_err(stored)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        let page = page.into_iter().map(|mut loaded| {
            if !running {
                loaded.customer.doubt_started();
            }
            loaded
        });
        for row in page.flat_map(|loaded| rows(&loaded)) {
            let wanted = only.is_empty()
                || row
                    .connected_account
                    .as_ref()
                    .is_some_and(|id| only.contains(id));
            if wanted {
                writer.row(&row).map_err(Problem::Write)?;
            }
        }
    }
    writer.finish().map_err(Problem::Write)
}

/// A customer's lines: one for each source and account asked for. What is asked for nowhere has a line with empty columns,
/// so that no customer is missing from the mapping.
pub(crate) fn rows(loaded: &Loaded) -> Vec<Row> {
    let customer = &loaded.customer;
    let mut rows = Vec::new();
    for (position, target) in (0..).zip(&customer.targets) {
        let standing = |source| customer.source_standing(position, source);
        rows.extend(
            target
                .sources
                .iter()
                .map(|source| row(customer, Some(position), Some(*source), standing(*source))),
        );
        if target.sources.is_empty() {
            rows.push(row(
                customer,
                Some(position),
                None,
                customer.target_standing(position),
            ));
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
    rows.extend(nowhere.map(|source| {
        row(
            customer,
            None,
            Some(source),
            customer.platform_standing(source),
        )
    }));
    if rows.is_empty() {
        rows.push(row(customer, None, None, loaded.standing));
    }
    rows
}

fn row(
    customer: &Customer,
    target: Option<Position>,
    source: Option<Position>,
    status: Standing,
) -> Row {
    let clone = target
        .zip(source)
        .and_then(|(target, source)| customer.clone_of(target, source));
    let made = target
        .and_then(|target| customer.made_on(Some(target)))
        .map(|(made, _)| made.clone());
    Row {
        legacy_id: customer.legacy_id.clone(),
        platform_customer: customer.platform_customer().cloned(),
        platform_payment_method: source.and_then(|source| customer.source(source)).cloned(),
        connected_account: target
            .and_then(|target| customer.target(target))
            .map(|target| target.account.clone()),
        connected_customer: made,
        connected_payment_method: clone.cloned(),
        is_default: target
            .zip(source)
            .is_some_and(|(target, source)| customer.is_default(target, source)),
        status,
    }
}
