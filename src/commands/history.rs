//! Rows of the record that tell of commands other than a run: `undo`, `reconcile`, `recover`.

use rusqlite::Connection;

use super::interrupt::{Pressed, Signal};
use super::session::Session;
use crate::report::record::confined_to;
use crate::run::{Context, tally_of};
use crate::store::{RunAsked, RunEnded, RunSeq, Selection, StoreError};
use crate::time::StripeTime;
use crate::version;

/// Keeps that a command begins, for the record. A dry run has its row too: it sent requests.
pub fn keep(
    conn: &Connection,
    session: &Session,
    command: &str,
    selection: &Selection,
    is_dry: bool,
) -> Result<RunSeq, StoreError> {
    let asked = confined_to(selection, false);
    let begun_at = session.client.clock().earliest_now();
    let asked = RunAsked {
        command: command.to_owned(),
        asked: if is_dry {
            format!("a dry run: {asked}")
        } else {
            asked
        },
        csv_sha256: None,
        begun_at: begun_at.unwrap_or(StripeTime(0)),
        tool_version: version::VERSION.to_owned(),
        tool_commit: version::COMMIT.to_owned(),
    };
    asked.keep(conn)
}

/// The stable name of how a command ended: those of a run.
pub fn how(
    is_well: bool,
    is_broken_off: bool,
    is_confined: bool,
    pressed: Pressed,
) -> &'static str {
    match (is_well, pressed.first.is_some(), is_broken_off) {
        (_, true, true) | (false, true, _) => match pressed.first {
            Some(Signal::Terminate) => "terminated",
            Some(Signal::Interrupt) | None => "interrupted",
        },
        (false, false, _) | (true, false, true) => "stopped",
        (true, _, false) if is_confined => "confined",
        (true, _, false) => "finished",
    }
}

/// How it ended, with all that it sent.
pub fn ended(context: &Context, how: &str, settled: u64) -> RunEnded {
    RunEnded {
        at: context.client.clock().earliest_now(),
        how: how.to_owned(),
        requests: tally_of(context),
        settled,
    }
}
