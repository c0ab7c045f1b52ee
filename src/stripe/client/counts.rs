//! How many requests were sent, for `status` and the progress line.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::request::Endpoint;

/// Requests since the client was made. Each attempt counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCounts {
    /// All attempts.
    pub sent: u64,
    /// Attempts after the first of a call.
    pub retried: u64,
    /// Attempts that a rate limit refused.
    pub rate_limited: u64,
    /// Attempts by endpoint.
    pub by_endpoint: [(Endpoint, u64); Endpoint::ALL.len()],
}

/// Counts without locks; readers may see one count a moment before another.
#[derive(Debug, Default)]
pub(super) struct Counters {
    retried: AtomicU64,
    rate_limited: AtomicU64,
    by_endpoint: [AtomicU64; Endpoint::ALL.len()],
}

impl Counters {
    pub fn sent(&self, endpoint: Endpoint, first: bool) {
        self.by_endpoint[endpoint.index()].fetch_add(1, Ordering::Relaxed);
        if !first {
            self.retried.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn rate_limited(&self) {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) -> RequestCounts {
        let by_endpoint = Endpoint::ALL.map(|endpoint| {
            let sent = self.by_endpoint[endpoint.index()].load(Ordering::Relaxed);
            (endpoint, sent)
        });
        RequestCounts {
            sent: by_endpoint.iter().map(|(_, sent)| sent).sum(),
            retried: self.retried.load(Ordering::Relaxed),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            by_endpoint,
        }
    }
}
