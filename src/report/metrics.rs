//! PURE. A run for Prometheus, in its text format, for `node_exporter`'s textfile collector
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Nothing personal is among the labels.
//!
//! Counters count from the beginning of the process; gauges of customers are the whole migration's.

use std::fmt::Write as _;

use super::pace::{LaneJson, Pace, PaceState};
use crate::state::Standing;
use crate::stripe::AttemptCounts;

/// What a run tells of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Whose run it is.
    pub of: Of,
    /// Customers by standing in the whole migration, in the order of [`Standing::ALL`].
    pub customers: [u64; 8],
    /// Connected accounts that are parked.
    pub parked_accounts: u64,
    /// What was sent.
    pub attempts: AttemptCounts,
    /// Attempts after the first of a call.
    pub retried: u64,
    /// Customers in work.
    pub in_flight: u64,
    /// How fast it goes; `None` before it begins.
    pub pace: Option<Pace>,
    /// How long it will still take, where that is known.
    pub left_seconds: Option<u64>,
    /// Whether it is on.
    pub on: On,
    /// When this was written, in seconds since 1970, by this machine's clock.
    pub at: i64,
}

/// Whose run it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of {
    /// The migration's id.
    pub migration: String,
    /// The platform account.
    pub platform_account: String,
    /// `live`, `test` or `simulated`.
    pub mode: &'static str,
    /// The tool's version.
    pub version: &'static str,
}

/// Whether a run is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// It is.
    Yes,
    /// It ended, with this exit code; `None`: before it could begin.
    Ended(Option<u8>),
}

struct Text {
    out: String,
    migration: String,
}

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Infallible: it is a String.
        writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let migration = [("migration", self.migration.as_str())];
        let labels = migration.iter().chain(labels);
        let labels: Vec<String> = labels
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        writeln!(self.out, "{name}{{{}}} {value}", labels.join(",")).ok();
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

impl Metrics {
    /// The whole file.
    pub fn text(&self) -> String {
        let mut text = Text {
            out: String::new(),
            migration: self.of.migration.clone(),
        };
        self.run(&mut text);
        self.customers(&mut text);
        self.requests(&mut text);
        self.rates(&mut text);
        text.out
    }

    fn run(&self, text: &mut Text) {
        text.family("pmclone_info", "gauge", "The migration and the tool.");
        let labels = [
            ("platform_account", self.of.platform_account.as_str()),
            ("mode", self.of.mode),
            ("version", self.of.version),
        ];
        text.sample("pmclone_info", &labels, 1);
        text.single(
            "pmclone_last_update_timestamp_seconds",
            "gauge",
            "When this file was written.",
            self.at,
        );
        let on = u8::from(self.on == On::Yes);
        text.single("pmclone_run_active", "gauge", "1 while a run is on.", on);
        if let On::Ended(Some(exit)) = self.on {
            let help = "How the run ended: see pmclone --help.";
            text.single("pmclone_run_exit_code", "gauge", help, exit);
        }
        let state = self.pace.as_ref().map(|pace| pace.state);
        let waits = u8::from(self.on == On::Yes && state == Some(PaceState::Waiting));
        let help = "1 while nothing is sent: outside of the window, or paused.";
        text.single("pmclone_run_waiting", "gauge", help, waits);
        if let Some(seconds) = self.left_seconds {
            let help = "How long the run will still take, by the speed of the last minute.";
            text.single("pmclone_eta_seconds", "gauge", help, seconds);
        }
        let help = "Customers in work now.";
        text.single("pmclone_customers_in_flight", "gauge", help, self.in_flight);
    }

    fn customers(&self, text: &mut Text) {
        let name = "pmclone_customers";
        let help = "Customers of the migration, each counted once, by where they stand.";
        text.family(name, "gauge", help);
        for (standing, count) in Standing::ALL.iter().zip(self.customers) {
            text.sample(name, &[("standing", standing.name())], count);
        }
        let help = "Connected accounts that cannot be reached.";
        let parked = self.parked_accounts;
        text.single("pmclone_accounts_parked", "gauge", help, parked);
    }

