//! Which customers a pilot takes: those of a list (`--only`), or a few of every kind (`--sample`).
//!
//! A sample is kept in the state file. So the same `--sample 10` again goes on with the same ten, whatever became of them
//! meanwhile, and `--sample 20` adds ten others.

use std::collections::{BTreeMap, BinaryHeap};

use rusqlite::{Connection, OptionalExtension, Row};

use super::{CustomerSeq, StoreError};
use crate::ids::{AccountId, LegacyId};
use crate::state::Standing;

/// From so many cards on, customers count as of one kind.
const MANY_CARDS: i64 = 4;

/// What customers of a kind have in common: the account that they ask for first, the country of their address, how many
/// cards they have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    account: i64,
    country: String,
    cards: i64,
}

/// How many of a kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    /// Already in the sample.
    taken: u64,
    /// Nothing of them is started.
    free: u64,
    /// To be added.
    wanted: usize,
}

/// One customer, as a sample sees it.
struct Seen {
    seq: i64,
    kind: Kind,
    taken: bool,
    free: bool,
}

/// The row of a legacy customer.
pub fn customer_named(
    conn: &Connection,
    legacy_id: &LegacyId,
) -> Result<Option<CustomerSeq>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT seq FROM customer WHERE legacy_id = ?1")?;
    let found = statement.query_row([legacy_id], |row| Ok(CustomerSeq(row.get(0)?)));
    Ok(found.optional()?)
}

/// The customers of a sample of `size`, in order, spread over accounts, countries and numbers of cards. Those of an earlier
/// sample come first; what is added is kept. Fewer where there are not so many.
pub fn sample(
    conn: &Connection,
    size: u64,
    accounts: &[AccountId],
) -> Result<Vec<CustomerSeq>, StoreError> {
    let mut shares: BTreeMap<Kind, Share> = BTreeMap::new();
    let mut sampled = Vec::new();
    for_each(conn, accounts, |seen| {
        let share = shares.entry(seen.kind).or_default();
        share.taken += u64::from(seen.taken);
        share.free += u64::from(seen.free && !seen.taken);
        if seen.taken {
            sampled.push(CustomerSeq(seen.seq));
        }
    })?;
    // Where an earlier sample was larger, its first are these.
    let wanted = usize::try_from(size).unwrap_or(usize::MAX);
    sampled.truncate(wanted);
    spread(&mut shares, wanted - sampled.len());
    sampled.extend(draw(conn, accounts, &shares)?);
    let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO sampled (customer) VALUES (?1)")?;
    for customer in &sampled {
        insert.execute([customer.0])?;
    }
    sampled.sort_unstable();
    Ok(sampled)
}

/// Gives out `count` places: each to the kind whose account, country and number of cards were met least so far.
fn spread(shares: &mut BTreeMap<Kind, Share>, count: usize) {
    let (mut by_account, mut by_country, mut by_cards) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (kind, share) in shares.iter() {
        *by_account.entry(kind.account).or_insert(0) += share.taken;
        *by_country.entry(kind.country.clone()).or_insert(0) += share.taken;
        *by_cards.entry(kind.cards).or_insert(0) += share.taken;
    }
    for _ in 0..count {
        let has_more = |share: &Share| share.free > u64::try_from(share.wanted).unwrap_or(u64::MAX);
        let met = |kind: &Kind| {
            let accounts = by_account.get(&kind.account).copied().unwrap_or(0);
            let cards = by_cards.get(&kind.cards).copied().unwrap_or(0);
            let countries = by_country.get(&kind.country).copied().unwrap_or(0);
            (accounts + cards + countries, accounts, cards)
        };
        let next = shares
            .iter_mut()
            .filter(|(_, share)| has_more(share))
            .min_by_key(|(kind, _)| met(kind));
        let Some((kind, share)) = next else { return };
        share.wanted += 1;
        *by_account.entry(kind.account).or_insert(0) += 1;
        *by_country.entry(kind.country.clone()).or_insert(0) += 1;
        *by_cards.entry(kind.cards).or_insert(0) += 1;
    }
}

