//! SHELL. The one loop: admit → start → send → record → report. It makes no choices: [`crate::state`] says what comes
//! next for a customer, [`crate::stripe`] what an answer means.
//!
//! ```text
//!   feeder thread ──▶ (customers, page by page) ──▶ one task for each customer in flight ──▶ visit.rs
//!                                                     │ Store::start, Client::write, Store::commit
//!   Ctrl-C, SIGTERM ──▶ draining ──▶ feeder stops, answers under way are waited for and kept
//! ```
//!
//! Hazard: a task that is dropped between an answer and its commit leaves its step started; the next run sends it again
//! under the same key, and Stripe replays the answer. So stopping at once is safe, only not as quick to take up again.

mod ears;
mod feed;
mod prove;
mod reconcile;
mod recover;
pub mod steer;
pub mod stop_loss;
mod undo;
mod verify;
mod visit;

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

pub use ears::Hearing;
pub(crate) use feed::Drive;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::ids::AccountId;
use crate::state::{Standing, StepKind};
use crate::store::{
    CustomerSeq, Loaded, Loader, Migration, Pulse, RequestTally, Selection, Store, StoreError,
};
use crate::stripe::{Client, Stop};
use crate::time::StripeTime;
pub use prove::{Proved, Prover};
pub use reconcile::{Keep, Reconciled, reconcile};
pub use recover::{Recover, RecoverError, Recovered, Sweep, Swept, TakenUp, take_up};
use stop_loss::{Bound, Loss, StopLoss};
pub use undo::{Outcome, Reported, Undo};
pub use verify::{Verify, VerifyError, Whom};
use visit::Visit;
pub use visit::VisitError;

/// What a run works with.
#[derive(Debug)]
pub struct Context {
    /// Stripe.
    pub client: Arc<Client>,
    /// The state file.
    pub store: Store,
    /// Whose migration it is.
    pub migration: Migration,
    /// `--adopt-attached`: a source that another Customer holds is cloned from there.
    pub adopt_attached: bool,
    /// What got no answer is read as soon as nothing of it can reach Stripe any more, although its key is young: for `undo`, which
    /// sends nothing again.
    pub reads_early: bool,
    /// Customers in flight at once.
    pub concurrency: usize,
    /// Made true, it ends the run as soon as what is under way is settled. The client listens to it too.
    pub draining: watch::Sender<bool>,
    /// What has happened so far.
    pub tally: Tally,
    /// Accounts that turned out not to be reachable during this run.
    pub parked: RwLock<HashSet<AccountId>>,
    /// What this run settled by reading.
    pub reconciled: Mutex<Reconciled>,
    /// When it has gone so wrong that it ends.
    pub stop_loss: Mutex<StopLoss>,
    /// How it hears what a listener wrote; `None`: not at all.
    pub hearing: Mutex<Option<Hearing>>,
    /// What the state file has of the counts.
    pub(crate) counted: Mutex<Counted>,
}

/// Counts of this run, for the screen.
#[derive(Debug, Default)]
pub struct Tally {
    steps: [AtomicU64; StepKind::COUNT],
    customers: [AtomicU64; 8],
}

