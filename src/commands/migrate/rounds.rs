//! What a run does: one round, or with `--follow` round after round.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::follow::Follow;
use super::super::helm::Helm;
use super::super::interrupt::Pressed;
use super::super::metrics::MetricsFile;
use crate::config::Config;
use crate::plan::{Plan, Rates};
use crate::report;
use crate::report::progress::{Holds, Progress, Snapshot};
use crate::run::{self, Context, End};
use crate::state::Standing;
use crate::store::{Loader, Selection, StoreError};

/// What the first Ctrl-C is answered with.
const STOPPING: &str = "Stopping: what is under way is finished first. Press Ctrl-C again to stop at once; both can be resumed.";

/// How a run was broken off, or ended.
pub(super) enum Ended {
    Run(End),
    /// The second Ctrl-C.
    AtOnce,
    /// It had nothing to do any more, and was asked to wait no longer.
    Idle,
}

/// What is carried out.
pub(super) struct Carried<'a> {
    pub config: &'a Config,
    pub plan: &'a Plan,
    pub selection: &'a Selection,
    pub begun: Instant,
    pub state: &'a Path,
    /// `--follow`: the rates of the plans to come.
    pub follow: Option<Rates>,
    /// `--refresh-stale`.
    pub refresh: bool,
}

/// How that went.
pub(super) struct Outcome {
    pub ended: Result<Ended, StoreError>,
    /// It was asked to end before everything was done.
    pub asked_to_end: bool,
    /// Who tells Prometheus of the end.
    pub metrics: Option<MetricsFile>,
}

/// Carries it out. With `--follow` round after round: what is left is done, then it is waited for what a listener hears.
pub(super) async fn carry_out(
    carried: Carried<'_>,
    context: &Arc<Context>,
    loader: Loader,
    mut helm: Helm,
    mut pressed: watch::Receiver<Pressed>,
) -> Outcome {
    let refresh = carried.refresh.then(|| carried.selection.clone());
    let mut follow = Follow::new(carried.state, refresh);
    let mut next = Ok(Some((loader, carried.plan.clone())));
    let mut ended = Ok(Ended::Idle);
    while let Ok(Some((loader, plan))) = next {
        let at = (&carried, &plan, &mut follow);
        ended = one_round(at, context, loader, &mut helm, pressed.clone()).await;
        let Some(rates) = carried
            .follow
            .filter(|_| matches!(ended, Ok(Ended::Run(End::Finished))))
        else {
            next = Ok(None);
            break;
        };
        let screen = &carried.config.screen;
        next = match follow
            .wait((context, screen), &mut helm, &mut pressed)
            .await
        {
            Ok(Some(cause)) => follow
                .round(cause, screen, rates, carried.selection)
                .map(Some),
            Ok(None) => {
                ended = Ok(Ended::Idle);
                Ok(None)
            }
            Err(error) => Err(error),
        };
    }
    let asked_to_end = helm.ended().is_some();
    let metrics = helm.take_metrics();
    let left = helm.leave();
    let ended = next.and(ended);
    Outcome {
        ended: ended.and_then(|ended| left.map(|()| ended)),
        asked_to_end,
        metrics,
    }
}

/// All that can be done now.
async fn one_round(
    (carried, plan, follow): (&Carried<'_>, &Plan, &mut Follow),
    context: &Arc<Context>,
    loader: Loader,
    helm: &mut Helm,
    mut pressed: watch::Receiver<Pressed>,
) -> Result<Ended, StoreError> {
    let mut progress = Progress::new(&carried.config.screen, plan, report::here::now());
    // Before anything is sent.
    helm.tick(context, |word| progress.note(word));
    let signals = pressed.clone();
    let mut noted = false;
    let before = snapshot(context, 0, carried.begun, Holds::Nothing);
    let tick = |context: &Context, in_flight: usize| {
        if !noted && signals.borrow().first.is_some() {
            noted = true;
            progress.note(STOPPING);
        }
        follow.hear(context, |word| progress.note(word));
        let holds = helm.tick(context, |word| progress.note(word));
        progress.update(&snapshot(context, in_flight, carried.begun, holds).since(&before));
        helm.measure(&context.client, in_flight, progress.left_seconds(holds));
    };
    let at_once = async move { pressed.wait_for(|pressed| pressed.at_once).await.is_ok() };
    let selection = carried.selection.clone();
    let ended = tokio::select! {
        ended = run::run(Arc::clone(context), loader, selection, tick) => ended.map(Ended::Run),
        true = at_once => Ok(Ended::AtOnce),
    };
    progress.finish();
    ended
}

fn snapshot(context: &Context, in_flight: usize, begun: Instant, holds: Holds) -> Snapshot {
    let customers = context.tally.customers();
    let of = |standing| {
        Standing::ALL
            .iter()
            .zip(customers)
            .find(|(each, _)| **each == standing)
            .map_or(0, |(_, n)| n)
    };
    let counts = context.client.counts();
    Snapshot {
        elapsed_ms: elapsed_ms(begun),
        customers_finished: customers.iter().sum(),
        migrated: of(Standing::Migrated),
        refused: of(Standing::Refused),
        parked: of(Standing::Parked),
        in_doubt: of(Standing::InDoubt),
        steps_done: context.tally.steps(),
        requests_sent: counts.sent,
        rate_limited: counts.rate_limited,
        in_flight: u64::try_from(in_flight).unwrap_or(u64::MAX),
        holds,
    }
}

pub(super) fn elapsed_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
