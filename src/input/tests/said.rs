//! What is said of a file, and what is asked back where that cannot be meant.

use super::forms::{asked, named, of_bytes, read_file, sample};
use super::*;

#[test]
fn a_file_that_names_stripes_customers_by_id_alone_is_asked_about() {
    // The Dashboard lets its columns be chosen.
    let text = b"id,Email\ncus_1A,a@example.com\n";
    insta::assert_snapshot!(of_bytes(text, &Reading::default()).unwrap_err(), @r#"customers.csv has no column legacy_id, which says whose each line is: if that is the column id, say --column legacy_id="id"; if the file is the Dashboard's export of customers, --profile stripe-customers"#);
    let as_legacy = of_bytes(text, &named(&[("legacy_id", "id")])).unwrap();
    insta::assert_snapshot!(as_legacy.1, @"warning: line 2: has a legacy_id that is a Customer's at Stripe, and no platform_customer: a new Customer is made beside it; if it is on this platform, name it there too, as in --column platform_customer=id [legacy_id_of_stripe]");
    let both = [("legacy_id", "id"), ("platform_customer", "id")];
    assert!(of_bytes(text, &named(&both)).unwrap().1.is_empty());
    let chosen = |profile| Reading {
        profile: Choice::Given(profile),
        ..Reading::default()
    };
    let (lines, problems, facts) = of_bytes(text, &chosen(Profile::StripeCustomers)).unwrap();
    assert!(problems.is_empty() && lines[0].platform_customer.is_some());
    assert!(
        facts.notes[1].starts_with("read as the Stripe Dashboard's export"),
        "{:?}",
        facts.notes
    );
    // Chosen against all appearance, it is read as it was chosen, and told.
    let (_, _, facts) = read_file(
        &sample("stripe-customers.csv"),
        &chosen(Profile::BraintreeVault),
    )
    .unwrap();
    assert_eq!(
        facts.notes[2],
        "its header is that of the Stripe Dashboard's export of customers (--profile stripe-customers)"
    );
}

#[test]
fn constants_and_defaults_that_no_line_can_have_are_told_once() {
    let text = b"legacy_id\n1\n2\n";
    let told = |constants: &[(&str, &str)], defaults: &[(&str, &str)]| {
        let values = |of: &[(&str, &str)]| -> Vec<(Target, String)> {
            of.iter()
                .map(|(name, value)| (Target::of_value(name).unwrap(), (*value).to_owned()))
                .collect()
        };
        let reading = Reading {
            constants: values(constants),
            defaults: values(defaults),
            ..Reading::default()
        };
        of_bytes(text, &reading).unwrap_err()
    };
    let all = [
        told(&[("connected_account", "pm_1")], &[]),
        told(&[], &[("address_country", "Atlantis")]),
        told(&[("email", "nobody")], &[]),
        told(&[("metadata.note", "4242 4242 4242 4242")], &[]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    customers.csv cannot be read as asked for: the value given for connected_account on every line: expected an account (`acct_…`), found "pm_1", which is a PaymentMethod's id. Correct --constant or --default, or [constants] or [defaults] in pmclone.toml
    customers.csv cannot be read as asked for: the value given for address_country on every line: is neither a country's code nor its name. Correct --constant or --default, or [constants] or [defaults] in pmclone.toml
    customers.csv cannot be read as asked for: the value given for email on every line: has no @. Correct --constant or --default, or [constants] or [defaults] in pmclone.toml
    customers.csv cannot be read as asked for: the value given for metadata.note on every line: looks like a card number, which pmclone must never read. Correct --constant or --default, or [constants] or [defaults] in pmclone.toml
    "#);
}

#[test]
fn an_archive_that_was_cut_off_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, b"legacy_id,email\n1,a@example.com\n").unwrap();
    let packed = packed.finish().unwrap();
    for bytes in [
        &packed[..packed.len() - 12],
        &[&packed[..], b"\x1f\x8b"].concat(),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let told = read_file(&path, &Reading::default()).unwrap_err();
        assert!(
            told.contains("is a gzip archive that is damaged or was cut off"),
            "{told}"
        );
    }
}

#[test]
fn a_constant_is_the_same_on_every_line_and_what_is_not_read_for_it_is_told() {
    let text = b"legacy_id,payment_method,connected_account\n1,pm_1,acct_1\n2,pm_2,\n";
    let value = vec![(
        Target::of_value("connected_account").unwrap(),
        "acct_9".to_owned(),
    )];
    let constant = Reading {
        constants: value.clone(),
        ..Reading::default()
    };
    let (lines, problems, _) = of_bytes(text, &constant).unwrap();
    assert_eq!(asked(&lines), ["2 1 - pm_1 acct_9", "3 2 - pm_2 acct_9"]);
    insta::assert_snapshot!(problems, @r#"warning: line 1, column connected_account: is not read: --constant gives connected_account; say --column connected_account="connected_account" if this one is meant [column_not_read]"#);
    let default = Reading {
        defaults: value.clone(),
        ..Reading::default()
    };
    let (lines, problems, _) = of_bytes(text, &default).unwrap();
    assert_eq!(asked(&lines), ["2 1 - pm_1 acct_1", "3 2 - pm_2 acct_9"]);
    assert!(problems.is_empty());
    let both = Reading {
        constants: value,
        ..named(&[("connected_account", "connected_account")])
    };
    insta::assert_snapshot!(of_bytes(text, &both).unwrap_err(), @"customers.csv cannot be read as asked for: connected_account is given by --column and by --constant. Leave one out, or say --default for the lines that leave it empty");
    // A joined file comes before the file's own column of that name, and that is told too.
    let folder = tempfile::tempdir().unwrap();
    let accounts = folder.path().join("accounts.csv");
    std::fs::write(
        &accounts,
        "legacy_id,connected_account\n1,acct_7\n2,acct_7\n",
    )
    .unwrap();
    let joined = Reading {
        joins: vec![Join::parse(&accounts.display().to_string())],
        ..Reading::default()
    };
    let (lines, problems, _) = of_bytes(text, &joined).unwrap();
    assert_eq!(asked(&lines), ["2 1 - pm_1 acct_7", "3 2 - pm_2 acct_7"]);
    let told = problems.to_string();
    assert!(
        told.contains("column connected_account: is not read: ")
            && told.contains("accounts.csv gives connected_account; say --column"),
        "{told}"
    );
}
