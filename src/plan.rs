//! PURE. The plan: what is left to do, in calls per endpoint, how long that takes at the limits chosen, and which limit
//! binds. `--dry-run` prints the very value that `run` executes.

use crate::state::StepKind;

/// What is left to do, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Customers that are not finished.
    pub customers: u64,
    /// Their source PaymentMethods.
    pub payment_methods: u64,
    /// Connected accounts that they ask for.
    pub accounts: u64,
    /// Writes left, by kind, in the order of [`StepKind::ALL`].
    pub writes: [u64; StepKind::COUNT],
    /// `GET /v1/payment_methods/{pm}`: one for each source of a customer whose platform Customer is adopted.
    pub looks: u64,
    /// `GET /v1/customers/{customer}`: one for each clone that is renewed, to see whether it is the default.
    pub defaults_seen: u64,
    /// Writes left on the connected account that has most of them.
    pub busiest_account_writes: u64,
    /// The same for each endpoint, each on the account that has most of it, in the order of [`WRITTEN`].
    pub busiest_account_calls: [u64; WRITTEN.len()],
    /// Those of the writes left that change Customers on the platform.
    pub platform_changes: u64,
}

/// The endpoints that are written to.
pub const WRITTEN: [&str; 5] = [
    CREATE_CUSTOMER,
    CREATE_PAYMENT_METHOD,
    ATTACH,
    UPDATE_CUSTOMER,
    DETACH,
];

impl Work {
    /// All writes left.
    pub fn total_writes(&self) -> u64 {
        self.writes.iter().sum()
    }

    /// Writes of a kind.
    pub fn writes_of(&self, kind: StepKind) -> u64 {
        StepKind::ALL
            .iter()
            .zip(self.writes)
            .find(|(each, _)| **each == kind)
            .map_or(0, |(_, writes)| writes)
    }
}

/// The limits that a plan is made for, in requests per second; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// All requests together.
    pub total: Option<u32>,
    /// Each endpoint (method and path template), platform and connected calls together.
    pub endpoint: Option<u32>,
    /// Each connected account.
    pub account: Option<u32>,
    /// Whose budget a call with `Stripe-Account` uses.
    pub budgets: Budgets,
    /// They are where to begin: more is asked for as Stripe grants it.
    pub seeks: bool,
    /// Whose budget it is will be learnt: what is there is assumed until then.
    pub learns: bool,
}

/// Whose budget a call with `Stripe-Account` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budgets {
    /// The platform's, together with its own calls.
    Shared,
    /// Each connected account has its own, of the same size. The platform's is for its own calls, unless the total was asked for
    /// as a number: then that holds for all of them together.
    Own {
        /// It was.
        total_is_joint: bool,
    },
}

impl Rates {
    /// No limits.
    pub const NONE: Self = Self {
        total: None,
        endpoint: None,
        account: None,
        budgets: Budgets::Shared,
        seeks: false,
        learns: false,
    };

    /// Whether the same work takes as long at both.
    fn are_the_same(self, other: Self) -> bool {
        let numbers = |rates: Self| (rates.total, rates.endpoint, rates.account, rates.budgets);
        numbers(self) == numbers(other)
    }

    /// The same where each account has a budget of its own.
    #[must_use]
    pub const fn with_own_budgets(self) -> Self {
        Self {
            budgets: Budgets::Own {
                total_is_joint: false,
            },
            learns: false,
            ..self
        }
    }

    /// What Stripe documents (<https://docs.stripe.com/rate-limits>), with nothing left to the platform's own traffic.
    pub const fn documented(livemode: bool) -> Self {
        let total = if livemode { Some(100) } else { Some(25) };
        Self {
            total,
            endpoint: Some(25),
            account: total,
            ..Self::NONE
        }
    }
}

/// The limit that decides how long the work takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// The total.
    Total,
    /// The named endpoint's.
    Endpoint(&'static str),
    /// The busiest connected account's.
    Account,
    /// The named endpoint's of the account that is busiest there.
    AccountEndpoint(&'static str),
    /// None: no limits are set.
    Nothing,
}

/// Calls to one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Method and path template.
    pub endpoint: &'static str,
    /// How many.
    pub calls: u64,
}

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The counts that it was made from.
    pub work: Work,
    /// Calls per endpoint, those with none left out.
    pub calls: Vec<Calls>,
    /// All calls.
    pub total_calls: u64,
    /// Whole seconds at the rates given, rounded up; 0 where no limit is set.
    pub seconds: u64,
    /// What binds.
    pub binding: Binding,
    /// What is looked up before the first write; not among the calls.
    pub radar: Radar,
}

/// Look-ups before the first write: whether the CSV belongs to this platform and this mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Radar {
    /// Sources and Customers on the platform.
    pub on_platform: u64,
    /// The same, where most of those are unknown.
    pub on_platform_at_most: u64,
    /// Connected accounts.
    pub accounts: u64,
}

