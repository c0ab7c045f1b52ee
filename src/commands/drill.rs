//! `pmclone drill`: kills a rehearsal of a CSV at every boundary, and certifies what came of it.

use std::collections::BinaryHeap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::import::{Csv, Read, import};
use super::interrupt::{self, Pressed};
use super::rehearsal::{seeds, wall_ms};
use super::{gone_is_fine, runtime};
use crate::cli;
use crate::config::Config;
use crate::drill::{self, Broken, Outcome, Settings, Watch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Reading;
use crate::report::drill::{Certificate, Progress, Taken};
use crate::report::{self, print, print_json};
use crate::store::{self, StoreError};

mod extract;

/// Customers that a walk takes through all its kills in one state file.
const GROUP: usize = 4;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// Drills, and prints the certificate.
pub fn drill(config: &Config, args: &cli::Drill) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let begun = Instant::now();
    let pressed = interrupt::listen().map_err(|error| unexpected(&error))?;
    let reading = config.reading(&args.input)?;
    let csv = Csv::new(&args.csv, &reading);
    let (conn, read) = check(config, csv, &pressed)?;
    let root = root().map_err(|error| no_root(&error))?;
    let chosen = choose(&conn, args)?;
    drop(conn);
    let settings = settings(args, csv, root.path(), &chosen)?;
    config.screen.line(&format!(
        "Drilling with {} of {} customers of {}, on the simulator. No state file is touched, nothing leaves this machine.",
        chosen.ids.len(),
        chosen.customers,
        args.csv.display()
    ));
    let ended = runtime.block_on(carry_out(config, settings, pressed, begun));
    // What was in it is from the CSV: it goes, however the drill ended.
    root.close().map_err(|error| unexpected(&error))?;
    let outcome = ended?;
    let certificate = Certificate::new(
        &outcome,
        Taken {
            csv: args.csv.display().to_string(),
            sha256: read.facts.sha256,
            customers: chosen.customers,
            taken: u64::try_from(chosen.ids.len()).unwrap_or(u64::MAX),
            probes: u64::try_from(probes(&chosen)).unwrap_or(u64::MAX),
            seed: args.seed,
        },
        u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    );
    let mut out = std::io::stdout();
    gone_is_fine(if config.json {
        print_json(&mut out, &certificate)
    } else {
        print(&mut out, &certificate.text(config.stdout_look()))
    })?;
    Ok(if outcome.findings.clean() {
        Exit::Done
    } else {
        Exit::Difference
    })
}

fn unexpected(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Unexpected, error.to_string())
}

fn stored(error: &StoreError) -> Failure {
    unexpected(error)
}

/// Reads the whole CSV as an import does, into a state that lives nowhere.
fn check(
    config: &Config,
    csv: Csv<'_>,
    pressed: &watch::Receiver<Pressed>,
) -> Result<(Connection, Read), Failure> {
    let conn = store::temporary().map_err(|error| stored(&error))?;
    let go_on = || {
        let pressed = *pressed.borrow();
        pressed
            .first
            .map_or(Ok(()), |_| Err(interrupted(pressed, 0)))
    };
    let read = import(&conn, csv, |_| Ok(()), go_on)?;
    if read.imported.is_some() {
        return Ok((conn, read));
    }
    let problems = report::import::problems(csv.path, &read.facts, &read.problems);
    config.screen.problem(problems.trim_end());
    let errors = read.problems.errors();
    Err(Failure::new(
        Exit::Input,
        format!(
            "{errors} errors in {}: there is nothing to drill with",
            csv.path.display()
        ),
    )
    .hint("mend them and run the same command again"))
}

fn no_root(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("there is no place for the drill's files: {error}"),
    )
    .hint("name a directory that can be written to in TMPDIR, then run the same command again")
}

fn root() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("pmclone-drill-");
    match Config::scratch() {
        Some(scratch) => builder.tempdir_in(scratch),
        None => builder.tempdir(),
    }
}

/// The customers that are drilled with.
struct Chosen {
    /// By legacy id, in the order of the CSV.
    ids: Vec<String>,
    /// In the whole CSV.
    customers: u64,
}