impl Tally {
    fn step_done(&self, kind: StepKind) {
        for (each, count) in StepKind::ALL.iter().zip(&self.steps) {
            if *each == kind {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn settled(&self, standing: Standing) {
        for (each, count) in Standing::ALL.iter().zip(&self.customers) {
            if *each == standing {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Steps that Stripe did, in the order of [`StepKind::ALL`].
    pub fn steps(&self) -> [u64; StepKind::COUNT] {
        std::array::from_fn(|index| self.steps[index].load(Ordering::Relaxed))
    }

    /// Customers that were settled, in the order of [`Standing::ALL`].
    pub fn customers(&self) -> [u64; 8] {
        std::array::from_fn(|index| self.customers[index].load(Ordering::Relaxed))
    }
}

impl Context {
    /// For one customer at a time, which is all that reading needs.
    pub fn new(
        client: Arc<Client>,
        store: Store,
        migration: Migration,
        draining: watch::Sender<bool>,
    ) -> Self {
        Self {
            client,
            store,
            migration,
            adopt_attached: false,
            reads_early: false,
            concurrency: 1,
            draining,
            tally: Tally::default(),
            parked: RwLock::default(),
            reconciled: Mutex::default(),
            stop_loss: Mutex::new(StopLoss::new(Bound::Never)),
            hearing: Mutex::default(),
            counted: Mutex::default(),
        }
    }

    /// Ends when the run is not held any more, or draining.
    async fn released(&self) {
        let mut draining = self.draining.subscribe();
        tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => {}
            () = self.client.limiter().until_held(false) => {}
        }
    }

    /// The accounts that turned out, during this run, not to be reachable.
    fn parked(&self) -> RwLockReadGuard<'_, HashSet<AccountId>> {
        self.parked.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Latest time that it can be at Stripe. The account is read before anything else, so the clock is set.
    fn latest_now(&self) -> Result<StripeTime, VisitError> {
        let now = self.client.clock().latest_now();
        now.ok_or_else(visit::no_date)
    }

    /// What was refused too often, once it was.
    fn loss(&self) -> Option<Loss> {
        let stop_loss = self
            .stop_loss
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        stop_loss.loss().cloned()
    }

    /// An account turned out not to be reachable: no step is begun there any more. True where that is news.
    pub fn park(&self, account: &AccountId) -> bool {
        let newly = self
            .parked
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(account.clone());
        if newly {
            tracing::warn!(event = "account_parked", account = account.as_str());
        }
        newly
    }

    /// It may be reachable again, for customers that are read from now on. True where it was not.
    pub fn unpark(&self, account: &AccountId) -> bool {
        self.parked
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything that was admitted is settled.
    Finished,
    /// The run was asked to end; what was under way is settled and kept.
    Drained,
    /// No request can succeed until something is mended.
    Stopped(Stop),
    /// So many customers in a row got no answer that Stripe counts as out of reach.
    Unreachable(u64),
    /// Too many customers were refused.
    StopLoss(Loss),
}

/// Passes over customers that got no answer, after the first: Stripe may be itself again by then.
const MORE_PASSES: u32 = 2;

/// Customers in a row, for each in flight, whose requests all went unanswered: an outage, and the rest is spared it.
const UNANSWERED_IN_A_ROW: usize = 4;

/// How often the screen and the state file's counts are brought up to date.
const TICK: Duration = Duration::from_millis(100);

/// Runs until nothing is left to do, or until draining. `tick` is called about ten times a second with the number of
/// customers in flight.
pub async fn run(
    context: Arc<Context>,
    loader: Loader,
    selection: Selection,
    tick: impl FnMut(&Context, usize),
) -> Result<End, StoreError> {
    run_driven(Drive::Thread, context, loader, selection, tick).await
}

/// The same, and what reads the customers ahead is driven so.
pub(crate) async fn run_driven(
    drive: Drive,
    context: Arc<Context>,
    loader: Loader,
    selection: Selection,
    mut tick: impl FnMut(&Context, usize),
) -> Result<End, StoreError> {
    match passes(drive, &context, loader, selection, &mut tick).await {
        Ok(end) => Ok(end),
        Err(VisitError::Stop(stop)) => Ok(End::Stopped(stop)),
        Err(VisitError::Store(error)) => Err(error),
    }
}

async fn passes(
    drive: Drive,
    context: &Arc<Context>,
    loader: Loader,
    selection: Selection,
    tick: &mut impl FnMut(&Context, usize),
) -> Result<End, VisitError> {
    // Those that are parked still were looked at just now, once.
    let out_of_reach = loader.parked().map(|(_, account)| account.clone());
    let out_of_reach: BTreeSet<AccountId> = out_of_reach.collect();
    let loader = Arc::new(Mutex::new(loader));
    let mut last = None;
    // Before anything is sent: what may have been done is not done again.
    reconciled(context, &loader, &out_of_reach, tick).await?;
    for pass in 0..=MORE_PASSES {
        let (feeder, mut customers) = feed::spawn(
            drive,
            Arc::clone(&loader),
            selection.clone(),
            last,
            context.latest_now()?,
            context,
        )?;
        let ended = one_pass(context, &mut customers, tick).await;
        drop(customers);
        let fed = feeder.join().await;
        let left = match ended? {
            PassEnd::Stopped(stop) => return Ok(End::Stopped(stop)),
            PassEnd::Unreachable(customers) => return Ok(End::Unreachable(customers)),
            PassEnd::StopLoss(loss) => return Ok(End::StopLoss(loss)),
            PassEnd::Left(left) => left,
        };
        if *context.draining.borrow() {
            return Ok(End::Drained);
        }
        last = Some(fed?);
        let settled = left.doubtful > 0
            && reconciled(context, &loader, &out_of_reach, tick)
                .await?
                .settled()
                > 0;
        if pass == MORE_PASSES || (left.unanswered == 0 && !settled) {
            break;
        }
    }
    count_requests(context, finished_by(context)).await?;
    Ok(End::Finished)
}

/// Reads what is in doubt, and adds it to what this run has settled so.
async fn reconciled(
    context: &Context,
    loader: &Mutex<Loader>,
    out_of_reach: &BTreeSet<AccountId>,
    tick: &mut impl FnMut(&Context, usize),
) -> Result<Reconciled, VisitError> {
    let mut ticks = tokio::time::interval(TICK);
    let mut reading = std::pin::pin!(reconcile(context, loader, Keep::Yes, out_of_reach));
    let reconciled = loop {
        tokio::select! {
            biased;
            reconciled = &mut reading => break reconciled?,
            _ = ticks.tick() => tick(context, 0),
        }
    };
    let mut all = context
        .reconciled
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    all.add(reconciled);
    Ok(reconciled)
}

enum PassEnd {
    Stopped(Stop),
    Unreachable(u64),
    StopLoss(Loss),
    Left(Left),
}

/// Customers that a pass left unsettled.
#[derive(Default)]
struct Left {
    /// They are worth another pass.
    unanswered: u64,
    /// Reading may settle them.
    doubtful: u64,
}

async fn one_pass(
    context: &Arc<Context>,
    customers: &mut mpsc::Receiver<Result<Loaded, StoreError>>,
    tick: &mut impl FnMut(&Context, usize),
) -> Result<PassEnd, StoreError> {
    let mut visits = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    let (mut fed_all, mut left, mut in_a_row) = (false, Left::default(), 0_usize);
    let mut unreachable = false;
    let mut stopped = None;
    while !(fed_all && visits.is_empty()) {
        // What the feeder has read ahead is left for another run.
        fed_all |= *context.draining.borrow();
        // In this order, so that the same events always come to the same: the ticks are rare, and whoever has ended makes
        // room for the next.
        tokio::select! {
            biased;
            _ = ticks.tick() => {
                count_requests(context, finished_by(context)).await?;
                tick(context, visits.len());
            }
            admitted = customers.recv(), if !fed_all && stopped.is_none() && visits.len() < context.concurrency => {
                match admitted {
                    Some(loaded) => {
                        visits.spawn(visit::visit(Arc::clone(context), loaded?));
                    }
                    None => fed_all = true,
                }
            }
            Some(visited) = visits.join_next() => match finished(visited) {
                Ok(Visit::Settled) => {
                    in_a_row = 0;
                    if context.loss().is_some() {
                        context.draining.send_replace(true);
                    }
                }
                Ok(Visit::Doubtful) => {
                    left.doubtful += 1;
                    in_a_row = 0;
                }
                Ok(Visit::Unread) => {
                    left.unanswered += 1;
                    in_a_row = 0;
                }
                Ok(Visit::Unanswered) => {
                    left.unanswered += 1;
                    in_a_row += 1;
                    if in_a_row >= UNANSWERED_IN_A_ROW * context.concurrency && !*context.draining.borrow() {
                        unreachable = true;
                        context.draining.send_replace(true);
                    }
                }
                Err(VisitError::Stop(stop)) => {
                    context.draining.send_replace(true);
                    stopped.get_or_insert(stop);
                    fed_all = true;
                }
                Err(VisitError::Store(error)) => return Err(error),
            },
        }
    }
    count_requests(context, finished_by(context)).await?;
    tick(context, 0);
    Ok(match (stopped, context.loss()) {
        (Some(stop), _) => PassEnd::Stopped(stop),
        (None, Some(loss)) => PassEnd::StopLoss(loss),
        (None, None) if unreachable => {
            PassEnd::Unreachable(u64::try_from(in_a_row).unwrap_or(u64::MAX))
        }
        (None, None) => PassEnd::Left(left),
    })
}

/// A visit's result; one that panicked is an error, not a customer that is silently left out.
fn finished(
    visited: Result<Result<Visit, VisitError>, tokio::task::JoinError>,
) -> Result<Visit, VisitError> {
    visited.unwrap_or_else(|error| {
        Err(VisitError::Store(StoreError::Defect(format!(
            "a customer's task ended unexpectedly: {error}"
        ))))
    })
}

/// What the client has sent, for the state file's counts.
pub fn tally_of(context: &Context) -> RequestTally {
    let counts = context.client.counts();
    RequestTally {
        sent: counts.sent,
        retried: counts.retried,
        rate_limited: counts.rate_limited,
    }
}

/// Customers that this run has settled.
fn finished_by(context: &Context) -> u64 {
    context.tally.customers().iter().sum()
}

/// What the state file has of this run's counts.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    tally: RequestTally,
    finished: u64,
}

/// Adds what was sent and finished since the last time to the state file's counts.
///
/// `finished`: all customers that were settled.
pub async fn count_requests(context: &Context, finished: u64) -> Result<(), StoreError> {
    let now = tally_of(context);
    let before = {
        let mut counted = context
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(
            &mut *counted,
            Counted {
                tally: now,
                finished,
            },
        )
    };
    if now == before.tally && finished == before.finished {
        return Ok(());
    }
    let tally = RequestTally {
        sent: now.sent - before.tally.sent,
        retried: now.retried - before.tally.retried,
        rate_limited: now.rate_limited - before.tally.rate_limited,
    };
    match context.client.clock().earliest_now() {
        Some(at) => {
            let finished = finished - before.finished;
            let pulse = Pulse {
                at,
                tally,
                finished,
            };
            context.store.pulse(pulse).await
        }
        None => context.store.tally(tally).await,
    }
}

/// The customer that the feeder gave out last.
type LastFed = CustomerSeq;
