//! What follows from what was seen, as tables that a person reads.

use std::collections::BTreeMap;

use super::*;
use crate::ids::{AccountId, LegacyId};
use crate::state::{Reachable, Refusal, Target};
use crate::time::RESEND_WINDOW_SECONDS;

const THEN: StripeTime = StripeTime(1_000_000);
const HOUR: i64 = 3_600;

fn id(name: &str) -> CustomerId {
    CustomerId::parse(name).unwrap()
}

fn pm(name: &str) -> PaymentMethodId {
    PaymentMethodId::parse(name).unwrap()
}

fn step(kind: StepKind, target: Option<Position>) -> StepId {
    StepId {
        kind,
        target,
        source: Some(0),
    }
}

/// One card on one account; `kind` is in doubt, and all before it is done.
fn doubtful(kind: StepKind, doubt: Doubt) -> (Customer, StepId) {
    let mut customer = Customer {
        legacy_id: LegacyId::parse("42").unwrap(),
        platform_customer: None,
        sources: vec![pm("pm_source")],
        default: 0,
        targets: vec![Target {
            account: AccountId::parse("acct_1").unwrap(),
            sources: vec![0],
            reach: Reachable::Yes,
        }],
        steps: BTreeMap::new(),
        undone: false,
    };
    let done = [
        (
            StepKind::CreatePlatformCustomer,
            None,
            Object::Customer(id("cus_p")),
        ),
        (
            StepKind::AttachPlatformPaymentMethod,
            None,
            Object::PaymentMethod(pm("pm_source")),
        ),
        (
            StepKind::ClonePaymentMethod,
            Some(0),
            Object::PaymentMethod(pm("pm_clone")),
        ),
        (
            StepKind::CreateConnectedCustomer,
            Some(0),
            Object::Customer(id("cus_c")),
        ),
        (
            StepKind::AttachConnectedPaymentMethod,
            Some(0),
            Object::PaymentMethod(pm("pm_clone")),
        ),
        (
            StepKind::UpdateCustomer,
            Some(0),
            Object::Changed(id("cus_c")),
        ),
        (StepKind::SetDefault, Some(0), Object::Changed(id("cus_c"))),
        (
            StepKind::RenewPaymentMethod,
            Some(0),
            Object::PaymentMethod(pm("pm_new")),
        ),
        (
            StepKind::AttachRenewedPaymentMethod,
            Some(0),
            Object::PaymentMethod(pm("pm_new")),
        ),
        (
            StepKind::SetRenewedDefault,
            Some(0),
            Object::Changed(id("cus_c")),
        ),
        (
            StepKind::DetachReplacedPaymentMethod,
            Some(0),
            Object::PaymentMethod(pm("pm_clone")),
        ),
    ];
    // A renewal is asked for whole.
    if kind.is_renewal() {
        for each in StepKind::RENEWAL {
            customer.steps.insert(step(each, Some(0)), Record::taken_up(1));
        }
    }
    for (each, target, object) in done {
        let step = step(each, target);
        let start = Event::Start {
            at: THEN,
            digest: 7,
        };
        customer.apply(step, start, None).unwrap();
        if each == kind {
            customer.apply(step, Event::Doubt(doubt), None).unwrap();
            return (customer, step);
        }
        customer.apply(step, Event::Succeed(object), None).unwrap();
    }
    unreachable!("every kind is in the list");
}

fn told(verdict: Option<&Verdict>) -> String {
    match verdict {
        None => "nothing".into(),
        Some(Verdict::TooSoon(until)) => format!("too soon for {} s", until.0 - THEN.0),
        Some(Verdict::Settled(Event::Find(Object::Customer(id), _))) => format!("take {id}"),
        Some(Verdict::Settled(Event::Find(Object::PaymentMethod(id), _))) => format!("take {id}"),
        Some(Verdict::Settled(Event::Miss(_))) => "send again".into(),
        Some(Verdict::Settled(Event::FindSeveral(seen))) => {
            format!("choose of {}", seen.customers.len())
        }
        Some(Verdict::Settled(other)) => format!("{other:?}"),
    }
}

