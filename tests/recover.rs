//! A lost state file is rebuilt from Stripe itself: a run after it makes nothing twice, and loses nothing.

mod open;

use crate::support::set_up::clean;
use crate::support::world::{the_mapping_agrees_on, the_mapping_agrees_with_the_status};
use crate::support::{Asked, Place, Result, Running, Simulator, World, until};

/// How many requests of a method arrived.
fn count_of(simulator: &Simulator, method: &str) -> Result<usize> {
    let all = simulator.transcript()?;
    Ok(all.iter().filter(|line| line["method"] == method).count())
}

/// The state file is gone, with all that belongs to it.
fn lose(place: &Place) -> Result<()> {
    for name in place.listing()? {
        if name.starts_with("pmclone.db") {
            std::fs::remove_file(place.path(&name))?;
        }
    }
    Ok(())
}

fn holds_all(place: &Place, simulator: &Simulator, asked: &Asked) -> Result<()> {
    let world = World::of(simulator, asked)?;
    world.holds_all_of(asked)?;
    world.is_told_by(place, asked, &[])?;
    the_mapping_agrees_with_the_status(place)
}

fn mapping(place: &Place) -> Result<String> {
    Ok(place.pmclone_keyless(&["export"])?.with(0)?.out)
}

const RECOVER: [&str; 3] = ["recover", "c.csv", "--no-wait"];

#[test]
fn after_the_end_of_a_migration_the_same_mapping_is_rebuilt_and_nothing_is_sent() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(20))?;
    let asked = Asked::of_text(&clean(20))?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let before = mapping(&place)?;
    lose(&place)?;
    simulator.advance_hours(25)?;
    let (posts, gets) = (count_of(&simulator, "POST")?, count_of(&simulator, "GET")?);
    let ended = place.against(&simulator, &RECOVER)?.with(0)?;
    assert!(ended.err.contains("Rebuilt, with "), "{}", ended.err);
    assert_eq!(mapping(&place)?, before);
    // Whose key, one page for each of three accounts, and a list for each of sixty Customers.
    assert_eq!(count_of(&simulator, "GET")? - gets, 1 + 3 + 60);
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}

#[test]
fn a_customer_with_one_card_on_one_account_takes_no_read_of_its_own() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let line = |n: u32| format!("c{n},c{n}@example.com,pm_1One{n},acct_1First\n");
    let lines: Vec<String> = (1..=250).map(line).collect();
    let text = "legacy_id,email,payment_method,connected_account\n".to_owned() + &lines.concat();
    place.put("c.csv", &text)?;
    let asked = Asked::of_text(&text)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let (posts, before) = (count_of(&simulator, "POST")?, mapping(&place)?);
    lose(&place)?;
    let gets = count_of(&simulator, "GET")?;
    let ended = place
        .against(&simulator, &[&RECOVER[..], &["--json"]].concat())?
        .with(0)?;
    let told = ended.json()?;
    assert_eq!(
        (
            told["reads"].as_u64(),
            told["customers"].as_u64(),
            told["clones"].as_u64()
        ),
        (Some(7), Some(250), Some(250)),
        "{told}"
    );
    assert_eq!(count_of(&simulator, "GET")? - gets, 7);
    assert_eq!(mapping(&place)?, before);
    place.against(&simulator, &["resume"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}

/// Every kind of customer, with some that have no card: see `killed.rs`.
fn mixed(place: &Place, customers: u32, seed: u32) -> Result<Asked> {
    place.sample("c.csv", customers, 5, seed)?;
    let mut text = std::fs::read_to_string(place.path("c.csv"))?;
    let columns = text.lines().next().unwrap_or_default().to_owned();
    for n in 0..10 {
        let cell = |column| match column {
            "legacy_id" => format!("bare-{n}"),
            "connected_account" => "acct_1Bare;acct_1Barer".to_owned(),
            _ => String::new(),
        };
        let cells: Vec<String> = columns.split(',').map(cell).collect();
        text += &(cells.join(",") + "\n");
    }
    place.put("c.csv", &text)?;
    Asked::of_text(&text)
}

/// Kills a run after so many requests, loses its state file, and has `hours` pass before it is rebuilt and another run made.
fn lost_in_the_middle(requests: u64, hours: u32, latency: &str) -> Result<()> {
    let place = Place::new()?;
    let mut asked = mixed(&place, 60, 31)?;
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "off", "--latency", latency])?;
    let run = place.start_against(&simulator, &["run", "c.csv"])?;
    simulator.until_requests(requests)?;
    run.kill()?;
    lose(&place)?;
    simulator.advance_hours(hours)?;
    place.against(&simulator, &RECOVER)?;
    the_mapping_agrees_on(&place, &["in_doubt", "migrated"])?;
    simulator.advance_hours(hours)?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])?;
    for account in asked.accounts() {
        if asked.is_revoked(account) {
            simulator.post(&format!("/_sim/accounts/{account}/restore"), "")?;
        }
    }
    asked.restored = true;
    place.against(&simulator, &["resume"])?.with(3)?;
    holds_all(&place, &simulator, &asked)
}

