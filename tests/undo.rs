//! `undo`: nothing of ours is left and nothing of others is missing, whatever goes wrong and whenever the process is killed. What is
//! there is asked of the simulator, never of the state file.

mod edges;
mod faults;
pub mod killed;
mod left;
mod partly;

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::support::{Place, Result, Simulator};

const FIRST: &str = "acct_1First";
const SECOND: &str = "acct_1Second";
const HEADER: &str = "legacy_id,email,payment_method,connected_account,platform_customer\n";

/// What lives: each Customer with all that it is, and whom each PaymentMethod is attached to.
fn world(simulator: &Simulator) -> Result<BTreeMap<String, String>> {
    let mut living = BTreeMap::new();
    for account in [None, Some(FIRST), Some(SECOND)] {
        let place = account.unwrap_or("the platform");
        for customer in simulator.dump("customers", account)? {
            living.insert(format!("{place} {}", customer["id"]), customer.to_string());
        }
        for method in simulator.dump("payment_methods", account)? {
            let attached = &method["customer"];
            if !attached.is_null() {
                living.insert(format!("{place} {}", method["id"]), attached.to_string());
            }
        }
    }
    let state: Value = serde_json::from_str(&simulator.get("/_sim/state")?)?;
    for ledger in state["ledgers"].as_array().into_iter().flatten() {
        for (currency, balance) in ledger["balances"].as_object().into_iter().flatten() {
            ensure!(balance == 0, "{balance} {currency} are left: {state}");
        }
    }
    Ok(living)
}

fn same(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Result<()> {
    let of_one = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        let only = one
            .iter()
            .filter(|(key, value)| other.get(*key) != Some(value));
        only.map(|(key, value)| format!("{key} {value}"))
            .collect::<Vec<_>>()
    };
    let (missing, left) = (of_one(before, after), of_one(after, before));
    ensure!(
        missing.is_empty() && left.is_empty(),
        "missing {missing:#?}\nleft {left:#?}"
    );
    Ok(())
}

/// Two customers with cards on Customers that were there before, on one account and on two; and one without a card.
fn adopted(place: &Place, simulator: &Simulator) -> Result<()> {
    let mut seeds = String::new();
    for (customer, cards) in [
        ("cus_1Theirs", ["pm_1a", "pm_1b"]),
        ("cus_2Theirs", ["pm_2a", "pm_2b"]),
    ] {
        let cards = cards.map(|card| format!("{{\"id\":\"{card}\",\"test_card\":\"visa\"}}"));
        let cards = cards.join(",");
        let seed = format!("{{\"customer\":\"{customer}\",\"payment_methods\":[{cards}]}}\n");
        seeds.push_str(&seed);
    }
    for account in [FIRST, SECOND] {
        seeds.push_str(&["{\"account\":\"", account, "\"}\n"].concat());
    }
    let own = format!(
        "{{\"customer\":\"cus_1Own\",\"on_account\":\"{FIRST}\",\"payment_methods\":[{{\"id\":\"pm_1Own\",\"test_card\":\"visa\"}}]}}\n"
    );
    seeds.push_str(&own);
    simulator.post("/_sim/seed", &seeds)?;
    let lines = format!(
        "c1,c1@example.com,pm_1a;pm_1b,{FIRST},cus_1Theirs\nc2,c2@example.com,pm_2a,{FIRST};{SECOND},cus_2Theirs\nc3,c3@example.com,,{SECOND},\n"
    );
    place.put("c.csv", HEADER.to_owned() + &lines)
}

/// The lines of `undo --json`, and what it says at the end.
fn told(out: &str) -> Result<(Vec<Value>, Value)> {
    let lines: Vec<Value> = serde_json::Deserializer::from_str(out)
        .into_iter()
        .collect::<std::result::Result<_, _>>()?;
    let (last, lines) = lines.split_last().context("nothing was told")?;
    Ok((lines.to_vec(), last.clone()))
}

