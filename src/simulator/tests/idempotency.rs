//! Idempotency keys.

use super::{Bench, SHOP, START, get, post};

#[test]
fn the_same_request_under_the_same_key_is_answered_from_the_store() {
    let mut bench = Bench::new();
    let ask = post("/v1/customers", "name=A&email=a@b.co").key("k1");
    let first = bench.send(&ask).ok();
    let header = |seen: &super::Seen, name: &str| seen.response.header(name);
    assert_eq!(
        header(&first, "original-request"),
        header(&first, "request-id")
    );
    assert_eq!(header(&first, "idempotent-replayed"), None);
    let again = bench
        .send(&post("/v1/customers", "email=a@b.co&name=A").key("k1"))
        .ok();
    assert_eq!(
        again.response.body, first.response.body,
        "whatever order the parameters were sent in"
    );
    assert_eq!(
        header(&again, "idempotent-replayed").as_deref(),
        Some("true")
    );
    assert_eq!(
        header(&again, "original-request"),
        header(&first, "request-id")
    );
    assert_ne!(header(&again, "request-id"), header(&first, "request-id"));
    assert_eq!(header(&again, "idempotency-key").as_deref(), Some("k1"));
}

#[test]
fn a_replay_shows_the_object_as_it_was() {
    let mut bench = Bench::on_demand();
    let create = post("/v1/payment_methods", "payment_method=pm_1")
        .on(SHOP)
        .key("clone");
    let clone = bench.send(&create).ok();
    let customer = bench
        .send(&post("/v1/customers", &format!("payment_method={}", clone.id())).on(SHOP))
        .ok();
    let now = bench
        .send(&get(&format!("/v1/payment_methods/{}", clone.id())).on(SHOP))
        .ok();
    assert_eq!(now.json["customer"], customer.id().as_str());
    let replay = bench.send(&create).ok();
    assert!(replay.json["customer"].is_null());
    assert_eq!(replay.response.body, clone.response.body);
}

#[test]
fn a_key_is_good_for_one_set_of_parameters_and_one_endpoint() {
    let mut bench = Bench::new();
    bench.send(&post("/v1/customers", "name=A").key("k")).ok();
    let other = bench.send(&post("/v1/customers", "name=B").key("k"));
    assert_eq!(
        (other.status, other.error("type")),
        (400, "idempotency_error")
    );
    assert!(other.error("message").contains("same parameters"));
    let other = bench.send(&post("/v1/payment_methods", "name=A").key("k"));
    assert_eq!(
        (other.status, other.error("type")),
        (400, "idempotency_error")
    );
    assert!(
        other
            .error("message")
            .contains("('/v1/payment_methods' vs '/v1/customers')"),
        "{}",
        other.json
    );
}

#[test]
fn accounts_and_modes_have_keys_of_their_own() {
    let mut bench = Bench::new();
    let mut ids: Vec<String> = Vec::new();
    for ask in [
        post("/v1/customers", "").key("k"),
        post("/v1/customers", "").key("k").on(SHOP),
        post("/v1/customers", "").key("k").live(),
    ] {
        ids.push(bench.send(&ask).ok().id());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_key_lives_for_24_hours_of_virtual_time_and_then_makes_a_second_object() {
    let mut bench = Bench::new();
    let ask = post("/v1/customers", "name=A").key("k");
    let first = bench.send(&ask).ok();
    assert_eq!(first.json["created"], START);
    bench.advance(24 * 3600 - 1);
    assert_eq!(bench.send(&ask).ok().id(), first.id());
    bench.advance(1);
    let second = bench.send(&ask).ok();
    assert_ne!(second.id(), first.id());
    assert!(!second.response.replayed);
    assert_eq!(second.json["created"], START + 24 * 3600);
    assert_eq!(second.response.date, START + 24 * 3600);
}

#[test]
fn refusals_after_execution_began_are_stored() {
    let mut bench = Bench::on_demand();
    let requests = [
        (post("/v1/customers", "payment_method=pm_declined_1"), 402),
        (post("/v1/customers", "payment_method=pm_missing_1"), 400),
        (
            post("/v1/payment_methods/pm_missing_1/attach", "customer=cus_1"),
            404,
        ),
        (
            post("/v1/payment_methods", "payment_method=pm_sepa_1").on(SHOP),
            400,
        ),
    ];
    for (index, (ask, status)) in requests.into_iter().enumerate() {
        let ask = ask.key(&index.to_string());
        let first = bench.send(&ask);
        assert_eq!((first.status, first.response.replayed), (status, false));
        assert_eq!(
            first.response.header("stripe-should-retry").as_deref(),
            Some("false")
        );
        let again = bench.send(&ask);
        assert_eq!((again.status, again.response.replayed), (status, true));
        assert_eq!(again.response.body, first.response.body);
    }
}

#[test]
fn refusals_before_execution_are_not_stored() {
    let mut bench = Bench::new();
    let refused = [
        post("/v1/customers", "nonsense=1").key("k"),
        post("/v1/customers", "email=nonsense").key("k"),
        post("/v1/customers", "")
            .key("k")
            .header("authorization", "Bearer pk_test_1"),
        post("/v1/customers", "").key("k").on("acct_1Unknown"),
        post("/v1/nonsense", "").key("k"),
    ];
    for ask in &refused {
        assert!(bench.send(ask).status >= 400);
    }
    let seen = bench.send(&post("/v1/customers", "name=A").key("k")).ok();
    assert!(!seen.response.replayed);
}

#[test]
fn a_post_without_a_key_is_given_one_and_a_get_is_not() {
    let mut bench = Bench::new();
    let first = bench.send(&post("/v1/customers", "")).ok();
    let second = bench.send(&post("/v1/customers", "")).ok();
    assert!(first.response.idempotency_key.is_some());
    assert_ne!(
        first.response.idempotency_key,
        second.response.idempotency_key
    );
    assert_eq!(
        bench
            .send(&get("/v1/customers").key("k"))
            .ok()
            .response
            .idempotency_key,
        None
    );
}

#[test]
fn a_key_has_1_to_255_characters() {
    let mut bench = Bench::new();
    bench
        .send(&post("/v1/customers", "").key(&"k".repeat(255)))
        .ok();
    assert_eq!(
        bench
            .send(&post("/v1/customers", "").key(&"k".repeat(256)))
            .status,
        400
    );
    assert_eq!(bench.send(&post("/v1/customers", "").key("")).status, 400);
}
