//! SHELL. What is read: one call for each kind of object, and for each page of a list.

use super::Client;
use crate::ids::{AccountId, CustomerId, EventId, PaymentMethodId};
use crate::state::Window;
use crate::stripe::events::EventFacts;
use crate::stripe::facts::{
    AccountFacts, CustomerFacts, Fact, Page, PaymentMethodFacts, ReadAnswer, classify_read,
};
use crate::stripe::request::Read;
use crate::time::StripeTime;

impl Client {
    /// Reads the platform's own account, or a connected one.
    pub async fn account(&self, account: Option<&AccountId>) -> ReadAnswer<AccountFacts> {
        self.read(&Read::Account { account }).await
    }

    /// Reads a PaymentMethod, on the platform or on a connected account.
    pub async fn payment_method(
        &self,
        id: &PaymentMethodId,
        account: Option<&AccountId>,
    ) -> ReadAnswer<PaymentMethodFacts> {
        self.read(&Read::PaymentMethod { id, account }).await
    }

    /// Reads a Customer, on the platform or on a connected account.
    pub async fn customer(
        &self,
        id: &CustomerId,
        account: Option<&AccountId>,
    ) -> ReadAnswer<CustomerFacts> {
        self.read(&Read::Customer { id, account }).await
    }

    /// Reads one page of the Customers that were made in a stretch of time, on the platform or on a connected account: the
    /// newest first, those after `after`.
    pub async fn customers(
        &self,
        created: Window,
        after: Option<&CustomerId>,
        account: Option<&AccountId>,
    ) -> ReadAnswer<Page<CustomerFacts>> {
        let read = Read::Customers {
            created,
            after,
            account,
        };
        self.read(&read).await
    }

    /// Reads one page of all Customers, each with its default PaymentMethod whole: the newest first, those after `after`.
    pub async fn all_customers(
        &self,
        after: Option<&CustomerId>,
        account: Option<&AccountId>,
    ) -> ReadAnswer<Page<CustomerFacts>> {
        self.read(&Read::AllCustomers { after, account }).await
    }

    /// Reads one page of what is attached to a Customer: the newest first, those after `after`.
    pub async fn customer_payment_methods(
        &self,
        customer: &CustomerId,
        after: Option<&PaymentMethodId>,
        account: Option<&AccountId>,
    ) -> ReadAnswer<Page<PaymentMethodFacts>> {
        let read = Read::CustomerPaymentMethods {
            customer,
            after,
            account,
        };
        self.read(&read).await
    }

    /// Reads one page of what became of the platform's PaymentMethods since then: the newest first, those after `after`.
    pub async fn events(
        &self,
        since: StripeTime,
        after: Option<&EventId>,
    ) -> ReadAnswer<Page<EventFacts>> {
        self.read(&Read::Events { since, after }).await
    }

    /// Sends a read until it is answered, or until the bounds of [`crate::stripe::retry`] are reached.
    pub(super) async fn read<T: Fact>(&self, read: &Read<'_>) -> ReadAnswer<T> {
        let request = read.request();
        let settled = self
            .exchange(
                &request,
                None,
                || None,
                |wire| classify_read(read, self.mode, wire),
            )
            .await;
        match settled {
            Ok((answer, _)) => answer,
            Err(unsettled) => ReadAnswer::Failed(unsettled.of_read()),
        }
    }
}
