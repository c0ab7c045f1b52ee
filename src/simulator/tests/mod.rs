//! Tests of the pure world. Helpers first: a world, a client of three lines, and JSON.

mod accounts;
mod billing;
mod cards;
mod cloning;
mod control;
mod engine;
mod faults;
mod idempotency;
mod journal;
mod lists;
mod markers;
mod payments;
mod server;
mod shapes;
mod validation;

use super::{Answered, Delivery, Request, Response, Settings, Simulator};
use serde_json::Value;

/// When these worlds begin: 2026-11-23 00:00 UTC.
pub(super) const START: i64 = 1_795_392_000;
pub(super) const SHOP: &str = "acct_1ShopBerlin00001";

/// A simulator with a clock of its own, and the shortest way to call it.
pub(super) struct Bench {
    pub simulator: Simulator,
    pub wall_ms: i64,
}

/// One answer, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub status: u16,
    pub json: Value,
    pub response: Response,
}

impl Seen {
    pub fn id(&self) -> String {
        self.json["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {}", self.json))
            .to_owned()
    }

    pub fn error(&self, member: &str) -> &str {
        self.json["error"][member].as_str().unwrap_or("(none)")
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.json);
        self
    }
}

/// A request that is put together word by word.
pub(super) struct Ask {
    pub request: Request,
}

pub(super) fn ask(method: &str, target: &str, body: &str) -> Ask {
    let headers = [("authorization", "Bearer sk_test_123")];
    Ask {
        request: Request::from_parts(method, target, headers, body.as_bytes()),
    }
}

pub(super) fn post(target: &str, body: &str) -> Ask {
    ask("POST", target, body)
}

pub(super) fn get(target: &str) -> Ask {
    ask("GET", target, "")
}

impl Ask {
    pub fn on(mut self, account: &str) -> Self {
        self.request.header("Stripe-Account", account);
        self
    }

    pub fn key(mut self, key: &str) -> Self {
        self.request.header("Idempotency-Key", key);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request.header(name, value);
        self
    }

    pub fn live(self) -> Self {
        self.header("Authorization", "Bearer sk_live_123")
    }
}

/// Settings with a fixed clock.
pub(super) fn settings() -> Settings {
    Settings {
        clock_start: Some(START),
        ..Settings::default()
    }
}

impl Bench {
    /// A world in which nothing exists but one connected account.
    pub fn new() -> Self {
        let mut bench = Self::with(settings());
        bench.control("POST", "/_sim/accounts", &format!(r#"{{"id":"{SHOP}"}}"#));
        bench
    }

    /// A rehearsal: what is named exists.
    pub fn on_demand() -> Self {
        Self::with(Settings {
            sources_on_demand: true,
            ..settings()
        })
    }

    pub fn with(settings: Settings) -> Self {
        let wall_ms = 1_000_000_000_000;
        Self {
            simulator: Simulator::open(settings, wall_ms).unwrap(),
            wall_ms,
        }
    }

    pub fn deliver(&mut self, ask: &Ask) -> Delivery {
        self.simulator.receive(self.wall_ms, &ask.request)
    }

    pub fn send(&mut self, ask: &Ask) -> Seen {
        match self.deliver(ask).answer {
            Answered::Whole(response) => Seen {
                status: response.status,
                json: serde_json::from_str(&response.body).unwrap(),
                response,
            },
            other => panic!("no whole answer: {other:?}"),
        }
    }

    pub fn control(&mut self, method: &str, target: &str, body: &str) -> Value {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match self.simulator.answer_control(
            self.wall_ms,
            super::Method::of(method),
            path,
            query,
            body,
        ) {
            super::ControlAnswer::Now(200, text) => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            super::ControlAnswer::Now(status, text) => panic!("{status} {text}"),
            super::ControlAnswer::Dump(mut dump) => {
                let mut lines = Vec::new();
                while let Some(piece) = self.simulator.dump(&mut dump) {
                    lines.extend(
                        piece
                            .lines()
                            .map(|line| serde_json::from_str::<Value>(line).unwrap()),
                    );
                }
                Value::Array(lines)
            }
        }
    }

    pub fn advance(&mut self, seconds: u32) {
        self.control(
            "POST",
            "/_sim/clock/advance",
            &format!(r#"{{"seconds":{seconds}}}"#),
        );
    }

    /// A card of the platform's that is attached to a new customer: (customer, PaymentMethod).
    pub fn saved_card(&mut self) -> (String, String) {
        let customer = self
            .send(&post("/v1/customers", "email=a@example.com"))
            .ok()
            .id();
        let body = format!("customer={customer}");
        let method = self
            .send(&post("/v1/payment_methods/pm_card_visa/attach", &body))
            .ok()
            .id();
        (customer, method)
    }
}
