//! What `pmclone purge` erased, or would erase.

use serde_json::{Value, json};

use super::Look;
use super::status::people::word;
use super::words::{count, wrap};
use crate::state::Standing;
use crate::store::Personal;

/// What was found, and what was done of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// The state file.
    pub state_file: String,
    /// Nothing was erased.
    pub dry_run: bool,
    /// What was there.
    pub found: Personal,
    /// When it was erased, now or earlier, by this machine's clock.
    pub purged_at: Option<String>,
    /// The log that could not be emptied, since somebody reads the file.
    pub log_left: Option<String>,
    /// A rehearsal's world, which has contact details too.
    pub world_left: Option<String>,
}

impl Purged {
    /// Who would be given up, in words: `3 customers are not migrated (2 refused, 1 pending) …`.
    pub fn given_up(&self) -> String {
        let open = Standing::ALL.iter().zip(self.found.open);
        let parts: Vec<String> = open
            .filter(|(_, n)| *n > 0)
            .map(|(standing, n)| format!("{n} {}", word(*standing)))
            .collect();
        let given_up = self.found.given_up();
        if given_up == 0 {
            return "every customer is migrated or taken back, so none has to be given up"
                .to_owned();
        }
        let are = if given_up == 1 { "is" } else { "are" };
        format!(
            "{} {are} not migrated ({}), and no run could take them up again",
            count(given_up, "customer"),
            parts.join(", ")
        )
    }

    /// For people, without a line feed at the end.
    pub fn text(&self, look: Look) -> String {
        let found = &self.found;
        let mut lines = Vec::new();
        match (&self.purged_at, self.dry_run) {
            (Some(at), true) => lines.push(format!("Purged already, on {at}.")),
            (Some(_), false) => lines.push(format!("{} is purged.", self.state_file)),
            (None, _) => lines.push("Nothing is erased yet. What would be:".to_owned()),
        }
        lines.push(format!(
            "  contact details of {}, {}, {}",
            count(found.details.iter().sum(), "customer"),
            count(found.messages, "message"),
            count(found.mended, "mended value"),
        ));
        if self.dry_run && self.purged_at.is_none() {
            let given_up = self.given_up();
            lines.push(wrap(&format!("Given up: {given_up}."), "  ", look.width));
            if found.given_up() > 0 {
                lines.push(format!("  It takes --give-up {}.", found.given_up()));
            }
        }
        if found.emails_as_ids > 0 {
            let told = format!(
                "{} that look like e-mail addresses stay, since they are the mapping.",
                count(found.emails_as_ids, "legacy id")
            );
            lines.push(look.warn(&wrap(&told, "", look.width)));
        }
        if let Some(world) = &self.world_left {
            let told = format!("{world} has everybody's contact details still: delete it.");
            lines.push(look.warn(&wrap(&told, "", look.width)));
        }
        if let Some(log) = &self.log_left {
            let told = format!(
                "{log} may still hold what was erased, since somebody reads the state file: run purge again when nobody does."
            );
            lines.push(look.bad(&wrap(&told, "", look.width)));
        }
        if !self.dry_run {
            let told = "The mapping is kept. Other files are yours to delete: the CSV, refused and mended lines, exports, records, backups.";
            lines.push(wrap(told, "", look.width));
        }
        lines.join("\n")
    }

    /// For programs. Fields are only ever added.
    pub fn json(&self) -> Value {
        let found = &self.found;
        let by_standing = |counts: [u64; 8]| -> Value {
            let named = Standing::ALL.iter().zip(counts);
            named
                .map(|(standing, n)| (standing.name().to_owned(), Value::from(n)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({
            "state_file": self.state_file,
            "dry_run": self.dry_run,
            "purged_at": self.purged_at,
            "details": by_standing(found.details),
            "given_up": by_standing(found.open),
            "messages": found.messages,
            "mended": found.mended,
            "emails_as_ids": found.emails_as_ids,
            "log_left": self.log_left,
            "world_left": self.world_left,
        })
    }
}
