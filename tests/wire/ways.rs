//! Ways in which an answer can go wrong between Stripe and the client. After each of these the same request, sent again,
//! finds the truth; those that end a run are with the test of that.

use crate::support::proxy::{Answer, Request, Then, Told};

/// A way by name.
pub struct Way {
    pub name: &'static str,
    /// Whether the request is passed on, and so has effect.
    pub passed_on: bool,
    pub told: fn(&Request, &Answer) -> Told,
}

pub fn told(bytes: impl Into<Vec<u8>>, then: Then) -> Told {
    Told {
        bytes: bytes.into(),
        drip: false,
        then,
    }
}

/// The answer with another status and body, and the headers that a thing between here and Stripe gives.
pub fn page(status: u16, kind: &str, body: &str) -> Vec<u8> {
    let date = "Mon, 01 Jan 1990 00:00:00 GMT";
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nserver: nginx\r\ndate: {date}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A proxy's page that quotes the whole request, as some do: the key is in it, and the customer's details.
pub fn quoting(request: &Request) -> String {
    let Request {
        method,
        target,
        headers,
        body,
    } = request;
    format!("<html><h1>Error</h1><pre>{method} {target}\n{headers:?}\n{body}</pre></html>")
}

fn html(status: u16, request: &Request) -> Told {
    let body = quoting(request);
    told(page(status, "text/html", &body), Then::Keep)
}

/// A 200 of Stripe's own with another body.
fn body(answer: &Answer, body: impl Into<String>) -> Told {
    let other = Answer {
        status: 200,
        body: body.into(),
        ..answer.clone()
    };
    told(other.bytes(), Then::Keep)
}

fn head_and(answer: &Answer, more: &str) -> String {
    format!("{}{more}", answer.head())
}

fn cut(answer: &Answer, of: impl Fn(usize, usize) -> usize, then: Then) -> Told {
    let whole = answer.bytes();
    let end = of(whole.len() - answer.body.len(), whole.len());
    told(&whole[..end], then)
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The object's id with another prefix, in an answer that is else the same.
fn id_of_kind(answer: &Answer, prefix: &str) -> Told {
    let other = answer
        .body
        .replacen("\"id\":\"cus_", &format!("\"id\":\"{prefix}"), 1);
    let other = other.replacen("\"id\":\"pm_", &format!("\"id\":\"{prefix}"), 1);
    body(answer, other)
}

macro_rules! ways {
    ($($name:literal, $passed_on:literal, $told:expr;)+) => {
        &[$(Way { name: $name, passed_on: $passed_on, told: $told }),+]
    };
}

/// The connection.
pub const BROKEN: &[Way] = ways! {
    "reset before anything is done", false, |_, _| told("", Then::Reset);
    "closed before anything is done", false, |_, _| told("", Then::Close);
    "half-closed before anything is done", false, |_, _| told("", Then::HalfClose);
    "reset before the answer", true, |_, _| told("", Then::Reset);
    "closed before the answer", true, |_, _| told("", Then::Close);
    "half-closed before the answer", true, |_, _| told("", Then::HalfClose);
    "reset in the status line", true, |_, a| cut(a, |_, _| 9, Then::Reset);
    "reset in the head", true, |_, a| cut(a, |head, _| head / 2, Then::Reset);
    "closed in the head", true, |_, a| cut(a, |head, _| head / 2, Then::Close);
    "half-closed in the head", true, |_, a| cut(a, |head, _| head - 1, Then::HalfClose);
    "closed after the head", true, |_, a| cut(a, |head, _| head, Then::Close);
    "reset in the body", true, |_, a| cut(a, usize::midpoint, Then::Reset);
    "closed in the body", true, |_, a| cut(a, usize::midpoint, Then::Close);
    "half-closed in the body", true, |_, a| cut(a, |_, whole| whole - 1, Then::HalfClose);
    "reset after the answer", true, |_, a| told(a.bytes(), Then::Reset);
    "closed after the answer", true, |_, a| told(a.bytes(), Then::Close);
    "each byte in a packet", true, |_, a| Told { drip: true, ..told(a.bytes(), Then::Keep) };
};

/// HTTP.
pub const MISFRAMED: &[Way] = ways! {
    "answered twice", true, |_, a| told([a.bytes(), a.bytes()].concat(), Then::Keep);
    "informational answers first", true, |_, a| told(
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec(), a.bytes()].concat(), Then::Keep);
    "informational answers only", true, |_, _| told("HTTP/1.1 102 Processing\r\n\r\n".repeat(500), Then::Close);
    "upgrade", true, |_, _| told("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", Then::Close);
    "HTTP/0.9", true, |_, a| told(a.body.as_bytes(), Then::Close);
    "HTTP/1.0", true, |_, a| told(String::from_utf8_lossy(&a.bytes()).replacen("/1.1", "/1.0", 1), Then::Close);
    "HTTP/7.3", true, |_, a| told(String::from_utf8_lossy(&a.bytes()).replacen("/1.1", "/7.3", 1), Then::Close);
    "another protocol", true, |_, _| told("SSH-2.0-OpenSSH_9.9\r\n", Then::Close);
    "TLS", true, |_, _| told(*b"\x15\x03\x01\x00\x02\x02\x46", Then::Close);
    "zeros", true, |_, _| told([0; 9000], Then::Close);
    "status 0", true, |_, _| told("HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n", Then::Close);
    "status 999", true, |_, _| told("HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n", Then::Close);
    "length too long", true, |_, a| told(head_and(a, &format!("content-length: {}\r\n\r\n{}", a.body.len() + 7, a.body)), Then::Close);
    "length too short", true, |_, a| told(head_and(a, &format!("content-length: {}\r\n\r\n{}", a.body.len() - 7, a.body)), Then::Keep);
    "length that is none", true, |_, a| told(head_and(a, &format!("content-length: -1\r\n\r\n{}", a.body)), Then::Close);
    "two lengths", true, |_, a| told(head_and(a, &format!("content-length: 5\r\ncontent-length: {}\r\n\r\n{}", a.body.len(), a.body)), Then::Close);
    "no length, cut", true, |_, a| told(head_and(a, &format!("\r\n{}", &a.body[..a.body.len() - 2])), Then::Close);
    "no length, empty", true, |_, a| told(head_and(a, "\r\n"), Then::Close);
    "no length, whole", true, |_, a| told(head_and(a, &format!("\r\n{}", a.body)), Then::Close);
    "chunked, whole", true, |_, a| {
        let (first, second) = a.body.split_at(a.body.len() / 3);
        told(head_and(a, &format!("transfer-encoding: chunked\r\n\r\n{}{}0\r\n\r\n", chunk(first), chunk(second))), Then::Keep)
    };
    "chunked, no end", true, |_, a| told(head_and(a, &format!("transfer-encoding: chunked\r\n\r\n{}", chunk(&a.body))), Then::Close);
    "chunked, half a chunk", true, |_, a| told(head_and(a, &format!("transfer-encoding: chunked\r\n\r\nffff\r\n{}", a.body)), Then::Close);
    "chunked, no size", true, |_, a| told(head_and(a, &format!("transfer-encoding: chunked\r\n\r\n{}", a.body)), Then::Close);
    "chunked, size beyond all", true, |_, a| told(head_and(a, &format!("transfer-encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{}", a.body)), Then::Close);
    "chunked and a length", true, |_, a| told(head_and(a, &format!("transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n{}0\r\n\r\n", chunk(&a.body))), Then::Close);
    "huge headers", true, |_, a| told(head_and(a, &format!("x: {}\r\n\r\n", "x".repeat(1 << 20))), Then::Close);
    "many headers", true, |_, a| told(head_and(a, &format!("{}\r\n", "x: y\r\n".repeat(5000))), Then::Close);
    "a header that is none", true, |_, a| told(head_and(a, "no colon\r\ncontent-length: 2\r\n\r\n{}"), Then::Close);
    "headers beyond ASCII", true, |_, a| told(head_and(a, "date: \u{fffd}\r\nx: \u{e4}\r\ncontent-length: 2\r\n\r\n{}"), Then::Keep);
    "gzip that is none", true, |_, a| told(head_and(a, "content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x0b\x08\x01"), Then::Keep);
};

/// What the answer says.
pub const UNEXPECTED: &[Way] = ways! {
    "502 page", true, |r, _| html(502, r);
    "503 page, nothing done", false, |r, _| html(503, r);
    "504 page", true, |r, _| html(504, r);
    "500 page", true, |r, _| html(500, r);
    "200 page", true, |r, _| html(200, r);
    "200 page, nothing done", false, |r, _| html(200, r);
    "201", true, |_, a| told(Answer { status: 201, ..a.clone() }.bytes(), Then::Keep);
    "202 page", true, |r, _| html(202, r);
    "204", true, |_, _| told("HTTP/1.1 204 X\r\n\r\n", Then::Keep);
    "206", true, |_, a| told(Answer { status: 206, ..a.clone() }.bytes(), Then::Keep);
    "400 page", true, |r, _| html(400, r);
    "408 page", true, |r, _| html(408, r);
    "409 page", true, |r, _| html(409, r);
    "413 page", true, |r, _| html(413, r);
    "425 page", true, |r, _| html(425, r);
    "429 page", false, |r, _| html(429, r);
    "wrong content type", true, |_, a| {
        let mut other = a.clone();
        other.headers.retain(|(name, _)| name != "content-type");
        other.headers.push(("content-type".into(), "text/html; charset=utf-16".into()));
        told(other.bytes(), Then::Keep)
    };
    "empty", true, |_, a| body(a, "");
    "null", true, |_, a| body(a, "null");
    "a number", true, |_, a| body(a, "1e999");
    "a text", true, |_, a| body(a, "\"cus_1\"");
    "an empty object", true, |_, a| body(a, "{}");
    "a list without type", true, |_, a| body(a, "[]");
    "a list", true, |_, a| body(a, format!(r#"{{"object":"list","data":[{}],"has_more":false,"url":"/v1/x"}}"#, a.body));
    "an error with 200", true, |_, a| body(a, r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such thing"}}"#);
    "an event around it", true, |_, a| body(a, format!(r#"{{"object":"event","id":"evt_1","livemode":false,"data":{{"object":{}}}}}"#, a.body));
    "deeply nested", true, |_, a| body(a, "[".repeat(200_000));
    "deeply nested within", true, |_, a| body(a, format!("{}\"x\":{}", &a.body[..1], r#"{"x":"#.repeat(100_000)));
    "too long", true, |_, a| body(a, format!("{{\"x\":\"{}\",{}", "x".repeat(9 << 20), &a.body[1..]));
    "garbage before", true, |_, a| body(a, format!("\u{feff})]}}',\n{}", a.body));
    "garbage after", true, |_, a| body(a, format!("{}{}", a.body, a.body));
    "half of it", true, |_, a| body(a, &a.body[..a.body.len() / 2]);
    "a field twice", true, |_, a| body(a, format!("{{\"id\":\"cus_1\",{}", &a.body[1..]));
    "no id", true, |_, a| body(a, a.body.replacen("\"id\":", "\"di\":", 1));
    "no mode", true, |_, a| body(a, a.body.replace("livemode", "edomevil"));
    "no type", true, |_, a| body(a, a.body.replace("\"object\":", "\"tcejbo\":"));
    "another type", true, |_, a| body(a, a.body.replacen("\"object\":\"", "\"object\":\"x", 1));
    "an account's id", true, |_, a| id_of_kind(a, "acct_");
    "an id with a path in it", true, |_, a| id_of_kind(a, "cus_/../");
    "a key for an id", true, |_, a| id_of_kind(a, "sk_test_");
    "an id that is too long", true, |_, a| id_of_kind(a, &format!("cus_{}", "x".repeat(300)));
    "an id with a line in it", true, |_, a| id_of_kind(a, "pm_\\r\\nx: ");
};

fn redirect(status: u16, request: &Request) -> Told {
    let page = quoting(request);
    // The test puts its own address there.
    let head = format!(
        "HTTP/1.1 {status} X\r\nlocation: {ELSEWHERE}{}\r\n",
        request.target
    );
    told(
        format!("{head}content-length: {}\r\n\r\n{page}", page.len()),
        Then::Keep,
    )
}

fn error(answer: &Answer, status: u16, body: &str) -> Told {
    let other = Answer {
        status,
        body: body.to_owned(),
        ..answer.clone()
    };
    told(other.bytes(), Then::Keep)
}

/// Stands for a base where nobody may ever ask.
pub const ELSEWHERE: &str = "http://elsewhere.invalid";

/// What ends a run, since each further request would meet it too, with the exit code.
pub const ENDING: &[(i32, &[Way])] = &[
    (
        5,
        ways! {
            "301", false, |r, _| redirect(301, r);
            "302, done", true, |r, _| redirect(302, r);
            "303", false, |r, _| redirect(303, r);
            "307", false, |r, _| redirect(307, r);
            "308, done", true, |r, _| redirect(308, r);
            "401 page", false, |r, _| html(401, r);
            "403 page, done", true, |r, _| html(403, r);
            "404 page", false, |r, _| html(404, r);
            "407 page", false, |r, _| html(407, r);
        },
    ),
    (
        5,
        ways! {
            "the other mode", true, |_, a| body(a, a.body.replace("\"livemode\":false", "\"livemode\":true"));
        },
    ),
    (
        6,
        ways! {
            "401", true, |_, a| error(a, 401, r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: sk_test_Quetzalcoatlus4711, jane@example.com"}}"#);
            "403", true, |_, a| error(a, 403, r#"{"error":{"type":"invalid_request_error","message":"The provided key 'sk_test_Quetzalcoatlus4711' does not have the required permissions\u001b[2J"}}"#);
        },
    ),
];
