//! What reading settled, for people.

use super::Look;
use super::words::{count, number, wrap};
use crate::run::Reconciled;

/// What comes after the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// A run: it sends again what was not done.
    Run,
    /// An undo, or nothing after one: nothing is sent again.
    Undo,
}

/// What reading came to, without a line feed at the end.
pub fn text(reconciled: &Reconciled, then: Then, look: Look) -> String {
    if reconciled.looked_for() == 0 {
        return "Nothing is in doubt: nothing was read.".to_owned();
    }
    let heading = format!(
        "Looked for {} in doubt, with {}",
        count(reconciled.looked_for(), "step"),
        count(reconciled.reads, "request")
    );
    let rows = match then {
        Then::Run => before_a_run(reconciled),
        Then::Undo => before_an_undo(reconciled),
    };
    let shown = rows.iter().filter(|(steps, ..)| *steps > 0);
    let width = shown
        .clone()
        .map(|(steps, ..)| number(*steps).len())
        .fold(0, usize::max);
    let indent = " ".repeat(width + 4);
    let mut lines = vec![look.bold(&heading)];
    for (steps, told, remedy) in shown {
        lines.push(format!("  {:>width$}  {told}", number(*steps)));
        if !remedy.is_empty() {
            lines.push(wrap(remedy, &indent, look.width));
        }
    }
    lines.join("\n")
}

/// Steps, what became of them, and what to do.
type Rows = [(u64, &'static str, &'static str); 6];

fn before_a_run(reconciled: &Reconciled) -> Rows {
    [
        (reconciled.found, "found at Stripe, and taken over", ""),
        (
            reconciled.missed,
            "not done, and sent again under a new key",
            "",
        ),
        (
            reconciled.clones_left,
            "cloned again",
            "Each may leave a clone behind that is attached to nobody: nothing can ever be charged to it.",
        ),
        (
            reconciled.several,
            "found more than once",
            "`pmclone status` names them. Delete all but one in the Dashboard, then: pmclone resume.",
        ),
        (
            reconciled.too_soon,
            "not seen, but sent less than an hour ago",
            "It may still arrive. Later: pmclone resume.",
        ),
        (
            reconciled.unread,
            "could not be looked for",
            "They stay in doubt, and nothing of them is sent. Once Stripe, or the account, can be reached: pmclone resume.",
        ),
    ]
}

fn before_an_undo(reconciled: &Reconciled) -> Rows {
    [
        (reconciled.found, "found at Stripe: known to be there", ""),
        (reconciled.missed, "not done: nothing came of them", ""),
        (
            reconciled.clones_left,
            "clones that may have been made",
            "They are attached to nobody, so they cannot be looked for: nothing can ever be charged to them.",
        ),
        (
            reconciled.several,
            "found more than once",
            "`pmclone status` names them. Delete all but one in the Dashboard, then: the same undo.",
        ),
        (
            reconciled.too_soon,
            "not seen, but sent less than an hour ago",
            "It may still arrive. Later: the same undo.",
        ),
        (
            reconciled.unread,
            "could not be looked for",
            "They stay in doubt. Once Stripe, or the account, can be reached: the same undo.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECONCILED: Reconciled = Reconciled {
        found: 1_200,
        missed: 3,
        clones_left: 2,
        several: 1,
        too_soon: 4,
        unread: 5,
        reads: 14,
    };

    #[test]
    fn every_end_is_told_with_what_to_do() {
        insta::assert_snapshot!(text(&RECONCILED, Then::Run, Look::PLAIN), @r"
        Looked for 1,215 steps in doubt, with 14 requests
          1,200  found at Stripe, and taken over
              3  not done, and sent again under a new key
              2  cloned again
                 Each may leave a clone behind that is attached to nobody: nothing can
                 ever be charged to it.
              1  found more than once
                 `pmclone status` names them. Delete all but one in the Dashboard, then:
                 pmclone resume.
              4  not seen, but sent less than an hour ago
                 It may still arrive. Later: pmclone resume.
              5  could not be looked for
                 They stay in doubt, and nothing of them is sent. Once Stripe, or the
                 account, can be reached: pmclone resume.
        ");
    }

    #[test]
    fn of_an_undo_nothing_is_said_to_be_sent_again() {
        insta::assert_snapshot!(text(&RECONCILED, Then::Undo, Look::PLAIN), @r"
        Looked for 1,215 steps in doubt, with 14 requests
          1,200  found at Stripe: known to be there
              3  not done: nothing came of them
              2  clones that may have been made
                 They are attached to nobody, so they cannot be looked for: nothing can
                 ever be charged to them.
              1  found more than once
                 `pmclone status` names them. Delete all but one in the Dashboard, then:
                 the same undo.
              4  not seen, but sent less than an hour ago
                 It may still arrive. Later: the same undo.
              5  could not be looked for
                 They stay in doubt. Once Stripe, or the account, can be reached: the
                 same undo.
        ");
    }

    #[test]
    fn nothing_in_doubt_is_said_so() {
        assert_eq!(
            text(&Reconciled::default(), Then::Run, Look::PLAIN),
            "Nothing is in doubt: nothing was read."
        );
    }
}
