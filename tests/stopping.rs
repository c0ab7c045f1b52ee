//! Signals, limits and other ways to stop early; and going on afterwards.

use crate::support::oracle::count;
use crate::support::tool::KEY;
use crate::support::{Asked, Place, Result, Running, Simulator, World, until};

fn drains(signal: &str, code: i32) -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 120, 4, 31)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::slow(&place, 30)?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(100)?;
    run.signal(signal)?;
    let ended = run.wait()?.with(code)?;
    assert!(ended.err.contains("Stopping"), "{}", ended.err);
    // Drained: every request that was sent has its answer in the state file.
    let status = place.status(&[])?;
    assert_eq!(status["customers"]["in_doubt"], 0, "{status}");
    let sent = simulator.requests()?;
    assert_eq!(status["requests"]["sent"].as_u64(), Some(sent));
    assert!(
        status["customers"]["pending"].as_u64() > Some(0),
        "{status}"
    );
    place.against(&simulator, &["resume"])?.with(3)?;
    assert!(
        simulator.counters()?["replayed"] == 0,
        "a drained step was sent again"
    );
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn ctrl_c_lets_what_is_under_way_finish_and_can_be_resumed() -> Result<()> {
    drains("INT", 130)
}

#[test]
fn sigterm_lets_what_is_under_way_finish_and_can_be_resumed() -> Result<()> {
    drains("TERM", 143)
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_can_be_resumed() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 60, 4, 32)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::kept(&place, 0)?;
    // From the 60th request on, no answer comes within ten minutes.
    simulator.faults("at 60..100000 delay 600000")?;
    let errors = place.path("stderr.txt");
    let mut command = place.command(&[
        "run",
        "c.csv",
        "--rate",
        "off",
        "--api-base",
        &simulator.url,
    ]);
    command.stderr(std::fs::File::create(&errors)?);
    let mut run = Running::of(command.spawn()?);
    simulator.until_requests(60)?;
    run.signal("INT")?;
    until("the word that it stops", || {
        Ok(std::fs::read_to_string(&errors)?.contains("Stopping"))
    })?;
    assert!(run.is_on()?, "it waits for the answers");
    run.signal("INT")?;
    run.wait()?.with(130)?;
    drop(simulator);
    // The same world, without the delays.
    let simulator = Simulator::kept(&place, 0)?;
    place.against(&simulator, &["resume"])?;
    assert!(simulator.counters()?["replayed"].as_u64() > Some(0));
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_the_state_goes_on_afterwards() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 300, 4, 37)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::on_demand(&place)?;
    // A file may be as long as the import makes it and a little longer: a write beyond fails as on a full disk.
    place
        .against(&simulator, &["run", "c.csv", "--limit", "1"])?
        .with(8)?;
    let length = std::fs::metadata(place.path("pmclone.db"))?.len();
    let blocks = length / 512 + 60;
    let (binary, url) = (env!("CARGO_BIN_EXE_pmclone"), &simulator.url);
    let script = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec '{binary}' resume --rate off --api-base {url}"
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(place.path(""));
    let ended = command.env("STRIPE_API_KEY", KEY).output()?;
    let said = String::from_utf8(ended.stderr)?;
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        said.contains("pmclone.db") && !said.contains("panicked"),
        "{said}"
    );
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    place.against(&simulator, &["resume"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_limit_stops_after_so_many_customers_and_resume_does_the_rest() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 60, 4, 33)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::on_demand(&place)?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "20"])?
        .with(8)?;
    assert_eq!(place.status(&[])?["customers"]["pending"], 40);
    place
        .against(&simulator, &["run", "c.csv", "--limit", "5"])?
        .with(8)?;
    assert_eq!(place.status(&[])?["customers"]["pending"], 35);
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    place.against(&simulator, &["resume"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn a_limit_that_leaves_nothing_is_an_end_like_any_other() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put(
        "c.csv",
        "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n",
    )?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "1"])?
        .with(0)?;
    Ok(())
}

