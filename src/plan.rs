//! PURE. The plan: what is left to do, in calls per endpoint, how long that takes at the limits chosen, and which limit
//! binds. `--dry-run` prints the very value that `run` executes.

#[cfg(test)]
mod tests;
mod what_if;

use crate::state::StepKind;

pub use what_if::{WhatIf, Which};

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
    /// One `GET /v1/payment_methods/{payment_method}` for each clone that is renewed, to see whether it is attached still, one
    /// `GET /v1/customers/{customer}`, whether it is the default, and one `GET /v1/subscriptions`, whether one names it as its own.
    pub renewals_seen: u64,
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
    /// What waits for accounts that cannot be reached; not among the calls.
    pub waiting: Waiting,
}

/// What waits for accounts that cannot be reached: each is looked at once, and taken up if it answers again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Customers with something left to be done there.
    pub customers: u64,
    /// The accounts that are looked at.
    pub accounts: u64,
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
const GET_SUBSCRIPTIONS: &str = "GET /v1/subscriptions";
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
            (GET_CUSTOMER, work.renewals_seen),
            (GET_SUBSCRIPTIONS, work.renewals_seen),
            (GET_PAYMENT_METHOD, work.looks + work.renewals_seen),
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
            waiting: Waiting::default(),
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

    /// The same with what waits for accounts that cannot be reached.
    #[must_use]
    pub fn with_waiting(self, waiting: Waiting) -> Self {
        Self { waiting, ..self }
    }

    /// How long the same work would take at other rates, in seconds, and what would bind.
    pub fn at(&self, rates: Rates) -> (u64, Binding) {
        estimate(&self.work, &self.calls, self.total_calls, rates)
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
