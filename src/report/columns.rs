//! What `pmclone columns` prints.

use std::path::Path;

use super::table::{Column, table};
use super::words::{count, plain};
use crate::input::look::{Look, Seen};

/// How a file looks: notes, a table of its columns, and what stands in the way.
pub fn text(csv: &Path, look: &Look) -> String {
    let mut lines = super::import::told(csv, look.notes.iter());
    let columns = u64::try_from(look.columns.len()).unwrap_or(u64::MAX);
    lines.push(format!(
        "Header on line {}, {}; {} looked at.",
        look.header_line,
        count(columns, "column"),
        count(look.lines, "line")
    ));
    lines.push(String::new());
    let headings = [
        ("Column", Column::Left),
        ("Gives", Column::Left),
        ("Values, masked", Column::Left),
    ];
    let rows: Vec<Vec<String>> = look.columns.iter().map(row).collect();
    lines.push(table(&headings, &rows));
    lines.push(String::new());
    if let Some(wrong) = &look.wrong {
        lines.push(format!("It cannot be read as it stands: {wrong}."));
    }
    lines.join("\n")
}

fn row(seen: &Seen) -> Vec<String> {
    let gives = match (seen.gives.as_slice(), &seen.guess) {
        ([], Some(guess)) => format!("not read; {guess}?"),
        ([], None) => "not read".to_owned(),
        (gives, _) => gives.join(", "),
    };
    let values = seen.values.join(" | ");
    vec![plain(&seen.header), gives, plain(&values)]
}
