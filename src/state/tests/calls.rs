//! The fewest calls, and whose turn is first.

use super::*;

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
