//! A run from the state file, once it is imported and bound: plan, banner, progress, closing table. `run` and `resume`
//! share it.

mod rounds;
mod told;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::Instant;

use self::rounds::{Carried, carry_out, elapsed_ms};
use self::told::{Done, announce, ending, left, remarks, tell};
use super::charge;
use super::helm::Helm;
use super::interrupt::{self, Pressed};
use super::metrics::MetricsFile;
use super::radar;
use super::refresh;
use super::rehearsal::Rehearsal;
use super::session::Session;
use super::take_up::take_up;
use crate::cli;
use crate::config::{Config, rates};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::plan::{Plan, Rates};
use crate::report;
use crate::report::summary::Ending;
use crate::run::stop_loss::{Bound, StopLoss};
use crate::run::{self, Context, Hearing};
use crate::store::{
    self, Ears, Gate, Loader, Migration, RunAsked, RunEnded, RunLock, RunSeq, Selection, Store,
    StoreError,
};
use crate::stripe::{Client, Limits, ReadAnswer};
use crate::time::StripeTime;
use crate::version;

/// A state file that is ready to run.
pub struct Prepared {
    /// Held until the end.
    pub lock: RunLock,
    /// The file.
    pub state: PathBuf,
    /// Its connection for writing.
    pub conn: Connection,
    /// Whose it is.
    pub migration: Migration,
    /// Stripe, and who may end the run.
    pub link: Link,
}

/// A session that is on, and who may end it.
pub struct Link {
    /// Stripe.
    pub session: Session,
    /// The simulator, if this is a rehearsal.
    pub rehearsal: Option<Rehearsal>,
    /// What was pressed.
    pub pressed: watch::Receiver<Pressed>,
    /// Made true when the run shall end.
    pub draining: watch::Sender<bool>,
    /// Where a drill holds each commit.
    pub gate: Option<Gate>,
}

/// What a run is asked for.
pub struct Asked {
    /// The command's name, for the record.
    pub command: &'static str,
    /// What to work on.
    pub selection: Selection,
    /// `--adopt-attached`.
    pub adopt_attached: bool,
    /// What is done where most of the ids that are looked up first are unknown.
    pub on_unknown: radar::Unknown,
    /// When too many customers were refused.
    pub bound: Bound,
    /// Customers in flight at once.
    pub concurrency: usize,
    /// When to send.
    pub steering: cli::Steering,
    /// `--follow`.
    pub follow: bool,
    /// `--refresh-stale`.
    pub refresh_stale: bool,
    /// The digest of the file that it takes lines of, where that is not the one that was imported last.
    pub csv_sha256: Option<String>,
}

/// Runs, and tells how it went.
pub async fn migrate(config: &Config, asked: Asked, prepared: Prepared) -> Result<Exit, Failure> {
    let Prepared {
        lock,
        state,
        conn,
        migration,
        link:
            Link {
                session,
                rehearsal,
                pressed,
                draining,
                gate,
            },
    } = prepared;
    let of = |error: StoreError| Failure::store(&state, &error);
    lock.note_begun().map_err(of)?;
    if let Some(rehearsal) = &rehearsal {
        rehearsal.seed_adopted(&conn).map_err(of)?;
    }
    let place = Place {
        conn: &conn,
        gate: gate.as_ref(),
        migration: &migration,
        state: &state,
    };
    let ready = make_ready(config, &asked, place, &session, (&pressed, &draining));
    let Ready {
        plan,
        helm,
        charges_left,
        run,
    } = Box::pin(ready).await?;
    let (rates, documented) = (rates(session.limits), Rates::documented(migration.livemode));
    let held = (conn, gate, migration);
    let Equipment {
        context,
        loader,
        writer,
    } = Equipment::of(&asked, &state, held, session.client, draining).map_err(of)?;
    let begun = Instant::now();
    let carried = Carried {
        config,
        plan: &plan,
        selection: &asked.selection,
        begun,
        state: &state,
        follow: asked.follow.then_some(rates),
        refresh: asked.refresh_stale,
    };
    let outcome = carry_out(carried, &context, loader, helm, pressed.clone()).await;
    let client = Arc::clone(&context.client);
    remarks(config, &context);
    let asked_to_end = outcome.asked_to_end;
    let ended = outcome.ended;
    // One ending for the screen, for programs and for the record: where nobody is left, no limit was felt.
    let ending = ended.and_then(|ended| {
        let ending = ending(ended, *pressed.borrow(), &asked.selection, asked_to_end);
        Ok(ending.with_left(left(&state)?))
    });
    let open = (context, writer, rehearsal);
    let concluded = conclude(config, &state, open, run, ending).await;
    let told = concluded.and_then(|ending| {
        let done = Done {
            plan: &plan,
            rates,
            documented,
            elapsed_ms: elapsed_ms(begun),
            sent: client.counts().sent,
            charges_left,
        };
        tell(config, &state, &ending, &done)
    });
    if let Some(metrics) = outcome.metrics {
        metrics.end(&client, exit_of(&told));
    }
    drop(lock);
    told
}

