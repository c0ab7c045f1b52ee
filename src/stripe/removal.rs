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
    object: String,
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
        let garbled = if object.object != kind {
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
