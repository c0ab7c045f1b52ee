//! What was made is read back and compared; what Stripe has is changed behind the tool's back, and it is told of.

use serde_json::Value;

use crate::support::set_up::clean;
use crate::support::tool::Ended;
use crate::support::{Place, Result, Simulator};

const FIRST: &str = "acct_1First";

/// Three customers with two cards each on two accounts, all moved.
fn migrated(place: &Place, simulator: &Simulator) -> Result<()> {
    place.put("c.csv", clean(3))?;
    place.against(simulator, &["run", "c.csv"])?.with(0)?;
    Ok(())
}

/// The lines of `--json`: those of the diff, and the summary.
fn told(ended: &Ended) -> Result<(Vec<Value>, Value)> {
    let mut lines: Vec<Value> = ended
        .out
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect::<Result<_>>()?;
    let last = lines.pop().unwrap_or_default();
    Ok((lines, last["summary"].clone()))
}

/// Sign, legacy id and what it is about, of the lines that are not `=`.
fn unlike(lines: &[Value]) -> Vec<String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    lines
        .iter()
        .filter(|line| line["sign"] != "=")
        .map(|line| {
            ["sign", "legacy_id", "about"]
                .map(|name| text(line, name))
                .join(" ")
        })
        .collect()
}

/// The rows of the mapping for a customer and account.
fn mapped(place: &Place, legacy_id: &str) -> Result<Vec<Value>> {
    let out = place
        .pmclone_keyless(&["export", "--format", "jsonl"])?
        .with(0)?
        .out;
    let rows = out.lines().map(|line| Ok(serde_json::from_str(line)?));
    let rows: Vec<Value> = rows.collect::<Result<_>>()?;
    let wanted = |row: &Value| row["legacy_id"] == legacy_id && row["connected_account"] == FIRST;
    Ok(rows.into_iter().filter(wanted).collect())
}

fn id<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

#[test]
fn what_was_made_is_as_the_state_file_says_and_the_reads_are_told_before() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator)?;
    for args in [
        &["verify"][..],
        &["verify", "--sample", "2"],
        &["verify", "--only", "c2"],
        &["verify", "--account", FIRST],
        &["verify", "--all"],
        &["verify", "--all", "--thorough"],
    ] {
        let reads = place
            .pmclone_keyless(&[args, &["--dry-run", "--json"]].concat())?
            .with(0)?
            .json()?;
        let before = simulator.requests()?;
        let ended = place
            .against(&simulator, &[args, &["--json"]].concat())?
            .with(0)?;
        let (lines, summary) = told(&ended)?;
        assert_eq!(unlike(&lines), [""; 0], "{args:?}");
        let sent = simulator.requests()? - before;
        assert_eq!(summary["reads"].as_u64(), Some(sent), "{args:?}");
        assert_eq!(reads["reads"].as_u64(), Some(sent), "{args:?}");
        assert_eq!(summary["differences"], 0);
    }
    Ok(())
}

#[test]
fn what_was_changed_behind_its_back_is_told_and_exit_code_9() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator)?;
    let migration = place.status(&[])?["migration"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (one, two, three) = (
        mapped(&place, "c1")?,
        mapped(&place, "c2")?,
        mapped(&place, "c3")?,
    );
    // c1: a clone is detached. c2: deleted there. c3: made twice, its second card twice, the default and the expiry changed.
    let detach = format!(
        "/v1/payment_methods/{}/detach",
        id(&one[1], "connected_payment_method")
    );
    simulator.stripe_on(FIRST, "POST", &detach, "")?;
    let deleted = format!("/v1/customers/{}", id(&two[0], "connected_customer"));
    simulator.stripe_on(FIRST, "DELETE", &deleted, "")?;
    let marks = format!("metadata[pmclone_migration]={migration}&metadata[legacy_customer_id]=c3");
    simulator.stripe_on(FIRST, "POST", "/v1/customers", &marks)?;
    let (customer, second) = (id(&three[0], "connected_customer"), &three[1]);
    let clone = format!(
        "customer={}&payment_method={}",
        id(second, "platform_customer"),
        id(second, "platform_payment_method")
    );
    let again: Value = serde_json::from_str(&simulator.stripe_on(
        FIRST,
        "POST",
        "/v1/payment_methods",
        &clone,
    )?)?;
    let attach = format!("/v1/payment_methods/{}/attach", id(&again, "id"));
    simulator.stripe_on(FIRST, "POST", &attach, &format!("customer={customer}"))?;
    let default = format!(
        "invoice_settings[default_payment_method]={}",
        id(&again, "id")
    );
    simulator.stripe_on(
        FIRST,
        "POST",
        &format!("/v1/customers/{customer}"),
        &default,
    )?;
    let expiry = format!(
        "/v1/payment_methods/{}",
        id(&three[0], "connected_payment_method")
    );
    simulator.stripe_on(FIRST, "POST", &expiry, "card[exp_year]=2049")?;

    let ended = place
        .against(&simulator, &["verify", "--all", "--json"])?
        .with(9)?;
    let (lines, summary) = told(&ended)?;
    let all = [
        "- c1 attached_to",
        "- c2 customer",
        "* c3 default_payment_method",
        "* c3 expiry",
        "+ c3 second_payment_method",
        "+ c3 second_customer",
    ];
    assert_eq!(unlike(&lines), all);
    assert_eq!(summary["differences"].as_u64(), Some(6));
    // One by one, all but the Customer that only a sweep can meet.
    let ended = place.against(&simulator, &["verify", "--json"])?.with(9)?;
    assert_eq!(unlike(&told(&ended)?.0), all[..5]);
    let people = place
        .against(&simulator, &["verify", "--only", "c3"])?
        .with(9)?;
    assert!(people.out.contains("expiry: 2049-"), "{}", people.out);
    assert!(people.err.contains("Found 3 differences"), "{}", people.err);
    Ok(())
}

