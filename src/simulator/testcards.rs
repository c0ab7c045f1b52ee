//! Stripe's published test cards, tokens and test PaymentMethods.
//! <https://docs.stripe.com/testing>

use super::ids::{hash, mix};
use super::objects::{Card, Conduct, Decline, Instrument, UsBankAccount};

/// What a test id, a token or a card number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    pub instrument: Instrument,
    pub conduct: Conduct,
}

const fn decline(
    code: &'static str,
    reason: Option<&'static str>,
    message: &'static str,
    advice: &'static str,
) -> Decline {
    Decline {
        code,
        reason,
        message,
        advice,
    }
}

const DECLINED: &str = "Your card was declined.";
const TRY_LATER: &str = "try_again_later";
const NOT_AGAIN: &str = "do_not_try_again";

/// The issuer gives no reason.
pub(super) const GENERIC: Decline = decline(
    "card_declined",
    Some("generic_decline"),
    DECLINED,
    TRY_LATER,
);
const NO_FUNDS: Decline = decline(
    "card_declined",
    Some("insufficient_funds"),
    "Your card has insufficient funds.",
    TRY_LATER,
);
const LOST: Decline = decline("card_declined", Some("lost_card"), DECLINED, NOT_AGAIN);
const STOLEN: Decline = decline("card_declined", Some("stolen_card"), DECLINED, NOT_AGAIN);
const VELOCITY: Decline = decline(
    "card_declined",
    Some("card_velocity_exceeded"),
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    TRY_LATER,
);
const FRAUDULENT: Decline = decline("card_declined", Some("fraudulent"), DECLINED, NOT_AGAIN);
const EXPIRED: Decline = decline("expired_card", None, "Your card has expired.", NOT_AGAIN);
const CVC: Decline = decline(
    "incorrect_cvc",
    None,
    "Your card's security code is incorrect.",
    TRY_LATER,
);
const PROCESSING: Decline = decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
    TRY_LATER,
);

/// Name after `pm_card_` or `tok_`, card number, brand, funding, country, conduct.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Conduct,
);

const ROWS: &[Row] = &[
    (
        "visa",
        "4242424242424242",
        "visa",
        "credit",
        "US",
        Conduct::Good,
    ),
    (
        "visa_debit",
        "4000056655665556",
        "visa",
        "debit",
        "US",
        Conduct::Good,
    ),
    (
        "mastercard",
        "5555555555554444",
        "mastercard",
        "credit",
        "US",
        Conduct::Good,
    ),
    (
        "mastercard_debit",
        "5200828282828210",
        "mastercard",
        "debit",
        "US",
        Conduct::Good,
    ),
    (
        "mastercard_prepaid",
        "5105105105105100",
        "mastercard",
        "prepaid",
        "US",
        Conduct::Good,
    ),
    (
        "amex",
        "378282246310005",
        "amex",
        "credit",
        "US",
        Conduct::Good,
    ),
    (
        "discover",
        "6011111111111117",
        "discover",
        "credit",
        "US",
        Conduct::Good,
    ),
    (
        "diners",
        "3056930009020004",
        "diners",
        "credit",
        "US",
        Conduct::Good,
    ),
    (
        "jcb",
        "3566002020360505",
        "jcb",
        "credit",
        "JP",
        Conduct::Good,
    ),
    (
        "unionpay",
        "6200000000000005",
        "unionpay",
        "credit",
        "CN",
        Conduct::Good,
    ),
    (
        "us",
        "4242424242424242",
        "visa",
        "credit",
        "US",
        Conduct::Good,
    ),
    (
        "gb",
        "4000008260000000",
        "visa",
        "credit",
        "GB",
        Conduct::Good,
    ),
    (
        "de",
        "4000002760000016",
        "visa",
        "credit",
        "DE",
        Conduct::Good,
    ),
    (
        "fr",
        "4000002500000003",
        "visa",
        "credit",
        "FR",
        Conduct::Good,
    ),
    (
        "in",
        "4000003560000008",
        "visa",
        "credit",
        "IN",
        Conduct::Good,
    ),
    (
        "visa_chargeDeclined",
        "4000000000000002",
        "visa",
        "credit",
        "US",
        Conduct::Declines(GENERIC),
    ),
    (
        "chargeDeclined",
        "4000000000000002",
        "visa",
        "credit",
        "US",
        Conduct::Declines(GENERIC),
    ),
    (
        "visa_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "visa",
        "credit",
        "US",
        Conduct::Declines(NO_FUNDS),
    ),
    (
        "chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "visa",
        "credit",
        "US",
        Conduct::Declines(NO_FUNDS),
    ),
    (
        "visa_chargeDeclinedLostCard",
        "4000000000009987",
        "visa",
        "credit",
        "US",
        Conduct::Declines(LOST),
    ),
    (
        "visa_chargeDeclinedStolenCard",
        "4000000000009979",
        "visa",
        "credit",
        "US",
        Conduct::Declines(STOLEN),
    ),
    (
        "chargeDeclinedExpiredCard",
        "4000000000000069",
        "visa",
        "credit",
        "US",
        Conduct::Declines(EXPIRED),
    ),
    (
        "chargeDeclinedIncorrectCvc",
        "4000000000000127",
        "visa",
        "credit",
        "US",
        Conduct::Declines(CVC),
    ),
    (
        "chargeDeclinedProcessingError",
        "4000000000000119",
        "visa",
        "credit",
        "US",
        Conduct::Declines(PROCESSING),
    ),
    (
        "visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "visa",
        "credit",
        "US",
        Conduct::Declines(VELOCITY),
    ),
    (
        "chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "visa",
        "credit",
        "US",
        Conduct::Declines(VELOCITY),
    ),
    (
        "chargeDeclinedFraudulent",
        "4100000000000019",
        "visa",
        "credit",
        "US",
        Conduct::Declines(FRAUDULENT),
    ),
    (
        "chargeCustomerFail",
        "4000000000000341",
        "visa",
        "credit",
        "US",
        Conduct::DeclinesCharges(GENERIC),
    ),
    (
        "radarBlock",
        "4100000000000019",
        "visa",
        "credit",
        "US",
        Conduct::DeclinesCharges(FRAUDULENT),
    ),
    (
        "authenticationRequired",
        "4000002760003184",
        "visa",
        "credit",
        "DE",
        Conduct::Authenticates,
    ),
    (
        "authenticationRequiredOnSetup",
        "4000002500003155",
        "visa",
        "credit",
        "FR",
        Conduct::Authenticates,
    ),
    (
        "threeDSecure2Required",
        "4000000000003220",
        "visa",
        "credit",
        "IE",
        Conduct::Authenticates,
    ),
];

