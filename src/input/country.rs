//! Countries, as people write them: codes of two and three letters, English names, and names in the languages that address
//! books are kept in.
//!
//! `countries.txt` has a country a line: ISO 3166-1 alpha-2, alpha-3, names parted by `|`. The codes and English names are those of
//! the time zone database's `iso3166.tab` (public domain); XK is what Stripe and banks use for Kosovo.

use std::collections::HashMap;
use std::sync::LazyLock;

const COUNTRIES: &str = include_str!("countries.txt");

/// The code of two letters, in upper case, for a code or a name; `None` where it is neither.
pub(super) fn code(text: &str) -> Option<&'static str> {
    if let &[first, second] = text.as_bytes() {
        let letters = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
        if let Ok(at) = CODES.binary_search_by(|code| code.as_bytes().cmp(&letters)) {
            return CODES.get(at).copied();
        }
    }
    NAMES.get(&fold(text)).copied()
}

/// In the order of the file, which is that of the alphabet.
static CODES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| COUNTRIES.lines().filter_map(|line| line.get(..2)).collect());

static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for line in COUNTRIES.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(code), Some(three), Some(all)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        for name in all.split('|').chain([three]) {
            names.insert(fold(name), code);
        }
    }
    names
});

/// Letters and digits in lower case, without the marks of Latin letters, `&` as "and": so that `Cote d’Ivoire` is one.
fn fold(name: &str) -> String {
    let name = name.replace('&', "and").to_lowercase();
    let plain = |c: char| match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        c => c,
    };
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .map(plain)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_name_and_code_of_three_letters_is_known() {
        assert_eq!(CODES.len(), 250);
        assert!(CODES.is_sorted());
        for line in COUNTRIES.lines() {
            let parts: Vec<_> = line.splitn(3, ' ').collect();
            for name in parts[2].split('|').chain([parts[0], parts[1]]) {
                assert_eq!(code(name), Some(parts[0]), "{name}");
            }
        }
    }

    #[test]
    fn countries_are_found_however_they_are_written() {
        for (written, expected) in [
            ("de", "DE"),
            ("DEU", "DE"),
            ("GERMANY", "DE"),
            ("Cote d’Ivoire", "CI"),
            ("Espana", "ES"),
            ("U.S.A.", "US"),
            ("uk", "GB"),
            ("Trinidad and Tobago", "TT"),
            ("THE NETHERLANDS", "NL"),
        ] {
            assert_eq!(code(written), Some(expected), "{written}");
        }
        for not in ["", "XX", "Atlantis", "D1", "ÄÖ", "D", "12"] {
            assert_eq!(code(not), None, "{not}");
        }
    }
}
