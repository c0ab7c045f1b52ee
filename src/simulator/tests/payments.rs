//! Direct charges, holds, refunds and setups on a connected account.

use super::{Bench, SHOP, Seen, ask, get, post};

/// A customer of the shop's with a saved card: (customer, card).
fn saved(bench: &mut Bench, card: &str) -> (String, String) {
    let customer = bench.send(&post("/v1/customers", "").on(SHOP)).ok().id();
    let attach = post(
        &format!("/v1/payment_methods/{card}/attach"),
        &format!("customer={customer}"),
    );
    (customer, bench.send(&attach.on(SHOP)).ok().id())
}

fn charge(bench: &mut Bench, card: &str, more: &str) -> Seen {
    let (customer, card) = saved(bench, card);
    let body = format!(
        "amount=1000&currency=eur&customer={customer}&payment_method={card}&off_session=true&confirm=true&payment_method_types[]=card{more}"
    );
    bench.send(&post("/v1/payment_intents", &body).on(SHOP))
}

#[test]
fn a_direct_charge_pays_the_shop_and_its_fee_the_platform() {
    let mut bench = Bench::new();
    let intent = charge(
        &mut bench,
        "pm_card_visa",
        "&application_fee_amount=100&expand[]=latest_charge",
    )
    .ok()
    .json;
    assert_eq!(
        (&intent["status"], &intent["amount_received"]),
        (&"succeeded".into(), &1000.into())
    );
    let fee = intent["latest_charge"]["application_fee"]
        .as_str()
        .unwrap()
        .to_owned();
    let pending = |bench: &mut Bench, ask: &super::Ask| {
        bench.send(ask).ok().json["pending"][0]["amount"].clone()
    };
    assert_eq!(pending(&mut bench, &get("/v1/balance").on(SHOP)), 900);
    assert_eq!(pending(&mut bench, &get("/v1/balance")), 100);
    let id = intent["id"].as_str().unwrap();
    let half = format!("payment_intent={id}&amount=500&refund_application_fee=true");
    let refund = bench.send(&post("/v1/refunds", &half).on(SHOP)).ok();
    assert_eq!(refund.json["amount"], 500);
    assert_eq!(
        bench
            .send(&get(&format!("/v1/application_fees/{fee}")))
            .ok()
            .json["amount_refunded"],
        50
    );
    assert_eq!(pending(&mut bench, &get("/v1/balance").on(SHOP)), 450);
    let too_much =
        bench.send(&post("/v1/refunds", &format!("payment_intent={id}&amount=501")).on(SHOP));
    assert_eq!(too_much.status, 400);
    bench
        .send(&post("/v1/refunds", &format!("payment_intent={id}")).on(SHOP))
        .ok();
    let twice = bench.send(&post("/v1/refunds", &format!("payment_intent={id}")).on(SHOP));
    assert_eq!(twice.error("code"), "charge_already_refunded");
    let listed = bench
        .send(&get(&format!("/v1/refunds?payment_intent={id}")).on(SHOP))
        .ok();
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2);
}

#[test]
fn a_declined_charge_is_a_402_with_the_whole_intent() {
    let mut bench = Bench::new();
    let seen = charge(&mut bench, "pm_card_chargeCustomerFail", "");
    assert_eq!(
        (seen.status, seen.error("type"), seen.error("code")),
        (402, "card_error", "card_declined")
    );
    for member in [
        "advice_code",
        "decline_code",
        "network_decline_code",
        "charge",
    ] {
        assert_ne!(seen.error(member), "(none)", "{member}");
    }
    let intent = &seen.json["error"]["payment_intent"];
    assert_eq!(intent["status"], "requires_payment_method");
    let id = intent["id"].as_str().unwrap();
    let shown = bench
        .send(&get(&format!("/v1/payment_intents/{id}")).on(SHOP))
        .ok();
    assert_eq!(shown.json["last_payment_error"]["code"], "card_declined");
    let failed = bench
        .send(&get(&format!("/v1/charges/{}", seen.error("charge"))).on(SHOP))
        .ok();
    assert_eq!(
        (&failed.json["status"], &failed.json["paid"]),
        (&"failed".into(), &false.into())
    );
}

