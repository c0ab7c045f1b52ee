//! PURE. What Stripe's answer to a read means, and the facts that are taken from it.
//!
//! Hazard: a look-up that failed must never pass for "not found", or what exists is made once more. Only 404 with code
//! `resource_missing` is [`ReadAnswer::Missing`].

mod customer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Again, Garbled, No, Stop, StopKind, WireAnswer, no};
use super::key::Mode;
use super::refusal::Refusal;
use super::request::Read;
use crate::ids::{AccountId, CustomerId, PaymentMethodId, RequestId};
use crate::time::StripeTime;

use customer::CustomerObject;

/// What an answer to a read means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadAnswer<T> {
    /// The object, as it is now, and the id that Stripe logged the request under.
    Found(T, Option<RequestId>),
    /// Stripe says that there is no such object (404 `resource_missing`, and nothing else).
    Missing(Refusal),
    /// The connected account cannot be reached with this key.
    AccountInvalid(Refusal),
    /// No request of this run can succeed.
    Stop(Stop),
    /// Nothing is known: not that the object exists, and not that it does not.
    Failed(ReadFailure),
}

/// Why a read told nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// No certain answer came, within the bounds.
    #[error("{0}")]
    NoAnswer(Again),
    /// Stripe refused to tell.
    #[error("Stripe refused the look-up: {}", .0.message)]
    Refused(Refusal),
    /// The run is draining: it was not sent, or not sent again.
    #[error("the look-up was given up since the run is stopping")]
    Draining,
}

/// An account, the platform's own or a connected one. Its e-mail address is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// The account.
    pub id: AccountId,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// What people know it by: `business_profile.name`, else `settings.dashboard.display_name`.
    pub display_name: Option<String>,
    /// Whether it may make charges now.
    pub charges_enabled: Option<bool>,
    /// `active`, `inactive` or `pending` by capability, an open set; empty for an account that was never onboarded.
    pub capabilities: BTreeMap<String, String>,
    /// Why it is disabled, an open set (`requirements.past_due`, `rejected.fraud`, …).
    pub disabled_reason: Option<String>,
    /// Usually absent: accounts exist in both modes.
    pub livemode: Option<bool>,
}

/// A PaymentMethod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethodFacts {
    /// The PaymentMethod.
    pub id: PaymentMethodId,
    /// Stripe's `type`: an open set, of which `card` and `us_bank_account` can be cloned.
    pub kind: String,
    /// Whom it is attached to.
    pub customer: Option<CustomerId>,
    /// The number's fingerprint, which a clone shares with its source; cards and bank accounts have one.
    pub fingerprint: Option<String>,
    /// Year and month; only cards have one.
    pub expiry: Option<(u32, u32)>,
    /// The network, in Stripe's word; only cards have one.
    pub brand: Option<String>,
    /// The last four digits of the number.
    pub last4: Option<String>,
    /// When it was made.
    pub created: Option<StripeTime>,
    /// The mode it exists in.
    pub livemode: bool,
}

/// A Customer, with the marks of a migration if it has any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerFacts {
    /// The Customer.
    pub id: CustomerId,
    /// The mode it exists in; a deleted Customer does not tell.
    pub livemode: Option<bool>,
    /// Metadata `pmclone_migration`.
    pub marker_migration: Option<String>,
    /// Metadata `legacy_customer_id`.
    pub marker_legacy_id: Option<String>,
    /// Metadata `platform_customer`.
    pub marker_platform_customer: Option<String>,
    /// When it was made; a deleted Customer does not tell.
    pub created: Option<StripeTime>,
    /// Its default PaymentMethod, if it has one.
    pub default: Option<DefaultMethod>,
    /// True for the remains of a deleted Customer, which nothing can be attached to.
    pub deleted: bool,
}

/// A Customer's default PaymentMethod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefaultMethod {
    /// Its id, where no more was asked for; also where what came cannot be read.
    Id(String),
    /// The whole of it.
    Whole(PaymentMethodFacts),
}

/// A page of a list, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most a hundred.
    pub data: Vec<T>,
    /// True where another page follows, after the last of these.
    pub has_more: bool,
}