impl Radar {
    /// Reads, where nothing is wrong.
    pub fn reads(self) -> u64 {
        self.on_platform + self.accounts
    }

    /// Reads, where most of it is unknown.
    pub fn reads_at_most(self) -> u64 {
        self.on_platform_at_most + self.accounts
    }
}

const CREATE_CUSTOMER: &str = "POST /v1/customers";
const CREATE_PAYMENT_METHOD: &str = "POST /v1/payment_methods";
const ATTACH: &str = "POST /v1/payment_methods/{payment_method}/attach";
const UPDATE_CUSTOMER: &str = "POST /v1/customers/{customer}";
const DETACH: &str = "POST /v1/payment_methods/{payment_method}/detach";
const GET_CUSTOMER: &str = "GET /v1/customers/{customer}";
const GET_PAYMENT_METHOD: &str = "GET /v1/payment_methods/{payment_method}";

impl Plan {
    /// Makes the plan for `work` at `rates`.
    pub fn new(work: Work, rates: Rates) -> Self {
        let of = |kind| work.writes_of(kind);
        let calls: Vec<Calls> = [
            (
                CREATE_CUSTOMER,
                of(StepKind::CreatePlatformCustomer) + of(StepKind::CreateConnectedCustomer),
            ),
            (
                CREATE_PAYMENT_METHOD,
                of(StepKind::ClonePaymentMethod) + of(StepKind::RenewPaymentMethod),
            ),
            (
                ATTACH,
                of(StepKind::AttachPlatformPaymentMethod)
                    + of(StepKind::AttachConnectedPaymentMethod)
                    + of(StepKind::AttachRenewedPaymentMethod),
            ),
            (
                UPDATE_CUSTOMER,
                of(StepKind::UpdateCustomer)
                    + of(StepKind::SetDefault)
                    + of(StepKind::SetRenewedDefault),
            ),
            (DETACH, of(StepKind::DetachReplacedPaymentMethod)),
            (GET_CUSTOMER, work.defaults_seen),
            (GET_PAYMENT_METHOD, work.looks),
        ]
        .into_iter()
        .filter(|(_, calls)| *calls > 0)
        .map(|(endpoint, calls)| Calls { endpoint, calls })
        .collect();
        let total_calls = calls.iter().map(|each| each.calls).sum();
        let (seconds, binding) = estimate(&work, &calls, total_calls, rates);
        Self {
            work,
            calls,
            total_calls,
            seconds,
            binding,
            radar: Radar::default(),
        }
    }

    /// The same with what is looked up before the first write, where there is a write.
    #[must_use]
    pub fn with_radar(mut self, radar: Radar) -> Self {
        if self.total_calls > 0 {
            self.radar = radar;
        }
        self
    }

    /// How long the same work would take at other rates, in seconds, and what would bind.
    pub fn at(&self, rates: Rates) -> (u64, Binding) {
        estimate(&self.work, &self.calls, self.total_calls, rates)
    }
}

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

/// The longest of what each limit alone would take: they are used side by side.
fn estimate(work: &Work, calls: &[Calls], total_calls: u64, rates: Rates) -> (u64, Binding) {
    let seconds = |calls: u64, rate: Option<u32>| {
        rate.map_or(0, |rate| calls.div_ceil(u64::from(rate.max(1))))
    };
    let mut bounds = vec![(
        seconds(work.busiest_account_writes, rates.account),
        Binding::Account,
    )];
    let endpoint = |endpoint, calls| (seconds(calls, rates.endpoint), Binding::Endpoint(endpoint));
    let in_total = match rates.budgets {
        Budgets::Shared => {
            bounds.extend(calls.iter().map(|each| endpoint(each.endpoint, each.calls)));
            total_calls
        }
        Budgets::Own { total_is_joint } => {
            let platform = on_platform(work);
            bounds.extend(platform.map(|(name, calls)| endpoint(name, calls)));
            let busiest = WRITTEN.into_iter().zip(work.busiest_account_calls);
            bounds.extend(busiest.map(|(name, calls)| {
                let binding = Binding::AccountEndpoint(name);
                (seconds(calls, rates.endpoint), binding)
            }));
            if total_is_joint {
                total_calls
            } else {
                platform.iter().map(|(_, calls)| calls).sum()
            }
        }
    };
    // First, so that an endpoint that takes as long is the one that is named.
    [(seconds(in_total, rates.total), Binding::Total)]
        .into_iter()
        .chain(bounds)
        .max_by_key(|(seconds, _)| *seconds)
        .filter(|(seconds, _)| *seconds > 0)
        .unwrap_or((0, Binding::Nothing))
}

