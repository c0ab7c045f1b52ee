//! The shell that sends events: to one endpoint, signed as Stripe signs, again and again until it is answered with 2xx.
//!
//! Signatures carry real time, since whoever checks them has no other clock; three days of *virtual* time are tried.

use super::engine::Simulator;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Where events go, and the secrets that they are signed with: several while one is rolled.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    secrets: Vec<String>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [redacted]", self.url)
    }
}

/// How deliveries went so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Deliveries {
    /// POSTs, each attempt counted.
    pub attempts: u64,
    /// Events that were answered with 2xx.
    pub delivered: u64,
    /// Events that were not, for three days.
    pub given_up: u64,
}

/// Stripe tries for three days.
const TRIED_SECONDS: i64 = 3 * 24 * 3600;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks whether something happened.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Endpoint {
    /// An endpoint at this address, with the secrets of the text: one a line, or several between blanks or commas.
    pub fn new(url: &str, secrets: &str) -> Result<Self, String> {
        let secrets: Vec<String> = secrets
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        if secrets.is_empty() || secrets.iter().any(|secret| !secret.starts_with("whsec_")) {
            return Err("a signing secret begins with whsec_".to_owned());
        }
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
        let address = parsed.host_str().map(|host| host.trim_matches(['[', ']']));
        let loopback = address.is_some_and(|host| {
            host == "localhost"
                || host
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        });
        if parsed.scheme() != "http" || !loopback {
            return Err(format!(
                "{url}: events go to http and a loopback address only"
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            secrets,
        })
    }

    /// The header `Stripe-Signature` of a body that is sent at `unix`; `v0` is the one that counts for nothing.
    fn signature(&self, unix: i64, body: &str) -> String {
        let mut header = format!("t={unix}");
        for secret in &self.secrets {
            // A key of any length is taken.
            if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
                mac.update(format!("{unix}.{body}").as_bytes());
                let digits: Vec<String> = mac
                    .finalize()
                    .into_bytes()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                header = format!("{header},v1={}", digits.concat());
            }
        }
        format!("{header},v0={}", "0".repeat(64))
    }
}

/// Sends whatever happens from now on, until it is dropped.
pub(super) async fn deliver(
    simulator: Arc<Mutex<Simulator>>,
    endpoint: Endpoint,
    wall_ms: fn() -> i64,
) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWERED_WITHIN)
        .build()?;
    let endpoint = Arc::new(endpoint);
    let mut sent = lock(&simulator).world.events.len();
    let mut under_way = JoinSet::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            Some(_) = under_way.join_next() => continue,
        }
        let events: Vec<(i64, Arc<str>)> = {
            let simulator = lock(&simulator);
            let events = &simulator.world.events;
            let new = (sent..events.len()).map(|slot| {
                (
                    events.kept(slot).created,
                    Arc::clone(&events.get(slot).body),
                )
            });
            new.collect()
        };
        sent += events.len();
        for (created, body) in events {
            let sending = Sending {
                simulator: Arc::clone(&simulator),
                client: client.clone(),
                endpoint: Arc::clone(&endpoint),
                wall_ms,
            };
            under_way.spawn(async move { sending.until_taken(created, &body).await });
        }
    }
}

struct Sending {
    simulator: Arc<Mutex<Simulator>>,
    client: reqwest::Client,
    endpoint: Arc<Endpoint>,
    wall_ms: fn() -> i64,
}

impl Sending {
    async fn until_taken(&self, created: i64, body: &str) {
        let mut pause = FIRST_PAUSE;
        loop {
            let unix = (self.wall_ms)().div_euclid(1000);
            let request = self
                .client
                .post(&self.endpoint.url)
                .header("content-type", "application/json; charset=utf-8")
                .header(
                    "user-agent",
                    "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                )
                .header("stripe-signature", self.endpoint.signature(unix, body))
                .body(body.to_owned());
            let answer = request.send().await;
            let taken = answer.is_ok_and(|answer| answer.status().is_success());
            {
                let mut simulator = lock(&self.simulator);
                let now = simulator.now((self.wall_ms)());
                let deliveries = &mut simulator.deliveries;
                deliveries.attempts += 1;
                deliveries.delivered += u64::from(taken);
                let given_up = !taken && now - created > TRIED_SECONDS;
                deliveries.given_up += u64::from(given_up);
                if taken || given_up {
                    return;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn lock(simulator: &Mutex<Simulator>) -> MutexGuard<'_, Simulator> {
    simulator.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac`, not with the code under test.
    #[test]
    fn a_body_is_signed_as_another_implementation_signs_it() {
        let endpoint =
            Endpoint::new("http://127.0.0.1:1", "whsec_test_secret\nwhsec_other").unwrap();
        let body = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
        assert_eq!(
            endpoint.signature(1_492_774_577, body),
            format!(
                "t=1492774577,v1=c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812,\
                 v1=3fe65a6024cef88f0e48e8d5e441b3047c72bead93e8c88debbac1db39172e5d,v0={}",
                "0".repeat(64)
            )
        );
        assert!(!format!("{endpoint:?}").contains("secret"));
    }

    #[test]
    fn events_leave_this_machine_for_nobody() {
        for url in [
            "http://example.com",
            "https://127.0.0.1",
            "http://10.0.0.1:4242",
            "file:///x",
            "4242",
        ] {
            assert!(Endpoint::new(url, "whsec_1").is_err(), "{url}");
        }
        for url in [
            "http://127.0.0.1:4242/webhook",
            "http://localhost:4242",
            "http://[::1]:4242",
        ] {
            assert!(Endpoint::new(url, "whsec_1").is_ok(), "{url}");
        }
        assert!(Endpoint::new("http://127.0.0.1", "").is_err());
        assert!(Endpoint::new("http://127.0.0.1", "sk_test_1").is_err());
    }
}
