//! How a run ended: the closing table for people, one object for programs (`run --json`), and the exit code.

use serde::Serialize;

use super::Look;
use super::plan::PlanJson;
use super::remedy;
use super::status::{Extras, Status, people as sections, undone};
use super::words::{clock, count, number, plain, quoted, tenths, wrap};
use crate::exit::Exit;
use crate::run::stop_loss::Loss;

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is left that it could do now.
    Finished,
    /// The limit that was asked for is reached.
    LimitReached,
    /// All of what it was confined to is done: other customers, or other accounts, are left.
    Confined,
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
            Self::Confined => "confined",
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
            Self::LimitReached | Self::Confined if status.customers.left() > 0 => Exit::Limit,
            Self::LimitReached | Self::Confined | Self::Finished
                if status.customers.in_trouble() =>
            {
                Exit::Incomplete
            }
            // A look-up failed in every pass: nobody asked for a limit, and not all is done.
            Self::Finished if status.customers.left() > 0 => Exit::Incomplete,
            Self::LimitReached | Self::Confined | Self::Finished => Exit::Done,
        }
    }

    /// The same where so many customers are left to be worked on: where there are none, no limit was felt.
    #[must_use]
    pub fn with_left(self, left: u64) -> Self {
        match self {
            Self::LimitReached | Self::Confined if left == 0 => Self::Finished,
            other => other,
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

/// Why a stop-loss stopped a run, and how to go on.
pub fn stop_loss(loss: &Loss) -> String {
    let of_all = if loss.of_reason == loss.refused {
        format!("all for {}", loss.reason)
    } else {
        format!("{} of them for {}", number(loss.of_reason), loss.reason)
    };
    format!(
        "The stop-loss: {} of the {} that this run finished were refused, {of_all}. Look at the reason below: if the CSV is wrong, mend it \
         and run it again; if it is as it should be, go on with --stop-after-refusals off, or with a number that you can bear.",
        number(loss.refused),
        count(loss.finished, "customer"),
    )
}

impl Summary<'_> {
    /// The closing table, without a line feed at the end.
    pub fn text(&self, look: Look) -> String {
        let parts = [
            Some(self.headline(look)),
            Some(sections::counts(self.status, look)),
            sections::refused(&self.status.reasons, self.extras, look),
            sections::parked(&self.status.accounts, self.extras, look),
            sections::in_doubt(self.extras, look),
            sections::open_charges(self.status, self.extras, look),
            undone::taken_back(self.status, self.extras, look),
            undone::undo_unfinished(self.status, self.extras, look),
            Some(self.next_steps(look)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    fn headline(&self, look: Look) -> String {
        let how = match self.ending {
            Ending::Finished if self.exit() == Exit::Done && self.undo().is_none() => {
                look.good("All done")
            }
            Ending::Finished => look.bold("Finished"),
            Ending::LimitReached => look.bold("Stopped at the limit asked for"),
            Ending::Confined => look.bold("Did what it was confined to"),
            Ending::Interrupted | Ending::Terminated => {
                look.warn("Interrupted; everything is saved")
            }
            Ending::Stopped { .. } => look.bad("Stopped; everything is saved"),
        };
        let why = match self.ending {
            Ending::Stopped { why, .. } => format!("\n{}", wrap(&plain(why), "  ", look.width)),
            Ending::Finished
            | Ending::LimitReached
            | Ending::Confined
            | Ending::Interrupted
            | Ending::Terminated => String::new(),
        };
        let speed_tenths = self.requests_sent.saturating_mul(10_000) / self.elapsed_ms.max(1);
        let speed = tenths(speed_tenths);
        let sent = count(self.requests_sent, "request");
        format!(
            "{how}{why}\n{sent} in {}, {speed} requests/s",
            clock(self.elapsed_ms)
        )
    }

    fn next_steps(&self, look: Look) -> String {
        /// Where the sentence beside the label begins.
        const BELOW: usize = 9;
        let state = quoted(&self.extras.state_file);
        let mapping = look.bold("Mapping");
        let mut lines = vec![format!(
            "{mapping}  pmclone export --state {state} -o mapping.csv"
        )];
        let next = self.next();
        let longest = next.iter().filter_map(|(_, command)| command.as_ref());
        let longest = longest.map(|command| command.chars().count()).max();
        // Below its sentence, where all of them fit there.
        let indent = match longest {
            Some(longest) if longest + BELOW <= usize::from(look.width) => BELOW,
            Some(_) | None => 4,
        };
        for (index, (what, command)) in next.into_iter().enumerate() {
            let label = if index == 0 {
                look.bold("Next")
            } else {
                "    ".to_owned()
            };
            lines.push(format!("{label}     {what}"));
            // On a line of its own and never broken, so that it can be copied.
            lines.extend(command.map(|command| format!("{:indent$}{command}", "")));
        }
        lines.join("\n")
    }

    /// What to do next and the command for it, the most pressing first; never empty.
    fn next(&self) -> Vec<(String, Option<String>)> {
        let customers = &self.status.customers;
        let parked =
            (customers.parked > 0).then(|| "Once the parked accounts can be reached:".to_owned());
        // One resume does both.
        let what = self.going_on().or(parked);
        let mut next = Vec::from_iter(self.undo());
        next.extend(what.map(|what| (what, Some(self.resume("")))));
        if customers.refused > 0 {
            let state = quoted(&self.extras.state_file);
            let refused = format!("pmclone refused --state {state}");
            next.push((
                "See who was refused, and what to do for each:".to_owned(),
                Some(refused),
            ));
        }
        if next.is_empty() && customers.in_doubt > 0 {
            next.push((
                "Look into what is in doubt, as said above.".to_owned(),
                None,
            ));
        }
        if next.is_empty() {
            let done = self.when_all_is_done().iter();
            next.extend(done.map(|what| ((*what).to_owned(), None)));
        }
        next
    }

    /// An undo that did not come to its end.
    fn undo(&self) -> Option<(String, Option<String>)> {
        let what = match (self.status.undo_goes_on(), self.status.undo_unfinished) {
            (true, _) => "Go on with the undo:",
            (false, 1..) => "Go on with the undo, with the options that it had:",
            (false, 0) => return None,
        };
        let command = self.extras.command(self.status, "undo");
        Some((what.to_owned(), Some(command)))
    }

    /// What a plain resume would do now.
    fn going_on(&self) -> Option<String> {
        let customers = &self.status.customers;
        match self.ending {
            Ending::Stopped { .. } => Some("Mend what stopped it, then go on:".to_owned()),
            Ending::Interrupted | Ending::Terminated => Some("Go on where it stopped:".to_owned()),
            Ending::LimitReached | Ending::Confined | Ending::Finished => {
                match (customers.left(), customers.in_doubt) {
                    (0, 0) => None,
                    (0, _) => Some("Settle what is in doubt:".to_owned()),
                    (left, _) => Some(format!("Go on with {}:", count(left, "customer"))),
                }
            }
        }
    }

    fn when_all_is_done(&self) -> &'static [&'static str] {
        let customers = &self.status.customers;
        if customers.undone + customers.partly_undone > 0 && customers.migrated == 0 {
            &["Nothing: what was taken back is not made again."]
        } else if self.extras.simulated {
            &[
                "That was a rehearsal, its ids are made up: now Stripe's test mode, with another state file.",
            ]
        } else {
            &[
                "Put the new ids from the mapping into your own database.",
                "Subscriptions did not move: while both sides bill, people pay twice.",
            ]
        }
    }

    fn exit(&self) -> Exit {
        self.ending.exit(self.status)
    }

    /// A command on this state file. The account to confirm is left to the person who types it.
    fn resume(&self, more: &str) -> String {
        let flags = match (self.extras.simulated, self.status.livemode) {
            (true, _) => " --simulate",
            (false, true) => " --live --confirm ACCOUNT",
            (false, false) => "",
        };
        let after_undo = if self.status.taken_back {
            " --after-undo"
        } else {
            ""
        };
        format!(
            "pmclone resume --state {}{flags}{more}{after_undo}",
            quoted(&self.extras.state_file)
        )
    }

    /// The same for programs.
    pub fn json(&self, plan: PlanJson) -> SummaryJson<'_> {
        let refused = self.status.reasons.iter().map(|each| RefusedJson {
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
                | Ending::Confined
                | Ending::Interrupted
                | Ending::Terminated => None,
            },
            exit_code: self.exit().code(),
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
