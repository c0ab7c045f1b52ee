//! What a rebuilt state file has open, and how it is closed: found twice, not to be reached, not to be read, interrupted.

use anyhow::Context as _;

use super::{RECOVER, count_of, done_and_lost, holds_all, lose};
use crate::support::set_up::clean;
use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Result, Simulator, World};

/// A second Customer with the marks of another.
fn double(simulator: &Simulator, of: &str, account: Option<&str>) -> Result<String> {
    let all = simulator.dump("customers", account)?;
    let one = all
        .iter()
        .find(|each| each["metadata"]["legacy_customer_id"] == of);
    let marks = one
        .map(|each| &each["metadata"])
        .and_then(|marks| marks.as_object());
    let mut seed =
        serde_json::json!({ "customer": format!("cus_doubleof{of}"), "created": 2_000_000_000 });
    seed["metadata"] = serde_json::json!(marks);
    if let Some(account) = account {
        seed["on_account"] = account.into();
    }
    simulator.post("/_sim/seed", &seed.to_string())?;
    Ok(format!("cus_doubleof{of}"))
}

#[test]
fn two_customers_with_the_same_marks_wait_for_a_person_whichever_is_deleted() -> Result<()> {
    for account in [None, Some("acct_1First")] {
        for deletes_the_double in [true, false] {
            let place = Place::new()?;
            let (simulator, asked) = done_and_lost(&place, &clean(3))?;
            let double = double(&simulator, "c2", account)?;
            let told = place.against(&simulator, &RECOVER)?.with(3)?.err;
            assert!(told.contains("1 customer found more than once"), "{told}");
            the_mapping_agrees_with_the_status(&place)?;
            let posts = count_of(&simulator, "POST")?;
            place.against(&simulator, &["resume"])?.with(3)?;
            let told = place.pmclone_keyless(&["status"])?.with(0)?.out;
            assert!(
                told.contains(&double) && told.contains("found_twice"),
                "{told}"
            );
            assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
            let gone = if deletes_the_double {
                double
            } else {
                let all = simulator.dump("customers", account)?;
                let is_it = |each: &&serde_json::Value| {
                    each["metadata"]["legacy_customer_id"] == "c2" && each["id"] != double.as_str()
                };
                let other = all.iter().find(is_it).map(|each| each["id"].clone());
                other
                    .unwrap_or_default()
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            delete(&simulator, &gone, account)?;
            let ended = place.against(&simulator, &["resume"])?;
            let world = World::of(&simulator, &asked)?;
            world.holds_nothing_twice(&asked)?;
            the_mapping_agrees_with_the_status(&place)?;
            ended.with(0)?;
            // As after a crash: what is in the file is looked over, and does not contradict itself.
            place.put("pmclone.db-wal", [0_u8; 32])?;
            place.against(&simulator, &["resume"])?.with(0)?;
            if deletes_the_double {
                assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
                holds_all(&place, &simulator, &asked)?;
            }
        }
    }
    Ok(())
}

fn delete(simulator: &Simulator, customer: &str, account: Option<&str>) -> Result<()> {
    let path = format!("/v1/customers/{customer}");
    match account {
        None => simulator.stripe("DELETE", &path, "").map(drop),
        Some(account) => simulator.stripe_on(account, "DELETE", &path, "").map(drop),
    }
}

#[test]
fn an_account_that_cannot_be_read_waits_and_nothing_is_made_there_twice() -> Result<()> {
    let place = Place::new()?;
    let bare = |n: u32| format!("b{n},b{n}@example.com,,acct_1First;acct_1Second\n");
    let text = clean(6) + &(1..=4).map(bare).collect::<Vec<_>>().concat();
    let (simulator, asked) = done_and_lost(&place, &text)?;
    simulator.advance_hours(25)?;
    simulator.post("/_sim/accounts/acct_1Second/revoke", "")?;
    let told = place.against(&simulator, &RECOVER)?.with(3)?.err;
    assert!(told.contains("acct_1Second cannot be reached"), "{told}");
    the_mapping_agrees_with_the_status(&place)?;
    let posts = count_of(&simulator, "POST")?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    the_mapping_agrees_with_the_status(&place)?;
    // It answers again, and its list cannot be read yet.
    simulator.post("/_sim/accounts/acct_1Second/restore", "")?;
    simulator.faults("chance 1 on GET /v1/customers error 503\n")?;
    place.against(&simulator, &["resume"])?.with(3)?;
    simulator.faults("chance 1 on GET /v1/customers/*/payment_methods error 503\n")?;
    place.against(&simulator, &["resume"])?.with(3)?;
    simulator.faults("")?;
    let ended = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(
        ended.err.contains("what was done there is read"),
        "{}",
        ended.err
    );
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}

#[test]
fn an_account_that_goes_away_while_it_is_read_is_read_later() -> Result<()> {
    let place = Place::new()?;
    let (simulator, asked) = done_and_lost(&place, &clean(40))?;
    let posts = count_of(&simulator, "POST")?;
    simulator.faults(
        "nth 20 on GET /v1/customers/*/payment_methods account acct_1Second revoke acct_1Second\n",
    )?;
    let told = place.against(&simulator, &RECOVER)?.with(3)?.err;
    assert!(told.contains("acct_1Second cannot be reached"), "{told}");
    the_mapping_agrees_with_the_status(&place)?;
    simulator.faults("")?;
    simulator.post("/_sim/accounts/acct_1Second/restore", "")?;
    place.against(&simulator, &["resume"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}

#[test]
fn a_look_up_that_fails_is_never_not_found() -> Result<()> {
    let place = Place::new()?;
    let (simulator, asked) = done_and_lost(&place, &clean(250))?;
    let (posts, before) = (count_of(&simulator, "POST")?, place.listing()?);
    simulator.faults("chance 1 on GET /v1/customers account acct_1Second error 503\n")?;
    let told = place.against(&simulator, &RECOVER)?.with(1)?.err;
    assert!(
        told.contains("the Customers of acct_1Second could not be read to the end"),
        "{told}"
    );
    assert_eq!(place.listing()?, before, "something was left behind");
    let there = simulator.dump("customers", Some("acct_1Second"))?;
    let one = there.first().and_then(|each| each["id"].as_str());
    let one = one.context("nobody is there")?;
    simulator.faults(&format!(
        "chance 1 on GET /v1/customers/{one}/payment_methods error 503\n"
    ))?;
    let told = place.against(&simulator, &RECOVER)?.with(3)?.err;
    assert!(told.contains("Not rebuilt to the end yet"), "{told}");
    for command in [&["run", "c.csv"][..], &["resume"], &["reconcile"]] {
        let told = place.against(&simulator, command)?.with(5)?.err;
        assert!(told.contains("is being rebuilt"), "{told}");
    }
    simulator.faults("")?;
    let told = place.against(&simulator, &RECOVER)?.with(0)?.err;
    assert!(told.contains("Going on with pmclone.db"), "{told}");
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}

#[test]
fn customers_and_accounts_that_only_a_later_csv_names_are_not_made_twice_either() -> Result<()> {
    let place = Place::new()?;
    let (simulator, asked) = done_and_lost(&place, &clean(6))?;
    simulator.advance_hours(25)?;
    // The file at hand is older: it lacks three customers, and one of the accounts.
    let older: String = clean(3).replace(";acct_1Second", "");
    place.put("older.csv", &older)?;
    let told = place
        .against(&simulator, &["recover", "older.csv", "--no-wait"])?
        .with(0)?
        .err;
    assert!(told.contains("Not in this CSV: 3 customers"), "{told}");
    let posts = count_of(&simulator, "POST")?;
    // For those that have begun, further accounts are not taken up; the others are, and are known.
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    assert_eq!(
        place.status(&[])?["customers"]["migrated"].as_u64(),
        Some(6)
    );
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)
}

#[test]
fn it_can_be_killed_and_goes_on() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", clean(200))?;
    let asked = Asked::of_text(&clean(200))?;
    let simulator = Simulator::slow(&place, 5)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let posts = count_of(&simulator, "POST")?;
    lose(&place)?;
    // In the sweeps, then twice among the customers.
    for reads in [4, 200, 300] {
        let now = simulator.requests()?;
        let recover = place.start_against(&simulator, &RECOVER)?;
        simulator.until_requests(now + reads)?;
        recover.kill()?;
        if reads > 4 {
            place.against(&simulator, &["run", "c.csv"])?.with(5)?;
        }
    }
    place.against(&simulator, &RECOVER)?.with(0)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}
