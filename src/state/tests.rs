//! The machine is driven by a script of answers, and judged by tables and by what it sent.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::time::{RESEND_WINDOW_SECONDS, StripeTime};

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
        | StepKind::AttachConnectedPaymentMethod => {
            Object::PaymentMethod(PaymentMethodId::parse(&format!("pm_{name}")).unwrap())
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

#[test]
fn the_fewest_calls_are_made_for_every_number_of_sources_and_accounts() {
    for sources in 1..=5 {
        for targets in 0..=5 {
            let mut it = customer(sources, targets);
            let (sent, review) = drive(&mut it, |_| Say::Yes);
            assert_eq!(
                sent.len(),
                sources + 2 * sources * targets,
                "{sources} sources, {targets} targets"
            );
            assert_eq!(count(&sent, StepKind::CreatePlatformCustomer), 1);
            assert_eq!(count(&sent, StepKind::CreateConnectedCustomer), targets);
            assert_eq!(review.customer, Standing::Migrated);
            assert!(
                review
                    .targets
                    .iter()
                    .all(|standing| *standing == Standing::Migrated)
            );
        }
    }
}

#[test]
fn a_customer_without_a_card_is_made_everywhere_it_is_asked_for() {
    let (sent, review) = drive(&mut customer(0, 2), |_| Say::Yes);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|step| step.source.is_none()));
    assert_eq!(review.customer, Standing::Migrated);
}

#[test]
fn the_default_goes_first_and_is_carried_by_every_customer_that_is_made() {
    let mut it = customer(3, 2);
    it.default = 2;
    let (sent, _) = drive(&mut it, |_| Say::Yes);
    let creates = |step: &&StepId| {
        matches!(
            step.kind,
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer
        )
    };
    assert!(
        sent.iter()
            .filter(creates)
            .all(|step| step.source == Some(2))
    );
    assert!(it.is_default(0, 2) && it.is_default(1, 2) && !it.is_default(0, 0));
}

#[test]
fn on_an_account_that_does_not_ask_for_the_default_the_first_source_asked_for_is_the_default() {
    let mut it = customer(3, 2);
    it.targets[1].sources = vec![1, 2];
    let (_, review) = drive(&mut it, |_| Say::Yes);
    assert_eq!(review.customer, Standing::Migrated);
    assert_eq!((it.default_on(0), it.default_on(1)), (Some(0), Some(1)));
    assert!(it.is_default(1, 1));
}

/// Every step of two sources on two accounts gets every answer in turn, all others "yes". Judged by what each refusal may
/// reach, which is written down here as the design says it, not as the machine computes it.
#[test]
fn whatever_answer_one_step_gets_nothing_is_sent_twice_and_the_rest_goes_on() {
    let (all, _) = drive(&mut customer(2, 2), |_| Say::Yes);
    for struck in all {
        for answer in [Say::NoToSource, Say::NoToCustomer, Say::Nothing] {
            let creates = matches!(
                struck.kind,
                StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer
            );
            if answer == Say::NoToCustomer && !creates {
                continue;
            }
            let mut it = customer(2, 2);
            let (sent, review) = drive(
                &mut it,
                |step| if step == struck { answer } else { Say::Yes },
            );
            let context = format!("{struck:?} answered {answer:?}: {review:?}");
            let once: BTreeSet<_> = sent.iter().collect();
            assert_eq!(once.len(), sent.len(), "{context}");
            let wanted = if answer == Say::Nothing {
                Standing::InDoubt
            } else {
                Standing::Refused
            };
            assert_eq!(review.customer, wanted, "{context}");
            let untouched: Vec<usize> = match struck.target {
                None => Vec::new(),
                Some(target) => vec![1 - usize::try_from(target).unwrap()],
            };
            for target in untouched {
                assert_eq!(review.targets[target], Standing::Migrated, "{context}");
            }
            let platform_lost = struck.target.is_none() && creates && answer != Say::NoToSource;
            assert_eq!(
                count(&sent, StepKind::ClonePaymentMethod) == 0,
                platform_lost,
                "{context}"
            );
            ordered(&sent, &context);
        }
    }
}

