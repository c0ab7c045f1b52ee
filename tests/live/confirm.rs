//! The key, `--live`, and the account's id typed out: all three, or nothing is written.

use std::io::{Read, Write};
use std::process::Stdio;

use super::{PLATFORM, count, ended};
use crate::support::{Place, Result, Simulator};

const CSV: &str =
    "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n";
const LIVE: &str = "sk_live_Quetzalcoatlus4711";

/// Runs the live migration on a terminal of its own, and types a line once it is asked.
fn typed(place: &Place, simulator: &Simulator, line: &str) -> Result<(Option<i32>, String)> {
    let command = format!(
        "'{}' run c.csv --live --rate off --api-base {}",
        env!("CARGO_BIN_EXE_pmclone"),
        simulator.url
    );
    let mut child = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(place.path(""))
        .env("STRIPE_API_KEY", LIVE)
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut stdin, mut stdout) = (child.stdin.take(), child.stdout.take());
    let (mut told, mut byte) = (Vec::new(), [0]);
    let mut read = |told: &mut Vec<u8>| -> Result<bool> {
        let some = stdout.as_mut().map_or(Ok(0), |out| out.read(&mut byte))?;
        told.extend_from_slice(byte.get(..some).unwrap_or_default());
        Ok(some > 0)
    };
    while !told.ends_with(b"or press Ctrl-C:") && read(&mut told)? {}
    if let Some(stdin) = stdin.as_mut() {
        stdin.write_all(line.as_bytes())?;
        stdin.flush()?;
    }
    while read(&mut told)? {}
    let code = child.wait()?.code();
    drop(stdin);
    Ok((code, String::from_utf8_lossy(&told).into_owned()))
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_id_is_typed_beside_the_accounts_name() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    simulator.post(
        "/_sim/seed",
        &format!("{{\"account\":\"{PLATFORM}\",\"country\":\"DE\",\"name\":\"Acme GmbH\"}}"),
    )?;
    place.put("c.csv", CSV)?;
    // Ctrl-D is an end of input, Ctrl-C an end of the matter.
    let another = "acct_1Another was typed, but the key is of acct_1SimPlatform0001";
    for (wrong, ends, says) in [
        ("\n", 5, "what was typed is no account id"),
        ("yes\n", 5, "what was typed is no account id"),
        ("acct_1Another\n", 5, another),
        ("\u{4}", 5, "what was typed is no account id"),
        ("\u{3}", 130, "interrupted before the run began"),
    ] {
        let (code, told) = typed(&place, &simulator, wrong)?;
        assert_eq!(code, Some(ends), "{wrong:?}: {told}");
        assert!(told.contains(says), "{wrong:?}: {told}");
        assert!(
            told.contains(&format!("Acme GmbH (DE), {PLATFORM}")),
            "{told}"
        );
        assert!(!told.contains(LIVE), "{told}");
    }
    assert_eq!(count(&simulator, "POST")?, 0);
    let (code, told) = typed(&place, &simulator, &format!("{PLATFORM}\n"))?;
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(count(&simulator, "POST")?, 3);
    Ok(())
}

#[test]
fn a_key_file_that_others_can_read_is_warned_about() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", CSV)?;
    place.put("key", "rk_test_readonly1\n")?;
    for (mode, warned) in [(0o644, true), (0o640, true), (0o600, false)] {
        std::fs::set_permissions(place.path("key"), PermissionsExt::from_mode(mode))?;
        let command = place.keyless(&[
            "check",
            "c.csv",
            "--api-key-file",
            "key",
            "--api-base",
            &simulator.url,
        ]);
        let (code, _, told) = ended(command)?;
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(
            told.contains("other users of this machine can read key"),
            warned,
            "{mode:o}: {told}"
        );
    }
    Ok(())
}

#[test]
fn a_live_key_goes_to_nobody_but_stripe() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", CSV)?;
    for arguments in [
        &["run", "c.csv", "--live", "--confirm", PLATFORM][..],
        &["check", "c.csv"],
    ] {
        let arguments = [arguments, &["--api-base", "https://stripe.example.com"]].concat();
        let mut command = place.keyless(&arguments);
        command.env("STRIPE_API_KEY", LIVE);
        let (code, _, told) = ended(command)?;
        assert_eq!(code, Some(2), "{told}");
        assert!(
            told.contains("is not Stripe's") && !told.contains(LIVE),
            "{told}"
        );
    }
    Ok(())
}
