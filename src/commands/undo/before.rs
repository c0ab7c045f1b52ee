//! What an undo is about, by the state file alone: before it begins, and before anything else does afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

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
    is_not_taken_back(conn, state, refused_too)
}

/// The same for a look, which changes nothing.
pub fn is_not_taken_back(
    conn: &Connection,
    state: &Path,
    refused_too: bool,
) -> Result<(), Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    if !store::is_taken_back(conn).map_err(of)? {
        return Ok(());
    }
    let left = store::left_to_make(conn).map_err(of)?;
    let refused = match refused_too {
        true => store::refused_count(conn).map_err(of)?,
        false => 0,
    };
    let customers = report::words::count;
    let which = match (left, refused) {
        (0, 0) => return Ok(()),
        (left, 0) => format!(
            "{} that it had not come to, or not to the end,",
            customers(left, "customer")
        ),
        (0, refused) => format!("{} that had been refused", customers(refused, "customer")),
        (left, refused) => format!(
            "{} that it had not come to, or not to the end, and {refused} that had been refused",
            customers(left, "customer")
        ),
    };
    let flags = match Migration::read(conn).map_err(of)? {
        Some(migration) => Flags {
            simulated: migration.simulated,
            livemode: migration.livemode,
            taken_back: true,
        },
        None => Flags::default(),
    };
    let state = report::words::quoted(&state.display().to_string());
    Err(Failure::safety(format!(
        "all of this migration was taken back by `pmclone undo`, or was to be, and {which} would be made now: nothing was sent"
    ))
    .hint(format!("if the undo was broken off, it goes on: {}, with the same options", flags.command("undo", &state)))
    .hint("if they shall be made nevertheless: the same command with --after-undo")
    .hint("to begin anew with all: another state file (--state)"))
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