/// What must come before what.
fn ordered(sent: &[StepId], context: &str) {
    let mut made = BTreeSet::new();
    for step in sent {
        let needs = match step.kind {
            StepKind::CreatePlatformCustomer => None,
            StepKind::AttachPlatformPaymentMethod | StepKind::ClonePaymentMethod => {
                Some((StepKind::CreatePlatformCustomer, None))
            }
            StepKind::CreateConnectedCustomer => Some((StepKind::ClonePaymentMethod, step.target)),
            StepKind::AttachConnectedPaymentMethod => {
                Some((StepKind::CreateConnectedCustomer, step.target))
            }
        };
        assert!(
            needs.is_none_or(|needed| made.contains(&needed)),
            "{step:?} came too early: {context}"
        );
        made.insert((step.kind, step.target));
    }
}

#[test]
fn a_declined_default_is_set_aside_and_no_other_takes_its_place() {
    let mut it = customer(2, 1);
    let (sent, review) = drive(&mut it, |step| {
        let first = step.kind == StepKind::CreateConnectedCustomer && step.source == Some(0);
        if first { Say::NoToSource } else { Say::Yes }
    });
    assert_eq!(count(&sent, StepKind::CreateConnectedCustomer), 2);
    assert_eq!(review.targets, [Standing::Refused]);
    assert_eq!(it.made_on(Some(0)).unwrap().1, Some(1));
    assert!(
        !it.is_default(0, 0) && !it.is_default(0, 1),
        "no default in a refused one's place"
    );
    assert_eq!(
        (it.source_standing(0, 0), it.source_standing(0, 1)),
        (Standing::Refused, Standing::Migrated)
    );
}

#[test]
fn a_customer_whose_every_source_is_refused_on_the_platform_is_never_made() {
    let (sent, review) = drive(&mut customer(3, 2), |_| Say::NoToSource);
    assert_eq!(count(&sent, StepKind::CreatePlatformCustomer), 3);
    assert_eq!(sent.len(), 3);
    assert_eq!(review.customer, Standing::Refused);
}

#[test]
fn a_legacy_source_is_set_aside_without_a_call() {
    let mut it = customer(2, 1);
    it.sources[0] = PaymentMethodId::parse("src_1").unwrap();
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert!(sent.iter().all(|step| step.source == Some(1)));
    assert_eq!(review.customer, Standing::Refused);
    assert_eq!(
        (it.source_standing(0, 0), it.source_standing(0, 1)),
        (Standing::Refused, Standing::Migrated)
    );
}

#[test]
fn the_sources_of_an_adopted_customer_are_looked_at_before_anything_is_cloned() {
    let mut it = customer(2, 1);
    it.platform_customer = Some(CustomerId::parse("cus_theirs").unwrap());
    assert_eq!(it.next(NOW), Next::Look(0));
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert_eq!(count(&sent, StepKind::CreatePlatformCustomer), 0);
    assert_eq!(sent.len(), 4, "two clones, a customer, an attach");
    assert_eq!(review.customer, Standing::Migrated);
}

#[test]
fn a_source_held_by_another_customer_is_cloned_from_there() {
    let mut it = customer(2, 1);
    let attach = StepId {
        kind: StepKind::AttachPlatformPaymentMethod,
        target: None,
        source: Some(1),
    };
    let other = CustomerId::parse("cus_other").unwrap();
    it.apply(attach, Event::Succeed(Object::HeldBy(other.clone())), None)
        .unwrap();
    drive(&mut it, |_| Say::Yes);
    assert_eq!(it.holder_of(1), Some(&other));
    assert_eq!(it.holder_of(0), it.platform_customer());
    assert_ne!(it.holder_of(0), Some(&other));
}

