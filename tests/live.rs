//! The first minutes on a live account: the look beforehand, the wrong account, the confirmation, the pilot, the stop-loss.

mod before;
mod confirm;
mod pilot;
mod radar;

use std::process::Command;

use crate::support::{Place, Result, Simulator};

/// The simulator's platform.
const PLATFORM: &str = "acct_1SimPlatform0001";

/// How a command ended, with its stderr.
fn ended(mut command: Command) -> Result<(Option<i32>, String, String)> {
    let output = command.output()?;
    Ok((
        output.status.code(),
        String::from_utf8(output.stdout)?,
        String::from_utf8(output.stderr)?,
    ))
}

/// A simulator that has only what is seeded.
fn strict(place: &Place, seeds: &str) -> Result<Simulator> {
    let simulator = Simulator::start(place, &["--limits", "off"])?;
    simulator.post("/_sim/seed", seeds)?;
    Ok(simulator)
}

/// Requests of a verb.
fn count(simulator: &Simulator, method: &str) -> Result<usize> {
    let all = simulator.transcript()?;
    Ok(all.iter().filter(|line| line["method"] == method).count())
}

/// So many customers with one card each; those that `known` says so about are seeded.
fn customers(count: u32, known: impl Fn(u32) -> bool, livemode: bool) -> (String, String) {
    let line = |number: u32| {
        let account = if number.is_multiple_of(2) {
            "First"
        } else {
            "Second"
        };
        format!("c{number},c{number}@example.com,pm_1Live{number},acct_1{account}\n")
    };
    let seed = |number: u32| {
        format!("{{\"payment_method\":\"pm_1Live{number}\",\"livemode\":{livemode}}}\n")
    };
    let csv = "legacy_id,email,payment_method,connected_account\n".to_owned()
        + &(1..=count).map(line).collect::<String>();
    let seeds = "{\"account\":\"acct_1First\"}\n{\"account\":\"acct_1Second\"}\n".to_owned()
        + &(1..=count)
            .filter(|number| known(*number))
            .map(seed)
            .collect::<String>();
    (csv, seeds)
}
