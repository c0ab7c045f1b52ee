//! `pmclone undo`: takes back what this migration made, and nothing else.
//!
//! Hazard: nothing that it does can be taken back in turn. So it takes the run lock, asks for the same three confirmations as a live
//! run, says beforehand what it will do and what is lost by it, and settles what is in doubt before it judges anything.

mod before;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::before::page;
pub use self::before::{More, not_taken_back};
use super::interrupt::{self, Pressed};
use super::migrate::{Link, Prepared, close, known_accounts};
use super::resume::prepare;
use super::session::Purpose;
use super::verify::named;
use super::{charge, gone_is_fine, history, runtime, suggested, suggestion};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::reconcile::Then;
use crate::report::undo::{Before, Ended};
use crate::report::{self, print, print_json};
use crate::run::{self, Context, Keep, Outcome, Reported, Undo, VisitError};
use crate::store::{
    self, CustomerSeq, Loaded, Loader, ProofsMade, RunSeq, Selection, Store, StoreError, Undone,
};

/// Customers in a row that nothing could be settled of: Stripe is out of reach, and the rest is spared it.
const UNSETTLED_IN_A_ROW: u32 = 32;

/// Takes back, and tells.
pub fn undo(config: &Config, args: &cli::Undo) -> Result<Exit, Failure> {
    runtime()?.block_on(begin(config, args))
}

async fn begin(config: &Config, args: &cli::Undo) -> Result<Exit, Failure> {
    // A look needs no confirmation.
    let purpose = if args.dry_run {
        Purpose::Read
    } else {
        Purpose::Write
    };
    let Prepared {
        lock,
        state,
        conn,
        migration,
        link,
    } = prepare(config, &args.stripe, &args.rehearsal, purpose).await?;
    let Link {
        session,
        rehearsal,
        pressed,
        draining,
        gate,
    } = link;
    let of = |error: StoreError| Failure::store(&state, &error);
    known_accounts(&conn, &args.accounts, &state)?;
    let only = (!args.only.is_empty())
        .then(|| named(&args.only, &conn, &state))
        .transpose()?;
    let loader = store::open_readonly(&state)
        .and_then(Loader::new)
        .map_err(of)?;
    let undo = Undo {
        client: Arc::clone(&session.client),
        store: None,
        migration: migration.clone(),
        accounts: args.accounts.clone(),
        spends: args.spend_source_cards,
        charges: ProofsMade::read(&conn).map_err(of)?,
    };
    let before = before::foreseen(args, &undo, &loader, only.as_deref(), &state)?;
    session.announce(config, &migration, &state);
    let look = config.screen.look();
    config.screen.line(&before.text(look));
    config.screen.line("");
    let mut ended = Ended {
        dry_run: args.dry_run,
        ..Ended::default()
    };
    let whole = only.is_none() && args.accounts.is_empty();
    if !args.dry_run {
        // Before anything goes: a run that comes after an interruption makes nothing.
        if whole && before != Before::default() {
            store::set_taken_back(&conn, true).map_err(of)?;
        }
        // Not broken off: a cancel that is under way is waited for.
        let place = (&migration, state.as_path());
        ended.open_charges =
            charge::tidy_up(config, (&conn, gate.as_ref()), &session, place).await?;
    }
    let flags = suggested(&conn, &migration).map_err(of)?;
    let again = suggestion(flags, "undo", &state);
    let selection = Selection {
        limit: None,
        accounts: args.accounts.clone(),
        only: only.as_deref().map(Arc::from),
    };
    let run = history::keep(&conn, &session, "undo", &selection, args.dry_run).map_err(of)?;
    let (store, writer) = Store::spawn_watched(conn, gate).map_err(of)?;
    let context = Context {
        reads_early: true,
        ..Context::new(session.client, store, migration, draining)
    };
    let loader = Mutex::new(loader);
    let work = Work {
        config,
        args,
        state: &state,
        only: only.as_deref(),
        pressed: pressed.clone(),
        settled: AtomicU64::new(0),
    };
    let (worked, kept) = carry_out(&work, undo, (&context, run), &loader, &mut ended).await;
    drop(context);
    drop(loader);
    close(config, writer, rehearsal, &state).await?;
    drop(lock);
    kept.map_err(of)?;
    worked?;
    if whole && !args.dry_run {
        let conn = store::open_readonly(&state).map_err(of)?;
        ended.left_to_make = Some(store::left_to_make(&conn).map_err(of)?);
    }
    tell(config, &again, &ended, *pressed.borrow())
}