#[test]
fn a_hold_can_be_captured_or_voided_once() {
    let mut bench = Bench::new();
    for (verb, status) in [("capture", "succeeded"), ("cancel", "canceled")] {
        let intent = charge(&mut bench, "pm_card_visa", "&capture_method=manual").ok();
        assert_eq!(
            (&intent.json["status"], &intent.json["amount_capturable"]),
            (&"requires_capture".into(), &1000.into())
        );
        let url = format!("/v1/payment_intents/{}/{verb}", intent.id());
        assert_eq!(
            bench.send(&post(&url, "").on(SHOP)).ok().json["status"],
            status
        );
        assert_eq!(
            bench.send(&post(&url, "").on(SHOP)).error("code"),
            "payment_intent_unexpected_state"
        );
    }
}

#[test]
fn charging_an_unattached_clone_consumes_it_and_leaves_the_source_alone() {
    let mut bench = Bench::new();
    let (customer, card) = bench.saved_card();
    let body = format!("customer={customer}&payment_method={card}");
    let clone = bench
        .send(&post("/v1/payment_methods", &body).on(SHOP))
        .ok()
        .id();
    let pay = post(
        "/v1/payment_intents",
        &format!(
            "amount=500&currency=usd&payment_method={clone}&confirm=true&payment_method_types[]=card"
        ),
    );
    bench.send(&pay.on(SHOP)).ok();
    let there = bench.send(&post("/v1/customers", "").on(SHOP)).ok().id();
    let attach = post(
        &format!("/v1/payment_methods/{clone}/attach"),
        &format!("customer={there}"),
    );
    assert!(
        bench
            .send(&attach.on(SHOP))
            .error("message")
            .contains("may not be used again")
    );
    bench
        .send(&post("/v1/payment_methods", &body).on(SHOP))
        .ok();
}

#[test]
fn an_attached_card_is_charged_with_its_customer_only() {
    let mut bench = Bench::new();
    let (_, card) = saved(&mut bench, "pm_card_visa");
    let body = format!(
        "amount=500&currency=usd&payment_method={card}&confirm=true&payment_method_types[]=card"
    );
    let seen = bench.send(&post("/v1/payment_intents", &body).on(SHOP));
    assert_eq!((seen.status, seen.error("param")), (400, "payment_method"));
}

#[test]
fn authentication_is_asked_of_who_is_there_and_refused_to_who_is_not() {
    let mut bench = Bench::new();
    let seen = charge(&mut bench, "pm_card_authenticationRequired", "");
    assert_eq!(
        (seen.status, seen.error("code")),
        (402, "authentication_required")
    );
    let (customer, card) = saved(&mut bench, "pm_card_authenticationRequired");
    let body = format!(
        "amount=500&currency=usd&customer={customer}&payment_method={card}&confirm=true&payment_method_types[]=card"
    );
    let seen = bench
        .send(&post("/v1/payment_intents", &body).on(SHOP))
        .ok();
    assert_eq!(seen.json["status"], "requires_action");
    let strict = format!("{body}&error_on_requires_action=true");
    assert_eq!(
        bench
            .send(&post("/v1/payment_intents", &strict).on(SHOP))
            .status,
        402
    );
}

#[test]
fn amounts_currencies_and_fees_are_checked() {
    let mut bench = Bench::new();
    for (body, param) in [
        ("currency=usd", "amount"),
        ("amount=100", "currency"),
        ("amount=0&currency=usd", "amount"),
        ("amount=49&currency=usd", "amount"),
        ("amount=100&currency=u1d", "currency"),
        ("amount=100&currency=xyz", "currency"),
        (
            "amount=100&currency=usd&application_fee_amount=10",
            "application_fee_amount",
        ),
    ] {
        let seen = bench.send(&post("/v1/payment_intents", body));
        assert_eq!((seen.status, seen.error("param")), (400, param), "{body}");
    }
    let more = "amount=100&currency=usd&application_fee_amount=101";
    assert_eq!(
        bench
            .send(&post("/v1/payment_intents", more).on(SHOP))
            .status,
        400
    );
}

