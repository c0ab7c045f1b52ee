//! Attaching, detaching, updating.

use super::{Bench, SHOP, get, post, settings};
use crate::simulator::Settings;

#[test]
fn attaching_a_test_id_gives_a_new_payment_method() {
    let mut bench = Bench::new();
    let (customer, first) = bench.saved_card();
    let (_, second) = bench.saved_card();
    assert_ne!(first, second);
    assert!(first.starts_with("pm_1"));
    let shown = bench
        .send(&get(&format!("/v1/payment_methods/{first}")))
        .ok();
    assert_eq!(shown.json["customer"], customer.as_str());
    assert_eq!(shown.json["card"]["last4"], "4242");
}

#[test]
fn an_attached_card_cannot_be_attached_to_another_customer_and_the_error_has_no_code() {
    let mut bench = Bench::new();
    let (_, method) = bench.saved_card();
    let other = bench.send(&post("/v1/customers", "")).ok().id();
    let seen = bench.send(&post(
        &format!("/v1/payment_methods/{method}/attach"),
        &format!("customer={other}"),
    ));
    assert_eq!(seen.status, 400);
    assert_eq!(
        seen.error("message"),
        "The payment method you provided has already been attached to a customer."
    );
    assert_eq!(
        (seen.error("code"), seen.error("param")),
        ("(none)", "(none)")
    );
}

#[test]
fn a_detached_card_is_spent_for_good() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let detached = bench
        .send(&post(&format!("/v1/payment_methods/{method}/detach"), ""))
        .ok();
    assert!(detached.json["customer"].is_null());
    let attach = post(
        &format!("/v1/payment_methods/{method}/attach"),
        &format!("customer={customer}"),
    );
    assert!(
        bench
            .send(&attach)
            .error("message")
            .contains("may not be used again")
    );
    let clone = post("/v1/payment_methods", &format!("payment_method={method}")).on(SHOP);
    assert!(
        bench
            .send(&clone)
            .error("message")
            .contains("may not be used again")
    );
}

#[test]
fn an_update_of_a_customer_merges_and_an_empty_value_unsets() {
    let mut bench = Bench::new();
    let made = bench.send(&post(
        "/v1/customers",
        "email=a@example.com&phone=1&address[line1]=x&address[city]=y&metadata[plan]=gold&metadata[old]=1&payment_method=pm_card_visa",
    ));
    let made = made.ok().json;
    let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
    let changed = bench.send(&post(
        &path,
        "email=b@example.com&phone=&address[city]=&metadata[old]=&metadata[new]=2",
    ));
    let changed = changed.ok().json;
    assert_eq!(changed["email"], "b@example.com");
    assert!(changed["phone"].is_null());
    assert_eq!(changed["address"]["line1"], "x");
    assert!(changed["address"]["city"].is_null());
    assert_eq!(
        changed["metadata"],
        serde_json::json!({"plan": "gold", "new": "2"})
    );
    // Only what is attached to it can be the default, and nothing is written where one parameter is wrong.
    let default = "invoice_settings[default_payment_method]";
    let refused = bench.send(&post(
        &path,
        &format!("email=c@example.com&{default}=pm_other"),
    ));
    assert_eq!(
        (
            refused.status,
            bench.send(&get(&path)).ok().json["email"].clone()
        ),
        (400, "b@example.com".into())
    );
    let mine = made["invoice_settings"]["default_payment_method"].clone();
    assert!(mine.is_null());
    let methods = bench
        .send(&get(&format!("{path}/payment_methods")))
        .ok()
        .json;
    let method = methods["data"][0]["id"].as_str().unwrap().to_owned();
    let set = bench
        .send(&post(&path, &format!("{default}={method}")))
        .ok()
        .json;
    assert_eq!(
        set["invoice_settings"]["default_payment_method"],
        method.as_str()
    );
    assert_eq!(
        bench.send(&post(&path, "payment_method=pm_2")).status,
        400,
        "no parameter of an update"
    );
    assert_eq!(
        bench
            .send(&post("/v1/customers/cus_missing_1", "name=x"))
            .status,
        404
    );
}

