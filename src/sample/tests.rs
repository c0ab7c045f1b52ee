//! The sample goes through the input's own checks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Cursor;
use std::path::Path;

use super::*;
use crate::ids::AccountId;
use crate::input::{Problems, Reader};
use crate::legacy::Line;

fn sample(customers: u64, accounts: u32, seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let settings = Settings {
        customers,
        accounts,
        seed,
    };
    write(settings, &mut out).unwrap();
    out
}

fn read(csv: Vec<u8>) -> (Vec<Line>, Problems) {
    let (mut lines, mut problems) = (Vec::new(), Problems::default());
    let mut reader = Reader::new(Path::new("sample.csv"), Box::new(Cursor::new(csv))).unwrap();
    while let Some(line) = reader.next(&mut problems).unwrap() {
        lines.push(line);
    }
    (lines, problems)
}

#[test]
fn what_is_written_passes_the_inputs_checks_for_any_seed() {
    for seed in 0..100 {
        let accounts = u32::try_from(seed % 50).unwrap();
        let (lines, problems) = read(sample(100, accounts, seed));
        assert!(problems.is_empty(), "seed {seed}: {problems}");
        let customers: BTreeSet<_> = lines.iter().map(|line| line.legacy_id.as_str()).collect();
        assert_eq!(customers.len(), 100);
    }
}

#[test]
fn the_same_settings_give_the_same_file_and_others_another() {
    assert_eq!(sample(50, 3, 1), sample(50, 3, 1));
    assert_ne!(sample(50, 3, 1), sample(50, 3, 2));
}

#[test]
fn no_source_is_named_twice_and_defaults_are_among_the_customers_sources() {
    let (lines, _) = read(sample(3_000, 30, 7));
    let mut sources = HashSet::new();
    let mut of_customer: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for line in &lines {
        for source in &line.payment_methods {
            assert!(sources.insert(source.as_str()), "{source}");
            of_customer
                .entry(line.legacy_id.as_str())
                .or_default()
                .insert(source.as_str());
        }
    }
    for line in &lines {
        if let Some(default) = &line.default_payment_method {
            assert!(of_customer[line.legacy_id.as_str()].contains(default.as_str()));
        }
    }
}

#[test]
fn contact_fields_of_one_customer_agree_or_are_empty() {
    let (lines, _) = read(sample(3_000, 30, 8));
    let mut first: BTreeMap<&str, &Line> = BTreeMap::new();
    let mut further = 0;
    for line in &lines {
        let of_first = first.entry(line.legacy_id.as_str()).or_insert(line);
        further += usize::from(of_first.number != line.number);
        let empty = line.details == crate::legacy::Details::default();
        assert!(
            empty || line.details == of_first.details,
            "line {}",
            line.number
        );
    }
    assert!(further > 100, "{further} lines beyond the first");
}

#[test]
fn about_nine_customers_of_ten_are_entirely_fine() {
    for accounts in [1, 20, 1_000] {
        let (lines, _) = read(sample(5_000, accounts, 9));
        let troubled: HashSet<_> = lines
            .iter()
            .filter(|line| in_trouble(line))
            .map(|line| &line.legacy_id)
            .collect();
        let share = troubled.len() * 100 / 5_000;
        assert!(
            (5..=11).contains(&share),
            "{share} % with {accounts} accounts"
        );
    }
}

fn in_trouble(line: &Line) -> bool {
    let marked = |id: &str| id.matches('_').count() > 1 && !id.starts_with("pm_bank_");
    line.payment_methods.iter().any(|id| marked(id.as_str()))
        || line.connected_accounts.iter().any(|id| marked(id.as_str()))
}

#[test]
fn at_most_one_account_in_twenty_is_revoked_and_none_of_fewer() {
    for accounts in [0, 1, 19, 20, 45, 400] {
        let (lines, _) = read(sample(2_000, accounts, 10));
        let named: HashSet<_> = lines
            .iter()
            .flat_map(|line| &line.connected_accounts)
            .map(AccountId::as_str)
            .collect();
        let revoked = named
            .iter()
            .filter(|id| id.starts_with("acct_revoked"))
            .count();
        let most = usize::try_from(accounts).unwrap();
        assert!(named.len() <= most.max(1), "{} of {accounts}", named.len());
        assert!(revoked <= most / 20, "{revoked} of {accounts}");
        assert!(accounts < 20 || revoked > 0);
    }
}

#[test]
fn addresses_are_in_domains_kept_for_examples() {
    let (lines, _) = read(sample(2_000, 3, 11));
    for email in lines
        .iter()
        .filter_map(|line| line.details.email.as_deref())
    {
        let known = ["example.com", "example.org", "example.net"];
        assert!(
            known.iter().any(|domain| email.ends_with(domain)),
            "{email}"
        );
    }
}

#[test]
fn scripts_quotes_and_line_breaks_are_among_the_names() {
    let text = String::from_utf8(sample(2_000, 3, 12)).unwrap();
    for piece in [
        "ü",
        "Ґ",
        "Π",
        "מ",
        "ل",
        "王",
        "さ",
        "김",
        "प",
        "ส",
        "\"\"",
        "\n",
        "pm_bank_",
        "cus_",
        "pm_declined_",
    ] {
        assert!(
            text.contains(piece) || text.to_uppercase().contains(piece),
            "{piece}"
        );
    }
}
