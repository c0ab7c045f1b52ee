//! Any customers, any faults, any concurrency, a kill at any request and any time until the next run: what stands in the end
//! is what was asked for. A failure is made small before it is told. `PROPTEST_CASES=1000` tries so many others.

use anyhow::Context;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestCaseError, TestRng, TestRunner};

use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Result, Simulator, Standing, World, until};

/// What is tried.
#[derive(Debug, Clone)]
struct Case {
    csv: String,
    faults: String,
    concurrency: usize,
    /// The request at which the first run is killed, and the hours until the next.
    kill: Option<(u64, u32)>,
}

/// What a source's id begins with: each means another fate on the simulator.
const SOURCES: [&str; 8] = [
    "pm_1",
    "pm_1",
    "pm_1",
    "pm_sepa_1",
    "pm_declined_1",
    "pm_declinedthere_1",
    "pm_attached_1",
    "pm_missing_1",
];
const ACCOUNTS: [&str; 3] = ["acct_1First", "acct_1Second", "acct_revoked_1Third"];
const FAULTS: [&str; 11] = [
    "lost-before",
    "lost-after",
    "half",
    "delay 20",
    "limit endpoint-rate",
    "lock",
    "conflict",
    "error 503",
    "error 500 done",
    "error 500 stored",
    "error 500 stored done",
];
const ENDPOINTS: [&str; 4] = [
    "",
    " on POST /v1/customers",
    " on POST /v1/payment_methods",
    " on POST /v1/payment_methods/*/attach",
];

fn csv() -> impl Strategy<Value = String> {
    let sources = prop::collection::vec(select(&SOURCES[..]), 0..4);
    let accounts = subsequence(&ACCOUNTS[..], 1..=3);
    // A customer's lines are gathered wherever they stand, so some have two.
    let customer = (sources, accounts, any::<bool>());
    prop::collection::vec(customer, 1..12).prop_map(|customers| {
        let mut first = "legacy_id,email,payment_method,connected_account\n".to_owned();
        let mut second = String::new();
        // As many again that are there, so that the CSV passes for this platform's.
        let known = |number: usize| format!("known{number},,pm_1Known{number},acct_1First\n");
        second += &(0..customers.len()).map(known).collect::<String>();
        for (number, (sources, accounts, apart)) in customers.into_iter().enumerate() {
            let named = |(at, prefix): (usize, &&str)| format!("{prefix}C{number}x{at}");
            let sources: Vec<_> = sources.iter().enumerate().map(named).collect();
            let half = if apart {
                sources.len() / 2
            } else {
                sources.len()
            };
            let line = |sources: &[String]| {
                let (sources, accounts) = (sources.join(";"), accounts.join(";"));
                format!("c{number},c{number}@example.com,{sources},{accounts}\n")
            };
            first += &line(&sources[..half]);
            if half < sources.len() {
                second += &line(&sources[half..]);
            }
        }
        first + &second
    })
}

fn faults() -> impl Strategy<Value = String> {
    let when = prop_oneof![
        (1..30_u32).prop_map(|number| format!("nth {number}")),
        (1..8_u32).prop_map(|percent| format!("chance 0.0{percent}")),
    ];
    let rule = (when, select(&ENDPOINTS[..]), select(&FAULTS[..]));
    let rules = prop::collection::vec(rule, 0..5);
    (any::<u16>(), rules).prop_map(|(seed, rules)| {
        let lines = rules
            .into_iter()
            .map(|(when, endpoint, what)| format!("{when}{endpoint} {what}\n"));
        format!("seed {seed}\n") + &lines.collect::<String>()
    })
}

fn case() -> impl Strategy<Value = Case> {
    let kill = prop::option::of((2..80_u64, select(&[0, 1, 25][..])));
    (csv(), faults(), 1..40_usize, kill).prop_map(|(csv, faults, concurrency, kill)| Case {
        csv,
        faults,
        concurrency,
        kill,
    })
}

/// What nobody has come to the end of, or does not know.
fn is_open(place: &Place) -> Result<bool> {
    let status = place.status(&[])?;
    let left =
        ["pending", "in_progress", "in_doubt"].map(|standing| &status["customers"][standing]);
    Ok(left.iter().any(|count| **count != 0))
}

fn holds(case: &Case) -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", &case.csv)?;
    let mut asked = Asked::of_text(&case.csv)?;
    let simulator = Simulator::on_demand(&place)?;
    simulator.faults(&case.faults)?;
    let concurrency = case.concurrency.to_string();
    let arguments = ["run", "c.csv", "--concurrency", concurrency.as_str()];
    if let Some((requests, hours)) = case.kill {
        let mut run = place.start_against(&simulator, &arguments)?;
        until("the request to kill at", || {
            Ok(!run.is_on()? || simulator.requests()? >= requests)
        })?;
        if run.is_on()? {
            run.signal("KILL")?;
        }
        run.wait()?;
        World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
        simulator.advance_hours(hours)?;
    }
    let ended = place.against(&simulator, &arguments)?;
    anyhow::ensure!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    simulator.faults("")?;
    // What got no answer on an account that is revoked then is in doubt until the account can be read.
    asked.restored = true;
    if simulator
        .get("/_sim/payment_methods?account=acct_revoked_1Third")
        .is_ok()
    {
        simulator.post("/_sim/accounts/acct_revoked_1Third/restore", "")?;
    }
    let mut ended = place.against(&simulator, &arguments)?;
    if is_open(&place)? {
        // What was sent last may yet come to be until an hour is over.
        simulator.advance_hours(2)?;
        ended = place.against(&simulator, &arguments)?;
    }
    let all = asked.customers_standing(Standing::Migrated);
    let code = if usize::try_from(all)? == asked.customers.len() {
        0
    } else {
        3
    };
    ended.with(code)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])?;
    the_mapping_agrees_with_the_status(&place)
}

/// `cargo test --features without-intents without_intents`: a client that random cases must catch.
#[cfg(feature = "without-intents")]
#[test]
fn a_client_without_intents_is_caught_by_random_cases() {
    const CASES: u32 = 200;
    let config = Config {
        cases: CASES,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let seeded = TestRng::deterministic_rng(config.rng_algorithm);
    let caught = TestRunner::new_with_rng(config, seeded).run(&case(), |case| {
        let twice = |error: &anyhow::Error| format!("{error:#}").contains(" Customers on ");
        match holds(&case) {
            Err(error) if twice(&error) => Err(TestCaseError::fail("something was made twice")),
            Ok(()) | Err(_) => Ok(()),
        }
    });
    assert!(caught.is_err(), "{CASES} cases saw nothing made twice");
}

#[cfg_attr(
    feature = "without-intents",
    ignore = "of a client that keeps its intents"
)]
#[test]
fn whatever_is_asked_for_and_whatever_goes_wrong_it_is_there_once_in_the_end() -> Result<()> {
    let standard = Config::default();
    let told = std::env::vars().any(|(name, _)| name == "PROPTEST_CASES");
    let config = Config {
        cases: if told { standard.cases } else { 4 },
        max_shrink_iters: 200,
        failure_persistence: None,
        ..standard
    };
    let failed = |error: anyhow::Error| TestCaseError::fail(format!("{error:#}"));
    // The few are always the same ones; more are always others.
    let mut runner = if told {
        TestRunner::new(config)
    } else {
        let seeded = TestRng::deterministic_rng(config.rng_algorithm);
        TestRunner::new_with_rng(config, seeded)
    };
    runner
        .run(&case(), |case| holds(&case).map_err(failed))
        .context("see the smallest case that fails")
}