fn writes(simulator: &Simulator) -> Result<usize> {
    let transcript = simulator.transcript()?;
    let is_write = |line: &&Value| line["method"] != "GET";
    Ok(transcript.iter().filter(is_write).count())
}

#[test]
fn all_of_it_goes_nothing_else_does_and_it_is_not_made_again() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    adopted(&place, &simulator)?;
    let before = world(&simulator)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let migrated = world(&simulator)?;
    let charge = [
        "verify",
        "--charge",
        "--only",
        "pm_1a",
        "--amount",
        "100",
        "--currency",
        "usd",
    ];
    place.against(&simulator, &charge)?.with(0)?;
    // A dry run tells, and does nothing.
    let dry = place
        .against(&simulator, &["undo", "--dry-run", "--json"])?
        .with(0)?;
    let (lines, last) = told(&dry.out)?;
    assert_eq!((lines.len(), &last["clones"]), (5, &4.into()), "{dry:?}");
    assert!(lines.iter().all(|line| line["result"] == "would_undo"));
    assert!(
        dry.err.contains("stays refunded") && dry.err.contains("can never be used again"),
        "{dry:?}"
    );
    same(&migrated, &world(&simulator)?)?;
    // Narrowed, then all.
    let named = place
        .against(
            &simulator,
            &["undo", "--only", "cus_1Theirs", "--account", FIRST],
        )?
        .with(0)?;
    assert_eq!(named.out.lines().count(), 1, "{named:?}");
    assert_eq!(place.status(&[])?["customers"]["undone"], 1);
    place.against(&simulator, &["undo"])?.with(0)?;
    same(&before, &world(&simulator)?)?;
    let status = place.status(&[])?;
    assert_eq!(
        (
            &status["customers"]["undone"],
            &status["payment_methods"]["cloned"]
        ),
        (&3.into(), &0.into())
    );
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    for row in export.lines().skip(1) {
        assert!(row.ends_with(",,,false,undone"), "{export}");
    }
    for format in ["stripe", "sql"] {
        let template: &[&str] = if format == "sql" {
            &["--template", "UPDATE t SET a = {connected_customer}"]
        } else {
            &[]
        };
        let out = place
            .pmclone_keyless(&[&["export", "--format", format], template].concat())?
            .with(0)?
            .out;
        assert_eq!(out.matches("cus_").count(), 0, "{out}");
    }
    let explained = place
        .pmclone_keyless(&["explain", "c3", "--json"])?
        .with(0)?
        .json()?;
    let undone = explained["customers"][0]["undone"]
        .as_array()
        .context("undone")?;
    assert!(
        undone.len() == 2 && undone.iter().all(|step| step["state"] == "done"),
        "{explained}"
    );
    // Nothing makes it again, and nothing is amiss.
    let sent = writes(&simulator)?;
    place
        .against(&simulator, &["resume", "--retry-refused"])?
        .with(0)?;
    place.put(
        "c.csv",
        std::fs::read_to_string(place.path("c.csv"))?.replace("c3@", "new@") + "\n",
    )?;
    let again = place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert!(again.err.contains("is not made again"), "{again:?}");
    place.against(&simulator, &["undo"])?.with(0)?;
    place.against(&simulator, &["verify", "--all"])?.with(0)?;
    assert_eq!(writes(&simulator)?, sent);
    same(&before, &world(&simulator)?)
}

