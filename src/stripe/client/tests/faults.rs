//! Whatever goes wrong on the way: what is known afterwards is said truly.

use super::*;

/// What a fault that never ends comes to, and after how many requests.
#[tokio::test]
async fn the_table_of_faults_that_never_end() {
    let no = Reply::Send(answer(402, NOW, &[], REFUSED));
    let half = answer(200, NOW, &[], ATTACHED);
    let half = Reply::Cut(half[..half.len() - 9].to_vec());
    let redirect = failed(307, &[("location", "http://127.0.0.1:9/v1/x")]);
    let stop = ("stripe-should-retry", "false");
    let go = ("stripe-should-retry", "true");
    let cases = [
        (Reply::Reset, "doubt NoAnswer(Lost)", 6),
        (half, "doubt NoAnswer(Lost)", 6),
        (
            Reply::Cut(b"SSH-2.0-OpenSSH\r\n".to_vec()),
            "doubt NoAnswer(Lost)",
            6,
        ),
        (
            ok("<html>"),
            "doubt NoAnswer(NotUnderstood(NotAnObject))",
            6,
        ),
        (ok(CLONED), "doubt NoAnswer(NotUnderstood(OtherId))", 6),
        (
            Reply::Send(answer(200, NOW, &[stop], "<html>")),
            "doubt NoAnswer(NotUnderstood(NotAnObject))",
            6,
        ),
        (redirect, "stop NotStripe", 1),
        (failed(500, &[]), "doubt NoAnswer(Server(500))", 6),
        (failed(500, &[stop]), "doubt NoAnswer(Server(500))", 1),
        (
            failed(500, &[("idempotent-replayed", "true")]),
            "doubt StoredServerError",
            1,
        ),
        (
            failed(500, &[("idempotent-replayed", "true"), go]),
            "doubt StoredServerError",
            6,
        ),
        (failed(409, &[]), "doubt NoAnswer(Conflict)", 12),
        (failed(409, &[stop]), "doubt NoAnswer(Conflict)", 1),
        (failed(401, &[]), "stop Key", 1),
        (failed(403, &[]), "stop Permission", 1),
        (no, "refused card_declined", 1),
        (
            Reply::Send(answer(402, NOW, &[go], REFUSED)),
            "refused card_declined",
            6,
        ),
        (
            Reply::Send(answer(200, NOW, &[stop], ATTACHED)),
            "done pm_1",
            1,
        ),
        (
            Reply::Send(answer(200, NOW, &[go], ATTACHED)),
            "done pm_1",
            1,
        ),
    ];
    for (reply, expected, requests) in cases {
        let shown = format!("{reply:?}");
        let server = Server::start(move |_, _| reply.clone()).await;
        let (client, ids) = (client(&server), Ids::new());
        let written = client.write(&started(1, NOW_TIME), &ids.attach()).await;
        assert_eq!(
            (told(&written).as_str(), server.seen().len()),
            (expected, requests),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_limit_that_never_ends_is_given_up_without_doubt() {
    for headers in [&[][..], &[("stripe-should-retry", "false")]] {
        let reply = failed(429, headers);
        let server = Server::start(move |_, _| reply.clone()).await;
        let (client, ids) = (client(&server), Ids::new());
        let written = client.write(&started(1, NOW_TIME), &ids.attach()).await;
        assert_eq!(told(&written), "not executed: RateLimited(Untold)");
        assert!(client.counts().rate_limited > 10, "{:?}", client.counts());
    }
}

/// The first attempt may have had effect; that the others had none does not undo it.
#[tokio::test]
async fn one_attempt_in_doubt_leaves_the_call_in_doubt() {
    let server = Server::start(|number, _| {
        if number == 0 {
            Reply::Reset
        } else {
            failed(429, &[])
        }
    })
    .await;
    let (client, ids) = (client(&server), Ids::new());
    let written = client.write(&started(1, NOW_TIME), &ids.attach()).await;
    assert_eq!(told(&written), "doubt NoAnswer(RateLimited(Untold))");
}

#[tokio::test]
async fn without_a_connection_nothing_was_executed() {
    // Bound and dropped: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = client_of(address, Limits::OFF, POLICY, TIMEOUTS).0;
    let written = client
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert_eq!(told(&written), "not executed: NoConnection");
    assert_eq!(client.counts().sent, 6);
}

#[tokio::test]
async fn silence_ends_with_the_timeout_and_in_doubt() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let timeouts = Timeouts {
        whole: Duration::from_millis(20),
        ..TIMEOUTS
    };
    let client = client_of(server.address, Limits::OFF, POLICY, timeouts).0;
    let written = client
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert_eq!(told(&written), "doubt NoAnswer(TimedOut)");
    // What the client sent: the server may not have read the last of it yet.
    assert_eq!(client.counts().sent, 6);
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_the_key_stays_here() {
    let other = Server::start(|_, _| ok(ATTACHED)).await;
    let location = format!("http://{}/", other.address);
    let reply = failed(308, &[("location", location.as_str())]);
    let server = Server::start(move |_, _| reply.clone()).await;
    let written = client(&server)
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert!(matches!(written.outcome, Outcome::Stop(stop) if stop.kind == StopKind::NotStripe));
    assert_eq!(other.seen(), []);
}

/// The intent may be taken back only where no attempt can have done anything.
#[tokio::test]
async fn what_the_attempts_can_have_done_is_told_beside_the_outcome() {
    let no = Reply::Send(answer(402, NOW, &[], REFUSED));
    let live = ATTACHED.replace("false", "true");
    let parked = r#"{"error":{"code":"account_invalid"}}"#;
    let go = ("stripe-should-retry", "true");
    let cases = [
        (vec![no.clone()], "refused card_declined", Effect::None),
        (
            vec![failed(429, &[]), no.clone()],
            "refused card_declined",
            Effect::None,
        ),
        (
            vec![failed(500, &[]), no],
            "refused card_declined",
            Effect::Possible,
        ),
        (vec![failed(401, &[])], "stop Key", Effect::None),
        (
            vec![Reply::Reset, failed(401, &[])],
            "stop Key",
            Effect::Possible,
        ),
        (
            vec![
                Reply::Send(answer(402, NOW, &[go], REFUSED)),
                failed(401, &[]),
            ],
            "stop Key",
            Effect::Possible,
        ),
        (vec![failed(302, &[])], "stop NotStripe", Effect::Possible),
        (vec![ok(&live)], "stop WrongMode", Effect::Possible),
        (
            vec![Reply::Send(answer(403, NOW, &[], parked))],
            "account invalid",
            Effect::None,
        ),
    ];
    for (replies, expected, effect) in cases {
        let shown = format!("{replies:?}");
        let server = Server::start(move |number, _| replies[number].clone()).await;
        let (client, ids) = (client(&server), Ids::new());
        let write = Write::AttachConnectedPaymentMethod {
            payment_method: &ids.payment_method,
            customer: &ids.customer,
            account: &ids.account,
        };
        let written = client.write(&started(1, NOW_TIME), &write).await;
        assert_eq!(
            (told(&written).as_str(), written.effect),
            (expected, effect),
            "{shown}"
        );
    }
}

/// Those that wait for a permit, or to try again, while another learns that their account is gone.
#[tokio::test]
async fn an_account_that_is_gone_is_spared_those_that_still_wait_for_their_turn() {
    let body = r#"{"error":{"type":"invalid_request_error","code":"account_invalid","message":"no access"}}"#;
    let server = Server::start(move |_, seen| match seen.header("stripe-account") {
        Some(_) => Reply::Send(answer(403, NOW, &[], body)),
        None => ok(ATTACHED),
    })
    .await;
    let (client, ids) = (client(&server), Ids::new());
    assert_eq!(
        told(&client.write(&started(0, NOW_TIME), &ids.clone()).await),
        "account invalid"
    );
    for number in 1..20 {
        let written = client.write(&started(number, NOW_TIME), &ids.clone()).await;
        assert_eq!(
            (told(&written).as_str(), written.effect),
            ("account invalid", Effect::None)
        );
    }
    assert_eq!(server.count(), 1);
    let written = client.write(&started(21, NOW_TIME), &ids.attach()).await;
    assert_eq!(told(&written), "done pm_1");
    // A look is one that somebody wants.
    assert!(matches!(
        client.account(Some(&ids.account)).await,
        ReadAnswer::AccountInvalid(_)
    ));
    assert_eq!(server.count(), 3);
}
