//! How far a run is: bars on a terminal, elsewhere a plain line every few seconds, with `--quiet` nothing.

mod bars;
mod pace;

use indicatif::ProgressDrawTarget;
use jiff::Zoned;

use self::bars::Bars;
use self::pace::Pace;
use super::Screen;
use super::here::done_shortly_put;
use super::pace::{Pace as RunPace, PaceState};
use super::words::{clock, count, duration, number, percent, tenths};
use crate::plan::Plan;
use crate::state::StepKind;
use crate::stripe::Endpoint;
use crate::stripe::limiter::Reading;

/// Between plain lines: often enough to see that it lives, seldom enough for a log of hours.
const LINE_EVERY_MS: u64 = 5000;
/// The same while nothing is sent.
const WAITING_LINE_EVERY_MS: u64 = 600_000;

/// How far the run is. Everything counts from the beginning of this run, not of the migration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Time since the run began, in milliseconds; never smaller than in the snapshot before.
    pub elapsed_ms: u64,
    /// Customers that nothing more can be done for in this run, however they ended.
    pub customers_finished: u64,
    /// Those of them that are migrated.
    pub migrated: u64,
    /// Those of them with a refusal.
    pub refused: u64,
    /// Those of them that wait for an account.
    pub parked: u64,
    /// Those of them with a step in doubt.
    pub in_doubt: u64,
    /// Steps with a final outcome (done or refused), in the order of [`crate::state::StepKind::ALL`].
    pub steps_done: [u64; StepKind::COUNT],
    /// Requests sent, each attempt counted, reads too.
    pub requests_sent: u64,
    /// Requests answered with 429.
    pub rate_limited: u64,
    /// Requests on their way now.
    pub in_flight: u64,
    /// What holds it.
    pub holds: Holds,
}

impl Snapshot {
    /// What was done since `before`, of the same run.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        let mut steps_done = self.steps_done;
        for (done, before) in steps_done.iter_mut().zip(before.steps_done) {
            *done -= before;
        }
        Self {
            elapsed_ms: self.elapsed_ms.saturating_sub(before.elapsed_ms),
            customers_finished: self.customers_finished - before.customers_finished,
            migrated: self.migrated - before.migrated,
            refused: self.refused - before.refused,
            parked: self.parked - before.parked,
            in_doubt: self.in_doubt - before.in_doubt,
            steps_done,
            requests_sent: self.requests_sent - before.requests_sent,
            rate_limited: self.rate_limited - before.rate_limited,
            ..self
        }
    }
}

/// What a run waits for, as far as is told while it is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Holds {
    /// Nothing but the answers.
    #[default]
    Nothing,
    /// The limit of all requests together.
    Total,
    /// An endpoint's limit.
    Endpoint(Endpoint),
    /// A connected account's limit.
    Account,
    /// It is paused.
    Paused,
    /// The next window.
    Window,
}

impl Holds {
    /// By what the run tells of itself.
    pub fn of(pace: &RunPace, reading: &Reading) -> Self {
        match (pace.state, pace.because.as_deref()) {
            (PaceState::Waiting, Some("window")) => return Self::Window,
            (PaceState::Waiting, _) => return Self::Paused,
            (PaceState::Sending | PaceState::Ending, _) => {}
        }
        match reading.binding.as_ref().map(|binding| &binding.lane) {
            None => Self::Nothing,
            Some(lane) => match (&lane.account, lane.endpoint) {
                (Some(_), _) => Self::Account,
                (None, Some(endpoint)) => Self::Endpoint(endpoint),
                (None, None) => Self::Total,
            },
        }
    }

    /// As a part of a line, if there is something to say.
    fn told(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Total => Some("all requests together bind".to_owned()),
            Self::Endpoint(endpoint) => Some(format!("{} binds", endpoint.name())),
            Self::Account => Some("a connected account's limit binds".to_owned()),
            Self::Paused => Some("paused".to_owned()),
            Self::Window => Some("waiting for the window".to_owned()),
        }
    }

    fn is_waiting(self) -> bool {
        matches!(self, Self::Paused | Self::Window)
    }
}

/// What the run has before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goal {
    customers: u64,
    steps: [u64; StepKind::COUNT],
    estimate_ms: u64,
}

