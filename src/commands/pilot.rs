//! What a run is confined to, and when it stops by itself: arguments become a selection of the state file's customers.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::migrate::{Asked, known_accounts};
use super::radar;
use crate::cli::{self, StopAfter, Work};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::LegacyId;
use crate::run::stop_loss::Bound;
use crate::store::{self, CustomerSeq, Selection, StoreError};

/// What the arguments ask for, of a state file that has its customers.
pub fn asked(
    config: &Config,
    command: &'static str,
    (work, stripe, steering): (&Work, &cli::Stripe, &cli::Steering),
    (conn, state): (&Connection, &Path),
) -> Result<Asked, Failure> {
    Ok(Asked {
        command,
        selection: selection(conn, work, state)?,
        adopt_attached: work.adopt_attached,
        on_unknown: if work.accept_unknown_ids {
            radar::Unknown::Accept
        } else {
            radar::Unknown::Stop
        },
        bound: bound(work),
        concurrency: config.concurrency(stripe),
        steering: steering.clone(),
        follow: false,
        refresh_stale: false,
        csv_sha256: None,
    })
}

/// The customers that the arguments ask for. A sample is kept in the state file.
pub fn selection(conn: &Connection, work: &Work, state: &Path) -> Result<Selection, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    known_accounts(conn, &work.accounts, state)?;
    let only = match (&work.only, work.sample) {
        (Some(list), _) => Some(listed(conn, list, state)?),
        (None, Some(size)) => Some(store::sample(conn, size.get(), &work.accounts).map_err(of)?),
        (None, None) => None,
    };
    Ok(Selection {
        limit: work.limit,
        accounts: work.accounts.clone(),
        only: only.map(Arc::from),
    })
}

/// When too many customers were refused.
fn bound(work: &Work) -> Bound {
    match work.stop_after_refusals {
        None => Bound::default(),
        Some(StopAfter::Never) => Bound::Never,
        Some(StopAfter::Customers(most)) => Bound::Customers(most.get()),
        Some(StopAfter::Percent(percent)) => Bound::Percent(percent.get().into()),
    }
}

/// The customers that a file lists, one legacy id a line. One that nobody has is an error: the list is of another CSV.
fn listed(conn: &Connection, list: &Path, state: &Path) -> Result<Vec<CustomerSeq>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("--only {}: {error}", list.display()));
    let file = BufReader::new(std::fs::File::open(list).map_err(unreadable)?);
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for (index, line) in file.lines().enumerate() {
        let line = line.map_err(unreadable)?;
        let text = line.trim_start_matches('\u{feff}').trim().trim_matches('"');
        if text.is_empty() {
            continue;
        }
        let customer = match LegacyId::parse(text) {
            Ok(id) => {
                store::customer_named(conn, &id).map_err(|error| Failure::store(state, &error))?
            }
            Err(_) => None,
        };
        match customer {
            Some(customer) => found.push(customer),
            // A column's heading.
            None if index == 0 && text.eq_ignore_ascii_case("legacy_id") => {}
            None => unknown.push(index + 1),
        }
    }
    if let Some(first) = unknown.first() {
        let many = unknown.len();
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "--only {}: {many} of its ids are no legacy_id of this migration, the first in line {first}: nothing was sent",
                list.display()
            ),
        )
        .hint("one legacy_id a line, as the CSV has them; no other columns"));
    }
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "--only {}: no legacy_id is in it",
            list.display()
        )));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
