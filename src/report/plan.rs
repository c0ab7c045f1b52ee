//! The plan as people and programs read it: the same value for `--dry-run` and before a run.

use serde::Serialize;

use super::Look;
use super::words::{count, duration, number, tenths};
use crate::plan::{Binding, Plan, Rates};
use crate::state::StepKind;

/// The plan in a few lines, without a line feed at the end.
pub fn text(plan: &Plan, rates: Rates, look: Look) -> String {
    let work = &plan.work;
    let what = format!(
        "{} with {} onto {}",
        count(work.customers, "customer"),
        count(work.payment_methods, "PaymentMethod"),
        count(work.accounts, "account"),
    );
    let mut text = format!("{}  {what}", look.bold("Plan"));
    if plan.total_calls == 0 {
        text.push_str("\n  Nothing is left to send.");
        return text;
    }
    text.push('\n');
    text.push_str(&calls(plan));
    text.push_str(&format!("\n\n  Time   {}", time(plan)));
    text.push_str(&format!("\n  Limit  {}", limit(plan, rates)));
    text
}

/// Calls per endpoint, aligned, and their sum.
fn calls(plan: &Plan) -> String {
    let rows = plan.calls.iter().map(|each| (each.endpoint, each.calls));
    let rows: Vec<_> = rows.chain([("calls in all", plan.total_calls)]).collect();
    let width = |n: usize, text: &str| n.max(text.len());
    let label_width = rows.iter().fold(0, |n, (label, _)| width(n, label));
    let number_width = number(plan.total_calls).len();
    rows.iter().fold(String::new(), |mut text, (label, calls)| {
        text.push_str(&format!(
            "\n  {label:<label_width$}  {:>number_width$}",
            number(*calls)
        ));
        text
    })
}

fn time(plan: &Plan) -> String {
    let time = match plan.seconds {
        0 => "not estimated".to_owned(),
        seconds => format!("about {}", duration(seconds)),
    };
    match writes_per_customer_tenths(plan) {
        Some(writes) => format!("{time}; {} writes per customer", tenths(writes)),
        None => time,
    }
}

/// Tenths of a write; `None` where there is nobody to share them among.
fn writes_per_customer_tenths(plan: &Plan) -> Option<u64> {
    let writes = u128::from(plan.work.total_writes()) * 10;
    let each = (writes + u128::from(plan.work.customers) / 2)
        .checked_div(u128::from(plan.work.customers))?;
    u64::try_from(each).ok()
}

fn limit(plan: &Plan, rates: Rates) -> String {
    let per_second =
        |rate: Option<u32>| rate.map_or_else(String::new, |rate| format!(" at {rate} requests/s"));
    match plan.binding {
        Binding::Total => format!("all requests together{} bind", per_second(rates.total)),
        Binding::Endpoint(endpoint) => format!("{endpoint}{} binds", per_second(rates.endpoint)),
        Binding::Account => format!(
            "the busiest account{} binds: {} are on it",
            per_second(rates.account),
            count(plan.work.busiest_account_writes, "write"),
        ),
        Binding::Nothing => "none is set: as fast as Stripe answers".to_owned(),
    }
}

/// The plan as one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanJson {
    customers: u64,
    payment_methods: u64,
    accounts: u64,
    /// Writes left, by kind of step.
    steps: Vec<StepJson>,
    /// Calls per endpoint, reads among them.
    calls: Vec<CallsJson>,
    total_calls: u64,
    /// Whole seconds; null where no limit is set.
    estimated_seconds: Option<u64>,
    /// The limit that decides it; null where none is set.
    binds: Option<BindsJson>,
    /// The limits chosen, in requests per second; null is no limit.
    rates: RatesJson,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StepJson {
    step: &'static str,
    calls: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct CallsJson {
    endpoint: &'static str,
    calls: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct BindsJson {
    /// `total`, `endpoint` or `account`.
    limit: &'static str,
    endpoint: Option<&'static str>,
    requests_per_second: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RatesJson {
    total: Option<u32>,
    endpoint: Option<u32>,
    account: Option<u32>,
}

impl PlanJson {
    /// Of a plan that was made for these rates.
    pub fn new(plan: &Plan, rates: Rates) -> Self {
        let step = |kind: StepKind| StepJson {
            step: kind.name(),
            calls: plan.work.writes_of(kind),
        };
        let calls = plan.calls.iter().map(|each| CallsJson {
            endpoint: each.endpoint,
            calls: each.calls,
        });
        let binds = |limit, endpoint, requests_per_second| {
            Some(BindsJson {
                limit,
                endpoint,
                requests_per_second,
            })
        };
        Self {
            customers: plan.work.customers,
            payment_methods: plan.work.payment_methods,
            accounts: plan.work.accounts,
            steps: StepKind::ALL.map(step).into(),
            calls: calls.collect(),
            total_calls: plan.total_calls,
            estimated_seconds: (plan.binding != Binding::Nothing).then_some(plan.seconds),
            binds: match plan.binding {
                Binding::Total => binds("total", None, rates.total),
                Binding::Endpoint(endpoint) => binds("endpoint", Some(endpoint), rates.endpoint),
                Binding::Account => binds("account", None, rates.account),
                Binding::Nothing => None,
            },
            rates: RatesJson {
                total: rates.total,
                endpoint: rates.endpoint,
                account: rates.account,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Work;

    const LIVE: Rates = Rates {
        total: Some(80),
        endpoint: Some(20),
        account: Some(80),
    };

    fn work() -> Work {
        Work {
            customers: 50_000,
            payment_methods: 62_345,
            accounts: 40,
            writes: [50_000, 12_345, 62_345, 50_000, 12_345],
            looks: 0,
            busiest_account_writes: 40_000,
        }
    }

    #[test]
    fn the_plan_names_calls_time_and_the_limit_that_binds() {
        let plan = Plan::new(work(), LIVE);
        insta::assert_snapshot!(text(&plan, LIVE, Look::PLAIN), @"");
    }

    #[test]
    fn one_customer_is_written_in_the_singular() {
        let work = Work {
            customers: 1,
            payment_methods: 1,
            accounts: 1,
            writes: [0, 0, 1, 1, 0],
            looks: 1,
            busiest_account_writes: 2,
        };
        let rates = Rates {
            total: None,
            endpoint: None,
            account: None,
        };
        insta::assert_snapshot!(text(&Plan::new(work, rates), rates, Look::PLAIN), @"");
    }

    #[test]
    fn each_limit_that_can_bind_is_named() {
        let total = Rates {
            total: Some(20),
            endpoint: None,
            account: None,
        };
        assert_eq!(
            limit(&Plan::new(work(), total), total),
            "all requests together at 20 requests/s bind"
        );
        let account = Rates {
            total: None,
            endpoint: None,
            account: Some(1),
        };
        assert_eq!(
            limit(&Plan::new(work(), account), account),
            "the busiest account at 1 requests/s binds: 40,000 writes are on it"
        );
    }

    #[test]
    fn nothing_left_is_said_in_a_line() {
        insta::assert_snapshot!(text(&Plan::new(Work::default(), LIVE), LIVE, Look::PLAIN), @"");
    }

    #[test]
    fn programs_get_the_same_as_an_object() {
        let plan = Plan::new(work(), LIVE);
        insta::assert_snapshot!(serde_json::to_string_pretty(&PlanJson::new(&plan, LIVE)).unwrap(), @"");
    }
}
