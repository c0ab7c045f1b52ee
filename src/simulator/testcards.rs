//! Stripe's published test cards, tokens and test PaymentMethods.
//! <https://docs.stripe.com/testing>

mod rows;

use super::ids::{hash, mix};
use super::objects::{Card, Conduct, Instrument, UsBankAccount};
pub(super) use rows::GENERIC;
use rows::{ROWS, Row};

/// What a test id, a token or a card number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    pub instrument: Instrument,
    pub conduct: Conduct,
}

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
