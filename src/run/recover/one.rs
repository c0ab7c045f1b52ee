//! One legacy customer: what its Customers hold is read, as far as the sweeps have not told it, and its steps are rebuilt.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Recovered, held, likeness};
use crate::ids::{AccountId, CustomerId, PaymentMethodId, RequestId};
use crate::state::{
    Customer, Event, Found, Held, Illegal, Likeness, Position, Reading, Record, StepId, StepKind,
    StepState,
};
use crate::store::{AccountSeq, CustomerSeq, KnownDefault, Loaded, Marked, StoreError};
use crate::stripe::{Client, PaymentMethodFacts, ReadAnswer, Stop};

/// A customer that is being read.
pub(super) struct One {
    client: Arc<Client>,
    marked: Vec<Marked>,
    accounts: Vec<AccountSeq>,
    rebuilt: Rebuilt,
    /// What is known of the sources, and whom those are attached to that were read one by one.
    sources: BTreeMap<Position, Likeness>,
    holders: BTreeMap<Position, (CustomerId, Option<RequestId>)>,
}

/// A customer whose steps are known again.
pub(super) struct Rebuilt {
    pub seq: CustomerSeq,
    pub customer: Customer,
    /// The steps that were rebuilt, in order.
    pub records: Vec<(StepId, Record)>,
    /// Accounts that turned out not to be reachable, and why: nothing is rebuilt there.
    pub unreachable: Vec<(AccountSeq, String)>,
    pub counts: Recovered,
}

/// Why a customer is not rebuilt.
pub(super) enum NotRead {
    /// A look-up failed: nothing follows from it.
    Failed,
    Stop(Stop),
    Defect(StoreError),
}

impl From<Illegal> for NotRead {
    fn from(illegal: Illegal) -> Self {
        Self::Defect(StoreError::Damaged(illegal.to_string()))
    }
}

/// What a read came to, where it came to anything.
enum Told<T> {
    Found(T, Option<RequestId>),
    Missing,
    Unreachable(String),
}

fn told<T>(answer: ReadAnswer<T>) -> Result<Told<T>, NotRead> {
    match answer {
        ReadAnswer::Found(found, request_id) => Ok(Told::Found(found, request_id)),
        ReadAnswer::Missing(_) => Ok(Told::Missing),
        ReadAnswer::AccountInvalid(refusal) => Ok(Told::Unreachable(refusal.message)),
        ReadAnswer::Stop(stop) => Err(NotRead::Stop(stop)),
        ReadAnswer::Failed(_) => Err(NotRead::Failed),
    }
}

impl One {
    pub fn new(client: Arc<Client>, loaded: Loaded, marked: Vec<Marked>) -> Self {
        Self {
            client,
            marked,
            accounts: loaded.accounts,
            rebuilt: Rebuilt {
                seq: loaded.seq,
                customer: loaded.customer,
                records: Vec::new(),
                unreachable: Vec::new(),
                counts: Recovered::default(),
            },
            sources: BTreeMap::new(),
            holders: BTreeMap::new(),
        }
    }

    /// Reads what is not known, and rebuilds.
    pub async fn rebuild(mut self) -> Result<Rebuilt, NotRead> {
        self.platform().await?;
        for (position, account) in (0..).zip(self.accounts.clone()) {
            self.target(position, account).await?;
        }
        // Also of clones that were known before: which platform Customer is ours may only have been told now.
        for position in (0..).take(self.accounts.len()) {
            self.sources_of_clones(position)?;
        }
        let several = self.rebuilt.customer.found_twice().next().is_some();
        self.rebuilt.counts.customers = 1;
        self.rebuilt.counts.several = u64::from(several);
        Ok(self.rebuilt)
    }

    fn customer(&self) -> &Customer {
        &self.rebuilt.customer
    }

