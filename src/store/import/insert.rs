//! Many rows with one statement.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Statement};

use crate::store::StoreError;

/// Rows of one statement, the greatest first; what is left over goes with the next.
const SIZES: [usize; 3] = [64, 8, 1];

/// Inserts into one table.
///
/// Within a statement SQLite's cursors stay where the row before went, and the next goes beside it; each statement on its own
/// looks for its place from the top of every tree.
pub(super) struct Insert<'c> {
    columns: usize,
    statements: Vec<Statement<'c>>,
}

impl<'c> Insert<'c> {
    pub(super) fn prepare(
        conn: &'c Connection,
        schema: &str,
        table: &str,
        columns: &[&str],
    ) -> Result<Self, StoreError> {
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let columns_text = columns.join(", ");
        // FAIL: so that no statement keeps what it changes, to take it back alone. After an error the whole import is taken back.
        let prepare = |size| {
            let rows = vec![row.as_str(); size].join(", ");
            conn.prepare(&format!(
                "INSERT OR FAIL INTO {schema}.{table} ({columns_text}) VALUES {rows}"
            ))
        };
        Ok(Self {
            columns: columns.len(),
            statements: SIZES.into_iter().map(prepare).collect::<Result<_, _>>()?,
        })
    }

    /// Writes rows, whose values stand one after the other.
    pub(super) fn write(&mut self, mut values: &[ToSqlOutput<'_>]) -> Result<(), StoreError> {
        for (size, statement) in SIZES.into_iter().zip(&mut self.statements) {
            while let Some((now, later)) = values.split_at_checked(size * self.columns) {
                if now.is_empty() {
                    break;
                }
                for (index, value) in (1..).zip(now) {
                    statement.raw_bind_parameter::<usize, _>(index, value)?;
                }
                statement.raw_execute()?;
                values = later;
            }
        }
        Ok(())
    }
}