#[test]
fn a_payment_method_is_updated_only_while_attached() {
    let mut bench = Bench::new();
    let loose = bench
        .send(&post(
            "/v1/payment_methods",
            "type=card&card[token]=tok_mastercard",
        ))
        .ok();
    assert_eq!(loose.json["card"]["brand"], "mastercard");
    let update = format!("/v1/payment_methods/{}", loose.id());
    let body = "card[exp_month]=7&card[exp_year]=2039&metadata[a]=b&billing_details[name]=N";
    assert!(
        bench
            .send(&post(&update, body))
            .error("message")
            .starts_with("You must save this PaymentMethod")
    );
    let attach = format!("/v1/payment_methods/{}/attach", loose.id());
    let customer = bench.send(&post("/v1/customers", "")).ok().id();
    bench
        .send(&post(&attach, &format!("customer={customer}")))
        .ok();
    let updated = bench.send(&post(&update, body)).ok().json;
    assert_eq!(
        (&updated["card"]["exp_month"], &updated["card"]["exp_year"]),
        (&7.into(), &2039.into())
    );
    assert_eq!(
        updated["card"]["fingerprint"], loose.json["card"]["fingerprint"],
        "which ignores the expiry"
    );
    assert_eq!(
        (
            &updated["metadata"]["a"],
            &updated["billing_details"]["name"]
        ),
        (&"b".into(), &"N".into())
    );
}

#[test]
fn attaching_to_the_same_customer_again_is_a_matter_of_settings() {
    for (refuse_reattach, status) in [(false, 200), (true, 400)] {
        let mut bench = Bench::with(Settings {
            refuse_reattach,
            ..settings()
        });
        let (customer, method) = bench.saved_card();
        let attach = post(
            &format!("/v1/payment_methods/{method}/attach"),
            &format!("customer={customer}"),
        );
        assert_eq!(bench.send(&attach).status, status);
        let list = bench
            .send(&get(&format!("/v1/customers/{customer}/payment_methods")))
            .ok();
        assert_eq!(list.json["data"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn test_cards_that_decline_cannot_be_attached_and_say_why() {
    let mut bench = Bench::new();
    let customer = bench.send(&post("/v1/customers", "")).ok().id();
    for (id, code, decline) in [
        (
            "pm_card_visa_chargeDeclined",
            "card_declined",
            "generic_decline",
        ),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        (
            "pm_card_visa_chargeDeclinedLostCard",
            "card_declined",
            "lost_card",
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "(none)",
        ),
        (
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "(none)",
        ),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "(none)",
        ),
    ] {
        let seen = bench.send(&post(
            &format!("/v1/payment_methods/{id}/attach"),
            &format!("customer={customer}"),
        ));
        assert_eq!(
            (seen.status, seen.error("code"), seen.error("decline_code")),
            (402, code, decline),
            "{id}"
        );
        assert_eq!(seen.error("type"), "card_error");
    }
    let attach = post(
        "/v1/payment_methods/pm_card_chargeCustomerFail/attach",
        &format!("customer={customer}"),
    );
    bench.send(&attach).ok();
}

#[test]
fn a_default_has_to_be_the_customers_own_and_goes_when_it_is_detached() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let (_, foreign) = bench.saved_card();
    let url = format!("/v1/customers/{customer}");
    let default = |id: &str| {
        post(
            &url,
            &format!("invoice_settings[default_payment_method]={id}"),
        )
    };
    let seen = bench.send(&default(&foreign));
    assert_eq!(
        (seen.status, seen.error("param")),
        (400, "invoice_settings[default_payment_method]")
    );
    let shown = |bench: &mut Bench| {
        let query = format!("{url}?expand[]=invoice_settings.default_payment_method");
        bench.send(&get(&query)).ok().json["invoice_settings"]["default_payment_method"].clone()
    };
    assert!(shown(&mut bench).is_null(), "attaching sets no default");
    bench.send(&default(&method)).ok();
    assert_eq!(shown(&mut bench)["object"], "payment_method");
    bench
        .send(&post(&format!("/v1/payment_methods/{method}/detach"), ""))
        .ok();
    assert!(shown(&mut bench).is_null());
    let seen = bench.send(&post(
        "/v1/customers",
        &format!("invoice_settings[default_payment_method]={method}"),
    ));
    assert_eq!(seen.status, 400);
}

#[test]
fn a_security_code_is_checked_when_the_card_is_attached() {
    let mut bench = Bench::new();
    let body = "type=card&card[number]=4242424242424242&card[cvc]=123";
    let card = bench.send(&post("/v1/payment_methods", body)).ok();
    assert_eq!(card.json["card"]["checks"]["cvc_check"], "unchecked");
    let customer = bench
        .send(&post(
            "/v1/customers",
            &format!("payment_method={}", card.id()),
        ))
        .ok()
        .id();
    let shown = bench
        .send(&get(&format!(
            "/v1/customers/{customer}/payment_methods/{}",
            card.id()
        )))
        .ok();
    assert_eq!(shown.json["card"]["checks"]["cvc_check"], "pass");
    let odd = bench.send(&post(
        "/v1/payment_methods",
        "type=card&card[number]=4111111111111112",
    ));
    assert_eq!((odd.status, odd.error("code")), (402, "incorrect_number"));
}
