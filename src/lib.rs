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
//!
//! | room | what is in it | what it touches |
//! | --- | --- | --- |
//! | [`cli`], [`config`] | arguments; what they, the environment and `pmclone.toml` come to | the environment, the key's file |
//! | [`commands`] | a file for each command, which brings the other rooms together | whatever they may |
//! | [`input`], [`legacy`], [`spreadsheet`], [`sample`] | a CSV, to checked lines and to all that is wrong with it; invented ones | the files that are read |
//! | [`store`] | the state file, and all SQL on it | SQLite, one writer |
//! | [`state`] | a customer's steps: which comes next, what an answer makes of it | nothing |
//! | [`run`] | the loop that carries steps out; looks for what is in doubt; reads and removes | store and client |
//! | [`stripe`] | requests, answers, retries, rate limits, Stripe's clock | the network, in `client` alone |
//! | [`plan`], [`check`], [`radar`] | what will be done, and what is wrong with it, before anything is written | nothing |
//! | [`verify`], [`proof`], [`undo`] | what should be at Stripe; a charge that is taken back; what may be taken back | nothing |
//! | [`webhook`] | whether Stripe signed it, and what it tells | nothing |
//! | [`report`] | every text for people and every object for programs | stdout and stderr, through its caller |
//! | [`log`] | JSON lines of requests and events | one file |
//! | [`simulator`], [`drill`] | a Stripe to rehearse on; what kills a rehearsal and judges it | loopback; children |
//! | [`exit`], [`failure`], [`ids`], [`time`], [`version`] | what all of them speak in | nothing |
//!
//! To follow one customer: `input` makes a line of it, `store` keeps it, `state` says its next step, `run/visit` begins that in the
//! store and sends it by `stripe::client`, `stripe::answer` says what came of it, and the store keeps that.

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
