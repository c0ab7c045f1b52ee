//! PURE. Stripe's final no: what its error envelope says, and how far it reaches.
//!
//! Hazard: "already attached" has no `code`, `account_invalid` has no request id, and new codes come every month. So every
//! field is an open string, and only `message` tells some cases apart.

use serde_json::{Map, Value};

use super::redact::{mask, redact};
use crate::ids::{PaymentMethodId, RequestId};
use crate::legacy::Details;

/// What Stripe's `error` object says (<https://docs.stripe.com/api/errors>). Secrets, e-mail-like words and long numbers are
/// masked in `message` from the start; [`Refusal::redacted`] also takes out the customer's own values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `invalid_request_error`, `card_error`, …: an open set, empty where Stripe gave none.
    pub error_type: String,
    /// An open set, and often absent.
    pub code: Option<String>,
    /// Why the issuer declined, for card errors.
    pub decline_code: Option<String>,
    /// The parameter that is at fault, in Stripe's bracket notation.
    pub param: Option<String>,
    /// At most 500 characters.
    pub message: String,
    /// Absent on 403 `account_invalid`.
    pub request_id: Option<RequestId>,
}

/// How far the refusal of a customer-create reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The source it carried: the customer may go on with another.
    Source,
    /// The customer's own details: no source helps.
    Customer,
}

