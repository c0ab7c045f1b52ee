//! Stands between the binary and the simulator, and does to each answer what a test tells it to, down to the byte.
//!
//! It speaks HTTP/1.1 by hand: a library would mend what is to be broken. Upstream, each request has a connection of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::{Result, Simulator};

/// A request as the binary sent it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// An answer of the simulator's, which a test may take apart.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Without `content-length`, which [`Answer::bytes`] writes.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What is asked for, as far as this client asks for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    PlatformCustomer,
    PlatformAttach,
    Clone,
    ConnectedCustomer,
    ConnectedAttach,
    Account,
    PaymentMethod,
    Customer,
    Customers,
}

pub const WRITES: [Kind; 5] = [
    Kind::PlatformCustomer,
    Kind::PlatformAttach,
    Kind::Clone,
    Kind::ConnectedCustomer,
    Kind::ConnectedAttach,
];

/// Where a request stands among the others.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub kind: Kind,
    /// Which request of its kind this is, from 0; a repetition has the number of the first.
    pub number: usize,
    /// Which attempt at the same request this is, from 0.
    pub attempt: usize,
    /// Which connection it came by, from 0.
    pub connection: usize,
}

/// What becomes of a connection when the bytes are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Keep,
    Close,
    Reset,
    /// Nothing more is said, and the other side is listened to until it has enough.
    HalfClose,
}

/// What the binary gets to see.
#[derive(Debug, Clone)]
pub struct Told {
    pub bytes: Vec<u8>,
    /// Each byte in a packet of its own.
    pub drip: bool,
    pub then: Then,
}

/// What a test makes of an exchange.
pub trait Script: Send + Sync + 'static {
    /// What is passed on, if anything is.
    fn asked(&self, _turn: Turn, request: Request) -> Option<Request> {
        Some(request)
    }

    /// What is answered; `answer` is none where nothing was passed on.
    fn told(&self, turn: Turn, request: &Request, answer: Option<Answer>) -> Told;
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    fn kind(&self) -> Kind {
        let path = self.target.split('?').next().unwrap_or_default();
        let connected = self.header("stripe-account").is_some();
        match (self.method.as_str(), path) {
            ("POST", "/v1/customers") if connected => Kind::ConnectedCustomer,
            ("POST", "/v1/customers") => Kind::PlatformCustomer,
            ("POST", "/v1/payment_methods") => Kind::Clone,
            ("POST", _) if connected => Kind::ConnectedAttach,
            ("POST", _) => Kind::PlatformAttach,
            (_, "/v1/account") => Kind::Account,
            (_, "/v1/customers") => Kind::Customers,
            (_, path) if path.starts_with("/v1/customers/") => Kind::Customer,
            _ => Kind::PaymentMethod,
        }
    }

    /// What a repetition has in common with the first.
    fn identity(&self) -> String {
        let key = self.header("idempotency-key").unwrap_or_default();
        let account = self.header("stripe-account").unwrap_or_default();
        format!("{} {} {account} {key}", self.method, self.target)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            if name != "content-length" {
                head += &[name, ": ", value, "\r\n"].concat();
            }
        }
        format!(
            "{head}content-length: {}\r\n\r\n{}",
            self.body.len(),
            self.body
        )
        .into_bytes()
    }
}

impl Answer {
    /// The head up to, and without, the line that tells where the body ends.
    pub fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.headers {
            head += &[name, ": ", value, "\r\n"].concat();
        }
        head
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (head, length) = (self.head(), self.body.len());
        format!("{head}content-length: {length}\r\n\r\n{}", self.body).into_bytes()
    }

    fn read(bytes: Vec<u8>) -> Result<Self> {
        let text = String::from_utf8(bytes)?;
        let (head, body) = text.split_once("\r\n\r\n").context("half an answer")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = headers(lines).into_iter();
        Ok(Self {
            status: status.context("no status")?.parse()?,
            headers: headers
                .filter(|(name, _)| name != "content-length" && name != "connection")
                .collect(),
            body: body.to_owned(),
        })
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect()
}

