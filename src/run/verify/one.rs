//! One legacy customer: what the sweeps have not told is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Shared, VerifyError};
use crate::ids::{AccountId, CustomerId, PaymentMethodId};
use crate::stripe::{Client, CustomerFacts, DefaultMethod, Page, PaymentMethodFacts, ReadAnswer};
use crate::verify::{Expected, ExpectedCustomer, Holds, Other, Seen, Sights};

/// A customer that is looked at.
pub(super) struct One {
    pub client: Arc<Client>,
    pub shared: Arc<Shared>,
    pub thorough: bool,
    /// What the sweeps found of it; `None` where there were none.
    pub swept: Option<Vec<(Option<AccountId>, CustomerFacts)>>,
}

impl One {
    pub async fn look(&self, expected: &Expected) -> Result<Sights, VerifyError> {
        let mut sights = Sights {
            others: self.others(expected),
            ..Sights::default()
        };
        for customer in &expected.customers {
            let facts = self.customer(customer).await?;
            let holds = match &facts {
                Seen::Found(facts) if !facts.deleted => self.holds(customer, facts).await?,
                Seen::Found(_) | Seen::Missing | Seen::NotRead(_) => Holds::Nothing,
            };
            self.count(&holds);
            sights.customers.push((facts, holds));
        }
        self.alone(expected, &mut sights).await?;
        Ok(sights)
    }

    fn count(&self, holds: &Holds) {
        let methods = u64::try_from(holds.read().len()).unwrap_or(u64::MAX);
        self.shared.methods.fetch_add(methods, Ordering::Relaxed);
    }

    fn others(&self, expected: &Expected) -> Vec<Other> {
        let known = |account: &Option<AccountId>, facts: &CustomerFacts| {
            let mut customers = expected.customers.iter();
            customers.any(|each| each.account == *account && each.id == facts.id)
        };
        let swept = self.swept.iter().flatten();
        swept
            .filter(|(account, facts)| !known(account, facts))
            .map(|(account, facts)| Other {
                account: account.clone(),
                id: facts.id.clone(),
            })
            .collect()
    }

    async fn customer(
        &self,
        expected: &ExpectedCustomer,
    ) -> Result<Seen<CustomerFacts>, VerifyError> {
        let account = expected.account.as_ref();
        let mut swept = self.swept.iter().flatten();
        if let Some((_, facts)) =
            swept.find(|(at, facts)| *at == expected.account && facts.id == expected.id)
        {
            return Ok(Seen::Found(facts.clone()));
        }
        if let Some(why) = self.shared.why_not(account) {
            return Ok(Seen::NotRead(why));
        }
        let answer = self.client.customer(&expected.id, account).await;
        self.seen(answer, account)
    }

    /// What a look-up came to; too many in a row that came to nothing end it all.
    fn seen<T>(
        &self,
        answer: ReadAnswer<T>,
        account: Option<&AccountId>,
    ) -> Result<Seen<T>, VerifyError> {
        let seen = match answer {
            ReadAnswer::Found(fact, _) => Seen::Found(fact),
            ReadAnswer::Missing(_) => Seen::Missing,
            ReadAnswer::Stop(stop) => return Err(VerifyError::Stop(stop)),
            ReadAnswer::AccountInvalid(refusal) => {
                if let Some(account) = account {
                    self.shared.give_up(account, &refusal.message);
                }
                Seen::NotRead(refusal.message)
            }
            ReadAnswer::Failed(failed) => {
                if self.shared.unanswered() {
                    return Err(VerifyError::Unreachable(failed.to_string()));
                }
                return Ok(Seen::NotRead(failed.to_string()));
            }
        };
        self.shared.answered();
        Ok(seen)
    }

    /// What is attached to a Customer, read where the sweeps do not tell enough.
    async fn holds(
        &self,
        expected: &ExpectedCustomer,
        facts: &CustomerFacts,
    ) -> Result<Holds, VerifyError> {
        // A Customer that was looked for by itself is of a sample, and a sample is looked at in whole.
        let in_whole = self.thorough || self.swept.is_none();
        match (expected.methods.as_slice(), &facts.default) {
            ([], _) if !in_whole => return Ok(Holds::Nothing),
            ([only], Some(DefaultMethod::Whole(method))) if !in_whole && method.id == only.id => {
                return Ok(Holds::Default(Box::new(method.clone())));
            }
            _ => {}
        }
        let account = expected.account.as_ref();
        let mut methods: Vec<PaymentMethodFacts> = Vec::new();
        let mut after: Option<PaymentMethodId> = None;
        loop {
            let page = match self.page(&expected.id, after.as_ref(), account).await? {
                Seen::Found(page) => page,
                Seen::Missing => return Ok(Holds::All(methods)),
                Seen::NotRead(why) => return Ok(Holds::NotRead(why)),
            };
            let last = page.data.last().map(|method| method.id.clone());
            methods.extend(page.data);
            match (page.has_more, last) {
                (false, _) => return Ok(Holds::All(methods)),
                (true, Some(last)) if after.as_ref() != Some(&last) => after = Some(last),
                (true, _) => {
                    let why = "Stripe's list of PaymentMethods does not come to an end";
                    return Ok(Holds::NotRead(why.to_owned()));
                }
            }
        }
    }

    async fn page(
        &self,
        customer: &CustomerId,
        after: Option<&PaymentMethodId>,
        account: Option<&AccountId>,
    ) -> Result<Seen<Page<PaymentMethodFacts>>, VerifyError> {
        let answer = self
            .client
            .customer_payment_methods(customer, after, account);
        self.seen(answer.await, account)
    }

    /// Reads by themselves the PaymentMethods that no list had: what became of them, and what the sources are.
    async fn alone(&self, expected: &Expected, sights: &mut Sights) -> Result<(), VerifyError> {
        let mut wanted = BTreeSet::new();
        for (customer, (facts, holds)) in expected.customers.iter().zip(&sights.customers) {
            if !matches!(facts, Seen::Found(facts) if !facts.deleted) {
                continue;
            }
            if matches!(holds, Holds::NotRead(_)) {
                continue;
            }
            for method in &customer.methods {
                if !holds.read().iter().any(|held| held.id == method.id) {
                    wanted.insert((customer.account.clone(), method.id.clone()));
                }
            }
        }
        let on_platform = sights
            .customers
            .iter()
            .zip(&expected.customers)
            .find(|(_, customer)| customer.account.is_none());
        let held = on_platform.map_or(&[][..], |((_, holds), _)| holds.read());
        for (_, source) in &expected.sources {
            if !held.iter().any(|held| held.id == *source) {
                wanted.insert((None, source.clone()));
            }
        }
        for (account, id) in wanted {
            let seen = if let Some(why) = self.shared.why_not(account.as_ref()) {
                Seen::NotRead(why)
            } else {
                let answer = self.client.payment_method(&id, account.as_ref()).await;
                self.seen(answer, account.as_ref())?
            };
            let found = u64::from(matches!(seen, Seen::Found(_)));
            self.shared.methods.fetch_add(found, Ordering::Relaxed);
            sights.alone.insert((account, id), seen);
        }
        Ok(())
    }
}
