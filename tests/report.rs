//! The record of a migration: what it says is what the state file and the simulator say, whoever chose the names in it; and in a
//! browser it is searched, sorted and printed, and runs and fetches nothing else.

use std::collections::BTreeSet;
use std::io::Write as _;

use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::set_up::clean;
use crate::support::{Browser, Place, Result, Simulator};

/// Names that would do something to a page that took them for its own.
const HOSTILE: [&str; 4] = [
    "</script><script>document.title='taken'</script>",
    "\"><img src=x onerror=document.title='taken'>",
    "pay\u{202e}lap \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "jenny@example.com",
];

/// Customers that all move, with hostile names among them, one of them as long as may be; one whose card is not there.
fn migrated(place: &Place, simulator: &Simulator, customers: u32) -> Result<()> {
    let mut csv = clean(customers);
    let long = "x".repeat(400);
    for (number, name) in HOSTILE.into_iter().chain([long.as_str()]).enumerate() {
        let name = name.replace('"', "\"\"");
        let line = format!("\"{name}\",h@example.com,pm_1Hostile{number},acct_1First\n");
        csv += &line;
    }
    csv += "gone,g@example.com,pm_missing_1,acct_1Second\n";
    place.put("c.csv", csv)?;
    place.against(simulator, &["run", "c.csv"])?.with(3)?;
    Ok(())
}

fn page(place: &Place, more: &[&str]) -> Result<String> {
    let args = [&["report", "-o", "report.html"], more].concat();
    place.pmclone_keyless(&args)?.with(0)?;
    Ok(std::fs::read_to_string(place.path("report.html"))?)
}

/// What stands between two texts.
fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = page.split_once(begin).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(inner, _)| inner)
}

#[test]
fn it_says_what_the_state_file_says_and_names_cannot_do_anything() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place
        .pmclone_keyless(&["report", "-o", "r.html"])?
        .with(10)?;
    migrated(&place, &simulator, 3)?;
    place.pmclone_keyless(&["report"])?.with(2)?;
    place.against(&simulator, &["verify", "--all"])?.with(0)?;

    let record = place
        .pmclone_keyless(&["report", "--json"])?
        .with(0)?
        .json()?;
    let status = place.status(&[])?;
    for name in [
        "customers",
        "payment_methods",
        "requests",
        "accounts",
        "migration",
    ] {
        assert_eq!(record[name], status[name], "{name}");
    }
    let run = &record["runs"][0];
    assert_eq!(
        (&run["command"], &run["ended"]),
        (&json!("run"), &json!("finished"))
    );
    assert_eq!(
        (&run["asked"], &run["settled"]),
        (&json!("all customers"), &json!(9))
    );
    assert_eq!(run["requests"]["sent"], status["requests"]["sent"]);
    let sent = |minute: &Value| minute["sent"].as_u64().unwrap_or(0);
    let minutes = record["throughput"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        json!(minutes.iter().map(sent).sum::<u64>()),
        status["requests"]["sent"]
    );
    let verified = &record["verifications"][0]["summary"];
    assert_eq!(
        (&verified["scope"], &verified["differences"]),
        (&json!("all"), &json!(0))
    );
    let mapping = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let digest = Sha256::digest(mapping.as_bytes());
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = digits.concat();
    assert_eq!(record["mapping"]["sha256"], json!(digest));

    let masked = page(&place, &[])?;
    assert_eq!(
        place
            .pmclone_keyless(&["report", "-o", "-"])?
            .with(0)?
            .out
            .len(),
        masked.len()
    );
    assert_eq!(masked.matches("<script").count(), 1, "one script");
    assert!(!masked.contains("<img"), "a picture");
    assert!(masked.contains("pay\\u{202e}lap") && !masked.contains('\u{202e}'));
    assert!(masked.contains(&digest));
    assert!(!masked.contains("example.com"), "personal data");
    assert!(page(&place, &["--unmasked"])?.contains("jenny@example.com"));
    assert!(
        !masked.contains("style="),
        "the policy would not let it be used"
    );
    // The policy names what stands in the page.
    let policy =
        between(&masked, "Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    for (begin, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let digest = Sha256::digest(between(&masked, begin, end).as_bytes());
        let hash = base64::engine::general_purpose::STANDARD.encode(digest);
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    Ok(())
}