/// What a run works with.
struct Equipment {
    context: Arc<Context>,
    /// What reads customers ahead, on a connection of its own.
    loader: Loader,
    writer: JoinHandle<Result<(), StoreError>>,
}

impl Equipment {
    /// The connection that the state file is held by becomes the writer's.
    fn of(
        asked: &Asked,
        state: &Path,
        (conn, gate, migration): (Connection, Option<Gate>, Migration),
        client: Arc<Client>,
        draining: watch::Sender<bool>,
    ) -> Result<Self, StoreError> {
        // Before the accounts are read: what is told meanwhile is told again.
        let ears = Ears::open(state)?;
        let loader = store::open_readonly(state).and_then(Loader::new)?;
        let (store, writer) = Store::spawn_watched(conn, gate)?;
        let context = Context {
            adopt_attached: asked.adopt_attached,
            concurrency: asked.concurrency,
            stop_loss: Mutex::new(StopLoss::new(asked.bound)),
            hearing: Mutex::new(Some(Hearing::with(ears))),
            ..Context::new(client, store, migration, draining)
        };
        Ok(Self {
            context: Arc::new(context),
            loader,
            writer,
        })
    }
}

impl Asked {
    fn log(&self, migration: &Migration, plan: &Plan) {
        tracing::info!(
            event = "run_begun",
            command = self.command,
            migration = %migration.id,
            simulated = migration.simulated,
            customers = plan.work.customers,
            writes = plan.work.writes.iter().sum::<u64>(),
        );
    }

    /// Keeps that a run begins, for the record.
    fn keep(&self, conn: &Connection, session: &Session) -> Result<RunSeq, StoreError> {
        let begun_at = session.client.clock().earliest_now();
        let asked = RunAsked {
            command: self.command.to_owned(),
            asked: report::record::confined_to(&self.selection, self.adopt_attached),
            csv_sha256: self.csv_sha256.clone(),
            begun_at: begun_at.unwrap_or(StripeTime(0)),
            tool_version: version::VERSION.to_owned(),
            tool_commit: version::COMMIT.to_owned(),
        };
        asked.keep(conn)
    }
}

/// The code that a command ends with.
pub(super) fn exit_of(ended: &Result<Exit, Failure>) -> Exit {
    match ended {
        Ok(exit) => *exit,
        Err(failure) => failure.exit,
    }
}

/// Keeps how a run ended, unless the state file failed it.
async fn keep_ending(
    context: &Context,
    run: RunSeq,
    ending: Option<&Ending>,
) -> Result<(), StoreError> {
    let Some(ending) = ending else {
        return Ok(());
    };
    let ended = RunEnded {
        at: context.client.clock().earliest_now(),
        how: ending.name().to_owned(),
        requests: run::tally_of(context),
        settled: context.tally.customers().iter().sum(),
    };
    tracing::info!(
        event = "run_ended",
        how = ended.how,
        sent = ended.requests.sent,
        retried = ended.requests.retried,
        rate_limited = ended.requests.rate_limited,
        settled = ended.settled,
    );
    context.store.ended(run, ended).await
}

/// Keeps how it ended, and closes what was open, however it ended.
async fn conclude(
    config: &Config,
    state: &Path,
    (context, writer, rehearsal): (
        Arc<Context>,
        JoinHandle<Result<(), StoreError>>,
        Option<Rehearsal>,
    ),
    run: RunSeq,
    ending: Result<Ending, StoreError>,
) -> Result<Ending, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let kept = keep_ending(&context, run, ending.as_ref().ok()).await;
    drop(context);
    let closed = close(config, writer, rehearsal, state).await;
    let ending = ending.map_err(of)?;
    closed?;
    kept.map_err(of)?;
    Ok(ending)
}

/// The state file that a run works on.
#[derive(Clone, Copy)]
struct Place<'a> {
    conn: &'a Connection,
    gate: Option<&'a Gate>,
    migration: &'a Migration,
    state: &'a Path,
}

/// What is there once a run can begin.
struct Ready {
    plan: Plan,
    helm: Helm,
    /// Charges of earlier proofs that could not be taken back yet.
    charges_left: u64,
    /// That it begins, for the record.
    run: RunSeq,
}

