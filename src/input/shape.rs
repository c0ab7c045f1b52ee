//! What can be said of a record before its cells are read: whether it is as long as the header, and whether a cell passes for a card number.

use super::card;
use super::columns::Layout;
use super::problem::{Problem, ProblemKind};
use super::records::Record;
use super::wrong_file::Why;

/// Stops the import at what passes for a card number, wherever digits have no business; in a line of any shape.
pub(super) fn refuse_card_numbers(record: &Record, layout: &Layout) -> Result<(), Why> {
    let line = record.line;
    for (index, cell) in record.cells().enumerate() {
        let column = layout.columns.get(index);
        if column.is_some_and(|column| column.may_hold_digits) || !card::holds_number(cell) {
            continue;
        }
        let column = column.map_or_else(|| (index + 1).to_string(), |c| c.label.clone());
        return Err(Why::CardNumber { line, column });
    }
    Ok(())
}

/// Whether the record has as many cells as the header; if not, what may have happened to it.
pub(super) fn misshapen(record: &Record, layout: &Layout) -> Option<Problem> {
    let (found, expected) = (record.len(), layout.own);
    if found == expected && !record.unclosed {
        return None;
    }
    let problem =
        |kind, what: String, remedy| Some(Problem::new(record.line, "", kind, what, remedy));
    let runs_on = if record.last_line > record.line {
        format!(" and runs on to line {}", record.last_line)
    } else {
        String::new()
    };
    if record.unclosed && !(found == expected && runs_on.is_empty()) {
        return problem(
            ProblemKind::UnclosedQuote,
            "has a quote that is not closed before the end of the file".to_owned(),
            "close it, or double it if it belongs to the text",
        );
    }
    let cells = if found == 1 { "cell" } else { "cells" };
    let what = format!("has {found} {cells}{runs_on}, where the header has {expected}");
    let remedy = match (runs_on.is_empty(), found < expected) {
        (false, _) => "look for a quote that is not closed, or not doubled inside a cell",
        (true, true) => "add the missing separators; are cells missing at the end?",
        (true, false) => "put cells that hold a separator in quotes, or remove what is too much",
    };
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => problem(ProblemKind::TooFewCells, what, remedy),
        std::cmp::Ordering::Greater => problem(ProblemKind::TooManyCells, what, remedy),
    }
}