impl Goal {
    fn of(plan: &Plan) -> Self {
        Self {
            customers: plan.work.customers,
            steps: plan.work.writes,
            estimate_ms: plan.seconds.saturating_mul(1000),
        }
    }

    /// How much of the work is done, in billionths: by customers or by writes, whichever says more. Customers lag by those
    /// in flight, writes by those that refusals made needless, so both say too little and never too much.
    fn done_billionths(&self, snapshot: &Snapshot) -> u64 {
        let billionths = |done: u64, all: u64| {
            let part = u128::from(done.min(all)) * 1_000_000_000 / u128::from(all.max(1));
            u64::try_from(part).unwrap_or(0)
        };
        let by_customers = billionths(snapshot.customers_finished, self.customers);
        by_customers.max(billionths(
            snapshot.steps_done.iter().sum(),
            self.steps.iter().sum(),
        ))
    }
}

/// Shows a run's progress.
pub struct Progress {
    screen: Screen,
    goal: Goal,
    pace: Pace,
    /// When it began, in the zone of whoever reads it.
    begun: Zoned,
    form: Form,
}

enum Form {
    Bars(Box<Bars>),
    Lines { next_ms: u64 },
    Silent,
}

impl Progress {
    /// Begins to show how `plan` is carried out. Until [`Progress::finish`], what `screen` writes stands above the bars.
    /// `begun` is now, in the zone of whoever reads it.
    pub fn new(screen: &Screen, plan: &Plan, begun: Zoned) -> Self {
        let goal = Goal::of(plan);
        let form = if screen.is_quiet() {
            Form::Silent
        } else if screen.has_bars() {
            Form::Bars(Box::new(Bars::new(
                ProgressDrawTarget::stderr(),
                &goal,
                screen,
            )))
        } else {
            Form::Lines {
                next_ms: LINE_EVERY_MS,
            }
        };
        Self {
            screen: screen.clone(),
            goal,
            pace: Pace::default(),
            begun,
            form,
        }
    }

    /// Takes in how far the run is, about ten times a second.
    pub fn update(&mut self, snapshot: &Snapshot) {
        self.pace.note(
            snapshot.elapsed_ms,
            snapshot.requests_sent,
            self.goal.done_billionths(snapshot),
        );
        let left = || time_left(&self.goal, &self.pace, snapshot.elapsed_ms, &self.begun);
        match &mut self.form {
            Form::Bars(bars) => bars.show(snapshot, &self.pace, &left()),
            Form::Lines { next_ms } if snapshot.elapsed_ms >= *next_ms => {
                let every_ms = if snapshot.holds.is_waiting() {
                    WAITING_LINE_EVERY_MS
                } else {
                    LINE_EVERY_MS
                };
                *next_ms = snapshot.elapsed_ms.saturating_add(every_ms);
                self.screen
                    .line(&plain_line(&self.goal, snapshot, &self.pace, left()));
            }
            Form::Lines { .. } | Form::Silent => {}
        }
    }

    /// How long it will still take, in seconds; `None` where that is not known, and while nothing is sent.
    pub fn left_seconds(&self, holds: Holds) -> Option<u64> {
        match self.pace.left(self.goal.estimate_ms) {
            pace::Left::Ms(ms) if !holds.is_waiting() => Some(ms.div_ceil(1000)),
            pace::Left::Ms(_) | pace::Left::Unknown => None,
        }
    }

    /// Says something in the midst of it: a line above the bars. Nothing with `--quiet`.
    pub fn note(&self, text: &str) {
        self.screen.line(text);
    }

