//! How attempts end: counted for the metrics, and told to the log.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::super::answer::{Again, Cause, LimitedBy, WireAnswer};
use super::super::refusal::Refusal;
use super::super::request::{Endpoint, Request};
use crate::ids::AccountId;
use crate::log;
use crate::state::StepKind;
use crate::store::Started;

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Stripe did it, or told it.
    Done,
    /// Stripe said a final no.
    Refused,
    /// A rate limit refused it.
    RateLimited,
    /// The object is locked, or the same key is under way.
    Locked,
    /// A failure at Stripe's side.
    ServerError,
    /// An answer that could not be understood.
    NotUnderstood,
    /// No connection came about.
    NoConnection,
    /// The connection broke before the answer was complete.
    Lost,
    /// No answer in time.
    TimedOut,
}

impl AttemptEnd {
    /// Every end, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Refused,
        Self::RateLimited,
        Self::Locked,
        Self::ServerError,
        Self::NotUnderstood,
        Self::NoConnection,
        Self::Lost,
        Self::TimedOut,
    ];

    /// The stable name that the log and the metrics use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::Locked => "locked",
            Self::ServerError => "server_error",
            Self::NotUnderstood => "not_understood",
            Self::NoConnection => "no_connection",
            Self::Lost => "lost",
            Self::TimedOut => "timed_out",
        }
    }

    /// `status`: of the answer, if one came; `again`: why the attempt settled nothing.
    fn of(status: Option<u16>, again: Option<&Again>) -> Self {
        match (again.map(|again| again.cause), status) {
            (Some(Cause::RateLimited(_)), _) => Self::RateLimited,
            (Some(Cause::Locked | Cause::Conflict), _) => Self::Locked,
            (Some(Cause::Server(_)), _) | (None, Some(500..)) => Self::ServerError,
            (Some(Cause::NotUnderstood(_)), _) => Self::NotUnderstood,
            (Some(Cause::NoConnection), _) => Self::NoConnection,
            (Some(Cause::Lost), _) => Self::Lost,
            (Some(Cause::TimedOut), _) => Self::TimedOut,
            (None, Some(200) | None) => Self::Done,
            (None, Some(_)) => Self::Refused,
        }
    }
}

/// Every reason that Stripe has for a 429, with its stable name.
pub const LIMITED_BY: [(LimitedBy, &str); 6] = [
    (LimitedBy::GlobalRate, "global-rate"),
    (LimitedBy::GlobalConcurrency, "global-concurrency"),
    (LimitedBy::EndpointRate, "endpoint-rate"),
    (LimitedBy::EndpointConcurrency, "endpoint-concurrency"),
    (LimitedBy::Resource, "resource-specific"),
    (LimitedBy::Untold, "untold"),
];

