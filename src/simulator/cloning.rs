//! Cloning: `POST /v1/payment_methods` with `payment_method`, as a connected account.
//!
//! The one call in which ids of the *platform's* objects are given to a connected account. Facts:
//! <https://docs.stripe.com/connect/direct-charges-multiple-accounts> and observed test-mode traffic. Where Stripe is
//! silent, the simulator takes the reading that punishes a careless client:
//!
//! - an unattached source is consumed even if `customer` is given;
//! - `metadata`, `allow_redisplay` and `billing_details` sent along are not honoured, the source's billing details are
//!   carried over;
//! - a type that cannot be cloned is a 400 `payment_method_unsupported_type`, another customer's source a 400.

use super::idempotency::Answer;
use super::methods::SPENT;
use super::objects::{Instrument, PaymentMethod, Standing};
use super::params::missing_param;
use super::response::{Failure, Place};
use super::sources::new_method;
use super::testcards;
use super::world::{Call, World};
use std::sync::Arc;

impl World {
    pub(super) fn clone_method(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        let name = "payment_method";
        let id = call
            .params
            .filled(name)
            .ok_or_else(|| missing_param(name))?;
        if !call.connected {
            return Err(Failure::invalid(
                "You can only clone a PaymentMethod to a connected account: the header `Stripe-Account` is missing.",
            )
            .param(name));
        }
        if let Some(model) = testcards::payment_method(id) {
            let slot = self.put_model(call, model);
            return Ok(self.method_answer(call, slot));
        }
        let platform = self.platform_ledger(call.livemode);
        let source = self.method_slot(platform, id, Place::Parameter(name))?;
        let customer = match call.params.filled("customer") {
            Some(customer) => {
                Some(self.live_customer_slot(platform, customer, Place::Parameter("customer"))?)
            }
            None => None,
        };
        let record = self.methods.get(source);
        if let Instrument::Other(kind) = record.object.instrument {
            return Err(unclonable(kind));
        }
        match (record.standing, customer) {
            (Standing::Spent, _) => return Err(Failure::invalid(SPENT)),
            (Standing::Attached(owner), Some(given)) if owner == given => {}
            (Standing::Attached(_), Some(_)) => return Err(not_the_owner(id)),
            (Standing::Attached(_), None) => {
                return Err(Failure::invalid(
                    "The payment method you provided is attached to a customer, so for security purposes you must \
                     provide the customer in the request.",
                )
                .param("customer"));
            }
            (Standing::Loose, _) => {}
        }
        let consumed = record.standing == Standing::Loose;
        let (original, conduct) = (Arc::clone(&record.object), record.conduct);
        if consumed {
            self.spend(source);
        }
        let blank = new_method(
            self.mint(call, "pm_"),
            call.moment.unix,
            call.livemode,
            original.instrument,
        );
        let object = PaymentMethod {
            billing: original.billing.clone(),
            ..blank
        };
        let slot = self.put_method(call.ledger, object, conduct);
        Ok(self.method_answer(call, slot))
    }
}

fn unclonable(kind: &str) -> Failure {
    Failure::invalid(format!(
        "PaymentMethods of type `{kind}` cannot be cloned to a connected account. Only `card` and `us_bank_account` can."
    ))
    .code("payment_method_unsupported_type")
    .param("payment_method")
}

fn not_the_owner(id: &str) -> Failure {
    Failure::invalid(format!(
        "The customer does not have a payment method with the ID {id}. The payment method must be attached to the \
         customer."
    ))
    .param("payment_method")
}
