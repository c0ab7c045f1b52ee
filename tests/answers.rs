//! What Stripe may answer, and how far it reaches: refused, parked, in doubt, sent again.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::set_up::{clean, in_doubt, sent};
use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Result, Simulator, World};

const HEADER: &str = "legacy_id,email,payment_method,connected_account\n";

#[test]
fn a_parked_account_is_taken_up_again_once_it_can_be_reached() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let text = clean(5).replace("acct_1Second", "acct_revoked_1Second");
    place.put("c.csv", &text)?;
    let mut asked = Asked::of_text(&text)?;
    let ended = place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    assert!(ended.err.contains("acct_revoked_1Second"), "{}", ended.err);
    World::of(&simulator, &asked)?.is_told_by(&place, &asked, &[])?;
    place.against(&simulator, &["resume"])?.with(3)?;
    let dry = ["resume", "--dry-run"];
    let told = place.pmclone_keyless(&dry)?.with(0)?.out;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = "Nothing else is left to send: 5 customers wait for 1 parked account, which is looked at once";
    assert!(told.contains(words), "{told}");
    let elsewhere = [&dry[..], &["--json", "--account", "acct_1First"]].concat();
    for (args, customers) in [
        (&["resume", "--dry-run", "--json"][..], 5),
        (&["run", "c.csv", "--dry-run", "--json"], 5),
        (&elsewhere, 0),
    ] {
        let told = place.pmclone_keyless(args)?.with(0)?.json()?;
        let waiting = serde_json::json!({"customers": customers, "accounts": 1});
        assert_eq!(told["plan"]["waiting"], waiting, "{told}");
    }
    simulator.post("/_sim/accounts/acct_revoked_1Second/restore", "")?;
    place.against(&simulator, &["resume"])?.with(0)?;
    asked.restored = true;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn an_account_that_is_revoked_meanwhile_stops_nobody_else() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(30))?;
    let asked = Asked::of_text(&clean(30))?;
    simulator.faults("at 80 revoke acct_1Second")?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_nothing_twice(&asked)?;
    assert_eq!(world.accounts["acct_1First"].attached(), 60);
    simulator.post("/_sim/accounts/acct_1Second/restore", "")?;
    place.against(&simulator, &["resume"])?.with(0)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn refusals_are_tried_again_only_when_asked_and_under_new_keys() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::start(&place, &["--limits", "off"])?;
    for account in ["acct_1First", "acct_1Second"] {
        simulator.post(
            "/_sim/accounts",
            &format!("{{\"id\":\"{account}\",\"country\":\"DE\"}}"),
        )?;
    }
    // Enough are known that the CSV passes for this platform's.
    let known: Vec<String> = (1..=4).map(|number| format!("pm_1Known{number}")).collect();
    let line = |source: &String| format!("{source},,{source},acct_1First\n");
    let text = clean(3) + &known.iter().map(line).collect::<String>();
    for source in &known {
        simulator.post(
            "/_sim/seed",
            &format!("{{\"payment_method\":\"{source}\"}}"),
        )?;
    }
    place.put("c.csv", &text)?;
    let asked = Asked::of_text(&text)?;
    // None of the other sources exists.
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    assert_eq!(place.status(&[])?["customers"]["refused"], 3);
    let first = sent(&simulator)?;
    for customer in asked.customers.values() {
        for source in customer
            .sources
            .iter()
            .filter(|source| !known.contains(source))
        {
            simulator.post(
                "/_sim/seed",
                &format!("{{\"payment_method\":\"{source}\"}}"),
            )?;
        }
    }
    place.against(&simulator, &["resume"])?.with(3)?;
    assert_eq!(sent(&simulator)?, first, "a final no was asked again");
    place
        .against(&simulator, &["resume", "--retry-refused"])?
        .with(0)?;
    let keys: BTreeSet<_> = first.keys().collect();
    let again = sent(&simulator)?;
    assert!(
        again
            .iter()
            .all(|(key, times)| *times == 1 || !keys.contains(key)),
        "{again:?}"
    );
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn another_customers_source_is_cloned_from_there_with_adopt_attached() -> Result<()> {
    let text = format!(
        "{HEADER}1,a@example.com,pm_attached_1One;pm_1Two,acct_1First\n2,b@example.com,pm_attached_1Three,acct_1First;acct_1Second\n"
    );
    let mut asked = Asked::of_text(&text)?;
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", &text)?;
    let ended = place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    assert!(ended.err.contains("--adopt-attached"), "{}", ended.err);
    World::of(&simulator, &asked)?.holds_all_of(&asked)?;
    place
        .against(
            &simulator,
            &["resume", "--retry-refused", "--adopt-attached"],
        )?
        .with(0)?;
    asked.adopts_attached = true;
    let world = World::of(&simulator, &asked)?;
    world.holds_nothing_twice(&asked)?;
    assert_eq!(world.accounts["acct_1First"].attached(), 3);
    assert_eq!(world.accounts["acct_1Second"].attached(), 1);
    assert_eq!(place.status(&[])?["customers"]["migrated"], 2);
    Ok(())
}

