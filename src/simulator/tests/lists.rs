//! Lists and Search.

use super::{Bench, SHOP, START, get, post, settings};
use crate::simulator::Settings;

/// Seven customers, one a minute; gives their ids, oldest first.
fn seven(bench: &mut Bench) -> Vec<String> {
    let one = |n: usize, bench: &mut Bench| {
        let body = format!("email=user{}@example.com&metadata[n]={n}", n % 2);
        let id = bench.send(&post("/v1/customers", &body)).ok().id();
        bench.advance(60);
        id
    };
    (0..7).map(|n| one(n, bench)).collect()
}

fn ids(json: &serde_json::Value) -> Vec<String> {
    let data = json["data"].as_array().unwrap();
    data.iter()
        .map(|object| object["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_page_size_walks_the_whole_list_in_both_directions() {
    let mut bench = Bench::new();
    let mut newest_first = seven(&mut bench);
    newest_first.reverse();
    for limit in 1..=8 {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = bench
                .send(&get(&format!("/v1/customers?limit={limit}{cursor}")))
                .ok()
                .json;
            seen.extend(ids(&page));
            if page["has_more"] == false {
                break;
            }
            cursor = format!("&starting_after={}", seen.last().unwrap());
        }
        assert_eq!(seen, newest_first, "limit {limit}");
        let (mut seen, mut cursor) = (vec![newest_first[6].clone()], newest_first[6].clone());
        loop {
            let page = bench
                .send(&get(&format!(
                    "/v1/customers?limit={limit}&ending_before={cursor}"
                )))
                .ok()
                .json;
            let mut newer = ids(&page);
            cursor = newer.first().cloned().unwrap_or(cursor);
            newer.extend(seen);
            seen = newer;
            if page["has_more"] == false {
                break;
            }
        }
        assert_eq!(seen, newest_first, "backwards, limit {limit}");
    }
}

#[test]
fn the_default_page_has_ten() {
    let mut bench = Bench::new();
    for _ in 0..11 {
        bench.send(&post("/v1/customers", "")).ok();
    }
    let page = bench.send(&get("/v1/customers")).ok().json;
    assert_eq!((ids(&page).len(), &page["has_more"]), (10, &true.into()));
    assert_eq!(page["url"], "/v1/customers");
}

#[test]
fn created_bounds_select_what_they_say_for_every_bound() {
    let mut bench = Bench::new();
    seven(&mut bench);
    for at in 0..7_i64 {
        let edge = START + at * 60;
        let seven = 0..7_i64;
        for (bound, wanted) in [
            ("created[gte]", seven.clone().filter(|n| *n >= at).count()),
            ("created[gt]", seven.clone().filter(|n| *n > at).count()),
            ("created[lte]", seven.clone().filter(|n| *n <= at).count()),
            ("created[lt]", seven.clone().filter(|n| *n < at).count()),
            ("created", 1),
        ] {
            let page = bench
                .send(&get(&format!("/v1/customers?limit=100&{bound}={edge}")))
                .ok()
                .json;
            assert_eq!(ids(&page).len(), wanted, "{bound}={at}");
        }
    }
    let page = bench
        .send(&get(&format!(
            "/v1/customers?created[gte]={}&created[lt]={START}",
            START + 60
        )))
        .ok()
        .json;
    assert!(ids(&page).is_empty());
}

#[test]
fn the_email_filter_is_exact_and_minds_the_case() {
    let mut bench = Bench::new();
    seven(&mut bench);
    for (email, count) in [
        ("user1@example.com", 3),
        ("User1@example.com", 0),
        ("user1@example", 0),
    ] {
        let page = bench
            .send(&get(&format!("/v1/customers?email={email}")))
            .ok()
            .json;
        assert_eq!(ids(&page).len(), count, "{email}");
    }
}

#[test]
fn a_cursor_has_to_name_an_object_of_this_account() {
    let mut bench = Bench::new();
    let there = bench.send(&post("/v1/customers", "").on(SHOP)).ok().id();
    for cursor in ["starting_after", "ending_before"] {
        let seen = bench.send(&get(&format!("/v1/customers?{cursor}={there}")));
        assert_eq!((seen.status, seen.error("param")), (400, cursor));
    }
}

#[test]
fn deleted_customers_leave_the_lists_and_are_still_named() {
    let mut bench = Bench::new();
    let (customer, method) = bench.saved_card();
    let deleted = bench
        .send(&super::ask(
            "DELETE",
            &format!("/v1/customers/{customer}"),
            "",
        ))
        .ok();
    assert_eq!(deleted.json["deleted"], true);
    assert!(ids(&bench.send(&get("/v1/customers")).ok().json).is_empty());
    assert_eq!(
        bench
            .send(&get(&format!("/v1/customers/{customer}")))
            .ok()
            .json["deleted"],
        true
    );
    assert_eq!(
        bench
            .send(&post(&format!("/v1/customers/{customer}"), "name=A"))
            .status,
        404
    );
    assert!(
        bench
            .send(&get(&format!("/v1/payment_methods/{method}")))
            .ok()
            .json["customer"]
            .is_null()
    );
}

#[test]
fn a_customers_payment_methods_are_listed_by_type_and_page() {
    let mut bench = Bench::on_demand();
    let customer = bench.send(&post("/v1/customers", "")).ok().id();
    for id in ["pm_1", "pm_2", "pm_sepa_3", "card_4"] {
        let attach = post(
            &format!("/v1/payment_methods/{id}/attach"),
            &format!("customer={customer}"),
        );
        bench.send(&attach).ok();
    }
    let list = |bench: &mut Bench, query: &str| {
        ids(&bench
            .send(&get(&format!(
                "/v1/customers/{customer}/payment_methods?{query}"
            )))
            .ok()
            .json)
    };
    assert_eq!(
        list(&mut bench, ""),
        ["card_4", "pm_sepa_3", "pm_2", "pm_1"]
    );
    assert_eq!(list(&mut bench, "type=card"), ["card_4", "pm_2", "pm_1"]);
    assert_eq!(list(&mut bench, "limit=1&starting_after=pm_2"), ["pm_1"]);
    let all = bench
        .send(&get(&format!(
            "/v1/payment_methods?customer={customer}&type=sepa_debit"
        )))
        .ok()
        .json;
    assert_eq!(ids(&all), ["pm_sepa_3"]);
    bench
        .send(&post("/v1/payment_methods/pm_2/detach", ""))
        .ok();
    assert_eq!(list(&mut bench, "type=card"), ["card_4", "pm_1"]);
    let expanded = bench
        .send(&get(&format!(
            "/v1/customers/{customer}/payment_methods?expand[]=data.customer"
        )))
        .ok();
    assert_eq!(expanded.json["data"][0]["customer"]["object"], "customer");
}

#[test]
fn search_lags_and_lists_do_not() {
    let mut bench = Bench::new();
    let id = bench
        .send(&post("/v1/customers", "name=A&metadata[legacy]=L1"))
        .ok()
        .id();
    let query = "/v1/customers/search?query=metadata%5B%27legacy%27%5D%3A%27L1%27";
    assert!(ids(&bench.send(&get(query)).ok().json).is_empty());
    assert_eq!(
        ids(&bench.send(&get("/v1/customers")).ok().json),
        [id.as_str()]
    );
    bench.advance(59);
    assert!(ids(&bench.send(&get(query)).ok().json).is_empty());
    bench.advance(1);
    assert_eq!(ids(&bench.send(&get(query)).ok().json), [id]);
}

#[test]
fn search_understands_the_documented_query_language() {
    let mut bench = Bench::with(Settings {
        search_lag_s: 0,
        ..settings()
    });
    let customers = [
        "name=Anna&email=Anna@x.de&metadata[k]=1",
        "name=Ben&email=ben@x.de",
        "name=Zoe&phone=1",
    ];
    for body in customers {
        bench.send(&post("/v1/customers", body)).ok();
    }
    for (query, count) in [
        ("email:'anna@x.de'", 1),
        ("email~'x.de'", 2),
        ("-email~'ben'", 2),
        ("email:null", 1),
        ("metadata['k']:'1'", 1),
        ("-metadata['k']:null", 1),
        ("name:'Anna' OR name:\"Ben\"", 2),
        ("email~'x.de' AND name:'Ben'", 1),
        ("email~'x.de' name:'Ben'", 1),
        ("created>=0", 3),
        ("created<1", 0),
        ("name:'O\\'Hara'", 0),
    ] {
        let encoded: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let page = bench
            .send(&get(&format!("/v1/customers/search?query={encoded}")))
            .ok()
            .json;
        assert_eq!(ids(&page).len(), count, "{query}");
        assert_eq!(page["object"], "search_result");
    }
    for query in [
        "nonsense",
        "name:",
        "name>'a'",
        "name:'a' AND name:'b' OR name:'c'",
        "",
    ] {
        let encoded: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        assert_eq!(
            bench
                .send(&get(&format!("/v1/customers/search?query={encoded}")))
                .status,
            400,
            "{query}"
        );
    }
    let page = bench
        .send(&get("/v1/customers/search?query=created%3E0&limit=2"))
        .ok()
        .json;
    assert_eq!(page["has_more"], true);
    let next = page["next_page"].as_str().unwrap();
    let rest = bench
        .send(&get(&format!(
            "/v1/customers/search?query=created%3E0&limit=2&page={next}"
        )))
        .ok()
        .json;
    assert_eq!(
        (ids(&rest).len(), &rest["has_more"], &rest["next_page"]),
        (1, &false.into(), &().into())
    );
}

#[test]
fn there_is_no_search_in_india() {
    let mut bench = Bench::with(Settings {
        platform_country: "IN".into(),
        ..settings()
    });
    assert_eq!(
        bench
            .send(&get("/v1/customers/search?query=name%3A%27a%27"))
            .status,
        400
    );
    bench.send(&get("/v1/customers")).ok();
}
