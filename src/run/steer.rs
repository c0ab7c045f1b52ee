//! PURE. Whether a run goes on, waits or ends now: by the hours it may work in, a pause file, the word from another terminal, and
//! how long it may take.
//!
//! The hour is Stripe's (by the `Date` of its answers), told in the time zone asked for: a machine whose clock is wrong does not
//! send at noon what was meant for the night.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// Hours of each day, as `01:00-05:00`; past midnight, as `22:00-05:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: Time,
    until: Time,
}

impl FromStr for Window {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HOW: &str = "give hours of the day as 01:00-05:00";
        let (from, until) = text.split_once('-').ok_or(HOW)?;
        let time = |text: &str| {
            let whole = text.len() == 5 && text.is_ascii();
            Time::strptime("%H:%M", text)
                .ok()
                .filter(|_| whole)
                .ok_or(HOW)
        };
        let (from, until) = (time(from)?, time(until)?);
        if from == until {
            return Err("a window begins at one time and ends at another");
        }
        Ok(Self { from, until })
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}-{}",
            self.from.strftime("%H:%M"),
            self.until.strftime("%H:%M")
        )
    }
}

impl Window {
    fn is_open(self, time: Time) -> bool {
        if self.from < self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }

    /// When it opens next, after `now`.
    fn opens(self, now: &Zoned) -> Option<Timestamp> {
        (0..=2)
            .filter_map(|days| {
                let day = now.date().checked_add(days.days()).ok()?;
                let opens = day.to_datetime(self.from).to_zoned(now.time_zone().clone());
                opens.ok().map(|opens| opens.timestamp())
            })
            .find(|opens| *opens > now.timestamp())
    }
}

/// What a run was asked to keep to.
#[derive(Debug, Clone)]
pub struct Hours {
    /// Requests are sent within these; without any, at all hours.
    pub windows: Vec<Window>,
    /// Whose hours they are.
    pub zone: TimeZone,
    /// How long the run may take.
    pub max_duration: Option<Duration>,
}

/// What is said to a run while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// `pmclone throttle --pause`.
    pub pause: bool,
    /// `pmclone throttle --stop`.
    pub stop: bool,
    /// The pause file is there.
    pub pause_file: bool,
}

/// What a run does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It sends.
    Go,
    /// It waits.
    Wait(Waits),
    /// It ends, when what is under way is settled.
    End(Ends),
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// `pmclone throttle --go`.
    Throttle,
    /// That the pause file is gone.
    PauseFile,
    /// The next window.
    Window {
        /// When it opens.
        opens: Option<Timestamp>,
    },
}

/// Why a run ends before everything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// `pmclone throttle --stop`.
    Throttle,
    /// `--max-duration`.
    MaxDuration,
}

impl Hours {
    /// At all hours, for as long as it takes.
    pub fn all() -> Self {
        Self {
            windows: Vec::new(),
            zone: TimeZone::UTC,
            max_duration: None,
        }
    }

