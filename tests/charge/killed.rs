//! SIGKILL before and after every commit: nothing is left held.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use anyhow::{Context, ensure};

use super::{CHARGE, HOLD, SETUP, at_rest, migrated};
use crate::support::{Place, Result, Running, Simulator};

/// Runs the command held at every commit, and kills it at the one of this number; false where there were fewer.
fn killed_at(place: &Place, simulator: &Simulator, args: &[&str], number: usize) -> Result<bool> {
    let all = [
        args,
        &[
            "--api-base",
            &simulator.url,
            "--rate",
            "off",
            "--drill-gate",
        ],
    ]
    .concat();
    let mut child = place
        .command(&all)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut words = child.stdin.take().context("stdin")?;
    let lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
    let running = Running::of(child);
    let mut commits = 0;
    for line in lines {
        let line = line?;
        if !line.starts_with("begun") && !line.starts_with("done") {
            continue;
        }
        if commits == number {
            running.kill()?;
            return Ok(true);
        }
        commits += 1;
        writeln!(words)?;
    }
    let ended = running.wait()?;
    ensure!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    Ok(false)
}

/// Kills the command before and after every commit, and looks at what is held after `resume`, or the same command, has tidied up:
/// at once, when a request can be known to have arrived or not, and when its key is good no more.
fn killed_everywhere(card: &str, args: &[&str], at_least: usize) -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &[card])?;
    for hours in [0, 2, 25] {
        for number in 0.. {
            let before = at_rest(&simulator)?;
            if !killed_at(&place, &simulator, args, number)? {
                ensure!(number >= at_least, "only {number} commits");
                break;
            }
            if hours > 0 {
                simulator.advance_hours(hours)?;
            }
            let same = hours == 0 && number % 2 == 1;
            if same {
                let ended = place.against(&simulator, args)?;
                ensure!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
            } else {
                let ended = place.against(&simulator, &["resume"])?.with(0)?;
                ensure!(!ended.err.contains("SETTLED"), "{ended:?}");
            }
            let after =
                at_rest(&simulator).with_context(|| format!("killed at {number}, {hours} h"))?;
            // One command makes one intent at most, whatever is sent again.
            let most = 1 + u64::from(same);
            ensure!(
                after - before <= most,
                "killed at {number}, {hours} h: {before}, {after}"
            );
            // A day later the bound on charges begins anew.
            simulator.advance_hours(25)?;
        }
    }
    Ok(())
}

#[test]
fn a_charge_that_is_killed_anywhere_leaves_nothing_held() -> Result<()> {
    killed_everywhere("pm_1Good", &CHARGE, 14)
}

#[test]
fn a_hold_that_is_killed_anywhere_leaves_nothing_held() -> Result<()> {
    killed_everywhere("pm_1Good", &HOLD, 10)
}

#[test]
fn a_setup_that_is_killed_anywhere_leaves_nothing_open() -> Result<()> {
    killed_everywhere("pm_1Good", &SETUP, 6)
}

#[test]
fn a_decline_that_is_killed_anywhere_leaves_nothing_open() -> Result<()> {
    killed_everywhere("pm_chargefails_1", &CHARGE, 10)
}
