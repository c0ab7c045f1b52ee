//! Card numbers and security codes: recognised so that they are never stored, sent or shown.
//!
//! PCI DSS allows no security code to be kept, ever, and numbers only with care that this tool does not take. Whoever
//! finds one here has found a leak at its source.

/// Whether a cell holds what passes for a card number: 13 to 19 digits that stand alone, in one run or in the groups
/// printed on cards, from an issuer's range and with a right check digit (ISO/IEC 7812).
pub(super) fn holds_number(cell: &[u8]) -> bool {
    // 0xEF begins the full-width digits of East Asian keyboards.
    let digits = |byte: &&u8| matches!(byte, b'0'..=b'9' | 0xef);
    if cell.iter().filter(digits).count() < 13 {
        return false;
    }
    if cell.contains(&0xef) {
        return holds_number_in(&narrow(cell));
    }
    holds_number_in(cell)
}

fn holds_number_in(cell: &[u8]) -> bool {
    let mut before = [b' '; 2];
    cell.iter().enumerate().any(|(start, byte)| {
        // Digits within a word are part of a hash or of an id, where one in ten would pass by chance; but `%B` begins a magnetic
        // stripe's first track.
        let begins = is_issued(*byte) && (!is_word(before[1]) || before == *b"%B");
        before = [before[1], *byte];
        let text = cell.get(start..).unwrap_or_default();
        begins && SHAPES.iter().any(|groups| is_number(text, groups))
    })
}

/// The same with full-width digits as plain ones.
fn narrow(cell: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(cell);
    let plain = text.chars().map(|c| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        c => c,
    });
    plain.collect::<String>().into_bytes()
}

/// How card numbers are written, as digits per group: Visa and most others, American Express, Diners Club, `UnionPay`.
const SHAPES: &[&[usize]] = &[
    &[16],
    &[15],
    &[14],
    &[13],
    &[17],
    &[18],
    &[19],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 4, 3],
    &[6, 13],
];

/// Airlines' own cards (1), fuel (7) and nobody (0) begin otherwise; so do times in milliseconds (1).
fn is_issued(first: u8) -> bool {
    matches!(first, b'2'..=b'6' | b'8' | b'9')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a text begins with such groups of digits, and the check digit is right.
fn is_number(text: &[u8], groups: &[usize]) -> bool {
    let mut rest = text;
    // Luhn's sum with the last digit so far counted once, and counted twice: which it is shows at the end.
    let (mut once, mut twice) = (0_u32, 0_u32);
    for (index, length) in groups.iter().enumerate() {
        if index > 0 {
            let Some(tail) = after_separator(rest) else {
                return false;
            };
            rest = tail;
        }
        let Some((group, tail)) = rest.split_at_checked(*length) else {
            return false;
        };
        if !group.iter().all(u8::is_ascii_digit) {
            return false;
        }
        for byte in group {
            let digit = u32::from(byte - b'0');
            let doubled = if digit < 5 { digit * 2 } else { digit * 2 - 9 };
            (once, twice) = (twice + digit, once + doubled);
        }
        rest = tail;
    }
    !rest.first().is_some_and(|byte| is_word(*byte)) && once % 10 == 0
}

/// What comes after that which stands between two groups: up to three blanks, hyphens, points or line breaks, of any alphabet.
fn after_separator(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    for _ in 0..3 {
        rest = match rest {
            [b' ' | b'-' | b'.' | b'/' | b'_' | b'\t' | b'\r' | b'\n', tail @ ..]
            | [0xc2, 0xa0, tail @ ..]
            // U+2000 to U+2015: blanks of all widths, hyphens and dashes; U+202F, the narrow blank that does not break; U+3000.
            | [0xe2, 0x80, 0x80..=0x95 | 0xaf, tail @ ..]
            | [0xe3, 0x80, 0x80, tail @ ..] => tail,
            _ => break,
        };
    }
    (rest.len() < text.len()).then_some(rest)
}

/// Whether a header names card numbers or security codes.
pub(super) fn is_named_by(header: &str) -> bool {
    let lower: String = header.to_lowercase().chars().map(plain).collect();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    let joined: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let named = words.any(|word| WORDS.contains(&word))
        || NAMES.iter().any(|name| joined.contains(name))
        || ENDINGS.iter().any(|name| joined.ends_with(name));
    named && !PARTS.iter().any(|part| joined.contains(part))
}

/// A letter without its accent.
fn plain(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' => 'a',
        'è' | 'é' | 'ê' => 'e',
        'ú' | 'ü' => 'u',
        'ó' | 'õ' | 'ö' => 'o',
        c => c,
    }
}