/// As many customers of each kind as it has places for: those with the smallest draw, which neither order nor chance decides.
fn draw(
    conn: &Connection,
    accounts: &[AccountId],
    shares: &BTreeMap<Kind, Share>,
) -> Result<Vec<CustomerSeq>, StoreError> {
    let mut drawn: BTreeMap<&Kind, BinaryHeap<(u64, i64)>> = BTreeMap::new();
    for_each(conn, accounts, |seen| {
        let Some((kind, share)) = shares.get_key_value(&seen.kind) else {
            return;
        };
        if share.wanted == 0 || seen.taken || !seen.free {
            return;
        }
        let heap = drawn.entry(kind).or_default();
        heap.push((mixed(seen.seq), seen.seq));
        if heap.len() > share.wanted {
            heap.pop();
        }
    })?;
    let seqs = drawn.into_values().flatten();
    Ok(seqs.map(|(_, seq)| CustomerSeq(seq)).collect())
}

/// A number that looks drawn, and is the same every time (the finaliser of `SplitMix64`).
fn mixed(seq: i64) -> u64 {
    let mut z = seq.unsigned_abs().wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Calls `each` with every customer that asks for one of `accounts`, or for any where none is named, and that does not wait for
/// an account that cannot be reached.
fn for_each(
    conn: &Connection,
    accounts: &[AccountId],
    mut each: impl FnMut(Seen),
) -> Result<(), StoreError> {
    let named = accounts.iter().map(|_| "?").collect::<Vec<_>>().join(",");
    let selected = if accounts.is_empty() {
        String::new()
    } else {
        format!("AND a.id IN ({named})")
    };
    let sql = format!(
        "SELECT c.seq, coalesce(json_extract(c.details, '$.address.country'), ''), c.standing,
            (SELECT count(*) FROM payment_method p WHERE p.customer = c.seq),
            (SELECT t.account FROM target t JOIN account a ON a.seq = t.account
             WHERE t.customer = c.seq {selected} ORDER BY a.parked IS NOT NULL, t.position LIMIT 1),
            EXISTS (SELECT 1 FROM sampled s WHERE s.customer = c.seq)
         FROM customer c ORDER BY c.seq"
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(accounts))?;
    while let Some(row) = rows.next()? {
        if let Some(seen) = seen(row, accounts)? {
            each(seen);
        }
    }
    Ok(())
}

fn seen(row: &Row<'_>, accounts: &[AccountId]) -> rusqlite::Result<Option<Seen>> {
    let standing: Standing = row.get(2)?;
    let account: Option<i64> = row.get(4)?;
    // Who asks for no account at all has something to do on the platform.
    if account.is_none() && !accounts.is_empty() {
        return Ok(None);
    }
    let cards: i64 = row.get(3)?;
    Ok(Some(Seen {
        seq: row.get(0)?,
        kind: Kind {
            account: account.unwrap_or(-1),
            country: row.get(1)?,
            cards: cards.min(MANY_CARDS),
        },
        taken: row.get(5)?,
        free: standing == Standing::Pending,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(account: i64, country: &str, cards: i64) -> Kind {
        Kind {
            account,
            country: country.to_owned(),
            cards,
        }
    }

    fn free(free: u64) -> Share {
        Share {
            free,
            ..Share::default()
        }
    }

    #[test]
    fn places_go_round_accounts_countries_and_numbers_of_cards() {
        let mut shares = BTreeMap::from([
            (kind(1, "DE", 1), free(1000)),
            (kind(1, "DE", 2), free(10)),
            (kind(1, "FR", 1), free(10)),
            (kind(2, "DE", 1), free(1000)),
            (kind(3, "US", 4), free(1)),
        ]);
        spread(&mut shares, 5);
        let wanted: Vec<usize> = shares.values().map(|share| share.wanted).collect();
        assert_eq!(wanted, [1, 1, 1, 1, 1]);
    }

    #[test]
    fn no_kind_gets_more_places_than_it_has_customers() {
        let mut shares = BTreeMap::from([(kind(1, "", 1), free(2)), (kind(2, "", 1), free(1))]);
        spread(&mut shares, 10);
        let wanted: Vec<usize> = shares.values().map(|share| share.wanted).collect();
        assert_eq!(wanted, [2, 1]);
    }

    #[test]
    fn a_larger_sample_holds_the_smaller_one() {
        let all = || {
            BTreeMap::from([
                (kind(1, "DE", 1), free(100)),
                (kind(1, "FR", 2), free(100)),
                (kind(2, "DE", 1), free(100)),
            ])
        };
        for size in 1..50 {
            let (mut smaller, mut larger) = (all(), all());
            spread(&mut smaller, size);
            spread(&mut larger, size + 1);
            assert!(
                smaller
                    .iter()
                    .all(|(kind, share)| share.wanted <= larger[kind].wanted)
            );
        }
    }
}
