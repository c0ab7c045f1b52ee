//! The payments of `verify --charge`, and the reads that settle them.

use super::{Client, Effect};
use crate::ids::{AccountId, ApplicationFeeId, ChargeId, CustomerId, IntentId};
use crate::store::Started;
use crate::stripe::answer::StopKind;
use crate::stripe::facts::{Page, ReadAnswer};
use crate::stripe::payment::{
    ApplicationFeeFacts, BalanceFacts, ChargeFacts, IntentFacts, Paid, Payment, RefundFacts,
    classify_payment,
};
use crate::stripe::request::Read;
use crate::time::StripeTime;

impl Client {
    /// Sends a payment until it is settled, or until the bounds of [`crate::stripe::retry`] are reached; with the worst that its
    /// attempts can have done beyond what the answer tells.
    pub async fn pay(&self, started: &Started, payment: &Payment<'_>) -> (Paid, Effect) {
        let request = payment.request();
        let settled = self
            .exchange(
                &request,
                Some(started),
                || None,
                |wire| classify_payment(payment, self.mode, wire),
            )
            .await;
        match settled {
            Ok((paid, effect)) => {
                let effect = effect.max(effect_of(&paid));
                (paid, effect)
            }
            Err(unsettled) => {
                let effect = unsettled.effect;
                (unsettled.of_write().into(), effect)
            }
        }
    }

    /// Reads an intent, on a connected account.
    pub async fn intent(&self, id: &IntentId, account: &AccountId) -> ReadAnswer<IntentFacts> {
        self.read(&Read::Intent { id, account }).await
    }

    /// Reads one page of a Customer's intents that were made since then: the newest first, those after `after`.
    pub async fn intents(
        &self,
        setups: bool,
        customer: &CustomerId,
        since: StripeTime,
        after: Option<&IntentId>,
        account: &AccountId,
    ) -> ReadAnswer<Page<IntentFacts>> {
        let read = Read::Intents {
            setups,
            customer,
            since,
            after,
            account,
        };
        self.read(&read).await
    }

    /// Reads the refunds of an intent: a hundred at most.
    pub async fn refunds(
        &self,
        intent: &IntentId,
        account: &AccountId,
    ) -> ReadAnswer<Page<RefundFacts>> {
        self.read(&Read::Refunds { intent, account }).await
    }

    /// Reads a Charge, on a connected account.
    pub async fn charge(&self, id: &ChargeId, account: &AccountId) -> ReadAnswer<ChargeFacts> {
        self.read(&Read::Charge { id, account }).await
    }

    /// Reads an application fee, which is the platform's.
    pub async fn application_fee(&self, id: &ApplicationFeeId) -> ReadAnswer<ApplicationFeeFacts> {
        self.read(&Read::ApplicationFee { id }).await
    }

    /// Reads what the platform has, or a connected account.
    pub async fn balance(&self, account: Option<&AccountId>) -> ReadAnswer<BalanceFacts> {
        self.read(&Read::Balance { account }).await
    }
}

/// What the answer that stopped it all may have done, as with every write.
fn effect_of(paid: &Paid) -> Effect {
    match paid {
        Paid::Stop(stop) => match stop.kind {
            StopKind::WrongMode | StopKind::NotStripe => Effect::Possible,
            StopKind::Key | StopKind::Permission | StopKind::ApiVersion => Effect::None,
        },
        Paid::Done(_)
        | Paid::Refused(_)
        | Paid::AccountInvalid(_)
        | Paid::Doubt(_)
        | Paid::NotExecuted(_) => Effect::None,
    }
}
