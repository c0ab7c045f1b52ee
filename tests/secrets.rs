//! The key is in the request header, and nowhere else.

use std::io::Write;
use std::process::Stdio;

use crate::support::tool::{KEY, repository};
use crate::support::{Place, Result, Simulator, until};

/// Any part of the key that is long enough to be of use.
fn is_told(bytes: &[u8]) -> bool {
    let secret = KEY.trim_start_matches("sk_test_").as_bytes();
    bytes.windows(secret.len()).any(|window| window == secret)
}

#[test]
fn the_key_is_in_no_file_no_output_and_no_argument() -> Result<()> {
    let place = Place::new()?;
    std::fs::copy(repository("samples/customers.csv"), place.path("c.csv"))?;
    let (journal, transcript) = (place.path("journal"), place.path("transcript"));
    let [journal, transcript] =
        [journal, transcript].map(|path| path.to_string_lossy().into_owned());
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "off", "--latency", "20", "--journal", &journal, "--transcript", &transcript])?;
    let run = place.start_against(&simulator, &["run", "c.csv", "--json"])?;
    simulator.until_requests(20)?;
    let arguments = std::fs::read(format!("/proc/{}/cmdline", run.id()?));
    // No core dump, for whatever reason the process breaks off.
    if let Ok(limits) = std::fs::read_to_string(format!("/proc/{}/limits", run.id()?)) {
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let words = line.unwrap_or_default().split_whitespace();
        assert_eq!(words.filter(|word| *word == "0").count(), 2, "{line:?}");
    }
    let ended = run.wait()?.with(3)?;
    assert!(
        !is_told(ended.out.as_bytes()) && !is_told(ended.err.as_bytes()),
        "{}",
        ended.err
    );
    // Only where the system tells them.
    if let Ok(arguments) = arguments {
        assert!(!is_told(&arguments));
    }
    for name in place.listing()? {
        assert!(
            !is_told(&std::fs::read(place.path(&name))?),
            "the key is in {name}"
        );
    }
    for path in [
        "/_sim/transcript",
        "/_sim/state",
        "/_sim/requests",
        "/_sim/customers",
    ] {
        assert!(
            !is_told(simulator.get(path)?.as_bytes()),
            "the key is in {path}"
        );
    }
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["export"],
        &["status", "--watch", "--help"],
    ] {
        let ended = place.pmclone(args)?;
        assert!(!is_told(ended.out.as_bytes()) && !is_told(ended.err.as_bytes()));
    }
    Ok(())
}

#[test]
fn the_key_can_come_from_a_file_or_from_stdin() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n2,b@example.com,pm_1B,acct_1A\n")?;
    place.put("key", format!("{KEY}\n"))?;
    let base = ["--api-base", &simulator.url, "--rate", "off"];
    let ended = place
        .pmclone_keyless(
            &[
                &["run", "c.csv", "--limit", "1", "--api-key-file", "key"],
                &base[..],
            ]
            .concat(),
        )?
        .with(8)?;
    assert!(ended.err.contains("chmod 600"), "{}", ended.err);
    let mut command = place.keyless(&[&["resume", "--api-key-file", "-"], &base[..]].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(KEY.as_bytes())?;
    }
    until("the end of the run", || Ok(child.try_wait()?.is_some()))?;
    assert_eq!(child.wait()?.code(), Some(0));
    Ok(())
}

/// Slow, since the run waits ten seconds for the reader: a part of the full-size tests.
#[test]
#[ignore = "waits for a reader; run with --include-ignored"]
fn erased_details_that_a_reader_keeps_in_the_log_are_told_and_gone_after_the_next_run() -> Result<()>
{
    const HEADER: &str = "legacy_id,email,payment_method,connected_account\n";
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let first = format!("{HEADER}1,first@example.com,pm_1First,acct_1A\n");
    place.put("c.csv", &first)?;
    let run = ["run", "c.csv"];
    place.against(&simulator, &run)?.with(0)?;
    let reader = pmclone::store::open_readonly(&place.path("pmclone.db"))?;
    reader.execute_batch("BEGIN; SELECT count(*) FROM customer")?;
    place.put(
        "c.csv",
        format!("{first}2,quetzal@example.com,pm_1Second,acct_1A\n"),
    )?;
    let ended = place.against(&simulator, &run)?.with(0)?;
    assert!(
        ended.err.contains("may still be in this log"),
        "{}",
        ended.err
    );
    drop(reader);
    let ended = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(!ended.err.contains("may still be"), "{}", ended.err);
    for name in place
        .listing()?
        .iter()
        .filter(|name| name.starts_with("pmclone.db"))
    {
        let bytes = std::fs::read(place.path(name))?;
        assert!(
            !bytes.windows(7).any(|window| window == b"quetzal"),
            "in {name}"
        );
    }
    Ok(())
}
