//! PURE. Takes secrets and personal data out of texts that Stripe wrote, before anything keeps or shows them.
//!
//! Hazard: Stripe quotes what it was sent (`Invalid email address: …`), and an error body can hold a whole PaymentIntent
//! with its `client_secret`. [`mask`] knows no customer and is applied to every message as it is read; [`redact`] takes
//! out one customer's own values as well.

use crate::legacy::{AT, Details};

/// Longest message that is kept, in characters. Stripe's may have 40,000.
pub const MESSAGE_MAX_CHARS: usize = 500;

/// What stands where a customer's own value stood.
const REDACTED: &str = "[redacted]";

/// Masks keys, client secrets, e-mail-like words and runs of 13 to 19 digits, and shortens the text.
pub fn mask(text: &str) -> String {
    // Shortened twice: first so that a text of any length costs little, then to the length that is kept.
    let start = prefix(text, MESSAGE_MAX_CHARS.saturating_mul(4));
    let mut masked = String::with_capacity(start.len());
    for word in start.split_inclusive(|c: char| !is_word(c)) {
        let (word, separator) = match word.char_indices().next_back() {
            Some((at, last)) if !is_word(last) => word.split_at(at),
            Some(_) | None => (word, ""),
        };
        masked.push_str(&mask_word(word));
        masked.push_str(separator);
    }
    prefix(&mask_numbers(&masked), MESSAGE_MAX_CHARS).to_owned()
}

/// Masks like [`mask`], and takes out every contact and metadata value of the customer, in upper or lower case.
pub fn redact(text: &str, details: &Details) -> String {
    let contact = [
        &details.email,
        &details.name,
        &details.phone,
        &details.description,
    ];
    let mut values: Vec<&str> = contact
        .into_iter()
        .flatten()
        .chain(details.address.values())
        .chain(details.metadata.values())
        .map(|value| value.trim())
        .filter(|value| value.chars().count() > 1)
        .collect();
    // The longest first: a name that is part of the e-mail must not break the e-mail up.
    values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    let mut text = prefix(text, MESSAGE_MAX_CHARS.saturating_mul(4)).to_owned();
    for value in values {
        text = without(&text, value);
    }
    mask(&text)
}

/// The first `chars` characters.
fn prefix(text: &str, chars: usize) -> &str {
    text.char_indices()
        .nth(chars)
        .map_or(text, |(end, _)| &text[..end])
}

/// Characters that keys, ids and e-mail addresses are made of.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_-+.*…%".contains(c) || AT.contains(&c)
}

fn mask_word(word: &str) -> String {
    let secret = ["sk_", "rk_", "pk_", "ek_", "whsec_"];
    // `risk_…` and `network_…` are words, `sk_…` and `rk_…` are keys.
    let begins = |at: usize| {
        let before = word[..at].chars().next_back();
        !before.is_some_and(char::is_alphanumeric)
    };
    let keys = secret.iter().flat_map(|kind| word.match_indices(kind));
    if let Some(at) = keys.map(|(at, _)| at).filter(|at| begins(*at)).min() {
        // `sk_test_` tells the mode, which a person needs; what follows is the secret.
        let shown = word[at..]
            .match_indices('_')
            .map(|(end, _)| at + end + 1)
            .take(2)
            .filter(|end| matches!(&word[at..*end], kind if kind.ends_with("_test_") || kind.ends_with("_live_")))
            .last();
        return format!("{}…", mask_address(&word[..shown.unwrap_or(at)]));
    }
    if word.contains("_secret_") {
        return String::from("[client secret]");
    }
    mask_address(word).to_owned()
}

/// `[e-mail]` for a word with an `@`, or a sign like it, between other characters, wherever else it has one: `@jane@example.com` is an address still.
fn mask_address(word: &str) -> &str {
    if word.trim_matches(AT).contains(AT) {
        "[e-mail]"
    } else {
        word
    }
}

/// Masks what may be a card number: 13 to 19 digits, with single blanks or dashes between, that are no part of an id.
fn mask_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let (digits, end) = digit_run(rest);
        let after = rest[end..].chars().next().unwrap_or(' ');
        let inside_an_id = [before, after]
            .iter()
            .any(|c| c.is_alphanumeric() || *c == '_');
        let step = if digits > 0 { end } else { first.len_utf8() };
        if (13..=19).contains(&digits) && !inside_an_id {
            out.push_str("[number]");
        } else {
            out.push_str(&rest[..step]);
        }
        before = rest[..step].chars().next_back().unwrap_or(' ');
        rest = &rest[step..];
    }
    out
}

