//! The table of test cards, and the declines that some of them bring.

use crate::simulator::objects::{Conduct, Decline};

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
pub(in crate::simulator) const GENERIC: Decline = decline(
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
pub(super) type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Conduct,
);

pub(super) const ROWS: &[Row] = &[
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
