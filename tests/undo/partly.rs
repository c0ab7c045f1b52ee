//! What is taken back on some accounts, or in pieces: every command tells the same of it, and the next command is named.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::killed::killed_at;
use super::{FIRST, HEADER, SECOND, told, world};
use crate::support::{Place, Result, Simulator};

/// `a` on both accounts, `b` on the first alone.
fn two(place: &Place, simulator: &Simulator) -> Result<()> {
    let lines = format!("a,a@example.com,pm_a,{FIRST};{SECOND},\nb,b@example.com,pm_b,{FIRST},\n");
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(simulator, &["run", "c.csv"])?.with(0)?;
    Ok(())
}

fn explained(place: &Place, id: &str) -> Result<Value> {
    let args = ["explain", id, "--json"];
    place.pmclone_keyless(&args)?.with(0)?.json()
}

/// What is said, in one line, however it is broken.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_undone_on_one_account_is_undone_in_part_and_the_rest_stands() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    two(&place, &simulator)?;
    let narrowed = ["undo", "--account", FIRST];
    place.against(&simulator, &narrowed)?.with(0)?;
    let status = place.status(&[])?;
    let customers = &status["customers"];
    assert_eq!(
        (&customers["partly_undone"], &customers["undone"]),
        (&1.into(), &1.into()),
        "{status}"
    );
    let accounts: Vec<_> = status["accounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|each| (&each["undone"], &each["partly_undone"], &each["migrated"]))
        .collect();
    let (none, one, both) = (Value::from(0), Value::from(1), Value::from(2));
    assert_eq!(accounts, [(&both, &none, &none), (&none, &none, &one)]);
    let why = place.pmclone_keyless(&["explain", "a"])?.with(0)?.out;
    ensure!(
        why.contains("Customer a  partly undone")
            && flat(&why).contains(&format!("on {FIRST} is taken back; on {SECOND} it is as"))
            && why.contains("pmclone undo --only a --state pmclone.db"),
        "{why}"
    );
    // A look at what a person named says what is not there to be looked at, beside what is.
    let looked = place.against(&simulator, &["verify", "--only", "a", "--only", "b"])?;
    let looked = looked.with(3)?;
    let signs: String = looked
        .out
        .lines()
        .filter_map(|line| line.chars().next())
        .collect();
    assert_eq!(signs, "==!=!", "{looked:?}");
    place.against(&simulator, &["verify", "--all"])?.with(0)?;
    // The rest: then it is undone as a whole, and nothing is left to be told but the source cards.
    place
        .against(&simulator, &["undo", "--only", "a"])?
        .with(0)?;
    let status = place.status(&[])?;
    assert_eq!(
        (&status["customers"]["undone"], &status["undo_left"]),
        (
            &2.into(),
            &serde_json::json!({"total": 1, "source_cards": 1})
        ),
        "{status}"
    );
    let next = explained(&place, "a")?["customers"][0]["next"].to_string();
    ensure!(next.contains("--spend-source-cards"), "{next}");
    Ok(())
}

#[test]
fn what_was_left_in_use_is_told_with_its_reason_of_the_customer_and_of_the_account() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    two(&place, &simulator)?;
    let made = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let customer = made.lines().find(|line| line.starts_with("b,"));
    let customer = customer.and_then(|line| line.split(',').nth(4));
    let used = format!("customer={}", customer.context("a Customer")?);
    simulator.stripe_on(FIRST, "POST", "/v1/setup_intents", &used)?;
    place.against(&simulator, &["undo"])?.with(3)?;
    let status = place.pmclone_keyless(&["status"])?.with(0)?.out;
    ensure!(
        flat(&status).contains("was to be taken back, and a part of it is still there")
            && flat(&status).contains(
                "Left by `undo`: 1 platform Customer with source cards, as it should; 2 places for another reason"
            ),
        "{status}"
    );
    for (id, part) in [("b", "customers"), (FIRST, "account")] {
        let found = explained(&place, id)?;
        let about = match part {
            "customers" => &found["customers"][0],
            _ => &found["account"],
        };
        let next = about["next"].to_string();
        ensure!(
            next.contains("Somebody uses it") && !next.contains("Nothing"),
            "{about}"
        );
        let commands = about["commands"].to_string();
        ensure!(commands.contains("pmclone undo --"), "{commands}");
    }
    let dry = ["undo", "--dry-run", "--only", "b", "--json"];
    let (lines, _) = told(&place.against(&simulator, &dry)?.with(3)?.out)?;
    assert_eq!(lines[0]["reason"], "setup_intent");
    Ok(())
}

