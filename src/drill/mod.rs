//! The crash drill: a CSV is migrated on the simulator again and again, by children that are killed, and what stands there in
//! the end is held against what stands there when nothing goes wrong.
//!
//! ```text
//!   drill ──starts, SIGKILLs──▶ child: the real program ──requests──▶ simulator, in the drill's process
//!     ▲ ▲                         │                                     │
//!     │ └── each commit waits ────┘ (stdin, stdout: store/gate.rs)      │
//!     └──── each request waits, twice ──────────────────────────────────┘ (simulator/tap.rs)
//! ```
//!
//! A child that waits can be killed at that very boundary, whatever the machine is busy with. `policy` decides, `lane`
//! carries one migration out, `world` judges.
//!
//! Hazard: a drill that cannot fail proves nothing. The feature `without-intents` builds a client that a drill must catch.

mod child;
mod lane;
pub mod points;
mod policy;
mod world;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub use world::Findings;

use lane::{Errand, Migrated, migrate};
use points::{FAULTS, Tally};
use policy::{Part, Policy, Share};
use world::compare;

/// Lanes for each processor.
const LANES_EACH: usize = 4;
/// Once at once, and about twice after 25 hours: what is in doubt by then has boundaries of its own.
const WALKED: u64 = 3;
/// Customers in flight in a storm.
const STORM_CONCURRENCY: u32 = 16;

/// What is drilled.
#[derive(Debug)]
pub struct Settings {
    /// The program that is killed.
    pub program: PathBuf,
    /// An empty directory of the drill's own.
    pub root: PathBuf,
    /// All the customers.
    pub csv: PathBuf,
    /// The same in groups, since a walk takes one customer after the other and groups can walk side by side.
    pub groups: Vec<PathBuf>,
    /// What the platform has before, as the simulator takes it.
    pub seeds: String,
    /// How often to kill.
    pub kills: u64,
    /// What is drawn follows from it.
    pub seed: u64,
}

/// What those who wait may see of a drill, and do to it.
#[derive(Debug)]
pub struct Watch {
    kills: AtomicU64,
    storm_kills: AtomicU64,
    storm_wanted: AtomicU64,
    wanted: u64,
    stopped: AtomicBool,
    wall_ms: fn() -> i64,
}

impl Watch {
    /// Of a drill with so many kills, on this clock.
    pub fn new(wanted: u64, wall_ms: fn() -> i64) -> Self {
        Self {
            kills: AtomicU64::new(0),
            storm_kills: AtomicU64::new(0),
            storm_wanted: AtomicU64::new(0),
            wanted,
            stopped: AtomicBool::new(false),
            wall_ms,
        }
    }

    /// Kills so far.
    pub fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }

    /// Ends the drill soon.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn killed(&self, in_storm: bool) {
        self.kills.fetch_add(1, Ordering::Relaxed);
        if in_storm {
            self.storm_kills.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn has_stormed_enough(&self) -> bool {
        let wanted = self.storm_wanted.load(Ordering::Relaxed);
        self.storm_kills.load(Ordering::Relaxed) >= wanted && self.kills() >= self.wanted
    }

    fn wall_ms(&self) -> i64 {
        (self.wall_ms)()
    }
}

/// Why a drill has no result.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Somebody asked for its end.
    #[error("the drill was stopped")]
    Stopped,
    /// The machine, or the drill itself.
    #[error("the drill cannot go on: {0}")]
    Failed(String),
}

impl Broken {
    fn of(error: &dyn std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::of(&error)
    }
}

/// What came of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was done.
    pub tally: Tally,
    /// What is wrong.
    pub findings: Findings,
    /// Boundaries that a migration of these customers has, where nothing goes wrong.
    pub boundaries: u64,
    /// Every boundary was killed at, resumed at once and after 25 hours; else a sample.
    pub every_boundary: bool,
    /// Every fault was tried at every write; else a sample.
    pub every_fault: bool,
}

/// How the kills are dealt out.
struct Deal {
    walks: Share,
    faults: Share,
    /// Kills.
    storms: u64,
}

impl Deal {
    /// All boundaries if that is within the bound, else half of the kills; of what is left half goes to the faults, if
    /// they are as many, and all the rest to storms, which have a tenth on top of all where little is left.
    fn new(kills: u64, boundaries: u64, writes: u64) -> Self {
        let share = |part: u64, whole: u64| Share {
            part: part.min(whole),
            whole,
        };
        let walks = WALKED * boundaries;
        let walks_taken = if walks <= kills { walks } else { kills / 2 };
        let faults = writes * u64::try_from(FAULTS.len()).unwrap_or(u64::MAX);
        let left = kills - walks_taken;
        let faults_taken = faults.min(left / 2);
        Self {
            walks: share(walks_taken, walks),
            faults: share(faults_taken, faults),
            storms: (left - faults_taken).max(kills / 10),
        }
    }
}

