//! Everything that knows Stripe's API: what is asked, what an answer means, when to ask again, how fast, and by whose clock.
//!
//! ```text
//!               PURE                                   SHELL
//!   ┌─────────────────────────────┐      ┌─────────────────────────────────┐
//!   │ request   what is asked     │◀─────│ client    one call is one step  │◀── &Started (the intent is durable)
//!   │ answer    what it means     │◀─────│   │                             │
//!   │   refusal, facts, redact    │      │   ├─▶ limiter  three lanes      │
//!   │ retry     whether, and when │◀─────│   ├─▶ http     one attempt      │──▶ Stripe, or a simulator on loopback
//!   └─────────────────────────────┘      │   └─▶ clock    Stripe's time    │
//!     key, api_base: what is sent along, └─────────────────────────────────┘
//!     and where it may go
//! ```
//!
//! Hazards: see each file. The greatest is a write that is sent twice under two keys, or under one that expired: hence no write
//! without a [`crate::store::Started`], and its age judged before every attempt.

pub mod answer;
pub mod api_base;
pub mod client;
pub mod clock;
pub mod events;
pub mod facts;
mod http;
pub mod key;
pub mod limiter;
pub mod payment;
pub mod redact;
pub mod refusal;
pub mod removal;
pub mod request;
pub mod retry;
pub mod uses;

pub use answer::{
    Again, Cause, Created, Doubt, DoubtKind, Effect, NotExecuted, ObjectId, Outcome, Stop, StopKind,
};
pub use api_base::{ApiBase, InvalidApiBase};
pub use client::{AttemptCounts, AttemptEnd, Client, RequestCounts, Settings, Written};
pub use clock::Clock;
pub use events::{EVENTS_KEPT_SECONDS, EventFacts};
pub use facts::{
    AccountFacts, CustomerFacts, DefaultMethod, Page, PaymentMethodFacts, ReadAnswer, ReadFailure,
};
pub use http::ClientError;
#[cfg(test)]
pub(crate) use http::Lost;
pub use key::{InvalidKey, Mode, SecretKey};
pub use limiter::{Adaptive, Came, ConnectedBudget, Limiter, Limits, Manner, Rate, Share};
pub use payment::{
    ApplicationFeeFacts, BalanceFacts, Card, ChargeFacts, IntentFacts, Made, Money, Paid, Payment,
    RefundFacts, Refused,
};
pub use refusal::{Reach, Refusal};
pub use removal::{Removal, Removed};
pub use request::{Endpoint, Markers, Read, Request, Write};
pub use uses::{UseFacts, UseKind};

/// The API version that every request pins: the newest that was known when this was written (stripe/openapi, 2026-10). Without it
/// the account's default would apply, and with it what an answer means.
pub const STRIPE_VERSION: &str = "2026-09-30.endive";

/// Longest body that is read. Stripe's objects here have some 2 KB, a hundred Customers with all the metadata that they can
/// hold some 4 MB; what is longer is not taken for one.
pub const BODY_MAX_BYTES: usize = 8 << 20;
