//! `pmclone purge`: nothing of a person is left in the bytes of the state file, and the mapping is.

use crate::support::{Place, Result, Simulator};

const CSV: &str = "\
legacy_id,email,name,phone,address_line1,metadata.pet,payment_method,connected_account
Q1,quokka1@example.com,Quokka Wombat,+99 555 1111,Billabong Way,Numbat,pm_1One,acct_1A
Q2,quokka2@example.com,Quokka Wombat,+99 555 2222,Billabong Way,Numbat,pm_declined_1Two,acct_1A
Q3,quokka3@example.com,Quokka Wombat,+99 555 3333,Billabong Way,Numbat,pm_1Three,acct_revoked_1B
quokka4@mapping.example,quokka4@example.com,Quokka Wombat,+99 555 4444,Billabong Way,Numbat,pm_1Four,acct_1A
";

/// Whatever of the people is in the bytes of the state file, its log, and what else is beside it.
fn people_in(place: &Place) -> Result<Vec<&'static str>> {
    let mut bytes = Vec::new();
    for name in place.listing()? {
        if name.starts_with("pmclone.db") {
            bytes.extend(std::fs::read(place.path(&name))?);
        }
    }
    let words = [
        "@example.com",
        "Wombat",
        "+99 555",
        "Billabong",
        "Numbat",
        "Echidna",
        "Ech***",
        "E***",
        "No such",
    ];
    let is_there = |word: &&str| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    Ok(words.into_iter().filter(is_there).collect())
}

/// One migrated, one declined whose line a person mended, one parked, one whose legacy id is an address.
fn migrated(place: &Place) -> Result<Simulator> {
    let simulator = Simulator::on_demand(place)?;
    place.put("c.csv", CSV)?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let mended = "legacy_id,email,name\nQ2,echidna@example.com,Echidna Wombat\n";
    place.put("mended.csv", mended)?;
    place
        .against(&simulator, &["retry", "mended.csv"])?
        .with(3)?;
    Ok(simulator)
}

#[test]
fn nothing_of_a_person_is_left_in_the_bytes_and_the_mapping_is() -> Result<()> {
    let place = Place::new()?;
    let simulator = migrated(&place)?;
    let found = people_in(&place)?;
    for word in [
        "@example.com",
        "Wombat",
        "Billabong",
        "Numbat",
        "Echidna",
        "E***",
    ] {
        assert!(
            found.contains(&word),
            "{word} was not there to be erased: {found:?}"
        );
    }
    let mapping = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let looked = place
        .pmclone_keyless(&["purge", "--dry-run", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(looked["given_up"]["refused"], 1);
    assert_eq!(looked["given_up"]["parked"], 1);
    assert_eq!(looked["purged_at"], serde_json::Value::Null);
    assert_eq!(looked["emails_as_ids"], 1);
    // Neither without a word, nor with a wrong one.
    for args in [
        &["purge"][..],
        &["purge", "--give-up", "1"],
        &["purge", "--give-up", "3"],
    ] {
        let ended = place.pmclone_keyless(args)?.with(5)?;
        assert!(
            ended
                .err
                .contains("2 customers are not migrated (1 parked, 1 refused)"),
            "{}",
            ended.err
        );
        assert!(ended.err.contains("--give-up 2"), "{}", ended.err);
    }
    assert_eq!(people_in(&place)?, found);
    let purged = place
        .pmclone_keyless(&["purge", "--give-up", "2"])?
        .with(0)?;
    assert!(purged.out.contains("1 legacy id that"), "{}", purged.out);
    assert_eq!(people_in(&place)?, [""; 0]);
    assert_eq!(place.pmclone_keyless(&["export"])?.with(0)?.out, mapping);
    behaves_afterwards(&place, &simulator)
}

fn behaves_afterwards(place: &Place, simulator: &Simulator) -> Result<()> {
    assert!(place.status(&[])?["purged_at"].is_string());
    let status = place.pmclone_keyless(&["status"])?.with(0)?;
    assert!(status.out.contains("Purged on"), "{}", status.out);
    let explained = place.pmclone_keyless(&["explain", "Q2"])?.with(0)?;
    assert!(
        explained.out.contains("No run takes it up any more"),
        "{}",
        explained.out
    );
    place
        .pmclone_keyless(&["report", "-o", "report.html"])?
        .with(0)?;
    let refused = place.pmclone_keyless(&["refused"])?.with(0)?;
    assert!(refused.err.contains("were erased"), "{}", refused.err);
    place
        .pmclone_keyless(&["refused", "--csv", "refused.csv"])?
        .with(5)?;
    let sent = simulator.requests()?;
    for args in [
        &["run", "c.csv"][..],
        &["resume"],
        &["resume", "--retry-refused"],
        &["resume", "--dry-run"],
        &["retry", "mended.csv"],
    ] {
        let ended = place.against(simulator, args)?.with(5)?;
        assert!(ended.err.contains("ended this migration"), "{}", ended.err);
    }
    assert_eq!(simulator.requests()?, sent);
    place.against(simulator, &["verify"])?;
    place.against(simulator, &["reconcile"])?.with(0)?;
    // Again: nothing changes, and it needs no word any more.
    place.pmclone_keyless(&["purge"])?.with(0)?;
    place.against(simulator, &["undo"])?;
    assert_eq!(people_in(place)?, [""; 0]);
    Ok(())
}

#[test]
fn a_purge_waits_for_nobody_and_touches_no_file_that_a_run_holds() -> Result<()> {
    let place = Place::new()?;
    place.pmclone_keyless(&["purge"])?.with(10)?;
    place.pmclone_keyless(&["purge", "--dry-run"])?.with(10)?;
    let simulator = Simulator::slow(&place, 50)?;
    place.put("c.csv", CSV)?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(2)?;
    place
        .pmclone_keyless(&["purge", "--give-up", "4"])?
        .with(11)?;
    run.wait()?.with(3)?;
    Ok(())
}