#[test]
fn source_cards_are_kept_with_their_customers_unless_their_loss_is_counted_out() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put(
        "c.csv",
        HEADER.to_owned()
            + &format!("c1,c1@example.com,pm_1a;pm_1b,{FIRST},\nc2,,pm_2a,{FIRST},\n"),
    )?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let on_platform = |living: BTreeMap<String, String>| -> Vec<_> {
        let of = |(key, value): (String, String)| {
            key.starts_with("the platform").then_some((key, value))
        };
        living.into_iter().filter_map(of).collect()
    };
    let before = on_platform(world(&simulator)?);
    let ended = place.against(&simulator, &["undo"])?.with(0)?;
    assert!(
        ended.out.contains("left: holds 2 source cards"),
        "{ended:?}"
    );
    assert!(ended.err.contains("lose them for good"), "{ended:?}");
    let after = world(&simulator)?;
    assert_eq!(before, on_platform(after.clone()));
    assert_eq!(after.len(), before.len(), "{after:?}");
    let record = || {
        let record = place.pmclone_keyless(&["report", "--json"])?.with(0)?;
        Ok::<_, anyhow::Error>(record.json()?["taken_back"].clone())
    };
    assert_eq!(
        record()?,
        serde_json::json!({"clones_detached": 3, "connected_customers": 2, "platform_customers": 0, "left": 2, "left_for_source_cards": 2})
    );
    // The mapping offers what is there still, and no more.
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    assert_eq!(export.matches("cus_").count(), 3, "{export}");
    for wrong in ["2", "4"] {
        let sent = simulator.requests()?;
        let ended = place
            .against(&simulator, &["undo", "--spend-source-cards", wrong])?
            .with(5)?;
        assert!(
            ended.err.contains("3 source cards would be lost"),
            "{ended:?}"
        );
        assert_eq!(simulator.requests()?, sent + 1);
    }
    let narrowed = ["undo", "--spend-source-cards", "3", "--account", FIRST];
    place.against(&simulator, &narrowed)?.with(2)?;
    let ended = place
        .against(&simulator, &["undo", "--spend-source-cards", "3"])?
        .with(0)?;
    assert!(
        ended.err.contains("3 SOURCE CARDS WILL BE LOST FOR GOOD"),
        "{ended:?}"
    );
    assert!(world(&simulator)?.is_empty(), "{:?}", world(&simulator)?);
    // As after an interruption: the same command goes on, although nothing is left to be lost.
    place
        .against(&simulator, &["undo", "--spend-source-cards", "3"])?
        .with(0)?;
    place
        .against(&simulator, &["undo", "--spend-source-cards", "2"])?
        .with(5)?;
    assert_eq!(
        (&record()?["platform_customers"], &record()?["left"]),
        (&2.into(), &0.into())
    );
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    assert_eq!(export.matches("cus_").count(), 0, "{export}");
    Ok(())
}

/// Others use the Customers, each as its name says.
fn use_them(simulator: &Simulator, made: &BTreeMap<String, (String, String)>) -> Result<()> {
    let on = |method: &str, path: &str, body: &str| simulator.stripe_on(FIRST, method, path, body);
    let (customer, card) = &made["charge"];
    on(
        "POST",
        "/v1/payment_intents",
        &format!(
            "amount=100&currency=usd&confirm=true&customer={customer}&payment_method={card}&payment_method_types[]=card"
        ),
    )?;
    on(
        "POST",
        "/v1/payment_intents",
        &format!(
            "amount=100&currency=usd&customer={}",
            made["payment_intent"].0
        ),
    )?;
    on(
        "POST",
        "/v1/setup_intents",
        &format!("customer={}", made["setup_intent"].0),
    )?;
    simulator.post(
        "/_sim/seed",
        &format!(
            "{{\"subscription\":\"sub_1\",\"of_customer\":\"{}\"}}",
            made["subscription"].0
        ),
    )?;
    simulator.post(
        "/_sim/seed",
        &format!(
            "{{\"invoice\":\"in_1\",\"of_customer\":\"{}\"}}",
            made["invoice"].0
        ),
    )?;
    on(
        "POST",
        "/v1/payment_methods/pm_card_visa/attach",
        &format!("customer={}", made["payment_method"].0),
    )?;
    on(
        "POST",
        &format!("/v1/customers/{}", made["not_ours"].0),
        "metadata[pmclone_migration]=another",
    )?;
    on("DELETE", &format!("/v1/customers/{}", made["gone"].0), "")?;
    Ok(())
}

