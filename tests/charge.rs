//! `verify --charge`: every card is charged and everything goes back, whatever goes wrong and whenever the process is killed.
//! What is held is asked of the simulator, never of the state file.

mod before;
mod explained;
mod killed;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::support::{Place, Result, Simulator};

const ACCOUNT: &str = "acct_1Shop";
const CHARGE: [&str; 9] = [
    "verify",
    "--charge",
    "--again",
    "--only",
    "c1",
    "--amount",
    "100",
    "--currency",
    "usd",
];
const HOLD: [&str; 10] = [
    "verify",
    "--charge",
    "--again",
    "--only",
    "c1",
    "--amount",
    "100",
    "--currency",
    "usd",
    "--authorize-only",
];
const SETUP: [&str; 6] = ["verify", "--charge", "--again", "--only", "c1", "--setup"];

/// Customers `c1`, `c2`, … with these cards, all on one account, all moved.
fn migrated(place: &Place, simulator: &Simulator, cards: &[&str]) -> Result<()> {
    let line = |(number, card)| format!("c{number},c{number}@example.com,{card},{ACCOUNT}\n");
    let lines: String = (1_u32..).zip(cards).map(line).collect();
    place.put(
        "c.csv",
        "legacy_id,email,payment_method,connected_account\n".to_owned() + &lines,
    )?;
    place.against(simulator, &["run", "c.csv"])?.with(0)?;
    Ok(())
}

/// The number of intents that the simulator has; fails if any money is held, or has not gone back.
fn at_rest(simulator: &Simulator) -> Result<u64> {
    let state: Value = serde_json::from_str(&simulator.get("/_sim/state")?)?;
    let mut intents = 0;
    for ledger in state["ledgers"].as_array().context("ledgers")? {
        for (currency, balance) in ledger["balances"].as_object().context("balances")? {
            ensure!(balance == 0, "{balance} {currency} are left: {state}");
        }
        for kind in ["payment_intents", "setup_intents"] {
            for (status, count) in ledger[kind].as_object().context("intents")? {
                ensure!(
                    ["succeeded", "canceled"].contains(&status.as_str()),
                    "{count} {kind} are {status}: {state}"
                );
                intents += count.as_u64().context("a count")?;
            }
        }
    }
    Ok(intents)
}

/// The cards of `--json`.
fn cards(told: &Value) -> Vec<String> {
    let cards = told["cards"].as_array().into_iter().flatten();
    cards
        .map(|card| card["result"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_part_is_captured_and_all_of_it_goes_back_with_the_fee_and_the_balances_are_told() -> Result<()>
{
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &["pm_1Good"])?;
    let told = place
        .against(&simulator, &[&CHARGE[..], &["--json"]].concat())?
        .with(0)?
        .json()?;
    let card = &told["cards"][0];
    let numbers = ["captured", "refunded", "fee_refunded"].map(|name| card[name].as_i64());
    assert_eq!(numbers, [Some(50), Some(50), Some(5)], "{told}");
    assert_eq!(
        (&card["result"], &card["held"]),
        (&"proven".into(), &"refunded".into())
    );
    for (name, prefix) in [
        ("intent", "pi_"),
        ("charge", "ch_"),
        ("refund", "re_"),
        ("application_fee", "fee_"),
    ] {
        assert!(
            card[name].as_str().is_some_and(|id| id.starts_with(prefix)),
            "{told}"
        );
    }
    let balances = told["balances"].as_array().context("balances")?;
    assert_eq!(balances.len(), 2);
    for balance in balances {
        assert_eq!(balance["before"], balance["after"]);
    }
    // What was asked, as Stripe saw it.
    let intent: Value = serde_json::from_str(&simulator.stripe_on(
        ACCOUNT,
        "GET",
        &format!(
            "/v1/payment_intents/{}",
            card["intent"].as_str().unwrap_or_default()
        ),
        "",
    )?)?;
    let asked =
        ["amount", "amount_received", "application_fee_amount"].map(|name| intent[name].as_i64());
    assert_eq!(asked, [Some(100), Some(50), Some(5)], "{intent}");
    assert_eq!(intent["capture_method"], "manual");
    assert_eq!(at_rest(&simulator)?, 1);
    // The same again is proven already; another amount is not.
    let again = [
        "verify",
        "--charge",
        "--only",
        "c1",
        "--amount",
        "100",
        "--currency",
        "usd",
        "--json",
    ];
    let told = place.against(&simulator, &again)?.with(0)?.json()?;
    assert!(
        cards(&told).is_empty() && at_rest(&simulator)? == 1,
        "{told}"
    );
    place.against(&simulator, &HOLD)?.with(0)?;
    place.against(&simulator, &SETUP)?.with(0)?;
    assert_eq!(at_rest(&simulator)?, 3);
    // Nothing else than before is a difference.
    place
        .against(&simulator, &["verify", "--all", "--thorough"])?
        .with(0)?;
    Ok(())
}

#[test]
fn a_card_that_cannot_be_charged_is_told_and_its_intent_is_cancelled() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let all = [
        "pm_chargefails_1",
        "pm_authenticates_1",
        "pm_bank_1",
        "pm_1Good",
    ];
    migrated(&place, &simulator, &all)?;
    let rows = place
        .pmclone_keyless(&["export", "--format", "jsonl"])?
        .with(0)?
        .out;
    let last: Value = serde_json::from_str(rows.lines().last().context("a row")?)?;
    let clone = last["connected_payment_method"]
        .as_str()
        .unwrap_or_default();
    simulator.stripe_on(
        ACCOUNT,
        "POST",
        &format!("/v1/payment_methods/{clone}/detach"),
        "",
    )?;
    let whom = [
        "--only", "c1", "--only", "c2", "--only", "c3", "--only", "c4", "--json",
    ];
    let money = ["verify", "--charge", "--amount", "100", "--currency", "usd"];
    let told = place
        .against(&simulator, &[&money[..], &whom].concat())?
        .with(3)?
        .json()?;
    assert_eq!(
        cards(&told),
        ["declined", "declined", "not_charged", "not_charged"]
    );
    let reasons: Vec<_> = told["cards"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|card| card["reason"].to_string())
        .collect();
    assert!(
        reasons[1].contains("authentication_required"),
        "{reasons:?}"
    );
    assert!(reasons[2].contains("us_bank_account"), "{reasons:?}");
    assert!(reasons[3].contains("not attached"), "{reasons:?}");
    assert_eq!(at_rest(&simulator)?, 2);
    let told = place
        .against(
            &simulator,
            &[&["verify", "--charge", "--setup"][..], &whom].concat(),
        )?
        .with(3)?
        .json()?;
    assert_eq!(
        cards(&told),
        ["declined", "declined", "not_charged", "not_charged"],
        "{told}"
    );
    assert_eq!(at_rest(&simulator)?, 4);
    Ok(())
}

#[test]
fn a_currency_that_is_refused_is_tried_on_one_card_only() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &["pm_1Good", "pm_2Good", "pm_3Good"])?;
    let asked = ["verify", "--charge", "--sample", "3", "--amount", "100"];
    let ended = place
        .against(&simulator, &[&asked[..], &["--currency", "xyz"]].concat())?
        .with(3)?;
    assert_eq!(ended.out.matches("refused: invalid_currency").count(), 1);
    assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
    assert!(!ended.out.contains("declined"), "{}", ended.out);
    for told in ["1 card refused", "2 more were left", "--currency"] {
        assert!(ended.err.contains(told), "{told}: {}", ended.err);
    }
    assert_eq!(at_rest(&simulator)?, 0);
    let told = place
        .against(
            &simulator,
            &[&asked[..], &["--currency", "xyz", "--json"]].concat(),
        )?
        .with(3)?
        .json()?;
    assert_eq!(cards(&told), ["refused"]);
    assert_eq!(told["spared"], 2);
    assert_eq!(told["interrupted"], false);
    Ok(())
}

