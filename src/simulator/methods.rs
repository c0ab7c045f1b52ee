//! PaymentMethods: create, read, update, attach, detach, list. Cloning has a file of its own.

use super::customers::{write_address, write_metadata, write_text};
use super::expand;
use super::idempotency::Answer;
use super::objects::{Billing, Conduct, Decline, Instrument, PaymentMethod, Standing};
use super::params::{Params, missing_param};
use super::render;
use super::response::{Failure, Kind, Place};
use super::schema;
use super::shelf::{Order, Slot, Window};
use super::sources::new_method;
use super::testcards::{self, Model};
use super::world::{Call, World};
use std::sync::Arc;

const NOUN: &str = "PaymentMethod";
pub(super) const ALREADY_ATTACHED: &str =
    "The payment method you provided has already been attached to a customer.";
pub(super) const SPENT: &str = "This PaymentMethod was previously used without being attached to a Customer or was \
                                detached from a Customer, and may not be used again.";

/// A PaymentMethod that may be attached: one that exists, or a test id that stands for a new one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attachable {
    Existing(Slot),
    Template(Model),
}

impl World {
    /// Checks everything that could forbid attaching to `customer` (none yet: one that is about to be created).
    pub(super) fn attachable(
        &mut self,
        call: &Call<'_>,
        id: &str,
        place: Place<'_>,
        customer: Option<Slot>,
    ) -> Result<Attachable, Failure> {
        let (found, conduct) = if let Some(model) = testcards::payment_method(id) {
            (Attachable::Template(model), model.conduct)
        } else {
            let slot = self.method_slot(call.ledger, id, place)?;
            let record = self.methods.get(slot);
            match record.standing {
                Standing::Loose => {}
                Standing::Spent => return Err(Failure::invalid(SPENT)),
                Standing::Attached(owner)
                    if Some(owner) == customer && !self.laws.refuse_reattach =>
                {
                    return Ok(Attachable::Existing(slot));
                }
                Standing::Attached(_) => return Err(Failure::invalid(ALREADY_ATTACHED)),
            }
            (Attachable::Existing(slot), record.conduct)
        };
        match conduct {
            Conduct::Declines(decline) => Err(declined(decline)),
            Conduct::DeclinesConnected(decline) if call.connected => Err(declined(decline)),
            Conduct::Good
            | Conduct::DeclinesConnected(_)
            | Conduct::DeclinesCharges(_)
            | Conduct::Authenticates => Ok(found),
        }
    }

    /// The slot of what was found attachable; a test id becomes a new object.
    pub(super) fn materialise(&mut self, call: &Call<'_>, found: Attachable) -> Slot {
        match found {
            Attachable::Existing(slot) => slot,
            Attachable::Template(model) => self.put_model(call, model),
        }
    }

    pub(super) fn attach_method(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        if testcards::payment_method(id).is_none() {
            self.method_slot(call.ledger, id, Place::Url("payment_method"))?;
        }
        let customer = call
            .params
            .filled("customer")
            .ok_or_else(|| missing_param("customer"))?;
        let customer =
            self.live_customer_slot(call.ledger, customer, Place::Parameter("customer"))?;
        let found = self.attachable(call, id, Place::Url("payment_method"), Some(customer))?;
        let slot = self.materialise(call, found);
        if self.methods.get(slot).standing == Standing::Loose {
            self.attach_to(slot, customer);
        }
        Ok(self.method_answer(call, slot))
    }

    pub(super) fn detach_method(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.method_slot(call.ledger, id, Place::Url("payment_method"))?;
        let Standing::Attached(customer) = self.methods.get(slot).standing else {
            return Err(Failure::invalid(
                "The payment method you provided is not attached to a customer so detachment is impossible.",
            ));
        };
        let before = Arc::clone(&self.methods.get(slot).object);
        let record = self.customers.get_mut(customer);
        record.methods.retain(|&method| method != slot);
        if record.object.default_payment_method.as_deref() == Some(id) {
            Arc::make_mut(&mut record.object).default_payment_method = None;
        }
        self.spend(slot);
        let at = (call.ledger, call.moment.unix);
        self.method_changed(at, "payment_method.detached", &before, slot);
        Ok(self.method_answer(call, slot))
    }

    /// Makes a PaymentMethod unusable for good: detached, or used without being attached.
    pub(super) fn spend(&mut self, slot: Slot) {
        let record = self.methods.get_mut(slot);
        record.standing = Standing::Spent;
        if record.object.customer.is_some() {
            Arc::make_mut(&mut record.object).customer = None;
        }
    }

