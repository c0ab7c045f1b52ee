//! A server that does exactly what a test tells it to, down to the byte, and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers, and keeps the connection.
    Send(Vec<u8>),
    /// Sends this much, and closes.
    Cut(Vec<u8>),
    /// Sends this much, and closes with a reset.
    CutHard(Vec<u8>),
    /// Closes with a reset.
    Reset,
    /// Says nothing, ever.
    Hang,
    /// Sends this much, and then nothing, ever.
    Stall(Vec<u8>),
    /// Sends the first, and then the second again and again, a byte at a time, for ever.
    Drip(Vec<u8>, Vec<u8>),
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
}

impl Server {
    /// Serves until the runtime ends. `script` gets the request's number, from 0, and the request.
    pub async fn start(script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let (script, shared) = (Arc::new(script), Arc::clone(&seen));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, seen, counted) =
                    (Arc::clone(&script), Arc::clone(&shared), counted.clone());
                tokio::spawn(serve(stream, move |request: Seen| {
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    counted.send_modify(|count| *count += 1);
                    script(number, &request)
                }));
            }
        });
        Self {
            address,
            seen,
            count,
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests have come in.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until so many requests have come in.
    pub async fn saw(&self, requests: usize) {
        self.count
            .clone()
            .wait_for(|count| *count >= requests)
            .await
            .unwrap();
    }
}

async fn serve(mut stream: TcpStream, reply: impl Fn(Seen) -> Reply) {
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut buffer).await {
        match reply(request) {
            Reply::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Cut(bytes) => {
                // The client may be gone already; that is the test's business.
                drop(stream.write_all(&bytes).await);
                return;
            }
            Reply::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::CutHard(bytes) => {
                drop(stream.write_all(&bytes).await);
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::Hang => std::future::pending().await,
            Reply::Stall(bytes) => {
                drop(stream.write_all(&bytes).await);
                std::future::pending::<()>().await;
            }
            Reply::Drip(first, again) => {
                drop(stream.write_all(&first).await);
                for byte in again.iter().cycle() {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
        }
    }
}

async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some((request, used)) = parse(buffer) {
            buffer.drain(..used);
            return Some(request);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}

fn parse(buffer: &[u8]) -> Option<(Seen, usize)> {
    let text = std::str::from_utf8(buffer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(key, _)| key == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let body = body.get(..length)?.to_owned();
    let used = head.len() + 4 + length;
    Some((
        Seen {
            line,
            headers,
            body,
        },
        used,
    ))
}

/// An answer in Stripe's manner: `Request-Id`, `Date` (seconds since 1970), and what else is given.
pub fn answer(status: u16, date: u64, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(date);
    let date = httpdate::fmt_http_date(date);
    let mut head = vec![
        format!("HTTP/1.1 {status} X"),
        String::from("request-id: req_1"),
        format!("date: {date}"),
        format!("content-length: {}", body.len()),
    ];
    head.extend(
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
}