#[test]
fn what_somebody_uses_or_changed_is_left_and_all_else_goes() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let names = [
        "charge",
        "payment_intent",
        "setup_intent",
        "subscription",
        "invoice",
        "payment_method",
        "not_ours",
        "gone",
        "fine",
    ];
    let lines = names.map(|name| {
        let card = name.replace('_', "");
        format!("{name},{card}@example.com,pm_{card}1,{FIRST},cus_{card}1\n")
    });
    place.put("c.csv", HEADER.to_owned() + &lines.concat())?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let rows = place
        .pmclone_keyless(&["export", "--format", "jsonl"])?
        .with(0)?
        .out;
    let mut made = BTreeMap::new();
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row)?;
        let of = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        made.insert(
            of("legacy_id"),
            (of("connected_customer"), of("connected_payment_method")),
        );
    }
    use_them(&simulator, &made)?;
    let ended = place.against(&simulator, &["undo", "--json"])?.with(3)?;
    let (lines, last) = told(&ended.out)?;
    for line in &lines {
        let name = line["legacy_id"].as_str().unwrap_or_default();
        let expected = match name {
            "gone" | "fine" => Value::Null,
            "charge" => "charge".into(),
            other => other.into(),
        };
        assert_eq!(line["reason"], expected, "{line}");
        let alive = simulator.dump("customers", Some(FIRST))?;
        let alive = alive.iter().any(|each| each["id"] == made[name].0.as_str());
        assert_eq!(alive, !expected.is_null(), "{line}");
    }
    assert_eq!(
        (lines.len(), &last["connected_customers"]),
        (names.len(), &1.into())
    );
    let status = place.status(&[])?;
    assert_eq!(
        (
            &status["customers"]["undone"],
            &status["customers"]["migrated"]
        ),
        (&2.into(), &7.into())
    );
    let explained = place
        .pmclone_keyless(&["explain", "subscription"])?
        .with(0)?
        .out;
    assert!(
        explained.contains("it has sub_1, a subscription that pmclone did not make"),
        "{explained}"
    );
    // Once nobody uses it, it goes too.
    simulator.stripe_on(
        FIRST,
        "POST",
        &format!("/v1/customers/{}", made["not_ours"].0),
        &format!(
            "metadata[pmclone_migration]={}",
            status["migration"].as_str().unwrap_or_default()
        ),
    )?;
    place
        .against(&simulator, &["undo", "--only", "not_ours"])?
        .with(0)?;
    Ok(())
}

#[test]
fn a_live_undo_needs_what_a_live_run_needs() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", HEADER.to_owned() + &format!("c1,,,{FIRST},\n"))?;
    let live = |args: &[&str]| -> Result<Option<i32>> {
        let all = [args, &["--api-base", &simulator.url, "--rate", "off"]].concat();
        let mut command = place.keyless(&all);
        let output = command
            .env("STRIPE_API_KEY", "sk_live_Quetzalcoatlus4711")
            .output()?;
        Ok(output.status.code())
    };
    let confirmed = ["--live", "--confirm", "acct_1SimPlatform0001"];
    assert_eq!(
        live(&[&["run", "c.csv"][..], &confirmed].concat())?,
        Some(0)
    );
    let sent = writes(&simulator)?;
    for missing in [
        &["undo"][..],
        &["undo", "--live"],
        &["undo", "--confirm", "acct_1SimPlatform0001"],
        &["undo", "--live", "--confirm", "acct_1Another"],
    ] {
        assert_eq!(live(missing)?, Some(5), "{missing:?}");
    }
    assert_eq!(writes(&simulator)?, sent);
    assert_eq!(live(&[&["undo"][..], &confirmed].concat())?, Some(0));
    assert_eq!(writes(&simulator)?, sent + 2);
    Ok(())
}