#[test]
fn whatever_a_write_is_answered_it_is_settled_by_the_same_command() -> Result<()> {
    let writes = [
        "POST /v1/payment_intents",
        "POST /v1/payment_intents/*/capture",
        "POST /v1/refunds",
    ];
    let faults = [
        "lost-before",
        "lost-after",
        "half",
        "error 503",
        "error 500 stored",
        "error 500 stored done",
        "limit endpoint-rate",
        "lock",
        "conflict",
    ];
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &["pm_1Good"])?;
    for (number, write) in (1..).zip(writes) {
        for (other, fault) in (1..).zip(faults) {
            simulator.faults(&format!("nth 1 on {write} {fault}\n"))?;
            let told = place.against(&simulator, &[&CHARGE[..], &["--json"]].concat())?;
            let told = told
                .with(0)
                .with_context(|| format!("{write} {fault}"))?
                .json()?;
            assert_eq!(cards(&told), ["proven"], "{write} {fault}: {told}");
            assert_eq!(
                at_rest(&simulator)?,
                (number - 1) * 9 + other,
                "{write} {fault}"
            );
            simulator.advance_hours(25)?;
        }
    }
    Ok(())
}

#[test]
fn what_cannot_be_settled_is_told_and_resume_takes_it_back() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &["pm_1Good"])?;
    simulator.faults("nth 1 on POST /v1/payment_intents error 500 stored done\nchance 1 on GET /v1/payment_intents half\n")?;
    let told = place
        .against(&simulator, &[&CHARGE[..], &["--json"]].concat())?
        .with(3)?
        .json()?;
    assert_eq!(cards(&told), ["unsettled"]);
    assert!(at_rest(&simulator).is_err(), "nothing was held");
    simulator.faults("")?;
    let ended = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(
        ended.err.contains("verify --charge: ") && ended.err.contains("taken back"),
        "{ended:?}"
    );
    assert_eq!(at_rest(&simulator)?, 1);
    let again = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(!again.err.contains("verify --charge"), "{again:?}");
    Ok(())
}

#[test]
fn an_interrupt_lets_the_card_under_way_settle_and_charges_no_other() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 60)?;
    migrated(&place, &simulator, &["pm_1Good", "pm_1Better", "pm_1Best"])?;
    let before = simulator.requests()?;
    let args = [
        "verify",
        "--charge",
        "--sample",
        "3",
        "--amount",
        "100",
        "--currency",
        "usd",
        "--json",
    ];
    let run = place.start_against(&simulator, &args)?;
    // Whose key it is, two balances, the clone, the authorization.
    simulator.until_requests(before + 5)?;
    run.signal("INT")?;
    let ended = run.wait()?.with(130)?;
    let told = ended.json()?;
    assert_eq!(cards(&told), ["proven"], "{ended:?}");
    assert_eq!(told["interrupted"], true);
    assert_eq!(at_rest(&simulator)?, 1);
    Ok(())
}
