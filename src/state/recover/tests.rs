//! Which clone is whose, as tables that a person reads.

use super::*;
use crate::ids::{AccountId, LegacyId};
use crate::state::{Reachable, Target};

const AT: StripeTime = StripeTime(2_000_000);

fn cus(name: &str) -> CustomerId {
    CustomerId::parse(name).unwrap()
}

fn pm(name: &str) -> PaymentMethodId {
    PaymentMethodId::parse(name).unwrap()
}

/// `number/expiry`, as in `A/27`; a dash for the number is one that Stripe gives no fingerprint of.
fn likeness(text: &str) -> Likeness {
    let (number, year) = text.split_once('/').unwrap();
    Likeness {
        kind: "card".into(),
        fingerprint: (number != "-").then(|| number.to_owned()),
        expiry: Some((year.parse().unwrap(), 1)),
    }
}

/// Three sources on one account; the second is the default.
fn customer() -> Customer {
    Customer {
        legacy_id: LegacyId::parse("42").unwrap(),
        platform_customer: None,
        sources: vec![pm("pm_0"), pm("pm_1"), pm("pm_2")],
        default: 1,
        targets: vec![Target {
            account: AccountId::parse("acct_1").unwrap(),
            sources: vec![0, 1, 2],
            reach: Reachable::Yes,
        }],
        steps: BTreeMap::new(),
        undone: false,
    }
}

/// What is attached: `name=number/expiry`, in the order in which it was made.
fn holding(default: Option<&str>, methods: &str) -> Found {
    let held = |(at, text): (i64, &str)| {
        let (name, like) = text.split_once('=').unwrap();
        Held {
            id: pm(name),
            likeness: likeness(like),
            created: Some(StripeTime(at)),
        }
    };
    // Lists give the newest first.
    let mut methods: Vec<Held> = (0..).zip(methods.split_whitespace()).map(held).collect();
    methods.reverse();
    Found {
        customer: cus("cus_there"),
        default: default.map(pm),
        methods,
    }
}

/// The events in a few words: `create 1=cus_there, clone 1=pm_b, …`.
fn told(mut customer: Customer, events: Events) -> String {
    let mut words = Vec::new();
    for (step, event) in events {
        let kind = match step.kind {
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => "create",
            StepKind::AttachPlatformPaymentMethod | StepKind::AttachConnectedPaymentMethod => {
                "attach"
            }
            StepKind::ClonePaymentMethod => "clone",
            StepKind::UpdateCustomer | StepKind::SetDefault => "change",
            other => panic!("{other:?} is never recovered"),
        };
        let source = step
            .source
            .map_or("-".to_owned(), |source| source.to_string());
        let what = match &event {
            Event::Find(Object::Customer(id), _) => id.to_string(),
            Event::Find(Object::PaymentMethod(id), _) => id.to_string(),
            Event::Find(Object::HeldBy(id), _) => format!("held by {id}"),
            Event::Miss(_) => "not".to_owned(),
            Event::FindSeveral(_) => "several".to_owned(),
            other => panic!("{other:?}"),
        };
        words.push(format!("{kind} {source}={what}"));
        let record = customer.apply(step, event, None).unwrap();
        assert!(record.is_recovered());
    }
    words.join(", ")
}

