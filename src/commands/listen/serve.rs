//! The door: HTTP/1.1, one request a connection, everything bounded.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Delivered, Filed, Post};
use crate::report::here;
use crate::report::words::count;
use crate::store::StoreError;
use crate::webhook::{Read, Secrets, Unsigned};

/// Longest body that is read. An event's object has some 4 KB; an invoice with all that it can carry stays well below.
const BODY_MAX_BYTES: usize = 1 << 20;

/// Connections at once; Stripe opens a few.
const CONNECTIONS_MAX: usize = 64;

/// For the head of a request, which is what a slow sender would draw out.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// For a whole connection. Stripe itself waits ten to thirty seconds for an answer.
const CONNECTION_WITHIN: Duration = Duration::from_secs(30);

/// Heads are read into no more than this.
const HEAD_MAX_BYTES: usize = 32 << 10;

/// What is refused is told at most so often: anybody can send.
const REFUSED_TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where events come in.
pub(super) struct Door {
    secrets: Secrets,
    post: Arc<Post>,
    counts: Counts,
    refused_told: Mutex<Option<Instant>>,
    broken: watch::Sender<bool>,
    why: Mutex<Option<StoreError>>,
}

/// What came in.
#[derive(Debug, Default)]
pub(super) struct Counts {
    taken: AtomicU64,
    before: AtomicU64,
    nothing: AtomicU64,
    not_ours: AtomicU64,
    refused: AtomicU64,
    unkept: AtomicU64,
}

impl Counts {
    /// For people.
    pub fn text(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let others = [
            (&self.before, "taken before"),
            (&self.nothing, "of no concern"),
            (&self.not_ours, "of the other mode"),
            (&self.refused, "refused"),
            (&self.unkept, "not kept, to be sent again"),
        ];
        let told = others
            .iter()
            .filter(|(n, _)| of(n) > 0)
            .map(|(n, what)| format!(", {} {what}", of(n)));
        format!(
            "{} taken{}.",
            count(of(&self.taken), "event"),
            told.collect::<String>()
        )
    }
}

/// Why it serves no more, unasked.
pub(super) enum Ended {
    Store(StoreError),
    Socket(io::Error),
}

/// What is answered to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Delivered(Delivered),
    Thin,
    NotFound,
    NotAllowed,
    NotJson,
    TooLong,
    /// Not Stripe's, or nothing of Stripe's that can be read: why.
    Refused(&'static str),
    Unsigned(Unsigned),
    /// The state file did not take it.
    Unkept,
}

impl Answer {
    fn status(self) -> StatusCode {
        match self {
            Self::Delivered(_) | Self::Thin => StatusCode::OK,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) | Self::Unsigned(_) => StatusCode::BAD_REQUEST,
            Self::Unkept => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Stripe's Dashboard shows it beside the delivery.
    fn body(self) -> String {
        match self {
            Self::Delivered(Delivered::Filed(Filed::Now(effect))) => {
                format!("taken: {}", effect.name())
            }
            Self::Delivered(Delivered::Filed(Filed::Before)) => "taken before".to_owned(),
            Self::Delivered(Delivered::Filed(Filed::Nothing)) | Self::Thin => {
                "of no concern here".to_owned()
            }
            Self::Delivered(Delivered::NotOurs) => "of the other mode: not taken".to_owned(),
            Self::NotFound => "events go to / or /webhook".to_owned(),
            Self::NotAllowed => "events are POSTed".to_owned(),
            Self::NotJson => "events are application/json".to_owned(),
            Self::TooLong => format!("no event is longer than {BODY_MAX_BYTES} bytes"),
            Self::Refused(why) => why.to_owned(),
            Self::Unsigned(why) => why.to_string(),
            Self::Unkept => "the state file could not be written: send it again".to_owned(),
        }
    }

    fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body() + "\n")));
        *response.status_mut() = self.status();
        let plain = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        if self == Self::NotAllowed {
            let post = hyper::header::HeaderValue::from_static("POST");
            response.headers_mut().insert(ALLOW, post);
        }
        response
    }
}

