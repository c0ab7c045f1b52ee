//! What came of a mended file, before anything is sent.

use std::path::Path;

use serde::Serialize;

use super::Look;
use super::words::{count, plain, shorten, wrap};
use crate::state::Left;
use crate::store::MendedCustomers;

/// Customers that are named one by one.
const SHOWN: usize = 20;

/// For people, without a line feed at the end.
pub fn text(file: &Path, mended: &MendedCustomers, look: Look) -> String {
    let told = format!(
        "{}: {}; {} tried again under new keys ({}), {} with changes.",
        file.display(),
        count(mended.customers, "customer"),
        mended.taken,
        count(mended.steps, "refused step"),
        mended.changed,
    );
    let mut lines = vec![wrap(&told, "", look.width)];
    if mended.under_way > 0 {
        let told = format!(
            "{} under way already: they go on as they are.",
            mended.under_way
        );
        lines.push(wrap(&told, "", look.width));
    }
    if mended.clones_left > 0 {
        let told = format!(
            "{} that could not be attached and are not asked for any more stay behind. Nothing can ever be charged to them.",
            count(mended.clones_left, "clone")
        );
        lines.push(wrap(&told, "", look.width));
    }
    if !mended.left.is_empty() {
        lines.push(look.bold("Left as they are"));
    }
    for (line, legacy_id, left) in mended.left.iter().take(SHOWN) {
        let told = format!(
            "line {line}, {}: {}",
            shorten(&plain(legacy_id.as_str()), 40),
            why(*left)
        );
        lines.push(wrap(&told, "  ", look.width));
    }
    if let Some(more) = mended
        .left
        .len()
        .checked_sub(SHOWN)
        .filter(|more| *more > 0)
    {
        lines.push(format!("  ... and {more} more"));
    }
    lines.join("\n")
}

fn why(left: Left) -> &'static str {
    match left {
        Left::InDoubt => "a step is in doubt; settle it first, with `reconcile`",
        Left::NotRefused => "nothing of it was refused",
        Left::Migrated => "it is migrated",
        Left::PlatformCustomer => {
            "another platform_customer is named than the one that is in use; make that cell what it was"
        }
        Left::Undone => {
            "what was made of it, or a part of it, is taken back: no mended line is taken of it (`explain` says what can be done)"
        }
        Left::Same => "what was refused is asked for as before, and would be set aside again",
    }
}

/// What `retry --dry-run --json` prints.
#[derive(Debug, Serialize)]
pub struct MendedJson {
    customers: u64,
    tried_again: u64,
    changed: u64,
    steps: u64,
    under_way: u64,
    clones_left: u64,
    left: Vec<LeftJson>,
}

#[derive(Debug, Serialize)]
struct LeftJson {
    line: u64,
    legacy_id: String,
    why: &'static str,
}

/// For programs.
pub fn json(mended: &MendedCustomers) -> MendedJson {
    let left = mended.left.iter().map(|(line, legacy_id, left)| LeftJson {
        line: *line,
        legacy_id: legacy_id.to_string(),
        why: left.name(),
    });
    MendedJson {
        customers: mended.customers,
        tried_again: mended.taken,
        changed: mended.changed,
        steps: mended.steps,
        under_way: mended.under_way,
        clones_left: mended.clones_left,
        left: left.collect(),
    }
}
