//! Files as people hold them, through the binary: looked at, joined, mended and given back, refused.

use crate::support::tool::repository;
use crate::support::{Place, Result};

/// A place with a sample in it.
fn with(samples: &[&str]) -> Result<Place> {
    let place = Place::new()?;
    for sample in samples {
        std::fs::copy(repository("samples").join(sample), place.path(sample))?;
    }
    Ok(place)
}

#[test]
fn bad_lines_are_mended_and_fed_back_into_a_run() -> Result<()> {
    let place = Place::new()?;
    let text = "legacy_id,email,payment_method,connected_account\n\
        001,a@example.com,pm_1,acct_1\n002,wrong,pm_2,acct_1\n003,=c@example.com,acct_1,acct_1\n";
    place.put("customers.csv", text)?;
    let run = &[
        "run",
        "customers.csv",
        "--simulate",
        "--simulate-limits",
        "off",
        "--rate",
        "off",
    ];
    let ended = place
        .pmclone_keyless(&[run, &["--problems", "bad.csv"][..]].concat())?
        .with(4)?;
    assert!(
        ended.err.contains("2 lines to be mended are in bad.csv"),
        "{}",
        ended.err
    );
    let bad = std::fs::read_to_string(place.path("bad.csv"))?;
    assert!(
        bad.starts_with('\u{feff}') && bad.contains("'=c@example.com"),
        "{bad}"
    );
    let mended = bad
        .replace(",wrong,", ",b@example.com,")
        .replace(",acct_1,acct_1", ",pm_3,acct_1");
    place.put("bad.csv", mended)?;
    let ended = place.pmclone_keyless(&[run, &["--mended", "bad.csv"][..]].concat())?;
    // The address with the equals sign is no formula to Stripe.
    let ended = ended.with(0)?;
    assert!(ended.err.contains("3 customers (3 new)"), "{}", ended.err);
    let status = place.status(&["--simulate"])?;
    assert_eq!(status["customers"]["migrated"], 3);
    let mapping = place
        .pmclone_keyless(&["export", "--simulate"])?
        .with(0)?
        .out;
    for id in ["001", "002", "003"] {
        assert!(mapping.contains(&format!("\n{id},")), "{mapping}");
    }
    Ok(())
}

#[test]
fn files_that_a_person_may_have_mended_are_not_replaced() -> Result<()> {
    let place = Place::new()?;
    let text = "legacy_id,payment_method,connected_account\n1,wrong,acct_1\n";
    place.put("c.csv", text)?;
    place.put("bad.csv", "half mended")?;
    for (file, simulate) in [("bad.csv", false), ("c.csv", false), ("bad.csv", true)] {
        let last = if simulate { "--simulate" } else { "--dry-run" };
        let told = place
            .pmclone_keyless(&["run", "c.csv", "--problems", file, last])?
            .with(2)?
            .err;
        assert!(
            told.contains("exists already, and is not replaced"),
            "{told}"
        );
    }
    let nowhere = ["run", "c.csv", "--dry-run", "--problems", "no/where.csv"];
    let told = place.pmclone_keyless(&nowhere)?.with(2)?.err;
    assert!(told.contains("there is no folder no"), "{told}");
    assert_eq!(std::fs::read_to_string(place.path("c.csv"))?, text);
    assert_eq!(
        std::fs::read_to_string(place.path("bad.csv"))?,
        "half mended"
    );
    Ok(())
}

