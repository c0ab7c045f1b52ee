//! All that is known of one customer, or of one account: the object of `explain --json`, and the same for people.
//!
//! Hazard: this is what gets pasted into tickets. Contact details are masked unless they are asked for; ids, keys and Stripe's
//! masked messages are not personal.

mod people;
mod why;

pub use people::text;

use std::collections::BTreeMap;

use serde::Serialize;

use super::dashboard::Dashboard;
use super::export::Row;
use super::status::{AccountStanding, Customers};
use super::words::second;
use crate::ids::{AccountId, CustomerId, PaymentMethodId, RequestId};
use crate::legacy::{Details, masked};
use crate::state::{Object, Record, Refusal, StepId, StepState};
use crate::store::{AccountTrace, DroppedStep, Loaded, MendedField, Migration, Trace};

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
}

impl Facts<'_> {
    fn dashboard(&self) -> Option<Dashboard> {
        Dashboard::of(self.migration.livemode, self.migration.simulated)
    }

    /// A command on this state file.
    fn command(&self, command: &str) -> String {
        let simulate = match (self.migration.simulated, command.split(' ').next()) {
            (true, Some("resume" | "reconcile" | "retry")) => " --simulate",
            _ => "",
        };
        format!("pmclone {command} --state {}{simulate}", self.state)
    }
}

/// The object that `explain --json` prints. Fields are only ever added.
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
    pub dropped: Vec<DroppedExplained>,
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
    /// Known by reading alone, since the state file was lost.
    pub recovered: bool,
    /// The id that was asked for is of this step.
    pub asked_for: bool,
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

/// A step that is not asked for any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DroppedExplained {
    /// Its stable name.
    pub step: &'static str,
    /// Where; null: the platform.
    pub account: Option<String>,
    /// With which source.
    pub source: Option<String>,
    /// Its last try.
    pub try_no: u32,
    /// What it had made.
    pub object: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Stripe's message, masked.
    pub message: Option<String>,
    /// The answer that told.
    pub request_id: Option<String>,
}

/// Explains an account.
pub fn account(facts: &Facts<'_>, trace: &AccountTrace) -> AccountExplained {
    let reasons = trace
        .reasons
        .iter()
        .map(|(reason, message, customers)| AccountReason {
            reason: reason.clone(),
            message: message.clone(),
            customers: *customers,
            remedy: super::remedy::for_refusal(reason, message),
        });
    let customers = Customers::counted(trace.customers);
    let (next, commands) = why::of_account(facts, trace, customers);
    AccountExplained {
        id: trace.id.clone(),
        dashboard: facts
            .dashboard()
            .map(|dashboard| dashboard.account(&trace.id)),
        standing: match trace.parked {
            Some(_) => AccountStanding::Parked,
            None => AccountStanding::Active,
        },
        parked_for: trace.parked.clone(),
        customers,
        reasons: reasons.collect(),
        next,
        commands,
    }
}

/// Explains a customer. `mapping` has its lines of the mapping.
pub fn customer(
    facts: &Facts<'_>,
    loaded: &Loaded,
    trace: &Trace,
    mapping: &[Row],
) -> CustomerExplained {
    let customer = &loaded.customer;
    let standing = why::standing(facts, loaded, mapping);
    let why = why::of_customer(facts, loaded, standing);
    let mut steps: Vec<_> = customer.steps.iter().collect();
    // The platform first, then account by account.
    steps.sort_by_key(|(step, _)| (step.target, step.kind, step.source));
    let steps = steps.into_iter();
    CustomerExplained {
        legacy_id: customer.legacy_id.to_string(),
        standing: standing.name(),
        changed_at: trace.changed_at.map(second),
        csv: facts.csv.map(str::to_owned),
        lines: trace.lines.clone(),
        read: Read {
            details: loaded
                .details
                .as_ref()
                .map(|details| shown(details, facts.unmasked)),
            masked: !facts.unmasked,
            platform_customer: customer.platform_customer.clone(),
            payment_methods: customer.sources.clone(),
            default_payment_method: customer.source(customer.default).cloned(),
            connected_accounts: customer
                .targets
                .iter()
                .map(|each| each.account.clone())
                .collect(),
        },
        mapped: mapping.to_vec(),
        steps: steps
            .map(|(step, record)| step_of(facts, loaded, *step, record))
            .collect(),
        mended: trace.mended.iter().map(mended).collect(),
        dropped: trace.dropped.iter().map(dropped).collect(),
        why: why.why,
        next: why.next,
        commands: why.commands,
    }
}

