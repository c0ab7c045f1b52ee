use super::*;
use crate::ids::MigrationId;
use crate::stripe::{CustomerFacts, DefaultMethod, PaymentMethodFacts};

fn cus(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

fn pm(id: &str) -> PaymentMethodId {
    PaymentMethodId::parse(id).unwrap()
}

fn acct() -> AccountId {
    AccountId::parse("acct_1").unwrap()
}

fn migration() -> MigrationId {
    MigrationId(uuid::Uuid::nil())
}

/// One card on one account.
fn asked() -> Expected {
    let method = |id, customer| ExpectedMethod {
        id: pm(id),
        customer: cus(customer),
        source: 0,
    };
    let customer = |account: Option<AccountId>, id, method_id| ExpectedCustomer {
        platform_customer: account.as_ref().map(|_| cus("cus_p")),
        account,
        id: cus(id),
        made: true,
        default: Some(pm(method_id)),
        methods: vec![method(method_id, id)],
    };
    Expected {
        legacy_id: LegacyId::parse("42").unwrap(),
        customers: vec![
            customer(None, "cus_p", "pm_source"),
            customer(Some(acct()), "cus_c", "pm_clone"),
        ],
        sources: vec![(0, pm("pm_source"))],
        in_doubt: Vec::new(),
    }
}

fn method(id: &str, customer: &str) -> PaymentMethodFacts {
    PaymentMethodFacts {
        id: pm(id),
        kind: "card".into(),
        customer: Some(cus(customer)),
        fingerprint: Some("f".into()),
        expiry: Some((2030, 4)),
        brand: Some("visa".into()),
        last4: Some("4242".into()),
        created: None,
        livemode: false,
    }
}

fn facts(id: &str, platform: Option<&str>, default: &str) -> CustomerFacts {
    CustomerFacts {
        id: cus(id),
        livemode: Some(false),
        marker_migration: Some(migration().to_string()),
        marker_legacy_id: Some("42".into()),
        marker_platform_customer: platform.map(str::to_owned),
        created: None,
        default: Some(DefaultMethod::Id(default.into())),
        deleted: false,
    }
}

/// All of it, as it should be.
fn seen() -> Sights {
    Sights {
        customers: vec![
            (
                Seen::Found(facts("cus_p", None, "pm_source")),
                Holds::All(vec![method("pm_source", "cus_p")]),
            ),
            (
                Seen::Found(facts("cus_c", Some("cus_p"), "pm_clone")),
                Holds::All(vec![method("pm_clone", "cus_c")]),
            ),
        ],
        ..Sights::default()
    }
}

/// The lines that are not `=`, as sign and what they are about.
fn signs(sights: &Sights) -> Vec<(char, About)> {
    compare(&asked(), sights, migration())
        .into_iter()
        .filter(|line| line.sign != Sign::Same)
        .map(|line| (line.sign.char(), line.about))
        .collect()
}

#[test]
fn what_is_as_it_should_be_has_a_line_for_each_customer() {
    let lines = compare(&asked(), &seen(), migration());
    let signs: Vec<_> = lines.iter().map(|line| line.sign).collect();
    assert_eq!(signs, [Sign::Same, Sign::Same]);
}

type Change = fn(&mut Sights);

fn connected(sights: &mut Sights) -> &mut CustomerFacts {
    match &mut sights.customers[1].0 {
        Seen::Found(facts) => facts,
        _ => panic!("it is there"),
    }
}

fn clone_of(sights: &mut Sights) -> &mut PaymentMethodFacts {
    match &mut sights.customers[1].1 {
        Holds::All(methods) => &mut methods[0],
        _ => panic!("it is there"),
    }
}

#[test]
fn every_change_is_told_by_its_sign_and_nothing_else_is() {
    let cases: [(Change, char, About); 16] = [
        (|s| s.customers[1].0 = Seen::Missing, '-', About::Customer),
        (|s| connected(s).deleted = true, '-', About::Customer),
        (
            |s| s.customers[1].0 = Seen::NotRead("no answer".into()),
            '!',
            About::Customer,
        ),
        (
            |s| s.customers[1].1 = Holds::NotRead("no answer".into()),
            '!',
            About::AttachedTo,
        ),
        (
            |s| connected(s).marker_migration = None,
            '*',
            About::MarkMigration,
        ),
        (
            |s| connected(s).marker_legacy_id = Some("43".into()),
            '*',
            About::MarkLegacyId,
        ),
        (
            |s| connected(s).marker_platform_customer = Some("cus_x".into()),
            '*',
            About::MarkPlatformCustomer,
        ),
        (
            |s| connected(s).default = None,
            '*',
            About::DefaultPaymentMethod,
        ),
        (
            |s| clone_of(s).customer = Some(cus("cus_x")),
            '*',
            About::AttachedTo,
        ),
        (
            |s| clone_of(s).kind = "us_bank_account".into(),
            '*',
            About::Type,
        ),
        (
            |s| clone_of(s).fingerprint = Some("g".into()),
            '*',
            About::Fingerprint,
        ),
        (
            |s| clone_of(s).brand = Some("amex".into()),
            '*',
            About::Brand,
        ),
        (
            |s| clone_of(s).last4 = Some("1111".into()),
            '*',
            About::Last4,
        ),
        (|s| clone_of(s).expiry = None, '*', About::Expiry),
        (
            |s| {
                let twin = method("pm_twin", "cus_c");
                s.customers[1].1 = Holds::All(vec![method("pm_clone", "cus_c"), twin]);
            },
            '+',
            About::SecondPaymentMethod,
        ),
        (
            |s| {
                s.others = vec![Other {
                    account: Some(acct()),
                    id: cus("cus_second"),
                }];
            },
            '+',
            About::SecondCustomer,
        ),
    ];
    for (change, sign, about) in cases {
        let mut sights = seen();
        change(&mut sights);
        assert_eq!(signs(&sights), [(sign, about)]);
    }
}

#[test]
fn what_became_of_a_clone_that_no_list_has_is_told() {
    let alone = |seen| {
        move |sights: &mut Sights| {
            sights.customers[1].1 = Holds::All(Vec::new());
            sights.alone.insert((Some(acct()), pm("pm_clone")), seen);
        }
    };
    let detached = PaymentMethodFacts {
        customer: None,
        ..method("pm_clone", "cus_c")
    };
    let mut sights = seen();
    alone(Seen::Found(detached))(&mut sights);
    assert_eq!(signs(&sights), [('-', About::AttachedTo)]);
    let mut sights = seen();
    alone(Seen::Missing)(&mut sights);
    assert_eq!(signs(&sights), [('-', About::AttachedTo)]);
    let mut sights = seen();
    alone(Seen::NotRead("no answer".into()))(&mut sights);
    assert_eq!(signs(&sights), [('!', About::AttachedTo)]);
}

#[test]
fn a_source_that_could_not_be_read_leaves_its_clone_untold() {
    let mut sights = seen();
    sights.customers[0].1 = Holds::NotRead("no answer".into());
    assert_eq!(
        signs(&sights),
        [('!', About::AttachedTo), ('!', About::Source)]
    );
}

#[test]
fn a_card_that_the_customer_saved_since_is_nobodys_concern() {
    let mut sights = seen();
    let new = PaymentMethodFacts {
        fingerprint: Some("another".into()),
        ..method("pm_new", "cus_c")
    };
    let unlike = PaymentMethodFacts {
        fingerprint: None,
        ..method("pm_link", "cus_c")
    };
    sights.customers[1].1 = Holds::All(vec![method("pm_clone", "cus_c"), new, unlike]);
    assert_eq!(signs(&sights), []);
}

#[test]
fn a_customer_that_is_being_made_is_no_second_one() {
    let mut asked = asked();
    asked.in_doubt = vec![Some(acct())];
    let mut sights = seen();
    sights.others = vec![Other {
        account: Some(acct()),
        id: cus("cus_second"),
    }];
    let lines = compare(&asked, &sights, migration());
    let last = lines.last().map(|line| (line.sign, line.about));
    assert_eq!(last, Some((Sign::NotLooked, About::SecondCustomer)));
}

#[test]
fn the_default_alone_tells_what_one_card_is() {
    let mut sights = seen();
    sights.customers[1].1 = Holds::Default(Box::new(method("pm_clone", "cus_c")));
    assert_eq!(signs(&sights), []);
}