#[test]
fn a_customer_is_taken_over_where_it_was_found_and_made_again_where_it_was_not() {
    let several = || vec![id("cus_a"), id("cus_b")];
    let mut table = Vec::new();
    for doubt in Doubt::ALL {
        for (age, seen) in [
            (60, vec![]),
            (HOUR - 1, vec![]),
            (HOUR, vec![]),
            (60, vec![id("cus_a")]),
            (60, several()),
        ] {
            let (customer, step) = doubtful(StepKind::CreateConnectedCustomer, doubt);
            let count = seen.len();
            let verdict = customer.judge(
                step,
                Sight::Customers(seen),
                Reading::at(StripeTime(THEN.0 + age)),
            );
            let told = told(verdict.as_ref());
            table.push(format!(
                "{:<22}{age:>5} s, {count} seen: {told}",
                doubt.name()
            ));
        }
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
        no_answer                60 s, 0 seen: nothing
        no_answer              3599 s, 0 seen: nothing
        no_answer              3600 s, 0 seen: nothing
        no_answer                60 s, 1 seen: nothing
        no_answer                60 s, 2 seen: nothing
        expired                  60 s, 0 seen: too soon for 3600 s
        expired                3599 s, 0 seen: too soon for 3600 s
        expired                3600 s, 0 seen: send again
        expired                  60 s, 1 seen: take cus_a
        expired                  60 s, 2 seen: choose of 2
        stored_server_error      60 s, 0 seen: send again
        stored_server_error    3599 s, 0 seen: send again
        stored_server_error    3600 s, 0 seen: send again
        stored_server_error      60 s, 1 seen: take cus_a
        stored_server_error      60 s, 2 seen: choose of 2
        idempotency_conflict     60 s, 0 seen: send again
        idempotency_conflict   3599 s, 0 seen: send again
        idempotency_conflict   3600 s, 0 seen: send again
        idempotency_conflict     60 s, 1 seen: take cus_a
        idempotency_conflict     60 s, 2 seen: choose of 2
        request_changed          60 s, 0 seen: too soon for 3600 s
        request_changed        3599 s, 0 seen: too soon for 3600 s
        request_changed        3600 s, 0 seen: send again
        request_changed          60 s, 1 seen: take cus_a
        request_changed          60 s, 2 seen: choose of 2
        found_twice              60 s, 0 seen: too soon for 3600 s
        found_twice            3599 s, 0 seen: too soon for 3600 s
        found_twice            3600 s, 0 seen: send again
        found_twice              60 s, 1 seen: take cus_a
        found_twice              60 s, 2 seen: choose of 2
        "#);
}

#[test]
fn each_kind_is_looked_for_in_its_place() {
    let mut table = Vec::new();
    for kind in StepKind::ALL {
        let (customer, step) = doubtful(kind, Doubt::Expired);
        let found = customer.doubtful();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].step, step);
        table.push(format!("{:<32}{:?}", kind.name(), found[0].look_up));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
        create_platform_customer        Customers(Window { from: StripeTime(999100), to: StripeTime(1003600) })
        attach_platform_payment_method  PaymentMethod(PaymentMethodId("pm_source"), CustomerId("cus_p"))
        clone_payment_method            Nowhere
        create_connected_customer       Customers(Window { from: StripeTime(999100), to: StripeTime(1003600) })
        attach_connected_payment_method PaymentMethod(PaymentMethodId("pm_clone"), CustomerId("cus_c"))
        update_customer                 Nowhere
        set_default                     Nowhere
        renew_payment_method            Nowhere
        attach_renewed_payment_method   PaymentMethod(PaymentMethodId("pm_new"), CustomerId("cus_c"))
        set_renewed_default             Nowhere
        detach_replaced_payment_method  Nowhere
        "#);
}

#[test]
fn an_attach_is_done_where_the_payment_method_is_ours_and_sent_again_else() {
    let later = StripeTime(THEN.0 + 60);
    let (customer, step) = doubtful(StepKind::AttachConnectedPaymentMethod, Doubt::Expired);
    let verdict = |holder: Option<&str>| {
        let sight = Sight::AttachedTo(holder.map(id));
        told(customer.judge(step, sight, Reading::at(later)).as_ref())
    };
    assert_eq!(verdict(Some("cus_c")), "take pm_clone");
    // To send it again cannot attach it twice; Stripe's answer then tells why not, and to whom.
    assert_eq!(verdict(Some("cus_other")), "send again");
    assert_eq!(verdict(None), "send again");
}

#[test]
fn a_look_in_the_wrong_place_settles_nothing() {
    let later = StripeTime(THEN.0 + 25 * HOUR);
    let wrong = [
        (StepKind::CreatePlatformCustomer, Sight::Nothing),
        (StepKind::CreatePlatformCustomer, Sight::AttachedTo(None)),
        (StepKind::AttachPlatformPaymentMethod, Sight::Nothing),
        (
            StepKind::AttachPlatformPaymentMethod,
            Sight::Customers(vec![]),
        ),
        (StepKind::ClonePaymentMethod, Sight::Customers(vec![])),
    ];
    for (kind, sight) in wrong {
        let (customer, step) = doubtful(kind, Doubt::Expired);
        assert_eq!(
            customer.judge(step, sight, Reading::at(later)),
            None,
            "{kind:?}"
        );
    }
}

