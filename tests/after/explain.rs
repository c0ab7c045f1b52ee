//! `pmclone explain`.

use anyhow::Context;
use serde_json::Value;

use super::{explained, migrated};
use crate::support::set_up::{clean, sent};
use crate::support::{Place, Result, Simulator};

#[test]
fn explain_finds_a_customer_by_everything_that_is_known_of_it() -> Result<()> {
    let place = Place::new()?;
    let simulator = migrated(&place)?;
    let by_id = explained(&place, &["both"])?;
    let customer = &by_id["customers"][0];
    assert_eq!(customer["standing"], "refused");
    assert_eq!(customer["lines"], serde_json::json!([4]));
    let steps = customer["steps"].as_array().context("steps")?;
    let text = |step: &Value, field: &str| step[field].as_str().unwrap_or_default().to_owned();
    let made: Vec<_> = steps.iter().map(|step| text(step, "object")).collect();
    let requests = steps.iter().map(|step| text(step, "request_id"));
    let mut ids: Vec<_> = requests.chain(made).filter(|id| !id.is_empty()).collect();
    ids.extend(["pm_1Both", "pm_sepa_1Both"].map(str::to_owned));
    assert!(ids.len() > 10, "{ids:?}");
    for id in &ids {
        let found = explained(&place, &[id])?;
        assert_eq!(found["customers"][0]["legacy_id"], "both", "{id}");
        assert_eq!(found["customers"].as_array().map(Vec::len), Some(1), "{id}");
    }
    let by_line = explained(&place, &["4", "--line"])?;
    assert_eq!(by_line["customers"][0], *customer);
    // The keys are those that were sent.
    let sent = sent(&simulator)?;
    for step in steps {
        assert!(sent.contains_key(&text(step, "idempotency_key")), "{step}");
    }
    // Links: test mode, and a connected account's under its id.
    let of = |kind: &str, account: Value| {
        let mut steps = steps.iter();
        let step = steps.find(|step| step["step"] == kind && step["account"] == account);
        step.context(kind.to_owned())
    };
    let platform = of("create_platform_customer", Value::Null)?;
    let link = format!(
        "https://dashboard.stripe.com/test/customers/{}",
        text(platform, "object")
    );
    assert_eq!(platform["object_dashboard"], link);
    let connected = of("create_connected_customer", "acct_1First".into())?;
    let link = format!(
        "https://dashboard.stripe.com/acct_1First/test/workbench/logs?object={}",
        text(connected, "request_id")
    );
    assert_eq!(connected["request_dashboard"], link);
    let account = explained(&place, &["acct_1First"])?;
    assert_eq!(account["account"]["customers"]["total"], 7);
    assert_eq!(account["account"]["standing"], "active");
    let platform = explained(&place, &["acct_1SimPlatform0001"])?;
    assert_eq!(platform["account"]["platform"], true);
    assert_eq!(platform["account"]["customers"]["total"], 8);
    assert!(platform["account"]["reasons"][0]["customers"].is_u64());
    Ok(())
}

#[test]
fn explain_masks_contact_details_unless_they_are_asked_for() -> Result<()> {
    let place = Place::new()?;
    let _simulator = migrated(&place)?;
    for args in [&["explain", "sepa"][..], &["explain", "sepa", "--json"]] {
        let told = place.pmclone_keyless(args)?.with(0)?.out;
        assert!(!told.contains("sepa@example.com"), "{told}");
        assert!(!told.contains("Stella Sepa"), "{told}");
        let told = place
            .pmclone_keyless(&[args, &["--unmasked"]].concat())?
            .with(0)?;
        assert!(told.out.contains("sepa@example.com"), "{}", told.out);
    }
    let told = place.pmclone_keyless(&["explain", "007"])?.with(0)?.out;
    assert!(told.contains("erased, since it is migrated"), "{told}");
    Ok(())
}

#[test]
fn explain_says_what_it_does_not_know() -> Result<()> {
    let place = Place::new()?;
    place.pmclone_keyless(&["explain", "1"])?.with(10)?;
    let _simulator = migrated(&place)?;
    for id in ["nobody", "cus_nobody", "req_nobody", "acct_nobody", "99999"] {
        let told = place.pmclone_keyless(&["explain", id])?.with(2)?;
        assert!(
            told.err.contains("nothing in pmclone.db is called"),
            "{}",
            told.err
        );
    }
    Ok(())
}

#[test]
fn explain_tells_doubt_and_what_settles_it() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(2))?;
    simulator.faults("nth 1 on POST /v1/customers error 500 stored done\nchance 1 on GET /v1/customers error 503\n")?;
    place
        .against(&simulator, &["run", "c.csv", "--concurrency", "1"])?
        .with(3)?;
    let told = explained(&place, &["c1"])?;
    let customer = &told["customers"][0];
    assert_eq!(customer["standing"], "in_doubt");
    assert_eq!(customer["steps"][0]["doubt"], "stored_server_error");
    let commands = customer["commands"].to_string();
    assert!(commands.contains("pmclone reconcile"), "{commands}");
    let text = place.pmclone_keyless(&["explain", "c1"])?.with(0)?.out;
    assert!(
        text.contains("in doubt") && text.contains("may have reached"),
        "{text}"
    );
    Ok(())
}
