//! The work left, for the plan.
//!
//! It is counted page by page over ranges of neighbouring customers: every table has them in the same order, so each range is
//! one walk through it. A look-up for each customer and table takes five times as long.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::{CachedStatement, Connection, Row, Rows};

use super::StoreError;
use super::counts::count;
use crate::ids::AccountId;
use crate::plan::Work;
use crate::state::{Standing, StepKind};

/// What a run was asked to confine itself to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// At most so many customers (`--limit`).
    pub limit: Option<u64>,
    /// Only these accounts (`--account`); empty: all.
    pub accounts: Vec<AccountId>,
}

/// Customers looked at together.
const PAGE: usize = 4096;

/// Finished customers between two open ones that cost less to step over than to begin a new range for.
const GAP: i64 = 32;

/// The work left for the customers that `selection` takes.
pub fn work(conn: &Connection, selection: &Selection) -> Result<Work, StoreError> {
    let mut counting = Counting::new(conn, selection)?;
    let mut left = selection.limit.unwrap_or(u64::MAX);
    let mut after = -1;
    while left > 0 {
        let page = open_customers(conn, selection, after)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        left -= counting.page(page, left)?;
    }
    Ok(counting.end())
}

/// A customer that is not finished.
struct Open {
    seq: i64,
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

fn open_customers(
    conn: &Connection,
    selection: &Selection,
    after: i64,
) -> Result<Vec<Open>, StoreError> {
    // With a limit, customers that wait for an account are passed over, as the run does. Those in doubt are settled by reading
    // before it begins.
    let end = match selection.limit {
        Some(_) => Standing::Parked,
        None => Standing::Refused,
    };
    let mut statement = conn.prepare_cached(
        "SELECT seq, platform_customer IS NOT NULL FROM customer
         WHERE seq > ?1 AND standing < 4 AND standing < ?2 ORDER BY seq LIMIT ?3",
    )?;
    let page = statement.query_map(
        rusqlite::params![after, end, i64::try_from(PAGE).unwrap_or(i64::MAX)],
        |row| {
            Ok(Open {
                seq: row.get(0)?,
                adopted: row.get(1)?,
                sources: 0,
                targets: 0..0,
            })
        },
    )?;
    Ok(page.collect::<Result<_, _>>()?)
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
    sources: CachedStatement<'c>,
    targets: CachedStatement<'c>,
    steps: CachedStatement<'c>,
    /// `None`: every account.
    only: Option<HashSet<i64>>,
    /// Writes on each connected account.
    writes: HashMap<i64, u64>,
    finished: [u64; 5],
    work: Work,
}

impl<'c> Counting<'c> {
    fn new(conn: &'c Connection, selection: &Selection) -> Result<Self, StoreError> {
        let mut only = HashSet::new();
        for account in &selection.accounts {
            let mut statement = conn.prepare_cached("SELECT seq FROM account WHERE id = ?1")?;
            for seq in statement.query_map([account], |row| row.get::<_, i64>(0))? {
                only.insert(seq?);
            }
        }
        Ok(Self {
            sources: conn.prepare_cached(
                "SELECT customer FROM payment_method WHERE customer BETWEEN ?1 AND ?2 ORDER BY customer",
            )?,
            targets: conn.prepare_cached(
                "SELECT customer, position, account, asked, standing FROM target
                 WHERE customer BETWEEN ?1 AND ?2 ORDER BY customer, position",
            )?,
            steps: conn.prepare_cached(
                "SELECT customer, kind, target FROM step
                 WHERE customer BETWEEN ?1 AND ?2 AND state IN (2, 3) ORDER BY customer",
            )?,
            only: (!selection.accounts.is_empty()).then_some(only),
            writes: HashMap::new(),
            finished: [0; 5],
            work: Work::default(),
        })
    }

    /// Counts the first `left` customers of a page that the selection takes, and returns how many those were.
    fn page(&mut self, mut page: Vec<Open>, left: u64) -> Result<u64, StoreError> {
        let mut targets = Vec::new();
        for range in ranges(&page).collect::<Vec<_>>() {
            self.read_targets(&mut page[range], &mut targets)?;
        }
        if self.only.is_some() {
            let any_open = |of: &Range<usize>| targets[of.clone()].iter().any(|each| each.open);
            page.retain(|customer| any_open(&customer.targets));
        }
        page.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        for range in ranges(&page).collect::<Vec<_>>() {
            self.read_sources(&mut page[range.clone()])?;
            self.read_steps(&mut page[range], &targets)?;
        }
        for customer in &page {
            self.take(customer, &targets[customer.targets.clone()]);
        }
        Ok(u64::try_from(page.len()).unwrap_or(u64::MAX))
    }

    fn read_targets(
        &mut self,
        customers: &mut [Open],
        targets: &mut Vec<Asked>,
    ) -> Result<(), StoreError> {
        let mut rows = self.targets.query(bounds(customers))?;
        walk(&mut rows, customers, |customer, row| {
            let account = row.get(2)?;
            if self
                .only
                .as_ref()
                .is_none_or(|only| only.contains(&account))
            {
                if customer.targets.is_empty() {
                    customer.targets.start = targets.len();
                }
                let standing: Standing = row.get(4)?;
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

    /// Counts what is done or refused already, so that a resumed run's plan is what is left.
    fn read_steps(&mut self, customers: &mut [Open], targets: &[Asked]) -> Result<(), StoreError> {
        let mut rows = self.steps.query(bounds(customers))?;
        walk(&mut rows, customers, |customer, row| {
            let (kind, target): (StepKind, i64) = (row.get(1)?, row.get(2)?);
            let mut asked = targets[customer.targets.clone()].iter();
            if target == -1 || asked.any(|each| each.position == target) {
                *of_kind(&mut self.finished, kind) += 1;
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
            *self.writes.entry(target.account).or_default() += target.clones + 1 + rest;
        }
    }

    fn end(self) -> Work {
        let mut work = self.work;
        for (writes, finished) in work.writes.iter_mut().zip(self.finished) {
            *writes = writes.saturating_sub(finished);
        }
        work.accounts = u64::try_from(self.writes.len()).unwrap_or(u64::MAX);
        work.busiest_account_writes = self.writes.into_values().max().unwrap_or(0);
        work
    }
}

/// A kind's place in counts that are in the order of [`StepKind::ALL`].
fn of_kind(counts: &mut [u64; 5], kind: StepKind) -> &mut u64 {
    let place = StepKind::ALL.iter().position(|each| *each == kind);
    &mut counts[place.unwrap_or(0)]
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
