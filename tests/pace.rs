//! When a run sends, how it is steered from elsewhere, and in which order customers come.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Asked, Place, Result, Running, Simulator, World, until};

/// What the run that is on tells of itself, once it does.
fn pace(place: &Place, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut told = Value::Null;
    until(what, || {
        let ended = place.pmclone_keyless(&["status", "--json"])?;
        // Before the import there is none.
        if ended.code == Some(0) {
            told = ended.json()?["pace"].clone();
        }
        Ok(is_so(&told))
    })?;
    Ok(told)
}

/// Waits until nothing arrives any more: two looks in a row, with the run's own word in between.
fn is_quiet(place: &Place, simulator: &Simulator) -> Result<u64> {
    let mut before = 0;
    until("silence", || {
        let quiet = before == simulator.requests()?;
        before = simulator.requests()?;
        place.status(&[])?;
        Ok(quiet)
    })?;
    Ok(before)
}

fn lone(place: &Place, customers: u32) -> Result<()> {
    let lines = (0..customers).map(|n| {
        let account = n * 4 / customers;
        format!("{n},pm_{n},acct_{account}\n")
    });
    let csv: String = std::iter::once("legacy_id,payment_method,connected_account\n".to_owned())
        .chain(lines)
        .collect();
    place.put("c.csv", csv)
}

/// What the simulator was asked to make.
fn writes(simulator: &Simulator) -> Result<usize> {
    let sent = simulator.transcript()?;
    Ok(sent.iter().filter(|line| line["method"] == "POST").count())
}

#[test]
fn a_file_that_is_sorted_by_account_is_spread_over_all_of_them() -> Result<()> {
    let place = Place::new()?;
    lone(&place, 256)?;
    let simulator = Simulator::on_demand(&place)?;
    // With limits that do not hold anything up; without any the file's own order is kept.
    #[rustfmt::skip]
    let arguments = ["run", "c.csv", "--concurrency", "4", "--rate", "5000", "--endpoint-rate", "off", "--api-base", &simulator.url];
    place.pmclone(&arguments)?.with(0)?;
    let transcript = simulator.transcript()?;
    let clones = transcript
        .iter()
        .filter(|line| line["path"] == "/v1/payment_methods" && line["method"] == "POST")
        .filter_map(|line| line["account"].as_str());
    for window in clones.collect::<Vec<_>>()[..224].chunks(32) {
        let accounts: BTreeSet<_> = window.iter().collect();
        assert_eq!(accounts.len(), 4, "{window:?}");
    }
    Ok(())
}

#[test]
fn a_limit_takes_the_first_customers_however_they_are_spread() -> Result<()> {
    let place = Place::new()?;
    lone(&place, 256)?;
    let simulator = Simulator::on_demand(&place)?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "100"])?
        .with(8)?;
    let mapping = place.pmclone(&["export"])?.with(0)?.out;
    for line in mapping.lines().skip(1) {
        let number: u32 = line.split(',').next().unwrap_or_default().parse()?;
        assert_eq!(line.ends_with(",migrated"), number < 100, "{line}");
    }
    Ok(())
}