    pub(super) fn create_method(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        if call.params.names("payment_method") {
            return self.clone_method(call);
        }
        let kind = call
            .params
            .filled("type")
            .ok_or_else(|| missing_param("type"))?;
        let model = match kind {
            "card" => card_model(call.params)?,
            "us_bank_account" => {
                let number = "us_bank_account[account_number]";
                let number = call
                    .params
                    .filled(number)
                    .ok_or_else(|| missing_param(number))?;
                testcards::us_bank_account(number)
            }
            other => Model {
                instrument: Instrument::Other(known_type(other)?),
                conduct: Conduct::Good,
            },
        };
        let mut object = new_method(
            self.mint(call, "pm_"),
            call.moment.unix,
            call.livemode,
            model.instrument,
        );
        write_fields(&mut object, call.params)?;
        let slot = self.put_method(call.ledger, object, model.conduct);
        Ok(self.method_answer(call, slot))
    }

    pub(super) fn get_method(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        if let Some(model) = testcards::payment_method(id) {
            // Not kept: a read changes nothing, so the world can be rebuilt from its writes.
            let object = new_method(
                self.mint(call, "pm_"),
                call.moment.unix,
                call.livemode,
                model.instrument,
            );
            return Ok(Answer::PaymentMethod(Arc::new(object)));
        }
        let slot = self.method_slot(call.ledger, id, Place::Url("payment_method"))?;
        Ok(self.method_answer(call, slot))
    }

    pub(super) fn update_method(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.method_slot(call.ledger, id, Place::Url("payment_method"))?;
        let record = self.methods.get(slot);
        if !matches!(record.standing, Standing::Attached(_)) {
            return Err(Failure::invalid(
                "You must save this PaymentMethod to a customer before you can update it.",
            ));
        }
        let mut object = PaymentMethod::clone(&record.object);
        write_fields(&mut object, call.params)?;
        let before = std::mem::replace(&mut self.methods.get_mut(slot).object, Arc::new(object));
        let at = (call.ledger, call.moment.unix);
        self.method_changed(at, "payment_method.updated", &before, slot);
        Ok(self.method_answer(call, slot))
    }

    pub(super) fn list_customer_methods(
        &mut self,
        call: &Call<'_>,
        id: &str,
    ) -> Result<Answer, Failure> {
        let customer = self.live_customer_slot(call.ledger, id, Place::Url("customer"))?;
        self.page_of_methods(
            call,
            Some(customer),
            &format!("/v1/customers/{id}/payment_methods"),
        )
    }

    pub(super) fn get_customer_method(
        &mut self,
        call: &Call<'_>,
        id: &str,
        method: &str,
    ) -> Result<Answer, Failure> {
        let customer = self.live_customer_slot(call.ledger, id, Place::Url("customer"))?;
        let place = Place::Url("payment_method");
        let slot = self.method_slot(call.ledger, method, place)?;
        if self.methods.get(slot).standing != Standing::Attached(customer) {
            return Err(super::response::missing(NOUN, method, place, None));
        }
        Ok(self.method_answer(call, slot))
    }

    pub(super) fn list_methods(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let customer = match call.params.filled("customer") {
            Some(id) => {
                Some(self.live_customer_slot(call.ledger, id, Place::Parameter("customer"))?)
            }
            None => None,
        };
        self.page_of_methods(call, customer, "/v1/payment_methods")
    }

