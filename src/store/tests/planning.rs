//! What is left, as the plan and the status count it.

use super::*;

#[test]
fn a_customer_whose_visit_was_broken_off_with_a_step_in_doubt_is_counted_in_doubt() {
    let (_folder, path) = on_disk();
    let conn = create(&path).unwrap();
    let lines = [("a", "pm_1"), ("b", "pm_2"), ("c", "pm_3")];
    let line = |(legacy_id, source): &(&str, &str)| line(2, legacy_id, &[source], &["acct_1"]);
    import(&conn, lines.iter().map(line).collect());
    let loaded = all(open_readonly(&path).unwrap()).0;
    let events = [None, Some(Event::Doubt(Doubt::NoAnswer))];
    for (loaded, event) in loaded.iter().zip(events) {
        step_of(&conn, loaded, event);
        set_standing(&conn, loaded, Standing::InProgress);
    }
    // In doubt: one that was killed, one that drained while it waited to ask again. Pending: the third.
    let counts = |running| Counts::read(&conn, running).unwrap().customers;
    assert_eq!(counts(false), [2, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(counts(true), [0, 0, 0, 2, 1, 0, 0, 0]);
}

#[test]
fn the_plan_counts_what_the_step_machine_will_send() {
    let conn = temporary().unwrap();
    let mut adopted = line(7, "e", &["pm_7", "pm_8"], &["acct_1"]);
    adopted.platform_customer = Some(CustomerId::parse("cus_1").unwrap());
    import(
        &conn,
        vec![
            line(2, "a", &["pm_1"], &["acct_1"]),
            line(3, "b", &["pm_2", "pm_3"], &["acct_1", "acct_2"]),
            line(4, "c", &[], &["acct_2"]),
            line(5, "d", &["pm_4"], &["acct_1"]),
            line(6, "d", &["pm_5", "pm_6"], &["acct_3"]),
            adopted,
        ],
    );
    let work = work(&conn, &Selection::default()).unwrap();
    let (customers, loader) = all(conn);
    let mut sent = [0_u64; StepKind::COUNT];
    let mut looks = 0;
    for mut loaded in customers {
        loop {
            let step = match loaded.customer.next(StripeTime(1_000)) {
                Next::Send(step) => {
                    sent[StepKind::ALL
                        .iter()
                        .position(|kind| *kind == step.kind)
                        .unwrap()] += 1;
                    step
                }
                Next::Look(source) => {
                    looks += 1;
                    StepId {
                        kind: StepKind::AttachPlatformPaymentMethod,
                        target: None,
                        source: Some(source),
                    }
                }
                Next::SetAside(_) | Next::Expire(_) => panic!("nothing is refused or old here"),
                Next::Settled(review) => {
                    assert_eq!(review.customer, Standing::Migrated);
                    break;
                }
            };
            let object = match step.kind {
                StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
                    Object::Customer(CustomerId::parse("cus_x").unwrap())
                }
                StepKind::AttachPlatformPaymentMethod
                | StepKind::ClonePaymentMethod
                | StepKind::AttachConnectedPaymentMethod => {
                    Object::PaymentMethod(PaymentMethodId::parse("pm_x").unwrap())
                }
                _ => panic!("nothing was changed"),
            };
            loaded
                .customer
                .apply(step, Event::Succeed(object), None)
                .unwrap();
        }
    }
    assert_eq!(
        (work.customers, work.accounts, work.payment_methods),
        (5, 3, 8)
    );
    assert_eq!((work.writes, work.looks), (sent, looks));
    drop(loader);
}

#[test]
fn with_a_limit_the_plan_takes_the_customers_that_the_step_machine_has_work_for() {
    let conn = temporary().unwrap();
    let doubts = Doubt::ALL;
    let names: Vec<_> = doubts.iter().map(|doubt| doubt.name()).collect();
    let lines = (2..)
        .zip(names.iter().chain(&["free"]))
        .map(|(number, name)| line(number, name, &[&format!("pm_{name}")], &["acct_1"]));
    import(&conn, lines.collect());
    for (customer, doubt) in (1..).zip(doubts) {
        let step = StepId {
            kind: StepKind::CreatePlatformCustomer,
            target: None,
            source: Some(0),
        };
        let record = Record {
            try_no: 1,
            started_at: StripeTime(5),
            sent_at: StripeTime(6),
            digest: 0,
            state: StepState::InDoubt(doubt),
            request_id: None,
            seen: None,
        };
        let mut statement = conn.prepare_cached(codes::INSERT_STEP).unwrap();
        codes::write_step(&mut statement, customer, step, &record).unwrap();
        conn.execute(
            "UPDATE customer SET standing = ?2 WHERE seq = ?1",
            rusqlite::params![customer, Standing::InDoubt],
        )
        .unwrap();
    }
    let taken = |limit| {
        let selection = Selection {
            limit: Some(limit),
            accounts: Vec::new(),
            ..Selection::default()
        };
        work(&conn, &selection).unwrap().customers
    };
    // All but the one that a person has to choose for.
    let able = u64::try_from(doubts.len()).unwrap();
    assert_eq!(taken(u64::MAX), able);
    assert_eq!(taken(2), 2);
    conn.execute("UPDATE account SET parked = 'gone'", [])
        .unwrap();
    assert_eq!(taken(u64::MAX), able, "the platform's part can be done");
}
