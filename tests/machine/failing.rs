//! Calls to the system that fail, or that kill, one after the other: a disk that is full, a disk that is broken, a lock that is
//! not to be had, no more descriptors, a file that was cut off. Each ends with one clear sentence and the right exit code; and once the
//! cause is gone, the same command goes on, with nothing lost and nothing made twice.

use std::process::{Command, Output};

use anyhow::{Context, ensure};

use super::{can_trace, drawn, setting};
use crate::support::set_up::clean;
use crate::support::{Asked, Place, Result, Simulator, World};

/// What happens to the chosen call.
const FATES: [&str; 3] = ["error=ENOSPC", "error=EIO", "signal=KILL"];

/// Calls on the state file and its log that can fail.
const CALLS: [&str; 4] = ["pwrite64", "fsync,fdatasync", "ftruncate", "openat"];

/// One case: the `nth` of these calls meets this fate.
#[derive(Debug, Clone, Copy)]
struct Case {
    calls: &'static str,
    fate: &'static str,
    nth: u64,
}

fn run(place: &Place, simulator: &Simulator) -> Command {
    let arguments = [
        "run",
        "c.csv",
        "--rate",
        "off",
        "--concurrency",
        "4",
        "--state",
        "state.db",
    ];
    let mut command = place.command(&arguments);
    command.args(["--api-base", &simulator.url]);
    command
}

/// The run under `strace`, which does `what` to calls on the state file.
fn traced(place: &Place, simulator: &Simulator, what: &[&str]) -> Result<Output> {
    let inner = run(place, simulator);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "trace"]);
    for file in [
        "state.db",
        "state.db-wal",
        "state.db-journal",
        "state.db-shm",
    ] {
        let path = std::fs::canonicalize(place.path("."))?.join(file);
        strace.arg("-P").arg(path);
    }
    strace
        .args(what)
        .arg(inner.get_program())
        .args(inner.get_args());
    strace.current_dir(place.path("."));
    strace.env("STRIPE_API_KEY", crate::support::tool::KEY);
    strace.output().context("strace")
}

/// How often each of [`CALLS`] is made in an undisturbed run.
fn counted() -> Result<Vec<(&'static str, u64)>> {
    let place = Place::new()?;
    place.put("c.csv", clean(2))?;
    let simulator = Simulator::on_demand(&place)?;
    let what = format!("trace={}", CALLS.join(","));
    let ended = traced(&place, &simulator, &["-e", &what])?;
    ensure!(ended.status.success(), "{ended:?}");
    let trace = std::fs::read_to_string(place.path("trace"))?;
    let count = |calls: &str| {
        let made = |line: &&str| {
            calls
                .split(',')
                .any(|call| line.contains(&format!("{call}(")))
        };
        u64::try_from(trace.lines().filter(made).count())
    };
    CALLS
        .into_iter()
        .map(|calls| Ok((calls, count(calls)?)))
        .collect()
}

/// Runs into the fault, then again without it.
fn survives(case: Case) -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", clean(2))?;
    let asked = Asked::of_text(&clean(2))?;
    let simulator = Simulator::on_demand(&place)?;
    let inject = format!("inject={}:{}:when={}", case.calls, case.fate, case.nth);
    let ended = traced(&place, &simulator, &["-e", &inject])?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(!said.contains("panicked"), "{case:?}: {said}");
    match ended.status.code() {
        // The call was not reached, or its failure does no harm (a checkpoint, the index of the log).
        Some(0) | None => {}
        Some(1) => {
            let told = said.lines().filter(|line| line.starts_with("pmclone: "));
            ensure!(told.count() == 1, "{case:?}: {said}");
        }
        code => anyhow::bail!("{case:?}: exit {code:?}: {said}"),
    }
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    let again = run(&place, &simulator).output()?;
    let said = String::from_utf8_lossy(&again.stderr);
    ensure!(again.status.success(), "{case:?}, and then: {said}");
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}

/// Every fault at every call with `PMCLONE_TEST_FAULTS=all`; else so many of them, drawn with a seed.
const DRAWN: u64 = 12;

#[test]
fn any_call_on_the_state_file_may_fail_or_kill_and_the_same_command_goes_on() -> Result<()> {
    if !can_trace("the test of failing calls") {
        return Ok(());
    }
    let all = setting("PMCLONE_TEST_FAULTS").as_deref() == Some("all");
    let mut cases = Vec::new();
    for (calls, count) in counted()? {
        ensure!(count > 0, "{calls} was never called");
        for fate in FATES {
            cases.extend((1..=count).map(|nth| Case { calls, fate, nth }));
        }
    }
    let total = u64::try_from(cases.len())?;
    let chosen: Vec<Case> = if all {
        cases
    } else {
        let index = |moment| usize::try_from(drawn(5, moment, total));
        let chosen = (0..DRAWN).map(|moment| Ok(cases[index(moment)?]));
        chosen.collect::<Result<_>>()?
    };
    chosen.into_iter().try_for_each(survives)
}

