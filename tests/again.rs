//! The same CSV again, a newer one, or none at all.

use crate::support::{Asked, Place, Result, Simulator, World};

const HEADER: &str = "legacy_id,email,name,payment_method,connected_account\n";

fn line(number: u32, name: &str) -> String {
    format!("c{number},c{number}@example.com,{name},pm_1Again{number},acct_1Again\n")
}

fn text(numbers: std::ops::RangeInclusive<u32>, name: &str) -> String {
    HEADER.to_owned() + &numbers.map(|number| line(number, name)).collect::<String>()
}

#[test]
fn an_unchanged_csv_is_not_read_again_and_resume_needs_none() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", text(1..=10, "Ann"))?;
    let asked = Asked::of_text(&text(1..=10, "Ann"))?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "4"])?
        .with(8)?;
    let ended = place
        .against(&simulator, &["run", "c.csv", "--limit", "1"])?
        .with(8)?;
    assert!(ended.err.contains("imported already"), "{}", ended.err);
    std::fs::remove_file(place.path("c.csv"))?;
    place.against(&simulator, &["resume"])?.with(0)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_newer_csv_adds_its_new_customers() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", text(1..=5, "Ann"))?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let before = simulator.requests()?;
    place.put("c.csv", text(1..=8, "Ann"))?;
    let ended = place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert!(ended.err.contains("3 new"), "{}", ended.err);
    // Three customers of three writes, the question whose key it is, and whether they and their account are this platform's.
    assert_eq!(simulator.requests()? - before, 9 + 1 + 4);
    let asked = Asked::of_text(&text(1..=8, "Ann"))?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_line_that_changed_before_its_customer_began_counts_and_afterwards_is_reported() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", text(1..=4, "Ann"))?;
    place
        .against(
            &simulator,
            &["run", "c.csv", "--limit", "2", "--concurrency", "1"],
        )?
        .with(8)?;
    place.put("c.csv", text(1..=4, "Beatrice"))?;
    let ended = place.against(&simulator, &["run", "c.csv"])?;
    assert!(matches!(ended.code, Some(0)), "{ended:?}");
    let told = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("2 changed and taken up, 2 changed where Customers exist"),
        "{told}"
    );
    let mut names: Vec<String> = simulator
        .dump("customers", Some("acct_1Again"))?
        .iter()
        .map(|customer| {
            format!(
                "{} {}",
                customer["metadata"]["legacy_customer_id"], customer["name"]
            )
            .replace('"', "")
        })
        .collect();
    names.sort();
    assert_eq!(names, ["c1 Ann", "c2 Ann", "c3 Beatrice", "c4 Beatrice"]);
    Ok(())
}

#[test]
fn a_line_that_changes_while_its_request_is_under_way_changes_no_request() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 40)?;
    place.put("c.csv", text(1..=40, "Ann"))?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(40)?;
    run.kill()?;
    place.put("c.csv", text(1..=40, "Beatrice"))?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert!(
        simulator.counters()?["by_status"]["400"].is_null(),
        "a key was used with other parameters"
    );
    // Those that had a step in doubt then are found by the same file, now that they have none.
    let again = place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert!(!again.err.contains("imported already"), "{}", again.err);
    let once_more = place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert!(
        once_more.err.contains("imported already"),
        "{}",
        once_more.err
    );
    let asked = Asked::of_text(&text(1..=40, "Beatrice"))?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

/// A part that is refused makes the customer count as refused, and must not make it count as finished.
#[test]
fn a_customer_with_a_refused_source_is_taken_up_again_on_the_accounts_that_were_left_out()
-> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let text = HEADER.to_owned()
        + "c1,c1@example.com,Ann,pm_1Again1;pm_sepa_1,acct_1Again;acct_1Later\n\
           c2,c2@example.com,Bob,pm_1Again2,acct_1Again;acct_1Later\n";
    place.put("c.csv", &text)?;
    let pilot = ["run", "c.csv", "--account", "acct_1Again"];
    place.against(&simulator, &pilot)?.with(8)?;
    place.against(&simulator, &["resume"])?.with(3)?;
    let asked = Asked::of_text(&text)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_rehearsal_has_the_customers_that_a_newer_csv_wants_adopted() -> Result<()> {
    const HEADER: &str = "legacy_id,platform_customer,payment_method,connected_account\n";
    let place = Place::new()?;
    let first = format!("{HEADER}1,cus_1First,pm_1First,acct_1A\n");
    let arguments = ["run", "c.csv", "--simulate", "--rate", "off"];
    place.put("c.csv", &first)?;
    place.pmclone_keyless(&arguments)?.with(0)?;
    place.put(
        "c.csv",
        format!("{first}2,cus_1Second,pm_1Second,acct_1A\n"),
    )?;
    place.pmclone_keyless(&arguments)?.with(0)?;
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_csv_that_was_replaced_by_one_of_the_same_size_and_date_is_read() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let text = |id: u32| {
        format!(
            "legacy_id,email,payment_method,connected_account\n{id},{id}@example.com,pm_1Same{id},acct_1A\n"
        )
    };
    place.put("c.csv", text(1))?;
    let dated = std::fs::metadata(place.path("c.csv"))?.modified()?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    place.put("c.csv", text(2))?;
    std::fs::File::options()
        .write(true)
        .open(place.path("c.csv"))?
        .set_modified(dated)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(place.status(&[])?["customers"]["migrated"], 2);
    // As it is now, it is not.
    let again = place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert!(again.err.contains("is imported already"), "{}", again.err);
    Ok(())
}
