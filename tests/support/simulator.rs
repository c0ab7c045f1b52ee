//! `pmclone simulate` as a process of its own, which outlives the runs that are killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::Context;
use serde_json::Value;

use super::{Place, Result, http, until};

/// The simulator, ended when it goes out of scope.
pub struct Simulator {
    child: Child,
    /// Kept open: it writes its address there.
    _stdout: BufReader<ChildStdout>,
    /// Its base URL.
    pub url: String,
}

impl Simulator {
    /// Every account and source exists when it is named; no limits.
    pub fn on_demand(place: &Place) -> Result<Self> {
        Self::start(place, &["--on-demand", "on", "--limits", "off"])
    }

    /// The same, with answers that take so many milliseconds, so that a kill or a signal finds requests under way.
    pub fn slow(place: &Place, latency_ms: u32) -> Result<Self> {
        let latency = latency_ms.to_string();
        #[rustfmt::skip]
        let args = ["--on-demand", "on", "--limits", "off", "--latency", &latency];
        Self::start(place, &args)
    }

    /// The same, with a world that is kept in a file beside the state, so that a later one goes on with it.
    pub fn kept(place: &Place, latency_ms: u32) -> Result<Self> {
        let (latency, journal) = (latency_ms.to_string(), place.path("world"));
        let journal = journal.to_string_lossy();
        #[rustfmt::skip]
        let args = ["--on-demand", "on", "--limits", "off", "--latency", &latency, "--journal", &journal];
        Self::start(place, &args)
    }

    /// With arguments.
    pub fn start(place: &Place, args: &[&str]) -> Result<Self> {
        let all = [&["simulate", "--listen", "127.0.0.1:0"], args].concat();
        let mut child = place
            .keyless(&all)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let url = line.trim().to_owned();
        anyhow::ensure!(url.starts_with("http://127.0.0.1:"), "it said `{url}`");
        Ok(Self {
            child,
            _stdout: stdout,
            url,
        })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Asks the control API.
    pub fn get(&self, path: &str) -> Result<String> {
        http::request(self.address(), "GET", path, "")
    }

    /// Tells the control API.
    pub fn post(&self, path: &str, body: &str) -> Result<()> {
        http::request(self.address(), "POST", path, body).map(drop)
    }

    /// Replaces the fault script.
    pub fn faults(&self, script: &str) -> Result<()> {
        self.post("/_sim/faults", script)
    }

    /// Asks Stripe's own API, with a key of the platform's.
    pub fn stripe(&self, method: &str, path: &str, body: &str) -> Result<String> {
        http::with_key(self.address(), method, path, body)
    }

    /// Asks Stripe's own API about a connected account.
    pub fn stripe_on(&self, account: &str, method: &str, path: &str, body: &str) -> Result<String> {
        http::on_account(self.address(), account, method, path, body)
    }

    /// Virtual time goes on by so many hours.
    pub fn advance_hours(&self, hours: u32) -> Result<()> {
        let seconds = hours * 3600;
        self.post("/_sim/clock/advance", &format!("{{\"seconds\":{seconds}}}"))
    }

    /// The counters.
    pub fn counters(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.get("/_sim/requests")?)?)
    }

    /// How many requests arrived.
    pub fn requests(&self) -> Result<u64> {
        self.counters()?["requests"].as_u64().context("no count")
    }

    /// Waits until so many requests have arrived.
    pub fn until_requests(&self, count: u64) -> Result<()> {
        until(&format!("{count} requests"), || {
            Ok(self.requests()? >= count)
        })
    }

    /// The last requests, as JSON.
    pub fn transcript(&self) -> Result<Vec<Value>> {
        lines(&self.get("/_sim/transcript")?)
    }

    /// Every object of a kind (`customers`, `payment_methods`) on an account; the platform's without one.
    pub fn dump(&self, kind: &str, account: Option<&str>) -> Result<Vec<Value>> {
        let account = account.map_or(String::new(), |account| format!("?account={account}"));
        lines(&self.get(&format!("/_sim/{kind}{account}"))?)
    }
}

fn lines(text: &str) -> Result<Vec<Value>> {
    let each = text.lines().map(|line| Ok(serde_json::from_str(line)?));
    each.collect()
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
