//! PURE. The ways in which an attempt, a step or a run comes to nothing, each with its words.

use super::LimitedBy;
use crate::ids::RequestId;
use crate::stripe::STRIPE_VERSION;

/// Why no attempt of a call was executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotExecuted {
    /// The run is draining.
    #[error("it was not sent, or not sent again, since the run is stopping")]
    Draining,
    /// The run is held, and this was the first attempt of the call.
    #[error("it was not sent, since the run is paused")]
    Held,
    /// All patience, or all attempts, are used up.
    #[error("it was given up: {0}")]
    GaveUp(Again),
}

/// Why the run must stop. The step stays as it was: its intent is resent by the next run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}{}", quoted(.message), named(.request_id.as_ref()))]
pub struct Stop {
    /// What stops it, and what to do.
    pub kind: StopKind,
    /// What the answer said, masked.
    pub message: String,
    /// Absent where it was not Stripe that answered.
    pub request_id: Option<RequestId>,
}

/// What stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopKind {
    /// 401.
    #[error("Stripe does not accept the key: check it, or make a new one in the Dashboard")]
    Key,
    /// 403, other than for a connected account that cannot be reached.
    #[error(
        "the key lacks a permission: grant it in the Dashboard, or use another key, and run again"
    )]
    Permission,
    /// The object's `livemode` is not the key's.
    #[error("Stripe answered from the other mode than the key's: nothing more is sent")]
    WrongMode,
    /// A redirect, or a 401, 403, 404 or 407 that Stripe did not write.
    #[error(
        "something other than Stripe's API answered: check --api-base and any proxy between here and Stripe"
    )]
    NotStripe,
    /// Stripe no longer knows the pinned version.
    #[error(
        "Stripe refuses the API version {} that this release is made for: look for a newer pmclone",
        STRIPE_VERSION
    )]
    ApiVersion,
}

/// An attempt that settled nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}{}{}", quoted(.message), named(.request_id.as_ref()))]
pub struct Again {
    /// What happened.
    pub cause: Cause,
    /// Whether the attempt may have had effect.
    pub effect: Effect,
    /// What the answer said, masked; empty if there was none.
    pub message: String,
    /// Absent where there was no answer.
    pub request_id: Option<RequestId>,
}

/// Whether an attempt may have had effect at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Effect {
    /// It certainly had none.
    #[default]
    None,
    /// Nobody knows.
    Possible,
}

/// What kept an attempt from settling the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// 429, or 400 `rate_limit`.
    #[error("Stripe's rate limit ({0})")]
    RateLimited(LimitedBy),
    /// `lock_timeout`: the object is being written by somebody else.
    #[error("the object is locked by another request")]
    Locked,
    /// 409, mostly `idempotency_key_in_use`: the attempt before is still being executed.
    #[error("a request with the same key is still running at Stripe")]
    Conflict,
    /// 408, 424 or 5xx that is not a stored one.
    #[error("a failure at Stripe's side (HTTP {0})")]
    Server(u16),
    /// It is no answer of Stripe's to this request.
    #[error("an answer that could not be understood ({0})")]
    NotUnderstood(Garbled),
    /// No connection came about, so nothing was sent.
    #[error("no connection to Stripe")]
    NoConnection,
    /// The connection broke, before or within the answer.
    #[error("the connection was lost before the answer was complete")]
    Lost,
    /// No complete answer came in time.
    #[error("no answer in time")]
    TimedOut,
}

/// What is wrong with an answer that could not be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// Not JSON, or without the fields that every object of Stripe's has.
    #[error("it is not a Stripe object")]
    NotAnObject,
    /// An object of another kind.
    #[error("it is another kind of object")]
    OtherObject,
    /// The id's prefix is wrong, or an attach names another PaymentMethod, or a clone its own source.
    #[error("it has an unexpected id")]
    OtherId,
    /// An attach names another Customer, or none; a Customer has the marks of another.
    #[error("it names another Customer")]
    OtherCustomer,
    /// The key or the account that it repeats is another request's.
    #[error("it is the answer to another request")]
    OtherRequest,
    /// A success other than 200, or an error without Stripe's envelope.
    #[error("its status {0} came without Stripe's error envelope")]
    Status(u16),
    /// Longer than [`crate::stripe::BODY_MAX_BYTES`].
    #[error("it is too long")]
    TooLong,
}

/// Why the outcome of a step is not known, and sending again cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}{}", quoted(.message), named(.request_id.as_ref()))]
pub struct Doubt {
    /// What is known.
    pub kind: DoubtKind,
    /// What the last answer said, masked.
    pub message: String,
    /// Of the last answer, if there was one.
    pub request_id: Option<RequestId>,
}

/// The kinds of doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DoubtKind {
    /// No attempt was answered for certain, within the bounds. May be sent again under the same key while that is young.
    #[error("no certain answer came: {0}")]
    NoAnswer(Cause),
    /// The key is 23 hours old, or its age cannot be told: reconcile by reading.
    #[error("the intent is too old to be sent again under its key")]
    Expired,
    /// Stripe replays a 5xx it stored under the key: reconcile by reading.
    #[error("Stripe stored a server error under the key")]
    StoredServerError,
    /// Stripe says that the key was first used with other parameters: reconcile by reading.
    #[error("the key was first used with other parameters")]
    IdempotencyConflict,
}

fn quoted(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn named(request_id: Option<&RequestId>) -> String {
    request_id.map_or_else(String::new, |id| format!(" ({id})"))
}
