use super::*;

const NO_ACCESS: &str = "The provided key does not have access to account 'acct_1BERLIN' (or that account does not exist).";

fn account(id: &str, parked_for: Option<&str>, customers: [u64; 8]) -> Account {
    Account::counted(
        AccountId::parse(id).unwrap(),
        parked_for.map(str::to_owned),
        customers,
    )
}

/// Nothing was imported yet.
pub(crate) fn empty() -> Status {
    Status {
        migration: "7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a".into(),
        platform_account: AccountId::parse("acct_1PLATFORM").unwrap(),
        livemode: false,
        customers: Customers::default(),
        payment_methods: PaymentMethods::default(),
        accounts: Vec::new(),
        requests: Requests::default(),
        running: false,
        speed: None,
        last_refusal: None,
        reasons: Vec::new(),
        pace: None,
        open_charges: 0,
        undo_unfinished: 0,
        taken_back: false,
        undo_left: UndoLeft::default(),
        stale: Stale::default(),
        listener: None,
        purged_at: None,
    }
}

/// Everything that can go wrong went wrong.
pub(crate) fn troubled() -> Status {
    let reason = |reason: &str, message: &str, customers| ReasonCount {
        reason: reason.into(),
        message_sample: message.into(),
        customers,
    };
    Status {
        customers: Customers::counted([1, 30, 112, 16, 841, 0, 0, 9000]),
        payment_methods: PaymentMethods {
            total: 12_345,
            cloned: 11_030,
        },
        accounts: vec![
            account("acct_1AUGSBURG", None, [0, 0, 0, 0, 800, 0, 0, 8_200]),
            account("acct_1BERLIN", Some(NO_ACCESS), [0, 30, 0, 0, 0, 0, 0, 200]),
            account("acct_1COLOGNE", None, [1, 0, 112, 16, 41, 0, 0, 600]),
        ],
        requests: Requests {
            sent: 33_700,
            retried: 41,
            rate_limited: 12,
        },
        running: true,
        speed: Some(Speed::measured(2_280, 600, 60, 857)),
        last_refusal: Some(LastRefusal {
            at: "2026-10-01T12:00:09Z".into(),
            legacy_id: "cust-4712".into(),
            step: StepKind::AttachConnectedPaymentMethod.name(),
            account: AccountId::parse("acct_1COLOGNE").ok(),
            reason: "card_declined".into(),
            message: "Your card was declined.".into(),
        }),
        reasons: vec![
            reason("card_declined", "Your card was declined.", 100),
            reason("cannot_be_cloned", "", 11),
            reason("a_code_of_next_year", "Something\u{1b}[31m new.", 1),
        ],
        ..empty()
    }
}

pub(crate) fn extras() -> Extras {
    Extras {
        in_doubt: vec![InDoubtRow {
            legacy_id: LegacyId::parse("cust-4711").unwrap(),
            step: StepKind::CreateConnectedCustomer,
            account: Some(AccountId::parse("acct_1COLOGNE").unwrap()),
            since: StripeTime(1_790_856_000),
            doubt: Doubt::Expired,
            seen: Vec::new(),
        }],
        in_doubt_steps: 21,
        unanswered_steps: 17,
        clones_left: 3,
        simulated: false,
        taken_back: false,
        state_file: "pmclone.db".into(),
    }
}

#[test]
fn the_json_object_is_exactly_the_documented_one() {
    let status = Status {
        accounts: vec![account("acct_1A", None, [0; 8])],
        ..empty()
    };
    let documented = concat!(
        r#"{"migration":"7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a","platform_account":"acct_1PLATFORM","livemode":false,"#,
        r#""customers":{"total":0,"pending":0,"in_progress":0,"migrated":0,"refused":0,"parked":0,"in_doubt":0,"undone":0,"partly_undone":0},"#,
        r#""payment_methods":{"total":0,"cloned":0},"#,
        r#""accounts":[{"id":"acct_1A","standing":"active","reason":null,"customers":0,"migrated":0,"refused":0,"parked":0,"undone":0,"partly_undone":0}],"#,
        r#""requests":{"sent":0,"retried":0,"rate_limited":0},"#,
        r#""running":false,"speed":null,"last_refusal":null,"reasons":[],"pace":null,"open_charges":0,"undo_unfinished":0,"taken_back":false,"undo_left":{"total":0,"source_cards":0},"stale":{"total":0,"automatically_updated":0,"updated":0,"detached":0,"first":[]},"listener":null,"purged_at":null}"#,
    );
    assert_eq!(serde_json::to_string(&status).unwrap(), documented);
}

#[test]
fn counts_are_named_in_json_as_standings_are() {
    let counts = Customers::counted([1, 2, 3, 4, 5, 6, 7, 8]);
    let json = serde_json::to_value(counts).unwrap();
    for standing in Standing::ALL {
        assert_eq!(json[standing.name()], counts.of(standing), "{standing:?}");
    }
    let ranks = Standing::ALL.map(|standing| counts.of(standing));
    assert_eq!(ranks, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(counts.total, 36);
}
