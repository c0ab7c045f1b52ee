//! Rules for single cells: each takes a trimmed text and gives the value or the complaint.

use std::borrow::Cow;

use super::problem::ProblemKind;
use crate::ids::InvalidId;

/// What is wrong with a cell: kind, what was found, remedy. No text holds a personal value.
pub(super) struct Complaint {
    pub(super) kind: ProblemKind,
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Complaint {
    pub(super) fn new(
        kind: ProblemKind,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// Takes blanks off both ends, and the invisible characters that come along when ids are copied from web pages.
pub(super) fn trim(text: &str) -> &str {
    // Most cells begin and end with what nobody takes off.
    let stays = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if stays(text.as_bytes().first()) && stays(text.as_bytes().last()) {
        return text;
    }
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'))
}

/// Where line breaks may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    Allowed,
    Refused,
}

/// Up to `max_chars` characters, none of them a control character.
pub(super) fn text(text: &str, max_chars: usize, breaks: Breaks) -> Result<(), Complaint> {
    // A text has at most as many characters as bytes.
    if text.len() > max_chars {
        let count = text.chars().count();
        if count > max_chars {
            return Err(Complaint::new(
                ProblemKind::TextTooLong,
                format!("has {count} characters; at most {max_chars} are taken"),
                "shorten it",
            ));
        }
    }
    if !may_hold_control(text) {
        return Ok(());
    }
    let refused = |c: char| match c {
        '\n' | '\r' | '\t' => breaks == Breaks::Refused,
        c => c.is_control(),
    };
    match text.chars().find(|c| refused(*c)) {
        None => Ok(()),
        Some('\n' | '\r') => Err(Complaint::new(
            ProblemKind::ControlCharacter,
            "has a line break in it",
            "keep it on one line",
        )),
        Some(control) => Err(Complaint::new(
            ProblemKind::ControlCharacter,
            format!(
                "has a control character (U+{:04X}) in it",
                u32::from(control)
            ),
            "remove it",
        )),
    }
}

/// Whether a byte is a control character, or the lead byte of U+0080 to U+009F: cheap, and seldom true.
fn may_hold_control(text: &str) -> bool {
    let suspect = |byte: u8| byte < 0x20 || byte == 0x7f || byte == 0xc2;
    text.bytes().fold(false, |any, byte| any | suspect(byte))
}

/// What everybody agrees on: one `@` with something on both sides, no blanks. Stripe judges the rest.
pub(super) fn email(email: &str) -> Result<(), Complaint> {
    text(email, 512, Breaks::Refused)?;
    let invalid = |what: &str| {
        let remedy = "correct it, or leave the cell empty";
        Err(Complaint::new(ProblemKind::InvalidEmail, what, remedy))
    };
    if email.contains(char::is_whitespace) {
        return invalid("has a blank in it");
    }
    match email.split_once('@') {
        None => invalid("has no @"),
        Some((_, domain)) if domain.contains('@') => invalid("has more than one @"),
        Some(("", _)) => invalid("has nothing before its @"),
        Some((_, "")) => invalid("has nothing after its @"),
        Some(_) => Ok(()),
    }
}

/// Whether a text holds the mark of a character that was lost (U+FFFD), or UTF-8 that was once read as Windows-1252 (`MÃ¼ller`).
pub(super) fn is_damaged(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|c| {
        let twice = matches!(before, 'Ã' | 'Â') && ('\u{80}'..='\u{bf}').contains(&c)
            || (before == 'â' && c == '€');
        before = c;
        c == '\u{fffd}' || twice
    })
}

/// A phone number without what stands between its digits, and without its extension.
pub(super) fn short_phone(text: &str) -> String {
    let number = text.split(|c: char| c.is_alphabetic() || c == '#').next();
    let number = number.unwrap_or_default();
    let kept = number
        .char_indices()
        .filter(|(at, c)| c.is_ascii_digit() || (*at == 0 && *c == '+'));
    kept.map(|(_, c)| c).collect()
}

/// The parts of a cell with several ids: `a;b`, `a,b`, `a|b`, a line each, a JSON array, or an array as databases write it.
pub(super) fn parts(text: &str) -> Vec<Cow<'_, str>> {
    if text.starts_with('[')
        && let Ok(parts) = serde_json::from_str::<Vec<String>>(text)
    {
        return parts.into_iter().map(Cow::Owned).collect();
    }
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let parts = inner.unwrap_or(text).split([';', ',', '|', '\n', '\r']);
    let unquoted = |part: &'_ str| part.trim().trim_matches('"').to_owned();
    match inner {
        Some(_) => parts.map(|part| Cow::Owned(unquoted(part))).collect(),
        None => parts.map(Cow::Borrowed).collect(),
    }
}

