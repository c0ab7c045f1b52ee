//! The work left, for the plan.
//!
//! It is counted page by page over ranges of neighbouring customers: every table has them in the same order, so each range is
//! one walk through it. A look-up for each customer and table takes five times as long.
//!
//! Hazard: with a limit, a customer that the plan takes and the run passes over makes it the plan of other customers. So whether
//! there is something to do for one is asked of the step machine there, wherever its standing alone does not tell.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Rows};

use super::counts::count;
use super::{CustomerSeq, Loaded, Loader, StoreError};
use crate::ids::AccountId;
use crate::plan::{WRITTEN, Work};
use crate::state::{Reachable, Standing, StepKind};
use crate::time::StripeTime;

/// What a run was asked to confine itself to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// At most so many customers (`--limit`).
    pub limit: Option<u64>,
    /// Only these accounts (`--account`); empty: all.
    pub accounts: Vec<AccountId>,
    /// Only these customers, in rising order (`--sample`, `--only`, `retry`); `None`: all.
    pub only: Option<Arc<[CustomerSeq]>>,
}

impl Selection {
    /// Marks the targets that `--account` leaves out; false where it leaves out the whole customer.
    pub fn confine(&self, loaded: &mut Loaded) -> bool {
        if self.accounts.is_empty() {
            return true;
        }
        let mut any = false;
        for target in &mut loaded.customer.targets {
            if target.reach.is_undone() {
                continue;
            }
            if self.accounts.contains(&target.account) {
                any = true;
            } else {
                target.reach = Reachable::NotSelected;
            }
        }
        any
    }
}

/// Customers looked at together.
const PAGE: usize = 4096;

/// Finished customers between two open ones that cost less to step over than to begin a new range for.
const GAP: i64 = 32;

/// The work left for the customers that `selection` takes. What waits for an account that cannot be reached is left out; what
/// is in doubt counts as though it had to be done, since a run settles it by reading before it sends anything.
pub fn work(conn: &Connection, selection: &Selection) -> Result<Work, StoreError> {
    let mut counting = Counting::new(conn, selection)?;
    let mut left = selection.limit.unwrap_or(u64::MAX);
    let mut after = -1;
    while left > 0 {
        let page = match &selection.only {
            Some(only) => open_of(conn, only, after)?,
            None => open_customers(conn, after)?,
        };
        let Some(last) = page.last() else { break };
        after = last.seq;
        left -= counting.page(page, left)?;
    }
    Ok(counting.end())
}

/// A customer that is not finished.
struct Open {
    seq: i64,
    standing: Standing,
    adopted: bool,
    sources: u64,
    /// Where its targets are among those of the page.
    targets: Range<usize>,
}

/// A target that the selection takes.
struct Asked {
    position: i64,
    account: i64,
    clones: u64,
    /// Whether it is neither migrated nor refused.
    open: bool,
}

fn open_customers(conn: &Connection, after: i64) -> Result<Vec<Open>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, standing, platform_customer IS NOT NULL FROM customer
         WHERE seq > ?1 AND standing < 4 ORDER BY seq LIMIT ?2",
    )?;
    let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let page = statement.query_map([after, most], open_customer)?;
    Ok(page.collect::<Result<_, _>>()?)
}

/// The same of those in `only`.
fn open_of(conn: &Connection, only: &[CustomerSeq], after: i64) -> Result<Vec<Open>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, standing, platform_customer IS NOT NULL FROM customer WHERE seq = ?1 AND standing < 4",
    )?;
    let begin = only.partition_point(|seq| seq.0 <= after);
    let mut page = Vec::new();
    for seq in only.get(begin..).unwrap_or_default() {
        page.extend(statement.query_row([seq.0], open_customer).optional()?);
        if page.len() == PAGE {
            break;
        }
    }
    Ok(page)
}

fn open_customer(row: &Row<'_>) -> rusqlite::Result<Open> {
    Ok(Open {
        seq: row.get(0)?,
        standing: row.get(1)?,
        adopted: row.get(2)?,
        sources: 0,
        targets: 0..0,
    })
}

/// Stretches of a page without a great gap.
fn ranges(page: &[Open]) -> impl Iterator<Item = Range<usize>> + '_ {
    let ends = (1..=page.len()).filter(|end| {
        page.get(*end)
            .is_none_or(|next| next.seq - page[end - 1].seq > GAP)
    });
    ends.scan(0, |begin, end| {
        let range = *begin..end;
        *begin = end;
        Some(range)
    })
}

struct Counting<'c> {
    selection: &'c Selection,
    loader: Loader<&'c Connection>,
    sources: CachedStatement<'c>,
    targets: CachedStatement<'c>,
    steps: CachedStatement<'c>,
    /// `None`: every account that can be reached.
    only: Option<HashSet<i64>>,
    parked: HashSet<i64>,
    /// Calls on each connected account, by endpoint, as [`WRITTEN`] has them.
    calls: HashMap<i64, [u64; WRITTEN.len()]>,
    finished: [u64; StepKind::COUNT],
    /// The same on each connected account.
    finished_calls: HashMap<i64, [u64; WRITTEN.len()]>,
    work: Work,
}

