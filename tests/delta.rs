//! A newer CSV on the same state file, as on the night of the cut-over.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Asked, Place, Result, Simulator, World};

const HEADER: &str =
    "legacy_id,email,phone,payment_method,connected_account,metadata.plan,metadata.old\n";

fn snapshot(customers: u32) -> String {
    let line =
        |n| format!("c{n},before{n}@example.com,+1555010{n},pm_1Snap{n},acct_1Shop,gold,yes\n");
    HEADER.to_owned() + &(1..=customers).map(line).collect::<String>()
}

/// Other contact details, one field less and one key of metadata less; a second card, which comes first and so is the default; and a
/// second account. The last customer is gone, and there is a new one.
fn newer(customers: u32) -> String {
    let line = |n| {
        format!(
            "c{n},after{n}@example.com,,pm_1Night{n};pm_1Snap{n},acct_1Shop;acct_1Later,silver,\n"
        )
    };
    let new = "new,new@example.com,,pm_1New,acct_1Later,silver,\n";
    HEADER.to_owned() + &(1..customers).map(line).collect::<String>() + new
}

/// Email, phone and metadata of every Customer, by account and legacy id.
fn details(simulator: &Simulator) -> Result<BTreeMap<(String, String), String>> {
    let mut all = BTreeMap::new();
    for account in [None, Some("acct_1Shop"), Some("acct_1Later")] {
        for customer in simulator.dump("customers", account)? {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let metadata = &customer["metadata"];
            let told = [
                &customer["email"],
                &customer["phone"],
                &metadata["plan"],
                &metadata["old"],
            ];
            let key = (
                account.unwrap_or("platform").to_owned(),
                text(&metadata["legacy_customer_id"]),
            );
            all.insert(key, told.map(text).join(" "));
        }
    }
    Ok(all)
}

/// Writes that the simulator has received.
fn writes(simulator: &Simulator) -> Result<u64> {
    let counters = simulator.counters()?;
    let by_endpoint = counters["by_endpoint"].as_object().into_iter().flatten();
    let posts = by_endpoint.filter(|(name, _)| name.starts_with("POST"));
    Ok(posts.filter_map(|(_, count)| count.as_u64()).sum())
}

