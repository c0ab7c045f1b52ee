//! What a whole file comes to.

use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Reads a whole file: its lines, its problems, and the facts or the sentence it ends with.
fn read(bytes: &[u8]) -> (Vec<Line>, Problems, Result<SourceFacts, String>) {
    let (mut lines, mut problems) = (Vec::new(), Problems::default());
    let path = Path::new("customers.csv");
    let end =
        Reader::new(path, Box::new(std::io::Cursor::new(bytes.to_vec()))).and_then(|mut reader| {
            while let Some(line) = reader.next(&mut problems)? {
                lines.push(line);
            }
            Ok(reader.facts())
        });
    (lines, problems, end.map_err(|wrong| wrong.to_string()))
}

fn lines_of(text: &str) -> Vec<Line> {
    let (lines, problems, end) = read(text.as_bytes());
    assert!(problems.is_empty() && end.is_ok(), "{problems}{end:?}");
    lines
}

fn problems_of(text: &str) -> String {
    let (_, problems, end) = read(text.as_bytes());
    assert!(end.is_ok(), "{end:?}");
    problems.to_string()
}

fn sentence(bytes: impl AsRef<[u8]>) -> String {
    read(bytes.as_ref()).2.expect_err("a wrong file")
}

/// The kinds of problems of one line with one cell beside its `legacy_id`.
fn kinds(column: &str, cell: &str) -> Vec<&'static str> {
    let quoted = cell.replace('"', "\"\"");
    let text = format!("legacy_id,{column}\n1,\"{quoted}\"\n");
    let (_, problems, end) = read(text.as_bytes());
    assert!(end.is_ok(), "{end:?}");
    let kinds = problems.by_line().into_iter().map(|p| p.kind.name());
    kinds.filter(|kind| !kind.starts_with("no_")).collect()
}

#[test]
fn a_line_holds_what_its_cells_say() {
    let text = "legacy_id,email,name,address_line1,address_country,platform_customer,payment_method,default_payment_method,connected_account,metadata.Plan\n\
        7, a@example.com ,\"Ωmega, \"\"Ltd\"\"\",\"1 High St\nFloor 2\",gb,cus_1,pm_1; card_2 ;,card_2,acct_1;acct_2,gold\n";
    let lines = lines_of(text);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!((line.number, line.legacy_id.as_str()), (2, "7"));
    assert_eq!(line.details.email.as_deref(), Some("a@example.com"));
    assert_eq!(line.details.name.as_deref(), Some("Ωmega, \"Ltd\""));
    let address: Vec<_> = line.details.address.values().map(String::as_str).collect();
    assert_eq!(address, ["1 High St\nFloor 2", "GB"]);
    assert_eq!(line.details.metadata.get("Plan").unwrap(), "gold");
    assert_eq!(line.details.phone, None);
    assert_eq!(line.platform_customer.as_ref().unwrap().as_str(), "cus_1");
    let sources: Vec<_> = line.payment_methods.iter().map(|id| id.as_str()).collect();
    assert_eq!(sources, ["pm_1", "card_2"]);
    assert_eq!(
        line.default_payment_method,
        Some(line.payment_methods[1].clone())
    );
    assert_eq!(line.connected_accounts.len(), 2);
}

#[test]
fn headers_match_whatever_their_case_and_the_blanks_around_them() {
    let lines = lines_of(" Legacy_ID ,\"EMAIL\"\n1,a@example.com\n");
    assert_eq!(lines[0].details.email.as_deref(), Some("a@example.com"));
}

#[test]
fn mark_line_ends_and_blank_lines_do_not_change_what_is_read() {
    let plain = "legacy_id,name\n1,a\n2,\"b\nc\"\n";
    let expected = lines_of(plain);
    assert_eq!(lines_of(&format!("\u{feff}{plain}")), expected);
    assert_eq!(lines_of(plain.trim_end()), expected);
    let windows = lines_of(&plain.replace('\n', "\r\n"));
    assert_eq!(windows[1].number, 3);
    assert_eq!(windows[1].details.name.as_deref(), Some("b\r\nc"));
    let spaced = lines_of("\n\nlegacy_id,name\n\n1,a\n,\n  \n2,\"b\nc\"\n\n,\n");
    assert_eq!([spaced[0].number, spaced[1].number], [5, 8]);
}

#[test]
fn facts_tell_size_digest_columns_and_what_was_assumed() {
    let text = "\u{feff}legacy_id,name,colour\n1,a,red\n\n2,b,blue\n,,\n";
    let facts = read(text.as_bytes()).2.unwrap();
    assert_eq!((facts.bytes, facts.lines), (47, 2));
    assert_eq!(facts.columns, ["legacy_id", "name"]);
    insta::assert_snapshot!(facts.notes.join("\n"), @"");
    // As `sha256sum` gives it.
    assert_eq!(facts.sha256, "");
}

