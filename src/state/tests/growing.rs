//! A newer CSV asks more of a customer that was begun.

use super::*;
use crate::state::{Left, Mended, Sent, Tried, Wanted};

/// What is asked for with so many sources on so many accounts, `first` of which is named as the default.
fn wanted(sources: usize, targets: usize, default: Position) -> Wanted {
    let it = customer(sources, targets);
    let targets = it.targets.iter();
    Wanted {
        platform_customer: None,
        default: it.source(default).cloned(),
        targets: targets
            .map(|target| (target.account.clone(), target.sources.clone()))
            .collect(),
        sources: it.sources,
    }
}

fn grow(it: &Customer, wanted: &Wanted, sent: Sent) -> Mended {
    it.grown(wanted, &Tried::new(), sent).unwrap().unwrap()
}

/// The customer as it is loaded again.
fn loaded(it: &Customer, grown: &Mended) -> Customer {
    let asked = &grown.asked;
    let default = asked.default.as_ref();
    let default = asked.sources.iter().position(|id| Some(id) == default);
    Customer {
        platform_customer: asked.platform_customer.clone(),
        sources: asked.sources.clone(),
        default: u32::try_from(default.unwrap_or(0)).unwrap(),
        targets: asked
            .targets
            .iter()
            .map(|(account, sources)| Target {
                account: account.clone(),
                sources: sources.clone(),
                reach: Reachable::Yes,
            })
            .collect(),
        steps: grown.steps.clone(),
        ..it.clone()
    }
}

fn of_kind(sent: &[StepId], kind: StepKind) -> usize {
    sent.iter().filter(|step| step.kind == kind).count()
}

const BOTH: Sent = Sent {
    details: true,
    default: true,
};

#[test]
fn what_is_new_is_added_to_the_customers_that_are_there_and_never_made_a_second_time() {
    for (sources, targets) in [(0, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2)] {
        for (more_sources, more_targets) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)] {
            for default in 0..u32::try_from(sources + more_sources).unwrap().max(1) {
                for sent in [Sent::default(), BOTH] {
                    let mut it = customer(sources, targets);
                    drive(&mut it, |_| Say::Yes);
                    let now = wanted(sources + more_sources, targets + more_targets, default);
                    let grown = grow(&it, &now, sent);
                    let mut it = loaded(&it, &grown);
                    let (sends, review) = drive(&mut it, |_| Say::Yes);
                    let context = format!(
                        "{sources}+{more_sources} {targets}+{more_targets} {default} {sent:?}: {sends:?}"
                    );
                    assert_eq!(review.customer, Standing::Migrated, "{context}");
                    assert_eq!(
                        of_kind(&sends, StepKind::CreatePlatformCustomer),
                        0,
                        "{context}"
                    );
                    let made = of_kind(&sends, StepKind::CreateConnectedCustomer);
                    assert_eq!(made, more_targets, "{context}");
                    let places = targets + 1;
                    let updated = if sent.details { places } else { 0 };
                    assert_eq!(
                        of_kind(&sends, StepKind::UpdateCustomer),
                        updated,
                        "{context}"
                    );
                    // Without a source before, there was no default that could be kept.
                    let another = if sources == 0 {
                        more_sources > 0
                    } else {
                        default > 0
                    };
                    let set = if another && (sent.default || sources == 0) {
                        places
                    } else {
                        0
                    };
                    assert_eq!(of_kind(&sends, StepKind::SetDefault), set, "{context}");
                    let everywhere = (0..).zip(&it.targets).all(|(at, target)| {
                        target.sources.is_empty() || it.is_default(at, it.default_on(at).unwrap())
                    });
                    assert!(everywhere, "{context}");
                    // The same CSV once more asks for nothing.
                    let again = grow(
                        &it,
                        &now,
                        Sent {
                            details: false,
                            ..sent
                        },
                    );
                    assert!(!again.is_changed && !again.has_change(), "{context}");
                }
            }
        }
    }
}

#[test]
fn what_a_newer_csv_does_not_name_stays_but_for_a_source_that_was_refused() {
    let mut it = customer(3, 2);
    drive(&mut it, |step| {
        let declined = step.kind == StepKind::AttachPlatformPaymentMethod && step.source == Some(1);
        if declined { Say::NoToSource } else { Say::Yes }
    });
    let grown = grow(&it, &wanted(1, 1, 0), BOTH);
    let ids: Vec<_> = grown.asked.sources.iter().collect();
    assert_eq!(ids, [&it.sources[0], &it.sources[2]]);
    assert_eq!(grown.asked.targets.len(), 2);
    assert_eq!(grown.dropped.len(), 1, "its refusal is kept, for its key");
    let mut it = loaded(&it, &grown);
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert_eq!(of_kind(&sent, StepKind::ClonePaymentMethod), 0);
    assert_eq!(review.customer, Standing::Migrated);
}

#[test]
fn nothing_is_taken_up_of_a_customer_with_a_step_of_unknown_outcome() {
    let mut it = customer(1, 1);
    drive(&mut it, |_| Say::Yes);
    let grown = grow(&it, &wanted(1, 1, 0), BOTH);
    let mut it = loaded(&it, &grown);
    let (sent, review) = drive(&mut it, |step| match step.kind {
        StepKind::UpdateCustomer if step.target.is_none() => Say::Nothing,
        _ => Say::Yes,
    });
    assert_eq!(review.customer, Standing::InDoubt);
    assert_eq!(
        review.targets,
        [Standing::Migrated],
        "the rest goes on: {sent:?}"
    );
    let left = it.grown(&wanted(2, 1, 0), &Tried::new(), BOTH).unwrap();
    assert_eq!(left, Err(Left::InDoubt));
}

