//! The page itself: one file that fetches nothing. Its policy lets it run the script and use the style that stand in it, by their
//! hashes, and nothing else.

use std::io::{self, Write};

use askama::Template;
use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::charts::{HEIGHT, WIDTH};
use super::customers;
use super::view::{Block, Section, Table};
use super::{Record, done, known, stale};
use crate::report::words::{count, minute, number, percent};
use crate::state::Standing;
use crate::time::StripeTime;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Whose hand a migration needs, on the last sheet.
const SIGNERS: [(&str, &str); 4] = [
    ("Carried out by", "ran the migration as recorded here"),
    (
        "Verified by",
        "checked the verification and the charge proofs",
    ),
    (
        "Accepted for the business by",
        "accepts the outcome, and what is to be done about those that were refused",
    ),
    ("Seen by audit", "has seen this record and its digests"),
];

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    style: &'static str,
    script: &'static str,
    size: (u32, u32),
    policy: String,
    record: &'a Record,
    mode: &'static str,
    title: String,
    verdict: String,
    glance: Vec<Glance>,
    bar: Vec<Part>,
    sections: Vec<Section>,
    list: List,
    signers: [(&'a str, &'a str); 4],
}

/// A figure at the top of the page.
struct Glance {
    name: &'static str,
    value: String,
    told: String,
}

/// A part of the bar at the top: from the left, in thousandths.
struct Part {
    class: &'static str,
    from: u64,
    width: u64,
}

/// The list of customers.
struct List {
    table: Table,
    note: Option<String>,
    standings: Vec<(&'static str, &'static str, String)>,
}

/// Writes the page.
pub fn write(record: &Record, out: &mut impl Write) -> io::Result<()> {
    let mut sections = vec![
        done::asked(record),
        done::done(record),
        done::accounts(record),
        done::refused(record),
        done::throughput(record),
        known::doubts(record),
    ];
    sections.extend(stale::section(record));
    sections.extend(known::changes(record));
    sections.extend([
        known::proofs(record),
        known::verifications(record),
        known::versions(record),
    ]);
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        size: (WIDTH, HEIGHT),
        policy: policy(),
        record,
        mode: mode(record),
        title: format!("Migration {}", record.platform_account),
        verdict: verdict(record),
        glance: glance(record),
        bar: bar(record),
        sections,
        list: list(record),
        signers: SIGNERS,
    };
    page.write_into(out)
}

fn policy() -> String {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn mode(record: &Record) -> &'static str {
    match (record.simulated, record.livemode) {
        (true, _) => "Rehearsal",
        (false, true) => "Live",
        (false, false) => "Test mode",
    }
}

/// The outcome in a sentence.
fn verdict(record: &Record) -> String {
    let customers = record.customers;
    if customers.total == 0 {
        return "No customer was imported.".to_owned();
    }
    if customers.migrated == customers.total {
        return format!(
            "{}: everything that was asked for is done.",
            match customers.total {
                1 => "The customer is migrated".to_owned(),
                all => format!("All {} customers are migrated", number(all)),
            }
        );
    }
    let others = [
        (Standing::Refused, "refused in part or whole"),
        (Standing::InDoubt, "in doubt"),
        (Standing::Parked, "waiting for an account"),
        (Standing::InProgress, "under way"),
        (Standing::Pending, "not begun"),
        (Standing::Undone, "taken back"),
    ];
    let others = others
        .into_iter()
        .map(|(standing, told)| (customers.of(standing), told))
        .filter(|(n, _)| *n > 0)
        .map(|(n, told)| format!("{} {told}", number(n)));
    format!(
        "{} of {} customers are migrated; {}.",
        number(customers.migrated),
        number(customers.total),
        others.collect::<Vec<_>>().join(", ")
    )
}

fn glance(record: &Record) -> Vec<Glance> {
    let (customers, methods) = (record.customers, record.payment_methods);
    let doubts = &record.doubts;
    let settled = doubts.found + doubts.absent + doubts.asked_again;
    let proven = record
        .proofs
        .iter()
        .filter(|proof| proof.result == "proven");
    let proven = u64::try_from(proven.count()).unwrap_or(u64::MAX);
    let proofs = u64::try_from(record.proofs.len()).unwrap_or(u64::MAX);
    let verified = record.verifications.last();
    vec![
        Glance {
            name: "Customers migrated",
            value: number(customers.migrated),
            told: format!(
                "{} of {}",
                percent(customers.migrated, customers.total),
                number(customers.total)
            ),
        },
        Glance {
            name: "Clones attached",
            value: number(methods.cloned),
            told: format!(
                "{} of {}",
                percent(methods.cloned, methods.total),
                number(methods.total)
            ),
        },
        Glance {
            name: "Customers refused",
            value: number(customers.refused),
            told: "in part or whole".to_owned(),
        },
        Glance {
            name: "Writes in doubt",
            value: number(doubts.open),
            told: format!("{} settled", number(settled)),
        },
        Glance {
            name: "Charge proofs",
            value: if proofs == 0 {
                "none".to_owned()
            } else {
                number(proven)
            },
            told: if proofs == 0 {
                String::new()
            } else {
                format!("proven, of {}", number(proofs))
            },
        },
        Glance {
            name: "Last verification",
            value: verified.map_or("none".to_owned(), |last| match last.verdict() {
                (Some(true), _) => "clean".to_owned(),
                (_, told) => told,
            }),
            told: verified.map_or(String::new(), |last| {
                count(last.sum("customers"), "customer") + " read back"
            }),
        },
    ]
}

fn bar(record: &Record) -> Vec<Part> {
    let all = record.customers.total.max(1);
    let (mut parts, mut before) = (Vec::new(), 0);
    for standing in Standing::ALL.into_iter().rev() {
        let customers = record.customers.of(standing);
        let place = |n: u64| n.saturating_mul(1000) / all;
        if customers > 0 {
            let from = place(before);
            parts.push(Part {
                class: super::view::class_of(standing),
                from,
                // However few they are, they are seen.
                width: (place(before + customers) - from).max(3),
            });
        }
        before += customers;
    }
    parts
}

fn list(record: &Record) -> List {
    let all = record.customers.total;
    let listed = u64::try_from(record.listed.len()).unwrap_or(u64::MAX);
    let note = (listed < all).then(|| {
        format!(
            "{} of {} customers are listed: first those that need a look, then the others in the order of the file. Every sum on this page is \
             of all of them; pmclone export has a line for each.",
            number(listed),
            number(all)
        )
    });
    let standings = Standing::ALL.into_iter().filter_map(|each| {
        let some = record
            .listed
            .iter()
            .filter(|listed| listed.standing == each);
        let some = u64::try_from(some.count()).unwrap_or(u64::MAX);
        let word = crate::report::status::people::word(each);
        (some > 0).then(|| (word, super::view::class_of(each), number(some)))
    });
    List {
        table: customers::table(&record.listed, all),
        note,
        standings: standings.collect(),
    }
}

impl Page<'_> {
    fn written(&self) -> String {
        let at: Option<jiff::Timestamp> = self.record.written_at.parse().ok();
        at.map_or_else(String::new, |at| minute(StripeTime(at.as_second())))
    }
}
