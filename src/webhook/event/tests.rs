use super::*;

fn body(kind: &str, account: &str, object: &str) -> String {
    format!(
        r#"{{"id":"evt_1A","object":"event","api_version":"2026-09-30.endive",{account}"created":1700000000,"data":{{"object":{object},
        "previous_attributes":{{"customer":"cus_1"}}}},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},
        "type":"{kind}"}}"#
    )
}

fn read(kind: &str, account: &str, object: &str) -> Result<Event, Unreadable> {
    match Read::parse(body(kind, account, object).as_bytes())? {
        Read::Event(event) => Ok(*event),
        Read::Thin => panic!("{kind} is no thin event"),
    }
}

const ON: &str = r#""account":"acct_1A","#;

#[test]
fn the_types_that_a_migration_has_to_know() {
    let account = AccountId::parse("acct_1A").unwrap();
    let application = r#"{"id":"ca_1","object":"application","name":"Shop"}"#;
    let card = r#"{"id":"pm_1","object":"payment_method","customer":null,"type":"card"}"#;
    let changed = |change| News::PaymentMethodChanged {
        payment_method: PaymentMethodId::parse("pm_1").unwrap(),
        change,
    };
    let cases = [
        (
            "account.application.authorized",
            application,
            News::Authorized(account.clone()),
        ),
        (
            "account.application.deauthorized",
            application,
            News::Deauthorized(account.clone()),
        ),
        (
            "account.updated",
            r#"{"id":"acct_1A","object":"account","country":"DE"}"#,
            News::AccountUpdated {
                account: account.clone(),
                country: Some("DE".to_owned()),
            },
        ),
        (
            "payment_method.automatically_updated",
            card,
            changed(Change::AutomaticallyUpdated),
        ),
        ("payment_method.updated", card, changed(Change::Updated)),
        ("payment_method.detached", card, changed(Change::Detached)),
        ("payment_method.attached", card, News::Nothing),
        ("newly.invented", r#"[1,"x",{"id":7}]"#, News::Nothing),
    ];
    for (kind, object, news) in cases {
        let event = read(kind, ON, object).unwrap();
        assert_eq!((event.news, event.account), (news, Some(account.clone())));
        assert_eq!(
            (event.created, event.livemode),
            (StripeTime(1_700_000_000), false)
        );
    }
}

#[test]
fn the_account_may_stand_in_the_context_alone_and_its_absence_is_the_platform() {
    let context = r#""context":"acct_1A","#;
    let event = read("account.application.deauthorized", context, "{}").unwrap();
    assert_eq!(
        event.news,
        News::Deauthorized(AccountId::parse("acct_1A").unwrap())
    );
    for none in ["", r#""account":null,"context":null,"#] {
        let event = read("account.application.deauthorized", none, "{}").unwrap();
        assert_eq!((event.news, event.account), (News::Nothing, None));
    }
}

#[test]
fn thin_events_are_known_as_such() {
    let thin = r#"{"id":"evt_65","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":false,
        "created":"2026-02-01T00:00:00.000Z","related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1"}}"#;
    assert_eq!(Read::parse(thin.as_bytes()), Ok(Read::Thin));
}

#[test]
fn the_event_of_stripes_own_example_is_read() {
    let Some(examples) = crate::published::published("fixtures3.json") else {
        return;
    };
    let example = &examples["resources"]["event"];
    let Ok(Read::Event(event)) = Read::parse(example.to_string().as_bytes()) else {
        panic!("{example}");
    };
    assert_eq!(
        (event.kind.as_str(), event.news),
        ("plan.created", News::Nothing)
    );
}

#[test]
fn what_is_no_event_is_refused_and_nothing_panics() {
    let whole = body("payment_method.updated", ON, r#"{"id":"pm_1"}"#);
    for length in 0..whole.len() {
        assert_eq!(
            Read::parse(&whole.as_bytes()[..length]),
            Err(Unreadable::NoEvent)
        );
    }
    let deep = "[".repeat(100_000);
    for bad in [
        "",
        "null",
        "[]",
        "7",
        "{}",
        r#"{"object":"event"}"#,
        "\u{0}",
        &deep,
    ] {
        assert_eq!(Read::parse(bad.as_bytes()), Err(Unreadable::NoEvent));
    }
    assert_eq!(Read::parse(b"\xff\xfe{}"), Err(Unreadable::NoEvent));
    for (kind, object) in [
        ("payment_method.updated", r#"{"id":"cus_1"}"#),
        ("payment_method.detached", "null"),
        ("account.updated", r#"{"id":7}"#),
    ] {
        assert_eq!(read(kind, ON, object), Err(Unreadable::OtherObject));
    }
    let elsewhere = r#""account":"acct_1/../x","#;
    assert_eq!(
        read("account.application.authorized", elsewhere, "{}"),
        Err(Unreadable::OtherObject)
    );
}
