//! What an undo could not settle: it is told with its reason as long as it is so, and no longer.

use std::collections::BTreeSet;

use anyhow::ensure;

use super::{FIRST, HEADER};
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
