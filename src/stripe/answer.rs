//! PURE. What Stripe's answer to a write means.
//!
//! Hazards: (1) a 200 that is not the object asked for must not be taken for it; (2) an answer that Stripe did not write (a
//! proxy's page, half a body) must not become a refusal; (3) only an answer that says so proves that nothing was executed.

mod headers;
#[cfg(test)]
mod tests;
mod trouble;

use serde::Deserialize;

pub use headers::{Advice, AnswerHeaders, LimitedBy};
pub use trouble::{Again, Cause, Doubt, DoubtKind, Effect, Garbled, NotExecuted, Stop, StopKind};

use super::BODY_MAX_BYTES;
use super::key::Mode;
use super::redact::mask;
use super::refusal::Refusal;
use super::request::Write;
use crate::ids::{CustomerId, PaymentMethodId, RequestId};

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct WireAnswer {
    /// HTTP status.
    pub status: u16,
    /// The headers that are read.
    pub headers: AnswerHeaders,
    /// At most [`super::BODY_MAX_BYTES`].
    pub body: Vec<u8>,
}

/// What a write came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The object is there.
    Done(Created),
    /// A final no to this source or customer.
    Refused(Refusal),
    /// The PaymentMethod is attached already, to whom it does not say: read it. Only attaches are answered so.
    AlreadyAttached(Refusal),
    /// The connected account cannot be reached with this key.
    AccountInvalid(Refusal),
    /// No request of this run can succeed, or none may be sent.
    Stop(Stop),
    /// It may have had effect, and nobody knows.
    Doubt(Doubt),
    /// No attempt *of this call* had any effect: the intent stays, and is sent again later under its key. A step that an
    /// earlier call left in doubt is in doubt still.
    NotExecuted(NotExecuted),
}

/// How a call ended that no answer settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unsure {
    /// It may have had effect.
    Doubt(Doubt),
    /// No attempt of this call had any.
    NotExecuted(NotExecuted),
}

impl From<Unsure> for Outcome {
    fn from(unsure: Unsure) -> Self {
        match unsure {
            Unsure::Doubt(doubt) => Self::Doubt(doubt),
            Unsure::NotExecuted(not) => Self::NotExecuted(not),
        }
    }
}

/// The object that a write made or attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id, of the kind that the write makes.
    pub id: ObjectId,
    /// By which Stripe's support finds the answer.
    pub request_id: Option<RequestId>,
    /// True where Stripe says it gave a stored answer: the write had been executed before.
    pub replayed: bool,
}

/// An id of either kind of object that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectId {
    /// From the two creates.
    Customer(CustomerId),
    /// From the clone and the two attaches.
    PaymentMethod(PaymentMethodId),
}

impl ObjectId {
    /// The id as Stripe writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Customer(id) => id.as_str(),
            Self::PaymentMethod(id) => id.as_str(),
        }
    }
}

/// The fields that tell whether a 200 is the object that was asked for. Stripe's other fields are skipped unread.
#[derive(Deserialize)]
struct Object {
    #[serde(rename = "object")]
    kind: String,
    id: String,
    livemode: bool,
    customer: Option<String>,
    metadata: Option<Marks>,
}

/// The marks that this tool leaves on a Customer: see [`super::request`].
#[derive(Deserialize)]
struct Marks {
    pmclone_migration: Option<String>,
    legacy_customer_id: Option<String>,
    platform_customer: Option<String>,
}

impl Marks {
    /// True where they are there and are not those that the write asked for: it is somebody else's Customer.
    fn are_others(&self, write: &Write<'_>) -> bool {
        let (markers, platform_customer) = match write {
            Write::CreatePlatformCustomer { markers, .. } => (markers, None),
            Write::CreateConnectedCustomer {
                markers,
                platform_customer,
                ..
            } => (markers, Some(platform_customer.as_str())),
            // The platform's Customer is not named by a change: what is on the Customer was compared when it was made.
            Write::UpdateCustomer { markers, .. } | Write::SetDefault { markers, .. } => {
                (markers, self.platform_customer.as_deref())
            }
            Write::AttachPlatformPaymentMethod { .. }
            | Write::ClonePaymentMethod { .. }
            | Write::AttachConnectedPaymentMethod { .. }
            | Write::DetachConnectedPaymentMethod { .. } => return false,
        };
        let other = |told: &Option<String>, asked: Option<&str>| {
            told.as_deref().is_some_and(|told| Some(told) != asked)
        };
        other(&self.legacy_customer_id, Some(markers.legacy_id.as_str()))
            || other(
                &self.pmclone_migration,
                Some(&markers.migration.to_string()),
            )
            || other(&self.platform_customer, platform_customer)
    }
}

