//! The plan as people and programs read it: the same value for `--dry-run` and before a run.

use jiff::Zoned;
use serde::Serialize;

use super::Look;
use super::here::done_at;
use super::table::{Column, table};
use super::words::{count, duration, number, tenths, wrap};
use crate::plan::{Binding, Budgets, Plan, Radar, Rates, Waiting, WhatIf, Which};
use crate::state::StepKind;

/// The plan in a few lines, without a line feed at the end.
/// Made at `now`, in the zone of whoever reads it.
pub fn text(plan: &Plan, rates: Rates, now: &Zoned, look: Look) -> String {
    let work = &plan.work;
    let what = format!(
        "{} with {} onto {}",
        count(work.customers, "customer"),
        count(work.payment_methods, "PaymentMethod"),
        count(work.accounts, "account"),
    );
    let heading = look.bold("Plan");
    if plan.total_calls == 0 {
        let nothing = match waiting(plan.waiting) {
            None => "Nothing is left to send.".to_owned(),
            Some(waits) => format!("Nothing else is left to send: {waits}."),
        };
        return format!("{heading}  {what}\n{}", wrap(&nothing, "  ", look.width));
    }
    let done = done_at(now, plan.seconds).map(|at| format!("about {at}, if begun now"));
    let rows = [
        ("Time", Some(time(plan))),
        ("Done", done),
        ("Limit", Some(limit(plan, rates))),
        ("Or", sought(plan, rates)),
        ("First", radar(plan.radar)),
        ("Waits", waiting(plan.waiting)),
    ];
    let rows: String = rows
        .into_iter()
        .filter_map(|(label, text)| Some(format!("\n  {label:<5}  {}", text?)))
        .collect();
    format!("{heading}  {what}\n\n{}\n{rows}", calls(plan))
}

/// How it may turn out otherwise, where the run is to find out what Stripe grants.
fn sought(plan: &Plan, rates: Rates) -> Option<String> {
    let more = rates
        .seeks
        .then_some("more is asked for as Stripe grants it, so it may take less");
    let (seconds, _) = plan.at(rates.with_own_budgets());
    let own = (rates.learns && seconds < plan.seconds).then(|| {
        format!(
            "about {} if each account turns out to have a budget of its own",
            duration(seconds)
        )
    });
    let both = [own.as_deref(), more];
    let both: Vec<&str> = both.into_iter().flatten().collect();
    (!both.is_empty() && plan.seconds > 0).then(|| both.join("; "))
}

/// What is looked up before the first write.
fn radar(radar: Radar) -> Option<String> {
    let reads = (radar.reads() > 0).then(|| count(radar.reads(), "read"))?;
    let accounts = match radar.accounts {
        0 => String::new(),
        accounts => format!(" and {}", count(accounts, "account")),
    };
    let more = if radar.reads_at_most() > radar.reads() {
        format!(", {} if most are unknown", number(radar.reads_at_most()))
    } else {
        String::new()
    };
    Some(format!(
        "{}{accounts} looked up before any write: {reads}{more}",
        count(radar.on_platform, "id")
    ))
}

/// What waits for accounts that cannot be reached.
fn waiting(waiting: Waiting) -> Option<String> {
    let accounts = count(waiting.accounts, "parked account");
    let (verb, each) = match (waiting.customers, waiting.accounts) {
        (0, _) => return None,
        (1, 1) => ("waits", "which"),
        (1, _) => ("waits", "each of which"),
        (_, 1) => ("wait", "which"),
        (_, _) => ("wait", "each of which"),
    };
    Some(format!(
        "{} {verb} for {accounts}, {each} is looked at once, and taken up if it answers again",
        count(waiting.customers, "customer")
    ))
}

/// How long it would take at other rates; `None` where that is not worth a table.
pub fn what_if(plan: &Plan, rates: Rates, documented: Rates, look: Look) -> Option<String> {
    /// Under so many seconds nobody asks.
    const WORTH_A_TABLE: u64 = 120;
    if plan.seconds < WORTH_A_TABLE {
        return None;
    }
    let rows = plan.what_if(rates, documented).into_iter().map(|row| {
        let time = match row.binding {
            Binding::Nothing => "as fast as Stripe answers".to_owned(),
            Binding::Total
            | Binding::Endpoint(_)
            | Binding::Account
            | Binding::AccountEndpoint(_) => format!("about {}", duration(row.seconds)),
        };
        vec![options(row.rates), time, which(row.which).to_owned()]
    });
    let columns = [
        ("What if", Column::Left),
        ("", Column::Left),
        ("", Column::Left),
    ];
    let table = table(&columns, &rows.collect::<Vec<_>>());
    let (heading, rest) = table.split_once('\n').unwrap_or((&table, ""));
    Some(format!("{}\n{rest}", look.bold(heading.trim())))
}

/// The rates as they are asked for.
fn options(rates: Rates) -> String {
    let rate = |rate: Option<u32>| rate.map_or_else(|| "off".to_owned(), |rate| rate.to_string());
    let budget = match (rates.learns, rates.budgets) {
        (true, _) => " --connected-budget auto",
        (false, Budgets::Own { .. }) => " --connected-budget own",
        (false, Budgets::Shared) => "",
    };
    if rates.seeks {
        return format!("--rate auto{budget}");
    }
    let mut text = format!(
        "--rate {} --endpoint-rate {}",
        rate(rates.total),
        rate(rates.endpoint)
    );
    if rates.account != rates.total {
        text = format!("{text} --account-rate {}", rate(rates.account));
    }
    text + budget
}

