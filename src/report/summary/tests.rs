use super::*;
use crate::plan::{Plan, Rates, Work};
use crate::report::status::Customers;
use crate::report::status::tests::{empty, extras, troubled};
use crate::state::Standing;

fn ended<'a>(ending: &'a Ending, status: &'a Status, extras: &'a Extras) -> Summary<'a> {
    Summary {
        ending,
        status,
        extras,
        elapsed_ms: 723_400,
        requests_sent: 27_790,
    }
}

/// Customers in the order of [`Standing::ALL`].
fn with_customers(counts: [u64; 8]) -> Status {
    Status {
        customers: Customers::counted(counts),
        ..empty()
    }
}

fn only(which: Standing) -> Status {
    with_customers(Standing::ALL.map(|standing| u64::from(standing == which)))
}

fn all_migrated() -> Status {
    with_customers([0, 0, 0, 0, 0, 0, 0, 10])
}

fn without_trouble() -> Extras {
    Extras {
        state_file: "pmclone.db".into(),
        ..Extras::default()
    }
}

/// The summary with each part that `status` has too as its name alone: what such a part looks like is that one's test.
fn outline(summary: &Summary<'_>) -> String {
    let (status, extras, look) = (summary.status, summary.extras, Look::PLAIN);
    let parts = [
        ("counts", Some(sections::counts(status, look))),
        ("refused", sections::refused(&status.reasons, extras, look)),
        ("parked", sections::parked(&status.accounts, extras, look)),
        ("in doubt", sections::in_doubt(extras, look)),
    ];
    let mut text = summary.text(look);
    for (name, part) in parts {
        let Some(part) = part else { continue };
        assert!(text.contains(&part), "no {name} in\n{text}");
        text = text.replace(&part, &format!("[{name}]"));
    }
    text
}

#[test]
fn when_all_is_done_the_mapping_comes_next() {
    let (status, extras) = (all_migrated(), without_trouble());
    insta::assert_snapshot!(outline(&ended(&Ending::Finished, &status, &extras)), @r"
        All done
        27,790 requests in 0:12:03, 38.4 requests/s

        [counts]

        Mapping  pmclone export --state pmclone.db -o mapping.csv
        Next     Put the new ids from the mapping into your own database.
                 Subscriptions did not move: while both sides bill, people pay twice.
        ");
}

#[test]
fn when_something_is_wrong_each_kind_says_what_to_do() {
    let (status, extras) = (troubled(), extras());
    insta::assert_snapshot!(outline(&ended(&Ending::Interrupted, &status, &extras)), @r"
        Interrupted; everything is saved
        27,790 requests in 0:12:03, 38.4 requests/s

        [counts]

        [refused]

        [parked]

        [in doubt]

        Mapping  pmclone export --state pmclone.db -o mapping.csv
        Next     Go on where it stopped:
                 pmclone resume --state pmclone.db
                 See who was refused, and what to do for each:
                 pmclone refused --state pmclone.db
        ");
}

#[test]
fn what_stopped_a_run_is_said_first() {
    let why = "Stripe refused the key (401, req_1): it was revoked or is not complete.".to_owned();
    let ending = Ending::Stopped {
        exit: Exit::Key,
        why,
    };
    let extras = Extras {
        state_file: "my state.db".into(),
        ..Extras::default()
    };
    let status = with_customers([0, 0, 0, 0, 5, 0, 0, 0]);
    insta::assert_snapshot!(outline(&ended(&ending, &status, &extras)), @r"
        Stopped; everything is saved
          Stripe refused the key (401, req_1): it was revoked or is not complete.
        27,790 requests in 0:12:03, 38.4 requests/s

        [counts]

        Mapping  pmclone export --state 'my state.db' -o mapping.csv
        Next     Mend what stopped it, then go on:
                 pmclone resume --state 'my state.db'
        ");
}

#[test]
fn the_exit_code_follows_from_the_ending_and_what_is_left() {
    let stopped = Ending::Stopped {
        exit: Exit::StopLoss,
        why: String::new(),
    };
    let cases = [
        (Ending::Finished, all_migrated(), Exit::Done),
        (Ending::Finished, only(Standing::Refused), Exit::Incomplete),
        (Ending::Finished, only(Standing::Parked), Exit::Incomplete),
        (Ending::Finished, only(Standing::InDoubt), Exit::Incomplete),
        (Ending::Finished, only(Standing::Pending), Exit::Incomplete),
        (
            Ending::LimitReached,
            only(Standing::InProgress),
            Exit::Limit,
        ),
        (Ending::LimitReached, all_migrated(), Exit::Done),
        (
            Ending::LimitReached,
            only(Standing::Refused),
            Exit::Incomplete,
        ),
        (Ending::LimitReached, troubled(), Exit::Limit),
        (Ending::Interrupted, all_migrated(), Exit::Interrupted),
        (Ending::Terminated, all_migrated(), Exit::Terminated),
        (stopped, all_migrated(), Exit::StopLoss),
    ];
    for (ending, status, exit) in cases {
        assert_eq!(
            ending.exit(&status),
            exit,
            "{ending:?} {:?}",
            status.customers
        );
    }
}

#[test]
fn programs_get_one_object() {
    let rates = Rates {
        total: Some(20),
        endpoint: None,
        account: None,
        ..Rates::NONE
    };
    let plan = PlanJson::new(&Plan::new(Work::default(), rates), rates, rates);
    let status = Status {
        reasons: troubled().reasons,
        ..all_migrated()
    };
    let extras = extras();
    let summary =
        serde_json::to_value(ended(&Ending::Finished, &status, &extras).json(plan)).unwrap();
    let names: Vec<_> = summary
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let documented = [
        "ending",
        "why",
        "exit_code",
        "elapsed_ms",
        "requests_sent",
        "refused",
        "steps_in_doubt",
        "plan",
        "status",
    ];
    assert_eq!(names.len(), documented.len());
    assert!(
        documented.iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    assert_eq!(summary["exit_code"], 0);
    assert_eq!(summary["status"], serde_json::to_value(&status).unwrap());
    insta::assert_snapshot!(summary["refused"][0].to_string(), @r#"{"customers":100,"message":"Your card was declined.","reason":"card_declined","remedy":"The issuer said no. Ask the customer for another card, or try once more later: pmclone resume --retry-refused."}"#);
}

#[test]
fn a_rehearsals_ids_are_not_to_be_used() {
    let (status, extras) = (
        all_migrated(),
        Extras {
            simulated: true,
            ..without_trouble()
        },
    );
    let rehearsal = ended(&Ending::Finished, &status, &extras);
    insta::assert_snapshot!(rehearsal.next_steps(Look::PLAIN), @r"
    Mapping  pmclone export --state pmclone.db -o mapping.csv
    Next     That was a rehearsal, its ids are made up: now Stripe's test mode, with another state file.
    ");
}

#[test]
fn a_live_run_is_taken_up_again_as_a_live_one() {
    let (status, extras) = (
        Status {
            livemode: true,
            ..all_migrated()
        },
        without_trouble(),
    );
    let next = ended(&Ending::Interrupted, &status, &extras).next();
    let command = "pmclone resume --state pmclone.db --live --confirm ACCOUNT";
    assert_eq!(
        next,
        [(
            "Go on where it stopped:".to_owned(),
            Some(command.to_owned())
        )]
    );
}