/// How many digits `text` begins with, and where they end.
fn digit_run(text: &str) -> (usize, usize) {
    let (mut digits, mut end, mut gap) = (0, 0, false);
    for (at, c) in text.char_indices() {
        if c.is_ascii_digit() {
            (digits, end, gap) = (digits + 1, at + 1, false);
        } else if digits > 0 && !gap && (c == ' ' || c == '-') {
            gap = true;
        } else {
            break;
        }
    }
    (digits, end)
}

/// `text` without `value`. A value of 4 characters or more goes wherever it stands, a shorter one (`Al`, `CA`) only as a word.
fn without(text: &str, value: &str) -> String {
    let anywhere = value.chars().count() >= 4;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hit = rest
            .get(..value.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(value));
        let stands_alone = || {
            let after = rest[value.len()..].chars().next();
            [out.chars().next_back(), after]
                .into_iter()
                .flatten()
                .all(|c| !c.is_alphanumeric())
        };
        if hit && (anywhere || stands_alone()) {
            out.push_str(REDACTED);
            rest = &rest[value.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::legacy::AddressField;

    #[test]
    fn secrets_and_personal_data_are_masked_and_ids_are_not() {
        let cases = [
            (
                "Invalid API Key provided: sk_test_4eC39HqL",
                "Invalid API Key provided: sk_test_…",
            ),
            (
                "Expired API Key provided: rk_live_abc, sorry",
                "Expired API Key provided: rk_live_…, sorry",
            ),
            (
                "network_decline_code risk_level week_day",
                "network_decline_code risk_level week_day",
            ),
            ("key 'sk_odd' here", "key '…' here"),
            ("see pi_1_secret_2 now", "see [client secret] now"),
            (
                "Invalid email address: jane+x@example.co.uk",
                "Invalid email address: [e-mail]",
            ),
            ("card 4242 4242 4242 4242 was", "card [number] was"),
            ("card 4242-4242-4242-4242.", "card [number]."),
            ("card 4242424242424 was", "card [number] was"),
            ("call 0800 123456 at 10", "call 0800 123456 at 10"),
            (
                "No such customer: 'cus_4242424242424242'",
                "No such customer: 'cus_4242424242424242'",
            ),
            (
                "No such PaymentMethod: 'pm_1A'",
                "No such PaymentMethod: 'pm_1A'",
            ),
            ("a @ b, user@ and @host", "a @ b, user@ and @host"),
            (
                "'cu @jane@example.com has, @@jane@example.com@@",
                "'cu [e-mail] has, [e-mail]",
            ),
            ("jane@example.com_sk_test_4eC39HqL", "[e-mail]…"),
            ("to jane＠example.com.", "to [e-mail]"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(text), expected);
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        assert_eq!(mask(&"é".repeat(50_000)), "é".repeat(MESSAGE_MAX_CHARS));
    }

    #[test]
    fn a_customers_own_values_are_taken_out_in_any_case() {
        let details = Details {
            name: Some("Al".into()),
            phone: Some("+1 (555) 1".into()),
            address: BTreeMap::from([(AddressField::City, "Sankt Gallen".into())]),
            metadata: BTreeMap::from([("pet".into(), "Rex the dog".into())]),
            ..Details::default()
        };
        let text = "Invalid name al: Also +1 (555) 1 in sankt gallen, Rex the dog";
        assert_eq!(
            redact(text, &details),
            "Invalid name [redacted]: Also [redacted] in [redacted], [redacted]"
        );
    }

    proptest! {
        #[test]
        fn no_value_survives_whatever_surrounds_it(value in "[a-zA-Zäöü ]{2,4}[a-zäöü]{4,20}", before in ".{0,60}", after in ".{0,60}") {
            let details = Details { description: Some(value.clone()), ..Details::default() };
            let text = redact(&format!("{before}{value}{after}"), &details);
            prop_assert!(!text.contains(value.trim()), "{text}");
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*", value in ".*") {
            redact(&text, &Details { name: Some(value), ..Details::default() });
        }
    }
}
