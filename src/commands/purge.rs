//! `pmclone purge`: what is left of people in the state file is erased; the mapping stays.

use std::path::Path;

use rusqlite::Connection;

use super::gone_is_fine;
use super::session;
use super::status::missing_or;
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::purge::Purged;
use crate::report::words::{count, quoted, second};
use crate::report::{here, print, print_json};
use crate::store::{self, Migration, Personal, RunLock, StoreError};
use crate::time::StripeTime;

/// Erases it, or tells what would be erased.
pub fn purge(config: &Config, args: &cli::Purge) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    if args.dry_run {
        let conn = store::open_readonly(&state).map_err(of)?;
        return tell(config, &looked(&conn, &state, args).map_err(of)?);
    }
    if !state.exists() {
        return Err(of(StoreError::Missing));
    }
    let lock = RunLock::take(&state).map_err(of)?;
    let mut conn = store::open_existing(&state).map_err(of)?;
    let mut purged = looked(&conn, &state, args).map_err(of)?;
    let migration = Migration::read(&conn).map_err(of)?;
    let migration = migration.ok_or_else(|| of(StoreError::Missing))?;
    session::is_whole(&migration, &state)?;
    if purged.purged_at.is_none() {
        allowed(&conn, &state, args, &purged)?;
    }
    let now = StripeTime(here::now().timestamp().as_second());
    store::purge(&mut conn, now).map_err(of)?;
    drop(conn);
    purged.purged_at.get_or_insert_with(|| second(now));
    purged.log_left = store::log_left(&state).map(|log| log.display().to_string());
    purged.world_left = world(&state);
    drop(lock);
    tell(config, &purged)
}

fn looked(conn: &Connection, state: &Path, args: &cli::Purge) -> Result<Purged, StoreError> {
    Migration::read(conn)?.ok_or(StoreError::Missing)?;
    Ok(Purged {
        state_file: state.display().to_string(),
        dry_run: args.dry_run,
        found: Personal::read(conn)?,
        purged_at: store::purged_at(conn)?.map(second),
        log_left: None,
        world_left: world(state),
    })
}

/// A rehearsal's simulated Stripe, which has everybody's details.
fn world(state: &Path) -> Option<String> {
    let mut world = state.as_os_str().to_owned();
    world.push(".world");
    let world = Path::new(&world);
    world.exists().then(|| world.display().to_string())
}

/// Nobody is given up, and no money is left, without a word.
fn allowed(
    conn: &Connection,
    state: &Path,
    args: &cli::Purge,
    purged: &Purged,
) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let state = quoted(&state.display().to_string());
    let open = store::open_charges(conn).map_err(of)?;
    if open > 0 {
        return Err(Failure::safety(format!(
            "{} of `verify --charge` may still be held: nothing was erased",
            count(open, "charge")
        ))
        .hint(format!(
            "a run takes them back: pmclone resume --state {state}"
        )));
    }
    let given_up = purged.found.given_up();
    if given_up == args.give_up.unwrap_or(0) {
        return Ok(());
    }
    Err(
        Failure::safety(format!("{}: nothing was erased", purged.given_up()))
            .hint(format!(
                "to see who they are: pmclone status --state {state}"
            ))
            .hint(format!(
                "to give them up for good: add --give-up {given_up}"
            )),
    )
}

fn tell(config: &Config, purged: &Purged) -> Result<Exit, Failure> {
    let mut out = std::io::stdout();
    gone_is_fine(if config.json {
        print_json(&mut out, &purged.json())
    } else {
        print(&mut out, &purged.text(config.stdout_look()))
    })?;
    Ok(if purged.log_left.is_some() {
        Exit::Incomplete
    } else {
        Exit::Done
    })
}

/// Refuses to go on with a migration whose contact details were erased.
pub fn is_not_purged(state: &Path) -> Result<(), Failure> {
    // What else is wrong with it, whoever opens it for writing tells.
    let read = store::open_readonly(state).and_then(|conn| store::purged_at(&conn));
    let Ok(Some(at)) = read else { return Ok(()) };
    Err(Failure::safety(format!(
        "{}: its contact details were erased by `pmclone purge` on {}, which ended this migration: nothing was sent",
        state.display(),
        second(at)
    ))
    .hint("export, report, status, explain, verify and undo still work")
    .hint("for customers that were given up: a CSV of them alone, and another state file; name in it, as platform_customer, what `pmclone export` has of them"))
}
