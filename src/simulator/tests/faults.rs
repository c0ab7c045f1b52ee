//! The fault script, and what the engine makes of it.

use super::{Ask, Bench, SHOP, get, post, settings};
use crate::simulator::{Answered, FaultScript, Settings};

fn scripted(script: &str) -> Bench {
    let faults = Some(FaultScript::parse(script).unwrap());
    Bench::with(Settings {
        faults,
        sources_on_demand: true,
        ..settings()
    })
}

fn create() -> Ask {
    post("/v1/customers", "name=A").key("k")
}

fn customers(bench: &mut Bench) -> usize {
    bench
        .control("GET", "/_sim/customers", "")
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn every_fault_does_to_answer_and_world_what_the_table_says() {
    // (fault, status that the client sees, objects made, is the resend a replay, its status)
    let table = [
        ("lost-before", None, 0, false, 200),
        ("lost-after", None, 1, true, 200),
        ("limit", Some(429), 0, false, 200),
        ("limit endpoint-rate", Some(429), 0, false, 200),
        ("lock", Some(429), 0, false, 200),
        ("conflict", Some(409), 0, false, 200),
        ("error 503", Some(503), 0, false, 200),
        ("error 502 done", Some(502), 1, true, 200),
        ("error 500 stored", Some(500), 0, true, 500),
        ("error 500 stored done", Some(500), 1, true, 500),
        ("delay 1", Some(200), 1, true, 200),
        ("revoke acct_other", Some(200), 1, true, 200),
    ];
    for (fault, status, made, replayed, resent) in table {
        let mut bench = scripted(&format!("at 1 {fault}"));
        let seen = match bench.deliver(&create()).answer {
            Answered::Whole(response) => Some(response.status),
            Answered::Half(_) => panic!("half"),
            Answered::Nothing => None,
        };
        assert_eq!((seen, customers(&mut bench)), (status, made), "{fault}");
        bench.wall_ms += 1000;
        let again = bench.send(&create());
        assert_eq!(
            (again.response.replayed, again.status),
            (replayed, resent),
            "{fault}"
        );
        assert!(customers(&mut bench) <= 1, "{fault}");
    }
}

#[test]
fn half_an_answer_is_cut_after_the_work_was_done() {
    let mut bench = scripted("at 1 half");
    assert!(matches!(bench.deliver(&create()).answer, Answered::Half(_)));
    assert!(bench.send(&create()).response.replayed);
}

#[test]
fn the_limiters_answer_names_its_reason_and_a_lock_asks_for_a_retry() {
    let mut bench = scripted(
        "at 1 limit\nat 2 limit endpoint-concurrency\nat 3 limit none\nat 4 lock\nat 5 error 500",
    );
    let mut look = |name: &str| bench.send(&create()).response.header(name);
    assert_eq!(
        look("stripe-rate-limited-reason").as_deref(),
        Some("global-rate")
    );
    assert_eq!(
        look("stripe-rate-limited-reason").as_deref(),
        Some("endpoint-concurrency")
    );
    assert_eq!(look("stripe-rate-limited-reason"), None);
    assert_eq!(look("stripe-should-retry").as_deref(), Some("true"));
    assert_eq!(look("stripe-should-retry"), None);
}

#[test]
fn access_is_taken_in_the_middle_of_a_run() {
    let mut bench = scripted(&format!("at 2 revoke {SHOP}\nat 4 restore {SHOP}"));
    let statuses: Vec<u16> = (0..4)
        .map(|_| bench.send(&post("/v1/customers", "").on(SHOP)).status)
        .collect();
    assert_eq!(statuses, [200, 403, 403, 200]);
}

#[test]
fn rules_select_by_number_endpoint_and_account() {
    let script = "nth 2 on POST /v1/payment_methods/*/attach error 503\n\
                  every 5 delay 7\n\
                  at 1..2 on GET /v1/customers account acct_1 error 500 # comment";
    let mut bench = scripted(script);
    let attach = |n: u32| {
        post(
            &format!("/v1/payment_methods/pm_{n}/attach"),
            "customer=cus_1",
        )
    };
    let listed = get("/v1/customers").on("acct_1");
    assert_eq!(bench.send(&listed).status, 500);
    assert_eq!(bench.send(&get("/v1/customers")).status, 200);
    assert_eq!(bench.send(&listed).status, 200);
    let statuses: Vec<u16> = (1..=3).map(|n| bench.send(&attach(n)).status).collect();
    assert_eq!(statuses, [200, 503, 200]);
    let delays: Vec<u64> = (7..=10)
        .map(|_| bench.deliver(&get("/v1/customers")).after_ms)
        .collect();
    assert_eq!(delays, [0, 0, 0, 7]);
}

#[test]
fn chances_are_the_same_for_the_same_seed_and_near_what_was_asked() {
    let run = |seed: u64| -> Vec<u16> {
        let mut bench = scripted(&format!("seed {seed}\nchance 0.25 error 503"));
        (0..400)
            .map(|_| bench.send(&get("/v1/customers")).status)
            .collect()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let failed = run(1).iter().filter(|status| **status == 503).count();
    assert!((60..140).contains(&failed), "{failed} of 400");
}

#[test]
fn a_bad_script_is_refused_with_its_line() {
    for (script, line) in [
        ("at 1 lost-after\nsometimes 3 half", 2),
        ("at x half", 1),
        ("at 0 half", 1),
        ("at 5..2 half", 1),
        ("every 0 half", 1),
        ("nth 0 half", 1),
        ("chance 1.5 half", 1),
        ("\n\nat 1 explode", 3),
        ("at 1", 1),
        ("at 1 error 404", 1),
        ("at 1 error 500 done stored", 1),
        ("at 1 limit nonsense", 1),
        ("at 1 on FETCH /v1/customers half", 1),
        ("at 1 on POST customers half", 1),
        ("at 1 on POST", 1),
        ("seed x", 1),
    ] {
        let error = FaultScript::parse(script).unwrap_err();
        assert_eq!(error.line, line, "{script}: {error}");
    }
}

#[test]
fn the_script_can_be_replaced_while_it_runs() {
    let mut bench = scripted("every 1 error 503");
    assert_eq!(bench.send(&get("/v1/customers")).status, 503);
    bench.control("POST", "/_sim/faults", "");
    assert_eq!(bench.send(&get("/v1/customers")).status, 200);
}
