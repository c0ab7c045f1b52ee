//! The commands that outputs suggest: with everything that they need on this state file, so that they can be copied as they are.

use std::borrow::Cow;

/// What the commands on a state file need besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// The built-in simulator stands in for Stripe: a rehearsal.
    pub simulated: bool,
    /// Live objects.
    pub livemode: bool,
    /// All of the migration was taken back by an undo, or was to be.
    pub taken_back: bool,
}

impl Flags {
    /// `command`, such as `resume --retry-refused`, on `state`, as a shell takes it. The account to confirm is left to the person who
    /// types it.
    pub fn command(self, command: &str, state: &str) -> String {
        let verb = command.split(' ').next().unwrap_or_default();
        let is_look = command.ends_with("--dry-run");
        let place = match (self.simulated, self.livemode, verb) {
            (true, _, "resume" | "retry" | "reconcile" | "undo" | "verify") => " --simulate",
            (false, true, "resume" | "retry" | "undo") if !is_look => " --live --confirm ACCOUNT",
            _ => "",
        };
        let after_undo = match (self.taken_back, verb) {
            (true, "resume" | "retry") => " --after-undo",
            _ => "",
        };
        format!("pmclone {command} --state {state}{place}{after_undo}")
    }
}

/// Commands that work on a rehearsal's state file only where they are told so, or are given its name.
const ON_A_STATE_FILE: [&str; 10] = [
    "explain",
    "export",
    "reconcile",
    "refused",
    "report",
    "resume",
    "retry",
    "status",
    "undo",
    "verify",
];

/// Advice that names commands, for a rehearsal: each that names no state file says that it is one. A command that is only spoken of,
/// between backticks and without arguments, stays as it is.
pub fn rehearsed(text: &str, simulated: bool) -> Cow<'_, str> {
    const NAME: &str = "pmclone ";
    if !simulated || !text.contains(NAME) {
        return Cow::Borrowed(text);
    }
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(NAME) {
        let end = after.find(|c: char| !c.is_ascii_lowercase());
        let (verb, args) = after.split_at(end.unwrap_or(after.len()));
        let line = args.split(['\n', '`']).next().unwrap_or_default();
        let is_name = before.ends_with('`') && args.starts_with('`');
        let is_told = line.contains("--state") || line.contains("--simulate");
        let needs = ON_A_STATE_FILE.contains(&verb) && !is_name && !is_told;
        told += &[before, NAME, verb, if needs { " --simulate" } else { "" }].concat();
        rest = args;
    }
    told += rest;
    Cow::Owned(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_in_a_rehearsal_says_that_it_is_one() {
        let advice = "Taken back by `pmclone undo`. Once more: pmclone resume --retry-refused; or `pmclone explain ID`.";
        assert_eq!(rehearsed(advice, false), advice);
        assert_eq!(
            rehearsed(advice, true),
            "Taken back by `pmclone undo`. Once more: pmclone resume --simulate --retry-refused; or `pmclone explain --simulate ID`."
        );
        for told in [
            "pmclone resume --state s.db",
            "pmclone check CSV",
            "pmclone",
        ] {
            assert_eq!(rehearsed(told, true), told);
        }
    }

    #[test]
    fn a_suggested_command_has_all_that_it_needs_and_no_more() {
        let plain = Flags::default();
        assert_eq!(
            plain.command("resume", "s.db"),
            "pmclone resume --state s.db"
        );
        let rehearsal = Flags {
            simulated: true,
            taken_back: true,
            ..plain
        };
        assert_eq!(
            rehearsal.command("resume --retry-refused", "s.db"),
            "pmclone resume --retry-refused --state s.db --simulate --after-undo"
        );
        assert_eq!(
            rehearsal.command("export -o m.csv", "s.db"),
            "pmclone export -o m.csv --state s.db"
        );
        let live = Flags {
            livemode: true,
            ..plain
        };
        assert_eq!(
            live.command("undo --only a", "s.db"),
            "pmclone undo --only a --state s.db --live --confirm ACCOUNT"
        );
        assert_eq!(
            live.command("undo --only a --dry-run", "s.db"),
            "pmclone undo --only a --dry-run --state s.db"
        );
    }
}
