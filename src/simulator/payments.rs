//! What payments leave behind: intents, charges, refunds and application fees, and how they look as JSON.

use super::methods::SPENT;
use super::objects::{Conduct, Decline, Instrument, Metadata, PaymentMethod, Standing, Text};
use super::render;
use super::response::Failure;
use super::shelf::Slot;
use super::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where a PaymentIntent or a SetupIntent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Intent {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub amount: i64,
    pub amount_received: i64,
    pub currency: Box<str>,
    pub status: Status,
    pub customer: Option<Arc<str>>,
    pub method: Option<Slot>,
    pub manual_capture: bool,
    pub fee: Option<i64>,
    pub charge: Option<Slot>,
    pub description: Text,
    pub metadata: Metadata,
    pub future_usage: Text,
    pub last_error: Option<Value>,
    pub canceled_at: Option<i64>,
    pub cancellation_reason: Text,
}

#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub status: Status,
    pub customer: Option<Arc<str>>,
    pub method: Option<Slot>,
    pub description: Text,
    pub metadata: Metadata,
    pub usage: Box<str>,
    pub last_error: Option<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub amount: i64,
    pub captured: i64,
    /// Authorised and not captured, once it is let go: Stripe shows it as refunded.
    pub released: i64,
    pub refunded: i64,
    pub currency: Box<str>,
    pub customer: Option<Arc<str>>,
    /// The PaymentMethod as it was when it was charged.
    pub method: Arc<PaymentMethod>,
    pub intent: Arc<str>,
    pub fee: Option<Slot>,
    pub failure: Option<Decline>,
    pub metadata: Metadata,
    pub description: Text,
}

#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub id: Arc<str>,
    pub created: i64,
    pub amount: i64,
    pub currency: Box<str>,
    pub charge: Arc<str>,
    pub intent: Arc<str>,
    pub reason: Text,
    pub metadata: Metadata,
}

#[derive(Debug, Clone)]
pub(super) struct Fee {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub account: Arc<str>,
    pub amount: i64,
    pub refunded: i64,
    pub currency: Box<str>,
    pub charge: Arc<str>,
}

/// Fields of a charge that the simulator has nothing to put in.
const NULL_IN_CHARGES: &[&str] = &[
    "application",
    "calculated_statement_descriptor",
    "failure_balance_transaction",
    "on_behalf_of",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

/// What the issuer says to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Approved,
    Declined(Decline),
    Authenticate,
}

/// What a cardholder who is not there cannot do.
pub(super) const AUTHENTICATION: Decline = Decline {
    code: "authentication_required",
    reason: Some("authentication_required"),
    message: "Your card was declined. This transaction requires authentication.",
    advice: "confirm_card_data",
};

impl World {
    /// Refuses a PaymentMethod that may not be used for this customer, before anything is created.
    pub(super) fn usable(&self, method: Slot, customer: Option<&str>) -> Result<(), Failure> {
        let record = self.methods.get(method);
        match record.standing {
            Standing::Loose => Ok(()),
            Standing::Spent => Err(Failure::invalid(SPENT)),
            Standing::Attached(owner) => {
                let owner = &self.customers.get(owner).object.id;
                if customer == Some(&**owner) {
                    return Ok(());
                }
                let id = &record.object.id;
                Err(Failure::invalid(format!(
                    "The PaymentMethod provided ({id}) belongs to a Customer. Please include that Customer in the \
                     `customer` parameter."
                ))
                .param("payment_method"))
            }
        }
    }

    pub(super) fn verdict(&self, method: Slot, connected: bool) -> Verdict {
        match self.methods.get(method).conduct {
            Conduct::DeclinesConnected(decline) if connected => Verdict::Declined(decline),
            Conduct::Good | Conduct::DeclinesConnected(_) => Verdict::Approved,
            Conduct::Declines(decline) | Conduct::DeclinesCharges(decline) => {
                Verdict::Declined(decline)
            }
            Conduct::Authenticates => Verdict::Authenticate,
        }
    }

    pub(super) fn render_intent(&self, intent: &Intent) -> Value {
        let charge = intent.charge.map(|slot| &self.charges.get(slot).id);
        let capturable = if intent.status == Status::RequiresCapture {
            intent.amount
        } else {
            0
        };
        let method = intent.method.map(|slot| &*self.methods.get(slot).object.id);
        let next_action =
            (intent.status == Status::RequiresAction).then(|| json!({"type": "use_stripe_sdk"}));
        json!({
            "id": &*intent.id, "object": "payment_intent", "amount": intent.amount, "amount_capturable": capturable,
            "amount_details": {"tip": {}}, "amount_received": intent.amount_received, "application": null,
            "application_fee_amount": intent.fee, "automatic_payment_methods": null,
            "canceled_at": intent.canceled_at, "cancellation_reason": intent.cancellation_reason,
            "capture_method": if intent.manual_capture { "manual" } else { "automatic" },
            "client_secret": format!("{}_secret_simulated", intent.id), "confirmation_method": "automatic",
            "created": intent.created, "currency": intent.currency, "customer": intent.customer.as_deref(),
            "customer_account": null, "description": intent.description, "excluded_payment_method_types": null,
            "last_payment_error": intent.last_error, "latest_charge": charge.map(|id| &**id),
            "livemode": intent.livemode, "metadata": render::metadata_value(&intent.metadata),
            "next_action": next_action, "on_behalf_of": null, "payment_method": method,
            "payment_method_configuration_details": null, "payment_method_options": {},
            "payment_method_types": ["card"], "processing": null, "receipt_email": null, "review": null,
            "setup_future_usage": intent.future_usage, "shipping": null, "source": null,
            "statement_descriptor": null, "statement_descriptor_suffix": null, "status": intent.status.name(),
            "transfer_data": null, "transfer_group": null,
        })
    }

