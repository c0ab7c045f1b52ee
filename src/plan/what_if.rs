//! PURE. The same work at other rates, to compare.

use super::{Binding, Plan, Rates};

/// What else could be chosen, to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhatIf {
    /// The rates.
    pub rates: Rates,
    /// Which they are.
    pub which: Which,
    /// How long the work takes, in seconds.
    pub seconds: u64,
    /// What binds.
    pub binding: Binding,
}

/// Which rates a [`WhatIf`] is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Half of what is chosen.
    Half,
    /// What is chosen.
    Chosen,
    /// What Stripe documents, with nothing left to the platform's own traffic.
    Documented,
    /// Twice that, which Stripe has to agree to.
    Raised,
    /// What is chosen, if each account turns out to have a budget of its own.
    Own,
}

impl Plan {
    /// The work at other rates, the slowest first. `documented` is what Stripe allows in this mode.
    pub fn what_if(&self, chosen: Rates, documented: Rates) -> Vec<WhatIf> {
        let scaled = |rates: Rates, of: fn(u32) -> u32| Rates {
            total: rates.total.map(of),
            endpoint: rates.endpoint.map(of),
            account: rates.account.map(of),
            budgets: chosen.budgets,
            ..Rates::NONE
        };
        let own = chosen
            .learns
            .then(|| (Which::Own, chosen.with_own_budgets()));
        let all = [
            (Which::Chosen, chosen),
            (Which::Half, scaled(chosen, |rate| rate.div_ceil(2))),
            (Which::Documented, scaled(documented, |rate| rate)),
            (Which::Raised, scaled(documented, |rate| rate * 2)),
        ];
        let mut rows: Vec<WhatIf> = Vec::new();
        for (which, rates) in all.into_iter().chain(own) {
            // What is chosen may be what is documented.
            if rows.iter().all(|row| !row.rates.are_the_same(rates)) {
                let (seconds, binding) = self.at(rates);
                rows.push(WhatIf {
                    rates,
                    which,
                    seconds,
                    binding,
                });
            }
        }
        let is_slow =
            |row: &WhatIf| std::cmp::Reverse((row.binding != Binding::Nothing, row.seconds));
        rows.sort_by_key(is_slow);
        rows
    }
}
