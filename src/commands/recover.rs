//! `pmclone recover`: rebuilds a lost state file from what Stripe has.
//!
//! ```text
//!   CSV ─▶ temporary state ─▶ sweeps ─▶ which migration? ─▶ state file, marked unfinished ─▶ customer by customer ─▶ finished
//!          (until here nothing is left behind)                (from here on it can be interrupted, and goes on)
//! ```
//!
//! Hazard: a run on a state file that does not know all that was done makes it a second time. So a state file that is marked
//! unfinished is refused by every command that sends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::import::{Csv, import};
use super::interrupt;
use super::migrate::Link;
use super::rehearsal::{Rehearsal, World};
use super::run::listen;
use super::session::{self, Destination, Purpose, Session};
use super::{gone_is_fine, history, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::MigrationId;
use crate::input;
use crate::report::recover::{Ended, Looked};
use crate::report::{self, print_json};
use crate::run::Recover;
use crate::store::{
    self, CsvFile, Marked, Migration, MigrationFound, Recovery, RequestTally, RunEnded, RunLock,
    RunSeq, Selection, StoreError,
};
use crate::stripe::STRIPE_VERSION;
use crate::time::ARRIVES_WITHIN_SECONDS;

mod sweeps;

/// Rebuilds the state file.
pub fn recover(config: &Config, args: &cli::Recover) -> Result<Exit, Failure> {
    runtime()?.block_on(begin(config, args))
}

/// A command that is on.
struct Work<'a> {
    config: &'a Config,
    args: &'a cli::Recover,
    state: PathBuf,
    session: Session,
    simulated: bool,
}

async fn begin(config: &Config, args: &cli::Recover) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let reading = config.reading(&args.input)?;
    for csv in &args.csv {
        let wrong = |error: input::WrongFile| Failure::new(Exit::Input, error.to_string());
        drop(input::open(csv, &reading).map_err(wrong)?);
    }
    let begun = unfinished(&state, args)?;
    let link = link(config, args, &state).await?;
    let Link {
        session,
        rehearsal,
        pressed,
        draining: _draining,
        gate: _,
    } = link;
    let work = Work {
        config,
        args,
        state,
        session,
        simulated: args.rehearsal.simulate,
    };
    let told = interrupt::unless(pressed, async {
        match begun {
            Some(migration) => work.go_on(&migration).await,
            None => work.begin().await,
        }
    })
    .await;
    if let Some(rehearsal) = rehearsal {
        rehearsal.stop().await?;
    }
    told
}

/// The migration of a state file that is being rebuilt. Refuses one that a run has used.
fn unfinished(state: &Path, args: &cli::Recover) -> Result<Option<Migration>, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    if RunLock::is_held(state) {
        return Err(of(StoreError::Busy));
    }
    let conn = match store::open_existing(state) {
        Ok(conn) => conn,
        Err(StoreError::Missing) => return Ok(None),
        Err(error) => return Err(of(error)),
    };
    let migration = Migration::read(&conn).map_err(of)?;
    if let Some(migration) = migration
        && migration.recovery == Recovery::Unfinished
    {
        session::kind_fits(&migration, args.rehearsal.simulate)?;
        return Ok(Some(migration));
    }
    if store::has_steps(&conn).map_err(of)? {
        let there = format!("{} is not lost: it knows what was done", state.display());
        return Err(Failure::usage(there)
            .hint("to go on with it: pmclone resume")
            .hint("to rebuild another one: name it with --state"));
    }
    Ok(None)
}

/// Reaches Stripe, or what is left of a rehearsal.
async fn link(config: &Config, args: &cli::Recover, state: &Path) -> Result<Link, Failure> {
    if let Some(option) = args.rehearsal.misplaced() {
        return Err(Failure::usage(format!(
            "{option} is for a rehearsal: add --simulate, or leave it out"
        )));
    }
    if args.rehearsal.simulate {
        session::nothing_real(&args.stripe)?;
    }
    let (pressed, draining) = listen()?;
    let (rehearsal, destination) = if args.rehearsal.simulate {
        let rehearsal = Rehearsal::start(&args.rehearsal, state, World::Survived).await?;
        let destination = rehearsal.destination()?;
        (Some(rehearsal), destination)
    } else {
        (
            None,
            Destination::stripe(config, &args.stripe, Purpose::Read)?,
        )
    };
    let session = session::begin(
        config,
        &args.stripe,
        destination,
        Purpose::Read,
        draining.subscribe(),
    );
    let session = interrupt::unless(pressed.clone(), session).await?;
    Ok(Link {
        session,
        rehearsal,
        pressed,
        draining,
        gate: None,
    })
}

