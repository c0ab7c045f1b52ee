//! The control API and seeds.

use super::{Bench, SHOP, get, post};
use crate::simulator::{ControlAnswer, Method};

fn refused(bench: &mut Bench, target: &str, body: &str) -> String {
    match bench
        .simulator
        .answer_control(bench.wall_ms, Method::Post, target, "", body)
    {
        ControlAnswer::Now(400, text) => text,
        other => panic!("{target} {body}: {other:?}"),
    }
}

#[test]
fn seeds_put_accounts_customers_and_payment_methods_into_the_world() {
    let mut bench = Bench::new();
    let seeds = r#"
        {"account":"acct_1Seed","country":"FR"}
        {"customer":"cus_1","email":"a@example.com","name":"A","metadata":{"k":"v"},"created":1700000000,
         "payment_methods":[{"id":"pm_1"},{"id":"pm_2","type":"sepa_debit"},{"id":"ba_3","type":"us_bank_account"}]}
        {"payment_method":"pm_4","test_card":"chargeCustomerFail"}
        {"payment_method":"pm_5","consumed":true}
        {"customer":"cus_there","on_account":"acct_1Seed","payment_methods":[{"id":"pm_there"}]}"#;
    bench.control("POST", "/_sim/seed", seeds);
    let customer = bench.send(&get("/v1/customers/cus_1")).ok().json;
    assert_eq!(
        (&customer["created"], &customer["metadata"]["k"]),
        (&1_700_000_000.into(), &"v".into())
    );
    let listed = bench
        .send(&get("/v1/customers/cus_1/payment_methods"))
        .ok()
        .json;
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);
    bench
        .send(&get("/v1/payment_methods/pm_there").on("acct_1Seed"))
        .ok();
    let body = "customer=cus_1&payment_method=ba_3";
    assert!(
        bench
            .send(&post("/v1/payment_methods", body).on(SHOP))
            .ok()
            .id()
            .starts_with("pm_1")
    );
    let dump = bench.control("GET", "/_sim/payment_methods", "");
    let standing: Vec<_> = dump
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["_sim"]["standing"].as_str().unwrap())
        .collect();
    assert_eq!(
        standing,
        ["attached", "attached", "attached", "unattached", "consumed"]
    );
    let state = bench.control("GET", "/_sim/state", "");
    assert_eq!(
        (&state["customers"], &state["accounts"]),
        (&2.into(), &2.into())
    );
}

#[test]
fn a_bad_seed_changes_nothing() {
    let mut bench = Bench::new();
    for seeds in [
        r#"{"customer":"cus_new"} {"customer":"cus_new"}"#,
        r#"[{"customer":"cus_new"},{"payment_method":"pm_1","type":"nonsense"}]"#,
        r#"{"customer":"cus_new","payment_methods":[{"id":"pm_1","test_card":"nonsense"}]}"#,
        r#"{"customer":"cus_new","on_account":"acct_unknown"}"#,
        r#"{"customer":"cus_new","nonsense":1}"#,
        r#"{"customer":"cus_new"} nonsense"#,
    ] {
        refused(&mut bench, "/_sim/seed", seeds);
        assert_eq!(
            bench.send(&get("/v1/customers/cus_new")).status,
            404,
            "{seeds}"
        );
    }
}

#[test]
fn bad_commands_are_refused_with_a_reason() {
    let mut bench = Bench::new();
    assert!(refused(&mut bench, "/_sim/clock/advance", r#"{"seconds":-1}"#).contains("seconds"));
    assert!(refused(&mut bench, "/_sim/accounts/acct_unknown/revoke", "").contains("acct_unknown"));
    assert!(refused(&mut bench, "/_sim/faults", "at 1 explode").contains("line 1"));
}

#[test]
fn live_and_test_objects_are_dumped_apart() {
    let mut bench = Bench::new();
    bench.send(&post("/v1/customers", "").live()).ok();
    assert_eq!(
        bench.control("GET", "/_sim/customers", ""),
        serde_json::json!([])
    );
    assert_eq!(
        bench
            .control("GET", "/_sim/customers?livemode=true", "")
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
