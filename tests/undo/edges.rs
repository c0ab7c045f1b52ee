//! What is partly refused, parked, open or begun when it is taken back: every command tells the same of it, beforehand and afterwards.

use anyhow::ensure;

use super::{FIRST, HEADER, SECOND, told, world, writes};
use crate::support::{Place, Result, Simulator};

/// Wholly migrated; refused on one of two accounts; refused in part on one; and one whose clone finds no Customer, since access to the
/// account was revoked in between.
fn in_part(place: &Place, simulator: &Simulator) -> Result<()> {
    let lines = [
        format!("whole,w@example.com,pm_w,{FIRST},cus_1Whole"),
        format!("half,h@example.com,pm_h,{FIRST},cus_1Half"),
        format!("half,,pm_sepa_h,{SECOND},"),
        format!("part,p@example.com,pm_p;pm_sepa_p,{FIRST},cus_1Part"),
        format!("bare,b@example.com,pm_b,{SECOND},cus_1Bare"),
    ];
    place.put("c.csv", HEADER.to_owned() + &lines.join("\n"))?;
    simulator.faults(&format!(
        "nth 1 on POST /v1/customers account {SECOND} revoke {SECOND}\n"
    ))?;
    place.against(simulator, &["run", "c.csv"])?.with(3)?;
    simulator.faults("")
}

fn json(place: &Place, args: &[&str]) -> Result<serde_json::Value> {
    let args = [args, &["--json"]].concat();
    place.pmclone_keyless(&args)?.with(0)?.json()
}

#[test]
fn what_was_refused_or_parked_in_part_is_told_alike_and_not_made_unasked() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    in_part(&place, &simulator)?;
    let ended = place.against(&simulator, &["undo", "--json"])?.with(0)?;
    let (_, last) = told(&ended.out)?;
    assert_eq!(
        (&last["clones"], &last["unattached"], &last["left_to_make"]),
        (&3.into(), &1.into(), &0.into()),
        "{last}"
    );
    for words in [
        "3 Customers on 1 connected account with 3 clones",
        "1 clone is attached to nothing",
        "1 customer that nothing else was made of counts as undone",
        "1 place with clones that are attached to nothing",
    ] {
        let said = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{words}: {}", ended.err);
    }
    // The refusal on the other account stands; the one where all is taken back does not.
    let status = place.status(&[])?;
    let customers = &status["customers"];
    assert_eq!(
        (&customers["undone"], &customers["refused"]),
        (&3.into(), &1.into()),
        "{status}"
    );
    assert_eq!(status["reasons"][0]["customers"], 1);
    assert_eq!(json(&place, &["refused"])?["customers"], 1);
    let mend = place
        .pmclone_keyless(&["refused", "--csv", "r.csv"])?
        .with(0)?;
    assert!(
        mend.err
            .contains("1 refused customer is not for `retry`, and not in its file"),
        "{mend:?}"
    );
    ensure!(!place.listing()?.contains("r.csv"), "a file without a line");
    let why = json(&place, &["explain", "part"])?;
    assert_eq!(
        why["customers"][0]["next"].as_array().map(Vec::len),
        Some(1)
    );
    // `half` is refused still: another try has to be asked for, and that of all that was taken back too.
    place.against(&simulator, &["resume"])?.with(3)?;
    let sent = writes(&simulator)?;
    place
        .against(&simulator, &["resume", "--retry-refused"])?
        .with(5)?;
    assert_eq!(writes(&simulator)?, sent);
    let tried = ["resume", "--retry-refused", "--after-undo"];
    place.against(&simulator, &tried)?.with(3)?;
    assert_eq!(json(&place, &["refused"])?["customers"], 1);
    // The record: every request is in a row of it, and no Customer that is gone is listed.
    let record = json(&place, &["report"])?;
    let runs = record["runs"].as_array().cloned().unwrap_or_default();
    let sums: u64 = runs
        .iter()
        .filter_map(|run| run["requests"]["sent"].as_u64())
        .sum();
    assert_eq!(record["requests"]["sent"], sums, "{record}");
    assert!(
        runs.iter()
            .any(|run| run["command"] == "undo" && run["settled"] == 4)
    );
    let page = place.pmclone_keyless(&["report", "-o", "-"])?.with(0)?.out;
    for gone in explained_undone(&place)? {
        assert!(!page.contains(&gone), "{gone} is in the record");
    }
    Ok(())
}

