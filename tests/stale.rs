//! `resume --refresh-stale`: a clone whose source changed is renewed, whatever goes wrong and whenever the process is killed; nobody is
//! without a card in between. What is there is asked of the simulator, never of the state file.

mod killed;

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::support::webhook::{Listener, SECRET, event, now};
use crate::support::{Place, Result, Simulator, until};

const FIRST: &str = "acct_1First";
const SECOND: &str = "acct_1Second";
const CSV: &str = "legacy_id,email,payment_method,connected_account
1,ada@example.com,pm_1Ada;pm_2Ada,acct_1First;acct_1Second
2,bob@example.com,pm_1Bob,acct_1First
";

/// Later than anything that was made: an event of it makes every clone stale.
fn later(number: i64) -> i64 {
    now() + 1_000_000_000 + number
}

/// Tells a listener that a source changed.
fn tell(listener: &Listener, source: &str, kind: &str, number: i64) -> Result<String> {
    let card = format!(r#"{{"id":"{source}","object":"payment_method"}}"#);
    let body = event(
        &format!("evt_{source}{number}"),
        kind,
        None,
        later(number),
        &card,
    );
    Ok(listener.deliver(&body)?.1)
}

fn migrated(place: &Place, simulator: &Simulator) -> Result<Listener> {
    place.put("c.csv", CSV)?;
    place.against(simulator, &["run", "c.csv"])?.with(0)?;
    Listener::start(place, SECRET, &[])
}

/// Attached PaymentMethods, and the default; by legacy id and account.
type Held = BTreeMap<(String, String), (Vec<String>, String)>;

/// What each customer has on the accounts.
fn held(simulator: &Simulator) -> Result<Held> {
    let mut held = BTreeMap::new();
    for account in [FIRST, SECOND] {
        let methods = simulator.dump("payment_methods", Some(account))?;
        for customer in simulator.dump("customers", Some(account))? {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let attached = methods.iter().filter(|m| m["customer"] == customer["id"]);
            let attached: Vec<_> = attached.map(|method| text(&method["id"])).collect();
            let default = text(&customer["invoice_settings"]["default_payment_method"]);
            ensure!(
                attached.contains(&default),
                "the default {default} is not among {attached:?}"
            );
            let id = text(&customer["metadata"]["legacy_customer_id"]);
            held.insert((id, account.to_owned()), (attached, default));
        }
    }
    Ok(held)
}

/// The mapping: legacy id, account, source, clone, default.
fn mapping(place: &Place) -> Result<Vec<[String; 5]>> {
    let told = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let mut rows = Vec::new();
    for row in csv::Reader::from_reader(told.as_bytes()).records() {
        let row = row?;
        rows.push([0, 3, 2, 5, 6].map(|column| row[column].to_owned()));
    }
    Ok(rows)
}

/// The mapping and Stripe say the same: each source has one clone, which is attached, and the default is the one that it shall be.
fn agree(place: &Place, simulator: &Simulator) -> Result<Vec<[String; 5]>> {
    let (held, rows) = (held(simulator)?, mapping(place)?);
    for ((id, account), (attached, default)) in &held {
        let here = rows
            .iter()
            .filter(|row| row[0] == *id && row[1] == *account);
        let mut clones: Vec<_> = here.clone().map(|row| row[3].clone()).collect();
        let mut attached = attached.clone();
        clones.sort();
        attached.sort();
        ensure!(clones == attached, "{id}: {clones:?} is not {attached:?}");
        for row in here.filter(|row| row[4] == "true") {
            ensure!(row[3] == *default, "{row:?} is not {default}");
        }
    }
    Ok(rows)
}

#[test]
fn a_clone_whose_source_changed_is_renewed_and_the_default_moves_with_it() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let listener = migrated(&place, &simulator)?;
    let before = agree(&place, &simulator)?;
    let updated = "payment_method.automatically_updated";
    assert_eq!(tell(&listener, "pm_1Ada", updated, 1)?, "taken: stale\n");
    assert_eq!(
        tell(&listener, "pm_1Bob", "payment_method.detached", 1)?,
        "taken: stale\n"
    );
    // Bob's card was not told of in time, and is gone: nothing may be lost of what he has.
    let said = place.against(&simulator, &["resume"])?.with(0)?.err;
    assert!(said.contains("2 clones are stale"), "{said}");
    assert!(said.contains("pmclone resume --refresh-stale"), "{said}");
    assert_eq!(agree(&place, &simulator)?, before);
    let dry = ["resume", "--refresh-stale", "--dry-run", "--json"];
    let told = place.pmclone_keyless(&dry)?.with(0)?.out;
    let told: Value = serde_json::from_str(&told)?;
    assert_eq!(told["refresh"]["clones"], 2, "{told}");
    assert_eq!(told["refresh"]["detached"], 1, "{told}");
    assert_eq!(told["plan"]["total_calls"], 14, "{told}");
    let sent = simulator.requests()?;
    let said = place
        .against(&simulator, &["resume", "--refresh-stale"])?
        .with(0)?
        .err;
    assert!(
        said.contains("To be renewed: 2 stale clones of 1 customer,"),
        "{said}"
    );
    assert!(
        said.contains("the customer must give the card again"),
        "{said}"
    );
    // Whose key it is; then for each of two: look, clone, attach, look, default, Subscriptions, detach.
    assert_eq!(simulator.requests()?, sent + 15);
    let after = agree(&place, &simulator)?;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before[3] == after[3], before[2] != "pm_1Ada", "{before:?}");
        assert_eq!(before[4], after[4]);
    }
    let status = place.status(&[])?;
    assert_eq!(status["stale"]["total"], 1, "{status}");
    assert_eq!(status["customers"]["migrated"], 2, "{status}");
    place.against(&simulator, &["verify", "--all"])?.with(0)?;
    // It is told by source, by the clone before and by the new one; and again nothing is left to be done.
    let explain =
        |id: &str| -> Result<String> { Ok(place.pmclone_keyless(&["explain", id])?.with(0)?.out) };
    for id in ["1", "pm_1Ada", &before[0][3], &after[0][3]] {
        let told = explain(id)?;
        assert!(told.contains("detach_replaced_payment_method"), "{told}");
    }
    let told = explain("pm_1Bob")?;
    assert!(
        told.contains("pm_1Bob was detached from its Customer"),
        "{told}"
    );
    assert!(told.contains("give the card again"), "{told}");
    let sent = simulator.requests()?;
    place
        .against(&simulator, &["resume", "--refresh-stale"])?
        .with(0)?;
    assert_eq!(simulator.requests()?, sent + 1);
    // Once more, and all of it is taken back.
    assert_eq!(tell(&listener, "pm_1Ada", updated, 2)?, "taken: stale\n");
    place
        .against(&simulator, &["run", "c.csv", "--refresh-stale"])?
        .with(0)?;
    let again = agree(&place, &simulator)?;
    assert!(again[0][3] != after[0][3] && again[0][3] != before[0][3]);
    place
        .against(&simulator, &["undo", "--account", FIRST])?
        .with(0)?;
    assert!(
        !held(&simulator)?
            .keys()
            .any(|(_, account)| account == FIRST)
    );
    Ok(())
}

