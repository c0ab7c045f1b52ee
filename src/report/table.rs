//! Tables without lines: columns parted by two blanks, indented by two, never broken within a cell.

use comfy_table::{CellAlignment, Table, presets};

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Ids and names.
    Left,
    /// Numbers.
    Right,
}

/// Sets a table; each row has a cell for each column.
pub(super) fn table(columns: &[(&str, Column)], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table.set_header(columns.iter().map(|(heading, _)| *heading));
    table.add_rows(rows.iter().cloned());
    for (index, (_, kind)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((2, 0));
            column.set_cell_alignment(match kind {
                Column::Left => CellAlignment::Left,
                Column::Right => CellAlignment::Right,
            });
        }
    }
    table.trim_fmt()
}
