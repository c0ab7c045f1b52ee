//! Keeps the rate. Every attempt takes a permit of each lane that it counts in, right before it is sent.
//!
//! ```text
//!                     connected account's lane ──▶ endpoint's lane ──▶ a place in flight ──▶ total lane ──▶ send
//!   shared budget     (only with Stripe-Account)   (platform and connected together)
//!   own budgets       the account's endpoint, then the account's total; the platform's own calls, the platform's
//! ```
//!
//! Whose budget a `Stripe-Account` call uses, Stripe does not document; so by default it must fit all of them (`shared`).
//!
//! The order is narrowest first: whoever waits in a lane holds only permits that few others want. Were the total taken first,
//! attempts that then wait for a busy account would keep the quiet ones from sending; and since a permit is spent when it is
//! taken, those that waited would go out in a bunch. The total comes last, so that its rate holds at the instant of sending.
//!
//! A lane serves in the order of arrival: one attempt at a time sleeps for its permit, the others queue behind it. A 429 that
//! names a rate slows that lane alone (`adapt.rs`); one that names no rate shrinks what is in flight (`in_flight.rs`).

mod adapt;
mod budget;
mod in_flight;
mod lane;
mod limits;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::LimitedBy;
use super::request::Endpoint;
use crate::ids::AccountId;
pub use adapt::{Adaptive, Manner};
use budget::Learning;
pub use budget::{Binding, ConnectedBudget, Event, LaneName, Learnt, Reading, Slowed};
use in_flight::{InFlight, Place};
use lane::{Asked, Lane};
pub use limits::{Limits, Rate, Share};

/// The lanes of whoever pays: all together, the platform, or one connected account. Some hundred bytes each; those of endpoints
/// are made when they are first needed.
#[derive(Debug)]
struct Payer {
    total: Lane,
    endpoints: [OnceLock<Box<Lane>>; Endpoint::ALL.len()],
}

impl Payer {
    fn new(total: Asked) -> Arc<Self> {
        Arc::new(Self {
            total: Lane::new(total),
            endpoints: Default::default(),
        })
    }

    fn endpoint(&self, endpoint: Endpoint, asked: Asked) -> &Lane {
        self.endpoints[endpoint.index()].get_or_init(|| Box::new(Lane::new(asked)))
    }
}

/// What an attempt came to, as far as limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was answered, and not by a limiter.
    Through,
    /// 429.
    Limited(LimitedBy),
    /// A lock was not to be had.
    Locked,
    /// No answer.
    Lost,
}

/// The permit of one attempt. Its places in flight are given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    sent: Instant,
    endpoint: Endpoint,
    /// Whose lanes it went through besides those of all together.
    payer: Option<Arc<Payer>>,
    account: Option<AccountId>,
    _places: [Place; 2],
}

