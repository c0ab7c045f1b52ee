use super::*;
use crate::ids::{AccountId, LegacyId, MigrationId};
use crate::legacy::Details;
use crate::stripe::request::Markers;

struct Ids {
    details: Details,
    legacy_id: LegacyId,
    customer: CustomerId,
    payment_method: PaymentMethodId,
    account: AccountId,
}

impl Ids {
    fn new() -> Self {
        Self {
            details: Details::default(),
            legacy_id: LegacyId::parse("42").unwrap(),
            customer: CustomerId::parse("cus_1").unwrap(),
            payment_method: PaymentMethodId::parse("card_1").unwrap(),
            account: AccountId::parse("acct_1").unwrap(),
        }
    }

    fn create(&self) -> Write<'_> {
        Write::CreatePlatformCustomer {
            details: &self.details,
            payment_method: None,
            make_default: false,
            markers: Markers {
                migration: MigrationId(uuid::Uuid::nil()),
                legacy_id: &self.legacy_id,
            },
        }
    }

    fn attach(&self) -> Write<'_> {
        Write::AttachPlatformPaymentMethod {
            payment_method: &self.payment_method,
            customer: &self.customer,
        }
    }

    fn clone(&self) -> Write<'_> {
        Write::ClonePaymentMethod {
            customer: &self.customer,
            payment_method: &self.payment_method,
            account: &self.account,
        }
    }
}

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

/// One word for each kind of result, so that whole tables can be read.
fn told(result: Result<Outcome, Again>) -> String {
    match result {
        Ok(Outcome::Done(created)) => format!("done {}", created.id.as_str()),
        Ok(Outcome::Refused(refusal)) => format!("refused {}", refusal.reason()),
        Ok(Outcome::AlreadyAttached(_)) => "already attached".into(),
        Ok(Outcome::AccountInvalid(_)) => "account invalid".into(),
        Ok(Outcome::Stop(stop)) => format!("stop {:?}", stop.kind),
        Ok(Outcome::Doubt(doubt)) => format!("doubt {:?}", doubt.kind),
        Ok(Outcome::NotExecuted(_)) => "not executed".into(),
        Err(again) => format!("again {:?} {:?}", again.cause, again.effect),
    }
}

#[test]
fn a_success_is_taken_only_if_it_is_the_object_that_was_asked_for() {
    let ids = Ids::new();
    let garbled = |g: &str| format!("again NotUnderstood({g}) Possible");
    let cases = [
        (
            ids.create(),
            r#"{"object":"customer","id":"cus_9","livemode":false}"#,
            "done cus_9".into(),
        ),
        (
            ids.create(),
            r#"{"object":"customer","id":"cus_9","livemode":true}"#,
            "stop WrongMode".into(),
        ),
        (
            ids.create(),
            r#"{"object":"customer","id":"pm_9","livemode":false}"#,
            garbled("OtherId"),
        ),
        (
            ids.create(),
            r#"{"object":"customer","id":"cus_9"}"#,
            garbled("NotAnObject"),
        ),
        (
            ids.create(),
            r#"{"object":"list","id":"cus_9","livemode":false}"#,
            garbled("OtherObject"),
        ),
        (
            ids.create(),
            r#"{"object":"customer","id":"cus_9","live"#,
            garbled("NotAnObject"),
        ),
        (
            ids.create(),
            "<html>Welcome to the hotel's Wi-Fi</html>",
            garbled("NotAnObject"),
        ),
        (ids.create(), "", garbled("NotAnObject")),
        (
            ids.clone(),
            r#"{"object":"payment_method","id":"pm_9","livemode":false,"customer":null}"#,
            "done pm_9".into(),
        ),
        (
            ids.clone(),
            r#"{"object":"payment_method","id":"card_1","livemode":false}"#,
            garbled("OtherId"),
        ),
        (
            ids.clone(),
            r#"{"object":"payment_method","id":"card_2","livemode":false}"#,
            garbled("OtherId"),
        ),
        (
            ids.attach(),
            r#"{"object":"payment_method","id":"card_1","livemode":false,"customer":"cus_1"}"#,
            "done card_1".into(),
        ),
        (
            ids.attach(),
            r#"{"object":"payment_method","id":"card_1","livemode":false,"customer":"cus_2"}"#,
            garbled("OtherCustomer"),
        ),
        (
            ids.attach(),
            r#"{"object":"payment_method","id":"card_1","livemode":false,"customer":null}"#,
            garbled("OtherCustomer"),
        ),
        (
            ids.attach(),
            r#"{"object":"payment_method","id":"pm_2","livemode":false,"customer":"cus_1"}"#,
            garbled("OtherId"),
        ),
    ];
    for (write, body, expected) in cases {
        assert_eq!(
            told(classify(&write, Mode::Test, &wire(200, body))),
            expected,
            "{body}"
        );
    }
}

