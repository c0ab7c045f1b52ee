//! Requests in flight, rate limits, the clock, counters.

use super::{Bench, SHOP, START, get, post, settings};
use crate::simulator::{Budget, Limits, Settings};

fn slow() -> Bench {
    Bench::with(Settings {
        latency_ms: 100,
        sources_on_demand: true,
        ..settings()
    })
}

#[test]
fn a_duplicate_in_flight_is_a_409_and_later_a_replay() {
    let mut bench = slow();
    let ask = post("/v1/customers", "name=A").key("k");
    assert_eq!(bench.deliver(&ask).after_ms, 100);
    bench.wall_ms += 99;
    let seen = bench.send(&ask);
    assert_eq!(
        (seen.status, seen.error("code")),
        (409, "idempotency_key_in_use")
    );
    bench.wall_ms += 1;
    let seen = bench.send(&ask).ok();
    assert!(seen.response.replayed);
}

#[test]
fn writes_to_one_object_at_once_meet_a_lock_and_reads_do_not() {
    let mut bench = slow();
    bench
        .send(&post("/v1/payment_methods/pm_1/attach", "customer=cus_1"))
        .ok();
    for busy in [
        post("/v1/payment_methods/pm_2/attach", "customer=cus_1"),
        post("/v1/customers/cus_1", "name=A"),
        post("/v1/payment_methods/pm_1/detach", ""),
    ] {
        let seen = bench.send(&busy);
        assert_eq!((seen.status, seen.error("code")), (429, "lock_timeout"));
        assert_eq!(
            seen.response.header("stripe-should-retry").as_deref(),
            Some("true")
        );
        assert_eq!(seen.response.header("stripe-rate-limited-reason"), None);
    }
    bench.send(&get("/v1/customers/cus_1")).ok();
    bench
        .send(&post("/v1/payment_methods/pm_3/attach", "customer=cus_3"))
        .ok();
    bench.wall_ms += 100;
    bench
        .send(&post("/v1/payment_methods/pm_2/attach", "customer=cus_1"))
        .ok();
}

#[test]
fn clones_onto_two_accounts_do_not_lock_each_other() {
    let mut bench = slow();
    bench
        .send(&post("/v1/payment_methods/pm_1/attach", "customer=cus_1"))
        .ok();
    for account in ["acct_1", "acct_2"] {
        bench
            .send(&post("/v1/payment_methods", "customer=cus_1&payment_method=pm_1").on(account))
            .ok();
    }
}

/// Statuses by reason of 60 requests at one instant, alternating between two endpoints.
fn burst(limits: Limits, live: bool, connected: bool) -> Vec<Option<String>> {
    let mut bench = Bench::with(Settings {
        limits,
        sources_on_demand: true,
        ..settings()
    });
    let send = |n: usize| {
        let mut ask = get(["/v1/customers", "/v1/account"][n % 2]);
        if live {
            ask = ask.live();
        }
        if connected && n.is_multiple_of(2) {
            ask = ask.on(SHOP);
        }
        bench
            .send(&ask)
            .response
            .header("stripe-rate-limited-reason")
    };
    (0..60).map(send).collect()
}

fn count(reasons: &[Option<String>], reason: Option<&str>) -> usize {
    reasons
        .iter()
        .filter(|found| found.as_deref() == reason)
        .count()
}

#[test]
fn the_documented_limits_hold_and_say_why() {
    let shared = Limits::Documented(Budget::Shared);
    let own = Limits::Documented(Budget::Own);
    assert_eq!(count(&burst(Limits::Off, false, false), None), 60);
    let test = burst(shared, false, false);
    assert_eq!(
        (count(&test, None), count(&test, Some("global-rate"))),
        (25, 35)
    );
    let live = burst(shared, true, false);
    assert_eq!(
        (count(&live, None), count(&live, Some("endpoint-rate"))),
        (50, 10)
    );
    assert_eq!(count(&burst(shared, false, true), None), 25);
    assert_eq!(count(&burst(own, false, true), None), 50);
}

