//! The certificate of a crash drill, and its progress.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::words::{clock, count, number};
use super::{Look, Screen};
use crate::drill::Outcome;
use crate::drill::points::{FAULTS, Point};
use crate::stripe::STRIPE_VERSION;

/// Between plain lines, where there is no terminal.
const LINE_EVERY_MS: u64 = 5000;

/// What was drilled with.
#[derive(Debug, Clone, Serialize)]
pub struct Taken {
    /// The CSV as it was named.
    pub csv: String,
    /// Of the whole file.
    pub sha256: String,
    /// In the whole file.
    pub customers: u64,
    /// Drawn from them.
    pub taken: u64,
    /// The drill's own, without a card.
    pub probes: u64,
    /// What was drawn follows from it.
    pub seed: u64,
}

/// How often something happened.
#[derive(Debug, Clone, Serialize)]
struct Count {
    kind: &'static str,
    #[serde(rename = "count")]
    times: u64,
    #[serde(skip)]
    words: &'static str,
}

/// What `drill --json` prints, one object. Fields are only ever added.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate {
    /// Nothing was lost, made twice, different, or left in doubt.
    clean: bool,
    #[serde(flatten)]
    taken: Taken,
    pmclone: &'static str,
    stripe_version: &'static str,
    sqlite: &'static str,
    kills: u64,
    kills_by_point: Vec<Count>,
    boundaries: u64,
    every_boundary: bool,
    faults: u64,
    faults_by_kind: Vec<Count>,
    every_fault: bool,
    resumes: u64,
    resumes_after_25_hours: u64,
    migrations: u64,
    customers_migrated: u64,
    duplicates: u64,
    lost: u64,
    different: u64,
    in_doubt: u64,
    broken_off: u64,
    orphaned_clones: u64,
    remarks: Vec<String>,
    elapsed_ms: u64,
}

impl Certificate {
    /// Of what came of a drill.
    pub fn new(outcome: &Outcome, taken: Taken, elapsed_ms: u64) -> Self {
        let (tally, findings) = (&outcome.tally, &outcome.findings);
        let points = Point::ALL.into_iter().zip(tally.kills);
        let faults = FAULTS.iter().zip(tally.faults);
        Self {
            clean: findings.clean(),
            taken,
            pmclone: crate::version::VERSION,
            stripe_version: STRIPE_VERSION,
            sqlite: rusqlite::version(),
            kills: tally.all_kills(),
            kills_by_point: points
                .map(|(point, times)| Count {
                    kind: point.name(),
                    times,
                    words: point.words(),
                })
                .collect(),
            boundaries: outcome.boundaries,
            every_boundary: outcome.every_boundary,
            faults: tally.faults.iter().sum(),
            faults_by_kind: faults
                .map(|(fault, times)| Count {
                    kind: fault.name(),
                    times,
                    words: fault.name(),
                })
                .collect(),
            every_fault: outcome.every_fault,
            resumes: tally.resumes,
            resumes_after_25_hours: tally.resumes_later,
            migrations: tally.migrations,
            customers_migrated: tally.customers,
            duplicates: findings.duplicates,
            lost: findings.lost,
            different: findings.different,
            in_doubt: findings.in_doubt,
            broken_off: findings.broken_off,
            orphaned_clones: findings.orphans,
            remarks: findings.remarks.clone(),
            elapsed_ms,
        }
    }

    /// For people.
    pub fn text(&self, look: Look) -> String {
        let verdict = if self.clean {
            look.good("nothing lost, nothing made twice")
        } else {
            look.bad("NOT CLEAN: do not migrate with this version; report it with this certificate")
        };
        let mut lines = vec![
            format!("{}  {verdict}", look.bold("Crash drill")),
            String::new(),
            format!("CSV          {}", self.taken.csv),
            format!("SHA-256      {}", self.taken.sha256),
            format!("Customers    {}", self.customers()),
            format!(
                "Versions     pmclone {}, Stripe-Version {}, SQLite {}",
                self.pmclone, self.stripe_version, self.sqlite
            ),
            format!("Seed         {}", self.taken.seed),
            format!("Duration     {}", clock(self.elapsed_ms)),
            String::new(),
            format!("Kills        {}", number(self.kills)),
        ];
        table(&mut lines, &self.kills_by_point);
        lines.push(format!("             {}", self.coverage()));
        lines.push(String::new());
        lines.push(format!("Faults       {}", number(self.faults)));
        table(&mut lines, &self.faults_by_kind);
        lines.push(format!(
            "             {}",
            if self.every_fault {
                "each of them at each write, and more in storms"
            } else {
                "a sample of each at each write; --kills takes more"
            }
        ));
        lines.push(String::new());
        lines.push(format!(
            "Resumes      {}, {} of them 25 hours later",
            number(self.resumes),
            number(self.resumes_after_25_hours)
        ));
        lines.push(format!(
            "Migrations   {}, of {} in all",
            number(self.migrations),
            count(self.customers_migrated, "customer")
        ));
        lines.push(String::new());
        for (what, found) in [
            ("Duplicates ", self.duplicates),
            ("Lost       ", self.lost),
            ("Different  ", self.different),
            ("In doubt   ", self.in_doubt),
            ("Broken off ", self.broken_off),
        ] {
            let found = if found == 0 {
                look.good("0")
            } else {
                look.bad(&number(found))
            };
            lines.push(format!("{what}  {found}"));
        }
        lines.push(format!(
            "Orphans      {}: clones attached to nobody, which nothing can be charged to",
            number(self.orphaned_clones)
        ));
        lines.extend(self.remarks.iter().map(|remark| format!("  {remark}")));
        lines.join("\n")
    }