    /// What a run does at `now` that began so long ago.
    pub fn course(&self, now: Timestamp, since: Duration, said: Said) -> Course {
        if said.stop {
            return Course::End(Ends::Throttle);
        }
        if self.max_duration.is_some_and(|most| since >= most) {
            return Course::End(Ends::MaxDuration);
        }
        if said.pause {
            return Course::Wait(Waits::Throttle);
        }
        if said.pause_file {
            return Course::Wait(Waits::PauseFile);
        }
        let here = now.to_zoned(self.zone.clone());
        let open = |window: &Window| window.is_open(here.time());
        if self.windows.is_empty() || self.windows.iter().any(open) {
            return Course::Go;
        }
        let opens = self.windows.iter().filter_map(|window| window.opens(&here));
        Course::Wait(Waits::Window { opens: opens.min() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(windows: &[&str], zone: &str) -> Hours {
        Hours {
            windows: windows.iter().map(|text| text.parse().unwrap()).collect(),
            zone: TimeZone::get(zone).unwrap(),
            max_duration: None,
        }
    }

    fn at(hours: &Hours, now: &str) -> Course {
        hours.course(now.parse().unwrap(), Duration::ZERO, Said::default())
    }

    fn waits(opens: &str) -> Course {
        Course::Wait(Waits::Window {
            opens: Some(opens.parse().unwrap()),
        })
    }

    #[test]
    fn a_window_is_of_the_zone_asked_for() {
        let berlin = hours(&["01:00-05:00"], "Europe/Berlin");
        let table = [
            ("2026-01-10T00:30:00Z", Course::Go),
            ("2026-01-10T03:59:59Z", Course::Go),
            ("2026-01-10T04:00:00Z", waits("2026-01-11T00:00:00Z")),
            ("2026-01-09T23:59:59Z", waits("2026-01-10T00:00:00Z")),
            // In summer the same hours are an hour earlier.
            ("2026-07-10T02:59:59Z", Course::Go),
            ("2026-07-10T03:00:00Z", waits("2026-07-10T23:00:00Z")),
        ];
        for (now, course) in table {
            assert_eq!(at(&berlin, now), course, "{now}");
        }
    }

    #[test]
    fn the_night_on_which_clocks_change_has_its_window_too() {
        // On 2026-03-29 the hour from 02:00 to 03:00 is left out in Berlin.
        let berlin = hours(&["02:30-04:00"], "Europe/Berlin");
        assert_eq!(
            at(&berlin, "2026-03-29T00:59:00Z"),
            waits("2026-03-29T01:30:00Z")
        );
        assert_eq!(at(&berlin, "2026-03-29T01:30:00Z"), Course::Go);
    }

    #[test]
    fn a_window_may_go_past_midnight_and_there_may_be_several() {
        let utc = hours(&["22:00-05:00", "12:00-13:00"], "UTC");
        let table = [
            ("2026-01-10T23:00:00Z", Course::Go),
            ("2026-01-10T04:59:00Z", Course::Go),
            ("2026-01-10T05:00:00Z", waits("2026-01-10T12:00:00Z")),
            ("2026-01-10T12:30:00Z", Course::Go),
            ("2026-01-10T13:00:00Z", waits("2026-01-10T22:00:00Z")),
        ];
        for (now, course) in table {
            assert_eq!(at(&utc, now), course, "{now}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "1-5",
            "01:00",
            "01:00-25:00",
            "01:00-01:00",
            "1:00-05:00",
            "01:00-05:00Z",
        ] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
        let window: Window = "22:00-05:30".parse().unwrap();
        assert_eq!(window.to_string(), "22:00-05:30");
    }

    /// Every combination of what is said, in and out of the window, in time and over it.
    #[test]
    fn the_table_of_courses() {
        let night = Hours {
            max_duration: Some(Duration::from_secs(3600)),
            ..hours(&["01:00-05:00"], "UTC")
        };
        for bits in 0..32_u32 {
            let bit = |n: u32| bits & (1 << n) != 0;
            let said = Said {
                stop: bit(0),
                pause: bit(2),
                pause_file: bit(3),
            };
            let since = Duration::from_secs(if bit(1) { 3600 } else { 3599 });
            let now = if bit(4) {
                "2026-01-10T06:00:00Z"
            } else {
                "2026-01-10T02:00:00Z"
            };
            let expected = match bits.trailing_zeros() {
                0 => Course::End(Ends::Throttle),
                1 => Course::End(Ends::MaxDuration),
                2 => Course::Wait(Waits::Throttle),
                3 => Course::Wait(Waits::PauseFile),
                4 => waits("2026-01-11T01:00:00Z"),
                _ => Course::Go,
            };
            assert_eq!(
                night.course(now.parse().unwrap(), since, said),
                expected,
                "{bits:b}"
            );
        }
    }
}