fn which(which: Which) -> &'static str {
    match which {
        Which::Half => "half of what is chosen",
        Which::Chosen => "as chosen",
        Which::Documented => "all that Stripe documents",
        Which::Raised => "twice that, once Stripe has raised it",
        Which::Own => "as chosen, if each account has a budget of its own",
    }
}

/// Calls per endpoint, aligned, and their sum.
fn calls(plan: &Plan) -> String {
    let endpoints = plan.calls.iter().map(|each| (each.endpoint, each.calls));
    let rows: Vec<_> = endpoints
        .chain([("calls in all", plan.total_calls)])
        .collect();
    let label_width = rows
        .iter()
        .map(|(label, _)| label.len())
        .fold(0, usize::max);
    let number_width = number(plan.total_calls).len();
    let line = |(label, calls): &(&str, u64)| {
        format!("  {label:<label_width$}  {:>number_width$}", number(*calls))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
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
    let per_second = |rate: Option<u32>| {
        rate.map_or_else(String::new, |rate| {
            format!(" at {}/s", count(rate.into(), "request"))
        })
    };
    match (plan.binding, rates.budgets) {
        (
            Binding::Total,
            Budgets::Shared
            | Budgets::Own {
                total_is_joint: true,
            },
        ) => format!("all requests together{} bind", per_second(rates.total)),
        (Binding::Total, Budgets::Own { .. }) => {
            format!(
                "the platform's own requests{} bind",
                per_second(rates.total)
            )
        }
        (Binding::Endpoint(endpoint), Budgets::Shared) => {
            format!("{endpoint}{} binds", per_second(rates.endpoint))
        }
        (Binding::Endpoint(endpoint), Budgets::Own { .. }) => {
            let rate = per_second(rates.endpoint);
            format!("{endpoint} on the platform{rate} binds")
        }
        (Binding::Account, _) => format!(
            "the busiest account{} binds: {} are on it",
            per_second(rates.account),
            count(plan.work.busiest_account_writes, "write"),
        ),
        (Binding::AccountEndpoint(endpoint), _) => {
            let rate = per_second(rates.endpoint);
            format!("{endpoint} on the busiest account{rate} binds")
        }
        (Binding::Nothing, _) => "none is set: as fast as Stripe answers".to_owned(),
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
    /// The same work at other rates, the slowest first.
    what_if: Vec<WhatIfJson>,
    /// Reads before the first write, not among the calls.
    radar: RadarJson,
    /// What waits for accounts that cannot be reached, each of which is looked at once; not among the calls.
    waiting: WaitingJson,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct WaitingJson {
    customers: u64,
    accounts: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct WhatIfJson {
    /// `half`, `chosen`, `documented`, `raised` (twice what is documented), or, where it is to be learnt, `own` (each account has a
    /// budget of its own).
    which: &'static str,
    rates: RatesJson,
    /// Whole seconds; null where no limit is set.
    estimated_seconds: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RadarJson {
    reads: u64,
    /// Where most of what is looked up is unknown.
    reads_at_most: u64,
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
    /// `total`, `endpoint`, `account`, or `account_endpoint`.
    limit: &'static str,
    endpoint: Option<&'static str>,
    requests_per_second: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RatesJson {
    total: Option<u32>,
    endpoint: Option<u32>,
    account: Option<u32>,
    /// `shared`, `own` or `auto`: whose budget a call with `Stripe-Account` uses.
    connected_budget: &'static str,
    /// They are where to begin: more is asked for as Stripe grants it.
    auto: bool,
}

impl PlanJson {
    /// Of a plan that was made for these rates; `documented` is what Stripe allows in this mode.
    pub fn new(plan: &Plan, rates: Rates, documented: Rates) -> Self {
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
                Binding::AccountEndpoint(endpoint) => {
                    binds("account_endpoint", Some(endpoint), rates.endpoint)
                }
                Binding::Nothing => None,
            },
            rates: RatesJson::of(rates),
            what_if: plan
                .what_if(rates, documented)
                .iter()
                .map(WhatIfJson::of)
                .collect(),
            radar: RadarJson {
                reads: plan.radar.reads(),
                reads_at_most: plan.radar.reads_at_most(),
            },
            waiting: WaitingJson {
                customers: plan.waiting.customers,
                accounts: plan.waiting.accounts,
            },
        }
    }
}

impl RatesJson {
    fn of(rates: Rates) -> Self {
        Self {
            total: rates.total,
            endpoint: rates.endpoint,
            account: rates.account,
            connected_budget: match (rates.learns, rates.budgets) {
                (true, _) => "auto",
                (false, Budgets::Own { .. }) => "own",
                (false, Budgets::Shared) => "shared",
            },
            auto: rates.seeks,
        }
    }
}

impl WhatIfJson {
    fn of(row: &WhatIf) -> Self {
        Self {
            which: match row.which {
                Which::Half => "half",
                Which::Chosen => "chosen",
                Which::Documented => "documented",
                Which::Raised => "raised",
                Which::Own => "own",
            },
            rates: RatesJson::of(row.rates),
            estimated_seconds: (row.binding != Binding::Nothing).then_some(row.seconds),
        }
    }
}

#[cfg(test)]
mod tests;
