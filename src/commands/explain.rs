//! `pmclone explain`: all that the state file knows of one customer, line, account or request.

use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::export::rows;
use super::gone_is_fine;
use super::status::missing_or;
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::report::explain::{Explained, Facts, account, customer, text};
use crate::report::words::{quoted, second};
use crate::report::{print, print_json};
use crate::store::{
    self, AccountTrace, CsvFile, CustomerSeq, Loader, Migration, RunLock, StoreError, Trace,
};

/// Tells what is known of an id.
pub fn explain(config: &Config, args: &cli::Explain) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    let running = RunLock::is_held(&state);
    let conn = store::open_readonly(&state).map_err(of)?;
    let found = explained(&conn, &state, args, running).map_err(of)?;
    let Some(explained) = found else {
        return Err(Failure::usage(format!(
            "nothing in {} is called {:?}",
            state.display(),
            report_name(&args.id)
        ))
        .hint("an ID is a legacy id, a line's number, or cus_…, pm_…, acct_…, req_…, or what `verify --charge` made: pi_…, seti_…, ch_…, re_…, fee_…")
        .hint("other state files are named with --state; a rehearsal's with --simulate"));
    };
    let mut out = io::stdout();
    gone_is_fine(if config.json {
        print_json(&mut out, &explained)
    } else {
        print(&mut out, &text(&explained, config.stdout_look()))
    })?;
    Ok(Exit::Done)
}

/// What was asked for, as far as it can be an id: anything else may be personal.
fn report_name(id: &str) -> String {
    let shown = id.chars().take(40);
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn explained(
    conn: &Connection,
    state: &Path,
    args: &cli::Explain,
    running: bool,
) -> Result<Option<Explained>, StoreError> {
    // As of one moment: a run may go on meanwhile.
    let moment = conn.unchecked_transaction()?;
    let migration = Migration::read(&moment)?.ok_or(StoreError::Missing)?;
    let csv = CsvFile::read(&moment)?;
    let facts = Facts {
        migration: &migration,
        csv: csv.as_ref().map(|csv| csv.path.as_str()),
        running,
        unmasked: args.unmasked,
        asked: &args.id,
        state: quoted(&state.display().to_string()),
        taken_back: store::is_taken_back(&moment)?,
    };
    let mut explained = Explained::of(&facts);
    let found = find(&moment, args, &migration.platform_account)?;
    if let Some(trace) = &found.account {
        explained.account = Some(account(&facts, trace));
    }
    let loader = Loader::new(&*moment)?;
    for seq in found.customers {
        let Some(mut loaded) = loader.whole(seq)? else {
            continue;
        };
        if !running {
            loaded.customer.doubt_started();
        }
        let trace = Trace::read(&moment, seq)?;
        let mapping = rows(&loaded);
        explained
            .customers
            .push(customer(&facts, &loaded, &trace, &mapping));
    }
    let any = explained.account.is_some() || !explained.customers.is_empty();
    explained.also_line = found.also_line;
    if let Some(at) = store::purged_at(&moment)? {
        explained.after_purge(&second(at));
    }
    Ok(any.then_some(explained))
}

#[derive(Default)]
struct Found {
    customers: Vec<CustomerSeq>,
    account: Option<AccountTrace>,
    /// The id is a legacy id, and the number of another customer's line too.
    also_line: bool,
}

/// A legacy id first: a person may have chosen any.
fn find(conn: &Connection, args: &cli::Explain, platform: &AccountId) -> Result<Found, StoreError> {
    let id = args.id.trim();
    let line = id.parse::<u64>().ok();
    if args.line {
        let customers = line.map_or(Ok(Vec::new()), |line| store::by_line(conn, line))?;
        return Ok(Found {
            customers,
            ..Found::default()
        });
    }
    if let Some(seq) = store::by_legacy_id(conn, id)? {
        let others = line.map_or(Ok(Vec::new()), |line| store::by_line(conn, line))?;
        return Ok(Found {
            also_line: others.iter().any(|other| *other != seq),
            customers: vec![seq],
            account: None,
        });
    }
    if let Some(line) = line {
        return Ok(Found {
            customers: store::by_line(conn, line)?,
            ..Found::default()
        });
    }
    if let Ok(id) = AccountId::parse(id) {
        return Ok(Found {
            account: match AccountTrace::read(conn, &id)? {
                None if *platform == id => Some(AccountTrace::platform(conn, &id)?),
                trace => trace,
            },
            ..Found::default()
        });
    }
    let customers = if id.starts_with("req_") {
        store::by_request(conn, id)?
    } else {
        store::by_object(conn, id)?
    };
    Ok(Found {
        customers,
        ..Found::default()
    })
}
