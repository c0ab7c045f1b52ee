//! After the run: what became of one customer, and what is done about those that were refused.

mod columns;
mod explain;
mod mapping;

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use crate::support::set_up::{in_doubt, sent};
use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Result, Simulator, World};

const HEADER: &str =
    "legacy_id,email,name,phone,platform_customer,payment_method,connected_account\n";

/// One customer whom everything moves for, and one for each kind of refusal.
fn troubled() -> String {
    let lines = [
        "007,good@example.com,Gabriela Good,+4917012345678,,pm_1Good,acct_1First;acct_1Second",
        "sepa,sepa@example.com,Stella Sepa,,,pm_sepa_1Stella,acct_1First",
        "both,both@example.com,Bo Both,,,pm_1Both;pm_sepa_1Both,acct_1First;acct_1Second",
        "declined,declined@example.com,'s-Hertog Dora,,,pm_declined_1Dora,acct_1First",
        "there,there@example.com,Theo There,,,pm_declinedthere_1Theo,acct_1Second",
        "0042,missing@example.com,=1+1,,,pm_missing_1Mia,acct_1First",
        "attached,attached@example.com,Ada Attached,,,pm_attached_1Ada,acct_1First",
        // An address without a dot in its domain is one for us, and none for Stripe.
        "details,di@nodomain,Di Details,,,pm_1Di,acct_1First",
    ];
    HEADER.to_owned() + &lines.join("\n") + "\n"
}

fn migrated(place: &Place) -> Result<Simulator> {
    let simulator = Simulator::on_demand(place)?;
    place.put("c.csv", troubled())?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    Ok(simulator)
}

fn explained(place: &Place, args: &[&str]) -> Result<Value> {
    let all = [&["explain", "--json"], args].concat();
    place.pmclone_keyless(&all)?.with(0)?.json()
}

/// The cells of a CSV, by legacy id and column.
type Cells = BTreeMap<String, BTreeMap<String, String>>;

fn cells(place: &Place, name: &str) -> Result<Cells> {
    let text = std::fs::read_to_string(place.path(name))?;
    let text = text
        .strip_prefix('\u{feff}')
        .context("no byte order mark")?;
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.map(|row| {
        let row: BTreeMap<String, String> = row?;
        Ok((row["legacy_id"].clone(), row))
    })
    .collect()
}

/// Writes such cells as a spreadsheet does.
fn put_cells(place: &Place, name: &str, cells: &Cells) -> Result<()> {
    let columns: Vec<_> = cells.values().flat_map(BTreeMap::keys).collect();
    let columns: std::collections::BTreeSet<_> = columns.into_iter().collect();
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::from("\u{feff}"));
    out.write_record(&columns)?;
    for row in cells.values() {
        let cell = |column: &&String| row.get(*column).cloned().unwrap_or_default();
        out.write_record(columns.iter().map(cell))?;
    }
    place.put(name, out.into_inner()?)
}

fn set(cells: &mut Cells, id: &str, column: &str, value: &str) -> Result<()> {
    let row = cells.get_mut(id).with_context(|| id.to_owned())?;
    row.insert(column.to_owned(), value.to_owned());
    Ok(())
}

#[test]
fn the_refused_are_grouped_by_what_is_to_be_done() -> Result<()> {
    let place = Place::new()?;
    let _simulator = migrated(&place)?;
    let told = place
        .pmclone_keyless(&["refused", "--json"])?
        .with(0)?
        .json()?;
    let groups = told["groups"].as_array().context("groups")?;
    let counted: BTreeMap<_, _> = groups
        .iter()
        .map(|group| {
            (
                group["group"].as_str().unwrap_or_default(),
                group["customers"].as_u64(),
            )
        })
        .collect();
    let wanted = [
        ("ask_customer", Some(2)),
        ("collect_again", Some(2)),
        ("correct_details", Some(1)),
        ("correct_id", Some(1)),
        ("held_elsewhere", Some(1)),
    ];
    assert_eq!(counted, BTreeMap::from(wanted));
    assert_eq!(told["customers"], 7);
    // An e-mail campaign's list.
    place
        .pmclone_keyless(&["refused", "--group", "collect_again", "--csv", "again.csv"])?
        .with(0)?;
    let campaign = cells(&place, "again.csv")?;
    assert_eq!(campaign.keys().collect::<Vec<_>>(), ["both", "sepa"]);
    assert_eq!(campaign["sepa"]["email"], "sepa@example.com");
    assert!(
        campaign["sepa"]["pmclone_remedy"].contains("Collect"),
        "{campaign:?}"
    );
    a_group_that_holds_nobody_is_told(&place)
}