#[test]
fn a_setup_checks_a_saved_card_without_money() {
    let mut bench = Bench::new();
    for (card, status) in [("pm_card_visa", 200), ("pm_card_chargeCustomerFail", 402)] {
        let (customer, card) = saved(&mut bench, card);
        let body = format!(
            "customer={customer}&payment_method={card}&usage=off_session&confirm=true&payment_method_types[]=card"
        );
        assert_eq!(
            bench
                .send(&post("/v1/setup_intents", &body).on(SHOP))
                .status,
            status
        );
    }
    let setup = bench
        .send(&post("/v1/setup_intents", "").on(SHOP))
        .ok()
        .id();
    let confirm = post(
        &format!("/v1/setup_intents/{setup}/confirm"),
        "payment_method=pm_card_visa",
    );
    assert_eq!(
        bench.send(&confirm.on(SHOP)).ok().json["status"],
        "succeeded"
    );
    let cancel = post(&format!("/v1/setup_intents/{setup}/cancel"), "");
    assert_eq!(
        bench.send(&cancel.on(SHOP)).error("code"),
        "setup_intent_unexpected_state"
    );
    assert_eq!(
        bench
            .send(&ask("GET", &format!("/v1/setup_intents/{setup}"), ""))
            .status,
        404
    );
}

#[test]
fn a_part_of_a_hold_is_captured_with_a_fee_within_it_and_all_of_it_comes_back() {
    let mut bench = Bench::new();
    let more = "&capture_method=manual&application_fee_amount=100";
    let intent = charge(&mut bench, "pm_card_visa", more).ok();
    let capture = format!("/v1/payment_intents/{}/capture", intent.id());
    let too_little = bench.send(&post(&capture, "amount_to_capture=99").on(SHOP));
    assert_eq!(too_little.error("param"), "application_fee_amount");
    let part = "amount_to_capture=400&expand[]=latest_charge";
    let part = bench.send(&post(&capture, part).on(SHOP)).ok().json;
    let charged = &part["latest_charge"];
    assert_eq!(part["amount_received"], 400);
    assert_eq!(charged["amount_captured"], 400);
    // What was not captured is let go, and shown as given back.
    assert_eq!(charged["amount_refunded"], 600);
    let back = format!("payment_intent={}&refund_application_fee=true", intent.id());
    let refund = bench.send(&post("/v1/refunds", &back).on(SHOP)).ok();
    assert_eq!(refund.json["amount"], 400);
    let charge_url = format!("/v1/charges/{}", charged["id"].as_str().unwrap());
    let charged = bench.send(&get(&charge_url).on(SHOP)).ok().json;
    assert_eq!(
        (&charged["refunded"], &charged["amount_refunded"]),
        (&true.into(), &1000.into())
    );
    for balance in [get("/v1/balance").on(SHOP), get("/v1/balance")] {
        assert_eq!(bench.send(&balance).ok().json["pending"][0]["amount"], 0);
    }
    let again = bench.send(&post("/v1/refunds", &back).on(SHOP));
    assert_eq!(again.error("code"), "charge_already_refunded");
}

#[test]
fn a_confirmation_says_which_methods_or_where_a_redirect_leads_to() {
    let mut bench = Bench::new();
    let (customer, card) = saved(&mut bench, "pm_card_visa");
    let body = format!(
        "amount=500&currency=usd&customer={customer}&payment_method={card}&off_session=true&confirm=true"
    );
    let seen = bench.send(&post("/v1/payment_intents", &body).on(SHOP));
    assert_eq!((seen.status, seen.error("param")), (400, "return_url"));
    for more in [
        "&payment_method_types[]=card",
        "&return_url=https://example.com",
        "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    ] {
        let named = post("/v1/payment_intents", &format!("{body}{more}")).on(SHOP);
        bench.send(&named).ok();
    }
}

#[test]
fn lists_take_their_own_parameters_and_no_others() {
    let mut bench = Bench::new();
    let (customer, card) = saved(&mut bench, "pm_card_visa");
    let body = format!(
        "customer={customer}&payment_method={card}&confirm=true&payment_method_types[]=card"
    );
    let setup = bench.send(&post("/v1/setup_intents", &body).on(SHOP)).ok();
    let list = format!("/v1/setup_intents?customer={customer}");
    let listed = bench.send(&get(&list).on(SHOP)).ok().json;
    assert_eq!(listed["data"][0]["id"], setup.id());
    let url = format!("/v1/payment_intents?charge={customer}");
    let seen = bench.send(&get(&url).on(SHOP));
    assert_eq!(seen.error("code"), "parameter_unknown");
}
