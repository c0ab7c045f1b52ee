//! Bytes as they come, columns by name, profiles.

use super::*;
use crate::ids::AccountId;

/// A file of `samples/`.
pub(super) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name)
}

/// Reads a file to its end.
pub(super) fn read_file(
    path: &Path,
    reading: &Reading,
) -> Result<(Vec<Line>, Problems, SourceFacts), String> {
    let (mut lines, mut problems) = (Vec::new(), Problems::default());
    let mut reader = open(path, reading).map_err(|wrong| wrong.to_string())?;
    while let Some(line) = reader
        .next(&mut problems)
        .map_err(|wrong| wrong.to_string())?
    {
        lines.push(line);
    }
    Ok((lines, problems, reader.facts()))
}

/// What each line asks for: whose it is, its platform Customer, its sources, its accounts.
pub(super) fn asked(lines: &[Line]) -> Vec<String> {
    let one = |line: &Line| {
        let sources: Vec<_> = line
            .payment_methods
            .iter()
            .map(PaymentMethodId::as_str)
            .collect();
        let accounts: Vec<_> = line
            .connected_accounts
            .iter()
            .map(AccountId::as_str)
            .collect();
        let customer = line.platform_customer.as_ref();
        format!(
            "{} {} {} {} {}",
            line.number,
            line.legacy_id.as_str(),
            customer.map_or("-", |customer| customer.as_str()),
            sources.join("+"),
            accounts.join("+")
        )
    };
    lines.iter().map(one).collect()
}

pub(super) fn named(columns: &[(&str, &str)]) -> Reading {
    let target = |name: &str| Target::of_settings(name).unwrap();
    let columns = columns
        .iter()
        .map(|(name, text)| (target(name), (*text).to_owned()));
    Reading {
        columns: columns.collect(),
        ..Reading::default()
    }
}

pub(super) fn of_bytes(
    bytes: &[u8],
    reading: &Reading,
) -> Result<(Vec<Line>, Problems, SourceFacts), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.csv");
    std::fs::write(&path, bytes).unwrap();
    let place = path.display().to_string();
    read_file(&path, reading).map_err(|wrong| wrong.replace(&place, "customers.csv"))
}

const TEXT: &str =
    "legacy_id,name,description\r\n1,Zoë Müller,\"two\r\nlines\"\r\n2,Ömer – 5 €,x\r\n";

#[test]
fn the_same_is_read_in_whatever_form_it_comes() {
    let expected = of_bytes(TEXT.as_bytes(), &Reading::default()).unwrap().0;
    assert_eq!(expected[0].details.name.as_deref(), Some("Zoë Müller"));
    let utf16 = |to: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{TEXT}")
            .encode_utf16()
            .flat_map(to)
            .collect()
    };
    let (windows, _, _) = encoding_rs::WINDOWS_1252.encode(TEXT);
    let gzip = |bytes: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let marked = format!("\u{feff}{TEXT}").into_bytes();
    let forms: Vec<(Vec<u8>, &str)> = vec![
        (TEXT.into(), "read as UTF-8, columns separated by commas"),
        (
            marked,
            "read as UTF-8 with a byte order mark, columns separated by commas",
        ),
        (
            TEXT.replace(',', ";").into(),
            "read as UTF-8, columns separated by semicolons",
        ),
        (
            TEXT.replace(',', "\t").into(),
            "read as UTF-8, columns separated by tabs",
        ),
        (
            TEXT.replace(',', "|").into(),
            "read as UTF-8, columns separated by vertical bars",
        ),
        (
            format!("sep=;\r\n{}", TEXT.replace(',', ";")).into(),
            "read as UTF-8, columns separated by semicolons",
        ),
        (
            windows.to_vec(),
            "read as Windows-1252, as it is not UTF-8 (--encoding says otherwise), columns separated by commas",
        ),
        (
            utf16(u16::to_le_bytes, "\u{feff}"),
            "read as UTF-16LE with a byte order mark, columns separated by commas",
        ),
        (
            utf16(u16::to_be_bytes, "\u{feff}"),
            "read as UTF-16BE with a byte order mark, columns separated by commas",
        ),
        (
            utf16(u16::to_le_bytes, ""),
            "read as UTF-16LE, columns separated by commas",
        ),
        (
            gzip(TEXT.as_bytes()),
            "unpacked (gzip), read as UTF-8, columns separated by commas",
        ),
        (
            gzip(&windows),
            "unpacked (gzip), read as Windows-1252, as it is not UTF-8 (--encoding says otherwise), columns separated by commas",
        ),
    ];
    for (bytes, note) in forms {
        let (lines, problems, facts) = of_bytes(&bytes, &Reading::default()).unwrap();
        let below = u64::from(bytes.starts_with(b"sep="));
        let moved = |line: &Line| Line {
            number: line.number - below,
            ..line.clone()
        };
        let lines: Vec<Line> = lines.iter().map(moved).collect();
        assert_eq!((&lines, problems.is_empty()), (&expected, true), "{note}");
        assert_eq!(facts.notes[0], note);
        assert_eq!(facts.bytes, count(&bytes));
    }
}

