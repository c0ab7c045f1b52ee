//! The machine is driven by a script of answers, and judged by tables and by what it sent.

mod calls;
mod growing;
mod histories;
mod refusals;
mod renewing;
mod waiting;

use std::collections::BTreeMap;

use super::*;
use crate::time::StripeTime;

const NOW: StripeTime = StripeTime(1_000_000);

fn customer(sources: usize, targets: usize) -> Customer {
    let all: Vec<Position> = (0..u32::try_from(sources).unwrap()).collect();
    Customer {
        legacy_id: LegacyId::parse("42").unwrap(),
        platform_customer: None,
        sources: (0..sources)
            .map(|n| PaymentMethodId::parse(&format!("pm_{n}")).unwrap())
            .collect(),
        default: 0,
        targets: (0..targets)
            .map(|n| Target {
                account: AccountId::parse(&format!("acct_{n}")).unwrap(),
                sources: all.clone(),
                reach: Reachable::Yes,
            })
            .collect(),
        steps: BTreeMap::new(),
        undone: false,
    }
}

/// What the scripted Stripe says to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Yes,
    NoToSource,
    NoToCustomer,
    Nothing,
}

fn object(step: StepId) -> Object {
    let name =
        format!("{:?}{:?}", step.target, step.source).replace(|c: char| !c.is_alphanumeric(), "");
    match step.kind {
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
            Object::Customer(CustomerId::parse(&format!("cus_{name}")).unwrap())
        }
        StepKind::AttachPlatformPaymentMethod
        | StepKind::ClonePaymentMethod
        | StepKind::AttachConnectedPaymentMethod
        | StepKind::RenewPaymentMethod
        | StepKind::AttachRenewedPaymentMethod
        | StepKind::DetachReplacedPaymentMethod => {
            Object::PaymentMethod(PaymentMethodId::parse(&format!("pm_{name}")).unwrap())
        }
        StepKind::UpdateCustomer | StepKind::SetDefault | StepKind::SetRenewedDefault => {
            Object::Changed(CustomerId::parse(&format!("cus_{name}")).unwrap())
        }
    }
}

fn refusal(reach: Reach) -> Refusal {
    Refusal {
        reach,
        status: 402,
        reason: "card_declined".to_owned(),
        message: String::new(),
    }
}

/// Drives the customer until it is settled; returns every step that was sent, in order, and the review.
fn drive(customer: &mut Customer, mut say: impl FnMut(StepId) -> Say) -> (Vec<StepId>, Review) {
    let mut sent = Vec::new();
    for _ in 0..10_000 {
        match customer.next(NOW) {
            Next::Send(step) => {
                sent.push(step);
                customer
                    .apply(step, Event::Start { at: NOW, digest: 7 }, None)
                    .unwrap();
                let event = match say(step) {
                    Say::Yes => Event::Succeed(object(step)),
                    Say::NoToSource => Event::Refuse(refusal(Reach::Source)),
                    Say::NoToCustomer => Event::Refuse(refusal(Reach::Customer)),
                    Say::Nothing => Event::Doubt(Doubt::NoAnswer),
                };
                customer.apply(step, event, None).unwrap();
            }
            Next::Look(source) => {
                let step = StepId {
                    kind: StepKind::AttachPlatformPaymentMethod,
                    target: None,
                    source: Some(source),
                };
                customer
                    .apply(step, Event::Succeed(object(step)), None)
                    .unwrap();
            }
            Next::SetAside(source) => {
                let step = StepId {
                    kind: StepKind::AttachPlatformPaymentMethod,
                    target: None,
                    source: Some(source),
                };
                customer
                    .apply(step, Event::Refuse(refusal(Reach::Source)), None)
                    .unwrap();
            }
            Next::Expire(step) => {
                customer
                    .apply(step, Event::Doubt(Doubt::Expired), None)
                    .unwrap();
            }
            Next::Settled(review) => return (sent, review),
        }
    }
    panic!("the machine does not come to rest: {customer:?}");
}

fn count(sent: &[StepId], kind: StepKind) -> usize {
    sent.iter().filter(|step| step.kind == kind).count()
}

/// The transition table, as a person reads it: rows are states, columns events, an empty cell is illegal.
#[test]
fn the_transition_table() {
    let states: [(&str, Option<StepState>); 7] = [
        ("(none)", None),
        ("ready", Some(StepState::Ready)),
        ("started", Some(StepState::Started)),
        ("done", Some(StepState::Done(object_of_any()))),
        ("refused", Some(StepState::Refused(refusal(Reach::Source)))),
        ("doubt", Some(StepState::InDoubt(Doubt::NoAnswer))),
        ("expired", Some(StepState::InDoubt(Doubt::Expired))),
    ];
    let seen = || Seen {
        reading: Reading::at(NOW),
        customers: Vec::new(),
    };
    let events = [
        Event::Start { at: NOW, digest: 7 },
        Event::Succeed(object_of_any()),
        Event::Refuse(refusal(Reach::Source)),
        Event::Doubt(Doubt::Expired),
        Event::Withdraw,
        Event::Retry,
        Event::Find(object_of_any(), seen()),
        Event::Miss(seen()),
        Event::FindSeveral(seen()),
    ];
    let mut table = String::from(
        "         start    succeed  refuse   doubt    withdraw retry    find     miss     several\n",
    );
    for (name, state) in states {
        let before = state.map(|state| Record {
            try_no: 1,
            started_at: NOW,
            sent_at: NOW,
            digest: 7,
            state,
            request_id: None,
            seen: None,
        });
        let cells =
            events.iter().map(
                |event| match Record::after(before.as_ref(), event.clone(), None) {
                    Ok(record) => format!("{:<9}", record.state.name()),
                    Err(_) => format!("{:<9}", "."),
                },
            );
        table = format!("{table}{name:<9}{}\n", cells.collect::<String>().trim_end());
    }
    insta::assert_snapshot!(table, @r"
             start    succeed  refuse   doubt    withdraw retry    find     miss     several
    (none)   started  done     refused  .        .        .        done     ready    in doubt
    ready    started  done     refused  .        .        .        .        .        .
    started  started  done     refused  in doubt ready    .        .        .        .
    done     .        .        .        .        .        .        .        .        .
    refused  .        .        .        .        .        ready    .        .        .
    doubt    started  done     refused  in doubt .        .        .        .        .
    expired  .        done     refused  in doubt .        .        done     ready    in doubt
    ");
}

fn object_of_any() -> Object {
    Object::PaymentMethod(PaymentMethodId::parse("pm_1").unwrap())
}