    /// Attached PaymentMethods, of one customer or of all: one that is not attached is in no list.
    fn page_of_methods(
        &self,
        call: &Call<'_>,
        customer: Option<Slot>,
        url: &str,
    ) -> Result<Answer, Failure> {
        let place_of = |slot: Slot| (self.methods.kept(slot).created, slot);
        let window = Window::read(call.params, NOUN, |id| {
            self.methods.slot_in(call.ledger, id).map(place_of)
        })?;
        let kind = call.params.filled("type");
        let redisplay = call.params.filled("allow_redisplay");
        let wanted = |slot: Slot| {
            let record = self.methods.get(slot);
            matches!(record.standing, Standing::Attached(_))
                && kind.is_none_or(|kind| record.object.instrument.type_name() == kind)
                && redisplay.is_none_or(|redisplay| record.object.allow_redisplay == redisplay)
        };
        let nothing = Order::new();
        let own: Order;
        let order = match customer {
            Some(customer) => {
                own = self
                    .customers
                    .get(customer)
                    .methods
                    .iter()
                    .map(|&slot| place_of(slot))
                    .collect();
                &own
            }
            None => self.methods.order(call.ledger).unwrap_or(&nothing),
        };
        let (page, more) = window.page(order, wanted);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| self.render_method(call, slot, "data."))
            .collect();
        Ok(Answer::Text(render::list(url, &data, more).into()))
    }

    /// The PaymentMethod as it is now, expanded as the call asks.
    pub(super) fn method_answer(&self, call: &Call<'_>, slot: Slot) -> Answer {
        if call.params.names("expand") {
            return Answer::Text(self.render_method(call, slot, "").into());
        }
        Answer::PaymentMethod(Arc::clone(&self.methods.get(slot).object))
    }

    fn render_method(&self, call: &Call<'_>, slot: Slot, prefix: &str) -> String {
        let record = self.methods.get(slot);
        let wanted = expand::wants(call.params, &format!("{prefix}customer"));
        let owner = match record.standing {
            Standing::Attached(owner) if wanted => {
                Some(render::customer_value(&self.customers.get(owner).object))
            }
            Standing::Attached(_) | Standing::Loose | Standing::Spent => None,
        };
        render::payment_method(&record.object, owner)
    }
}

/// 402 `card_error`.
pub(super) fn declined(decline: Decline) -> Failure {
    let mut failure = Failure::new(402, Kind::Card, decline.message)
        .code(decline.code)
        .with("advice_code", decline.advice);
    if let Some(code) = decline.reason {
        failure = failure
            .with("decline_code", code)
            .with("network_decline_code", "01");
    }
    failure
}

/// The model that `card[…]` names: a token or one of the published test numbers.
fn card_model(params: &Params) -> Result<Model, Failure> {
    if let Some(token) = params.filled("card[token]") {
        return testcards::token(token).ok_or_else(|| {
            super::response::missing("token", token, Place::Parameter("card[token]"), None)
        });
    }
    let number = params
        .filled("card[number]")
        .ok_or_else(|| missing_param("card[number]"))?;
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let mut model = testcards::number(&digits).ok_or_else(|| {
        Failure::new(402, Kind::Card, "Your card number is incorrect.")
            .code("incorrect_number")
            .param("number")
    })?;
    if let Instrument::Card(card) = &mut model.instrument {
        card.cvc_check = params.filled("card[cvc]").map(|_| "unchecked");
    }
    write_expiry(&mut model.instrument, params)?;
    Ok(model)
}

fn write_expiry(instrument: &mut Instrument, params: &Params) -> Result<(), Failure> {
    let Instrument::Card(card) = instrument else {
        return Ok(());
    };
    let refuse = |what: &str, param: &str, code| {
        Failure::new(
            402,
            Kind::Card,
            format!("Your card's expiration {what} is invalid."),
        )
        .code(code)
        .param(param)
    };
    if let Some(month) = params.integer("card[exp_month]") {
        let month = u8::try_from(month)
            .ok()
            .filter(|month| (1..=12).contains(month));
        card.exp_month =
            month.ok_or_else(|| refuse("month", "exp_month", "invalid_expiry_month"))?;
    }
    if let Some(year) = params.integer("card[exp_year]") {
        let year = u16::try_from(if year < 100 { year + 2000 } else { year }).ok();
        let year = year.filter(|year| (1970..=2100).contains(year));
        card.exp_year = year.ok_or_else(|| refuse("year", "exp_year", "invalid_expiry_year"))?;
    }
    Ok(())
}

/// What create and update may set.
fn write_fields(method: &mut PaymentMethod, params: &Params) -> Result<(), Failure> {
    write_expiry(&mut method.instrument, params)?;
    if params.names("billing_details") {
        let billing: &mut Billing = method.billing.get_or_insert_default();
        write_address(&mut billing.address, params, "billing_details[address]");
        write_text(&mut billing.email, params, "billing_details[email]");
        write_text(&mut billing.name, params, "billing_details[name]");
        write_text(&mut billing.phone, params, "billing_details[phone]");
    }
    if let Some(redisplay) = params.filled("allow_redisplay") {
        method.allow_redisplay = match redisplay {
            "always" => "always",
            "limited" => "limited",
            _ => "unspecified",
        };
    }
    write_metadata(&mut method.metadata, params)
}

/// The static name of a type that the parameter table has let through.
pub(super) fn known_type(name: &str) -> Result<&'static str, Failure> {
    super::tables::TYPES
        .iter()
        .copied()
        .find(|known| *known == name)
        .ok_or_else(|| schema::unknown_word("type", name))
}