    /// Takes the bars away; the closing table says how it ended.
    pub fn finish(&mut self) {
        if let Form::Bars(bars) = &self.form {
            bars.clear(&self.screen);
        }
        self.form = Form::Silent;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// `0:12:03  1,234 of 10,000 customers (12%), 38.4 requests/s, 3 refused, about 4 min left`.
fn plain_line(goal: &Goal, snapshot: &Snapshot, pace: &Pace, left: String) -> String {
    let mut parts = vec![
        format!(
            "{} of {} ({})",
            number(snapshot.customers_finished),
            count(goal.customers, "customer"),
            percent(snapshot.customers_finished, goal.customers)
        ),
        format!(
            "{} requests/s",
            tenths(pace.tenths_of_requests_per_second())
        ),
    ];
    let troubles = [
        (snapshot.refused, "refused"),
        (snapshot.parked, "parked"),
        (snapshot.in_doubt, "in doubt"),
        (snapshot.rate_limited, "rate limited"),
    ];
    parts.extend(
        troubles
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{} {what}", number(*n))),
    );
    parts.extend(snapshot.holds.told());
    if !snapshot.holds.is_waiting() {
        parts.push(left);
    }
    format!("{}  {}", clock(snapshot.elapsed_ms), parts.join(", "))
}

/// Measured once there is something to measure by; before that the plan's estimate.
fn time_left(goal: &Goal, pace: &Pace, elapsed_ms: u64, begun: &Zoned) -> String {
    match pace.left(goal.estimate_ms) {
        pace::Left::Ms(ms) => {
            let left = format!("about {} left", duration(ms.div_ceil(1000)));
            match done_shortly_put(begun, elapsed_ms, ms) {
                Some(at) => format!("{left} ({at})"),
                None => left,
            }
        }
        pace::Left::Unknown => "time left unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Rates, Work};
    use crate::report::Settings;
    use crate::report::here::tests::evening;
    use crate::report::screen::tests::Written;

    /// 10,000 customers with one card on one account each: 1,500 seconds at 20 requests/s.
    pub(super) fn plan() -> Plan {
        let work = Work {
            customers: 10_000,
            payment_methods: 10_000,
            accounts: 40,
            writes: [10_000, 0, 10_000, 10_000, 0, 0, 0, 0, 0, 0, 0],
            looks: 0,
            busiest_account_writes: 250,
            ..Work::default()
        };
        Plan::new(
            work,
            Rates {
                total: Some(20),
                endpoint: None,
                account: None,
                ..Rates::NONE
            },
        )
    }

    /// A run that finishes `per_second` customers a second.
    pub(super) fn at(elapsed_ms: u64, per_second: u64) -> Snapshot {
        let finished = elapsed_ms * per_second / 1000;
        Snapshot {
            elapsed_ms,
            customers_finished: finished,
            migrated: finished,
            steps_done: [finished, 0, finished, finished, 0, 0, 0, 0, 0, 0, 0],
            requests_sent: finished * 3,
            in_flight: 16,
            ..Snapshot::default()
        }
    }

    #[test]
    fn elsewhere_than_on_a_terminal_a_plain_line_comes_every_five_seconds() {
        let written = Written::default();
        let screen = Screen::writing_to(Settings::default(), Box::new(written.clone()));
        let mut progress = Progress::new(&screen, &plan(), evening());
        for tenth in 0..=170 {
            let snapshot = at(tenth * 100, 10);
            let refused = if tenth > 100 { 3 } else { 0 };
            progress.update(&Snapshot {
                refused,
                ..snapshot
            });
        }
        progress.note("Ctrl-C: finishing 16 requests in flight; press again to stop at once");
        progress.finish();
        insta::assert_snapshot!(written.text(), @r"
        0:00:05  50 of 10,000 customers (<1%), 30.0 requests/s, about 25 min left (Sat 22:55)
        0:00:10  100 of 10,000 customers (1%), 30.0 requests/s, about 17 min left (Sat 22:46)
        0:00:15  150 of 10,000 customers (1%), 30.0 requests/s, 3 refused, about 17 min left (Sat 22:46)
        Ctrl-C: finishing 16 requests in flight; press again to stop at once
        ");
    }

    #[test]
    fn quiet_shows_nothing() {
        let written = Written::default();
        let settings = Settings {
            quiet: true,
            terminal_width: Some(80),
            ..Settings::default()
        };
        let screen = Screen::writing_to(settings, Box::new(written.clone()));
        let mut progress = Progress::new(&screen, &plan(), evening());
        for second in 0..20 {
            progress.update(&at(second * 1000, 10));
        }
        progress.finish();
        assert_eq!(written.text(), "");
    }

    #[test]
    fn refusals_that_make_writes_needless_do_not_hold_the_progress_back() {
        let goal = Goal::of(&plan());
        let all_refused = Snapshot {
            customers_finished: 10_000,
            steps_done: [10_000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ..Snapshot::default()
        };
        assert_eq!(goal.done_billionths(&all_refused), 1_000_000_000);
        assert_eq!(goal.done_billionths(&Snapshot::default()), 0);
    }
}
