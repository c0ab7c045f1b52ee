//! How far a refusal reaches, and what becomes of one that is retried.

use std::collections::BTreeSet;

use super::*;

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
            StepKind::RenewPaymentMethod => Some((StepKind::CreateConnectedCustomer, step.target)),
            StepKind::AttachRenewedPaymentMethod => {
                Some((StepKind::RenewPaymentMethod, step.target))
            }
            StepKind::SetRenewedDefault => {
                Some((StepKind::AttachRenewedPaymentMethod, step.target))
            }
            StepKind::DetachReplacedPaymentMethod => {
                Some((StepKind::SetRenewedDefault, step.target))
            }
            StepKind::UpdateCustomer | StepKind::SetDefault => Some(match step.target {
                Some(_) => (StepKind::CreateConnectedCustomer, step.target),
                None => (StepKind::CreatePlatformCustomer, None),
            }),
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
    assert_eq!(
        sent.len(),
        5,
        "attach, its default, clone, attach, its default: {sent:?}"
    );
    assert!(it.is_default(0, 0));
    assert_eq!(review.customer, Standing::Migrated);
}
