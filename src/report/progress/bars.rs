//! The bars on a terminal: all customers, each kind of step, two lines of figures, and what holds it back.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::pace::Pace;
use super::{Goal, Snapshot};
use crate::report::words::{clock, number, percent, tenths};
use crate::report::{Look, Screen};
use crate::state::StepKind;

/// As wide as the longest label.
const LABEL_WIDTH: usize = 19;

pub(super) struct Bars {
    all: MultiProgress,
    margin: ProgressBar,
    customers: ProgressBar,
    /// Kinds of which the plan has none have no bar.
    steps: [Option<ProgressBar>; StepKind::COUNT],
    speed: ProgressBar,
    outcomes: ProgressBar,
    /// Last, since it is often empty.
    holds: ProgressBar,
    number_width: usize,
    look: Look,
}

fn label(kind: StepKind) -> &'static str {
    match kind {
        StepKind::CreatePlatformCustomer => "platform customers",
        StepKind::AttachPlatformPaymentMethod => "platform attaches",
        StepKind::ClonePaymentMethod => "clones",
        StepKind::CreateConnectedCustomer => "connected customers",
        StepKind::AttachConnectedPaymentMethod => "connected attaches",
        StepKind::UpdateCustomer => "details updated",
        StepKind::SetDefault => "defaults set",
        StepKind::RenewPaymentMethod => "clones renewed",
        StepKind::AttachRenewedPaymentMethod => "new ones attached",
        StepKind::SetRenewedDefault => "defaults renewed",
        StepKind::DetachReplacedPaymentMethod => "old ones detached",
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Bars {
    pub(super) fn new(target: ProgressDrawTarget, goal: &Goal, screen: &Screen) -> Self {
        let all = MultiProgress::with_draw_target(target);
        let look = screen.look();
        let bar = |label: &str, length| {
            let bar =
                all.add(ProgressBar::new(length).with_style(style("{prefix} [{wide_bar}] {msg}")));
            bar.set_prefix(format!("{label:<LABEL_WIDTH$}"));
            bar
        };
        let line = || all.add(ProgressBar::new(0).with_style(style("{wide_msg}")));
        // Ctrl-C is echoed below the bars and moves them down by a line, so their first line is left behind: let it be empty.
        let margin = line();
        let customers = bar("customers", goal.customers);
        let steps = StepKind::ALL.map(|kind| {
            let planned = StepKind::ALL
                .iter()
                .zip(goal.steps)
                .find(|(each, _)| **each == kind);
            planned
                .filter(|(_, n)| *n > 0)
                .map(|(_, n)| bar(label(kind), n))
        });
        let (speed, outcomes, holds) = (line(), line(), line());
        let largest = goal.steps.into_iter().fold(goal.customers, u64::max);
        screen.set_bars(Some(all.clone()));
        Self {
            all,
            margin,
            customers,
            steps,
            speed,
            outcomes,
            holds,
            number_width: number(largest).len(),
            look,
        }
    }

    /// `left` is how long it will still take, in words.
    pub(super) fn show(&self, snapshot: &Snapshot, pace: &Pace, left: &str) {
        self.margin.tick();
        self.set(&self.customers, snapshot.customers_finished);
        for (bar, done) in self.steps.iter().zip(snapshot.steps_done) {
            if let Some(bar) = bar {
                self.set(bar, done);
            }
        }
        self.speed.set_message(speed_line(snapshot, pace, left));
        self.outcomes
            .set_message(outcomes_line(snapshot, self.look));
        self.holds.set_message(holds_line(snapshot));
    }

    fn set(&self, bar: &ProgressBar, done: u64) {
        let all = bar.length().unwrap_or(0);
        let width = self.number_width;
        let share = percent(done, all);
        bar.set_position(done.min(all));
        bar.set_message(format!(
            "{:>width$} / {:>width$} {share:>4}",
            number(done),
            number(all)
        ));
    }

    /// Takes the bars off the terminal and leaves what was written above them.
    pub(super) fn clear(&self, screen: &Screen) {
        screen.set_bars(None);
        let steps = self.steps.iter().flatten();
        let lines = [&self.margin, &self.speed, &self.outcomes, &self.holds];
        for bar in steps.chain([&self.customers]).chain(lines) {
            bar.finish_and_clear();
        }
        // As with every other write to stderr: whether it can be read is no reason to stop.
        drop(self.all.clear());
    }
}

/// `0:12:03, about 4 min left, 38.4 requests/s, 16 in flight`.
fn speed_line(snapshot: &Snapshot, pace: &Pace, left: &str) -> String {
    [
        clock(snapshot.elapsed_ms),
        left.to_owned(),
        format!(
            "{} requests/s",
            tenths(pace.tenths_of_requests_per_second())
        ),
        format!("{} in flight", number(snapshot.in_flight)),
    ]
    .join(", ")
}

/// `now: POST /v1/customers binds`, on a line of its own: behind the figures the name of an endpoint would be cut off.
fn holds_line(snapshot: &Snapshot) -> String {
    let held = snapshot.holds.told();
    held.map_or_else(String::new, |held| format!("now: {held}"))
}

/// `1,200 migrated, 3 refused, 0 parked, 0 in doubt, 2 rate limited`; what needs somebody is coloured.
fn outcomes_line(snapshot: &Snapshot, look: Look) -> String {
    let told = |n: u64, what: &str, paint: fn(Look, &str) -> String| {
        let text = format!("{} {what}", number(n));
        if n == 0 { text } else { paint(look, &text) }
    };
    [
        told(snapshot.migrated, "migrated", Look::good),
        told(snapshot.refused, "refused", Look::bad),
        told(snapshot.parked, "parked", Look::warn),
        told(snapshot.in_doubt, "in doubt", Look::bad),
        told(snapshot.rate_limited, "rate limited", Look::warn),
    ]
    .join(", ")
}

#[cfg(test)]
mod tests;
