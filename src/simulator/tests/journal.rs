//! Worlds that outlive their process.

use super::{Bench, SHOP, get, post, settings};
use crate::simulator::{FaultScript, Settings, SimulatorError};
use proptest::prelude::*;
use std::path::Path;

fn kept(path: &Path) -> Settings {
    Settings {
        journal: Some(path.to_owned()),
        sources_on_demand: true,
        ..settings()
    }
}

/// A run with everything in it that a journal has to bring back.
fn live_a_little(bench: &mut Bench) {
    let body = "email=a@b.co&payment_method=pm_1&invoice_settings[default_payment_method]=pm_1";
    let customer = bench.send(&post("/v1/customers", body).key("1")).ok().id();
    bench.send(&get("/v1/payment_methods/pm_2")).ok();
    bench.advance(3600);
    let body = format!("customer={customer}&payment_method=pm_1");
    let clone = bench
        .send(&post("/v1/payment_methods", &body).key("2").on(SHOP))
        .ok()
        .id();
    bench
        .send(&post("/v1/customers", &format!("payment_method={clone}")).on(SHOP))
        .ok();
    bench.send(&post("/v1/customers", "payment_method=pm_declined_1").key("3"));
    bench
        .send(&post("/v1/payment_methods", "payment_method=pm_9").on(SHOP))
        .ok();
    bench.control("POST", "/_sim/accounts/acct_gone/revoke", "");
    bench.control(
        "POST",
        "/_sim/seed",
        r#"{"customer":"cus_seed","payment_methods":[{"id":"pm_seed"}]}"#,
    );
    let intent = "amount=1000&currency=usd&payment_method=pm_card_chargeCustomerFail&confirm=true&payment_method_types[]=card";
    assert_eq!(
        bench
            .send(&post("/v1/payment_intents", intent).on(SHOP))
            .status,
        402
    );
}

/// Everything that can be seen of the world, sorted: a read makes objects up, too, and the journal does not know when.
fn picture(bench: &mut Bench) -> Vec<String> {
    let mut picture = Vec::new();
    for account in ["acct_1SimPlatform0001", SHOP] {
        for kind in ["customers", "payment_methods"] {
            let objects = bench.control("GET", &format!("/_sim/{kind}?account={account}"), "");
            picture.extend(objects.as_array().unwrap().iter().map(ToString::to_string));
        }
    }
    picture.push(
        bench
            .send(&get("/v1/payment_intents").on(SHOP))
            .ok()
            .response
            .body,
    );
    picture.push(bench.send(&get("/v1/charges").on(SHOP)).ok().response.body);
    picture.sort();
    picture
}

#[test]
fn a_world_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut bench = Bench::with(kept(&path));
    live_a_little(&mut bench);
    // Made by a read, and so not in the journal; made again by the next one.
    let before = picture(&mut bench);
    let now = bench.simulator.now(bench.wall_ms);
    let refused = bench.send(&post("/v1/customers", "payment_method=pm_declined_1").key("3"));
    drop(bench);

    let mut bench = Bench::with(kept(&path));
    assert!(
        bench.simulator.now(bench.wall_ms) >= now,
        "virtual time does not go back"
    );
    bench.send(&get("/v1/payment_methods/pm_2")).ok();
    let after = picture(&mut bench);
    assert_eq!(before, after);
    let again = bench.send(&post("/v1/customers", "payment_method=pm_declined_1").key("3"));
    assert_eq!(
        (again.status, again.response.body),
        (402, refused.response.body)
    );
    assert_eq!(
        bench.send(&get("/v1/customers").on("acct_gone")).status,
        403
    );
    let body = "email=a@b.co&payment_method=pm_1&invoice_settings[default_payment_method]=pm_1";
    assert!(
        bench
            .send(&post("/v1/customers", body).key("1"))
            .ok()
            .response
            .replayed
    );
}

#[test]
fn stored_failures_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let faults =
        Some(FaultScript::parse("at 1 error 500 stored done\nat 2 error 502 done").unwrap());
    let mut bench = Bench::with(Settings {
        faults,
        ..kept(&path)
    });
    assert_eq!(
        bench.send(&post("/v1/customers", "name=A").key("a")).status,
        500
    );
    assert_eq!(
        bench.send(&post("/v1/customers", "name=B").key("b")).status,
        502
    );
    drop(bench);
    let mut bench = Bench::with(kept(&path));
    assert_eq!(
        bench
            .control("GET", "/_sim/customers", "")
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        bench.send(&post("/v1/customers", "name=A").key("a")).status,
        500
    );
    assert_eq!(
        bench.send(&post("/v1/customers", "name=B").key("b")).status,
        200
    );
}

#[test]
fn the_journal_holds_no_key_and_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut bench = Bench::with(kept(&path));
    bench
        .send(&post("/v1/customers", "").header("Authorization", "Bearer sk_live_topsecret"))
        .ok();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains("topsecret") && !text.contains("sk_live"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn a_journal_is_open_once_and_belongs_to_one_kind_of_world() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let bench = Bench::with(kept(&path));
    let open = |settings| super::Simulator::open(settings, 0);
    assert!(matches!(
        open(kept(&path)),
        Err(SimulatorError::Journal { .. })
    ));
    drop(bench);
    let other = open(Settings {
        seed: 2,
        ..kept(&path)
    })
    .unwrap_err()
    .to_string();
    assert!(
        other.contains("other settings") && other.contains("\"seed\":1"),
        "{other}"
    );
}

#[test]
fn damage_in_the_middle_is_named_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut bench = Bench::with(kept(&path));
    bench.send(&post("/v1/customers", "")).ok();
    bench.send(&post("/v1/customers", "")).ok();
    drop(bench);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&path, format!("{}\nnonsense\n{}\n", lines[0], lines[2])).unwrap();
    let error = super::Simulator::open(kept(&path), 0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Death at any byte of the journal: the world is rebuilt to some instant of its life, and goes on.
    #[test]
    fn a_torn_journal_gives_a_world_that_was(cut in 0.0..1.0_f64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut bench = Bench::with(kept(&path));
        for n in 0..5 {
            bench.send(&post("/v1/customers", &format!("name={n}")).key(&n.to_string())).ok();
        }
        let whole = bench.control("GET", "/_sim/customers", "");
        drop(bench);
        let text = std::fs::read(&path).unwrap();
        let length = text.len();
        let kept_bytes = (0..=length).find(|at| f64::from(u32::try_from(*at).unwrap()) >= cut * f64::from(u32::try_from(length).unwrap())).unwrap();
        std::fs::write(&path, &text[..kept_bytes]).unwrap();
        let mut bench = Bench::with(kept(&path));
        let found = bench.control("GET", "/_sim/customers", "");
        let found = found.as_array().unwrap();
        prop_assert_eq!(found.as_slice(), &whole.as_array().unwrap()[..found.len()]);
        // What was not lost is replayed, what was is made: five in the end, whatever was cut.
        for n in 0..5 {
            bench.send(&post("/v1/customers", &format!("name={n}")).key(&n.to_string())).ok();
        }
        let again = bench.control("GET", "/_sim/customers", "");
        prop_assert_eq!(again.as_array().unwrap().len(), 5);
    }
}
