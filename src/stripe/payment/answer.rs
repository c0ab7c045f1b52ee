//! What Stripe's answer to a payment means.

use serde::Deserialize;

use super::facts::IntentObject;
use super::{IntentFacts, Payment, RefundFacts};
use crate::stripe::answer::{
    Again, Doubt, Garbled, No, NotExecuted, Stop, StopKind, Unsure, WireAnswer, no,
};
use crate::stripe::facts::Fact;
use crate::stripe::key::Mode;
use crate::stripe::refusal::Refusal;

/// What a payment came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    /// The object is there.
    Done(Box<Made>),
    /// A final no.
    Refused(Box<Refused>),
    /// The connected account cannot be reached with this key.
    AccountInvalid(Refusal),
    /// No request of this run can succeed, or none may be sent.
    Stop(Stop),
    /// It may have had effect, and nobody knows.
    Doubt(Doubt),
    /// No attempt of this call had any effect.
    NotExecuted(NotExecuted),
}

/// What was made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// By all but the refund.
    Intent(IntentFacts),
    /// By the refund.
    Refund(RefundFacts),
}

/// A no, and the intent that is there nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What Stripe says.
    pub refusal: Refusal,
    /// A declined card's intent, which is there and open.
    pub intent: Option<IntentFacts>,
}

/// Tells what `wire` means as the answer to `payment`, sent with a key of that mode. `Err` is to be sent again with the same key.
pub(in crate::stripe) fn classify_payment(
    payment: &Payment<'_>,
    mode: Mode,
    wire: &WireAnswer,
) -> Result<Paid, Again> {
    if wire.status == 200 {
        let made = made(payment, wire).map_err(|garbled| wire.garbled(garbled))?;
        let livemode = match &made {
            Made::Intent(intent) => Some(intent.livemode),
            Made::Refund(_) => None,
        };
        if livemode.is_some_and(|live| live != mode.is_live()) {
            return Ok(Paid::Stop(wire.stop(StopKind::WrongMode, None)));
        }
        return Ok(Paid::Done(Box::new(made)));
    }
    match no(wire, true) {
        No::Refused(refusal) => {
            let intent = intent_within(&wire.body);
            Ok(Paid::Refused(Box::new(Refused { refusal, intent })))
        }
        No::AccountInvalid(refusal) => Ok(Paid::AccountInvalid(refusal)),
        No::Stop(stop) => Ok(Paid::Stop(stop)),
        No::Doubt(doubt) => Ok(Paid::Doubt(doubt)),
        No::Again(again) => Err(again),
    }
}

fn made(payment: &Payment<'_>, wire: &WireAnswer) -> Result<Made, Garbled> {
    let intent = || IntentFacts::parse(&wire.body);
    match payment {
        Payment::Authorize { card, .. } | Payment::SetUp { card } => {
            let intent = intent()?;
            let is_setup = matches!(payment, Payment::SetUp { .. });
            if intent.id.is_setup() != is_setup {
                return Err(Garbled::OtherObject);
            }
            if intent.customer.as_ref() != Some(card.customer)
                || intent.mark.as_deref() != Some(card.mark)
            {
                return Err(Garbled::OtherCustomer);
            }
            Ok(Made::Intent(intent))
        }
        Payment::Capture { intent: sent, .. } | Payment::Cancel { intent: sent, .. } => {
            let intent = intent()?;
            if intent.id != **sent {
                return Err(Garbled::OtherId);
            }
            Ok(Made::Intent(intent))
        }
        Payment::Refund { intent: sent, .. } => {
            let refund = RefundFacts::parse(&wire.body)?;
            if refund.intent.as_ref() != Some(sent) {
                return Err(Garbled::OtherId);
            }
            Ok(Made::Refund(refund))
        }
    }
}

/// The intent that an error carries.
fn intent_within(body: &[u8]) -> Option<IntentFacts> {
    #[derive(Deserialize)]
    struct Envelope {
        error: Carrying,
    }
    #[derive(Deserialize)]
    struct Carrying {
        payment_intent: Option<IntentObject>,
        setup_intent: Option<IntentObject>,
    }
    let Envelope { error } = serde_json::from_slice(body).ok()?;
    let intent = error.payment_intent.or(error.setup_intent)?;
    IntentFacts::try_from(intent).ok()
}

impl From<Unsure> for Paid {
    fn from(unsure: Unsure) -> Self {
        match unsure {
            Unsure::Doubt(doubt) => Self::Doubt(doubt),
            Unsure::NotExecuted(not) => Self::NotExecuted(not),
        }
    }
}