/// Takes back, while what is sent is counted; and keeps how it ended.
async fn carry_out(
    work: &Work<'_>,
    mut undo: Undo,
    (context, run): (&Context, RunSeq),
    loader: &Mutex<Loader>,
    ended: &mut Ended,
) -> (Result<(), Failure>, Result<(), StoreError>) {
    let worked = async {
        if !work.args.dry_run {
            work.settle(context, loader).await?;
            undo.store = Some(context.store.clone());
        }
        work.all(Arc::new(undo), loader, ended).await
    };
    let worked = tokio::select! {
        biased;
        failure = at_once(work.pressed.clone()) => Err(failure),
        worked = worked => worked,
        error = work.count(context) => Err(Failure::store(work.state, &error)),
    };
    ended.requests = context.client.counts().sent;
    let settled = work.settled.load(Ordering::Relaxed);
    let is_confined = !work.is_whole();
    let pressed = *work.pressed.borrow();
    let how = history::how(worked.is_ok(), ended.interrupted, is_confined, pressed);
    let kept = async {
        run::count_requests(context, settled).await?;
        let ended = history::ended(context, how, settled);
        context.store.ended(run, ended).await
    };
    let kept = kept.await;
    (worked, kept)
}

fn tell(config: &Config, again: &str, ended: &Ended, pressed: Pressed) -> Result<Exit, Failure> {
    let again = format!("{again}, with the same options");
    config.screen.line("");
    config
        .screen
        .line(&ended.text(&again, config.screen.look()));
    if config.json {
        gone_is_fine(print_json(&mut io::stdout(), ended))?;
    }
    Ok(match (ended.interrupted, ended.is_whole()) {
        (true, _) if pressed.first.is_some() => pressed.failure().exit,
        (_, true) => Exit::Done,
        (_, false) => Exit::Incomplete,
    })
}

/// Ends when Ctrl-C is pressed a second time.
async fn at_once(pressed: watch::Receiver<Pressed>) -> Failure {
    let pressed = interrupt::second(pressed).await;
    Failure::new(
        pressed.failure().exit,
        "stopped at once: something may be taken back in part",
    )
    .hint("the same command goes on; `pmclone status` tells what is left")
}

/// An undo that is on.
struct Work<'a> {
    config: &'a Config,
    args: &'a cli::Undo,
    state: &'a Path,
    only: Option<&'a [CustomerSeq]>,
    pressed: watch::Receiver<Pressed>,
    /// Customers that had their turn.
    settled: AtomicU64,
}

/// How often what was sent is added to the counts.
const COUNT_EVERY: Duration = Duration::from_secs(2);