#[test]
fn on_the_night_of_the_cut_over_kills_and_faults_lose_and_double_nothing() -> Result<()> {
    const CUSTOMERS: u32 = 30;
    let place = Place::new()?;
    let simulator = Simulator::slow(&place, 10)?;
    place.put("snapshot.csv", snapshot(CUSTOMERS))?;
    place
        .against(&simulator, &["run", "snapshot.csv"])?
        .with(0)?;
    place.put("newer.csv", newer(CUSTOMERS))?;
    simulator
        .faults("chance 0.05 error 500\nchance 0.03 error 502 done\nchance 0.03 limit none\n")?;
    let command = ["run", "newer.csv", "--update-details"];
    for moment in [3, 40, 17, 60, 29] {
        let run = place.start_against(&simulator, &command)?;
        let now = simulator.requests()?;
        simulator.until_requests(now + 8 + moment)?;
        run.kill()?;
    }
    simulator.faults("")?;
    place.against(&simulator, &command)?.with(0)?;
    let text = newer(CUSTOMERS) + snapshot(CUSTOMERS).lines().last().unwrap_or_default() + "\n";
    let asked = Asked::of_text(&text)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_nothing_twice(&asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])?;
    for ((account, legacy_id), found) in details(&simulator)? {
        let expected = match legacy_id.as_str() {
            "new" => "new@example.com - silver -".to_owned(),
            "c30" => "before30@example.com +155501030 gold yes".to_owned(),
            _ => format!("after{}@example.com - silver -", &legacy_id[1..]),
        };
        assert_eq!(found, expected, "{legacy_id} on {account}");
    }
    place.against(&simulator, &["verify", "--all"])?.with(0)?;
    // It is all done: the same once more sends nothing, and nothing personal is left behind.
    let before = writes(&simulator)?;
    place.against(&simulator, &command)?.with(0)?;
    assert_eq!(writes(&simulator)?, before);
    for name in place
        .listing()?
        .iter()
        .filter(|name| name.starts_with("pmclone.db"))
    {
        let bytes = std::fs::read(place.path(name))?;
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("@example.com") && !text.contains("+1555"),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn without_being_asked_nothing_that_exists_is_changed_and_all_of_it_is_told() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("snapshot.csv", snapshot(3))?;
    place
        .against(
            &simulator,
            &["run", "snapshot.csv", "--limit", "2", "--concurrency", "1"],
        )?
        .with(8)?;
    let before = details(&simulator)?;
    place.put("newer.csv", newer(3))?;
    let told = place
        .pmclone(&[
            "run",
            "newer.csv",
            "--dry-run",
            "--json",
            "--delta",
            "lists.csv",
        ])?
        .with(0)?
        .json()?;
    let counts = |name: &str| told["delta"][name].as_u64();
    let counts = [
        "unchanged",
        "new",
        "changed",
        "gone",
        "update_left",
        "gone_pending",
    ]
    .map(counts);
    assert_eq!(counts, [0, 1, 2, 1, 2, 1].map(Some), "{told}");
    assert_eq!(
        std::fs::read_to_string(place.path("lists.csv"))?,
        "list,line,legacy_id,what,then\n\
         changed,2,c1,email; metadata.old; metadata.plan; phone; payment_method +1; connected_account +1; default_payment_method,update_left\n\
         changed,3,c2,email; metadata.old; metadata.plan; phone; payment_method +1; connected_account +1; default_payment_method,update_left\n\
         new,4,new,,taken_up\n\
         gone,,c3,,still_pending\n"
    );
    place.against(&simulator, &["run", "newer.csv"])?.with(0)?;
    for (place, found) in details(&simulator)? {
        if let Some(before) = before.get(&place) {
            assert_eq!(found, *before, "{place:?} was changed");
        }
    }
    // Whoever sees it then and asks for it has it sent, from the same file.
    let ended = place
        .against(&simulator, &["run", "newer.csv", "--update-details"])?
        .with(0)?;
    assert!(
        ended.err.contains("2 changed and taken up"),
        "{}",
        ended.err
    );
    let after = details(&simulator)?;
    let shop = ("acct_1Shop".to_owned(), "c1".to_owned());
    assert_eq!(after[&shop], "after1@example.com - silver -");
    Ok(())
}

#[test]
fn a_change_that_stripe_refuses_is_told_and_reaches_no_further() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("snapshot.csv", snapshot(2))?;
    place
        .against(&simulator, &["run", "snapshot.csv"])?
        .with(0)?;
    let customers = simulator.dump("customers", Some("acct_1Shop"))?;
    let id = customers[0]["id"].as_str().unwrap_or_default();
    let whose = customers[0]["metadata"]["legacy_customer_id"]
        .as_str()
        .unwrap_or_default();
    simulator.stripe_on("acct_1Shop", "DELETE", &format!("/v1/customers/{id}"), "")?;
    let text = snapshot(2).replace("before", "after");
    place.put("newer.csv", text)?;
    place
        .against(&simulator, &["run", "newer.csv", "--update-details"])?
        .with(3)?;
    let told = place.pmclone(&["explain", whose])?.with(0)?.out;
    assert!(
        told.contains("update_customer on acct_1Shop: refused"),
        "{told}"
    );
    let after = details(&simulator)?;
    assert!(
        after
            .values()
            .filter(|found| found.starts_with("after"))
            .count()
            >= 3,
        "{after:?}"
    );
    Ok(())
}

#[test]
fn a_default_that_a_mended_line_names_is_made_the_default_at_stripe() -> Result<()> {
    const NAMED: &str = "legacy_id,email,payment_method,default_payment_method,connected_account\n";
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let line =
        |default| format!("{NAMED}c1,c1@example.com,pm_declined_1;pm_1Good,{default},acct_1Shop\n");
    place.put("c.csv", line("pm_declined_1"))?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    place.put("mended.csv", line("pm_1Good").replace("pm_declined_1;", ""))?;
    place
        .against(&simulator, &["retry", "mended.csv", "--by", "A"])?
        .with(0)?;
    for account in [None, Some("acct_1Shop")] {
        let customers = simulator.dump("customers", account)?;
        let default = &customers[0]["invoice_settings"]["default_payment_method"];
        assert!(default.is_string(), "{account:?}: {default}");
    }
    place.against(&simulator, &["verify", "--all"])?.with(0)?;
    Ok(())
}
