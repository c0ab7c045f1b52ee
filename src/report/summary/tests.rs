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

fn with_customers(count_of: impl FnMut(Standing) -> u64) -> Status {
    Status {
        customers: Customers::counted(count_of),
        ..empty()
    }
}

fn all_migrated() -> Status {
    with_customers(|standing| {
        if standing == Standing::Migrated {
            10
        } else {
            0
        }
    })
}

fn without_trouble() -> Extras {
    Extras {
        state_file: "pmclone.db".into(),
        ..Extras::default()
    }
}

#[test]
fn when_all_is_done_the_mapping_comes_next() {
    let (status, extras) = (all_migrated(), without_trouble());
    insta::assert_snapshot!(ended(&Ending::Finished, &status, &extras).text(Look::PLAIN), @"");
}

#[test]
fn when_something_is_wrong_each_kind_says_what_to_do() {
    let (status, extras) = (troubled(), extras());
    insta::assert_snapshot!(ended(&Ending::Interrupted, &status, &extras).text(Look::PLAIN), @"");
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
    let status = with_customers(|standing| if standing == Standing::Pending { 5 } else { 0 });
    insta::assert_snapshot!(ended(&ending, &status, &extras).text(Look::PLAIN), @"");
}

#[test]
fn the_exit_code_follows_from_the_ending_and_what_is_left() {
    let stopped = Ending::Stopped {
        exit: Exit::StopLoss,
        why: String::new(),
    };
    let only = |which: Standing| with_customers(move |standing| u64::from(standing == which));
    let cases = [
        (Ending::Finished, all_migrated(), Exit::Done),
        (Ending::Finished, only(Standing::Refused), Exit::Incomplete),
        (Ending::Finished, only(Standing::Parked), Exit::Incomplete),
        (Ending::Finished, only(Standing::InDoubt), Exit::Incomplete),
        (Ending::Finished, only(Standing::Pending), Exit::Limit),
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
    };
    let plan = PlanJson::new(&Plan::new(Work::default(), rates), rates);
    let (status, extras) = (all_migrated(), extras());
    let json = serde_json::to_string_pretty(&ended(&Ending::Finished, &status, &extras).json(plan));
    insta::assert_snapshot!(json.unwrap(), @"");
}
