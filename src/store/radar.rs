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
    if let Some((first, last)) = pending(conn)? {
        for (part, of) in order(sources) {
            if let Some((seq, named)) = near(conn, place(first, last, part, of))?
                && drawn.insert(seq)
            {
                on_platform.push(named);
            }
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

/// The first and the last customer of which nothing is begun. Each is one step into the index; asked for together, they would be
/// a walk through all of it.
fn pending(conn: &Connection) -> Result<Option<(i64, i64)>, StoreError> {
    let one = |sql: &str| -> Result<Option<i64>, StoreError> {
        let found = conn.query_row(sql, [Standing::Pending], |row| row.get(0));
        Ok(found?)
    };
    let first = one("SELECT min(seq) FROM customer WHERE standing = ?1")?;
    Ok(first.zip(one("SELECT max(seq) FROM customer WHERE standing = ?1")?))
}

/// Where a part of what lies from `first` to `last` begins.
fn place(first: i64, last: i64, part: usize, of: usize) -> i64 {
    let whole = |number: usize, otherwise| i64::try_from(number).unwrap_or(otherwise);
    let customers = last.saturating_sub(first).saturating_add(1);
    first.saturating_add(customers.saturating_mul(whole(part, 0)) / whole(of, 1).max(1))
}

/// The first customer from there on of which nothing is begun and that names something which can be read, and what it names. So many
/// are looked at: where there is nothing like that for so long, another part has to tell.
fn near(conn: &Connection, from: i64) -> Result<Option<(i64, OnPlatform)>, StoreError> {
    const MOST: i64 = 1_000;
    // A Source, or a bank account of old, may not be readable as a PaymentMethod.
    let mut statement = conn.prepare_cached(
        "SELECT c.seq, c.platform_customer,
            (SELECT p.id FROM payment_method p WHERE p.customer = c.seq
             AND (p.id LIKE 'pm\\_%' ESCAPE '\\' OR p.id LIKE 'card\\_%' ESCAPE '\\') ORDER BY p.position LIMIT 1) AS source
         FROM (SELECT seq, platform_customer FROM customer WHERE seq >= ?1 AND standing = ?2 ORDER BY seq LIMIT ?3) c
         WHERE c.platform_customer IS NOT NULL OR source IS NOT NULL
         ORDER BY c.seq LIMIT 1",
    )?;
    let found = statement.query_row(rusqlite::params![from, Standing::Pending, MOST], |row| {
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
        let begins: Vec<i64> = (0..5).map(|part| place(101, 200, part, 5)).collect();
        assert_eq!(begins, [101, 121, 141, 161, 181]);
    }
}
