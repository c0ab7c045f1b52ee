//! Requests whose answers are still on the way: what they hold, and what others get meanwhile.

use super::keys::Credentials;
use super::params::Params;
use super::request::{Method, Request};
use super::response::Failure;
use super::routes::Route;
use std::collections::HashMap;

/// The requests whose answers are still on the way, by what they hold and until when (real milliseconds).
#[derive(Debug, Default)]
pub(super) struct InFlight {
    until: HashMap<String, i64>,
}

impl InFlight {
    pub fn holds(&self, what: &str, wall_ms: i64) -> bool {
        self.until.get(what).is_some_and(|&until| until > wall_ms)
    }

    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    pub fn hold(&mut self, what: String, wall_ms: i64, until: i64) {
        if self.until.len() >= 10_000 {
            self.until.retain(|_, until| *until > wall_ms);
        }
        self.until.insert(what, until);
    }
}

/// What a write holds while it is in flight, with the refusal that others get: its key, and the objects it names.
///
/// A clone holds nothing: it reads the platform's objects, and what it makes has no id yet.
pub(super) fn holds(request: &Request) -> Vec<(String, Failure)> {
    let Credentials::Key { kind, .. } = &request.credentials else {
        return Vec::new();
    };
    let write = matches!(request.method, Method::Post | Method::Delete);
    let Some(route) = Route::of(request.method, &request.path).filter(|_| write) else {
        return Vec::new();
    };
    let scope = format!(
        "{}|{}",
        kind.livemode(),
        request.connected_account().unwrap_or_default()
    );
    let mut holds = Vec::new();
    if let Some(key) = request.idempotency_key.as_deref() {
        holds.push((format!("{scope}|key|{key}"), Failure::key_in_use(key)));
    }
    let params = Params::parse(&request.body);
    let named =
        ["customer", "payment_method", "payment_intent", "charge"].map(|name| params.filled(name));
    let named = named
        .into_iter()
        .filter(|_| route != Route::CreatePaymentMethod);
    for id in named.chain([route.object()]).flatten() {
        holds.push((format!("{scope}|object|{id}"), Failure::lock_timeout()));
    }
    holds
}