#[test]
fn a_default_that_somebody_chose_stays_and_a_refusal_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let listener = migrated(&place, &simulator)?;
    let before = agree(&place, &simulator)?;
    // On the first account somebody made the second card the default since, on the second nobody did.
    let customer = simulator.dump("customers", Some(FIRST))?;
    let ada = customer
        .iter()
        .find(|each| each["metadata"]["legacy_customer_id"] == "1");
    let ada = ada.and_then(|ada| ada["id"].as_str()).context("Ada")?;
    let of = |rows: &[[String; 5]], source: &str, account: &str| {
        let row = rows
            .iter()
            .find(|row| row[1] == account && row[2] == source);
        row.map_or(String::new(), |row| row[3].clone())
    };
    let chosen = of(&before, "pm_2Ada", FIRST);
    simulator.stripe_on(
        FIRST,
        "POST",
        &format!("/v1/customers/{ada}"),
        &format!("invoice_settings[default_payment_method]={chosen}"),
    )?;
    for source in ["pm_1Ada", "pm_2Ada", "pm_1Bob"] {
        tell(&listener, source, "payment_method.updated", 1)?;
    }
    // Bob's card is gone, and nobody told.
    simulator.stripe("POST", "/v1/payment_methods/pm_1Bob/detach", "")?;
    place
        .against(&simulator, &["resume", "--refresh-stale"])?
        .with(3)?;
    let (held, after) = (held(&simulator)?, mapping(&place)?);
    let default = |account: &str| held[&("1".to_owned(), account.to_owned())].1.clone();
    assert_eq!(default(FIRST), of(&after, "pm_2Ada", FIRST));
    assert_ne!(default(FIRST), chosen);
    assert_eq!(default(SECOND), of(&after, "pm_1Ada", SECOND));
    assert_eq!(of(&after, "pm_1Bob", FIRST), of(&before, "pm_1Bob", FIRST));
    assert_eq!(held[&("2".to_owned(), FIRST.to_owned())].0.len(), 1);
    let status = place.status(&[])?;
    assert_eq!(status["stale"]["total"], 1, "{status}");
    assert_eq!(status["customers"]["refused"], 1, "{status}");
    let told = place.pmclone_keyless(&["refused"])?.with(0)?.out;
    assert!(told.contains("collect_again"), "{told}");
    Ok(())
}

