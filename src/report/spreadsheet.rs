//! PURE. Texts that other people chose, in the cells of a CSV that a spreadsheet may open.
//!
//! Decision. A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`. But a cell may be a key that is joined on, or is
//! read back, and `-5` or `+49 170 1234567` are plausible ones. So a cell gets a leading apostrophe only where a formula could do
//! something: it begins with `=` or `@`, or with a sign and goes on with anything other than digits and punctuation of numbers,
//! without which no function, cell or program can be named. A text that itself begins with an apostrophe gets a second one, so that
//! whoever takes off one leading apostrophe has the text back in every case.

use std::borrow::Cow;

/// The cell for a text.
pub fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with('\'') || would_run(text) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

/// The same for a file that people save again from a spreadsheet: what it would take for a number or a date, and write
/// otherwise than it was (`007`, `+4917012345678`, `4242 4242`, `1-2`), gets an apostrophe too.
pub fn lasting_cell(text: &str) -> Cow<'_, str> {
    match cell(text) {
        Cow::Borrowed(text) if would_change(text) => format!("'{text}").into(),
        cell => cell,
    }
}

/// The text that a cell stands for: one leading apostrophe is taken off, if there is one.
pub fn text(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// The text of a cell that a person may have written: an apostrophe is taken off only where [`lasting_cell`] would have put it, so
/// that `'s-Hertogenbosch`, typed by hand, stays what it is.
pub fn lasting_text(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if lasting_cell(text) == cell => text,
        Some(_) | None => cell,
    }
}

/// True where a spreadsheet could run it as a formula that names something. East Asian editions take the full-width signs too.
fn would_run(text: &str) -> bool {
    let of_number = |c: char| c.is_ascii_digit() || " .,/()-+".contains(c);
    let mut chars = text.chars();
    match chars.next() {
        Some('=' | '@' | '\t' | '\r' | '＝' | '＠') => true,
        Some('+' | '-' | '＋' | '－') => !chars.all(of_number),
        _ => false,
    }
}

/// Digits that a spreadsheet keeps of a number.
const DIGITS_KEPT: usize = 15;

/// True where a spreadsheet may write something else than it read.
fn would_change(text: &str) -> bool {
    let of_number = |c: char| c.is_ascii_digit() || " .,/()-+:%eE".contains(c);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && text.len() <= DIGITS_KEPT
        && (!text.starts_with('0') || text == "0");
    text.chars().any(|c| c.is_ascii_digit()) && text.chars().all(of_number) && !plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_could_run_are_escaped() {
        let cases = [
            ("42", "42"),
            ("-5", "-5"),
            ("+49 170 1234567", "+49 170 1234567"),
            ("-1+2", "-1+2"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
            ("+A1", "'+A1"),
            ("＝1", "'＝1"),
            ("'quoted", "''quoted"),
            ("a=b", "a=b"),
        ];
        for (id, escaped) in cases {
            assert_eq!(cell(id), escaped);
            assert_eq!(text(escaped), id);
        }
    }

    #[test]
    fn what_a_spreadsheet_would_write_otherwise_comes_back_as_it_was() {
        let cases = [
            ("42", "42"),
            ("0", "0"),
            ("007", "'007"),
            ("1234567890123456", "'1234567890123456"),
            ("+4917012345678", "'+4917012345678"),
            ("1E5", "'1E5"),
            ("3/4", "'3/4"),
            ("", ""),
            ("12 Main St", "12 Main St"),
            ("=1+1", "'=1+1"),
            ("'s-Hertogenbosch", "''s-Hertogenbosch"),
        ];
        for (id, escaped) in cases {
            assert_eq!(lasting_cell(id), escaped);
            assert_eq!(lasting_text(escaped), id);
        }
        assert_eq!(lasting_text("'s-Hertogenbosch"), "'s-Hertogenbosch");
    }
}