impl<'c> Counting<'c> {
    fn new(conn: &'c Connection, selection: &'c Selection) -> Result<Self, StoreError> {
        let mut only = HashSet::new();
        for account in &selection.accounts {
            let mut statement = conn.prepare_cached("SELECT seq FROM account WHERE id = ?1")?;
            for seq in statement.query_map([account], |row| row.get::<_, i64>(0))? {
                only.insert(seq?);
            }
        }
        let loader = Loader::new(conn)?;
        Ok(Self {
            parked: loader.parked().map(|(seq, _)| seq.0).collect(),
            selection,
            loader,
            sources: conn.prepare_cached(
                "SELECT customer FROM payment_method WHERE customer BETWEEN ?1 AND ?2 ORDER BY customer",
            )?,
            targets: conn.prepare_cached(
                "SELECT customer, position, account, asked, standing FROM target
                 WHERE customer BETWEEN ?1 AND ?2 ORDER BY customer, position",
            )?,
            steps: conn.prepare_cached(
                "SELECT customer, kind, target, state IN (2, 3) FROM step
                 WHERE customer BETWEEN ?1 AND ?2 AND (state IN (2, 3) OR kind >= 6) ORDER BY customer",
            )?,
            only: (!selection.accounts.is_empty()).then_some(only),
            calls: HashMap::new(),
            finished: [0; StepKind::COUNT],
            finished_calls: HashMap::new(),
            work: Work::default(),
        })
    }

    /// Counts the first `left` customers of a page that the selection takes, and returns how many those were.
    fn page(&mut self, mut page: Vec<Open>, left: u64) -> Result<u64, StoreError> {
        let mut targets = Vec::new();
        for range in ranges(&page).collect::<Vec<_>>() {
            self.read_targets(&mut page[range], &mut targets)?;
        }
        let mut taken = Vec::new();
        for customer in page {
            if length(&taken) >= left {
                break;
            }
            if self.takes(&customer, &targets)? {
                taken.push(customer);
            }
        }
        let mut page = taken;
        for range in ranges(&page).collect::<Vec<_>>() {
            self.read_sources(&mut page[range.clone()])?;
            self.read_steps(&mut page[range], &targets)?;
        }
        for customer in &page {
            self.take(customer, &targets[customer.targets.clone()]);
        }
        Ok(length(&page))
    }

    /// Whether there is something to do for the customer.
    fn takes(&self, customer: &Open, targets: &[Asked]) -> Result<bool, StoreError> {
        let targets = &targets[customer.targets.clone()];
        let begun = customer.standing != Standing::Pending;
        if self.selection.limit.is_some() && (begun || !self.parked.is_empty()) {
            return self.has_work(CustomerSeq(customer.seq));
        }
        let any_open = || targets.iter().any(|each| each.open);
        // One that waits for an account has its platform's part behind it.
        let for_targets_alone = self.only.is_some() || customer.standing == Standing::Parked;
        Ok(!for_targets_alone || any_open())
    }

    /// Asks the step machine, as the run does.
    fn has_work(&self, customer: CustomerSeq) -> Result<bool, StoreError> {
        let Some(mut loaded) = self.loader.customer_of(customer)? else {
            return Ok(false);
        };
        loaded.customer.reopen_unanswered();
        loaded.customer.assume_missed();
        // No clock is at hand, nor is one wanted: what is too old to be sent again is read first.
        Ok(self.selection.confine(&mut loaded) && loaded.customer.has_work(StripeTime(0)))
    }

    fn read_targets(
        &mut self,
        customers: &mut [Open],
        targets: &mut Vec<Asked>,
    ) -> Result<(), StoreError> {
        let mut rows = self.targets.query(bounds(customers))?;
        walk(&mut rows, customers, |customer, row| {
            let account = row.get(2)?;
            let selected = self
                .only
                .as_ref()
                .is_none_or(|only| only.contains(&account));
            let standing: Standing = row.get(4)?;
            let undone = standing.is_undone();
            if selected && !undone && !self.parked.contains(&account) {
                if customer.targets.is_empty() {
                    customer.targets.start = targets.len();
                }
                targets.push(Asked {
                    position: row.get(1)?,
                    account,
                    clones: count(row, 3)?,
                    open: !matches!(standing, Standing::Migrated | Standing::Refused),
                });
                customer.targets.end = targets.len();
            }
            Ok(())
        })
    }

    fn read_sources(&mut self, customers: &mut [Open]) -> Result<(), StoreError> {
        let mut rows = self.sources.query(bounds(customers))?;
        walk(&mut rows, customers, |customer, _| {
            customer.sources += 1;
            Ok(())
        })
    }

