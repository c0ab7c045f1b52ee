//! SHELL. Rebuilds what a lost state file knew, from Stripe itself: a sweep of each account for the migration's marks, then, for
//! each customer found, what is attached to its Customers. [`crate::state`] says what that comes to.
//!
//! ```text
//!   sweep of each account ──▶ table `found` ──▶ customer by customer: lists of PaymentMethods ──▶ table `step`
//!   (no page missing, or nothing)                (a look-up that failed leaves the customer in `found`)
//! ```
//!
//! Hazard: what was not read must not pass for never done. So an account counts as read only once all of its pages were, and a
//! customer once all of its look-ups were answered; until then nothing is sent for it.

mod again;
mod one;

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::task::JoinSet;

pub use again::{TakenUp, take_up};
use one::{NotRead, One, Rebuilt};

use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId, PaymentMethodId, RequestId};
use crate::state::{Customer, Held, Likeness, Next, StepState};
use crate::store::{
    AccountSeq, Changes, CustomerSeq, KnownDefault, Loader, Marked, Marks, StoreError,
};
use crate::stripe::{
    Client, CustomerFacts, DefaultMethod, PaymentMethodFacts, ReadAnswer, Refusal, Stop,
};

/// Customers taken over in one transaction.
const PAGE: u32 = 128;

/// Stripe, and the state that is rebuilt. No run may be on.
pub struct Recover<'a> {
    /// Stripe.
    pub client: Arc<Client>,
    /// The state: a temporary one while nothing is certain.
    pub conn: &'a Connection,
    /// Look-ups under way at once.
    pub concurrency: usize,
}

/// Why it cannot go on.
#[derive(Debug)]
pub enum RecoverError {
    /// Stripe refuses the key, or the like.
    Stop(Stop),
    /// The state.
    Store(StoreError),
    /// A page could not be read: nothing is known of the rest.
    Unread(String),
}

impl From<StoreError> for RecoverError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How far the reading is, for the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Customers that were read.
    pub read: u64,
    /// Those of them with marks of a migration.
    pub marked: u64,
}

/// How a sweep ended.
#[derive(Debug)]
pub enum Sweep {
    /// All pages were read.
    Read(Swept),
    /// The account cannot be reached with this key.
    Unreachable(Refusal),
}

/// What taking over came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recovered {
    /// Legacy customers of which something was found.
    pub customers: u64,
    /// Customers on the platform and on connected accounts.
    pub stripe_customers: u64,
    /// Clones that are attached.
    pub clones: u64,
    /// Legacy customers with more Customers than one on an account: a person has to choose.
    pub several: u64,
    /// PaymentMethods on connected Customers that are of no source in the CSV: they stay as they are.
    pub unmatched: u64,
    /// Legacy customers of which something could not be read.
    pub unread: u64,
}

impl Recovered {
    fn add(&mut self, other: Self) {
        self.customers += other.customers;
        self.stripe_customers += other.stripe_customers;
        self.clones += other.clones;
        self.several += other.several;
        self.unmatched += other.unmatched;
        self.unread += other.unread;
    }
}

