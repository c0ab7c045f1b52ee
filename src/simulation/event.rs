//! What is on its way, in the order of the times at which it happens.

use tokio::sync::oneshot;

use super::net::Learnt;
use crate::simulator::Request;

/// Something that will happen.
pub struct Event {
    pub at_ms: i64,
    /// Of two at the same time, the one that was scheduled first.
    pub number: u64,
    pub what: What,
}

pub enum What {
    Arrives {
        request: Box<Request>,
        /// Whom to tell; nobody, where the request is late or its answer will be lost.
        teller: Option<oneshot::Sender<Learnt>>,
        life: u64,
    },
    Tell(oneshot::Sender<Learnt>, Box<Learnt>),
    Access {
        account: &'static str,
        revoked: bool,
    },
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Event {}
impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.number).cmp(&(other.at_ms, other.number))
    }
}