#[test]
fn a_state_file_that_is_lost_in_the_middle_loses_and_doubles_nothing() -> Result<()> {
    for requests in [20, 120, 260] {
        for hours in [0, 25] {
            lost_in_the_middle(requests, hours, "10")?;
        }
    }
    Ok(())
}

/// A migration that is done, and its state file lost: the simulator, and what was asked.
fn done_and_lost(place: &Place, text: &str) -> Result<(Simulator, Asked)> {
    let simulator = Simulator::on_demand(place)?;
    place.put("c.csv", text)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    lose(place)?;
    Ok((simulator, Asked::of_text(text)?))
}

/// Customers without cards: nothing but the state file and the keys keeps them from being made twice.
fn bare(customers: u32) -> String {
    let line = |n| format!("b{n},b{n}@example.com,acct_1First;acct_1Second\n");
    "legacy_id,email,connected_account\n".to_owned()
        + &(1..=customers).map(line).collect::<String>()
}

#[test]
fn without_it_a_run_makes_everything_twice_and_with_it_nothing() -> Result<()> {
    for rebuilds in [false, true] {
        let place = Place::new()?;
        let (simulator, asked) = done_and_lost(&place, &bare(5))?;
        simulator.advance_hours(25)?;
        if rebuilds {
            place.against(&simulator, &RECOVER)?.with(0)?;
        }
        place.against(&simulator, &["run", "c.csv"])?.with(0)?;
        let world = World::of(&simulator, &asked)?;
        assert_eq!(world.holds_nothing_twice(&asked).is_ok(), rebuilds);
        if rebuilds {
            holds_all(&place, &simulator, &asked)?;
        }
    }
    Ok(())
}

#[test]
fn of_several_migrations_the_lost_one_is_named() -> Result<()> {
    let place = Place::new()?;
    let (simulator, asked) = done_and_lost(&place, &clean(3))?;
    // A second one, of others, whose state file is there.
    let others = clean(7).replace("\nc", "\nd").replace("Clean", "Other");
    place.put("d.csv", &others)?;
    let other = ["--state", "other.db"];
    place
        .against(&simulator, &[&["run", "d.csv"], &other[..]].concat())?
        .with(0)?;
    let second = place.status(&other)?["migration"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let before = place.listing()?;
    let told = place.against(&simulator, &RECOVER)?.with(2)?.err;
    assert!(
        told.contains("7 customers (0 in this CSV), made "),
        "{told}"
    );
    assert!(
        told.contains(&second) && told.contains("--migration"),
        "{told}"
    );
    assert_eq!(place.listing()?, before, "something was left behind");
    let row = told
        .lines()
        .find(|line| line.contains("3 customers (3 in this CSV)"));
    let first = row
        .unwrap_or_default()
        .split_whitespace()
        .next()
        .unwrap_or_default();
    for (wrong, code) in [
        (second.as_str(), 2),
        ("00000000-0000-4000-8000-000000000000", 2),
    ] {
        let args = [&RECOVER[..], &["--migration", wrong]].concat();
        place.against(&simulator, &args)?.with(code)?;
        assert_eq!(place.listing()?, before, "something was left behind");
    }
    let args = [&RECOVER[..], &["--migration", first]].concat();
    place.against(&simulator, &args)?.with(0)?;
    let posts = count_of(&simulator, "POST")?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    the_mapping_agrees_with_the_status(&place)?;
    assert_eq!(
        place.status(&[])?["customers"]["migrated"].as_u64(),
        Some(3)
    );
    assert_eq!(asked.customers.len(), 3);
    Ok(())
}

#[test]
fn where_nothing_is_found_nothing_is_left_behind() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(3))?;
    simulator.stripe("POST", "/v1/customers", "email=somebody@example.com")?;
    let before = place.listing()?;
    let told = place.against(&simulator, &RECOVER)?.with(10)?.err;
    assert!(told.contains("there is nothing to recover"), "{told}");
    assert_eq!(place.listing()?, before);
    Ok(())
}

