//! A CSV is taken in: gathered, checked as a whole, and taken over where the state holds something already.

use super::*;
use crate::input::ProblemKind;

fn kinds(problems: &Problems) -> Vec<ProblemKind> {
    problems.counts().map(|(kind, _)| kind).collect()
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
    step_of(
        &conn,
        &loaded[4],
        Some(Event::Succeed(Object::Customer(
            CustomerId::parse("cus_moved").unwrap(),
        ))),
    );
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
        (1, 1, 2, 1, 1)
    );
    assert_eq!(
        imported.kept,
        [4],
        "the lines of the customers that were left as they were"
    );
    assert_eq!(
        imported.update_left, 1,
        "the platform Customer that is there keeps its contact details"
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
    assert_eq!(is_new, [false, true, false, true, true, false, true]);
}
