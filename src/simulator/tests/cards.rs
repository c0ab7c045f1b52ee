//! Attaching, detaching, updating.

use super::{Bench, SHOP, get, post};

#[test]
fn attaching_a_test_id_gives_a_new_payment_method() {
    let mut bench = Bench::new();
    let (customer, first) = bench.saved_card();
    let (_, second) = bench.saved_card();
    assert_ne!(first, second);
    assert!(first.starts_with("pm_1"));
    let shown = bench.send(&get(&format!("/v1/payment_methods/{first}"))).ok();
    assert_eq!(shown.json["customer"], customer.as_str());
    assert_eq!(shown.json["card"]["last4"], "4242");
}

#[test]
fn an_attached_card_cannot_be_attached_to_another_customer_and_the_error_has_no_code() {
    let mut bench = Bench::new();
    let (_, method) = bench.saved_card();
    let other = bench.send(&post("/v1/customers", "")).ok().id();
    let seen = bench.send(&post(&format!("/v1/payment_methods/{method}/attach"), &format!("customer={other}")));
    assert_eq!(seen.status, 400);
    assert_eq!(seen.error("message"), "The payment method you provided has already been attached to a customer.");
    assert_eq!((seen.error("code"), seen.error("param")), ("(none)", "(none)"));
}

#[test]
fn a_detached_card_is_spent_for_good() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let detached = bench.send(&post(&format!("/v1/payment_methods/{method}/detach"), "")).ok();
    assert!(detached.json["customer"].is_null());
    let attach = post(&format!("/v1/payment_methods/{method}/attach"), &format!("customer={customer}"));
    assert!(bench.send(&attach).error("message").contains("may not be used again"));
    let clone = post("/v1/payment_methods", &format!("payment_method={method}")).on(SHOP);
    assert!(bench.send(&clone).error("message").contains("may not be used again"));
}
