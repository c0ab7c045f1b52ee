//! Workbooks, made by hand: a zip archive of a few lines of XML.

use super::forms::of_bytes;
use super::*;

/// A zip archive of parts as they are, without compression.
fn zip(parts: &[(&str, &str)]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, text) in parts {
        let mut sum = flate2::Crc::new();
        sum.update(text.as_bytes());
        let length = u32::try_from(text.len()).unwrap();
        let name_length = u16::try_from(name.len()).unwrap();
        let offset = u32::try_from(bytes.len()).unwrap();
        let mut head = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for number in [sum.sum(), length, length] {
            head.extend(number.to_le_bytes());
        }
        head.extend(name_length.to_le_bytes());
        head.extend([0, 0]);
        bytes.extend(b"PK\x03\x04".iter().chain(&head));
        bytes.extend(name.bytes().chain(text.bytes()));
        list.extend(b"PK\x01\x02\x14\0".iter().chain(&head));
        list.extend([0; 10]);
        list.extend(offset.to_le_bytes());
        list.extend(name.bytes());
    }
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    let (at, size) = (bytes.len(), list.len());
    bytes.extend(list);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.iter().chain(&count));
    for number in [size, at] {
        bytes.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    bytes.extend([0, 0]);
    bytes
}

/// A workbook of one sheet with such rows.
fn workbook(rows: &str) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    zip(&[
        (
            "_rels/.rels",
            &relation("officeDocument", "xl/workbook.xml"),
        ),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &relation("worksheet", "worksheets/sheet1.xml"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ])
}

#[test]
fn a_workbook_gives_away_no_card_number_and_is_not_cut_short_unseen() {
    let text =
        |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let number = |at: &str, digits: &str| format!("<c r=\"{at}\"><v>{digits}</v></c>");
    let header = format!(
        "<row r=\"1\">{}{}</row>",
        text("A1", "legacy_id"),
        text("B1", "metadata.note")
    );
    let row = |at: u32, cell: String| {
        format!(
            "<row r=\"{at}\">{}{cell}</row>",
            number(&format!("A{at}"), "7")
        )
    };
    let told = |second: String| {
        let rows = format!("{header}{}{second}", row(2, text("B2", "fine")));
        of_bytes(&workbook(&rows), &Reading::default())
    };
    let (lines, problems, _) = told(row(3, text("B3", "fine too"))).unwrap();
    assert!(lines.len() == 2 && problems.is_empty(), "{problems}");
    for cell in [
        text("B3", "4242 4242 4242 4242"),
        // Fifteen digits are whole in a spreadsheet.
        number("B3", "378282246310005"),
    ] {
        let wrong = told(row(3, cell)).unwrap_err();
        assert_eq!(
            wrong.split(':').next().unwrap_or_default(),
            "customers.csv holds what looks like a card number on line 3, column metadata.note"
        );
    }
    // Of sixteen the last is lost, and Stripe gets none of them.
    let (lines, problems, _) = told(row(3, number("B3", "4242424242424242"))).unwrap();
    assert_eq!(lines.len(), 1);
    assert!(
        problems.to_string().contains("[rounded_number]") && !problems.to_string().contains("4242"),
        "{problems}"
    );
    let wrong = told("<row r=\"3\"><c r=\"A3\"><v>8</wrong></row>".to_owned()).unwrap_err();
    assert!(
        wrong.starts_with("customers.csv cannot be read as an Excel workbook (it is damaged)"),
        "{wrong}"
    );
}
