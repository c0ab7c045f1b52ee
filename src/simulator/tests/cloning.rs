//! Cloning onto a connected account.

use super::{Bench, SHOP, get, post};

#[test]
fn a_clone_is_an_independent_unattached_object_with_the_same_fingerprint() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let original = bench.send(&get(&format!("/v1/payment_methods/{method}"))).ok().json;
    let body = format!("customer={customer}&payment_method={method}");
    let clone = bench.send(&post("/v1/payment_methods", &body).on(SHOP)).ok();
    assert_ne!(clone.id(), method);
    assert!(clone.json["customer"].is_null());
    assert_eq!(clone.json["metadata"], serde_json::json!({}));
    assert_eq!(clone.json["card"], original["card"]);
    assert_eq!(bench.send(&get(&format!("/v1/payment_methods/{}", clone.id()))).status, 404);
    assert_eq!(bench.send(&get(&format!("/v1/payment_methods/{}", clone.id())).on(SHOP)).status, 200);
}
