//! All that is known of one customer, or of one account: the object of `explain --json`, and the same for people.
//!
//! Hazard: this is what gets pasted into tickets. Contact details are masked unless they are asked for; ids, keys and Stripe's
//! masked messages are not personal.

mod made;
mod people;
mod proofs;
mod undone;
mod why;

pub use made::{account, customer};
pub use people::text;
pub use proofs::{NoExplained, ProofExplained, ProofStepExplained};

use std::collections::BTreeMap;

use serde::Serialize;

use super::commands::{Flags, rehearsed};
use super::dashboard::Dashboard;
use super::export::Row;
use super::stale::StaleJson;
use super::status::{AccountStanding, Customers};
use crate::ids::{AccountId, CustomerId, PaymentMethodId};
use crate::state::Standing;
use crate::store::Migration;

/// What an explanation rests on, beside its customer.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Whose state file it is.
    pub migration: &'a Migration,
    /// The CSV that was imported last, as it was named.
    pub csv: Option<&'a str>,
    /// A run is on.
    pub running: bool,
    /// Contact details are shown as they are.
    pub unmasked: bool,
    /// The id that was asked for.
    pub asked: &'a str,
    /// The state file, as a shell takes it.
    pub state: String,
    /// All of the migration was taken back by an undo, or was to be.
    pub taken_back: bool,
}

impl Facts<'_> {
    fn dashboard(&self) -> Option<Dashboard> {
        Dashboard::of(self.migration.livemode, self.migration.simulated)
    }

    /// A command on this state file.
    fn command(&self, command: &str) -> String {
        let flags = Flags {
            simulated: self.migration.simulated,
            livemode: self.migration.livemode,
            taken_back: self.taken_back,
        };
        flags.command(command, &self.state)
    }

    /// Advice that names commands.
    fn advice(&self, text: &str) -> String {
        rehearsed(text, self.migration.simulated).into_owned()
    }

    /// That another try has to be asked for, where all was taken back.
    fn after_undo(&self) -> Option<String> {
        let told = "All of this migration was taken back by `pmclone undo`, or was to be: more of it is made only with --after-undo.";
        self.taken_back.then(|| told.to_owned())
    }
}

/// The object that `explain --json` prints. Fields are only ever added.
#[expect(clippy::struct_excessive_bools, reason = "fields of a JSON object")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What was asked for.
    pub id: String,
    /// The migration's id.
    pub migration: String,
    /// The account whose key is used.
    pub platform_account: AccountId,
    /// The mode.
    pub livemode: bool,
    /// A rehearsal: nothing of it is at Stripe.
    pub simulated: bool,
    /// A run is on.
    pub running: bool,
    /// The id is a legacy id, and the number of another customer's line too.
    pub also_line: bool,
    /// The customers that the id is of.
    pub customers: Vec<CustomerExplained>,
    /// The account that it is.
    pub account: Option<AccountExplained>,
}

impl Explained {
    /// Contact details were erased then, and no run goes on: what would happen next does not.
    pub fn after_purge(&mut self, at: &str) {
        for customer in &mut self.customers {
            if customer.standing == Standing::Migrated.name() {
                continue;
            }
            customer.next = vec![format!(
                "No run takes it up any more: `pmclone purge` erased its contact details on {at}."
            )];
            customer.commands.clear();
        }
    }

    /// Nothing yet, for what was asked.
    pub fn of(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.asked.to_owned(),
            migration: facts.migration.id.to_string(),
            platform_account: facts.migration.platform_account.clone(),
            livemode: facts.migration.livemode,
            simulated: facts.migration.simulated,
            running: facts.running,
            also_line: false,
            customers: Vec::new(),
            account: None,
        }
    }
}

/// A connected account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountExplained {
    /// Its id.
    pub id: AccountId,
    /// Its page in the Dashboard; null for a rehearsal.
    pub dashboard: Option<String>,
    /// It is the account whose key is used: what follows is of the migration as a whole, and the reasons of what was refused there.
    pub platform: bool,
    /// `active` or `parked`.
    pub standing: AccountStanding,
    /// Stripe's words where it is parked.
    pub parked_for: Option<String>,
    /// Customers that ask for it.
    pub customers: Customers,
    /// Why some were refused there.
    pub reasons: Vec<AccountReason>,
    /// What happens next, and what a person can do.
    pub next: Vec<String>,
    /// Commands that help.
    pub commands: Vec<String>,
}

