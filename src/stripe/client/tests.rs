mod draining;
mod faults;
mod script;
mod storm;
mod wire;

use std::time::Duration;

use script::{Reply, Server, answer};
use tokio::sync::watch;

use super::*;
use crate::ids::{
    AccountId, CustomerId, IdempotencyKey, KeyMaterial, LegacyId, MigrationId, PaymentMethodId,
};
use crate::stripe::answer::{Created, NotExecuted, ObjectId, StopKind};
use crate::stripe::facts::{ReadAnswer, ReadFailure};
use crate::stripe::request::Endpoint;
use crate::time::StripeTime;

/// What time it is at the scripted Stripe.
const NOW: u64 = 1_790_000_000;
const NOW_TIME: StripeTime = StripeTime(1_790_000_000);

/// Patient enough for a test, which has no time to lose.
const POLICY: Policy = Policy {
    base_ms: 1,
    contended_base_ms: 1,
    cap_ms: 4,
    floor_ms: 0,
    attempts: 6,
    conflict_attempts: 12,
    patience_ms: 40,
};

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    whole: Duration::from_secs(10),
};

/// A client with a clock that knows the time, and what would make it drain.
fn client_of(
    address: std::net::SocketAddr,
    limits: Limits,
    policy: Policy,
    timeouts: Timeouts,
) -> (Client, watch::Sender<bool>) {
    let (drain, draining) = watch::channel(false);
    let key = SecretKey::parse("sk_test_123").unwrap();
    let api_base = ApiBase::parse(&format!("http://{address}"), key.mode()).unwrap();
    let settings = Settings {
        api_base,
        key,
        limits,
        draining,
    };
    let client = Client::with(settings, policy, timeouts).unwrap();
    client.clock.observe(NOW_TIME, client.clock.look());
    (client, drain)
}

fn client(server: &Server) -> Client {
    client_of(server.address, Limits::OFF, POLICY, TIMEOUTS).0
}

struct Ids {
    customer: CustomerId,
    payment_method: PaymentMethodId,
    account: AccountId,
}

impl Ids {
    fn new() -> Self {
        Self {
            customer: CustomerId::parse("cus_1").unwrap(),
            payment_method: PaymentMethodId::parse("pm_1").unwrap(),
            account: AccountId::parse("acct_1").unwrap(),
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

/// An intent; each number has its own key.
fn started(number: u32, at: StripeTime) -> Started {
    let key = IdempotencyKey::derive(&KeyMaterial {
        livemode: false,
        platform_account: &AccountId::parse("acct_platform").unwrap(),
        migration: MigrationId(uuid::Uuid::nil()),
        legacy_id: &LegacyId::parse("42").unwrap(),
        step: "test",
        connected_account: None,
        source: None,
        try_no: number,
    });
    Started::for_test(key, at)
}

const ATTACHED: &str =
    r#"{"id":"pm_1","object":"payment_method","livemode":false,"customer":"cus_1","type":"card"}"#;
const CLONED: &str = r#"{"id":"pm_2","object":"payment_method","livemode":false,"customer":null}"#;
const REFUSED: &str = r#"{"error":{"type":"card_error","code":"card_declined","message":"no"}}"#;

fn ok(body: &str) -> Reply {
    Reply::Send(answer(200, NOW, &[], body))
}

fn failed(status: u16, headers: &[(&str, &str)]) -> Reply {
    let body = r#"{"error":{"type":"api_error","message":"oops"}}"#;
    Reply::Send(answer(status, NOW, headers, body))
}

/// One word for each kind of outcome.
fn told(written: &Written) -> String {
    match &written.outcome {
        Outcome::Done(created) => format!("done {}", created.id.as_str()),
        Outcome::Refused(refusal) => format!("refused {}", refusal.reason()),
        Outcome::AlreadyAttached(_) => "already attached".into(),
        Outcome::AccountInvalid(_) => "account invalid".into(),
        Outcome::Stop(stop) => format!("stop {:?}", stop.kind),
        Outcome::Doubt(doubt) => format!("doubt {:?}", doubt.kind),
        Outcome::NotExecuted(NotExecuted::Draining) => "not executed: draining".into(),
        Outcome::NotExecuted(NotExecuted::Held) => "not executed: held".into(),
        Outcome::NotExecuted(NotExecuted::GaveUp(again)) => {
            format!("not executed: {:?}", again.cause)
        }
    }
}

#[tokio::test]
async fn every_attempt_of_a_call_is_the_same_request_under_the_same_key() {
    let script = [
        Reply::Reset,
        failed(500, &[]),
        ok("<html>"),
        Reply::Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":".to_vec()),
        failed(409, &[]),
        ok(CLONED),
    ];
    let server = Server::start(move |number, _| script[number].clone()).await;
    let (client, ids) = (client(&server), Ids::new());
    let started = started(1, NOW_TIME);
    let written = client.write(&started, &ids.clone()).await;
    let created = Created {
        id: ObjectId::PaymentMethod(PaymentMethodId::parse("pm_2").unwrap()),
        request_id: crate::ids::RequestId::parse("req_1"),
        replayed: false,
    };
    assert_eq!(written.outcome, Outcome::Done(created));
    let seen = server.seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|request| *request == seen[0]));
    let counts = client.counts();
    assert_eq!(
        (counts.sent, counts.retried, counts.rate_limited),
        (6, 5, 0)
    );
    let clones = counts
        .by_endpoint
        .iter()
        .find(|(e, _)| *e == Endpoint::CreatePaymentMethod);
    assert_eq!(clones.map(|(_, sent)| *sent), Some(6));
}

