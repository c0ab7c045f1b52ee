//! The state file, on real SQLite in temporary folders.

use rusqlite::Connection;

use super::*;
use crate::ids::{
    AccountId, CustomerId, IdempotencyKey, KeyMaterial, LegacyId, MigrationId, PaymentMethodId,
};
use crate::input::{ProblemKind, Problems};
use crate::legacy::{Details, Line};
use crate::state::{
    Doubt, Event, Next, Object, Reach, Record, Refusal, Review, Standing, StepId, StepKind,
    StepState,
};
use crate::stripe::STRIPE_VERSION;
use crate::time::StripeTime;

fn line(number: u64, legacy_id: &str, sources: &[&str], accounts: &[&str]) -> Line {
    Line {
        number,
        legacy_id: LegacyId::parse(legacy_id).unwrap(),
        details: Details {
            email: Some(format!("{legacy_id}@example.com")),
            ..Details::default()
        },
        platform_customer: None,
        payment_methods: sources
            .iter()
            .map(|id| PaymentMethodId::parse(id).unwrap())
            .collect(),
        default_payment_method: None,
        connected_accounts: accounts
            .iter()
            .map(|id| AccountId::parse(id).unwrap())
            .collect(),
    }
}

fn import(conn: &Connection, lines: Vec<Line>) -> (Problems, Option<Imported>) {
    let mut gathering = Gathering::new(0);
    let mut importer = Importer::begin(conn).unwrap();
    for line in lines {
        if let Some(named) = gathering.add(line).unwrap() {
            importer.take(named).unwrap();
        }
    }
    let (last, read) = gathering.finish().unwrap();
    if let Some(named) = last {
        importer.take(named).unwrap();
    }
    importer.finish(read, |_| Ok(())).unwrap()
}

fn all(conn: Connection) -> (Vec<Loaded>, Loader) {
    let loader = Loader::new(conn).unwrap();
    (
        loader.page_of_all(CustomerSeq::default(), 1000).unwrap(),
        loader,
    )
}

fn kinds(problems: &Problems) -> Vec<ProblemKind> {
    problems.counts().map(|(kind, _)| kind).collect()
}

fn on_disk() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    (folder, path)
}

#[test]
fn lines_of_one_customer_are_gathered_wherever_they_stand() {
    let together = temporary().unwrap();
    let apart = temporary().unwrap();
    let lines = || {
        vec![
            line(2, "a", &["pm_1"], &["acct_1"]),
            line(3, "a", &["pm_2"], &["acct_1", "acct_2"]),
            line(4, "b", &["pm_3"], &["acct_2"]),
        ]
    };
    import(&together, lines());
    let mut scattered = lines();
    scattered.swap(1, 2);
    import(&apart, scattered);
    let (together, apart) = (all(together).0, all(apart).0);
    assert_eq!(together.len(), 2);
    for (one, other) in together.iter().zip(&apart) {
        assert_eq!(one.customer, other.customer);
    }
    let a = &together[0].customer;
    assert_eq!(a.sources.len(), 2);
    assert_eq!(
        a.targets[0].sources,
        [0, 1],
        "both lines name the first account"
    );
    assert_eq!(
        a.targets[1].sources,
        [1],
        "each line asks for its sources on its accounts"
    );
}

#[test]
fn what_two_lines_of_a_customer_disagree_on_is_a_problem_and_nothing_is_kept() {
    for apart in [false, true] {
        let conn = temporary().unwrap();
        let mut other = line(3, "a", &["pm_2"], &["acct_1"]);
        other.details.email = Some("else@example.com".to_owned());
        let mut lines = vec![line(2, "a", &["pm_1"], &["acct_1"])];
        if apart {
            lines.push(line(9, "b", &[], &[]));
        }
        lines.push(other);
        let (problems, imported) = import(&conn, lines);
        assert_eq!(kinds(&problems), [ProblemKind::ConflictingDetails]);
        assert_eq!(
            (problems.by_line()[0].line, problems.by_line()[0].other_line),
            (3, Some(2))
        );
        assert!(imported.is_none());
        assert!(all(conn).0.is_empty(), "all or nothing");
    }
}

