//! `pmclone run`: import, then migrate. The same command again goes on where it stopped.

use std::path::Path;

use rusqlite::Connection;
use tokio::sync::watch;

use super::import::{Csv, import_as, is_imported};
use super::interrupt::{self, Pressed};
use super::lists::Lists;
use super::migrate::{Asked, Link, Prepared, migrate};
use super::purge::is_not_purged;
use super::rehearsal::{Rehearsal, World};
use super::session::{self, Destination, Purpose};
use super::undo::{More, not_taken_back};
use super::{dry_run::dry_run, pilot, problems, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::MigrationId;
use crate::input;
use crate::report;
use crate::store::{self, Commit, Listed, Migration, Recovery, RunLock, StoreError, TakeUp};
use crate::stripe::STRIPE_VERSION;

/// Imports the CSV and migrates its customers.
pub fn run(config: &Config, args: &cli::Run) -> Result<Exit, Failure> {
    let looks_given = args.looks.sources.is_some() || args.looks.max_reads.is_some();
    if looks_given && !args.online {
        return Err(Failure::usage(
            "--sources and --max-reads are for --dry-run --online, or for pmclone check",
        ));
    }
    if args.dry_run {
        return dry_run(config, args);
    }
    runtime()?.block_on(begin(config, args))
}

async fn begin(config: &Config, args: &cli::Run) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    config.hours(&args.steering)?;
    // A wrong file is told before anybody is asked anything.
    let reading = config.reading(&args.input)?;
    let csv = problems::csv(args, &reading)?;
    let wrong = |error: input::WrongFile| Failure::new(Exit::Input, error.to_string());
    drop(input::open(&args.csv, &reading).map_err(wrong)?);
    let of = |error: StoreError| Failure::store(&state, &error);
    let lock = RunLock::take(&state).map_err(of)?;
    is_not_purged(&state)?;
    let opened = open(
        &state,
        &args.rehearsal,
        &args.stripe,
        config,
        Purpose::Write,
    )
    .await?;
    let conn = match opened.conn {
        Some(conn) => conn,
        None => store::create(&state).map_err(of)?,
    };
    let migration = opened.migration.unwrap_or_else(|| Migration {
        id: MigrationId::draw(),
        platform_account: opened.link.session.account.id.clone(),
        livemode: opened.link.session.client.mode().is_live(),
        simulated: args.rehearsal.simulate,
        recovery: Recovery::No,
    });
    take_in(config, args, csv, (&conn, &state), &migration, &opened.link)?;
    not_taken_back(&conn, &state, args.work.after_undo, More::Begun)?;
    let asked = pilot::asked(
        config,
        "run",
        (&args.work, &args.stripe, &args.steering),
        (&conn, &state),
    )?;
    let asked = Asked {
        refresh_stale: args.refresh_stale,
        ..asked
    };
    let prepared = Prepared {
        lock,
        state,
        conn,
        migration,
        link: opened.link,
    };
    migrate(config, asked, prepared).await
}

/// A session, and the state file as far as there is one.
pub struct Opened {
    /// `None` where the file is new.
    pub conn: Option<Connection>,
    /// `None` before anything was imported.
    pub migration: Option<Migration>,
    /// Stripe, and who may end the run.
    pub link: Link,
}

/// Opens an existing state file and a session that fits it. Makes nothing.
pub async fn open(
    state: &Path,
    rehearsal: &cli::Rehearsal,
    stripe: &cli::Stripe,
    config: &Config,
    purpose: Purpose,
) -> Result<Opened, Failure> {
    if let Some(option) = rehearsal.misplaced() {
        return Err(Failure::usage(format!(
            "{option} is for a rehearsal: add --simulate, or leave it out"
        )));
    }
    if rehearsal.simulate {
        session::nothing_real(stripe)?;
    }
    let of = |error: StoreError| Failure::store(state, &error);
    let (conn, migration) = found(state).map_err(of)?;
    if let Some(migration) = &migration {
        session::kind_fits(migration, rehearsal.simulate)?;
        session::is_whole(migration, state)?;
    }
    let world = world_for(conn.as_ref(), migration.as_ref()).map_err(of)?;
    let (pressed, draining) = listen()?;
    let rehearsal = if rehearsal.simulate {
        Some(Rehearsal::start(rehearsal, state, world).await?)
    } else {
        None
    };
    let destination = match &rehearsal {
        Some(rehearsal) => rehearsal.destination()?,
        None => Destination::stripe(config, stripe, purpose)?,
    };
    let gate = session::gate(stripe, &destination)?;
    let session = session::begin(config, stripe, destination, purpose, draining.subscribe());
    let session = interrupt::unless(pressed.clone(), session).await?;
    if let Some(migration) = &migration {
        session::bound_to(
            migration,
            &session.account.id,
            session.client.mode(),
            rehearsal.is_some(),
        )?;
    }
    let link = Link {
        session,
        rehearsal,
        pressed,
        draining,
        gate,
    };
    Ok(Opened {
        conn,
        migration,
        link,
    })
}

