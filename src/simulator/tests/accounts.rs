//! Keys, accounts, modes.

use super::{Bench, SHOP, ask, get, post, settings};
use crate::simulator::Settings;

#[test]
fn a_request_without_a_good_key_is_a_401() {
    let mut bench = Bench::new();
    let keys = [
        "Bearer pk_test_1",
        "Bearer ",
        "Bearer sk_test_",
        "Digest x",
        "Bearer sk_test_expired1",
        "Basic !!",
    ];
    for key in keys {
        let seen = bench.send(&get("/v1/customers").header("authorization", key));
        assert_eq!(
            (seen.status, seen.error("type")),
            (401, "invalid_request_error"),
            "{key}"
        );
        assert!(seen.response.request_id.is_some());
    }
    let expired =
        bench.send(&get("/v1/customers").header("authorization", "Bearer sk_test_expired1"));
    assert_eq!(expired.error("code"), "api_key_expired");
}

#[test]
fn basic_authentication_with_the_key_as_user_is_good() {
    let mut bench = Bench::new();
    // sk_test_123:
    bench
        .send(&get("/v1/customers").header("Authorization", "Basic c2tfdGVzdF8xMjM6"))
        .ok();
}

#[test]
fn only_the_accepted_keys_are_good_once_one_was_named() {
    let mut settings = settings();
    settings.accepted.add("sk_test_right");
    let mut bench = Bench::with(settings);
    assert_eq!(bench.send(&get("/v1/customers")).status, 401);
    bench
        .send(&get("/v1/customers").header("Authorization", "Bearer sk_test_right"))
        .ok();
}

#[test]
fn no_part_of_a_key_is_in_an_answer_a_debug_text_or_the_transcript() {
    let mut bench = Bench::new();
    let secret = "51H8mABCDEFsecret";
    for prefix in ["sk_test_", "rk_live_", "sk_test_expired", "xx_", ""] {
        let ask = get("/v1/customers")
            .header("Authorization", &format!("Bearer {prefix}{secret}"))
            .on("acct_unknown");
        let seen = bench.send(&ask);
        let all = format!(
            "{:?}{}{:?}",
            ask.request,
            seen.response.body,
            bench.control("GET", "/_sim/transcript", "")
        );
        assert!(!all.contains("H8mA") && !all.contains("secret"), "{all}");
    }
}

#[test]
fn an_account_that_may_not_be_reached_is_a_403_without_request_id() {
    let mut bench = Bench::new();
    for revoke in [false, true] {
        let account = if revoke { SHOP } else { "acct_1Unknown" };
        if revoke {
            bench.control("POST", &format!("/_sim/accounts/{SHOP}/revoke"), "");
        }
        let seen = bench.send(&post("/v1/customers", "").on(account).key("k"));
        assert_eq!((seen.status, seen.error("code")), (403, "account_invalid"));
        assert_eq!(seen.error("type"), "invalid_request_error");
        assert!(
            seen.error("message")
                .starts_with("The provided key 'sk_test_***' does not have access to account '")
        );
        assert_eq!(seen.response.header("request-id"), None);
    }
    bench.control("POST", &format!("/_sim/accounts/{SHOP}/restore"), "");
    // Nothing was stored under the key.
    let seen = bench
        .send(&post("/v1/customers", "").on(SHOP).key("k"))
        .ok();
    assert!(!seen.response.replayed);
}

#[test]
fn an_account_connected_in_one_mode_is_closed_to_the_other() {
    let mut bench = Bench::new();
    bench.control(
        "POST",
        "/_sim/accounts",
        r#"{"id":"acct_1T","modes":"test"}"#,
    );
    bench.send(&get("/v1/customers").on("acct_1T")).ok();
    assert_eq!(
        bench
            .send(&get("/v1/customers").on("acct_1T").live())
            .status,
        403
    );
}

#[test]
fn in_a_rehearsal_every_account_exists_but_the_revoked_ones() {
    let mut bench = Bench::on_demand();
    bench.send(&get("/v1/customers").on("acct_any")).ok();
    assert_eq!(
        bench
            .send(&get("/v1/customers").on("acct_revoked_1"))
            .status,
        403
    );
    assert_eq!(bench.send(&get("/v1/customers").on("nonsense")).status, 403);
}

