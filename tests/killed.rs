//! SIGKILL at seeded moments, told by what the simulator has received: nothing lost, nothing doubled, by its own count.

use crate::support::world::{the_mapping_agrees_on, the_mapping_agrees_with_the_status};
use crate::support::{Asked, Place, Result, Simulator, World, until};

const KILLS: u64 = 10;

/// A number below `below`, the same for the same moment.
fn drawn(seed: u64, moment: u64, below: u64) -> u64 {
    let mixed =
        (seed ^ moment.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed >> 33) % below
}

/// A sample, with customers between them that have no PaymentMethod: nothing but the key keeps those from being made
/// twice, while a source that is attached already would give the others away.
fn sample(place: &Place, accounts: u32, seed: u32) -> Result<Asked> {
    place.sample("sample.csv", 400, accounts, seed)?;
    let mut sample = csv::Reader::from_path(place.path("sample.csv"))?;
    let mut mixed = csv::Writer::from_path(place.path("customers.csv"))?;
    let headers = sample.headers()?.clone();
    mixed.write_record(&headers)?;
    for (number, record) in sample.records().enumerate() {
        mixed.write_record(&record?)?;
        if number % 4 == 0 && number < 400 {
            let (id, email) = (
                format!("bare-{number}"),
                format!("bare{number}@example.com"),
            );
            let cell = |header| match header {
                "legacy_id" => id.as_str(),
                "email" => email.as_str(),
                "connected_account" => "acct_1Bare;acct_1Barer",
                _ => "",
            };
            mixed.write_record(headers.iter().map(cell))?;
        }
    }
    mixed.flush()?;
    let asked = Asked::of_file(&place.path("customers.csv"))?;
    assert_eq!(asked.customers.len(), 500);
    Ok(asked)
}

#[test]
fn ten_kills_of_a_run_lose_and_double_nothing() -> Result<()> {
    let place = Place::new()?;
    let mut asked = sample(&place, 20, 21)?;
    // Answers take their time, so that every kill finds requests under way.
    let simulator = Simulator::slow(&place, 10)?;
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
        the_mapping_agrees_on(&place, &["in_doubt", "migrated"])?;
    }
    place.against(&simulator, &["resume"])?.with(3)?;
    World::of(&simulator, &asked)?.holds_all_of(&asked)?;
    the_mapping_agrees_with_the_status(&place)?;
    // What was on its way to a revoked account is in doubt until the account is back.
    for account in asked.accounts() {
        if asked.is_revoked(account) {
            simulator.post(&format!("/_sim/accounts/{account}/restore"), "")?;
        }
    }
    asked.restored = true;
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
    let asked = sample(&place, 19, 22)?;
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
