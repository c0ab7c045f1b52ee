//! PURE. The payments of `verify --charge`: what is asked, on the connected account and as a direct charge, and what the answers
//! mean. All of it is apart from the migration's own writes, which move no money.
//!
//! Hazards: (1) without `payment_method_types` the Dashboard's methods apply and Stripe wants a `return_url`; (2) a decline is a 402
//! that carries the whole intent, which is there and has to be cancelled; (3) `error.payment_intent` holds a `client_secret`: nothing of
//! it but id, status and reason is read.

mod answer;
mod facts;
#[cfg(test)]
mod tests;

use form_urlencoded::Serializer;

pub use answer::{Made, Paid, Refused};
pub use facts::{ApplicationFeeFacts, BalanceFacts, ChargeFacts, IntentFacts, Money, RefundFacts};

pub(super) use answer::classify_payment;

use super::request::{Endpoint, MARKER_LEGACY_ID, MARKER_MIGRATION, Markers, Request};
use crate::ids::{AccountId, CustomerId, IntentId, PaymentMethodId};
use crate::proof::Terms;

/// Metadata key that holds a proof's mark, on every intent and refund that `verify --charge` makes.
pub const MARKER_PROOF: &str = "pmclone_verify";

/// What people see in the Dashboard and on the receipt of the merchant.
const DESCRIPTION: &str =
    "pmclone verify: proves that a migrated card can be charged; taken back at once";

/// Whose card, and where.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// The connected account.
    pub account: &'a AccountId,
    /// The Customer there.
    pub customer: &'a CustomerId,
    /// The clone, which is attached to that Customer.
    pub payment_method: &'a PaymentMethodId,
    /// Whose it is.
    pub markers: Markers<'a>,
    /// The proof's own mark, by which its intent is found again.
    pub mark: &'a str,
}

/// A write that holds, takes or gives back money, or asks the issuer. It is sent only with a [`crate::store::Started`].
#[derive(Debug, Clone, Copy)]
pub enum Payment<'a> {
    /// `POST /v1/payment_intents`: off-session, confirmed, with manual capture.
    Authorize {
        /// Whose card.
        card: Card<'a>,
        /// Amounts.
        terms: &'a Terms,
    },
    /// `POST /v1/setup_intents`: off-session, confirmed.
    SetUp {
        /// Whose card.
        card: Card<'a>,
    },
    /// `POST /v1/payment_intents/{intent}/capture`.
    Capture {
        /// The intent.
        intent: &'a IntentId,
        /// How much of it, in the smallest unit.
        amount: i64,
        /// Where.
        account: &'a AccountId,
    },
    /// `POST /v1/refunds` of all that was captured.
    Refund {
        /// The intent.
        intent: &'a IntentId,
        /// Whether there is an application fee that goes back too.
        fee: bool,
        /// The proof's mark.
        mark: &'a str,
        /// Where.
        account: &'a AccountId,
    },
    /// `POST /v1/payment_intents/{intent}/cancel`, or the same of a `SetupIntent`.
    Cancel {
        /// The intent.
        intent: &'a IntentId,
        /// Where.
        account: &'a AccountId,
    },
}

impl IntentId {
    /// True for a `SetupIntent`.
    pub fn is_setup(&self) -> bool {
        self.as_str().starts_with("seti_")
    }
}

impl Payment<'_> {
    /// The request. The same write gives the same bytes, always.
    pub fn request(&self) -> Request {
        let (endpoint, path, body) = match *self {
            Self::Authorize { card, terms } => (
                Endpoint::CreatePaymentIntent,
                "/v1/payment_intents".to_owned(),
                authorize(card, terms),
            ),
            Self::SetUp { card } => (
                Endpoint::CreateSetupIntent,
                "/v1/setup_intents".to_owned(),
                set_up(card),
            ),
            Self::Capture { intent, amount, .. } => (
                Endpoint::CapturePaymentIntent,
                format!("/v1/payment_intents/{intent}/capture"),
                form(&[("amount_to_capture", &amount.to_string())]),
            ),
            Self::Refund {
                intent, fee, mark, ..
            } => {
                let mark = (format!("metadata[{MARKER_PROOF}]"), mark);
                let mut pairs = vec![("payment_intent", intent.as_str())];
                if fee {
                    pairs.push(("refund_application_fee", "true"));
                }
                pairs.push((&mark.0, mark.1));
                (
                    Endpoint::CreateRefund,
                    "/v1/refunds".to_owned(),
                    form(&pairs),
                )
            }
            Self::Cancel { intent, .. } if intent.is_setup() => (
                Endpoint::CancelSetupIntent,
                format!("/v1/setup_intents/{intent}/cancel"),
                form(&[("cancellation_reason", "abandoned")]),
            ),
            Self::Cancel { intent, .. } => (
                Endpoint::CancelPaymentIntent,
                format!("/v1/payment_intents/{intent}/cancel"),
                form(&[("cancellation_reason", "abandoned")]),
            ),
        };
        Request::new(endpoint, path, body, Some(self.account()))
    }

    /// The connected account that it runs on.
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Authorize { card, .. } | Self::SetUp { card } => card.account,
            Self::Capture { account, .. }
            | Self::Refund { account, .. }
            | Self::Cancel { account, .. } => account,
        }
    }
}

fn authorize(card: Card<'_>, terms: &Terms) -> String {
    let mut body = Serializer::new(String::with_capacity(512));
    body.append_pair("amount", &terms.amount.to_string())
        .append_pair("currency", &terms.currency);
    if terms.fee > 0 {
        body.append_pair("application_fee_amount", &terms.fee.to_string());
    }
    body.append_pair("capture_method", "manual")
        .append_pair("off_session", "true");
    of_card(&mut body, card);
    body.finish()
}

fn set_up(card: Card<'_>) -> String {
    let mut body = Serializer::new(String::with_capacity(512));
    body.append_pair("usage", "off_session");
    of_card(&mut body, card);
    body.finish()
}

fn of_card(body: &mut Serializer<'_, String>, card: Card<'_>) {
    let mark = |name: &str| format!("metadata[{name}]");
    body.append_pair("confirm", "true")
        .append_pair("customer", card.customer.as_str())
        .append_pair("payment_method", card.payment_method.as_str())
        .append_pair("payment_method_types[]", "card")
        .append_pair("description", DESCRIPTION)
        .append_pair(&mark(MARKER_MIGRATION), &card.markers.migration.to_string())
        .append_pair(&mark(MARKER_LEGACY_ID), card.markers.legacy_id.as_str())
        .append_pair(&mark(MARKER_PROOF), card.mark);
}

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}
