//! How many requests may be on their way at once. There is no bound until Stripe sets one: a 429 for concurrency, for a lock, or
//! without a reason says that too much is done at the same time, not that it is done too fast.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// What is left of those in flight after Stripe said that they are too many, in thousandths.
const LEFT_THOUSANDTHS: u64 = 800;

#[derive(Debug)]
struct Count {
    now: u64,
    /// In thousandths; `None`: no bound.
    most: Option<u64>,
    lowered: Instant,
}

/// A bound that moves.
#[derive(Debug)]
pub(super) struct InFlight {
    count: Mutex<Count>,
    freed: Notify,
}

/// A place among those in flight, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<InFlight>);

impl InFlight {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            count: Mutex::new(Count {
                now: 0,
                most: None,
                lowered: Instant::now(),
            }),
            freed: Notify::new(),
        })
    }

    /// Waits for a place.
    pub async fn enter(self: &Arc<Self>) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_enter() {
                return place;
            }
            freed.await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let mut count = self.count();
        let room = count.most.is_none_or(|most| (count.now + 1) * 1000 <= most);
        count.now += u64::from(room);
        room.then(|| Place(Arc::clone(self)))
    }

    /// Too many were in flight when this one was sent. True where that lowers the bound: once for all that were sent before.
    pub fn too_many(&self, sent: Instant) -> bool {
        let mut count = self.count();
        if sent < count.lowered {
            return false;
        }
        let now = count.now * 1000;
        let most = count.most.map_or(now, |most| most.min(now)) * LEFT_THOUSANDTHS / 1000;
        count.most = Some(most.max(1000));
        count.lowered = Instant::now();
        true
    }

    /// One came through: a bound rises by one for each time that all who are within it came through, and no further than twice
    /// those in flight.
    pub fn came_through(&self) {
        let mut count = self.count();
        let enough = count.now * 2000;
        if let Some(most) = &mut count.most
            && *most < enough
        {
            *most += (1_000_000 / *most).max(1);
            self.freed.notify_one();
        }
    }

    /// The bound, if there is one.
    pub fn most(&self) -> Option<u64> {
        self.count().most.map(|most| most / 1000)
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count().now -= 1;
        self.0.freed.notify_one();
    }
}