#[test]
fn what_is_settled_is_not_judged() {
    let (mut customer, step) = doubtful(StepKind::CreatePlatformCustomer, Doubt::Expired);
    customer
        .apply(step, Event::Succeed(Object::Customer(id("cus_p"))), None)
        .unwrap();
    let seen = Sight::Customers(vec![id("cus_other")]);
    assert_eq!(customer.judge(step, seen, Reading::at(THEN)), None);
    assert!(customer.doubtful().is_empty());
}

#[test]
fn a_miss_raises_the_try_and_a_new_intent_starts_afresh() {
    let (mut customer, step) = doubtful(StepKind::CreatePlatformCustomer, Doubt::Expired);
    let later = StripeTime(THEN.0 + 25 * HOUR);
    let Some(Verdict::Settled(event)) =
        customer.judge(step, Sight::Customers(vec![]), Reading::at(later))
    else {
        panic!("it is settled");
    };
    let ready = customer.apply(step, event, None).unwrap();
    assert_eq!((ready.try_no, &ready.state), (2, &StepState::Ready));
    let evidence = Seen {
        reading: Reading::at(later),
        customers: vec![],
    };
    assert_eq!(ready.seen.as_ref(), Some(&evidence));
    let start = Event::Start {
        at: later,
        digest: 8,
    };
    let started = customer.apply(step, start, None).unwrap();
    assert_eq!(
        (started.started_at, started.sent_at, started.digest),
        (later, later, 8)
    );
    assert_eq!(
        started.seen,
        Some(evidence),
        "why it is a second try is kept"
    );
}

#[test]
fn a_resent_intent_keeps_its_age_and_lengthens_its_window() {
    let (mut customer, step) = doubtful(StepKind::CreatePlatformCustomer, Doubt::NoAnswer);
    assert!(
        customer.doubtful().is_empty(),
        "it is asked for again, not looked for"
    );
    let later = StripeTime(THEN.0 + 22 * HOUR);
    customer
        .apply(
            step,
            Event::Start {
                at: later,
                digest: 7,
            },
            None,
        )
        .unwrap();
    let overdue =
        |now: i64| customer.overdue(|record| record.started_at.may_resend(StripeTime(now)));
    assert_eq!(overdue(THEN.0 + RESEND_WINDOW_SECONDS - 1), []);
    assert_eq!(overdue(THEN.0 + RESEND_WINDOW_SECONDS), [step]);
    customer
        .apply(step, Event::Doubt(Doubt::Expired), None)
        .unwrap();
    let Some(LookUp::Customers(window)) = customer.doubtful().pop().map(|each| each.look_up) else {
        panic!("it is looked for in a list");
    };
    assert!(window.from < THEN && window.to == StripeTime(THEN.0 + 23 * HOUR));
    // What was sent again at 22 hours may still arrive shortly before 23.
    let seen = |now: i64| {
        told(
            customer
                .judge(step, Sight::Customers(vec![]), Reading::at(StripeTime(now)))
                .as_ref(),
        )
    };
    assert_eq!(seen(THEN.0 + 23 * HOUR - 1), "too soon for 82800 s");
    assert_eq!(seen(THEN.0 + 23 * HOUR), "send again");
}

#[test]
fn done_and_refused_steps_are_never_looked_for() {
    let (mut customer, step) = doubtful(StepKind::ClonePaymentMethod, Doubt::Expired);
    let refusal = Refusal {
        reach: crate::state::Reach::Source,
        status: 400,
        reason: "x".into(),
        message: String::new(),
    };
    customer.apply(step, Event::Refuse(refusal), None).unwrap();
    assert!(customer.doubtful().is_empty());
    assert!(customer.overdue(|_| false).is_empty());
}

#[test]
fn windows_that_touch_are_read_once() {
    let window = |from, to| Window {
        from: StripeTime(from),
        to: StripeTime(to),
    };
    let joined = Window::joined(vec![
        window(50, 60),
        window(1, 9),
        window(10, 20),
        window(15, 18),
    ]);
    assert_eq!(joined, [window(1, 20), window(50, 60)]);
    assert_eq!(Window::joined(vec![]), []);
}
