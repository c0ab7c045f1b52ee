//! The files in `samples/`.

use super::*;

#[test]
fn the_sample_customers_have_no_problem() {
    for sample in [
        include_str!("../../../samples/customers.csv"),
        include_str!("../../../samples/one-line-per-card.csv"),
    ] {
        assert!(lines_of(sample).len() >= 10);
    }
}

#[test]
fn the_broken_sample_has_every_kind_of_problem_that_a_line_can_have() {
    let (lines, problems, end) = read(include_bytes!("../../../samples/broken.csv"));
    insta::assert_snapshot!(problems, @r#"
    error: line 1, column address_lin1: is no column that pmclone knows; address_line1 is one; correct the header, or remove the column [misspelled_column]
    warning: line 1, column favourite_colour: is no column that pmclone knows and is not read; remove it, or name it metadata.KEY to keep it on the Customers [unknown_column]
    error: line 1, column metadata.pmclone_migration: pmclone_migration is a key that pmclone writes itself; give the column another name [reserved_metadata_key]
    error: line 1, column metadata.a[b]: has a bracket in its key, which Stripe refuses; give the column another name [invalid_metadata_key]
    error: line 3, column legacy_id: is empty, so the line is nobody's; fill in the customer's id in your own system [missing_legacy_id]
    error: line 4, column legacy_id: has over 500 characters, the most that Stripe's metadata takes; correct it, as it is written into the metadata of all that is made [invalid_legacy_id]
    error: line 5, column email: has no @; correct it, or leave the cell empty [invalid_email]
    error: line 6, column name: has 257 characters; at most 256 are taken; shorten it [text_too_long]
    error: line 7, column phone: has 25 characters; at most 20 are taken; shorten it [text_too_long]
    error: line 8, column address_country: is neither a country's code nor its name; write the ISO 3166 code, as in DE or US [invalid_country]
    error: line 9, column platform_customer: expected a Customer (`cus_…`), found "pm_1Broken000000000000000008", which is a PaymentMethod's id; move it to its own column, and put the right id here [misplaced_id]
    error: line 10, column payment_method: expected a PaymentMethod (`pm_…`, `card_…`, `ba_…` or `src_…`), found "acct_1BakeryBerlin0001", which is an account's id; move it to its own column, and put the right id here [misplaced_id]
    error: line 11, column payment_method: expected a PaymentMethod (`pm_…`, `card_…`, `ba_…` or `src_…`), found something else (not shown, as it may be personal); correct it; are the cells of this line shifted? [invalid_id]
    error: line 12, column payment_method: expected a PaymentMethod (`pm_…`, `card_…`, `ba_…` or `src_…`), found "pm_1Broken000000000000000011" followed by a character that no id has; correct it; several ids are separated by semicolons [invalid_id]
    warning: line 13, column payment_method: names pm_1Broken000000000000000013 more than once; it is taken once; nothing needs to be done [repeated_in_cell]
    warning: line 14, column payment_method: src_1Broken00000000000000014 is a Source, which Stripe does not clone; ask the customer for a card or bank account again [cannot_be_cloned]
    warning: line 15: names accounts and no PaymentMethod, so this line brings them no card; fill in payment_method if there is one [no_payment_method]
    warning: line 16: names PaymentMethods and no connected account, so this line clones nothing; fill in connected_account if there is one [no_connected_account]
    error: line 17: has 3 cells, where the header has 16; add the missing separators; are cells missing at the end? [too_few_cells]
    error: line 18: has 20 cells, where the header has 16; put cells that hold a separator in quotes, or remove what is too much [too_many_cells]
    error: line 19, column name: has a control character (U+0007) in it; remove it [control_character]
    error: line 20, column name: has bytes that are not UTF-8; save the file as UTF-8, or correct the cell, or say with --encoding what it is in [invalid_utf8]
    error: line 30, column metadata.plan: has 501 characters; at most 500 are taken; shorten it [text_too_long]
    error: line 31, column legacy_id: is a number that a spreadsheet rounded, as in 4.9E+12: its last digits are lost; take the file as it was before it was saved there, or format the column as text first [rounded_number]
    error: line 32, column name: holds what a spreadsheet writes where a formula failed; take the value from where the file was made [spreadsheet_error]
    warning: line 33, column name: has characters that were lost or mixed up when it was converted; take the value from where the file was made; it would reach the connected account like this [damaged_text]
    error: line 35: has a quote that is not closed before the end of the file; close it, or double it if it belongs to the text [unclosed_quote]
    "#);
    assert_eq!(end.unwrap().lines, 34);
    // What is left is for the store: it sees the lines of a customer side by side.
    let left: Vec<_> = lines.iter().map(|line| line.number).collect();
    assert_eq!(
        left,
        [
            2, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26, 27, 28, 29, 33, 34
        ]
    );
}