#[test]
fn a_run_is_paused_slowed_let_go_and_stopped_from_another_terminal() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 200, 4, 41)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::slow(&place, 20)?;
    let run = place.start_against(&simulator, &["run", "c.csv", "--rate", "100"])?;
    simulator.until_requests(40)?;
    let told = place
        .pmclone(&["throttle", "--pause", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(told["state"], "waiting", "{told}");
    assert_eq!(told["because"], "throttle", "{told}");
    let before = is_quiet(&place, &simulator)?;
    // Its word comes after the silence, and still nothing was sent.
    let told = place
        .pmclone(&["throttle", "--rate", "60", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(told["limits"]["total"], 60, "{told}");
    assert_eq!(told["state"], "waiting", "{told}");
    assert_eq!(simulator.requests()?, before);
    let text = place.pmclone(&["status"])?.with(0)?.out;
    assert!(text.contains("paused"), "{text}");
    place.pmclone(&["throttle", "--go"])?.with(0)?;
    simulator.until_requests(before + 20)?;
    place.pmclone(&["throttle", "--stop"])?.with(0)?;
    let ended = run.wait()?.with(8)?;
    for word in ["Paused by", "Going on", "Stopping"] {
        assert!(ended.err.contains(word), "{}", ended.err);
    }
    // What was said was said to that run.
    place.against(&simulator, &["resume"])?.with(3)?;
    assert_eq!(place.status(&[])?["pace"], Value::Null);
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_pause_file_holds_a_run_before_it_asks_anything_but_whose_key_it_is() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 10, 2, 42)?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("hold", "")?;
    let run = place.start_against(&simulator, &["run", "c.csv", "--pause-file", "hold"])?;
    let told = pace(&place, "a pause", |pace| pace["state"] == "waiting")?;
    assert_eq!(told["because"], "pause_file");
    // The look-ups before the first write wait too.
    assert_eq!(is_quiet(&place, &simulator)?, 1);
    std::fs::remove_file(place.path("hold"))?;
    let ended = run.wait()?;
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    assert!(ended.err.contains("Going on"), "{}", ended.err);
    // One that is stopped while it waits has sent nothing more, and says so.
    place.put("hold", "")?;
    let again = [
        "run",
        "c.csv",
        "--pause-file",
        "hold",
        "--state",
        "other.db",
    ];
    let before = simulator.requests()?;
    let run = place.start_against(&simulator, &again)?;
    until("its wait", || {
        let told = place.pmclone_keyless(&["status", "--json", "--state", "other.db"])?;
        Ok(told.code == Some(0) && told.json()?["pace"]["state"] == "waiting")
    })?;
    place
        .pmclone(&["throttle", "--stop", "--state", "other.db"])?
        .with(0)?;
    run.wait()?.with(8)?;
    assert_eq!(simulator.requests()?, before + 1);
    Ok(())
}

#[test]
fn outside_of_its_hours_a_run_waits_and_can_be_interrupted() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 10, 2, 43)?;
    let simulator = Simulator::on_demand(&place)?;
    // The twelve hours that are not now.
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let hour = i64::from(now.hour());
    let window = format!("{:02}:00-{:02}:00", (hour + 2) % 24, (hour + 12) % 24);
    #[rustfmt::skip]
    let run = place.start_against(&simulator, &["run", "c.csv", "--window", &window, "--timezone", "UTC"])?;
    let told = pace(&place, "a wait", |pace| pace["because"] == "window")?;
    assert_eq!(told["windows"][0], window.as_str());
    assert!(told["until"].is_string(), "{told}");
    run.signal("INT")?;
    let ended = run.wait()?.with(130)?;
    assert!(ended.err.contains("Outside of the hours"), "{}", ended.err);
    assert_eq!(writes(&simulator)?, 0);
    Ok(())
}

#[test]
fn a_run_ends_after_the_time_asked_for() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 200, 2, 44)?;
    let simulator = Simulator::on_demand(&place)?;
    #[rustfmt::skip]
    let ended = place.against(&simulator, &["run", "c.csv", "--rate", "20", "--max-duration", "1s"])?.with(8)?;
    assert!(ended.err.contains("--max-duration"), "{}", ended.err);
    assert_eq!(place.status(&[])?["customers"]["in_doubt"], 0);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 3, 2, 45)?;
    let cases: [&[&str]; 8] = [
        &["--rate", "fast"],
        &["--endpoint-rate", "auto"],
        &["--share", "0"],
        &["--share", "1.01"],
        &["--window", "5-6"],
        &["--window", "01:00-05:00", "--timezone", "Atlantis/Capital"],
        &["--max-duration", "0s"],
        &["--connected-budget", "mine"],
    ];
    for case in cases {
        let all = [&["run", "c.csv", "--simulate"], case].concat();
        let ended = place.pmclone_keyless(&all)?.with(2)?;
        assert!(
            ended.err.contains(case[case.len() - 1]) || ended.err.contains("--window"),
            "{ended:?}"
        );
    }
    place.pmclone(&["throttle", "--pause"])?.with(10)?;
    place.pmclone_keyless(&["run", "c.csv", "--simulate"])?;
    let ended = place
        .pmclone(&["throttle", "--pause", "--simulate"])?
        .with(2)?;
    assert!(ended.err.contains("no run is on"), "{}", ended.err);
    Ok(())
}

#[test]
fn the_configuration_file_says_the_same() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 3000, 2, 46)?;
    #[rustfmt::skip]
    place.put("pmclone.toml", "rate = \"auto\"\nshare = 0.5\nconnected_budget = \"auto\"\nwindow = [\"00:00-12:00\", \"12:00-00:00\"]\ntimezone = \"Europe/Berlin\"\n")?;
    let simulator = Simulator::on_demand(&place)?;
    let run: Running = place.start(&["run", "c.csv", "--api-base", &simulator.url])?;
    let told = pace(&place, "its word", Value::is_object)?;
    assert_eq!(told["limits"]["auto"], true, "{told}");
    assert_eq!(told["limits"]["share"], 0.5, "{told}");
    assert_eq!(told["limits"]["total"], 12, "{told}");
    assert_eq!(told["connected_budget"], "auto", "{told}");
    assert_eq!(told["timezone"], "Europe/Berlin", "{told}");
    place.pmclone(&["throttle", "--stop"])?.with(0)?;
    run.wait()?.with(8)?;
    Ok(())
}
