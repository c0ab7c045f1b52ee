//! What a whole file comes to.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::ids::PaymentMethodId;

mod forms;
mod joined;
mod mended;
mod said;
mod samples;
#[cfg(feature = "xlsx")]
mod workbook;
mod wrong_files;

type Outcome = (Vec<Line>, Problems, Result<SourceFacts, String>);

/// Reads a whole file: its lines, its problems, and the facts or the sentence it ends with.
fn read(bytes: &[u8]) -> Outcome {
    read_from(Box::new(std::io::Cursor::new(bytes.to_vec())))
}

fn read_from(source: Box<dyn Read + Send>) -> Outcome {
    let (mut lines, mut problems) = (Vec::new(), Problems::default());
    let end = Reader::new(Path::new("customers.csv"), source).and_then(|mut reader| {
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
    let sources: Vec<_> = line
        .payment_methods
        .iter()
        .map(PaymentMethodId::as_str)
        .collect();
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
    assert_eq!((facts.bytes, facts.lines), (46, 2));
    assert_eq!(facts.columns, ["legacy_id", "name"]);
    insta::assert_snapshot!(facts.notes.join("\n"), @r"
    read as UTF-8 with a byte order mark, columns separated by commas
    no column gives payment_method or connected_account, so no card is moved: name a column with --column, or join a file that has it (--join)
    columns not read: colour
    blank lines skipped: 1
    ");
    // As `sha256sum` gives it.
    assert_eq!(
        facts.sha256,
        "e83bdd0b6b9a0ec1cad24058c571b2759dfc5f3666d76ec20036edbcfbbce4b0"
    );
}

#[test]
fn every_problem_of_every_line_is_told_in_one_pass() {
    let text = "legacy_id,email,phone,address_country,payment_method\n\
        ,x,012345678901234567890,Germany,cus_1\n\
        2\n\
        3,a@example.com,,,acct_9;pm_1\n";
    insta::assert_snapshot!(problems_of(text), @r#"
    error: line 2, column legacy_id: is empty, so the line is nobody's; fill in the customer's id in your own system [missing_legacy_id]
    error: line 2, column email: has no @; correct it, or leave the cell empty [invalid_email]
    error: line 2, column phone: has 21 characters; at most 20 are taken; shorten it [text_too_long]
    error: line 2, column payment_method: expected a PaymentMethod (`pm_…`, `card_…`, `ba_…` or `src_…`), found "cus_1", which is a Customer's id; move it to its own column, and put the right id here [misplaced_id]
    error: line 3: has 1 cell, where the header has 5; add the missing separators; are cells missing at the end? [too_few_cells]
    error: line 4, column payment_method: expected a PaymentMethod (`pm_…`, `card_…`, `ba_…` or `src_…`), found "acct_9", which is an account's id; move it to its own column, and put the right id here [misplaced_id]
    "#);
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
        ("payment_method", "pm_card_visa", &["invalid_id"]),
        (
            "payment_method",
            "pm_1; pm_usBankAccount_success",
            &["invalid_id"],
        ),
        ("payment_method", "pm_1,pm_2", &[]),
        ("payment_method", "[\"pm_1\", \"pm_2\"]", &[]),
        ("payment_method", "pm_1/pm_2", &["invalid_id"]),
        ("is_default", "perhaps", &["invalid_boolean"]),
        ("phone", "4.91701E+12", &["rounded_number"]),
        // Fifteen digits of a card number are as good as all sixteen.
        ("metadata.k", "4.24242424242424E+15", &["rounded_number"]),
        ("metadata.k", "1.5e10", &[]),
        ("name", "#NAME?", &["spreadsheet_error"]),
        ("name", "MÃ¼ller", &["damaged_text"]),
        ("address_country", "Germany", &[]),
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
    let secret = "jane.doe+newsletter@example.com";
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
        let keys: Vec<_> = (0..count).map(|n| format!(",metadata.k{n}")).collect();
        let header = keys.concat();
        problems_of(&format!("legacy_id{header}\n1{}\n", ",x".repeat(count)))
    };
    assert_eq!(many(47), "");
    assert!(many(48).contains("too_much_metadata"));
}

#[test]
fn a_header_that_is_not_known_gets_the_nearest_name_that_is_missing() {
    let text = "legacy_id,emial,Pone,payment_methods,city,colour,id,jane@example.com,\n1,,,,,,,,\n";
    insta::assert_snapshot!(problems_of(text), @r#"
    error: line 1, column emial: is no column that pmclone knows; email is one; correct the header, or remove the column [misspelled_column]
    error: line 1, column Pone: is no column that pmclone knows; phone is one; correct the header, or remove the column [misspelled_column]
    error: line 1, column payment_methods: is no column that pmclone knows; payment_method is one; correct the header, or remove the column [misspelled_column]
    warning: line 1, column city: is no column that pmclone knows and is not read; rename it to address_city, or say --column address_city="city", if that is what it holds [unknown_column]
    warning: line 1, column colour: is no column that pmclone knows and is not read; remove it, or name it metadata.KEY to keep it on the Customers [unknown_column]
    warning: line 1, column id: is no column that pmclone knows and is not read; remove it, or name it metadata.KEY to keep it on the Customers [unknown_column]
    warning: line 1, column 8: is no column that pmclone knows and is not read; remove it, or name it metadata.KEY to keep it on the Customers [unknown_column]
    warning: line 1, column 9: has no name and is not read; name it if it holds anything [unknown_column]
    "#);
}

#[test]
fn lines_that_are_too_short_or_too_long_tell_both_counts() {
    let text = "legacy_id,name,email\n1,a\n2,a,b@c,d\n\"3,x\n4,y,z\n5,y,z\n";
    insta::assert_snapshot!(problems_of(text), @r"
    error: line 2: has 2 cells, where the header has 3; add the missing separators; are cells missing at the end? [too_few_cells]
    error: line 3: has 4 cells, where the header has 3; put cells that hold a separator in quotes, or remove what is too much [too_many_cells]
    error: line 4: has a quote that is not closed before the end of the file; close it, or double it if it belongs to the text [unclosed_quote]
    ");
}

#[test]
fn a_single_cell_that_is_not_utf8_is_a_problem_of_its_line() {
    let mut text = "legacy_id,name,email\n1,Zoë,\n2,".as_bytes().to_vec();
    text.extend(b"M\xfcller,\n3,Ana,\n");
    let (lines, problems, _) = read(&text);
    assert_eq!(lines.len(), 2);
    insta::assert_snapshot!(problems, @"error: line 3, column name: has bytes that are not UTF-8; save the file as UTF-8, or correct the cell, or say with --encoding what it is in [invalid_utf8]");
}

/// Gives a byte at a time.
struct Dribble(std::io::Cursor<Vec<u8>>);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let one = buffer.len().min(1);
        self.0.read(&mut buffer[..one])
    }
}

fn count<T>(of: &[T]) -> u64 {
    u64::try_from(of.len()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_end_in_facts_or_in_a_sentence(
        header in prop_oneof!["", "legacy_id,name,payment_method\n"],
        bytes in proptest::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let bytes = [header.into_bytes(), bytes].concat();
        match read(&bytes).2 {
            Ok(facts) => prop_assert_eq!(facts.bytes, count(&bytes)),
            Err(sentence) => prop_assert!(sentence.starts_with("customers.csv ")),
        }
    }

    #[test]
    fn any_lines_below_a_good_header_are_taken_or_told_of(
        mark in prop_oneof!["", "\u{feff}"],
        rows in "([a-z0-9@_;,\"\r\n\t é語\u{0}]{0,12}|pm_[a-z]|acct_[0-9]|,){0,200}",
    ) {
        let text = format!("{mark}legacy_id,email,payment_method,connected_account\n{rows}");
        let (lines, problems, end) = read(text.as_bytes());
        if let Ok(facts) = &end {
            let told: std::collections::BTreeSet<_> = problems.by_line().iter()
                .filter(|p| p.severity == Severity::Error).map(|p| p.line).collect();
            prop_assert_eq!(facts.lines, count(&lines) + u64::try_from(told.len()).unwrap());
            prop_assert_eq!(facts.bytes, count(text.as_bytes()));
        }
        let dribbled = read_from(Box::new(Dribble(std::io::Cursor::new(text.into_bytes()))));
        prop_assert_eq!(dribbled, (lines, problems, end));
    }
}