    /// Counts what is done or refused already, so that a resumed run's plan is what is left; and changes, of which there are only
    /// those that were asked for.
    fn read_steps(&mut self, customers: &mut [Open], targets: &[Asked]) -> Result<(), StoreError> {
        let mut rows = self.steps.query(bounds(customers))?;
        walk(&mut rows, customers, |customer, row| {
            let (kind, target): (StepKind, i64) = (row.get(1)?, row.get(2)?);
            let mut asked = targets[customer.targets.clone()].iter();
            let account = asked.find(|each| each.position == target);
            let account = account.map(|asked| asked.account);
            if target != -1 && account.is_none() {
                return Ok(());
            }
            let finished: bool = row.get(3)?;
            if finished && !kind.is_extra() {
                *of_kind(&mut self.finished, kind) += 1;
            } else if !finished {
                *of_kind(&mut self.work.writes, kind) += 1;
                self.work.platform_changes += u64::from(account.is_none());
                self.work.renewals_seen += u64::from(kind == StepKind::SetRenewedDefault);
            }
            if let Some(account) = account {
                let counts = if finished {
                    &mut self.finished_calls
                } else {
                    &mut self.calls
                };
                let counts = counts.entry(account).or_default();
                if finished != kind.is_extra() {
                    counts[place_written(kind)] += 1;
                }
            }
            Ok(())
        })
    }

    fn take(&mut self, customer: &Open, targets: &[Asked]) {
        let work = &mut self.work;
        work.customers += 1;
        work.payment_methods += customer.sources;
        if customer.adopted {
            work.looks += customer.sources;
        } else {
            let rest = customer.sources.saturating_sub(1);
            *of_kind(&mut work.writes, StepKind::CreatePlatformCustomer) += 1;
            *of_kind(&mut work.writes, StepKind::AttachPlatformPaymentMethod) += rest;
        }
        for target in targets {
            let rest = target.clones.saturating_sub(1);
            *of_kind(&mut work.writes, StepKind::ClonePaymentMethod) += target.clones;
            *of_kind(&mut work.writes, StepKind::CreateConnectedCustomer) += 1;
            *of_kind(&mut work.writes, StepKind::AttachConnectedPaymentMethod) += rest;
            let calls = self.calls.entry(target.account).or_default();
            for (calls, more) in calls.iter_mut().zip([1, target.clones, rest]) {
                *calls += more;
            }
        }
    }

    fn end(self) -> Work {
        let mut work = self.work;
        for (writes, finished) in work.writes.iter_mut().zip(self.finished) {
            *writes = writes.saturating_sub(finished);
        }
        work.accounts = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        for (account, mut calls) in self.calls {
            let finished = self.finished_calls.get(&account);
            let finished = finished.copied().unwrap_or_default();
            for (calls, finished) in calls.iter_mut().zip(finished) {
                *calls = calls.saturating_sub(finished);
            }
            let writes = calls.iter().sum();
            work.busiest_account_writes = work.busiest_account_writes.max(writes);
            let busiest = work.busiest_account_calls.iter_mut().zip(calls);
            busiest.for_each(|(most, calls)| *most = calls.max(*most));
        }
        work
    }
}

/// A kind's place in counts that are in the order of [`StepKind::ALL`].
fn of_kind(counts: &mut [u64; StepKind::COUNT], kind: StepKind) -> &mut u64 {
    let place = StepKind::ALL.iter().position(|each| *each == kind);
    &mut counts[place.unwrap_or(0)]
}

/// A kind's place in [`WRITTEN`].
fn place_written(kind: StepKind) -> usize {
    match kind {
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => 0,
        StepKind::ClonePaymentMethod | StepKind::RenewPaymentMethod => 1,
        StepKind::AttachPlatformPaymentMethod
        | StepKind::AttachConnectedPaymentMethod
        | StepKind::AttachRenewedPaymentMethod => 2,
        StepKind::UpdateCustomer | StepKind::SetDefault | StepKind::SetRenewedDefault => 3,
        StepKind::DetachReplacedPaymentMethod => 4,
    }
}

fn length(page: &[Open]) -> u64 {
    u64::try_from(page.len()).unwrap_or(u64::MAX)
}

/// The first and the last customer of a range.
fn bounds(customers: &[Open]) -> [i64; 2] {
    let seq = |customer: Option<&Open>| customer.map_or(-1, |customer| customer.seq);
    [seq(customers.first()), seq(customers.last())]
}

/// Calls `take` with each row, whose first column is its customer, and that customer. Both are in the same order.
fn walk(
    rows: &mut Rows<'_>,
    customers: &mut [Open],
    mut take: impl FnMut(&mut Open, &Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let mut customers = customers.iter_mut();
    let mut customer = customers.next();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        while customer.as_ref().is_some_and(|customer| customer.seq < seq) {
            customer = customers.next();
        }
        if let Some(customer) = customer.as_mut().filter(|customer| customer.seq == seq) {
            take(customer, row)?;
        }
    }
    Ok(())
}