#[test]
fn a_default_may_be_named_before_its_source_and_must_be_among_them_in_the_end() {
    let conn = temporary().unwrap();
    let named = |id: &str| Some(PaymentMethodId::parse(id).unwrap());
    let mut early = line(2, "a", &["pm_1"], &["acct_1"]);
    early.default_payment_method = named("pm_2");
    let mut lost = line(5, "c", &["pm_9"], &["acct_1"]);
    lost.default_payment_method = named("pm_8");
    let (problems, _) = import(
        &conn,
        vec![
            early.clone(),
            line(3, "b", &[], &[]),
            line(4, "a", &["pm_2"], &["acct_1"]),
            lost,
        ],
    );
    assert_eq!(kinds(&problems), [ProblemKind::DefaultNotAmongSources]);
    assert_eq!(problems.by_line()[0].line, 5);
    let conn = temporary().unwrap();
    import(&conn, vec![early, line(4, "a", &["pm_2"], &["acct_1"])]);
    assert_eq!(all(conn).0[0].customer.default, 1);
}

#[test]
fn one_payment_method_or_platform_customer_for_two_customers_is_a_problem() {
    let conn = temporary().unwrap();
    let adopts = |number, legacy_id: &str, source: &str| Line {
        platform_customer: Some(CustomerId::parse("cus_1").unwrap()),
        ..line(number, legacy_id, &[source], &["acct_1"])
    };
    let (problems, _) = import(
        &conn,
        vec![
            line(2, "a", &["pm_1"], &["acct_1"]),
            line(3, "b", &["pm_1"], &["acct_2"]),
            adopts(4, "c", "pm_4"),
            adopts(5, "d", "pm_5"),
        ],
    );
    assert_eq!(
        kinds(&problems),
        [
            ProblemKind::PaymentMethodOfTwoCustomers,
            ProblemKind::PlatformCustomerOfTwoCustomers
        ]
    );
}

#[test]
fn a_newer_csv_that_renames_a_customer_is_refused_since_its_cards_would_be_cloned_twice() {
    let adopts = |number, legacy_id: &str, source: &str| Line {
        platform_customer: Some(CustomerId::parse("cus_1").unwrap()),
        ..line(number, legacy_id, &[source], &["acct_1"])
    };
    let conn = temporary().unwrap();
    import(&conn, vec![adopts(2, "42", "pm_1")]);
    let second = vec![
        line(2, "C42", &["pm_1"], &["acct_1"]),
        adopts(3, "C43", "pm_2"),
    ];
    let (problems, imported) = import(&conn, second);
    assert_eq!(
        kinds(&problems),
        [
            ProblemKind::PaymentMethodOfTwoCustomers,
            ProblemKind::PlatformCustomerOfTwoCustomers
        ]
    );
    assert_eq!(imported, None);
    assert_eq!(all(conn).0.len(), 1, "nothing was taken over");
}

#[test]
fn a_newer_csv_may_give_a_card_to_another_customer_before_anything_was_started() {
    let conn = temporary().unwrap();
    import(&conn, vec![line(2, "a", &["pm_1"], &["acct_1"])]);
    let second = vec![
        line(2, "a", &["pm_2"], &["acct_1"]),
        line(3, "b", &["pm_1"], &["acct_1"]),
    ];
    let (problems, imported) = import(&conn, second);
    assert_eq!(problems.errors(), 0);
    assert_eq!(imported.unwrap().customers, 2);
}

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
    assert_eq!(counts(false), [2, 0, 0, 0, 1, 0]);
    assert_eq!(counts(true), [0, 0, 0, 2, 1, 0]);
}

/// Writes, as a run would, that a step of the customer was started and what came of it.
fn step_of(conn: &Connection, loaded: &Loaded, event: Option<Event>) -> StepId {
    let step = StepId {
        kind: StepKind::CreatePlatformCustomer,
        target: None,
        source: Some(0),
    };
    let mut record = Record::after(
        None,
        Event::Start {
            at: StripeTime(1_000),
            digest: 7,
        },
        None,
    )
    .unwrap();
    if let Some(event) = event {
        record = Record::after(Some(&record), event, None).unwrap();
    }
    let mut statement = conn.prepare_cached(codes::INSERT_STEP).unwrap();
    codes::write_step(&mut statement, loaded.seq.0, step, &record).unwrap();
    step
}

fn set_standing(conn: &Connection, loaded: &Loaded, standing: Standing) {
    conn.execute(
        "UPDATE customer SET standing = ?2 WHERE seq = ?1",
        rusqlite::params![loaded.seq.0, standing],
    )
    .unwrap();
}