#[test]
fn each_clone_goes_to_the_nearest_source_and_to_one_only() {
    // Sources, the default of the Customer there, what is attached to it, and what follows.
    #[rustfmt::skip]
    let table = [
        // All three, the default with the Customer.
        ("A/27 B/27 C/27", Some("pm_b"), "pm_b=B/27 pm_a=A/27 pm_c=C/27",
         "create 1=cus_there, clone 0=pm_a, attach 0=pm_a, clone 1=pm_b, clone 2=pm_c, attach 2=pm_c"),
        // One number, an old expiry and a new one.
        ("A/27 A/31 C/27", Some("pm_n"), "pm_n=A/31 pm_o=A/27",
         "create 1=cus_there, clone 0=pm_o, attach 0=pm_o, clone 1=pm_n"),
        // The same, and only the new one was cloned: the old one is not taken for it.
        ("A/27 A/31 C/27", Some("pm_n"), "pm_n=A/31", "create 1=cus_there, clone 1=pm_n"),
        // An expiry that was changed on the platform since.
        ("A/27 B/33 C/27", Some("pm_b"), "pm_b=B/27", "create 1=cus_there, clone 1=pm_b"),
        // Equal cards: in the order in which they were made, the default first.
        ("A/27 A/27 A/27", Some("pm_x"), "pm_x=A/27 pm_y=A/27 pm_z=A/27",
         "create 1=cus_there, clone 0=pm_y, attach 0=pm_y, clone 1=pm_x, clone 2=pm_z, attach 2=pm_z"),
        // The default was refused: another one was made with, and none is the default.
        ("A/27 B/27 C/27", None, "pm_a=A/27 pm_c=C/27",
         "create 0=cus_there, clone 0=pm_a, clone 2=pm_c, attach 2=pm_c"),
        // It was attached later, and is not the default there.
        ("A/27 B/27 C/27", None, "pm_b=B/27", "create -=cus_there, clone 1=pm_b, attach 1=pm_b"),
        // The owner of the account has added a card of their own, and made it the default.
        ("A/27 B/27 C/27", Some("pm_own"), "pm_a=A/27 pm_own=Z/30", "create 0=cus_there, clone 0=pm_a"),
        // Nothing is attached.
        ("A/27 B/27 C/27", None, "", "create -=cus_there"),
        // Without a number nothing is like anything.
        ("-/27 B/27 C/27", None, "pm_a=-/27", "create -=cus_there"),
    ];
    for (sources, default, methods, expected) in table {
        let customer = customer();
        let sources = (0..)
            .zip(sources.split_whitespace().map(likeness))
            .collect();
        let found = holding(default, methods);
        let events = customer.recover_target(0, &found, &sources, &Reading::at(AT));
        assert_eq!(told(customer, events), expected, "{methods}");
    }
}

#[test]
fn on_the_platform_the_ids_themselves_tell() {
    #[rustfmt::skip]
    let table = [
        ("pm_0=A/27 pm_1=B/27 pm_2=C/27", "create 1=cus_there, attach 0=pm_0, attach 2=pm_2"),
        ("pm_2=C/27 pm_0=A/27", "create 0=cus_there, attach 2=pm_2"),
        ("pm_other=A/27", "create -=cus_there"),
    ];
    for (methods, expected) in table {
        let events = customer().recover_platform(&holding(None, methods), &Reading::at(AT));
        assert_eq!(told(customer(), events), expected);
    }
    let adopted = Customer {
        platform_customer: Some(cus("cus_csv")),
        ..customer()
    };
    let events = adopted.recover_platform(&holding(None, "pm_0=A/27"), &Reading::at(AT));
    assert_eq!(told(adopted, events), "", "it was not made");
}

#[test]
fn what_is_known_already_is_left_as_it_is() {
    let mut customer = customer();
    let sources = (0..).zip(["A/27", "B/27"].map(likeness)).collect();
    let found = holding(Some("pm_b"), "pm_b=B/27 pm_a=A/27");
    for (step, event) in customer.recover_target(0, &found, &sources, &Reading::at(AT)) {
        customer.apply(step, event, None).unwrap();
    }
    let again = customer.recover_target(0, &found, &sources, &Reading::at(AT));
    assert_eq!(again, Events::new());
}

#[test]
fn once_a_person_has_chosen_the_one_that_is_left_is_taken_with_what_it_holds() {
    let sources: BTreeMap<_, _> = (0..).zip(["A/27", "B/27", "C/27"].map(likeness)).collect();
    #[rustfmt::skip]
    let table = [
        (Some("pm_b"), "pm_b=B/27", "create 1=cus_there, clone 1=pm_b, clone 0=not, clone 2=not"),
        (None, "pm_a=A/27", "create 1=not, create 0=cus_there, clone 0=pm_a, clone 1=not, clone 2=not"),
        (None, "", "create 1=not, create -=cus_there, clone 0=not, clone 1=not, clone 2=not"),
    ];
    for (default, methods, expected) in table {
        let mut customer = customer();
        let several = vec![cus("cus_a"), cus("cus_b")];
        for (step, event) in customer.recover_several(Some(0), several, &Reading::at(AT)) {
            customer.apply(step, event, None).unwrap();
        }
        assert_eq!(customer.found_twice().count(), 1);
        // It is looked for where it was seen, not in a window of time.
        assert!(customer.doubtful().is_empty());
        let events =
            customer.recover_target(0, &holding(default, methods), &sources, &Reading::at(AT));
        let mut after = customer.clone();
        for (step, event) in events.clone() {
            after.apply(step, event, None).unwrap();
        }
        assert_eq!(told(customer, events), expected);
        assert_eq!(
            after.made_on(Some(0)).map(|(id, _)| id),
            Some(&cus("cus_there"))
        );
        assert!(after.found_twice().next().is_none());
    }
}