#[test]
fn what_was_refused_is_tried_again_from_the_users_own_columns_too() -> Result<()> {
    let place = Place::new()?;
    let columns = "[columns]\nlegacy_id = \"Kunde\"\nname = \"{Vorname} {Nachname}\"\npayment_method = \"Karte\"\n";
    let constants = "[constants]\nconnected_account = \"acct_1Shop\"\n";
    place.put("pmclone.toml", format!("{columns}{constants}"))?;
    let own =
        "Kunde;Vorname;Nachname;Karte\n7;Ada;Lovelace;pm_sepa_1A\n8;Grace;Hopper;pm_sepa_1B\n";
    place.put("own.csv", own)?;
    let fast = ["--simulate", "--simulate-limits", "off", "--rate", "off"];
    let with = |more: &[&str]| place.pmclone_keyless(&[more, &fast].concat());
    with(&["run", "own.csv"])?.with(3)?;
    // pmclone's own names, whatever the configuration says of the CSV.
    place
        .pmclone_keyless(&["refused", "--simulate", "--csv", "refused.csv"])?
        .with(0)?;
    let refused = std::fs::read_to_string(place.path("refused.csv"))?;
    place.put("refused.csv", refused.replace("pm_sepa_1A", "pm_1A"))?;
    with(&["retry", "refused.csv"])?.with(3)?;
    assert_eq!(place.status(&["--simulate"])?["customers"]["migrated"], 1);
    let again = ["refused", "--simulate", "--csv", "refused.csv"];
    let told = place.pmclone_keyless(&again)?.with(2)?.err;
    assert!(told.contains("exists already"), "{told}");
    // The user's own file, mended: its headers are matched as they were.
    place.put(
        "own.csv",
        "KUNDE;Vorname;Nachname;karte\n8;Grace;Hopper;pm_1B\n",
    )?;
    with(&["retry", "own.csv"])?.with(0)?;
    assert_eq!(place.status(&["--simulate"])?["customers"]["migrated"], 2);
    Ok(())
}

#[test]
fn mended_lines_alone_are_a_newer_csv() -> Result<()> {
    let place = Place::new()?;
    place.put(
        "customers.csv",
        "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1,acct_1\n2,x,pm_2,acct_1\n",
    )?;
    place
        .pmclone_keyless(&["run", "customers.csv", "--dry-run", "--problems", "bad.csv"])?
        .with(4)?;
    let bad = std::fs::read_to_string(place.path("bad.csv"))?;
    place.put("bad.csv", bad.replace(",x,", ",b@example.com,"))?;
    place.put(
        "good.csv",
        "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1,acct_1\n",
    )?;
    for csv in ["good.csv", "bad.csv"] {
        let args = [
            "run",
            csv,
            "--simulate",
            "--simulate-limits",
            "off",
            "--rate",
            "off",
        ];
        place.pmclone_keyless(&args)?.with(0)?;
    }
    assert_eq!(place.status(&["--simulate"])?["customers"]["migrated"], 2);
    Ok(())
}

