//! The shell: HTTP/1.1 on a loopback address, real time, and connections that end without an answer.
//!
//! Served with hyper itself, since a framework answers every request: an error of the service ends the connection
//! without a byte, an error of the body in the middle of it. The world is behind one mutex, held for some
//! microseconds a request and never across an `await`; delays are waited for outside.

use super::control::{ControlAnswer, Dump};
use super::engine::{Answered, Delivery, Simulator};
use super::faults::Fault;
use super::request::{Method, Request};
use super::response::Response;
use super::settings::{Settings, SimulatorError};
use super::tap::Tap;
use super::webhooks;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

type Shared = Arc<Mutex<Simulator>>;

/// A simulator that runs in this process.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    simulator: Shared,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), SimulatorError>>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL that a client is to use: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Looks at the simulator between two requests.
    pub fn inspect<T>(&self, look: impl FnOnce(&mut Simulator) -> T) -> T {
        look(&mut lock(&self.simulator))
    }

    /// Stops taking requests, lets those in hand finish, and says what went wrong meanwhile.
    pub async fn stop(self) -> Result<(), SimulatorError> {
        self.stop.send_replace(true);
        self.task.await.map_err(io::Error::other)?
    }
}

/// Starts a simulator on a free port of 127.0.0.1, on the caller's runtime.
pub async fn spawn(settings: Settings) -> Result<Running, SimulatorError> {
    start(settings, None).await
}

/// The same, with every request of Stripe's API waiting for a word.
pub async fn spawn_tapped(settings: Settings, tap: Tap) -> Result<Running, SimulatorError> {
    start(settings, Some(tap)).await
}

async fn start(settings: Settings, tap: Option<Tap>) -> Result<Running, SimulatorError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    let simulator = Arc::new(Mutex::new(Simulator::open(settings, wall_ms())?));
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve_shared(
        listener,
        Arc::clone(&simulator),
        tap,
        until(stopped),
    ));
    Ok(Running {
        addr,
        simulator,
        stop,
        task,
    })
}

/// Serves on a listener that the caller owns, until `shutdown` is done; requests in hand are finished first.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SimulatorError> {
    let webhook = settings.webhook.clone();
    let simulator = Arc::new(Mutex::new(Simulator::open(settings, wall_ms())?));
    let serving = serve_shared(listener, Arc::clone(&simulator), None, shutdown);
    match webhook {
        None => serving.await,
        Some(endpoint) => tokio::select! {
            served = serving => served,
            sent = webhooks::deliver(simulator, endpoint, wall_ms) => sent.map_err(io::Error::other).map_err(SimulatorError::Socket),
        },
    }
}

async fn serve_shared(
    listener: TcpListener,
    simulator: Shared,
    tap: Option<Tap>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SimulatorError> {
    let addr = listener.local_addr()?;
    if !addr.ip().is_loopback() {
        return Err(SimulatorError::NotLoopback(addr));
    }
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let broken = loop {
        tokio::select! {
            () = &mut shutdown => break None,
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                connections.spawn(converse(stream, Arc::clone(&simulator), tap.clone(), stopped.clone()));
            }
            Some(_) = connections.join_next() => {
                if let Some(problem) = lock(&simulator).broken() {
                    break Some(problem.to_owned());
                }
            }
        }
    };
    stop.send_replace(true);
    while connections.join_next().await.is_some() {}
    match broken {
        Some(problem) => Err(SimulatorError::Write(problem)),
        None => Ok(()),
    }
}