#[test]
fn what_cannot_be_looked_at_is_no_difference() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator)?;
    simulator.post(&format!("/_sim/accounts/{FIRST}/revoke"), "")?;
    for args in [&["verify", "--json"][..], &["verify", "--all", "--json"]] {
        let (lines, summary) = told(&place.against(&simulator, args)?.with(3)?)?;
        assert_eq!(
            unlike(&lines),
            ["! c1 customer", "! c2 customer", "! c3 customer"]
        );
        assert_eq!(summary["differences"].as_u64(), Some(0));
        // The account is asked once, or once for each that was under way by then.
        assert!(summary["not_looked_at"].as_u64() == Some(3));
    }
    Ok(())
}

#[test]
fn a_list_that_is_not_answered_is_no_difference() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator)?;
    let lists = "chance 1 on GET /v1/customers/*/payment_methods account acct_1First error 503\n";
    simulator.faults(lists)?;
    let ended = place
        .against(&simulator, &["verify", "--only", "c1", "--json"])?
        .with(3)?;
    let (lines, summary) = told(&ended)?;
    assert_eq!(unlike(&lines), ["! c1 attached_to", "! c1 attached_to"]);
    assert_eq!(summary["differences"].as_u64(), Some(0));
    Ok(())
}

#[test]
fn a_platform_that_cannot_be_read_is_an_error_and_not_a_word_of_differences() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator)?;
    simulator.faults("chance 1 on GET /v1/customers error 503\n")?;
    let ended = place.against(&simulator, &["verify", "--all"])?.with(1)?;
    assert!(ended.out.is_empty(), "{ended:?}");
    assert!(
        ended.err.contains("could not be read to the end"),
        "{ended:?}"
    );
    Ok(())
}

#[test]
fn it_neither_disturbs_a_run_nor_is_misled_by_it() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 20)?;
    place.put("c.csv", clean(60))?;
    let mut run = place.start_against(&simulator, &["run", "c.csv", "--concurrency", "4"])?;
    simulator.until_requests(40)?;
    for args in [&["verify", "--all"][..], &["verify", "--sample", "3"]] {
        let ended = place.against(&simulator, args)?;
        assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    }
    assert!(run.is_on()?, "it was looked at too late");
    run.wait()?.with(0)?;
    place
        .against(&simulator, &["verify", "--all", "--thorough"])?
        .with(0)?;
    Ok(())
}

#[test]
fn a_wrong_key_a_wrong_name_and_no_state_file_are_told() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.against(&simulator, &["verify"])?.with(10)?;
    migrated(&place, &simulator)?;
    place
        .against(&simulator, &["verify", "--only", "nobody"])?
        .with(2)?;
    place
        .against(&simulator, &["verify", "--account", "acct_1Nobody"])?
        .with(2)?;
    place
        .against(
            &simulator,
            &["verify", "--simulate", "--state", "pmclone.db"],
        )?
        .with(5)?;
    place
        .against(&simulator, &["verify", "--sample", "0"])?
        .with(2)?;
    Ok(())
}

#[test]
fn what_is_in_doubt_is_told_whoever_is_looked_at() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(2))?;
    simulator.faults("nth 1 on POST /v1/customers account acct_1First error 500 stored\nchance 1 on GET /v1/customers account acct_1First error 503\n")?;
    place
        .against(&simulator, &["run", "c.csv", "--concurrency", "1"])?
        .with(3)?;
    simulator.faults("")?;
    for args in [&["--all", "--thorough"][..], &["--all"], &["--only", "c1"]] {
        let args = [&["verify", "--json"], args].concat();
        let (lines, summary) = told(&place.against(&simulator, &args)?.with(3)?)?;
        assert_eq!(unlike(&lines), ["! c1 customer"], "{args:?}");
        assert_eq!(summary["differences"], 0);
    }
    let people = place
        .against(&simulator, &["verify", "--only", "c1"])?
        .with(3)?;
    assert!(
        people.out.contains("create_connected_customer is in doubt"),
        "{}",
        people.out
    );
    // Those that are not in doubt, and accounts where nothing is.
    for args in [
        &["--only", "c2"][..],
        &["--all", "--account", "acct_1Second"],
    ] {
        place
            .against(&simulator, &[&["verify"], args].concat())?
            .with(0)?;
    }
    Ok(())
}
