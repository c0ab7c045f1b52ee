//! For tests: what Stripe itself published, where a machine has it. Judges requests and answers by something that we did
//! not write.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Reads one of Stripe's files. Where it is not there, the test says so past the harness's capture, and is skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "a test looks for files that only some machines have"
)]
pub fn published(name: &str) -> Option<serde_json::Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/design/stripe");
    let folder = std::env::var_os("PMCLONE_STRIPE_SPEC").map_or(beside, PathBuf::from);
    if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
        return Some(serde_json::from_str(&text).unwrap());
    }
    let said =
        "is not there: a test that needs it is skipped (PMCLONE_STRIPE_SPEC names its folder)";
    writeln!(std::io::stderr(), "skipped: {name} {said}").unwrap();
    None
}
