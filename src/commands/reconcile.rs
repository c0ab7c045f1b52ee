//! `pmclone reconcile`: settles by reading what is in doubt, and sends nothing else.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::interrupt;
use super::migrate::{Link, Prepared, close};
use super::resume::prepare;
use super::session::Purpose;
use super::take_up::take_up;
use super::{gone_is_fine, history, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::reconcile::Then;
use crate::report::{self, print_json};
use crate::run::{self, Context, Keep, Reconciled, VisitError};
use crate::store::{self, Loader, Selection, Store, StoreError};

/// Reads what is in doubt, keeps what follows, and tells it.
pub fn reconcile(config: &Config, args: &cli::Reconcile) -> Result<Exit, Failure> {
    runtime()?.block_on(begin(config, args))
}

async fn begin(config: &Config, args: &cli::Reconcile) -> Result<Exit, Failure> {
    let Prepared {
        lock,
        state,
        conn,
        migration,
        link,
    } = prepare(config, &args.stripe, &args.rehearsal, Purpose::Read).await?;
    let Link {
        session,
        rehearsal,
        pressed,
        draining,
        gate,
    } = link;
    let of = |error: StoreError| Failure::store(&state, &error);
    if !args.dry_run {
        let recovering = take_up(
            config,
            &conn,
            &session,
            (&migration, &state),
            config.concurrency(&args.stripe),
        );
        interrupt::unless(pressed.clone(), recovering).await?;
    }
    let all = Selection::default();
    let run = history::keep(&conn, &session, "reconcile", &all, args.dry_run).map_err(of)?;
    let loader = store::open_readonly(&state)
        .and_then(Loader::new)
        .map_err(of)?;
    let then = if store::is_taken_back(&conn).map_err(of)? {
        Then::Undo
    } else {
        Then::Run
    };
    let (store, writer) = Store::spawn_watched(conn, gate).map_err(of)?;
    let context = Context::new(session.client, store, migration, draining);
    let keep = if args.dry_run { Keep::No } else { Keep::Yes };
    let loader = Mutex::new(loader);
    let reading = async {
        let read = run::reconcile(&context, &loader, keep, &BTreeSet::new()).await;
        read.map_err(|stopped| match stopped {
            VisitError::Stop(stop) => Failure::stop(&stop),
            VisitError::Store(error) => of(error),
        })
    };
    let read = interrupt::unless(pressed.clone(), reading).await;
    let counted = async {
        run::count_requests(&context, 0).await?;
        let how = history::how(read.is_ok(), false, false, *pressed.borrow());
        let ended = history::ended(&context, how, 0);
        context.store.ended(run, ended).await
    };
    let counted = counted.await.map_err(of);
    drop(context);
    drop(loader);
    close(config, writer, rehearsal, &state).await?;
    drop(lock);
    counted?;
    tell(config, args, &read?, then)
}

/// What came of it, for people and programs.
fn tell(
    config: &Config,
    args: &cli::Reconcile,
    reconciled: &Reconciled,
    then: Then,
) -> Result<Exit, Failure> {
    let look = config.screen.look();
    config
        .screen
        .line(&report::reconcile::text(reconciled, then, look));
    if args.dry_run {
        config
            .screen
            .line("Nothing of this was kept; without --dry-run it is.");
    }
    if config.json {
        gone_is_fine(print_json(&mut std::io::stdout(), reconciled))?;
    }
    Ok(if reconciled.settled() == reconciled.looked_for() {
        Exit::Done
    } else {
        Exit::Incomplete
    })
}