    fn requests(&self, text: &mut Text) {
        let name = "pmclone_requests_total";
        let help = "Requests that ended, each attempt counted, by endpoint and outcome.";
        text.family(name, "counter", help);
        for (endpoint, end, count) in &self.attempts.ended {
            let endpoint = endpoint.name();
            let (method, path) = endpoint.split_once(' ').unwrap_or(("", endpoint));
            let labels = [("method", method), ("path", path), ("outcome", end.name())];
            text.sample(name, &labels, count);
        }
        let name = "pmclone_rate_limited_total";
        text.family(
            name,
            "counter",
            "Requests that a rate limit refused, by its reason.",
        );
        for (reason, count) in &self.attempts.limited {
            text.sample(name, &[("reason", reason)], count);
        }
        let help = "Attempts after the first of a call.";
        text.single("pmclone_retries_total", "counter", help, self.retried);
    }

    fn rates(&self, text: &mut Text) {
        let Some(pace) = &self.pace else { return };
        let help = "How fast it goes, over the last seconds.";
        let now = pace.requests_per_second;
        text.single("pmclone_requests_per_second", "gauge", help, now);
        let name = "pmclone_limit_requests_per_second";
        text.family(name, "gauge", "What the run keeps to; no sample: no limit.");
        let limits = [
            ("total", pace.limits.total),
            ("endpoint", pace.limits.endpoint),
            ("account", pace.limits.account),
        ];
        for (limit, rate) in limits {
            if let Some(rate) = rate {
                text.sample(name, &[("limit", limit)], rate);
            }
        }
        let name = "pmclone_slowed_requests_per_second";
        let help = "Limits that Stripe refused, and what is let through there now.";
        text.family(name, "gauge", help);
        for slowed in &pace.slowed {
            text.sample(name, &labels_of(slowed), slowed.requests_per_second);
        }
    }
}

fn labels_of(lane: &LaneJson) -> [(&'static str, &str); 3] {
    [
        ("limit", lane.limit.as_str()),
        ("endpoint", lane.endpoint.as_deref().unwrap_or_default()),
        ("account", lane.account.as_deref().unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::{AttemptEnd, Endpoint, Limiter, Limits, Mode};

    fn metrics() -> Metrics {
        let limiter = Limiter::new(Limits::for_mode(Mode::Test));
        let mut pace = Pace::of(&limiter.reading(), 18.4);
        pace.slowed.push(LaneJson {
            limit: "endpoint".to_owned(),
            endpoint: Some("POST /v1/customers".to_owned()),
            account: None,
            requests_per_second: 12.5,
            asked: Some(20.0),
        });
        let mut attempts = AttemptCounts::default();
        let made = (Endpoint::CreateCustomer, AttemptEnd::Done, 12);
        attempts.ended.push(made);
        attempts.limited[2].1 = 3;
        Metrics {
            of: Of {
                migration: "6f9d".to_owned(),
                platform_account: "acct_1".to_owned(),
                mode: "simulated",
                version: "0.1.0",
            },
            customers: [1, 2, 3, 4, 5, 0, 6, 7],
            parked_accounts: 1,
            attempts,
            retried: 2,
            in_flight: 16,
            pace: Some(pace),
            left_seconds: Some(90),
            on: On::Yes,
            at: 1_790_000_000,
        }
    }

    #[test]
    fn a_run_as_prometheus_reads_it() {
        insta::assert_snapshot!(metrics().text());
    }

    #[test]
    fn before_the_run_and_after_it_there_are_no_rates_but_the_counts_are_there() {
        let ended = Metrics {
            pace: None,
            left_seconds: None,
            on: On::Ended(Some(3)),
            ..metrics()
        };
        let text = ended.text();
        assert!(text.contains("pmclone_run_active{migration=\"6f9d\"} 0\n"));
        assert!(text.contains("pmclone_run_exit_code{migration=\"6f9d\"} 3\n"));
        assert!(!text.contains("eta") && !text.contains("per_second"));
    }

    #[test]
    fn a_label_cannot_break_out() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
