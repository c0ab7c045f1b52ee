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
    pub writes: [u64; 5],
    /// `GET /v1/payment_methods/{pm}`: one for each source of a customer whose platform Customer is adopted.
    pub looks: u64,
    /// Writes left on the connected account that has most of them.
    pub busiest_account_writes: u64,
}

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
}

const CREATE_CUSTOMER: &str = "POST /v1/customers";
const CREATE_PAYMENT_METHOD: &str = "POST /v1/payment_methods";
const ATTACH: &str = "POST /v1/payment_methods/{payment_method}/attach";
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
            (CREATE_PAYMENT_METHOD, of(StepKind::ClonePaymentMethod)),
            (
                ATTACH,
                of(StepKind::AttachPlatformPaymentMethod)
                    + of(StepKind::AttachConnectedPaymentMethod),
            ),
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
        }
    }
}

/// The longest of what each limit alone would take: they are used side by side.
fn estimate(work: &Work, calls: &[Calls], total_calls: u64, rates: Rates) -> (u64, Binding) {
    let seconds = |calls: u64, rate: Option<u32>| {
        rate.map_or(0, |rate| calls.div_ceil(u64::from(rate.max(1))))
    };
    let endpoints = calls.iter().map(|each| {
        (
            seconds(each.calls, rates.endpoint),
            Binding::Endpoint(each.endpoint),
        )
    });
    let others = [
        (seconds(total_calls, rates.total), Binding::Total),
        (
            seconds(work.busiest_account_writes, rates.account),
            Binding::Account,
        ),
    ];
    others
        .into_iter()
        .chain(endpoints)
        .max_by_key(|(seconds, _)| *seconds)
        .filter(|(seconds, _)| *seconds > 0)
        .unwrap_or((0, Binding::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `customers` with one card on one account each.
    fn simple(customers: u64) -> Work {
        let writes = [customers, 0, customers, customers, 0];
        Work {
            customers,
            payment_methods: customers,
            accounts: 40,
            writes,
            looks: 0,
            busiest_account_writes: 0,
        }
    }

    #[test]
    fn a_customer_with_one_card_on_one_account_is_three_writes() {
        let plan = Plan::new(
            simple(1),
            Rates {
                total: None,
                endpoint: None,
                account: None,
            },
        );
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
        };
        let plan = Plan::new(simple(1000), test);
        assert_eq!((plan.seconds, plan.binding), (150, Binding::Total));
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
            },
        );
        assert_eq!((plan.seconds, plan.binding), (200, Binding::Account));
    }
}
