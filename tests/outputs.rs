//! `status --json`, `export` and the state file, as other programs and other people meet them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Asked, Place, Result, Simulator, Standing, World};

/// A finished migration of a sample.
fn migrated(place: &Place) -> Result<(Simulator, Asked)> {
    place.sample("c.csv", 80, 21, 41)?;
    let asked = Asked::of_file(&place.path("c.csv"))?;
    let simulator = Simulator::on_demand(place)?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    World::of(&simulator, &asked)?.holds_all_of(&asked)?;
    Ok((simulator, asked))
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

fn sorted<'a>(text: &'a str) -> Vec<&'a str> {
    let mut words: Vec<&'a str> = text.split_whitespace().collect();
    words.sort_unstable();
    words
}

#[test]
fn status_as_json_has_exactly_the_documented_fields() -> Result<()> {
    let place = Place::new()?;
    let (simulator, _) = migrated(&place)?;
    let status = place.status(&[])?;
    let found = |value: &Value| {
        keys(value)
            .into_iter()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(&status),
        sorted(
            "migration platform_account livemode customers payment_methods accounts requests running speed last_refusal reasons pace open_charges undo_unfinished taken_back undo_left stale listener purged_at"
        )
    );
    assert_eq!(
        found(&status["customers"]),
        sorted("total pending in_progress migrated refused parked in_doubt undone partly_undone")
    );
    assert_eq!(found(&status["payment_methods"]), sorted("total cloned"));
    assert_eq!(
        found(&status["stale"]),
        sorted("total automatically_updated updated detached first")
    );
    assert!(status["listener"].is_null(), "nobody ever listened");
    assert_eq!(
        found(&status["requests"]),
        sorted("sent retried rate_limited")
    );
    for account in status["accounts"].as_array().into_iter().flatten() {
        assert_eq!(
            found(account),
            sorted("id standing reason customers migrated refused parked undone partly_undone")
        );
        let parked = account["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("acct_revoked"));
        assert_eq!(
            account["standing"],
            if parked { "parked" } else { "active" }
        );
        assert_eq!(account["reason"].is_string(), parked);
    }
    assert_eq!(
        status["requests"]["sent"].as_u64(),
        Some(simulator.requests()?)
    );
    assert_eq!(status["platform_account"], "acct_1SimPlatform0001");
    Ok(())
}

#[test]
fn export_has_a_line_for_each_source_and_account_in_every_format() -> Result<()> {
    let place = Place::new()?;
    let (_simulator, asked) = migrated(&place)?;
    let wanted = asked.lines();
    let csv = place.pmclone_keyless(&["export"])?.with(0)?.out;
    assert_eq!(
        csv.lines().next(),
        Some(
            "legacy_id,platform_customer,platform_payment_method,connected_account,connected_customer,connected_payment_method,is_default,status"
        )
    );
    assert_eq!(csv.lines().count() - 1, wanted.len());
    let jsonl = place
        .pmclone_keyless(&["export", "--format", "jsonl"])?
        .with(0)?
        .out;
    let mut lines = BTreeSet::new();
    for line in jsonl.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        lines.insert((
            text("legacy_id"),
            text("platform_payment_method"),
            text("connected_account"),
        ));
    }
    assert_eq!(lines, wanted.keys().cloned().collect());
    let stripe = place
        .pmclone_keyless(&["export", "--format", "stripe"])?
        .with(0)?
        .out;
    assert_eq!(
        stripe.lines().next(),
        Some("customer_id_old,source_id_old,customer_id_new,source_id_new")
    );
    let migrated = asked.sources_standing(Standing::Migrated);
    assert_eq!(u64::try_from(stripe.lines().count())? - 1, migrated);
    // To a file, for one account.
    let account = asked.accounts().into_iter().next().unwrap_or_default();
    place
        .pmclone_keyless(&["export", "--account", account, "-o", "mapping.csv"])?
        .with(0)?;
    let written = std::fs::read_to_string(place.path("mapping.csv"))?;
    assert_eq!(
        written.lines().count() - 1,
        wanted.keys().filter(|(_, _, on)| on == account).count()
    );
    Ok(())
}

#[cfg(unix)]
#[test]
fn files_that_hold_people_are_readable_by_their_owner_only() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new()?;
    place.put(
        "c.csv",
        "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n",
    )?;
    let known = place.listing()?;
    let simulator = Simulator::on_demand(&place)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    place.pmclone(&["run", "c.csv", "--simulate"])?.with(0)?;
    place
        .pmclone_keyless(&["export", "-o", "mapping.csv"])?
        .with(0)?;
    for name in place.listing()?.difference(&known) {
        let mode = std::fs::metadata(place.path(name))?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
    Ok(())
}

