//! The thread that reads customers from the state file ahead of the run, a page at a time.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};

use super::{Context, LastFed};
use crate::state::{Next, Reachable};
use crate::store::{CustomerSeq, Loaded, Loader, Selection, StoreError};
use crate::time::StripeTime;

/// Customers read at once.
const PAGE: u32 = 128;

/// What the thread gives back: the last customer it gave out.
type Feeder = JoinHandle<Result<LastFed, StoreError>>;

/// What a task receives.
type Customers = mpsc::Receiver<Result<Loaded, StoreError>>;

/// Starts the thread. With `until`, a later pass, nothing after that customer is given out, and no limit counts again.
pub fn spawn(
    loader: Arc<std::sync::Mutex<Loader>>,
    selection: Selection,
    until: Option<LastFed>,
    context: &Context,
) -> Result<(Feeder, Customers), StoreError> {
    let (sender, customers) = mpsc::channel(usize::try_from(PAGE).unwrap_or(1));
    let draining = context.draining.subscribe();
    let feeder = std::thread::Builder::new()
        .name("feeder".to_owned())
        .spawn(move || feed(&loader, &selection, until, &sender, &draining))?;
    Ok((feeder, customers))
}

fn feed(
    loader: &std::sync::Mutex<Loader>,
    selection: &Selection,
    until: Option<LastFed>,
    customers: &mpsc::Sender<Result<Loaded, StoreError>>,
    draining: &watch::Receiver<bool>,
) -> Result<LastFed, StoreError> {
    let loader = loader
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (mut after, mut fed) = (CustomerSeq::default(), 0_u64);
    loop {
        let page = loader.open_page(after, PAGE)?;
        let Some(end) = page.last().map(|loaded| loaded.seq) else {
            return Ok(after);
        };
        for mut loaded in page {
            let done = match until {
                Some(until) => loaded.seq > until,
                None => selection.limit.is_some_and(|limit| fed >= limit),
            };
            if done || *draining.borrow() {
                return Ok(after);
            }
            after = loaded.seq;
            if !select(&mut loaded, selection) {
                continue;
            }
            loaded.customer.reopen_unanswered();
            // Those that nothing can be done for now do not use the limit up, or a pilot could never get past them; and
            // a later pass, which has settled them, passes them over.
            let idle = matches!(loaded.customer.next(StripeTime(0)), Next::Settled(_));
            if idle && until.is_some() {
                continue;
            }
            fed += u64::from(!idle);
            if customers.blocking_send(Ok(loaded)).is_err() {
                return Ok(after);
            }
        }
        after = end;
    }
}

/// Marks the targets that `--account` leaves out; false where it leaves out the whole customer.
fn select(loaded: &mut Loaded, selection: &Selection) -> bool {
    if selection.accounts.is_empty() {
        return true;
    }
    let mut any = false;
    for target in &mut loaded.customer.targets {
        if selection.accounts.contains(&target.account) {
            any = true;
        } else {
            target.reach = Reachable::NotSelected;
        }
    }
    any
}