impl Work<'_> {
    fn of(&self, error: &StoreError) -> Failure {
        Failure::store(&self.state, error)
    }

    fn say(&self, text: &str) {
        self.config.screen.line(text);
    }

    fn recover<'c>(&self, conn: &'c Connection) -> Recover<'c> {
        Recover {
            client: std::sync::Arc::clone(&self.session.client),
            conn,
            concurrency: self.config.concurrency(&self.args.stripe),
        }
    }

    async fn begin(&self) -> Result<Exit, Failure> {
        let conn = store::temporary().map_err(|error| self.of(&error))?;
        let file = self.take_in(&conn)?;
        let migration = self.args.migration.map(MigrationId);
        self.announce(migration);
        let pages = store::sweep_pages(&conn).map_err(|error| self.of(&error))?;
        self.say(&report::recover::before(pages));
        self.wait().await;
        let unreachable = self.sweep_all(&conn).await?;
        let migration = self.choose(&conn, migration)?;
        let scope = MigrationFound::choose(&conn, migration).map_err(|error| self.of(&error))?;
        self.has_some(&scope, migration)?;
        let looked = Looked {
            migration,
            scope,
            unreachable: unreachable.clone(),
            reads: self.session.client.counts().sent,
        };
        self.say(&report::recover::looked(&looked, self.config.screen.look()));
        if self.args.dry_run {
            self.say("Nothing of this was kept: this was a dry run.");
            if self.config.json {
                gone_is_fine(print_json(&mut std::io::stdout(), &looked.json()))?;
            }
            return Ok(Exit::Done);
        }
        let (_lock, conn) = self
            .keep(conn, file.as_ref(), migration)
            .map_err(|error| self.of(&error))?;
        self.finish(&conn, migration, scope.strangers).await
    }

    /// Goes on with a state file whose accounts are swept.
    async fn go_on(&self, migration: &Migration) -> Result<Exit, Failure> {
        session::bound_to(
            migration,
            &self.session.account.id,
            self.session.client.mode(),
            self.simulated,
        )?;
        if self.args.dry_run {
            return Err(Failure::usage(format!(
                "{} is being rebuilt already: go on without --dry-run",
                self.state.display()
            )));
        }
        let asked = self.args.migration.map(MigrationId);
        if asked.is_some_and(|asked| asked != migration.id) {
            return Err(Failure::usage(format!(
                "{} is being rebuilt from migration {}",
                self.state.display(),
                migration.id
            )));
        }
        let _lock = RunLock::take(&self.state).map_err(|error| self.of(&error))?;
        let conn = store::open_existing(&self.state).map_err(|error| self.of(&error))?;
        if self.args.was_undone {
            store::set_taken_back(&conn, true).map_err(|error| self.of(&error))?;
        }
        self.announce(Some(migration.id));
        let left = Marked::left(&conn).map_err(|error| self.of(&error))?;
        self.say(&report::recover::going_on(&self.state, left));
        self.finish(&conn, migration.id, 0).await
    }

    /// Imports every CSV, in order. Gives the last.
    fn take_in(&self, conn: &Connection) -> Result<Option<CsvFile>, Failure> {
        let mut file = None;
        let reading = self.config.reading(&self.args.input)?;
        for csv in &self.args.csv {
            let read = import(conn, Csv::new(csv, &reading), |_| Ok(()), || Ok(()))?;
            if !read.problems.is_empty() {
                let told = report::import::problems(csv, &read.facts, &read.problems);
                self.config.screen.problem(told.trim_end());
            }
            let Some(imported) = &read.imported else {
                let errors = read.problems.errors();
                let wrong = format!("{errors} errors in {}: nothing was read", csv.display());
                return Err(Failure::new(Exit::Input, wrong)
                    .hint("give the file as it was when it was imported"));
            };
            self.say(&report::import::imported(csv, imported));
            file = Some(read.file);
        }
        Ok(file)
    }

    fn announce(&self, migration: Option<MigrationId>) {
        let banner = report::banner::Banner {
            platform_account: self.session.account.id.clone(),
            account_name: self.session.account.display_name.clone(),
            country: self.session.account.country.clone(),
            livemode: self.session.client.mode().is_live(),
            simulated: self.simulated,
            api_base: self.session.api_base.clone(),
            state_file: self.state.display().to_string(),
            migration: migration.map_or_else(|| "looked for".to_owned(), |id| id.to_string()),
        };
        self.say(&banner.text(self.config.screen.look()));
        self.say("");
    }

    /// What the lost run sent last may arrive still, and would not be seen.
    async fn wait(&self) {
        // A rehearsal's Stripe ended with its run.
        if self.args.no_wait || self.args.dry_run || self.simulated {
            return;
        }
        self.say(&report::recover::waiting(ARRIVES_WITHIN_SECONDS));
        tokio::time::sleep(Duration::from_secs(ARRIVES_WITHIN_SECONDS)).await;
    }

    /// Makes the state file, marked as unfinished.
    fn keep(
        &self,
        temporary: Connection,
        file: Option<&CsvFile>,
        id: MigrationId,
    ) -> Result<(RunLock, Connection), StoreError> {
        let lock = RunLock::take(&self.state)?;
        let migration = Migration {
            id,
            platform_account: self.session.account.id.clone(),
            livemode: self.session.client.mode().is_live(),
            simulated: self.simulated,
            recovery: Recovery::Unfinished,
        };
        migration.write(&temporary, STRIPE_VERSION)?;
        store::set_taken_back(&temporary, self.args.was_undone)?;
        if let Some(file) = file {
            file.write(&temporary)?;
        }
        let mut conn = store::create(&self.state)?;
        // A run may have come first, while the accounts were swept.
        if store::has_steps(&conn)? {
            return Err(StoreError::Busy);
        }
        store::copy(&temporary, &mut conn)?;
        drop(conn);
        drop(temporary);
        lock.note_begun()?;
        let conn = store::open_existing(&self.state)?;
        Ok((lock, conn))
    }

    /// Takes over what the sweeps found.
    async fn finish(
        &self,
        conn: &Connection,
        migration: MigrationId,
        strangers: u64,
    ) -> Result<Exit, Failure> {
        let all = Selection::default();
        let run = history::keep(conn, &self.session, "recover", &all, false)
            .map_err(|error| self.of(&error))?;
        let mut progress = report::recover::Progress::new(&self.config.screen, "customers");
        let taken = self
            .recover(conn)
            .take_over(|recovered| progress.taken(recovered))
            .await;
        drop(progress);
        let kept = self.count_requests(conn, run, taken.is_ok());
        let (recovered, _) = taken.map_err(|error| self.failed(error, "this migration"))?;
        kept.map_err(|error| self.of(&error))?;
        if recovered.unread == 0 {
            Recovery::Done
                .write(conn)
                .map_err(|error| self.of(&error))?;
        }
        let unread = store::unread(conn).map_err(|error| self.of(&error))?;
        let ended = Ended {
            migration,
            recovered,
            strangers,
            unread: unread.into_iter().map(|(_, id)| id).collect(),
            reads: self.session.client.counts().sent,
            left_to_make: store::left_to_make(conn).map_err(|error| self.of(&error))?,
            was_undone: store::is_taken_back(conn).map_err(|error| self.of(&error))?,
            without_connected: store::without_connected(conn).map_err(|error| self.of(&error))?,
            next: self.next(),
        };
        self.say(&report::recover::ended(&ended, self.config.screen.look()));
        if self.config.json {
            gone_is_fine(print_json(&mut std::io::stdout(), &ended.json()))?;
        }
        Ok(if ended.is_whole() {
            Exit::Done
        } else {
            Exit::Incomplete
        })
    }

    /// The command that goes on.
    fn next(&self) -> String {
        let state = report::words::quoted(&self.state.display().to_string());
        let flags = match (self.simulated, &self.args.stripe.confirm) {
            (true, _) => " --simulate".to_owned(),
            (false, Some(confirm)) if self.args.stripe.live => {
                format!(" --live --confirm {confirm}")
            }
            (false, _) => String::new(),
        };
        let command = if self.args.was_undone {
            "undo"
        } else {
            "resume"
        };
        format!("pmclone {command} --state {state}{flags}")
    }

    fn count_requests(
        &self,
        conn: &Connection,
        run: RunSeq,
        is_well: bool,
    ) -> Result<(), StoreError> {
        let counts = self.session.client.counts();
        let tally = RequestTally {
            sent: counts.sent,
            retried: counts.retried,
            rate_limited: counts.rate_limited,
        };
        let ended = RunEnded {
            at: self.session.client.clock().earliest_now(),
            how: if is_well { "finished" } else { "stopped" }.to_owned(),
            requests: tally,
            settled: 0,
        };
        tally.add_to(conn)?;
        Ok(ended.keep(conn, run)?)
    }
}
