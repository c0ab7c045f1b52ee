//! PURE. `verify --charge`: one payment on one clone, taken back at once. A step machine of its own.
//!
//! ```text
//!   charge      authorize ─▶ capture (a part) ─▶ refund (all of it, the fee too)
//!   authorize   authorize ─▶ cancel
//!   setup       set up                                       (no money)
//!   left over   whatever is held ─▶ cancel, or refund         (after a decline, a failure, an interruption)
//! ```
//!
//! [`Attempt::after`] is the one transition function of a step; [`next`] the one decision: what is unsettled is settled first, then
//! what is held is given back.
//!
//! Hazard: money that is held and forgotten. So what Stripe holds ([`Held`]) is kept beside the steps, and a proof is over only when
//! nothing is. A second capture, cancel or refund is refused by Stripe by itself; a second authorization is not, so it is sent under
//! one key only, and looked for by its mark once that key is no longer good.

mod attempt;
mod decide;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Event, Illegal, Phase};
pub use decide::{End, Look, Next, Purpose, next};

use std::collections::BTreeMap;

use crate::ids::{ApplicationFeeId, ChargeId, IntentId, RefundId};
use crate::state::Doubt;

/// What is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A part of a hold is captured, and refunded.
    Charge,
    /// A hold is made, and let go.
    Authorize,
    /// A `SetupIntent`: the issuer is asked, no money is held.
    SetUp,
}

impl Kind {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Authorize => "authorize",
            Self::SetUp => "setup",
        }
    }
}

/// What was asked for, frozen before anything is sent. Amounts are in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What is proven.
    pub kind: Kind,
    /// What is authorised; 0 for a setup.
    pub amount: i64,
    /// Three letters, lower case; empty for a setup.
    pub currency: String,
    /// How much of it is captured; 0 where nothing is.
    pub capture: i64,
    /// The platform's application fee; 0 for none.
    pub fee: i64,
}

/// The writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `POST /v1/payment_intents`, confirmed, with manual capture.
    Authorize,
    /// `POST /v1/setup_intents`, confirmed.
    SetUp,
    /// `POST /v1/payment_intents/{intent}/capture`.
    Capture,
    /// `POST /v1/refunds`.
    Refund,
    /// `POST /v1/payment_intents/{intent}/cancel`, or of the `SetupIntent`.
    Cancel,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 5] = [
        Self::Authorize,
        Self::SetUp,
        Self::Capture,
        Self::Refund,
        Self::Cancel,
    ];

    /// The stable name that goes into idempotency keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::SetUp => "set_up",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
        }
    }

    /// The step that a proof begins with.
    pub fn first(kind: Kind) -> Self {
        match kind {
            Kind::Charge | Kind::Authorize => Self::Authorize,
            Kind::SetUp => Self::SetUp,
        }
    }
}

/// What is at Stripe, as it was known last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Not known: nothing was sent, or what was sent is not settled.
    Unknown,
    /// Nothing: it was refused before anything was made, or looked for and not found.
    Nothing,
    /// An intent without money, such as a declined one.
    Open,
    /// Money is held on the card.
    Authorised,
    /// Money was taken.
    Captured,
    /// All that was taken is given back.
    Refunded,
    /// The intent is cancelled: nothing is held.
    Canceled,
    /// The card is set up; there is nothing to give back.
    SetUp,
}

