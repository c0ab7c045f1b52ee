//! What came of reading a CSV: its problems, and what of it was taken over.

use std::path::Path;

use super::words::count;
use crate::input::{Problems, SourceFacts};
use crate::store::Imported;

/// What was found, a line for each problem, then the count of each kind; lines end in line feeds.
pub fn problems(csv: &Path, facts: &SourceFacts, problems: &Problems) -> String {
    let mut lines = vec![format!("{}: {}", csv.display(), facts.notes.join("; "))];
    if !problems.is_empty() {
        lines.push(problems.to_string().trim_end().to_owned());
        lines.push(String::new());
        lines.extend(
            problems
                .counts()
                .map(|(kind, count)| format!("{count:>7}  {kind} ({})", kind.severity())),
        );
        lines.push(verdict(problems));
    }
    lines.push(String::new());
    lines.join("\n")
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
/// README asks for it.
pub fn assumed(csv: &Path, facts: &SourceFacts) -> Option<String> {
    let plain = facts.notes.first().is_some_and(|note| {
        note.starts_with("read as UTF-8") && note.ends_with("columns separated by commas")
    });
    let mut notes = facts.notes.iter().skip(usize::from(plain)).peekable();
    notes.peek()?;
    let notes: Vec<_> = notes.map(String::as_str).collect();
    Some(format!("{}: {}", csv.display(), notes.join("; ")))
}

/// What an import did, in a sentence or two.
pub fn imported(csv: &Path, imported: &Imported) -> String {
    let parts = [
        (imported.added, "new"),
        (imported.unchanged, "as before"),
        (imported.updated, "changed and taken up"),
        (
            imported.kept_count,
            "changed after their migration began and left as they were",
        ),
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
    text
}