#[test]
fn a_dry_run_sweeps_and_tells_and_leaves_nothing_behind() -> Result<()> {
    let place = Place::new()?;
    let (simulator, asked) = done_and_lost(&place, &clean(4))?;
    let (posts, before) = (count_of(&simulator, "POST")?, place.listing()?);
    let args = ["recover", "c.csv", "--dry-run", "--json"];
    let told = place.against(&simulator, &args)?.with(0)?.json()?;
    let of = |name: &str| told[name].as_u64();
    assert_eq!(
        (of("customers"), of("reads"), of("reads_left")),
        (Some(4), Some(4), Some(12))
    );
    assert_eq!(
        (place.listing()?, count_of(&simulator, "POST")?),
        (before, posts)
    );
    place.against(&simulator, &RECOVER)?.with(0)?;
    holds_all(&place, &simulator, &asked)
}

#[test]
fn a_state_file_that_is_there_is_not_rebuilt() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(2))?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let (before, gets) = (mapping(&place)?, count_of(&simulator, "GET")?);
    let told = place.against(&simulator, &RECOVER)?.with(2)?.err;
    assert!(told.contains("is not lost"), "{told}");
    assert_eq!(
        (mapping(&place)?, count_of(&simulator, "GET")?),
        (before, gets)
    );
    Ok(())
}

#[test]
fn several_files_are_taken_together() -> Result<()> {
    let place = Place::new()?;
    let (simulator, _) = done_and_lost(&place, &clean(3))?;
    place.put("more.csv", clean(8))?;
    let asked = Asked::of_text(&clean(8))?;
    let recover = ["recover", "c.csv", "more.csv", "--no-wait"];
    place.against(&simulator, &recover)?.with(0)?;
    place.against(&simulator, &["run", "more.csv"])?.with(0)?;
    holds_all(&place, &simulator, &asked)
}

#[test]
fn a_number_that_two_sources_share_is_told_apart_by_the_expiry() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    // A Customer that the CSV names, with the old card and its renewal, and a third that is the same as the second.
    let card = |id: &str| serde_json::json!({ "id": id, "test_card": "visa" });
    let ids = ["pm_1Old", "pm_1New", "pm_1Same"];
    let seed = serde_json::json!({ "customer": "cus_1Adopted", "payment_methods": ids.map(card) });
    simulator.post("/_sim/seed", &seed.to_string())?;
    simulator.stripe(
        "POST",
        "/v1/payment_methods/pm_1Old",
        "card[exp_year]=2027&card[exp_month]=3",
    )?;
    let text = "legacy_id,platform_customer,payment_method,default_payment_method,connected_account\n\
        1,cus_1Adopted,pm_1Old;pm_1New;pm_1Same,pm_1New,acct_1First\n";
    place.put("c.csv", text)?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let before = mapping(&place)?;
    lose(&place)?;
    simulator.advance_hours(25)?;
    place.against(&simulator, &RECOVER)?.with(0)?;
    assert_eq!(mapping(&place)?, before);
    // The issuer has changed an expiry meanwhile, on the platform only: the number still tells whose clone it is.
    simulator.stripe(
        "POST",
        "/v1/payment_methods/pm_1Old",
        "card[exp_year]=2035&card[exp_month]=9",
    )?;
    lose(&place)?;
    place.against(&simulator, &RECOVER)?.with(0)?;
    assert_eq!(mapping(&place)?, before);
    let posts = count_of(&simulator, "POST")?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    Ok(())
}

