//! A state file, opened and read as `status`, `export` and a run do.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::commands;
use crate::report::Look;
use crate::store::{self, CustomerSeq, Loader, Selection, StoreError};
use crate::time::StripeTime;

/// A run's state file, with every kind of row in it.
static IMAGE: &[u8] = include_bytes!("../../fuzz/state.sqlite");

/// A state file that was changed: a first byte that is odd changes bytes of the file (three for the place, one for the
/// value), one that is even changes cells (which, rows, value). Whatever is then read of it is read, or refused. `folder` is for
/// this alone.
pub fn state(bytes: &[u8], folder: &Path) {
    let [how, changes @ ..] = bytes else { return };
    let path = folder.join("state.db");
    for left in [
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "state.db-journal",
    ] {
        drop(std::fs::remove_file(folder.join(left)));
    }
    let mut image = IMAGE.to_vec();
    if how % 2 == 1 {
        for change in changes.chunks_exact(4) {
            let place = u32::from_be_bytes([0, change[0], change[1], change[2]]);
            let place = usize::try_from(place).unwrap_or(0) % image.len();
            image[place] = change[3];
        }
    }
    if std::fs::write(&path, &image).is_err() {
        return;
    }
    if how % 2 == 0 {
        drop(change_cells(&path, changes));
    }
    drop(look(&path));
    if let Ok(conn) = store::open_existing(&path) {
        drop(store::retry_refused(&mut { conn }));
    }
    drop(look(&path));
}

fn change_cells(path: &Path, changes: &[u8]) -> rusqlite::Result<()> {
    const TEXTS: [&str; 12] = [
        "",
        " ",
        "0 1 2",
        "9 0",
        "-1",
        "4294967296",
        "x",
        "cus_1",
        "pm_1 cus_2",
        "acct_1",
        "{}",
        "\u{1b}[2J\u{0}é",
    ];
    const NUMBERS: [i64; 12] = [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        -1,
        99,
        4_294_967_296,
        i64::MAX,
        i64::MIN,
    ];
    let conn = Connection::open(path)?;
    let mut cells = conn.prepare(
        "SELECT m.name, p.name, p.type FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY 1, 2",
    )?;
    let cells = cells
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
    for change in changes.chunks_exact(3) {
        let (table, column, kind) = &cells[usize::from(change[0]) % cells.len()];
        let rows = ["migration", "account"].contains(&table.as_str());
        let rows = if rows {
            "1"
        } else if table == "customer" {
            "seq"
        } else {
            "customer"
        };
        let update =
            format!("UPDATE {table} SET {column} = ?1 WHERE {rows} % 5 = ?2 OR {rows} = 1");
        let value = usize::from(change[2]);
        // What the table itself refuses is not in any file.
        drop(match (kind.as_str(), value) {
            (_, 255) => conn.execute(&update, params![None::<i64>, change[1] % 5]),
            ("INTEGER", _) => conn.execute(&update, params![NUMBERS[value % 12], change[1] % 5]),
            _ => conn.execute(&update, params![TEXTS[value % 12], change[1] % 5]),
        });
    }
    Ok(())
}

/// Reads all that `status`, `export` and a run read.
fn look(path: &Path) -> Result<(), StoreError> {
    let conn = store::open_readonly(path)?;
    if let Some((status, extras)) = commands::status::of_connection(&conn, path, false)? {
        let look = Look::new(Some(80), true);
        assert!(!crate::report::status::text(&status, &extras, look).is_empty());
    }
    store::work(&conn, &Selection::default())?;
    // What `refused`, `undo` and `report` read.
    store::for_each_refused(&conn, |_, _| Ok::<_, StoreError>(()))?;
    store::TakenBack::read(&conn)?;
    store::ProofsMade::read(&conn)?;
    store::RunKept::read(&conn)?;
    store::VerificationKept::read(&conn)?;
    let loader = Loader::new(conn)?;
    let mut after = CustomerSeq::default();
    loop {
        let mut page = loader.page_of_all(after, 7)?;
        page.extend(loader.unsettled_page(after, 7)?);
        let Some(last) = page.iter().map(|loaded| loaded.seq).max() else {
            return Ok(());
        };
        if last <= after {
            return Ok(());
        }
        after = last;
        for mut loaded in page {
            store::Trace::read(loader.conn(), loaded.seq)?;
            drop(store::Undone::read(loader.conn(), loaded.seq)?);
            crate::undo::portions(&loaded.customer);
            commands::export::rows(&loaded);
            loaded.customer.next(StripeTime(1_790_000_000));
            loaded.customer.overdue(|_| false);
            loaded.customer.doubt_started();
            loaded.customer.doubtful();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(conn: &Connection) -> Vec<(String, String, String)> {
        let sql = "SELECT m.name, p.name, p.type FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY 1, 2";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn the_fuzzers_state_file_is_of_this_schema_and_has_rows_to_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        std::fs::write(&path, IMAGE).unwrap();
        let image = Connection::open(&path).unwrap();
        let known = columns(&image);
        let now = columns(&store::temporary().unwrap());
        assert_eq!(known, now, "make it anew: fuzz/state.sh");
        for (table, _, _) in known {
            let any: bool = image
                .query_row(
                    &format!("SELECT EXISTS (SELECT 1 FROM {table})"),
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            assert!(any, "{table} is empty: fuzz/state.sh");
        }
        look(&path).unwrap();
    }
}
