//! A hostile machine: power cuts, and calls to the system that fail. What the machine is told to do is recorded, or made to
//! fail, with `strace`; where that is not there, these tests say so and are skipped.

mod failing;
mod power_cut;
mod trace;

use std::io::Write;
use std::process::Command;

/// True where processes can be traced; else the test says, past the harness's capture, that it is skipped.
fn can_trace(test: &str) -> bool {
    let traced = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    let can = traced.is_ok_and(|output| output.status.success());
    if !can {
        let told = writeln!(
            std::io::stderr(),
            "skipped: {test} needs strace, and leave to trace"
        );
        drop(told);
    }
    can
}

/// A number below `below`, the same for the same seed and moment.
fn drawn(seed: u64, moment: u64, below: u64) -> u64 {
    let mixed =
        (seed ^ moment.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33) % below.max(1)
}

/// A setting of the tests, by which the long forms of these are asked for.
fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
    std::env::var(name).ok()
}
