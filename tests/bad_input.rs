//! Input that cannot be imported: everything that is wrong at once, one clear sentence for a wrong file, never a panic.

use std::io::Write;

use crate::support::tool::repository;
use crate::support::{Place, Result};

#[test]
fn broken_csv_tells_every_problem_at_once_with_line_and_column() -> Result<()> {
    let place = Place::new()?;
    std::fs::copy(repository("samples/broken.csv"), place.path("broken.csv"))?;
    let before = place.listing()?;
    let told = place
        .pmclone_keyless(&["run", "broken.csv", "--dry-run", "--json"])?
        .with(4)?
        .json()?;
    let problems = told["problems"].as_array().cloned().unwrap_or_default();
    let lines: std::collections::BTreeSet<u64> = problems
        .iter()
        .filter_map(|problem| problem["line"].as_u64())
        .collect();
    // By samples/README.md, every line but 2 has a fault; of two that contradict each other, the second may be told alone.
    for line in (1..=35_u64).filter(|line| ![2, 21, 24, 26].contains(line)) {
        // The records are short: line numbers and records agree up to the first line break in a cell, and there is none.
        assert!(lines.contains(&line), "line {line} is not told: {lines:?}");
    }
    let at = |line: u64| {
        let here = problems
            .iter()
            .filter(move |problem| problem["line"] == line);
        here.filter_map(|problem| problem["column"].as_str())
            .collect::<Vec<_>>()
    };
    for (line, column) in [
        (3, "legacy_id"),
        (5, "email"),
        (7, "phone"),
        (8, "address_country"),
        (9, "platform_customer"),
        (10, "payment_method"),
        (23, "default_payment_method"),
        (30, "metadata.plan"),
    ] {
        assert!(at(line).contains(&column), "line {line}: {:?}", at(line));
    }
    let people = place
        .pmclone_keyless(&["run", "broken.csv", "--dry-run"])?
        .with(4)?;
    for word in [
        "line 4",
        "email",
        "address_country",
        "payment_method",
        "favourite_colour",
    ] {
        assert!(
            people.out.contains(word),
            "{word} is not told: {}",
            people.out
        );
    }
    assert_eq!(place.listing()?, before);
    Ok(())
}

#[test]
fn a_run_of_broken_csv_imports_nothing_and_sends_nothing() -> Result<()> {
    let place = Place::new()?;
    let simulator = crate::support::Simulator::on_demand(&place)?;
    std::fs::copy(repository("samples/broken.csv"), place.path("broken.csv"))?;
    let ended = place.against(&simulator, &["run", "broken.csv"])?.with(4)?;
    assert!(
        ended.err.contains("nothing was imported, nothing was sent"),
        "{}",
        ended.err
    );
    let writes: Vec<_> = simulator
        .transcript()?
        .into_iter()
        .filter(|line| line["method"] == "POST")
        .collect();
    assert_eq!(writes.len(), 0, "{writes:?}");
    Ok(())
}

#[test]
fn a_wrong_file_gives_one_clear_sentence() -> Result<()> {
    let place = Place::new()?;
    std::fs::create_dir(place.path("directory"))?;
    place.put("empty", "")?;
    place.put(
        "header-only.csv",
        "legacy_id,email,payment_method,connected_account\n",
    )?;
    place.put(
        "binary",
        std::fs::read(env!("CARGO_BIN_EXE_pmclone"))?
            .get(..100_000)
            .unwrap_or_default(),
    )?;
    place.put("zip", b"PK\x03\x04\x14\0\0\0\x08\0")?;
    place.put("no-ids.csv", "email,name\na@example.com,A\n")?;
    for wrong in [
        "directory",
        "empty",
        "header-only.csv",
        "binary",
        "zip",
        "no-ids.csv",
        "not-there.csv",
    ] {
        for command in [
            &["run", wrong, "--dry-run"][..],
            &["run", wrong, "--simulate"],
        ] {
            let before = place.listing()?;
            let ended = place.pmclone_keyless(command)?;
            assert_eq!(ended.code, Some(4), "{wrong}: {ended:?}");
            assert!(!ended.err.contains("panicked"), "{wrong}: {}", ended.err);
            let said = format!("{}{}", ended.err, ended.out);
            assert!(said.contains(wrong), "{wrong}: which file? {said}");
            if command.contains(&"--dry-run") {
                assert_eq!(place.listing()?, before, "{wrong}");
            }
        }
    }
    Ok(())
}

