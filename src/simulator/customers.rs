//! Customers: create, read, update, delete, list.

use super::expand;
use super::idempotency::Answer;
use super::objects::{Address, Customer, Metadata, Shipping, Text};
use super::params::Params;
use super::render;
use super::response::{Failure, Place, missing};
use super::schema;
use super::shelf::{Order, Slot, Window};
use super::world::{Call, World};
use std::sync::Arc;

const NOUN: &str = "customer";
const DEFAULT_METHOD: &str = "invoice_settings[default_payment_method]";

impl World {
    pub(super) fn create_customer(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        for (param, noun) in [("source", "token"), ("test_clock", "test clock")] {
            if let Some(id) = call.params.filled(param) {
                return Err(missing(noun, id, Place::Parameter(param), None));
            }
        }
        let given = call.params.filled("payment_method");
        let method = match given {
            Some(id) => {
                Some(self.attachable(call, id, Place::Parameter("payment_method"), None)?)
            }
            None => None,
        };
        let default = call.params.filled(DEFAULT_METHOD);
        if let Some(id) = default.filter(|&id| Some(id) != given) {
            return Err(not_theirs(id));
        }
        let mut object = Customer::blank(self.mint(call, "cus_"), call.moment.unix, call.livemode);
        write_fields(&mut object, call.params)?;
        let slot = self.put_customer(call.ledger, object);
        if let Some(method) = method {
            let method = self.materialise(call, method);
            self.attach_to(method, slot);
            if default.is_some() {
                let id = Arc::clone(&self.methods.get(method).object.id);
                Arc::make_mut(&mut self.customers.get_mut(slot).object).default_payment_method =
                    Some(id);
            }
        }
        Ok(self.customer_answer(call, slot))
    }

    pub(super) fn get_customer(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.customer_slot(call.ledger, id, Place::Url("id"))?;
        if self.customers.get(slot).deleted {
            return Ok(Answer::Text(render::deleted_customer(id).into()));
        }
        Ok(self.customer_answer(call, slot))
    }

    pub(super) fn update_customer(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.live_customer_slot(call.ledger, id, Place::Url("id"))?;
        for param in ["source", "default_source"] {
            if let Some(source) = call.params.filled(param) {
                return Err(missing("source", source, Place::Parameter(param), None));
            }
        }
        let mut object = Customer::clone(&self.customers.get(slot).object);
        match call.params.get(DEFAULT_METHOD) {
            Some("") => object.default_payment_method = None,
            Some(method) => object.default_payment_method = Some(self.owned_method(slot, method)?),
            None => {}
        }
        write_fields(&mut object, call.params)?;
        let record = self.customers.get_mut(slot);
        record.object = Arc::new(object);
        record.changed = call.moment.unix;
        Ok(self.customer_answer(call, slot))
    }

    pub(super) fn delete_customer(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.live_customer_slot(call.ledger, id, Place::Url("id"))?;
        for method in std::mem::take(&mut self.customers.get_mut(slot).methods) {
            self.spend(method);
        }
        self.end_subscriptions(slot, call.moment.unix);
        let record = self.customers.get_mut(slot);
        record.deleted = true;
        record.changed = call.moment.unix;
        self.customers.unlist(slot);
        Ok(Answer::Text(render::deleted_customer(id).into()))
    }

    pub(super) fn list_customers(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        if let Some(clock) = call.params.filled("test_clock") {
            return Err(missing(
                "test clock",
                clock,
                Place::Parameter("test_clock"),
                None,
            ));
        }
        let window = Window::read(call.params, NOUN, |id| {
            let slot = self.customers.slot_in(call.ledger, id)?;
            Some((self.customers.kept(slot).created, slot))
        })?;
        let email = call.params.filled("email");
        let wanted = |slot: Slot| {
            email
                .is_none_or(|email| self.customers.get(slot).object.email.as_deref() == Some(email))
        };
        let nothing = Order::new();
        let order = self.customers.order(call.ledger).unwrap_or(&nothing);
        let (page, more) = window.page(order, wanted);
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| self.render_customer(call, slot, "data."))
            .collect();
        Ok(Answer::Text(
            render::list("/v1/customers", &data, more).into(),
        ))
    }

    /// The customer as it is now, expanded as the call asks.
    pub(super) fn customer_answer(&self, call: &Call<'_>, slot: Slot) -> Answer {
        if call.params.names("expand") {
            return Answer::Text(self.render_customer(call, slot, "").into());
        }
        Answer::Customer(Arc::clone(&self.customers.get(slot).object))
    }

    pub(super) fn render_customer(&self, call: &Call<'_>, slot: Slot, prefix: &str) -> String {
        let customer = &self.customers.get(slot).object;
        let wanted = expand::wants(
            call.params,
            &format!("{prefix}invoice_settings.default_payment_method"),
        );
        let default = customer
            .default_payment_method
            .as_deref()
            .filter(|_| wanted);
        let method = default.and_then(|id| self.methods.slot(id));
        render::customer(
            customer,
            method.map(|method| render::payment_method_value(&self.methods.get(method).object)),
        )
    }

    /// The id of one of the customer's own PaymentMethods.
    fn owned_method(&self, customer: Slot, id: &str) -> Result<Arc<str>, Failure> {
        let owned = &self.customers.get(customer).methods;
        let slot = self.methods.slot(id).filter(|slot| owned.contains(slot));
        slot.map(|slot| Arc::clone(&self.methods.get(slot).object.id))
            .ok_or_else(|| not_theirs(id))
    }
}

