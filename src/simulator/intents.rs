//! PaymentIntents: enough of them for a direct charge on a connected account, and for a hold that is voided.

use super::currencies;
use super::customers::{write_metadata, write_text};
use super::idempotency::Answer;
use super::methods::declined;
use super::objects::{Decline, Metadata, Standing};
use super::params::Params;
use super::payments::{AUTHENTICATION, Charge, Fee, Intent, Status, Verdict};
use super::render;
use super::response::{Failure, Place, missing};
use super::shelf::{Order, Slot, Window};
use super::testcards;
use super::world::{Call, World, text};
use serde_json::Value;
use std::sync::Arc;

const NOUN: &str = "payment_intent";

impl World {
    pub(super) fn create_intent(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let params = call.params;
        let amount = params.integer("amount").unwrap_or_default();
        check_amount(amount)?;
        let currency = currencies::check(params.filled("currency").unwrap_or_default())?;
        let fee = params.integer("application_fee_amount");
        check_fee(fee, amount, call.connected)?;
        let customer = match params.filled("customer") {
            Some(id) => {
                let slot =
                    self.live_customer_slot(call.ledger, id, Place::Parameter("customer"))?;
                Some(Arc::clone(&self.customers.get(slot).object.id))
            }
            None => None,
        };
        may_redirect(params)?;
        let method = self.method_of(call, customer.as_deref())?;
        let mut metadata = Metadata::new();
        write_metadata(&mut metadata, params)?;
        let mut intent = Intent {
            id: self.mint(call, "pi_"),
            created: call.moment.unix,
            livemode: call.livemode,
            amount,
            amount_received: 0,
            currency: currency.into(),
            status: if method.is_some() {
                Status::RequiresConfirmation
            } else {
                Status::RequiresPaymentMethod
            },
            customer,
            method,
            manual_capture: params.filled("capture_method") == Some("manual"),
            fee,
            charge: None,
            description: None,
            metadata,
            future_usage: None,
            last_error: None,
            canceled_at: None,
            cancellation_reason: None,
        };
        write_text(&mut intent.description, params, "description");
        write_text(&mut intent.future_usage, params, "setup_future_usage");
        let confirm = params.flag("confirm") == Some(true);
        if confirm && method.is_none() {
            return Err(no_method());
        }
        let slot = self.intents.put(
            call.ledger,
            Arc::clone(&intent.id),
            call.moment.unix,
            intent,
        );
        if confirm {
            self.confirm(call, slot)?;
        }
        Ok(self.intent_answer(call, slot))
    }

    /// The PaymentMethod that the parameters name, checked; a test id becomes a new one.
    pub(super) fn method_of(
        &mut self,
        call: &Call<'_>,
        customer: Option<&str>,
    ) -> Result<Option<Slot>, Failure> {
        let Some(id) = call.params.filled("payment_method") else {
            return Ok(None);
        };
        if let Some(model) = testcards::payment_method(id) {
            return Ok(Some(self.put_model(call, model)));
        }
        let slot = self.method_slot(call.ledger, id, Place::Parameter("payment_method"))?;
        self.usable(slot, customer)?;
        Ok(Some(slot))
    }

    pub(super) fn get_intent(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.intent_slot(call, id)?;
        Ok(self.intent_answer(call, slot))
    }

