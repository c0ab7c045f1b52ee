//! Files that are refused as a whole.

use super::*;

#[test]
fn a_wrong_file_is_answered_with_one_sentence() {
    let cases: &[&[u8]] = &[
        b"",
        b"\xef\xbb\xbf",
        b" \r\n\r\n",
        b"legacy_id,email\n",
        b"legacy_id,email\n,\n\n",
        b"PK\x03\x04\x14\0\x06\0",
        b"SQLite format 3\0\x10",
        b"%PDF-1.7\n",
        b"[{\"legacy_id\": 1}]",
        b"<html>",
        b"\xff\xfe\0\0l\0\0\0",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
        b"email,name\na@example.com,x\n",
        b"Customer ID,email\n1,a@example.com\n",
        b"1,jane@example.com,pm_1\n",
        b"id,Description,Seller Message,Created (UTC),Amount,Captured,Customer ID,Card ID\nch_1,,,,5,true,cus_1,card_1\n",
        b"legacy_id,email,Email\n1,a,b\n",
        b"legacy_id,metadata.k,metadata.k\n1,a,b\n",
        b"legacy_id,Card Number\n1,x\n",
        b"legacy_id,cvc\n1,123\n",
    ];
    let sentences: Vec<_> = cases.iter().map(sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"), @r#"
    customers.csv is empty: was the export finished?
    customers.csv is empty: was the export finished?
    customers.csv is empty: was the export finished?
    customers.csv has a header but no lines below it: was the export finished?
    customers.csv has a header but no lines below it: was the export finished?
    customers.csv is an Excel workbook or a zip archive, not CSV: open it in the spreadsheet and save it as "CSV UTF-8"
    customers.csv is a SQLite database, not CSV: export it as CSV
    customers.csv is a PDF, not CSV: export it as CSV
    customers.csv is JSON, not CSV: export it as CSV
    customers.csv is a web page or XML, not CSV: export it as CSV
    customers.csv is text in UTF-32: save it as "CSV UTF-8", or convert it with `iconv -f UTF-32 -t UTF-8`
    customers.csv is not text: name a CSV file
    customers.csv has no column legacy_id, which says whose each line is: add one with the ids of your own system, or say which it is, as in --column legacy_id="Customer No"
    customers.csv has no column legacy_id, which says whose each line is: if that is the column Customer ID, say --column legacy_id="Customer ID"
    customers.csv has no header: put a first line above the data that names the columns, beginning with legacy_id
    customers.csv is an export of payments, with a line for each charge: export the customers instead (Dashboard, Customers, Export)
    customers.csv has two columns named Email: remove one, or rename it
    customers.csv has two columns named metadata.k: remove one, or rename it
    customers.csv has a column Card Number, which by its name holds card numbers or security codes: remove that column at its source. pmclone must never read them and needs none; nothing of the file is kept
    customers.csv has a column cvc, which by its name holds card numbers or security codes: remove that column at its source. pmclone must never read them and needs none; nothing of the file is kept
    "#);
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
    let ids: Vec<_> = (0..100_000).map(|n| format!("pm_{n}")).collect();
    let ids = ids.join(";");
    let lines = lines_of(&format!(
        "legacy_id,payment_method,connected_account\n1,{ids},acct_1\n"
    ));
    assert_eq!(lines[0].payment_methods.len(), 100_000);
}

#[test]
fn paths_that_are_no_regular_files_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| {
        open(path, &Reading::default())
            .err()
            .expect("a wrong file")
            .to_string()
    };
    assert!(told(folder.path()).contains("is a directory"));
    assert!(told(&folder.path().join("none.csv")).contains("does not exist"));
    assert!(told(Path::new("/dev/zero")).contains("is a pipe or a device"));
    assert!(told(Path::new("-")).contains("standard input"));
    assert!(told(Path::new("/etc/passwd/x")).contains("cannot be read"));
    let file = folder.path().join("good.csv");
    std::fs::write(&file, "legacy_id\n1\n").unwrap();
    assert!(open(&file, &Reading::default()).is_ok());
}