#[test]
fn the_work_of_a_parked_account_waits_and_everything_else_goes_on() {
    let mut it = customer(2, 2);
    it.targets[0].reach = Reachable::Parked;
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert!(sent.iter().all(|step| step.target != Some(0)));
    assert_eq!(review.targets, [Standing::Parked, Standing::Migrated]);
    assert_eq!(review.customer, Standing::Parked);
    it.targets[0].reach = Reachable::Yes;
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert!(
        sent.len() == 4 && sent.iter().all(|step| step.target == Some(0)),
        "{sent:?}"
    );
    assert_eq!(review.customer, Standing::Migrated);
}

#[test]
fn a_step_that_is_under_way_on_a_parked_account_is_in_doubt() {
    let mut it = customer(1, 1);
    let (_, _) = drive(&mut it, |step| {
        if step.target.is_some() {
            Say::Nothing
        } else {
            Say::Yes
        }
    });
    it.targets[0].reach = Reachable::Parked;
    it.reopen_unanswered();
    let Next::Settled(review) = it.next(NOW) else {
        panic!("nothing may be sent to a parked account")
    };
    assert_eq!(review.targets, [Standing::InDoubt]);
}

#[test]
fn a_step_without_an_answer_is_sent_again_while_its_key_is_young_and_never_after() {
    for (age, sends) in [
        (0, true),
        (23 * 3600 - 1, true),
        (23 * 3600, false),
        (25 * 3600, false),
    ] {
        let mut it = customer(1, 0);
        let step = StepId {
            kind: StepKind::CreatePlatformCustomer,
            target: None,
            source: Some(0),
        };
        it.apply(step, Event::Start { at: NOW, digest: 7 }, None)
            .unwrap();
        let later = StripeTime(NOW.0 + age);
        let wanted = if sends {
            Next::Send(step)
        } else {
            Next::Expire(step)
        };
        assert_eq!(
            it.next(later),
            wanted,
            "after {age} seconds, killed while under way"
        );
        it.apply(step, Event::Doubt(Doubt::NoAnswer), None).unwrap();
        it.reopen_unanswered();
        assert_eq!(it.next(later), wanted, "after {age} seconds, left in doubt");
    }
}

#[test]
fn a_customer_whose_one_step_is_too_old_to_be_sent_again_has_no_work() {
    let mut it = customer(1, 1);
    drive(&mut it, |_| Say::Nothing);
    it.reopen_unanswered();
    let young = StripeTime(NOW.0 + RESEND_WINDOW_SECONDS - 1);
    assert!(it.has_work(young));
    assert!(!it.has_work(StripeTime(NOW.0 + RESEND_WINDOW_SECONDS)));
    // Beside it there may be something to do.
    let mut it = customer(1, 2);
    drive(&mut it, |step| match step.target {
        Some(0) => Say::Nothing,
        Some(_) | None => Say::Yes,
    });
    it.reopen_unanswered();
    it.targets[1].sources.clear();
    assert!(it.has_work(StripeTime(NOW.0 + RESEND_WINDOW_SECONDS)));
}

#[test]
fn what_cannot_be_settled_by_sending_is_never_sent_again() {
    for doubt in Doubt::ALL.into_iter().filter(|doubt| !doubt.may_resend()) {
        let mut it = customer(1, 1);
        let step = StepId {
            kind: StepKind::CreatePlatformCustomer,
            target: None,
            source: Some(0),
        };
        it.apply(step, Event::Start { at: NOW, digest: 7 }, None)
            .unwrap();
        it.apply(step, Event::Doubt(doubt), None).unwrap();
        it.reopen_unanswered();
        let Next::Settled(review) = it.next(NOW) else {
            panic!("{doubt:?} was sent again")
        };
        assert_eq!(review.customer, Standing::InDoubt);
        assert!(
            it.apply(step, Event::Start { at: NOW, digest: 7 }, None)
                .is_err(),
            "{doubt:?}"
        );
    }
}

