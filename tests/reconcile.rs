//! What is in doubt is settled by reading: nothing is lost, nothing is made twice, and a failed look-up is no answer.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::set_up::{clean, in_doubt, sent};
use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Result, Simulator, World};

/// Requests by method and path, those of `method` alone.
fn calls(simulator: &Simulator, method: &str) -> Result<BTreeMap<String, u64>> {
    let mut calls = BTreeMap::new();
    for line in simulator.transcript()? {
        if line["method"] == method {
            let path = line["path"].as_str().unwrap_or_default();
            *calls.entry(path.to_owned()).or_default() += 1;
        }
    }
    Ok(calls)
}

fn holds_all(place: &Place, simulator: &Simulator, asked: &Asked) -> Result<()> {
    let world = World::of(simulator, asked)?;
    world.holds_all_of(asked)?;
    world.is_told_by(place, asked, &[])?;
    the_mapping_agrees_with_the_status(place)
}

#[test]
fn a_day_after_a_kill_what_was_under_way_is_looked_for_and_nothing_is_made_twice() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 40)?;
    place.put("c.csv", clean(40))?;
    let asked = Asked::of_text(&clean(40))?;
    for requests in [40, 90, 150, 220, 300] {
        let run = place.start_against(&simulator, &["run", "c.csv"])?;
        simulator.until_requests(requests)?;
        run.kill()?;
        simulator.advance_hours(25)?;
    }
    let before = sent(&simulator)?;
    let ended = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(ended.err.contains("Looked for "), "{}", ended.err);
    let after = sent(&simulator)?;
    for (key, times) in &before {
        assert_eq!(after.get(key), Some(times), "{key} was sent again");
    }
    holds_all(&place, &simulator, &asked)?;
    // A sweep for each account serves all: one page a window, three accounts, five kills.
    let reads = calls(&simulator, "GET")?;
    let sweeps = reads.get("/v1/customers").copied().unwrap_or_default();
    assert!((1..=15).contains(&sweeps), "{reads:?}");
    assert_eq!(
        reads.keys().filter(|path| path.contains("search")).count(),
        0
    );
    Ok(())
}

#[test]
fn a_stored_server_error_is_settled_in_the_same_run_wherever_it_comes() -> Result<()> {
    const STEPS: [&str; 5] = [
        "nth 2 on POST /v1/customers account none",
        "nth 2 on POST /v1/payment_methods/*/attach account none",
        "nth 2 on POST /v1/payment_methods",
        "nth 2 on POST /v1/customers account acct_1Second",
        "nth 2 on POST /v1/payment_methods/*/attach account acct_1First",
    ];
    for step in STEPS {
        for fault in ["error 500 stored", "error 500 stored done"] {
            let place = Place::new()?;
            let simulator = Simulator::on_demand(&place)?;
            place.put("c.csv", clean(4))?;
            let asked = Asked::of_text(&clean(4))?;
            let step = step.replace(" account none", "");
            simulator.faults(&format!("{step} {fault}\n"))?;
            let run = place.against(&simulator, &["run", "c.csv", "--concurrency", "1"])?;
            let ended = run.with(0)?;
            let told = if fault.ends_with("done") && !step.ends_with("payment_methods") {
                "found at Stripe"
            } else if step.ends_with("payment_methods") {
                "cloned again"
            } else {
                "not done"
            };
            assert!(ended.err.contains(told), "{step} {fault}: {}", ended.err);
            holds_all(&place, &simulator, &asked)?;
            // A clone is looked for nowhere.
            if !step.ends_with("payment_methods") {
                assert_eq!(evidence(&place, &simulator, 4)?, 1, "{step} {fault}");
            }
        }
    }
    Ok(())
}

/// How many steps of customers `c1` to `cN` keep a read as evidence; each is a GET that the simulator answered, of that account.
fn evidence(place: &Place, simulator: &Simulator, customers: usize) -> Result<usize> {
    let transcript = simulator.transcript()?;
    let mut kept = 0;
    for number in 1..=customers {
        let id = format!("c{number}");
        let told = place
            .pmclone_keyless(&["explain", "--json", &id])?
            .with(0)?
            .json()?;
        let steps = told["customers"][0]["steps"].as_array().cloned();
        for step in steps.unwrap_or_default() {
            let Some(read) = step["seen_request_id"].as_str() else {
                continue;
            };
            let by_request = |line: &&Value| line["request_id"] == read;
            let line = transcript.iter().find(by_request);
            let line = line.ok_or_else(|| anyhow::anyhow!("{read} was never answered"))?;
            assert_eq!(line["method"], "GET", "{step}");
            assert_eq!(line["account"], step["account"], "{step}");
            let found = place.pmclone_keyless(&["explain", read])?.with(0)?.out;
            assert!(found.contains(&id), "{found}");
            kept += 1;
        }
    }
    Ok(kept)
}

