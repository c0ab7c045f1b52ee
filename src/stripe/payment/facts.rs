//! What is read of intents, charges, refunds, fees and balances.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::MARKER_PROOF;
use crate::ids::{ApplicationFeeId, ChargeId, CustomerId, IntentId, RefundId};
use crate::proof::No;
use crate::stripe::answer::Garbled;
use crate::stripe::facts::{Fact, Page, json, kind};
use crate::stripe::redact::mask;

/// A `PaymentIntent`, or a `SetupIntent`, which has no amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentFacts {
    /// Its id.
    pub id: IntentId,
    /// Stripe's word: an open set.
    pub status: String,
    /// The mode it exists in.
    pub livemode: bool,
    /// Whose it is.
    pub customer: Option<CustomerId>,
    /// How much was captured, in the smallest unit.
    pub received: i64,
    /// Its last Charge.
    pub charge: Option<ChargeId>,
    /// Metadata `pmclone_verify`.
    pub mark: Option<String>,
    /// Why it is not confirmed, where Stripe says so.
    pub declined: Option<No>,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFacts {
    /// Its id.
    pub id: RefundId,
    /// How much, in the smallest unit.
    pub amount: i64,
    /// Stripe's word; a refund that is `failed` or `canceled` gave nothing back.
    pub status: Option<String>,
    /// Of which intent.
    pub intent: Option<IntentId>,
}

impl RefundFacts {
    /// How much of it goes back to the card.
    pub fn gives_back(&self) -> i64 {
        match self.status.as_deref() {
            Some("failed" | "canceled") => 0,
            _ => self.amount,
        }
    }
}

/// A Charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeFacts {
    /// Its id.
    pub id: ChargeId,
    /// How much was captured.
    pub captured: i64,
    /// The application fee that it has.
    pub application_fee: Option<ApplicationFeeId>,
    /// The mode it exists in.
    pub livemode: bool,
}

/// An application fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFeeFacts {
    /// Its id.
    pub id: ApplicationFeeId,
    /// How much went back.
    pub refunded: i64,
    /// The mode it exists in.
    pub livemode: bool,
}

/// What an account has, by currency, in the smallest unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceFacts {
    /// By currency.
    pub money: BTreeMap<String, Money>,
    /// The mode it is of.
    pub livemode: bool,
}

/// What there is in one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Money {
    /// May be paid out.
    pub available: i64,
    /// On its way.
    pub pending: i64,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
}

impl From<ErrorObject> for No {
    fn from(error: ErrorObject) -> Self {
        let reason = error.decline_code.or(error.code);
        Self {
            status: 402,
            reason: mask(reason.as_deref().unwrap_or("declined")),
            message: mask(&error.message.unwrap_or_default()),
        }
    }
}

/// `PaymentIntent` and `SetupIntent`. Also what `error.payment_intent` holds.
#[derive(Deserialize)]
pub(super) struct IntentObject {
    object: String,
    id: String,
    status: String,
    livemode: bool,
    customer: Option<String>,
    #[serde(default)]
    amount_received: i64,
    latest_charge: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    last_payment_error: Option<ErrorObject>,
    last_setup_error: Option<ErrorObject>,
}

impl TryFrom<IntentObject> for IntentFacts {
    type Error = Garbled;