#[test]
fn every_problem_of_every_line_is_told_in_one_pass() {
    let text = "legacy_id,email,phone,address_country,payment_method\n\
        ,x,012345678901234567890,Germany,cus_1\n\
        2\n\
        3,a@example.com,,,acct_9;pm_1\n";
    insta::assert_snapshot!(problems_of(text), @"");
}

#[test]
fn a_bad_line_is_passed_over_and_the_others_are_taken() {
    let (lines, problems, _) = read(b"legacy_id,email\n1,x\n2,a@example.com\n3,y\n4,\n");
    let numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [3, 5]);
    assert_eq!(problems.errors(), 2);
}

#[test]
fn each_rule_answers_with_its_kind() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("name", &"x".repeat(256), &[]),
        ("name", &"x".repeat(257), &["text_too_long"]),
        ("phone", &"1".repeat(20), &[]),
        ("phone", &"1".repeat(21), &["text_too_long"]),
        ("phone", "1\n2", &["control_character"]),
        ("description", &"ü".repeat(5_000), &[]),
        ("description", &"ü".repeat(5_001), &["text_too_long"]),
        ("description", "tab\tand\nbreak", &[]),
        ("description", "bell\u{7}", &["control_character"]),
        ("description", "=1+1", &[]),
        ("description", "'quoted", &[]),
        ("metadata.k", &"語".repeat(500), &[]),
        ("metadata.k", &"語".repeat(501), &["text_too_long"]),
        ("address_city", &"x".repeat(501), &["text_too_long"]),
        ("address_country", "d", &["invalid_country"]),
        ("email", "a.example.com", &["invalid_email"]),
        ("platform_customer", "pm_1", &["misplaced_id"]),
        ("platform_customer", "4711", &["invalid_id"]),
        ("payment_method", "pm_1;pm_2;card_3;ba_4", &[]),
        ("payment_method", "pm_1;pm_1", &["repeated_in_cell"]),
        ("payment_method", "pm_1,pm_2", &["invalid_id"]),
        ("payment_method", "acct_1", &["misplaced_id"]),
        ("payment_method", "src_1", &["cannot_be_cloned"]),
        ("payment_method", "tok_1;x", &["misplaced_id", "invalid_id"]),
        ("default_payment_method", "pm_1;pm_2", &["invalid_id"]),
        ("connected_account", "acct_1; acct_2 ;", &[]),
        ("connected_account", "pm_1", &["misplaced_id"]),
        ("connected_account", "sk_live_1", &["misplaced_id"]),
    ];
    for (column, cell, expected) in cases {
        assert_eq!(kinds(column, cell), *expected, "{column}: {cell}");
    }
}

#[test]
fn what_may_be_personal_is_never_shown() {
    let secret = "jane.doe@example.com";
    for column in [
        "phone",
        "platform_customer",
        "payment_method",
        "connected_account",
        "address_country",
    ] {
        let told = problems_of(&format!("legacy_id,{column}\n1,{secret}\n"));
        assert!(
            told.starts_with("error: ") && !told.contains("jane"),
            "{told}"
        );
    }
    let told = problems_of("legacy_id,connected_account\n1,sk_live_4eC39HqLyjWDarjtT1zdp7dc\n");
    assert!(!told.contains("4eC3"), "{told}");
}

#[test]
fn metadata_is_judged_by_key_and_by_number() {
    let long = format!("metadata.{}", "k".repeat(41));
    for (header, kind) in [
        (long.as_str(), "invalid_metadata_key"),
        ("metadata.a[b]", "invalid_metadata_key"),
        ("metadata.", "invalid_metadata_key"),
        ("metadata.pmclone_migration", "reserved_metadata_key"),
        ("Metadata.platform_customer", "reserved_metadata_key"),
    ] {
        assert_eq!(kinds(header, "x"), [kind], "{header}");
    }
    let many = |count| {
        let header: String = (0..count).map(|n| format!(",metadata.k{n}")).collect();
        problems_of(&format!("legacy_id{header}\n1{}\n", ",x".repeat(count)))
    };
    assert_eq!(many(47), "");
    assert!(many(48).contains("too_much_metadata"));
}

#[test]
fn a_header_that_is_not_known_gets_the_nearest_name_that_is_missing() {
    let text = "legacy_id,emial,Pone,payment_methods,city,colour,id,jane@example.com\n1,,,,,,,\n";
    insta::assert_snapshot!(problems_of(text), @"");
}

#[test]
fn lines_that_are_too_short_or_too_long_tell_both_counts() {
    let text = "legacy_id,name,email\n1,a\n2,a,b@c,d\n\"3,x\n4,y,z\n5,y,z\n";
    insta::assert_snapshot!(problems_of(text), @"");
}

#[test]
fn a_single_cell_that_is_not_utf8_is_a_problem_of_its_line() {
    let mut text = "legacy_id,name,email\n1,Zoë,\n2,".as_bytes().to_vec();
    text.extend(b"M\xfcller,\n3,Ana,\n");
    let (lines, problems, _) = read(&text);
    assert_eq!(lines.len(), 2);
    insta::assert_snapshot!(problems, @"");
}

