//! What came of reading a CSV: its problems, and what of it was taken over.

use std::collections::BTreeMap;
use std::path::Path;

use super::words::{count, number};
use crate::input::{Problems, SourceFacts};
use crate::store::Imported;

/// Problems of one kind that people are shown: the file of them, and the JSON form, have more.
const SHOWN_PER_KIND: usize = 20;

/// What was found: how many there are of each kind, then the first of each, by line; lines end in line feeds.
pub fn problems(csv: &Path, facts: &SourceFacts, problems: &Problems) -> String {
    let mut lines = told(csv, facts.notes.iter());
    if !problems.is_empty() {
        lines.push(String::new());
        lines.extend(
            problems
                .counts()
                .map(|(kind, count)| format!("{count:>7}  {kind} ({})", kind.severity())),
        );
        lines.push(String::new());
        lines.extend(first(problems));
        lines.push(verdict(problems));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The first of each kind, by line, and how many more there are.
fn first(problems: &Problems) -> Vec<String> {
    let mut shown_of = BTreeMap::<_, usize>::new();
    let mut lines = Vec::new();
    for problem in problems.by_line() {
        let shown = shown_of.entry(problem.kind).or_default();
        *shown += 1;
        if *shown <= SHOWN_PER_KIND {
            lines.push(format!("{}: {problem}", problem.severity));
        }
    }
    let all = problems.errors() + problems.warnings();
    let more = all.saturating_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX));
    if more > 0 {
        let more = format!(
            "and {more} more of the same kinds; --problems FILE writes every line with an error"
        );
        lines.push(more);
    }
    lines
}

fn verdict(problems: &Problems) -> String {
    let (errors, warnings) = (
        count(problems.errors(), "error"),
        count(problems.warnings(), "warning"),
    );
    if problems.errors() > 0 {
        format!("{errors}, {warnings}: nothing is imported until the errors are mended.")
    } else {
        format!("No errors, {warnings}: warnings do not stop a run.")
    }
}

/// What was assumed of a file that is not plain: its encoding, its separator, what its columns give. `None` where all of it is as
/// `docs/input.md` asks for it.
pub fn assumed(csv: &Path, facts: &SourceFacts) -> Option<String> {
    let plain = facts.notes.first().is_some_and(|note| {
        note.starts_with("read as UTF-8") && note.ends_with("columns separated by commas")
    });
    let mut notes = facts.notes.iter().skip(usize::from(plain)).peekable();
    notes.peek()?;
    Some(told(csv, notes).join("\n"))
}

/// A line for each note, the file's name before the first.
pub fn told<'n>(csv: &Path, mut notes: impl Iterator<Item = &'n String>) -> Vec<String> {
    let first = notes.next().map_or("", String::as_str);
    let mut lines = vec![format!("{}: {first}", csv.display())];
    lines.extend(notes.map(|note| format!("  {note}")));
    lines
}

/// What an import did, in a sentence or two.
pub fn imported(csv: &Path, imported: &Imported) -> String {
    let parts = [
        (imported.added, "new"),
        (imported.unchanged, "as before"),
        (imported.updated, "changed and taken up"),
        (
            imported.update_left,
            "changed where Customers exist, which --update-details sends",
        ),
        (imported.kept_count, "changed and left as they were"),
    ];
    let told = parts
        .iter()
        .filter(|(customers, _)| *customers > 0)
        .map(|(customers, what)| format!("{customers} {what}"));
    let mut text = format!(
        "{}: {} ({}).",
        csv.display(),
        count(imported.customers, "customer"),
        told.collect::<Vec<_>>().join(", ")
    );
    if !imported.kept.is_empty() {
        let lines: Vec<String> = imported.kept.iter().map(ToString::to_string).collect();
        let more = if imported.kept_count > u64::try_from(lines.len()).unwrap_or(u64::MAX) {
            ", …"
        } else {
            ""
        };
        text = format!("{text} Left as they were: line {}{more}.", lines.join(", "));
    }
    if imported.absent > 0 {
        let absent = count(imported.absent, "customer");
        text = format!("{text} {absent} of the state file are not in this CSV; they stay.");
    }
    if imported.absent_pending > 0 {
        let pending = number(imported.absent_pending);
        text = format!("{text} {pending} of them not begun, and still to be migrated.");
    }
    text
}
