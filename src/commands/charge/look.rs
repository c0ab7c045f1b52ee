//! What is read before a card is charged, and the balances.

use std::collections::BTreeMap;

use super::Work;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::report::charge::Balance;
use crate::store::Case;
use crate::stripe::{CustomerFacts, Money, ReadAnswer};

/// The PaymentMethod's type that a hold can be put on.
const CARD: &str = "card";

impl Work<'_> {
    /// Why the card is not charged, if so: one of a Customer that is not ours, or a clone that is not attached, which would be
    /// consumed by it.
    pub(super) async fn why_not(&self, case: &Case) -> Result<Option<String>, Failure> {
        let client = &self.prover.client;
        let account = Some(&case.account);
        let customer = client.customer(&case.connected_customer, account);
        match read(customer.await)? {
            Ok(facts) if facts.deleted => {
                return Ok(Some(format!("{} is deleted", case.connected_customer)));
            }
            Ok(facts) if !self.is_ours(&facts, case) => {
                let why = format!(
                    "the metadata of {} does not say that this migration made it of this customer",
                    case.connected_customer
                );
                return Ok(Some(why));
            }
            Ok(_) => {}
            Err(why) => return Ok(Some(why)),
        }
        let method = client.payment_method(&case.payment_method, account);
        let facts = match read(method.await)? {
            Ok(facts) => facts,
            Err(why) => return Ok(Some(why)),
        };
        if facts.customer.as_ref() != Some(&case.connected_customer) {
            let why = format!("it is not attached to {}", case.connected_customer);
            return Ok(Some(why));
        }
        if facts.kind != CARD {
            let why = format!("it is a {}: only cards can be held and let go", facts.kind);
            return Ok(Some(why));
        }
        Ok(None)
    }

    fn is_ours(&self, facts: &CustomerFacts, case: &Case) -> bool {
        let migration = self.prover.migration.id.to_string();
        facts.marker_migration.as_deref() == Some(migration.as_str())
            && facts.marker_legacy_id.as_deref() == Some(case.legacy_id.as_str())
    }

    pub(super) async fn balances(&self, cases: &[Case]) -> Result<Vec<Balance>, Failure> {
        let mut accounts: Vec<Option<AccountId>> = Vec::new();
        for case in cases {
            let account = Some(case.account.clone());
            if !accounts.contains(&account) {
                accounts.push(account);
            }
        }
        if !accounts.is_empty() {
            accounts.insert(0, None);
        }
        let mut balances = Vec::new();
        for account in accounts {
            let before = self.balance(account.as_ref()).await?;
            balances.push(Balance {
                account,
                before,
                after: None,
            });
        }
        Ok(balances)
    }

    pub(super) async fn balance(
        &self,
        account: Option<&AccountId>,
    ) -> Result<Option<BTreeMap<String, Money>>, Failure> {
        match self.prover.client.balance(account).await {
            ReadAnswer::Found(facts, _) => Ok(Some(facts.money)),
            ReadAnswer::Stop(stop) => Err(Failure::stop(&stop)),
            ReadAnswer::Missing(_) | ReadAnswer::AccountInvalid(_) | ReadAnswer::Failed(_) => {
                Ok(None)
            }
        }
    }
}

/// What a read told, or why it did not.
fn read<T>(answer: ReadAnswer<T>) -> Result<Result<T, String>, Failure> {
    match answer {
        ReadAnswer::Found(fact, _) => Ok(Ok(fact)),
        ReadAnswer::Stop(stop) => Err(Failure::stop(&stop)),
        ReadAnswer::Missing(refusal) | ReadAnswer::AccountInvalid(refusal) => {
            Ok(Err(refusal.message))
        }
        ReadAnswer::Failed(failed) => Ok(Err(failed.to_string())),
    }
}