/// How the attempts since the client was made ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Attempts by endpoint and end; those alone that there were.
    pub ended: Vec<(Endpoint, AttemptEnd, u64)>,
    /// 429s by their reason.
    pub limited: [(&'static str, u64); LIMITED_BY.len()],
}

impl Default for AttemptCounts {
    fn default() -> Self {
        Self {
            ended: Vec::new(),
            limited: LIMITED_BY.map(|(_, name)| (name, 0)),
        }
    }
}

/// Counts without locks.
#[derive(Debug, Default)]
pub(super) struct Ends {
    ended: [[AtomicU64; AttemptEnd::ALL.len()]; Endpoint::ALL.len()],
    limited: [AtomicU64; LIMITED_BY.len()],
}

impl Ends {
    fn count(&self, endpoint: Endpoint, end: AttemptEnd, limited_by: Option<LimitedBy>) {
        let of_endpoint = AttemptEnd::ALL.iter().zip(&self.ended[endpoint.index()]);
        for (_, count) in of_endpoint.filter(|(each, _)| **each == end) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let limited = LIMITED_BY.iter().zip(&self.limited);
        for (_, count) in limited.filter(|((each, _), _)| Some(*each) == limited_by) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn read(&self) -> AttemptCounts {
        let mut ended = Vec::new();
        for endpoint in Endpoint::ALL {
            let counts = AttemptEnd::ALL.iter().zip(&self.ended[endpoint.index()]);
            let counts = counts.map(|(end, count)| (endpoint, *end, count.load(Ordering::Relaxed)));
            ended.extend(counts.filter(|(_, _, count)| *count > 0));
        }
        let limited = std::array::from_fn(|index| {
            let (_, name) = LIMITED_BY[index];
            (name, self.limited[index].load(Ordering::Relaxed))
        });
        AttemptCounts { ended, limited }
    }
}

/// An attempt that is under way.
pub(super) struct Attempt<'a> {
    pub request: &'a Request,
    pub started: Option<&'a Started>,
    /// The first of a call is 1.
    pub number: u32,
    pub begun: Instant,
}

impl Attempt<'_> {
    /// Counts how it ended, and logs it.
    pub fn end(&self, ends: &Ends, wire: Option<&WireAnswer>, again: Option<&Again>) {
        let end = AttemptEnd::of(wire.map(|wire| wire.status), again);
        let limited_by = match again.map(|again| again.cause) {
            Some(Cause::RateLimited(limited_by)) => Some(limited_by),
            Some(_) | None => None,
        };
        ends.count(self.request.endpoint, end, limited_by);
        if tracing::enabled!(tracing::Level::INFO) {
            self.log(end, limited_by, wire);
        }
    }

    /// Nothing of the answer's text but its code: Stripe's messages quote what it was sent.
    fn log(&self, end: AttemptEnd, limited_by: Option<LimitedBy>, wire: Option<&WireAnswer>) {
        let endpoint = self.request.endpoint.name();
        let (method, path) = endpoint.split_once(' ').unwrap_or(("", endpoint));
        let account = self.request.account.as_ref();
        let refusal = wire.filter(|wire| wire.status >= 400);
        let refusal = refusal.and_then(|wire| Refusal::parse(wire.status, &wire.body, None));
        let code = |told: Option<&String>| told.and_then(|told| log::code(told)).map(str::to_owned);
        let named = |by| LIMITED_BY.iter().find(|(each, _)| *each == by);
        let request_id = wire.and_then(|wire| wire.headers.request_id.as_ref());
        macro_rules! at_level {
            ($level:ident) => {
                tracing::$level!(
                    event = "request",
                    method,
                    path,
                    account = account.map(AccountId::as_str),
                    step = self.step(),
                    outcome = end.name(),
                    status = wire.map(|wire| wire.status),
                    code = code(refusal.as_ref().and_then(|refusal| refusal.code.as_ref())),
                    decline_code = code(refusal.as_ref().and_then(|r| r.decline_code.as_ref())),
                    limited_by = limited_by.and_then(named).map(|(_, name)| *name),
                    request_id = request_id.and_then(|id| log::id(id.as_str())),
                    replayed = wire.map(|wire| wire.headers.replayed),
                    attempt = self.number,
                    ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                    idempotency_key = self.started.map(|started| started.key().to_string()),
                )
            };
        }
        if end == AttemptEnd::Done {
            at_level!(info);
        } else {
            at_level!(warn);
        }
    }

    /// The step that the write is, by where it goes; none of a migration's otherwise.
    fn step(&self) -> Option<&'static str> {
        self.started?;
        let connected = self.request.account.is_some();
        let kind = match (self.request.endpoint, connected) {
            (Endpoint::CreateCustomer, false) => StepKind::CreatePlatformCustomer,
            (Endpoint::CreateCustomer, true) => StepKind::CreateConnectedCustomer,
            (Endpoint::CreatePaymentMethod, _) => StepKind::ClonePaymentMethod,
            (Endpoint::AttachPaymentMethod, false) => StepKind::AttachPlatformPaymentMethod,
            (Endpoint::AttachPaymentMethod, true) => StepKind::AttachConnectedPaymentMethod,
            _ => return None,
        };
        Some(kind.name())
    }
}
