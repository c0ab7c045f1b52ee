//! `pmclone status`, and what the closing table shows: the state file's counts as a report.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::interrupt::{self, Pressed};
use super::{gone_is_fine, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::stale::StaleJson;
use crate::report::status::{
    Account, Customers, Extras, InDoubtRow, LastRefusal, Listener, PaymentMethods, ReasonCount,
    Requests, Speed, Stale, Status, glance, text,
};
use crate::report::words::second;
use crate::report::{print, print_json};
use crate::store::{
    self, AccountCounts, Counts, DoubtCounts, DoubtfulStep, Heard, LastError, Listening, Migration,
    RunLock, StaleClone, StaleCounts, StoreError,
};
use crate::time::StripeTime;

/// Steps in doubt that are shown one by one.
const MOST_IN_DOUBT: u32 = 20;

/// Stale clones that are told one by one; one more is read, to know that there are more.
const MOST_STALE: u32 = 21;

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Shows where the migration stands; again and again with `--watch`.
pub fn status(config: &Config, args: &cli::Status) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    if !args.watch {
        return show(config, &state).map(|()| Exit::Done);
    }
    runtime()?.block_on(watch(config, &state))
}

fn listen() -> Result<watch::Receiver<Pressed>, Failure> {
    interrupt::listen().map_err(|error| {
        let told = format!("no signals can be listened for: {error}");
        Failure::new(Exit::Unexpected, told)
    })
}

/// A screen of its own, so that what was on the terminal comes back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

async fn watch(config: &Config, state: &Path) -> Result<Exit, Failure> {
    if config.json || !config.stdout_is_screen() {
        return watch_plain(config, state).await;
    }
    let pressed = listen()?;
    // A state file that is not there is told on the terminal as it was.
    read(state)?;
    gone_is_fine(write(ENTER))?;
    let watched = watch_screen(config, state, pressed).await;
    gone_is_fine(write(LEAVE))?;
    watched?;
    // What was seen last stays.
    show(config, state).map(|()| Exit::Done)
}

/// Redraws the screen in place, which does not flicker as clearing it would.
async fn watch_screen(
    config: &Config,
    state: &Path,
    mut pressed: watch::Receiver<Pressed>,
) -> Result<(), Failure> {
    loop {
        let (status, extras) = read(state)?;
        let look = config.stdout_look();
        let text = glance(&status, &extras, look, config.stdout_rows());
        if gone_is_fine(write(&redrawn(&text))).is_err() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_EVERY) => {}
            _ = pressed.wait_for(|pressed| pressed.first.is_some()) => return Ok(()),
        }
    }
}

/// Each line over the one that stood there, and then nothing more; in one piece, for terminals that can wait for it.
fn redrawn(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("{line}\x1b[K")).collect();
    format!("\x1b[?2026h\x1b[H{}\x1b[J\x1b[?2026l", lines.join("\r\n"))
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

async fn watch_plain(config: &Config, state: &Path) -> Result<Exit, Failure> {
    let mut pressed = listen()?;
    let mut first = true;
    loop {
        if !first && !config.json {
            gone_is_fine(print(&mut io::stdout(), ""))?;
        }
        first = false;
        if !show_once(config, state)? {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_EVERY) => {}
            _ = pressed.wait_for(|pressed| pressed.first.is_some()) => return Ok(Exit::Done),
        }
    }
}

fn show(config: &Config, state: &Path) -> Result<(), Failure> {
    show_once(config, state).map(drop)
}

/// False where the reader has gone.
fn show_once(config: &Config, state: &Path) -> Result<bool, Failure> {
    let (status, extras) = read(state)?;
    let mut out = io::stdout();
    let written = if config.json {
        print_json(&mut out, &status)
    } else {
        print(&mut out, &text(&status, &extras, config.stdout_look()))
    };
    let gone = written
        .as_ref()
        .is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    gone_is_fine(written)?;
    Ok(!gone)
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
    let customers = Customers::counted(counts.customers);
    let speed = if running {
        store::Speed::read(conn)?
    } else {
        None
    };
    let reasons = store::ReasonCount::read(conn)?;
    let status = Status {
        migration: migration.id.to_string(),
        platform_account: migration.platform_account,
        livemode: migration.livemode,
        customers,
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
        running,
        speed: speed.map(|speed| {
            Speed::measured(speed.sent, speed.finished, speed.seconds, customers.left())
        }),
        last_refusal: LastError::read(conn)?.map(last_refusal),
        reasons: reasons.into_iter().map(reason).collect(),
        // What cannot be read was told by another version.
        pace: store::pace(conn)?
            .filter(|_| running)
            .and_then(|told| serde_json::from_str(&told).ok()),
        open_charges: store::open_charges(conn)?,
        undo_unfinished: store::undo_unfinished(conn)?,
        stale: stale(conn)?,
        listener: listener(Heard::read(conn)?, Listening::is_on(state)),
        purged_at: store::purged_at(conn)?.map(second),
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
        in_doubt_steps: doubts.steps,
        unanswered_steps: doubts.unanswered,
        in_doubt: in_doubt.into_iter().map(in_doubt_row).collect(),
        clones_left: store::clones_left(conn)?,
        simulated: migration.simulated,
        taken_back: store::is_taken_back(conn)?,
        state_file: state.display().to_string(),
    };
    Ok(Some((status, extras)))
}

fn stale(conn: &Connection) -> Result<Stale, StoreError> {
    let counts = StaleCounts::read(conn)?;
    let [automatically_updated, updated, detached] = counts.sources;
    let first = StaleClone::read(conn, None, MOST_STALE)?;
    Ok(Stale {
        total: counts.total(),
        automatically_updated,
        updated,
        detached,
        first: first.iter().map(StaleJson::from).collect(),
    })
}

fn listener(last: Option<Heard>, on: bool) -> Option<Listener> {
    if last.is_none() && !on {
        return None;
    }
    Some(Listener {
        on,
        events: last.as_ref().map_or(0, |last| last.events),
        last_created: last.as_ref().map(|last| second(last.created)),
        // Told as people read it; nothing is decided by it.
        last_taken: last.as_ref().map(|last| second(StripeTime(last.taken_at))),
        last_type: last.map(|last| last.kind),
    })
}

fn account(counts: AccountCounts) -> Account {
    Account::counted(counts.id, counts.parked, counts.customers)
}

fn last_refusal(last: LastError) -> LastRefusal {
    LastRefusal {
        at: second(last.at),
        legacy_id: last.legacy_id.to_string(),
        step: last.kind.name(),
        account: last.account,
        reason: last.reason,
        message: last.message,
    }
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
