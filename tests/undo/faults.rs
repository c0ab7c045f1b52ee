//! Whatever Stripe answers, or does not.

use anyhow::{Context, ensure};

use super::{FIRST, adopted, same, world};
use crate::support::{Place, Result, Simulator};

#[test]
fn whatever_a_request_is_answered_nothing_is_left_or_missing() -> Result<()> {
    let writes = [
        "POST /v1/payment_methods/*/detach",
        "DELETE /v1/customers/*",
    ];
    let faults = [
        "lost-before",
        "lost-after",
        "half",
        "error 503",
        "error 500 stored",
        "error 500 stored done",
        "limit endpoint-rate",
        "lock",
    ];
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    adopted(&place, &simulator)?;
    let before = world(&simulator)?;
    for (number, write) in writes.into_iter().enumerate() {
        for fault in faults {
            let state = format!("{number}{}.db", fault.replace(' ', ""));
            let undo = ["undo", "--state", &state];
            place
                .against(&simulator, &["run", "c.csv", "--state", &state])?
                .with(0)?;
            simulator.faults(&format!(
                "nth 1 on {write} {fault}\nnth 3 on {write} {fault}\n"
            ))?;
            place
                .against(&simulator, &undo)?
                .with(0)
                .with_context(|| format!("{write} {fault}"))?;
            simulator.faults("")?;
            same(&before, &world(&simulator)?).with_context(|| format!("{write} {fault}"))?;
        }
    }
    Ok(())
}

#[test]
fn a_look_that_fails_takes_nothing_back_and_the_same_command_goes_on() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    adopted(&place, &simulator)?;
    let before = world(&simulator)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let migrated = world(&simulator)?;
    let undo = ["undo", "--only", "c2", "--account", FIRST];
    let restored = || simulator.post(&format!("/_sim/accounts/{FIRST}/restore"), "");
    for list in [
        "subscriptions",
        "invoices",
        "charges",
        "payment_intents",
        "setup_intents",
        "customers/*/payment_methods",
        "customers/*",
    ] {
        simulator.faults(&format!("nth 1 on GET /v1/{list} revoke {FIRST}\n"))?;
        let ended = place.against(&simulator, &undo)?.with(3)?;
        assert!(ended.out.contains("NOT SETTLED"), "{ended:?}");
        restored()?;
        same(&migrated, &world(&simulator)?).with_context(|| list.to_owned())?;
    }
    // Sent, and what came of it cannot be read either.
    simulator.faults(&format!(
        "nth 1 on POST /v1/payment_methods/*/detach error 500 stored done\nnth 1 on GET /v1/payment_methods/* revoke {FIRST}\n"
    ))?;
    place.against(&simulator, &undo)?.with(3)?;
    simulator.faults("")?;
    restored()?;
    let status = place.status(&[])?;
    assert_eq!(
        (
            &status["undo_unfinished"],
            &status["customers"]["partly_undone"]
        ),
        (&1.into(), &1.into()),
        "{status}"
    );
    // Half taken back, and no run makes it whole.
    let half = world(&simulator)?;
    ensure!(half != migrated, "nothing was detached");
    let ended = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(ended.err.contains("pmclone undo --state"), "{ended:?}");
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    assert_eq!(export.matches(",undo_unfinished\n").count(), 1, "{export}");
    let why = place.pmclone_keyless(&["explain", "c2"])?.with(0)?.out;
    assert!(
        why.contains("is not done to the end") && why.contains("pmclone undo --only c2"),
        "{why}"
    );
    same(&half, &world(&simulator)?)?;
    place.against(&simulator, &["undo"])?.with(0)?;
    assert_eq!(place.status(&[])?["undo_unfinished"], 0);
    same(&before, &world(&simulator)?)
}
