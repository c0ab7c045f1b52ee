//! What an undo is about, by the state file alone: before it begins, and before anything else does afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::super::{suggested, suggestion};
use crate::cli;
use crate::failure::Failure;
use crate::report;
use crate::report::commands::Flags;
use crate::report::undo::Before;
use crate::run::Undo;
use crate::store::{self, CustomerSeq, Loaded, Loader, Migration, StoreError, Undone, undo_page};

/// Customers read from the state file at once.
const PAGE: u32 = 32;

/// What there is to be taken back, by the state file; with the cards that are lost counted out, where that was asked for.
pub(super) fn foreseen(
    args: &cli::Undo,
    undo: &Undo,
    loader: &Loader,
    only: Option<&[CustomerSeq]>,
    state: &Path,
) -> Result<Before, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let mut before = count(undo, loader, only).map_err(of)?;
    if before != Before::default() {
        (before.charges, before.open_charges) = undo.charges.of(only, &args.accounts);
    }
    if let Some(said) = args.spend_source_cards {
        let spent = spent(said, loader, only).map_err(of)?;
        confirmed(said, before.source_cards_lost, spent)?;
    }
    Ok(before)
}

/// What would be made of a migration that was taken back.
#[derive(Debug, Clone, Copy)]
pub enum More<'a> {
    /// What a run had not come to, or not to the end.
    Begun,
    /// The same, and what was refused.
    Refused,
    /// The lines of this file, and nothing else.
    Lines(&'a Path),
}

/// Refuses to make more of a migration that was taken back as a whole, unless a person asks for it: for a run that is once and for
/// all, for lines of a file for these alone.
pub fn not_taken_back(
    conn: &Connection,
    state: &Path,
    after_undo: bool,
    more: More<'_>,
) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let migration = Migration::read(conn).map_err(of)?;
    let flags = match &migration {
        Some(migration) => suggested(conn, migration).map_err(of)?,
        None => Flags::default(),
    };
    if !flags.taken_back {
        return Ok(());
    }
    if after_undo {
        return match more {
            More::Begun | More::Refused => store::set_taken_back(conn, false).map_err(of),
            More::Lines(_) => Ok(()),
        };
    }
    let Some(which) = which(conn, more).map_err(of)? else {
        return Ok(());
    };
    let undo = suggestion(flags, "undo", state);
    Err(Failure::safety(format!(
        "all of this migration was taken back by `pmclone undo`, or was to be, and {which} now: nothing was sent"
    ))
    .hint(format!("if the undo was broken off, it goes on: {undo}, with the same options"))
    .hint("if that is meant nevertheless: the same command with --after-undo")
    .hint("to begin anew with all: another state file (--state)"))
}

/// What would be made, in words; `None`: nothing.
fn which(conn: &Connection, more: More<'_>) -> Result<Option<String>, StoreError> {
    let customers = report::words::count;
    let refused = match more {
        More::Lines(file) => return Ok(Some(format!("{} would be tried again", file.display()))),
        More::Refused => store::refused_count(conn)?,
        More::Begun => 0,
    };
    Ok(match (store::left_to_make(conn)?, refused) {
        (0, 0) => None,
        (0, refused) => Some(format!(
            "{} that had been refused would be tried again",
            customers(refused, "customer")
        )),
        (left, 0) => Some(format!(
            "{} that it had not come to, or not to the end, would be made",
            customers(left, "customer")
        )),
        (left, refused) => Some(format!(
            "{} that it had not come to, or not to the end, and {refused} that had been refused would be made",
            customers(left, "customer")
        )),
    })
}

/// What is lost is counted by whoever asks for it: the number is that of the cards that would be lost; or, so that the same command
/// goes on, with those that it has `spent` already.
fn confirmed(said: u64, lost: u64, spent: u64) -> Result<(), Failure> {
    if said == lost || said == lost + spent {
        return Ok(());
    }
    let already = match spent {
        0 => String::new(),
        spent => format!(", after {spent} that are lost already"),
    };
    Err(Failure::safety(format!(
        "--spend-source-cards says {said}, and {} would be lost for good{already}: nothing was sent",
        report::words::count(lost, "source card")
    ))
    .hint(format!("if that is meant: --spend-source-cards {lost}"))
    .hint("without it, the platform Customers that have source cards stay, and so do the cards"))
}

/// The customers to look at, page by page.
pub(super) fn page(
    loader: &Loader,
    only: Option<&[CustomerSeq]>,
    after: CustomerSeq,
) -> Result<Vec<(Loaded, Undone)>, StoreError> {
    let rows = match only {
        None => undo_page(loader.conn(), after, PAGE)?,
        Some(only) => {
            let begin = only.partition_point(|seq| *seq <= after);
            let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
            only.iter().skip(begin).take(most).copied().collect()
        }
    };
    let mut page = Vec::new();
    for row in rows {
        if let Some(mut loaded) = loader.whole(row)? {
            // Nobody waits for an answer any more.
            loaded.customer.doubt_started();
            page.push((loaded, Undone::read(loader.conn(), row)?));
        }
    }
    Ok(page)
}

/// Source cards that were lost already with platform Customers, by a command that said the same number.
fn spent(said: u64, loader: &Loader, only: Option<&[CustomerSeq]>) -> Result<u64, StoreError> {
    let mut spent = 0;
    for row in store::spent_under(loader.conn(), said)? {
        if only.is_some_and(|only| only.binary_search(&row).is_err()) {
            continue;
        }
        let Some(loaded) = loader.whole(row)? else {
            continue;
        };
        let on_platform = crate::undo::portions(&loaded.customer).into_iter();
        let on_platform = on_platform.filter(|portion| portion.account.is_none());
        let cards: usize = on_platform.map(|portion| portion.methods.len()).sum();
        spent += u64::try_from(cards).unwrap_or(u64::MAX);
    }
    Ok(spent)
}

/// What there is to be done, by the state file.
fn count(undo: &Undo, loader: &Loader, only: Option<&[CustomerSeq]>) -> Result<Before, StoreError> {
    let (mut before, mut accounts) = (Before::default(), BTreeSet::new());
    let mut after = CustomerSeq::default();
    loop {
        let page = page(loader, only, after)?;
        let Some((last, _)) = page.last() else {
            return Ok(before);
        };
        after = last.seq;
        for (loaded, undone) in &page {
            let portions = undo.portions(loaded, undone);
            before.add(&portions, undo.spends.is_some(), &mut accounts);
        }
    }
}
