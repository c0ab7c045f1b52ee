//! Cloning onto a connected account.

use super::{Bench, SHOP, Seen, get, post};

fn clone_onto(bench: &mut Bench, account: &str, body: &str) -> Seen {
    bench.send(&post("/v1/payment_methods", body).on(account))
}

#[test]
fn a_clone_is_an_independent_unattached_object_with_the_same_fingerprint() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let update = format!("/v1/payment_methods/{method}");
    let body = "metadata[a]=b&billing_details[address][postal_code]=10115&allow_redisplay=always";
    let original = bench.send(&post(&update, body)).ok().json;
    let body = format!("customer={customer}&payment_method={method}&metadata[x]=y");
    let clone = clone_onto(&mut bench, SHOP, &body).ok();
    assert_ne!(clone.id(), method);
    assert!(clone.json["customer"].is_null());
    assert_eq!(clone.json["metadata"], serde_json::json!({}));
    assert_eq!(clone.json["allow_redisplay"], "unspecified");
    assert_eq!(clone.json["billing_details"], original["billing_details"]);
    assert_eq!(clone.json["card"], original["card"]);
    assert!(
        clone.id().contains("erlin00001"),
        "ids embed the account's suffix: {}",
        clone.id()
    );
    assert_eq!(
        bench
            .send(&get(&format!("/v1/payment_methods/{}", clone.id())))
            .status,
        404
    );
    assert_eq!(
        bench
            .send(&get(&format!("/v1/payment_methods/{}", clone.id())).on(SHOP))
            .status,
        200
    );
}

#[test]
fn a_clone_is_never_deduplicated() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let body = format!("customer={customer}&payment_method={method}");
    let first = clone_onto(&mut bench, SHOP, &body).ok().id();
    assert_ne!(first, clone_onto(&mut bench, SHOP, &body).ok().id());
}

#[test]
fn cloning_needs_a_connected_account() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let body = format!("customer={customer}&payment_method={method}");
    assert_eq!(bench.send(&post("/v1/payment_methods", &body)).status, 400);
}

#[test]
fn an_attached_source_needs_its_own_customer() {
    let mut bench = Bench::new();
    let (_, method) = bench.saved_card();
    let (stranger, _) = bench.saved_card();
    let seen = clone_onto(&mut bench, SHOP, &format!("payment_method={method}"));
    assert_eq!((seen.status, seen.error("param")), (400, "customer"));
    assert!(seen.error("message").contains("for security purposes"));
    let seen = clone_onto(
        &mut bench,
        SHOP,
        &format!("payment_method={method}&customer={stranger}"),
    );
    assert_eq!((seen.status, seen.error("param")), (400, "payment_method"));
}

#[test]
fn an_unattached_source_is_consumed_with_or_without_a_customer() {
    for with_customer in [false, true] {
        let mut bench = Bench::new();
        let (customer, _) = bench.saved_card();
        let body = "type=card&card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2031&card[cvc]=123";
        let loose = bench.send(&post("/v1/payment_methods", body)).ok();
        assert_eq!(loose.json["card"]["checks"]["cvc_check"], "unchecked");
        let also = if with_customer {
            format!("&customer={customer}")
        } else {
            String::new()
        };
        let body = format!("payment_method={}{also}", loose.id());
        clone_onto(&mut bench, SHOP, &body).ok();
        assert!(
            clone_onto(&mut bench, SHOP, &body)
                .error("message")
                .contains("may not be used again")
        );
        let attach = post(
            &format!("/v1/payment_methods/{}/attach", loose.id()),
            &format!("customer={customer}"),
        );
        assert_eq!(bench.send(&attach).status, 400);
    }
}

#[test]
fn ids_of_connected_objects_mean_nothing_in_a_clone_and_platform_ids_nothing_elsewhere() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let body = format!("customer={customer}&payment_method={method}");
    let clone = clone_onto(&mut bench, SHOP, &body).ok().id();
    let seen = clone_onto(&mut bench, SHOP, &format!("payment_method={clone}"));
    assert_eq!((seen.status, seen.error("code")), (400, "resource_missing"));
    let there = bench.send(&post("/v1/customers", "").on(SHOP)).ok().id();
    let seen = clone_onto(
        &mut bench,
        SHOP,
        &format!("customer={there}&payment_method={method}"),
    );
    assert_eq!(
        (seen.status, seen.error("code"), seen.error("param")),
        (400, "resource_missing", "customer")
    );
    let attach = post(
        &format!("/v1/payment_methods/{method}/attach"),
        &format!("customer={there}"),
    )
    .on(SHOP);
    let seen = bench.send(&attach);
    assert_eq!((seen.status, seen.error("code")), (404, "resource_missing"));
    assert!(
        seen.error("message")
            .contains("platform-owned payment method ID")
    );
    let seen = bench.send(&post("/v1/customers", &format!("payment_method={method}")).on(SHOP));
    assert_eq!((seen.status, seen.error("code")), (400, "resource_missing"));
}

#[test]
fn what_cannot_be_cloned_is_refused_with_a_400_and_stays_as_it_was() {
    for word in [
        "sepa", "bacs", "acss", "becs", "link", "paypal", "cashapp", "klarna",
    ] {
        let mut bench = Bench::on_demand();
        let id = format!("pm_{word}_0001");
        let seen = clone_onto(&mut bench, SHOP, &format!("payment_method={id}"));
        assert_eq!(
            (seen.status, seen.error("code")),
            (400, "payment_method_unsupported_type"),
            "{id}"
        );
        let attach = post(
            &format!("/v1/payment_methods/{id}/attach"),
            "customer=cus_1",
        );
        bench.send(&attach).ok();
    }
}

#[test]
fn the_whole_flow_takes_three_writes() {
    let mut bench = Bench::on_demand();
    let body = "email=a@example.com&payment_method=pm_0001&invoice_settings[default_payment_method]=pm_0001";
    let customer = bench.send(&post("/v1/customers", body)).ok();
    assert_eq!(
        customer.json["invoice_settings"]["default_payment_method"],
        "pm_0001"
    );
    let body = format!("customer={}&payment_method=pm_0001", customer.id());
    let clone = clone_onto(&mut bench, SHOP, &body).ok().id();
    let body = format!("payment_method={clone}&invoice_settings[default_payment_method]={clone}");
    let there = bench.send(&post("/v1/customers", &body).on(SHOP)).ok();
    assert_eq!(
        there.json["invoice_settings"]["default_payment_method"],
        clone.as_str()
    );
    let shown = bench
        .send(&get(&format!("/v1/payment_methods/{clone}")).on(SHOP))
        .ok();
    assert_eq!(shown.json["customer"], there.id().as_str());
}
