//! What the world answers, and the errors that it answers with.

use super::ids::Moment;
use serde_json::{Map, Value, json};

/// The version that is named when a request pins none: the newest that the simulator was written against.
pub const DEFAULT_VERSION: &str = "2026-09-30.endive";

/// An answer, without transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
    /// Virtual time in unix seconds, for the header `Date`.
    pub date: i64,
    /// `Request-Id`; Stripe leaves it out where the account may not be reached.
    pub request_id: Option<String>,
    /// `Idempotency-Key`: the one sent, or one that the server made up for a POST.
    pub idempotency_key: Option<String>,
    /// `Original-Request`: the first request that was executed under this key.
    pub original_request: Option<String>,
    /// `Idempotent-Replayed: true`.
    pub replayed: bool,
    /// `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
    /// `Stripe-Rate-Limited-Reason`.
    pub rate_limited_reason: Option<&'static str>,
    /// `Stripe-Version`.
    pub version: String,
    /// `Stripe-Account`.
    pub account: Option<String>,
    /// Whether handling it changed the world: such a request has to be in the journal before the answer is sent.
    pub effect: bool,
}

impl Response {
    /// The headers that this answer carries, apart from those of the transport.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let since_epoch =
            std::time::Duration::from_secs(u64::try_from(self.date).unwrap_or_default());
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch);
        let flag = |value: bool| if value { "true" } else { "false" }.to_owned();
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("date", date),
            ("stripe-version", self.version.clone()),
        ];
        let optional = [
            ("request-id", self.request_id.clone()),
            ("idempotency-key", self.idempotency_key.clone()),
            ("original-request", self.original_request.clone()),
            ("idempotent-replayed", self.replayed.then(|| flag(true))),
            ("stripe-should-retry", self.should_retry.map(flag)),
            (
                "stripe-rate-limited-reason",
                self.rate_limited_reason.map(str::to_owned),
            ),
            ("stripe-account", self.account.clone()),
        ];
        headers.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        headers
    }

    /// The value of one header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers()
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// The `type` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Stripe's own fault.
    Api,
    /// A card that was declined.
    Card,
    /// A key used for something else.
    Idempotency,
    /// The caller's fault.
    InvalidRequest,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "api_error",
            Self::Card => "card_error",
            Self::Idempotency => "idempotency_error",
            Self::InvalidRequest => "invalid_request_error",
        }
    }
}

/// Everything an error object may say. Built by the functions below and finished with the request's id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub status: u16,
    pub kind: Kind,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
    /// Further members: `decline_code`, `charge`, `payment_intent` and the like.
    pub more: Map<String, Value>,
    /// `Stripe-Should-Retry`, where it differs from what the method implies.
    pub should_retry: Option<bool>,
    pub rate_limited_reason: Option<&'static str>,
    /// Whether the answer lacks `Request-Id` (observed of 403 `account_invalid` only).
    pub anonymous: bool,
}

impl Failure {
    pub fn new(status: u16, kind: Kind, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            message: message.into(),
            param: None,
            more: Map::new(),
            should_retry: None,
            rate_limited_reason: None,
            anonymous: false,
        }
    }

    /// 400 `invalid_request_error`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, Kind::InvalidRequest, message)
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub fn retry(mut self, should_retry: bool) -> Self {
        self.should_retry = Some(should_retry);
        self
    }

    /// A failure on Stripe's side.
    pub fn server(status: u16) -> Self {
        Self::new(
            status,
            Kind::Api,
            "An unknown error occurred while the simulator was told to fail.",
        )
    }

    /// The limiter's refusal, with the reason that Stripe documents.
    pub fn rate_limited(reason: &'static str, should_retry: Option<bool>) -> Self {
        let mut failure = Self::new(
            429,
            Kind::InvalidRequest,
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        )
        .code("rate_limit");
        failure.rate_limited_reason = Some(reason);
        failure.should_retry = should_retry;
        failure
    }

    /// Another request holds the object; nothing was done.
    pub fn lock_timeout() -> Self {
        Self::new(
            429,
            Kind::InvalidRequest,
            "This object cannot be accessed right now because another API request or Stripe process is currently \
             accessing it. If you are making concurrent requests to a single object, make them one after the other.",
        )
        .code("lock_timeout")
        .retry(true)
    }

    /// Another request with this key is being executed.
    pub fn key_in_use(key: &str) -> Self {
        Self::new(
            409,
            Kind::InvalidRequest,
            format!(
                "There is currently another in-progress request using this Idempotent Key (that probably means you \
                 submitted twice, and the other request is still going through): {key}. Please try again later."
            ),
        )
        .code("idempotency_key_in_use")
    }

    /// A key that was used with other parameters.
    pub fn key_other_parameters(key: &str) -> Self {
        Self::new(
            400,
            Kind::Idempotency,
            format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            ),
        )
    }

    /// A key that was used on another endpoint.
    pub fn key_other_endpoint(key: &str, now: &str, first: &str) -> Self {
        Self::new(
            400,
            Kind::Idempotency,
            format!(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for \
                 ('{now}' vs '{first}'). Try using a key other than '{key}' if you meant to execute a different request."
            ),
        )
    }

    /// The error object, as it stands in the body.
    pub fn body(&self, request_id: &str, livemode: bool, account: &str) -> String {
        let mut error = Map::new();
        if let Some(code) = self.code {
            error.insert("code".into(), code.into());
            let page = code.replace('_', "-");
            error.insert(
                "doc_url".into(),
                format!("https://stripe.com/docs/error-codes/{page}").into(),
            );
        }
        error.insert("message".into(), self.message.clone().into());
        if let Some(param) = &self.param {
            error.insert("param".into(), param.clone().into());
        }
        if !self.anonymous {
            let mode = if livemode { "" } else { "test/" };
            let url = format!(
                "https://dashboard.stripe.com/{account}/{mode}workbench/logs?object={request_id}"
            );
            error.insert("request_log_url".into(), url.into());
        }
        error.insert("type".into(), self.kind.name().into());
        error.extend(self.more.clone());
        json!({ "error": error }).to_string()
    }
}

/// Where an id that names nothing stood: in the URL it is a 404, in the parameters a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Url(&'a str),
    Parameter(&'a str),
}

/// `resource_missing`: no such object. `hint` says why, where Stripe does.
pub(super) fn missing(noun: &str, id: &str, place: Place<'_>, hint: Option<&str>) -> Failure {
    let message = match hint {
        Some(hint) => format!("No such {noun}: '{id}'; {hint}"),
        None => format!("No such {noun}: '{id}'"),
    };
    let (status, param) = match place {
        Place::Url(param) => (404, param),
        Place::Parameter(param) => (400, param),
    };
    Failure::new(status, Kind::InvalidRequest, message)
        .code("resource_missing")
        .param(param)
}

/// A response that carries only what every answer does; the caller fills in the rest.
pub(super) fn bare(moment: Moment, status: u16, body: String) -> Response {
    Response {
        status,
        body,
        date: moment.unix,
        request_id: None,
        idempotency_key: None,
        original_request: None,
        replayed: false,
        should_retry: None,
        rate_limited_reason: None,
        version: DEFAULT_VERSION.to_owned(),
        account: None,
        effect: false,
    }
}
