//! PURE. Stripe's `event` object, as webhooks and `GET /v1/events` carry it, and the few types that a migration has to know.
//!
//! Hazards: types come every month, so one that is not known is no error; the id of a connected account stands beside the object,
//! not in it; and whoever configured the endpoint may send everything to it, of which most concerns nobody here.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::ids::{AccountId, EventId, PaymentMethodId};
use crate::time::StripeTime;

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// An event.
    Event(Box<Event>),
    /// A thin event (`v2.core.event`), or another object that is no event of v1: nothing in it is for a migration.
    Thin,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, the same each time that it is delivered.
    pub id: EventId,
    /// Its type, an open set.
    pub kind: String,
    /// When it was made, by Stripe's clock.
    pub created: StripeTime,
    /// The mode it happened in.
    pub livemode: bool,
    /// The connected account it happened on; `None`: the platform's own.
    pub account: Option<AccountId>,
    /// What it tells.
    pub news: News,
}

/// What an event tells that a migration has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// `account.application.authorized`: a connected account gave the platform access.
    Authorized(AccountId),
    /// `account.application.deauthorized`: it took its access back.
    Deauthorized(AccountId),
    /// `account.updated`.
    AccountUpdated {
        /// Which.
        account: AccountId,
        /// Its country, in two letters.
        country: Option<String>,
    },
    /// A PaymentMethod is not any more what it was.
    PaymentMethodChanged {
        /// Which.
        payment_method: PaymentMethodId,
        /// What became of it.
        change: Change,
    },
    /// Nothing.
    Nothing,
}

/// What became of a PaymentMethod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The card's network knows a new number or expiry of it.
    AutomaticallyUpdated,
    /// Somebody changed it.
    Updated,
    /// It is detached, for good.
    Detached,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 3] = [Self::AutomaticallyUpdated, Self::Updated, Self::Detached];

    /// The word that is kept of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AutomaticallyUpdated => "automatically_updated",
            Self::Updated => "updated",
            Self::Detached => "detached",
        }
    }

    /// The type of its events.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::AutomaticallyUpdated => "payment_method.automatically_updated",
            Self::Updated => "payment_method.updated",
            Self::Detached => "payment_method.detached",
        }
    }
}

/// Why a body is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No JSON, or no object, or it lacks what every event has.
    #[error("the body is no event of Stripe's")]
    NoEvent,
    /// An event of a known type whose object is not what that type carries.
    #[error("the event does not hold what its type promises")]
    OtherObject,
}

#[derive(Deserialize)]
struct Kind {
    object: String,
}

/// The fields that every event has, and the account of those that happened on a connected one. Newer versions tell it as
/// `context` too (<https://docs.stripe.com/context>).
#[derive(Deserialize)]
struct Envelope<'a> {
    id: EventId,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    livemode: bool,
    account: Option<String>,
    context: Option<String>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct AccountObject {
    id: AccountId,
    country: Option<String>,
}

#[derive(Deserialize)]
struct PaymentMethodObject {
    id: PaymentMethodId,
}

impl Read {
    /// Reads a body whose signature holds.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let no_event = |_| Unreadable::NoEvent;
        // The whole of it is looked at, so that half an object never counts.
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::NoEvent)?;
        let _: IgnoredAny = serde_json::from_str(text).map_err(no_event)?;
        let kind: Kind = serde_json::from_str(text).map_err(no_event)?;
        if kind.object != "event" {
            return Ok(Self::Thin);
        }
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(no_event)?;
        Event::of(envelope).map(Box::new).map(Self::Event)
    }
}

impl Event {
    fn of(envelope: Envelope<'_>) -> Result<Self, Unreadable> {
        let other = |_| Unreadable::OtherObject;
        let account = match envelope.account.or(envelope.context) {
            Some(text) => Some(AccountId::parse(&text).map_err(|_| Unreadable::OtherObject)?),
            None => None,
        };
        let object = envelope.data.object.get();
        let news = match (envelope.kind.as_str(), &account) {
            ("account.application.authorized", Some(account)) => News::Authorized(account.clone()),
            ("account.application.deauthorized", Some(account)) => {
                News::Deauthorized(account.clone())
            }
            ("account.updated", _) => {
                let AccountObject { id, country } = serde_json::from_str(object).map_err(other)?;
                let letters =
                    |text: &String| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
                News::AccountUpdated {
                    account: id,
                    country: country.filter(letters),
                }
            }
            (kind, _) => match Change::ALL
                .into_iter()
                .find(|each| each.event_type() == kind)
            {
                Some(change) => {
                    let PaymentMethodObject { id } = serde_json::from_str(object).map_err(other)?;
                    News::PaymentMethodChanged {
                        payment_method: id,
                        change,
                    }
                }
                None => News::Nothing,
            },
        };
        Ok(Self {
            id: envelope.id,
            kind: envelope.kind,
            created: StripeTime(envelope.created),
            livemode: envelope.livemode,
            account,
            news,
        })
    }
}

#[cfg(test)]
mod tests;
