//! The explanation, made of what the state file has.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dashboard::Dashboard;
use super::super::export::Row;
use super::super::remedy;
use super::super::stale::StaleJson;
use super::super::status::{AccountStanding, Customers};
use super::super::words::second;
use super::{
    AccountExplained, AccountReason, CustomerExplained, Facts, MendedExplained, Read,
    RefusalExplained, StepExplained, UndoLeftExplained, UndoneExplained, proofs, why,
};
use crate::ids::{AccountId, LegacyId, RequestId};
use crate::legacy::{Details, masked};
use crate::proof::Phase;
use crate::state::{Customer, Object, Position, Record, Refusal, StepName, StepState};
use crate::store::{AccountTrace, EarlierTry, Loaded, MendedField, Trace, UndoneStep};

/// Explains an account.
pub fn account(facts: &Facts<'_>, trace: &AccountTrace) -> AccountExplained {
    let reasons = trace
        .reasons
        .iter()
        .map(|(reason, message, customers)| AccountReason {
            reason: reason.clone(),
            message: message.clone(),
            customers: *customers,
            remedy: remedy::for_refusal(reason, message),
        });
    let customers = Customers::counted(trace.customers);
    let (next, commands) = why::of_account(facts, trace, customers);
    AccountExplained {
        id: trace.id.clone(),
        platform: facts.migration.platform_account == trace.id,
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
    let mut why = why::of_customer(facts, loaded, trace, standing);
    why::stale(facts, &trace.stale, &mut why);
    proofs::open(facts, &trace.proofs, &mut why);
    let mut told = BTreeSet::new();
    why.commands.retain(|command| told.insert(command.clone()));
    let mut steps: Vec<_> = customer.steps.iter().collect();
    // The platform first, then account by account.
    steps.sort_by_key(|(step, _)| (step.target, step.kind, step.source));
    let steps = steps.into_iter();
    let told = |name: &StepName, record: &Record| {
        let tried = |each: &EarlierTry| step_of(facts, &customer.legacy_id, name, &each.record);
        let earlier = trace.earlier.iter().filter(|each| each.name == *name);
        let earlier = earlier.filter(|each| each.record.try_no < record.try_no);
        StepExplained {
            earlier: earlier.map(tried).collect(),
            ..step_of(facts, &customer.legacy_id, name, record)
        }
    };
    let names: BTreeSet<_> = customer
        .steps
        .keys()
        .map(|step| customer.name_of(*step))
        .collect();
    let gone: BTreeSet<_> = trace.earlier.iter().map(|each| &each.name).collect();
    let gone = gone.into_iter().filter(|name| !names.contains(*name));
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
            .map(|(step, record)| told(&customer.name_of(*step), record))
            .collect(),
        mended: trace.mended.iter().map(mended).collect(),
        dropped: gone
            .filter_map(|name| trace.earlier.iter().rfind(|each| each.name == *name))
            .map(|last| told(&last.name, &last.record))
            .collect(),
        undone: trace
            .undone
            .iter()
            .map(|step| undone(customer, step))
            .collect(),
        undo_left: trace
            .left
            .iter()
            .map(|left| undo_left(customer, left))
            .collect(),
        stale: trace.stale.iter().map(StaleJson::from).collect(),
        proofs: trace
            .proofs
            .iter()
            .map(|case| proofs::explained(facts, case))
            .collect(),
        why: why.causes,
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

/// One try of a step, without those before it.
fn step_of(
    facts: &Facts<'_>,
    legacy_id: &LegacyId,
    name: &StepName,
    record: &Record,
) -> StepExplained {
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
    let read = seen.and_then(|seen| seen.reading.request_id.as_ref());
    StepExplained {
        step: name.kind.name(),
        account: name.account.clone(),
        source: name.source.clone(),
        state: record.state.name(),
        intent_at: was_sent.then(|| second(record.started_at)),
        sent_at: was_sent.then(|| second(record.sent_at)),
        try_no: record.try_no,
        idempotency_key: facts
            .migration
            .key_of(legacy_id, name, record.try_no)
            .to_string(),
        request_id: request.map(ToString::to_string),
        request_dashboard: request.and_then(of_request),
        asked_for: object.as_deref() == Some(asked)
            || [request, read]
                .into_iter()
                .flatten()
                .any(|id| id.as_str() == asked)
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
        looked_at: seen.map(|seen| second(seen.reading.at)),
        seen: seen.map_or(Vec::new(), |seen| seen.customers.clone()),
        seen_request_id: read.map(ToString::to_string),
        seen_request_dashboard: read.and_then(of_request),
        recovered: record.is_recovered(),
        earlier: Vec::new(),
    }
}

fn refused(refusal: &Refusal) -> RefusalExplained {
    RefusalExplained {
        status: refusal.status,
        reason: refusal.reason.clone(),
        message: refusal.message.clone(),
        remedy: remedy::for_refusal(&refusal.reason, &refusal.message),
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
        Object::Changed(id) => (
            Some(id.to_string()),
            dashboard.map(|dashboard| dashboard.customer(id, account)),
        ),
    }
}

fn account_of(customer: &Customer, target: Option<Position>) -> Option<AccountId> {
    let target = customer.target(target?)?;
    Some(target.account.clone())
}

fn undone(customer: &Customer, step: &UndoneStep) -> UndoneExplained {
    let deletes = step.object.starts_with("cus_");
    UndoneExplained {
        step: if deletes {
            "delete_customer"
        } else {
            "detach_payment_method"
        },
        account: account_of(customer, step.target),
        object: step.object.clone(),
        state: step.attempt.phase.name(),
        sent_at: second(step.attempt.sent_at),
        try_no: step.attempt.try_no,
        refusal: match &step.attempt.phase {
            Phase::Refused(no) => Some(RefusalExplained {
                status: no.status,
                reason: no.reason.clone(),
                message: no.message.clone(),
                remedy: remedy::for_refusal(&no.reason, &no.message),
            }),
            Phase::Ready | Phase::Started | Phase::Done | Phase::InDoubt(_) => None,
        },
    }
}

fn undo_left(
    customer: &Customer,
    (target, reason, message): &(Option<Position>, String, String),
) -> UndoLeftExplained {
    UndoLeftExplained {
        account: account_of(customer, *target),
        reason: reason.clone(),
        message: message.clone(),
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
