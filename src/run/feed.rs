//! Reads customers from the state file ahead of the run, a page at a time, on a thread of its own.
//!
//! ```text
//!   first ├──── stripe ────┼──── stripe ────┼── … ──┤ last open customer
//!         1st, 4th, 7th …   2nd, 5th, 8th …   3rd …      given out in turn
//! ```
//!
//! In the order of the CSV, a file that is sorted by account would crawl through one account's budget while the others' lie
//! idle. So the customers are cut into stripes of neighbours, and given out from each in turn: accounts come up in proportion to
//! the work that is left for them, however the file is sorted, and nothing is held but a page for each stripe.
//! Without limits no budget can lie idle: then it is all one stripe, and what is written lies close together in the state file.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};

use super::{Context, LastFed};
use crate::store::{CustomerSeq, Loaded, Loader, Selection, StoreError};
use crate::time::StripeTime;

/// Customers read at once, all stripes together where there are many.
const PAGE: u32 = 128;

/// Stripes at most.
const STRIPES: i64 = 64;

/// Customers in a stripe at least: a short file is taken in its order.
const STRIPE_AT_LEAST: i64 = 16;

/// Customers read at once for one of several stripes.
const STRIPE_PAGE: u32 = 16;

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
    let no_limits = context.client.limiter().has_no_limits();
    let mut ahead = Ahead {
        loader,
        most_stripes: if no_limits { 1 } else { STRIPES },
        selection,
        until,
        latest_now,
        draining: context.draining.subscribe(),
        stripes: None,
        turn: 0,
        last: CustomerSeq::default(),
        fed: 0,
        last_of_limit: CustomerSeq::default(),
        beyond: false,
    };
    let feeder = match drive {
        Drive::Thread => {
            let feed = move || {
                while let Some(loaded) = ahead.next()? {
                    if sender.blocking_send(Ok(loaded)).is_err() {
                        break;
                    }
                }
                Ok(ahead.last)
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
            Ok(ahead.last)
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
    /// At most so many.
    most_stripes: i64,
    /// `None` before it has begun.
    stripes: Option<Vec<Stripe>>,
    /// Whose turn it is.
    turn: usize,
    /// The last one in the order of the CSV that was looked at.
    last: CustomerSeq,
    fed: u64,
    /// Where the customers end that a limit takes, if there is something to be done for all of them.
    last_of_limit: CustomerSeq,
    /// What lies beyond is being read.
    beyond: bool,
}

/// Neighbours.
struct Stripe {
    page: std::vec::IntoIter<Loaded>,
    page_length: u32,
    after: CustomerSeq,
    last: CustomerSeq,
}

impl Stripe {
    /// The next of them that is open.
    fn next(
        &mut self,
        loader: &Mutex<Loader>,
        only: Option<&[CustomerSeq]>,
    ) -> Result<Option<Loaded>, StoreError> {
        if self.page.len() == 0 && self.after < self.last {
            let loader = loader.lock().unwrap_or_else(PoisonError::into_inner);
            let page = match only {
                Some(only) => loader.open_of(only, self.after, self.page_length)?,
                None => loader.open_page(self.after, self.page_length)?,
            };
            self.page = page.into_iter();
        }
        let next = self.page.next().filter(|loaded| loaded.seq <= self.last);
        match &next {
            Some(loaded) => self.after = loaded.seq,
            None => self.after = self.last,
        }
        Ok(next)
    }
}

/// Cuts what lies from `first` to `last` into stripes of about the same length.
fn stripes(first: CustomerSeq, last: CustomerSeq, most: i64) -> Vec<Stripe> {
    let length = (last.0 - first.0).saturating_add(1).max(1);
    let count = (length / STRIPE_AT_LEAST).clamp(1, most);
    let cut = |index: i64| {
        let part = i128::from(length) * i128::from(index) / i128::from(count);
        CustomerSeq(first.0 - 1 + i64::try_from(part).unwrap_or(length))
    };
    let page_length = if count == 1 { PAGE } else { STRIPE_PAGE };
    let stripe = |index| Stripe {
        page: Vec::new().into_iter(),
        page_length,
        after: cut(index),
        last: cut(index + 1),
    };
    (0..count).map(stripe).collect()
}

impl Ahead {
    /// The next customer to be given out; `None` where there is none, or none is wanted any more.
    fn next(&mut self) -> Result<Option<Loaded>, StoreError> {
        loop {
            let fed_all = self.limit().is_some_and(|limit| self.fed >= limit);
            if fed_all || *self.draining.borrow() {
                return Ok(None);
            }
            let Some(mut loaded) = self.next_open()? else {
                return Ok(None);
            };
            self.last = self.last.max(loaded.seq);
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

    fn next_open(&mut self) -> Result<Option<Loaded>, StoreError> {
        let mut left = match self.stripes.take() {
            Some(left) => left,
            None => self.cut()?,
        };
        let mut found = None;
        while found.is_none() && !left.is_empty() {
            self.turn %= left.len();
            match left[self.turn].next(&self.loader, self.selection.only.as_deref())? {
                None => drop(left.remove(self.turn)),
                next @ Some(_) => {
                    found = next;
                    self.turn += 1;
                }
            }
        }
        if found.is_none() && self.limit().is_some() && !self.beyond {
            self.beyond = true;
            left.push(Stripe {
                page: Vec::new().into_iter(),
                page_length: PAGE,
                after: self.last_of_limit,
                last: CustomerSeq(i64::MAX),
            });
            self.stripes = Some(left);
            return self.next_open();
        }
        self.stripes = Some(left);
        Ok(found)
    }

    /// A later pass counts no limit.
    fn limit(&self) -> Option<u64> {
        self.selection.limit.filter(|_| self.until.is_none())
    }

    /// With a limit, those that it would take in the order of the CSV are cut into stripes, and what lies beyond, since some of
    /// them may have nothing to be done, comes after them in its order: a limit takes the same customers either way.
    fn cut(&mut self) -> Result<Vec<Stripe>, StoreError> {
        let bounds = {
            let loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
            loader.open_bounds(self.limit())?
        };
        let Some((first, last)) = bounds else {
            return Ok(Vec::new());
        };
        self.last_of_limit = last;
        let last = self.until.map_or(last, |until| last.min(until));
        Ok(if last < first {
            Vec::new()
        } else {
            stripes(first, last, self.most_stripes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_meet_and_cover_everything() {
        for (first, last) in [(1, 1), (1, 15), (7, 38), (1, 1000), (5, 10_000_000)] {
            let cut = stripes(CustomerSeq(first), CustomerSeq(last), STRIPES);
            assert_eq!(cut.first().unwrap().after.0, first - 1);
            assert_eq!(cut.last().unwrap().last.0, last);
            assert!(cut.windows(2).all(|pair| pair[0].last == pair[1].after));
            assert!(cut.len() <= 64);
        }
        let many = |last, most| stripes(CustomerSeq(1), CustomerSeq(last), most).len();
        assert_eq!(many(31, STRIPES), 1);
        assert_eq!(many(10_000, STRIPES), 64);
        assert_eq!(many(10_000, 1), 1);
    }
}