/// A proxy that listens; it ends when it goes out of scope.
pub struct Proxy {
    /// Its base URL.
    pub url: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    upstream: String,
    script: Box<dyn Script>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Number within its kind, and attempts so far.
    requests: HashMap<String, (usize, usize)>,
    kinds: HashMap<Kind, usize>,
    trouble: Vec<String>,
}

impl Proxy {
    pub fn start(simulator: &Simulator, script: impl Script) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            upstream: simulator.address().to_owned(),
            script: Box::new(script),
            seen: Mutex::default(),
        });
        runtime.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self {
            url,
            shared,
            _runtime: runtime,
        })
    }

    /// How many different requests of a kind have come.
    pub fn count(&self, kind: Kind) -> usize {
        self.shared.seen().kinds.get(&kind).copied().unwrap_or(0)
    }

    /// An error if the proxy itself was not up to what it had to do.
    pub fn had_no_trouble(&self) -> Result<()> {
        let seen = self.shared.seen();
        anyhow::ensure!(seen.trouble.is_empty(), "{:?}", seen.trouble);
        Ok(())
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, connection: usize, request: &Request) -> Turn {
        let kind = request.kind();
        let seen = &mut *self.seen();
        let (number, attempts) = seen.requests.entry(request.identity()).or_insert_with(|| {
            let count = seen.kinds.entry(kind).or_default();
            *count += 1;
            (*count - 1, 0)
        });
        *attempts += 1;
        Turn {
            kind,
            number: *number,
            attempt: *attempts - 1,
            connection,
        }
    }

    /// What the script makes of a request.
    async fn exchange(&self, connection: usize, request: Request) -> Result<Told> {
        let turn = self.turn(connection, &request);
        let answer = match self.script.asked(turn, request.clone()) {
            Some(passed_on) => Some(self.pass_on(&passed_on).await?),
            None => None,
        };
        Ok(self.script.told(turn, &request, answer))
    }

    async fn pass_on(&self, request: &Request) -> Result<Answer> {
        let mut upstream = TcpStream::connect(&self.upstream).await?;
        upstream.write_all(&request.bytes()).await?;
        let mut bytes = Vec::new();
        upstream.read_to_end(&mut bytes).await?;
        Answer::read(bytes)
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = 0;
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, number) = (Arc::clone(&shared), connections);
        connections += 1;
        tokio::spawn(async move {
            if let Err(trouble) = converse(stream, number, &shared).await {
                shared.seen().trouble.push(format!("{trouble:#}"));
            }
        });
    }
}

/// One connection. That the other side leaves is its right; an error is the proxy's own.
async fn converse(mut stream: TcpStream, number: usize, shared: &Shared) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut buffer).await? {
        let told = shared.exchange(number, request).await?;
        let size = if told.drip {
            1
        } else {
            told.bytes.len().max(1)
        };
        for piece in told.bytes.chunks(size) {
            if stream.write_all(piece).await.is_err() {
                return Ok(());
            }
        }
        match told.then {
            Then::Keep => {}
            Then::Close => return Ok(()),
            Then::Reset => return Ok(stream.set_zero_linger()?),
            Then::HalfClose => {
                drop(stream.shutdown().await);
                while matches!(stream.read(&mut [0; 512]).await, Ok(1..)) {}
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Option<Request>> {
    loop {
        if let Some((request, used)) = parse(std::str::from_utf8(buffer)?)? {
            buffer.drain(..used);
            return Ok(Some(request));
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}

fn parse(text: &str) -> Result<Option<(Request, usize)>> {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = head.split("\r\n");
    let line = lines.next().context("no request line")?;
    let mut words = line.split(' ').map(str::to_owned);
    let headers = headers(lines);
    let length: usize = find(&headers, "content-length").unwrap_or("0").parse()?;
    let Some(body) = body.get(..length) else {
        return Ok(None);
    };
    let used = head.len() + 4 + length;
    let request = Request {
        method: words.next().context("no method")?,
        target: words.next().context("no target")?,
        headers,
        body: body.to_owned(),
    };
    Ok(Some((request, used)))
}