impl Refusal {
    /// Reads the envelope; `None` if the body is none of Stripe's, in which case Stripe may not have answered at all.
    pub(super) fn parse(status: u16, body: &[u8], request_id: Option<&RequestId>) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Envelope {
            error: Map<String, Value>,
        }
        let Envelope { error } = serde_json::from_slice(body).ok()?;
        let text = |key| error.get(key).and_then(Value::as_str).map(mask);
        Some(Self {
            status,
            error_type: text("type").unwrap_or_default(),
            code: text("code"),
            decline_code: text("decline_code"),
            param: text("param"),
            message: text("message").unwrap_or_default(),
            request_id: request_id.cloned(),
        })
    }

    /// The same with the customer's own values taken out of the texts. Ask for [`Refusal::reach`] first.
    #[must_use]
    pub fn redacted(mut self, details: &Details) -> Self {
        self.message = redact(&self.message, details);
        self.param = self.param.map(|param| redact(&param, details));
        self
    }

    /// The most telling of the open strings, by which reasons are grouped.
    pub fn reason(&self) -> &str {
        let told = self.decline_code.as_deref().or(self.code.as_deref());
        told.unwrap_or(match self.error_type.as_str() {
            _ if self.says_already_attached() => "already_attached",
            "" => "unnamed_error",
            error_type => error_type,
        })
    }

    /// True for "The payment method you provided has already been attached to a customer.", which has no `code`
    /// (observed, 2026-08).
    pub fn says_already_attached(&self) -> bool {
        self.message.contains("already been attached to a customer")
    }

    /// True where Stripe says that the object exists in the mode that the key is not for: wrong data or the wrong key.
    pub fn exists_in_other_mode(&self) -> bool {
        self.message.contains("a similar object exists in")
    }

    /// Tells whether Stripe refused a customer-create for the source that it carried, or for the customer's own details.
    ///
    /// Without a source it is always the details. In doubt it is the details too: to call it the source's fault would send
    /// the same refused details once more with the next card.
    pub fn reach(&self, sent_payment_method: Option<&PaymentMethodId>) -> Reach {
        let Some(sent) = sent_payment_method else {
            return Reach::Customer;
        };
        let names_source = |param: &str| {
            param == "payment_method" || param == "invoice_settings[default_payment_method]"
        };
        let of_source = self.status == 402
            || self.error_type == "card_error"
            || self
                .code
                .as_deref()
                .is_some_and(|code| code.starts_with("payment_method_"))
            || self.param.as_deref().is_some_and(names_source)
            || self.says_already_attached()
            || self.message.contains(sent.as_str());
        if of_source {
            Reach::Source
        } else {
            Reach::Customer
        }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, json: &str) -> Refusal {
        Refusal::parse(status, json.as_bytes(), RequestId::parse("req_1").as_ref()).unwrap()
    }

    #[test]
    fn the_reach_of_a_refusal_is_told_by_whatever_names_the_source() {
        let source = PaymentMethodId::parse("pm_1").unwrap();
        let cases = [
            (
                402,
                r#"{"error":{"type":"card_error","code":"card_declined"}}"#,
                Reach::Source,
            ),
            (400, r#"{"error":{"type":"card_error"}}"#, Reach::Source),
            (
                400,
                r#"{"error":{"code":"payment_method_unactivated"}}"#,
                Reach::Source,
            ),
            (
                400,
                r#"{"error":{"code":"resource_missing","param":"payment_method"}}"#,
                Reach::Source,
            ),
            (
                400,
                r#"{"error":{"param":"invoice_settings[default_payment_method]"}}"#,
                Reach::Source,
            ),
            (
                400,
                r#"{"error":{"message":"The payment method you provided has already been attached to a customer."}}"#,
                Reach::Source,
            ),
            (
                404,
                r#"{"error":{"message":"No such PaymentMethod: 'pm_1'"}}"#,
                Reach::Source,
            ),
            (
                400,
                r#"{"error":{"code":"email_invalid","param":"email"}}"#,
                Reach::Customer,
            ),
            (
                400,
                r#"{"error":{"code":"a_code_of_next_year"}}"#,
                Reach::Customer,
            ),
            (400, r#"{"error":{}}"#, Reach::Customer),
        ];
        for (status, json, reach) in cases {
            assert_eq!(refusal(status, json).reach(Some(&source)), reach, "{json}");
            assert_eq!(refusal(status, json).reach(None), Reach::Customer, "{json}");
        }
    }

    #[test]
    fn odd_envelopes_lose_a_field_and_not_the_answer() {
        let odd = refusal(
            400,
            r#"{"error":{"type":7,"code":null,"message":["x"],"param":"id"}}"#,
        );
        assert_eq!(
            (odd.error_type.as_str(), odd.code, odd.param.as_deref()),
            ("", None, Some("id"))
        );
    }

    #[test]
    fn what_is_no_envelope_is_none() {
        for body in [
            "",
            "<html>",
            "{}",
            "[]",
            r#"{"error":"invalid_client"}"#,
            r#"{"error":{"#,
        ] {
            assert_eq!(Refusal::parse(400, body.as_bytes(), None), None, "{body}");
        }
    }

    #[test]
    fn the_message_is_masked_as_it_is_read_and_the_customers_values_on_request() {
        let read = refusal(
            400,
            r#"{"error":{"message":"Invalid jane@example.com for Jane Doe"}}"#,
        );
        assert_eq!(read.message, "Invalid [e-mail] for Jane Doe");
        let details = Details {
            name: Some("Jane Doe".into()),
            ..Details::default()
        };
        assert_eq!(
            read.redacted(&details).message,
            "Invalid [e-mail] for [redacted]"
        );
    }

    #[test]
    fn a_reason_is_always_named() {
        let cases = [
            (
                r#"{"error":{"decline_code":"lost_card","code":"card_declined","type":"card_error"}}"#,
                "lost_card",
            ),
            (
                r#"{"error":{"code":"card_declined","type":"card_error"}}"#,
                "card_declined",
            ),
            (
                r#"{"error":{"type":"invalid_request_error"}}"#,
                "invalid_request_error",
            ),
            (
                r#"{"error":{"type":"invalid_request_error","message":"… has already been attached to a customer."}}"#,
                "already_attached",
            ),
            (r#"{"error":{}}"#, "unnamed_error"),
        ];
        for (json, reason) in cases {
            assert_eq!(refusal(400, json).reason(), reason);
        }
    }
}
