//! Far more at once than Stripe takes: nobody may be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::*;

/// Stripe's limiter in small: so many in each window, and 429 for the rest. Records how often each key was executed.
struct Gate {
    window: Duration,
    per_window: u32,
    state: Mutex<(Instant, u32, HashMap<String, u32>)>,
}

impl Gate {
    fn lets_in(&self, key: &str) -> bool {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        if now.duration_since(state.0) >= self.window {
            (state.0, state.1) = (now, 0);
        }
        let inside = state.1 < self.per_window;
        if inside {
            state.1 += 1;
            *state.2.entry(key.to_owned()).or_insert(0) += 1;
        }
        inside
    }
}

async fn storm(headers: &'static [(&'static str, &'static str)]) -> u64 {
    const CALLS: u32 = 200;
    let gate = Arc::new(Gate {
        window: Duration::from_millis(20),
        per_window: 5,
        state: Mutex::new((Instant::now(), 0, HashMap::new())),
    });
    let inside = Arc::clone(&gate);
    let server = Server::start(move |_, request| {
        if inside.lets_in(request.header("idempotency-key").unwrap()) {
            ok(ATTACHED)
        } else {
            failed(429, headers)
        }
    })
    .await;
    let policy = Policy {
        cap_ms: 200,
        patience_ms: 600_000,
        ..POLICY
    };
    let client = Arc::new(client_of(server.address, Limits::OFF, policy, TIMEOUTS).0);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..CALLS {
        let client = Arc::clone(&client);
        calls.spawn(async move {
            client
                .write(&started(number, NOW_TIME), &Ids::new().attach())
                .await
        });
    }
    while let Some(written) = calls.join_next().await {
        assert_eq!(told(&written.unwrap()), "done pm_1");
    }
    let executed = &gate.state.lock().unwrap().2;
    assert_eq!(executed.len(), usize::try_from(CALLS).unwrap());
    assert!(executed.values().all(|times| *times == 1));
    client.counts().rate_limited
}

#[tokio::test]
async fn two_hundred_at_once_against_five_all_get_through() {
    assert!(storm(&[]).await > 0);
}

#[tokio::test]
async fn even_where_stripe_advises_not_to_retry() {
    assert!(storm(&[("stripe-should-retry", "false")]).await > 0);
}

#[tokio::test]
async fn even_where_an_object_is_what_is_limited() {
    let headers = &[
        ("stripe-rate-limited-reason", "resource-specific"),
        ("stripe-should-retry", "true"),
    ];
    assert!(storm(headers).await > 0);
}
