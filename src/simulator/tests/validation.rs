//! What is refused before anything is executed.

use super::{Bench, get, post};

fn refusal(bench: &mut Bench, body: &str) -> (u16, String, String) {
    let seen = bench.send(&post("/v1/customers", body));
    (
        seen.status,
        seen.error("code").to_owned(),
        seen.error("param").to_owned(),
    )
}

#[test]
fn unknown_parameters_are_refused_by_name() {
    let mut bench = Bench::new();
    for (body, param) in [
        ("nonsense=1", "nonsense"),
        ("address[planet]=Mars", "address[planet]"),
        ("coupon=x", "coupon"),
        ("invoice_settings[x]=1", "invoice_settings[x]"),
    ] {
        let unknown = (400, "parameter_unknown".to_owned(), param.to_owned());
        assert_eq!(refusal(&mut bench, body), unknown, "{body}");
    }
    let seen = bench.send(&post("/v1/customers", "a=1&b=2"));
    assert_eq!(seen.error("message"), "Received unknown parameters: a, b");
    let seen = bench.send(&get("/v1/customers?nonsense=1"));
    assert_eq!(
        seen.error("message"),
        "Received unknown parameter: nonsense"
    );
}

#[test]
fn lengths_are_counted_in_characters_up_to_the_documented_limits() {
    let mut bench = Bench::new();
    for (name, most) in [
        ("phone", 20),
        ("name", 256),
        ("description", 5000),
        ("address[city]", 5000),
        ("business_name", 150),
    ] {
        let fits = format!("{name}={}", "ü".repeat(most));
        bench.send(&post("/v1/customers", &fits)).ok();
        let (status, _, param) = refusal(&mut bench, &format!("{fits}x"));
        assert_eq!((status, param.as_str()), (400, name));
    }
    let email = |length: usize| format!("email={}@example.com", "a".repeat(length - 12));
    bench.send(&post("/v1/customers", &email(512))).ok();
    assert_eq!(refusal(&mut bench, &email(513)).0, 400);
}

#[test]
fn malformed_addresses_are_refused() {
    let mut bench = Bench::new();
    for email in [
        "plain", "@b.co", "a@", "a@b", "a b@c.de", "a@b.co ", "a@@b.co", "a@b@c.de", "a@.de",
        "a@b.",
    ] {
        assert_eq!(
            refusal(&mut bench, &format!("email={email}")).1,
            "email_invalid",
            "{email}"
        );
    }
    for email in ["a@b.co", "a+tag@sub.example.com", "ü@exämple.de"] {
        bench
            .send(&post(
                "/v1/customers",
                &format!("email={}", email.replace('+', "%2B")),
            ))
            .ok();
    }
}

#[test]
fn metadata_has_50_keys_of_40_characters_with_values_of_500() {
    use std::fmt::Write as _;
    let mut bench = Bench::new();
    let keys = |count: usize| {
        (0..count).fold(String::new(), |mut body, key| {
            write!(body, "metadata[k{key}]=v&").unwrap();
            body
        })
    };
    let full = bench.send(&post("/v1/customers", &keys(50))).ok().id();
    assert_eq!(refusal(&mut bench, &keys(51)).0, 400);
    let one_more = bench.send(&post(
        &format!("/v1/customers/{full}"),
        "metadata[another]=v",
    ));
    assert_eq!(
        (one_more.status, one_more.error("param")),
        (400, "metadata")
    );
    let fits = format!("metadata[{}]={}", "k".repeat(40), "v".repeat(500));
    bench.send(&post("/v1/customers", &fits)).ok();
    assert_eq!(
        refusal(&mut bench, &format!("metadata[{}]=v", "k".repeat(41))).0,
        400
    );
    assert_eq!(
        refusal(&mut bench, &format!("metadata[k]={}", "v".repeat(501))).0,
        400
    );
    assert_eq!(refusal(&mut bench, "metadata[a[b]]=v").0, 400);
    assert_eq!(refusal(&mut bench, "metadata[a][b]=v").0, 400);
    assert_eq!(refusal(&mut bench, "metadata=text").0, 400);
}

#[test]
fn an_empty_string_unsets_and_an_empty_id_is_refused() {
    let mut bench = Bench::new();
    let body = "name=A&email=a@b.co&phone=1&description=d&address[city]=X&address[line1]=Y&metadata[a]=1&metadata[b]=2";
    let id = bench.send(&post("/v1/customers", body)).ok().id();
    let url = format!("/v1/customers/{id}");
    let after = bench
        .send(&post(
            &url,
            "name=&address[city]=&metadata[a]=&metadata[c]=3",
        ))
        .ok()
        .json;
    assert!(after["name"].is_null() && after["address"]["city"].is_null());
    assert_eq!(after["address"]["line1"], "Y");
    assert_eq!(after["metadata"], serde_json::json!({"b": "2", "c": "3"}));
    let after = bench
        .send(&post(&url, "address=&metadata=&email="))
        .ok()
        .json;
    assert!(after["address"].is_null() && after["email"].is_null());
    assert_eq!(after["metadata"], serde_json::json!({}));
    let (status, code, param) = refusal(&mut bench, "payment_method=");
    assert_eq!(
        (status, code.as_str(), param.as_str()),
        (400, "parameter_invalid_empty", "payment_method")
    );
}

#[test]
fn limits_numbers_flags_and_words_are_checked() {
    let mut bench = Bench::new();
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "created=x",
        "created[foo]=1",
        "expand[]=nonsense",
        "expand[]=sources",
    ] {
        assert_eq!(
            bench.send(&get(&format!("/v1/customers?{query}"))).status,
            400,
            "{query}"
        );
    }
    bench
        .send(&get(
            "/v1/customers?limit=100&created[gte]=1&expand[]=data.sources",
        ))
        .ok();
    assert_eq!(
        refusal(&mut bench, "balance=x").1,
        "parameter_invalid_integer"
    );
    assert_eq!(refusal(&mut bench, "tax_exempt=maybe").2, "tax_exempt");
    assert_eq!(refusal(&mut bench, "address=Berlin").0, 400);
    assert_eq!(
        bench
            .send(&post("/v1/payment_methods", "type=nonsense"))
            .status,
        400
    );
    assert_eq!(
        bench.send(&post("/v1/payment_methods", "")).error("code"),
        "parameter_missing"
    );
    let seen = bench.send(&post("/v1/payment_methods/pm_x/attach", ""));
    assert_eq!(
        (seen.error("code"), seen.error("param")),
        ("parameter_missing", "customer")
    );
}

#[test]
fn a_body_that_is_no_form_is_refused() {
    let mut bench = Bench::new();
    let json = post("/v1/customers", r#"{"name":"A"}"#).header("content-type", "application/json");
    assert!(
        bench
            .send(&json)
            .error("message")
            .contains("application/x-www-form-urlencoded")
    );
}
