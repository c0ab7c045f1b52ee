//! Reads customers from the state file ahead of the run, a page at a time, on a thread of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};

use super::{Context, LastFed};
use crate::store::{CustomerSeq, Loaded, Loader, Selection, StoreError};
use crate::time::StripeTime;

/// Customers read at once.
const PAGE: u32 = 128;

/// What drives a feeder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// A thread: reading a page keeps no customer's task waiting.
    Thread,
    /// A task of the run's own runtime, for a simulation, which must have no second thread.
    #[cfg(test)]
    Task,
}

/// What reads. It gives back the last customer it gave out.
pub enum Feeder {
    Thread(JoinHandle<Result<LastFed, StoreError>>),
    #[cfg(test)]
    Task(tokio::task::JoinHandle<Result<LastFed, StoreError>>),
}

impl Feeder {
    /// Waits for its end.
    pub async fn join(self) -> Result<LastFed, StoreError> {
        let fed = match self {
            Self::Thread(thread) => tokio::task::spawn_blocking(move || thread.join())
                .await
                .ok()
                .and_then(Result::ok),
            #[cfg(test)]
            Self::Task(task) => task.await.ok(),
        };
        fed.unwrap_or_else(|| {
            let lost = "what reads the customers ended unexpectedly";
            Err(StoreError::Defect(lost.to_owned()))
        })
    }
}

/// What a task receives.
type Customers = mpsc::Receiver<Result<Loaded, StoreError>>;

/// Starts the feeder. With `until`, a later pass, nothing after that customer is given out, and no limit counts again.
/// `latest_now` is the latest time that it can be at Stripe.
pub fn spawn(
    drive: Drive,
    loader: Arc<Mutex<Loader>>,
    selection: Selection,
    until: Option<LastFed>,
    latest_now: StripeTime,
    context: &Context,
) -> Result<(Feeder, Customers), StoreError> {
    let (sender, customers) = mpsc::channel(usize::try_from(PAGE).unwrap_or(1));
    let mut ahead = Ahead {
        loader,
        selection,
        until,
        latest_now,
        draining: context.draining.subscribe(),
        page: Vec::new().into_iter(),
        after: CustomerSeq::default(),
        fed: 0,
    };
    let feeder = match drive {
        Drive::Thread => {
            let feed = move || {
                while let Some(loaded) = ahead.next()? {
                    if sender.blocking_send(Ok(loaded)).is_err() {
                        break;
                    }
                }
                Ok(ahead.after)
            };
            let thread = std::thread::Builder::new().name("feeder".to_owned());
            Feeder::Thread(thread.spawn(feed)?)
        }
        #[cfg(test)]
        Drive::Task => Feeder::Task(tokio::spawn(async move {
            while let Some(loaded) = ahead.next()? {
                if sender.send(Ok(loaded)).await.is_err() {
                    break;
                }
            }
            Ok(ahead.after)
        })),
    };
    Ok((feeder, customers))
}

/// Where the reading stands.
struct Ahead {
    loader: Arc<Mutex<Loader>>,
    selection: Selection,
    until: Option<LastFed>,
    latest_now: StripeTime,
    draining: watch::Receiver<bool>,
    page: std::vec::IntoIter<Loaded>,
    after: CustomerSeq,
    fed: u64,
}

impl Ahead {
    /// The next customer to be given out; `None` where there is none, or none is wanted any more.
    fn next(&mut self) -> Result<Option<Loaded>, StoreError> {
        loop {
            let Some(mut loaded) = self.page.next() else {
                let loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
                let page = match &self.selection.only {
                    Some(only) => loader.open_of(only, self.after, PAGE)?,
                    None => loader.open_page(self.after, PAGE)?,
                };
                self.page = page.into_iter();
                if self.page.len() == 0 {
                    return Ok(None);
                }
                continue;
            };
            let done = match self.until {
                Some(until) => loaded.seq > until,
                None => self.selection.limit.is_some_and(|limit| self.fed >= limit),
            };
            if done || *self.draining.borrow() {
                return Ok(None);
            }
            self.after = loaded.seq;
            if !self.selection.confine(&mut loaded) {
                continue;
            }
            loaded.customer.reopen_unanswered();
            // Those that nothing can be done for now do not use the limit up, or a pilot could never get past them; and
            // a later pass, which has settled them, passes them over.
            let idle = !loaded.customer.has_work(self.latest_now);
            if idle && self.until.is_some() {
                continue;
            }
            self.fed += u64::from(!idle);
            return Ok(Some(loaded));
        }
    }
}