impl Recover<'_> {
    /// Reads all Customers of an account (`None`: the platform) and keeps those with marks; only those of `migration`, if given.
    pub async fn sweep(
        &self,
        account: Option<(AccountSeq, &AccountId)>,
        migration: Option<MigrationId>,
        mut tick: impl FnMut(Swept),
    ) -> Result<Sweep, RecoverError> {
        let (row, id) = account.unzip();
        let mut after: Option<CustomerId> = None;
        let mut swept = Swept::default();
        loop {
            let (page, request_id) = match self.client.all_customers(after.as_ref(), id).await {
                ReadAnswer::Found(page, request_id) => (page, request_id),
                ReadAnswer::AccountInvalid(refusal) if id.is_some() => {
                    return Ok(Sweep::Unreachable(refusal));
                }
                ReadAnswer::Stop(stop) => return Err(RecoverError::Stop(stop)),
                ReadAnswer::AccountInvalid(refusal) | ReadAnswer::Missing(refusal) => {
                    return Err(RecoverError::Unread(refusal.message));
                }
                ReadAnswer::Failed(failed) => return Err(RecoverError::Unread(failed.to_string())),
            };
            if page.data.iter().any(|each| is_elsewhere(each, id)) {
                return Err(RecoverError::Unread(
                    "the answer holds Customers of another account".to_owned(),
                ));
            }
            let last = page.data.last().map(|customer| customer.id.clone());
            swept.read += length(&page.data);
            let marked: Vec<_> = page
                .data
                .into_iter()
                .filter_map(|customer| marked(customer, row, request_id.as_ref()))
                .filter(|(marks, _)| migration.is_none_or(|wanted| marks.migration == wanted))
                .collect();
            swept.marked += length(&marked);
            Marked::keep(self.conn, &marked)?;
            tick(swept);
            match (page.has_more, last) {
                (false, _) => return Ok(Sweep::Read(swept)),
                (true, Some(last)) if after.as_ref() != Some(&last) => after = Some(last),
                // A page that ends where the one before did would be read for ever.
                (true, _) => {
                    return Err(RecoverError::Unread(
                        "Stripe's list of Customers does not come to an end".to_owned(),
                    ));
                }
            }
        }
    }

    /// Takes over all that the sweeps found, customer by customer, and gives the accounts that turned out not to be reachable
    /// meanwhile. `tick` is told how many customers are through.
    pub async fn take_over(
        &self,
        mut tick: impl FnMut(Recovered),
    ) -> Result<(Recovered, BTreeSet<AccountSeq>), RecoverError> {
        let mut recovered = Recovered::default();
        let mut lost = BTreeSet::new();
        let mut after = CustomerSeq::default();
        loop {
            let page = Loader::new(self.conn)?.found_page(after, PAGE)?;
            let Some(last) = page.last().map(|loaded| loaded.seq) else {
                return Ok((recovered, lost));
            };
            after = last;
            let mut reading = JoinSet::new();
            let mut rebuilt = Vec::new();
            for loaded in page {
                if reading.len() >= self.concurrency
                    && let Some(read) = reading.join_next().await
                {
                    rebuilt.push(ended(read)?);
                }
                let marked = Marked::of(self.conn, &loaded.customer.legacy_id)?;
                let one = One::new(Arc::clone(&self.client), loaded, marked);
                reading.spawn(one.rebuild());
            }
            while let Some(read) = reading.join_next().await {
                rebuilt.push(ended(read)?);
            }
            let none = rebuilt
                .iter()
                .all(|each| matches!(each, Err(NotRead::Failed)));
            self.keep(rebuilt, &mut recovered, &mut lost)?;
            tick(recovered);
            if none {
                // Stripe is out of reach: those that come after would only be found to be so one by one.
                recovered.unread = Marked::left(self.conn)?;
                return Ok((recovered, lost));
            }
        }
    }

    fn keep(
        &self,
        rebuilt: Vec<Result<Rebuilt, NotRead>>,
        recovered: &mut Recovered,
        lost: &mut BTreeSet<AccountSeq>,
    ) -> Result<(), RecoverError> {
        let mut changes = Vec::new();
        for each in rebuilt {
            match each {
                Ok(rebuilt) => {
                    for (account, why) in &rebuilt.unreachable {
                        account.set_unread(self.conn, why)?;
                        lost.insert(*account);
                    }
                    recovered.add(rebuilt.counts);
                    changes.push(self.changes(rebuilt)?);
                }
                Err(NotRead::Stop(stop)) => return Err(RecoverError::Stop(stop)),
                Err(NotRead::Defect(error)) => return Err(RecoverError::Store(error)),
                // It stays among the found, and is read again.
                Err(NotRead::Failed) => recovered.unread += 1,
            }
        }
        Marked::taken_over(self.conn, &changes)?;
        Ok(())
    }

    /// What is kept of a customer.
    fn changes(&self, rebuilt: Rebuilt) -> Result<(LegacyId, Changes), StoreError> {
        let no_date = || StoreError::Defect("Stripe's answers carried no date".to_owned());
        let now = self.client.clock().latest_now().ok_or_else(no_date)?;
        let mut changes = Changes::of(rebuilt.seq);
        for (step, record) in rebuilt.records {
            changes.step(step, record);
        }
        stand(&rebuilt.customer, now, &mut changes);
        changes.at(self.client.clock().earliest_now());
        Ok((rebuilt.customer.legacy_id, changes))
    }
}

/// Where the customer stands now, for those who count.
fn stand(customer: &Customer, now: crate::time::StripeTime, changes: &mut Changes) {
    let mut states = customer.steps.values().map(|record| &record.state);
    match customer.next(now) {
        Next::Settled(review) => changes.settle(review),
        _ if states.any(|state| matches!(state, StepState::InDoubt(_))) => changes.in_doubt(),
        _ if customer.steps.is_empty() => {}
        _ => changes.in_progress(),
    }
}

fn length<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}

/// A task's result; one that panicked is an error, not a customer that is silently left out.
fn ended<T>(joined: Result<T, tokio::task::JoinError>) -> Result<T, RecoverError> {
    joined.map_err(|error| {
        RecoverError::Store(StoreError::Defect(format!(
            "a customer's task ended unexpectedly: {error}"
        )))
    })
}

/// True for a Customer with marks that was made on another account: only those on connected accounts name their platform Customer.
fn is_elsewhere(customer: &CustomerFacts, account: Option<&AccountId>) -> bool {
    let marked = customer.marker_migration.is_some() && customer.marker_legacy_id.is_some();
    marked && customer.marker_platform_customer.is_some() != account.is_some()
}

/// A Customer with its marks; `None` for one that no migration made.
fn marked(
    customer: CustomerFacts,
    account: Option<AccountSeq>,
    request_id: Option<&RequestId>,
) -> Option<(Marks, Marked)> {
    let migration = uuid::Uuid::parse_str(customer.marker_migration.as_deref()?).ok()?;
    let legacy_id = LegacyId::parse(customer.marker_legacy_id.as_deref()?).ok()?;
    if customer.deleted {
        return None;
    }
    let platform_customer = customer.marker_platform_customer.as_deref();
    let marks = Marks {
        migration: MigrationId(migration),
        legacy_id,
    };
    let marked = Marked {
        account,
        id: customer.id,
        created: customer.created,
        platform_customer: platform_customer.and_then(|id| CustomerId::parse(id).ok()),
        default: match customer.default {
            None => KnownDefault::Unknown,
            Some(DefaultMethod::Id(id)) => {
                PaymentMethodId::parse(&id).map_or(KnownDefault::Unknown, KnownDefault::Id)
            }
            Some(DefaultMethod::Whole(facts)) => KnownDefault::Whole(held(facts)),
        },
        request_id: request_id.cloned(),
    };
    Some((marks, marked))
}

fn held(facts: PaymentMethodFacts) -> Held {
    Held {
        likeness: likeness(&facts),
        id: facts.id,
        created: facts.created,
    }
}

fn likeness(facts: &PaymentMethodFacts) -> Likeness {
    Likeness {
        kind: facts.kind.clone(),
        fingerprint: facts.fingerprint.clone(),
        expiry: facts.expiry,
    }
}
