//! The one place that says what to do about a refusal, a doubt or a parked account.
//!
//! Stripe's reasons are an open set (new codes come every month): what is not known here gets general advice, never none.

use crate::state::{Customer, Doubt};

/// What has to be done about a refusal, and by whom: what refusals are grouped by.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Group {
    /// The customer has to give a payment method again, on the connected account.
    CollectAgain,
    /// The customer has to give another card: the issuer said no.
    AskCustomer,
    /// An id in the CSV is wrong, or of another account or mode.
    CorrectId,
    /// Contact details or metadata in the CSV are not taken.
    CorrectDetails,
    /// Another platform Customer holds the source.
    HeldElsewhere,
    /// It can pass by itself: try again.
    TryLater,
    /// Something has to be changed in a Stripe account.
    ChangeAccount,
    /// None of these, as far as is known here.
    Other,
}

impl Group {
    /// Every group, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::CollectAgain,
        Self::AskCustomer,
        Self::CorrectId,
        Self::CorrectDetails,
        Self::HeldElsewhere,
        Self::TryLater,
        Self::ChangeAccount,
        Self::Other,
    ];

    /// The stable name that outputs and `--group` use.
    pub fn name(self) -> &'static str {
        match self {
            Self::CollectAgain => "collect_again",
            Self::AskCustomer => "ask_customer",
            Self::CorrectId => "correct_id",
            Self::CorrectDetails => "correct_details",
            Self::HeldElsewhere => "held_elsewhere",
            Self::TryLater => "try_later",
            Self::ChangeAccount => "change_account",
            Self::Other => "other",
        }
    }

    /// What is to be done, as a heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::CollectAgain => "Collect again from the customer",
            Self::AskCustomer => "Ask the customer for another card",
            Self::CorrectId => "Correct an id in the CSV",
            Self::CorrectDetails => "Correct contact details in the CSV",
            Self::HeldElsewhere => "Held by another platform Customer",
            Self::TryLater => "Try again later",
            Self::ChangeAccount => "Change something in the Stripe account",
            Self::Other => "Look at each",
        }
    }
}

/// A group, and what to do.
type Advice = (Group, &'static str);

const COLLECT_AGAIN: Advice = (
    Group::CollectAgain,
    "Stripe clones only cards and US bank accounts. Collect this payment method again on the connected account.",
);
const DECLINED: Advice = (
    Group::AskCustomer,
    "The issuer said no. Ask the customer for another card, or try once more later: pmclone resume --retry-refused.",
);
const EXPIRED: Advice = (
    Group::AskCustomer,
    "The card has expired. Ask the customer for a new one.",
);
const LOST: Advice = (
    Group::AskCustomer,
    "The issuer will never accept this card again. Ask the customer for another one.",
);
const CARD_DATA: Advice = (
    Group::AskCustomer,
    "The issuer rejects what is stored of the card. Ask the customer to enter it again.",
);
const LATER: Advice = (
    Group::TryLater,
    "This can pass by itself. Wait a while, then: pmclone resume --retry-refused.",
);
const AUTHENTICATE: Advice = (
    Group::CollectAgain,
    "The issuer wants the customer to authenticate. Collect the card again with the customer present (a SetupIntent).",
);
const HELD: Advice = (
    Group::HeldElsewhere,
    "It is attached to another platform Customer. If that is the same person: pmclone resume --retry-refused --adopt-attached; else correct the CSV.",
);
const MISSING: Advice = (
    Group::CorrectId,
    "The key's account has no such object in this mode. Check the id in the CSV, and that key and data are both live or both test.",
);
const CONSUMED: Advice = (
    Group::CollectAgain,
    "It was used, or detached, without a Customer and can never be attached again. Collect it again.",
);
const TOO_MANY: Advice = (
    Group::ChangeAccount,
    "The Customer holds as many payment methods as Stripe allows. Detach some, then: pmclone resume --retry-refused.",
);
const DETAILS: Advice = (
    Group::CorrectDetails,
    "Stripe does not take the customer's details. Correct the line (pmclone refused --csv FILE), then: pmclone retry FILE.",
);
const NOT_ACTIVE: Advice = (
    Group::ChangeAccount,
    "The connected account cannot take this kind of payment yet. Its owner must activate it, then: pmclone resume --retry-refused.",
);
const NAMED: Advice = (
    Group::ChangeAccount,
    "A Subscription there names the clone before as its own. Have it name the new one (pmclone explain tells its id), then: pmclone resume --refresh-stale.",
);
const REMOVED: Advice = (
    Group::Other,
    "The card was removed on the connected account, so its clone is not renewed. If it shall be there, collect it there again.",
);
const GENERAL: Advice = (
    Group::Other,
    "See https://docs.stripe.com/error-codes. Once the cause is mended: pmclone resume --retry-refused.",
);

/// What to do about a refusal for this reason: one or two sentences. `message` is a sample of Stripe's, for the reasons that
/// tell too little.
pub fn for_refusal(reason: &str, message: &str) -> &'static str {
    advice(reason, message).1
}

/// What kind of thing has to be done about it.
pub fn group_of(reason: &str, message: &str) -> Group {
    advice(reason, message).0
}

fn advice(reason: &str, message: &str) -> Advice {
    by_reason(reason)
        .or_else(|| by_message(message))
        .unwrap_or(GENERAL)
}

