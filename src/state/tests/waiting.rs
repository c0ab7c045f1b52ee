//! What waits: for an account that cannot be reached, or since nobody knows whether it was done.

use super::*;
use crate::time::RESEND_WINDOW_SECONDS;

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
