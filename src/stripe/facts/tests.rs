use super::*;
use crate::ids::RequestId;
use crate::stripe::answer::AnswerHeaders;

fn wire(status: u16, body: &str) -> WireAnswer {
    let headers = AnswerHeaders {
        request_id: RequestId::parse("req_1"),
        ..AnswerHeaders::default()
    };
    WireAnswer {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    }
}

fn read<T: Fact>(read: &Read<'_>, status: u16, body: &str) -> Result<ReadAnswer<T>, Again> {
    classify_read(read, Mode::Test, &wire(status, body))
}

const PAYMENT_METHOD: &str = r#"{"object":"payment_method","id":"pm_1","type":"card","customer":"cus_1","livemode":false,"created":1700000000,"card":{"fingerprint":"abc","last4":"4242","exp_month":4,"exp_year":2030}}"#;

#[test]
fn a_payment_method_is_found_with_whom_it_is_attached_to() {
    let id = PaymentMethodId::parse("pm_1").unwrap();
    let asked = Read::PaymentMethod {
        id: &id,
        account: None,
    };
    let found = PaymentMethodFacts {
        id: id.clone(),
        kind: "card".into(),
        customer: Some(CustomerId::parse("cus_1").unwrap()),
        fingerprint: Some("abc".into()),
        expiry: Some((2030, 4)),
        brand: None,
        last4: Some("4242".into()),
        created: Some(StripeTime(1_700_000_000)),
        livemode: false,
    };
    assert_eq!(
        read(&asked, 200, PAYMENT_METHOD),
        Ok(ReadAnswer::Found(found, RequestId::parse("req_1")))
    );
}