#[test]
fn a_lock_that_cannot_be_had_is_said_and_nothing_is_sent() -> Result<()> {
    if !can_trace("the test of failing locks") {
        return Ok(());
    }
    // As on a network share without a lock service.
    for inject in ["inject=flock:error=ENOLCK", "inject=fcntl:error=ENOLCK"] {
        let place = Place::new()?;
        place.put("c.csv", clean(2))?;
        let simulator = Simulator::on_demand(&place)?;
        let inner = run(&place, &simulator);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "trace"]);
        for file in ["state.db", "state.db.lock", "state.db-shm"] {
            strace.arg("-P").arg(place.path(file));
        }
        strace
            .args(["-e", inject])
            .arg(inner.get_program())
            .args(inner.get_args());
        strace.current_dir(place.path("."));
        strace.env("STRIPE_API_KEY", crate::support::tool::KEY);
        let ended = strace.output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.code() == Some(1), "{inject}: {said}");
        ensure!(!said.contains("panicked"), "{said}");
        let writes = simulator.transcript()?;
        ensure!(
            writes.iter().all(|line| line["method"] != "POST"),
            "{inject}: something was sent"
        );
    }
    Ok(())
}

#[test]
fn too_few_descriptors_are_said_and_with_more_the_same_command_goes_on() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", clean(2))?;
    let asked = Asked::of_text(&clean(2))?;
    let simulator = Simulator::on_demand(&place)?;
    let mut failed = 0;
    for limit in (6..40).step_by(2) {
        let inner = run(&place, &simulator);
        let program = inner.get_program().to_string_lossy().into_owned();
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("ulimit -n {limit}; exec \"$0\" \"$@\""));
        shell.arg(program).args(inner.get_args());
        shell.current_dir(place.path("."));
        shell.env("STRIPE_API_KEY", crate::support::tool::KEY);
        let ended = shell.output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(!said.contains("panicked"), "{limit}: {said}");
        ensure!(
            matches!(ended.status.code(), Some(0 | 1 | 3 | 4)),
            "{limit}: {:?}: {said}",
            ended.status
        );
        failed += u32::from(ended.status.code() != Some(0));
        World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    }
    ensure!(failed > 0, "no limit was met");
    ensure!(run(&place, &simulator).output()?.status.success());
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}

#[test]
fn too_little_memory_is_said_and_with_more_the_same_command_goes_on() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", clean(2))?;
    let simulator = Simulator::on_demand(&place)?;
    let inner = run(&place, &simulator);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v 200000; exec \"$0\" \"$@\""]);
    shell.arg(inner.get_program()).args(inner.get_args());
    shell.current_dir(place.path("."));
    shell.env("STRIPE_API_KEY", crate::support::tool::KEY);
    let ended = shell.output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1), "{:?}: {said}", ended.status);
    ensure!(said.contains("limits memory to 200000 KiB"), "{said}");
    ensure!(simulator.requests()? == 0, "something was sent");
    ensure!(run(&place, &simulator).output()?.status.success());
    Ok(())
}

#[test]
fn a_state_file_that_was_cut_off_or_scribbled_on_is_refused_and_nothing_is_sent() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", clean(40))?;
    let simulator = Simulator::on_demand(&place)?;
    ensure!(run(&place, &simulator).output()?.status.success());
    let whole = std::fs::read(place.path("state.db"))?;
    let sent = simulator.requests()?;
    for part in [0, 1, 3, 7, 9] {
        let length = whole.len() * part / 10;
        place.put("state.db", &whole[..length])?;
        for command in [&["resume"][..], &["run", "c.csv"]] {
            let all = [command, &["--state", "state.db"]].concat();
            let ended = place.against(&simulator, &all)?.with(1)?;
            let why = if part == 0 { "it is empty" } else { "cut off" };
            ensure!(ended.err.contains(why), "{part}: {}", ended.err);
        }
        for command in ["status", "export"] {
            let ended = place.pmclone_keyless(&[command, "--state", "state.db"])?;
            ensure!(!ended.err.contains("panicked"), "{}", ended.err);
        }
    }
    // Cut off to a few pages: what looks only is told the same, and what to do.
    let few = place
        .pmclone_keyless(&["export", "--state", "state.db"])?
        .with(1)?;
    ensure!(few.err.contains("damaged"), "{}", few.err);
    ensure!(few.err.contains("pmclone recover CSV"), "{}", few.err);
    // Left open by its writer, as a log beside it tells; and pages of it are not what they were.
    let mut scribbled = whole.clone();
    let middle = whole.len() / 2;
    scribbled[middle..middle + 8192].fill(0xA5);
    place.put("state.db", &scribbled)?;
    place.put("state.db-wal", [0_u8; 32])?;
    let ended = place
        .against(&simulator, &["resume", "--state", "state.db"])?
        .with(1)?;
    ensure!(ended.err.contains("damaged"), "{}", ended.err);
    let posts = |line: &serde_json::Value| line["method"] == "POST";
    let after = simulator
        .transcript()?
        .iter()
        .skip(usize::try_from(sent)?)
        .filter(|line| posts(line))
        .count();
    ensure!(after == 0, "{after} writes were sent");
    Ok(())
}
