//! A stateful Stripe on a loopback address: what `pmclone simulate` serves and `pmclone run --simulate` talks to.
//!
//! Hazard: it shares **no type and no code** with the client. Both are written against Stripe's documentation, its
//! `OpenAPI` text and observed traffic, and against nothing of each other, so that a mistake made once shows. Keep it so:
//! this module may use crates and the standard library only.
//!
//! ```text
//!            pure                                          shell
//! request ─→ engine: faults · limits · in flight ─→ world ─→ journal ─→ server: hyper, real time, sockets
//!                                                    │
//!                 routes · schema · customers · methods · cloning · intents · refunds · search · idempotency
//! ```
//!
//! [`Simulator`] is all but the socket: it takes real time as an argument, so a test can live through years in
//! seconds. [`spawn`] and [`serve`] put it on one.
//!
//! # Strictness
//!
//! Unknown parameters, over-long fields, wrong accounts, wrong modes, consumed sources and reused idempotency keys are
//! refused as Stripe refuses them. Where Stripe is silent, the reading is taken that catches a careless client; each
//! such choice is noted where it is made.
//!
//! # Ids that behave
//!
//! With [`Settings::sources_on_demand`] any account, and on the platform any `pm_…`, `card_…`, `ba_…`, `src_…` and
//! `cus_…`, exists as soon as it is named. What follows the prefix may say how it behaves:
//!
//! | id | behaviour |
//! | --- | --- |
//! | `pm_sepa_…`, `pm_bacs_…`, `pm_acss_…`, `pm_becs_…`, `pm_link_…`, `pm_paypal_…`, `pm_cashapp_…`, `pm_klarna_…` | of that type, which cannot be cloned |
//! | `pm_bank_…`, `ba_…` | a `us_bank_account` |
//! | `src_…` | an `ach_credit_transfer`, which cannot be cloned |
//! | `pm_declined_…` | 402 `card_declined` when it is attached, on the platform or elsewhere |
//! | `pm_declinedthere_…` | its clones are declined when they are attached to a connected Customer |
//! | `pm_chargefails_…` | attaches everywhere, charges are declined |
//! | `pm_authenticates_…` | attaches everywhere, charges and setups ask the cardholder to authenticate |
//! | `pm_attached_…` | attached to some other Customer already |
//! | `pm_missing_…`, `cus_missing_…` | 404 or 400 `resource_missing` |
//! | `pm_consumed_…` | not attached, and used up |
//! | `acct_revoked…` | 403 `account_invalid` |
//!
//! Stripe's own test ids (`pm_card_visa`, `pm_card_visa_chargeDeclined`, `pm_card_chargeCustomerFail`, …) exist in
//! every account, always. Any key `sk_test_…`, `rk_test_…`, `sk_live_…` or `rk_live_…` is good, unless only some are
//! accepted; `sk_test_expired…` is expired, `rk_test_readonly…` may only read; nothing of a key is kept.
//!
//! # The control API
//!
//! JSON, without a key, and never for a browser (a request with `Origin` is refused):
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /_sim/state` | virtual time, counts of objects per account |
//! | `GET /_sim/requests` | counters: by operation, by status (0: no answer), replays, busiest second |
//! | `GET /_sim/transcript` | the last 10,000 requests as JSON lines |
//! | `GET /_sim/customers?account=acct_…&livemode=true` | every Customer there as JSON lines; the platform's without `account` |
//! | `GET /_sim/payment_methods?account=…` | the same; `_sim.standing` is `unattached`, `attached` or `consumed` |
//! | `POST /_sim/clock/advance` `{"seconds":N}` | virtual time goes on by so much |
//! | `POST /_sim/accounts` `{"id":"acct_…","country":"DE"}` | makes a connected account |
//! | `POST /_sim/accounts/acct_…/revoke`, `/restore` | takes or gives back the platform's access |
//! | `POST /_sim/payment_methods/pm_…/renew` | the network tells a new expiry of a card |
//! | `GET /_sim/webhooks` | how many events there are, and how their deliveries went |
//! | `POST /_sim/seed` | puts objects into the world, one JSON object a line (or an array): see below |
//! | `POST /_sim/faults` | replaces the fault script |
//!
//! A seed is one of
//!
//! ```text
//! {"account":"acct_1a","country":"DE","name":"A Shop","charges_enabled":false,"modes":"test","revoked":false,
//!  "capabilities":{"card_payments":"pending"},"disabled_reason":"rejected.fraud"}
//! {"customer":"cus_1","email":"a@example.com","name":"A","metadata":{"k":"v"},"created":1700000000,
//!  "payment_methods":[{"id":"pm_1","test_card":"visa"},{"id":"pm_2","type":"sepa_debit"}]}
//! {"payment_method":"pm_3","test_card":"chargeCustomerFail","consumed":false}
//! ```
//!
//! Customers and PaymentMethods belong to the platform unless `on_account` names another, in test mode unless
//! `"livemode":true`. `test_card` is what follows `pm_card_` in Stripe's test ids.
//!
//! # Events
//!
//! `GET /v1/events` lists, and with [`Settings::webhook`] an endpoint is sent, signed: `account.application.authorized` and
//! `.deauthorized`, `account.updated` (an account that is seeded again), `payment_method.updated`, `.detached` and
//! `.automatically_updated`; of connected accounts with `account`. An account in both modes has its events in both.
//!
//! # Faults
//!
//! A script says which requests go wrong: see [`FaultScript`]. It is no part of the world: a resumed simulator has
//! the script that it was started with, while its request numbers go on.

mod accounts;
mod billing;
#[cfg(test)]
mod census;
mod cloning;
mod control;
mod currencies;
mod customers;
mod engine;
mod events;
mod expand;
mod faults;
mod idempotency;
mod ids;
mod in_flight;
mod intents;
mod journal;
mod keys;
mod limits;
mod methods;
mod objects;
mod params;
mod payments;
mod refunds;
mod render;
mod reply;
mod request;
mod response;
mod routes;
mod schema;
mod search;
mod seeding;
mod server;
mod settings;
mod setups;
mod shelf;
mod sources;
mod tables;
mod tap;
mod testcards;
mod transcript;
mod webhooks;
mod world;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use census::{CustomerSeen, MethodSeen};
pub use control::{ControlAnswer, Dump};
pub use engine::{Answered, Delivery, Simulator};
pub use faults::{Fault, FaultScript, FaultScriptError};
pub use ids::Moment;
pub use journal::JournalError;
pub use keys::{Credentials, Kind as KeyKind};
pub use limits::{Budget, Limits};
pub use request::{Method, Request};
pub use response::{DEFAULT_VERSION, Response};
pub use server::{Running, serve, spawn, spawn_tapped};
pub use settings::{AcceptedKeys, Settings, SimulatorError};
pub use tap::{Sighting, Tap};
pub use transcript::Counters;
pub use webhooks::Endpoint;
pub use world::{Handling, Laws, World};
