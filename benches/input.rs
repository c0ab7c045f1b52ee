//! How fast a CSV is read and checked: `cargo bench --bench input`, on one core with `taskset -c 0`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints what its clock says"
)]

use std::io::Write as _;
use std::time::Instant;

use pmclone::input::{self, Problems};
use pmclone::sample::{self, Settings};

const CUSTOMERS: u64 = 500_000;

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("customers.csv");
    let settings = Settings {
        customers: CUSTOMERS,
        accounts: 200,
        seed: 1,
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    sample::write(settings, &mut file)?;
    file.flush()?;
    for _ in 0..5 {
        let started = Instant::now();
        let mut problems = Problems::default();
        let mut reader = input::open(&path, &input::Reading::default())?;
        while reader.next(&mut problems)?.is_some() {}
        let (facts, nanoseconds) = (reader.facts(), started.elapsed().as_nanos());
        let rows_per_second = u128::from(facts.lines) * 1_000_000_000 / nanoseconds;
        println!(
            "{rows_per_second} rows/s ({} rows, {} bytes)",
            facts.lines, facts.bytes
        );
    }
    Ok(())
}
