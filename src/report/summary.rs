//! How a run ended: the closing table for people, one object for programs (`run --json`), and the exit code.

use serde::Serialize;

use super::Look;
use super::plan::PlanJson;
use super::remedy;
use super::status::{Extras, Status, people as sections};
use super::words::{clock, count, plain, quoted, tenths, wrap};
use crate::exit::Exit;

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is left that it could do now.
    Finished,
    /// The limit that was asked for is reached.
    LimitReached,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// Something made it stop: key, permission, stop-loss, store.
    Stopped {
        /// Which code it ends with.
        exit: Exit,
        /// What happened and what to do, masked.
        why: String,
    },
}

impl Ending {
    /// The stable name that outputs use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::LimitReached => "limit_reached",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// The exit code of a run that ended so and left the migration at `status`.
    pub fn exit(&self, status: &Status) -> Exit {
        match self {
            Self::Interrupted => Exit::Interrupted,
            Self::Terminated => Exit::Terminated,
            Self::Stopped { exit, .. } => *exit,
            Self::LimitReached if status.customers.left() > 0 => Exit::Limit,
            Self::LimitReached | Self::Finished if status.customers.in_trouble() => {
                Exit::Incomplete
            }
            // Work is left, nothing is wrong: only some accounts were asked for.
            Self::LimitReached | Self::Finished if status.customers.left() > 0 => Exit::Limit,
            Self::LimitReached | Self::Finished => Exit::Done,
        }
    }
}

/// What is told at the end of a run.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// Why it ended.
    pub ending: &'a Ending,
    /// Where the migration stands now.
    pub status: &'a Status,
    /// What people are told besides.
    pub extras: &'a Extras,
    /// How long this run took, in milliseconds.
    pub elapsed_ms: u64,
    /// What this run sent, each attempt counted.
    pub requests_sent: u64,
}

impl Summary<'_> {
    /// The closing table, without a line feed at the end.
    pub fn text(&self, look: Look) -> String {
        let parts = [
            Some(self.headline(look)),
            sections::counts(self.status, look),
            sections::refused(&self.extras.reasons, look),
            sections::parked(&self.status.accounts, look),
            sections::in_doubt(self.extras, look),
            Some(self.next_steps(look)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    fn headline(&self, look: Look) -> String {
        let how = match self.ending {
            Ending::Finished if self.ending.exit(self.status) == Exit::Done => {
                look.good("All done")
            }
            Ending::Finished => look.bold("Finished"),
            Ending::LimitReached => look.bold("Stopped at the limit asked for"),
            Ending::Interrupted | Ending::Terminated => {
                look.warn("Interrupted, everything is saved")
            }
            Ending::Stopped { .. } => look.bad("Stopped, everything is saved"),
        };
        let speed_tenths = self.requests_sent.saturating_mul(10_000) / self.elapsed_ms.max(1);
        let line = format!(
            "{how} after {}: {} in this run, {} requests/s",
            clock(self.elapsed_ms),
            count(self.requests_sent, "request"),
            tenths(speed_tenths),
        );
        match self.ending {
            Ending::Stopped { why, .. } => {
                format!("{line}\n{}", wrap(&plain(why), "  ", look.width))
            }
            Ending::Finished | Ending::LimitReached | Ending::Interrupted | Ending::Terminated => {
                line
            }
        }
    }

    fn next_steps(&self, look: Look) -> String {
        let mapping = self.command("export", "-o mapping.csv");
        let mut lines = vec![format!("{}  {mapping}", look.bold("Mapping"))];
        for (index, step) in self.next().iter().enumerate() {
            let label = if index == 0 {
                look.bold("Next")
            } else {
                "    ".to_owned()
            };
            lines.push(format!(
                "{label}     {}",
                wrap(step, "         ", look.width).trim_start()
            ));
        }
        lines.join("\n")
    }

    /// What to do next, the most pressing first; never empty.
    fn next(&self) -> Vec<String> {
        let customers = &self.status.customers;
        let resume = self.command("resume", "");
        let mut next = Vec::new();
        match self.ending {
            Ending::Stopped { .. } => next.push(format!("Mend what stopped it, then {resume}")),
            Ending::Interrupted | Ending::Terminated => {
                next.push(format!("{resume} goes on where it stopped"))
            }
            Ending::LimitReached | Ending::Finished if customers.left() > 0 => {
                next.push(format!(
                    "{resume} goes on with {}",
                    count(customers.left(), "customer")
                ));
            }
            Ending::LimitReached | Ending::Finished => {}
        }
        if customers.in_doubt > 0 && next.is_empty() {
            next.push(format!("{resume} settles what is in doubt"));
        }
        if customers.parked > 0 {
            next.push(format!("Once the parked accounts can be reached: {resume}"));
        }
        if customers.refused > 0 {
            let retry = self.command("resume", "--retry-refused");
            next.push(format!("Once the refusals are mended: {retry}"));
        }
        if next.is_empty() {
            next.push("Put the new ids from the mapping into your own database".to_owned());
        }
        next
    }

    fn command(&self, command: &str, more: &str) -> String {
        let state = quoted(&self.extras.state_file);
        format!("pmclone {command} --state {state} {more}")
            .trim_end()
            .to_owned()
    }

    /// The same for programs.
    pub fn json(&self, plan: PlanJson) -> SummaryJson<'_> {
        let refused = self.extras.reasons.iter().map(|each| RefusedJson {
            reason: &each.reason,
            message: &each.message_sample,
            customers: each.customers,
            remedy: remedy::for_refusal(&each.reason, &each.message_sample),
        });
        SummaryJson {
            ending: self.ending.name(),
            why: match self.ending {
                Ending::Stopped { why, .. } => Some(why),
                Ending::Finished
                | Ending::LimitReached
                | Ending::Interrupted
                | Ending::Terminated => None,
            },
            exit_code: self.ending.exit(self.status).code(),
            elapsed_ms: self.elapsed_ms,
            requests_sent: self.requests_sent,
            refused: refused.collect(),
            steps_in_doubt: self.extras.in_doubt_steps,
            plan,
            status: self.status,
        }
    }
}

/// What `run --json` and `resume --json` print, one object, at the end. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryJson<'a> {
    /// [`Ending::name`].
    ending: &'static str,
    /// What stopped it; null unless `ending` is `stopped`.
    why: Option<&'a str>,
    /// The process's exit code.
    exit_code: u8,
    elapsed_ms: u64,
    /// In this run; `status.requests` counts all runs.
    requests_sent: u64,
    /// Customers by reason, over the whole migration.
    refused: Vec<RefusedJson<'a>>,
    steps_in_doubt: u64,
    /// What the run had before it, as `run --dry-run --json` prints it.
    plan: PlanJson,
    /// The object that `status --json` prints.
    status: &'a Status,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RefusedJson<'a> {
    reason: &'a str,
    message: &'a str,
    customers: u64,
    remedy: &'static str,
}

#[cfg(test)]
mod tests;