#[test]
fn the_loss_that_was_counted_out_goes_on_under_the_same_number_wherever_it_was_killed() -> Result<()>
{
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines = format!(
        "a,a@example.com,pm_a1;pm_a2,{FIRST},\nb,b@example.com,pm_b,{FIRST},\ngone,g@example.com,pm_g,{FIRST},\nz,z@example.com,pm_z,{FIRST},\n"
    );
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    // One is spent before, by a command of its own; and one is deleted by hand.
    let alone = ["undo", "--only", "z", "--spend-source-cards", "1"];
    place.against(&simulator, &alone)?.with(0)?;
    let made = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let gone = made.lines().find(|line| line.starts_with("gone,"));
    let gone = gone.and_then(|line| line.split(',').nth(1));
    simulator.stripe(
        "DELETE",
        &format!("/v1/customers/{}", gone.context("a Customer")?),
        "",
    )?;
    #[rustfmt::skip]
    let undo = ["undo", "--spend-source-cards", "4", "--concurrency", "1"];
    // Before and after each commit; one that is refused would not end with 0.
    for turn in 0_usize.. {
        ensure!(turn < 100, "it never ends");
        if !killed_at(&place, &simulator, &undo, 1 + turn % 5)? {
            ensure!(turn > 8, "only {turn} kills");
            break;
        }
    }
    ensure!(world(&simulator)?.is_empty(), "{:?}", world(&simulator)?);
    for (said, code) in [("4", 0), ("3", 5), ("5", 5), ("0", 0)] {
        let again = ["undo", "--spend-source-cards", said];
        place.against(&simulator, &again)?.with(code)?;
    }
    Ok(())
}

#[test]
fn after_all_was_taken_back_no_hint_leads_to_a_command_that_is_refused() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let lines = format!(
        "a,a@example.com,pm_a,{FIRST},\nr,r@example.com,pm_sepa_r,{FIRST},\nlate,l@example.com,pm_l,{FIRST},\n"
    );
    place.put("c.csv", HEADER.to_owned() + &lines)?;
    let pilot = ["run", "c.csv", "--limit", "2"];
    place.against(&simulator, &pilot)?.with(8)?;
    place
        .pmclone_keyless(&["refused", "--csv", "r.csv"])?
        .with(0)?;
    place.against(&simulator, &["undo"])?.with(0)?;
    let refused: [(&[&str], &str); 6] = [
        (&["retry", "r.csv", "--dry-run"], "r.csv would be tried"),
        (&["retry", "r.csv"], "r.csv would be tried"),
        (
            &["run", "c.csv", "--dry-run"],
            "1 customer that it had not come to",
        ),
        (
            &["resume", "--retry-refused"],
            "1 customer that it had not come to, or not to the end, and 1 that had been refused",
        ),
        (
            &["resume", "--retry-refused", "--dry-run"],
            "1 customer that it had not come to, or not to the end, and 1 that had been refused",
        ),
        (
            &["resume", "--dry-run"],
            "1 customer that it had not come to",
        ),
    ];
    for (args, words) in refused {
        let ended = place.against(&simulator, args)?.with(5)?;
        ensure!(flat(&ended.err).contains(words), "{args:?} {ended:?}");
    }
    let told = [
        place.pmclone_keyless(&["refused"])?.with(0)?.err,
        place.pmclone_keyless(&["explain", "r"])?.with(0)?.out,
        place.pmclone_keyless(&["explain", "late"])?.with(0)?.out,
    ];
    for said in &told {
        let mut hints = said
            .lines()
            .filter(|line| line.contains("pmclone retry ") || line.contains("pmclone resume "));
        let all = hints.clone().count();
        ensure!(
            all > 0 && hints.all(|line| line.contains("--after-undo")),
            "{said}"
        );
    }
    let status = place.pmclone_keyless(&["status"])?.with(0)?.out;
    ensure!(
        flat(&status).contains("All of this migration was taken back.")
            && flat(&status).contains("of the other 1 customer, unless --after-undo is given.")
            && flat(&status).contains("Nor is the refused customer tried again without it."),
        "{status}"
    );
    // Lines of a file are these alone: what the run had not come to is not asked for by them.
    let retry = ["retry", "r.csv", "--after-undo"];
    place.against(&simulator, &retry)?.with(8)?;
    place.against(&simulator, &["resume"])?.with(5)?;
    // The record: how each ended, by one name everywhere, and which file it was of.
    let record = place.pmclone_keyless(&["report", "--json"])?.with(0)?;
    let record = record.json()?;
    let runs = record["runs"].as_array().cloned().unwrap_or_default();
    let ended: Vec<_> = runs
        .iter()
        .map(|run| (run["command"].as_str(), run["ended"].as_str()))
        .collect();
    let some = |command, how| (Some(command), Some(how));
    assert_eq!(
        ended,
        [
            some("run", "limit_reached"),
            some("undo", "finished"),
            some("retry", "confined")
        ]
    );
    let digests: Vec<_> = runs.iter().map(|run| &run["csv_sha256"]).collect();
    ensure!(
        digests[0] == digests[1] && digests[1] != digests[2] && digests[2].is_string(),
        "{record}"
    );
    Ok(())
}
