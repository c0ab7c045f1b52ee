//! The commands that outputs suggest: with everything that they need on this state file, so that they can be copied as they are.

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

#[cfg(test)]
mod tests {
    use super::*;

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
