//! Joined files.

use super::forms::{asked, named, of_bytes, read_file, sample};
use super::*;

fn joined(files: &[&str], columns: &[(&str, &str)]) -> Reading {
    let place = sample("").display().to_string();
    let joins = files
        .iter()
        .map(|file| Join::parse(&format!("{place}{file}")));
    Reading {
        joins: joins.collect(),
        ..named(columns)
    }
}

#[test]
fn a_vault_is_joined_with_what_stripe_gave_back_and_with_accounts() {
    for import in ["stripe-import.csv", "stripe-import.json"] {
        let reading = joined(
            &[import, "accounts.csv:customer_id"],
            &[("connected_account", "account_id")],
        );
        let (lines, problems, _) = read_file(&sample("braintree-vault.csv"), &reading).unwrap();
        assert_eq!(problems.errors(), 0, "{problems}");
        let mut asked = asked(&lines);
        asked.dedup();
        insta::allow_duplicates! { insta::assert_snapshot!(asked.join("\n"), @r"
    2 4001 cus_ImportAda00001 pm_1ImportAda000000000001 acct_1BakeryBerlin0001
    2 4001 cus_ImportAda00001 pm_1ImportAda000000000001 acct_1CafeParis000002
    2 4001 cus_ImportAda00001 pm_1ImportAda000000000002 acct_1BakeryBerlin0001
    2 4001 cus_ImportAda00001 pm_1ImportAda000000000002 acct_1CafeParis000002
    3 4001 cus_ImportAda00001 pm_1ImportAda000000000001 acct_1BakeryBerlin0001
    3 4001 cus_ImportAda00001 pm_1ImportAda000000000001 acct_1CafeParis000002
    3 4001 cus_ImportAda00001 pm_1ImportAda000000000002 acct_1BakeryBerlin0001
    3 4001 cus_ImportAda00001 pm_1ImportAda000000000002 acct_1CafeParis000002
    4 4002 cus_ImportGrace002 pm_1ImportGrace0000000001 acct_1CafeParis000002
    5 4003 -  acct_1TeaShanghai0003
    "); }
        assert_eq!(lines[0].details.phone.as_deref(), Some("+12025550101"));
        assert_eq!(lines[0].details.name.as_deref(), Some("Ada Lovelace"));
    }
}

#[test]
fn pairs_of_cards_and_accounts_in_a_joined_file_stay_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let side = folder.path().join("pairs.csv");
    std::fs::write(
        &side,
        "legacy_id,payment_method,connected_account\n1,pm_1,acct_1\n1,pm_2,acct_2\n9,pm_9,acct_9\n",
    )
    .unwrap();
    let reading = Reading {
        joins: vec![Join::parse(&side.display().to_string())],
        ..Reading::default()
    };
    let (lines, problems, facts) = of_bytes(b"legacy_id,email\n1,a@b\n2,c@d\n", &reading).unwrap();
    assert_eq!(
        asked(&lines),
        ["2 1 - pm_1 acct_1", "2 1 - pm_2 acct_2", "3 2 -  "]
    );
    assert_eq!(
        problems
            .counts()
            .map(|(kind, _)| kind.name())
            .collect::<Vec<_>>(),
        ["not_in_joined_file"]
    );
    assert!(
        facts
            .notes
            .iter()
            .any(|note| note.ends_with("3 lines, 1 of them with a key that no line has"))
    );
}

#[test]
fn what_is_wrong_with_a_joined_file_names_it_and_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let told = |side: &str, join: &str| {
        let path = folder.path().join("side.csv");
        std::fs::write(&path, side).unwrap();
        let place = path.display().to_string();
        let reading = Reading {
            joins: vec![Join::parse(&format!("{place}{join}"))],
            ..Reading::default()
        };
        let told = match of_bytes(b"legacy_id,email\n1,a@b\n", &reading) {
            Ok((_, problems, _)) => problems.to_string(),
            Err(wrong) => wrong,
        };
        told.replace(&place, "side.csv").trim_end().to_owned()
    };
    insta::assert_snapshot!([
        told("legacy_id,connected_account\n1,pm_1\n", ""),
        told("user,connected_account\n1,acct_1\n", ""),
        told("user,connected_account\n1,acct_1\n", ":usr"),
        told("user,connected_account\n1,acct_1\n", ":user=number"),
        told("legacy_id,shop\n1,x\n", ""),
        told("legacy_id,connected_account\n1\n", ""),
        told("legacy_id,connected_account,note\n1,acct_1,4242 4242 4242 4242\n", ""),
        told("legacy_id,connected_account,cvc\n1,acct_1,1\n", ""),
    ].join("\n"), @r#"
    error: line 2, column side.csv:connected_account: expected an account (`acct_…`), found "pm_1", which is a PaymentMethod's id (on line 2 there); move it to its own column, and put the right id here [misplaced_id]
    side.csv has no column that could be the key of the lines: name it, as in --join side.csv:customer_id, or --join side.csv:customer_id=legacy_id with what holds the same on the lines
    side.csv has no column "usr", which is named as its key; the nearest is "user": correct --column, or [columns] in pmclone.toml (`pmclone columns` shows the header)
    customers.csv cannot be joined with side.csv: nothing on its lines gives number, which the key is compared with
    customers.csv is joined with side.csv, and nothing of it is read: say which of its columns is what, as in --column connected_account=account_id
    side.csv has 1 cells on line 2, where its header has 2: correct the line, as its cells may be shifted
    side.csv holds what looks like a card number on line 2, column note: remove it at its source. pmclone must never read card numbers and needs none; nothing of the file is kept
    side.csv has a column cvc, which by its name holds card numbers or security codes: remove that column at its source. pmclone must never read them and needs none; nothing of the file is kept
    "#);
}