/// The lanes of one run.
#[derive(Debug)]
pub struct Limiter {
    limits: Mutex<Limits>,
    /// What counts whoever pays.
    joint: Arc<Payer>,
    platform: Arc<Payer>,
    accounts: Mutex<HashMap<AccountId, Arc<Payer>>>,
    in_flight: Arc<InFlight>,
    in_flight_of: [Arc<InFlight>; Endpoint::ALL.len()],
    learning: Mutex<Learning>,
    events: Mutex<Vec<Event>>,
    /// While true, nothing new is begun.
    held: watch::Sender<bool>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limiter {
    /// All lanes idle.
    pub fn new(limits: Limits) -> Self {
        let learning = Learning::new(limits.connected);
        Self {
            joint: Payer::new(limits.joint_total(learning.learnt())),
            platform: Payer::new(limits.payer_total()),
            accounts: Mutex::new(HashMap::new()),
            in_flight: InFlight::new(),
            in_flight_of: Endpoint::ALL.map(|_| InFlight::new()),
            learning: Mutex::new(learning),
            events: Mutex::new(Vec::new()),
            held: watch::channel(false).0,
            limits: Mutex::new(limits),
        }
    }

    /// Whether nothing is kept to.
    pub fn has_no_limits(&self) -> bool {
        let Limits {
            total_per_second,
            endpoint_per_second,
            account_per_second,
            ..
        } = *held(&self.limits);
        [total_per_second, endpoint_per_second, account_per_second] == [None; 3]
    }

    /// Holds whatever is not begun, or lets it go on.
    pub fn hold(&self, hold: bool) {
        self.held
            .send_if_modified(|held| std::mem::replace(held, hold) != hold);
    }

    /// Whether it is held.
    pub fn is_held(&self) -> bool {
        *self.held.borrow()
    }

    /// Ends once it is held, or once it is not.
    pub async fn until_held(&self, hold: bool) {
        // The sender is here, so it cannot be gone.
        drop(self.held.subscribe().wait_for(|held| *held == hold).await);
    }

    /// Waits until one attempt may be sent. Dropping the future may have spent permits, which costs time and nothing else.
    pub async fn permit(&self, endpoint: Endpoint, account: Option<&AccountId>) -> Permit {
        let (limits, learnt) = self.known();
        let own = learnt != Some(Learnt::Shared);
        let payer = match account {
            Some(account) => {
                let payer = self.account(account);
                if own {
                    payer
                        .endpoint(endpoint, limits.payer_endpoint())
                        .permit()
                        .await;
                }
                payer.total.permit().await;
                Some(payer)
            }
            None if own => {
                let payer = Arc::clone(&self.platform);
                payer
                    .endpoint(endpoint, limits.payer_endpoint())
                    .permit()
                    .await;
                payer.total.permit().await;
                Some(payer)
            }
            None => None,
        };
        let joint = self.joint.endpoint(endpoint, limits.joint_endpoint(learnt));
        joint.permit().await;
        let places = [
            self.in_flight_of[endpoint.index()].enter().await,
            self.in_flight.enter().await,
        ];
        self.joint.total.permit().await;
        Permit {
            sent: Instant::now(),
            endpoint,
            payer,
            account: account.cloned(),
            _places: places,
        }
    }

    /// Takes in what came of an attempt: see `adapt.rs` and `in_flight.rs`.
    pub fn answered(&self, permit: Permit, came: Came) {
        let here = &self.in_flight_of[permit.endpoint.index()];
        match came {
            Came::Through => {
                self.through(&permit);
                here.came_through();
                self.in_flight.came_through();
            }
            Came::Limited(LimitedBy::GlobalRate) => self.refused(&permit, None),
            Came::Limited(LimitedBy::EndpointRate) => self.refused(&permit, Some(permit.endpoint)),
            Came::Limited(LimitedBy::EndpointConcurrency) => {
                self.too_many(here, Some(permit.endpoint), permit.sent);
            }
            Came::Limited(LimitedBy::GlobalConcurrency | LimitedBy::Untold) | Came::Locked => {
                self.too_many(&self.in_flight, None, permit.sent);
            }
            // Of one object: nobody else need go slower.
            Came::Limited(LimitedBy::Resource) | Came::Lost => {}
        }
        // Its places are free for the next.
        drop(permit);
    }

    fn through(&self, permit: &Permit) {
        let (limits, learnt) = self.known();
        if let Some(payer) = &permit.payer
            && learnt != Some(Learnt::Shared)
        {
            payer.total.accepted(permit.sent);
            payer
                .endpoint(permit.endpoint, limits.payer_endpoint())
                .accepted(permit.sent);
        }
        let joint = self
            .joint
            .endpoint(permit.endpoint, limits.joint_endpoint(learnt));
        joint.accepted(permit.sent);
        self.joint.total.accepted(permit.sent);
        if learnt.is_none() && permit.account.is_some() {
            self.learn_own(limits, permit.endpoint, joint);
        }
    }

    /// A rate was refused: of an endpoint, or of all.
    fn refused(&self, permit: &Permit, endpoint: Option<Endpoint>) {
        let (limits, learnt) = self.known();
        let payer = permit
            .payer
            .as_ref()
            .filter(|_| learnt == Some(Learnt::Own));
        let (refusing, of_endpoint) = match payer {
            Some(payer) => (payer, limits.payer_endpoint()),
            None => (&self.joint, limits.joint_endpoint(learnt)),
        };
        let lane = match endpoint {
            Some(endpoint) => refusing.endpoint(endpoint, of_endpoint),
            None => &refusing.total,
        };
        let slowed = lane.refused(permit.sent);
        if learnt.is_none() {
            self.learn_shared(limits, endpoint);
        }
        if slowed {
            let name = LaneName {
                account: permit.account.clone().filter(|_| payer.is_some()),
                endpoint,
            };
            self.tell_slowed(name, lane);
        }
    }

    fn too_many(&self, in_flight: &InFlight, endpoint: Option<Endpoint>, sent: Instant) {
        let first = in_flight.most().is_none();
        if in_flight.too_many(sent) && first {
            let most = in_flight.most().unwrap_or(1);
            held(&self.events).push(Event::TooMany { endpoint, most });
        }
    }

    fn known(&self) -> (Limits, Option<Learnt>) {
        let learnt = held(&self.learning).learnt();
        (*held(&self.limits), learnt)
    }

    fn account(&self, account: &AccountId) -> Arc<Payer> {
        let mut accounts = held(&self.accounts);
        if let Some(payer) = accounts.get(account) {
            return Arc::clone(payer);
        }
        let payer = Payer::new(held(&self.limits).account_total());
        accounts.insert(account.clone(), Arc::clone(&payer));
        payer
    }
}