    pub(super) fn render_setup(&self, setup: &Setup) -> Value {
        let next_action =
            (setup.status == Status::RequiresAction).then(|| json!({"type": "use_stripe_sdk"}));
        let method = setup.method.map(|slot| &*self.methods.get(slot).object.id);
        json!({
            "id": &*setup.id, "object": "setup_intent", "application": null, "automatic_payment_methods": null,
            "cancellation_reason": null, "client_secret": format!("{}_secret_simulated", setup.id),
            "created": setup.created, "customer": setup.customer.as_deref(), "customer_account": null,
            "description": setup.description, "excluded_payment_method_types": null, "flow_directions": null,
            "last_setup_error": setup.last_error, "latest_attempt": null, "livemode": setup.livemode, "mandate": null,
            "metadata": render::metadata_value(&setup.metadata), "next_action": next_action, "on_behalf_of": null,
            "payment_method": method, "payment_method_configuration_details": null, "payment_method_options": {},
            "payment_method_types": ["card"], "single_use_mandate": null, "status": setup.status.name(),
            "usage": &*setup.usage,
        })
    }

    pub(super) fn render_charge(&self, charge: &Charge) -> Value {
        let method = &charge.method;
        let details = match &method.instrument {
            Instrument::Card(card) => json!({"type": "card", "card": render::card_value(card)}),
            other @ (Instrument::UsBankAccount(_) | Instrument::Other(_)) => {
                json!({"type": other.type_name()})
            }
        };
        let fee = charge.fee.map(|slot| self.fees.get(slot));
        let outcome = match charge.failure {
            None => {
                json!({"advice_code": null, "network_advice_code": null, "network_decline_code": null,
                "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
                "seller_message": "Payment complete.", "type": "authorized"})
            }
            Some(why) => {
                json!({"advice_code": why.advice, "network_advice_code": null, "network_decline_code": "01",
                "network_status": "declined_by_network", "reason": why.reason, "risk_level": "normal",
                "seller_message": "The bank did not return any further details with this decline.",
                "type": "issuer_declined"})
            }
        };
        let paid = charge.failure.is_none();
        let number = charge.id.trim_start_matches("ch_");
        let mut shown = json!({
            "id": &*charge.id, "object": "charge", "amount": charge.amount, "amount_captured": charge.captured,
            "amount_refunded": charge.released + charge.refunded, "application_fee": fee.map(|fee| &*fee.id),
            "application_fee_amount": fee.map(|fee| fee.amount),
            "balance_transaction": (charge.captured > 0).then(|| format!("txn_{number}")),
            "billing_details": render::billing_value(method.billing.as_deref()),
            "captured": charge.captured > 0, "created": charge.created,
            "currency": charge.currency, "customer": charge.customer.as_deref(), "description": charge.description,
            "disputed": false, "failure_code": charge.failure.map(|why| why.code),
            "failure_message": charge.failure.map(|why| why.message), "fraud_details": {},
            "livemode": charge.livemode, "metadata": render::metadata_value(&charge.metadata), "outcome": outcome,
            "paid": paid, "payment_intent": &*charge.intent, "payment_method": &*method.id,
            "payment_method_details": details, "refunded": charge.released + charge.refunded == charge.amount,
            "status": if paid { "succeeded" } else { "failed" },
        });
        for name in NULL_IN_CHARGES {
            shown[*name] = Value::Null;
        }
        shown
    }
}

pub(super) fn render_refund(refund: &Refund) -> Value {
    let number = refund.id.trim_start_matches("re_");
    json!({
        "id": &*refund.id, "object": "refund", "amount": refund.amount,
        "balance_transaction": format!("txn_{number}"), "charge": &*refund.charge, "created": refund.created,
        "currency": refund.currency, "customer": null, "customer_account": null,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": render::metadata_value(&refund.metadata), "payment_intent": &*refund.intent,
        "payment_method": null, "reason": refund.reason, "receipt_number": null, "source_transfer_reversal": null,
        "status": "succeeded", "transfer_reversal": null,
    })
}

pub(super) fn render_fee(fee: &Fee) -> Value {
    json!({
        "id": &*fee.id, "object": "application_fee", "account": &*fee.account, "amount": fee.amount,
        "amount_refunded": fee.refunded, "application": "ca_simulated", "balance_transaction": null,
        "charge": &*fee.charge, "created": fee.created, "currency": fee.currency,
        "fee_source": {"charge": &*fee.charge, "type": "charge"}, "livemode": fee.livemode,
        "originating_transaction": null, "refunded": fee.refunded == fee.amount,
        "refunds": {"object": "list", "data": [], "has_more": false,
            "url": format!("/v1/application_fees/{}/refunds", fee.id)},
    })
}