/// Runs the binary with so little address space that it could not hold what it reads.
fn in_little_memory(place: &Place, arguments: &str) -> Result<(Option<i32>, String)> {
    within(place, 256_000, arguments)
}

/// Within so many KiB of addresses, which is more than what is in memory.
#[cfg(target_os = "linux")]
fn within(place: &Place, kib: u32, arguments: &str) -> Result<(Option<i32>, String)> {
    let binary = env!("CARGO_BIN_EXE_pmclone");
    let script = format!("ulimit -v {kib}; exec '{binary}' {arguments}");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env_remove("STRIPE_API_KEY")
        .output()?;
    let [err, out] = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes));
    Ok((output.status.code(), format!("{err}{out}")))
}

#[cfg(target_os = "linux")]
#[test]
fn a_gigabyte_of_one_line_is_refused_in_little_memory() -> Result<()> {
    let place = Place::new()?;
    let mut file = std::fs::File::create(place.path("line.csv"))?;
    file.write_all(b"legacy_id,payment_method,connected_account\n1,")?;
    file.write_all(&vec![b'x'; 8 << 20])?;
    // The rest is a hole: as long as it says, and no burden for the disk.
    file.set_len(1 << 30)?;
    drop(file);
    let (code, said) = in_little_memory(&place, "run line.csv --dry-run")?;
    assert_eq!(code, Some(4), "{said}");
    assert!(
        !said.contains("panicked") && said.contains("line 2"),
        "{said}"
    );
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "100 MB of input: for a release build"]
fn many_customers_are_checked_in_little_memory() -> Result<()> {
    let place = Place::new()?;
    place.sample("many.csv", 400_000, 40, 1)?;
    let (code, said) = in_little_memory(&place, "run many.csv --dry-run")?;
    assert_eq!(code, Some(0), "{said}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a gigabyte of input: for a release build"]
fn a_gigabyte_of_customers_is_checked_in_little_memory() -> Result<()> {
    let place = Place::new()?;
    place.sample("gigabyte.csv", 5_400_000, 40, 1)?;
    assert!(std::fs::metadata(place.path("gigabyte.csv"))?.len() > 1 << 30);
    let (code, said) = in_little_memory(&place, "run gigabyte.csv --dry-run")?;
    assert_eq!(code, Some(0), "{said}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a million lines and a million joined to them: for a release build"]
fn a_large_side_file_is_joined_in_little_memory() -> Result<()> {
    let place = Place::new()?;
    for (name, header) in [
        ("customers.csv", "legacy_id,payment_method\n"),
        ("accounts.csv", "legacy_id,connected_account\n"),
    ] {
        let mut file = std::io::BufWriter::new(std::fs::File::create(place.path(name))?);
        file.write_all(header.as_bytes())?;
        for number in 0..1_000_000_u64 {
            // Neither file is in the order of the other.
            let number = number * 7_919 % 1_000_000;
            match name {
                "customers.csv" => writeln!(file, "{number},pm_1Large{number:08}")?,
                _ => writeln!(file, "{},acct_1Large{:02}", 999_999 - number, number % 50)?,
            }
        }
        file.flush()?;
    }
    let (code, said) = within(
        &place,
        320_000,
        "run customers.csv --dry-run --join accounts.csv",
    )?;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1,000,000 customers"), "{said}");
    Ok(())
}

#[test]
fn an_end_of_output_is_no_failure() -> Result<()> {
    let place = Place::new()?;
    let binary = env!("CARGO_BIN_EXE_pmclone");
    let script = format!("'{binary}' sample --customers 5000 | head -1; exit ${{PIPESTATUS[0]}}");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path(""))
        .output()?;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    Ok(())
}
