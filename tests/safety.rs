//! Wrong keys, modes, accounts and files: refused before anything is written to Stripe, each with its exit code.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

use crate::support::{Place, Result, Simulator};

const CSV: &str = "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n2,b@example.com,pm_1B,acct_1A\n";
const LIVE: &str = "sk_live_Quetzalcoatlus4711";

fn code_of(mut command: Command) -> Result<(Option<i32>, String)> {
    let output = command.output()?;
    let said = String::from_utf8(output.stderr)?;
    Ok((output.status.code(), said))
}

fn writes(simulator: &Simulator) -> Result<usize> {
    Ok(simulator
        .transcript()?
        .iter()
        .filter(|line| line["method"] == "POST")
        .count())
}

#[test]
fn a_live_key_needs_live_and_the_right_account_typed_out() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", CSV)?;
    let with_key = |key: &str, more: &[&str]| {
        let all = [
            &[
                "run",
                "c.csv",
                "--rate",
                "off",
                "--api-base",
                &simulator.url,
            ],
            more,
        ]
        .concat();
        let mut command = place.keyless(&all);
        command.env("STRIPE_API_KEY", key);
        code_of(command)
    };
    let test = crate::support::tool::KEY;
    let default = "this is a live key, and test mode is the default: nothing was sent";
    let untyped = "a live migration needs the platform's account id, typed out";
    let another = "--confirm says acct_1Another, but the key is of acct_1SimPlatform0001: nothing was written";
    let is_test = "--live was asked for, but the key is a test key: nothing was sent";
    for (key, more, told) in [
        (LIVE, &[][..], default),
        (LIVE, &["--live"], untyped),
        (LIVE, &["--confirm", "acct_1SimPlatform0001"], default),
        (LIVE, &["--live", "--confirm", "acct_1Another"], another),
        (
            test,
            &["--live", "--confirm", "acct_1SimPlatform0001"],
            is_test,
        ),
        (test, &["--confirm", "acct_1Another"], another),
    ] {
        let (code, said) = with_key(key, more)?;
        assert_eq!(code, Some(5), "{more:?}: {said}");
        assert!(said.contains(told), "{more:?}: {said}");
        assert!(!said.contains(key), "{said}");
    }
    assert_eq!(writes(&simulator)?, 0);
    let (code, said) = with_key(LIVE, &["--live", "--confirm", "acct_1SimPlatform0001"])?;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        simulator
            .dump("customers", Some("acct_1A&livemode=true"))?
            .len(),
        2
    );
    assert_eq!(place.status(&[])?["livemode"], true);
    // What only reads asks for no confirmation; what writes does, whatever it is called.
    let reads = writes(&simulator)?;
    for (command, ends) in [
        (&["verify", "--all"][..], 0),
        (&["reconcile"], 0),
        (&["check", "c.csv"], 0),
        (&["recover", "c.csv", "--state", "b.db", "--no-wait"], 0),
        (&["resume"], 5),
        (&["retry", "c.csv"], 5),
        (
            &[
                "verify",
                "--charge",
                "--setup",
                "--only",
                "1",
                "--confirm-charge",
                "0",
            ],
            5,
        ),
    ] {
        let all = [command, &["--rate", "off", "--api-base", &simulator.url]].concat();
        let mut command = place.keyless(&all);
        command.env("STRIPE_API_KEY", LIVE);
        let (code, said) = code_of(command)?;
        assert_eq!(code, Some(ends), "{all:?}: {said}");
    }
    assert_eq!(writes(&simulator)?, reads);
    // The state file is the live migration's now.
    let (code, said) = with_key(test, &[])?;
    assert_eq!(code, Some(5), "{said}");
    Ok(())
}

