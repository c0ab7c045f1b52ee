//! Renewals: whatever Stripe answers, and wherever the run is broken off, nothing is detached before what replaces it is there.

use super::*;
use crate::state::Renewable;

const SINCE: StripeTime = StripeTime(1_000_000);

fn clone_id(it: &Customer, source: Position) -> String {
    it.clone_of(0, source).unwrap().to_string()
}

fn renewal(kind: StepKind, source: Position) -> StepId {
    StepId {
        kind,
        target: Some(0),
        source: Some(source),
    }
}

/// A customer with two sources on one account, migrated; the first is to be renewed.
fn renewed() -> Customer {
    let mut it = customer(2, 1);
    drive(&mut it, |_| Say::Yes);
    assert_eq!(it.is_renewable(0, 0, SINCE), Renewable::Yes);
    let records = it.renew(0, 0, SINCE).unwrap();
    assert_eq!(records.len(), 4);
    it
}

/// Answers each step of a renewal by its place in it; the end of it is what the file would have.
fn answered(it: &mut Customer, answers: [Say; 4]) -> Vec<StepKind> {
    let mut sent = Vec::new();
    loop {
        let Next::Send(step) = it.next(NOW) else {
            return sent;
        };
        let place = StepKind::RENEWAL.iter().position(|kind| *kind == step.kind);
        let start = Event::Start { at: NOW, digest: 1 };
        it.apply(step, start, None).unwrap();
        sent.push(step.kind);
        let event = match answers[place.unwrap()] {
            Say::Yes => Event::Succeed(match step.kind {
                StepKind::RenewPaymentMethod => {
                    let try_no = it.steps[&step].try_no;
                    Object::PaymentMethod(
                        PaymentMethodId::parse(&format!("pm_new{try_no}")).unwrap(),
                    )
                }
                _ => object(step),
            }),
            Say::NoToSource | Say::NoToCustomer => Event::Refuse(refusal(Reach::Source)),
            Say::Nothing => Event::Doubt(Doubt::NoAnswer),
        };
        it.apply(step, event, None).unwrap();
        if let Some((clone, event)) = it.renewed(step) {
            it.apply(clone, event, None).unwrap();
        }
    }
}

#[test]
fn whatever_is_answered_the_clone_that_stands_is_attached_and_nothing_is_detached_too_early() {
    let says = [Say::Yes, Say::NoToSource, Say::Nothing];
    for number in 0..81_usize {
        let answers = [27, 9, 3, 1].map(|power| says[number / power % 3]);
        let mut it = renewed();
        let before = clone_id(&it, 0);
        let sent = answered(&mut it, answers);
        // Each only after the one before it was done.
        let done = answers.iter().take_while(|say| **say == Say::Yes).count();
        assert_eq!(sent, StepKind::RENEWAL[..(done + 1).min(4)], "{answers:?}");
        let is_new = clone_id(&it, 0) != before;
        assert_eq!(is_new, done >= 2, "{answers:?}");
        assert_eq!(it.is_in_renewal(0, 0), done < 4, "{answers:?}");
        let Next::Settled(review) = it.next(NOW) else {
            panic!("{answers:?}")
        };
        let expected = match answers.get(done) {
            None => Standing::Migrated,
            Some(Say::Nothing) => Standing::InDoubt,
            Some(_) => Standing::Refused,
        };
        assert_eq!(review.customer, expected, "{answers:?}");
        // And then it goes on to its end: one clone stands.
        it.reopen_unanswered();
        it.renew(0, 0, SINCE).unwrap();
        answered(&mut it, [Say::Yes; 4]);
        assert!(!it.is_in_renewal(0, 0), "{answers:?}");
        assert_ne!(clone_id(&it, 0), before);
    }
}

#[test]
fn a_renewed_clone_takes_the_place_of_the_one_before_and_can_be_renewed_again() {
    let mut it = renewed();
    let other = clone_id(&it, 1);
    answered(&mut it, [Say::Yes; 4]);
    let clone = renewal(StepKind::ClonePaymentMethod, 0);
    assert_eq!(clone_id(&it, 0), "pm_new1");
    assert_eq!(it.steps[&clone].started_at, NOW);
    // What changed before it was made is no reason to make it again.
    let earlier = StripeTime(NOW.0 - 1);
    assert_eq!(it.is_renewable(0, 0, earlier), Renewable::Nothing);
    it.renew(0, 0, SINCE).unwrap();
    let tries = |it: &Customer| StepKind::RENEWAL.map(|kind| it.steps[&renewal(kind, 0)].try_no);
    assert_eq!(tries(&it), [2; 4]);
    assert_eq!(clone_id(&it, 0), "pm_new1");
    answered(&mut it, [Say::Yes; 4]);
    assert_eq!(clone_id(&it, 0), "pm_new2");
    assert_eq!(clone_id(&it, 1), other);
}

#[test]
fn a_clone_that_stripe_does_not_attach_is_made_anew() {
    let mut it = renewed();
    answered(&mut it, [Say::Yes, Say::NoToSource, Say::Yes, Say::Yes]);
    assert_eq!(it.is_renewable(0, 0, SINCE), Renewable::Refused);
    it.renew(0, 0, SINCE).unwrap();
    let sent = answered(&mut it, [Say::Yes; 4]);
    assert_eq!(sent, StepKind::RENEWAL);
    assert_eq!(clone_id(&it, 0), "pm_new2");
}

#[test]
fn what_is_not_attached_or_out_of_reach_waits_and_what_is_taken_back_is_left() {
    let mut it = customer(2, 1);
    assert_eq!(it.is_renewable(0, 0, SINCE), Renewable::Nothing);
    drive(&mut it, |step| match step.kind {
        StepKind::AttachConnectedPaymentMethod => Say::Nothing,
        _ => Say::Yes,
    });
    assert_eq!(it.is_renewable(0, 1, SINCE), Renewable::Waits);
    assert!(it.renew(0, 1, SINCE).unwrap().is_empty());
    it.park(0);
    assert_eq!(it.is_renewable(0, 0, SINCE), Renewable::Waits);
    it.undone = true;
    assert_eq!(it.is_renewable(0, 0, SINCE), Renewable::Nothing);
}
