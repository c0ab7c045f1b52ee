//! What a run leaves for those who watch it: the log of `--log`, and the file of `--metrics-file`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::support::tool::KEY;
use crate::support::{Place, Result, Simulator, not_checked};

/// Everything that a person could be told by: contact fields, legacy ids and metadata, as the CSV has them.
fn personal_values(csv: &str) -> Result<BTreeSet<String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let personal: Vec<usize> = reader
        .headers()?
        .iter()
        .enumerate()
        .filter(|(_, name)| {
            ["legacy_id", "email", "name", "phone", "description"].contains(name)
                || name.starts_with("address_")
                || name.starts_with("metadata.")
        })
        .map(|(index, _)| index)
        .collect();
    let mut values = BTreeSet::new();
    for line in reader.records() {
        let line = line?;
        let cells = personal.iter().filter_map(|index| line.get(*index));
        values.extend(cells.filter(|cell| !cell.is_empty()).map(str::to_owned));
    }
    Ok(values)
}

/// People whose every value can be told from whatever else a log holds; one's legacy id is an e-mail address.
fn people() -> String {
    const HEADER: &str = "legacy_id,email,name,phone,description,address_line1,address_city,address_postal_code,metadata.pet,platform_customer,payment_method,connected_account\n";
    let person = |n: u32| {
        let id = if n == 7 {
            "wilhelmina@quokka.example".to_owned()
        } else {
            format!("Quokka-{n}")
        };
        let account = if n.is_multiple_of(2) {
            "acct_1A"
        } else {
            "acct_1B"
        };
        format!(
            "{id},quokka{n}@example.com,Quokka Wombat-{n},+99 555 00{n:03},Wombat burrow {n},{n} Billabong Way,Woolloomooloo{n},ZQ{n:03}X,Numbat{n},,pm_1Quokka{n},{account}\n"
        )
    };
    let people: Vec<String> = (0..40).map(person).collect();
    format!("{HEADER}{}", people.concat())
}

/// Faults of every kind.
const FAULTS: &str = "\
nth 5 on POST /v1/customers error 500 stored
at 65 lost-after
at 70 lost-before
at 75 half
at 80 error 503
at 85 limit endpoint-rate
at 90 limit global-concurrency
at 95 lock
at 120 revoke acct_1B
";

fn lines(log: &str) -> Result<Vec<Value>> {
    log.lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

fn events<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == name).collect()
}

/// A run with faults, its log in `log` and its metrics in `pmclone.prom`.
fn watched(place: &Place) -> Result<Simulator> {
    let simulator = Simulator::on_demand(place)?;
    place.put("c.csv", people())?;
    simulator.faults(FAULTS)?;
    #[rustfmt::skip]
    place.against(&simulator, &["run", "c.csv", "--log", "log", "--metrics-file", "pmclone.prom"])?.with(3)?;
    Ok(simulator)
}

#[test]
fn the_log_has_every_request_and_event_and_nobodys_data() -> Result<()> {
    let place = Place::new()?;
    let simulator = watched(&place)?;
    // Refusals whose messages quote what was sent.
    let more = "legacy_id,email,name,payment_method,connected_account\nZebu-1,zebu@zebu.example,Zebu Zebedee,pm_declined_1Two,acct_1A\n";
    place.put("more.csv", more)?;
    place
        .against(
            &simulator,
            &["run", "more.csv", "--state", "more.db", "--log", "log"],
        )?
        .with(3)?;
    let log = std::fs::read_to_string(place.path("log"))?;
    for value in personal_values(&people())?.union(&personal_values(more)?) {
        assert!(!log.contains(value.as_str()), "`{value}` is in the log");
    }
    for part in [
        "okka", "ombat", "illabong", "ebedee", "mbat", "cus_", "pm_1",
    ] {
        assert!(!log.contains(part), "`{part}` is in the log");
    }
    assert!(
        !log.contains(&KEY[KEY.len() - 12..]),
        "the key is in the log"
    );
    let lines = lines(&log)?;
    let sent = place.status(&[])?["requests"].clone();
    let of_first = lines
        .iter()
        .position(|line| line["event"] == "command_ended");
    let first = &lines[..=of_first.context("no end")?];
    let requests = events(first, "request");
    assert_eq!(
        u64::try_from(requests.len())?,
        sent["sent"].as_u64().context("sent")?
    );
    let outcomes: BTreeSet<_> = requests
        .iter()
        .filter_map(|line| line["outcome"].as_str())
        .collect();
    for outcome in [
        "done",
        "rate_limited",
        "locked",
        "server_error",
        "lost",
        "refused",
    ] {
        assert!(outcomes.contains(outcome), "{outcome}: {outcomes:?}");
    }
    for line in &requests {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["ms"].is_u64());
        assert!(
            line["path"]
                .as_str()
                .is_some_and(|path| path.starts_with("/v1/")),
            "{line}"
        );
        assert!(
            line["method"] != "POST" || line["idempotency_key"].is_string(),
            "{line}"
        );
        assert!(
            line["status"] != 200 || line["request_id"].is_string(),
            "{line}"
        );
    }
    for event in [
        "command_begun",
        "session_begun",
        "run_begun",
        "account_parked",
        "run_ended",
        "command_ended",
    ] {
        assert_eq!(events(first, event).len(), 1, "{event}");
    }
    assert!(!events(first, "in_doubt").is_empty() && !events(first, "reconciled").is_empty());
    assert_eq!(events(first, "command_ended")[0]["exit"], 3);
    assert_eq!(
        events(&lines, "command_begun").len(),
        2,
        "the second appended"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.path("log"))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    Ok(())
}