    pub(super) fn list_intents(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let window = Window::read(call.params, NOUN, |id| {
            let slot = self.intents.slot_in(call.ledger, id)?;
            Some((self.intents.kept(slot).created, slot))
        })?;
        let customer = call.params.filled("customer");
        let wanted =
            |slot| customer.is_none() || self.intents.get(slot).customer.as_deref() == customer;
        let nothing = Order::new();
        let (page, more) = window.page(self.intents.order(call.ledger).unwrap_or(&nothing), wanted);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| self.render_intent(self.intents.get(slot)).to_string())
            .collect();
        Ok(Answer::Text(
            render::list("/v1/payment_intents", &data, more).into(),
        ))
    }

    pub(super) fn confirm_intent(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.intent_slot(call, id)?;
        let intent = self.intents.get(slot);
        if !matches!(
            intent.status,
            Status::RequiresPaymentMethod | Status::RequiresConfirmation
        ) {
            return Err(self.unexpected_state(slot, "confirm"));
        }
        let customer = intent.customer.clone();
        if let Some(method) = self.method_of(call, customer.as_deref())? {
            self.intents.get_mut(slot).method = Some(method);
        }
        let method = self.intents.get(slot).method.ok_or_else(no_method)?;
        self.usable(method, customer.as_deref())?;
        self.confirm(call, slot)?;
        Ok(self.intent_answer(call, slot))
    }

    pub(super) fn capture_intent(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.intent_slot(call, id)?;
        let intent = self.intents.get(slot);
        if intent.status != Status::RequiresCapture {
            return Err(self.unexpected_state(slot, "capture"));
        }
        let amount = call
            .params
            .integer("amount_to_capture")
            .unwrap_or(intent.amount);
        if amount < 1 || amount > intent.amount {
            return Err(Failure::invalid(
                "You may only capture up to the amount that was authorized.",
            )
            .code("amount_too_large")
            .param("amount_to_capture"));
        }
        let fee = call.params.integer("application_fee_amount").or(intent.fee);
        check_fee(fee, amount, call.connected)?;
        self.intents.get_mut(slot).fee = fee;
        self.capture(call, slot, amount);
        Ok(self.intent_answer(call, slot))
    }

    pub(super) fn cancel_intent(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.intent_slot(call, id)?;
        if matches!(
            self.intents.get(slot).status,
            Status::Succeeded | Status::Canceled
        ) {
            return Err(self.unexpected_state(slot, "cancel"));
        }
        let intent = self.intents.get_mut(slot);
        intent.status = Status::Canceled;
        intent.canceled_at = Some(call.moment.unix);
        write_text(
            &mut intent.cancellation_reason,
            call.params,
            "cancellation_reason",
        );
        if let Some(charge) = intent.charge {
            let charge = self.charges.get_mut(charge);
            charge.released = charge.amount;
        }
        Ok(self.intent_answer(call, slot))
    }

    /// Asks the issuer, and records what it says. The intent stays, whatever that is.
    fn confirm(&mut self, call: &Call<'_>, slot: Slot) -> Result<(), Failure> {
        let Some(method) = self.intents.get(slot).method else {
            return Err(no_method());
        };
        match self.verdict(method, call.connected) {
            Verdict::Declined(why) => Err(self.decline(call, slot, method, why)),
            Verdict::Authenticate if cardholder_absent(call.params) => {
                Err(self.decline(call, slot, method, AUTHENTICATION))
            }
            Verdict::Authenticate => {
                self.intents.get_mut(slot).status = Status::RequiresAction;
                Ok(())
            }
            Verdict::Approved => {
                self.approve(call, slot, method);
                Ok(())
            }
        }
    }

    fn approve(&mut self, call: &Call<'_>, slot: Slot, method: Slot) {
        if self.methods.get(method).standing == Standing::Loose {
            let intent = self.intents.get(slot);
            let keeper = intent
                .customer
                .as_deref()
                .filter(|_| intent.future_usage.is_some());
            match keeper.and_then(|id| self.customers.slot(id)) {
                Some(customer) => self.attach_to(method, customer),
                None => self.spend(method),
            }
        }
        let charge = self.charge(call, slot, method, None);
        let intent = self.intents.get_mut(slot);
        intent.charge = Some(charge);
        intent.last_error = None;
        intent.status = Status::RequiresCapture;
        if !intent.manual_capture {
            let amount = intent.amount;
            self.capture(call, slot, amount);
        }
    }

    fn decline(&mut self, call: &Call<'_>, slot: Slot, method: Slot, why: Decline) -> Failure {
        let charge = self.charge(call, slot, method, Some(why));
        let charge_id = Arc::clone(&self.charges.get(charge).id);
        let mut failure = declined(why).with("charge", &*charge_id);
        let shown = render::payment_method_value(&self.methods.get(method).object);
        failure = failure.with("payment_method", shown);
        let error = serde_json::from_str::<Value>(&failure.body("", call.livemode, &call.account));
        let intent = self.intents.get_mut(slot);
        intent.charge = Some(charge);
        intent.method = None;
        intent.status = Status::RequiresPaymentMethod;
        intent.last_error = error.ok().map(|mut body| body["error"].take());
        let shown = self.render_intent(self.intents.get(slot));
        failure.with("payment_intent", shown)
    }

    fn charge(
        &mut self,
        call: &Call<'_>,
        slot: Slot,
        method: Slot,
        failure: Option<Decline>,
    ) -> Slot {
        let id = self.mint(call, "ch_");
        let intent = self.intents.get(slot);
        let charge = Charge {
            id: Arc::clone(&id),
            created: call.moment.unix,
            livemode: call.livemode,
            amount: intent.amount,
            captured: 0,
            released: 0,
            refunded: 0,
            currency: intent.currency.clone(),
            customer: intent.customer.clone(),
            method: Arc::clone(&self.methods.get(method).object),
            intent: Arc::clone(&intent.id),
            fee: None,
            failure,
            metadata: intent.metadata.clone(),
            description: intent.description.clone(),
        };
        self.charges.put(call.ledger, id, call.moment.unix, charge)
    }

    /// Takes the money: the charge, the application fee, the balances.
    fn capture(&mut self, call: &Call<'_>, slot: Slot, amount: i64) {
        let intent = self.intents.get_mut(slot);
        intent.status = Status::Succeeded;
        intent.amount_received = amount;
        let (fee, currency) = (intent.fee.unwrap_or_default(), intent.currency.clone());
        let Some(charge) = intent.charge else {
            return;
        };
        let charged = self.charges.get_mut(charge);
        charged.captured = amount;
        charged.released = charged.amount - amount;
        self.move_money(call.ledger, &currency, amount - fee);
        if fee > 0 {
            let id = self.mint(call, "fee_");
            let fee = Fee {
                id: Arc::clone(&id),
                created: call.moment.unix,
                livemode: call.livemode,
                account: Arc::clone(&call.account),
                amount: fee,
                refunded: 0,
                currency: currency.clone(),
                charge: Arc::clone(&self.charges.get(charge).id),
            };
            let platform = self.platform_ledger(call.livemode);
            self.move_money(platform, &currency, fee.amount);
            self.charges.get_mut(charge).fee =
                Some(self.fees.put(platform, id, call.moment.unix, fee));
        }
    }

    fn intent_slot(&self, call: &Call<'_>, id: &str) -> Result<Slot, Failure> {
        let slot = self.intents.slot_in(call.ledger, id);
        slot.ok_or_else(|| missing(NOUN, id, Place::Url("intent"), None))
    }

    fn intent_answer(&self, call: &Call<'_>, slot: Slot) -> Answer {
        let intent = self.intents.get(slot);
        let mut value = self.render_intent(intent);
        if super::expand::wants(call.params, "latest_charge")
            && let Some(charge) = intent.charge
        {
            value["latest_charge"] = self.render_charge(self.charges.get(charge));
        }
        if super::expand::wants(call.params, "payment_method")
            && let Some(method) = intent.method
        {
            value["payment_method"] =
                render::payment_method_value(&self.methods.get(method).object);
        }
        text(&value)
    }

    fn unexpected_state(&self, slot: Slot, verb: &str) -> Failure {
        let intent = self.intents.get(slot);
        let status = intent.status.name();
        Failure::invalid(format!(
            "You cannot {verb} this PaymentIntent because it has a status of {status}."
        ))
        .code("payment_intent_unexpected_state")
        .with("payment_intent", self.render_intent(intent))
    }
}