#[test]
fn a_clone_that_has_its_sources_id_is_not_taken() {
    let ids = Ids::new();
    let source = PaymentMethodId::parse("pm_1").unwrap();
    let write = Write::ClonePaymentMethod {
        customer: &ids.customer,
        payment_method: &source,
        account: &ids.account,
    };
    let answer = wire(
        200,
        r#"{"object":"payment_method","id":"pm_1","livemode":true}"#,
    );
    assert_eq!(
        told(classify(&write, Mode::Live, &answer)),
        "again NotUnderstood(OtherId) Possible"
    );
}

#[test]
fn a_body_over_the_bound_is_not_taken() {
    let ids = Ids::new();
    let long = format!(
        r#"{{"object":"customer","id":"cus_9","livemode":false}}{}"#,
        " ".repeat(BODY_MAX_BYTES)
    );
    let told = told(classify(&ids.create(), Mode::Test, &wire(200, &long)));
    assert_eq!(told, "again NotUnderstood(TooLong) Possible");
}

#[test]
fn every_status_has_its_meaning() {
    let ids = Ids::new();
    let envelope = r#"{"error":{"type":"invalid_request_error","message":"no"}}"#;
    let coded =
        |code: &str| format!(r#"{{"error":{{"type":"invalid_request_error","code":"{code}"}}}}"#);
    let said = |text: &str| {
        format!(r#"{{"error":{{"type":"invalid_request_error","message":"{text}"}}}}"#)
    };
    let html = String::from("<html>");
    let plain = String::from(envelope);
    let idempotency = String::from(r#"{"error":{"type":"idempotency_error"}}"#);
    let cases = [
        (201, &plain, "again NotUnderstood(Status(201)) Possible"),
        (302, &html, "stop NotStripe"),
        (304, &plain, "stop NotStripe"),
        (400, &plain, "refused invalid_request_error"),
        (400, &html, "again NotUnderstood(Status(400)) Possible"),
        (400, &coded("rate_limit"), "again RateLimited(Untold) None"),
        (400, &idempotency, "doubt IdempotencyConflict"),
        (
            400,
            &said("Invalid Stripe API version: x"),
            "stop ApiVersion",
        ),
        (401, &plain, "stop Key"),
        (401, &html, "stop NotStripe"),
        (402, &coded("card_declined"), "refused card_declined"),
        (403, &plain, "stop Permission"),
        (403, &html, "stop NotStripe"),
        (404, &coded("resource_missing"), "refused resource_missing"),
        (
            404,
            &said("Unrecognized request URL (POST: /v1/x)"),
            "stop NotStripe",
        ),
        (404, &html, "stop NotStripe"),
        (407, &html, "stop NotStripe"),
        (408, &html, "again Server(408) Possible"),
        (409, &plain, "again Conflict Possible"),
        (
            409,
            &coded("idempotency_key_in_use"),
            "again Conflict Possible",
        ),
        (409, &coded("lock_timeout"), "again Locked None"),
        (424, &plain, "again Server(424) Possible"),
        (429, &plain, "again RateLimited(Untold) None"),
        (429, &html, "again RateLimited(Untold) None"),
        (429, &coded("lock_timeout"), "again Locked None"),
        (500, &plain, "again Server(500) Possible"),
        (503, &html, "again Server(503) Possible"),
        (999, &plain, "again NotUnderstood(Status(999)) Possible"),
    ];
    for (status, body, expected) in cases {
        for write in [ids.create(), ids.attach(), ids.clone()] {
            assert_eq!(
                told(classify(&write, Mode::Test, &wire(status, body))),
                expected,
                "{status} {body}"
            );
        }
    }
}

#[test]
fn account_invalid_parks_an_account_only_where_one_was_named() {
    let ids = Ids::new();
    let mut answer = wire(
        403,
        r#"{"error":{"code":"account_invalid","message":"The provided key 'sk_test_***' …"}}"#,
    );
    answer.headers.request_id = None;
    assert_eq!(
        told(classify(&ids.clone(), Mode::Test, &answer)),
        "account invalid"
    );
    assert_eq!(
        told(classify(&ids.attach(), Mode::Test, &answer)),
        "stop Permission"
    );
}

#[test]
fn only_an_attach_can_be_attached_already() {
    let ids = Ids::new();
    let answer = wire(
        400,
        r#"{"error":{"type":"invalid_request_error","message":"The payment method you provided has already been attached to a customer."}}"#,
    );
    assert_eq!(
        told(classify(&ids.attach(), Mode::Test, &answer)),
        "already attached"
    );
    assert_eq!(
        told(classify(&ids.create(), Mode::Test, &answer)),
        "refused already_attached"
    );
}

#[test]
fn a_replayed_server_error_cannot_be_settled_by_sending_again() {
    let ids = Ids::new();
    let mut answer = wire(500, r#"{"error":{"type":"api_error","message":"oops"}}"#);
    answer.headers.replayed = true;
    assert_eq!(
        told(classify(&ids.create(), Mode::Test, &answer)),
        "doubt StoredServerError"
    );
}

#[test]
fn a_limit_is_known_by_its_reason() {
    let ids = Ids::new();
    let reasons = [
        ("global-rate", LimitedBy::GlobalRate),
        ("global-concurrency", LimitedBy::GlobalConcurrency),
        ("endpoint-rate", LimitedBy::EndpointRate),
        ("endpoint-concurrency", LimitedBy::EndpointConcurrency),
        ("resource-specific", LimitedBy::Resource),
        ("a reason of next year", LimitedBy::Untold),
    ];
    for (name, reason) in reasons {
        let mut answer = wire(429, "{}");
        answer.headers =
            AnswerHeaders::read(|header| (header == "stripe-rate-limited-reason").then_some(name));
        let again = classify(&ids.create(), Mode::Test, &answer).unwrap_err();
        assert_eq!(again.cause, Cause::RateLimited(reason));
    }
}

#[test]
fn headers_are_read_and_nonsense_counts_as_absent() {
    let good = AnswerHeaders::read(|name| {
        Some(match name {
            "request-id" => "req_1",
            "date" => "Thu, 01 Oct 2026 00:00:00 GMT",
            "stripe-should-retry" | "idempotent-replayed" => "true",
            "stripe-rate-limited-reason" => "global-rate",
            "retry-after" => "3",
            "stripe-notice" => "You are using an outdated API version",
            _ => return None,
        })
    });
    assert_eq!(good.date.map(|date| date.0), Some(1_790_812_800));
    assert_eq!(
        (good.advice, good.replayed, good.retry_after_ms),
        (Advice::Retry, true, Some(3000))
    );
    // These are kept as they are: the notice is shown, and the others are compared with what was sent.
    let open = ["stripe-notice", "idempotency-key", "stripe-account"];
    let nonsense = AnswerHeaders::read(|name| (!open.contains(&name)).then_some("?\n"));
    assert_eq!(nonsense, AnswerHeaders::default());
    let early =
        AnswerHeaders::read(|name| (name == "date").then_some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(early.date.map(|date| date.0), Some(0));
}

#[test]
fn what_stops_a_run_says_what_to_do_and_shows_no_key() {
    let ids = Ids::new();
    let answer = wire(
        401,
        r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: sk_test_4eC39HqLyjW"}}"#,
    );
    let Ok(Outcome::Stop(stop)) = classify(&ids.create(), Mode::Test, &answer) else {
        panic!("not a stop");
    };
    assert_eq!(
        stop.to_string(),
        "Stripe does not accept the key: check it, or make a new one in the Dashboard: \
         Invalid API Key provided: sk_test_… (req_1)"
    );
}