#[test]
fn an_answer_that_is_lost_after_the_effect_is_replayed_and_doubles_nothing() -> Result<()> {
    for fault in ["lost-after", "half", "error 500 done"] {
        for endpoint in [
            "/v1/customers",
            "/v1/payment_methods",
            "/v1/payment_methods/*/attach",
        ] {
            let place = Place::new()?;
            let simulator = Simulator::on_demand(&place)?;
            place.put("c.csv", clean(4))?;
            let asked = Asked::of_text(&clean(4))?;
            simulator.faults(&format!(
                "nth 2 on POST {endpoint} {fault}\nnth 5 on POST {endpoint} {fault}\n"
            ))?;
            place.against(&simulator, &["run", "c.csv"])?.with(0)?;
            let counters = simulator.counters()?;
            // Two, unless the second of them met the first one's retry.
            let replayed = counters["replayed"].as_u64();
            assert!(
                matches!(replayed, Some(1 | 2)),
                "{fault} on {endpoint}: {counters}"
            );
            let world = World::of(&simulator, &asked)?;
            world.holds_all_of(&asked)?;
            world.is_told_by(&place, &asked, &[])?;
        }
    }
    Ok(())
}

#[test]
fn what_was_on_its_way_to_an_account_that_is_revoked_then_is_in_doubt_everywhere() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 40)?;
    place.put("c.csv", clean(40))?;
    let asked = Asked::of_text(&clean(40))?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(240)?;
    run.kill()?;
    for account in ["acct_1First", "acct_1Second"] {
        simulator.post(&format!("/_sim/accounts/{account}/revoke"), "")?;
    }
    place.against(&simulator, &["resume"])?.with(3)?;
    assert!(
        in_doubt(&place)? > Some(0),
        "nothing was under way at the kill"
    );
    the_mapping_agrees_with_the_status(&place)?;
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    for account in ["acct_1First", "acct_1Second"] {
        simulator.post(&format!("/_sim/accounts/{account}/restore"), "")?;
    }
    place.against(&simulator, &["resume"])?.with(0)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn steps_under_23_hours_old_are_sent_again_under_the_same_key() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 40)?;
    place.put("c.csv", clean(40))?;
    let asked = Asked::of_text(&clean(40))?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(70)?;
    run.kill()?;
    simulator.advance_hours(22)?;
    place.against(&simulator, &["resume"])?.with(0)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_storm_of_every_fault_loses_and_doubles_nothing() -> Result<()> {
    const STORM: &str = "seed 4\nchance 0.03 lost-before\nchance 0.03 lost-after\nchance 0.03 half\nchance 0.02 delay 80\n\
        chance 0.03 limit endpoint-rate\nchance 0.02 limit\nchance 0.02 limit none\nchance 0.03 lock\nchance 0.02 conflict\n\
        chance 0.03 error 503\nchance 0.02 error 500 done\n";
    let place = Place::new()?;
    place.sample("c.csv", 120, 6, 8)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::on_demand(&place)?;
    simulator.faults(STORM)?;
    let mut ended = place.against(&simulator, &["run", "c.csv"])?;
    for _ in 0..5 {
        let status = place.status(&[])?;
        let left: Option<u64> = ["pending", "in_progress", "in_doubt"]
            .iter()
            .map(|standing| status["customers"][standing].as_u64())
            .sum();
        if left == Some(0) {
            break;
        }
        World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
        ended = place.against(&simulator, &["resume"])?;
    }
    ended.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_key_that_stripe_does_not_take_stops_the_run_and_keeps_the_state() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(10))?;
    let asked = Asked::of_text(&clean(10))?;
    let args = [
        "run",
        "c.csv",
        "--api-base",
        &simulator.url,
        "--rate",
        "off",
    ];
    let ended = place
        .keyless(&args)
        .env("STRIPE_API_KEY", "sk_test_expired1")
        .output()?;
    assert_eq!(ended.status.code(), Some(6), "{ended:?}");
    place
        .against(&simulator, &["run", "c.csv", "--limit", "3"])?
        .with(8)?;
    let ended = place
        .keyless(&args)
        .env("STRIPE_API_KEY", "sk_test_expired1")
        .output()?;
    assert_eq!(ended.status.code(), Some(6), "{ended:?}");
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}

#[test]
fn a_source_of_an_adopted_customer_is_looked_at_before_it_is_cloned() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let text = "legacy_id,email,platform_customer,payment_method,connected_account\n\
        1,a@example.com,cus_Adopted1,pm_1Held;pm_1Loose,acct_1First\n2,b@example.com,cus_Adopted2,pm_1OfAnother;pm_1Loose2,acct_1First\n";
    place.put("c.csv", text)?;
    let mut asked = Asked::of_text(text)?;
    simulator.post(
        "/_sim/seed",
        "{\"customer\":\"cus_Adopted1\",\"payment_methods\":[{\"id\":\"pm_1Held\"}]}\n\
         {\"customer\":\"cus_Third\",\"payment_methods\":[{\"id\":\"pm_1OfAnother\"}]}\n",
    )?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_nothing_twice(&asked)?;
    let consumed: Vec<&Value> = world
        .platform
        .methods
        .values()
        .filter(|method| method["_sim"]["standing"] == "consumed")
        .collect();
    assert!(consumed.is_empty(), "{consumed:?}");
    assert_eq!(world.accounts["acct_1First"].attached(), 3);
    assert_eq!(place.status(&[])?["customers"]["refused"], 1);
    // The third one's card stays with the third one.
    assert_eq!(
        world.platform.methods["pm_1OfAnother"]["customer"],
        "cus_Third"
    );
    asked.customers.remove("2");
    assert_eq!(
        world.platform.methods["pm_1Loose"]["customer"],
        "cus_Adopted1"
    );
    Ok(())
}
