//! SHELL. Reads back what was made, and has [`crate::verify`] compare it with the state file: page-wise sweeps for all, one look
//! at a time for a sample. It writes nothing, neither at Stripe nor into the state file.
//!
//! ```text
//!   all:     sweep of each account ──▶ Swept ─┐
//!                                             ├─▶ customer by customer: what the sweeps do not tell ──▶ compare ──▶ lines
//!   sample:  ─────────────────────────────────┘
//! ```
//!
//! Hazard: a run may be on meanwhile. So the sweeps come first and the state is read after them: what was swept and is not in the
//! state then is in doubt there at least, and what is in the state and was not swept is looked for by itself.

mod one;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use self::one::One;
use super::recover::Swept;
use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId};
use crate::state::Customer;
use crate::store::{self, CustomerSeq, Loaded, Loader, StoreError};
use crate::stripe::{Client, CustomerFacts, ReadAnswer, Stop};
use crate::verify::{About, Expected, Line, Sign, Tally, absent, compare, doubtful, expected};

/// Customers read from the state file at once.
const PAGE: u32 = 128;

/// Look-ups in a row that come to nothing: Stripe is out of reach, and the rest is spared it.
const UNANSWERED_IN_A_ROW: u32 = 16;

/// Why it cannot go on.
#[derive(Debug)]
pub enum VerifyError {
    /// Stripe refuses the key, or the like.
    Stop(Stop),
    /// The state file.
    Store(StoreError),
    /// Nobody reads the lines any more, or they cannot be written.
    Write(std::io::Error),
    /// Stripe cannot be reached.
    Unreachable(String),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whom to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// These, one by one.
    Some(Vec<CustomerSeq>),
    /// Everybody, with sweeps.
    All,
}

/// What a verification works with.
pub struct Verify<'a> {
    /// Stripe.
    pub client: Arc<Client>,
    /// The state file, read-only.
    pub loader: &'a Loader,
    /// Whose migration it is.
    pub migration: MigrationId,
    /// Only these accounts; empty: all. The platform is always looked at, since it has the sources.
    pub accounts: Vec<AccountId>,
    /// The list of every Customer's PaymentMethods is read.
    pub thorough: bool,
    /// Customers looked at at once.
    pub concurrency: usize,
    /// A person named the customers: what cannot be looked at of them is told.
    pub named: bool,
    /// No run is on: whatever was sent and is not settled is in doubt.
    pub is_still: bool,
}

/// What all look-ups share.
#[derive(Debug, Default)]
struct Shared {
    /// Accounts that cannot be reached, and why: nothing more is asked there.
    unreachable: Mutex<BTreeMap<AccountId, String>>,
    unanswered: AtomicU32,
    methods: AtomicU64,
}

impl Shared {
    fn why_not(&self, account: Option<&AccountId>) -> Option<String> {
        let unreachable = self
            .unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unreachable.get(account?).cloned()
    }

    fn give_up(&self, account: &AccountId, why: &str) {
        self.unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(account.clone(), why.to_owned());
    }

    fn answered(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    fn unanswered(&self) -> bool {
        self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= UNANSWERED_IN_A_ROW
    }
}

impl Verify<'_> {
    /// Looks, and gives the lines page by page in the CSV's order, each with how many customers are looked at. `swept` is told how
    /// many Customers the sweeps have read.
    pub async fn verify(
        &self,
        whom: &Whom,
        mut swept: impl FnMut(Option<&AccountId>, Swept),
        mut each: impl FnMut(&[Line], u64) -> std::io::Result<()>,
    ) -> Result<Tally, VerifyError> {
        let shared = Arc::new(Shared::default());
        let mut tally = Tally::default();
        let sweeps = match whom {
            Whom::All => Some(self.sweep_all(&shared, &mut swept).await?),
            Whom::Some(_) => None,
        };
        let mut tell = |lines: Vec<Line>, tally: &mut Tally| {
            for line in &lines {
                tally.line(line);
            }
            each(&lines, tally.customers).map_err(VerifyError::Write)
        };
        let mut cursor = Cursor::default();
        loop {
            let page = self.page(whom, &mut cursor)?;
            if page.is_empty() {
                break;
            }
            let lines = self
                .look(page, sweeps.as_ref(), &shared, &mut tally)
                .await?;
            tell(lines, &mut tally)?;
        }
        if let Some(swept) = &sweeps {
            tell(self.strangers(swept)?, &mut tally)?;
        }
        tally.payment_methods = shared.methods.load(Ordering::Relaxed);
        Ok(tally)
    }

