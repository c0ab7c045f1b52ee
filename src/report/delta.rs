//! What a newer CSV says otherwise than the state file: four lists, of which three name customers. No value is in them.

use std::io;

use serde::Serialize;

use super::table::{Column, table};
use super::words::{number, plain};
use crate::store::{Difference, Imported, List, Listed, Then};

/// What `--json` has of a newer CSV. Fields are only ever added.
#[derive(Debug, Serialize)]
pub struct DeltaJson<'a> {
    unchanged: u64,
    new: u64,
    changed: u64,
    gone: u64,
    /// Of the changed, those that are not taken up at all.
    changed_left: u64,
    /// Of the changed, those whose Customers are changed with `--update-details` alone.
    update_left: u64,
    /// Of the gone, those that were not begun, and are still to be migrated.
    gone_pending: u64,
    /// The first of each list but the unchanged.
    first: Vec<ListedJson<'a>>,
}

/// A customer that is new, changed or gone.
#[derive(Debug, Serialize)]
struct ListedJson<'a> {
    list: &'static str,
    line: Option<u64>,
    legacy_id: &'a str,
    #[serde(flatten)]
    difference: &'a Difference,
    then: &'static str,
}

impl<'a> DeltaJson<'a> {
    /// `None` where the state file had no customers before.
    pub fn of(imported: &'a Imported) -> Option<Self> {
        let first = imported.named.iter().map(|listed| ListedJson {
            list: listed.list.name(),
            line: listed.line,
            legacy_id: listed.legacy_id.as_str(),
            difference: &listed.difference,
            then: listed.then.name(),
        });
        imported.is_delta.then(|| Self {
            unchanged: imported.unchanged,
            new: imported.added,
            changed: changed(imported),
            gone: imported.absent,
            changed_left: imported.kept_count,
            update_left: imported.update_left,
            gone_pending: imported.absent_pending,
            first: first.collect(),
        })
    }
}

/// The four lists; `None` where the state file had no customers before.
pub fn text(imported: &Imported) -> Option<String> {
    if !imported.is_delta {
        return None;
    }
    let counts = [
        (imported.unchanged, "unchanged"),
        (imported.added, "new"),
        (changed(imported), "changed"),
        (imported.absent, "gone"),
    ];
    let counts = counts.map(|(count, list)| format!("{:>11}  {list}", number(count)));
    let mut parts = vec![format!(
        "Compared with the state file, in customers:\n{}",
        counts.join("\n")
    )];
    for (list, all) in [
        (List::New, imported.added),
        (List::Changed, changed(imported)),
        (List::Gone, imported.absent),
    ] {
        parts.extend(named(imported, list, all));
    }
    parts.extend(hint(imported));
    Some(parts.join("\n\n"))
}

fn changed(imported: &Imported) -> u64 {
    imported.updated + imported.update_left + imported.kept_count
}

fn named(imported: &Imported, list: List, all: u64) -> Option<String> {
    let of_list = imported.named.iter().filter(|each| each.list == list);
    let rows: Vec<Vec<String>> = of_list.map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let more = all.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    let more = if more > 0 {
        format!("\n  and {} more; --delta FILE writes all", number(more))
    } else {
        String::new()
    };
    let columns: &[_] = match list {
        List::New => &[("line", Column::Right), (list.name(), Column::Left)],
        List::Changed => &[
            ("line", Column::Right),
            (list.name(), Column::Left),
            ("what", Column::Left),
            ("then", Column::Left),
        ],
        List::Gone => &[(list.name(), Column::Left), ("then", Column::Left)],
    };
    Some(format!("{}{more}", table(columns, &rows)))
}

fn row(listed: &Listed) -> Vec<String> {
    let line = listed.line.map_or(String::new(), |line| line.to_string());
    let id = plain(listed.legacy_id.as_str());
    let then = told(listed.then).to_owned();
    match listed.list {
        List::New => vec![line, id],
        List::Changed => {
            let what = plain(&listed.difference.words().join(", "));
            vec![line, id, what, then]
        }
        List::Gone => vec![id, then],
    }
}

/// What becomes of it, in words.
fn told(then: Then) -> &'static str {
    match then {
        Then::TakenUp => "taken up",
        Then::UpdateLeft => "what exists is left as it is, without --update-details",
        Then::InDoubt => "left: a step of it is in doubt, settle that first",
        Then::Undone => "left: it is taken back",
        Then::PlatformCustomer => "left: another platform Customer is in use",
        Then::Stays => "stays as it is",
        Then::StillPending => "not begun: still to be migrated",
    }
}

fn hint(imported: &Imported) -> Option<String> {
    (imported.update_left > 0).then(|| {
        format!(
            "Changed contact details, or another default, of {} whose Customers exist: the same command with --update-details sends them.",
            super::words::count(imported.update_left, "customer")
        )
    })
}

/// Writes the lists as CSV, a customer a line.
pub struct Writer<W: io::Write>(csv::Writer<W>);

impl<W: io::Write> Writer<W> {
    /// Writes the header.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["list", "line", "legacy_id", "what", "then"])?;
        Ok(Self(writer))
    }

    /// Writes a customer.
    pub fn write(&mut self, listed: &Listed) -> io::Result<()> {
        let line = listed.line.map_or(String::new(), |line| line.to_string());
        self.0.write_record([
            listed.list.name(),
            &line,
            listed.legacy_id.as_str(),
            &listed.difference.words().join("; "),
            listed.then.name(),
        ])?;
        Ok(())
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> io::Result<W> {
        self.0
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))
    }
}
