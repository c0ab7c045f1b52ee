//! `pmclone status`, and what the closing table shows: the state file's counts as a report.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{gone_is_fine, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::status::{
    Account, Customers, Extras, InDoubtRow, PaymentMethods, ReasonCount, Requests, Status, text,
};
use crate::report::{print, print_json};
use crate::store::{
    self, AccountCounts, Counts, DoubtCounts, DoubtfulStep, Migration, RunLock, StoreError,
};

/// Steps in doubt that are shown one by one.
const MOST_IN_DOUBT: u32 = 20;

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Shows where the migration stands; again and again with `--watch`.
pub fn status(config: &Config, args: &cli::Status) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    if !args.watch {
        return show(config, &state).map(|()| Exit::Done);
    }
    runtime()?.block_on(async {
        loop {
            if io::stdout().is_terminal() && !config.json {
                gone_is_fine(print(&mut io::stdout(), "\x1b[2J\x1b[H"))?;
            }
            show(config, &state)?;
            tokio::select! {
                () = tokio::time::sleep(WATCH_EVERY) => {}
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            }
        }
    })
}

fn show(config: &Config, state: &Path) -> Result<(), Failure> {
    let (status, extras) = read(state)?;
    let mut out = io::stdout();
    if config.json {
        return gone_is_fine(print_json(&mut out, &status));
    }
    let look = config.stdout_look();
    gone_is_fine(print(&mut out, &text(&status, &extras, look)))
}

/// Reads a state file's status through a connection of its own; a run may go on meanwhile.
pub fn read(state: &Path) -> Result<(Status, Extras), Failure> {
    let running = RunLock::is_held(state);
    let of = |error: StoreError| missing_or(state, &error);
    let conn = store::open_readonly(state).map_err(of)?;
    of_connection(&conn, state, running)
        .map_err(of)?
        .ok_or_else(|| missing_or(state, &StoreError::Missing))
}

/// A state file's failure; where there is none, it says which one there is instead.
pub fn missing_or(state: &Path, error: &StoreError) -> Failure {
    let failure = Failure::store(state, error);
    if !matches!(error, StoreError::Missing) {
        return failure;
    }
    let rehearsal = Path::new(crate::config::REHEARSAL_STATE);
    if state != rehearsal && rehearsal.exists() {
        return failure.hint(format!(
            "there is a rehearsal's in {}: add --simulate",
            rehearsal.display()
        ));
    }
    failure.hint("name it with --state, or begin with `pmclone run CSV`")
}

/// The status as of `conn`; `None` before anything was imported. `running`: a run holds the file.
pub fn of_connection(
    conn: &Connection,
    state: &Path,
    running: bool,
) -> Result<Option<(Status, Extras)>, StoreError> {
    let Some(migration) = Migration::read(conn)? else {
        return Ok(None);
    };
    let counts = Counts::read(conn, running)?;
    let status = Status {
        migration: migration.id.to_string(),
        platform_account: migration.platform_account,
        livemode: migration.livemode,
        customers: Customers::counted(counts.customers),
        payment_methods: PaymentMethods {
            total: counts.clones_asked,
            cloned: counts.cloned,
        },
        accounts: counts.accounts.into_iter().map(account).collect(),
        requests: Requests {
            sent: counts.requests.sent,
            retried: counts.requests.retried,
            rate_limited: counts.requests.rate_limited,
        },
        // What cannot be read was told by another version.
        pace: store::pace(conn)?
            .filter(|_| running)
            .and_then(|told| serde_json::from_str(&told).ok()),
    };
    let in_doubt = if running {
        Vec::new()
    } else {
        DoubtfulStep::read(conn, MOST_IN_DOUBT)?
    };
    let doubts = if running {
        DoubtCounts::default()
    } else {
        DoubtCounts::read(conn)?
    };
    let extras = Extras {
        reasons: store::ReasonCount::read(conn)?
            .into_iter()
            .map(reason)
            .collect(),
        in_doubt_steps: doubts.steps,
        unanswered_steps: doubts.unanswered,
        in_doubt: in_doubt.into_iter().map(in_doubt_row).collect(),
        clones_left: store::clones_left(conn)?,
        simulated: migration.simulated,
        running,
        state_file: state.display().to_string(),
    };
    Ok(Some((status, extras)))
}

fn account(counts: AccountCounts) -> Account {
    Account::counted(counts.id, counts.parked, counts.customers)
}

fn reason(reason: store::ReasonCount) -> ReasonCount {
    ReasonCount {
        reason: reason.reason,
        message_sample: reason.message,
        customers: reason.customers,
    }
}

fn in_doubt_row(step: DoubtfulStep) -> InDoubtRow {
    InDoubtRow {
        legacy_id: step.legacy_id,
        step: step.kind,
        account: step.account,
        since: step.since,
        doubt: step.doubt,
        seen: step.seen,
    }
}
