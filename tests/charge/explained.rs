//! `explain` tells what was charged, what of it is held, and what settles it.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{CHARGE, at_rest, cards, migrated};
use crate::support::{Place, Result, Simulator};

fn explained(place: &Place, id: &str) -> Result<(Value, String)> {
    let json = place
        .pmclone_keyless(&["explain", id, "--json"])?
        .with(0)?
        .json()?;
    let text = place.pmclone_keyless(&["explain", id])?.with(0)?.out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok((json["customers"][0].clone(), text))
}

#[test]
fn what_was_charged_is_explained_with_what_is_held_and_what_settles_it() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &["pm_1Good", "pm_1Left"])?;
    place.against(&simulator, &CHARGE)?.with(0)?;
    let (customer, text) = explained(&place, "c1")?;
    let proof = &customer["proofs"][0];
    assert_eq!(proof["result"], "proven", "{customer}");
    let numbers =
        ["amount", "captured", "refunded", "fee_refunded"].map(|name| proof[name].as_i64());
    assert_eq!(numbers, [Some(100), Some(50), Some(50), Some(5)], "{proof}");
    ensure!(
        text.contains("captured 50 of 50, refunded 50, fee 5 of 5 given back")
            && text.contains("Next Nothing: take the new ids"),
        "{text}"
    );
    for name in ["intent", "charge", "refund", "application_fee"] {
        let id = proof[name].as_str().context(name)?;
        let (found, told) = explained(&place, id)?;
        assert_eq!(found["legacy_id"], "c1", "{id}");
        assert_eq!(found["proofs"][0]["asked_for"], true, "{id}");
        ensure!(told.contains(id) && text.contains(id), "{told}");
    }
    // Taken, and given back by nobody yet.
    simulator.faults("chance 1 on POST /v1/refunds error 503\n")?;
    let charge = CHARGE.map(|word| if word == "c1" { "c2" } else { word });
    let told = place
        .against(&simulator, &[&charge[..], &["--json"]].concat())?
        .with(3)?
        .json()?;
    assert_eq!(cards(&told), ["unsettled"]);
    let (customer, text) = explained(&place, "c2")?;
    let proof = &customer["proofs"][0];
    assert_eq!(
        (&proof["result"], &proof["held"]),
        (&"open".into(), &"captured".into()),
        "{proof}"
    );
    let commands = customer["commands"].as_array().context("commands")?;
    assert_eq!(commands[0], "pmclone resume --state pmclone.db");
    ensure!(
        text.contains("is not known to be over: 50 usd was taken, and is not given back.")
            && text.contains("Next What may be held a run cancels or refunds")
            && !text.contains("Next Nothing"),
        "{text}"
    );
    simulator.faults("")?;
    place.against(&simulator, &["resume"])?.with(0)?;
    let (customer, text) = explained(&place, "c2")?;
    assert_eq!(customer["proofs"][0]["held"], "refunded", "{customer}");
    ensure!(text.contains("Next Nothing: take the new ids"), "{text}");
    assert_eq!(at_rest(&simulator)?, 2);
    Ok(())
}
