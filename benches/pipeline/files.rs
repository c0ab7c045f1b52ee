//! The files that are measured with.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use pmclone::sample::{self, Settings};
use rusqlite::Connection;

/// The sample as it is, with all its deliberate trouble: for import.
pub fn sample(path: &Path, customers: u64, accounts: u32) -> anyhow::Result<()> {
    let settings = Settings {
        customers,
        accounts,
        seed: 1,
    };
    let mut file = BufWriter::new(File::create(path)?);
    sample::write(settings, &mut file)?;
    file.flush()?;
    Ok(())
}

/// The sample without its deliberate trouble (odd sources, adopted Customers, revoked accounts), so that every customer takes
/// exactly `n + 2nm` requests, in the pipeline and in the bare loop.
pub fn untroubled(path: &Path, customers: u64) -> anyhow::Result<()> {
    let mut text = Vec::new();
    // Below twenty accounts none is revoked.
    let settings = Settings {
        customers,
        accounts: 19,
        seed: 2,
    };
    sample::write(settings, &mut text)?;
    let mut lines = csv::Reader::from_reader(text.as_slice());
    let mut out = csv::Writer::from_path(path)?;
    let header = lines.headers()?.clone();
    out.write_record(&header)?;
    for line in lines.records() {
        let line = line?;
        let cells = header.iter().zip(&line).map(|(column, cell)| match column {
            "platform_customer" => String::new(),
            "payment_method" | "default_payment_method" => ordinary(cell),
            _ => cell.to_owned(),
        });
        out.write_record(cells)?;
    }
    out.flush()?;
    Ok(())
}

/// Ids that the simulator finds nothing odd about.
fn ordinary(ids: &str) -> String {
    const TROUBLE: [&str; 6] = [
        "pm_sepa_",
        "pm_bacs_",
        "pm_link_",
        "pm_declined_",
        "pm_attached_",
        "pm_missing_",
    ];
    TROUBLE
        .iter()
        .fold(ids.to_owned(), |ids, prefix| ids.replace(prefix, "pm_1"))
}

/// One customer with `cards` cards on `accounts` accounts.
pub fn wide(path: &Path, cards: usize, accounts: usize) -> anyhow::Result<()> {
    let cards: Vec<String> = (0..cards).map(|n| format!("pm_1wide{n:016}")).collect();
    let accounts: Vec<String> = (0..accounts).map(|n| format!("acct_1wide{n:08}")).collect();
    let mut out = csv::Writer::from_path(path)?;
    out.write_record(["legacy_id", "email", "payment_method", "connected_account"])?;
    out.write_record([
        "wide",
        "wide@example.com",
        &cards.join(";"),
        &accounts.join(";"),
    ])?;
    out.flush()?;
    Ok(())
}

/// Turns a state file in which everything was imported into one in which everything is done, by SQL: a run of a million
/// customers would take minutes. Rows are those that a run writes, with ids as long as Stripe's.
pub fn finish(state: &Path) -> anyhow::Result<()> {
    const STEP: &str = "INSERT INTO step (customer, kind, target, source, try_no, state, started_at, sent_at, digest, request_id, object)";
    let conn = Connection::open(state)?;
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN;
         {STEP} SELECT seq, 1, -1, 0, 1, 2, 1700000000, 1700000000, seq * 7919, printf('req_%014d', seq), printf('cus_%014d', seq)
           FROM customer ORDER BY seq;
         {STEP} SELECT customer, 2, -1, position, 1, 2, 1700000000, 1700000000, customer * 7907, printf('req_%014d', customer), id
           FROM payment_method WHERE position > 0 ORDER BY customer, position;
         {STEP} SELECT t.customer, 3, t.position, p.position, 1, 2, 1700000000, 1700000000, t.customer * 7901,
             printf('req_%014d', t.customer), printf('pm_1clone%015d', t.customer)
           FROM target t JOIN payment_method p ON p.customer = t.customer ORDER BY t.customer, t.position, p.position;
         {STEP} SELECT customer, 4, position, 0, 1, 2, 1700000000, 1700000000, customer * 7883, printf('req_%014d', customer),
             printf('cus_%014d', customer) FROM target ORDER BY customer, position;
         {STEP} SELECT t.customer, 5, t.position, p.position, 1, 2, 1700000000, 1700000000, t.customer * 7879,
             printf('req_%014d', t.customer), printf('pm_1clone%015d', t.customer)
           FROM target t JOIN payment_method p ON p.customer = t.customer WHERE p.position > 0
           ORDER BY t.customer, t.position, p.position;
         UPDATE customer SET standing = 5, details = NULL;
         UPDATE target SET standing = 5;
         COMMIT;"
    ))?;
    Ok(())
}

/// Of a finished state file: every other customer is under way again, with its steps done.
pub fn reopen_every_other(state: &Path) -> anyhow::Result<()> {
    with_fast_writes(
        state,
        "UPDATE customer SET standing = 1 WHERE seq % 2 = 0; UPDATE target SET standing = 1 WHERE customer % 2 = 0;",
    )
}

/// Everything is done.
pub fn close_all(state: &Path) -> anyhow::Result<()> {
    with_fast_writes(
        state,
        "UPDATE customer SET standing = 5 WHERE standing <> 5; UPDATE target SET standing = 5 WHERE standing <> 5;",
    )
}

fn with_fast_writes(state: &Path, sql: &str) -> anyhow::Result<()> {
    let conn = Connection::open(state)?;
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN; {sql} COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);"
    ))?;
    Ok(())
}