/// The platform's own calls.
fn on_platform(work: &Work) -> [(&'static str, u64); 4] {
    [
        (
            CREATE_CUSTOMER,
            work.writes_of(StepKind::CreatePlatformCustomer),
        ),
        (
            ATTACH,
            work.writes_of(StepKind::AttachPlatformPaymentMethod),
        ),
        (UPDATE_CUSTOMER, work.platform_changes),
        (GET_PAYMENT_METHOD, work.looks),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `customers` with one card on one account each.
    fn simple(customers: u64) -> Work {
        let writes = [customers, 0, customers, customers, 0, 0, 0, 0, 0, 0, 0];
        Work {
            customers,
            payment_methods: customers,
            accounts: 40,
            writes,
            looks: 0,
            ..Work::default()
        }
    }

    #[test]
    fn a_customer_with_one_card_on_one_account_is_three_writes() {
        let plan = Plan::new(simple(1), Rates::NONE);
        assert_eq!(
            (plan.total_calls, plan.seconds, plan.binding),
            (3, 0, Binding::Nothing)
        );
    }

    #[test]
    fn on_a_live_key_creating_customers_binds_and_in_test_mode_the_total_does() {
        let live = Rates {
            total: Some(80),
            endpoint: Some(20),
            account: Some(80),
            ..Rates::NONE
        };
        let plan = Plan::new(simple(1000), live);
        assert_eq!(
            (plan.seconds, plan.binding),
            (100, Binding::Endpoint(CREATE_CUSTOMER))
        );
        let test = Rates {
            total: Some(20),
            endpoint: Some(20),
            account: Some(20),
            ..Rates::NONE
        };
        let plan = Plan::new(simple(1000), test);
        assert_eq!((plan.seconds, plan.binding), (150, Binding::Total));
    }

    #[test]
    fn other_rates_are_compared_the_slowest_first() {
        let rates = |total, endpoint| Rates {
            total: Some(total),
            endpoint: Some(endpoint),
            account: Some(total),
            ..Rates::NONE
        };
        let plan = Plan::new(simple(1000), rates(80, 20));
        let rows = plan.what_if(rates(80, 20), rates(100, 25));
        let told: Vec<_> = rows.iter().map(|row| (row.which, row.seconds)).collect();
        let expected = [
            (Which::Half, 200),
            (Which::Chosen, 100),
            (Which::Documented, 80),
            (Which::Raised, 40),
        ];
        assert_eq!(told, expected);
        // What is documented is not said twice, and no limit comes last.
        let rows = plan.what_if(rates(100, 25), rates(100, 25));
        assert_eq!(rows.len(), 3);
        let off = Rates::NONE;
        assert_eq!(plan.what_if(off, rates(100, 25)).last().unwrap().rates, off);
    }

    #[test]
    fn one_busy_account_can_bind() {
        let work = Work {
            busiest_account_writes: 2000,
            ..simple(1000)
        };
        let plan = Plan::new(
            work,
            Rates {
                total: Some(80),
                endpoint: Some(80),
                account: Some(10),
                ..Rates::NONE
            },
        );
        assert_eq!((plan.seconds, plan.binding), (200, Binding::Account));
    }

    #[test]
    fn with_budgets_of_their_own_the_platform_and_the_busiest_account_are_what_binds() {
        let work = Work {
            busiest_account_writes: 60,
            busiest_account_calls: [30, 30, 0, 0, 0],
            ..simple(1000)
        };
        let shared = Rates {
            total: Some(80),
            endpoint: Some(20),
            account: Some(80),
            ..Rates::NONE
        };
        let own = shared.with_own_budgets();
        let plan = Plan::new(work, shared);
        // Twice a customer in one budget, once in the platform's.
        assert_eq!(plan.at(shared), (100, Binding::Endpoint(CREATE_CUSTOMER)));
        assert_eq!(plan.at(own), (50, Binding::Endpoint(CREATE_CUSTOMER)));
        // One account has nearly all of it.
        let busy = Plan::new(
            Work {
                busiest_account_writes: 1980,
                busiest_account_calls: [990, 990, 0, 0, 0],
                ..simple(900)
            },
            own,
        );
        let expected = (50, Binding::AccountEndpoint(CREATE_PAYMENT_METHOD));
        assert_eq!((busy.seconds, busy.binding), expected);
        // A total that was asked for holds for all.
        let joint = Rates {
            total: Some(30),
            budgets: Budgets::Own {
                total_is_joint: true,
            },
            ..own
        };
        assert_eq!(plan.at(joint), (100, Binding::Total));
    }

    #[test]
    fn what_is_to_be_learnt_is_compared_and_what_it_begins_with_is_estimated() {
        let auto = Rates {
            learns: true,
            seeks: true,
            ..Rates::documented(true)
        };
        let plan = Plan::new(simple(1000), auto);
        assert_eq!(plan.seconds, 80);
        let rows = plan.what_if(auto, Rates::documented(true));
        let told: Vec<_> = rows.iter().map(|row| (row.which, row.seconds)).collect();
        let expected = [
            (Which::Half, 154),
            (Which::Chosen, 80),
            (Which::Raised, 40),
            (Which::Own, 40),
        ];
        assert_eq!(told, expected);
    }
}
