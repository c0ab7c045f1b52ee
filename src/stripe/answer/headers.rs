//! PURE. The few headers of an answer that are read.

use std::time::UNIX_EPOCH;

use crate::ids::{AccountId, IdempotencyKey, RequestId};
use crate::time::StripeTime;

/// The headers that tell something. A value that cannot be read counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerHeaders {
    /// `Request-Id`: every answer by Stripe has one, except 403 `account_invalid`.
    pub request_id: Option<RequestId>,
    /// `Date`.
    pub date: Option<StripeTime>,
    /// `Stripe-Should-Retry`.
    pub advice: Advice,
    /// `Stripe-Rate-Limited-Reason`.
    pub limited_by: LimitedBy,
    /// `Idempotent-Replayed: true`.
    pub replayed: bool,
    /// `Retry-After`. Stripe sends none; what stands between may.
    pub retry_after_ms: Option<u64>,
    /// `Stripe-Notice`: word of an outdated version, and the like.
    pub notice: Option<String>,
    /// `Idempotency-Key`, which Stripe repeats on every answer to a write.
    pub idempotency_key: Option<String>,
    /// `Stripe-Account`, repeated from the request.
    pub account: Option<String>,
}

/// What `Stripe-Should-Retry` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Advice {
    /// `true`.
    Retry,
    /// `false`. Ordinary 200s have it too.
    DoNotRetry,
    /// No such header.
    #[default]
    Silent,
}

/// What `Stripe-Rate-Limited-Reason` names (<https://docs.stripe.com/rate-limits>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, thiserror::Error)]
pub enum LimitedBy {
    /// `global-rate`: requests per second of the account.
    #[error("requests per second of the account")]
    GlobalRate,
    /// `global-concurrency`: requests at once of the account.
    #[error("requests at once of the account")]
    GlobalConcurrency,
    /// `endpoint-rate`: requests per second of the endpoint.
    #[error("requests per second of the endpoint")]
    EndpointRate,
    /// `endpoint-concurrency`: requests at once of the endpoint.
    #[error("requests at once of the endpoint")]
    EndpointConcurrency,
    /// `resource-specific`: requests for one object.
    #[error("requests for one object")]
    Resource,
    /// Any other reason, or none.
    #[default]
    #[error("reason not told")]
    Untold,
}

impl AnswerHeaders {
    /// Reads the headers by their names, which `get` is asked for in lower case.
    pub fn read<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        Self {
            request_id: get("request-id").and_then(RequestId::parse),
            date: get("date").and_then(parse_date),
            advice: get("stripe-should-retry").map_or(Advice::Silent, parse_advice),
            limited_by: get("stripe-rate-limited-reason").map_or(LimitedBy::Untold, parse_limit),
            replayed: get("idempotent-replayed") == Some("true"),
            retry_after_ms: get("retry-after")
                .and_then(|text| text.parse::<u64>().ok())
                .map(|seconds| seconds.saturating_mul(1000)),
            notice: get("stripe-notice").map(super::super::redact::mask),
            idempotency_key: get("idempotency-key").map(str::to_owned),
            account: get("stripe-account").map(str::to_owned),
        }
    }

    /// True where the answer names another request than the one that was sent: a connection that is out of step, or a proxy
    /// that mixed two answers up. A clone tells by nothing else whose it is. What is not repeated is not judged.
    pub fn answers_another(
        &self,
        key: Option<IdempotencyKey>,
        account: Option<&AccountId>,
    ) -> bool {
        let other_key = match (&self.idempotency_key, key) {
            (Some(told), Some(sent)) => *told != sent.to_string(),
            (Some(_), None) | (None, _) => false,
        };
        let other_account = match (&self.account, account) {
            (Some(told), Some(sent)) => told != sent.as_str(),
            (Some(_), None) | (None, _) => false,
        };
        other_key || other_account
    }
}

fn parse_date(text: &str) -> Option<StripeTime> {
    let date = httpdate::parse_http_date(text).ok()?;
    let seconds = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok().map(StripeTime)
}

fn parse_advice(text: &str) -> Advice {
    match text {
        "true" => Advice::Retry,
        "false" => Advice::DoNotRetry,
        _ => Advice::Silent,
    }
}

fn parse_limit(text: &str) -> LimitedBy {
    match text {
        "global-rate" => LimitedBy::GlobalRate,
        "global-concurrency" => LimitedBy::GlobalConcurrency,
        "endpoint-rate" => LimitedBy::EndpointRate,
        "endpoint-concurrency" => LimitedBy::EndpointConcurrency,
        "resource-specific" => LimitedBy::Resource,
        _ => LimitedBy::Untold,
    }
}
