//! Steps and outcomes are in the file before anybody rests on them, and details are gone from it in time.

use super::*;
use crate::ids::{IdempotencyKey, KeyMaterial};

#[test]
fn a_step_is_read_as_it_was_written_whatever_its_state() {
    let conn = temporary().unwrap();
    import(&conn, vec![line(2, "a", &["pm_1"], &["acct_1"])]);
    let refusal = Refusal {
        reach: Reach::Source,
        status: 402,
        reason: "card_declined".into(),
        message: "No.".into(),
    };
    let mut states = vec![
        StepState::Ready,
        StepState::Started,
        StepState::Done(Object::Customer(CustomerId::parse("cus_1").unwrap())),
        StepState::Done(Object::PaymentMethod(
            PaymentMethodId::parse("card_1").unwrap(),
        )),
        StepState::Done(Object::HeldBy(CustomerId::parse("cus_2").unwrap())),
        StepState::Refused(refusal),
    ];
    states.extend(Doubt::ALL.map(StepState::InDoubt));
    let mut written = std::collections::BTreeMap::new();
    for (source, state) in (0_u32..).zip(states) {
        let target = (source % 2 == 0).then_some(source);
        let step = StepId {
            kind: StepKind::ALL[usize::try_from(source % 5).unwrap()],
            target,
            source: Some(source),
        };
        let request_id = crate::ids::RequestId::parse("req_1");
        let record = Record {
            try_no: source + 1,
            started_at: StripeTime(5),
            sent_at: StripeTime(6),
            digest: -9,
            state,
            request_id,
            seen: (source % 3 == 0).then(|| crate::state::Seen {
                reading: crate::state::Reading::at(StripeTime(7)),
                customers: vec![
                    CustomerId::parse("cus_1").unwrap(),
                    CustomerId::parse("cus_2").unwrap(),
                ],
            }),
        };
        let mut statement = conn.prepare_cached(codes::INSERT_STEP).unwrap();
        codes::write_step(&mut statement, 1, step, &record).unwrap();
        written.insert(step, record);
    }
    assert_eq!(all(conn).0[0].customer.steps, written);
}

fn a_key() -> IdempotencyKey {
    IdempotencyKey::derive(&KeyMaterial {
        livemode: false,
        platform_account: &AccountId::parse("acct_1").unwrap(),
        migration: MigrationId(uuid::Uuid::nil()),
        legacy_id: &LegacyId::parse("a").unwrap(),
        step: "create_platform_customer",
        connected_account: None,
        source: None,
        try_no: 1,
    })
}

#[tokio::test]
async fn a_started_step_is_in_the_file_before_its_proof_is_given_out() {
    let (_folder, path) = on_disk();
    let conn = create(&path).unwrap();
    import(&conn, vec![line(2, "a", &["pm_1"], &["acct_1"])]);
    let (store, writer) = Store::spawn(conn).unwrap();
    let mut loaded = all(open_readonly(&path).unwrap()).0.remove(0);
    let Next::Send(step) = loaded.customer.next(StripeTime(1_000)) else {
        panic!("nothing to send")
    };
    let mut changes = Changes::of(loaded.seq);
    let record = loaded
        .customer
        .apply(
            step,
            Event::Start {
                at: StripeTime(1_000),
                digest: 7,
            },
            None,
        )
        .unwrap();
    changes.step(step, record.clone());
    changes.in_progress();
    let started = store.start(changes, a_key()).await.unwrap();
    assert_eq!(
        (started.key(), started.started_at()),
        (a_key(), StripeTime(1_000))
    );
    let seen = all(open_readonly(&path).unwrap()).0.remove(0);
    assert_eq!(
        (seen.customer.steps.get(&step), seen.standing),
        (Some(&record), Standing::InProgress)
    );

    let nothing = Changes::of(loaded.seq);
    assert!(
        store.start(nothing, a_key()).await.is_err(),
        "no proof without an intent"
    );
    drop(store);
    writer.join().unwrap().unwrap();
}

#[tokio::test]
async fn contact_details_are_gone_from_the_file_once_a_customer_is_migrated() {
    let (_folder, path) = on_disk();
    let conn = create(&path).unwrap();
    let secret = "unmistakable-zzqx";
    import(
        &conn,
        vec![
            line(2, secret, &["pm_1"], &["acct_1"]),
            line(3, "kept", &["pm_2"], &["acct_1"]),
        ],
    );
    let loaded = all(open_readonly(&path).unwrap()).0.remove(0);
    let (store, writer) = Store::spawn(conn).unwrap();
    let mut changes = Changes::of(loaded.seq);
    changes.settle(Review {
        customer: Standing::Migrated,
        targets: vec![Standing::Migrated],
    });
    store.commit(changes).await.unwrap();
    drop(store);
    writer.join().unwrap().unwrap();
    let holds = |text: &str| {
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        files.flatten().any(|file| {
            let bytes = std::fs::read(file.path()).unwrap();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    };
    assert!(
        !holds("unmistakable-zzqx@example.com"),
        "its e-mail is still in the file"
    );
    assert!(holds("kept@example.com"), "this one is not migrated yet");
}

#[test]
fn what_an_undo_left_in_doubt_is_left_for_that_no_more_once_nothing_is_in_doubt_there() {
    let conn = temporary().unwrap();
    import(&conn, vec![line(2, "a", &["pm_1"], &["acct_1"])]);
    let write = |kind, target, state| {
        let step = StepId {
            kind,
            target,
            source: Some(0),
        };
        let record = Record {
            try_no: 1,
            started_at: StripeTime(5),
            sent_at: StripeTime(6),
            digest: 7,
            state,
            request_id: None,
            seen: None,
        };
        let mut changes = Changes::of(CustomerSeq(1));
        changes.step(step, record);
        writer::write_changes(&conn, &changes).unwrap();
    };
    let left = || -> Vec<_> {
        let left = undo_left(&conn, CustomerSeq(1)).unwrap();
        left.into_iter().map(|(target, ..)| target).collect()
    };
    let doubt = || StepState::InDoubt(Doubt::NoAnswer);
    write(StepKind::CreatePlatformCustomer, None, doubt());
    for kind in [
        StepKind::ClonePaymentMethod,
        StepKind::CreateConnectedCustomer,
        StepKind::SetDefault,
    ] {
        write(kind, Some(0), doubt());
    }
    for target in [None, Some(0)] {
        let mut changes = Changes::of(CustomerSeq(1));
        changes.undo_left(target, crate::undo::Why::in_doubt());
        writer::write_changes(&conn, &changes).unwrap();
    }
    assert_eq!(left(), [None, Some(0)]);
    write(StepKind::CreateConnectedCustomer, Some(0), StepState::Ready);
    assert_eq!(left(), [None, Some(0)]);
    // Whether there is a clone cannot be known, and keeps nothing.
    write(StepKind::SetDefault, Some(0), StepState::Ready);
    assert_eq!(left(), [None]);
    // No undo comes to a customer that nothing was made of.
    write(StepKind::CreatePlatformCustomer, None, StepState::Ready);
    assert_eq!(left(), []);
}
