//! Runs a program and tells what it took: wall clock, processor time, peak memory.
//!
//! Processor time is what the kernel adds up for children that were waited for (`cutime` and `cstime` in
//! `/proc/self/stat`): `getrusage` would be the same figure through unsafe code or one more crate. Peak memory is `VmHWM`,
//! which only rises, read every few milliseconds until the child is gone. Both are Linux's; elsewhere they read 0.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// What a program took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub wall: Duration,
    /// User and system together.
    pub cpu: Duration,
    pub peak_bytes: u64,
}

/// The built binary with a state file of its own, and nothing of this process's surroundings but the test key.
pub fn pmclone(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pmclone"));
    command
        .current_dir(folder)
        .env("STRIPE_API_KEY", "sk_test_bench")
        .args(arguments);
    command
}

/// Runs `command` to its end. Some left and some refused (8, 3) are good ends of a benchmark too. What it says is in the folder's
/// `stdout.txt` and `stderr.txt`.
pub fn measure(folder: &Path, command: &mut Command) -> anyhow::Result<Cost> {
    let errors = folder.join("stderr.txt");
    command
        .stdout(File::create(folder.join("stdout.txt"))?)
        .stderr(File::create(&errors)?)
        .stdin(Stdio::null());
    let before = cpu_of_children();
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let (status, wall, peak_bytes) = wait(&mut child, begun)?;
    let cpu = cpu_of_children().saturating_sub(before);
    match status.code() {
        Some(0 | 3 | 8) => Ok(Cost {
            wall,
            cpu,
            peak_bytes,
        }),
        _ => bail!(
            "{command:?} ended with {status}: {}",
            std::fs::read_to_string(&errors)?
        ),
    }
}

fn wait(
    child: &mut Child,
    begun: Instant,
) -> anyhow::Result<(std::process::ExitStatus, Duration, u64)> {
    let status_file = format!("/proc/{}/status", child.id());
    let gone = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !gone.load(Ordering::Relaxed) {
                peak = peak.max(peak_of(&status_file));
                std::thread::park_timeout(Duration::from_millis(10));
            }
            peak
        });
        let status = child.wait();
        let wall = begun.elapsed();
        gone.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        let peak = watcher.join().unwrap_or_default();
        Ok((status?, wall, peak))
    })
}

/// `VmHWM` of a process, or 0 once it is gone.
fn peak_of(status_file: &str) -> u64 {
    let text = std::fs::read_to_string(status_file).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    let kib = line.trim().trim_end_matches(" kB").parse::<u64>();
    kib.unwrap_or_default() * 1024
}

/// Processor time of all children that were waited for.
fn cpu_of_children() -> Duration {
    /// Linux counts these fields in hundredths of a second on every platform.
    const TICK_MS: u64 = 10;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    // Fields 16 and 17; the name is the second, so 13 come between.
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * TICK_MS)
}

/// A simulator without limits in a process of its own, ended when dropped.
pub struct Simulator {
    child: Child,
    pub url: String,
}

impl Simulator {
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let arguments = [
            "simulate",
            "--listen",
            "127.0.0.1:0",
            "--limits",
            "off",
            "--on-demand",
            "on",
        ];
        let mut child = pmclone(folder, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut url = String::new();
        let stdout = child.stdout.take().context("the simulator has no stdout")?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self {
            child,
            url: url.trim_end().to_owned(),
        })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            eprintln!("the simulator could not be ended: {error}");
        }
    }
}
