//! Words that people write in cells: for nothing, for yes and no.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

/// Words that mean an empty cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NullWords {
    /// The usual ones.
    #[default]
    Usual,
    /// These.
    Only(Vec<String>),
}

/// What databases and spreadsheets write for nothing. Compared as they stand, or in lower case: `Null` is a name, `NA` is Namibia.
const USUAL: [&str; 9] = [
    "NULL",
    "N/A",
    "#N/A",
    "-",
    "--",
    "\\N",
    "(NULL)",
    "NaN",
    "UNDEFINED",
];

/// What Excel shows where a formula failed: what stood there is lost.
const SPREADSHEET_ERRORS: [&str; 7] = [
    "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "####",
];

/// Recognises words for nothing, and counts them.
#[derive(Debug)]
pub(super) struct Nulls {
    words: NullWords,
    met: Cell<u64>,
}

impl Nulls {
    pub(super) fn new(words: &NullWords) -> Self {
        Self {
            words: words.clone(),
            met: Cell::new(0),
        }
    }

    /// Whether a trimmed cell is a word for nothing. Cheap for every cell that is none.
    pub(super) fn has(&self, text: &str) -> bool {
        let is_one = match &self.words {
            NullWords::Usual => {
                matches!(
                    text.as_bytes().first(),
                    Some(b'N' | b'n' | b'#' | b'-' | b'\\' | b'(' | b'U' | b'u')
                ) && text.len() <= 9
                    && USUAL
                        .iter()
                        .any(|word| text == *word || text == word.to_ascii_lowercase())
            }
            NullWords::Only(words) => words.iter().any(|word| text == word),
        };
        if is_one {
            self.met.set(self.met.get() + 1);
        }
        is_one
    }

    pub(super) fn met(&self) -> u64 {
        self.met.get()
    }
}

/// Whether a cell holds what a spreadsheet writes where a formula failed.
pub(super) fn is_spreadsheet_error(text: &str) -> bool {
    text.starts_with('#')
        && (SPREADSHEET_ERRORS.contains(&text)
            || text.bytes().all(|byte| byte == b'#') && text.len() > 3)
}

/// Whether a number was rounded by a spreadsheet, as in `4.91701E+12`: the digits after those shown are lost.
pub(super) fn is_rounded_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let of_number = |c: u8| c.is_ascii_digit() || c == b'.' || c == b',';
    text.len() <= 24
        && mantissa.starts_with(|c: char| c.is_ascii_digit())
        && mantissa.bytes().all(of_number)
        && exponent
            .strip_prefix('+')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Yes or no, as people and spreadsheets of several languages write it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    const YES: [&str; 18] = [
        "true",
        "t",
        "yes",
        "y",
        "1",
        "x",
        "on",
        "✓",
        "✔",
        "ja",
        "wahr",
        "oui",
        "vrai",
        "si",
        "sí",
        "verdadero",
        "vero",
        "waar",
    ];
    const NO: [&str; 14] = [
        "false", "f", "no", "n", "0", "off", "nein", "falsch", "non", "faux", "falso", "nee",
        "onwaar", "✗",
    ];
    let lower = text.to_lowercase();
    if YES.contains(&lower.as_str()) {
        return Some(true);
    }
    NO.contains(&lower.as_str()).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_known_and_names_are_not() {
        let nulls = Nulls::new(&NullWords::Usual);
        for word in [
            "NULL",
            "null",
            "N/A",
            "n/a",
            "#N/A",
            "-",
            "--",
            "\\N",
            "(null)",
            "NaN",
            "undefined",
        ] {
            assert!(nulls.has(word), "{word}");
        }
        assert_eq!(nulls.met(), 11);
        for word in ["Null", "NA", "None", "Nullmeyer", "-5", "0", ""] {
            assert!(!nulls.has(word), "{word}");
        }
        let own = Nulls::new(&NullWords::Only(vec!["keine".to_owned()]));
        assert!(own.has("keine") && !own.has("NULL"));
    }

    #[test]
    fn yes_and_no_are_known_in_the_forms_that_people_write() {
        for yes in ["TRUE", "t", "Yes", "1", "x", "WAHR", "VRAI", "Sí"] {
            assert_eq!(boolean(yes), Some(true), "{yes}");
        }
        for no in ["FALSE", "f", "No", "0", "FALSCH", "FAUX"] {
            assert_eq!(boolean(no), Some(false), "{no}");
        }
        assert_eq!(boolean("perhaps"), None);
    }

    #[test]
    fn what_a_spreadsheet_broke_is_recognised() {
        for broken in ["#NAME?", "#REF!", "########"] {
            assert!(is_spreadsheet_error(broken), "{broken}");
        }
        assert!(!is_spreadsheet_error("#12") && !is_spreadsheet_error("###"));
        for rounded in ["4.91701E+12", "1E+15", "1,5e+10"] {
            assert!(is_rounded_number(rounded), "{rounded}");
        }
        for whole in ["12E5", "E+5", "1E+", "a1E+5", "4917012345678", "abcde"] {
            assert!(!is_rounded_number(whole), "{whole}");
        }
    }
}
