//! SHELL. Sends one attempt over HTTP and reads its answer. Decides nothing.
//!
//! - Redirects are not followed: they would carry the key.
//! - The system's proxy settings (`HTTPS_PROXY`, `NO_PROXY`) are heeded for https, where a proxy passes an encrypted tunnel on and
//!   never sees the key. Plain HTTP goes to loopback alone, and never through a proxy, which would see the key.
//! - reqwest's own retries are off: each attempt is counted, limited and aged by [`super::client`].

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
};
use reqwest::{Response, Url};

use super::answer::{AnswerHeaders, Cause, Effect, WireAnswer};
use super::api_base::ApiBase;
use super::key::SecretKey;
use super::request::{Method, Request};
use super::{BODY_MAX_BYTES, STRIPE_VERSION};
use crate::ids::IdempotencyKey;

const STRIPE_ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the first byte sent to the last received. Stripe's own SDKs wait 80 s, since Stripe may work on that long.
    pub whole: Duration,
}

impl Timeouts {
    pub const STRIPE: Self = Self {
        connect: Duration::from_secs(10),
        whole: Duration::from_secs(80),
    };
}

/// Why the HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS or the resolver could not be set up.
    #[error("the HTTP client could not be set up (TLS certificates, resolver): {0}")]
    Setup(#[from] reqwest::Error),
    /// Cannot be with a parsed key.
    #[error("the API key cannot be written into a header")]
    Header(#[from] InvalidHeaderValue),
}

/// An attempt without a complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub cause: Cause,
    pub effect: Effect,
}

/// What carries an attempt: the one seam with two implementations.
#[derive(Debug)]
enum Carrier {
    /// A connection pool.
    Sockets(reqwest::Client),
    /// Straight into a simulated world, without sockets, threads or real time.
    #[cfg(test)]
    Wire(crate::simulation::Wire),
}

/// A connection pool to one base, with the headers that every request has.
#[derive(Debug)]
pub(super) struct Http {
    carrier: Carrier,
    base: Url,
    headers_of_reads: HeaderMap,
    headers_of_writes: HeaderMap,
}

impl Http {
    pub fn new(base: &ApiBase, key: &SecretKey, timeouts: Timeouts) -> Result<Self, ClientError> {
        Self::over(Carrier::Sockets(http_client(base, timeouts)?), base, key)
    }

    /// The same over a simulation's wire, which has [`Timeouts::STRIPE`] of its own.
    #[cfg(test)]
    pub fn simulated(
        base: &ApiBase,
        key: &SecretKey,
        wire: crate::simulation::Wire,
    ) -> Result<Self, ClientError> {
        Self::over(Carrier::Wire(wire), base, key)
    }

    fn over(carrier: Carrier, base: &ApiBase, key: &SecretKey) -> Result<Self, ClientError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.expose()))?;
        authorization.set_sensitive(true);
        let headers_of_reads = HeaderMap::from_iter([
            (AUTHORIZATION, authorization),
            (
                HeaderName::from_static("stripe-version"),
                HeaderValue::from_static(STRIPE_VERSION),
            ),
        ]);
        let mut headers_of_writes = headers_of_reads.clone();
        headers_of_writes.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        Ok(Self {
            carrier,
            base: base.url().clone(),
            headers_of_reads,
            headers_of_writes,
        })
    }

    /// Sends `request` once. A write carries `key`.
    pub async fn send(
        &self,
        request: &Request,
        key: Option<IdempotencyKey>,
    ) -> Result<WireAnswer, Lost> {
        let request = self.prepare(request, key).map_err(|_| Lost {
            cause: Cause::NoConnection,
            effect: Effect::None,
        })?;
        #[cfg_attr(
            not(test),
            expect(
                clippy::infallible_destructuring_match,
                reason = "a simulation has the other carrier"
            )
        )]
        let client = match &self.carrier {
            Carrier::Sockets(client) => client,
            #[cfg(test)]
            Carrier::Wire(wire) => return wire.send(&request).await,
        };
        let response = client
            .execute(request)
            .await
            .map_err(|error| lost(&error))?;
        let status = response.status().as_u16();
        let headers = AnswerHeaders::read(|name| response.headers().get(name)?.to_str().ok());
        let body = read_body(response).await.map_err(|error| lost(&error))?;
        Ok(WireAnswer {
            status,
            headers,
            body,
        })
    }

    fn prepare(
        &self,
        request: &Request,
        key: Option<IdempotencyKey>,
    ) -> Result<reqwest::Request, InvalidHeaderValue> {
        let mut url = self.base.clone();
        url.set_path(&request.path);
        if !request.query.is_empty() {
            url.set_query(Some(&request.query));
        }
        let (method, headers) = match request.method {
            Method::Get => (reqwest::Method::GET, &self.headers_of_reads),
            Method::Post => (reqwest::Method::POST, &self.headers_of_writes),
            Method::Delete => (reqwest::Method::DELETE, &self.headers_of_reads),
        };
        let mut prepared = reqwest::Request::new(method, url);
        *prepared.headers_mut() = headers.clone();
        if let Some(account) = &request.account {
            let account = HeaderValue::from_str(account.as_str())?;
            prepared.headers_mut().insert(STRIPE_ACCOUNT, account);
        }
        if let Some(key) = key.filter(|_| request.method == Method::Post) {
            let key = HeaderValue::try_from(key.to_string())?;
            prepared.headers_mut().insert(IDEMPOTENCY_KEY, key);
        }
        match request.method {
            Method::Get | Method::Delete => {}
            Method::Post => *prepared.body_mut() = Some(request.body.clone().into()),
        }
        Ok(prepared)
    }
}

fn http_client(base: &ApiBase, timeouts: Timeouts) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("pmclone/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.whole)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        // A connection that died unnoticed is found out before the whole-request timeout.
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(20))
        // Idle connections are dropped before the peer, or a router between, drops them (a minute and more, mostly).
        .pool_idle_timeout(Duration::from_secs(45));
    if !base.is_loopback() {
        return builder.https_only(true).build();
    }
    // "localhost" is pinned, so that no resolver can lead it off this machine.
    let here = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
    ];
    let builder = builder.no_proxy().resolve_to_addrs("localhost", &here);
    // Reading this machine's certificates takes as long as all the rest of a short run.
    match base.url().scheme() {
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.build(),
    }
}

/// Reads no more than the bound and one byte: that it is too long is then seen by its length.
async fn read_body(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let told = response.content_length().unwrap_or(0);
    let capacity = usize::try_from(told)
        .unwrap_or(usize::MAX)
        .min(BODY_MAX_BYTES);
    let mut body = Vec::with_capacity(capacity);
    while let Some(chunk) = response.chunk().await? {
        let room = (BODY_MAX_BYTES + 1).saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() > BODY_MAX_BYTES {
            break;
        }
    }
    Ok(body)
}

/// Only a connection that never stood proves that nothing was sent. The error's text is dropped: it could hold the URL.
fn lost(error: &reqwest::Error) -> Lost {
    if error.is_connect() {
        Lost {
            cause: Cause::NoConnection,
            effect: Effect::None,
        }
    } else if error.is_timeout() {
        Lost {
            cause: Cause::TimedOut,
            effect: Effect::Possible,
        }
    } else {
        Lost {
            cause: Cause::Lost,
            effect: Effect::Possible,
        }
    }
}