/// Draws the customers: those with the smallest hashes, so that memory does not grow with the file.
fn choose(conn: &Connection, args: &cli::Drill) -> Result<Chosen, Failure> {
    let wanted = usize::try_from(args.customers.get()).unwrap_or(usize::MAX);
    let mut drawn = BinaryHeap::new();
    let mut customers = 0_u64;
    let each = |id: crate::ids::LegacyId| {
        let mut hasher = DefaultHasher::new();
        (args.seed, id.as_str()).hash(&mut hasher);
        drawn.push((hasher.finish(), customers, id.as_str().to_owned()));
        if drawn.len() > wanted {
            drawn.pop();
        }
        customers += 1;
    };
    store::for_each_legacy_id(conn, each).map_err(|error| stored(&error))?;
    let mut drawn = drawn.into_vec();
    drawn.sort_by_key(|(_, place, _)| *place);
    Ok(Chosen {
        ids: drawn.into_iter().map(|(_, _, id)| id).collect(),
        customers,
    })
}

/// Writes the CSVs that the children are given.
fn settings(
    args: &cli::Drill,
    csv: Csv<'_>,
    root: &Path,
    chosen: &Chosen,
) -> Result<Settings, Failure> {
    let lines = extract::lines(csv, &chosen.ids)?;
    let part = |name: &str, ids: &[String], probes: Range<usize>| -> Result<PathBuf, Failure> {
        let path = root.join(name);
        let ids = ids.iter().map(String::as_str).collect();
        extract::write(&lines, &ids, probes, &path).map_err(|error| unexpected(&error))?;
        Ok(path)
    };
    let csv = part("customers.csv", &chosen.ids, 0..probes(chosen))?;
    let groups = chosen.ids.chunks(GROUP).enumerate();
    let groups = groups
        .map(|(at, ids)| part(&format!("group-{at}.csv"), ids, at..at + 1))
        .collect::<Result<_, _>>()?;
    let conn = store::temporary().map_err(|error| stored(&error))?;
    let plain = Reading::default();
    import(&conn, Csv::new(&csv, &plain), |_| Ok(()), || Ok(()))?;
    Ok(Settings {
        program: std::env::current_exe().map_err(|error| unexpected(&error))?,
        root: root.to_owned(),
        csv,
        groups,
        seeds: seeds(&conn, |_| false).map_err(|error| stored(&error))?,
        kills: args.kills.get(),
        seed: args.seed,
    })
}

/// A customer without a card for each group. Where a Customer carries a card, Stripe itself refuses a second: that the card is
/// attached already. Nothing but the intent keeps these from being made twice, so a drill with them can fail.
fn probes(chosen: &Chosen) -> usize {
    chosen.ids.len().div_ceil(GROUP)
}

/// Drills in a thread of its own, while progress is shown and signals are heard.
async fn carry_out(
    config: &Config,
    settings: Settings,
    mut pressed: watch::Receiver<Pressed>,
    begun: Instant,
) -> Result<Outcome, Failure> {
    let watch = Arc::new(Watch::new(settings.kills, wall_ms));
    let mut progress = Progress::new(&config.screen, settings.kills);
    let (runtime, watched) = (tokio::runtime::Handle::current(), Arc::clone(&watch));
    let drilling = tokio::task::spawn_blocking(move || drill::drill(&settings, &runtime, &watched));
    let mut drilling = std::pin::pin!(drilling);
    let mut ticks = tokio::time::interval(TICK);
    let mut heard = false;
    let ended = loop {
        tokio::select! {
            ended = &mut drilling => break ended,
            signal = pressed.wait_for(|pressed| pressed.first.is_some()), if !heard => {
                heard = true;
                if signal.is_ok() {
                    watch.stop();
                }
            }
            _ = ticks.tick() => {
                let elapsed = begun.elapsed().as_millis();
                progress.update(watch.kills(), u64::try_from(elapsed).unwrap_or(u64::MAX));
            }
        }
    };
    progress.finish();
    let signal = *pressed.borrow();
    match ended.map_err(|error| unexpected(&error))? {
        Ok(outcome) => Ok(outcome),
        Err(Broken::Stopped) if signal.first.is_some() => Err(interrupted(signal, watch.kills())),
        Err(broken) => Err(unexpected(&broken)),
    }
}

fn interrupted(signal: Pressed, kills: u64) -> Failure {
    Failure {
        message: format!(
            "interrupted after {kills} kills: there is no certificate, and nothing is left behind"
        ),
        ..signal.failure()
    }
}
