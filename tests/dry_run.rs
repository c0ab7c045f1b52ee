//! `--dry-run` checks and plans; it sends nothing and leaves nothing behind.

use crate::support::{Place, Result, Simulator};

const CSV: &str = "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n2,b@example.com,pm_1B,acct_1A\n";

#[test]
fn a_dry_run_leaves_no_file_behind_and_sends_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("good.csv", CSV)?;
    place.put("bad.csv", "legacy_id,payment_method\n1,cus_1\n")?;
    let before = place.listing()?;
    let (good, bad) = (["run", "good.csv", "--dry-run"], ["run", "bad.csv", "-n"]);
    for more in [
        &[][..],
        &["--json"],
        &["--simulate"],
        &["--api-base", &simulator.url],
        &["--state", "other.db"],
    ] {
        for (command, code) in [(good, 0), (bad, 4)] {
            for keyed in [true, false] {
                let args = [&command[..], more].concat();
                let ended = if keyed {
                    place.pmclone(&args)?
                } else {
                    place.pmclone_keyless(&args)?
                }
                .with(code)?;
                if more == ["--json"] {
                    assert!(ended.json()?["errors"].is_u64(), "{}", ended.out);
                }
                assert!(!ended.out.is_empty(), "{args:?}");
                assert_eq!(place.listing()?, before, "{args:?}");
            }
        }
    }
    assert_eq!(simulator.requests()?, 0);
    Ok(())
}

#[test]
fn a_dry_run_beside_a_state_file_plans_what_is_left_and_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", CSV)?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "1"])?
        .with(8)?;
    place.put("c.csv", format!("{CSV}3,c@example.com,pm_1C,acct_1A\n"))?;
    let (before, sent) = (place.status(&[])?, simulator.requests()?);
    let plan = place
        .pmclone_keyless(&["run", "c.csv", "--dry-run", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(plan["plan"]["customers"], 2, "{plan}");
    assert_eq!(plan["plan"]["total_calls"], 6, "{plan}");
    assert_eq!(plan["plan"]["radar"]["reads"], 3, "{plan}");
    assert_eq!(place.status(&[])?, before);
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(
        simulator.requests()? - sent,
        6 + 3 + 1,
        "what was planned, and the question whose key it is"
    );
    Ok(())
}