impl Door {
    pub fn new(secrets: Secrets, post: Arc<Post>) -> Self {
        let (broken, _) = watch::channel(false);
        Self {
            secrets,
            post,
            counts: Counts::default(),
            refused_told: Mutex::default(),
            broken,
            why: Mutex::default(),
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let answer = match self.body_of(request).await {
            Ok((signature, body)) => Arc::clone(&self).judge(signature, body).await,
            Err(answer) => answer,
        };
        self.note(answer);
        answer.response()
    }

    /// The signature, and the body as it was sent.
    async fn body_of(&self, request: Request<Incoming>) -> Result<(String, Bytes), Answer> {
        let (head, body) = request.into_parts();
        if !matches!(head.uri.path(), "/" | "/webhook") {
            return Err(Answer::NotFound);
        }
        if head.method != Method::POST {
            return Err(Answer::NotAllowed);
        }
        if !is_json(&head.headers) {
            return Err(Answer::NotJson);
        }
        let signature = signature(&head.headers).ok_or(Answer::Refused(
            "there is not exactly one header Stripe-Signature",
        ))?;
        let most = u64::try_from(BODY_MAX_BYTES).unwrap_or(u64::MAX);
        if body.size_hint().lower() > most {
            return Err(Answer::TooLong);
        }
        match Limited::new(body, BODY_MAX_BYTES).collect().await {
            Ok(body) => Ok((signature, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(Answer::TooLong),
            Err(_) => Err(Answer::Refused("the body broke off")),
        }
    }

    /// Nothing of a body is looked at before its signature holds; 200 is said once what it tells is committed.
    async fn judge(self: Arc<Self>, signature: String, body: Bytes) -> Answer {
        let now = here::now().timestamp().as_second();
        if let Err(why) = self.secrets.verify(&signature, &body, now) {
            return Answer::Unsigned(why);
        }
        let event = match Read::parse(&body) {
            Ok(Read::Event(event)) => event,
            Ok(Read::Thin) => return Answer::Thin,
            Err(_) => return Answer::Refused("it is signed, and no event that can be read"),
        };
        let post = Arc::clone(&self.post);
        // It goes on to its end though the sender be gone.
        let delivered = tokio::task::spawn_blocking(move || post.deliver(&event)).await;
        match delivered {
            Ok(Ok(delivered)) => Answer::Delivered(delivered),
            Ok(Err(error)) => {
                self.unkept(error);
                Answer::Unkept
            }
            Err(_) => Answer::Unkept,
        }
    }

    /// A state file that is gone takes nothing any more; one that is busy will.
    fn unkept(&self, error: StoreError) {
        self.post.screen.problem(&format!(
            "An event was not taken, and Stripe sends it again: {error}"
        ));
        if matches!(error, StoreError::Missing | StoreError::Damaged(_)) {
            *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.broken.send_replace(true);
        }
    }

    fn note(&self, answer: Answer) {
        let counts = &self.counts;
        let count = match answer {
            Answer::Delivered(Delivered::Filed(Filed::Now(_))) => &counts.taken,
            Answer::Delivered(Delivered::Filed(Filed::Before)) => &counts.before,
            Answer::Delivered(Delivered::Filed(Filed::Nothing)) | Answer::Thin => &counts.nothing,
            Answer::Delivered(Delivered::NotOurs) => &counts.not_ours,
            Answer::Unkept => &counts.unkept,
            Answer::NotFound
            | Answer::NotAllowed
            | Answer::NotJson
            | Answer::TooLong
            | Answer::Refused(_)
            | Answer::Unsigned(_) => &counts.refused,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if answer.status().is_client_error() {
            self.tell_refused(answer);
        }
    }

    fn tell_refused(&self, answer: Answer) {
        let mut told = self
            .refused_told
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < REFUSED_TOLD_EVERY) {
            return;
        }
        *told = Some(Instant::now());
        let more = match answer {
            Answer::Unsigned(Unsigned::OutOfTime { .. }) => {
                ". Stripe signed it: either it is an old one that somebody sent again, or this machine's clock is wrong: set it"
            }
            Answer::Unsigned(Unsigned::Forged) => {
                ". Either it is not Stripe's, or the secret is another endpoint's: the Dashboard shows each endpoint's own, and `stripe listen` prints its own"
            }
            _ => "",
        };
        self.post.screen.problem(&format!(
            "Refused ({}): {}{more}.",
            answer.status().as_u16(),
            answer.body()
        ));
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn signature(headers: &HeaderMap) -> Option<String> {
    let mut found = headers.get_all("stripe-signature").iter();
    let one = found.next()?.to_str().ok()?.to_owned();
    found.next().is_none().then_some(one)
}

/// Serves until `shutdown` is done; requests in hand are finished first.
pub(super) async fn serve(
    listener: TcpListener,
    door: Door,
    shutdown: impl Future<Output = ()>,
) -> Result<Counts, Ended> {
    let door = Arc::new(door);
    let mut broken = door.broken.subscribe();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            // Whoever comes while all places are taken waits before the door.
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            _ = broken.wait_for(|broken| *broken) => break,
            Some(_) = connections.join_next() => {}
            (accepted, place) = next => match accepted {
                Ok((stream, _)) => {
                    let conversation = converse(stream, Arc::clone(&door));
                    connections.spawn(async move {
                        conversation.await;
                        drop(place);
                    });
                }
                Err(error) if is_passing(&error) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => return Err(Ended::Socket(error)),
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    let why = door
        .why
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (why, Arc::into_inner(door)) {
        (Some(error), _) => Err(Ended::Store(error)),
        (None, door) => Ok(door.map(|door| door.counts).unwrap_or_default()),
    }
}

/// A connection that was gone before it was taken, or too many files open: the next one may do.
fn is_passing(error: &io::Error) -> bool {
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    ) || error
        .raw_os_error()
        .is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code))
}

/// One connection. How it ends is the sender's affair.
async fn converse(stream: TcpStream, door: Arc<Door>) {
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_MAX_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    drop(tokio::time::timeout(CONNECTION_WITHIN, connection).await);
}
