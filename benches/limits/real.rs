//! Part three: the program itself, in real time, against the simulator with the documented limits of test mode.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

fn pmclone(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pmclone"));
    command
        .current_dir(folder)
        .env("STRIPE_API_KEY", "sk_test_bench")
        .args(arguments)
        .stderr(Stdio::null());
    command
}

/// A process that is ended when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a run of so many seconds sent, of what it was permitted to.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub used: f64,
    pub rate_limited: u64,
}

/// `share` of 25 requests a second; answers take `latency_ms`.
pub fn play(share: &str, latency_ms: &str, seconds: u32) -> anyhow::Result<Sent> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let customers = (seconds * 25).to_string();
    let sample = [
        "sample",
        "--customers",
        &customers,
        "--accounts",
        "40",
        "-o",
        "c.csv",
    ];
    pmclone(folder, &sample).status()?;
    let arguments = [
        "simulate",
        "--listen",
        "127.0.0.1:0",
        "--limits",
        "on",
        "--on-demand",
        "on",
        "--latency",
        latency_ms,
    ];
    let mut simulator = Ended(pmclone(folder, &arguments).stdout(Stdio::piped()).spawn()?);
    let mut url = String::new();
    let stdout = simulator.0.stdout.take().context("no stdout")?;
    BufReader::new(stdout).read_line(&mut url)?;
    let duration = format!("{seconds}s");
    let run = [
        "run",
        "c.csv",
        "--json",
        "--share",
        share,
        "--max-duration",
        &duration,
        "--api-base",
        url.trim_end(),
        "--concurrency",
        "64",
    ];
    let output = pmclone(folder, &run).output()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let sent = told["requests_sent"].as_f64().context("requests_sent")?;
    let elapsed_ms = told["elapsed_ms"].as_f64().context("elapsed_ms")?;
    let part: f64 = share.parse()?;
    Ok(Sent {
        used: sent / (25.0 * part * elapsed_ms / 1000.0),
        rate_limited: told["status"]["requests"]["rate_limited"]
            .as_u64()
            .unwrap_or(0),
    })
}