    fn customers(&self) -> String {
        let all = count(self.taken.customers, "customer");
        let taken = if self.taken.taken == self.taken.customers {
            format!("all {all}")
        } else {
            format!("{} drawn from {all}", number(self.taken.taken))
        };
        let probes = number(self.taken.probes);
        format!("{taken}; and {probes} of the drill's own, without a card")
    }

    fn coverage(&self) -> String {
        let boundaries = number(self.boundaries);
        if self.every_boundary {
            format!("each of the {boundaries} boundaries, resumed at once and after 25 hours")
        } else {
            format!("a sample of the {boundaries} boundaries; --kills takes more")
        }
    }
}

fn table(lines: &mut Vec<String>, counts: &[Count]) {
    let width = counts
        .iter()
        .map(|each| number(each.times).len())
        .fold(0, usize::max);
    let shown = counts.iter().filter(|each| each.times > 0);
    lines.extend(shown.map(|each| format!("  {:>width$}  {}", number(each.times), each.words)));
}

/// How far a drill is: a bar on a terminal, elsewhere a plain line every few seconds.
pub struct Progress {
    screen: Screen,
    wanted: u64,
    bar: Option<ProgressBar>,
    line_after_ms: u64,
}

impl Progress {
    /// Towards so many kills.
    pub fn new(screen: &Screen, wanted: u64) -> Self {
        let bar = screen.has_bars().then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("kills [{wide_bar}] {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(wanted).with_style(style.progress_chars("=> "));
            let bar = all.add(bar);
            screen.set_bars(Some(all));
            bar
        });
        Self {
            screen: screen.clone(),
            wanted,
            bar,
            line_after_ms: LINE_EVERY_MS,
        }
    }

    /// So many kills after so many milliseconds.
    pub fn update(&mut self, kills: u64, elapsed_ms: u64) {
        let wanted = number(self.wanted);
        let told = format!("{} of {wanted}, {}", number(kills), clock(elapsed_ms));
        match &self.bar {
            Some(bar) => {
                bar.set_position(kills.min(self.wanted));
                bar.set_message(told);
            }
            None if elapsed_ms >= self.line_after_ms => {
                self.line_after_ms = elapsed_ms + LINE_EVERY_MS;
                self.screen.line(&format!("kills: {told}"));
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.screen.set_bars(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::Findings;
    use crate::drill::points::Tally;

    fn taken() -> Taken {
        Taken {
            csv: "customers.csv".to_owned(),
            sha256: "ab".repeat(32),
            customers: 1_200,
            taken: 50,
            probes: 13,
            seed: 7,
        }
    }

    fn outcome() -> Outcome {
        let mut tally = Tally {
            resumes: 1_010,
            resumes_later: 400,
            migrations: 3,
            customers: 189,
            ..Tally::default()
        };
        (0..1_000).for_each(|_| tally.kill(Point::RequestDone));
        (0..10).for_each(|_| tally.kill(Point::IntentCommitted));
        tally.fault(&FAULTS[1]);
        Outcome {
            tally,
            findings: Findings {
                orphans: 4,
                ..Findings::default()
            },
            boundaries: 600,
            every_boundary: true,
            every_fault: false,
        }
    }

    /// Without the line that changes with every version.
    fn text(outcome: &Outcome) -> String {
        let text = Certificate::new(outcome, taken(), 61_000).text(Look::PLAIN);
        let lines = text.lines().filter(|line| !line.starts_with("Versions"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_clean_certificate_says_what_was_done_and_to_what() {
        insta::assert_snapshot!(text(&outcome()), @r"
        Crash drill  nothing lost, nothing made twice

        CSV          customers.csv
        SHA-256      abababababababababababababababababababababababababababababababab
        Customers    50 drawn from 1,200 customers; and 13 of the drill's own, without a card
        Seed         7
        Duration     0:01:01

        Kills        1,010
             10  intent committed, request not sent
          1,000  done, not answered
                     each of the 600 boundaries, resumed at once and after 25 hours

        Faults       1
          1  lost-after
                     a sample of each at each write; --kills takes more

        Resumes      1,010, 400 of them 25 hours later
        Migrations   3, of 189 customers in all

        Duplicates   0
        Lost         0
        Different    0
        In doubt     0
        Broken off   0
        Orphans      4: clones attached to nobody, which nothing can be charged to
        ");
    }

    #[test]
    fn what_was_found_is_named_and_the_verdict_is_not_overlooked() {
        let mut outcome = outcome();
        outcome.findings.duplicates = 1;
        let remark = "c1 on acct_1: Customers: 2, not 1";
        outcome.findings.remark(remark.to_owned());
        let text = text(&outcome);
        assert!(text.starts_with("Crash drill  NOT CLEAN"), "{text}");
        assert!(
            text.contains("Duplicates   1") && text.contains(remark),
            "{text}"
        );
        let json = serde_json::to_value(Certificate::new(&outcome, taken(), 1)).unwrap();
        assert_eq!(
            (&json["clean"], &json["duplicates"]),
            (&false.into(), &1.into())
        );
    }
}
