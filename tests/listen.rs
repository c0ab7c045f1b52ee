//! `pmclone listen` and `resume --follow`: what Stripe tells is taken once, and nothing else is.

use crate::support::webhook::{Listener, SECRET, event, now, send, signed};
use crate::support::{Place, Result, Simulator, until};

const CSV: &str = "legacy_id,email,payment_method,connected_account
1,ada@example.com,pm_1Ada,acct_1A
2,bob@example.com,pm_1Bob,acct_1B
3,cyd@example.com,pm_1Cyd,acct_1B
";

/// Three customers, of whom two wait for an account.
fn migrated_but_for_one_account(place: &Place, simulator: &Simulator) -> Result<()> {
    place.put("c.csv", CSV)?;
    simulator.post("/_sim/accounts/acct_1B/revoke", "")?;
    place.against(simulator, &["run", "c.csv"])?.with(3)?;
    assert_eq!(place.status(&[])?["customers"]["parked"], 2);
    // Of two events of one second, the one that parks counts.
    simulator.post("/_sim/clock/advance", r#"{"seconds": 2}"#)?;
    Ok(())
}

fn account(place: &Place, id: &str) -> Result<String> {
    let status = place.status(&[])?;
    let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
    let found = accounts.iter().find(|account| account["id"] == id);
    Ok(found.map_or(String::new(), |account| {
        account["standing"].as_str().unwrap_or_default().to_owned()
    }))
}

fn taken(place: &Place) -> Result<u64> {
    Ok(place.status(&[])?["listener"]["events"]
        .as_u64()
        .unwrap_or(0))
}

#[test]
fn what_is_not_stripes_or_not_ours_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated_but_for_one_account(&place, &simulator)?;
    let rolled = format!("whsec_next\n{SECRET}");
    let listener = Listener::start(&place, &rolled, &[])?;
    let (at, application) = (now(), r#"{"id":"ca_1","object":"application"}"#);
    let leave = |id: &str, on| event(id, "account.application.deauthorized", on, at, application);
    let body = leave("evt_1", Some("acct_1A"));
    let ours = signed(SECRET, at, &body);
    let long = "x".repeat(2 << 20);
    let kind = "Content-Type: application/json\r\n";
    let live = body.replace(r#""livemode":false"#, r#""livemode":true"#);
    let cases = [
        ("forged", 400, signed("whsec_somebody", at, &body), &body),
        ("expired", 400, signed(SECRET, at - 400, &body), &body),
        ("of the future", 400, signed(SECRET, at + 400, &body), &body),
        ("of another body", 400, ours.clone(), &live),
        (
            "two headers",
            400,
            format!("{ours}\r\nStripe-Signature: {ours}"),
            &body,
        ),
        ("no event", 400, signed(SECRET, at, "{}"), &"{}".to_owned()),
        ("too long", 413, signed(SECRET, at, &long), &long),
        ("of the other mode", 200, signed(SECRET, at, &live), &live),
    ];
    for (what, status, header, body) in cases {
        assert_eq!(
            listener.post("/webhook", &header, body)?.0,
            status,
            "{what}"
        );
    }
    let signature = format!("Stripe-Signature: {ours}\r\n");
    let with_both = format!("{kind}{signature}");
    let cases = [
        (405, "GET", "/", with_both.clone()),
        (404, "POST", "/else", with_both.clone()),
        (415, "POST", "/", signature),
        (400, "POST", "/", kind.to_owned()),
    ];
    for (status, method, path, headers) in cases {
        assert_eq!(
            send(&listener.url, method, path, &headers, &body)?.0,
            status
        );
    }
    // What is Stripe's and ours, and is of no concern: unknown types, thin events, clones, accounts nobody asks for.
    let card = r#"{"id":"pm_1Ada","object":"payment_method"}"#;
    for body in [
        event("evt_2", "charge.succeeded", None, at, "{}"),
        r#"{"id":"evt_3","object":"v2.core.event","type":"x","created":"2026-01-01T00:00:00Z"}"#
            .to_owned(),
        event("evt_4", "payment_method.updated", Some("acct_1A"), at, card),
    ] {
        assert_eq!(
            listener.deliver(&body)?,
            (200, "of no concern here\n".to_owned())
        );
    }
    assert_eq!(taken(&place)?, 0);
    assert_eq!(account(&place, "acct_1A")?, "active");
    // And then the real one, with the older of the two secrets.
    assert_eq!(
        listener.post("/", &ours, &body)?,
        (200, "taken: parked\n".to_owned())
    );
    assert_eq!(
        listener.post("/", &ours, &body)?,
        (200, "taken before\n".to_owned())
    );
    assert_eq!(account(&place, "acct_1A")?, "parked");
    // One that is told late changes nothing any more.
    let late = event(
        "evt_5",
        "account.application.authorized",
        Some("acct_1A"),
        at - 9,
        application,
    );
    assert_eq!(
        listener.deliver(&late)?,
        (200, "taken: nothing\n".to_owned())
    );
    assert_eq!(account(&place, "acct_1A")?, "parked");
    let said = listener.stop()?.with(0)?.err;
    assert!(
        said.contains(
            "2 events taken, 1 taken before, 3 of no concern, 1 of the other mode, 11 refused"
        ),
        "{said}"
    );
    assert!(
        said.contains("acct_1A took the platform's access back"),
        "{said}"
    );
    the_secret_is_nowhere(&place, &said)
}

fn the_secret_is_nowhere(place: &Place, said: &str) -> Result<()> {
    for file in place.listing()? {
        let bytes = std::fs::read(place.path(&file))?;
        let secret = SECRET.as_bytes();
        assert!(
            !bytes.windows(secret.len()).any(|part| part == secret),
            "{file}"
        );
    }
    assert!(!said.contains("Pterodactylus"), "{said}");
    Ok(())
}

#[test]
fn an_account_that_connects_while_a_run_follows_has_its_customers_migrated() -> Result<()> {
    let place = Place::new()?;
    place.put("secret", SECRET)?;
    // A port that is free: the listener comes later, as after a restart, and the simulator tries again until then.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let endpoint = format!("http://127.0.0.1:{port}/webhook");
    let secret = place.path("secret").to_string_lossy().into_owned();
    #[rustfmt::skip]
    let args = ["--on-demand", "on", "--limits", "off", "--webhook", &endpoint, "--webhook-secret-file", &secret];
    let simulator = Simulator::start(&place, &args)?;
    migrated_but_for_one_account(&place, &simulator)?;
    let follower = place.start_against(&simulator, &["resume", "--follow"])?;
    until("the follower to wait", || {
        Ok(place.status(&[])?["pace"]["because"] == "follow")
    })?;
    let idle = simulator.requests()?;
    // Told before anybody listens.
    simulator.post("/_sim/accounts/acct_1B/restore", "")?;
    let listen = format!("127.0.0.1:{port}");
    let listener = Listener::start(&place, SECRET, &["--listen", &listen])?;
    until("all to be migrated", || {
        Ok(place.status(&[])?["customers"]["migrated"] == 3)
    })?;
    // One clone and one Customer for each, and nothing while it was idle.
    assert_eq!(simulator.requests()?, idle + 4);
    assert_eq!(place.status(&[])?["listener"]["on"], true);
    // A card that changes then is stale; a clone of it is another thing.
    simulator.post("/_sim/payment_methods/pm_1Ada/renew", "")?;
    until("the card to be stale", || {
        Ok(place.status(&[])?["stale"]["automatically_updated"] == 1)
    })?;
    follower.signal("INT")?;
    let said = follower.wait()?.with(0)?.err;
    assert!(said.contains("2 customers taken up"), "{said}");
    let told = place.pmclone_keyless(&["status"])?.with(0)?.out;
    assert!(
        told.contains("1 source changed after being cloned (1 renewed by the network)"),
        "{told}"
    );
    assert!(
        told.contains("the last event is payment_method.automatically_updated of"),
        "{told}"
    );
    listener.stop()?.with(0)?;
    Ok(())
}

#[test]
fn an_account_that_leaves_during_a_run_is_parked_before_the_next_call() -> Result<()> {
    let place = Place::new()?;
    let line = |number: u32| {
        format!(
            "{number},pm_1Card{number},acct_1{}\n",
            if number.is_multiple_of(2) { "A" } else { "B" }
        )
    };
    let lines: String = (1..=200).map(line).collect();
    place.put(
        "c.csv",
        format!("legacy_id,payment_method,connected_account\n{lines}"),
    )?;
    let simulator = Simulator::slow(&place, 30)?;
    let run = place.start_against(&simulator, &["run", "c.csv", "--concurrency", "4"])?;
    simulator.until_requests(40)?;
    let listener = Listener::start(&place, SECRET, &[])?;
    // The simulator goes on to let it in: only what was heard keeps the run away.
    let body = event(
        "evt_1",
        "account.application.deauthorized",
        Some("acct_1A"),
        now(),
        "{}",
    );
    assert_eq!(listener.deliver(&body)?.1, "taken: parked\n");
    let heard = simulator.requests()?;
    run.wait()?.with(3)?;
    let after = simulator.transcript()?;
    let late = after
        .iter()
        .filter(|line| line["account"] == "acct_1A" && line["n"].as_u64() > Some(heard));
    // Four in flight, and four that were begun in the moment in which it was told.
    let late = late.count();
    assert!(late <= 8, "{late} calls after it was told");
    let status = place.status(&[])?;
    assert!(
        status["customers"]["parked"].as_u64() > Some(50),
        "{status}"
    );
    assert_eq!(status["customers"]["in_doubt"], 0, "{status}");
    Ok(())
}

#[test]
fn what_is_not_committed_is_not_acknowledged() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated_but_for_one_account(&place, &simulator)?;
    let body = event(
        "evt_1",
        "account.application.authorized",
        Some("acct_1B"),
        now(),
        "{}",
    );
    let listener = Listener::start(&place, SECRET, &[])?;
    // Somebody writes: nothing can be committed meanwhile.
    let writer = rusqlite::Connection::open(place.path("pmclone.db"))?;
    writer.execute_batch("BEGIN IMMEDIATE")?;
    let (url, sent) = (listener.url.clone(), body.clone());
    let delivery = std::thread::spawn(move || {
        let header = signed(SECRET, now(), &sent);
        let headers = format!("Content-Type: application/json\r\nStripe-Signature: {header}\r\n");
        send(&url, "POST", "/", &headers, &sent)
    });
    listener.kill()?;
    let answer = delivery.join().map_err(|_| anyhow::anyhow!("panicked"))?;
    assert!(answer.is_err(), "acknowledged: {answer:?}");
    writer.execute_batch("ROLLBACK")?;
    drop(writer);
    assert_eq!(
        (taken(&place)?, account(&place, "acct_1B")?),
        (0, "parked".to_owned())
    );
    // Two of them listen then: it is taken once.
    let listeners = [
        Listener::start(&place, SECRET, &[])?,
        Listener::start(&place, SECRET, &[])?,
    ];
    assert_eq!(listeners[0].deliver(&body)?.1, "taken: unparked\n");
    assert_eq!(listeners[1].deliver(&body)?.1, "taken before\n");
    assert_eq!(account(&place, "acct_1B")?, "active");
    Ok(())
}

#[test]
fn what_came_while_nobody_listened_is_read() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated_but_for_one_account(&place, &simulator)?;
    simulator.stripe("POST", "/v1/payment_methods/pm_1Ada", "metadata[a]=b")?;
    simulator.stripe("POST", "/v1/payment_methods/pm_1Bob/detach", "")?;
    simulator.post("/_sim/accounts/acct_1B/restore", "")?;
    simulator.post("/_sim/accounts/acct_1A/revoke", "")?;
    let listener = Listener::with_key(&place, &simulator.url)?;
    until("it to be read", || {
        Ok(account(&place, "acct_1A")? == "parked" && account(&place, "acct_1B")? == "active")
    })?;
    let said = listener.stop()?.with(0)?.err;
    // Bob has no clone yet.
    assert!(
        said.contains("2 events read, 1 source newly stale"),
        "{said}"
    );
    assert!(
        said.contains("1 cannot be reached any more, 1 can be again"),
        "{said}"
    );
    let status = place.status(&[])?;
    assert_eq!(status["stale"]["updated"], 1, "{status}");
    // Five weeks on, some of it is gone for good.
    simulator.advance_hours(24 * 36)?;
    let before = simulator.requests()?;
    let listener = Listener::with_key(&place, &simulator.url)?;
    // Whose key it is, a page of events, two accounts.
    until("the accounts to be read again", || {
        Ok(simulator.requests()? >= before + 4)
    })?;
    let said = listener.stop()?.with(0)?.err;
    assert!(said.contains("Stripe keeps events for 30 days"), "{said}");
    Ok(())
}
