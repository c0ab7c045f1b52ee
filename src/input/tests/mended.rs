//! Lines written out, mended and given back.

use super::*;

/// Reads a text as an import does, without what shows only between lines.
fn read_with(folder: &Path, name: &str, reading: &Reading) -> (Vec<Line>, Problems) {
    let (mut lines, mut problems) = (Vec::new(), Problems::default());
    let mut reader = open(&folder.join(name), reading).unwrap();
    while let Some(line) = reader.next(&mut problems).unwrap() {
        lines.push(line);
    }
    (lines, problems)
}

fn written(folder: &Path, name: &str, reading: &Reading) -> String {
    let (_, problems) = read_with(folder, name, reading);
    let (out, lines) = write_problems(&folder.join(name), reading, &problems, Vec::new()).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(u64::try_from(text.matches("\r\nL").count()).unwrap(), lines);
    text
}

const TEXT: &str = "legacy_id,email,name\n0001,a@example.com,Ada\n0002,x,\"=1+1\"\n0003,c@example.com,Cy\n\n0004,y,'quoted\n";

fn with_mended(folder: &Path, text: &str) -> Reading {
    std::fs::write(folder.join("mended.csv"), text).unwrap();
    Reading {
        mended: vec![folder.join("mended.csv")],
        ..Reading::default()
    }
}

#[test]
fn bad_lines_are_written_mended_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("customers.csv"), TEXT).unwrap();
    let bad = written(folder, "customers.csv", &Reading::default());
    insta::assert_snapshot!(bad.replace('\r', ""), @r#"
    ﻿pmclone_line,pmclone_problem,legacy_id,email,name
    L3-64e59d14,"email: has no @; correct it, or leave the cell empty",'0002,x,'=1+1
    L6-8cd64c88,"email: has no @; correct it, or leave the cell empty",'0004,y,''quoted
    "#);
    // What Excel makes of it: another separator, another encoding, empty cells at the end.
    let mended = bad
        .replace(",x,", ",x@example.com,")
        .replace(",y,", ",y@example.com,");
    let mended = mended.replace("\r\n", ",,\r\n");
    let (lines, problems) = read_with(folder, "customers.csv", &with_mended(folder, &mended));
    assert!(problems.is_empty(), "{problems}");
    let names: Vec<_> = lines
        .iter()
        .map(|line| line.details.name.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["Ada", "=1+1", "Cy", "'quoted"]);
    let ids: Vec<_> = lines.iter().map(|line| line.legacy_id.as_str()).collect();
    assert_eq!(ids, ["0001", "0002", "0003", "0004"]);
    // On its own it is a file with the mended lines alone.
    let (lines, problems) = read_with(folder, "mended.csv", &Reading::default());
    assert_eq!((lines.len(), problems.errors()), (2, 0), "{problems}");
    assert_eq!(lines[0].details.name.as_deref(), Some("=1+1"));
}

#[test]
fn what_is_still_wrong_is_written_out_again_as_it_was_mended() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("customers.csv"), TEXT).unwrap();
    let bad = written(folder, "customers.csv", &Reading::default());
    let reading = with_mended(
        folder,
        &bad.replace(",x,", ",x@example.com,").replace(",y,", ",z,"),
    );
    let again = written(folder, "customers.csv", &reading);
    assert_eq!(again.lines().count(), 2, "{again}");
    assert!(again.contains(",z,"), "{again}");
    std::fs::write(
        folder.join("second.csv"),
        again.replace(",z,", ",z@example.com,"),
    )
    .unwrap();
    let both = Reading {
        mended: vec![folder.join("mended.csv"), folder.join("second.csv")],
        ..Reading::default()
    };
    let (lines, problems) = read_with(folder, "customers.csv", &both);
    assert_eq!((lines.len(), problems.errors()), (4, 0), "{problems}");
}

#[test]
fn a_file_of_semicolons_in_windows_1252_comes_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode("legacy_id;email;name\n1;x;Müller\n");
    std::fs::write(folder.join("customers.csv"), &bytes).unwrap();
    let bad = written(folder, "customers.csv", &Reading::default());
    let mended = bad
        .trim_start_matches('\u{feff}')
        .replace(";x;", ";x@example.com;");
    let (saved, _, _) = encoding_rs::WINDOWS_1252.encode(&mended);
    std::fs::write(folder.join("mended.csv"), &saved).unwrap();
    let reading = Reading {
        mended: vec![folder.join("mended.csv")],
        ..Reading::default()
    };
    let (lines, problems) = read_with(folder, "customers.csv", &reading);
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(lines[0].details.name.as_deref(), Some("Müller"));
}

#[test]
fn mended_lines_stand_in_for_the_very_lines_that_they_were_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("customers.csv"), TEXT).unwrap();
    let bad = written(folder, "customers.csv", &Reading::default());
    let mended = bad
        .replace(",x,", ",x@example.com,")
        .replace(",y,", ",y@example.com,");
    let reading = with_mended(folder, &format!("{mended},,0005,e@example.com,E\r\n"));
    // The file itself was changed since.
    std::fs::write(
        folder.join("customers.csv"),
        TEXT.replace("0002", "0022").replace("0004,y,'quoted\n", ""),
    )
    .unwrap();
    let (_, problems) = read_with(folder, "customers.csv", &reading);
    let told = problems
        .to_string()
        .replace(&folder.display().to_string(), "");
    insta::assert_snapshot!(told, @r"
    error: line 3: is not the line that line 2 of /mended.csv was made from; write the problems out again, and mend those [mended_elsewhere]
    error: line 3, column email: has no @; correct it, or leave the cell empty [invalid_email]
    error: line 4: of /mended.csv does not say in pmclone_line which line it mends; leave that column as it was written; new lines belong into the file itself [mended_elsewhere]
    error: line 6: is named by line 3 of /mended.csv, and is not there; write the problems out again, and mend those [mended_elsewhere]
    ");
    let refused = |name: &str, text: &str| {
        std::fs::write(folder.join("other.csv"), text).unwrap();
        let reading = Reading {
            mended: vec![folder.join("other.csv")],
            ..Reading::default()
        };
        let told = open(&folder.join(name), &reading)
            .err()
            .unwrap()
            .to_string();
        told.replace(&folder.display().to_string(), "")
    };
    insta::assert_snapshot!([
        refused("customers.csv", TEXT),
        refused("customers.csv", "pmclone_line,pmclone_problem,legacy_id,email\n"),
        refused("customers.csv", "pmclone_line,pmclone_problem,legacy_id,email,name\nL3-1,x,1,,4242 4242 4242 4242\n"),
    ].join("\n"), @r"
    /other.csv is no file of mended lines: it has no columns pmclone_line and pmclone_problem in front of the others. `--problems FILE` writes one
    /other.csv has other columns than /customers.csv, whose lines it mends: correct a header in that file itself
    /other.csv holds what looks like a card number on line 2, column name: remove it at its source. pmclone must never read card numbers and needs none; nothing of the file is kept
    ");
}
