//! What an undo has done, left and not come to, for people.

use super::{Extras, Status};
use crate::report::Look;
use crate::report::commands::rehearsed;
use crate::report::words::{count, number, wrap};

/// What `undo` had begun and not ended.
pub(in crate::report) fn undo_unfinished(
    status: &Status,
    extras: &Extras,
    look: Look,
) -> Option<String> {
    let places = count(
        Some(status.undo_unfinished).filter(|left| *left > 0)?,
        "place",
    );
    let told = format!(
        "An undo was broken off: {places} taken back in part, and nothing more is made there. The same undo goes on."
    );
    let command = format!("  {}", extras.command(status, "undo"));
    Some(format!(
        "{}\n{command}",
        look.warn(&wrap(&told, "", look.width))
    ))
}

/// That all was taken back, and what no run makes since.
pub(in crate::report) fn taken_back(
    status: &Status,
    extras: &Extras,
    look: Look,
) -> Option<String> {
    let customers = &status.customers;
    if !status.taken_back {
        return None;
    }
    let made = match (status.undo_goes_on(), customers.undone) {
        (false, 1..) => "All of this migration was taken back.",
        // A rebuilt state file knows nothing of what is gone.
        (false, 0) => "This migration was taken back, or was to be.",
        (true, _) => {
            "This migration was to be taken back, and a part of it is still there, or may be."
        }
    };
    let left = customers.left() + customers.parked + customers.in_doubt;
    let others = match (left, customers.refused) {
        (0, 0) => String::new(),
        (0, refused) => format!(
            " {} tried again only with --after-undo.",
            refused_are(refused)
        ),
        (left, 0) => format!(" {}", not_made(left)),
        (left, refused) => format!(
            " {} Nor {} tried again without it.",
            not_made(left),
            match refused {
                1 => "is the refused customer".to_owned(),
                more => format!("are the {} refused ones", number(more)),
            }
        ),
    };
    // Where it was broken off in the midst of a customer, that is told with the same command.
    let goes_on = status.undo_goes_on() && status.undo_unfinished == 0;
    let again = if goes_on {
        " The same undo goes on."
    } else {
        ""
    };
    let told = look.warn(&wrap(&format!("{made}{again}{others}"), "", look.width));
    let command = extras.command(status, "undo");
    Some(if goes_on {
        format!("{told}\n  {command}")
    } else {
        told
    })
}

fn refused_are(refused: u64) -> String {
    let verb = if refused == 1 { "is" } else { "are" };
    format!("{} {verb}", count(refused, "refused customer"))
}

fn not_made(left: u64) -> String {
    format!(
        "No run, resume or retry makes anything of the other {}, unless --after-undo is given.",
        count(left, "customer")
    )
}

/// What an undo left where it is.
pub(super) fn undo_left(status: &Status, extras: &Extras, look: Look) -> Option<String> {
    let left = status.undo_left;
    if left.total == 0 {
        return None;
    }
    let others = left.total - left.source_cards;
    let mut parts = Vec::new();
    if left.source_cards > 0 {
        let (customers, they) = match left.source_cards {
            1 => ("1 platform Customer".to_owned(), "it"),
            more => (format!("{} platform Customers", number(more)), "they"),
        };
        parts.push(format!("{customers} with source cards, as {they} should"));
    }
    if others > 0 {
        parts.push(format!("{} for another reason", count(others, "place")));
    }
    let told = format!("Left by `undo`: {}.", parts.join("; "));
    let told = wrap(&told, "", look.width);
    if others == 0 {
        return Some(told);
    }
    let why = "`pmclone explain ID` has the reason. Which they are:";
    let why = wrap(&rehearsed(why, extras.simulated), "  ", look.width);
    let command = extras.command(status, "undo --dry-run");
    Some(format!("{}\n{why}\n  {command}", look.warn(&told)))
}
