//! PURE. What of a customer, or on an account, is taken back, what an undo left where it is, and what comes next.

use super::super::status::Customers;
use super::super::undo::remedy_of;
use super::super::words::{count, quoted};
use super::Facts;
use super::why::Why;
use crate::ids::AccountId;
use crate::state::{Customer, Position, Reachable, Standing};
use crate::store::{AccountTrace, Loaded, Trace};
use crate::undo;

/// Of a customer. What is told here stands above everything else.
pub(super) fn of_customer(facts: &Facts<'_>, loaded: &Loaded, trace: &Trace, why: &mut Why) {
    let customer = &loaded.customer;
    let again = format!("undo --only {}", quoted(customer.legacy_id.as_str()));
    begun(facts, loaded, &again, why);
    if loaded.undo_begun.is_empty() && loaded.standing == Standing::PartlyUndone {
        let (back, there) = divided(customer);
        why.causes.push(format!(
            "What was made of it on {} is taken back; on {} it is as it was made.",
            listed(&back),
            listed(&there)
        ));
        why.next.push(
            "What is taken back is not made again from this state file: runs pass it over. To take back the rest too:"
                .to_owned(),
        );
        why.commands.push(facts.command(&again));
    }
    left(facts, customer, trace, &again, why);
}

/// Of a customer that an undo of everything has not come to.
pub(super) fn to_come(facts: &Facts<'_>, customer: &Customer, why: &mut Why) {
    why.causes.push(
        "Everything that was asked for is done. All of the migration was to be taken back, and it was not come to yet."
            .to_owned(),
    );
    if facts.running {
        why.next
            .push("A command is on: look again in a moment.".to_owned());
        return;
    }
    why.next.push("The same undo goes on with it.".to_owned());
    let again = format!("undo --only {}", quoted(customer.legacy_id.as_str()));
    why.commands.push(facts.command(&again));
}

/// An undo that was broken off, or is on.
fn begun(facts: &Facts<'_>, loaded: &Loaded, again: &str, why: &mut Why) {
    if loaded.undo_begun.is_empty() {
        return;
    }
    for place in &loaded.undo_begun {
        let place = place_of(&loaded.customer, *place);
        why.causes.push(format!(
            "What was made of it on {place} is being taken back: that was begun, and is not done to the end."
        ));
    }
    if facts.running {
        why.next
            .push("A command is on: look again in a moment.".to_owned());
    } else {
        why.next
            .push("The same undo goes on. Nothing more is made there.".to_owned());
        why.commands.push(facts.command(again));
    }
}

/// What the last undo left, place by place.
fn left(facts: &Facts<'_>, customer: &Customer, trace: &Trace, again: &str, why: &mut Why) {
    for (target, reason, message) in &trace.left {
        let place = place_of(customer, *target);
        let message = message.trim_end_matches('.');
        why.causes.push(if reason == undo::Why::UNSETTLED {
            format!(
                "What was made of it on {place} is not taken back, or not for certain: {message}."
            )
        } else {
            format!("`undo` left what was made of it on {place} where it is: {message}.")
        });
        let remedy = remedy_of(reason).to_owned();
        if !why.next.contains(&remedy) {
            why.next.push(remedy);
        }
    }
    if trace.left.is_empty() || facts.running {
        return;
    }
    // What stays for its source cards' sake is as it should be: nobody is told to delete it, only where that is foreseen.
    let all_expected = trace
        .left
        .iter()
        .all(|(_, reason, _)| reason == undo::Why::SOURCE_CARDS);
    let command = if all_expected {
        facts.command(&format!("{again} --dry-run"))
    } else {
        facts.command(again)
    };
    if !why.commands.contains(&command) {
        why.commands.push(command);
    }
}

/// The accounts where it is taken back, and those where something of it stands.
fn divided(customer: &Customer) -> (Vec<&AccountId>, Vec<&AccountId>) {
    let (back, there): (Vec<_>, Vec<_>) = customer
        .targets
        .iter()
        .partition(|target| target.reach == Reachable::Undone);
    let ids = |targets: Vec<&'_ crate::state::Target>| -> Vec<_> {
        customer
            .targets
            .iter()
            .filter(|each| targets.contains(each))
            .map(|each| &each.account)
            .collect()
    };
    (ids(back), ids(there))
}

fn listed(accounts: &[&AccountId]) -> String {
    /// More than these are counted.
    const MOST: usize = 5;
    let names = accounts.iter().take(MOST).map(|id| id.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    match accounts.len().saturating_sub(MOST) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn place_of(customer: &Customer, target: Option<Position>) -> &str {
    let target = target.and_then(|target| customer.target(target));
    target.map_or("the platform", |target| target.account.as_str())
}

/// Of an account: what happens next, and commands.
pub(super) fn of_account(
    facts: &Facts<'_>,
    trace: &AccountTrace,
    customers: Customers,
    (next, commands): (&mut Vec<String>, &mut Vec<String>),
) {
    // The platform account is no account that it could be narrowed to.
    let again = if facts.migration.platform_account == trace.id {
        "undo".to_owned()
    } else {
        format!("undo --account {}", trace.id)
    };
    if customers.partly_undone > 0 {
        next.push(format!(
            "Of {} what was made there is being taken back, and is not to the end: the same undo goes on, and nothing more is made there.",
            count(customers.partly_undone, "customer")
        ));
        commands.push(facts.command(&again));
    }
    if facts.taken_back && customers.migrated > 0 && trace.left.is_empty() {
        next.push(format!(
            "All was to be taken back, and {} still there: the same undo goes on.",
            match customers.migrated {
                1 => "1 customer is".to_owned(),
                more => format!("{} are", count(more, "customer")),
            }
        ));
        if customers.partly_undone == 0 {
            commands.push(facts.command(&again));
        }
    }
    if customers.undone > 0 {
        next.push(format!(
            "Of {} what was made there is taken back, and is not made again from this state file.",
            count(customers.undone, "customer")
        ));
    }
    for (reason, message, places) in &trace.left {
        let what = if reason == undo::Why::UNSETTLED {
            "what was made there is not taken back, or not for certain".to_owned()
        } else {
            format!("`undo` left it where it is, for {reason}")
        };
        next.push(format!(
            "Of {} {what}, as in: {}. {}",
            count(*places, "customer"),
            message.trim_end_matches('.'),
            remedy_of(reason)
        ));
    }
    if !trace.left.is_empty() && customers.partly_undone == 0 {
        commands.push(facts.command(&again));
    }
}
