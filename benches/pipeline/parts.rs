//! The parts of the benchmark, each a table.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pmclone::input::{self, Problems};

use crate::bare::CONCURRENCY;
use crate::child::{Cost, Simulator, measure, pmclone};
use crate::files;

/// How much of everything.
pub struct Sizes {
    import_customers: u64,
    run_customers: u64,
    rounds: u64,
    limit: u64,
    full: bool,
    /// Customers in the state files of `scale`, rising.
    pub scale: Vec<u64>,
}

impl Sizes {
    pub fn from_environment() -> Self {
        let number = |name, default| {
            let text = std::env::var(name).ok();
            text.and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        Self {
            import_customers: number("PMCLONE_BENCH_CUSTOMERS", 1_000_000),
            run_customers: number("PMCLONE_BENCH_RUN", 24_000),
            rounds: number("PMCLONE_BENCH_ROUNDS", 5),
            limit: number("PMCLONE_BENCH_LIMIT", 20_000),
            full: number("PMCLONE_BENCH_FULL", 0) > 0,
            scale: std::env::var("PMCLONE_BENCH_SCALE")
                .unwrap_or_else(|_| "10000,100000,1000000".to_owned())
                .split(',')
                .filter_map(|size| size.trim().parse().ok())
                .collect(),
        }
    }
}

type Part = fn(&Path, &Sizes) -> anyhow::Result<()>;

/// Every part by its name, in the order in which they build on each other's files.
pub const ALL: [(&str, Part); 6] = [
    ("calls", calls),
    ("import", import),
    ("memory", memory),
    ("finished", finished),
    ("wide", wide),
    ("scale", super::scale::scale),
];

/// What all this ran on.
pub fn machine(folder: &Path) -> anyhow::Result<()> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("processor not told", |name| {
            name.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism()?;
    let mut file = File::create(folder.join("sync"))?;
    let mut syncs = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        syncs.push(begun.elapsed());
    }
    println!(
        "pmclone {}, {} {}, {model}, {cores} cores, fsync of 4 KiB {:.2} ms (median)\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        median(syncs.iter().map(|sync| sync.as_secs_f64() * 1e3))
    );
    Ok(())
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many in a second of `time`.
fn rate(count: u64, time: Duration) -> f64 {
    float(count) / time.as_secs_f64()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "counts here are far below 2^52"
)]
pub fn float(count: u64) -> f64 {
    count as f64
}

pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", float(bytes) / 1e6)
}

/// `pmclone run` of `csv` against `url`.
pub fn run_command(folder: &Path, csv: &str, state: &str, url: &str) -> Command {
    let concurrency = CONCURRENCY.to_string();
    let arguments = [
        "run",
        csv,
        "--api-base",
        url,
        "--rate",
        "off",
        "--concurrency",
        &concurrency,
        "--state",
        state,
        "--quiet",
    ];
    pmclone(folder, &arguments)
}

/// What `status --json` says of a state file.
fn status(folder: &Path, state: &str) -> anyhow::Result<serde_json::Value> {
    let told = pmclone(folder, &["status", "--json", "--state", state]).output()?;
    serde_json::from_slice(&told.stdout).context("status --json")
}

fn requests_sent(folder: &Path, state: &str) -> anyhow::Result<u64> {
    let sent = status(folder, state)?["requests"]["sent"].as_u64();
    sent.context("status --json has no requests.sent")
}

pub fn remove_state(folder: &Path, state: &str) -> anyhow::Result<()> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        match std::fs::remove_file(folder.join(format!("{state}{suffix}"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// One round of either kind: requests sent, and what that took.
type Round = (u64, Cost);

/// The one read at the beginning: whose key it is.
const ACCOUNT_READS: u64 = 1;

/// What a whole run sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    all: u64,
    /// The reads before its first write: whose key it is, and whether the CSV is of this platform.
    reads_before: u64,
}

fn pipeline_round(folder: &Path) -> anyhow::Result<(Sent, Cost)> {
    let simulator = Simulator::start(folder)?;
    remove_state(folder, "calls.db")?;
    let mut command = run_command(folder, "calls.csv", "calls.db", &simulator.url);
    let cost = measure(folder, command.arg("--json"))?;
    let told: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("stdout.txt"))?)?;
    let customers = &told["status"]["customers"];
    ensure!(
        customers["migrated"] == customers["total"],
        "the run left something: {customers}"
    );
    let number = |value: &serde_json::Value| value.as_u64().context("run --json lacks a number");
    let sent = Sent {
        all: number(&told["requests_sent"])?,
        reads_before: ACCOUNT_READS + number(&told["plan"]["radar"]["reads"])?,
    };
    let planned = number(&told["plan"]["total_calls"])?;
    ensure!(
        sent.all == planned + sent.reads_before,
        "planned {planned} calls, and sent {sent:?}"
    );
    Ok((sent, cost))
}

