//! What `pmclone recover` says.

use std::path::Path;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::words::{count, duration, minute, number, wrap};
use super::{Look, Screen};
use crate::ids::{AccountId, MigrationId};
use crate::run::{Recovered, Swept, TakenUp};
use crate::store::{MigrationFound, Scope};

/// What the sweeps found.
pub struct Looked {
    /// Whose Customers they are.
    pub migration: MigrationId,
    /// What there is.
    pub scope: Scope,
    /// Accounts that could not be reached.
    pub unreachable: Vec<AccountId>,
    /// Requests so far.
    pub reads: u64,
}

/// What was rebuilt.
pub struct Ended {
    /// Which.
    pub migration: MigrationId,
    /// What was taken over.
    pub recovered: Recovered,
    /// Legacy customers with marks that the CSV does not name.
    pub strangers: u64,
    /// Accounts that could not be read.
    pub unread: Vec<AccountId>,
    /// Requests that it took.
    pub reads: u64,
    /// Legacy customers that a run would make something of.
    pub left_to_make: u64,
    /// The lost state file had been undone (`--was-undone`).
    pub was_undone: bool,
    /// For each account, customers that have their platform Customer and none there.
    pub without_connected: Vec<(AccountId, u64)>,
    /// The command that goes on.
    pub next: String,
}

/// `recover --dry-run --json`. Fields are only ever added.
#[derive(Serialize)]
pub struct LookedJson {
    migration: String,
    customers: u64,
    not_in_csv: u64,
    accounts_unread: Vec<AccountId>,
    reads: u64,
    reads_left: u64,
}

/// `recover --json`. Fields are only ever added.
#[derive(Serialize)]
pub struct EndedJson {
    migration: String,
    #[serde(flatten)]
    recovered: Recovered,
    not_in_csv: u64,
    accounts_unread: Vec<AccountId>,
    finished: bool,
    reads: u64,
    left_to_make: u64,
    was_undone: bool,
    without_connected_customer: Vec<WithoutJson>,
}

#[derive(Serialize)]
struct WithoutJson {
    account: AccountId,
    customers: u64,
}

impl Looked {
    /// For programs.
    pub fn json(&self) -> LookedJson {
        LookedJson {
            migration: self.migration.to_string(),
            customers: self.scope.customers,
            not_in_csv: self.scope.strangers,
            accounts_unread: self.unreachable.clone(),
            reads: self.reads,
            reads_left: self.scope.lists,
        }
    }
}

impl Ended {
    /// True where nothing is open.
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty() && self.recovered.unread == 0 && self.recovered.several == 0
    }

    /// For programs.
    pub fn json(&self) -> EndedJson {
        EndedJson {
            migration: self.migration.to_string(),
            recovered: self.recovered,
            not_in_csv: self.strangers,
            accounts_unread: self.unread.clone(),
            finished: self.recovered.unread == 0,
            reads: self.reads,
            left_to_make: self.left_to_make,
            was_undone: self.was_undone,
            without_connected_customer: self
                .without_connected
                .iter()
                .map(|(account, customers)| WithoutJson {
                    account: account.clone(),
                    customers: *customers,
                })
                .collect(),
        }
    }
}

/// Before anything is read.
pub fn before(pages: u64) -> String {
    format!(
        "Sweeping every account for Customers with the marks of a migration: about {}, more where accounts have other Customers.",
        count(pages, "GET request")
    )
}

/// Why nothing happens for a while.
pub fn waiting(seconds: u64) -> String {
    format!(
        "Waiting {}: what the lost run sent last may arrive until then. If it ended longer ago, press Ctrl-C and add --no-wait.",
        duration(seconds)
    )
}

/// After an interruption.
pub fn going_on(state: &Path, left: u64) -> String {
    format!(
        "Going on with {}: {} left to read.",
        state.display(),
        count(left, "customer")
    )
}

/// Those to choose from.
pub fn migrations(all: &[MigrationFound]) -> String {
    let row = |found: &MigrationFound| {
        let created = found.created.map_or_else(String::new, |(from, to)| {
            format!(", made {} to {}", minute(from), minute(to))
        });
        format!(
            "  {}  {} ({} in this CSV){created}",
            found.id,
            count(found.customers, "customer"),
            number(found.of_csv)
        )
    };
    let rows: Vec<String> = all.iter().map(row).collect();
    format!("Migrations that have Customers here:\n{}", rows.join("\n"))
}

/// After the sweeps.
pub fn looked(looked: &Looked, look: Look) -> String {
    let Scope {
        customers,
        strangers,
        lists,
    } = looked.scope;
    let mut lines = vec![
        look.bold(&format!(
            "Found {} of migration {}, with {}",
            count(customers, "customer"),
            looked.migration,
            count(looked.reads, "request")
        )),
        format!(
            "  To be read still: about {} of PaymentMethods",
            count(lists, "list")
        ),
    ];
    lines.extend(of_strangers(strangers, look));
    lines.extend(looked.unreachable.iter().map(|id| unreachable(id, look)));
    lines.join("\n")
}

fn of_strangers(strangers: u64, look: Look) -> Option<String> {
    (strangers > 0).then(|| {
        let told = format!(
            "Not in this CSV: {} of it; nothing is done with them until a CSV names them",
            count(strangers, "customer")
        );
        wrap(&told, "  ", look.width)
    })
}

fn unreachable(account: &AccountId, look: Look) -> String {
    let told = format!("{account} cannot be reached: nothing is made there before it is read");
    wrap(&told, "  ", look.width)
}

