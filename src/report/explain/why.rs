//! PURE. Why something stands where it stands, what happens next, and the command that helps.

use super::super::refused::what;
use super::super::remedy;
use super::super::stale::what as what_became;
use super::super::status::Customers;
use super::super::undo::remedy_of;
use super::super::words::{count, quoted, second};
use super::{Facts, undone};
use crate::report::export::{Fate, Row};
use crate::state::{Customer, Next, Reachable, Standing, StepId, StepState};
use crate::store::{AccountTrace, Loaded, StaleClone, Trace};
use crate::time::StripeTime;

/// What happens next to a customer that is migrated.
pub(super) const NOTHING_LEFT: &str = "Nothing: take the new ids with the mapping.";

/// Sentences, and commands.
#[derive(Default)]
pub(super) struct Why {
    pub causes: Vec<String>,
    pub next: Vec<String>,
    pub commands: Vec<String>,
}

/// Where the customer stands: as it is kept, and in doubt where its visit was broken off.
pub(super) fn standing(facts: &Facts<'_>, loaded: &Loaded, mapping: &[Row]) -> Standing {
    let in_doubt = mapping
        .iter()
        .any(|row| row.status == Fate::Stands(Standing::InDoubt));
    match loaded.standing {
        Standing::InProgress if in_doubt && !facts.running => Standing::InDoubt,
        other => other,
    }
}

/// Of a customer.
pub(super) fn of_customer(
    facts: &Facts<'_>,
    loaded: &Loaded,
    trace: &Trace,
    standing: Standing,
) -> Why {
    let customer = &loaded.customer;
    let mut why = Why::default();
    undone::of_customer(facts, loaded, trace, &mut why);
    refusals(facts, customer, &mut why);
    doubts(facts, customer, &mut why);
    parked(customer, &mut why);
    let any_undone = (0..)
        .zip(&customer.targets)
        .any(|(at, _)| customer.is_undone_on(at));
    match standing {
        Standing::PartlyUndone => {}
        // What was left in use, or was changed, is told above.
        Standing::Migrated if !trace.left.is_empty() => {
            why.commands.push(facts.command("export -o mapping.csv"));
        }
        Standing::Migrated if facts.taken_back => undone::to_come(facts, customer, &mut why),
        Standing::Migrated => {
            why.causes
                .push("Everything that was asked for is done.".to_owned());
            why.next.push(NOTHING_LEFT.to_owned());
            why.commands.push(facts.command("export -o mapping.csv"));
        }
        Standing::Undone => {
            why.causes.insert(
                0,
                "What was made of it is taken back, as told above.".to_owned(),
            );
            why.next.insert(
                0,
                "It is not made again from this state file: runs pass it over.".to_owned(),
            );
        }
        Standing::Refused => {
            why.next
                .push("A run passes it over, until a person asks for another try.".to_owned());
            why.next.extend(facts.after_undo());
            // A line cannot be mended of what is taken back in part.
            if any_undone {
                why.next.push(remedy::not_mended(customer));
                why.commands.push(facts.command("resume --retry-refused"));
            } else {
                why.commands.extend([
                    facts.command("refused --csv refused.csv"),
                    facts.command("retry refused.csv"),
                ]);
            }
        }
        Standing::InDoubt => {
            if !facts.taken_back {
                why.next.push(
                    "Every run begins by settling it, by reading or under the same key.".to_owned(),
                );
            }
            let then = if facts.taken_back {
                let id = quoted(customer.legacy_id.as_str());
                facts.command(&format!("undo --only {id}"))
            } else {
                facts.command("resume")
            };
            why.commands.extend([facts.command("reconcile"), then]);
        }
        Standing::Parked => {
            why.next.push(facts.advice(remedy::PARKED));
            why.next.extend(facts.after_undo());
            why.commands.push(facts.command("resume"));
        }
        Standing::InProgress | Standing::Pending => unfinished(facts, customer, standing, &mut why),
    }
    why
}

/// Clones whose sources changed since.
pub(super) fn stale(facts: &Facts<'_>, clones: &[StaleClone], why: &mut Why) {
    for clone in clones {
        let renewal = if clone.in_renewal {
            " Its renewal was begun, and is not at its end."
        } else {
            ""
        };
        why.causes.push(format!(
            "{} {} on {}, as {} told: its clone on {} is of before.{renewal}",
            clone.source,
            what_became(&clone.reason),
            second(clone.since),
            clone.event,
            clone.account
        ));
    }
    if !clones.is_empty() {
        why.next.retain(|next| next != NOTHING_LEFT);
    }
    if clones.iter().any(StaleClone::is_detached) {
        why.next.push(format!(
            "Nothing can be cloned from a source that was detached: {}",
            remedy::DETACHED
        ));
    }
    if clones.iter().any(|clone| !clone.is_detached()) {
        why.next
            .push("A clone that is of before is renewed when that is asked for.".to_owned());
        let refresh = facts.command("resume --refresh-stale");
        why.commands.retain(|command| *command != refresh);
        why.commands.push(refresh);
    }
}

