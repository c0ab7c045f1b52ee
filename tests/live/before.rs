//! `pmclone check`, and `run --dry-run --online`: read-only, counted, and told.

use std::process::Command;

use serde_json::Value;

use super::{PLATFORM, count, customers, ended, strict};
use crate::support::proxy::{Answer, Kind, Request, Script, Then, Told, Turn};
use crate::support::{Place, Proxy, Result, Simulator};

/// A restricted key that may read and nothing else.
const READER: &str = "rk_live_readonlyQuetzalcoatlus4711";

const CSV: &str = "\
legacy_id,platform_customer,payment_method,connected_account
1,,pm_1Good,acct_1Good
2,cus_1Ours,pm_1Held,acct_1Paris
3,cus_1Marked,pm_1Marked,acct_1Mumbai
4,,pm_1Taken,acct_1Off
5,,pm_1Sepa,acct_1Pending
6,,pm_1Gone,acct_1Elsewhere
7,,pm_1Test,acct_1Nobody
8,,pm_1Bank,acct_1Pending;acct_1Good
9,cus_1Gone,,acct_1Good
";

fn seeds() -> String {
    format!(
        r#"{{"account":"{PLATFORM}","country":"DE","name":"Acme GmbH"}}
{{"account":"acct_1Good","country":"DE"}}
{{"account":"acct_1Paris","country":"FR"}}
{{"account":"acct_1Mumbai","country":"IN"}}
{{"account":"acct_1Off","country":"DE","charges_enabled":false,"disabled_reason":"rejected.fraud"}}
{{"account":"acct_1Pending","country":"DE","capabilities":{{"card_payments":"pending"}}}}
{{"account":"acct_1Elsewhere","country":"DE","modes":"test"}}
{{"payment_method":"pm_1Good","livemode":true}}
{{"customer":"cus_1Ours","livemode":true,"payment_methods":[{{"id":"pm_1Held"}}]}}
{{"customer":"cus_1Marked","livemode":true,"metadata":{{"pmclone_migration":"7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a"}},"payment_methods":[{{"id":"pm_1Marked"}}]}}
{{"customer":"cus_1Other","livemode":true,"payment_methods":[{{"id":"pm_1Taken"}}]}}
{{"payment_method":"pm_1Sepa","type":"sepa_debit","livemode":true}}
{{"payment_method":"pm_1Test","livemode":false}}
{{"payment_method":"pm_1Bank","type":"us_bank_account","livemode":true}}
"#
    )
}

fn reading(place: &Place, simulator: &Simulator, arguments: &[&str]) -> Command {
    let all = [arguments, &["--rate", "off", "--api-base", &simulator.url]].concat();
    let mut command = place.keyless(&all);
    command.env("STRIPE_API_KEY", READER);
    command
}