#[test]
fn contact_details_of_migrated_customers_are_gone_from_the_state_file() -> Result<()> {
    let place = Place::new()?;
    let (_simulator, asked) = migrated(&place)?;
    let mut bytes = Vec::new();
    for name in place
        .listing()?
        .iter()
        .filter(|name| name.starts_with("pmclone.db"))
    {
        bytes.extend(std::fs::read(place.path(name))?);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut others = 0;
    for (id, customer) in &asked.customers {
        let Some(email) = &customer.email else {
            continue;
        };
        let lines = asked.lines();
        let worst = lines
            .iter()
            .filter(|((line, _, _), _)| line == id)
            .map(|(_, standing)| *standing)
            .min();
        if worst == Some(Standing::Migrated) {
            assert!(
                !text.contains(email.as_str()),
                "{id}: {email} is still there"
            );
        } else if text.contains(email.as_str()) {
            others += 1;
        }
    }
    assert!(
        others > 0,
        "nobody's details are there: this test would see nothing"
    );
    Ok(())
}

#[test]
fn a_runs_json_is_one_object_on_stdout() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put(
        "c.csv",
        "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n",
    )?;
    let ended = place
        .against(&simulator, &["run", "c.csv", "--json"])?
        .with(0)?;
    assert!(ended.json()?.is_object());
    let quiet = place
        .against(&simulator, &["run", "c.csv", "--quiet"])?
        .with(0)?;
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    Ok(())
}

#[test]
fn what_is_written_out_replaces_no_file_of_the_migration() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 3, 1, 47)?;
    place.pmclone_keyless(&["run", "c.csv", "--simulate"])?;
    std::fs::copy(place.path("pmclone-rehearsal.db"), place.path("other.db"))?;
    let state = std::fs::read(place.path("pmclone-rehearsal.db"))?;
    for (file, code) in [
        ("pmclone-rehearsal.db", 2),
        ("./pmclone-rehearsal.db.world", 2),
        ("pmclone-rehearsal.db.lock", 2),
        ("c.csv", 2),
        ("other.db", 2),
    ] {
        for command in ["export", "report"] {
            let ended = place
                .pmclone_keyless(&[command, "--simulate", "-o", file])?
                .with(code)?;
            assert!(ended.err.contains("not replaced"), "{file}: {}", ended.err);
        }
    }
    assert_eq!(std::fs::read(place.path("pmclone-rehearsal.db"))?, state);
    // A pipe that nobody reads is not waited for.
    let made = std::process::Command::new("mkfifo")
        .arg(place.path("pipe"))
        .status()?;
    assert!(made.success());
    for command in ["export", "report"] {
        let ended = place
            .pmclone_keyless(&[command, "--simulate", "-o", "pipe"])?
            .with(2)?;
        assert!(ended.err.contains("not a regular file"), "{}", ended.err);
        for _ in 0..2 {
            place
                .pmclone_keyless(&[command, "--simulate", "-o", "out"])?
                .with(0)?;
        }
    }
    Ok(())
}

/// A place for a file that is wrong, and what is said of it.
type Wrong<'a> = (&'a str, &'a str);

#[test]
fn every_command_says_why_it_cannot_write_a_file_there() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 3, 1, 47)?;
    place.pmclone_keyless(&["run", "c.csv", "--simulate"])?;
    place.sample("new.csv", 4, 1, 47)?;
    std::fs::create_dir(place.path("closed"))?;
    let mut wrong: Vec<Wrong> = vec![
        ("none/x", "there is no folder none"),
        ("c.csv/x", "c.csv is a file, not a folder"),
    ];
    // To root nothing is closed.
    let mut shut = std::fs::metadata(place.path("closed"))?.permissions();
    shut.set_readonly(true);
    std::fs::set_permissions(place.path("closed"), shut)?;
    if std::fs::write(place.path("closed/tried"), "").is_err() {
        wrong.push(("closed/x", "this user may not write there"));
    }
    let run = ["run", "new.csv", "--simulate"];
    let commands: [(&[&str], &str); 10] = [
        (&["columns", "c.csv"], "-o"),
        (&["sample"], "-o"),
        (&["man"], "-o"),
        (&["export", "--simulate"], "-o"),
        (&["report", "--simulate"], "-o"),
        (&["refused", "--simulate"], "--csv"),
        (&run, "--problems"),
        (&run, "--delta"),
        (&run, "--metrics-file"),
        (&run, "--log"),
    ];
    for (command, option) in commands {
        for (file, why) in &wrong {
            // With that option the manual's pages go into a folder.
            let file = if command == ["man"] {
                file.trim_end_matches("/x")
            } else {
                file
            };
            let ended = place
                .pmclone_keyless(&[command, &[option, file]].concat())?
                .with(2)?;
            let told = format!("{command:?} {option} {file}: {}", ended.err);
            assert!(ended.err.contains(why) || file == "c.csv", "{told}");
            assert!(!ended.err.contains("os error"), "{told}");
            assert!(ended.err.lines().count() >= 2, "what to do: {told}");
        }
    }
    let receipts = ["export", "--simulate", "--receipts", "c.csv/x"];
    let ended = place.pmclone_keyless(&receipts)?.with(2)?;
    assert!(ended.err.contains("c.csv is a file, not a folder"));
    assert!(!place.path("none").exists());
    Ok(())
}
