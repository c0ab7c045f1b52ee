//! What is commonly done on a 429, beside what pmclone does: each a rate by the answers that came, under the same pacer.

use std::collections::VecDeque;
use std::time::Duration;

use pmclone::stripe::{Adaptive, Manner};

/// A policy at work.
pub enum Policy {
    /// The rate asked for, whatever comes.
    Fixed(f64),
    /// Times a factor on a 429 (of what was sent since the last), and up by a part of what was asked for each second.
    Climbing {
        asked: f64,
        rate: f64,
        factor: f64,
        per_second: f64,
        lowered: Duration,
        at: Duration,
    },
    /// AWS's adaptive retry mode: CUBIC, as in its SDKs.
    Cubic {
        asked: f64,
        rate: f64,
        last_max: f64,
        lowered: Duration,
    },
    /// The rate of the last two seconds that passed, and up by a hundredth each second.
    Measured {
        asked: f64,
        rate: f64,
        recent: VecDeque<Duration>,
        lowered: Duration,
        at: Duration,
    },
    /// pmclone's.
    Bracket(Box<Adaptive>),
}

impl Policy {
    pub const NAMES: [&str; 7] = [
        "fixed",
        "x0.5, +5%/s",
        "x0.9, +1%/s",
        "AWS CUBIC",
        "measured +1%/s",
        "pmclone",
        "pmclone, 0.8",
    ];

    pub fn named(name: &str, asked: f64) -> Self {
        let climbing = |factor, part| Self::Climbing {
            asked,
            rate: asked,
            factor,
            per_second: asked * part,
            lowered: Duration::ZERO,
            at: Duration::ZERO,
        };
        let ours = |share| {
            Self::Bracket(Box::new(Adaptive::new(Manner {
                start: asked,
                most: asked,
                seeks: false,
                share,
            })))
        };
        match name {
            "fixed" => Self::Fixed(asked),
            "x0.5, +5%/s" => climbing(0.5, 0.05),
            "x0.9, +1%/s" => climbing(0.9, 0.01),
            "AWS CUBIC" => Self::Cubic {
                asked,
                rate: asked,
                last_max: asked,
                lowered: Duration::ZERO,
            },
            "measured +1%/s" => Self::Measured {
                asked,
                rate: asked,
                recent: VecDeque::new(),
                lowered: Duration::ZERO,
                at: Duration::ZERO,
            },
            "pmclone" => ours(1.0),
            _ => ours(0.8),
        }
    }

    /// Requests per second that may be sent at `now`.
    pub fn rate(&mut self, now: Duration) -> f64 {
        match self {
            Self::Fixed(rate) => *rate,
            Self::Climbing {
                asked,
                rate,
                per_second,
                at,
                ..
            } => {
                *rate = (*rate + *per_second * now.saturating_sub(*at).as_secs_f64()).min(*asked);
                *at = now;
                *rate
            }
            Self::Cubic {
                asked,
                rate,
                last_max,
                lowered,
            } => {
                if *rate < *asked || *last_max < *asked {
                    let t = now.saturating_sub(*lowered).as_secs_f64();
                    let k = (*last_max * 0.3 / 0.4).cbrt();
                    *rate = (0.4 * (t - k).powi(3) + *last_max).clamp(0.5, *asked);
                }
                *rate
            }
            Self::Measured {
                asked, rate, at, ..
            } => {
                *rate = (*rate * (1.0 + 0.01 * now.saturating_sub(*at).as_secs_f64())).min(*asked);
                *at = now;
                *rate
            }
            Self::Bracket(adaptive) => adaptive.rate(),
        }
    }

    pub fn answered(&mut self, sent: Duration, now: Duration, refused: bool) {
        match self {
            Self::Fixed(_) => {}
            Self::Climbing {
                rate,
                factor,
                lowered,
                ..
            } => {
                if refused && sent >= *lowered {
                    *rate *= *factor;
                    *lowered = now;
                }
            }
            Self::Cubic {
                rate,
                last_max,
                lowered,
                ..
            } => {
                if refused && sent >= *lowered {
                    *last_max = *rate;
                    *rate *= 0.7;
                    *lowered = now;
                }
            }
            Self::Measured {
                rate,
                recent,
                lowered,
                ..
            } => {
                if !refused {
                    recent.push_back(sent);
                    while recent
                        .front()
                        .is_some_and(|first| sent.saturating_sub(*first) > Duration::from_secs(2))
                    {
                        recent.pop_front();
                    }
                } else if sent >= *lowered {
                    let passed = f64::from(u32::try_from(recent.len()).unwrap_or(u32::MAX)) / 2.0;
                    *rate = passed.clamp(0.5, *rate * 0.99);
                    *lowered = now;
                }
            }
            Self::Bracket(adaptive) if refused => {
                adaptive.refused(sent, now);
            }
            Self::Bracket(adaptive) => adaptive.accepted(sent, now),
        }
    }
}
