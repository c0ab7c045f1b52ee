//! What the customers that are not finished ask for, as a look at Stripe beforehand wants it.

use rusqlite::Connection;

use super::StoreError;
use super::counts::count;
use crate::ids::AccountId;

/// The accounts that customers still ask for, in the order in which the CSV named them, and how many do.
pub fn accounts_asked(conn: &Connection) -> Result<Vec<(AccountId, u64)>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT a.id, count(*) FROM target t
         JOIN customer c ON c.seq = t.customer AND c.standing < 4
         JOIN account a ON a.seq = t.account GROUP BY a.seq ORDER BY a.seq",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How much there is that could be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcesAsked {
    /// Sources of customers that are not finished.
    pub sources: u64,
    /// Platform Customers that they name.
    pub customers: u64,
    /// Customers that are finished: nothing is asked for them any more.
    pub finished: u64,
}

/// Counts what could be looked up.
pub fn sources_asked(conn: &Connection) -> Result<SourcesAsked, StoreError> {
    let sources = "SELECT count(*) FROM payment_method p JOIN customer c ON c.seq = p.customer AND c.standing < 4";
    let customers =
        "SELECT count(*) FROM customer WHERE platform_customer IS NOT NULL AND standing < 4";
    let finished = "SELECT count(*) FROM customer WHERE standing >= 4";
    let one = |sql| conn.query_row(sql, [], |row| count(row, 0));
    Ok(SourcesAsked {
        sources: one(sources)?,
        customers: one(customers)?,
        finished: one(finished)?,
    })
}
