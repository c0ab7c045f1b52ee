//! SIGKILL, of the run before and of the undo itself.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use anyhow::{Context, ensure};

use super::{adopted, same, told, world};
use crate::support::{Place, Result, Running, Simulator};

#[test]
fn what_a_run_left_in_doubt_is_settled_first_and_left_until_it_can_be() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    adopted(&place, &simulator)?;
    let before = world(&simulator)?;
    let mut left = 0;
    for number in [6, 8, 10, 12, 14, 16, 18, 20] {
        let state = format!("{number}.db");
        let run = ["run", "c.csv", "--state", &state, "--concurrency", "1"];
        ensure!(killed_at(&place, &simulator, &run, number)?);
        let undo = ["undo", "--state", &state, "--json"];
        let ended = place.against(&simulator, &undo)?;
        let (lines, _) = told(&ended.out)?;
        let doubtful = lines.iter().any(|line| line["reason"] == "in_doubt");
        ensure!(
            ended.code == Some(if doubtful { 3 } else { 0 }),
            "{ended:?}"
        );
        left += u32::from(doubtful);
        // By then nothing of it can arrive any more.
        simulator.advance_hours(2)?;
        place.against(&simulator, &undo)?.with(0)?;
        same(&before, &world(&simulator)?).with_context(|| format!("killed at {number}"))?;
    }
    ensure!(left > 0, "nothing was ever in doubt");
    Ok(())
}

/// Runs the command held at every commit, and kills it at the one of this number; false where there were fewer.
pub(super) fn killed_at(
    place: &Place,
    simulator: &Simulator,
    args: &[&str],
    number: usize,
) -> Result<bool> {
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
    running.wait()?.with(0)?;
    Ok(false)
}

#[test]
fn killed_before_and_after_every_commit_it_goes_on_and_nothing_is_left_or_missing() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    adopted(&place, &simulator)?;
    let before = world(&simulator)?;
    for number in 0.. {
        let state = format!("{number}.db");
        let undo = ["undo", "--state", &state, "--concurrency", "1"];
        place
            .against(&simulator, &["run", "c.csv", "--state", &state])?
            .with(0)?;
        let killed = killed_at(&place, &simulator, &undo, number)?;
        if killed && number % 3 == 0 {
            simulator.advance_hours(25)?;
        }
        if killed && number % 2 == 0 {
            place
                .against(&simulator, &["resume", "--state", &state])?
                .with(0)?;
        }
        place.against(&simulator, &undo)?.with(0)?;
        same(&before, &world(&simulator)?).with_context(|| format!("killed at {number}"))?;
        let status = place.status(&["--state", &state])?;
        assert_eq!(
            (&status["customers"]["undone"], &status["undo_unfinished"]),
            (&3.into(), &0.into())
        );
        if !killed {
            ensure!(number >= 40, "only {number} commits");
            break;
        }
    }
    Ok(())
}

#[test]
fn killed_at_any_moment_it_goes_on_and_nothing_is_left_or_missing() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 4)?;
    adopted(&place, &simulator)?;
    let before = world(&simulator)?;
    // Which request it is killed at; it takes some 50.
    for number in [2_u32, 9, 10, 11, 13, 17, 23, 28, 31, 37] {
        let state = format!("{number}.db");
        let undo = ["undo", "--state", &state];
        place
            .against(&simulator, &["run", "c.csv", "--state", &state])?
            .with(0)?;
        let so_far = simulator.requests()?;
        let running = place.start_against(&simulator, &undo)?;
        simulator.until_requests(so_far + u64::from(number))?;
        running.kill()?;
        place.against(&simulator, &undo)?.with(0)?;
        same(&before, &world(&simulator)?).with_context(|| format!("killed at {number}"))?;
    }
    Ok(())
}
