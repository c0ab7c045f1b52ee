//! Many seeds on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::history::{Told, live_through};
use super::mutants::Mutant;

/// The sums over many histories.
#[derive(Debug, Default)]
pub struct Report {
    pub seeds: u64,
    pub runs: u64,
    pub crashes: u64,
    pub simulated_ms: i64,
    pub requests: u64,
    pub late: u64,
    pub after_death: u64,
    pub orphans: u64,
    pub in_doubt: u64,
    pub duplicates: usize,
    pub lost: usize,
    pub untrue: usize,
    pub broken: usize,
    /// The first seeds that failed, and how.
    pub failed: Vec<(u64, Told)>,
}

/// What lives through a seed once more, the number before it.
const COMMAND: &str =
    "cargo test --profile simulation --lib simulation::tests::seeds -- --nocapture";

/// Failures that are told one by one.
const TOLD: usize = 20;

impl Report {
    fn take(&mut self, seed: u64, told: Told) {
        self.seeds += 1;
        self.runs += told.runs;
        self.crashes += told.crashes;
        self.simulated_ms += told.simulated_ms;
        self.requests += told.figures.requests;
        self.late += told.figures.late;
        self.after_death += told.figures.after_death;
        self.orphans += told.verdict.orphans;
        self.in_doubt += told.verdict.in_doubt;
        self.duplicates += told.verdict.duplicates.len();
        self.lost += told.verdict.lost.len();
        self.untrue += told.verdict.untrue.len();
        self.broken += told.broken.len();
        if !told.is_sound() {
            self.failed.push((seed, told));
        }
    }

    /// What a person reads.
    pub fn text(&self, elapsed_ms: u128) -> String {
        let per_second = u128::from(self.seeds) * 1000 / elapsed_ms.max(1);
        let tenths_of_years = self.simulated_ms / (365 * 24 * 3_600_000 / 10);
        let mut text = format!(
            "{} seeds in {} ms, {per_second} a second: {} runs, {} crashes, {}.{} simulated years, {} requests ({} late, {} arrived \
             after their process's death)\n{} duplicates, {} lost, {} untrue, {} broken; {} steps in doubt, {} orphaned clones\n",
            self.seeds,
            elapsed_ms,
            self.runs,
            self.crashes,
            tenths_of_years / 10,
            tenths_of_years % 10,
            self.requests,
            self.late,
            self.after_death,
            self.duplicates,
            self.lost,
            self.untrue,
            self.broken,
            self.in_doubt,
            self.orphans,
        );
        for (seed, told) in self.failed.iter().take(TOLD) {
            let (broken, verdict) = (&told.broken, &told.verdict);
            let lines = [
                format!("\nseed {seed}: {broken:?} {verdict:?}\n"),
                format!("  PMCLONE_SIMULATION_SEED={seed} {COMMAND}\n"),
            ];
            text.extend(lines);
        }
        text
    }
}

/// Lives through some seeds, until `enough`.
pub fn run(
    seeds: impl Iterator<Item = u64> + Send,
    mutant: Mutant,
    enough: fn(&Report) -> bool,
) -> Report {
    let report = Mutex::new(Report::default());
    let seeds = Mutex::new(seeds.fuse());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let folder = folder();
                let next = || seeds.lock().unwrap().next();
                while let Some(seed) = next() {
                    let told = one(seed, mutant, folder.path(), false);
                    let mut report = report.lock().unwrap();
                    report.take(seed, told);
                    if enough(&report) {
                        return;
                    }
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap();
    report.failed.sort_by_key(|(seed, _)| *seed);
    report
}

/// One seed; a panic is a failure of the seed, not of the campaign.
pub fn one(seed: u64, mutant: Mutant, folder: &Path, spoken: bool) -> Told {
    catch_unwind(AssertUnwindSafe(|| {
        live_through(seed, mutant, folder, spoken)
    }))
    .unwrap_or_else(|_| Told {
        broken: vec!["it panicked".to_owned()],
        ..Told::default()
    })
}

/// Where the state file lies: in memory where there is such a place, since a sync costs nothing there.
pub fn folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    tempfile::Builder::new()
        .prefix("pmclone-simulation-")
        .tempdir_in(parent)
        .unwrap()
}