/// At the end.
pub fn ended(ended: &Ended, look: Look) -> String {
    let recovered = ended.recovered;
    let heading = if recovered.unread > 0 {
        "Not rebuilt to the end yet"
    } else {
        "Rebuilt"
    };
    let mut lines = vec![
        look.bold(&format!(
            "{heading}, with {}",
            count(ended.reads, "request")
        )),
        format!(
            "  {} with {} and {}",
            count(recovered.customers, "customer"),
            count(recovered.stripe_customers, "Stripe Customer"),
            count(recovered.clones, "attached clone")
        ),
    ];
    let mut remark = |n: u64, text: String, remedy: &str| {
        if n > 0 {
            lines.push(format!("  {text}"));
            lines.push(wrap(remedy, "    ", look.width));
        }
    };
    remark(
        recovered.unread,
        format!("{} could not be read", count(recovered.unread, "customer")),
        "Nothing may be sent before they are. Run the same command again: it goes on with them.",
    );
    remark(
        recovered.several,
        format!(
            "{} found more than once on an account",
            count(recovered.several, "customer")
        ),
        "`pmclone status` names them. Delete all but one in the Dashboard, then: pmclone resume.",
    );
    remark(
        recovered.unmatched,
        format!(
            "{} of no source in the CSV on connected Customers",
            count(recovered.unmatched, "PaymentMethod")
        ),
        "They stay as they are. A card whose number was replaced since it was cloned is among them: it would be cloned once more.",
    );
    lines.extend(of_strangers(ended.strangers, look));
    lines.extend(ended.unread.iter().map(|id| unreachable(id, look)));
    if recovered.unread == 0 {
        lines.push(wrap(
            "What Stripe refused is not known any more, and is asked for again. A clone that was attached to nobody cannot be seen: it is \
             made again, and nothing can ever be charged to the first.",
            "  ",
            look.width,
        ));
        lines.extend(without_connected(ended, look));
        lines.extend(of_undo(ended, look));
        lines.push(format!("Next     Go on:\n    {}", ended.next));
    }
    lines.join("\n")
}

/// Where an undo may have been: that much can be seen.
fn without_connected(ended: &Ended, look: Look) -> Option<String> {
    /// Accounts that are named.
    const MOST: usize = 10;
    let all = &ended.without_connected;
    let named = all.iter().take(MOST);
    let named: Vec<_> = named
        .map(|(account, customers)| format!("{} on {account}", count(*customers, "customer")))
        .collect();
    let more = match all.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(", and so on {more} more accounts"),
    };
    let told = format!(
        "With a platform Customer, and none on the account: {}{more}. Each was refused there, was not come to, or was taken back by `pmclone undo`.",
        named.join(", ")
    );
    if all.is_empty() {
        return None;
    }
    Some(wrap(&told, "  ", look.width))
}

/// Stripe lists no Customer that was deleted, so what was taken back looks as if it had never been begun.
fn of_undo(ended: &Ended, look: Look) -> Option<String> {
    let left = count(
        Some(ended.left_to_make).filter(|left| *left > 0)?,
        "customer",
    );
    let told = if ended.was_undone {
        format!(
            "What `pmclone undo` took back cannot be seen any more: {left} may be of it, or were never begun, and no run makes them unless \
             --after-undo is given. What is left of the rest can be taken back."
        )
    } else {
        format!(
            "What `pmclone undo` took back, if there was an undo, cannot be seen any more, neither in whole nor on one account: {left} may be \
             of it, or were never finished, and a run makes them. If they shall not be made: delete this state file, and recover with \
             --was-undone; or, where only an account was taken back, confine each resume to the others with --account."
        )
    };
    Some(wrap(&told, "  ", look.width))
}

/// What a run took up, a line each.
pub fn taken_up(taken: &TakenUp) -> Vec<String> {
    let mut lines = Vec::new();
    for account in &taken.read {
        lines.push(format!(
            "{account} can be reached again: what was done there is read, and its customers are taken up."
        ));
    }
    for account in &taken.unread {
        lines.push(format!(
            "{account} still cannot be read: its customers wait."
        ));
    }
    if taken.chosen > 0 {
        lines.push(format!(
            "{} found more than once: one is left, and taken over.",
            count(taken.chosen, "customer")
        ));
    }
    lines
}

/// How far a reading is: a line that changes on a terminal, one now and then elsewhere.
pub struct Progress<'a> {
    screen: &'a Screen,
    name: String,
    bar: Option<ProgressBar>,
    told: u64,
}

/// Customers between two lines.
const EVERY: u64 = 10_000;

impl<'a> Progress<'a> {
    /// Of an account, or of what is read.
    pub fn new(screen: &'a Screen, name: &str) -> Self {
        let bar = screen.has_bars().then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = all.add(ProgressBar::new_spinner().with_style(style));
            screen.set_bars(Some(all));
            bar
        });
        Self {
            screen,
            name: name.to_owned(),
            bar,
            told: 0,
        }
    }

    /// A page is read.
    pub fn swept(&mut self, swept: Swept) {
        let (read, marked) = (count(swept.read, "Customer"), number(swept.marked));
        let text = format!("{}: {read} read, {marked} with marks", self.name);
        self.tell(swept.read, text);
    }

    /// Some customers are looked at.
    pub fn looked(&mut self, customers: u64) {
        let text = format!("{} looked at", count(customers, "customer"));
        self.tell(customers, text);
    }

    /// Some customers are through.
    pub fn taken(&mut self, recovered: Recovered) {
        let text = format!("{} rebuilt", count(recovered.customers, "customer"));
        self.tell(recovered.customers, text);
    }

    fn tell(&mut self, n: u64, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
            bar.tick();
        } else if n >= self.told + EVERY {
            self.told = n;
            self.screen.line(&format!("  {text}"));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.screen.set_bars(None);
        }
    }
}

#[cfg(test)]
mod tests;