fn a_group_that_holds_nobody_is_told(place: &Place) -> Result<()> {
    let told = "Nobody is in try_later.\nRefused customers are in:";
    let text = place.pmclone_keyless(&["refused", "--group", "try_later"])?;
    let text = text.with(0)?.out;
    assert!(text.starts_with(told), "{text}");
    assert!(text.contains("  collect_again            2"), "{text}");
    let csv = ["refused", "--group", "try_later", "--csv", "later.csv"];
    let written = place.pmclone_keyless(&csv)?.with(0)?.err;
    assert!(written.starts_with(told), "{written}");
    assert!(written.contains("later.csv was not written"), "{written}");
    assert!(!place.path("later.csv").exists());
    let both = ["refused", "--group", "try_later", "--group", "correct_id"];
    let text = place.pmclone_keyless(&both)?.with(0)?.out;
    assert!(text.starts_with("Refused: 1 customer"), "{text}");
    assert!(text.contains("Nobody is in try_later."), "{text}");
    Ok(())
}

/// What was refused, mended: new cards, a right id, the Customer that holds the card.
fn mended(place: &Place) -> Result<Cells> {
    place
        .pmclone_keyless(&["refused", "--csv", "refused.csv"])?
        .with(0)?;
    let mut all = cells(place, "refused.csv")?;
    // Kept from a spreadsheet: a leading zero, a formula, an apostrophe.
    assert_eq!(all["'0042"]["name"], "'=1+1");
    assert_eq!(all["declined"]["name"], "''s-Hertog Dora");
    set(&mut all, "sepa", "payment_method", "pm_1StellaNew")?;
    set(&mut all, "sepa", "default_payment_method", "")?;
    set(&mut all, "sepa", "name", "Stella Newname")?;
    set(&mut all, "details", "email", "di@example.com")?;
    set(&mut all, "both", "payment_method", "pm_1Both")?;
    set(&mut all, "declined", "payment_method", "pm_1DoraNew")?;
    set(
        &mut all,
        "declined",
        "default_payment_method",
        "pm_1DoraNew",
    )?;
    set(&mut all, "there", "payment_method", "pm_1TheoNew")?;
    set(&mut all, "there", "default_payment_method", "pm_1TheoNew")?;
    set(&mut all, "'0042", "payment_method", "pm_1MiaRight")?;
    set(&mut all, "'0042", "default_payment_method", "pm_1MiaRight")?;
    let holder = all["attached"]["pmclone_refused"].clone();
    anyhow::ensure!(
        holder.contains("pm_attached_1Ada on the platform"),
        "{holder}"
    );
    put_cells(place, "mended.csv", &all)?;
    Ok(all)
}

/// The same as the CSV that would have asked for all that is there in the end.
fn asked_in_the_end() -> Result<Asked> {
    let lines = [
        "007,good@example.com,Gabriela Good,,,pm_1Good,acct_1First;acct_1Second",
        "sepa,sepa@example.com,Stella Newname,,,pm_1StellaNew,acct_1First",
        "both,both@example.com,Bo Both,,,pm_1Both,acct_1First;acct_1Second",
        "declined,declined@example.com,'s-Hertog Dora,,,pm_1DoraNew,acct_1First",
        "there,there@example.com,Theo There,,,pm_1TheoNew,acct_1Second",
        "0042,missing@example.com,=1+1,,,pm_1MiaRight,acct_1First",
        "attached,attached@example.com,Ada Attached,,,pm_attached_1Ada,acct_1First",
        "details,di@example.com,Di Details,,,pm_1Di,acct_1First",
    ];
    let mut asked = Asked::of_text(&(HEADER.to_owned() + &lines.join("\n") + "\n"))?;
    asked.adopts_attached = true;
    Ok(asked)
}

/// Everything but what another Customer holds is there, once.
fn holds_what_was_mended(simulator: &Simulator) -> Result<()> {
    let mut asked = asked_in_the_end()?;
    World::of(simulator, &asked)?.holds_nothing_twice(&asked)?;
    asked.customers.remove("attached");
    asked.adopts_attached = false;
    let mut world = World::of(simulator, &asked)?;
    for account in world.accounts.values_mut().chain([&mut world.platform]) {
        account.customers.remove("attached");
    }
    world.holds_all_of(&asked)
}

