//! The mapping in other forms: statements, receipts, and what has changed since.

use std::fmt::Write as _;

use rusqlite::Connection;
use serde_json::Value;

use super::migrated;
use crate::support::{Place, Result, Simulator};

const TEMPLATE: &str = "UPDATE cards SET customer = {connected_customer}, pm = {connected_payment_method}, standard = {is_default} WHERE owner = {legacy_id} AND old = {platform_payment_method}";

#[test]
fn statements_change_the_rows_they_are_for_whatever_an_id_holds() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let evil = [
        "o'neil",
        "'; DROP TABLE cards; --",
        "\" OR 1=1 --",
        "{status}",
    ];
    let mut text = "legacy_id,payment_method,connected_account\n".to_owned();
    for (number, id) in evil.iter().enumerate() {
        let cell = id.replace('"', "\"\"");
        writeln!(text, "\"{cell}\",pm_1Evil{number},acct_1A")?;
    }
    text += "refused,pm_sepa_1Refused,acct_1A\n";
    place.put("c.csv", text)?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let sql = place
        .pmclone_keyless(&["export", "--format", "sql", "--template", TEMPLATE])?
        .with(0)?
        .out;
    assert_eq!(sql.lines().count(), evil.len(), "{sql}");
    let database = Connection::open_in_memory()?;
    database.execute_batch("CREATE TABLE cards (owner, old, customer, pm, standard)")?;
    for (number, id) in evil.iter().enumerate() {
        let row = (id, format!("pm_1Evil{number}"));
        database.execute("INSERT INTO cards (owner, old) VALUES (?1, ?2)", row)?;
    }
    database.execute(
        "INSERT INTO cards (owner, old) VALUES ('other', 'pm_1Evil0')",
        [],
    )?;
    database.execute_batch(&sql)?;
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
    let changed = "SELECT count(*) FROM cards WHERE customer LIKE 'cus_%' AND pm LIKE 'pm_%' AND standard = 1";
    assert_eq!(count(changed)?, i64::try_from(evil.len())?);
    assert_eq!(
        count("SELECT count(*) FROM cards WHERE owner = 'other' AND customer IS NULL")?,
        1
    );
    Ok(())
}

#[test]
fn a_backslash_needs_a_dialect_and_a_wrong_template_is_told() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put(
        "c.csv",
        "legacy_id,payment_method,connected_account\na\\,pm_1A,acct_1A\n",
    )?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let sql = [
        "export",
        "--format",
        "sql",
        "--template",
        "SELECT {legacy_id}",
    ];
    let told = place
        .pmclone_keyless(&[&sql[..], &["-o", "out.sql"]].concat())?
        .with(2)?;
    assert!(told.err.contains("--dialect"), "{}", told.err);
    assert!(!place.path("out.sql").exists());
    for (dialect, literal) in [("standard", "'a\\'"), ("mysql", "'a\\\\'")] {
        let all = [&sql[..], &["--dialect", dialect]].concat();
        let out = place.pmclone_keyless(&all)?.with(0)?.out;
        assert_eq!(out, format!("SELECT {literal};\n"));
    }
    for wrong in [
        &["export", "--format", "sql"][..],
        &["export", "--template", "SELECT {legacy_id}"],
        &[
            "export",
            "--format",
            "sql",
            "--template",
            "SELECT '{legacy_id}'",
        ],
        &["export", "--since", "soon"],
    ] {
        place.pmclone_keyless(wrong)?.with(2)?;
    }
    Ok(())
}

#[test]
fn each_account_gets_a_receipt_with_its_own_lines_and_no_others() -> Result<()> {
    let place = Place::new()?;
    let _simulator = migrated(&place)?;
    place
        .pmclone_keyless(&["export", "--receipts", "receipts", "-o", "all.csv"])?
        .with(0)?;
    for (account, other, customers) in [
        ("acct_1First", "acct_1Second", 7),
        ("acct_1Second", "acct_1First", 3),
    ] {
        let receipt = std::fs::read_to_string(place.path(&format!("receipts/{account}.txt")))?;
        assert!(!receipt.contains(other), "{receipt}");
        assert!(
            receipt.contains(&format!("customers        {customers}\n")),
            "{receipt}"
        );
        let export = place
            .pmclone_keyless(&["export", "--account", account])?
            .with(0)?
            .out;
        for line in export.lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let line = [cells[0], cells[4], cells[5], cells[6], cells[7]].join(",");
            assert!(
                receipt.lines().any(|each| each == line),
                "{line}: {receipt}"
            );
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = place.path(&format!("receipts/{account}.txt"));
            assert_eq!(std::fs::metadata(file)?.permissions().mode() & 0o777, 0o600);
        }
    }
    let left: Vec<_> = std::fs::read_dir(place.path("receipts"))?.collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(place.path("all.csv").exists());
    Ok(())
}

#[test]
fn what_changed_since_is_what_a_later_run_did() -> Result<()> {
    let place = Place::new()?;
    let simulator = migrated(&place)?;
    simulator.advance_hours(1)?;
    let first = place
        .pmclone_keyless(&["export", "-o", "first.csv"])?
        .with(0)?;
    let since = first
        .err
        .split("--since ")
        .nth(1)
        .unwrap_or_default()
        .trim()
        .to_owned();
    // The hint goes back a little, so that nothing is missed; an hour later all of that is past.
    let since: jiff::Timestamp = since.parse()?;
    let since = (since + jiff::SignedDuration::from_mins(30)).to_string();
    let changed = |since: &str| -> Result<Vec<String>> {
        let out = place.pmclone_keyless(&["export", "--since", since, "--format", "jsonl"])?;
        let lines = out.with(0)?.out;
        let each = lines.lines().map(|line| {
            let line: Value = serde_json::from_str(line)?;
            Ok(line["legacy_id"].as_str().unwrap_or_default().to_owned())
        });
        each.collect()
    };
    assert_eq!(changed(&since)?, Vec::<String>::new());
    place.put(
        "m.csv",
        "legacy_id,payment_method,connected_account\nsepa,pm_1StellaNew,acct_1First\n",
    )?;
    place.against(&simulator, &["retry", "m.csv"])?.with(3)?;
    assert_eq!(changed(&since)?, ["sepa", "sepa"]);
    assert!(changed("2000-01-01")?.len() > 8);
    Ok(())
}

#[test]
fn status_tells_what_was_refused_last_and_watches_in_plain_elsewhere() -> Result<()> {
    let place = Place::new()?;
    let _simulator = migrated(&place)?;
    let status = place.status(&[])?;
    assert_eq!(status["running"], false);
    assert_eq!(status["speed"], Value::Null);
    assert!(status["last_refusal"]["reason"].is_string(), "{status}");
    assert_eq!(status["reasons"].as_array().map(Vec::len), Some(5));
    let told = place.pmclone_keyless(&["status"])?.with(0)?.out;
    assert!(
        told.contains("Refused last") && told.contains("[==="),
        "{told}"
    );
    assert!(!told.contains('\u{1b}'), "{told}");
    let mut watching = place.start(&["status", "--watch", "--json"])?;
    crate::support::until("a signal is heard", || {
        // Before its first look it has no handler yet: it ends by the signal itself, or, where these tests themselves run
        // with the signal ignored, hears none.
        Ok(!watching.is_on()? || watching.signal("INT").is_err() || !watching.is_on()?)
    })?;
    let ended = watching.wait()?;
    assert!(ended.code.is_none_or(|code| code == 0), "{ended:?}");
    Ok(())
}
