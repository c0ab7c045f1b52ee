//! From the outcome of a request to its answer: the headers that Stripe sets, and when it sets them.

use super::ids::{self, Moment};
use super::keys::Credentials;
use super::request::{Method, Request};
use super::response::{DEFAULT_VERSION, Failure, Response, bare};
use super::world::{Handling, Laws};

/// A request and what is known so far about its answer.
pub(super) struct Reply<'a> {
    pub moment: Moment,
    pub request: &'a Request,
    pub request_id: String,
    pub handling: Handling,
    /// Whether the endpoint was begun, and so may have changed something.
    pub executed: bool,
    /// The number of the first request under the same key, if this is a replay.
    pub original: Option<u64>,
}

impl<'a> Reply<'a> {
    pub fn new(laws: &Laws, moment: Moment, request: &'a Request) -> Self {
        Self {
            moment,
            request,
            request_id: ids::request_id(laws.seed, moment.number),
            handling: Handling::Normal,
            executed: false,
            original: None,
        }
    }

    /// Puts status, body and headers together.
    pub fn response(self, laws: &Laws, outcome: Result<(u16, String), Failure>) -> Response {
        let request = self.request;
        let mut anonymous = false;
        let mut response = match outcome {
            Ok((status, body)) => bare(self.moment, status, body),
            Err(failure) => {
                anonymous = failure.anonymous;
                self.refusal(laws, &failure)
            }
        };
        response.version = request
            .version
            .clone()
            .unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        response.effect = self.executed;
        if !anonymous {
            response.account = request.connected_account().map(str::to_owned);
        }
        if request.method == Method::Post && !anonymous && response.status != 401 {
            self.answer_to_post(laws, &mut response);
        }
        if let Some(number) = self.original {
            response.replayed = true;
            response.original_request = Some(ids::request_id(laws.seed, number));
        }
        response.request_id = (!anonymous).then_some(self.request_id);
        response
    }

    fn answer_to_post(&self, laws: &Laws, response: &mut Response) {
        let key = self.request.idempotency_key.clone();
        if self.executed && key.is_some() {
            response.original_request = Some(self.request_id.clone());
        }
        response.idempotency_key =
            Some(key.unwrap_or_else(|| ids::made_up_key(laws.seed, self.moment.number)));
        // Observed on every POST that was answered; not where the limiter, a lock or an outage came before it.
        let turned_away =
            matches!(response.status, 409 | 429) || (response.status >= 500 && !self.executed);
        if !turned_away || self.original.is_some() {
            response.should_retry = response.should_retry.or(Some(false));
        }
    }

    fn refusal(&self, laws: &Laws, failure: &Failure) -> Response {
        let credentials = &self.request.credentials;
        let livemode = matches!(credentials, Credentials::Key { kind, .. } if kind.livemode());
        let account = self
            .request
            .connected_account()
            .unwrap_or(&laws.platform_account);
        let body = failure.body(&self.request_id, livemode, account);
        let mut response = bare(self.moment, failure.status, body);
        response.should_retry = failure.should_retry;
        response.rate_limited_reason = failure.rate_limited_reason;
        response
    }
}