/// What comes before the first customer: what an earlier run left is taken up, and the plan is made and told. All that is read for
/// it is steered as the run is; a run that ends meanwhile is drained, and sends nothing.
async fn make_ready(
    config: &Config,
    asked: &Asked,
    place: Place<'_>,
    session: &Session,
    (pressed, draining): (&watch::Receiver<Pressed>, &watch::Sender<bool>),
) -> Result<Ready, Failure> {
    let Place {
        conn,
        gate,
        migration,
        state,
    } = place;
    let of = |error: StoreError| Failure::store(state, &error);
    let auto = Limits::share_of(session.client.mode(), session.limits.share);
    let mut helm = Helm::take(config, &asked.steering, state, auto)?;
    let metrics_file = config.metrics_file(&asked.steering);
    helm.measured(MetricsFile::begin(
        config,
        metrics_file,
        (conn, state),
        migration,
    )?);
    let (here, there) = ((config, conn), (&*session.client, draining));
    let recovering = take_up(config, conn, session, (migration, state), asked.concurrency);
    let recovering = helm.before(here, there, recovering);
    interrupt::unless(pressed.clone(), recovering).await?;
    if charge::is_left(conn).map_err(of)? {
        let released = async {
            session.client.limiter().until_held(false).await;
            Ok(())
        };
        interrupt::unless(pressed.clone(), helm.before(here, there, released)).await?;
    }
    // Not broken off: a cancel that is under way is waited for, and the client begins no other once a signal came.
    let charges_left = charge::tidy_up(config, (conn, gate), session, (migration, state)).await?;
    let parked = helm.before(here, there, take_up_parked(config, conn, session, state));
    interrupt::unless(pressed.clone(), parked).await?;
    store::take_up_left_out(conn).map_err(of)?;
    if asked.follow || store::is_listened_for(conn, state).map_err(of)? {
        store::index_sources(conn).map_err(of)?;
    }
    let wanted = asked.refresh_stale.then_some(&asked.selection);
    let now = session.client.clock().earliest_now();
    refresh::take_up(config, (conn, gate), (migration, state), wanted, now)?;
    let made_up = migration.simulated || gate.is_some();
    let rates = rates(session.limits);
    let plan = Plan::new(store::work(conn, &asked.selection).map_err(of)?, rates)
        .with_radar(radar::planned(conn, made_up).map_err(of)?);
    announce(config, session, migration, state, &plan, rates);
    if plan.radar.reads() > 0 {
        let candidates = radar::candidates(conn).map_err(of)?;
        let tell = |what: &str| config.screen.problem(what);
        let looking = radar::look((conn, state), session, &candidates, asked.on_unknown, tell);
        let looking = helm.before(here, there, looking);
        interrupt::unless(pressed.clone(), looking).await?;
    }
    let run = asked.keep(conn, session).map_err(of)?;
    asked.log(migration, &plan);
    Ok(Ready {
        plan,
        helm,
        charges_left,
        run,
    })
}

/// Waits for the last commit, and ends the rehearsal.
pub(super) async fn close(
    config: &Config,
    writer: JoinHandle<Result<(), StoreError>>,
    rehearsal: Option<Rehearsal>,
    state: &Path,
) -> Result<(), Failure> {
    let joined = tokio::task::spawn_blocking(move || writer.join()).await;
    let broke_off = || Err(StoreError::WriterFailed("its thread broke off".into()));
    let written = joined.ok().and_then(Result::ok).unwrap_or_else(broke_off);
    if let Some(rehearsal) = rehearsal {
        rehearsal.stop().await?;
    }
    written.map_err(|error| Failure::store(state, &error))?;
    // A reader at this moment kept the log from being emptied.
    if let Some(log) = store::log_left(state) {
        config.screen.problem(&format!(
            "{}: contact details that are erased may still be in this log, since somebody reads the state file; the next run empties it.",
            log.display()
        ));
    }
    Ok(())
}

/// Refuses an `--account` that no customer asks for.
pub fn known_accounts(
    conn: &Connection,
    accounts: &[AccountId],
    state: &Path,
) -> Result<(), Failure> {
    let unknown = store::unknown_account(conn, accounts);
    match unknown.map_err(|error| Failure::store(state, &error))? {
        Some(account) => Err(Failure::usage(format!(
            "--account {account}: no customer asks for it"
        ))
        .hint("`pmclone status` lists the accounts that are asked for")),
        None => Ok(()),
    }
}

/// Looks once at each parked account, and takes up those that answer again.
async fn take_up_parked(
    config: &Config,
    conn: &Connection,
    session: &Session,
    state: &Path,
) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    for (seq, account) in store::parked(conn).map_err(of)? {
        match session.client.account(Some(&account)).await {
            ReadAnswer::Found(_, _) => {
                store::unpark(conn, seq).map_err(of)?;
                tracing::info!(event = "account_taken_up", account = account.as_str());
                config.screen.line(&format!(
                    "{account} can be reached again: its customers are taken up."
                ));
            }
            ReadAnswer::AccountInvalid(_) | ReadAnswer::Missing(_) | ReadAnswer::Failed(_) => {
                config.screen.line(&format!(
                    "{account} still cannot be reached: its customers wait."
                ));
            }
            ReadAnswer::Stop(stop) => return Err(Failure::stop(&stop)),
        }
    }
    Ok(())
}