#[test]
fn a_follower_renews_as_it_hears() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let listener = migrated(&place, &simulator)?;
    let follower = place.start_against(&simulator, &["resume", "--follow", "--refresh-stale"])?;
    until("the follower to wait", || {
        Ok(place.status(&[])?["pace"]["because"] == "follow")
    })?;
    let before = agree(&place, &simulator)?;
    tell(&listener, "pm_1Bob", "payment_method.updated", 1)?;
    until("the clone to be renewed", || {
        Ok(place.status(&[])?["stale"]["total"] == 0)
    })?;
    follower.signal("INT")?;
    let said = follower.wait()?.with(0)?.err;
    assert!(said.contains("Sources changed, as was heard"), "{said}");
    let after = agree(&place, &simulator)?;
    let changed = before.iter().zip(&after).filter(|(b, a)| b != a).count();
    assert_eq!(changed, 1);
    Ok(())
}

#[test]
fn a_clone_that_a_subscription_names_as_its_own_is_not_detached_until_it_names_another()
-> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let listener = migrated(&place, &simulator)?;
    let before = agree(&place, &simulator)?;
    let bob = |rows: &[[String; 5]]| {
        rows.iter()
            .find(|row| row[0] == "2")
            .map(|row| row[3].clone())
    };
    let clone = bob(&before).context("Bob's clone")?;
    let customers = simulator.dump("customers", Some(FIRST))?;
    let customer = customers
        .iter()
        .find(|each| each["metadata"]["legacy_customer_id"] == "2")
        .and_then(|each| each["id"].as_str())
        .context("Bob")?;
    let seed = format!(
        r#"{{"subscription":"sub_1","of_customer":"{customer}","default_payment_method":"{clone}"}}"#
    );
    simulator.post("/_sim/seed", &seed)?;
    tell(&listener, "pm_1Bob", "payment_method.updated", 1)?;
    let refresh = ["resume", "--refresh-stale"];
    place.against(&simulator, &refresh)?.with(3)?;
    // Both are attached, and the Subscription's is still there.
    let methods = simulator.dump("payment_methods", Some(FIRST))?;
    let attached = methods.iter().filter(|each| each["customer"] == customer);
    let attached: Vec<_> = attached.filter_map(|each| each["id"].as_str()).collect();
    assert_eq!(attached.len(), 2, "{attached:?}");
    assert!(attached.contains(&clone.as_str()), "{attached:?}");
    let told = place.pmclone_keyless(&["explain", "2"])?.with(0)?.out;
    assert!(told.contains("sub_1"), "{told}");
    assert!(told.contains("resume --refresh-stale"), "{told}");
    let told = place.pmclone_keyless(&["refused"])?.with(0)?.out;
    assert!(told.contains("named_by_subscription"), "{told}");
    // Nothing of the renewal is forgotten where the line is tried again as it is.
    place
        .pmclone_keyless(&["refused", "--csv", "r.csv"])?
        .with(0)?;
    let told = place.against(&simulator, &["retry", "r.csv"])?;
    assert!(told.err.contains("Left as they are"), "{}", told.err);
    place.against(&simulator, &refresh)?.with(3)?;
    let again = simulator.dump("payment_methods", Some(FIRST))?;
    let again = again.iter().filter(|each| each["customer"] == customer);
    assert_eq!(again.count(), 2, "another one was made");
    // Once it names another, the renewal goes to its end.
    let new = attached
        .iter()
        .find(|id| **id != clone)
        .context("a new clone")?;
    simulator.post("/_sim/seed", &seed.replace(&clone, new))?;
    place.against(&simulator, &refresh)?.with(0)?;
    let after = agree(&place, &simulator)?;
    assert_ne!(bob(&after), Some(clone));
    Ok(())
}

#[test]
fn a_card_that_somebody_removed_on_the_account_is_not_brought_back() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let listener = migrated(&place, &simulator)?;
    let bob = mapping(&place)?.into_iter().find(|row| row[0] == "2");
    let clone = bob.map(|row| row[3].clone()).context("Bob's clone")?;
    let detach = format!("/v1/payment_methods/{clone}/detach");
    simulator.stripe_on(FIRST, "POST", &detach, "")?;
    let made = simulator.dump("payment_methods", Some(FIRST))?.len();
    tell(&listener, "pm_1Bob", "payment_method.updated", 1)?;
    place
        .against(&simulator, &["resume", "--refresh-stale"])?
        .with(3)?;
    let there = simulator.dump("payment_methods", Some(FIRST))?;
    assert_eq!(there.len(), made, "another one was made");
    let told = place.pmclone_keyless(&["explain", "2"])?.with(0)?.out;
    assert!(told.contains("somebody removed it"), "{told}");
    Ok(())
}