fn refusals(facts: &Facts<'_>, customer: &Customer, why: &mut Why) {
    for (step, record) in &customer.steps {
        let StepState::Refused(refusal) = &record.state else {
            continue;
        };
        // What is taken back is not made again, so nobody has to see to it.
        if step.target.map_or_else(
            || customer.is_undone(),
            |target| customer.is_undone_on(target),
        ) {
            continue;
        }
        let what = what(customer, *step, refusal);
        why.causes
            .push(format!("{what} was refused: {}.", refusal.reason));
        let remedy = facts.advice(remedy::for_refusal(&refusal.reason, &refusal.message));
        if !why.next.contains(&remedy) {
            why.next.push(remedy);
        }
    }
}

fn doubts(facts: &Facts<'_>, customer: &Customer, why: &mut Why) {
    for (step, record) in &customer.steps {
        let StepState::InDoubt(doubt) = record.state else {
            continue;
        };
        why.causes.push(format!(
            "{} may have reached Stripe, and its outcome is not known: {}.",
            named(customer, *step),
            doubt.name()
        ));
        let remedy = if facts.taken_back {
            remedy_of("in_doubt").to_owned()
        } else {
            facts.advice(remedy::for_doubt(doubt))
        };
        if !why.next.contains(&remedy) {
            why.next.push(remedy);
        }
    }
}

fn parked(customer: &Customer, why: &mut Why) {
    let unreached = |target: &&crate::state::Target| target.reach == Reachable::Parked;
    for target in customer.targets.iter().filter(unreached) {
        why.causes
            .push(format!("{} cannot be reached.", target.account));
    }
}

fn unfinished(facts: &Facts<'_>, customer: &Customer, standing: Standing, why: &mut Why) {
    why.causes
        .push(match (standing, customer.steps.is_empty()) {
            (Standing::Pending, _) | (_, true) => "Nothing of it was started yet.".to_owned(),
            _ => "Some of it is done, and its last visit ended before the rest.".to_owned(),
        });
    // No clock is at hand, nor is one wanted: what is too old to be sent again is in doubt, and told above.
    let next = match customer.next(StripeTime(0)) {
        Next::Send(step) => format!("Next comes {}.", named(customer, step)),
        Next::Look(source) => match customer.source(source) {
            Some(source) => {
                format!("Next, {source} is read: it must be attached before it is cloned.")
            }
            None => "Next, a source is read.".to_owned(),
        },
        Next::Expire(step) => format!("Next, {} is looked for at Stripe.", named(customer, step)),
        Next::SetAside(_) | Next::Settled(_) => "The next run sees what is left of it.".to_owned(),
    };
    why.next.push(next);
    if facts.running {
        why.next
            .push("A run is on: look again in a moment.".to_owned());
        why.commands.push(facts.command("status --watch"));
    } else {
        why.next.extend(facts.after_undo());
        why.commands.push(facts.command("resume"));
    }
}

fn named(customer: &Customer, step: StepId) -> String {
    let name = customer.name_of(step);
    let source = name
        .source
        .map_or(String::new(), |source| format!(" with {source}"));
    match name.account {
        Some(account) => format!("{}{source} on {account}", step.kind.name()),
        None => format!("{}{source} on the platform", step.kind.name()),
    }
}

/// Of an account: what happens next, and commands.
pub(super) fn of_account(
    facts: &Facts<'_>,
    trace: &AccountTrace,
    customers: Customers,
) -> (Vec<String>, Vec<String>) {
    let (mut next, mut commands) = (Vec::new(), Vec::new());
    let platform = facts.migration.platform_account == trace.id;
    let there = if platform { "" } else { " there" };
    undone::of_account(facts, trace, customers, (&mut next, &mut commands));
    if trace.parked.is_some() {
        next.push(facts.advice(remedy::PARKED));
        next.push(format!("{} for it.", waits(customers)));
        commands.push(facts.command("resume"));
    }
    if customers.left() > 0 {
        let left = count(customers.left(), "customer");
        next.push(format!(
            "{left} not finished{there}: a run goes on with them."
        ));
        next.extend(facts.after_undo());
        commands.push(if platform {
            facts.command("resume")
        } else {
            facts.command(&format!("resume --account {}", trace.id))
        });
    }
    if customers.in_doubt > 0 {
        next.push(facts.advice(remedy::STILL_IN_DOUBT));
        commands.push(facts.command("reconcile"));
    }
    if customers.refused > 0 {
        next.push(
            "Those that were refused are passed over, until a person asks for another try."
                .to_owned(),
        );
        commands.push(facts.command("refused"));
    }
    if next.is_empty() {
        next.push(format!("Nothing: all that was asked for{there} is done."));
    }
    commands.push(if platform {
        facts.command("export -o mapping.csv")
    } else {
        facts.command(&format!("export --account {} -o mapping.csv", trace.id))
    });
    (next, commands)
}

fn waits(customers: Customers) -> String {
    let verb = if customers.parked == 1 {
        "waits"
    } else {
        "wait"
    };
    format!("{} {verb}", count(customers.parked, "customer"))
}