const WORDS: &[&str] = &[
    "pan", "cvc", "cvc2", "cvv", "cvv2", "csc", "cav2", "track1", "track2",
];
const NAMES: &[&str] = &[
    "cardnumber",
    "ccnumber",
    "primaryaccountnumber",
    "securitycode",
    "cardcvc",
    "cardcvv",
    "cardverification",
    "trackdata",
    "kartennummer",
    "kartennr",
    "prufziffer",
    "pruefziffer",
    "prufnummer",
    "pruefnummer",
    "numerodecarte",
    "numerocarte",
    "cryptogramme",
    "numerodetarjeta",
    "numerotarjeta",
    "codigodeseguridad",
    "numerodicarta",
    "numerocarta",
    "numerodocartao",
    "kaartnummer",
    "カード番号",
    "卡号",
];
const ENDINGS: &[&str] = &["cardno", "cardnum", "ccno", "ccnum"];
/// What may be kept of a number.
const PARTS: &[&str] = &["last4", "lastfour", "first6", "firstsix", "masked"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        // Stripe's published test numbers (https://docs.stripe.com/testing).
        for cell in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "378282246310005",
            "3782 822463 10005",
            "3056 930902 5904",
            "6205500000000000004",
            "Visa 4242424242424242, exp. 12/30",
            "\"5555555555554444\"",
            "order 17: 2223003122003222.",
            "№4000056655665556",
            "17 4242424242424242 12/30 123",
            "4242 4242 4242 4242 123",
            "4242.4242.4242.4242",
            "4242\u{a0}4242\u{a0}4242\u{a0}4242",
            "4242\u{2009}4242\u{2009}4242\u{2009}4242",
            "4242 – 4242 – 4242 – 4242",
            "4242\n4242\n4242\n4242",
            "４２４２４２４２４２４２４２４２",
            "４２４２　４２４２　４２４２　４２４２",
            "%B4242424242424242^LOVELACE/ADA^3012",
            ";4242424242424242=3012",
        ] {
            assert!(holds_number(cell.as_bytes()), "{cell}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for cell in [
            "4242424242424241",
            "42424242424240",
            "1699999999999",
            "1700000000000",
            "0000000000000000",
            "+1 202 555 0100",
            "2024-01-05 10:30:00",
            "in_4242424242424242",
            "a424242424242424242ff",
            "550e8400-e29b-41d4-a716-446655440000",
            "42 4242 4242 4242 42",
            "Hauptstr. 12, 10115 Berlin",
            "4242    4242    4242    4242",
            "B4242424242424242",
            "ＡＢＣＤＥＦＧＨＩＪＫＬＭ",
        ] {
            assert!(!holds_number(cell.as_bytes()), "{cell}");
        }
    }

    #[test]
    fn headers_that_name_numbers_or_codes_are_recognised() {
        for header in [
            "card_number",
            "card.number",
            "Card Number",
            "cardNumber",
            "credit_card_number",
            "cc-num",
            "CVC",
            "card.cvc",
            "card_cvv",
            "CVV2",
            "PAN",
            "metadata.pan",
            "Security Code",
            "Numéro de carte",
            "Número da tarjeta / Número de tarjeta",
            "Kreditkarten-Nr.",
            "Prüfziffer",
            "Código de seguridad",
            "Numero carta",
            "カード番号",
        ] {
            assert!(is_named_by(header), "{header}");
        }
    }

    #[test]
    fn headers_that_name_parts_or_other_things_are_not() {
        for header in [
            "legacy_id",
            "payment_method",
            "card_last4",
            "card_number_last4",
            "pan_last4",
            "Card number (masked)",
            "card_exp_month",
            "company",
            "credit_card.token",
            "panel",
            "discard_notes",
        ] {
            assert!(!is_named_by(header), "{header}");
        }
    }
}
