//! Models of Stripe's limiter, none of them made as pmclone's own is: it is not documented which of them Stripe has.

use std::collections::VecDeque;
use std::time::Duration;

/// How a limiter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole seconds, each with its count: as documented ("resets after one second").
    Window,
    /// Any stretch of one second.
    Sliding,
    /// A bucket that holds a tenth of a second's worth.
    Bucket,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Window, Self::Sliding, Self::Bucket];

    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "whole seconds",
            Self::Sliding => "any stretch of a second",
            Self::Bucket => "a bucket",
        }
    }
}

/// A limiter that everybody shares who uses the account.
#[derive(Debug)]
pub struct Model {
    kind: Kind,
    second: u64,
    count: f64,
    log: VecDeque<Duration>,
    level: f64,
    at: Duration,
}

impl Model {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            second: 0,
            count: 0.0,
            log: VecDeque::new(),
            level: 0.0,
            at: Duration::ZERO,
        }
    }

    /// Whether a request at `now` is let through by `limit` requests a second. What is refused is not counted.
    pub fn admits(&mut self, now: Duration, limit: f64) -> bool {
        match self.kind {
            Kind::Window => {
                if now.as_secs() != self.second {
                    (self.second, self.count) = (now.as_secs(), 0.0);
                }
                let room = self.count + 1.0 <= limit;
                self.count += f64::from(u8::from(room));
                room
            }
            Kind::Sliding => {
                let out = |first: &Duration| now.saturating_sub(*first) >= Duration::from_secs(1);
                while self.log.front().is_some_and(out) {
                    self.log.pop_front();
                }
                let room =
                    f64::from(u32::try_from(self.log.len()).unwrap_or(u32::MAX)) + 1.0 <= limit;
                if room {
                    self.log.push_back(now);
                }
                room
            }
            Kind::Bucket => {
                let holds = (limit / 10.0).max(2.0);
                let gone = now.saturating_sub(self.at).as_secs_f64() * limit;
                self.level = (self.level - gone).max(0.0);
                self.at = now;
                let room = self.level + 1.0 <= holds;
                self.level += f64::from(u8::from(room));
                room
            }
        }
    }
}
