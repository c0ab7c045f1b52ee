//! The state file: SQLite, one writer thread, one runner.
//!
//! ```text
//!   import ──▶ customer, payment_method, target, account        (one transaction: all of a CSV, or none)
//!   run ─────▶ Store::start / Store::commit ──▶ writer thread ──▶ one COMMIT for all that wait ──▶ Started
//!   status, export ──▶ connections of their own, read-only      (WAL: they never wait, nor make a run wait)
//! ```
//!
//! Hazards: `synchronous` below FULL loses acknowledged intents in a power cut, so the pragma is read back; after an
//! error in the writer nothing more is written through its connection, since SQLite's state is then not known.

mod asked;
mod check;
mod codes;
mod control;
mod counts;
mod earlier;
mod find;
mod found;
mod gate;
mod gather;
mod heard;
mod history;
mod import;
mod load;
mod lock;
mod mend;
mod merge;
mod migration;
mod open;
mod pilot;
mod proofs;
mod pulse;
mod purge;
mod radar;
mod recorded;
mod refused;
mod reopen;
mod schema;
mod stale;
mod started;
mod swept;
#[cfg(test)]
mod tests;
mod undo;
mod work;
mod writer;

pub use asked::{SourcesAsked, accounts_asked, sources_asked};
pub use check::log_left;
pub use control::{Control, pause_file};
pub use counts::{
    AccountCounts, Counts, DoubtCounts, DoubtfulStep, LastError, ReasonCount, parked_count,
    standings,
};
pub use earlier::{EarlierTry, EarlierTryOf, earlier_tries};
pub use find::{AccountTrace, MendedField, Trace, by_legacy_id, by_line, by_object, by_request};
pub use found::{
    KnownDefault, Marked, Marks, MigrationFound, Scope, sweep_pages, unread, without_connected,
};
pub use gate::{Commit, Gate};
pub use heard::{
    Access, Ears, Effect, Filed, Heard, Inbox, Listening, StaleCounts, index_sources,
    is_listened_for,
};
pub use history::{RunAsked, RunEnded, RunKept, RunSeq, VerificationKept};
pub use import::{
    Gathering, Imported, Importer, Named, Read, for_each_adopted, for_each_legacy_id, has_steps,
};
pub use load::{CustomerSeq, Loaded, Loader};
pub use lock::RunLock;
pub use mend::{MendedCustomers, MendedFile, mend};
pub use merge::{Difference, List, Listed, TakeUp, Then};
pub use migration::{CsvFile, Migration, Recovery, clones_left, keep_pace, pace};
pub use open::{copy, create, open_beside, open_existing, open_readonly, temporary};
pub use pilot::{customer_named, sample};
pub use proofs::{Case, Proofs, ProofsMade, open_charges};
pub use pulse::{Pulse, ROW_SECONDS, Speed, pulses};
pub use purge::{Personal, purge, purged_at};
pub use radar::{Candidates, OnPlatform, candidates, set_known};
pub use recorded::{Change, DoubtKept, Doubts, Made, Settled, changes, standing_so};
pub use refused::{Reason, for_each_refused, mended_customers};
pub use reopen::{parked, retry_refused, take_up_left_out, unknown_account, unpark, waiting};
pub use stale::{
    Renewal, Renewals, StaleClone, TakeStale, any_to_be_settled, heard, stale_clones,
    take_up_stale, to_be_renewed,
};
pub use started::Started;
pub use swept::{Drawn, ReadsOfAll, Swept, draw};
pub use undo::{
    Taken, TakenBack, TakenPlace, Undone, UndoneStep, is_taken_back, left_to_make, refused_count,
    set_taken_back, spent_under, undo_left, undo_left_counts, undo_page, undo_steps,
    undo_unfinished,
};
pub use work::{Selection, work};
#[cfg(test)]
pub(crate) use writer::Writer;
pub use writer::{AccountSeq, Changes, RequestTally, Store};

/// What can go wrong with a state file. Texts are whole sentences; the caller adds the file's name.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none.
    #[error("there is no state file")]
    Missing,
    /// Another run holds it.
    #[error(
        "another pmclone run holds the state file; wait for it, or stop it (`pmclone status` still works)"
    )]
    Busy,
    /// Written by a later version of the tool.
    #[error(
        "the state file has format {found}, newer than this pmclone knows: use the version that wrote it, or a later one"
    )]
    Version {
        /// Its `user_version`.
        found: i64,
    },
    /// A file that something else wrote.
    #[error("the file is not a pmclone state file; name another with --state")]
    NotOurs,
    /// No file at all.
    #[error("it is a directory, and the state file is a file: name one in it with --state")]
    Directory,
    /// The file system said no.
    #[error("the state file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// SQLite said no.
    #[error("the state file cannot be read or written: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// A setting that durability rests on did not take.
    #[error("SQLite did not take {0}: the state would not survive a power cut here")]
    NotDurable(&'static str),
    /// The writer failed earlier; nothing is written since.
    #[error(
        "the state file cannot be written: {0}; nothing was sent without its intent being kept: free the cause, then run the same command again"
    )]
    WriterFailed(std::sync::Arc<str>),
    /// A row that this tool never writes.
    #[error("the state file is damaged: {0}")]
    Damaged(String),
    /// Something that must not happen, whatever is in the file.
    #[error("{0}: please report this")]
    Defect(String),
}

/// Whatever statement meets damage: it is told as such.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}
