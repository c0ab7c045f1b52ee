//! What an undo is about, by the state file alone: before it begins, and before anything else does afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use crate::cli;
use crate::failure::Failure;
use crate::report;
use crate::report::undo::Before;
use crate::run::Undo;
use crate::store::{self, CustomerSeq, Loaded, Loader, StoreError, Undone, undo_page};

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
    if args.spend_source_cards.is_some() {
        confirmed(args, &before, spent(loader, only).map_err(of)?)?;
    }
    Ok(before)
}

/// Refuses to make more of a migration that was taken back as a whole, unless a person asks for it. `refused_too`: what was refused is
/// tried again.
pub fn not_taken_back(
    conn: &Connection,
    state: &Path,
    after_undo: bool,
    refused_too: bool,
) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    if !store::is_taken_back(conn).map_err(of)? {
        return Ok(());
    }
    if after_undo {
        return store::set_taken_back(conn, false).map_err(of);
    }
    let left = store::left_to_make(conn, refused_too).map_err(of)?;
    if left == 0 {
        return Ok(());
    }
    let left = report::words::count(left, "customer");
    Err(Failure::safety(format!(
        "all of this migration was taken back by `pmclone undo`, and {left} that it had not come to would be made now: nothing was sent"
    ))
    .hint("if the undo was broken off, it goes on: pmclone undo, with the same options")
    .hint("if they shall be made nevertheless: add --after-undo")
    .hint("to begin anew with all: another state file (--state)"))
}

/// What is lost is counted by whoever asks for it.
/// The number is that of the cards that would be lost; or, so that the same command goes on, with those that are `spent` already.
fn confirmed(args: &cli::Undo, before: &Before, spent: u64) -> Result<(), Failure> {
    let lost = before.source_cards_lost;
    match args.spend_source_cards {
        Some(said) if said != lost && said != lost + spent => Err(Failure::safety(format!(
            "--spend-source-cards says {said}, and {lost} source cards would be lost for good: nothing was sent"
        ))
        .hint(format!("if that is meant: --spend-source-cards {lost}"))
        .hint("without it, the platform Customers that have source cards stay, and so do the cards")),
        Some(_) | None => Ok(()),
    }
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

/// Source cards that were lost with platform Customers that an undo has deleted already.
fn spent(loader: &Loader, only: Option<&[CustomerSeq]>) -> Result<u64, StoreError> {
    let mut spent = 0;
    for row in store::platform_undone(loader.conn())? {
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
            before.add(&portions, undo.spend_source_cards, &mut accounts);
        }
    }
}