#[test]
fn windows_1252_shows_itself_however_late_and_can_be_said() {
    let mut late = b"legacy_id,name\n".to_vec();
    for number in 0..20_000 {
        late.extend(format!("{number},plain\n").into_bytes());
    }
    late.extend(b"x,M\xfcller\n");
    let (lines, problems, _) = of_bytes(&late, &Reading::default()).unwrap();
    assert!(problems.is_empty());
    assert_eq!(
        lines.last().unwrap().details.name.as_deref(),
        Some("Müller")
    );
    let said = Reading {
        encoding: Encoding::named("iso-8859-5"),
        ..Reading::default()
    };
    let (lines, ..) = of_bytes(b"legacy_id,name\n1,\xb8\xd2\xd0\xdd\n", &said).unwrap();
    assert_eq!(lines[0].details.name.as_deref(), Some("Иван"));
}

#[test]
fn columns_are_named_templated_constant_or_by_default() {
    let text = "Kunden-Nr;e mail;first;LAST name;land;konto\n1;a@example.com;Ada;Lovelace;Schweiz;\n2;;Ana;NULL;;acct_2\n";
    let value = |name: &str, value: &str| vec![(Target::of_value(name).unwrap(), value.to_owned())];
    let reading = Reading {
        constants: value("metadata.source", "old shop"),
        defaults: value("connected_account", "acct_1"),
        ..named(&[
            ("legacy_id", "shop-{KUNDENNR}"),
            ("name", "{first} {last_name}"),
            ("address_country", "Land"),
            ("connected_account", "Konto"),
        ])
    };
    let (lines, problems, facts) = of_bytes(text.as_bytes(), &reading).unwrap();
    assert_eq!(problems.errors(), 0, "{problems}");
    assert_eq!(asked(&lines), ["2 shop-1 -  acct_1", "3 shop-2 -  acct_2"]);
    let names: Vec<_> = lines
        .iter()
        .map(|line| line.details.name.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["Ada Lovelace", "Ana"]);
    assert_eq!(lines[0].details.email.as_deref(), Some("a@example.com"));
    assert_eq!(
        lines[0].details.address[&crate::legacy::AddressField::Country],
        "CH"
    );
    assert_eq!(lines[1].details.metadata["source"], "old shop");
    assert_eq!(facts.columns.len(), 6);
}