fn cardholder_absent(params: &Params) -> bool {
    let off_session = params
        .filled("off_session")
        .is_some_and(|value| value != "false");
    off_session || params.flag("error_on_requires_action") == Some(true)
}

/// Without `payment_method_types` the Dashboard's methods apply, some of which redirect (since 2023-08-16;
/// <https://docs.stripe.com/upgrades#2023-08-16>): then a confirmation has to say where to, whoever is there.
fn may_redirect(params: &Params) -> Result<(), Failure> {
    let named = !params.list("payment_method_types").is_empty()
        || params.filled("return_url").is_some()
        || params.filled("automatic_payment_methods[allow_redirects]") == Some("never")
        || params.filled("automatic_payment_methods[enabled]") == Some("false");
    if named || params.flag("confirm") != Some(true) {
        return Ok(());
    }
    Err(Failure::invalid(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment \
         methods might redirect your customer off of your page, you must provide a `return_url`.",
    )
    .param("return_url"))
}

fn no_method() -> Failure {
    Failure::invalid(
        "You cannot confirm this PaymentIntent because it's missing a payment method. Update the PaymentIntent with a \
         payment method and then confirm it again.",
    )
    .code("payment_intent_unexpected_state")
}

fn check_amount(amount: i64) -> Result<(), Failure> {
    match amount {
        ..1 => Err(Failure::invalid("Invalid positive integer")
            .code("parameter_invalid_integer")
            .param("amount")),
        1..50 => Err(Failure::invalid("Amount must be at least $0.50 usd")
            .code("amount_too_small")
            .param("amount")),
        50..=99_999_999 => Ok(()),
        _ => Err(Failure::invalid("Amount must be no more than $999,999.99")
            .code("amount_too_large")
            .param("amount")),
    }
}

fn check_fee(fee: Option<i64>, amount: i64, connected: bool) -> Result<(), Failure> {
    let refuse = |message: &str| Err(Failure::invalid(message).param("application_fee_amount"));
    match fee {
        Some(_) if !connected => refuse(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment (using an \
             OAuth key or Stripe-Account header) or destination payment.",
        ),
        Some(fee) if fee < 0 || fee > amount => {
            refuse("The application fee must be at least 0 and no more than the amount.")
        }
        None | Some(_) => Ok(()),
    }
}