#[test]
fn a_log_is_nothing_but_a_log_and_one_that_cannot_be_begun_is_told_first() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", people())?;
    for path in ["c.csv", "pmclone.db", "none/log", "."] {
        let ended = place
            .against(&simulator, &["run", "c.csv", "--log", path])?
            .with(2)?;
        assert!(ended.err.contains("cannot be kept"), "{}", ended.err);
    }
    for path in ["c.csv", "pmclone.db", "none/pmclone.prom", "."] {
        let ended = place.against(&simulator, &["run", "c.csv", "--metrics-file", path])?;
        assert!(matches!(ended.code, Some(1 | 2)), "{path}: {ended:?}");
    }
    let both = ["run", "c.csv", "--log", "log", "--metrics-file", "log"];
    let ended = place.against(&simulator, &both)?.with(2)?;
    assert!(ended.err.contains("a log is there"), "{}", ended.err);
    assert_eq!(std::fs::read_to_string(place.path("c.csv"))?, people());
    assert_eq!(
        simulator
            .stripe("GET", "/v1/customers", "")?
            .matches("cus_")
            .count(),
        0
    );
    Ok(())
}

/// Prometheus's own reader, as Debian has it (python3-prometheus-client).
const READER: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(family.type, sample.name, sample.value, sorted(sample.labels.items()))
";

/// What Prometheus's reader makes of the file; `None` where this machine has none. Debian's is for its own Python.
fn read_by_prometheus(place: &Place) -> Result<Option<String>> {
    for python in ["/usr/bin/python3", "python3"] {
        let metrics = std::fs::File::open(place.path("pmclone.prom"))?;
        let mut reader = Command::new(python);
        reader.args(["-c", READER]).stdin(metrics);
        let read = reader
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output();
        let Ok(read) = read else { continue };
        let said = String::from_utf8(read.stderr)?;
        if read.status.success() {
            return Ok(Some(String::from_utf8(read.stdout)?));
        }
        anyhow::ensure!(said.contains("No module named"), "{said}");
    }
    Ok(None)
}

#[test]
fn prometheus_reads_the_metrics_and_they_add_up() -> Result<()> {
    let place = Place::new()?;
    let _simulator = watched(&place)?;
    let status = place.status(&[])?;
    let text = std::fs::read_to_string(place.path("pmclone.prom"))?;
    assert!(!text.contains("okka") && !text.contains("ombat"), "{text}");
    let sum = |name: &str| -> f64 {
        let samples = text
            .lines()
            .filter(|line| line.starts_with(&format!("{name}{{")));
        samples
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let of = |group: &str, name: &str| status[group][name].as_f64().unwrap_or(f64::NAN);
    let near = |found: f64, expected: f64| (found - expected).abs() < f64::EPSILON;
    assert!(
        near(sum("pmclone_requests_total"), of("requests", "sent")),
        "{text}"
    );
    assert!(
        near(sum("pmclone_retries_total"), of("requests", "retried")),
        "{text}"
    );
    assert!(
        near(
            sum("pmclone_rate_limited_total"),
            of("requests", "rate_limited")
        ),
        "{text}"
    );
    assert!(
        near(sum("pmclone_customers"), of("customers", "total")),
        "{text}"
    );
    assert!(near(sum("pmclone_run_exit_code"), 3.0) && near(sum("pmclone_run_active"), 0.0));
    assert!(near(sum("pmclone_accounts_parked"), 1.0), "{text}");
    for standing in ["migrated", "parked", "in_doubt", "refused", "pending"] {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("standing=\"{standing}\"")));
        let count: f64 = line
            .and_then(|line| line.rsplit(' ').next())
            .context("none")?
            .parse()?;
        assert!(near(count, of("customers", standing)), "{standing}: {text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.path("pmclone.prom"))?
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o644, "another user collects it");
    }
    let Some(read) = read_by_prometheus(&place)? else {
        not_checked("the metrics by Prometheus's reader: install python3-prometheus-client");
        return Ok(());
    };
    assert_eq!(
        read.lines().count(),
        text.lines().filter(|line| !line.starts_with('#')).count()
    );
    assert!(!read.contains("unknown "), "{read}");
    Ok(())
}
