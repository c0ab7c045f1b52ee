//! The wrong account, the wrong mode: told before anything is written.

use super::{count, customers, strict};
use crate::support::{Place, Result};

#[test]
fn a_csv_of_another_account_stops_before_any_write() -> Result<()> {
    let place = Place::new()?;
    let (csv, seeds) = customers(40, |_| false, false);
    let simulator = strict(&place, &seeds)?;
    place.put("c.csv", csv)?;
    let ended = place.against(&simulator, &["run", "c.csv"])?.with(5)?;
    let told: Vec<_> = ended.err.lines().rev().take(3).collect();
    insta::assert_snapshot!(told.into_iter().rev().collect::<Vec<_>>().join("\n"), @r"
    pmclone: 25 of 25 ids from the CSV are unknown to acct_1SimPlatform0001 in test mode, so this is most likely the key of another account: nothing was written
      if the account is right: `pmclone check CSV` names what is unknown; take it out of the CSV
      if that is as it should be: --accept-unknown-ids goes on, and what is unknown is refused or parked
    ");
    assert_eq!(count(&simulator, "POST")?, 0);
    // Whose key it is, two accounts, and 25 ids: no more than the plan said.
    assert_eq!(count(&simulator, "GET")?, 1 + 2 + 25);
    assert!(
        ended.err.contains("7 reads, 27 if most are unknown"),
        "{}",
        ended.err
    );
    // It stays so, until the CSV or the key is another.
    place.against(&simulator, &["resume"])?.with(5)?;
    assert_eq!(count(&simulator, "POST")?, 0);
    // Or until somebody knows better, and says so once.
    let on = ["run", "c.csv", "--accept-unknown-ids", "--limit", "2"];
    let ended = place.against(&simulator, &on)?.with(8)?;
    let told = "Warning: 25 of 25 ids from the CSV are unknown to acct_1SimPlatform0001 in test mode, so this is most likely the key of another account. Going on, as --accept-unknown-ids says.";
    assert!(ended.err.contains(told), "{}", ended.err);
    assert_eq!(count(&simulator, "POST")?, 2);
    place
        .against(&simulator, &["resume", "--limit", "1"])?
        .with(8)?;
    assert_eq!(count(&simulator, "POST")?, 3);
    Ok(())
}

#[test]
fn a_csv_of_the_other_mode_stops_and_says_which() -> Result<()> {
    let place = Place::new()?;
    let (csv, seeds) = customers(3, |_| true, true);
    let simulator = strict(&place, &seeds)?;
    place.put("c.csv", csv)?;
    let ended = place.against(&simulator, &["run", "c.csv"])?.with(5)?;
    let told: Vec<_> = ended.err.lines().rev().take(2).collect();
    insta::assert_snapshot!(told.into_iter().rev().collect::<Vec<_>>().join("\n"), @r"
    pmclone: the CSV is of acct_1SimPlatform0001's live mode, and the key is for its test mode (3 of 3 ids looked up are there): nothing was written
      use a live key, or the CSV of test mode
    ");
    // That is no guess, and nothing stands in for the right key.
    let on = ["run", "c.csv", "--accept-unknown-ids"];
    place.against(&simulator, &on)?.with(5)?;
    assert_eq!(count(&simulator, "POST")?, 0);
    Ok(())
}

#[test]
fn accounts_of_another_platform_stop_it_and_a_single_one_is_parked() -> Result<()> {
    let place = Place::new()?;
    let (csv, seeds) = customers(4, |_| true, false);
    let simulator = strict(&place, &seeds)?;
    place.put("c.csv", &csv)?;
    simulator.post("/_sim/accounts/acct_1First/revoke", "")?;
    simulator.post("/_sim/accounts/acct_1Second/revoke", "")?;
    let ended = place.against(&simulator, &["run", "c.csv"])?.with(5)?;
    let told: Vec<_> = ended.err.lines().rev().take(3).collect();
    insta::assert_snapshot!(told.into_iter().rev().collect::<Vec<_>>().join("\n"), @r"
    pmclone: 2 of 2 accounts from the CSV give acct_1SimPlatform0001 no access in test mode, so this is most likely the key of another platform, or the CSV of another mode: nothing was written
      `pmclone check CSV` names them; have their owners connect, or take them out of the CSV
      if that is as it should be: --accept-unknown-ids goes on, and what is unknown is refused or parked
    ");
    assert_eq!(count(&simulator, "POST")?, 0);
    simulator.post("/_sim/accounts/acct_1Second/restore", "")?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    assert_eq!(place.status(&[])?["customers"]["parked"], 2);
    Ok(())
}

#[test]
fn a_bad_stretch_is_no_wrong_account_and_what_was_looked_up_is_counted() -> Result<()> {
    let place = Place::new()?;
    // The five that are looked up first are among those that are unknown.
    let (csv, seeds) = customers(50, |number| number % 10 != 1, false);
    let simulator = strict(&place, &seeds)?;
    place.put("c.csv", csv)?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let status = place.status(&[])?;
    assert_eq!(status["customers"]["migrated"], 45, "{status}");
    assert_eq!(count(&simulator, "GET")?, 1 + 2 + 25);
    assert_eq!(
        status["requests"]["sent"].as_u64(),
        Some(simulator.requests()?),
        "{status}"
    );
    Ok(())
}
