//! Every history of answers, held against what must never happen.

use std::collections::BTreeSet;

use super::*;

/// Every answer to every step of a customer with two sources and two accounts, in every combination that the machine
/// comes to, each history held against what must never happen. There are 513: an account has 20 histories where both
/// sources can be cloned and 6 where one can, so 20² + 6² (the second attach refused) + 6² (in doubt) + 6² (the first
/// source refused, the second carries the Customer) + 5 that end on the platform.
#[test]
fn every_history_of_answers_keeps_the_promises() {
    let mut histories = 0_u32;
    let mut script: Vec<usize> = Vec::new();
    loop {
        let mut asked = 0;
        let mut it = customer(2, 2);
        let (sent, review) = drive(&mut it, |step| {
            let answers = answers_to(step);
            if script.len() == asked {
                script.push(0);
            }
            let say = answers[script[asked]];
            asked += 1;
            say
        });
        promises(&it, &sent, &review);
        histories += 1;
        script.truncate(asked);
        // Odometer: the last answer that has a next one takes it.
        while let Some(last) = script.pop() {
            let step = sent[script.len()];
            if last + 1 < answers_to(step).len() {
                script.push(last + 1);
                break;
            }
        }
        if script.is_empty() {
            break;
        }
    }
    assert_eq!(histories, 513);
}

/// The same histories, taken up again: what was refused is retried, what got no answer is sent again, and all are
/// answered "yes". A create that got no answer may have been executed, so it counts as a Customer.
#[test]
fn whatever_is_retried_no_second_customer_is_asked_for_while_a_first_may_be_there() {
    let mut script: Vec<usize> = Vec::new();
    loop {
        let mut asked = 0;
        let mut it = customer(2, 2);
        let (sent, _) = drive(&mut it, |step| {
            if script.len() == asked {
                script.push(0);
            }
            asked += 1;
            answers_to(step)[script[asked - 1]]
        });
        let mut may_be_there: BTreeSet<StepId> = (it.steps.iter())
            .filter(|(_, record)| !matches!(record.state, StepState::Refused(_)))
            .map(|(step, _)| *step)
            .collect();
        let refused: Vec<StepId> = (it.steps.iter())
            .filter(|(_, record)| matches!(record.state, StepState::Refused(_)))
            .map(|(step, _)| *step)
            .collect();
        for step in refused {
            it.apply(step, Event::Retry, None).unwrap();
        }
        it.reopen_unanswered();
        let (again, review) = drive(&mut it, |_| Say::Yes);
        assert_eq!(review.customer, Standing::Migrated, "{sent:?}\n{again:?}");
        may_be_there.extend(again.iter().copied());
        for place in [None, Some(0), Some(1)] {
            let customers = may_be_there
                .iter()
                .filter(|step| creates(**step) && step.target == place);
            assert!(customers.count() <= 1, "{place:?}: {sent:?}\n{again:?}");
        }
        script.truncate(asked);
        while let Some(last) = script.pop() {
            let step = sent[script.len()];
            if last + 1 < answers_to(step).len() {
                script.push(last + 1);
                break;
            }
        }
        if script.is_empty() {
            break;
        }
    }
}

fn creates(step: StepId) -> bool {
    matches!(
        step.kind,
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer
    )
}

fn answers_to(step: StepId) -> &'static [Say] {
    match step.kind {
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
            &[Say::Yes, Say::NoToSource, Say::NoToCustomer, Say::Nothing]
        }
        StepKind::AttachPlatformPaymentMethod
        | StepKind::ClonePaymentMethod
        | StepKind::AttachConnectedPaymentMethod
        | StepKind::UpdateCustomer
        | StepKind::SetDefault
        | StepKind::RenewPaymentMethod
        | StepKind::AttachRenewedPaymentMethod
        | StepKind::SetRenewedDefault
        | StepKind::DetachReplacedPaymentMethod => &[Say::Yes, Say::NoToSource, Say::Nothing],
    }
}

fn promises(it: &Customer, sent: &[StepId], review: &Review) {
    let context = format!("{sent:?}\n{review:?}");
    let once: BTreeSet<_> = sent.iter().collect();
    assert_eq!(once.len(), sent.len(), "a step was sent twice: {context}");
    for place in [None, Some(0), Some(1)] {
        let made = it.steps.iter().filter(|(step, record)| {
            step.target == place && matches!(&record.state, StepState::Done(Object::Customer(_)))
        });
        assert!(made.count() <= 1, "two Customers in one place: {context}");
    }
    let unknown = it
        .steps
        .values()
        .any(|record| matches!(record.state, StepState::InDoubt(_)));
    assert_eq!(review.customer == Standing::InDoubt, unknown, "{context}");
    let refused = it
        .steps
        .values()
        .any(|record| matches!(record.state, StepState::Refused(_)));
    if !unknown {
        let wanted = if refused {
            Standing::Refused
        } else {
            Standing::Migrated
        };
        assert_eq!(review.customer, wanted, "{context}");
    }
    for target in 0..2 {
        for source in 0..2 {
            let on = |kind, target| {
                it.state_of(StepId {
                    kind,
                    target,
                    source: Some(source),
                })
            };
            let done = |state: Option<&StepState>| matches!(state, Some(StepState::Done(_)));
            let arrived = done(on(StepKind::CreateConnectedCustomer, Some(target)))
                || done(on(StepKind::AttachConnectedPaymentMethod, Some(target)));
            assert_eq!(
                it.source_standing(target, source) == Standing::Migrated,
                arrived,
                "{context}"
            );
        }
    }
}
