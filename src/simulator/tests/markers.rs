//! Ids that behave, in a rehearsal.

use super::{Bench, SHOP, get, post};

#[test]
fn every_marker_does_what_the_documentation_says() {
    // (id, type, attach on the platform)
    let table = [
        ("pm_0001", "card", 200, "(none)"),
        ("pm_1Pgc75B7WZ01zgkWlHVgdEGJ", "card", 200, "(none)"),
        ("card_1Pgc75B7WZ01zgkWlHVgdEGJ", "card", 200, "(none)"),
        ("ba_0001", "us_bank_account", 200, "(none)"),
        ("pm_bank_0001", "us_bank_account", 200, "(none)"),
        ("pm_sepa_0001", "sepa_debit", 200, "(none)"),
        ("pm_bacs_0001", "bacs_debit", 200, "(none)"),
        ("pm_link_0001", "link", 200, "(none)"),
        ("src_0001", "ach_credit_transfer", 200, "(none)"),
        ("pm_declined_0001", "card", 402, "card_declined"),
        ("pm_declinedthere_0001", "card", 200, "(none)"),
        ("pm_chargefails_0001", "card", 200, "(none)"),
        ("pm_attached_0001", "card", 400, "(none)"),
        ("pm_consumed_0001", "card", 400, "(none)"),
    ];
    for (id, kind, status, code) in table {
        let mut bench = Bench::on_demand();
        let shown = bench.send(&get(&format!("/v1/payment_methods/{id}"))).ok();
        assert_eq!(shown.json["type"], kind, "{id}");
        let seen = bench.send(&post(
            &format!("/v1/payment_methods/{id}/attach"),
            "customer=cus_0001",
        ));
        assert_eq!((seen.status, seen.error("code")), (status, code), "{id}");
    }
}

#[test]
fn a_missing_source_is_missing_in_the_url_and_in_the_body() {
    let mut bench = Bench::on_demand();
    let seen = bench.send(&get("/v1/payment_methods/pm_missing_1"));
    assert_eq!((seen.status, seen.error("code")), (404, "resource_missing"));
    let seen = bench.send(&post("/v1/customers", "payment_method=pm_missing_1"));
    assert_eq!((seen.status, seen.error("param")), (400, "payment_method"));
    let seen = bench.send(&get("/v1/customers/cus_missing_1"));
    assert_eq!((seen.status, seen.error("param")), (404, "id"));
}

#[test]
fn nothing_is_made_up_on_a_connected_account() {
    let mut bench = Bench::on_demand();
    assert_eq!(
        bench
            .send(&get("/v1/payment_methods/pm_0001").on(SHOP))
            .status,
        404
    );
    assert_eq!(
        bench.send(&get("/v1/customers/cus_0001").on(SHOP)).status,
        404
    );
}

#[test]
fn a_refused_attach_leaves_no_customer_behind() {
    let mut bench = Bench::on_demand();
    let seen = bench.send(&post(
        "/v1/customers",
        "email=a@b.co&payment_method=pm_declined_1",
    ));
    assert_eq!(
        (seen.status, seen.error("type"), seen.error("decline_code")),
        (402, "card_error", "generic_decline")
    );
    assert_eq!(
        bench.send(&get("/v1/customers")).ok().json["data"],
        serde_json::json!([])
    );
}

#[test]
fn some_cards_are_declined_only_on_the_connected_account() {
    let mut bench = Bench::on_demand();
    let customer = bench
        .send(&post("/v1/customers", "payment_method=pm_declinedthere_1"))
        .ok()
        .id();
    let body = format!("customer={customer}&payment_method=pm_declinedthere_1");
    let clone = bench
        .send(&post("/v1/payment_methods", &body).on(SHOP))
        .ok()
        .id();
    assert_eq!(
        bench
            .send(&post("/v1/customers", &format!("payment_method={clone}")).on(SHOP))
            .status,
        402
    );
}

#[test]
fn the_same_id_is_the_same_card_in_every_rehearsal() {
    let look = |bench: &mut Bench| {
        bench
            .send(&get("/v1/payment_methods/pm_77"))
            .ok()
            .response
            .body
    };
    let (mut one, mut two) = (Bench::on_demand(), Bench::on_demand());
    two.send(&get("/v1/payment_methods/pm_12")).ok();
    assert_eq!(look(&mut one), look(&mut two));
}
