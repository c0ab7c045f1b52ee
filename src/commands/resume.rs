//! `pmclone resume`: goes on from the state file alone.

use super::migrate::{Asked, Prepared, migrate};
use super::purge::is_not_purged;
use super::refresh::dry_resume;
use super::run::{Opened, open};
use super::session::Purpose;
use super::status::missing_or;
use super::undo::{More, not_taken_back};
use super::{pilot, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::{self, Migration, RunLock, StoreError};

/// Goes on with what is left.
pub fn resume(config: &Config, args: &cli::Resume) -> Result<Exit, Failure> {
    is_not_purged(&config.state_file(args.rehearsal.simulate))?;
    if args.dry_run {
        return dry_resume(config, args);
    }
    runtime()?.block_on(begin(config, args))
}

async fn begin(config: &Config, args: &cli::Resume) -> Result<Exit, Failure> {
    config.hours(&args.steering)?;
    let mut prepared = prepare(config, &args.stripe, &args.rehearsal, Purpose::Write).await?;
    not_taken_back(
        &prepared.conn,
        &prepared.state,
        args.work.after_undo,
        if args.retry_refused {
            More::Refused
        } else {
            More::Begun
        },
    )?;
    if args.follow && prepared.migration.simulated {
        return Err(Failure::usage(
            "--follow is for a real migration, or one on `pmclone simulate`: of a rehearsal whose simulator lives in the run nobody can hear anything",
        ));
    }
    if args.retry_refused {
        let retried = store::retry_refused(&mut prepared.conn)
            .map_err(|error| missing_or(&prepared.state, &error))?;
        config.screen.line(&format!(
            "{retried} refused steps are tried again, under new keys."
        ));
    }
    let asked = pilot::asked(
        config,
        if args.follow {
            "resume --follow"
        } else {
            "resume"
        },
        (&args.work, &args.stripe, &args.steering),
        (&prepared.conn, &prepared.state),
    )?;
    let asked = Asked {
        follow: args.follow,
        refresh_stale: args.refresh_stale,
        ..asked
    };
    migrate(config, asked, prepared).await
}

/// Opens a state file that must exist, and a session that fits it.
pub async fn prepare(
    config: &Config,
    stripe: &cli::Stripe,
    rehearsal: &cli::Rehearsal,
    purpose: Purpose,
) -> Result<Prepared, Failure> {
    let state = config.state_file(rehearsal.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    if !state.exists() {
        return Err(of(StoreError::Missing));
    }
    let lock = RunLock::take(&state).map_err(of)?;
    // The file itself says whether it is a rehearsal's.
    let looked = store::open_existing(&state)
        .and_then(|conn| Migration::read(&conn))
        .map_err(of)?;
    let simulate = looked.is_some_and(|migration| migration.simulated) || rehearsal.simulate;
    let rehearsal = cli::Rehearsal {
        simulate,
        ..rehearsal.clone()
    };
    let opened = open(&state, &rehearsal, stripe, config, purpose).await?;
    let Opened {
        conn: Some(conn),
        migration: Some(migration),
        link,
    } = opened
    else {
        return Err(of(StoreError::Missing));
    };
    Ok(Prepared {
        lock,
        state,
        conn,
        migration,
        link,
    })
}