/// A migration to be carried out.
struct Task<'a> {
    part: Part,
    csv: &'a Path,
    share: Share,
    seed: u64,
}

/// Drills, and tells what came of it.
pub fn drill(
    settings: &Settings,
    runtime: &tokio::runtime::Handle,
    watch: &Watch,
) -> Result<Outcome, Broken> {
    let carry_out = |task: &Task<'_>| -> Result<(Migrated, Policy), Broken> {
        let mut policy = Policy::new(task.part, task.share, task.seed);
        let storm = policy.is_storm();
        let errand = Errand {
            csv: task.csv,
            seeds: &settings.seeds,
            program: &settings.program,
            concurrency: if storm { STORM_CONCURRENCY } else { 1 },
            runtime,
            watch,
        };
        Ok((migrate(errand, &settings.root, &mut policy)?, policy))
    };
    let reference = Task {
        part: Part::Reference,
        csv: &settings.csv,
        share: Share::ALL,
        seed: settings.seed,
    };
    let (reference, met) = carry_out(&reference)?;
    if !reference.findings.clean() || reference.told.unfinished() > 0 {
        let why = reference.findings.remarks.join("; ");
        return Err(Broken::Failed(format!("not even undisturbed: {why}")));
    }
    let (boundaries, writes) = met.met();
    let deal = Deal::new(settings.kills, boundaries, writes);
    watch.storm_wanted.store(deal.storms, Ordering::Relaxed);
    let mut tasks = tasks(settings, &deal).into_iter();
    let mut storms = storms(settings);
    let all = Mutex::new(Outcome {
        boundaries,
        every_boundary: deal.walks.is_all(),
        every_fault: deal.faults.is_all(),
        ..Outcome::default()
    });
    let next = Mutex::new(|| {
        let more = || {
            (!watch.has_stormed_enough())
                .then(|| storms.next())
                .flatten()
        };
        tasks.next().or_else(more)
    });
    let work = || -> Result<(), Broken> {
        while let Some(task) = locked(&next)() {
            let (migrated, _) = carry_out(&task)?;
            let wanted = (&reference.world, &reference.told);
            let mut findings = compare(wanted, &migrated.world, &migrated.told);
            findings.add(migrated.findings);
            let mut all = locked(&all);
            all.tally.add(&migrated.tally);
            all.findings.add(findings);
        }
        Ok(())
    };
    side_by_side(work, watch)?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Works in as many lanes as there are; one that fails stops the others.
fn side_by_side(work: impl Fn() -> Result<(), Broken> + Sync, watch: &Watch) -> Result<(), Broken> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..lanes())
            .map(|_| {
                scope.spawn(|| {
                    let worked = work();
                    if worked.is_err() {
                        watch.stop();
                    }
                    worked
                })
            })
            .collect();
        let ended: Vec<_> = workers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        first_failure(ended)
    })
}

/// Why the workers ended early, if they did: what failed comes before those that were stopped for it.
fn first_failure(ended: Vec<std::thread::Result<Result<(), Broken>>>) -> Result<(), Broken> {
    let mut stopped = Ok(());
    for ended in ended {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(Broken::Stopped)) => stopped = Err(Broken::Stopped),
            Ok(Err(failed)) => return Err(failed),
            Err(_) => return Err(Broken::Failed("a thread broke off".to_owned())),
        }
    }
    stopped
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lanes wait for processes to start and end, and for retries: some for each processor keep it busy.
fn lanes() -> usize {
    LANES_EACH * std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn tasks<'a>(settings: &'a Settings, deal: &Deal) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    let mut seed = settings.seed;
    let parts = [
        // Those that wait most come first.
        (Part::Faults, deal.faults),
        (Part::Walk { later: true }, deal.walks),
        (Part::Walk { later: false }, deal.walks),
    ];
    for (part, share) in parts {
        for csv in &settings.groups {
            seed = seed.wrapping_add(1);
            tasks.push(Task {
                part,
                csv,
                share,
                seed,
            });
        }
    }
    tasks
}

fn storms(settings: &Settings) -> impl Iterator<Item = Task<'_>> {
    (1_000_000_u64..).map(|number| Task {
        part: Part::Storm,
        csv: &settings.csv,
        share: Share::ALL,
        seed: settings.seed.wrapping_add(number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kills_go_to_the_boundaries_first_then_to_the_faults_and_the_rest_to_storms() {
        let of = |share: Share| (share.part, share.whole);
        for (boundaries, writes, walks, faults, storms) in [
            (400, 20, (1_200, 1_200), (200, 200), 600),
            (400, 100, (1_200, 1_200), (400, 1_000), 400),
            (640, 200, (1_920, 1_920), (40, 2_000), 200),
            (5_000, 500, (1_000, 15_000), (500, 5_000), 500),
        ] {
            let deal = Deal::new(2_000, boundaries, writes);
            assert_eq!(of(deal.walks), walks);
            assert_eq!((of(deal.faults), deal.storms), (faults, storms));
        }
    }
}