/// Turns an id's own complaint into one that shows ids and nothing else: in a shifted line, an e-mail address may stand there.
pub(super) fn misfit(error: &InvalidId, found: &str) -> Complaint {
    const SECRET: [&str; 3] = ["sk_", "rk_", "whsec_"];
    const IDS: [&str; 14] = [
        "acct_", "cus_", "pm_", "card_", "ba_", "src_", "tok_", "btok_", "seti_", "pi_", "ch_",
        "sub_", "in_", "pk_",
    ];
    let expected = error.expected;
    let complain = |kind, what, remedy: &str| Complaint::new(kind, what, remedy);
    if SECRET.iter().any(|prefix| found.starts_with(prefix)) {
        return complain(
            ProblemKind::MisplacedId,
            format!("expected {expected}, found what looks like a secret key"),
            "remove it and roll that key: it has been in a file",
        );
    }
    let is_an_id = IDS.iter().any(|prefix| found.starts_with(prefix));
    let alphabet = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let shown = found.split(|c| !alphabet(c)).next().unwrap_or_default();
    match is_an_id {
        false => complain(
            ProblemKind::InvalidId,
            format!("expected {expected}, found something else (not shown, as it may be personal)"),
            "correct it; are the cells of this line shifted?",
        ),
        true if shown.len() < found.len() => complain(
            ProblemKind::InvalidId,
            format!("expected {expected}, found {shown:?} followed by a character that no id has"),
            "correct it; several ids are separated by semicolons",
        ),
        true => complain(
            ProblemKind::MisplacedId,
            error.to_string(),
            "move it to its own column, and put the right id here",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T, Complaint>) -> Option<&'static str> {
        result.err().map(|complaint| complaint.kind.name())
    }

    #[test]
    fn lengths_are_counted_in_characters_not_in_bytes() {
        let twenty = "语".repeat(20);
        assert_eq!(kind(text(&twenty, 20, Breaks::Refused)), None);
        assert_eq!(
            kind(text(&twenty, 19, Breaks::Refused)),
            Some("text_too_long")
        );
    }

    #[test]
    fn line_breaks_are_fine_in_prose_and_nowhere_else() {
        assert_eq!(kind(text("a\nb", 9, Breaks::Allowed)), None);
        assert_eq!(
            kind(text("a\nb", 9, Breaks::Refused)),
            Some("control_character")
        );
        for control in ["a\0b", "a\u{7f}", "\u{85}a"] {
            assert_eq!(
                kind(text(control, 9, Breaks::Allowed)),
                Some("control_character")
            );
        }
    }

    #[test]
    fn odd_but_possible_addresses_are_left_to_stripe() {
        for good in [
            "a@b",
            "jörg@exämple.com",
            "o'neil+x@sub.example.org",
            "\"a\"@example.com",
        ] {
            assert_eq!(kind(email(good)), None, "{good}");
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@example.com", "x".repeat(512));
        for bad in [
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c.example",
            "a@b;c@d",
            "a@b\u{a0}c",
            &long,
        ] {
            assert!(kind(email(bad)).is_some(), "{bad}");
        }
    }

    #[test]
    fn what_was_converted_wrongly_is_seen() {
        for damaged in ["M\u{fffd}ller", "MÃ¼ller", "donâ€™t", "Â£5"] {
            assert!(is_damaged(damaged), "{damaged}");
        }
        for sound in ["Müller", "SÃO PAULO", "Ângela", "5 €"] {
            assert!(!is_damaged(sound), "{sound}");
        }
    }

    #[test]
    fn a_long_phone_number_loses_what_is_no_digit_and_its_extension() {
        assert_eq!(short_phone("312-555-1234 ext. 5678"), "3125551234");
        assert_eq!(short_phone("+1 (312) 555 - 12 34 x9"), "+13125551234");
    }

    #[test]
    fn lists_are_taken_apart_however_they_are_written() {
        for list in [
            "a;b",
            "a,b",
            "a|b",
            "a\nb",
            "[\"a\", \"b\"]",
            "{a,b}",
            "{\"a\", \"b\"}",
        ] {
            assert_eq!(parts(list), ["a", "b"], "{list}");
        }
    }
}
