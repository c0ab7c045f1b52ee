//! SHELL. Settles by reading what is in doubt: one sweep of an account's Customers serves all that may have been made there,
//! one look at a PaymentMethod each attach. [`crate::state`] says where to look and what follows.
//!
//! Hazard: a look-up that failed, or that stopped half way, is no sight of anything: its steps stay as they are.

mod look;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use look::Look;

use super::Context;
use super::visit::VisitError;
use crate::ids::{AccountId, LegacyId, RequestId};
use crate::state::{
    Customer, Doubt, Event, LookUp, Next, Reading, Record, Sight, StepId, StepKind, StepState,
    Verdict,
};
use crate::store::{AccountSeq, Changes, CustomerSeq, Loaded, Loader, StoreError};
use crate::time::StripeTime;

/// Customers read from the state file at once.
const PAGE: u32 = 128;

/// What reading came to, in steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reconciled {
    /// They were done, and are taken over.
    pub found: u64,
    /// They were not, and are sent again under a new key. Clones count with [`Reconciled::clones_left`].
    pub missed: u64,
    /// Clones that are made again, since a clone that is not attached cannot be looked for. Each may leave one behind that
    /// nothing can be charged to.
    pub clones_left: u64,
    /// Several objects were found: a person has to choose.
    pub several: u64,
    /// They were not seen, but may yet come to be.
    pub too_soon: u64,
    /// Stripe could not be read.
    pub unread: u64,
    /// Requests that it took, retries among them.
    pub reads: u64,
}

impl Reconciled {
    /// Steps that were looked for.
    pub fn looked_for(&self) -> u64 {
        self.settled() + self.several + self.too_soon + self.unread
    }

    /// Steps that are in doubt no more.
    pub fn settled(&self) -> u64 {
        self.found + self.missed + self.clones_left
    }

    /// Adds what a later reading came to. Each looks for all that is in doubt by then, so what it left is all that is left.
    pub fn add(&mut self, other: Self) {
        self.found += other.found;
        self.missed += other.missed;
        self.clones_left += other.clones_left;
        self.several = other.several;
        self.too_soon = other.too_soon;
        self.unread = other.unread;
        self.reads += other.reads;
    }
}

/// Whether what follows is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is committed.
    Yes,
    /// It is only told (`reconcile --dry-run`).
    No,
}

/// A step in doubt and where to look for it.
struct Case {
    seq: CustomerSeq,
    /// The row of the account that it is looked for on, unless that is the platform.
    account: Option<AccountSeq>,
    legacy_id: LegacyId,
    step: StepId,
    look_up: LookUp,
}

/// What was seen for some of an account's cases, and by which request. A case that is not in here was not looked for to the end.
type Sights = HashMap<(CustomerSeq, StepId), (Sight, Option<RequestId>)>;

/// Looks for everything that is in doubt, except on accounts that are known to be `out_of_reach`. No visit may be on.
pub async fn reconcile(
    context: &Context,
    loader: &Mutex<Loader>,
    keep: Keep,
    out_of_reach: &BTreeSet<AccountId>,
) -> Result<Reconciled, VisitError> {
    let before = context.client.counts().sent;
    let mut reconciled = Reconciled::default();
    for (account, cases) in gather(context, loader)? {
        let mut look = Look {
            context,
            account: account.as_ref(),
            asks: account
                .as_ref()
                .is_none_or(|id| !out_of_reach.contains(id) && !context.parked().contains(id)),
            unreachable: None,
        };
        let sights = look.all(&cases).await?;
        if let (Some(refusal), Some(account)) = (look.unreachable, &account) {
            park(context, keep, account, &cases, refusal.message).await?;
        }
        let mut steps: BTreeMap<CustomerSeq, Vec<StepId>> = BTreeMap::new();
        for case in &cases {
            steps.entry(case.seq).or_default().push(case.step);
        }
        for (seq, steps) in steps {
            settle(
                context,
                loader,
                keep,
                (seq, &steps),
                &sights,
                &mut reconciled,
            )
            .await?;
        }
    }
    reconciled.reads = context.client.counts().sent - before;
    Ok(reconciled)
}

fn locked(loader: &Mutex<Loader>) -> MutexGuard<'_, Loader> {
    loader.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The steps in doubt by the account that they are looked for on: the platform first.
fn gather(
    context: &Context,
    loader: &Mutex<Loader>,
) -> Result<BTreeMap<Option<AccountId>, Vec<Case>>, VisitError> {
    let mut cases: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut after = CustomerSeq::default();
    loop {
        let page = locked(loader).unsettled_page(after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(cases);
        };
        after = last.seq;
        for mut loaded in page {
            expire(context, &mut loaded.customer, |_, _| {})?;
            for doubtful in loaded.customer.doubtful() {
                let (account, row) = account_of(&loaded, doubtful.step)?.unzip();
                cases.entry(account).or_default().push(Case {
                    seq: loaded.seq,
                    account: row,
                    legacy_id: loaded.customer.legacy_id.clone(),
                    step: doubtful.step,
                    look_up: doubtful.look_up,
                });
            }
        }
    }
}