#[test]
fn an_account_is_known_by_the_name_people_gave_it() {
    let names = [
        (
            r#""business_profile":{"name":"Shop"},"settings":{"dashboard":{"display_name":"Dash"}}"#,
            Some("Shop"),
        ),
        (
            r#""business_profile":{"name":null},"settings":{"dashboard":{"display_name":"Dash"}}"#,
            Some("Dash"),
        ),
        (
            r#""business_profile":null,"settings":{"dashboard":{"display_name":""}}"#,
            None,
        ),
        (r#""email":"x@example.com""#, None),
    ];
    for (fields, name) in names {
        let body = format!(
            r#"{{"object":"account","id":"acct_1","country":"CH","charges_enabled":true,{fields}}}"#
        );
        let Ok(ReadAnswer::Found(account, _)) =
            read::<AccountFacts>(&Read::Account { account: None }, 200, &body)
        else {
            panic!("not found: {body}");
        };
        assert_eq!(account.display_name.as_deref(), name);
        assert_eq!(
            (account.country.as_deref(), account.charges_enabled),
            (Some("CH"), Some(true))
        );
    }
}

#[test]
fn a_customer_is_known_by_its_marks_even_deleted() {
    let id = CustomerId::parse("cus_1").unwrap();
    let asked = Read::Customer {
        id: &id,
        account: None,
    };
    let marked = r#"{"object":"customer","id":"cus_1","livemode":false,"metadata":{"pmclone_migration":"m","legacy_customer_id":"42","plan":"gold"}}"#;
    let Ok(ReadAnswer::Found(customer, _)) = read::<CustomerFacts>(&asked, 200, marked) else {
        panic!("not found");
    };
    assert_eq!(
        (
            customer.marker_migration.as_deref(),
            customer.marker_legacy_id.as_deref()
        ),
        (Some("m"), Some("42"))
    );
    let deleted = r#"{"object":"customer","id":"cus_1","deleted":true}"#;
    let Ok(ReadAnswer::Found(customer, _)) = read::<CustomerFacts>(&asked, 200, deleted) else {
        panic!("not found");
    };
    assert!(customer.deleted && customer.marker_migration.is_none());
}

#[test]
fn a_default_is_known_by_its_id_or_whole_and_what_cannot_be_read_is_not_taken_for_none() {
    let list = |default: &str| {
        let customer = format!(
            r#"{{"object":"customer","id":"cus_1","livemode":false,"created":5,"metadata":{{"platform_customer":"cus_p"}},"invoice_settings":{{"default_payment_method":{default}}}}}"#
        );
        let body = format!(r#"{{"object":"list","has_more":false,"data":[{customer}]}}"#);
        let asked = Read::AllCustomers {
            after: None,
            account: None,
        };
        match read::<Page<CustomerFacts>>(&asked, 200, &body) {
            Ok(ReadAnswer::Found(mut page, _)) => page.data.remove(0),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list("null").default, None);
    assert_eq!(
        list("\"pm_1\"").default,
        Some(DefaultMethod::Id("pm_1".into()))
    );
    let Some(DefaultMethod::Whole(whole)) = list(PAYMENT_METHOD).default else {
        panic!("not whole");
    };
    assert_eq!(whole.expiry, Some((2030, 4)));
    for odd in ["7", "{}", r#"{"object":"card","id":"card_1"}"#] {
        assert!(
            matches!(list(odd).default, Some(DefaultMethod::Id(_))),
            "{odd}"
        );
    }
    let customer = list("null");
    assert_eq!(
        (
            customer.created,
            customer.marker_platform_customer.as_deref()
        ),
        (Some(StripeTime(5)), Some("cus_p"))
    );
}

#[test]
fn a_page_of_payment_methods_is_read_whole_or_not_at_all() {
    let id = CustomerId::parse("cus_1").unwrap();
    let asked = Read::CustomerPaymentMethods {
        customer: &id,
        after: None,
        account: None,
    };
    let page = |data: &str, more: bool| {
        let body = format!(r#"{{"object":"list","has_more":{more},"data":[{data}]}}"#);
        read::<Page<PaymentMethodFacts>>(&asked, 200, &body)
    };
    let bank = r#"{"object":"payment_method","id":"pm_2","type":"us_bank_account","customer":"cus_1","livemode":false,"us_bank_account":{"fingerprint":"b"}}"#;
    let Ok(ReadAnswer::Found(found, _)) = page(&format!("{PAYMENT_METHOD},{bank}"), true) else {
        panic!("not found");
    };
    assert!(found.has_more && found.data.len() == 2);
    assert_eq!(
        (found.data[1].fingerprint.as_deref(), found.data[1].expiry),
        (Some("b"), None)
    );
    assert!(matches!(page("", false), Ok(ReadAnswer::Found(_, _))));
    for wrong in [
        page("", true),
        page(
            r#"{"object":"source","id":"src_1","type":"x","livemode":false}"#,
            false,
        ),
    ] {
        assert!(wrong.is_err());
    }
    let live = PAYMENT_METHOD.replace("false", "true");
    assert!(matches!(page(&live, false), Ok(ReadAnswer::Stop(_))));
}

/// Only one answer of all means "there is no such object".
#[test]
fn a_failed_look_up_is_never_not_found() {
    let id = PaymentMethodId::parse("pm_1").unwrap();
    let account = AccountId::parse("acct_1").unwrap();
    let asked = Read::PaymentMethod {
        id: &id,
        account: Some(&account),
    };
    let missing = r#"{"error":{"code":"resource_missing","message":"No such PaymentMethod"}}"#;
    let other = r#"{"error":{"code":"of_next_year"}}"#;
    let invalid = r#"{"error":{"code":"account_invalid"}}"#;
    let elsewhere = PAYMENT_METHOD.replace("pm_1", "pm_2");
    let live = PAYMENT_METHOD.replace("false", "true");
    let unreadable = PAYMENT_METHOD.replace("cus_1", "acct_1");
    let cases = [
        (404, missing, "missing"),
        (400, missing, "failed"),
        (404, other, "failed"),
        (404, "<html>", "stop"),
        (404, "", "stop"),
        (402, missing, "failed"),
        (403, invalid, "account invalid"),
        (403, other, "stop"),
        (401, other, "stop"),
        (429, other, "again"),
        (500, missing, "again"),
        (503, "", "again"),
        (302, "", "stop"),
        (200, "", "again"),
        (200, missing, "again"),
        (200, &elsewhere, "again"),
        (200, &unreadable, "again"),
        (200, &live, "stop"),
        (
            200,
            r#"{"object":"customer","id":"pm_1","livemode":false,"type":"card"}"#,
            "again",
        ),
    ];
    for (status, body, expected) in cases {
        let told = match read::<PaymentMethodFacts>(&asked, status, body) {
            Ok(ReadAnswer::Found(_, _)) => "found",
            Ok(ReadAnswer::Missing(_)) => "missing",
            Ok(ReadAnswer::AccountInvalid(_)) => "account invalid",
            Ok(ReadAnswer::Stop(_)) => "stop",
            Ok(ReadAnswer::Failed(_)) => "failed",
            Err(_) => "again",
        };
        assert_eq!(told, expected, "{status} {body}");
    }
}

/// Stripe's own example objects, which we did not write, are understood.
#[test]
fn stripes_own_examples_are_understood() {
    let Some(fixtures) = crate::published::published("fixtures3.json") else {
        return;
    };
    let body = |name: &str| fixtures["resources"][name].to_string().into_bytes();
    assert_eq!(
        AccountFacts::parse(&body("account"))
            .unwrap()
            .country
            .as_deref(),
        Some("US")
    );
    assert_eq!(
        PaymentMethodFacts::parse(&body("payment_method"))
            .unwrap()
            .kind,
        "card"
    );
    assert!(!CustomerFacts::parse(&body("customer")).unwrap().deleted);
}

fn page(body: &str) -> Result<ReadAnswer<Page<CustomerFacts>>, Again> {
    let asked = Read::Customers {
        created: crate::state::Window {
            from: StripeTime(0),
            to: StripeTime(9),
        },
        after: None,
        account: None,
    };
    read(&asked, 200, body)
}

/// An account may give its Customers ids of its own; what is not ours does not keep us from reading on.
#[test]
fn a_page_with_somebody_elses_odd_customers_is_read_and_one_with_an_odd_one_of_ours_is_not() {
    let ours = r#"{"object":"customer","id":"cus_1","livemode":false,"created":7,"metadata":{"pmclone_migration":"m","legacy_customer_id":"42"}}"#;
    let odd = r#"{"object":"customer","id":"42@shop","livemode":false,"metadata":null}"#;
    let list = |data: &str, more: bool| {
        format!(r#"{{"object":"list","data":[{data}],"has_more":{more}}}"#)
    };
    let Ok(ReadAnswer::Found(found, _)) = page(&list(&format!("{odd},{ours},{odd}"), true)) else {
        panic!("not read");
    };
    let ids: Vec<_> = found
        .data
        .iter()
        .map(|customer| customer.id.as_str())
        .collect();
    assert_eq!((ids, found.has_more), (vec!["cus_1"], true));
    assert_eq!(found.data[0].created, Some(StripeTime(7)));
    let odd_of_ours = ours.replace("cus_1", "42@shop");
    for (unread, more) in [(&odd_of_ours[..], false), (odd, true), ("", true)] {
        assert!(page(&list(unread, more)).is_err(), "{unread}");
    }
}