/// An object that a read can find.
pub(crate) trait Fact: Sized {
    /// Reads the object out of a body, or tells what is wrong with it.
    fn parse(body: &[u8]) -> Result<Self, Garbled>;
    /// Its id.
    fn id(&self) -> &str;
    /// The mode it says it is in.
    fn livemode(&self) -> Option<bool>;
}

/// Tells what `wire` means as the answer to `read`, sent with a key of that mode. `Err` is to be sent again.
pub(crate) fn classify_read<T: Fact>(
    read: &Read<'_>,
    mode: Mode,
    wire: &WireAnswer,
) -> Result<ReadAnswer<T>, Again> {
    if wire.status == 200 {
        let fact = T::parse(&wire.body).map_err(|garbled| wire.garbled(garbled))?;
        if fact.livemode().is_some_and(|live| live != mode.is_live()) {
            return Ok(ReadAnswer::Stop(wire.stop(StopKind::WrongMode, None)));
        }
        if asked_id(read).is_some_and(|id| id != fact.id()) {
            return Err(wire.garbled(Garbled::OtherId));
        }
        return Ok(ReadAnswer::Found(fact, wire.headers.request_id.clone()));
    }
    match no(wire, read.request().account.is_some()) {
        No::Refused(refusal) if refusal.status == 404 && refusal.has_code("resource_missing") => {
            Ok(ReadAnswer::Missing(refusal))
        }
        No::Refused(refusal) => Ok(ReadAnswer::Failed(ReadFailure::Refused(refusal))),
        No::AccountInvalid(refusal) => Ok(ReadAnswer::AccountInvalid(refusal)),
        No::Stop(stop) => Ok(ReadAnswer::Stop(stop)),
        No::Again(again) => Err(again),
        // Reads carry no key, so Stripe stores nothing for them: whatever claims so is a failed look-up.
        No::Doubt(_) => Err(wire.garbled(Garbled::Status(wire.status))),
    }
}

/// The id that the found object must have; the platform's own account is what the read shall tell.
fn asked_id<'a>(read: &Read<'a>) -> Option<&'a str> {
    match *read {
        Read::Account { account } => account.map(AccountId::as_str),
        Read::PaymentMethod { id, .. } => Some(id.as_str()),
        Read::Customer { id, .. } => Some(id.as_str()),
        Read::Intent { id, .. } => Some(id.as_str()),
        Read::Charge { id, .. } => Some(id.as_str()),
        Read::ApplicationFee { id } => Some(id.as_str()),
        Read::Customers { .. }
        | Read::AllCustomers { .. }
        | Read::CustomerPaymentMethods { .. }
        | Read::Intents { .. }
        | Read::Refunds { .. }
        | Read::Uses { .. }
        | Read::Events { .. }
        | Read::Balance { .. } => None,
    }
}

pub(super) fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Garbled> {
    serde_json::from_slice(body).map_err(|_| Garbled::NotAnObject)
}

pub(super) fn kind(object: &str, expected: &str) -> Result<(), Garbled> {
    if object == expected {
        Ok(())
    } else {
        Err(Garbled::OtherObject)
    }
}

#[derive(Deserialize, Default)]
struct Named {
    name: Option<String>,
    display_name: Option<String>,
}

#[derive(Deserialize, Default)]
struct AccountSettings {
    dashboard: Option<Named>,
}

#[derive(Deserialize)]
struct Requirements {
    disabled_reason: Option<String>,
}

#[derive(Deserialize)]
struct AccountObject {
    object: String,
    id: String,
    country: Option<String>,
    livemode: Option<bool>,
    charges_enabled: Option<bool>,
    capabilities: Option<BTreeMap<String, String>>,
    requirements: Option<Requirements>,
    business_profile: Option<Named>,
    settings: Option<AccountSettings>,
}