fn kinds(told: &Value) -> Vec<String> {
    let findings = told["findings"].as_array().into_iter().flatten();
    let each = findings.map(|finding| {
        let detail = finding["detail"].as_str().unwrap_or_default();
        format!(
            "{} {} {detail}",
            finding["severity"].as_str().unwrap_or_default(),
            finding["kind"].as_str().unwrap_or_default()
        )
    });
    each.map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn the_look_beforehand_reads_alone_and_tells_blockers_and_warnings() -> Result<()> {
    let place = Place::new()?;
    let simulator = strict(&place, &seeds())?;
    place.put("c.csv", CSV)?;
    let before = place.listing()?;
    let (code, out, told) = ended(reading(&place, &simulator, &["check", "c.csv"]))?;
    assert_eq!(code, Some(4), "{told}");
    let shown = out.replace(&simulator.url, "http://127.0.0.1:PORT");
    insta::assert_snapshot!(told.trim_end(), @r"
    c.csv: read as UTF-8, columns separated by commas

          1  no_payment_method (warning)

    warning: line 10: names accounts and no PaymentMethod, so this line brings them no card; fill in payment_method if there is one [no_payment_method]
    No errors, 1 warning: warnings do not stop a run.
    Reading at most 27 objects: 7 accounts, 8 of 8 sources, 3 Customers to adopt. Nothing is written.
    ");
    insta::assert_snapshot!(shown, @r"
    Check
      Account  Acme GmbH (DE), acct_1SimPlatform0001
      Mode     LIVE
      API      http://127.0.0.1:PORT
      Reads    20 of 27 at most
      Sources  8 of 8 looked up

    Accounts
      account          country  charges    cards    ACH     customers
      acct_1Off        DE       NO         -        -               1
      acct_1Elsewhere  -        no access  -        -               1
      acct_1Nobody     -        no access  -        -               1
      acct_1Good       DE       yes        active   active          3
      acct_1Pending    DE       yes        pending  -               2
      acct_1Paris      FR       yes        active   active          1
      acct_1Mumbai     IN       yes        active   active          1

    Blockers
      2 accounts without access, for 2 customers: acct_1Elsewhere, acct_1Nobody
         Have its owner connect to the platform in this mode, or leave it out: its
         customers would be parked.
      1 account that may not charge (rejected.fraud), for 1 customer: acct_1Off
         Stripe has closed it, or its platform has: leave it out.
      1 bank account for an account whose us_bank_account_ach_payments is not
      requested: 8 (pm_1Bank) on acct_1Pending
         Request the capability us_bank_account_ach_payments there first, or leave
         the bank accounts out.
      1 id of the other mode: 7 (pm_1Test)
         Key and CSV are of different modes: use the key of the CSV's mode, or the
         CSV of the key's.
      1 source unknown to the platform: 6 (pm_1Gone)
         Another account's, a typing error, or deleted. Correct the CSV, or leave
         them out: they would be refused.
      1 source of type sepa_debit: 5 (pm_1Sepa)
         Stripe clones card and us_bank_account alone. Collect it again from the
         customer.
      1 source attached to another Customer than the CSV names: 4 (pm_1Taken)
         Name that Customer in platform_customer, or, if it is the same person, run
         with --adopt-attached; else they would be refused.
      1 Customer to adopt unknown: 9 (cus_1Gone)
         Correct platform_customer, or leave it empty to have a new one made.

    Warnings
      1 account with card_payments pending, for 2 customers: acct_1Pending
         Wait until it is active before you charge there.
      1 account in another country than the platform (DE to FR), for 1 customer:
      acct_1Paris
         The first charge there may ask the customer for authentication (SCA). Try
         it in the pilot.
      1 account in another country than the platform (DE to IN), for 1 customer:
      acct_1Mumbai
         The first charge there may ask the customer for authentication (SCA). Try
         it in the pilot.
      1 account where India's rules hold, for 1 customer: acct_1Mumbai
         An e-mandate belongs to one PaymentMethod and does not go along: customers
         have to agree again.
      1 US bank account: 8 (pm_1Bank)
         Cloning extends the mandate to the connected account: customers must have
         been told so. A mandate that was given on_behalf_of one account holds for
         that one only.
      1 Customer with the marker of migration 7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a:
      3 (cus_1Marked)
         Another state file made or moved it. If that one asks for the same
         accounts, go on with it: here, second Customers would be made.

    Blockers: these would be refused, or parked, or could not be charged; everything
    else would go on. Nothing was written.
    ");
    // Read-only, on the wire, within what was said; nothing is left behind.
    let reads = simulator.requests()?;
    assert_eq!(count(&simulator, "GET")?, usize::try_from(reads)?);
    let (code, out, _) = ended(reading(&place, &simulator, &["check", "c.csv", "--json"]))?;
    assert_eq!(code, Some(4));
    let json: Value = serde_json::from_str(&out)?;
    assert_eq!(json["reads"].as_u64(), Some(reads), "{json}");
    assert!(json["reads_planned"].as_u64() >= Some(reads), "{json}");
    assert_eq!(json["platform"]["livemode"], true);
    assert_eq!(json["exit_code"], 4);
    assert_eq!(place.listing()?, before);
    // The dry run that looks says the same.
    let arguments = ["run", "c.csv", "--dry-run", "--online", "--json"];
    let (code, out, _) = ended(reading(&place, &simulator, &arguments))?;
    assert_eq!(code, Some(4));
    let online: Value = serde_json::from_str(&out)?;
    assert_eq!(kinds(&online["online"]), kinds(&json));
    assert_eq!(online["plan"]["customers"], 9, "{online}");
    assert_eq!(place.listing()?, before);
    Ok(())
}

#[test]
fn a_card_that_expired_by_stripes_clock_is_a_warning_alone() -> Result<()> {
    let place = Place::new()?;
    let simulator = strict(
        &place,
        "{\"account\":\"acct_1Good\"}\n{\"payment_method\":\"pm_1Good\"}\n",
    )?;
    place.put(
        "c.csv",
        "legacy_id,payment_method,connected_account\n1,pm_1Good,acct_1Good\n",
    )?;
    place.against(&simulator, &["check", "c.csv"])?.with(0)?;
    for _ in 0..4 {
        // Five years each.
        simulator.advance_hours(5 * 365 * 24)?;
    }
    let told = place
        .against(&simulator, &["check", "c.csv", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(kinds(&told), ["warning card_expired"], "{told}");
    Ok(())
}

#[test]
fn more_reads_than_are_allowed_are_not_begun() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.sample("many.csv", 150, 3, 1)?;
    let arguments = [
        "check",
        "many.csv",
        "--sources",
        "all",
        "--max-reads",
        "100",
    ];
    let ended = place.against(&simulator, &arguments)?.with(2)?;
    insta::assert_snapshot!(ended.err.trim_end(), @r"
    pmclone: this would take up to 253 reads, and at most 100 are allowed: nothing was read
      Stripe allots some 500 reads for each payment of the last 30 days, and 10,000 at least
      look up fewer (--sources sample, or none), or allow them: --max-reads 253
    ");
    assert_eq!(simulator.requests()?, 0);
    // None takes one for the platform and one for each account; a sample is of a hundred customers.
    let arguments = ["check", "many.csv", "--sources", "none", "--json"];
    let none = place.against(&simulator, &arguments)?.json()?;
    assert_eq!(none["sources"]["looked_up"], 0);
    let accounts = none["accounts"].as_array().map_or(0, Vec::len);
    assert_eq!(usize::try_from(simulator.requests()?)?, 1 + accounts);
    let sample = place
        .against(&simulator, &["check", "many.csv", "--json"])?
        .json()?;
    assert!(sample["sources"]["looked_up"].as_u64() < sample["sources"]["all"].as_u64());
    Ok(())
}

#[test]
fn a_csv_with_errors_is_not_looked_up() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("bad.csv", "legacy_id,payment_method\n1,acct_1Wrong\n")?;
    let ended = place.against(&simulator, &["check", "bad.csv"])?.with(4)?;
    assert!(ended.err.contains("Stripe was not asked"), "{}", ended.err);
    for wrong in [
        &["run", "bad.csv", "--online"][..],
        &["run", "bad.csv", "--sources", "all"],
        &["run", "bad.csv", "--dry-run", "--max-reads", "9"],
        &["check", "bad.csv", "--sources", "some"],
    ] {
        place.against(&simulator, wrong)?.with(2)?;
    }
    assert_eq!(simulator.requests()?, 0);
    Ok(())
}

/// Refuses each look at a source whose id ends with a 7, and the look at one account.
struct NotNow;

impl Script for NotNow {
    fn told(&self, turn: Turn, request: &Request, answer: Option<Answer>) -> Told {
        let on = |header: &str| header == "acct_1Second";
        let refused = match turn.kind {
            Kind::PaymentMethod => request.target.ends_with('7'),
            Kind::Account => request.header("stripe-account").is_some_and(on),
            _ => false,
        };
        let told = answer.map(|mut answer| {
            if refused {
                answer.status = 400;
                answer.body =
                    r#"{"error":{"type":"invalid_request_error","message":"not now"}}"#.to_owned();
            }
            answer
        });
        Told {
            bytes: told.map(|answer| answer.bytes()).unwrap_or_default(),
            drip: false,
            then: Then::Keep,
        }
    }
}

#[test]
fn what_could_not_be_looked_up_is_neither_good_nor_bad_and_all_of_many_are() -> Result<()> {
    let place = Place::new()?;
    // More than are read from the state at once.
    let (csv, seeds) = customers(300, |number| number != 299, false);
    let simulator = strict(&place, &seeds)?;
    place.put("c.csv", csv)?;
    let proxy = Proxy::start(&simulator, NotNow)?;
    let arguments = ["check", "c.csv", "--sources", "all", "--json"];
    let told = place.through(&proxy, &arguments)?.with(4)?.json()?;
    assert_eq!(
        kinds(&told),
        [
            "blocker source_unknown",
            "warning unread account",
            "warning unread source"
        ],
        "{told}"
    );
    assert_eq!(told["findings"][2]["count"], 30, "{told}");
    let sources = &told["sources"];
    assert_eq!(
        (&sources["looked_up"], &sources["all"]),
        (&300.into(), &300.into()),
        "{sources}"
    );
    // With nothing worse, the exit code says that not everything is known.
    place.put("few.csv", customers(8, |_| true, false).0)?;
    let ended = place.through(&proxy, &["check", "few.csv"])?.with(3)?;
    let end = ended.out.split("Warnings").last().unwrap_or_default();
    insta::assert_snapshot!(end.trim(), @r"
    1 account could not be read, for 4 customers: acct_1Second
         Nothing is known of these, neither good nor bad: run the check again.
      1 source could not be read: c7 (pm_1Live7)
         Nothing is known of these, neither good nor bad: run the check again.

    No blockers in what could be read. Nothing was written.
    ");
    proxy.had_no_trouble()
}