/// One connection. How it ends is the client's affair: it may be cut by either side at any time.
async fn converse(
    stream: TcpStream,
    simulator: Shared,
    tap: Option<Tap>,
    stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| respond(request, Arc::clone(&simulator), tap.clone()));
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until(stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    drop(ended);
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends things just as well.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

async fn respond(
    request: hyper::Request<Incoming>,
    simulator: Shared,
    tap: Option<Tap>,
) -> io::Result<hyper::Response<Reply>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    if target.starts_with("/_sim/") {
        let browser = head.headers.contains_key(ORIGIN);
        return control(&simulator, head.method.as_str(), target, &body, browser);
    }
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let request = Request::from_parts(head.method.as_str(), target, headers, &body);
    let delivery = match tap {
        None => lock(&simulator).receive(wall_ms(), &request),
        Some(tap) => {
            let request = Arc::new(request);
            let word = tap.tell(&request, false);
            // In a task of its own: what is under way stays so when the client is gone.
            tokio::spawn(watched(simulator, tap, request, word)).await?
        }
    };
    if delivery.after_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delivery.after_ms)).await;
    }
    match delivery.answer {
        Answered::Whole(response) => reply(response, false),
        Answered::Half(response) => reply(response, true),
        Answered::Nothing => Err(io::Error::other(
            "the connection is lost, as the fault script says",
        )),
    }
}

/// A request that waits for its word, and its answer for another.
async fn watched(
    simulator: Shared,
    tap: Tap,
    request: Arc<Request>,
    word: oneshot::Receiver<Option<Fault>>,
) -> Delivery {
    let lost = Delivery {
        answer: Answered::Nothing,
        after_ms: 0,
    };
    let Ok(fault) = word.await else { return lost };
    let delivery = lock(&simulator).receive_with(wall_ms(), &request, fault);
    match tap.tell(&request, true).await {
        Ok(_) => delivery,
        Err(_) => lost,
    }
}

fn reply(response: Response, half: bool) -> io::Result<hyper::Response<Reply>> {
    let mut answer = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers() {
        // What the client sent is echoed, so it may be anything that a header can hold.
        let value = HeaderValue::from_str(&value).map_err(io::Error::other)?;
        answer = answer.header(HeaderName::from_static(name), value);
    }
    let body = Bytes::from(response.body);
    let body = if half {
        answer = answer.header(CONTENT_LENGTH, body.len());
        Reply::Half(Some(body.slice(..body.len() / 2)), false)
    } else {
        Reply::Whole(Some(body))
    };
    answer.body(body).map_err(io::Error::other)
}

/// The control API. A browser names its origin: no page that someone happens to visit may command a simulator.
fn control(
    simulator: &Shared,
    method: &str,
    target: &str,
    body: &[u8],
    browser: bool,
) -> io::Result<hyper::Response<Reply>> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = if browser {
        ControlAnswer::Now(
            403,
            r#"{"ok":false,"error":"not from a browser"}"#.to_owned(),
        )
    } else {
        let body = String::from_utf8_lossy(body);
        lock(simulator).answer_control(wall_ms(), Method::of(method), path, query, &body)
    };
    let (status, body) = match answer {
        ControlAnswer::Now(status, text) => (status, Reply::Whole(Some(Bytes::from(text)))),
        ControlAnswer::Dump(dump) => (200, Reply::Dump(Arc::clone(simulator), dump)),
    };
    hyper::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .map_err(io::Error::other)
}

/// The body of an answer.
enum Reply {
    Whole(Option<Bytes>),
    /// The half that is sent, and whether it was; then the connection fails.
    Half(Option<Bytes>, bool),
    /// Objects, piece by piece: the world is locked for each piece only.
    Dump(Shared, Dump),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Half(bytes, flushed) => match bytes.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None if !*flushed => {
                    // Yields once, so that what was given so far is written before the connection ends.
                    *flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Some(Err(io::Error::other("cut, as the fault script says")))),
            },
            Self::Dump(simulator, dump) => {
                let piece = lock(simulator).dump(dump);
                Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from(piece)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(
                bytes
                    .as_ref()
                    .map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(0)),
            ),
            Self::Half(..) | Self::Dump(..) => SizeHint::default(),
        }
    }
}

/// A poisoned lock means that a handler panicked; the world is as it was before that request or after it.
fn lock(simulator: &Shared) -> MutexGuard<'_, Simulator> {
    simulator.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the simulator reads real time"
)]
fn wall_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since_epoch.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
