//! SIGKILL at seeded moments, told by what the simulator has received: nothing lost, nothing doubled, by its own count.

use crate::support::{Asked, Place, Result, Simulator, World, until};

const KILLS: u64 = 10;

/// A number below `below`, the same for the same moment.
fn drawn(seed: u64, moment: u64, below: u64) -> u64 {
    let mixed =
        (seed ^ moment.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed >> 33) % below
}

#[test]
fn ten_kills_of_a_run_lose_and_double_nothing() -> Result<()> {
    let place = Place::new()?;
    place.sample("customers.csv", 500, 20, 21)?;
    let asked = Asked::of_file(&place.path("customers.csv"))?;
    // Answers take their time, so that every kill finds requests under way.
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "off", "--latency", "10"])?;
    // A twelfth of the work lies between two kills, and what is sent twice on top: the run never ends before a kill.
    let stretch = asked.writes() / (KILLS + 2);
    for moment in 0..KILLS {
        let command: &[&str] = if moment % 2 == 0 {
            &["run", "customers.csv"]
        } else {
            &["resume"]
        };
        let run = place.start_against(&simulator, command)?;
        let now = simulator.requests()?;
        simulator.until_requests(now + 2 + drawn(21, moment, stretch))?;
        run.kill()?;
        World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    }
    place.against(&simulator, &["resume"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])?;
    // The kills were worth something: answers that nobody had waited for were asked for again.
    assert!(simulator.counters()?["replayed"].as_u64() > Some(0));
    Ok(())
}

#[test]
fn ten_kills_of_a_rehearsal_with_its_simulator_lose_and_double_nothing() -> Result<()> {
    const STATE: &str = "pmclone-rehearsal.db";
    let place = Place::new()?;
    place.sample("customers.csv", 500, 20, 22)?;
    let asked = Asked::of_file(&place.path("customers.csv"))?;
    #[rustfmt::skip]
    let command = ["run", "customers.csv", "--simulate", "--simulate-limits", "off", "--simulate-latency", "5", "--rate", "off"];
    let journal = place.path(&format!("{STATE}.world"));
    // Some 700 bytes of journal a write: the kills spread over nine tenths of the work at most.
    let stretch = asked.writes() * 700 / (KILLS + 2);
    for moment in 0..KILLS {
        let size = || std::fs::metadata(&journal).map_or(0, |metadata| metadata.len());
        let before = size();
        let run = place.start(&command)?;
        let wanted = before + 1 + drawn(22, moment, stretch);
        until("a longer journal", || Ok(size() >= wanted))?;
        run.kill()?;
    }
    place
        .pmclone(&[
            "resume",
            "--simulate",
            "--simulate-limits",
            "off",
            "--rate",
            "off",
        ])?
        .with(3)?;
    // The world that the rehearsal left, looked at by a simulator that had no part in it.
    let journal = journal.to_string_lossy().into_owned();
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "off", "--journal", &journal])?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &["--simulate"])
}