    fn page(&self, whom: &Whom, cursor: &mut Cursor) -> Result<Vec<Loaded>, StoreError> {
        match whom {
            Whom::All => {
                let page = self.loader.page_of_all(cursor.after, PAGE)?;
                if let Some(last) = page.last() {
                    cursor.after = last.seq;
                }
                Ok(page)
            }
            Whom::Some(rows) => {
                let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
                let rows = rows.iter().skip(cursor.taken).take(most);
                cursor.taken += rows.len();
                let loaded = rows.map(|row| self.loader.whole(*row));
                loaded.filter_map(Result::transpose).collect()
            }
        }
    }

    /// Looks at a page of customers, some at once.
    async fn look(
        &self,
        page: Vec<Loaded>,
        swept: Option<&store::Swept>,
        shared: &Arc<Shared>,
        tally: &mut Tally,
    ) -> Result<Vec<Line>, VerifyError> {
        let mut looking = JoinSet::new();
        let mut done: Vec<(CustomerSeq, Vec<Line>)> = Vec::new();
        let mut gone = Vec::new();
        for loaded in page {
            let mut expected = expected(&loaded.customer);
            self.confine(&mut expected);
            gone.push((loaded.seq, self.unseen(loaded.customer)));
            let swept = swept
                .map(|swept| swept.of(&expected.legacy_id))
                .transpose()?;
            let found = swept.as_ref().is_some_and(|found| !found.is_empty());
            if expected.customers.is_empty() && !found {
                continue;
            }
            tally.customers += 1;
            tally.stripe_customers += length(&expected.customers);
            if looking.len() >= self.concurrency
                && let Some(looked) = looking.join_next().await
            {
                done.push(ended(looked)?);
            }
            let one = One {
                client: Arc::clone(&self.client),
                shared: Arc::clone(shared),
                thorough: self.thorough,
                swept,
            };
            let (seq, migration) = (loaded.seq, self.migration);
            looking.spawn(async move {
                let sights = one.look(&expected).await?;
                Ok((seq, compare(&expected, &sights, migration)))
            });
        }
        while let Some(looked) = looking.join_next().await {
            done.push(ended(looked)?);
        }
        // Below what is there of the same customer.
        done.extend(gone);
        done.sort_by_key(|(seq, _)| *seq);
        Ok(done.into_iter().flat_map(|(_, lines)| lines).collect())
    }

    /// Lines of what cannot be looked at, whatever Stripe answers: what is in doubt, and, of those that a person named, what is not
    /// there any more or never was.
    fn unseen(&self, mut customer: Customer) -> Vec<Line> {
        if self.is_still {
            customer.doubt_started();
        }
        let wanted = |account: Option<&AccountId>| {
            account.is_none_or(|id| self.accounts.is_empty() || self.accounts.contains(id))
        };
        let mut lines = doubtful(&customer, wanted);
        if self.named {
            lines.extend(absent(&customer, wanted));
        }
        lines
    }

    /// Leaves out the accounts that were not asked for.
    fn confine(&self, expected: &mut Expected) {
        if !self.accounts.is_empty() {
            expected.customers.retain(|each| {
                let account = each.account.as_ref();
                account.is_none_or(|account| self.accounts.contains(account))
            });
        }
    }

