//! Refunds, charges, application fees and balances.

use super::customers::{write_metadata, write_text};
use super::idempotency::Answer;
use super::objects::Metadata;
use super::params::missing_param;
use super::payments::{Refund, Status, render_fee, render_refund};
use super::render;
use super::response::{Failure, Place, missing};
use super::shelf::{LedgerId, Order, Slot, Window};
use super::world::{Call, World, text};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    pub(super) fn create_refund(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let params = call.params;
        let slot = self.refundable(call)?;
        let charge = self.charges.get(slot);
        let left = charge.captured - charge.refunded;
        if left == 0 {
            let id = &charge.id;
            return Err(
                Failure::invalid(format!("Charge {id} has already been refunded."))
                    .code("charge_already_refunded"),
            );
        }
        let amount = params.integer("amount").unwrap_or(left);
        if amount < 1 || amount > left {
            return Err(Failure::invalid(format!(
                "Refund amount ({amount}) must be positive and no greater than the unrefunded amount on charge ({left})"
            ))
            .param("amount"));
        }
        let back_fee = params.flag("refund_application_fee") == Some(true);
        if back_fee && charge.fee.is_none() {
            return Err(Failure::invalid(
                "Cannot refund_application_fee: there is no application fee on this charge.",
            )
            .param("refund_application_fee"));
        }
        let mut metadata = Metadata::new();
        write_metadata(&mut metadata, params)?;
        let mut refund = Refund {
            id: self.mint(call, "re_"),
            created: call.moment.unix,
            amount,
            currency: charge.currency.clone(),
            charge: Arc::clone(&charge.id),
            intent: Arc::clone(&charge.intent),
            reason: None,
            metadata,
        };
        write_text(&mut refund.reason, params, "reason");
        let currency = refund.currency.clone();
        let fee = charge.fee.filter(|_| back_fee);
        let whole = charge.captured;
        self.charges.get_mut(slot).refunded += amount;
        self.move_money(call.ledger, &currency, -amount);
        if let Some(fee) = fee {
            let fee = self.fees.get_mut(fee);
            // In proportion, as Stripe does: a full refund gives the whole fee back.
            let share = (fee.amount * amount / whole).min(fee.amount - fee.refunded);
            fee.refunded += share;
            let platform = self.platform_ledger(call.livemode);
            self.move_money(platform, &currency, -share);
            self.move_money(call.ledger, &currency, share);
        }
        let shown = text(&render_refund(&refund));
        self.refunds.put(
            call.ledger,
            Arc::clone(&refund.id),
            call.moment.unix,
            refund,
        );
        Ok(shown)
    }

    /// The charge that the parameters name, itself or through its intent.
    fn refundable(&self, call: &Call<'_>) -> Result<Slot, Failure> {
        let params = call.params;
        if let Some(id) = params.filled("charge") {
            let slot = self.charges.slot_in(call.ledger, id);
            return slot.ok_or_else(|| missing("charge", id, Place::Parameter("charge"), None));
        }
        let id = params
            .filled("payment_intent")
            .ok_or_else(|| missing_param("payment_intent"))?;
        let place = Place::Parameter("payment_intent");
        let slot = self.intents.slot_in(call.ledger, id);
        let slot = slot.ok_or_else(|| missing("payment_intent", id, place, None))?;
        let charge = self.intents.get(slot).charge;
        charge
            .filter(|&charge| self.charges.get(charge).captured > 0)
            .ok_or_else(|| {
                Failure::invalid(format!(
                    "This PaymentIntent ({id}) does not have a successful charge to refund."
                ))
                .param("payment_intent")
            })
    }

    pub(super) fn get_refund(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.refunds.slot_in(call.ledger, id);
        let slot = slot.ok_or_else(|| missing("refund", id, Place::Url("refund"), None))?;
        Ok(text(&render_refund(self.refunds.get(slot))))
    }

    pub(super) fn list_refunds(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let window = Window::read(call.params, "refund", |id| {
            let slot = self.refunds.slot_in(call.ledger, id)?;
            Some((self.refunds.kept(slot).created, slot))
        })?;
        let (charge, intent) = (
            call.params.filled("charge"),
            call.params.filled("payment_intent"),
        );
        let wanted = |slot| {
            let refund = self.refunds.get(slot);
            charge.is_none_or(|id| *refund.charge == *id)
                && intent.is_none_or(|id| *refund.intent == *id)
        };
        let nothing = Order::new();
        let (page, more) = window.page(self.refunds.order(call.ledger).unwrap_or(&nothing), wanted);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| render_refund(self.refunds.get(slot)).to_string())
            .collect();
        Ok(Answer::Text(
            render::list("/v1/refunds", &data, more).into(),
        ))
    }

    pub(super) fn get_charge(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.charges.slot_in(call.ledger, id);
        let slot = slot.ok_or_else(|| missing("charge", id, Place::Url("charge"), None))?;
        Ok(text(&self.render_charge(self.charges.get(slot))))
    }

    pub(super) fn list_charges(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let window = Window::read(call.params, "charge", |id| {
            let slot = self.charges.slot_in(call.ledger, id)?;
            Some((self.charges.kept(slot).created, slot))
        })?;
        let (customer, intent) = (
            call.params.filled("customer"),
            call.params.filled("payment_intent"),
        );
        let wanted = |slot| {
            let charge = self.charges.get(slot);
            (customer.is_none() || charge.customer.as_deref() == customer)
                && intent.is_none_or(|id| *charge.intent == *id)
        };
        let nothing = Order::new();
        let (page, more) = window.page(self.charges.order(call.ledger).unwrap_or(&nothing), wanted);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| self.render_charge(self.charges.get(slot)).to_string())
            .collect();
        Ok(Answer::Text(
            render::list("/v1/charges", &data, more).into(),
        ))
    }

    /// Application fees are the platform's, wherever the charge was made.
    pub(super) fn get_fee(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.fees.slot_in(call.ledger, id);
        let slot = slot.ok_or_else(|| missing("application fee", id, Place::Url("id"), None))?;
        Ok(text(&render_fee(self.fees.get(slot))))
    }

    /// PaymentIntents of a ledger by their status: what is authorised and neither captured nor cancelled is held money.
    pub(super) fn intent_counts(&self, ledger: LedgerId) -> BTreeMap<&'static str, usize> {
        let slots = self.intents.order(ledger).into_iter().flatten();
        count(slots.map(|(_, slot)| self.intents.get(*slot).status))
    }

    /// SetupIntents of a ledger by their status.
    pub(super) fn setup_counts(&self, ledger: LedgerId) -> BTreeMap<&'static str, usize> {
        let slots = self.setups.order(ledger).into_iter().flatten();
        count(slots.map(|(_, slot)| self.setups.get(*slot).status))
    }

    pub(super) fn move_money(&mut self, ledger: LedgerId, currency: &str, amount: i64) {
        *self.ledgers[ledger]
            .balances
            .entry(currency.to_owned())
            .or_default() += amount;
    }

    pub(super) fn balance(&self, call: &Call<'_>) -> Answer {
        let balances = &self.ledgers[call.ledger].balances;
        let mut pending: Vec<_> = balances
            .iter()
            .map(|(currency, amount)| json!({"amount": amount, "currency": currency, "source_types": {"card": amount}}))
            .collect();
        if pending.is_empty() {
            pending.push(json!({"amount": 0, "currency": "usd", "source_types": {"card": 0}}));
        }
        text(&json!({
            "object": "balance",
            "available": [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}],
            "connect_reserved": [{"amount": 0, "currency": "usd"}],
            "livemode": call.livemode,
            "pending": pending,
        }))
    }

    /// Connected accounts, by pages of ids.
    pub(super) fn list_accounts(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        if call.connected {
            return Ok(Answer::Text(
                render::list("/v1/accounts", &[], false).into(),
            ));
        }
        let all = self.accounts.reachable(call.livemode);
        // Newest first; a slot counts from the oldest.
        let place_of = |index: usize| (all[index].created, all.len() - 1 - index);
        let window = Window::read(call.params, "account", |id| {
            all.iter()
                .position(|account| *account.id == *id)
                .map(place_of)
        })?;
        let order: Order = (0..all.len()).map(place_of).collect();
        let (page, more) = window.page(&order, |_| true);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| super::accounts::render(all[all.len() - 1 - slot]).to_string())
            .collect();
        Ok(Answer::Text(
            render::list("/v1/accounts", &data, more).into(),
        ))
    }
}

fn count(statuses: impl Iterator<Item = Status>) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(status.name()).or_default() += 1;
    }
    counts
}
