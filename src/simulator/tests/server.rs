//! Over a real loopback socket: what the pure world cannot show.

use super::settings;
use crate::simulator::{
    Fault, FaultScript, Settings, SimulatorError, Tap, serve, spawn, spawn_tapped,
};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Sends one request on a connection of its own and reads until the server closes it.
async fn raw(addr: SocketAddr, method: &str, target: &str, more: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk_test_1\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut may end with a reset; what came before counts.
    if let Err(error) = stream.read_to_end(&mut answer).await {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn an_answer_is_whole_half_or_not_there_as_the_script_says() {
    let faults = Some(FaultScript::parse("at 2 lost-before\nat 3 lost-after\nat 4 half").unwrap());
    let running = spawn(Settings {
        faults,
        ..settings()
    })
    .await
    .unwrap();
    let addr = running.addr();
    assert_eq!(running.url(), format!("http://{addr}"));
    let whole = raw(addr, "POST", "/v1/customers", "", "name=A").await;
    assert!(
        whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.ends_with('}'),
        "{whole}"
    );
    assert!(
        whole.contains("\r\ndate: Mon, 23 Nov 2026 00:00:0"),
        "virtual time: {whole}"
    );
    assert_eq!(raw(addr, "POST", "/v1/customers", "", "name=B").await, "");
    assert_eq!(raw(addr, "POST", "/v1/customers", "", "name=C").await, "");
    let half = raw(addr, "POST", "/v1/customers", "", "name=D").await;
    let (head, body) = half.split_once("\r\n\r\n").unwrap();
    let length: usize = head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(body.len(), length / 2);
    let names = raw(addr, "GET", "/_sim/customers", "", "").await;
    assert!(
        names.contains(r#""name":"C""#)
            && names.contains(r#""name":"D""#)
            && !names.contains(r#""name":"B""#)
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_under_a_tap_waits_for_its_word_and_outlives_its_client() {
    let (seen, mut sightings) = tokio::sync::mpsc::unbounded_channel();
    let tap = Tap::new(move |sighting| seen.send(sighting).unwrap());
    let running = spawn_tapped(settings(), tap.clone()).await.unwrap();
    let addr = running.addr();
    assert!(tap.is_at_rest());
    let client = |name: &'static str| {
        tokio::spawn(async move { raw(addr, "POST", "/v1/customers", "", name).await })
    };
    // Lost on its way; answered with a fault; done, and its client gone before the answer.
    let lost = client("name=A");
    sightings.recv().await.unwrap().lose();
    assert_eq!(lost.await.unwrap(), "");
    let refused = client("name=B");
    sightings.recv().await.unwrap().go_on(Some(Fault::Conflict));
    let answered = sightings.recv().await.unwrap();
    assert!(answered.handled && !tap.is_at_rest());
    answered.go_on(None);
    assert!(refused.await.unwrap().starts_with("HTTP/1.1 409 "));
    let gone = client("name=C");
    let under_way = sightings.recv().await.unwrap();
    gone.abort();
    under_way.go_on(None);
    sightings.recv().await.unwrap().lose();
    let names = raw(addr, "GET", "/_sim/customers", "", "").await;
    assert!(names.contains(r#""name":"C""#) && !names.contains(r#""name":"A""#));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_control_api_is_not_for_browsers_and_needs_no_key() {
    let running = spawn(settings()).await.unwrap();
    let addr = running.addr();
    let refused = raw(
        addr,
        "GET",
        "/_sim/state",
        "origin: http://example.com\r\n",
        "",
    )
    .await;
    assert!(refused.starts_with("HTTP/1.1 403"));
    assert!(
        raw(addr, "GET", "/_sim/state", "", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        raw(addr, "GET", "/_sim/nonsense", "", "")
            .await
            .starts_with("HTTP/1.1 404")
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_large_dump_arrives_complete() {
    let running = spawn(settings()).await.unwrap();
    let seeds: Vec<String> = (0..1_234)
        .map(|n| format!("{{\"customer\":\"cus_{n}\"}}"))
        .collect();
    let seeds = seeds.join("\n");
    let planted = raw(running.addr(), "POST", "/_sim/seed", "", &seeds).await;
    assert!(planted.starts_with("HTTP/1.1 200"), "{planted}");
    let dump = raw(running.addr(), "GET", "/_sim/customers", "", "").await;
    assert_eq!(dump.matches("\"object\":\"customer\"").count(), 1_234);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_delayed_answer_is_finished_before_the_server_stops() {
    let running = spawn(Settings {
        latency_ms: 50,
        ..settings()
    })
    .await
    .unwrap();
    let addr = running.addr();
    let asked = tokio::spawn(async move { raw(addr, "POST", "/v1/customers", "", "").await });
    while running.inspect(|simulator| simulator.counters().requests) == 0 {
        tokio::task::yield_now().await;
    }
    running.stop().await.unwrap();
    assert!(asked.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn only_a_loopback_address_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, settings(), std::future::pending()).await;
    assert!(matches!(refused, Err(SimulatorError::NotLoopback(_))));
}