/// The plan of a run, and the writes that the simulator has seen of it.
fn planned_and_sent(place: &Place, simulator: &Simulator, args: &[&str]) -> Result<[u64; 2]> {
    let writes = |simulator: &Simulator| -> Result<u64> {
        let all = simulator.transcript()?;
        Ok(count(all.iter().filter(|line| line["method"] == "POST")))
    };
    let before = writes(simulator)?;
    let told = place.against(simulator, args)?.with(8)?.json()?;
    let planned = told["plan"]["total_calls"].as_u64().unwrap_or_default();
    Ok([planned, writes(simulator)? - before])
}

#[test]
fn the_plan_of_a_limited_run_is_of_the_customers_that_it_takes() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let line = |number: u32| match number {
        // Two that wait for an account, and two that wait for it with a part.
        1 | 2 => format!("c{number},pm_1Card{number},acct_revoked_1\n"),
        3 | 4 => format!("c{number},pm_1Card{number},acct_1A;acct_revoked_1\n"),
        _ => format!("c{number},pm_1Card{number}a;pm_1Card{number}b,acct_1A\n"),
    };
    let lines: String = (1..=12).map(line).collect();
    let text = format!("legacy_id,payment_method,connected_account\n{lines}");
    place.put("c.csv", &text)?;
    let limited = |limit| ["resume", "--json", "--limit", limit];
    place
        .against(&simulator, &["run", "c.csv", "--limit", "4"])?
        .with(8)?;
    assert_eq!(place.status(&[])?["customers"]["parked"], 4);
    // Those are passed over while they wait,
    assert_eq!(
        planned_and_sent(&place, &simulator, &limited("3"))?,
        [18, 18]
    );
    // and have their turn first once they do not.
    simulator.post("/_sim/accounts/acct_revoked_1/restore", "")?;
    assert_eq!(planned_and_sent(&place, &simulator, &limited("3"))?, [6, 6]);
    assert_eq!(planned_and_sent(&place, &simulator, &limited("2"))?, [8, 8]);
    place.against(&simulator, &["resume"])?.with(0)?;
    let mut asked = Asked::of_text(&text)?;
    asked.restored = true;
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}

#[test]
fn one_account_alone_can_go_first() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 60, 3, 34)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::on_demand(&place)?;
    let only = asked.accounts().into_iter().next().unwrap_or_default();
    place
        .against(&simulator, &["run", "c.csv", "--account", only])?
        .with(8)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_nothing_twice(&asked)?;
    for (account, there) in &world.accounts {
        assert_eq!(there.methods.is_empty(), account != only, "{account}");
    }
    place.against(&simulator, &["resume"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}

#[test]
fn one_runner_at_a_time_and_status_meanwhile() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 200, 4, 35)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::slow(&place, 30)?;
    let mut run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(60)?;
    place.against(&simulator, &["run", "c.csv"])?.with(11)?;
    place.against(&simulator, &["resume"])?.with(11)?;
    let status = place.status(&[])?;
    assert_eq!(status["customers"]["total"], 200);
    assert!(
        status["customers"]["in_doubt"] == 0,
        "what is under way is not in doubt: {status}"
    );
    let people = place.pmclone_keyless(&["status"])?.with(0)?;
    assert!(people.out.contains("run"), "{}", people.out);
    place.pmclone_keyless(&["export"])?.with(0)?;
    assert!(run.is_on()?, "the run ended too soon for this test");
    run.wait()?.with(3)?;
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}

#[test]
fn a_run_without_stripe_ends_and_can_be_resumed() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 100, 4, 36)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::kept(&place, 20)?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(100)?;
    // Stripe is gone; Ctrl-C, so that nobody waits for the retries.
    drop(simulator);
    run.signal("INT")?;
    run.wait()?.with(130)?;
    let simulator = Simulator::kept(&place, 20)?;
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    place.against(&simulator, &["resume"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])
}
