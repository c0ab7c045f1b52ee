//! Ctrl-C: what waits is given up at once, and says truly what is known.

use super::*;

/// Waits for an hour, so that only draining can end a test.
const SLOW: Policy = Policy {
    base_ms: 3_600_000,
    cap_ms: 3_600_000,
    floor_ms: 3_600_000,
    ..POLICY
};

async fn drained_while_waiting_after(reply: Reply) -> (String, usize) {
    let server = Server::start(move |_, _| reply.clone()).await;
    let (client, drain) = client_of(server.address, Limits::OFF, SLOW, TIMEOUTS);
    let (ids, intent) = (Ids::new(), started(1, NOW_TIME));
    let write = ids.attach();
    let (written, ()) = tokio::join!(client.write(&intent, &write), async {
        server.saw(1).await;
        drain.send(true).unwrap();
    });
    (told(&written), server.seen().len())
}

#[tokio::test]
async fn a_retry_is_not_waited_for() {
    let limited = drained_while_waiting_after(failed(429, &[])).await;
    assert_eq!(limited, ("not executed: draining".into(), 1));
    let broken = drained_while_waiting_after(failed(500, &[])).await;
    assert_eq!(broken, ("doubt NoAnswer(Server(500))".into(), 1));
}

#[tokio::test]
async fn an_answer_on_its_way_is_waited_for() {
    let settled = drained_while_waiting_after(ok(ATTACHED)).await;
    assert_eq!(settled, ("done pm_1".into(), 1));
}

#[tokio::test]
async fn a_permit_is_not_waited_for() {
    let server = Server::start(|_, _| ok(ATTACHED)).await;
    let limits = Limits {
        total_per_second: std::num::NonZeroU32::new(1),
        ..Limits::OFF
    };
    let (client, drain) = client_of(server.address, limits, POLICY, TIMEOUTS);
    for _ in 0..2 {
        client
            .limiter
            .permit(Endpoint::AttachPaymentMethod, None)
            .await;
    }
    let (ids, intent) = (Ids::new(), started(1, NOW_TIME));
    let write = ids.attach();
    let (written, ()) = tokio::join!(client.write(&intent, &write), async {
        drain.send(true).unwrap();
    });
    assert_eq!(
        (told(&written).as_str(), server.seen().len()),
        ("not executed: draining", 0)
    );
}

#[tokio::test]
async fn nothing_begins_while_draining() {
    let server = Server::start(|_, _| ok(ATTACHED)).await;
    let (client, drain) = client_of(server.address, Limits::OFF, POLICY, TIMEOUTS);
    drain.send(true).unwrap();
    let written = client
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert_eq!(
        (told(&written).as_str(), server.seen().len()),
        ("not executed: draining", 0)
    );
    let read = client.account(None).await;
    assert_eq!(read, ReadAnswer::Failed(ReadFailure::Draining));
}

#[tokio::test]
async fn a_sender_that_is_gone_means_never() {
    let server = Server::start(|number, _| {
        if number == 0 {
            failed(500, &[])
        } else {
            ok(ATTACHED)
        }
    })
    .await;
    let (client, drain) = client_of(server.address, Limits::OFF, POLICY, TIMEOUTS);
    drop(drain);
    let written = client
        .write(&started(1, NOW_TIME), &Ids::new().attach())
        .await;
    assert_eq!(told(&written), "done pm_1");
}

/// A final answer that Stripe advised to ask for again: it holds, since nothing came after it.
#[tokio::test]
async fn an_answer_that_was_to_be_asked_for_again_holds() {
    let headers = &[
        ("stripe-should-retry", "true"),
        ("idempotent-replayed", "true"),
    ];
    let stored = drained_while_waiting_after(failed(500, headers)).await;
    assert_eq!(stored, ("doubt StoredServerError".into(), 1));
}