#[test]
fn two_changes_that_follow_each_other_have_two_keys() {
    let mut it = customer(2, 1);
    drive(&mut it, |_| Say::Yes);
    let mut tries = Vec::new();
    for default in [1, 0, 1] {
        let grown = grow(&it, &wanted(2, 1, default), BOTH);
        it = loaded(&it, &grown);
        drive(&mut it, |_| Say::Yes);
        assert!(it.is_default(0, default));
        tries.extend(
            [StepId::update(None), StepId::set_default(Some(0))].map(|step| it.steps[&step].try_no),
        );
    }
    assert_eq!(tries, [1, 1, 2, 2, 3, 3]);
}

#[test]
fn a_change_that_is_refused_is_told_and_the_next_one_is_tried_under_another_key() {
    let mut it = customer(1, 1);
    drive(&mut it, |_| Say::Yes);
    let grown = grow(&it, &wanted(2, 1, 0), BOTH);
    let mut it = loaded(&it, &grown);
    let (sent, review) = drive(&mut it, |step| match step.kind {
        StepKind::UpdateCustomer if step.target.is_some() => Say::NoToCustomer,
        _ => Say::Yes,
    });
    assert_eq!(review.customer, Standing::Refused);
    assert_eq!(
        it.source_standing(0, 1),
        Standing::Migrated,
        "the new card is there: {sent:?}"
    );
    let grown = grow(&it, &wanted(2, 1, 0), BOTH);
    assert_eq!(grown.steps[&StepId::update(Some(0))].try_no, 2);
    let (_, review) = drive(&mut loaded(&it, &grown), |_| Say::Yes);
    assert_eq!(review.customer, Standing::Migrated);
}

#[test]
fn only_a_change_can_be_made_once_more() {
    let mut it = customer(1, 1);
    drive(&mut it, |_| Say::Yes);
    for step in it.steps.clone().keys() {
        assert!(
            it.apply(*step, Event::Renew, None).is_err(),
            "{step:?} would be made twice"
        );
        assert!(
            it.apply(*step, Event::Anew, None).is_err(),
            "{step:?} would be made twice"
        );
    }
}

#[test]
fn a_default_that_is_mended_after_the_customer_was_made_is_set() {
    let mut it = customer(2, 1);
    let (_, review) = drive(&mut it, |step| {
        let declined = step.kind == StepKind::CreateConnectedCustomer && step.source == Some(0);
        if declined { Say::NoToSource } else { Say::Yes }
    });
    assert_eq!(review.customer, Standing::Refused);
    let mended = it.mended(&wanted(2, 1, 1), &Tried::new()).unwrap().unwrap();
    let mut it = loaded(&it, &mended);
    let (sent, _) = drive(&mut it, |_| Say::Yes);
    assert!(sent.contains(&StepId::set_default(Some(0))), "{sent:?}");
    assert!(it.is_default(0, 1));
}

#[test]
fn a_default_that_somebody_chose_before_the_state_file_was_lost_is_not_taken_back() {
    let mut it = customer(1, 1);
    let step = |kind, target, source| StepId {
        kind,
        target,
        source,
    };
    let found = [
        (
            step(StepKind::CreatePlatformCustomer, None, Some(0)),
            "cus_p",
        ),
        (step(StepKind::ClonePaymentMethod, Some(0), Some(0)), "pm_c"),
        (
            step(StepKind::CreateConnectedCustomer, Some(0), None),
            "cus_c",
        ),
        (
            step(StepKind::AttachConnectedPaymentMethod, Some(0), Some(0)),
            "pm_c",
        ),
    ];
    for (step, id) in found {
        let object = match CustomerId::parse(id) {
            Ok(id) => Object::Customer(id),
            Err(_) => Object::PaymentMethod(PaymentMethodId::parse(id).unwrap()),
        };
        let seen = Seen {
            reading: Reading::at(NOW),
            customers: Vec::new(),
        };
        it.apply(step, Event::Find(object, seen), None).unwrap();
    }
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(review.customer, Standing::Migrated);
    assert!(!it.is_default(0, 0));
    // A newer CSV that names another one has it set.
    let grown = grow(&it, &wanted(2, 1, 1), BOTH);
    let (sent, _) = drive(&mut loaded(&it, &grown), |_| Say::Yes);
    assert!(sent.contains(&StepId::set_default(Some(0))), "{sent:?}");
}

#[test]
fn a_source_that_another_customer_holds_is_not_made_the_default_of_ours() {
    let mut it = customer(2, 1);
    drive(&mut it, |step| match (step.kind, step.source) {
        (StepKind::CreatePlatformCustomer, Some(0)) => Say::NoToSource,
        _ => Say::Yes,
    });
    let create = StepId {
        kind: StepKind::CreatePlatformCustomer,
        target: None,
        source: Some(0),
    };
    it.apply(create, Event::Retry, None).unwrap();
    let attach = StepId {
        kind: StepKind::AttachPlatformPaymentMethod,
        ..create
    };
    let holder = CustomerId::parse("cus_other").unwrap();
    it.apply(attach, Event::Succeed(Object::HeldBy(holder)), None)
        .unwrap();
    let (sent, review) = drive(&mut it, |_| Say::Yes);
    assert!(!sent.contains(&StepId::set_default(None)), "{sent:?}");
    assert!(sent.contains(&StepId::set_default(Some(0))), "{sent:?}");
    assert_eq!(review.customer, Standing::Migrated);
}