fn bare_round(folder: &Path) -> anyhow::Result<Round> {
    let simulator = Simulator::start(folder)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["bare-loop", &simulator.url])
        .arg(folder.join("calls.csv"));
    let cost = measure(folder, &mut command)?;
    let told = std::fs::read_to_string(folder.join("stderr.txt"))?;
    Ok((told.trim().parse()?, cost))
}

fn calls(folder: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    files::untroubled(&folder.join("calls.csv"), sizes.run_customers)?;
    let (mut pipeline, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        pipeline.push(pipeline_round(folder)?);
        bare.push(bare_round(folder)?);
    }
    let ((sent, _), (least, _)) = (pipeline[0], bare[0]);
    let calls = sent.all - sent.reads_before;
    ensure!(
        calls == least,
        "the pipeline sent {calls} calls for its customers, the bare loop {least}"
    );
    let pipeline: Vec<Round> = pipeline.iter().map(|(s, c)| (s.all, *c)).collect();
    let rates = [&pipeline, &bare].map(|r| median(r.iter().map(|(n, c)| rate(*n, c.wall))));
    let cpu = [&pipeline, &bare]
        .map(|r| median(r.iter().map(|(n, c)| c.cpu.as_secs_f64() * 1e6 / float(*n))));
    let both = || pipeline.iter().zip(&bare);
    let rate_ratio = median(both().map(|(p, b)| b.1.wall.as_secs_f64() / p.1.wall.as_secs_f64()));
    let cpu_ratio = median(both().map(|(p, b)| p.1.cpu.as_secs_f64() / b.1.cpu.as_secs_f64()));
    println!(
        "{} customers, {least} calls, {CONCURRENCY} in flight, limits off, median of {} interleaved rounds",
        sizes.run_customers, sizes.rounds
    );
    println!(
        "The run sent {calls} calls for them, and {} reads before the first write\n",
        sent.reads_before
    );
    println!("| | calls/s | client CPU per call | peak memory |\n| --- | --- | --- | --- |");
    for (name, index, rounds) in [("pmclone run", 0, &pipeline), ("bare loop", 1, &bare)] {
        let peak = rounds.iter().map(|(_, c)| c.peak_bytes).max();
        println!(
            "| {name} | {:.0} | {:.1} µs | {} |",
            rates[index],
            cpu[index],
            megabytes(peak.unwrap_or(0))
        );
    }
    println!(
        "| ratio | {rate_ratio:.2} of the bare loop's rate | {cpu_ratio:.2} times its CPU | |\n"
    );
    key(
        "calls per customer, against the fewest that do it",
        &format!("{:.3}", float(calls) / float(least)),
    );
    key(
        "whole pipeline against a bare loop of the same HTTP client, limits off",
        &format!(
            "{rate_ratio:.2} of its rate ({:.0} calls/s), {cpu_ratio:.2} times its CPU ({:.0} µs a call)",
            rates[0], cpu[0]
        ),
    );
    key(
        "one process against the documented limit of 100 requests/s",
        &format!("{:.0} times", rates[0] / 100.0),
    );
    Ok(())
}

/// A figure for the table of `benches/run.sh`.
pub fn key(what: &str, figure: &str) {
    println!("= | {what} | {figure} |");
}

/// Time to read a file in this process.
fn timed(work: impl FnOnce() -> anyhow::Result<u64>) -> anyhow::Result<(u64, Duration)> {
    let begun = Instant::now();
    let lines = work()?;
    Ok((lines, begun.elapsed()))
}

fn import(folder: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    let path = folder.join("import.csv");
    files::sample(&path, sizes.import_customers, 200)?;
    let (lines, plain) = timed(|| {
        let mut reader = csv::Reader::from_path(&path)?;
        let (mut record, mut lines) = (csv::ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record)? {
            lines += 1;
        }
        Ok(lines)
    })?;
    let (_, checked) = timed(|| {
        let (mut reader, mut problems) = (
            input::open(&path, &input::Reading::default())?,
            Problems::default(),
        );
        while reader.next(&mut problems)?.is_some() {}
        Ok(reader.facts().lines)
    })?;
    let simulator = Simulator::start(folder)?;
    let dry = measure(
        folder,
        &mut pmclone(
            folder,
            &["run", "import.csv", "--dry-run", "--state", "no.db"],
        ),
    )?;
    remove_state(folder, "import.db")?;
    let mut command = run_command(folder, "import.csv", "import.db", &simulator.url);
    let real = measure(folder, command.args(["--limit", "0"]))?;
    let bytes = std::fs::metadata(&path)?.len();
    println!(
        "{} customers, {lines} rows, {} of CSV; import into a state file of {}\n",
        sizes.import_customers,
        megabytes(bytes),
        megabytes(std::fs::metadata(folder.join("import.db"))?.len())
    );
    println!(
        "| | rows/s | rows per CPU second | of plain reading | peak memory |\n| --- | --- | --- | --- | --- |"
    );
    let here = |wall| Cost {
        wall,
        cpu: wall,
        peak_bytes: 0,
    };
    for (name, cost) in [
        ("csv crate, plain records", here(plain)),
        ("read and checked", here(checked)),
        ("run --dry-run (import and plan)", dry),
        ("run --limit 0 (durable import and plan)", real),
    ] {
        let memory = match cost.peak_bytes {
            0 => String::new(),
            bytes => megabytes(bytes),
        };
        println!(
            "| {name} | {:.0} | {:.0} | {:.3} | {memory} |",
            rate(lines, cost.wall),
            rate(lines, cost.cpu),
            plain.as_secs_f64() / cost.cpu.as_secs_f64(),
        );
    }
    println!();
    key(
        "import against plain reading of the same CSV, by CPU time",
        &format!(
            "{:.3} durable, {:.2} read and checked",
            plain.as_secs_f64() / real.cpu.as_secs_f64(),
            plain.as_secs_f64() / checked.as_secs_f64()
        ),
    );
    Ok(())
}

