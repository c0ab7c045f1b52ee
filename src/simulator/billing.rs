//! Subscriptions and invoices, as far as somebody else's are seen: they are seeded, listed, and end with their customer.

use super::idempotency::Answer;
use super::render;
use super::response::{Failure, Place};
use super::shelf::{LedgerId, Order, Slot, Window};
use super::world::{Call, World};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub customer: Arc<str>,
    pub default_payment_method: Option<Arc<str>>,
    pub canceled_at: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Invoice {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub customer: Arc<str>,
}

impl World {
    pub(super) fn list_subscriptions(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let window = Window::read(call.params, "subscription", |id| {
            let slot = self.subscriptions.slot_in(call.ledger, id)?;
            Some((self.subscriptions.kept(slot).created, slot))
        })?;
        let customer = self.customer_asked_for(call)?;
        let status = call.params.filled("status");
        let wanted = |slot| {
            let subscription = self.subscriptions.get(slot);
            let of_status = match status {
                Some("all") => true,
                // Stripe leaves out those that are canceled, unless they are asked for.
                None => subscription.canceled_at.is_none(),
                Some(status) => subscription.status() == status,
            };
            let of_customer = customer
                .as_ref()
                .is_none_or(|id| *id == subscription.customer);
            of_status && of_customer
        };
        let nothing = Order::new();
        let order = self.subscriptions.order(call.ledger).unwrap_or(&nothing);
        let (page, more) = window.page(order, wanted);
        let shown = |slot: Slot| self.subscriptions.get(slot).render().to_string();
        let data: Vec<String> = page.into_iter().map(shown).collect();
        let list = render::list("/v1/subscriptions", &data, more);
        Ok(Answer::Text(list.into()))
    }

    pub(super) fn list_invoices(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let window = Window::read(call.params, "invoice", |id| {
            let slot = self.invoices.slot_in(call.ledger, id)?;
            Some((self.invoices.kept(slot).created, slot))
        })?;
        let customer = self.customer_asked_for(call)?;
        // All that there are, are drafts.
        let draft = call
            .params
            .filled("status")
            .is_none_or(|status| status == "draft");
        let wanted = |slot| {
            let invoice = self.invoices.get(slot);
            draft && customer.as_ref().is_none_or(|id| *id == invoice.customer)
        };
        let nothing = Order::new();
        let order = self.invoices.order(call.ledger).unwrap_or(&nothing);
        let (page, more) = window.page(order, wanted);
        let shown = |slot: Slot| self.invoices.get(slot).render().to_string();
        let data: Vec<String> = page.into_iter().map(shown).collect();
        Ok(Answer::Text(
            render::list("/v1/invoices", &data, more).into(),
        ))
    }

    fn customer_asked_for(&mut self, call: &Call<'_>) -> Result<Option<Arc<str>>, Failure> {
        let Some(id) = call.params.filled("customer") else {
            return Ok(None);
        };
        let slot = self.customer_slot(call.ledger, id, Place::Parameter("customer"))?;
        Ok(Some(Arc::clone(&self.customers.get(slot).object.id)))
    }

    /// Somebody bills a customer, in the account that it is in; or changes what that is paid with.
    pub(super) fn subscribe(
        &mut self,
        id: &str,
        customer: &str,
        default_payment_method: Option<&str>,
    ) -> Result<(), String> {
        let default_payment_method = default_payment_method.map(Arc::from);
        if let Some(slot) = self.subscriptions.slot(id) {
            let there = self.subscriptions.get_mut(slot);
            if *there.customer != *customer {
                return Err(format!("{id} exists already, of {}", there.customer));
            }
            there.default_payment_method = default_payment_method;
            return Ok(());
        }
        let (ledger, customer, created, livemode) = self.billed(id, customer)?;
        let id: Arc<str> = id.into();
        let subscription = Subscription {
            id: Arc::clone(&id),
            created,
            livemode,
            customer,
            default_payment_method,
            canceled_at: None,
        };
        self.subscriptions.put(ledger, id, created, subscription);
        Ok(())
    }

    /// The same, once.
    pub(super) fn invoice(&mut self, id: &str, customer: &str) -> Result<(), String> {
        let (ledger, customer, created, livemode) = self.billed(id, customer)?;
        let id: Arc<str> = id.into();
        let invoice = Invoice {
            id: Arc::clone(&id),
            created,
            livemode,
            customer,
        };
        self.invoices.put(ledger, id, created, invoice);
        Ok(())
    }

    fn billed(&self, id: &str, customer: &str) -> Result<(LedgerId, Arc<str>, i64, bool), String> {
        if self
            .subscriptions
            .slot(id)
            .or(self.invoices.slot(id))
            .is_some()
        {
            return Err(format!("{id} exists already"));
        }
        let slot = self.customers.slot(customer);
        let slot = slot.filter(|slot| !self.customers.get(*slot).deleted);
        let slot = slot.ok_or_else(|| format!("there is no customer {customer}"))?;
        let kept = self.customers.kept(slot);
        let object = &kept.value.object;
        Ok((
            kept.ledger,
            Arc::clone(&object.id),
            object.created,
            object.livemode,
        ))
    }

    /// A customer is deleted: what is active of it is canceled at once.
    pub(super) fn end_subscriptions(&mut self, customer: Slot, now: i64) {
        let kept = self.customers.kept(customer);
        let (ledger, id) = (kept.ledger, Arc::clone(&kept.value.object.id));
        let all: Vec<Slot> = self
            .subscriptions
            .order(ledger)
            .into_iter()
            .flatten()
            .map(|(_, slot)| *slot)
            .collect();
        for slot in all {
            let subscription = self.subscriptions.get_mut(slot);
            if subscription.customer == id {
                subscription.canceled_at.get_or_insert(now);
            }
        }
    }
}

impl Subscription {
    fn status(&self) -> &'static str {
        match self.canceled_at {
            Some(_) => "canceled",
            None => "active",
        }
    }

    fn render(&self) -> Value {
        json!({
            "id": &*self.id, "object": "subscription", "application": null, "application_fee_percent": null,
            "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
            "billing_cycle_anchor": self.created, "cancel_at": null, "cancel_at_period_end": false,
            "canceled_at": self.canceled_at, "collection_method": "charge_automatically", "created": self.created,
            "currency": "usd", "customer": &*self.customer, "default_payment_method": self.default_payment_method.as_deref(), "description": null,
            "ended_at": self.canceled_at, "items": {"object": "list", "data": [], "has_more": false,
                "url": format!("/v1/subscription_items?subscription={}", self.id)},
            "latest_invoice": null, "livemode": self.livemode, "metadata": {}, "start_date": self.created,
            "status": self.status(), "trial_end": null, "trial_start": null,
        })
    }
}

impl Invoice {
    fn render(&self) -> Value {
        json!({
            "id": &*self.id, "object": "invoice", "amount_due": 0, "amount_paid": 0, "amount_remaining": 0,
            "auto_advance": false, "billing_reason": "manual", "collection_method": "charge_automatically",
            "created": self.created, "currency": "usd", "customer": &*self.customer, "description": null,
            "livemode": self.livemode, "metadata": {}, "number": null, "status": "draft", "total": 0,
            "lines": {"object": "list", "data": [], "has_more": false,
                "url": format!("/v1/invoices/{}/lines", self.id)},
        })
    }
}