#[test]
fn a_retried_refusal_is_sent_under_a_new_key_and_a_resend_under_the_old_one() {
    let mut it = customer(1, 0);
    let step = StepId {
        kind: StepKind::CreatePlatformCustomer,
        target: None,
        source: Some(0),
    };
    let first = it
        .apply(step, Event::Start { at: NOW, digest: 7 }, None)
        .unwrap();
    let again = it
        .apply(
            step,
            Event::Start {
                at: StripeTime(NOW.0 + 60),
                digest: 8,
            },
            None,
        )
        .unwrap();
    assert_eq!(
        (again.try_no, again.started_at, again.digest),
        (first.try_no, NOW, 7),
        "the first intent counts"
    );
    it.apply(step, Event::Refuse(refusal(Reach::Source)), None)
        .unwrap();
    let ready = it.apply(step, Event::Retry, None).unwrap();
    assert_eq!((ready.try_no, ready.state), (2, StepState::Ready));
    let late = StripeTime(NOW.0 + 30 * 3600);
    let second = it
        .apply(
            step,
            Event::Start {
                at: late,
                digest: 9,
            },
            None,
        )
        .unwrap();
    assert_eq!(
        (second.try_no, second.started_at, second.digest),
        (2, late, 9)
    );
}

#[test]
fn a_card_that_is_retried_after_another_carried_the_customer_is_attached_to_it() {
    let mut it = customer(2, 1);
    drive(&mut it, |step| {
        if step.kind == StepKind::CreatePlatformCustomer && step.source == Some(0) {
            Say::NoToSource
        } else {
            Say::Yes
        }
    });
    let refused = StepId {
        kind: StepKind::CreatePlatformCustomer,
        target: None,
        source: Some(0),
    };
    it.apply(refused, Event::Retry, None).unwrap();
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert_eq!(
        count(&sent, StepKind::CreatePlatformCustomer),
        0,
        "never a second Customer: {sent:?}"
    );
    assert_eq!(
        count(&sent, StepKind::CreateConnectedCustomer),
        0,
        "never a second Customer: {sent:?}"
    );
    assert_eq!(sent.len(), 3, "attach, clone, attach");
    assert_eq!(review.customer, Standing::Migrated);
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
        at: NOW,
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
    (none)   started  done     refused  .        .        .        .        .        .
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

#[test]
fn a_clone_that_comes_late_waits_for_a_customer_that_may_be_there() {
    let on = |kind, source| StepId {
        kind,
        target: Some(0),
        source: Some(source),
    };
    let mut it = customer(3, 1);
    let (_, review) = drive(&mut it, |step| match (step.kind, step.source) {
        (StepKind::ClonePaymentMethod, Some(0)) => Say::NoToSource,
        (StepKind::ClonePaymentMethod, Some(1)) | (StepKind::CreateConnectedCustomer, _) => {
            Say::Nothing
        }
        _ => Say::Yes,
    });
    assert_eq!(review.customer, Standing::InDoubt);
    it.reopen_unanswered();
    let (sent, _) = drive(&mut it, |_| Say::Yes);
    assert_eq!(
        sent,
        [
            on(StepKind::CreateConnectedCustomer, 2),
            on(StepKind::ClonePaymentMethod, 1),
            on(StepKind::AttachConnectedPaymentMethod, 1),
        ]
    );
}

#[test]
fn a_clone_in_doubt_is_not_hidden_by_the_refusal_of_the_customer() {
    let mut it = customer(3, 1);
    let (_, review) = drive(&mut it, |step| match (step.kind, step.source) {
        (StepKind::ClonePaymentMethod, Some(0)) => Say::NoToSource,
        (StepKind::ClonePaymentMethod, Some(1)) => Say::Nothing,
        (StepKind::CreateConnectedCustomer, _) => Say::NoToCustomer,
        _ => Say::Yes,
    });
    assert_eq!(review.targets, [Standing::InDoubt]);
}

fn answers_to(step: StepId) -> &'static [Say] {
    match step.kind {
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
            &[Say::Yes, Say::NoToSource, Say::NoToCustomer, Say::Nothing]
        }
        StepKind::AttachPlatformPaymentMethod
        | StepKind::ClonePaymentMethod
        | StepKind::AttachConnectedPaymentMethod => &[Say::Yes, Say::NoToSource, Say::Nothing],
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