fn not_theirs(id: &str) -> Failure {
    let hint = format!(
        "The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer."
    );
    missing(
        "PaymentMethod",
        id,
        Place::Parameter(DEFAULT_METHOD),
        Some(&hint),
    )
}

/// Sets what the parameters say; an empty string unsets.
fn write_fields(customer: &mut Customer, params: &Params) -> Result<(), Failure> {
    write_text(&mut customer.email, params, "email");
    write_text(&mut customer.name, params, "name");
    write_text(&mut customer.phone, params, "phone");
    write_text(&mut customer.description, params, "description");
    if params.get("address") == Some("") {
        customer.address = None;
    } else if params.names("address") {
        write_address(customer.address.get_or_insert_default(), params, "address");
    }
    write_metadata(&mut customer.metadata, params)?;
    write_rare(customer, params);
    Ok(())
}

fn write_rare(customer: &mut Customer, params: &Params) {
    const NAMES: [&str; 9] = [
        "balance",
        "business_name",
        "individual_name",
        "invoice_prefix",
        "invoice_settings[footer]",
        "next_invoice_sequence",
        "preferred_locales",
        "shipping",
        "tax_exempt",
    ];
    if !NAMES.iter().any(|name| params.names(name)) {
        return;
    }
    let rare = customer.rare_mut();
    write_text(&mut rare.business_name, params, "business_name");
    write_text(&mut rare.individual_name, params, "individual_name");
    write_text(&mut rare.invoice_prefix, params, "invoice_prefix");
    write_text(&mut rare.footer, params, "invoice_settings[footer]");
    write_text(&mut rare.tax_exempt, params, "tax_exempt");
    rare.balance = params.integer("balance").unwrap_or(rare.balance);
    rare.next_invoice_sequence = params
        .integer("next_invoice_sequence")
        .or(rare.next_invoice_sequence);
    if params.names("preferred_locales") {
        rare.preferred_locales = params
            .list("preferred_locales")
            .into_iter()
            .map(Box::from)
            .collect();
    }
    if params.get("shipping") == Some("") {
        rare.shipping = None;
    } else if params.names("shipping") {
        let shipping: &mut Shipping = rare.shipping.get_or_insert_default();
        write_address(&mut shipping.address, params, "shipping[address]");
        write_text(&mut shipping.name, params, "shipping[name]");
        write_text(&mut shipping.phone, params, "shipping[phone]");
    }
}

pub(super) fn write_text(field: &mut Text, params: &Params, name: &str) {
    if let Some(value) = params.get(name) {
        *field = Some(value).filter(|value| !value.is_empty()).map(Box::from);
    }
}

pub(super) fn write_address(address: &mut Address, params: &Params, name: &str) {
    let fields = [
        (&mut address.city, "city"),
        (&mut address.country, "country"),
        (&mut address.line1, "line1"),
        (&mut address.line2, "line2"),
        (&mut address.postal_code, "postal_code"),
        (&mut address.state, "state"),
    ];
    for (field, member) in fields {
        write_text(field, params, &format!("{name}[{member}]"));
    }
}

/// Merges: a key with an empty value is unset, `metadata=` unsets all.
pub(super) fn write_metadata(metadata: &mut Metadata, params: &Params) -> Result<(), Failure> {
    if params.get("metadata") == Some("") {
        metadata.clear();
    }
    for (key, value) in params.hash("metadata") {
        match metadata.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, old)) => *old = value.into(),
            None => metadata.push((key.into(), value.into())),
        }
    }
    metadata.retain(|(_, value)| !value.is_empty());
    if metadata.len() > 50 {
        return Err(schema::too_much_metadata(metadata.len()));
    }
    Ok(())
}