/// The state file that is there, and whose it is, if either is known.
fn found(state: &Path) -> Result<(Option<Connection>, Option<Migration>), StoreError> {
    let conn = match store::open_existing(state) {
        Ok(conn) => conn,
        Err(StoreError::Missing) => return Ok((None, None)),
        Err(error) => return Err(error),
    };
    let migration = Migration::read(&conn)?;
    Ok((Some(conn), migration))
}

/// The simulated Stripe that belongs to a state file: the one that its steps were done in, or a new one.
fn world_for(
    conn: Option<&Connection>,
    migration: Option<&Migration>,
) -> Result<World, StoreError> {
    let recovered = migration.is_some_and(|migration| migration.recovery != Recovery::No);
    let begun = conn.map(store::has_steps).transpose()?.unwrap_or(false);
    Ok(if recovered || begun {
        World::Kept
    } else {
        World::New
    })
}

/// Listens for signals; the first of them drains.
pub fn listen() -> Result<(watch::Receiver<Pressed>, watch::Sender<bool>), Failure> {
    let deaf = |error: std::io::Error| {
        Failure::new(
            Exit::Unexpected,
            format!("no signals can be listened for: {error}"),
        )
    };
    let pressed = interrupt::listen().map_err(deaf)?;
    let (draining, _) = watch::channel(false);
    let (mut first, drain) = (pressed.clone(), draining.clone());
    tokio::spawn(async move {
        if first
            .wait_for(|pressed| pressed.first.is_some())
            .await
            .is_ok()
        {
            drain.send_replace(true);
        }
    });
    Ok((pressed, draining))
}

/// Imports the CSV, unless it is the one that was imported last.
fn take_in(
    config: &Config,
    args: &cli::Run,
    csv: Csv<'_>,
    (conn, state): (&Connection, &Path),
    migration: &Migration,
    link: &Link,
) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    // What an earlier import left to --update-details is found by reading once more.
    let again = args.update_details || args.delta.is_some();
    if !again && is_imported(conn, csv).map_err(of)? {
        config.screen.line(&format!(
            "{} is imported already: going on from {}.",
            csv.path.display(),
            state.display()
        ));
        return Ok(());
    }
    let gate = |commit| {
        if let Some(gate) = &link.gate {
            gate.pass(commit, " import");
        }
    };
    let seal = |conn: &Connection| {
        if Migration::read(conn)?.is_none() {
            migration.write(conn, STRIPE_VERSION)?;
        }
        gate(Commit::Begun);
        Ok(())
    };
    // Nothing else of this task hears a signal meanwhile: the import does not wait for anything.
    let go_on = || {
        let pressed = *link.pressed.borrow();
        pressed.first.map_or(Ok(()), |_| Err(pressed.failure()))
    };
    let mut lists = Lists::begin(args)?;
    let mut hear = |listed: &Listed| lists.hear(listed);
    let take_up = TakeUp {
        update_details: args.update_details,
        hear: args.delta.is_some().then_some(&mut hear),
    };
    let read = import_as(conn, csv, take_up, seal, go_on)?;
    problems::write(config, args, csv, &read)?;
    if !read.problems.is_empty() {
        let told = report::import::problems(csv.path, &read.facts, &read.problems);
        config.screen.problem(told.trim_end());
    } else if let Some(assumed) = report::import::assumed(csv.path, &read.facts) {
        config.screen.line(&assumed);
    }
    let Some(imported) = &read.imported else {
        let errors = read.problems.errors();
        return Err(Failure::new(Exit::Input, format!("{errors} errors in {}: nothing was imported, nothing was sent", csv.path.display()))
            .hint("mend them and run the same command again; --dry-run shows what is left without sending anything"));
    };
    gate(Commit::Done);
    lists.end(config, Some(imported))?;
    config
        .screen
        .line(&report::import::imported(csv.path, imported));
    Ok(())
}
