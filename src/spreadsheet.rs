//! PURE. What a spreadsheet does to a cell that it opens, and how a cell is written so that nothing is done to it.
//!
//! Two dangers. A cell that begins with `=`, `+`, `-` or `@` is run as a formula (CSV injection, <https://owasp.org/www-community/attacks/CSV_Injection>),
//! and the cells that other people choose reach somebody's desk in what we write. And what looks like a number or a date is
//! rewritten: `00123` becomes 123, a long id is rounded to 15 digits, `1-2` becomes a day; saved again, the file says so.
//!
//! One leading apostrophe keeps a cell a text: spreadsheets that open a CSV show it and save it again. A cell that begins with an
//! apostrophe gets a second one, so a reader that takes off one, if there is one ([`text`]), has every text back.

use std::borrow::Cow;

/// A cell for a file that a person opens: a text that could run, or that begins with an apostrophe, gets one in front. Numbers
/// with a sign (`-5`, `+49 170 1234567`) can name no function, cell or program, and stay as they are.
pub fn cell(text: &str) -> Cow<'_, str> {
    escaped(text, text.starts_with('\'') || would_run(text))
}

/// A cell for a file that a person opens, saves and gives back: as [`cell`], and whatever would be rewritten as a number or
/// a date is kept a text as well.
pub fn lasting_cell(text: &str) -> Cow<'_, str> {
    let escape = text.starts_with('\'') || runs(text) || would_be_rewritten(text);
    escaped(text, escape)
}

/// The text that a cell of [`cell`] or [`lasting_cell`] stands for.
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

fn escaped(text: &str, escape: bool) -> Cow<'_, str> {
    if escape {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

/// True where a spreadsheet could run it as a formula that names something.
fn would_run(text: &str) -> bool {
    let signed = text.starts_with(['+', '-', '＋', '－']);
    let of_number = |c: char| c.is_ascii_digit() || " .,/()-+".contains(c);
    let number = signed && text.chars().skip(1).all(of_number);
    runs(text) && !number
}

/// True where a spreadsheet takes it for a formula at all. East Asian editions take the full-width signs too.
fn runs(text: &str) -> bool {
    text.starts_with(['=', '@', '\t', '\r', '\n', '+', '-', '＝', '＠', '＋', '－'])
}

/// Digits that a cell of general format shows in full; beyond, it is shown, and saved, as `1.23457E+11`.
const DIGITS_SHOWN: usize = 11;

/// True where a spreadsheet makes a number or a date of it that is not written as the text is.
fn would_be_rewritten(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return false;
    }
    if digits == text.len() {
        return digits > DIGITS_SHOWN || (digits > 1 && text.starts_with('0'));
    }
    // Numbers with separators, currencies and exponents, dates and times; and dates with a month's name in some language.
    let of_number = |c: char| c.is_ascii_digit() || " .,/:()-+%$€£¥eEaApPmM".contains(c);
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    text.chars().all(of_number) || begins_a_month(&letters)
}

/// Whether letters are, or begin, a month's name as English, German, French and Spanish editions read it.
fn begins_a_month(letters: &str) -> bool {
    const MONTHS: [&str; 26] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mär",
        "mai", "okt", "dez", "fév", "fev", "avr", "jui", "aoû", "aou", "déc", "ene", "abr", "ago",
    ];
    let letters = letters.to_lowercase();
    letters.chars().count() <= 10 && MONTHS.iter().any(|month| letters.starts_with(month))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_could_run_is_escaped() {
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
        for (text, escaped) in cases {
            assert_eq!(cell(text), escaped);
        }
        assert_eq!(lasting_text("'s-Hertogenbosch"), "'s-Hertogenbosch");
    }

    #[test]
    fn what_a_spreadsheet_would_rewrite_is_kept_a_text() {
        for text in [
            "00123",
            "4917012345678",
            "1.50",
            "1E5",
            "+49 170 1234567",
            "-5",
            "1-2",
            "2024-01-05",
            "10:30",
            "12 %",
            "MAR-12",
            "5 May",
            "$5",
            "=1",
            "'x",
        ] {
            assert_eq!(lasting_cell(text), format!("'{text}"));
        }
        for text in [
            "",
            "0",
            "1",
            "12345678901",
            "pm_1",
            "Ada",
            "a@b",
            "Hauptstr. 5",
        ] {
            assert_eq!(lasting_cell(text), text);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(chosen in "['=+@0-9a-z-]{0,8}|\\PC{0,8}") {
            let (once, lasting) = (cell(&chosen), lasting_cell(&chosen));
            prop_assert_eq!(text(&once), &chosen);
            prop_assert_eq!(text(&lasting), &chosen);
            prop_assert_eq!(lasting_text(&lasting), &chosen);
            prop_assert!(!runs(&lasting));
        }
    }
}