#[test]
fn mended_lines_are_tried_again_and_nothing_else() -> Result<()> {
    let place = Place::new()?;
    let simulator = migrated(&place)?;
    place.put(
        "more.csv",
        troubled() + "new,new@example.com,New,,,pm_1New,acct_1First\n",
    )?;
    // A customer that is pending shall stay so.
    place
        .against(
            &simulator,
            &["run", "more.csv", "--account", "acct_1Second"],
        )?
        .code
        .context("a signal")?;
    mended(&place)?;
    let before = sent(&simulator)?;
    let dry = place.pmclone_keyless(&["retry", "mended.csv", "--dry-run", "--json"])?;
    let dry = dry.with(0)?.json()?;
    assert_eq!(
        (&dry["tried_again"], &dry["changed"]),
        (&7.into(), &6.into()),
        "{dry}"
    );
    assert_eq!(sent(&simulator)?, before, "a dry run sent something");
    place
        .against(&simulator, &["retry", "mended.csv", "--by", "Operator One"])?
        .with(8)?;
    for key in sent(&simulator)?
        .iter()
        .filter(|(key, _)| before.contains_key(*key))
    {
        assert_eq!(before.get(key.0), Some(key.1), "a key was used again");
    }
    holds_what_was_mended(&simulator)?;
    let new = explained(&place, &["new"])?;
    assert_eq!(new["customers"][0]["standing"], "pending");
    let told = explained(&place, &["sepa"])?;
    let customer = &told["customers"][0];
    assert_eq!(customer["standing"], "migrated");
    let trace = customer["mended"].to_string();
    assert!(
        trace.contains("Operator One") && trace.contains("pm_1StellaNew"),
        "{trace}"
    );
    assert!(
        !trace.contains("Newname"),
        "a name is in the trace: {trace}"
    );
    let dropped = &customer["dropped"][0];
    assert_eq!(
        dropped["refusal"]["reason"],
        "payment_method_unsupported_type"
    );
    let request = dropped["request_id"].as_str().context("its request")?;
    let found = explained(&place, &[request])?;
    assert_eq!(found["customers"][0]["legacy_id"], "sepa");
    earlier_tries_are_told(&place)?;
    // The source that the mended line does not name any more is attached still, and migrated nowhere.
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let old = export
        .lines()
        .find(|line| line.contains("pm_sepa_1Stella"))
        .context("the source")?;
    assert!(old.ends_with(",,,,false,replaced"), "{old}");
    // Again: nothing is left to do but what is held by another Customer.
    let again = place.against(&simulator, &["retry", "mended.csv"])?;
    assert!(again.err.contains("it is migrated"), "{}", again.err);
    let adopt = place.against(&simulator, &["retry", "mended.csv", "--adopt-attached"])?;
    assert!(adopt.err.contains("1 tried again"), "{}", adopt.err);
    let left = place
        .pmclone_keyless(&["refused", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(left["customers"], 0);
    the_mapping_agrees_with_the_status(&place)
}

#[test]
fn a_retry_that_is_killed_goes_on_and_makes_nothing_twice() -> Result<()> {
    for (kill_at, hours) in [(2, 0), (5, 25), (9, 0), (13, 25)] {
        let place = Place::new()?;
        let simulator = Simulator::slow(&place, 30)?;
        place.put("c.csv", troubled())?;
        place.against(&simulator, &["run", "c.csv"])?.with(3)?;
        mended(&place)?;
        simulator.faults("every 7 lost-after\n")?;
        let before = simulator.requests()?;
        let run =
            place.start_against(&simulator, &["retry", "mended.csv", "--concurrency", "2"])?;
        simulator.until_requests(before + kill_at)?;
        run.kill()?;
        simulator.advance_hours(hours)?;
        place
            .against(&simulator, &["retry", "mended.csv"])?
            .with(3)?;
        holds_what_was_mended(&simulator)?;
        assert_eq!(in_doubt(&place)?, Some(0));
        the_mapping_agrees_with_the_status(&place)?;
    }
    Ok(())
}

#[test]
fn a_mended_file_with_an_error_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = migrated(&place)?;
    let good = mended(&place)?;
    let before = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let requests = simulator.requests()?;
    let wrong = [
        ("sepa", "payment_method", "pm_1Good", "is customer 007's"),
        ("sepa", "payment_method", "pm_1DoraNew", "is also on line"),
        (
            "sepa",
            "legacy_id",
            "sepia",
            "no customer of the state file",
        ),
        ("sepa", "email", "nobody", "has no @"),
        ("sepa", "default_payment_method", "pm_1Else", "is not among"),
        ("sepa", "connected_account", "cus_1", "expected an account"),
    ];
    for (id, column, value, told) in wrong {
        let mut cells = good.clone();
        set(&mut cells, id, column, value)?;
        put_cells(&place, "wrong.csv", &cells)?;
        for args in [
            &["retry", "wrong.csv"][..],
            &["retry", "wrong.csv", "--dry-run"],
        ] {
            let ended = place.against(&simulator, args)?.with(4)?;
            assert!(ended.err.contains(told), "{told}: {}", ended.err);
        }
        assert_eq!(place.pmclone_keyless(&["export"])?.with(0)?.out, before);
    }
    place.put("half.csv", "legacy_id,payment_method\nsepa,pm_1X\n")?;
    let half = place
        .pmclone_keyless(&["retry", "half.csv", "--dry-run"])?
        .with(4)?;
    assert!(half.err.contains("only one of the columns"), "{}", half.err);
    // Each run asked whose key it is, and nothing else.
    assert_eq!(simulator.requests()? - requests, 6);
    Ok(())
}

#[test]
fn a_column_that_is_not_there_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = migrated(&place)?;
    place.put("few.csv", "Legacy ID,E-Mail\ndeclined,dora@example.com\n")?;
    place.against(&simulator, &["retry", "few.csv"])?.with(3)?;
    let told = explained(&place, &["declined", "--unmasked"])?;
    let read = &told["customers"][0]["read"];
    assert_eq!(read["details"]["email"], "dora@example.com");
    assert_eq!(read["details"]["name"], "'s-Hertog Dora");
    assert_eq!(
        read["payment_methods"],
        serde_json::json!(["pm_declined_1Dora"])
    );
    let steps = told["customers"][0]["steps"].as_array().context("steps")?;
    assert!(steps.iter().all(|step| step["try_no"] == 2), "{steps:?}");
    let trace = told["customers"][0]["mended"].to_string();
    assert!(!trace.contains("example.com"), "{trace}");
    Ok(())
}