/// Names: <https://docs.stripe.com/error-codes> and <https://docs.stripe.com/declines/codes>, and our own for reads.
fn by_reason(reason: &str) -> Option<Advice> {
    Some(match reason {
        "already_attached" | "attached_elsewhere" => HELD,
        "resource_missing" | "livemode_mismatch" => MISSING,
        "cannot_be_cloned"
        | "payment_method_unsupported_type"
        | "payment_method_not_available"
        | "payment_method_restricted" => COLLECT_AGAIN,
        "card_declined"
        | "generic_decline"
        | "do_not_honor"
        | "insufficient_funds"
        | "call_issuer"
        | "transaction_not_allowed"
        | "fraudulent"
        | "card_not_supported"
        | "card_velocity_exceeded"
        | "withdrawal_count_limit_exceeded" => DECLINED,
        "expired_card" | "expired_payment_method" => EXPIRED,
        "lost_card"
        | "stolen_card"
        | "pickup_card"
        | "restricted_card"
        | "invalid_account"
        | "revocation_of_authorization"
        | "revocation_of_all_authorizations" => LOST,
        "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_number"
        | "invalid_number"
        | "incorrect_zip"
        | "incorrect_postal_code"
        | "incorrect_address"
        | "invalid_expiry_month"
        | "invalid_expiry_year" => CARD_DATA,
        "processing_error"
        | "try_again_later"
        | "issuer_not_available"
        | "reenter_transaction"
        | "card_decline_rate_limit_exceeded" => LATER,
        "authentication_required" | "authentication_failure" => AUTHENTICATE,
        "payment_method_unactivated" | "payment_method_unexpected_state" => CONSUMED,
        "customer_max_payment_methods" => TOO_MANY,
        "capability_not_active" => NOT_ACTIVE,
        "named_by_subscription" => NAMED,
        "clone_removed" => REMOVED,
        "email_invalid" => DETAILS,
        _ if reason.starts_with("parameter_") => DETAILS,
        _ => return None,
    })
}

/// For `invalid_request_error` and the like, where Stripe gave no `code`.
fn by_message(message: &str) -> Option<Advice> {
    const TOLD: [(&str, Advice); 4] = [
        ("already been attached to a customer", HELD),
        ("may not be used again", CONSUMED),
        ("a similar object exists in", MISSING),
        ("No such", MISSING),
    ];
    TOLD.iter()
        .find(|(part, _)| message.contains(part))
        .map(|(_, remedy)| *remedy)
}

/// What to do about a step in doubt.
pub fn for_doubt(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NoAnswer => "No answer came: pmclone resume asks again under the same key.",
        Doubt::Expired => {
            "Its key is too old to be sent again: the next run looks whether it was done."
        }
        Doubt::StoredServerError => {
            "Stripe keeps a server error for it, whatever is sent: the next run looks whether it was done."
        }
        Doubt::IdempotencyConflict => {
            "Its key was used for another request: the next run looks whether it was done."
        }
        Doubt::RequestChanged => {
            "The request would no longer be the one that was sent: the next run looks whether it was done."
        }
        Doubt::FoundTwice => {
            "Stripe has more than one such Customer. Delete all but one in the Dashboard, then: pmclone resume."
        }
    }
}

/// Why the line of a customer cannot be mended that was refused on one account and taken back on another, and what to do instead.
pub fn not_mended(customer: &Customer) -> String {
    let platform = customer.platform_customer().filter(|_| !customer.undone);
    let held = platform.map_or(String::new(), |id| {
        format!(", with {id} as its platform_customer")
    });
    format!(
        "A part of it is taken back, so `pmclone retry` takes no mended line of it: it can be tried again as it is. With other details or \
         another card it can be migrated from another state file (--state){held}."
    )
}

/// What to do about doubts that a resume did not settle.
pub const STILL_IN_DOUBT: &str = "What is in doubt is never sent again before Stripe was read: pmclone reconcile does only that, and every run begins with it.";

/// What to do about a source that was detached on the platform.
pub const DETACHED: &str =
    "the customer must give the card again. The clone stays where it is, as it was.";

/// What to do about a parked account.
pub const PARKED: &str = "Stripe gives no access to it. Have its owner connect to the platform again, then: pmclone resume.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_next_year_gets_general_advice() {
        assert_eq!(advice("a_code_of_next_year", "Something new."), GENERAL);
    }

    #[test]
    fn where_stripe_gives_no_code_its_message_tells() {
        let message = "The payment method you provided has already been attached to a customer.";
        assert_eq!(advice("invalid_request_error", message), HELD);
        assert_eq!(advice("already_attached", ""), HELD);
        assert_eq!(
            advice("invalid_request_error", "No such PaymentMethod: 'pm_1'"),
            MISSING
        );
    }

    #[test]
    fn details_are_told_from_cards() {
        assert_eq!(advice("parameter_invalid_empty", ""), DETAILS);
        assert_eq!(advice("card_declined", ""), DECLINED);
        assert_eq!(advice("cannot_be_cloned", ""), COLLECT_AGAIN);
    }

    #[test]
    fn groups_are_named_alike_everywhere() {
        use clap::ValueEnum;
        for group in Group::ALL {
            assert_eq!(serde_json::to_value(group).unwrap(), group.name());
            assert_eq!(group.to_possible_value().unwrap().get_name(), group.name());
        }
    }
}