/// Why customers were refused on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountReason {
    /// Stripe's code, or ours.
    pub reason: String,
    /// One of Stripe's messages for it, masked.
    pub message: String,
    /// Customers that it hit.
    pub customers: u64,
    /// What to do.
    pub remedy: &'static str,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerExplained {
    /// Its id in the CSV.
    pub legacy_id: String,
    /// Where it stands.
    pub standing: &'static str,
    /// When that was written last, by Stripe's clock.
    pub changed_at: Option<String>,
    /// The CSV that was imported last.
    pub csv: Option<String>,
    /// The lines that name it.
    pub lines: Vec<u64>,
    /// The line as it was read.
    pub read: Read,
    /// The line as it was mapped: each source on each account that was asked for.
    pub mapped: Vec<Row>,
    /// What was done, in order.
    pub steps: Vec<StepExplained>,
    /// What a person changed.
    pub mended: Vec<MendedExplained>,
    /// Steps that are not asked for any more, since a person changed the line.
    pub dropped: Vec<StepExplained>,
    /// What was detached and deleted, or was to be.
    pub undone: Vec<UndoneExplained>,
    /// Where `undo` left it, and why.
    pub undo_left: Vec<UndoLeftExplained>,
    /// Its clones whose sources changed since.
    pub stale: Vec<StaleJson>,
    /// What `verify --charge` did with its clones.
    pub proofs: Vec<ProofExplained>,
    /// Why it stands where it stands.
    pub why: Vec<String>,
    /// What happens next.
    pub next: Vec<String>,
    /// Commands that help.
    pub commands: Vec<String>,
}

/// A customer's lines as they were read, gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// Contact details and metadata by column; null once they are erased.
    pub details: Option<BTreeMap<String, String>>,
    /// Whether they are masked.
    pub masked: bool,
    /// The platform Customer to adopt.
    pub platform_customer: Option<CustomerId>,
    /// The sources.
    pub payment_methods: Vec<PaymentMethodId>,
    /// The one that shall be the default.
    pub default_payment_method: Option<PaymentMethodId>,
    /// The accounts.
    pub connected_accounts: Vec<AccountId>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepExplained {
    /// Its stable name.
    pub step: &'static str,
    /// Where; null: the platform.
    pub account: Option<AccountId>,
    /// The source that it is about or carries along.
    pub source: Option<PaymentMethodId>,
    /// `ready`, `started`, `done`, `refused`, `in doubt`.
    pub state: &'static str,
    /// When this try's intent was committed first, by Stripe's clock; null where nothing was sent.
    pub intent_at: Option<String>,
    /// When it was committed last.
    pub sent_at: Option<String>,
    /// Which deliberate try.
    pub try_no: u32,
    /// Its key.
    pub idempotency_key: String,
    /// The answer that told.
    pub request_id: Option<String>,
    /// That answer in the Dashboard's log; null for a rehearsal.
    pub request_dashboard: Option<String>,
    /// What was made, or attached.
    pub object: Option<String>,
    /// Its page in the Dashboard, if it has one.
    pub object_dashboard: Option<String>,
    /// Stripe's no.
    pub refusal: Option<RefusalExplained>,
    /// Why it is not known what came of it.
    pub doubt: Option<&'static str>,
    /// When it was looked for at Stripe.
    pub looked_at: Option<String>,
    /// The Customers that were seen then.
    pub seen: Vec<CustomerId>,
    /// The read that showed it.
    pub seen_request_id: Option<String>,
    /// That read in the Dashboard's log; null for a rehearsal.
    pub seen_request_dashboard: Option<String>,
    /// Known by reading alone, since the state file was lost.
    pub recovered: bool,
    /// The id that was asked for is of this try.
    pub asked_for: bool,
    /// The tries before it, in order.
    pub earlier: Vec<StepExplained>,
}

/// Stripe's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalExplained {
    /// HTTP status; 0 where nothing was sent.
    pub status: u16,
    /// Stripe's code, or ours.
    pub reason: String,
    /// Stripe's message, masked.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
}

/// A field that a person changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MendedExplained {
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// In which file.
    pub file: String,
    /// On which line.
    pub line: u64,
    /// The column; empty where nothing was changed.
    pub field: String,
    /// As it was; contact details are masked.
    pub old: Option<String>,
    /// As it is.
    pub new: Option<String>,
}

/// Something that `undo` detached or deleted, or was to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoneExplained {
    /// `detach_payment_method` or `delete_customer`.
    pub step: &'static str,
    /// Where; null: the platform.
    pub account: Option<AccountId>,
    /// The clone, or the Customer.
    pub object: String,
    /// `ready`, `started`, `done`, `refused`, `in_doubt`.
    pub state: &'static str,
    /// When its intent was committed last, by Stripe's clock.
    pub sent_at: String,
    /// Which try.
    pub try_no: u32,
    /// Stripe's no.
    pub refusal: Option<RefusalExplained>,
}

/// What `undo` left where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoLeftExplained {
    /// Where; null: the platform.
    pub account: Option<AccountId>,
    /// The stable name.
    pub reason: String,
    /// With ids.
    pub message: String,
}
