//! What becomes of one request on its way.

use fastrand::Rng;

use super::plan::{MINUTE, SECOND, Weather};

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Arrives,
    /// It arrives, and is answered, later.
    Slow(i64),
    /// Nothing was sent, and the client knows it.
    NoConnection,
    Lost {
        hangs: bool,
    },
    AnswerLost {
        hangs: bool,
    },
    /// The client has given it up when it arrives.
    Late {
        ms: i64,
        hangs: bool,
    },
}

impl Fate {
    pub fn drawn(rng: &mut Rng, weather: Weather) -> Self {
        let roll = rng.u32(0..1000);
        let mut up_to = 0;
        let mut falls = |share: u32| {
            up_to += share;
            roll < up_to
        };
        if falls(weather.no_connection) {
            Self::NoConnection
        } else if falls(weather.lost_request) {
            Self::Lost { hangs: rng.bool() }
        } else if falls(weather.lost_answer) {
            Self::AnswerLost { hangs: rng.bool() }
        } else if falls(weather.late) {
            Self::Late {
                ms: rng.i64(0..15 * MINUTE),
                hangs: rng.bool(),
            }
        } else if falls(weather.slow) {
            Self::Slow(rng.i64(0..90 * SECOND))
        } else {
            Self::Arrives
        }
    }
}