    fn try_from(found: IntentObject) -> Result<Self, Garbled> {
        let id = IntentId::parse(&found.id).map_err(|_| Garbled::OtherId)?;
        let object = if id.is_setup() {
            "setup_intent"
        } else {
            "payment_intent"
        };
        kind(&found.object, object)?;
        let customer = found.customer.as_deref().map(CustomerId::parse);
        let charge = found.latest_charge.as_deref().map(ChargeId::parse);
        let asked = No {
            status: 200,
            reason: "authentication_required".to_owned(),
            message: "The issuer asks for the cardholder.".to_owned(),
        };
        let error = found.last_payment_error.or(found.last_setup_error);
        let declined = error
            .map(No::from)
            .or_else(|| (found.status == "requires_action").then_some(asked));
        Ok(Self {
            id,
            status: found.status,
            livemode: found.livemode,
            customer: customer.transpose().map_err(|_| Garbled::OtherCustomer)?,
            received: found.amount_received,
            charge: charge.transpose().map_err(|_| Garbled::OtherId)?,
            mark: found
                .metadata
                .and_then(|mut metadata| metadata.remove(MARKER_PROOF)),
            declined,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct RefundObject {
    object: String,
    id: String,
    amount: i64,
    status: Option<String>,
    payment_intent: Option<String>,
}

impl TryFrom<RefundObject> for RefundFacts {
    type Error = Garbled;

    fn try_from(found: RefundObject) -> Result<Self, Garbled> {
        kind(&found.object, "refund")?;
        let intent = found.payment_intent.as_deref().map(IntentId::parse);
        Ok(Self {
            id: RefundId::parse(&found.id).map_err(|_| Garbled::OtherId)?,
            amount: found.amount,
            status: found.status,
            intent: intent.transpose().map_err(|_| Garbled::OtherId)?,
        })
    }
}

#[derive(Deserialize)]
struct ChargeObject {
    object: String,
    id: String,
    amount_captured: i64,
    application_fee: Option<String>,
    livemode: bool,
}

#[derive(Deserialize)]
struct FeeObject {
    object: String,
    id: String,
    amount_refunded: i64,
    livemode: bool,
}

#[derive(Deserialize)]
struct Amount {
    amount: i64,
    currency: String,
}

#[derive(Deserialize)]
struct BalanceObject {
    object: String,
    livemode: bool,
    available: Vec<Amount>,
    pending: Vec<Amount>,
}

impl Fact for IntentFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        json::<IntentObject>(body)?.try_into()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

impl Fact for RefundFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        json::<RefundObject>(body)?.try_into()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    /// A refund does not tell.
    fn livemode(&self) -> Option<bool> {
        None
    }
}

impl Fact for ChargeFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        let found: ChargeObject = json(body)?;
        kind(&found.object, "charge")?;
        let fee = found
            .application_fee
            .as_deref()
            .map(ApplicationFeeId::parse);
        Ok(Self {
            id: ChargeId::parse(&found.id).map_err(|_| Garbled::OtherId)?,
            captured: found.amount_captured,
            application_fee: fee.transpose().map_err(|_| Garbled::OtherId)?,
            livemode: found.livemode,
        })
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

impl Fact for ApplicationFeeFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        let found: FeeObject = json(body)?;
        kind(&found.object, "application_fee")?;
        Ok(Self {
            id: ApplicationFeeId::parse(&found.id).map_err(|_| Garbled::OtherId)?,
            refunded: found.amount_refunded,
            livemode: found.livemode,
        })
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

impl Fact for BalanceFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        let found: BalanceObject = json(body)?;
        kind(&found.object, "balance")?;
        let mut money: BTreeMap<String, Money> = BTreeMap::new();
        for amount in found.available {
            money.entry(amount.currency).or_default().available += amount.amount;
        }
        for amount in found.pending {
            money.entry(amount.currency).or_default().pending += amount.amount;
        }
        Ok(Self {
            money,
            livemode: found.livemode,
        })
    }

    /// A balance has none.
    fn id(&self) -> &'static str {
        ""
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

impl Fact for Page<IntentFacts> {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        Self::parse_of::<IntentObject>(body, |_| false, Fact::livemode)
    }

    fn id(&self) -> &'static str {
        ""
    }

    fn livemode(&self) -> Option<bool> {
        self.data.first().and_then(Fact::livemode)
    }
}

impl Fact for Page<RefundFacts> {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        Self::parse_of::<RefundObject>(body, |_| false, Fact::livemode)
    }

    fn id(&self) -> &'static str {
        ""
    }

    fn livemode(&self) -> Option<bool> {
        None
    }
}