    fn apply(&mut self, events: Vec<(StepId, Event)>) -> Result<(), NotRead> {
        for (step, event) in events {
            let record = self.rebuilt.customer.apply(step, event, None)?;
            if let StepState::Done(_) = record.state {
                let counts = &mut self.rebuilt.counts;
                match step.kind {
                    StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
                        counts.stripe_customers += 1;
                    }
                    StepKind::ClonePaymentMethod => counts.clones += 1,
                    StepKind::AttachPlatformPaymentMethod
                    | StepKind::AttachConnectedPaymentMethod
                    | StepKind::UpdateCustomer
                    | StepKind::SetDefault
                    | StepKind::RenewPaymentMethod
                    | StepKind::AttachRenewedPaymentMethod
                    | StepKind::SetRenewedDefault
                    | StepKind::DetachReplacedPaymentMethod => {}
                }
            }
            self.rebuilt.records.push((step, record));
        }
        Ok(())
    }

    /// What was read now; dated by the earliest time that it can be at Stripe.
    fn reading(&self, request_id: Option<RequestId>) -> Result<Reading, NotRead> {
        let no_date = || StoreError::Defect("Stripe's answers carried no date".to_owned());
        let now = self.client.clock().earliest_now();
        let at = now.ok_or_else(|| NotRead::Defect(no_date()))?;
        Ok(Reading { at, request_id })
    }

    async fn platform(&mut self) -> Result<(), NotRead> {
        let made: Vec<Marked> = self.on(None).cloned().collect();
        let page = made.first().and_then(|marked| marked.request_id.clone());
        if made.len() > 1 && self.customer().platform_customer.is_none() {
            let ids = made.into_iter().map(|marked| marked.id).collect();
            let events = self
                .customer()
                .recover_several(None, ids, &self.reading(page)?);
            return self.apply(events);
        }
        let made = made.first();
        let known = self.customer().platform_customer().cloned();
        let found = known
            .or_else(|| made.map(|marked| marked.id.clone()))
            .or_else(|| self.named());
        let Some(platform) = found else { return Ok(()) };
        let default = made
            .filter(|made| made.id == platform)
            .map_or(&KnownDefault::Unknown, |made| &made.default);
        let (methods, told_by) = match (self.customer().sources.as_slice(), default) {
            ([], _) => (Vec::new(), page),
            ([only], KnownDefault::Whole(held)) if held.id == *only => (vec![held.clone()], page),
            // Nothing was cloned from a Customer that the CSV names: a run looks at its sources one by one.
            _ if self.customer().platform_customer.is_some() && !self.is_anywhere_else() => {
                return Ok(());
            }
            _ => match self.attached(&platform, None).await? {
                Told::Found(methods, request_id) => (methods, request_id),
                Told::Missing => (Vec::new(), page),
                Told::Unreachable(_) => return Err(NotRead::Failed),
            },
        };
        for (position, source) in (0..).zip(&self.rebuilt.customer.sources) {
            if let Some(held) = methods.iter().find(|held| held.id == *source) {
                self.sources.insert(position, held.likeness.clone());
            }
        }
        let found = Found {
            customer: platform,
            default: default.id().cloned(),
            methods,
        };
        let events = self
            .customer()
            .recover_platform(&found, &self.reading(told_by)?);
        self.apply(events)
    }

    /// Those on an account.
    fn on(&self, account: Option<AccountSeq>) -> impl Iterator<Item = &Marked> {
        self.marked
            .iter()
            .filter(move |marked| marked.account == account)
    }

    fn is_anywhere_else(&self) -> bool {
        self.marked.iter().any(|marked| marked.account.is_some())
    }

    /// The platform Customer that all connected ones name: one that was taken with its source (`--adopt-attached`) has no marks.
    fn named(&self) -> Option<CustomerId> {
        let mut names = self
            .marked
            .iter()
            .filter_map(|marked| marked.platform_customer.as_ref());
        let first = names.next()?;
        names.all(|name| name == first).then(|| first.clone())
    }

    async fn target(&mut self, target: Position, account: AccountSeq) -> Result<(), NotRead> {
        let made: Vec<Marked> = self.on(Some(account)).cloned().collect();
        let page = made.first().and_then(|marked| marked.request_id.clone());
        let Some(asked) = self.customer().target(target).cloned() else {
            return Ok(());
        };
        let marked = match made.as_slice() {
            [] => return Ok(()),
            [one] => one,
            [_, _, ..] => {
                let ids = made.iter().map(|marked| marked.id.clone()).collect();
                let reading = self.reading(page)?;
                let events = self.customer().recover_several(Some(target), ids, &reading);
                return self.apply(events);
            }
        };
        let (methods, told_by) = match self
            .attached_there(marked, &asked.account, &asked.sources)
            .await?
        {
            Told::Found(methods, request_id) => (methods, request_id),
            Told::Missing => (Vec::new(), page),
            Told::Unreachable(why) => {
                self.rebuilt.unreachable.push((account, why));
                self.rebuilt.customer.park(target);
                return Ok(());
            }
        };
        let found = Found {
            customer: marked.id.clone(),
            default: marked.default.id().cloned(),
            methods,
        };
        let before = self.rebuilt.counts.clones;
        let reading = self.reading(told_by)?;
        let events = self
            .customer()
            .recover_target(target, &found, &self.sources, &reading);
        self.apply(events)?;
        let matched = self.rebuilt.counts.clones - before;
        self.rebuilt.counts.unmatched += super::length(&found.methods).saturating_sub(matched);
        Ok(())
    }

    /// What is attached to a connected Customer, and what the sources asked for there are known by.
    async fn attached_there(
        &mut self,
        marked: &Marked,
        account: &AccountId,
        asked: &[Position],
    ) -> Result<Told<Vec<Held>>, NotRead> {
        let only = match (asked, &marked.default) {
            ([], _) => return Ok(Told::Found(Vec::new(), marked.request_id.clone())),
            ([only], KnownDefault::Whole(held))
                if self.sources.get(only) == Some(&held.likeness) =>
            {
                Some(held)
            }
            _ => None,
        };
        // One card was asked for, and the default is that card: nothing else can be a clone of it.
        if let Some(held) = only.filter(|held| held.likeness.fingerprint.is_some()) {
            return Ok(Told::Found(vec![held.clone()], marked.request_id.clone()));
        }
        let (methods, told_by) = match self.attached(&marked.id, Some(account)).await? {
            Told::Found(methods, request_id) => (methods, request_id),
            Told::Missing => (Vec::new(), marked.request_id.clone()),
            Told::Unreachable(why) => return Ok(Told::Unreachable(why)),
        };
        for source in asked {
            if !methods.is_empty() && !self.sources.contains_key(source) {
                self.look_at(*source).await?;
            }
        }
        Ok(Told::Found(methods, told_by))
    }

    /// Reads a source that the platform Customer does not hold (any more).
    async fn look_at(&mut self, source: Position) -> Result<(), NotRead> {
        let Some(id) = self.customer().source(source).cloned() else {
            return Ok(());
        };
        match told(self.client.payment_method(&id, None).await)? {
            Told::Found(facts, request_id) => {
                self.sources.insert(source, likeness(&facts));
                if let Some(holder) = facts.customer {
                    self.holders.insert(source, (holder, request_id));
                }
            }
            Told::Missing => {}
            Told::Unreachable(_) => return Err(NotRead::Failed),
        }
        Ok(())
    }

    /// All that is attached to a Customer, and the last page's request.
    async fn attached(
        &self,
        customer: &CustomerId,
        account: Option<&AccountId>,
    ) -> Result<Told<Vec<Held>>, NotRead> {
        let mut methods: Vec<Held> = Vec::new();
        let mut after: Option<PaymentMethodId> = None;
        loop {
            let answer = self
                .client
                .customer_payment_methods(customer, after.as_ref(), account)
                .await;
            let (page, request_id) = match told(answer)? {
                Told::Found(page, request_id) => (page, request_id),
                Told::Missing => return Ok(Told::Missing),
                Told::Unreachable(why) => return Ok(Told::Unreachable(why)),
            };
            // Attached to another: this is not the list that was asked for.
            let other = |method: &PaymentMethodFacts| {
                let holder = method.customer.as_ref();
                holder.is_some_and(|holder| holder != customer)
            };
            if page.data.iter().any(other) {
                return Err(NotRead::Failed);
            }
            let last = page.data.last().map(|method| method.id.clone());
            methods.extend(page.data.into_iter().map(held));
            match (page.has_more, last) {
                (false, _) => return Ok(Told::Found(methods, request_id)),
                (true, Some(last)) if after.as_ref() != Some(&last) => after = Some(last),
                // It would be read for ever: that is no complete reading.
                (true, _) => return Err(NotRead::Failed),
            }
        }
    }

    /// What was cloned was attached on the platform, whatever became of it there since.
    fn sources_of_clones(&mut self, target: Position) -> Result<(), NotRead> {
        if self.customer().platform_customer().is_none() {
            return Ok(());
        }
        let carrier = self
            .customer()
            .made_on(None)
            .and_then(|(_, carrier)| carrier);
        let sources = self.customer().default_first();
        let cloned: Vec<Position> = sources
            .filter(|source| {
                carrier != Some(*source) && self.customer().clone_of(target, *source).is_some()
            })
            .collect();
        for source in cloned {
            // Where the source itself was not read, its clone tells of it.
            let (holder, told_by) = self.holders.get(&source).cloned().unzip();
            let reading = self.reading(told_by.flatten())?;
            let events = self
                .customer()
                .recover_cloned(source, holder.as_ref(), &reading);
            self.apply(events)?;
        }
        Ok(())
    }
}
