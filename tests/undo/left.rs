//! What an undo could not settle: it is told with its reason as long as it is so, and no longer.

use std::collections::BTreeSet;

use anyhow::ensure;

use super::{FIRST, HEADER, SECOND};
use crate::support::{Place, Result, Simulator, until};

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn explained(place: &Place, id: &str) -> Result<String> {
    Ok(flat(&place.pmclone_keyless(&["explain", id])?.with(0)?.out))
}

/// One customer with a card and one without: of each the Customer on the account is in doubt, since its run was killed.
fn in_doubt(place: &Place, simulator: &Simulator) -> Result<()> {
    let lines = format!("card,c@example.com,pm_c,{FIRST},\nbare,b@example.com,,{FIRST},\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    let fault = format!("every 1 on POST /v1/customers account {FIRST} error 500\n");
    simulator.faults(&fault)?;
    let run = place.start_against(simulator, &["run", "c.csv"])?;
    until("both were sent to the account", || {
        let sent = simulator.transcript()?.into_iter().filter(|line| {
            line["method"] == "POST" && line["path"] == "/v1/customers" && line["account"] == FIRST
        });
        let keys: BTreeSet<_> = sent
            .map(|line| line["idempotency_key"].to_string())
            .collect();
        Ok(keys.len() == 2)
    })?;
    run.kill()?;
    simulator.faults("")
}

#[test]
fn what_was_in_doubt_is_told_no_more_once_it_is_settled() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    in_doubt(&place, &simulator)?;
    let ended = place.against(&simulator, &["undo"])?.with(3)?;
    ensure!(
        ended.out.matches("outcome is not known yet").count() == 2,
        "{ended:?}"
    );
    let why = explained(&place, "bare")?;
    ensure!(why.contains("its outcome is not known"), "{why}");
    simulator.advance_hours(25)?;
    let ended = place.against(&simulator, &["undo"])?.with(0)?;
    ensure!(
        ended.err.contains("2  not done: nothing came of them"),
        "{ended:?}"
    );
    let status = place.status(&[])?;
    assert_eq!(
        (&status["customers"]["undone"], &status["undo_left"]),
        (
            &2.into(),
            &serde_json::json!({"total": 1, "source_cards": 1})
        ),
        "{status}"
    );
    let told = place.pmclone_keyless(&["status"])?.with(0)?.out;
    ensure!(
        flat(&told).contains("All of this migration was taken back."),
        "{told}"
    );
    let why = explained(&place, "bare")?;
    ensure!(!why.contains("not known"), "{why}");
    ensure!(simulator.dump("customers", Some(FIRST))?.is_empty());
    Ok(())
}

#[test]
fn what_is_not_settled_is_told_with_its_reason_until_it_is() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines = format!("a,a@example.com,pm_a,{FIRST};{SECOND},\nb,b@example.com,pm_b,{FIRST},\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    simulator.post(&format!("/_sim/accounts/{FIRST}/revoke"), "")?;
    let ended = place.against(&simulator, &["undo"])?.with(3)?;
    assert_eq!(ended.out.matches("NOT SETTLED").count(), 2, "{ended:?}");
    for id in ["a", "b", FIRST] {
        let why = explained(&place, id)?;
        ensure!(
            why.contains("Application access may have been revoked. ")
                && why.contains("can be reached, the same undo goes on")
                && why.contains("pmclone undo --")
                && !why.contains("not come to yet")
                && !why.contains(".."),
            "{why}"
        );
    }
    let why = explained(&place, "b")?;
    ensure!(
        why.contains("on the platform where it is: something of it is left"),
        "{why}"
    );
    let left = |total: u64, source_cards: u64| -> Result<()> {
        let status = place.status(&[])?;
        let expected = serde_json::json!({"total": total, "source_cards": source_cards});
        assert_eq!(status["undo_left"], expected, "{status}");
        let record = place.pmclone_keyless(&["report", "--json"])?.with(0)?;
        assert_eq!(record.json()?["taken_back"]["left"], total);
        Ok(())
    };
    left(4, 0)?;
    simulator.post(&format!("/_sim/accounts/{FIRST}/restore"), "")?;
    place.against(&simulator, &["undo"])?.with(0)?;
    left(2, 2)?;
    let why = explained(&place, "b")?;
    ensure!(!why.contains("revoked"), "{why}");
    Ok(())
}

#[test]
fn a_clone_that_is_attached_to_nothing_is_not_counted_as_attached() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    in_doubt(&place, &simulator)?;
    let made = place.pmclone_keyless(&["report", "--json"])?.with(0)?;
    let made = made.json()?["made"].to_string();
    ensure!(
        made.contains(r#"{"done":1,"step":"clone_payment_method"}"#),
        "{made}"
    );
    assert_eq!(
        place.status(&[])?["payment_methods"],
        serde_json::json!({"total": 1, "cloned": 0})
    );
    let told = place.pmclone_keyless(&["status"])?.with(0)?.out;
    ensure!(flat(&told).contains("Clones wanted 1 0 attached"), "{told}");
    Ok(())
}
