//! pmclone: legacy customers from CSV, with their saved cards, onto Stripe connected accounts.
//!
//! ```text
//!   CSV ─▶ input ─▶ store ─▶ state ─▶ run ─▶ stripe ─▶ Stripe, or the simulator
//!            │        ▲        │       │        │
//!            │        └────────┴─ what came of it, committed
//!            └─ problems         plan ─▶ report ─▶ stderr and stdout
//! ```
//!
//! What decides is pure and takes time and jitter as arguments ([`state`], [`plan`], [`stripe`]'s request, answer and retry,
//! [`input`]); what acts makes no choices ([`run`], [`store`], [`stripe::client`], [`commands`]). [`simulator`] shares no type
//! with the client, or a common mistake would stay hidden. [`drill`] kills the whole of it, again and again, and looks.

#[cfg(all(feature = "without-intents", not(debug_assertions)))]
compile_error!("`without-intents` is a client that makes things twice: for tests alone");

pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod drill;
pub mod exit;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod ids;
pub mod input;
pub mod legacy;
pub mod log;
pub mod plan;
pub mod proof;
#[cfg(test)]
mod published;
pub mod radar;
pub mod report;
pub mod run;
pub mod sample;
#[cfg(test)]
mod simulation;
pub mod simulator;
pub mod spreadsheet;
pub mod state;
pub mod store;
pub mod stripe;
pub mod time;
pub mod undo;
pub mod verify;
pub mod version;
pub mod webhook;