/// The account that a step works on, and its row; `None` is the platform.
fn account_of(
    loaded: &Loaded,
    step: StepId,
) -> Result<Option<(AccountId, AccountSeq)>, StoreError> {
    let Some(position) = step.target else {
        return Ok(None);
    };
    let row = usize::try_from(position).ok();
    let row = row.and_then(|index| loaded.accounts.get(index));
    let account = loaded.customer.target(position).zip(row);
    let lost = || {
        let legacy_id = &loaded.customer.legacy_id;
        StoreError::Damaged(format!(
            "customer {legacy_id} has a step without its account"
        ))
    };
    account
        .map(|(target, row)| Some((target.account.clone(), *row)))
        .ok_or_else(lost)
}

/// Puts in doubt what got no answer and is too old to be sent again.
fn expire(
    context: &Context,
    customer: &mut Customer,
    mut each: impl FnMut(StepId, crate::state::Record),
) -> Result<(), VisitError> {
    let clock = context.client.clock();
    let now = clock.earliest_now().ok_or_else(super::visit::no_date)?;
    let is_over = |sent_at: StripeTime| context.reads_early && sent_at.over_by() <= now;
    let sendable =
        |record: &Record| clock.may_resend(record.started_at) && !is_over(record.sent_at);
    for step in customer.overdue(sendable) {
        let record = customer.apply(step, Event::Doubt(Doubt::Expired), None)?;
        each(step, record);
    }
    Ok(())
}

/// Keeps that an account cannot be reached.
async fn park(
    context: &Context,
    keep: Keep,
    account: &AccountId,
    cases: &[Case],
    reason: String,
) -> Result<(), VisitError> {
    let _news = context.park(account);
    if let (Keep::Yes, Some((case, row))) = (
        keep,
        cases.iter().find_map(|case| Some((case, case.account?))),
    ) {
        let mut changes = Changes::of(case.seq);
        changes.park(row, reason, None);
        context.store.commit(changes).await?;
    }
    Ok(())
}

/// Applies to a customer what was seen of its steps on one account.
async fn settle(
    context: &Context,
    loader: &Mutex<Loader>,
    keep: Keep,
    (seq, steps): (CustomerSeq, &[StepId]),
    sights: &Sights,
    reconciled: &mut Reconciled,
) -> Result<(), VisitError> {
    let Some(Loaded { mut customer, .. }) = locked(loader).customer_of(seq)? else {
        return Ok(());
    };
    let mut changes = Changes::of(seq);
    expire(context, &mut customer, |step, record| {
        changes.step(step, record);
    })?;
    for step in steps {
        let Some((sight, request_id)) = sights.get(&(seq, *step)) else {
            reconciled.unread += 1;
            continue;
        };
        let clock = context.client.clock();
        let now = clock.earliest_now().ok_or_else(super::visit::no_date)?;
        let reading = Reading {
            at: now,
            request_id: request_id.clone(),
        };
        match customer.judge(*step, sight.clone(), reading) {
            Some(Verdict::Settled(event)) => {
                count(context, reconciled, *step, &event, &mut changes);
                let record = customer.apply(*step, event, None)?;
                changes.step(*step, record);
            }
            Some(Verdict::TooSoon(_)) => reconciled.too_soon += 1,
            None => reconciled.unread += 1,
        }
    }
    if keep == Keep::Yes && !changes.is_empty() {
        stand(context, &customer, &mut changes)?;
        changes.at(context.client.clock().earliest_now());
        context.store.commit(changes).await?;
    }
    Ok(())
}

fn count(
    context: &Context,
    reconciled: &mut Reconciled,
    step: StepId,
    event: &Event,
    changes: &mut Changes,
) {
    let verdict = match event {
        Event::Find(..) => "found",
        Event::Miss(_) => "proven_absent",
        _ => "found_twice",
    };
    tracing::info!(event = "reconciled", step = step.kind.name(), verdict);
    match event {
        Event::Find(..) => {
            context.tally.step_done(step.kind);
            reconciled.found += 1;
        }
        Event::Miss(_)
            if matches!(
                step.kind,
                StepKind::ClonePaymentMethod | StepKind::RenewPaymentMethod
            ) =>
        {
            changes.clone_left();
            reconciled.clones_left += 1;
        }
        Event::Miss(_) => reconciled.missed += 1,
        _ => reconciled.several += 1,
    }
}

/// Where the customer stands now, for those who count.
fn stand(context: &Context, customer: &Customer, changes: &mut Changes) -> Result<(), VisitError> {
    let clock = context.client.clock();
    let now = clock.latest_now().ok_or_else(super::visit::no_date)?;
    let in_doubt = |state: &StepState| matches!(state, StepState::InDoubt(_));
    match customer.next(now) {
        Next::Settled(review) => changes.settle(review),
        _ if customer
            .steps
            .values()
            .any(|record| in_doubt(&record.state)) =>
        {
            changes.in_doubt();
        }
        _ => changes.in_progress(),
    }
    Ok(())
}
