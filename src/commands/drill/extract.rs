//! The customers that are drilled with, in a CSV of their own: under pmclone's own names of columns, whatever theirs were.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use crate::commands::import::Csv;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Problems};
use crate::legacy::{AddressField, COLUMNS, Line};

/// The lines of the customers that were chosen, as they are read.
pub fn lines(csv: Csv<'_>, ids: &[String]) -> Result<Vec<Line>, Failure> {
    let wrong = |error: input::WrongFile| Failure::new(Exit::Input, error.to_string());
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let mut reader = input::open(csv.path, csv.reading).map_err(wrong)?;
    let (mut lines, mut problems) = (Vec::new(), Problems::keeping(0));
    while let Some(line) = reader.next(&mut problems).map_err(wrong)? {
        if ids.contains(line.legacy_id.as_str()) {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Writes the lines of some customers under pmclone's own names of columns, and adds probes.
pub fn write(
    lines: &[Line],
    ids: &BTreeSet<&str>,
    probes: Range<usize>,
    to: &Path,
) -> Result<(), csv::Error> {
    let lines: Vec<&Line> = lines
        .iter()
        .filter(|line| ids.contains(line.legacy_id.as_str()))
        .collect();
    let keys = lines.iter().flat_map(|line| line.details.metadata.keys());
    let keys: BTreeSet<&String> = keys.collect();
    let mut writer = csv::Writer::from_path(to)?;
    let metadata = keys.iter().map(|key| format!("metadata.{key}"));
    let fields = COLUMNS.iter().map(|name| (*name).to_owned());
    writer.write_record(fields.chain(metadata))?;
    for line in lines {
        let cells = cells(line);
        let of = |key: &&String| line.details.metadata.get(*key).map_or("", String::as_str);
        let metadata = keys.iter().map(of);
        writer.write_record(cells.iter().map(String::as_str).chain(metadata))?;
    }
    for probe in probes {
        let id = format!("pmclone-drill-{probe}");
        let of = |name: &&str| match *name {
            "legacy_id" => id.as_str(),
            "email" => "drill@example.com",
            "connected_account" => "acct_1PmcloneDrill0001",
            _ => "",
        };
        writer.write_record(COLUMNS.iter().map(of).chain(keys.iter().map(|_| "")))?;
    }
    writer.flush()?;
    Ok(())
}

/// In the order of [`COLUMNS`].
fn cells(line: &Line) -> Vec<String> {
    fn joined<T: ToString>(ids: &[T]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.join(";")
    }
    let details = &line.details;
    let contact = [
        &details.email,
        &details.name,
        &details.phone,
        &details.description,
    ];
    let contact = contact
        .into_iter()
        .map(|text| text.clone().unwrap_or_default());
    let address =
        AddressField::ALL.map(|part| details.address.get(&part).cloned().unwrap_or_default());
    let default = line.default_payment_method.as_ref();
    let platform_customer = line.platform_customer.as_ref();
    std::iter::once(line.legacy_id.as_str().to_owned())
        .chain(contact)
        .chain(address)
        .chain([
            platform_customer
                .map(ToString::to_string)
                .unwrap_or_default(),
            joined(&line.payment_methods),
            default.map(ToString::to_string).unwrap_or_default(),
            joined(&line.connected_accounts),
        ])
        .collect()
}
