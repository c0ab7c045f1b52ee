//! PURE. A line of the page's list of customers.

use std::collections::BTreeSet;

use super::Shown;
use super::view::{
    Cell, Column, Table, codes, ids, name, number_column, standing, text_column, time,
};
use crate::report::words::{count, number, second};
use crate::state::{Customer, Standing, StepId, StepState};
use crate::store::{Loaded, Trace};

/// Ids in one cell.
const MOST_IDS: usize = 3;

/// A customer, as the page lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id in the CSV, masked where it must be.
    pub legacy_id: String,
    /// Name and e-mail address, where they are kept still and asked for.
    pub contact: Option<String>,
    /// The first line of the CSV that names it.
    pub line: Option<u64>,
    /// Where it stands.
    pub standing: Standing,
    /// Stripe's codes, and ours, for what was refused or is in doubt.
    pub reasons: Vec<String>,
    /// Sources that are cloned, of those asked for.
    pub cloned: (u64, u64),
    /// The Customer on the platform.
    pub platform_customer: Option<String>,
    /// Each account, and the Customer there.
    pub connected: Vec<String>,
    /// When its standing was written last.
    pub changed_at: Option<String>,
}

impl Listed {
    /// As it stands. `running`: what is started is under way.
    pub fn of(loaded: &Loaded, trace: &Trace, shown: Shown, running: bool) -> Self {
        let customer = &loaded.customer;
        let details = loaded.details.as_ref().filter(|_| shown.unmasked);
        let contact = details.map(|details| {
            let both = [details.name.as_deref(), details.email.as_deref()];
            both.into_iter().flatten().collect::<Vec<_>>().join(", ")
        });
        Self {
            legacy_id: shown.id(&customer.legacy_id),
            contact: contact.filter(|contact| !contact.is_empty()),
            line: trace.lines.first().copied(),
            standing: standing_of(loaded, running),
            reasons: reasons(customer),
            cloned: cloned(customer),
            platform_customer: customer
                .platform_customer()
                .filter(|_| !customer.undone)
                .map(ToString::to_string),
            connected: connected(customer),
            changed_at: loaded.changed_at.map(second),
        }
    }
}

/// A visit that was broken off leaves a customer in progress with a step that nobody waits for: it is in doubt.
fn standing_of(loaded: &Loaded, running: bool) -> Standing {
    let unknown = |state: &StepState| matches!(state, StepState::Started | StepState::InDoubt(_));
    let any = loaded
        .customer
        .steps
        .values()
        .any(|record| unknown(&record.state));
    match loaded.standing {
        Standing::InProgress if any && !running => Standing::InDoubt,
        standing => standing,
    }
}

fn reasons(customer: &Customer) -> Vec<String> {
    let reason = |state: &StepState| match state {
        StepState::Refused(refusal) => Some(refusal.reason.clone()),
        StepState::InDoubt(doubt) => Some(doubt.name().to_owned()),
        StepState::Ready | StepState::Started | StepState::Done(_) => None,
    };
    let stands = |step: &StepId| match step.target {
        Some(target) => !customer.is_undone_on(target),
        None => !customer.is_undone(),
    };
    let reasons = customer.steps.iter().filter(|(step, _)| stands(step));
    let reasons: BTreeSet<String> = reasons
        .filter_map(|(_, record)| reason(&record.state))
        .collect();
    reasons.into_iter().collect()
}

fn cloned(customer: &Customer) -> (u64, u64) {
    let (mut done, mut asked) = (0, 0);
    for (position, target) in (0..).zip(&customer.targets) {
        for source in &target.sources {
            asked += 1;
            let standing = customer.source_standing(position, *source);
            done += u64::from(standing == Standing::Migrated);
        }
    }
    (done, asked)
}

fn connected(customer: &Customer) -> Vec<String> {
    let targets = (0..).zip(&customer.targets);
    let told = targets.map(|(position, target)| {
        // What is taken back is there no more.
        let made = customer.made_on(Some(position));
        let made = made.filter(|_| !customer.is_undone_on(position));
        let id = made.map_or("—", |(id, _)| id.as_str());
        format!("{} {id}", target.account)
    });
    told.collect()
}

const COLUMNS: [(&str, bool); 8] = [
    ("Customer", false),
    ("Line", true),
    ("Standing", false),
    ("Reason", false),
    ("Cards", true),
    ("On the platform", false),
    ("On connected accounts", false),
    ("Last change (UTC)", false),
];

/// The list as a table. `all`: how many customers there are.
pub fn table(listed: &[Listed], all: u64) -> Table {
    let column = |(title, is_number)| -> Column {
        if is_number {
            number_column(title)
        } else {
            text_column(title)
        }
    };
    let shown = u64::try_from(listed.len()).unwrap_or(u64::MAX);
    Table {
        caption: if shown < all {
            format!("{} of {}", number(shown), count(all, "customer"))
        } else {
            count(all, "customer")
        },
        columns: COLUMNS.into_iter().map(column).collect(),
        rows: listed.iter().map(row).collect(),
        sortable: true,
    }
}

fn row(each: &Listed) -> Vec<Cell> {
    let mut name = name(&each.legacy_id);
    if let Some(contact) = &each.contact {
        name.lines.push(super::visible(contact));
    }
    let (done, asked) = each.cloned;
    vec![
        name,
        Cell {
            class: "number",
            lines: each.line.map(number).into_iter().collect(),
            sort: each.line,
            share: None,
        },
        standing(each.standing),
        codes(each.reasons.clone(), MOST_IDS),
        Cell {
            class: "number",
            lines: vec![format!("{}/{}", number(done), number(asked))],
            sort: Some(done),
            share: None,
        },
        ids(each.platform_customer.clone(), MOST_IDS),
        ids(each.connected.clone(), MOST_IDS),
        each.changed_at.as_deref().map_or_else(Cell::default, time),
    ]
}