#[tokio::test]
async fn a_write_carries_these_headers_and_no_others() {
    let server = Server::start(|_, _| ok(CLONED)).await;
    let (client, ids) = (client(&server), Ids::new());
    let started = started(1, NOW_TIME);
    client.write(&started, &ids.clone()).await;
    let seen = &server.seen()[0];
    let mut headers = seen.headers.clone();
    headers.sort();
    let expected = [
        ("accept", "*/*".to_owned()),
        ("authorization", "Bearer sk_test_123".to_owned()),
        ("content-length", "34".to_owned()),
        (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
        ("host", server.address.to_string()),
        ("idempotency-key", started.key().to_string()),
        ("stripe-account", "acct_1".to_owned()),
        ("stripe-version", "2026-09-30.endive".to_owned()),
        (
            "user-agent",
            concat!("pmclone/", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value))
    );
    assert_eq!(seen.line, "POST /v1/payment_methods HTTP/1.1");
    assert_eq!(seen.body, "customer=cus_1&payment_method=pm_1");
}

#[tokio::test]
async fn the_platforms_own_calls_name_no_account_and_a_read_has_no_key() {
    let server = Server::start(|_, _| ok(ATTACHED)).await;
    let (client, ids) = (client(&server), Ids::new());
    client.write(&started(1, NOW_TIME), &ids.attach()).await;
    let read = client.payment_method(&ids.payment_method, None).await;
    assert!(matches!(read, ReadAnswer::Found(_, _)));
    let seen = server.seen();
    assert!(
        seen.iter()
            .all(|request| request.header("stripe-account").is_none())
    );
    assert_eq!(seen[1].header("idempotency-key"), None);
    assert_eq!(seen[1].line, "GET /v1/payment_methods/pm_1 HTTP/1.1");
}

#[tokio::test]
async fn nothing_is_sent_with_an_intent_that_is_too_old() {
    let server = Server::start(|_, _| ok(ATTACHED)).await;
    let client = client(&server);
    let old = started(1, StripeTime(NOW_TIME.0 - 23 * 3600));
    let written = client.write(&old, &Ids::new().attach()).await;
    assert_eq!(told(&written), "doubt Expired");
    assert_eq!((server.seen().len(), client.counts().sent), (0, 0));
}

/// Stripe's own clock says, between two attempts, that the key has expired.
#[tokio::test]
async fn nothing_is_sent_again_once_the_intent_has_grown_too_old() {
    let server = Server::start(|_, _| Reply::Send(answer(500, NOW + 24 * 3600, &[], "{}"))).await;
    let written = client(&server)
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert_eq!(
        (told(&written).as_str(), server.seen().len()),
        ("doubt Expired", 1)
    );
}

#[tokio::test]
async fn a_client_that_has_seen_no_answer_of_stripes_sends_no_write() {
    let page =
        b"HTTP/1.1 502 X\r\ndate: Thu, 01 Oct 2026 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(|_, _| Reply::Send(page.to_vec())).await;
    let mut client = client(&server);
    client.clock = Clock::new();
    // A proxy's page has a date, and is no witness.
    assert!(matches!(client.account(None).await, ReadAnswer::Failed(_)));
    let before = server.seen().len();
    let written = client
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert_eq!(
        (told(&written).as_str(), server.seen().len()),
        ("doubt Expired", before)
    );
}

#[tokio::test]
async fn a_read_that_fails_is_tried_again_and_then_failed_and_never_missing() {
    let missing = r#"{"error":{"code":"resource_missing","type":"invalid_request_error"}}"#;
    let cases = [
        (failed(500, &[]), "failed", 6),
        (Reply::Reset, "failed", 6),
        (Reply::Send(answer(404, NOW, &[], missing)), "missing", 1),
        (Reply::Send(answer(404, NOW, &[], "")), "stop", 1),
        (ok(ATTACHED), "found", 1),
    ];
    for (reply, expected, requests) in cases {
        let server = Server::start(move |_, _| reply.clone()).await;
        let told = match client(&server)
            .payment_method(&Ids::new().payment_method, None)
            .await
        {
            ReadAnswer::Found(_, _) => "found",
            ReadAnswer::Missing(_) => "missing",
            ReadAnswer::AccountInvalid(_) => "account invalid",
            ReadAnswer::Stop(_) => "stop",
            ReadAnswer::Failed(_) => "failed",
        };
        assert_eq!((told, server.seen().len()), (expected, requests));
    }
}

#[tokio::test]
async fn the_first_notice_is_kept() {
    let server = Server::start(|number, _| {
        let notice = format!("notice {number}");
        Reply::Send(answer(200, NOW, &[("stripe-notice", &notice)], ATTACHED))
    })
    .await;
    let (client, ids) = (client(&server), Ids::new());
    assert_eq!(client.notice(), None);
    for _ in 0..2 {
        client.write(&started(1, NOW_TIME), &ids.attach()).await;
    }
    assert_eq!(client.notice(), Some("notice 0"));
}

#[tokio::test]
async fn neither_the_client_nor_its_settings_show_the_key() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let shown = format!("{:?}", client(&server));
    assert!(!shown.contains("sk_test_123"), "{shown}");
}