#[test]
fn a_newer_csv_adds_what_is_new_and_changes_only_what_no_request_in_flight_rests_on() {
    let (_folder, path) = on_disk();
    let conn = create(&path).unwrap();
    let first: Vec<Line> = ["same", "fresh", "flying", "refused", "moved", "gone"]
        .iter()
        .zip(2..)
        .map(|(legacy_id, number)| line(number, legacy_id, &[&format!("pm_{number}")], &["acct_1"]))
        .collect();
    import(&conn, first.clone());
    let loaded = all(open_readonly(&path).unwrap()).0;
    step_of(&conn, &loaded[2], None);
    set_standing(&conn, &loaded[2], Standing::InProgress);
    let no = Refusal {
        reach: Reach::Customer,
        status: 400,
        reason: "email_invalid".into(),
        message: String::new(),
    };
    step_of(&conn, &loaded[3], Some(Event::Refuse(no)));
    set_standing(&conn, &loaded[3], Standing::Refused);
    set_standing(&conn, &loaded[4], Standing::Migrated);

    let changed = |line: &Line| Line {
        details: Details {
            email: Some("new@example.com".to_owned()),
            ..Details::default()
        },
        ..line.clone()
    };
    let mut second = vec![first[0].clone()];
    second.extend(first[1..5].iter().map(changed));
    second.push(line(99, "new", &["pm_99"], &["acct_9"]));
    let (problems, imported) = import(&conn, second);
    assert_eq!(problems.errors(), 0);
    let imported = imported.unwrap();
    assert_eq!(
        (
            imported.added,
            imported.unchanged,
            imported.updated,
            imported.kept_count,
            imported.absent
        ),
        (1, 1, 2, 2, 1)
    );
    assert_eq!(
        imported.kept,
        [4, 6],
        "the lines of the customers that were left as they were"
    );
    let emails: Vec<String> = {
        let mut statement = conn
            .prepare("SELECT details FROM customer ORDER BY seq")
            .unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let is_new: Vec<bool> = emails.iter().map(|json| json.contains("new@")).collect();
    assert_eq!(is_new, [false, true, false, true, false, false, true]);
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
    let mut sent = [0_u64; 5];
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
                at: StripeTime(7),
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
fn files_that_are_not_ours_or_too_new_are_told_and_left_as_they_are() {
    let (folder, path) = on_disk();
    std::fs::write(&path, "legacy_id,email\n1,a@example.com\n".repeat(200)).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open_existing(&path), Err(StoreError::NotOurs)));
    assert!(matches!(open_readonly(&path), Err(StoreError::NotOurs)));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let theirs = folder.path().join("theirs.db");
    Connection::open(&theirs)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(matches!(open_existing(&theirs), Err(StoreError::NotOurs)));

    let newer = folder.path().join("newer.db");
    create(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(
        open_existing(&newer),
        Err(StoreError::Version { found: 99 })
    ));
    assert!(matches!(
        open_readonly(&newer),
        Err(StoreError::Version { found: 99 })
    ));

    assert!(matches!(
        open_existing(&folder.path().join("none.db")),
        Err(StoreError::Missing)
    ));
}

#[cfg(unix)]
#[test]
fn the_state_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = on_disk();
    drop(create(&path).unwrap());
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_run_waits_out_those_who_only_look_whether_one_is_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("state.db");
    drop(RunLock::take(&path).unwrap());
    let looking = std::fs::File::open(place.path().join("state.db.lock")).unwrap();
    looking.try_lock_shared().unwrap();
    let mut looking = Some(looking);
    RunLock::take_between(&path, || drop(looking.take())).unwrap();
}

#[test]
fn one_runner_holds_the_lock_and_readers_see_it() {
    let (_folder, path) = on_disk();
    assert!(!RunLock::is_held(&path));
    let held = RunLock::take(&path).unwrap();
    assert!(matches!(RunLock::take(&path), Err(StoreError::Busy)));
    assert!(RunLock::is_held(&path));
    drop(held);
    assert!(!RunLock::is_held(&path));
    RunLock::take(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_state_file_has_one_lock_whatever_link_leads_to_it() {
    let (folder, path) = on_disk();
    drop(create(&path).unwrap());
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let held = RunLock::take(&path).unwrap();
    assert!(matches!(RunLock::take(&link), Err(StoreError::Busy)));
    assert!(RunLock::is_held(&link));
    drop(held);
}

#[test]
fn the_migration_row_is_read_as_it_was_written() {
    let (_folder, path) = on_disk();
    let conn = create(&path).unwrap();
    assert_eq!(Migration::read(&conn).unwrap(), None);
    let migration = Migration {
        id: MigrationId::draw(),
        platform_account: AccountId::parse("acct_1").unwrap(),
        livemode: true,
        simulated: false,
    };
    migration.write(&conn, STRIPE_VERSION).unwrap();
    assert_eq!(Migration::read(&conn).unwrap(), Some(migration));
}