/// The imported state file of `import`, made where that part was left out.
fn imported(folder: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    if !folder.join("import.db").exists() {
        import(folder, sizes)?;
    }
    Ok(())
}

fn memory(folder: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    imported(folder, sizes)?;
    let simulator = Simulator::start(folder)?;
    let mut command = run_command(folder, "import.csv", "import.db", &simulator.url);
    if !sizes.full {
        command.args(["--limit", &sizes.limit.to_string()]);
    }
    let cost = measure(folder, &mut command)?;
    let sent = requests_sent(folder, "import.db")?;
    let ran = if sizes.full {
        sizes.import_customers
    } else {
        sizes.limit
    };
    println!(
        "A run out of a state file with {} customers, for {ran} of them\n",
        sizes.import_customers
    );
    println!("| calls | calls/s | client CPU per call | peak memory |\n| --- | --- | --- | --- |");
    println!(
        "| {sent} | {:.0} | {:.1} µs | {} |\n",
        rate(sent, cost.wall),
        cost.cpu.as_secs_f64() * 1e6 / float(sent),
        megabytes(cost.peak_bytes)
    );
    Ok(())
}

fn finished(folder: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    imported(folder, sizes)?;
    remove_state(folder, "finished.db")?;
    std::fs::copy(folder.join("import.db"), folder.join("finished.db"))?;
    let state = folder.join("finished.db");
    // What `memory` ran is started over.
    rusqlite::Connection::open(&state)?.execute_batch("DELETE FROM step")?;
    files::finish(&state)?;
    let simulator = Simulator::start(folder)?;
    println!(
        "{} customers, all finished (made by SQL), state file of {}\n",
        sizes.import_customers,
        megabytes(std::fs::metadata(&state)?.len())
    );
    println!("| | seconds | CPU seconds | peak memory |\n| --- | --- | --- | --- |");
    let state = ["--state", "finished.db"];
    let resume = ["resume", "--api-base", &simulator.url, "--rate", "off"];
    for (name, arguments) in [
        ("status --json", &["status", "--json"][..]),
        ("status", &["status"]),
        ("export", &["export", "-o", "mapping.csv"]),
        ("resume, nothing left", &resume),
        (
            "run again, same CSV",
            &["run", "import.csv", "--api-base", &simulator.url],
        ),
    ] {
        let cost = measure(folder, pmclone(folder, arguments).args(state))?;
        println!(
            "| {name} | {:.2} | {:.2} | {} |",
            cost.wall.as_secs_f64(),
            cost.cpu.as_secs_f64(),
            megabytes(cost.peak_bytes)
        );
    }
    println!();
    Ok(())
}

fn wide(folder: &Path, _: &Sizes) -> anyhow::Result<()> {
    println!("One customer alone: its steps go one after the other\n");
    println!(
        "| cards | accounts | calls | client CPU | per call |\n| --- | --- | --- | --- | --- |"
    );
    for (cards, accounts) in [(1, 1), (100, 1), (500, 1), (1, 100), (1, 500), (50, 50)] {
        files::wide(&folder.join("wide.csv"), cards, accounts)?;
        remove_state(folder, "wide.db")?;
        let simulator = Simulator::start(folder)?;
        let cost = measure(
            folder,
            &mut run_command(folder, "wide.csv", "wide.db", &simulator.url),
        )?;
        let sent = requests_sent(folder, "wide.db")?;
        println!(
            "| {cards} | {accounts} | {sent} | {:.2} s | {:.0} µs |",
            cost.cpu.as_secs_f64(),
            cost.cpu.as_secs_f64() * 1e6 / float(sent)
        );
    }
    println!();
    Ok(())
}
