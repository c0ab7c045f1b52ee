//! The ids that are looked up before the first write of a CSV: a few, from all over it.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use crate::ids::{AccountId, CustomerId, PaymentMethodId};
use crate::state::Standing;

/// Something on the platform that the CSV names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnPlatform {
    /// A Customer to adopt.
    Customer(CustomerId),
    /// A source.
    PaymentMethod(PaymentMethodId),
}

/// What may be looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// On the platform: one for each customer that was drawn. The first few are spread like all of them.
    pub on_platform: Vec<OnPlatform>,
    /// Connected accounts.
    pub accounts: Vec<AccountId>,
}

/// What may be looked up of a CSV that was imported and of which nothing was looked up yet: at most `sources` and `accounts`.
/// Nothing where all that was imported is begun already.
pub fn candidates(
    conn: &Connection,
    sources: usize,
    accounts: usize,
) -> Result<Candidates, StoreError> {
    if is_known(conn)? {
        return Ok(Candidates::default());
    }
    let mut drawn = BTreeSet::new();
    let mut on_platform = Vec::new();
    for (part, of) in order(sources) {
        if let Some((seq, named)) = near(conn, part, of)?
            && drawn.insert(seq)
        {
            on_platform.push(named);
        }
    }
    let accounts = if on_platform.is_empty() {
        Vec::new()
    } else {
        spread_accounts(conn, accounts)?
    };
    Ok(Candidates {
        on_platform,
        accounts,
    })
}

/// Keeps that the CSV's ids are known to this platform.
pub fn set_known(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("UPDATE migration SET known_sha256 = csv_sha256", [])?;
    Ok(())
}

fn is_known(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT known_sha256 IS csv_sha256 AND csv_sha256 IS NOT NULL FROM migration";
    Ok(conn
        .query_row(sql, [], |row| row.get(0))
        .optional()?
        .unwrap_or(false))
}

/// Places in a file of `count` parts: every fifth first, so that a few of them are from all over it too.
fn order(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..5).flat_map(move |first| (first..count).step_by(5).map(move |part| (part, count)))
}

/// The first customer from that part of the state file on of which nothing is begun, and what it names.
fn near(
    conn: &Connection,
    part: usize,
    of: usize,
) -> Result<Option<(i64, OnPlatform)>, StoreError> {
    let sql = "SELECT min(seq), max(seq) FROM customer WHERE standing = ?1";
    let (first, last): (Option<i64>, Option<i64>) =
        conn.query_row(sql, [Standing::Pending], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(None);
    };
    let (part, of) = (
        i64::try_from(part).unwrap_or(0),
        i64::try_from(of).unwrap_or(1),
    );
    let customers = last.saturating_sub(first).saturating_add(1);
    let from = first.saturating_add(customers.saturating_mul(part) / of.max(1));
    // A Source, or a bank account of old, may not be readable as a PaymentMethod.
    let mut statement = conn.prepare_cached(
        "SELECT c.seq, c.platform_customer,
            (SELECT p.id FROM payment_method p WHERE p.customer = c.seq
             AND (p.id LIKE 'pm\\_%' ESCAPE '\\' OR p.id LIKE 'card\\_%' ESCAPE '\\') ORDER BY p.position LIMIT 1) AS source
         FROM customer c
         WHERE c.seq >= ?1 AND c.standing = ?2 AND (c.platform_customer IS NOT NULL OR source IS NOT NULL)
         ORDER BY c.seq LIMIT 1",
    )?;
    let found = statement.query_row(rusqlite::params![from, Standing::Pending], |row| {
        let seq: i64 = row.get(0)?;
        let customer: Option<CustomerId> = row.get(1)?;
        let named = match customer {
            Some(customer) => OnPlatform::Customer(customer),
            None => OnPlatform::PaymentMethod(row.get(2)?),
        };
        Ok((seq, named))
    });
    Ok(found.optional()?)
}

fn spread_accounts(conn: &Connection, count: usize) -> Result<Vec<AccountId>, StoreError> {
    let sql = "SELECT id FROM account WHERE parked IS NULL ORDER BY seq";
    let mut statement = conn.prepare(sql)?;
    let all: Vec<AccountId> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let count = count.min(all.len());
    let spread = (0..count).filter_map(|part| all.get(part * all.len() / count));
    Ok(spread.cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_places_are_from_all_over_the_file() {
        let places: Vec<usize> = order(25).map(|(part, _)| part).collect();
        assert_eq!(places[..5], [0, 5, 10, 15, 20]);
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), 25);
    }
}
