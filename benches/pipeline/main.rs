//! How fast the whole is: `cargo bench --bench pipeline`, or some of it: `cargo bench --bench pipeline -- calls import`.
//!
//! | part | what is measured |
//! | --- | --- |
//! | `calls` | `pmclone run` with limits off against a bare loop of the same HTTP client, on a simulator in another process |
//! | `import` | rows a second of `run --dry-run` and of a real import, against reading and checking the same CSV; peak memory |
//! | `memory` | peak memory of a run out of a state file that large, ended by `--limit` (a whole run would take minutes) |
//! | `finished` | `status`, `export` and `resume` with nothing left to do, on a state file that SQL filled |
//! | `wide` | one customer with very many cards, or accounts |
//! | `scale` | everything but the calls, on growing state files over 10,000 accounts: time for each customer, and peak memory |
//!
//! Environment: `PMCLONE_BENCH_CUSTOMERS` (1000000) for import, memory and finished; `PMCLONE_BENCH_RUN` (24000) and
//! `PMCLONE_BENCH_ROUNDS` (5) for calls; `PMCLONE_BENCH_LIMIT` (20000) for memory; `PMCLONE_BENCH_FULL=1` runs all of it;
//! `PMCLONE_BENCH_SCALE` (10000,100000,1000000) for scale, where ten million take 25 GB of disk, below `TMPDIR`.
//! Lines that begin with `=` are the figures of `benches/run.sh`.
//!
//! Rounds are interleaved and medians are shown, since a shared machine's speed drifts: ratios and processor time carry over to
//! another machine, rates do not.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints what its clock says, and takes its sizes from the environment"
)]

mod bare;
mod child;
mod files;
mod parts;
mod scale;

use std::path::Path;

fn main() -> anyhow::Result<()> {
    // cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let [first, url, csv] = arguments.as_slice()
        && first == "bare-loop"
    {
        return bare::run(url, Path::new(csv));
    }
    let folder = tempfile::tempdir()?;
    parts::machine(folder.path())?;
    let sizes = parts::Sizes::from_environment();
    for (name, part) in parts::ALL {
        if arguments.is_empty() || arguments.iter().any(|asked| asked == name) {
            part(folder.path(), &sizes)?;
        }
    }
    Ok(())
}