#[test]
fn a_limit_is_over_after_one_second_and_nothing_was_stored() {
    let limits = Limits::Documented(Budget::Shared);
    let mut bench = Bench::with(Settings {
        limits,
        ..settings()
    });
    for n in 0..25 {
        bench
            .send(&post("/v1/customers", "").key(&n.to_string()))
            .ok();
    }
    let late = post("/v1/customers", "").key("late");
    let seen = bench.send(&late);
    assert_eq!((seen.status, seen.error("code")), (429, "rate_limit"));
    assert_eq!(seen.response.header("stripe-should-retry"), None);
    bench.wall_ms += 999;
    assert_eq!(bench.send(&late).status, 429);
    bench.wall_ms += 1;
    assert!(!bench.send(&late).ok().response.replayed);
}

#[test]
fn search_has_a_limit_of_its_own_and_a_retry_can_be_advised() {
    let limits = Limits::Documented(Budget::Shared);
    let mut bench = Bench::with(Settings {
        limits,
        should_retry_on_429: true,
        ..settings()
    });
    let mut send = || {
        bench
            .send(&get("/v1/customers/search?query=name%3A%27a%27"))
            .response
    };
    assert!((0..20).all(|_| send().status == 200));
    assert_eq!(
        send().header("stripe-should-retry").as_deref(),
        Some("true")
    );
}

#[test]
fn time_shows_in_date_and_created_and_never_goes_back() {
    let mut bench = Bench::new();
    let seen = bench.send(&post("/v1/customers", "")).ok();
    assert_eq!(seen.json["created"], START);
    assert_eq!(
        seen.response.header("date").as_deref(),
        Some("Mon, 23 Nov 2026 00:00:00 GMT")
    );
    bench.wall_ms += 5_000;
    assert_eq!(
        bench.send(&post("/v1/customers", "")).ok().json["created"],
        START + 5
    );
    bench.wall_ms -= 60_000;
    assert_eq!(
        bench.send(&post("/v1/customers", "")).ok().json["created"],
        START + 5
    );
    bench.advance(365 * 86_400);
    assert!(
        bench.send(&post("/v1/customers", "")).ok().json["created"]
            .as_i64()
            .unwrap()
            > START + 364 * 86_400
    );
}

#[test]
fn counters_and_transcript_say_what_happened_and_nothing_personal() {
    let mut bench = Bench::new();
    bench
        .send(&post("/v1/customers", "email=private@example.com").key("k"))
        .ok();
    bench
        .send(&post("/v1/customers", "email=private@example.com").key("k"))
        .ok();
    bench
        .send(&get("/v1/customers?email=private@example.com").on(SHOP))
        .ok();
    bench.wall_ms += 1000;
    assert_eq!(bench.send(&get("/v1/nonsense")).status, 404);
    let counted = bench.control("GET", "/_sim/requests", "");
    assert_eq!(counted["requests"], 4);
    assert_eq!(counted["replayed"], 1);
    assert_eq!(counted["busiest_second"], 3);
    assert_eq!(counted["by_endpoint"]["POST /v1/customers"], 2);
    assert_eq!(
        counted["by_status"],
        serde_json::json!({"200": 3, "404": 1})
    );
    let text = bench.control("GET", "/_sim/transcript", "");
    let text = text.as_str().unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(!text.contains("private") && !text.contains("sk_test"));
    assert!(text.lines().nth(2).unwrap().contains(SHOP));
}

#[test]
fn every_answer_echoes_version_and_account() {
    let mut bench = Bench::new();
    let seen = bench
        .send(
            &get("/v1/customers")
                .on(SHOP)
                .header("Stripe-Version", "2024-06-20"),
        )
        .ok();
    assert_eq!(
        seen.response.header("stripe-version").as_deref(),
        Some("2024-06-20")
    );
    assert_eq!(
        seen.response.header("stripe-account").as_deref(),
        Some(SHOP)
    );
    let seen = bench.send(&get("/v1/customers")).ok();
    assert_eq!(
        seen.response.header("stripe-version").as_deref(),
        Some(crate::simulator::DEFAULT_VERSION)
    );
    assert_eq!(seen.response.header("stripe-account"), None);
}