#[test]
fn a_wrong_file_is_answered_with_one_sentence() {
    let cases: &[&[u8]] = &[
        b"",
        b"\xef\xbb\xbf",
        b" \r\n\r\n",
        b"legacy_id,email\n",
        b"legacy_id,email\n,\n\n",
        b"\x1f\x8b\x08\0\0\0\0\0",
        b"PK\x03\x04\x14\0\x06\0",
        b"SQLite format 3\0\x10",
        b"%PDF-1.7\n",
        b"[{\"legacy_id\": 1}]",
        b"<html>",
        b"\xff\xfel\0e\0g\0a\0c\0y\0",
        b"l\0e\0g\0a\0c\0y\0_\0i\0d\0",
        b"\0l\0e\0g\0a\0c\0y\0_\0i\0d",
        b"legacy_id,name\n1,M\xfcller\n",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
        b"legacy_id;email;name\n1;a@example.com;x\n",
        b"\"legacy_id\";\"email\"\n\"1\";\"a\"\n",
        b"Legacy_ID\temail\n1\ta\n",
        b"sep=;\nlegacy_id;email\n",
        b"email,name\na@example.com,x\n",
        b"Customer ID,email\n1,a@example.com\n",
        b"legacyid,email\n1,a@example.com\n",
        b"1,jane@example.com,pm_1\n",
        b"legacy_id,email,Email\n1,a,b\n",
        b"legacy_id,metadata.k,metadata.k\n1,a,b\n",
        b"legacy_id,Card Number\n1,x\n",
        b"legacy_id,cvc\n1,123\n",
    ];
    let sentences: Vec<_> = cases.iter().map(sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"), @"");
}

#[test]
fn a_card_number_stops_the_import_and_is_not_shown() {
    for text in [
        "legacy_id,name\n1,x\n2,4242 4242 4242 4242\n",
        "legacy_id,metadata.note\n1,x\n2,\"paid with 4242424242424242, ok\"\n",
        "legacy_id,colour\n1,x\n2,4242424242424242\n",
        "legacy_id,name\n1,x\n2,x,4242424242424242\n",
    ] {
        let told = sentence(text);
        assert!(
            told.contains("card number on line 3, column") && !told.contains("4242"),
            "{told}"
        );
    }
    assert!(sentence("legacy_id,4242424242424242\n1,x\n").contains("line 1, column 2"));
}

#[test]
fn long_digits_are_fine_where_ids_and_phones_stand() {
    lines_of(
        "legacy_id,phone,platform_customer\n4242424242424242,4242424242424242,cus_4242424242424242\n",
    );
}

#[test]
fn a_record_without_end_is_refused_by_its_line() {
    let mut text = b"legacy_id,name\n1,a\n2,\"b\n".to_vec();
    text.resize(3 * 1024 * 1024, b'x');
    assert!(sentence(&text).contains("record on line 3 that goes on for over 1 MiB"));
}

#[test]
fn a_cell_of_a_hundred_thousand_ids_takes_no_longer_than_its_size() {
    let ids: String = (0..100_000).map(|n| format!("pm_{n};")).collect();
    let lines = lines_of(&format!(
        "legacy_id,payment_method,connected_account\n1,{ids},acct_1\n"
    ));
    assert_eq!(lines[0].payment_methods.len(), 100_000);
}

#[test]
fn paths_that_are_no_regular_files_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| open(path).err().expect("a wrong file").to_string();
    assert!(told(folder.path()).contains("is a directory"));
    assert!(told(&folder.path().join("none.csv")).contains("does not exist"));
    assert!(told(Path::new("/dev/zero")).contains("is a pipe or a device"));
    assert!(told(Path::new("-")).contains("standard input"));
    assert!(told(Path::new("/etc/passwd/x")).contains("cannot be read"));
    let file = folder.path().join("good.csv");
    std::fs::write(&file, "legacy_id\n1\n").unwrap();
    assert!(open(&file).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_end_in_facts_or_in_a_sentence(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        let (_, _, end) = read(&bytes);
        prop_assert!(end.is_ok_and(|facts| facts.bytes == bytes.len() as u64) || bytes.len() < 4_000);
    }

    #[test]
    fn any_lines_below_a_good_header_are_taken_or_told_of(rows in "([a-z0-9@_;,\"\r\n\t é語\u{0}]{0,12}|pm_[a-z]|acct_[0-9]|,){0,200}") {
        let text = format!("legacy_id,email,payment_method,connected_account\n{rows}");
        let (lines, problems, end) = read(text.as_bytes());
        if let Ok(facts) = end {
            let told: std::collections::BTreeSet<_> = problems.by_line().iter()
                .filter(|p| p.severity == Severity::Error).map(|p| p.line).collect();
            prop_assert_eq!(facts.lines, (lines.len() + told.len()) as u64);
            prop_assert_eq!(facts.bytes, text.len() as u64);
        }
    }
}
