//! Tables without lines: columns parted by two blanks, indented by two.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::Look;

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Ids and names: never broken.
    Left,
    /// Numbers.
    Right,
    /// Texts: wrapped where the width asks for it.
    Text,
}

/// Sets a table; each row has a cell for each column.
pub(super) fn table(look: Look, columns: &[(&str, Column)], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(look.width)
        .force_no_tty();
    if columns.iter().any(|(heading, _)| !heading.is_empty()) {
        table.set_header(columns.iter().map(|(heading, _)| Cell::new(heading)));
    }
    table.add_rows(rows.iter().cloned());
    for (index, (_, kind)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((2, 0));
            match kind {
                Column::Left => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
                Column::Right => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                    column.set_cell_alignment(CellAlignment::Right);
                }
                Column::Text => {}
            }
        }
    }
    table.trim_fmt()
}