#[test]
fn few_are_listed_where_so_many_are_asked_for_and_the_sums_stay_whole() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, 12)?;
    // Somebody else works on it: it is read all the same, and a verification is not kept.
    let lock = std::fs::File::open(place.path("pmclone.db.lock"))?;
    lock.lock()?;
    let page = page(&place, &["--customers", "2"])?;
    let list = between(&page, "id=\"list\">", "</table>");
    assert_eq!(
        list.matches("<tr>").count(),
        3,
        "a heading and two customers"
    );
    assert!(list.contains(">gone<"), "who needs a look is listed first");
    assert!(page.contains("2 of 18 customers are listed"));
    assert!(page.contains("17 of 18 customers are migrated; 1 refused in part or whole."));
    assert!(page.contains("while a run was on"));
    let verified = place.against(&simulator, &["verify"])?.with(0)?;
    assert!(verified.err.contains("is not kept"), "{}", verified.err);
    drop(lock);
    let record = place
        .pmclone_keyless(&["report", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(record["verifications"], json!([]));
    Ok(())
}

/// The first column of the list, as it is shown.
const SHOWN: &str = "[...document.querySelectorAll('#list tbody tr')].map(row => row.cells[0].textContent).join('|')";
const FOUND: &str = "document.getElementById('found').textContent";

#[test]
fn in_a_browser_it_is_searched_sorted_and_printed_and_fetches_nothing() -> Result<()> {
    let Some(mut browser) = Browser::start()? else {
        return skip();
    };
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    migrated(&place, &simulator, 60)?;
    page(&place, &[])?;
    browser.open(&place.path("report.html"))?;

    assert_eq!(browser.text(FOUND)?, "Customers 1–50 of 66");
    assert!(
        browser.text(SHOWN)?.starts_with("gone|c1|c2|"),
        "who needs a look first"
    );
    browser.click("#after")?;
    assert_eq!(browser.text(FOUND)?, "Customers 51–66 of 66");
    // By its heading: rising, falling, as it was.
    browser.click("#list th:nth-child(1) button")?;
    assert!(
        browser.text(SHOWN)?.contains("c9|c10|c11"),
        "numbers are sorted as numbers"
    );
    assert_eq!(
        browser.text("document.querySelector('#list th').ariaSort")?,
        "ascending"
    );
    // The same by the keyboard.
    browser.press("Enter", Some("\r"))?;
    assert_eq!(
        browser.text("document.querySelector('#list th').ariaSort")?,
        "descending"
    );
    assert!(browser.text(FOUND)?.ends_with("by Customer, falling"));
    browser.press("Enter", Some("\r"))?;
    assert!(browser.text(SHOWN)?.starts_with("gone|c1|c2|"));
    browser.click("#list th:nth-child(2) button")?;
    assert!(browser.text(SHOWN)?.starts_with("c1|c2|"), "by line");
    // By words, in any order, of any column.
    browser.click("#search")?;
    browser.type_in("acct_1second resource_missing")?;
    assert_eq!(browser.text(SHOWN)?, "gone");
    assert!(
        browser
            .text(FOUND)?
            .starts_with("Customers 1–1 of 1, found among 66 listed")
    );
    browser.click("#clear")?;
    assert!(browser.text(FOUND)?.starts_with("Customers 1–50 of 66"));
    let choose = "(() => { const s = document.getElementById('standing'); s.value = 'is is-refused'; \
                  s.dispatchEvent(new Event('input', {bubbles: true})); })()";
    browser.value(choose)?;
    assert_eq!(browser.text(SHOWN)?, "gone");
    browser.click("#clear")?;

    look(&mut browser)?;
    let printed = browser.ask("Page.printToPDF", json!({"preferCSSPageSize": true}))?;
    let pdf = base64::engine::general_purpose::STANDARD
        .decode(printed["data"].as_str().unwrap_or_default())?;
    assert!(pdf.starts_with(b"%PDF-"));

    assert_eq!(
        browser.text("document.title")?,
        "Migration acct_1SimPlatform0001"
    );
    let told: BTreeSet<&str> = browser
        .events
        .iter()
        .filter_map(|event| event["method"].as_str())
        .collect();
    for amiss in [
        "Log.entryAdded",
        "Runtime.exceptionThrown",
        "Page.javascriptDialogOpening",
    ] {
        assert!(!told.contains(amiss), "{amiss}: {:?}", browser.events);
    }
    let asked = browser
        .events
        .iter()
        .filter(|event| event["method"] == "Network.requestWillBeSent");
    assert_eq!(asked.count(), 1, "the page alone");
    Ok(())
}

/// Says so past the harness's capture.
fn skip() -> Result<()> {
    writeln!(
        std::io::stderr(),
        "skipped: the record was not looked at in a browser, which needs Chromium"
    )?;
    Ok(())
}

/// In the dark, in a narrow window, and as it is told to those who do not see it.
fn look(browser: &mut Browser) -> Result<()> {
    let ground = "getComputedStyle(document.documentElement).backgroundColor";
    let light = browser.text(ground)?;
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.ask("Emulation.setEmulatedMedia", dark)?;
    assert_ne!(browser.text(ground)?, light);
    let narrow = json!({"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": false});
    browser.ask("Emulation.setDeviceMetricsOverride", narrow)?;
    assert_eq!(
        browser.value("document.documentElement.scrollWidth <= 360")?,
        json!(true)
    );

    let tree = browser.ask("Accessibility.getFullAXTree", json!({}))?;
    let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
    let named = |role: &str, name: &str| {
        let fits = |node: &Value| {
            node["role"]["value"] == role
                && node["name"]["value"]
                    .as_str()
                    .is_some_and(|found| found.starts_with(name))
        };
        nodes.iter().any(fits)
    };
    for (role, name) in [
        ("navigation", "Contents"),
        ("table", "Customers on each connected account"),
        ("image", "Requests a second, "),
        ("searchbox", "Search"),
        ("button", "Standing"),
        ("rowheader", "c1"),
    ] {
        assert!(named(role, name), "{role} {name}");
    }
    Ok(())
}