impl Work<'_> {
    /// Whether all of the migration is to be taken back.
    fn is_whole(&self) -> bool {
        self.only.is_none() && self.args.accounts.is_empty()
    }

    fn failed(&self, error: VisitError) -> Failure {
        match error {
            VisitError::Stop(stop) => {
                Failure::stop(&stop).hint("what was taken back is kept; the same command goes on")
            }
            VisitError::Store(error) => Failure::store(self.state, &error),
        }
    }

    /// Adds what is sent to the state file's counts, again and again, until that fails.
    async fn count(&self, context: &Context) -> StoreError {
        loop {
            tokio::time::sleep(COUNT_EVERY).await;
            let settled = self.settled.load(Ordering::Relaxed);
            if let Err(error) = run::count_requests(context, settled).await {
                return error;
            }
        }
    }

    /// Settles by reading what a run left in doubt: what is there can then be taken back.
    async fn settle(&self, context: &Context, loader: &Mutex<Loader>) -> Result<(), Failure> {
        let reading = async {
            let read = run::reconcile(context, loader, Keep::Yes, &BTreeSet::new()).await;
            read.map_err(|stopped| self.failed(stopped))
        };
        let read = interrupt::unless(self.pressed.clone(), reading).await?;
        if read.looked_for() > 0 {
            let told = report::reconcile::text(&read, Then::Undo, self.config.screen.look());
            self.config.screen.line(&told);
            self.config.screen.line("");
        }
        Ok(())
    }

    async fn all(
        &self,
        undo: Arc<Undo>,
        loader: &Mutex<Loader>,
        ended: &mut Ended,
    ) -> Result<(), Failure> {
        let (mut after, mut in_a_row) = (CustomerSeq::default(), 0);
        loop {
            let page = {
                let loader = loader
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                page(&loader, self.only, after)
            };
            let page = page.map_err(|error| Failure::store(self.state, &error))?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = last.seq;
            for reported in self.page(&undo, page, ended).await? {
                in_a_row = match &reported.outcome {
                    Outcome::Unsettled(_) => in_a_row + 1,
                    Outcome::TakenBack | Outcome::Gone | Outcome::Would | Outcome::Left(_) => 0,
                };
                ended.add(&reported);
                self.tell(&reported)?;
            }
            if ended.interrupted {
                return Ok(());
            }
            if in_a_row >= UNSETTLED_IN_A_ROW {
                let why = "Stripe gave no certain answer to so many customers in a row that the rest was left for later";
                self.config.screen.problem(why);
                ended.interrupted = true;
                return Ok(());
            }
        }
    }

    fn tell(&self, reported: &Reported) -> Result<(), Failure> {
        let mut out = io::stdout();
        gone_is_fine(if self.config.json {
            print_json(&mut out, &reported.json())
        } else {
            print(&mut out, &self.config.for_stdout(&reported.line()))
        })
    }

    /// Takes back a page of customers, some at once; tells of them in order.
    async fn page(
        &self,
        undo: &Arc<Undo>,
        page: Vec<(Loaded, Undone)>,
        ended: &mut Ended,
    ) -> Result<Vec<Reported>, Failure> {
        let concurrency = self.config.concurrency(&self.args.stripe);
        let mut under_way = JoinSet::new();
        let mut done = BTreeMap::new();
        let mut stopped = None;
        let mut customers = page.into_iter();
        loop {
            let goes_on = stopped.is_none() && self.pressed.borrow().first.is_none();
            if goes_on
                && under_way.len() < concurrency
                && let Some((loaded, undone)) = customers.next()
            {
                let undo = Arc::clone(undo);
                under_way.spawn(async move { undo.one(loaded, undone).await });
                continue;
            }
            let Some(joined) = under_way.join_next().await else {
                break;
            };
            let broke_off = |error: tokio::task::JoinError| {
                let told = format!("a customer's task ended unexpectedly: {error}");
                VisitError::Store(StoreError::Defect(told))
            };
            match joined.map_err(broke_off).and_then(|ended| ended) {
                Ok((seq, reported)) => {
                    self.settled.fetch_add(1, Ordering::Relaxed);
                    done.insert(seq, reported);
                }
                // What is under way is brought to its end first.
                Err(error) => {
                    stopped.get_or_insert(error);
                }
            }
        }
        ended.interrupted |= customers.next().is_some() || self.pressed.borrow().first.is_some();
        match stopped {
            Some(error) => Err(self.failed(error)),
            None => Ok(done.into_values().flatten().collect()),
        }
    }
}
