//! What people are told of a run: the banner and the plan before it, remarks and the closing table after it.

use std::path::Path;
use std::sync::PoisonError;

use super::super::interrupt::{Pressed, Signal};
use super::super::session::Session;
use super::super::{gone_is_fine, status};
use super::rounds::Ended;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Plan, Rates};
use crate::report::plan::PlanJson;
use crate::report::reconcile::Then;
use crate::report::status::Customers;
use crate::report::summary::{Ending, Summary};
use crate::report::{self, print_json};
use crate::run::{Context, End};
use crate::store::{self, Migration, Selection, StoreError};

/// Whose it is, and what will be done.
pub(super) fn announce(
    config: &Config,
    session: &Session,
    migration: &Migration,
    state: &Path,
    plan: &Plan,
    rates: Rates,
) {
    session.announce(config, migration, state);
    let now = report::here::now();
    config
        .screen
        .line(&report::plan::text(plan, rates, &now, config.screen.look()));
    config.screen.line("");
}

/// What people are told between the bars and the closing table.
pub(super) fn remarks(config: &Config, context: &Context) {
    if let Some(notice) = context.client.notice() {
        config.screen.line(&format!("Stripe says: {notice}"));
    }
    let reconciled = *context
        .reconciled
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if reconciled.looked_for() > 0 {
        let told = report::reconcile::text(&reconciled, Then::Run, config.screen.look());
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

/// Customers that a run could still work on.
pub(super) fn left(state: &Path) -> Result<u64, StoreError> {
    let customers = store::standings(&store::open_readonly(state)?, false)?;
    Ok(Customers::counted(customers).left())
}

/// How it ended: `asked_to_end` where the run itself was told to.
pub(super) fn ending(
    ended: Ended,
    pressed: Pressed,
    selection: &Selection,
    asked_to_end: bool,
) -> Ending {
    let interrupted = || match pressed.first {
        Some(Signal::Terminate) => Ending::Terminated,
        Some(Signal::Interrupt) | None => Ending::Interrupted,
    };
    match ended {
        Ended::Run(End::Drained) if asked_to_end && pressed.first.is_none() => Ending::LimitReached,
        Ended::AtOnce | Ended::Run(End::Drained) => interrupted(),
        Ended::Idle | Ended::Run(End::Finished) if asked_to_end || selection.limit.is_some() => {
            Ending::LimitReached
        }
        Ended::Idle | Ended::Run(End::Finished) if *selection != Selection::default() => {
            Ending::Confined
        }
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
pub(super) struct Done<'a> {
    pub(super) plan: &'a Plan,
    pub(super) rates: Rates,
    pub(super) documented: Rates,
    pub(super) elapsed_ms: u64,
    pub(super) sent: u64,
    /// Charges of earlier proofs that could not be taken back yet.
    pub(super) charges_left: u64,
}

/// The closing table, from the state file itself.
pub(super) fn tell(
    config: &Config,
    state: &Path,
    ending: &Ending,
    done: &Done<'_>,
) -> Result<Exit, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let conn = store::open_readonly(state).map_err(of)?;
    let read = status::of_connection(&conn, state, false).map_err(of)?;
    let (status, extras) = read.ok_or_else(|| of(StoreError::Missing))?;
    let summary = Summary {
        ending,
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
    Ok(match ending.exit(&status) {
        Exit::Done if done.charges_left > 0 => Exit::Incomplete,
        exit => exit,
    })
}
