//! What several of the tests begin with, and ask.

use std::collections::BTreeMap;

use super::{Place, Result, Simulator};

/// So many customers with two cards each on two accounts, all of which move.
pub fn clean(customers: u32) -> String {
    let line = |number: u32| {
        format!(
            "c{number},c{number}@example.com,pm_1Clean{number}a;pm_1Clean{number}b,acct_1First;acct_1Second\n"
        )
    };
    "legacy_id,email,payment_method,connected_account\n".to_owned()
        + &(1..=customers).map(line).collect::<String>()
}

/// How often each idempotency key was sent.
pub fn sent(simulator: &Simulator) -> Result<BTreeMap<String, u64>> {
    let mut sent = BTreeMap::new();
    for line in simulator.transcript()? {
        if let Some(key) = line["idempotency_key"].as_str() {
            *sent.entry(key.to_owned()).or_default() += 1;
        }
    }
    Ok(sent)
}

/// Customers in doubt, by `status`.
pub fn in_doubt(place: &Place) -> Result<Option<u64>> {
    Ok(place.status(&[])?["customers"]["in_doubt"].as_u64())
}