impl Held {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Nothing,
        Self::Open,
        Self::Authorised,
        Self::Captured,
        Self::Refunded,
        Self::Canceled,
        Self::SetUp,
    ];

    /// True where nothing is left to be given back.
    pub fn is_over(self) -> bool {
        match self {
            Self::Nothing | Self::Refunded | Self::Canceled | Self::SetUp => true,
            Self::Unknown | Self::Open | Self::Authorised | Self::Captured => false,
        }
    }

    /// What an intent's status means; `None` for a status that is not known. Stripe's words are an open set.
    pub fn of_status(kind: Kind, status: &str) -> Option<Self> {
        Some(match (status, kind) {
            ("requires_capture", _) => Self::Authorised,
            ("succeeded", Kind::Charge | Kind::Authorize) => Self::Captured,
            ("succeeded", Kind::SetUp) => Self::SetUp,
            ("canceled", _) => Self::Canceled,
            ("requires_payment_method" | "requires_confirmation" | "requires_action", _) => {
                Self::Open
            }
            _ => return None,
        })
    }

    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Nothing => "nothing",
            Self::Open => "open",
            Self::Authorised => "authorised",
            Self::Captured => "captured",
            Self::Refunded => "refunded",
            Self::Canceled => "canceled",
            Self::SetUp => "set_up",
        }
    }
}

/// Stripe's no to a step. Texts are Stripe's, personal data masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No {
    /// HTTP status; 200 for an intent that is there and asks for the cardholder.
    pub status: u16,
    /// The most telling of `decline_code`, `code` and `type`.
    pub reason: String,
    /// Stripe's `message`, masked.
    pub message: String,
}

/// What Stripe calls a refusal of the amount or the currency; `invalid_currency` is ours, since that one comes without a `code`.
const OF_THE_TERMS: [&str; 3] = ["amount_too_small", "amount_too_large", INVALID_CURRENCY];

/// Why an intent is refused whose `currency` is at fault.
pub const INVALID_CURRENCY: &str = "invalid_currency";

impl No {
    /// True where not the card was declined, but the request was refused.
    pub fn is_of_the_request(&self) -> bool {
        !matches!(self.status, 200 | 402)
    }

    /// True where it is the amount or the currency that is refused: any other card would be answered the same.
    pub fn is_of_the_terms(&self) -> bool {
        self.is_of_the_request() && OF_THE_TERMS.contains(&self.reason.as_str())
    }

    /// An intent that is open without saying why.
    fn untold() -> Self {
        Self {
            status: 200,
            reason: "not_confirmed".to_owned(),
            message: "The intent is there, and the card was not charged.".to_owned(),
        }
    }
}

/// One payment on one clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What was asked for.
    pub terms: Terms,
    /// What is at Stripe.
    pub held: Held,
    /// The `PaymentIntent`, or the `SetupIntent`.
    pub intent: Option<IntentId>,
    /// Its Charge.
    pub charge: Option<ChargeId>,
    /// The refund.
    pub refund: Option<RefundId>,
    /// The application fee.
    pub application_fee: Option<ApplicationFeeId>,
    /// How much was captured.
    pub captured: i64,
    /// How much was refunded.
    pub refunded: i64,
    /// How much of the application fee went back.
    pub fee_refunded: i64,
    /// Why the card could not be charged, if so.
    pub declined: Option<No>,
    /// The writes.
    pub steps: BTreeMap<Step, Attempt>,
    /// True where `held` may be older than what Stripe has: it is read before anything else is done. Not kept on disk.
    pub stale: bool,
}