/// The model behind `pm_card_visa` and its like; such ids exist in every account and stand for a new object each.
pub(super) fn payment_method(id: &str) -> Option<Model> {
    if id == "pm_usBankAccount_success" || id == "pm_usBankAccount" {
        return Some(us_bank_account("000123456789"));
    }
    let name = id.strip_prefix("pm_card_")?;
    ROWS.iter().find(|row| row.0 == name).map(model)
}

/// The model behind `tok_visa` and its like.
pub(super) fn token(id: &str) -> Option<Model> {
    let name = id.strip_prefix("tok_")?;
    ROWS.iter().find(|row| row.0 == name).map(model)
}

/// The model behind a test card's number.
pub(super) fn number(digits: &str) -> Option<Model> {
    ROWS.iter().find(|row| row.1 == digits).map(model)
}

/// A US bank account with this number.
pub(super) fn us_bank_account(account_number: &str) -> Model {
    Model {
        instrument: Instrument::UsBankAccount(UsBankAccount {
            fingerprint: hash(account_number),
            holder: "individual",
            kind: "checking",
            last4: last4(account_number),
        }),
        conduct: Conduct::Good,
    }
}

fn model(&(_, number, brand, funding, country, conduct): &Row) -> Model {
    Model {
        instrument: Instrument::Card(Card {
            brand,
            country,
            cvc_check: Some("pass"),
            exp_month: 12,
            exp_year: 2034,
            fingerprint: hash(number),
            funding,
            last4: last4(number),
        }),
        conduct,
    }
}

fn last4(number: &str) -> u16 {
    let tail = number.len().saturating_sub(4);
    number
        .get(tail..)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

/// A card made up from a number: what an id that a CSV names turns out to be.
pub(super) fn made_up_card(seed: u64) -> Card {
    const BRANDS: [&str; 4] = ["visa", "mastercard", "amex", "discover"];
    const FUNDING: [&str; 3] = ["credit", "debit", "prepaid"];
    let pick = |salt: u64, count: u64| mix(seed ^ salt) % count;
    let small = |value: u64| u8::try_from(value).unwrap_or_default();
    Card {
        brand: BRANDS[usize::from(small(pick(1, 4)))],
        country: "US",
        cvc_check: Some("pass"),
        exp_month: 1 + small(pick(2, 12)),
        exp_year: 2030 + u16::from(small(pick(3, 8))),
        fingerprint: mix(seed ^ 4),
        funding: FUNDING[usize::from(small(pick(5, 3)))],
        last4: u16::try_from(pick(6, 10_000)).unwrap_or_default(),
    }
}