#[test]
fn a_failed_look_up_is_never_not_found() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(4))?;
    let asked = Asked::of_text(&clean(4))?;
    let no_reading = "nth 1 on POST /v1/customers error 500 stored done\nchance 1 on GET /v1/customers error 503\n";
    simulator.faults(no_reading)?;
    let arguments = ["run", "c.csv", "--concurrency", "1"];
    let ended = place.against(&simulator, &arguments)?.with(3)?;
    assert!(
        ended.err.contains("could not be looked for"),
        "{}",
        ended.err
    );
    assert_eq!(in_doubt(&place)?, Some(1));
    the_mapping_agrees_with_the_status(&place)?;
    let before = sent(&simulator)?;
    place.against(&simulator, &["resume"])?.with(3)?;
    assert_eq!(sent(&simulator)?, before, "something was sent");
    simulator.faults("chance 1 on GET /v1/customers half\n")?;
    place.against(&simulator, &["resume"])?.with(3)?;
    assert_eq!(sent(&simulator)?, before, "something was sent");
    simulator.faults("")?;
    place.against(&simulator, &["resume"])?.with(0)?;
    holds_all(&place, &simulator, &asked)
}

#[test]
fn two_customers_with_the_same_marks_wait_for_a_person() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(2))?;
    let asked = Asked::of_text(&clean(2))?;
    simulator.faults("nth 1 on POST /v1/customers error 500 stored done\nchance 1 on GET /v1/customers error 503\n")?;
    place
        .against(&simulator, &["run", "c.csv", "--concurrency", "1"])?
        .with(3)?;
    simulator.faults("")?;
    let migration = place.status(&[])?["migration"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let marks = format!("metadata[pmclone_migration]={migration}&metadata[legacy_customer_id]=c1");
    let made: Value = serde_json::from_str(&simulator.stripe("POST", "/v1/customers", &marks)?)?;
    let second = made["id"].as_str().unwrap_or_default();
    let before = sent(&simulator)?;
    let ended = place.against(&simulator, &["resume"])?.with(3)?;
    assert!(ended.err.contains("found more than once"), "{}", ended.err);
    assert_eq!(sent(&simulator)?, before, "something was sent");
    let told = place.pmclone_keyless(&["status"])?.with(0)?.out;
    assert!(
        told.contains(second) && told.contains("found_twice"),
        "{told}"
    );
    assert_eq!(told.matches("cus_").count(), 2, "both are named: {told}");
    simulator.stripe("DELETE", &format!("/v1/customers/{second}"), "")?;
    place.against(&simulator, &["resume"])?.with(0)?;
    holds_all(&place, &simulator, &asked)
}

#[test]
fn reconcile_reads_and_keeps_and_sends_nothing_else() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 40)?;
    place.put("c.csv", clean(40))?;
    let asked = Asked::of_text(&clean(40))?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(120)?;
    run.kill()?;
    simulator.advance_hours(25)?;
    let before = sent(&simulator)?;
    let dry = place
        .against(&simulator, &["reconcile", "--dry-run", "--json"])?
        .with(0)?;
    let looked = dry.json()?;
    assert!(dry.err.contains("Nothing of this was kept"), "{}", dry.err);
    let settled = |object: &Value| {
        ["found", "missed", "clones_left"].map(|field| object[field].as_u64().unwrap_or_default())
    };
    assert!(settled(&looked).iter().sum::<u64>() > 0, "{looked}");
    let kept = place
        .against(&simulator, &["reconcile", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(
        settled(&kept),
        settled(&looked),
        "the rehearsal kept something"
    );
    assert_eq!(sent(&simulator)?, before, "a write was sent");
    assert_eq!(in_doubt(&place)?, Some(0));
    let again = place.against(&simulator, &["reconcile"])?.with(0)?;
    assert!(again.err.contains("Nothing is in doubt"), "{}", again.err);
    the_mapping_agrees_with_the_status(&place)?;
    place.against(&simulator, &["resume"])?.with(0)?;
    holds_all(&place, &simulator, &asked)
}

#[test]
fn a_revoked_account_keeps_its_doubts_until_it_can_be_read() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 40)?;
    place.put("c.csv", clean(40))?;
    let asked = Asked::of_text(&clean(40))?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(240)?;
    run.kill()?;
    simulator.advance_hours(25)?;
    for account in ["acct_1First", "acct_1Second"] {
        simulator.post(&format!("/_sim/accounts/{account}/revoke"), "")?;
    }
    place.against(&simulator, &["resume"])?.with(3)?;
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    the_mapping_agrees_with_the_status(&place)?;
    // Each is looked at once, whatever is in doubt there.
    let refused = || -> Result<usize> {
        let transcript = simulator.transcript()?;
        Ok(transcript
            .iter()
            .filter(|line| line["status"] == 403)
            .count())
    };
    let before = refused()?;
    place.against(&simulator, &["resume"])?.with(3)?;
    assert_eq!(refused()? - before, 2);
    for account in ["acct_1First", "acct_1Second"] {
        simulator.post(&format!("/_sim/accounts/{account}/restore"), "")?;
    }
    place.against(&simulator, &["resume"])?.with(0)?;
    holds_all(&place, &simulator, &asked)
}
