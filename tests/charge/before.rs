//! What is refused, or left out, before anything is charged.

use anyhow::{Context, ensure};

use super::{ACCOUNT, CHARGE, SETUP, at_rest, migrated};
use crate::support::{Place, Result, Simulator};

#[test]
fn what_would_be_too_much_or_was_not_confirmed_is_refused_before_anything_is_sent() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let many: Vec<String> = (1..=21).map(|number| format!("pm_1Many{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    migrated(&place, &simulator, &many)?;
    let before = simulator.requests()?;
    let money = ["--amount", "100", "--currency", "usd"];
    let cases: [(&[&str], i32); 9] = [
        (&["--sample", "21", "--setup"], 5),
        (&["--setup"], 2),
        (&["--sample", "1"], 2),
        (&["--sample", "1", "--amount", "100"], 2),
        (
            &["--sample", "1", "--amount", "100", "--currency", "dollars"],
            2,
        ),
        (&["--sample", "1", "--amount", "1", "--currency", "usd"], 2),
        (
            &[
                "--sample",
                "1",
                "--amount",
                "100",
                "--currency",
                "usd",
                "--capture",
                "100",
            ],
            2,
        ),
        (
            &[
                "--sample",
                "1",
                "--amount",
                "100",
                "--currency",
                "usd",
                "--fee",
                "50",
            ],
            2,
        ),
        (
            &[
                "--sample",
                "1",
                "--amount",
                "100",
                "--currency",
                "usd",
                "--confirm-charge",
                "10",
            ],
            5,
        ),
    ];
    for (args, code) in cases {
        let all = [&["verify", "--charge"], args].concat();
        place
            .against(&simulator, &all)?
            .with(code)
            .with_context(|| format!("{args:?}"))?;
    }
    assert_eq!(simulator.requests()?, before, "something was sent");
    // Twenty in a day, however they are asked for.
    place
        .against(
            &simulator,
            &[
                "verify", "--charge", "--sample", "20", "--seed", "1", "--setup",
            ],
        )?
        .with(0)?;
    let more = ["verify", "--charge", "--sample", "1", "--again"];
    let ended = place
        .against(&simulator, &[&more[..], &money].concat())?
        .with(5)?;
    assert!(
        ended
            .err
            .contains("1 card would be charged, after 20 in the last 24 hours: at most 20"),
        "{ended:?}"
    );
    for (how, words) in [
        ("--setup", "1 card would be set up, after 20"),
        (
            "--authorize-only",
            "money would be held on 1 card, after 20",
        ),
    ] {
        let money: &[&str] = if how == "--setup" { &[] } else { &money };
        let asked = [&more[..], &[how], money].concat();
        let ended = place.against(&simulator, &asked)?.with(5)?;
        assert!(ended.err.contains(words), "{ended:?}");
    }
    assert_eq!(at_rest(&simulator)?, 20);
    Ok(())
}

#[test]
fn a_live_charge_wants_the_amount_once_more() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, &["pm_1Good"])?;
    // A live run needs https: the state file alone is made to be a live one.
    let conn = rusqlite::Connection::open(place.path("pmclone.db"))?;
    conn.execute("UPDATE migration SET livemode = 1", [])?;
    drop(conn);
    let before = simulator.requests()?;
    let ended = place.against(&simulator, &CHARGE)?.with(5)?;
    assert!(ended.err.contains("--confirm-charge 100"), "{ended:?}");
    place.against(&simulator, &SETUP)?.with(5)?;
    assert_eq!(simulator.requests()?, before, "something was sent");
    Ok(())
}

#[test]
fn while_a_run_is_on_nothing_is_charged() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 30)?;
    migrated(&place, &simulator, &["pm_1Good"])?;
    place.sample("more.csv", 200, 2, 3)?;
    let run = place.start_against(&simulator, &["run", "more.csv", "--concurrency", "1"])?;
    let now = simulator.requests()?;
    simulator.until_requests(now + 10)?;
    place.against(&simulator, &CHARGE)?.with(11)?;
    run.kill()?;
    assert_eq!(at_rest(&simulator)?, 0);
    Ok(())
}

#[test]
fn what_is_taken_back_changed_or_proven_is_told_and_not_charged() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(
        &place,
        &simulator,
        &["pm_1Undone", "pm_1Theirs", "pm_1Good"],
    )?;
    place
        .against(&simulator, &["undo", "--only", "c1"])?
        .with(0)?;
    let made = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let theirs = made.lines().find(|line| line.starts_with("c2,"));
    let theirs = theirs.and_then(|line| line.split(',').nth(4));
    let path = format!("/v1/customers/{}", theirs.context("a Customer")?);
    simulator.stripe_on(ACCOUNT, "POST", &path, "metadata[pmclone_migration]=other")?;
    let before = at_rest(&simulator)?;
    let charge = |more: &[&str]| {
        let money = ["verify", "--charge", "--amount", "100", "--currency", "usd"];
        place.against(&simulator, &[&money, more].concat())
    };
    for (id, why) in [
        ("c1", "taken back by `pmclone undo`"),
        ("c2", "does not say that this migration made it"),
    ] {
        let ended = charge(&["--only", id])?.with(3)?;
        ensure!(
            ended.out.starts_with("! ") && ended.out.contains(why),
            "{ended:?}"
        );
        let json = charge(&["--only", id, "--json"])?.with(3)?.json()?;
        assert_eq!(json["cards"][0]["result"], "not_charged", "{json}");
    }
    assert_eq!(at_rest(&simulator)?, before);
    // Beside one that can be charged, it is told all the same.
    charge(&["--only", "c1", "--only", "c3"])?.with(3)?;
    assert_eq!(at_rest(&simulator)?, before + 1);
    let again = charge(&["--only", "c3"])?.with(0)?;
    ensure!(
        again.err.contains("proven already") && !again.err.contains("0 cards"),
        "{again:?}"
    );
    let one = ["verify", "--charge", "--only", "c3", "--amount", "1"];
    let one = [&one[..], &["--currency", "usd"]].concat();
    let ended = place.against(&simulator, &one)?.with(2)?;
    ensure!(
        ended.err.contains("--amount 1") && !ended.err.contains("--capture"),
        "{ended:?}"
    );
    Ok(())
}
