//! A run from the state file, once it is imported and bound: plan, banner, progress, closing table. `run` and `resume`
//! share it.

mod rounds;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::Instant;

use self::rounds::{Carried, Ended, Outcome, carry_out, elapsed_ms};
use super::charge;
use super::helm::Helm;
use super::interrupt::{self, Pressed, Signal};
use super::metrics::MetricsFile;
use super::rehearsal::Rehearsal;
use super::session::Session;
use super::take_up::take_up;
use super::{gone_is_fine, radar, refresh, status};
use crate::cli;
use crate::config::{Config, rates};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::plan::{Plan, Rates};
use crate::report::banner::Banner;
use crate::report::plan::PlanJson;
use crate::report::summary::{Ending, Summary};
use crate::report::{self, print_json};
use crate::run::stop_loss::{Bound, StopLoss};
use crate::run::{self, Context, End, Hearing};
use crate::store::{
    self, Ears, Gate, Loader, Migration, RunAsked, RunEnded, RunLock, RunSeq, Selection, Store,
    StoreError,
};
use crate::stripe::{Limits, ReadAnswer};
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
}

/// Runs, and tells how it went.
pub async fn migrate(config: &Config, asked: Asked, prepared: Prepared) -> Result<Exit, Failure> {
    let Prepared {
        lock,
        state,
        conn,
        migration,
        link,
    } = prepared;
    let Link {
        session,
        rehearsal,
        pressed,
        draining,
        gate,
    } = link;
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
    let Ready {
        plan,
        helm,
        charges_left,
    } = Box::pin(make_ready(
        config,
        &asked,
        place,
        &session,
        (&pressed, &draining),
    ))
    .await?;
    let run = asked.keep(&conn, &session).map_err(of)?;
    asked.log(&migration, &plan);
    let (rates, documented) = (rates(session.limits), Rates::documented(migration.livemode));
    let selection = asked.selection;
    // Before the accounts are read: what is told meanwhile is told again.
    let ears = Ears::open(&state).map_err(of)?;
    let loader = store::open_readonly(&state)
        .and_then(Loader::new)
        .map_err(of)?;
    let (store, writer) = Store::spawn_watched(conn, gate).map_err(of)?;
    let context = Arc::new(Context {
        adopt_attached: asked.adopt_attached,
        concurrency: asked.concurrency,
        stop_loss: Mutex::new(StopLoss::new(asked.bound)),
        hearing: Mutex::new(Some(Hearing::with(ears))),
        ..Context::new(session.client, store, migration, draining)
    });
    let begun = Instant::now();
    let carried = Carried {
        config,
        plan: &plan,
        selection: &selection,
        begun,
        state: &state,
        follow: asked.follow.then_some(rates),
        refresh: asked.refresh_stale,
    };
    let Outcome {
        ended,
        asked_to_end,
        metrics,
    } = carry_out(carried, &context, loader, helm, pressed.clone()).await;
    let client = Arc::clone(&context.client);
    remarks(config, &context);
    let limited = asked_to_end || selection != Selection::default();
    let ending = ended.map(|ended| ending(ended, *pressed.borrow(), (limited, asked_to_end)));
    let kept = keep_ending(&context, run, ending.as_ref().ok()).await;
    drop(context);
    let closed = close(config, writer, rehearsal, &state).await;
    let told = ending.map_err(of).and_then(|ending| {
        closed?;
        kept.map_err(of)?;
        let done = Done {
            plan: &plan,
            rates,
            documented,
            elapsed_ms: elapsed_ms(begun),
            sent: client.counts().sent,
        };
        Ok(match tell(config, &state, ending, &done)? {
            Exit::Done if charges_left > 0 => Exit::Incomplete,
            exit => exit,
        })
    });
    if let Some(metrics) = metrics {
        metrics.end(&client, exit_of(&told));
    }
    drop(lock);
    told
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
    Ok(Ready {
        plan,
        helm,
        charges_left,
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

fn announce(
    config: &Config,
    session: &Session,
    migration: &Migration,
    state: &Path,
    plan: &Plan,
    rates: Rates,
) {
    let banner = Banner {
        platform_account: session.account.id.clone(),
        account_name: session.account.display_name.clone(),
        country: session.account.country.clone(),
        livemode: migration.livemode,
        simulated: migration.simulated,
        api_base: session.api_base.clone(),
        state_file: state.display().to_string(),
        migration: migration.id.to_string(),
    };
    let look = config.screen.look();
    config.screen.line(&banner.text(look));
    config.screen.line("");
    let now = report::here::now();
    config
        .screen
        .line(&report::plan::text(plan, rates, &now, look));
    config.screen.line("");
}

/// What people are told between the bars and the closing table.
fn remarks(config: &Config, context: &Context) {
    if let Some(notice) = context.client.notice() {
        config.screen.line(&format!("Stripe says: {notice}"));
    }
    let reconciled = *context
        .reconciled
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if reconciled.looked_for() > 0 {
        let told = report::reconcile::text(&reconciled, config.screen.look());
        config.screen.line(&told);
    }
    let parked = context
        .parked
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    for account in parked.iter() {
        config.screen.line(&format!(
            "{account} could not be reached: its customers are parked."
        ));
    }
}

/// How it ended: `limited` where not all was asked for, `asked_to_end` where the run itself was told to.
fn ending(ended: Ended, pressed: Pressed, (limited, asked_to_end): (bool, bool)) -> Ending {
    let interrupted = || match pressed.first {
        Some(Signal::Terminate) => Ending::Terminated,
        Some(Signal::Interrupt) | None => Ending::Interrupted,
    };
    match ended {
        Ended::Run(End::Drained) if asked_to_end && pressed.first.is_none() => Ending::LimitReached,
        Ended::AtOnce | Ended::Run(End::Drained) => interrupted(),
        Ended::Idle | Ended::Run(End::Finished) if limited => Ending::LimitReached,
        Ended::Idle | Ended::Run(End::Finished) => Ending::Finished,
        Ended::Run(End::Unreachable(customers)) => Ending::Stopped {
            exit: Exit::Unexpected,
            why: format!(
                "Stripe gave no answer to {customers} customers in a row; run again once it can be reached"
            ),
        },
        Ended::Run(End::StopLoss(loss)) => Ending::Stopped {
            exit: Exit::StopLoss,
            why: report::summary::stop_loss(&loss),
        },
        Ended::Run(End::Stopped(stop)) => {
            let failure = Failure::stop(&stop);
            Ending::Stopped {
                exit: failure.exit,
                why: failure.message,
            }
        }
    }
}

/// What this run did.
struct Done<'a> {
    plan: &'a Plan,
    rates: Rates,
    documented: Rates,
    elapsed_ms: u64,
    sent: u64,
}

/// The closing table, from the state file itself.
fn tell(config: &Config, state: &Path, ending: Ending, done: &Done<'_>) -> Result<Exit, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let conn = store::open_readonly(state).map_err(of)?;
    let read = status::of_connection(&conn, state, false).map_err(of)?;
    let (status, extras) = read.ok_or_else(|| of(StoreError::Missing))?;
    let ending = match ending {
        Ending::LimitReached if status.customers.left() == 0 => Ending::Finished,
        other => other,
    };
    let summary = Summary {
        ending: &ending,
        status: &status,
        extras: &extras,
        elapsed_ms: done.elapsed_ms,
        requests_sent: done.sent,
    };
    config.screen.line("");
    config.screen.line(&summary.text(config.screen.look()));
    if config.json {
        gone_is_fine(print_json(
            &mut std::io::stdout(),
            &summary.json(PlanJson::new(done.plan, done.rates, done.documented)),
        ))?;
    }
    Ok(ending.exit(&status))
}
