//! What a rebuilt state file has open still, taken up when a run begins: accounts that could not be read, and customers that a
//! person had to choose for.

use super::{Recover, RecoverError, Recovered, Sweep};
use crate::ids::{AccountId, CustomerId, MigrationId, RequestId};
use crate::state::{Event, Reading, Seen, StepId};
use crate::store::{self, Changes, CustomerSeq, Loaded, Loader, Marked, Marks, StoreError};
use crate::stripe::ReadAnswer;

/// Customers looked at together.
const PAGE: u32 = 128;

/// What was taken up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TakenUp {
    /// Accounts that are read now.
    pub read: Vec<AccountId>,
    /// Accounts that could not be.
    pub unread: Vec<AccountId>,
    /// What was found.
    pub recovered: Recovered,
    /// Customers found twice before, with one Customer or none by now.
    pub chosen: u64,
}

/// Takes up what is open, if anything is. Nothing may have been sent by this run yet.
pub async fn take_up(
    recover: &Recover<'_>,
    migration: MigrationId,
) -> Result<TakenUp, RecoverError> {
    let mut taken = TakenUp::default();
    let mut swept = Vec::new();
    for (row, account) in store::unread(recover.conn)? {
        // What an earlier attempt found may be the half of it.
        Marked::forget(recover.conn, row)?;
        let sweep = recover
            .sweep(Some((row, &account)), Some(migration), |_| {})
            .await;
        match sweep {
            Ok(Sweep::Read(_)) => swept.push((row, account)),
            Ok(Sweep::Unreachable(_)) | Err(RecoverError::Unread(_)) => {
                Marked::forget(recover.conn, row)?;
                taken.unread.push(account);
            }
            Err(error @ (RecoverError::Stop(_) | RecoverError::Store(_))) => return Err(error),
        }
    }
    taken.chosen = chosen(recover, migration).await?;
    let (recovered, lost) = recover.take_over(|_| {}).await?;
    taken.recovered = recovered;
    for (row, account) in swept {
        // A look-up failed, or the account went away again meanwhile.
        if Marked::any_on(recover.conn, row)? || lost.contains(&row) {
            taken.unread.push(account);
        } else {
            row.set_read(recover.conn)?;
            taken.read.push(account);
        }
    }
    Ok(taken)
}

/// Looks at the Customers of those that were found twice. Where one is left, it is among the found again.
async fn chosen(recover: &Recover<'_>, migration: MigrationId) -> Result<u64, RecoverError> {
    let mut chosen = 0;
    let mut after = CustomerSeq::default();
    loop {
        let page = Loader::new(recover.conn)?.unsettled_page(after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(chosen);
        };
        after = last.seq;
        for loaded in page {
            let twice: Vec<(StepId, Vec<CustomerId>)> = loaded
                .customer
                .found_twice()
                .map(|(step, customers)| (step, customers.to_vec()))
                .collect();
            for (step, customers) in twice {
                chosen += u64::from(choose(recover, migration, &loaded, step, customers).await?);
            }
        }
    }
}

/// True where the step is in doubt no more, or will not be once what is left is taken over.
async fn choose(
    recover: &Recover<'_>,
    migration: MigrationId,
    loaded: &Loaded,
    step: StepId,
    customers: Vec<CustomerId>,
) -> Result<bool, RecoverError> {
    let position = step.target.and_then(|target| usize::try_from(target).ok());
    let row = position
        .and_then(|index| loaded.accounts.get(index))
        .copied();
    let account = step
        .target
        .and_then(|target| loaded.customer.target(target))
        .map(|target| &target.account);
    let ours = Marks {
        migration,
        legacy_id: loaded.customer.legacy_id.clone(),
    };
    let mut left = Vec::new();
    let mut told = None;
    for id in &customers {
        match recover.client.customer(id, account).await {
            ReadAnswer::Found(facts, request_id) => {
                let marked = super::marked(facts, row, request_id.as_ref());
                left.extend(marked.into_iter().filter(|(marks, _)| *marks == ours));
            }
            ReadAnswer::Missing(refusal) => told = refusal.request_id,
            ReadAnswer::Stop(stop) => return Err(RecoverError::Stop(stop)),
            // A failed look-up tells nothing of it.
            ReadAnswer::AccountInvalid(_) | ReadAnswer::Failed(_) => return Ok(false),
        }
    }
    match left.as_slice() {
        [] => {
            gone(recover, loaded, step, told)?;
            Ok(true)
        }
        [_] => {
            Marked::keep(recover.conn, &left)?;
            Ok(true)
        }
        [_, _, ..] => Ok(false),
    }
}

/// None is left: it is made again, under a new key.
fn gone(
    recover: &Recover<'_>,
    loaded: &Loaded,
    step: StepId,
    request_id: Option<RequestId>,
) -> Result<(), StoreError> {
    let damaged = |what: &dyn std::fmt::Display| StoreError::Damaged(what.to_string());
    let now = recover.client.clock().earliest_now();
    let at = now.ok_or_else(|| damaged(&"Stripe's answers carried no date"))?;
    let mut customer = loaded.customer.clone();
    let seen = Seen {
        reading: Reading { at, request_id },
        customers: Vec::new(),
    };
    let record = customer.apply(step, Event::Miss(seen), None);
    let mut changes = Changes::of(loaded.seq);
    changes.step(step, record.map_err(|illegal| damaged(&illegal))?);
    super::stand(&customer, at, &mut changes);
    Marked::taken_over(recover.conn, &[(customer.legacy_id, changes)])
}