/// Tells what `wire` means as the answer to `write`, sent with a key of that mode. `Err` settles nothing: send it again
/// with the same idempotency key.
pub fn classify(write: &Write<'_>, mode: Mode, wire: &WireAnswer) -> Result<Outcome, Again> {
    if wire.status == 200 {
        return match created(write, mode, wire) {
            Ok(created) => Ok(Outcome::Done(created)),
            Err(Untaken::WrongMode) => Ok(Outcome::Stop(wire.stop(StopKind::WrongMode, None))),
            Err(Untaken::Garbled(garbled)) => Err(wire.garbled(garbled)),
        };
    }
    match no(wire, write.account().is_some()) {
        No::Refused(refusal) if is_attach(write) && refusal.says_already_attached() => {
            Ok(Outcome::AlreadyAttached(refusal))
        }
        No::Refused(refusal) => Ok(Outcome::Refused(refusal)),
        No::AccountInvalid(refusal) => Ok(Outcome::AccountInvalid(refusal)),
        No::Stop(stop) => Ok(Outcome::Stop(stop)),
        No::Doubt(doubt) => Ok(Outcome::Doubt(doubt)),
        No::Again(again) => Err(again),
    }
}

enum Untaken {
    WrongMode,
    Garbled(Garbled),
}

fn created(write: &Write<'_>, mode: Mode, wire: &WireAnswer) -> Result<Created, Untaken> {
    let garbled = |g| Err(Untaken::Garbled(g));
    if wire.body.len() > BODY_MAX_BYTES {
        return garbled(Garbled::TooLong);
    }
    let Ok(object) = serde_json::from_slice::<Object>(&wire.body) else {
        return garbled(Garbled::NotAnObject);
    };
    let kind = match write {
        Write::CreatePlatformCustomer { .. }
        | Write::CreateConnectedCustomer { .. }
        | Write::UpdateCustomer { .. }
        | Write::SetDefault { .. } => "customer",
        Write::AttachPlatformPaymentMethod { .. }
        | Write::ClonePaymentMethod { .. }
        | Write::AttachConnectedPaymentMethod { .. }
        | Write::DetachConnectedPaymentMethod { .. } => "payment_method",
    };
    if object.kind != kind {
        return garbled(Garbled::OtherObject);
    }
    if object.livemode != mode.is_live() {
        return Err(Untaken::WrongMode);
    }
    if object
        .metadata
        .as_ref()
        .is_some_and(|marks| marks.are_others(write))
    {
        return garbled(Garbled::OtherCustomer);
    }
    match expected_id(write, &object) {
        Ok(id) => Ok(Created {
            id,
            request_id: wire.headers.request_id.clone(),
            replayed: wire.headers.replayed,
        }),
        Err(g) => garbled(g),
    }
}

fn expected_id(write: &Write<'_>, object: &Object) -> Result<ObjectId, Garbled> {
    let payment_method = || PaymentMethodId::parse(&object.id).map_err(|_| Garbled::OtherId);
    match write {
        Write::CreatePlatformCustomer { .. } | Write::CreateConnectedCustomer { .. } => {
            CustomerId::parse(&object.id)
                .map(ObjectId::Customer)
                .map_err(|_| Garbled::OtherId)
        }
        Write::UpdateCustomer { customer, .. } | Write::SetDefault { customer, .. } => {
            if object.id != customer.as_str() {
                return Err(Garbled::OtherCustomer);
            }
            Ok(ObjectId::Customer((*customer).clone()))
        }
        Write::ClonePaymentMethod {
            payment_method: source,
            ..
        } => {
            // A clone is an object of its own, and always a `pm_`, whatever its source was.
            if !object.id.starts_with("pm_") || object.id == source.as_str() {
                return Err(Garbled::OtherId);
            }
            payment_method().map(ObjectId::PaymentMethod)
        }
        Write::DetachConnectedPaymentMethod {
            payment_method: sent,
            ..
        } => {
            if object.id != sent.as_str() {
                return Err(Garbled::OtherId);
            }
            if object.customer.is_some() {
                return Err(Garbled::OtherCustomer);
            }
            payment_method().map(ObjectId::PaymentMethod)
        }
        Write::AttachPlatformPaymentMethod {
            payment_method: sent,
            customer,
        }
        | Write::AttachConnectedPaymentMethod {
            payment_method: sent,
            customer,
            ..
        } => {
            if object.id != sent.as_str() {
                return Err(Garbled::OtherId);
            }
            if object.customer.as_deref() != Some(customer.as_str()) {
                return Err(Garbled::OtherCustomer);
            }
            payment_method().map(ObjectId::PaymentMethod)
        }
    }
}

fn is_attach(write: &Write<'_>) -> bool {
    match write {
        Write::AttachPlatformPaymentMethod { .. } | Write::AttachConnectedPaymentMethod { .. } => {
            true
        }
        Write::CreatePlatformCustomer { .. }
        | Write::ClonePaymentMethod { .. }
        | Write::CreateConnectedCustomer { .. }
        | Write::UpdateCustomer { .. }
        | Write::SetDefault { .. }
        | Write::DetachConnectedPaymentMethod { .. } => false,
    }
}