#[test]
fn accounts_and_modes_do_not_see_each_others_objects() {
    let mut bench = Bench::new();
    let here = bench
        .send(&post("/v1/customers", "name=Platform"))
        .ok()
        .id();
    let there = bench
        .send(&post("/v1/customers", "name=Shop").on(SHOP))
        .ok()
        .id();
    assert_eq!(
        bench
            .send(&get(&format!("/v1/customers/{here}")).on(SHOP))
            .status,
        404
    );
    assert_eq!(
        bench.send(&get(&format!("/v1/customers/{there}"))).status,
        404
    );
    let list = bench.send(&get("/v1/customers").on(SHOP)).ok();
    assert_eq!(list.json["data"][0]["id"], there.as_str());
    assert_eq!(list.json["data"][1], serde_json::Value::Null);
    let live = bench.send(&get(&format!("/v1/customers/{here}")).live());
    assert!(
        live.error("message")
            .contains("a similar object exists in test mode, but a live mode key was used")
    );
    let live = bench.send(&post("/v1/customers", "").live()).ok();
    assert_eq!(live.json["livemode"], true);
    let test = bench.send(&get(&format!("/v1/customers/{}", live.id())));
    assert!(
        test.error("message")
            .contains("exists in live mode, but a test mode key was used")
    );
}

#[test]
fn both_account_headers_at_once_are_refused_and_either_is_good() {
    let mut bench = Bench::new();
    let both = get("/v1/customers").on(SHOP).header("Stripe-Context", SHOP);
    assert_eq!(bench.send(&both).status, 400);
    let there = bench
        .send(&post("/v1/customers", "").header("Stripe-Context", SHOP))
        .ok()
        .id();
    bench
        .send(&get(&format!("/v1/customers/{there}")).on(SHOP))
        .ok();
}

#[test]
fn the_platform_sees_itself_and_the_accounts_that_it_may_reach() {
    let mut bench = Bench::new();
    bench.control(
        "POST",
        "/_sim/accounts",
        r#"{"id":"acct_1De","country":"DE","charges_enabled":false}"#,
    );
    bench.control(
        "POST",
        "/_sim/accounts",
        r#"{"id":"acct_1Gone","revoked":true}"#,
    );
    let own = bench.send(&get("/v1/account")).ok();
    assert_eq!(own.id(), Settings::default().platform_account);
    let german = bench.send(&get("/v1/accounts/acct_1De")).ok();
    assert_eq!(german.json["default_currency"], "eur");
    assert_eq!(german.json["charges_enabled"], false);
    assert_eq!(german.json["capabilities"], serde_json::json!({}));
    assert_eq!(bench.send(&get("/v1/accounts/acct_1Gone")).status, 403);
    let list = bench.send(&get("/v1/accounts?limit=1")).ok();
    assert_eq!(list.json["has_more"], true);
    let first = list.json["data"][0]["id"].as_str().unwrap().to_owned();
    let next = bench
        .send(&get(&format!("/v1/accounts?starting_after={first}")))
        .ok();
    assert_eq!(next.json["data"].as_array().unwrap().len(), 1);
    assert_eq!(next.json["has_more"], false);
}

#[test]
fn an_account_shows_the_name_capabilities_and_reason_that_it_was_given() {
    let mut bench = Bench::new();
    let platform = Settings::default().platform_account;
    bench.control(
        "POST",
        "/_sim/seed",
        &format!(
            r#"{{"account":"acct_1In","country":"IN","name":"A Shop","capabilities":{{"card_payments":"pending"}},"disabled_reason":"rejected.fraud"}}
               {{"account":"{platform}","country":"DE","name":"The Platform"}}"#
        ),
    );
    let shop = bench.send(&get("/v1/accounts/acct_1In")).ok();
    assert_eq!(
        shop.json["capabilities"],
        serde_json::json!({"card_payments":"pending"})
    );
    assert_eq!(
        shop.json["requirements"]["disabled_reason"],
        "rejected.fraud"
    );
    assert_eq!(shop.json["business_profile"]["name"], "A Shop");
    let own = bench.send(&get("/v1/account")).ok();
    assert_eq!(
        (own.id(), own.json["country"].as_str()),
        (platform.clone(), Some("DE"))
    );
}

#[test]
fn a_key_without_permission_to_write_reads_and_is_told_what_it_lacks() {
    let mut bench = Bench::new();
    let bearer = "Bearer rk_test_readonly1";
    bench
        .send(&get("/v1/customers").header("Authorization", bearer))
        .ok();
    let refused = bench.send(
        &post("/v1/customers", "")
            .header("Authorization", bearer)
            .key("k"),
    );
    assert_eq!(
        (refused.status, refused.error("type")),
        (403, "invalid_request_error")
    );
    assert!(refused.error("message").contains("required permissions"));
    // Nothing was stored under the key.
    assert!(
        !bench
            .send(&post("/v1/customers", "").key("k"))
            .ok()
            .response
            .replayed
    );
}

#[test]
fn an_unknown_url_or_method_is_stripes_404() {
    let mut bench = Bench::new();
    for (method, path) in [
        ("GET", "/v1/nonsense"),
        ("PUT", "/v1/customers"),
        ("GET", "/"),
        ("DELETE", "/v1/refunds/x"),
    ] {
        let seen = bench.send(&ask(method, path, ""));
        assert_eq!(seen.status, 404);
        assert!(
            seen.error("message")
                .starts_with("Unrecognized request URL ("),
            "{}",
            seen.json
        );
    }
}