#[test]
fn columns_that_are_not_there_are_answered_with_the_nearest() {
    let text = b"Customer No,E-Mail,Full Name\n1,a@example.com,A\n";
    let told = |columns: &[(&str, &str)]| of_bytes(text, &named(columns)).unwrap_err();
    insta::assert_snapshot!([
        told(&[("legacy_id", "CustomerNumber"), ("name", "{FullNam} {last}")]),
        told(&[("legacy_id", "{Customer No")]),
        of_bytes(text, &Reading::default()).unwrap_err(),
        of_bytes(b"pmclone_id\n1\n", &Reading { profile: Choice::Given(Profile::StripeCopy), ..Reading::default() }).unwrap_err(),
        Target::of_settings("emial").unwrap_err(),
        Target::of_settings("metadata.a[b]").unwrap_err(),
        Target::of_value("payment_method").unwrap_err(),
    ].join("\n"), @r#"
    customers.csv has no column "CustomerNumber", which is named for legacy_id; the nearest is "Customer No"; no column "FullNam", which is named for name; the nearest is "Full Name"; no column "last", which is named for name: correct --column, or [columns] in pmclone.toml (`pmclone columns` shows the header)
    customers.csv cannot be read as asked for: what is named for legacy_id has a { without a }
    customers.csv has no column legacy_id, which says whose each line is: if that is the column Customer No, say --column legacy_id="Customer No"
    customers.csv has no column customer_id_old, which every file of --profile stripe-copy has: name another profile, or leave it out
    "emial" is no field that pmclone knows; email is the nearest. There are legacy_id, email, name, phone, description, address_line1, address_line2, address_city, address_state, address_postal_code, address_country, platform_customer, payment_method, default_payment_method, is_default, connected_account and metadata.KEY
    metadata.a[b] has a bracket in its key, which Stripe refuses
    payment_method cannot have the same value on every line: it says which customer, or which card, is meant
    "#);
}

#[test]
fn the_files_that_people_hold_are_recognised() {
    let of = |name: &str| {
        let (lines, problems, facts) = read_file(&sample(name), &Reading::default()).unwrap();
        assert_eq!(problems.errors(), 0, "{problems}");
        assert!(
            facts.notes[1].starts_with("recognised as "),
            "{:?}",
            facts.notes
        );
        format!("{name}: {}\n{}\n", facts.notes[1], asked(&lines).join("\n"))
    };
    let told: Vec<String> = [
        "stripe-customers.csv",
        "stripe-import.csv",
        "stripe-import-cards.csv",
        "stripe-import.json",
        "stripe-copy.csv",
        "stripe-existing.csv",
        "braintree-vault.csv",
    ]
    .into_iter()
    .map(of)
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    stripe-customers.csv: recognised as the Stripe Dashboard's export of customers (--profile stripe-customers): legacy_id from id, platform_customer from id, email from Email, name from Name, description from Description, metadata.plan from plan (metadata), metadata.user_id from user_id (metadata)
    2 cus_SampleAda00001 cus_SampleAda00001  
    3 cus_SampleGrace002 cus_SampleGrace002  
    4 cus_SampleAlan0003 cus_SampleAlan0003  

    stripe-import.csv: recognised as the result of a Stripe PAN import (pm_) (--profile stripe-import): legacy_id from old_id, platform_customer from created_customer, payment_method from source_new_id
    2 4001 cus_ImportAda00001 pm_1ImportAda000000000001 
    3 4001 cus_ImportAda00001 pm_1ImportAda000000000002 
    4 4002 cus_ImportGrace002 pm_1ImportGrace0000000001 

    stripe-import-cards.csv: recognised as the result of a Stripe PAN import (card_) (--profile stripe-import-cards): legacy_id from old_customer_id, platform_customer from customer_id, payment_method from card_id
    2 4001 cus_ImportAda00001 card_1ImportAda000000000001 
    3 4001 cus_ImportAda00001 card_1ImportAda000000000002 
    4 4002 cus_ImportGrace002 card_1ImportGrace0000000001 

    stripe-import.json: recognised as the result of a Stripe PAN import (pm_) (--profile stripe-import): legacy_id from old_id, platform_customer from created_customer, payment_method from source_new_id
    5 4001 cus_ImportAda00001 pm_1ImportAda000000000001 
    6 4001 cus_ImportAda00001 pm_1ImportAda000000000002 
    12 4002 cus_ImportGrace002 pm_1ImportGrace0000000001 

    stripe-copy.csv: recognised as the mapping of a Stripe account copy (--profile stripe-copy): legacy_id from customer_id_old, platform_customer from customer_id_new, payment_method from source_id_new
    2 cus_SampleAda00001 cus_CopiedAda00001 pm_1CopiedAda000000000001 
    3 cus_SampleGrace002 cus_CopiedGrace002 pm_1CopiedGrace0000000001 
    4 cus_SampleGrace002 cus_CopiedGrace002 pm_1CopiedGrace0000000002 

    stripe-existing.csv: recognised as a mapping of old customers to Stripe's (--profile stripe-existing): legacy_id from old_customer_id, platform_customer from stripe_customer_id
    2 4001 cus_ImportAda00001  
    3 4002 cus_ImportGrace002  

    braintree-vault.csv: recognised as a Braintree vault export (--profile braintree-vault): legacy_id from id, email from email, name from several columns, phone from phone, description from company
    2 4001 -  
    3 4001 -  
    4 4002 -  
    5 4003 -
    ");
    for (name, said) in [
        ("stripe-payments.csv", "is an export of payments"),
        ("card-numbers.csv", "holds card numbers or security codes"),
    ] {
        let told = read_file(&sample(name), &Reading::default()).unwrap_err();
        assert!(told.contains(said) && !told.contains("4242"), "{told}");
    }
}

#[test]
fn a_database_dump_is_read_with_its_lists_booleans_and_null_words() {
    let reading = named(&[
        ("legacy_id", "user_id"),
        ("payment_method", "cards"),
        ("connected_account", "account"),
        ("address_country", "country"),
    ]);
    let (lines, problems, _) = read_file(&sample("database-dump.csv"), &reading).unwrap();
    assert!(problems.is_empty(), "{problems}");
    insta::assert_snapshot!(asked(&lines).join("\n"), @r"
    2 7001 - pm_1DumpAda00000000000001+pm_1DumpAda00000000000002 acct_1BakeryBerlin0001
    3 7002 - pm_1DumpGrace000000000001 acct_1BakeryBerlin0001+acct_1CafeParis000002
    4 7002 - pm_1DumpGrace000000000002 acct_1BakeryBerlin0001
    5 7003 -
    ");
    let default = lines[1].default_payment_method.as_ref();
    assert_eq!(default, lines[1].payment_methods.first());
    assert_eq!(
        lines[0].details.address[&crate::legacy::AddressField::Country],
        "GB"
    );
}

#[test]
fn json_that_is_no_mapping_or_holds_numbers_is_refused_without_showing_it() {
    let told = |text: &str| of_bytes(text.as_bytes(), &Reading::default()).unwrap_err();
    insta::assert_snapshot!([
        told("{\"1\":{\"id\":\"cus_1\",\"cards\":{\"a\":{\"id\":4242424242424242}}}}"),
        told("{\"1\":{\"id\":\"cus_1\",\"cards\":{\"a\":{\"id\":\"pm_1\",\"number\":\"4242424242424242\"}}}}"),
        told("{\"1\":{\"id\":\"cus_1\",\"cards\":{\"a\":{\"id\":\"pm_1\",\"cvc\":\"123\"}}}}"),
        told("{\"1\":{\"cards\":{}}}"),
        told("{\"1\":\n\n 5"),
    ].join("\n"), @r"
    customers.csv is JSON, but not a mapping as Stripe gives it back after an import (line 1, character 56): export it as CSV
    customers.csv holds what looks like a card number on line 1, column number: remove it at its source. pmclone must never read card numbers and needs none; nothing of the file is kept
    customers.csv has a column cvc, which by its name holds card numbers or security codes: remove that column at its source. pmclone must never read them and needs none; nothing of the file is kept
    customers.csv is JSON, but not a mapping as Stripe gives it back after an import (line 1, character 18): export it as CSV
    customers.csv is JSON, but not a mapping as Stripe gives it back after an import (line 3, character 2): export it as CSV
    ");
}

#[cfg(feature = "xlsx")]
#[test]
fn a_workbook_is_read_with_its_rows_as_line_numbers() {
    let (lines, problems, facts) =
        read_file(&sample("customers.xlsx"), &Reading::default()).unwrap();
    insta::assert_snapshot!(format!("{}\n{}\n{problems}", facts.notes.join("\n"), asked(&lines).join("\n")), @r#"
    read as an Excel workbook, the first of its 2 sheets ("Customers"); line numbers are its rows
    2 8001 - pm_1SheetAda0000000000001 acct_1BakeryBerlin0001
    4 0042 - pm_1SheetZoe0000000000001 acct_1CafeParis000002
    error: line 5, column legacy_id: is a number that a spreadsheet rounded, as in 4.9E+12: its last digits are lost; take the file as it was before it was saved there, or format the column as text first [rounded_number]
    "#);
    assert_eq!(lines[0].details.metadata["since"], "2021-03-04");
    let told = of_bytes(b"PK\x03\x04 no workbook", &Reading::default()).unwrap_err();
    assert!(
        told.starts_with("customers.csv cannot be read as an Excel workbook ("),
        "{told}"
    );
}
