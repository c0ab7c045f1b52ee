//! This machine's clock and zone, for people alone: when something will be done. Nothing is decided by it.

use jiff::{SignedDuration, Zoned};

/// Under so many seconds a duration says enough.
const WORTH_A_TIME: u64 = 600;

/// Now, in the zone of whoever reads it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads it; ages of keys are judged by Stripe's clock"
)]
pub fn now() -> Zoned {
    Zoned::now()
}

/// `Tue 3 Mar, 03:42 CET`: the time so many seconds after `from`; `None` where it is soon, or beyond all calendars.
pub fn done_at(from: &Zoned, seconds: u64) -> Option<String> {
    let at = after(from, seconds, seconds)?;
    Some(at.strftime("%a %-d %b, %H:%M %Z").to_string())
}

/// `Tue 03:42`: the same in short, for what was begun at `begun`, is so far, and has so much left.
pub fn done_shortly_put(begun: &Zoned, elapsed_ms: u64, left_ms: u64) -> Option<String> {
    let (elapsed, left) = (elapsed_ms / 1000, left_ms / 1000);
    let at = after(begun, elapsed.checked_add(left)?, left)?;
    Some(at.strftime("%a %H:%M").to_string())
}

fn after(from: &Zoned, seconds: u64, left: u64) -> Option<Zoned> {
    if left < WORTH_A_TIME {
        return None;
    }
    let seconds = i64::try_from(seconds).ok()?;
    from.checked_add(SignedDuration::from_secs(seconds)).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An evening before the clocks go forward.
    pub(crate) fn evening() -> Zoned {
        let berlin = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at: jiff::Timestamp = "2026-03-28T21:30:00Z".parse().unwrap();
        at.to_zoned(berlin)
    }

    #[test]
    fn the_time_is_in_the_readers_zone_and_knows_when_clocks_change() {
        let cases = [
            (599, None),
            (3600, Some("Sat 28 Mar, 23:30 CET")),
            (3 * 3600, Some("Sun 29 Mar, 01:30 CET")),
            (4 * 3600, Some("Sun 29 Mar, 03:30 CEST")),
            (u64::MAX, None),
        ];
        for (seconds, expected) in cases {
            assert_eq!(done_at(&evening(), seconds).as_deref(), expected);
        }
        let shortly = |elapsed_ms, left_ms| done_shortly_put(&evening(), elapsed_ms, left_ms);
        assert_eq!(shortly(3_600_000, 3_600_000).as_deref(), Some("Sun 00:30"));
        assert_eq!(shortly(3_600_000, 599_000), None);
    }
}
