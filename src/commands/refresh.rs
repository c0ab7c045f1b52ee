//! `--refresh-stale`: clones whose sources changed are taken up to be renewed; and `resume --dry-run`, which tells what that takes.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::purge::is_not_purged;
use super::status::missing_or;
use super::undo::{More, not_taken_back};
use super::{dry_run, gone_is_fine, pilot};
use crate::cli;
use crate::config::{Config, rates};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Plan, Rates};
use crate::report::commands::Flags;
use crate::report::plan::PlanJson;
use crate::report::stale::{self, RenewalsJson};
use crate::report::{self, print_json};
use crate::store::{self, Commit, Gate, Migration, Renewals, Selection, StoreError, TakeStale};
use crate::stripe::Mode;
use crate::time::StripeTime;

/// Takes stale clones up where that was asked for, and tells it; otherwise tells how many there are. `None`: it was not asked for.
pub fn take_up(
    config: &Config,
    (conn, gate): (&Connection, Option<&Gate>),
    (migration, state): (&Migration, &Path),
    selection: Option<&Selection>,
    at: Option<StripeTime>,
) -> Result<Option<Renewals>, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let named = stale::named(state);
    let Some(selection) = selection else {
        match store::to_be_renewed(conn).map_err(of)? {
            0 => {}
            clones => {
                let flags = Flags {
                    simulated: migration.simulated,
                    livemode: migration.livemode,
                    taken_back: false,
                };
                config.screen.line(&stale::hint(clones, &named, flags));
            }
        }
        return Ok(None);
    };
    let pass = |commit| {
        if let Some(gate) = gate {
            gate.pass(commit, " refresh");
        }
    };
    pass(Commit::Begun);
    let renewals = store::take_up_stale(conn, selection, TakeStale::All, at).map_err(of)?;
    pass(Commit::Done);
    if let Some(told) = stale::taken_up(&renewals, &named) {
        config.screen.line(&told);
    }
    Ok(Some(renewals))
}

/// What `resume --dry-run --json` prints, one object. Fields are only ever added.
#[derive(Serialize)]
struct DryJson {
    /// What would be sent.
    plan: PlanJson,
    /// What `--refresh-stale` would take up; null without it.
    refresh: Option<RenewalsJson>,
    /// Stale clones that it would renew.
    stale: u64,
}

/// What a resume would send, without sending it: made on a copy of the state file that lives nowhere.
pub fn dry_resume(config: &Config, args: &cli::Resume) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    if !state.exists() {
        return Err(of(StoreError::Missing));
    }
    let simulate = args.rehearsal.simulate;
    let mut conn = dry_run::copy_of(&state, simulate)?;
    let stale = store::to_be_renewed(&conn).map_err(of)?;
    let migration = Migration::read(&conn).map_err(of)?;
    let migration = migration.ok_or_else(|| of(StoreError::Missing))?;
    // What would be refused is not foretold as done.
    is_not_purged(&state)?;
    let more = if args.retry_refused {
        More::Refused
    } else {
        More::Begun
    };
    not_taken_back(&conn, &state, args.work.after_undo, more)?;
    let selection = pilot::selection(&conn, &args.work, &state)?;
    if args.retry_refused {
        store::retry_refused(&mut conn).map_err(of)?;
    }
    let wanted = args.refresh_stale.then_some(&selection);
    let here = (&conn, None);
    let renewals = take_up(config, here, (&migration, &state), wanted, None)?;
    store::take_up_left_out(&conn).map_err(of)?;
    let mode = if migration.livemode {
        Mode::Live
    } else {
        Mode::Test
    };
    let rates = rates(config.limits(&args.stripe, mode)?);
    let plan = Plan::new(store::work(&conn, &selection).map_err(of)?, rates)
        .with_waiting(store::waiting(&conn, &selection).map_err(of)?);
    if config.json {
        let json = DryJson {
            plan: PlanJson::new(&plan, rates, Rates::documented(migration.livemode)),
            refresh: renewals.map(RenewalsJson::from),
            stale,
        };
        gone_is_fine(print_json(&mut io::stdout(), &json))?;
        return Ok(Exit::Done);
    }
    let told = report::plan::text(&plan, rates, &report::here::now(), config.stdout_look());
    let text = format!("{told}\n\n{}\n", dry_run::NOTHING_SENT);
    gone_is_fine(report::print(&mut io::stdout(), &text))?;
    Ok(Exit::Done)
}