/// What an answer other than 200 means, to a write or to a read.
pub(super) enum No {
    Refused(Refusal),
    AccountInvalid(Refusal),
    Stop(Stop),
    Again(Again),
    Doubt(Doubt),
}

/// Reads an answer other than 200. `connected`: the request carried `Stripe-Account`.
pub(super) fn no(wire: &WireAnswer, connected: bool) -> No {
    let refusal = Refusal::parse(wire.status, &wire.body, wire.headers.request_id.as_ref());
    match (wire.status, refusal) {
        (429, refusal) => No::Again(wire.limited(refusal)),
        (409, refusal) => No::Again(wire.conflict(refusal)),
        (500..=599, refusal) if wire.headers.replayed => {
            No::Doubt(wire.doubt(DoubtKind::StoredServerError, refusal))
        }
        (status @ (408 | 424 | 500..=599), refusal) => {
            No::Again(wire.again(Cause::Server(status), Effect::Possible, refusal))
        }
        // A redirect is never followed, since it would carry the key to where it points. Stripe's API sends none: what
        // answered stands between here and Stripe, or `--api-base` is wrong, and each further request would meet it too.
        (300..=399, refusal) => No::Stop(wire.stop(StopKind::NotStripe, refusal)),
        (401, refusal @ Some(_)) => No::Stop(wire.stop(StopKind::Key, refusal)),
        (403, Some(refusal)) if connected && refusal.has_code("account_invalid") => {
            No::AccountInvalid(refusal)
        }
        (403, refusal @ Some(_)) => No::Stop(wire.stop(StopKind::Permission, refusal)),
        // A firewall's page. A 404 without an envelope is met only where the path leads to another server.
        (401 | 403 | 404 | 407, None) => No::Stop(wire.stop(StopKind::NotStripe, None)),
        (400..=499, Some(refusal)) => told_no(wire, refusal),
        (status, refusal) => No::Again(wire.again(
            Cause::NotUnderstood(Garbled::Status(status)),
            Effect::Possible,
            refusal,
        )),
    }
}

/// A 4xx with Stripe's envelope, other than those about key, account, conflict and rate.
fn told_no(wire: &WireAnswer, refusal: Refusal) -> No {
    if refusal.error_type == "idempotency_error" {
        return No::Doubt(wire.doubt(DoubtKind::IdempotencyConflict, Some(refusal)));
    }
    if refusal.has_code("rate_limit") {
        return No::Again(wire.limited(Some(refusal)));
    }
    // These two refuse every request alike; taken for refusals, they would refuse every customer.
    if refusal.message.starts_with("Invalid Stripe API version") {
        return No::Stop(wire.stop(StopKind::ApiVersion, Some(refusal)));
    }
    if refusal.message.starts_with("Unrecognized request URL") {
        return No::Stop(wire.stop(StopKind::NotStripe, Some(refusal)));
    }
    No::Refused(refusal)
}

impl WireAnswer {
    /// An answer by a limiter: documented as not executed and not stored, so it may be sent again with the same key.
    fn limited(&self, refusal: Option<Refusal>) -> Again {
        let locked = refusal.as_ref().is_some_and(|r| r.has_code("lock_timeout"));
        let cause = if locked {
            Cause::Locked
        } else {
            Cause::RateLimited(self.headers.limited_by)
        };
        self.again(cause, Effect::None, refusal)
    }

    /// A lock that could not be had executed nothing. With any other conflict, the request with the same key that is
    /// still running is one of ours.
    fn conflict(&self, refusal: Option<Refusal>) -> Again {
        let locked = refusal.as_ref().is_some_and(|r| r.has_code("lock_timeout"));
        let (cause, effect) = if locked {
            (Cause::Locked, Effect::None)
        } else {
            (Cause::Conflict, Effect::Possible)
        };
        self.again(cause, effect, refusal)
    }

    pub(super) fn garbled(&self, garbled: Garbled) -> Again {
        self.again(Cause::NotUnderstood(garbled), Effect::Possible, None)
    }

    fn again(&self, cause: Cause, effect: Effect, refusal: Option<Refusal>) -> Again {
        Again {
            cause,
            effect,
            message: message(refusal),
            request_id: self.headers.request_id.clone(),
        }
    }

    pub(super) fn stop(&self, kind: StopKind, refusal: Option<Refusal>) -> Stop {
        let message = match (&refusal, self.status) {
            (Some(_), _) | (None, 200) => message(refusal),
            (None, status) => mask(&format!("HTTP {status}")),
        };
        Stop {
            kind,
            message,
            request_id: self.headers.request_id.clone(),
        }
    }

    fn doubt(&self, kind: DoubtKind, refusal: Option<Refusal>) -> Doubt {
        Doubt {
            kind,
            message: message(refusal),
            request_id: self.headers.request_id.clone(),
        }
    }
}

fn message(refusal: Option<Refusal>) -> String {
    refusal.map_or_else(String::new, |refusal| refusal.message)
}
