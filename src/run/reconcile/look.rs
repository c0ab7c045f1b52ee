//! One account, while it is read.

use std::collections::{HashMap, HashSet};

use super::super::Context;
use super::super::visit::VisitError;
use super::{Case, Sights};
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId, RequestId};
use crate::state::{LookUp, Sight, Window};
use crate::stripe::{CustomerFacts, ReadAnswer, Refusal};
use crate::time::StripeTime;

/// What an answer told, and what Stripe logged it under.
type Told<T> = (T, Option<RequestId>);

/// One account (`None`: the platform), while it is read.
pub(super) struct Look<'a> {
    pub context: &'a Context,
    pub account: Option<&'a AccountId>,
    /// False for an account that is known to be out of reach: nothing is asked there, and what needs no look is settled still.
    pub asks: bool,
    /// What Stripe said, once the account turned out not to be reachable.
    pub unreachable: Option<Refusal>,
}

impl Look<'_> {
    /// What can be seen of `cases`, which are all that are in doubt on this account.
    pub async fn all(&mut self, cases: &[Case]) -> Result<Sights, VisitError> {
        let mut sights = Sights::new();
        for case in cases {
            let sight = match &case.look_up {
                LookUp::Nowhere => Some((Sight::Nothing, None)),
                LookUp::PaymentMethod(id, _) => self.holder(id).await?,
                LookUp::Customers(_) => None,
            };
            if let Some(sight) = sight {
                sights.insert((case.seq, case.step), sight);
            }
        }
        self.customers(cases, &mut sights).await?;
        Ok(sights)
    }

    /// What a read told, and under which id Stripe logged it; `None` where it failed.
    fn told<T>(&mut self, answer: ReadAnswer<T>) -> Result<Option<Told<T>>, VisitError> {
        match answer {
            ReadAnswer::Found(fact, request_id) => Ok(Some((fact, request_id))),
            ReadAnswer::AccountInvalid(refusal) => {
                self.unreachable = Some(refusal);
                self.asks = false;
                Ok(None)
            }
            ReadAnswer::Stop(stop) => Err(VisitError::Stop(stop)),
            ReadAnswer::Missing(_) | ReadAnswer::Failed(_) => Ok(None),
        }
    }

    /// Whom a PaymentMethod is attached to; `None` where the look-up failed.
    async fn holder(&mut self, id: &PaymentMethodId) -> Result<Option<Told<Sight>>, VisitError> {
        if !self.asks {
            return Ok(None);
        }
        let answer = self.context.client.payment_method(id, self.account).await;
        if let ReadAnswer::Missing(refusal) = answer {
            return Ok(Some((Sight::AttachedTo(None), refusal.request_id)));
        }
        let told = self.told(answer)?;
        Ok(told.map(|(facts, request_id)| (Sight::AttachedTo(facts.customer), request_id)))
    }

    /// Sweeps the windows of all Customers in doubt. A window that could not be read to its end gives no sight to any.
    async fn customers(&mut self, cases: &[Case], sights: &mut Sights) -> Result<(), VisitError> {
        let sought = |case: &&Case| matches!(case.look_up, LookUp::Customers(_));
        let windows = Window::joined(
            cases
                .iter()
                .filter_map(|case| match case.look_up {
                    LookUp::Customers(window) => Some(window),
                    LookUp::PaymentMethod(..) | LookUp::Nowhere => None,
                })
                .collect(),
        );
        let mut found: HashMap<&LegacyId, Told<Vec<CustomerId>>> = cases
            .iter()
            .filter(sought)
            .map(|case| (&case.legacy_id, (Vec::new(), None)))
            .collect();
        let mut last_page = None;
        for window in windows {
            match self.sweep(window, &mut found).await? {
                Some(page) => last_page = page,
                None => return Ok(()),
            }
        }
        for case in cases.iter().filter(sought) {
            let (customers, page) = found.get(&case.legacy_id).cloned().unwrap_or_default();
            // Nobody is on any page: the last one says that there are no more.
            let told = page.or_else(|| last_page.clone());
            sights.insert((case.seq, case.step), (Sight::Customers(customers), told));
        }
        Ok(())
    }

    /// Reads all pages of a window, and gives the last one's request. `None` where one could not be read.
    async fn sweep(
        &mut self,
        window: Window,
        found: &mut HashMap<&LegacyId, Told<Vec<CustomerId>>>,
    ) -> Result<Option<Option<RequestId>>, VisitError> {
        let migration = self.context.migration.id.to_string();
        let mut after: Option<CustomerId> = None;
        let mut cursors = HashSet::new();
        loop {
            let client = &self.context.client;
            if !self.asks {
                return Ok(None);
            }
            let answer = client.customers(window, after.as_ref(), self.account).await;
            let Some((page, request_id)) = self.told(answer)? else {
                return Ok(None);
            };
            let last = page.data.last().map(|customer| customer.id.clone());
            for customer in page.data {
                // Of another account or time: this is not the page that was asked for.
                if self.is_elsewhere(&customer, window, &migration) {
                    return Ok(None);
                }
                let ours = customer.marker_migration.as_deref() == Some(migration.as_str());
                let legacy_id = customer.marker_legacy_id.as_deref().map(LegacyId::parse);
                if let (true, Some(Ok(legacy_id))) = (ours, legacy_id)
                    && let Some((customers, told)) = found.get_mut(&legacy_id)
                    && !customers.contains(&customer.id)
                {
                    customers.push(customer.id);
                    told.clone_from(&request_id);
                }
            }
            // Pages that end where one before did would be read for ever: that is no complete reading.
            match (page.has_more, last) {
                (false, _) => return Ok(Some(request_id)),
                (true, Some(last)) if cursors.insert(last.clone()) => after = Some(last),
                (true, _) => return Ok(None),
            }
        }
    }

    /// True for a Customer that cannot be among those that were asked for. Only ours on connected accounts name their
    /// platform Customer.
    fn is_elsewhere(&self, customer: &CustomerFacts, window: Window, migration: &str) -> bool {
        let ours = customer.marker_migration.as_deref() == Some(migration);
        let connected = customer.marker_platform_customer.is_some();
        let then = |at: &StripeTime| (window.from..=window.to).contains(at);
        (ours && connected != self.account.is_some()) || !customer.created.as_ref().is_none_or(then)
    }
}
