//! PURE. Stripe's webhooks: whether a body was signed by Stripe, and what it tells that a migration has to know.
//!
//! ```text
//!   raw body, Stripe-Signature ─▶ signature ─▶ event ─▶ store (once for each event's id) ─▶ a run that is on
//!                                     │          └─ GET /v1/events, for what came while nobody listened
//!                                     └─ forged, or too old: 400, and nothing of it is read
//! ```
//!
//! Hazards: anybody can send to a listener, so nothing of a body is looked at before its signature holds; and a signed body may
//! still be of another account, another mode or another time, or come twice.

pub mod event;
pub mod signature;

pub use event::{Change, Event, News, Read, Unreadable};
pub use signature::{InvalidSecret, Secrets, TOLERANCE_SECONDS, Unsigned};