    async fn sweep_all(
        &self,
        shared: &Shared,
        told: &mut impl FnMut(Option<&AccountId>, Swept),
    ) -> Result<store::Swept, VerifyError> {
        let swept = store::Swept::new()?;
        self.sweep(None, &swept, shared, told).await?;
        for (_, account) in store::AccountSeq::all(self.loader.conn())? {
            if self.accounts.is_empty() || self.accounts.contains(&account) {
                self.sweep(Some(&account), &swept, shared, told).await?;
            }
        }
        Ok(swept)
    }

    /// Reads all Customers of an account. Where a page cannot be read, nothing of the account is looked at.
    async fn sweep(
        &self,
        account: Option<&AccountId>,
        swept: &store::Swept,
        shared: &Shared,
        told: &mut impl FnMut(Option<&AccountId>, Swept),
    ) -> Result<(), VerifyError> {
        let migration = self.migration.to_string();
        let mut after: Option<CustomerId> = None;
        let mut so_far = Swept::default();
        loop {
            let page = match self.client.all_customers(after.as_ref(), account).await {
                ReadAnswer::Found(page, _) => page,
                ReadAnswer::Stop(stop) => return Err(VerifyError::Stop(stop)),
                ReadAnswer::AccountInvalid(refusal) | ReadAnswer::Missing(refusal) => {
                    return not_swept(account, shared, &refusal.message);
                }
                ReadAnswer::Failed(failed) => {
                    return not_swept(account, shared, &failed.to_string());
                }
            };
            let last = page.data.last().map(|customer| customer.id.clone());
            so_far.read += length(&page.data);
            let marked: Vec<_> = page
                .data
                .into_iter()
                .filter_map(|facts| ours(&migration, facts))
                .collect();
            swept.keep(account, &marked)?;
            so_far.marked += length(&marked);
            told(account, so_far);
            match (page.has_more, last) {
                (false, _) => return Ok(()),
                (true, Some(last)) if after.as_ref() != Some(&last) => after = Some(last),
                (true, _) => {
                    let why = "Stripe's list of Customers does not come to an end";
                    return not_swept(account, shared, why);
                }
            }
        }
    }

    /// Customers with marks of legacy customers that the state file does not have.
    fn strangers(&self, swept: &store::Swept) -> Result<Vec<Line>, StoreError> {
        let mut lines = Vec::new();
        swept.for_each_stranger(self.loader.conn(), |legacy_id, account, facts| {
            lines.push(Line {
                sign: Sign::Extra,
                legacy_id,
                account,
                found: Some(facts.id.to_string()),
                customer: Some(facts.id),
                payment_method: None,
                about: About::SecondCustomer,
                expected: None,
            });
        })?;
        Ok(lines)
    }
}

fn length<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}

/// Where the reading of the state file is.
#[derive(Default)]
struct Cursor {
    after: CustomerSeq,
    taken: usize,
}

/// The platform has to be read: without it there is nothing to compare with.
fn not_swept(account: Option<&AccountId>, shared: &Shared, why: &str) -> Result<(), VerifyError> {
    match account {
        None => Err(VerifyError::Unreachable(format!(
            "the platform's Customers could not be read to the end: {why}"
        ))),
        Some(account) => {
            shared.give_up(account, why);
            Ok(())
        }
    }
}

/// A Customer that bears the migration's marks, and whose it is.
fn ours(migration: &str, facts: CustomerFacts) -> Option<(LegacyId, CustomerFacts)> {
    if facts.deleted || facts.marker_migration.as_deref() != Some(migration) {
        return None;
    }
    let legacy_id = LegacyId::parse(facts.marker_legacy_id.as_deref()?).ok()?;
    Some((legacy_id, facts))
}

fn ended<T>(
    joined: Result<Result<T, VerifyError>, tokio::task::JoinError>,
) -> Result<T, VerifyError> {
    joined.map_err(|error| {
        VerifyError::Store(StoreError::Damaged(format!(
            "a customer's task ended unexpectedly: {error}"
        )))
    })?
}