impl Proof {
    /// Nothing was sent yet.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            held: Held::Unknown,
            intent: None,
            charge: None,
            refund: None,
            application_fee: None,
            captured: 0,
            refunded: 0,
            fee_refunded: 0,
            declined: None,
            steps: BTreeMap::new(),
            stale: false,
        }
    }

    /// Where a step stands, if it ever was.
    pub fn phase(&self, step: Step) -> Option<Phase> {
        self.steps.get(&step).map(|attempt| attempt.phase.clone())
    }

    /// The step that was sent and whose outcome is not known. There is one at most: each waits for the one before.
    pub fn unsettled(&self) -> Option<(Step, &Attempt)> {
        let mut steps = self.steps.iter();
        steps
            .find(|(_, attempt)| matches!(attempt.phase, Phase::Started | Phase::InDoubt(_)))
            .map(|(step, attempt)| (*step, attempt))
    }

    /// True where the card was charged, held or set up as asked, and nothing is left.
    pub fn is_proven(&self) -> bool {
        match self.terms.kind {
            Kind::Charge => {
                self.held == Held::Refunded && self.phase(Step::Capture) == Some(Phase::Done)
            }
            Kind::Authorize => {
                self.held == Held::Canceled
                    && [Step::Authorize, Step::Cancel]
                        .into_iter()
                        .all(|step| self.phase(step) == Some(Phase::Done))
            }
            Kind::SetUp => self.held == Held::SetUp,
        }
    }

    /// True where it is not known that nothing is left to be given back.
    pub fn is_open(&self) -> bool {
        self.unsettled().is_some() || !self.held.is_over()
    }

    /// How it stands, by the stable name that outputs use: `proven`, `open`, `refused`, `declined` or `taken_back`.
    pub fn result(&self) -> &'static str {
        if self.is_proven() {
            return "proven";
        }
        match &self.declined {
            _ if self.is_open() => "open",
            Some(no) if no.is_of_the_request() => "refused",
            Some(_) => "declined",
            None => "taken_back",
        }
    }

    /// Takes up again what Stripe refused to take back, under new keys, and has what is held read first: for those who tidy up.
    pub fn reopen(&mut self) -> Result<(), Illegal> {
        for step in [Step::Refund, Step::Cancel] {
            if matches!(self.phase(step), Some(Phase::Refused(_))) {
                self.apply(step, Event::Retry)?;
            }
        }
        self.stale = self.intent.is_some();
        Ok(())
    }

    /// Applies an event to a step.
    pub fn apply(&mut self, step: Step, event: Event) -> Result<(), Illegal> {
        let attempt = Attempt::after(self.steps.get(&step), event)?;
        self.steps.insert(step, attempt);
        Ok(())
    }

    /// What an answer, or a look, shows the intent to be; `declined` is why, where it says that the card was.
    pub fn see(&mut self, held: Held, declined: Option<No>) -> Result<(), Illegal> {
        self.stale = false;
        // A refund does not show in an intent's status.
        if (held, self.held) == (Held::Captured, Held::Refunded) {
            return Ok(());
        }
        // What is not there may be made still, under a new key: it is over only once nobody wants that.
        self.held = match held {
            Held::Nothing => Held::Unknown,
            other => other,
        };
        let unsettled = self.unsettled().map(|(step, _)| step);
        let event = match (unsettled, held) {
            (Some(Step::Authorize | Step::SetUp), Held::Nothing) => Some(Event::Miss),
            // It is there, and the card was not charged: declined, or the cardholder was asked for.
            (Some(Step::Authorize | Step::SetUp), Held::Open) => {
                let no = declined.unwrap_or_else(No::untold);
                self.declined = Some(no.clone());
                Some(Event::Refuse(no))
            }
            (Some(Step::Authorize | Step::SetUp), _) => Some(Event::Succeed),
            (Some(Step::Capture), Held::Captured) | (Some(Step::Cancel), Held::Canceled) => {
                Some(Event::Succeed)
            }
            (Some(Step::Capture | Step::Cancel), _) => Some(Event::Miss),
            // The refunds are looked at by themselves.
            (Some(Step::Refund) | None, _) => None,
        };
        match unsettled.zip(event) {
            Some((step, event)) => self.apply(step, event),
            None => Ok(()),
        }
    }

    /// What the list of its refunds shows: how much of what was captured went back.
    pub fn see_refunds(&mut self, refunded: i64) -> Result<(), Illegal> {
        self.refunded = refunded;
        let all = refunded >= self.captured.max(1);
        let unsettled = matches!(self.unsettled(), Some((Step::Refund, _)));
        if all {
            self.held = Held::Refunded;
        }
        match (unsettled, all) {
            (true, true) => self.apply(Step::Refund, Event::Succeed),
            (true, false) => self.apply(Step::Refund, Event::Miss),
            (false, _) => Ok(()),
        }
    }
}

impl Doubt {
    /// True where the same key may be sent again.
    fn is_unanswered(self) -> bool {
        self == Self::NoAnswer
    }
}
