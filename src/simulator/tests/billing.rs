//! Subscriptions and invoices of somebody else's, and what a customer's deletion does to them.

use super::{Ask, Bench, SHOP, ask, get, post};

fn delete(path: &str) -> Ask {
    ask("DELETE", path, "").on(SHOP)
}

fn ids(bench: &mut Bench, path: &str) -> Vec<String> {
    let page = bench.send(&get(path).on(SHOP)).ok().json;
    let data = page["data"].as_array().unwrap().iter();
    data.map(|object| object["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn lists_are_of_one_customer_and_one_account_and_leave_out_what_is_canceled() {
    let mut bench = Bench::on_demand();
    let shop = |path, body| post(path, body).on(SHOP);
    let one = bench.send(&shop("/v1/customers", "name=A")).ok().id();
    let other = bench.send(&shop("/v1/customers", "name=B")).ok().id();
    for (kind, id, customer) in [
        ("subscription", "sub_1", &one),
        ("subscription", "sub_2", &other),
        ("invoice", "in_1", &one),
    ] {
        let seed = format!("{{\"{kind}\":\"{id}\",\"of_customer\":\"{customer}\"}}");
        bench.control("POST", "/_sim/seed", &seed);
    }
    assert_eq!(ids(&mut bench, "/v1/subscriptions"), ["sub_2", "sub_1"]);
    let of_one = format!("/v1/subscriptions?customer={one}");
    assert_eq!(ids(&mut bench, &of_one), ["sub_1"]);
    assert_eq!(
        ids(&mut bench, &format!("/v1/invoices?customer={one}")),
        ["in_1"]
    );
    assert!(ids(&mut bench, &format!("/v1/invoices?customer={other}")).is_empty());
    let elsewhere = bench.send(&get("/v1/subscriptions")).ok().json;
    assert_eq!(elsewhere["data"].as_array().unwrap().len(), 0);
    // Its deletion cancels, and the list does not show it unless it is asked for.
    let gone = bench
        .send(&delete(&format!("/v1/customers/{one}")))
        .ok()
        .json;
    assert_eq!(gone["deleted"], true);
    assert!(ids(&mut bench, &of_one).is_empty());
    assert_eq!(ids(&mut bench, &format!("{of_one}&status=all")), ["sub_1"]);
    assert_eq!(
        ids(&mut bench, &format!("{of_one}&status=canceled")),
        ["sub_1"]
    );
    // A second deletion finds nobody, while a look shows what was.
    let again = bench.send(&delete(&format!("/v1/customers/{one}")));
    assert_eq!(
        (again.status, again.error("code")),
        (404, "resource_missing")
    );
    let looked = bench
        .send(&get(&format!("/v1/customers/{one}")).on(SHOP))
        .ok()
        .json;
    assert_eq!(looked["deleted"], true);
}

#[test]
fn what_stripe_does_not_know_is_refused() {
    let mut bench = Bench::new();
    for (path, code) in [
        ("/v1/subscriptions?status=newly", "(none)"),
        ("/v1/subscriptions?name=x", "parameter_unknown"),
        ("/v1/invoices?email=x", "parameter_unknown"),
        ("/v1/invoices?customer=cus_nobody", "resource_missing"),
    ] {
        let seen = bench.send(&get(path));
        assert!((400..500).contains(&seen.status), "{path}");
        assert_eq!(seen.error("code"), code, "{path}");
    }
}
