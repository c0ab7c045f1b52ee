//! A few customers first, and a run that stops by itself.

use std::collections::BTreeSet;

use super::{count, customers, strict};
use crate::support::{Place, Result, Simulator};

/// The customers that were migrated, by their legacy ids.
fn migrated(place: &Place) -> Result<BTreeSet<String>> {
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let rows = export.lines().skip(1);
    let done = rows.filter(|row| row.ends_with(",migrated"));
    Ok(done
        .filter_map(|row| row.split(',').next())
        .map(str::to_owned)
        .collect())
}

#[test]
fn a_sample_is_of_every_kind_and_the_same_one_again() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let line = |number: u32| {
        // Sorted by account, as exports are; a few of some kinds alone.
        let account = if number <= 56 {
            "acct_1Large"
        } else {
            "acct_1Small"
        };
        let country = if number == 20 { "JP" } else { "DE" };
        let more = if number == 30 { ";pm_1B30;pm_1C30" } else { "" };
        format!("c{number},{country},pm_1A{number}{more},{account}\n")
    };
    let csv = "legacy_id,address_country,payment_method,connected_account\n".to_owned()
        + &(1..=60).map(line).collect::<String>();
    place.put("c.csv", csv)?;
    let plan = place
        .pmclone_keyless(&["run", "c.csv", "--sample", "4", "--dry-run", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(plan["plan"]["customers"], 4, "{plan}");
    assert_eq!(plan["plan"]["accounts"], 2, "{plan}");
    place
        .against(&simulator, &["run", "c.csv", "--sample", "4"])?
        .with(8)?;
    let first = migrated(&place)?;
    assert_eq!(first.len(), 4, "{first:?}");
    assert!(first.contains("c20") && first.contains("c30"), "{first:?}");
    assert!(
        ["c57", "c58", "c59", "c60"]
            .iter()
            .any(|id| first.contains(*id)),
        "{first:?}"
    );
    // The same four: nothing is left of them. Then six: those four, and two more.
    let writes = count(&simulator, "POST")?;
    place
        .against(&simulator, &["resume", "--sample", "4"])?
        .with(8)?;
    assert_eq!(count(&simulator, "POST")?, writes);
    place
        .against(&simulator, &["resume", "--sample", "6"])?
        .with(8)?;
    let then = migrated(&place)?;
    assert!(then.len() == 6 && then.is_superset(&first), "{then:?}");
    Ok(())
}

#[test]
fn a_list_of_legacy_ids_confines_a_run_and_a_wrong_one_is_told() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", customers(9, |_| false, false).0)?;
    place.put("wrong.txt", "c1\nc77\nsomebody\n")?;
    let ended = place
        .against(&simulator, &["run", "c.csv", "--only", "wrong.txt"])?
        .with(2)?;
    let told: Vec<_> = ended.err.lines().rev().take(2).collect();
    insta::assert_snapshot!(told.into_iter().rev().collect::<Vec<_>>().join("\n"), @r"
    pmclone: --only wrong.txt: 2 of its ids are no legacy_id of this migration, the first in line 2: nothing was sent
      one legacy_id a line, as the CSV has them; no other columns
    ");
    assert_eq!(count(&simulator, "POST")?, 0);
    // As a spreadsheet saves a column.
    place.put(
        "pilot.csv",
        "\u{feff}legacy_id\r\nc8\r\n\"c2\"\r\n\r\nc8\r\n",
    )?;
    place
        .against(&simulator, &["run", "c.csv", "--only", "pilot.csv"])?
        .with(8)?;
    let expected = ["c2", "c8"].map(str::to_owned);
    assert_eq!(migrated(&place)?, BTreeSet::from(expected));
    place
        .against(&simulator, &["run", "c.csv", "--only", "not-there.txt"])?
        .with(2)?;
    place.against(&simulator, &["resume"])?.with(0)?;
    assert_eq!(migrated(&place)?.len(), 9);
    Ok(())
}

#[test]
fn a_run_whose_first_hundred_mostly_fail_for_one_reason_stops_and_can_go_on() -> Result<()> {
    let place = Place::new()?;
    let (csv, seeds) = customers(200, |number| number % 3 == 0, false);
    // Two of three are refused on the platform for a reason that no look-up shows.
    let declined: Vec<String> = (1..=200)
        .filter(|number| number % 3 != 0)
        .map(|number| {
            format!(
                "{{\"payment_method\":\"pm_1Live{number}\",\"test_card\":\"visa_chargeDeclined\"}}"
            )
        })
        .collect();
    let simulator = strict(&place, &(seeds + &declined.join("\n")))?;
    place.put("c.csv", csv)?;
    let ended = place
        .against(
            &simulator,
            &["run", "c.csv", "--concurrency", "4", "--json"],
        )?
        .with(7)?;
    let told = ended.json()?;
    assert_eq!(told["ending"], "stopped");
    let why = told["why"].as_str().unwrap_or_default();
    assert!(
        why.starts_with("The stop-loss: 51 of the ") && why.contains("all for generic_decline"),
        "{why}"
    );
    assert!(why.contains("--stop-after-refusals off"), "{why}");
    let customers = &told["status"]["customers"];
    // It drains: those that were on their way are settled, and nobody is left in doubt.
    let refused = customers["refused"].as_u64().unwrap_or_default();
    assert!((51..=54).contains(&refused), "{customers}");
    assert_eq!(customers["in_doubt"], 0, "{customers}");
    // The next hundred of a later run are judged anew; nobody who is migrated is touched again.
    place
        .against(&simulator, &["resume", "--stop-after-refusals", "off"])?
        .with(3)?;
    let status = place.status(&[])?;
    assert_eq!(status["customers"]["migrated"], 66, "{status}");
    assert_eq!(status["customers"]["refused"], 134, "{status}");
    Ok(())
}

#[test]
fn a_number_or_a_part_of_refusals_that_was_asked_for_stops_a_run() -> Result<()> {
    // Without limits customers come in the order of the file: of its first hundred, twelve are declined.
    for (bound, refused) in [("3", 3), ("10%", 12)] {
        let place = Place::new()?;
        let simulator = Simulator::on_demand(&place)?;
        let line = |number: u32| {
            let marker = if number.is_multiple_of(8) {
                "pm_declined_1"
            } else {
                "pm_1"
            };
            format!("c{number},{marker}C{number},acct_1First\n")
        };
        let csv = "legacy_id,payment_method,connected_account\n".to_owned()
            + &(1..=160).map(line).collect::<String>();
        place.put("c.csv", csv)?;
        let arguments = [
            "run",
            "c.csv",
            "--concurrency",
            "1",
            "--stop-after-refusals",
        ];
        place
            .against(&simulator, &[&arguments[..], &[bound]].concat())?
            .with(7)?;
        let status = place.status(&[])?;
        assert_eq!(status["customers"]["refused"], refused, "{bound}: {status}");
    }
    Ok(())
}
