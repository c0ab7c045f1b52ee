//! PURE. Charts of what was sent over time, as SVG without words in it: the words stand beside, so that they keep their size in any
//! window, and a table has the figures for those who do not see it.

use super::Minute;
use crate::report::words::{minute, number, tenths};
use crate::store::ROW_SECONDS;
use crate::time::StripeTime;

/// Steps from left to right, at most: more could not be seen.
const MOST_STEPS: usize = 240;

/// Rows of the table, at most.
const MOST_ROWS: usize = 60;

/// Seconds without a row that part two stretches: between runs, nothing was to be sent.
const PAUSE_SECONDS: i64 = 600;

/// How many seconds a step can stand for.
const SPANS: [i64; 10] = [
    ROW_SECONDS,
    30,
    60,
    300,
    600,
    1_800,
    3_600,
    21_600,
    86_400,
    604_800,
];

/// The drawing's own size; it is stretched to the window's.
pub const WIDTH: u32 = 1000;
/// The same.
pub const HEIGHT: u32 = 100;

/// One quantity over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What it shows.
    pub title: &'static str,
    /// The same in a sentence, with its greatest value.
    pub told: String,
    /// For the style sheet.
    pub class: &'static str,
    /// The value at the top, with its unit.
    pub top: String,
    /// Half of it.
    pub half: String,
    /// Where it begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// The bars: one path.
    pub path: String,
    /// Where time was left out, from the left.
    pub pauses: Vec<u32>,
}

/// What was sent, in steps of the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// How long each is, in seconds.
    pub seconds: i64,
    /// One each; `None` where time is left out.
    slots: Vec<Option<Minute>>,
}

impl Steps {
    /// Gathers rows into steps that can be drawn.
    pub fn of(rows: &[Minute]) -> Self {
        let mut best = Self {
            seconds: ROW_SECONDS,
            slots: Vec::new(),
        };
        for seconds in SPANS {
            best = Self {
                seconds,
                slots: slots(rows, seconds),
            };
            if best.slots.len() <= MOST_STEPS {
                break;
            }
        }
        best
    }

    /// Stretches in which something was sent.
    pub fn stretches(&self) -> usize {
        let parted = self.slots.iter().filter(|slot| slot.is_none()).count();
        parted + usize::from(!self.slots.is_empty())
    }