#[test]
fn what_columns_writes_is_a_configuration_that_reads_the_file() -> Result<()> {
    let place = with(&["database-dump.csv"])?;
    let looked = place
        .pmclone_keyless(&["columns", "database-dump.csv", "-o", "pmclone.toml"])?
        .with(0)?;
    for personal in ["ada", "Ada", "Lovelace", "example.com"] {
        assert!(!looked.out.contains(personal), "{}", looked.out);
    }
    let toml = std::fs::read_to_string(place.path("pmclone.toml"))?;
    let toml = toml.replace("# legacy_id", "legacy_id").replace(
        "# address_country = \"country\"",
        "address_country = \"country\"",
    );
    place.put("pmclone.toml", toml)?;
    let dry = place
        .pmclone_keyless(&["run", "database-dump.csv", "--dry-run", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(
        (&dry["errors"], &dry["plan"]["customers"]),
        (&0.into(), &3.into()),
        "{dry}"
    );
    // What somebody has edited is not replaced.
    let again = place
        .pmclone_keyless(&["columns", "database-dump.csv", "-o", "pmclone.toml"])?
        .with(2)?;
    assert!(again.err.contains("exists already"), "{}", again.err);
    Ok(())
}

#[test]
fn columns_in_json_has_everything_that_people_are_shown() -> Result<()> {
    let place = with(&["excel-german.csv"])?;
    let seen = place
        .pmclone_keyless(&["columns", "excel-german.csv", "--json"])?
        .with(0)?
        .json()?;
    assert_eq!(
        (
            &seen["encoding"],
            &seen["delimiter"],
            &seen["columns"][1]["gives"][0]
        ),
        (&"Windows-1252".into(), &";".into(), &"email".into())
    );
    assert_eq!(seen["columns"][8]["guess"], "payment_method");
    assert!(
        seen["wrong"]
            .as_str()
            .is_some_and(|wrong| wrong.contains("legacy_id"))
    );
    Ok(())
}

#[test]
fn a_file_read_in_another_way_or_with_another_side_file_is_imported_again() -> Result<()> {
    let place = Place::new()?;
    place.put(
        "customers.csv",
        "legacy_id,mail,payment_method\n1,a@example.com,pm_1\n",
    )?;
    place.put("accounts.csv", "legacy_id,connected_account\n1,acct_1\n")?;
    let run = |more: &[&str]| -> Result<String> {
        let args = [
            "run",
            "customers.csv",
            "--simulate",
            "--simulate-limits",
            "off",
            "--rate",
            "off",
            "--limit",
            "0",
        ];
        Ok(place.pmclone_keyless(&[&args, more].concat())?.err)
    };
    let joined = ["--join", "accounts.csv", "--column", "email=mail"];
    assert!(run(&joined)?.contains("1 customer (1 new)"));
    assert!(run(&joined)?.contains("is imported already"));
    place.put(
        "accounts.csv",
        "legacy_id,connected_account\n1,acct_1\n1,acct_2\n",
    )?;
    assert!(run(&joined)?.contains("1 customer (1 changed and taken up)"));
    assert!(
        run(&["--join", "accounts.csv", "--column", "name=mail"])?
            .contains("1 changed and taken up")
    );
    Ok(())
}

#[test]
fn settings_that_cannot_be_meant_are_told_before_anything_is_read() -> Result<()> {
    let place = with(&["customers.csv"])?;
    let told = |more: &[&str]| -> Result<String> {
        let all = [&["run", "customers.csv", "--dry-run"], more].concat();
        Ok(place.pmclone_keyless(&all)?.with(2)?.err)
    };
    let all = [
        told(&["--column", "email"])?,
        told(&["--column", "emial=E-Mail"])?,
        told(&["--column", "email=a", "--column", "E-Mail=b"])?,
        told(&["--constant", "legacy_id=1"])?,
        told(&["--default", "payment_method=pm_1"])?,
        told(&["--profile", "stripe"])?,
        told(&["--encoding", "klingon"])?,
        told(&["--delimiter", "xy"])?,
    ];
    insta::assert_snapshot!(all.concat(), @r#"
    pmclone: --column "email": expected FIELD=VALUE, as in --column email="E-Mail"
    pmclone: --column: "emial" is no field that pmclone knows; email is the nearest. There are legacy_id, email, name, phone, description, address_line1, address_line2, address_city, address_state, address_postal_code, address_country, platform_customer, payment_method, default_payment_method, is_default, connected_account and metadata.KEY
    pmclone: --column: email is given twice
    pmclone: --constant: legacy_id cannot have the same value on every line: it says which customer, or which card, is meant
    pmclone: --default: payment_method cannot have the same value on every line: it says which customer, or which card, is meant
    pmclone: there is no profile "stripe"; there are stripe-import, stripe-import-cards, stripe-copy, stripe-existing, braintree-vault, stripe-customers and none
    pmclone: "klingon" is no encoding that is known; write its usual name, as in utf-8, windows-1252, utf-16le, iso-8859-15
    pmclone: "xy" cannot stand between columns: name comma, semicolon, tab, bar, or one character
    "#);
    place.put("pmclone.toml", "[columns]\nemial = \"x\"\n")?;
    assert!(told(&[])?.contains("[columns] in the configuration file: \"emial\" is no field"));
    Ok(())
}

#[test]
fn a_side_file_with_card_numbers_stops_before_anything_is_kept() -> Result<()> {
    let place = Place::new()?;
    place.put("customers.csv", "legacy_id,payment_method\n1,pm_1\n")?;
    place.put(
        "accounts.csv",
        "legacy_id,connected_account,note\n1,acct_1,4242 4242 4242 4242\n",
    )?;
    let ended = place
        .pmclone_keyless(&[
            "run",
            "customers.csv",
            "--simulate",
            "--join",
            "accounts.csv",
        ])?
        .with(4)?;
    assert!(
        ended
            .err
            .contains("accounts.csv holds what looks like a card number on line 2, column note"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("4242"), "{}", ended.err);
    assert_ne!(
        place
            .status(&["--simulate"])
            .ok()
            .map(|status| status["customers"]["total"].clone()),
        Some(1.into())
    );
    Ok(())
}
