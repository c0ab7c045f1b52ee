//! What stands between the columns: seen in the first lines.

/// Characters that stand between columns, with the word for them.
const KNOWN: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "vertical bars"),
];

/// Lines looked at where the header alone shows nothing.
const LINES: usize = 20;

/// What stands between the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delimiter {
    pub(super) byte: u8,
    /// Lines above the header: Excel's own `sep=;`.
    pub(super) lines_above: u64,
}

/// The word for a delimiter.
pub(super) fn spoken(delimiter: u8) -> String {
    let known = KNOWN.iter().find(|(byte, _)| *byte == delimiter);
    known.map_or_else(
        || format!("{:?}", char::from(delimiter)),
        |(_, word)| (*word).to_owned(),
    )
}

/// Looks at the beginning of a text. `is_known` tells the names of columns that are known.
pub(super) fn find(text: &[u8], asked: Option<u8>, is_known: &dyn Fn(&str) -> bool) -> Delimiter {
    if let Some((byte, rest)) = separator_line(text) {
        return Delimiter {
            byte: asked.or(byte).unwrap_or_else(|| among(rest, is_known)),
            lines_above: 1,
        };
    }
    Delimiter {
        byte: asked.unwrap_or_else(|| among(text, is_known)),
        lines_above: 0,
    }
}

/// The character of `sep=…`, and what follows that line.
fn separator_line(text: &[u8]) -> Option<(Option<u8>, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = text.split_at_checked(end + 1)?;
    let line = line.trim_ascii_end();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let line = line.strip_suffix(b"\"").unwrap_or(line);
    if !line.get(..4)?.eq_ignore_ascii_case(b"sep=") {
        return None;
    }
    // A tab is taken off with the line's end.
    let said = match line.get(4..) {
        Some([byte]) => Some(*byte),
        Some([]) => Some(b'\t'),
        _ => None,
    };
    Some((said, rest))
}

fn among(text: &[u8], is_known: &dyn Fn(&str) -> bool) -> u8 {
    let score = |delimiter: u8| {
        let known = header(text, delimiter)
            .iter()
            .filter(|name| is_known(name))
            .count();
        (known, consistency(text, delimiter))
    };
    let mut best = (b',', score(b','));
    for (delimiter, _) in KNOWN {
        let score = score(delimiter);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

fn header(text: &[u8], delimiter: u8) -> Vec<String> {
    let mut reader = reader(text, delimiter);
    let mut record = csv::ByteRecord::new();
    if !reader.read_byte_record(&mut record).unwrap_or(false) {
        return Vec::new();
    }
    let cells = record.iter();
    cells
        .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
        .collect()
}

/// How many columns there are, if lines agree on it; none where they do not, or where there is one.
fn consistency(text: &[u8], delimiter: u8) -> usize {
    let mut reader = reader(text, delimiter);
    let mut lengths = Vec::new();
    let mut record = csv::ByteRecord::new();
    while lengths.len() < LINES && reader.read_byte_record(&mut record).unwrap_or(false) {
        lengths.push(record.len());
    }
    let Some(first) = lengths.first().copied() else {
        return 0;
    };
    let agree = lengths.iter().filter(|length| **length == first).count();
    if first > 1 && agree * 10 >= lengths.len() * 8 {
        first
    } else {
        0
    }
}

fn reader(text: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (u8, u64) {
        let found = find(text.as_bytes(), None, &|name| {
            ["legacy_id", "email"].contains(&name)
        });
        (found.byte, found.lines_above)
    }

    #[test]
    fn the_header_shows_what_stands_between_columns() {
        assert_eq!(of("legacy_id,email\n1,a\n"), (b',', 0));
        assert_eq!(of("legacy_id;\"e,mail\"\n1;a,b\n"), (b';', 0));
        assert_eq!(of("legacy_id\temail\n"), (b'\t', 0));
        assert_eq!(of("legacy_id|email\n"), (b'|', 0));
        assert_eq!(of("legacy_id\n1\n"), (b',', 0));
    }

    #[test]
    fn where_no_name_is_known_lines_that_agree_show_it() {
        assert_eq!(of("Kunde;Mail\n1,5;a\n2;b,c,d\n"), (b';', 0));
        assert_eq!(of("Kunde,Mail\n1,a;b;c\n"), (b',', 0));
        assert_eq!(of(""), (b',', 0));
    }

    #[test]
    fn a_separator_line_is_believed_and_passed_over() {
        assert_eq!(of("sep=;\r\nlegacy_id;email\n"), (b';', 1));
        assert_eq!(of("\"sep=,\"\nlegacy_id,email\n"), (b',', 1));
        assert_eq!(of("sep=\t\nlegacy_id\temail\n"), (b'\t', 1));
    }
}
