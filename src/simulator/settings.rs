//! How a simulator is set up, and why it cannot start or go on.

use super::faults::FaultScript;
use super::journal::JournalError;
use super::keys;
use super::limits::Limits;
use super::webhooks::Endpoint;
use super::world::Laws;
use std::io;
use std::path::PathBuf;

/// How a simulator is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Ids, fingerprints and chances follow from it.
    pub seed: u64,
    /// The account that the keys belong to.
    pub platform_account: String,
    /// Its two-letter country.
    pub platform_country: String,
    /// Whether accounts, PaymentMethods and platform Customers exist as soon as they are named: a rehearsal.
    pub sources_on_demand: bool,
    /// Virtual seconds until Search finds what was changed.
    pub search_lag_s: i64,
    /// Whether attaching to the same customer again is refused; Stripe is silent on it.
    pub refuse_reattach: bool,
    /// Whether Stripe's documented limits are enforced.
    pub limits: Limits,
    /// Whether a 429 of the limiter carries `Stripe-Should-Retry: true`.
    pub should_retry_on_429: bool,
    /// What goes wrong.
    pub faults: Option<FaultScript>,
    /// Where the world outlives the process; without it, it does not.
    pub journal: Option<PathBuf>,
    /// Where the transcript is appended.
    pub transcript: Option<PathBuf>,
    /// How long each request is in flight, in milliseconds.
    pub latency_ms: u64,
    /// Virtual time at the start, in unix seconds; real time without it. A journal's own clock comes first.
    pub clock_start: Option<i64>,
    /// Who is sent what happens.
    pub webhook: Option<Endpoint>,
    /// The keys that are good; when none is named, every one is.
    pub accepted: AcceptedKeys,
}

/// Digests of the keys that are accepted: the keys themselves are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AcceptedKeys(Vec<u64>);

impl AcceptedKeys {
    /// Accepts this key, and from now on only keys that were named so.
    pub fn add(&mut self, key: &str) {
        self.0.push(keys::digest(key));
    }

    pub(super) fn refuses(&self, digest: u64) -> bool {
        !self.0.is_empty() && !self.0.contains(&digest)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            platform_account: "acct_1SimPlatform0001".to_owned(),
            platform_country: "US".to_owned(),
            sources_on_demand: false,
            search_lag_s: 60,
            refuse_reattach: false,
            limits: Limits::Off,
            should_retry_on_429: false,
            faults: None,
            journal: None,
            transcript: None,
            latency_ms: 0,
            clock_start: None,
            webhook: None,
            accepted: AcceptedKeys::default(),
        }
    }
}

impl Settings {
    pub(super) fn laws(&self) -> Laws {
        Laws {
            seed: self.seed,
            platform_account: self.platform_account.clone(),
            platform_country: self.platform_country.clone(),
            sources_on_demand: self.sources_on_demand,
            search_lag_s: self.search_lag_s,
            refuse_reattach: self.refuse_reattach,
        }
    }
}

/// Why a simulator cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The journal cannot be opened or continued.
    #[error("simulator's journal {path}: {source}")]
    Journal {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: JournalError,
    },
    /// The transcript cannot be opened.
    #[error("simulator's transcript {path}: {source}")]
    Transcript {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Journal or transcript could not be written, so no further answer was sent.
    #[error("the simulator stopped because it could not write: {0}")]
    Write(String),
    /// The listener's address is not one of this machine's own.
    #[error("the simulator serves on a loopback address only, not on {0}")]
    NotLoopback(std::net::SocketAddr),
    /// The socket failed.
    #[error("simulator's socket: {0}")]
    Socket(#[from] io::Error),
}