/// The connected Customers that were deleted.
fn explained_undone(place: &Place) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for id in ["whole", "half", "part"] {
        let found = json(place, &["explain", id])?;
        let steps = found["customers"][0]["undone"].as_array().cloned();
        let steps = steps.unwrap_or_default();
        let objects = steps.iter().filter_map(|step| step["object"].as_str());
        gone.extend(
            objects
                .filter(|id| id.starts_with("cus_"))
                .map(str::to_owned),
        );
    }
    ensure!(gone.len() == 3, "{gone:?}");
    Ok(gone)
}

#[test]
fn what_a_whole_undo_had_not_come_to_is_made_only_where_that_is_asked_for() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines = format!("a,a@example.com,pm_a,{FIRST},\nb,b@example.com,pm_b,{FIRST},\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "1"])?
        .with(8)?;
    // A pilot that is taken back is no end of the migration.
    place
        .against(&simulator, &["undo", "--only", "a", "--dry-run"])?
        .with(0)?;
    place.against(&simulator, &["undo"])?.with(0)?;
    let sent = writes(&simulator)?;
    for command in [&["resume"][..], &["run", "c.csv"]] {
        let ended = place.against(&simulator, command)?.with(5)?;
        assert!(
            ended.err.contains("1 customer that it had not come to"),
            "{ended:?}"
        );
    }
    assert_eq!(writes(&simulator)?, sent);
    let status = place.pmclone_keyless(&["status"])?.with(0)?.out;
    assert!(status.contains("--after-undo"), "{status}");
    place
        .against(&simulator, &["resume", "--after-undo"])?
        .with(0)?;
    assert_eq!(place.status(&[])?["customers"]["migrated"], 1);
    // Asked for once.
    place.against(&simulator, &["resume"])?.with(0)?;
    Ok(())
}

#[test]
fn charges_that_are_open_are_foreseen_and_counted_where_they_are() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines =
        format!("a,a@example.com,pm_a,{FIRST},cus_1A\nb,b@example.com,pm_b,{SECOND},cus_1B\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    simulator.faults("chance 1 on POST /v1/payment_intents/*/capture error 503\nchance 1 on POST /v1/payment_intents/*/cancel error 503\n")?;
    #[rustfmt::skip]
    let charge = ["verify", "--charge", "--only", "a", "--amount", "100", "--currency", "usd"];
    place.against(&simulator, &charge)?.with(3)?;
    simulator.faults("")?;
    assert_eq!(place.status(&[])?["open_charges"], 1);
    for (narrowed, of_charges) in [
        (&[][..], true),
        (&["--only", "a"], true),
        (&["--only", "b"], false),
        (&["--account", FIRST], true),
        (&["--account", SECOND], false),
    ] {
        let dry = [&["undo", "--dry-run", "--json"], narrowed].concat();
        let dry = place.against(&simulator, &dry)?.with(0)?;
        let said = dry.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            said.contains("1 of them is not known to be over"),
            of_charges,
            "{dry:?}"
        );
        assert_eq!(said.contains("of `verify --charge`"), of_charges, "{dry:?}");
        let (lines, _) = told(&dry.out)?;
        assert!(
            lines.iter().all(|line| line["result"] == "would_undo"),
            "{dry:?}"
        );
    }
    place.against(&simulator, &["undo"])?.with(0)?;
    assert!(
        world(&simulator)?
            .keys()
            .all(|key| key.starts_with("the platform"))
    );
    Ok(())
}

