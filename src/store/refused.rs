//! The refused customers, in the CSV's order, each with its reasons.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{CustomerSeq, StoreError};

/// Why a step was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stripe's code, or ours.
    pub reason: String,
    /// Stripe's message, masked.
    pub message: String,
}

/// Of a refused step `s`: nothing of what it was for is taken back. What is taken back is not made again, so nobody has to see to its
/// refusals any more. (Standing: undone.)
pub(super) const STANDS: &str = "NOT EXISTS (SELECT 1 FROM customer u WHERE u.seq = s.customer AND u.standing = 6)
    AND NOT EXISTS (SELECT 1 FROM target u WHERE u.customer = s.customer AND u.position = s.target AND u.undone > 0)";

/// Calls `each` with every customer that has a refused step whose place is not taken back, and its reasons. Holds one customer's at
/// a time.
pub fn for_each_refused<E: From<StoreError>>(
    conn: &Connection,
    mut each: impl FnMut(CustomerSeq, &[Reason]) -> Result<(), E>,
) -> Result<(), E> {
    let of = |error: rusqlite::Error| E::from(StoreError::from(error));
    // By the index of the refused ones, which are few, and sorted; the table itself has everybody's steps.
    let sql = format!(
        "SELECT customer, reason, message FROM step s INDEXED BY step_refused WHERE state = 3 AND {STANDS} ORDER BY customer, kind, target, source"
    );
    let mut statement = conn.prepare(&sql).map_err(of)?;
    let mut rows = statement.query([]).map_err(of)?;
    let (mut customer, mut reasons) = (None, Vec::new());
    while let Some(row) = rows.next().map_err(of)? {
        let seq = CustomerSeq(row.get(0).map_err(of)?);
        if let Some(before) = customer.filter(|before| *before != seq) {
            each(before, &reasons)?;
            reasons.clear();
        }
        customer = Some(seq);
        reasons.push(Reason {
            reason: row.get(1).map_err(of)?,
            message: row.get(2).map_err(of)?,
        });
    }
    match customer {
        Some(last) => each(last, &reasons),
        None => Ok(()),
    }
}

/// The customers of which a person has changed something.
pub fn mended_customers(conn: &Connection) -> Result<HashSet<CustomerSeq>, StoreError> {
    let mut statement = conn.prepare("SELECT DISTINCT customer FROM mended WHERE field <> ''")?;
    let rows = statement.query_map([], |row| row.get(0).map(CustomerSeq))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