#[test]
fn a_state_file_of_another_account_is_refused() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", CSV)?;
    place
        .against(&simulator, &["run", "c.csv", "--limit", "1"])?
        .with(8)?;
    // Somebody else's Stripe, which knows one answer.
    let other = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("http://{}", other.local_addr()?);
    let served = std::thread::spawn(move || -> Result<String> {
        let (mut stream, _) = other.accept()?;
        let mut request = String::new();
        let mut reader = BufReader::new(stream.try_clone()?);
        while reader.read_line(&mut request)? > 2 {}
        let body = "{\"id\":\"acct_1SomebodyElse\",\"object\":\"account\",\"country\":\"DE\",\"type\":\"standard\"}";
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nDate: Mon, 05 Jan 2026 10:00:00 GMT\r\nRequest-Id: req_1\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        Ok(request)
    });
    let ended = place.pmclone(&["resume", "--api-base", &base])?.with(5)?;
    assert!(ended.err.contains("acct_1SomebodyElse"), "{}", ended.err);
    let request = served
        .join()
        .map_err(|_| anyhow::anyhow!("the other Stripe panicked"))??;
    assert!(request.starts_with("GET /v1/account"), "{request}");
    Ok(())
}

#[test]
fn a_rehearsal_and_the_real_thing_never_share_a_state_file() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", CSV)?;
    place
        .pmclone(&[
            "run",
            "c.csv",
            "--simulate",
            "--state",
            "one.db",
            "--limit",
            "1",
        ])?
        .with(8)?;
    place
        .against(&simulator, &["run", "c.csv", "--state", "one.db"])?
        .with(5)?;
    place
        .against(
            &simulator,
            &["run", "c.csv", "--state", "two.db", "--limit", "1"],
        )?
        .with(8)?;
    place
        .pmclone(&["run", "c.csv", "--simulate", "--state", "two.db"])?
        .with(5)?;
    place
        .pmclone(&[
            "run",
            "c.csv",
            "--simulate",
            "--state",
            "two.db",
            "--dry-run",
        ])?
        .with(5)?;
    Ok(())
}

#[test]
fn a_missing_or_wrong_key_is_told() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", CSV)?;
    let ended = place.pmclone_keyless(&["run", "c.csv"])?.with(6)?;
    insta::assert_snapshot!(ended.err.trim_end(), @r"
    pmclone: no API key: set STRIPE_API_KEY, or name a file with --api-key-file
      to rehearse without a key: add --simulate
      to check the CSV without a key: add --dry-run
    ");
    for wrong in ["", "pk_test_abcdefgh12345678", "not a key", "sk_test_"] {
        let mut command = place.keyless(&["run", "c.csv"]);
        command.env("STRIPE_API_KEY", wrong);
        let (code, said) = code_of(command)?;
        assert_eq!(code, Some(6), "`{wrong}`: {said}");
        assert!(wrong.len() < 9 || !said.contains(wrong), "{said}");
    }
    place
        .pmclone_keyless(&["run", "c.csv", "--api-key-file", "not-there"])?
        .with(6)?;
    assert!(!place.path("pmclone.db").exists());
    Ok(())
}

#[test]
fn a_missing_state_file_is_told() -> Result<()> {
    let place = Place::new()?;
    let before = place.listing()?;
    for command in ["resume", "status", "export"] {
        let ended = place.pmclone(&[command])?.with(10)?;
        assert!(ended.err.contains("pmclone.db"), "{}", ended.err);
    }
    assert_eq!(
        place.listing()?,
        before,
        "looking for a state file makes none"
    );
    Ok(())
}

#[test]
fn wrong_usage_is_told() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", CSV)?;
    place.put(
        "pmclone.db",
        "this is no database, and long enough to be looked at as one would be",
    )?;
    for wrong in [
        &["run"][..],
        &["run", "c.csv", "--api-key", "sk_test_1234567890"],
        &["run", "c.csv", "--rate", "0"],
        &["run", "c.csv", "--account", "cus_1"],
        &[
            "run",
            "c.csv",
            "--state",
            "new.db",
            "--api-base",
            "http://example.com",
        ],
        &["run", "c.csv", "--config", "not-there.toml"],
        &["run", "c.csv", "--simulate", "--account", "acct_1Mistyped"],
        &[
            "run",
            "c.csv",
            "--state",
            "new.db",
            "--dry-run",
            "--account",
            "acct_1Mistyped",
        ],
        &["run", "c.csv", "--simulate-latency", "5"],
        &["simulate", "--listen", "0.0.0.0:0"],
        &["drill", "c.csv", "--kills", "0"],
        &["frobnicate"],
        &["status"],
    ] {
        place.pmclone(wrong)?.with(2)?;
    }
    Ok(())
}