fn shown(details: &Details, unmasked: bool) -> BTreeMap<String, String> {
    let show = |text: &str| {
        if unmasked {
            text.to_owned()
        } else {
            masked(text)
        }
    };
    details
        .fields()
        .map(|(name, text)| (name, show(text)))
        .collect()
}

fn step_of(facts: &Facts<'_>, loaded: &Loaded, step: StepId, record: &Record) -> StepExplained {
    let customer = &loaded.customer;
    let name = customer.name_of(step);
    let account = name.account.as_ref();
    let dashboard = facts.dashboard();
    let (object, page) = match &record.state {
        StepState::Done(object) => shown_object(dashboard, object, account),
        StepState::Ready | StepState::Started | StepState::Refused(_) | StepState::InDoubt(_) => {
            (None, None)
        }
    };
    let was_sent = record.sent_at.0 != 0 && !record.is_recovered();
    let seen = record.seen.as_ref();
    let request = record.request_id.as_ref();
    let of_request = |id: &RequestId| dashboard.map(|dashboard| dashboard.request(id, account));
    let asked = facts.asked.trim();
    StepExplained {
        step: step.kind.name(),
        account: name.account.clone(),
        source: name.source.clone(),
        state: record.state.name(),
        intent_at: was_sent.then(|| second(record.started_at)),
        sent_at: was_sent.then(|| second(record.sent_at)),
        try_no: record.try_no,
        idempotency_key: facts
            .migration
            .key(customer, step, record.try_no)
            .to_string(),
        request_id: request.map(ToString::to_string),
        request_dashboard: request.and_then(of_request),
        asked_for: object.as_deref() == Some(asked)
            || request.is_some_and(|id| id.as_str() == asked)
            || seen.is_some_and(|seen| seen.customers.iter().any(|id| id.as_str() == asked)),
        object,
        object_dashboard: page,
        refusal: match &record.state {
            StepState::Refused(refusal) => Some(refused(refusal)),
            _ => None,
        },
        doubt: match &record.state {
            StepState::InDoubt(doubt) => Some(doubt.name()),
            _ => None,
        },
        looked_at: seen.map(|seen| second(seen.at)),
        seen: seen.map_or(Vec::new(), |seen| seen.customers.clone()),
        recovered: record.is_recovered(),
    }
}

fn refused(refusal: &Refusal) -> RefusalExplained {
    RefusalExplained {
        status: refusal.status,
        reason: refusal.reason.clone(),
        message: refusal.message.clone(),
        remedy: super::remedy::for_refusal(&refusal.reason, &refusal.message),
    }
}

/// PaymentMethods have no page of their own; that of their Customer shows them.
fn shown_object(
    dashboard: Option<Dashboard>,
    object: &Object,
    account: Option<&AccountId>,
) -> (Option<String>, Option<String>) {
    match object {
        Object::Customer(id) => (
            Some(id.to_string()),
            dashboard.map(|dashboard| dashboard.customer(id, account)),
        ),
        Object::PaymentMethod(id) => (Some(id.to_string()), None),
        Object::HeldBy(id) => (
            Some(id.to_string()),
            dashboard.map(|dashboard| dashboard.customer(id, None)),
        ),
    }
}

fn mended(field: &MendedField) -> MendedExplained {
    MendedExplained {
        at: second(field.at),
        who: field.who.clone(),
        file: field.file.clone(),
        line: field.line,
        field: field.field.clone(),
        old: field.old.clone(),
        new: field.new.clone(),
    }
}

fn dropped(step: &DroppedStep) -> DroppedExplained {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    DroppedExplained {
        step: step.kind.name(),
        account: given(&step.account),
        source: given(&step.source),
        try_no: step.try_no,
        object: step.object.clone(),
        reason: step.reason.clone(),
        message: step.message.clone(),
        request_id: step.request_id.clone(),
    }
}