impl Fact for AccountFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        let account: AccountObject = json(body)?;
        kind(&account.object, "account")?;
        let business = account.business_profile.and_then(|profile| profile.name);
        let dashboard = account.settings.and_then(|settings| settings.dashboard);
        let display_name = business
            .or_else(|| dashboard.and_then(|dashboard| dashboard.display_name))
            .filter(|name| !name.is_empty());
        Ok(Self {
            id: AccountId::parse(&account.id).map_err(|_| Garbled::OtherId)?,
            country: account.country,
            display_name,
            charges_enabled: account.charges_enabled,
            capabilities: account.capabilities.unwrap_or_default(),
            disabled_reason: account
                .requirements
                .and_then(|requirements| requirements.disabled_reason),
            livemode: account.livemode,
        })
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn livemode(&self) -> Option<bool> {
        self.livemode
    }
}

#[derive(Deserialize, Default)]
struct Fingerprinted {
    fingerprint: Option<String>,
    brand: Option<String>,
    last4: Option<String>,
    exp_year: Option<u32>,
    exp_month: Option<u32>,
}

#[derive(Deserialize)]
struct PaymentMethodObject {
    object: String,
    id: String,
    #[serde(rename = "type")]
    kind: String,
    customer: Option<String>,
    livemode: bool,
    created: Option<i64>,
    card: Option<Fingerprinted>,
    us_bank_account: Option<Fingerprinted>,
}

impl TryFrom<PaymentMethodObject> for PaymentMethodFacts {
    type Error = Garbled;

    fn try_from(found: PaymentMethodObject) -> Result<Self, Garbled> {
        kind(&found.object, "payment_method")?;
        let customer = found.customer.as_deref().map(CustomerId::parse);
        let hash = found.card.or(found.us_bank_account).unwrap_or_default();
        let expiry = hash.exp_year.zip(hash.exp_month);
        Ok(Self {
            id: PaymentMethodId::parse(&found.id).map_err(|_| Garbled::OtherId)?,
            kind: found.kind,
            // An id that cannot be read is not the same as no Customer.
            customer: customer.transpose().map_err(|_| Garbled::OtherCustomer)?,
            fingerprint: hash.fingerprint,
            expiry,
            brand: hash.brand,
            last4: hash.last4,
            created: found.created.map(StripeTime),
            livemode: found.livemode,
        })
    }
}

impl Fact for PaymentMethodFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        json::<PaymentMethodObject>(body)?.try_into()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

#[derive(Deserialize)]
struct ListObject<T> {
    object: String,
    data: Vec<T>,
    has_more: bool,
}

impl<T> Page<T> {
    pub(super) fn parse_of<'a, O>(
        body: &'a [u8],
        of_no_concern: impl Fn(&O) -> bool,
        livemode: impl Fn(&T) -> Option<bool>,
    ) -> Result<Self, Garbled>
    where
        O: Deserialize<'a>,
        T: TryFrom<O, Error = Garbled>,
    {
        let list: ListObject<O> = json(body)?;
        kind(&list.object, "list")?;
        // Where all of a page are of no concern, there is no id to read on after: then the page counts as empty.
        let data: Vec<T> = list
            .data
            .into_iter()
            .filter(|object| !of_no_concern(object))
            .map(T::try_from)
            .collect::<Result<_, _>>()?;
        // A page that tells of more, and not after whom, would be read for ever; and one account is of one mode.
        let mixed = data
            .windows(2)
            .any(|pair| livemode(&pair[0]) != livemode(&pair[1]));
        if mixed || (list.has_more && data.is_empty()) {
            return Err(Garbled::OtherObject);
        }
        Ok(Self {
            data,
            has_more: list.has_more,
        })
    }
}

macro_rules! page_of {
    ($object:ty => $facts:ty, $of_no_concern:expr) => {
        impl Fact for Page<$facts> {
            fn parse(body: &[u8]) -> Result<Self, Garbled> {
                Self::parse_of::<$object>(body, $of_no_concern, Fact::livemode)
            }

            /// A list has none.
            fn id(&self) -> &'static str {
                ""
            }

            /// The mode of its objects, where it has any.
            fn livemode(&self) -> Option<bool> {
                self.data.first().and_then(Fact::livemode)
            }
        }
    };
}
page_of!(CustomerObject => CustomerFacts, CustomerObject::is_of_no_concern);
page_of!(PaymentMethodObject => PaymentMethodFacts, |_| false);
