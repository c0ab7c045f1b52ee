use super::*;
use crate::stripe::DefaultMethod;
use uuid::Uuid;

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn facts(country: &str, charges: bool, cards: Option<&str>, reason: Option<&str>) -> AccountFacts {
    let capability = |state: &str| ("card_payments".to_owned(), state.to_owned());
    AccountFacts {
        id: account("acct_1"),
        country: Some(country.to_owned()),
        display_name: None,
        charges_enabled: Some(charges),
        capabilities: cards.map(capability).into_iter().collect(),
        disabled_reason: reason.map(str::to_owned),
        livemode: None,
    }
}

/// What is found of one account, with a platform in Germany.
fn found_of(looked: &Looked<AccountFacts>) -> Vec<(Kind, String)> {
    let mut findings = Findings::default();
    let asked = Asked {
        id: account("acct_1"),
        customers: 3,
    };
    findings.account(Some("DE"), &asked, looked);
    assert!(findings.iter().all(|(.., found)| found.customers == 3));
    told(&findings)
}

fn told(findings: &Findings) -> Vec<(Kind, String)> {
    let each = findings.iter();
    each.map(|(kind, detail, _)| (kind, detail.to_owned()))
        .collect()
}

#[test]
fn the_table_of_accounts() {
    let of = |kind, detail: &str| vec![(kind, detail.to_owned())];
    let found = Looked::Found;
    let cases = [
        (found(facts("DE", true, Some("active"), None)), vec![]),
        (found(facts("DE", true, None, None)), vec![]),
        (Looked::NoAccess, of(Kind::AccountUnreachable, "")),
        (Looked::Missing, of(Kind::AccountUnreachable, "")),
        (Looked::Unread, of(Kind::Unread, "account")),
        (
            found(facts("DE", false, None, Some("rejected.fraud"))),
            of(Kind::ChargesDisabled, "rejected.fraud"),
        ),
        (
            found(facts("DE", true, Some("inactive"), None)),
            of(Kind::CardsInactive, ""),
        ),
        (
            found(facts("DE", true, Some("pending"), None)),
            of(Kind::CardsPending, "pending"),
        ),
        // A state that nobody knew when this was written is told, too.
        (
            found(facts("DE", true, Some("paused"), None)),
            of(Kind::CardsPending, "paused"),
        ),
        (
            found(facts(
                "DE",
                true,
                Some("active"),
                Some("requirements.past_due"),
            )),
            of(Kind::Restricted, "requirements.past_due"),
        ),
        (
            found(facts("FR", true, Some("active"), None)),
            of(Kind::CrossBorder, "DE to FR"),
        ),
        (
            found(facts("IN", true, Some("active"), None)),
            [of(Kind::CrossBorder, "DE to IN"), of(Kind::India, "")].concat(),
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(found_of(&looked), expected, "{looked:?}");
    }
}

fn method(kind: &str, customer: Option<&str>, expiry: Option<Month>) -> PaymentMethodFacts {
    PaymentMethodFacts {
        id: crate::ids::PaymentMethodId::parse("pm_1").unwrap(),
        kind: kind.to_owned(),
        customer: customer.map(|id| CustomerId::parse(id).unwrap()),
        fingerprint: None,
        expiry,
        brand: None,
        last4: None,
        created: None,
        livemode: true,
    }
}

#[test]
fn the_table_of_sources() {
    let source = Source {
        label: "1 (pm_1)".to_owned(),
        customer: CustomerId::parse("cus_1").ok(),
        accounts: vec![account("acct_1"), account("acct_2")],
    };
    // acct_2 could not be read: that is told once, of the account.
    let accounts = BTreeMap::from([(account("acct_1"), facts("DE", true, Some("active"), None))]);
    let of = |kind, detail: &str| vec![(kind, detail.to_owned())];
    let found = Looked::Found;
    let cases = [
        (
            found(method("card", Some("cus_1"), Some((2026, 10)))),
            vec![],
        ),
        (found(method("card", None, Some((2026, 10)))), vec![]),
        (
            found(method("card", Some("cus_2"), None)),
            of(Kind::SourceOfAnother, ""),
        ),
        // A card is good until the end of its month.
        (
            found(method("card", None, Some((2026, 9)))),
            of(Kind::Expired, ""),
        ),
        (
            found(method("sepa_debit", Some("cus_2"), None)),
            of(Kind::SourceUnclonable, "sepa_debit"),
        ),
        (
            found(method("us_bank_account", None, None)),
            [
                of(Kind::AchInactive, "not requested"),
                of(Kind::AchScope, ""),
            ]
            .concat(),
        ),
        (Looked::Missing, of(Kind::SourceUnknown, "")),
        (Looked::OtherMode, of(Kind::OtherMode, "")),
        (Looked::Unread, of(Kind::Unread, "source")),
    ];
    for (looked, expected) in cases {
        let mut findings = Findings::default();
        findings.source(&source, &looked, &accounts, (2026, 10));
        assert_eq!(told(&findings), expected, "{looked:?}");
        assert_eq!(findings.unread(), u64::from(looked == Looked::Unread));
    }
}

fn customer(marker: Option<&str>, deleted: bool) -> Looked<CustomerFacts> {
    Looked::Found(CustomerFacts {
        id: CustomerId::parse("cus_1").unwrap(),
        livemode: Some(true),
        marker_migration: marker.map(str::to_owned),
        marker_legacy_id: None,
        marker_platform_customer: None,
        created: None,
        default: None::<DefaultMethod>,
        deleted,
    })
}

#[test]
fn the_table_of_customers() {
    let ours = MigrationId(Uuid::max());
    let marker = ours.to_string();
    let of = |kind, detail: &str| vec![(kind, detail.to_owned())];
    let cases = [
        (customer(None, false), true, vec![]),
        (customer(Some(&marker), false), true, vec![]),
        (
            customer(Some("another"), false),
            true,
            of(Kind::OtherMigration, "another"),
        ),
        (
            customer(Some("another"), false),
            false,
            of(Kind::OtherMigration, "another"),
        ),
        (
            customer(None, true),
            true,
            of(Kind::CustomerUnknown, "deleted"),
        ),
        (Looked::Missing, true, of(Kind::CustomerUnknown, "unknown")),
        (Looked::Missing, false, vec![]),
        (Looked::OtherMode, true, of(Kind::OtherMode, "")),
        (Looked::Unread, true, of(Kind::Unread, "customer")),
        (Looked::Unread, false, of(Kind::Unread, "customer")),
    ];
    for (looked, adopted, expected) in cases {
        let mut findings = Findings::default();
        findings.customer("1 (cus_1)", &looked, adopted, Some(ours));
        assert_eq!(told(&findings), expected, "{looked:?} {adopted}");
    }
}

#[test]
fn a_few_examples_are_kept_and_all_are_counted() {
    let mut findings = Findings::default();
    for number in 0..100 {
        findings.note(Kind::SourceUnknown, "", &number.to_string(), 0);
    }
    let (.., found) = findings.iter().next().unwrap();
    assert_eq!((found.count, found.examples.len()), (100, EXAMPLES));
    assert_eq!(findings.count(Severity::Blocker), 1);
}
