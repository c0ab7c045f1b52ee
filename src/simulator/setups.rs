//! SetupIntents: the check of a saved card that moves no money.

use super::customers::{write_metadata, write_text};
use super::idempotency::Answer;
use super::methods::declined;
use super::objects::{Metadata, Standing};
use super::payments::{AUTHENTICATION, Setup, Status, Verdict};
use super::render;
use super::response::{Failure, Place, missing};
use super::shelf::{Order, Slot, Window};
use super::world::{Call, World, text};
use serde_json::Value;
use std::sync::Arc;

impl World {
    pub(super) fn create_setup(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let params = call.params;
        let customer = match params.filled("customer") {
            Some(id) => {
                let slot =
                    self.live_customer_slot(call.ledger, id, Place::Parameter("customer"))?;
                Some(Arc::clone(&self.customers.get(slot).object.id))
            }
            None => None,
        };
        let method = self.method_of(call, customer.as_deref())?;
        let confirm = params.flag("confirm") == Some(true);
        if confirm && method.is_none() {
            return Err(no_method());
        }
        let mut metadata = Metadata::new();
        write_metadata(&mut metadata, params)?;
        let mut setup = Setup {
            id: self.mint(call, "seti_"),
            created: call.moment.unix,
            livemode: call.livemode,
            status: if method.is_some() {
                Status::RequiresConfirmation
            } else {
                Status::RequiresPaymentMethod
            },
            customer,
            method,
            description: None,
            metadata,
            usage: params.filled("usage").unwrap_or("off_session").into(),
            last_error: None,
        };
        write_text(&mut setup.description, params, "description");
        let slot = self
            .setups
            .put(call.ledger, Arc::clone(&setup.id), call.moment.unix, setup);
        if confirm {
            self.set_up(call, slot)?;
        }
        Ok(text(&self.render_setup(self.setups.get(slot))))
    }

    pub(super) fn list_setups(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let window = Window::read(call.params, "setupintent", |id| {
            let slot = self.setups.slot_in(call.ledger, id)?;
            Some((self.setups.kept(slot).created, slot))
        })?;
        let customer = call.params.filled("customer");
        let wanted =
            |slot| customer.is_none() || self.setups.get(slot).customer.as_deref() == customer;
        let nothing = Order::new();
        let (page, more) = window.page(self.setups.order(call.ledger).unwrap_or(&nothing), wanted);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| self.render_setup(self.setups.get(slot)).to_string())
            .collect();
        Ok(Answer::Text(
            render::list("/v1/setup_intents", &data, more).into(),
        ))
    }

    pub(super) fn get_setup(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.setup_slot(call, id)?;
        Ok(text(&self.render_setup(self.setups.get(slot))))
    }

    pub(super) fn confirm_setup(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.setup_slot(call, id)?;
        let setup = self.setups.get(slot);
        if !matches!(
            setup.status,
            Status::RequiresPaymentMethod | Status::RequiresConfirmation
        ) {
            return Err(unexpected_state("confirm", setup.status));
        }
        let customer = setup.customer.clone();
        if let Some(method) = self.method_of(call, customer.as_deref())? {
            self.setups.get_mut(slot).method = Some(method);
        }
        self.set_up(call, slot)?;
        Ok(text(&self.render_setup(self.setups.get(slot))))
    }

    pub(super) fn cancel_setup(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.setup_slot(call, id)?;
        let setup = self.setups.get_mut(slot);
        if matches!(setup.status, Status::Succeeded | Status::Canceled) {
            return Err(unexpected_state("cancel", setup.status));
        }
        setup.status = Status::Canceled;
        Ok(text(&self.render_setup(self.setups.get(slot))))
    }

    /// Asks the issuer; a PaymentMethod that is set up for a customer is attached to it.
    fn set_up(&mut self, call: &Call<'_>, slot: Slot) -> Result<(), Failure> {
        let setup = self.setups.get(slot);
        let method = setup.method.ok_or_else(no_method)?;
        let customer = setup.customer.clone();
        self.usable(method, customer.as_deref())?;
        let why = match self.verdict(method, call.connected) {
            Verdict::Approved => {
                let keeper = customer.and_then(|id| self.customers.slot(&id));
                if let Some(keeper) =
                    keeper.filter(|_| self.methods.get(method).standing == Standing::Loose)
                {
                    self.attach_to(method, keeper);
                }
                self.setups.get_mut(slot).status = Status::Succeeded;
                return Ok(());
            }
            Verdict::Authenticate if self.setups.get(slot).last_error.is_none() => {
                self.setups.get_mut(slot).status = Status::RequiresAction;
                return Ok(());
            }
            Verdict::Authenticate => AUTHENTICATION,
            Verdict::Declined(why) => why,
        };
        let failure = declined(why);
        let error = serde_json::from_str::<Value>(&failure.body("", call.livemode, &call.account));
        let setup = self.setups.get_mut(slot);
        setup.status = Status::RequiresPaymentMethod;
        setup.method = None;
        setup.last_error = error.ok().map(|mut body| body["error"].take());
        let shown = self.render_setup(self.setups.get(slot));
        Err(failure.with("setup_intent", shown))
    }

    fn setup_slot(&self, call: &Call<'_>, id: &str) -> Result<Slot, Failure> {
        let slot = self.setups.slot_in(call.ledger, id);
        slot.ok_or_else(|| missing("setupintent", id, Place::Url("intent"), None))
    }
}

fn no_method() -> Failure {
    Failure::invalid("You cannot confirm this SetupIntent because it's missing a payment method.")
        .code("setup_intent_unexpected_state")
}

fn unexpected_state(verb: &str, status: Status) -> Failure {
    Failure::invalid(format!(
        "You cannot {verb} this SetupIntent because it has a status of {}.",
        status.name()
    ))
    .code("setup_intent_unexpected_state")
}