#[test]
fn source_cards_are_looked_at_before_a_customer_stays_for_them() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines = format!("a,a@example.com,pm_a,{FIRST},\nb,b@example.com,pm_b,{FIRST},\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    simulator.stripe("POST", "/v1/payment_methods/pm_a/detach", "")?;
    let ended = place.against(&simulator, &["undo"])?.with(0)?;
    assert_eq!(
        ended.out.matches("left: holds 1 source card").count(),
        1,
        "{ended:?}"
    );
    let left = simulator.dump("customers", None)?;
    assert_eq!(left.len(), 1, "{left:?}");
    Ok(())
}

#[test]
fn a_lost_state_file_of_an_undo_is_rebuilt_without_making_it_again() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines = format!("a,a@example.com,pm_a,{FIRST},\nb,b@example.com,pm_b,{FIRST};{SECOND},\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    place
        .against(&simulator, &["undo", "--account", FIRST])?
        .with(0)?;
    simulator.advance_hours(1)?;
    let rebuilt = |state: &str, more: &[&str]| {
        let args = ["recover", "c.csv", "--no-wait", "--state", state];
        place.against(&simulator, &[&args, more].concat())?.with(0)
    };
    let warned = rebuilt("1.db", &[])?;
    assert!(warned.err.contains("--was-undone"), "{warned:?}");
    let kept = rebuilt("2.db", &["--was-undone"])?;
    assert!(kept.err.contains("pmclone undo --state 2.db"), "{kept:?}");
    let sent = writes(&simulator)?;
    place
        .against(&simulator, &["resume", "--state", "2.db"])?
        .with(5)?;
    assert_eq!(writes(&simulator)?, sent);
    place
        .against(&simulator, &["undo", "--state", "2.db"])?
        .with(0)?;
    assert!(simulator.dump("customers", Some(SECOND))?.is_empty());
    Ok(())
}

#[test]
fn what_cannot_be_meant_is_refused() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    // A customer whose legacy id is the platform Customer of another one.
    let lines = format!(
        "cus_1B,a@example.com,pm_a,{FIRST},\nb,b@example.com,pm_b,{FIRST},cus_1B\n=1+1,e@example.com,pm_e,{FIRST},\n"
    );
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let sent = writes(&simulator)?;
    for command in ["undo", "verify"] {
        let ended = place.against(&simulator, &[command, "--only", "cus_1B"])?;
        let ended = ended.with(2)?;
        assert!(ended.err.contains("--only b"), "{ended:?}");
    }
    assert_eq!(writes(&simulator)?, sent);
    place
        .against(&simulator, &["undo", "--dry-run", "--only", "b"])?
        .with(0)?;
    for args in [
        &["export", "--account", "acct_1Nobody"][..],
        &["export", "-o", "no/such/place.csv"],
        &["report", "-o", "no/such/place.html"],
        &["refused", "--csv", "no/such/place.csv"],
    ] {
        let ended = place.pmclone_keyless(args)?.with(2)?;
        assert!(!ended.err.is_empty(), "{args:?}");
    }
    place
        .pmclone_keyless(&["export", "-o", "m.csv", "--receipts", "r"])?
        .with(0)?;
    let receipt = std::fs::read_to_string(place.path(&format!("r/{FIRST}.txt")))?;
    assert!(receipt.contains("\n'=1+1,"), "{receipt}");
    // What is for Stripe itself is not passed over in a rehearsal.
    place.put("r.csv", HEADER.to_owned() + &format!("a,,,{FIRST},\n"))?;
    place
        .pmclone_keyless(&["run", "r.csv", "--simulate"])?
        .with(0)?;
    let state = ["--state", "pmclone-rehearsal.db"];
    for real in [&["--live"][..], &["--api-base", "http://127.0.0.1:1"]] {
        for command in ["resume", "undo", "reconcile"] {
            let args = [&[command][..], &state, real].concat();
            let ended = place.pmclone_keyless(&args)?.with(2)?;
            assert!(ended.err.contains(real[0]), "{ended:?}");
        }
    }
    Ok(())
}