#[test]
fn refused_and_retry_need_a_state_file() -> Result<()> {
    let place = Place::new()?;
    place.put("m.csv", "legacy_id,email\n1,a@example.com\n")?;
    place.pmclone_keyless(&["refused"])?.with(10)?;
    place
        .pmclone_keyless(&["retry", "m.csv", "--dry-run"])?
        .with(10)?;
    place.pmclone(&["retry", "m.csv"])?.with(10)?;
    Ok(())
}

/// What was declined, and tried again under a new key.
fn earlier_tries_are_told(place: &Place) -> Result<()> {
    let told = explained(place, &["details"])?;
    let steps = told["customers"][0]["steps"].as_array().context("steps")?;
    let tried = steps.iter().find(|step| step["earlier"][0].is_object());
    let tried = tried.context("no step with an earlier try")?;
    let earlier = &tried["earlier"][0];
    assert_eq!(
        (&earlier["try_no"], &tried["try_no"]),
        (&1.into(), &2.into())
    );
    assert_eq!(
        (&earlier["state"], &tried["state"]),
        (&"refused".into(), &"done".into())
    );
    assert_ne!(earlier["idempotency_key"], tried["idempotency_key"]);
    assert_eq!(earlier["refusal"]["reason"], "email_invalid");
    let request = earlier["request_id"].as_str().context("its request")?;
    let found = explained(place, &[request])?;
    let step = found["customers"][0]["steps"]
        .as_array()
        .into_iter()
        .flatten();
    let asked_for = step.filter(|step| step["earlier"][0]["asked_for"] == true);
    assert_eq!(asked_for.count(), 1, "{found}");
    let text = place.pmclone_keyless(&["explain", request])?.with(0)?.out;
    assert!(text.contains("> try 1 before: refused"), "{text}");
    let record = place
        .pmclone_keyless(&["report", "--json"])?
        .with(0)?
        .json()?;
    let told = record["earlier_tries"]["first"]
        .as_array()
        .context("tries")?;
    assert!(
        told.iter().any(|each| each["request_id"] == request),
        "{told:?}"
    );
    Ok(())
}
