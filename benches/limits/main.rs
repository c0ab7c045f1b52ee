//! How well Stripe's limits are used: `cargo bench --bench limits`, or some of it: `cargo bench --bench limits -- lanes`.
//!
//! | part | what is measured |
//! | --- | --- |
//! | `compare` | what is commonly done on a 429 against what pmclone does: one lane each, events in their order, in no time |
//! | `lanes` | the client's own limiter with 128 customers in flight, in virtual time, before a model of Stripe's |
//! | `real` | the program itself, in real time, against the simulator: two minutes |
//!
//! `used` is in hundredths: in `compare`, of all that others leave of the limit; in `lanes` and `real`, of what is permitted, which is
//! the share asked for of that. `429` is per thousand requests sent; `theirs` per thousand of the neighbour's. All of it once settled:
//! in `compare` five minutes after each change, in `lanes` ten.
//! It is not documented how Stripe counts, so there are three models: whole seconds, any stretch of a second, a bucket.
//!
//! Lines that begin with `=` are the figures of `benches/run.sh`.
//! `PMCLONE_BENCH_FULL=1` compares by all three models; else by whole seconds, as documented.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it found, and takes its sizes from the environment"
)]

mod compare;
mod lanes;
mod model;
mod policies;
mod real;

use std::time::Duration;

use compare::{SCENES, Told};
use lanes::Beside;
use model::Kind;
use policies::Policy;

const LATENCIES_MS: [u64; 3] = [0, 150, 1000];

fn main() -> anyhow::Result<()> {
    // cargo adds `--bench`.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let wanted = |part: &str| asked.is_empty() || asked.iter().any(|asked| asked == part);
    let kinds: &[Kind] = if std::env::var("PMCLONE_BENCH_FULL").is_ok() {
        &Kind::ALL
    } else {
        &Kind::ALL[..1]
    };
    if wanted("compare") {
        compare_policies(kinds);
    }
    if wanted("lanes") {
        use_lanes(kinds)?;
    }
    if wanted("real") {
        use_program()?;
    }
    Ok(())
}

fn compare_policies(kinds: &[Kind]) {
    for kind in kinds {
        for scene in &SCENES {
            println!("\n{}, {}", scene.name, kind.name());
            println!(
                "  {:<16}{:>24}{:>24}{:>24}",
                "", "0 ms", "150 ms", "1000 ms"
            );
            println!("  {:<16}{}", "policy", "    used     429  theirs".repeat(3));
            for name in Policy::NAMES {
                let told = LATENCIES_MS
                    .map(|ms| row(compare::play(scene, name, *kind, Duration::from_millis(ms))));
                println!("  {name:<16}{}", told.concat());
            }
        }
    }
}

fn row(told: Told) -> String {
    format!(
        "{:>8.2}{:>8.2}{:>8.2}",
        100.0 * told.used,
        told.refused,
        told.neighbour_refused
    )
}

/// A figure for the table of `benches/run.sh`.
fn key(beside: Beside, share: &str, told: &[Told]) -> String {
    let each = told
        .iter()
        .map(|told| format!("{:.2} ({:.2})", 100.0 * told.used, told.refused));
    format!(
        "= | {}, share {share}: % used of what is permitted (429s in a thousand) at 0, 150, 1,000 ms | {} |",
        beside.name(),
        each.collect::<Vec<_>>().join(", ")
    )
}

fn use_lanes(kinds: &[Kind]) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    for kind in kinds {
        println!(
            "\nThe limiter with 128 customers in flight, {}",
            kind.name()
        );
        println!(
            "  {:<32}{:>24}{:>24}{:>24}",
            "", "0 ms", "150 ms", "1000 ms"
        );
        println!(
            "  {:<24}share   {}",
            "",
            "    used     429  theirs".repeat(3)
        );
        for beside in Beside::ALL {
            for share in ["0.8", "1"] {
                let told = LATENCIES_MS
                    .map(|ms| lanes::play(beside, share, *kind, Duration::from_millis(ms)));
                let told = told.into_iter().collect::<Result<Vec<_>, _>>()?;
                let row: String = told.iter().copied().map(row).collect();
                println!("  {:<24}{share:<8}{row}", beside.name());
                if *kind == Kind::ALL[0] {
                    keys.push(key(beside, share, &told));
                }
            }
        }
    }
    let best = compare::best_constant(Kind::ALL[0], 25.0, 12.5, Duration::from_millis(150));
    println!(
        "\n  Beside that neighbour, the best constant rate, known beforehand, with under one 429 in a thousand:{}",
        row(best)
    );
    println!("\n{}", keys.join("\n"));
    Ok(())
}

fn use_program() -> anyhow::Result<()> {
    println!("\npmclone run, test mode, 40 s each");
    for (share, latency_ms) in [("0.8", "0"), ("0.8", "150"), ("0.96", "150")] {
        let sent = real::play(share, latency_ms, 40)?;
        println!(
            "  share {share:<5} {latency_ms:>4} ms: used {:.2}, answered 429: {}",
            100.0 * sent.used,
            sent.rate_limited
        );
    }
    Ok(())
}
