//! PURE. What `undo` sends: a clone is detached, a Customer is deleted. Neither can be taken back.
//!
//! Hazards: (1) a DELETE has no idempotency at Stripe, so a second one answers 404 although the first was done: neither it nor a 400 to
//! a second detach proves anything, and whoever sends reads back. (2) Both work on whatever id they are given.

use serde::Deserialize;

use super::answer::{
    Again, Doubt, Garbled, No, NotExecuted, Stop, StopKind, Unsure, WireAnswer, no,
};
use super::facts::json;
use super::key::Mode;
use super::refusal::Refusal;
use super::request::{Endpoint, Request};
use crate::ids::{AccountId, CustomerId, PaymentMethodId};

/// A write that takes something back. It is sent only with a [`crate::store::Started`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal<'a> {
    /// `POST /v1/payment_methods/{payment_method}/detach`, on a connected account: never of a source.
    Detach {
        /// The clone.
        payment_method: &'a PaymentMethodId,
        /// Where.
        account: &'a AccountId,
    },
    /// `DELETE /v1/customers/{customer}`.
    DeleteCustomer {
        /// The Customer.
        customer: &'a CustomerId,
        /// Where, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
}

impl Removal<'_> {
    /// The request. The same removal gives the same bytes, always.
    pub fn request(&self) -> Request {
        match *self {
            Self::Detach {
                payment_method,
                account,
            } => Request::new(
                Endpoint::DetachPaymentMethod,
                format!("/v1/payment_methods/{payment_method}/detach"),
                String::new(),
                Some(account),
            ),
            Self::DeleteCustomer { customer, account } => Request::new(
                Endpoint::DeleteCustomer,
                format!("/v1/customers/{customer}"),
                String::new(),
                account,
            ),
        }
    }
}

/// What a removal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// A no, which may be the no to a second one: whether it is there has to be read.
    Refused(Refusal),
    /// The connected account cannot be reached with this key.
    AccountInvalid(Refusal),
    /// No request of this run can succeed, or none may be sent.
    Stop(Stop),
    /// It may have had effect, and nobody knows.
    Doubt(Doubt),
    /// No attempt of this call had any effect.
    NotExecuted(NotExecuted),
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "object")]
    kind: String,
    id: String,
    livemode: Option<bool>,
    customer: Option<String>,
    #[serde(default)]
    deleted: bool,
}

/// Tells what `wire` means as the answer to `removal`, sent with a key of that mode. `Err` is to be sent again.
pub(super) fn classify_removal(
    removal: &Removal<'_>,
    mode: Mode,
    wire: &WireAnswer,
) -> Result<Removed, Again> {
    if wire.status == 200 {
        let object: Object = json(&wire.body).map_err(|garbled| wire.garbled(garbled))?;
        if object.livemode.is_some_and(|live| live != mode.is_live()) {
            return Ok(Removed::Stop(wire.stop(StopKind::WrongMode, None)));
        }
        let (kind, id, gone) = match removal {
            Removal::Detach { payment_method, .. } => (
                "payment_method",
                payment_method.as_str(),
                object.customer.is_none(),
            ),
            Removal::DeleteCustomer { customer, .. } => {
                ("customer", customer.as_str(), object.deleted)
            }
        };
        let garbled = if object.kind != kind {
            Some(Garbled::OtherObject)
        } else if object.id != id {
            Some(Garbled::OtherId)
        } else {
            (!gone).then_some(Garbled::OtherCustomer)
        };
        return match garbled {
            Some(garbled) => Err(wire.garbled(garbled)),
            None => Ok(Removed::Done),
        };
    }
    match no(wire, removal.request().account.is_some()) {
        No::Refused(refusal) => Ok(Removed::Refused(refusal)),
        No::AccountInvalid(refusal) => Ok(Removed::AccountInvalid(refusal)),
        No::Stop(stop) => Ok(Removed::Stop(stop)),
        No::Doubt(doubt) => Ok(Removed::Doubt(doubt)),
        No::Again(again) => Err(again),
    }
}

impl From<Unsure> for Removed {
    fn from(unsure: Unsure) -> Self {
        match unsure {
            Unsure::Doubt(doubt) => Self::Doubt(doubt),
            Unsure::NotExecuted(not) => Self::NotExecuted(not),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RequestId;
    use crate::stripe::answer::AnswerHeaders;
    use crate::stripe::request::Method;

    fn wire(status: u16, body: &str) -> WireAnswer {
        WireAnswer {
            status,
            headers: AnswerHeaders {
                request_id: RequestId::parse("req_1"),
                ..AnswerHeaders::default()
            },
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_requests_are_these_and_only_the_detach_can_carry_a_key() {
        let account = AccountId::parse("acct_1").unwrap();
        let payment_method = &PaymentMethodId::parse("pm_1").unwrap();
        let customer = &CustomerId::parse("cus_1").unwrap();
        let detach = Removal::Detach {
            payment_method,
            account: &account,
        };
        let delete = Removal::DeleteCustomer {
            customer,
            account: None,
        };
        let told = [detach, delete].map(|removal| {
            let request = removal.request();
            assert_eq!((request.body.as_str(), request.query.as_str()), ("", ""));
            (request.method, request.path, request.account)
        });
        let detached = "/v1/payment_methods/pm_1/detach".to_owned();
        assert_eq!(
            told,
            [
                (Method::Post, detached, Some(account.clone())),
                (Method::Delete, "/v1/customers/cus_1".to_owned(), None)
            ]
        );
    }

    #[test]
    fn only_what_stripe_says_is_gone_is_gone() {
        let account = &AccountId::parse("acct_1").unwrap();
        let payment_method = &PaymentMethodId::parse("pm_1").unwrap();
        let customer = &CustomerId::parse("cus_1").unwrap();
        let detach = Removal::Detach {
            payment_method,
            account,
        };
        let delete = Removal::DeleteCustomer {
            customer,
            account: Some(account),
        };
        let gone = |removal, status, body: &str| {
            classify_removal(&removal, Mode::Test, &wire(status, body)) == Ok(Removed::Done)
        };
        let method = |id: &str, customer: &str, live: bool| {
            format!(
                r#"{{"object":"payment_method","id":"{id}","customer":{customer},"livemode":{live}}}"#
            )
        };
        assert!(gone(detach, 200, &method("pm_1", "null", false)));
        assert!(!gone(detach, 200, &method("pm_1", r#""cus_1""#, false)));
        assert!(!gone(detach, 200, &method("pm_2", "null", false)));
        assert!(!gone(detach, 200, &method("pm_1", "null", true)));
        let deleted = r#"{"object":"customer","id":"cus_1","deleted":true}"#;
        assert!(gone(delete, 200, deleted));
        assert!(!gone(delete, 200, r#"{"object":"customer","id":"cus_1"}"#));
        assert!(!gone(delete, 500, deleted));
        let missing = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such customer: 'cus_1'"}}"#;
        let told = classify_removal(&delete, Mode::Test, &wire(404, missing));
        assert!(matches!(told, Ok(Removed::Refused(_))), "{told:?}");
    }
}