    /// A chart of one quantity: `value` gives it for a step, in tenths of `unit`.
    pub fn chart(
        &self,
        (title, unit, class): (&'static str, &'static str, &'static str),
        value: impl Fn(&Minute, u64) -> u64,
    ) -> Chart {
        let seconds = self.seconds.unsigned_abs().max(1);
        let values: Vec<Option<u64>> = self
            .slots
            .iter()
            .map(|slot| slot.as_ref().map(|row| value(row, seconds)))
            .collect();
        let most = values.iter().flatten().copied().max().unwrap_or(0);
        let top = round_up(most);
        let at = |row: Option<&Minute>, plus: i64| {
            row.map_or_else(String::new, |row| minute(StripeTime(row.at + plus)))
        };
        let rows = || self.slots.iter().flatten();
        let (from, to) = (at(rows().next(), 0), at(rows().last(), self.seconds));
        let told = if most == 0 {
            format!("{title}, {from} to {to}: none.")
        } else {
            format!("{title}, {from} to {to}: at most {} {unit}.", tenths(most))
        };
        Chart {
            title,
            told,
            class,
            top: tenths(top),
            half: tenths(top / 2),
            from,
            to,
            path: path(&values, top),
            pauses: self.pauses(),
        }
    }

    fn pauses(&self) -> Vec<u32> {
        let all = self.slots.len();
        let parted = self.slots.iter().enumerate();
        parted
            .filter(|(_, slot)| slot.is_none())
            .map(|(index, _)| u32::midpoint(left(index, all), left(index + 1, all)))
            .collect()
    }
}

/// Rows of a table with the same figures, few enough to be read.
pub fn figures(rows: &[Minute]) -> (i64, Vec<Minute>) {
    let mut gathered = (ROW_SECONDS, Vec::new());
    for seconds in SPANS.into_iter().filter(|seconds| *seconds >= 60) {
        gathered = (seconds, Minute::gathered(rows, seconds));
        if gathered.1.len() <= MOST_ROWS {
            break;
        }
    }
    gathered
}

/// One slot a step, also for those in which nothing was sent; one `None` for each pause.
fn slots(rows: &[Minute], seconds: i64) -> Vec<Option<Minute>> {
    let mut slots: Vec<Option<Minute>> = Vec::new();
    let mut before: Option<i64> = None;
    for row in Minute::gathered(rows, seconds) {
        if let Some(before) = before {
            let missing = (row.at - before) / seconds - 1;
            if row.at - before - seconds >= PAUSE_SECONDS {
                slots.push(None);
            } else {
                for step in 1..=missing {
                    let at = before + step * seconds;
                    slots.push(Some(Minute {
                        at,
                        ..Minute::default()
                    }));
                }
            }
        }
        before = Some(row.at);
        slots.push(Some(row));
    }
    slots
}

/// Where a slot begins, from the left.
fn left(index: usize, all: usize) -> u32 {
    let place = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let left = place(index).saturating_mul(u64::from(WIDTH)) / place(all.max(1));
    u32::try_from(left).unwrap_or(WIDTH)
}

fn path(values: &[Option<u64>], top: u64) -> String {
    let bar = |(index, value): (usize, &Option<u64>)| {
        let height = value.unwrap_or(0).saturating_mul(u64::from(HEIGHT) * 10) / top.max(1);
        if height == 0 {
            return None;
        }
        let (from, to) = (left(index, values.len()), left(index + 1, values.len()));
        let y = u64::from(HEIGHT) * 10 - height;
        let to = to.max(from + 1);
        Some(format!(
            "M{from} {HEIGHT}V{}.{}H{to}V{HEIGHT}Z",
            y / 10,
            y % 10
        ))
    };
    let bars: Vec<String> = values.iter().enumerate().filter_map(bar).collect();
    bars.concat()
}

/// The next of 1, 2, 4, 5, 8, 10, 20, … that is not less: a scale that can be read. At least one whole.
fn round_up(tenths: u64) -> u64 {
    let mut unit: u64 = 10;
    loop {
        for step in [1, 2, 4, 6, 8] {
            if step * unit >= tenths {
                return step * unit;
            }
        }
        match unit.checked_mul(10) {
            Some(next) if next < u64::MAX / 100 => unit = next,
            _ => return tenths,
        }
    }
}

/// A rate in tenths a second.
pub fn a_second(n: u64, seconds: u64) -> u64 {
    n.saturating_mul(10) / seconds.max(1)
}

/// A rate in tenths a minute.
pub fn a_minute(n: u64, seconds: u64) -> u64 {
    n.saturating_mul(600) / seconds.max(1)
}

/// `10 seconds`, `5 minutes`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let told = |n: u64, unit: &str| match n {
        1 => unit.to_owned(),
        n => format!("{} {unit}s", number(n)),
    };
    match seconds {
        0..60 => told(seconds, "second"),
        60..3_600 => told(seconds / 60, "minute"),
        3_600..86_400 => told(seconds / 3_600, "hour"),
        _ => told(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, sent: u64) -> Minute {
        Minute {
            at,
            sent,
            ..Minute::default()
        }
    }

    #[test]
    fn a_pause_between_runs_is_left_out_and_marked() {
        let steps = Steps::of(&[row(0, 10), row(20, 20), row(100_000, 30)]);
        let sent: Vec<_> = steps
            .slots
            .iter()
            .map(|slot| slot.map(|row| row.sent))
            .collect();
        assert_eq!(sent, [Some(10), Some(0), Some(20), None, Some(30)]);
        assert_eq!(steps.stretches(), 2);
        let chart = steps.chart(("Requests", "a second", "sent"), |row, seconds| {
            a_second(row.sent, seconds)
        });
        assert_eq!(chart.pauses, [700]);
        assert_eq!((chart.top.as_str(), chart.half.as_str()), ("4.0", "2.0"));
        assert_eq!(
            chart.told,
            "Requests, 1970-01-01 00:00 UTC to 1970-01-02 03:46 UTC: at most 3.0 a second."
        );
        assert!(chart.path.starts_with("M0 100V75.0H200V100Z"), "{chart:?}");
    }

    #[test]
    fn days_of_rows_become_few_steps_and_nothing_is_lost() {
        let rows: Vec<Minute> = (0..60_480).map(|n| row(n * 10, 1)).collect();
        let steps = Steps::of(&rows);
        assert!(steps.slots.len() <= MOST_STEPS);
        let sent: u64 = steps.slots.iter().flatten().map(|row| row.sent).sum();
        assert_eq!((sent, steps.seconds), (60_480, 3_600));
        let (seconds, figures) = figures(&rows);
        let sent: u64 = figures.iter().map(|row| row.sent).sum();
        assert_eq!((sent, seconds), (60_480, 21_600));
    }

    #[test]
    fn nothing_at_all_can_be_drawn() {
        let steps = Steps::of(&[]);
        let chart = steps.chart(("Requests", "a second", "sent"), |row, _| row.sent);
        assert_eq!((chart.path.as_str(), steps.stretches()), ("", 0));
    }

    #[test]
    fn scales_are_round() {
        let cases = [
            (0, 10),
            (10, 10),
            (11, 20),
            (790, 800),
            (801, 1000),
            (12_345, 20_000),
        ];
        for (most, top) in cases {
            assert_eq!(round_up(most), top, "{most}");
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
        assert_eq!(
            (span(10), span(60), span(7_200)),
            ("10 seconds".into(), "minute".into(), "2 hours".into())
        );
    }
}