#[test]
fn a_csv_that_was_changed_meanwhile_makes_nothing_twice() -> Result<()> {
    // Within a day Stripe replays what it stored under the same keys, or says that the request is another.
    for hours in [0, 25] {
        let place = Place::new()?;
        let simulator = Simulator::slow(&place, 10)?;
        let text = clean(30)
            .replace("pm_1Clean7a", "pm_declined_1Seven")
            .replace("pm_1Clean9a", "pm_declinedthere_1Nine");
        place.put("c.csv", &text)?;
        simulator.faults("nth 6 on POST /v1/customers error 500 stored\nnth 9 on POST /v1/customers error 500 stored done\n")?;
        let run = place.start_against(&simulator, &["run", "c.csv"])?;
        simulator.until_requests(120)?;
        run.kill()?;
        lose(&place)?;
        simulator.faults("")?;
        simulator.advance_hours(hours)?;
        // Other addresses, and the other card for a default.
        let text = text
            .replace("@example.com", "@example.org")
            .replace("legacy_id,", "default_payment_method,legacy_id,");
        let line = |line: &str| match line.split_once(',') {
            Some((id, _)) if id.starts_with('c') => format!("pm_1Clean{}b,{line}\n", &id[1..]),
            _ => format!("{line}\n"),
        };
        let text: String = text.lines().map(line).collect();
        place.put("c.csv", &text)?;
        let asked = Asked::of_text(&text)?;
        place.against(&simulator, &RECOVER)?.with(0)?;
        place.against(&simulator, &["run", "c.csv"])?.with(3)?;
        let world = World::of(&simulator, &asked)?;
        world.holds_nothing_twice(&asked)?;
        for customers in world.accounts.values().map(|account| &account.customers) {
            assert_eq!(customers.len(), 30);
        }
        the_mapping_agrees_with_the_status(&place)?;
        assert_eq!(
            place.status(&[])?["customers"]["migrated"].as_u64(),
            Some(28),
            "{hours}"
        );
    }
    Ok(())
}

#[test]
fn the_loss_of_a_state_file_can_be_rehearsed() -> Result<()> {
    let place = Place::new()?;
    let asked = mixed(&place, 40, 17)?;
    let fast = ["--simulate", "--simulate-limits", "off", "--rate", "off"];
    let run = [&["run", "c.csv"][..], &fast].concat();
    place.pmclone_keyless(&run)?.with(3)?;
    let state = ["--simulate"];
    let before = place
        .pmclone_keyless(&["export", "--simulate"])?
        .with(0)?
        .out;
    std::fs::remove_file(place.path("pmclone-rehearsal.db"))?;
    let recover = [&["recover", "c.csv"][..], &fast].concat();
    place.pmclone_keyless(&recover)?;
    place.pmclone_keyless(&run)?.with(3)?;
    let after = place
        .pmclone_keyless(&["export", "--simulate"])?
        .with(0)?
        .out;
    assert_eq!(after, before);
    let journal = place.path("pmclone-rehearsal.db.world");
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "off", "--journal", &journal.to_string_lossy()])?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &state)?;
    drop(simulator);
    std::fs::remove_file(journal)?;
    std::fs::remove_file(place.path("pmclone-rehearsal.db"))?;
    let told = place.pmclone_keyless(&recover)?.with(10)?.err;
    assert!(told.contains("there is no simulated world"), "{told}");
    Ok(())
}

#[test]
fn what_the_lost_run_sent_last_is_waited_for_unless_a_person_knows_better() -> Result<()> {
    let place = Place::new()?;
    let (simulator, _) = done_and_lost(&place, &clean(2))?;
    let before = simulator.requests()?;
    let told = place.path("told.txt");
    let mut command = place.command(&["recover", "c.csv", "--api-base", &simulator.url]);
    let recover = Running::of(command.stderr(std::fs::File::create(&told)?).spawn()?);
    until("it waits", || {
        Ok(std::fs::read_to_string(&told)?.contains("Waiting 15 min"))
    })?;
    recover.signal("INT")?;
    recover.wait()?.with(130)?;
    // Whose key it is, and nothing else.
    assert!(!place.listing()?.contains("pmclone.db"));
    assert_eq!(simulator.requests()?, before + 1, "it did not wait");
    Ok(())
}

#[test]
fn a_test_key_is_refused_where_live_was_asked_for() -> Result<()> {
    let place = Place::new()?;
    place.put("c.csv", clean(2))?;
    let mut command = place.keyless(&[&RECOVER[..], &["--live"]].concat());
    command.env("STRIPE_API_KEY", "sk_test_4711");
    assert_eq!(command.status()?.code(), Some(5));
    Ok(())
}
