//! The wrong-account radar: before the first write of a CSV, a few of its ids are looked up.

use std::path::Path;

use rusqlite::Connection;

use super::session::Session;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::plan::Radar;
use crate::radar::{ACCOUNTS, FIRST, FURTHER, Sign, Tally, Verdict, judge};
use crate::report::words::count;
use crate::store::{self, Candidates, OnPlatform, StoreError};
use crate::stripe::{Mode, ReadAnswer, ReadFailure};

/// What will be looked up before the first write; nothing where that was done, or has been begun.
pub fn candidates(conn: &Connection) -> Result<Candidates, StoreError> {
    store::candidates(conn, FURTHER, ACCOUNTS)
}

/// What is looked up before the first write; nothing where every id is made up.
pub fn planned(conn: &Connection, made_up: bool) -> Result<Radar, StoreError> {
    if made_up {
        return Ok(Radar::default());
    }
    let found = candidates(conn)?;
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Ok(Radar {
        on_platform: count(found.on_platform.len().min(FIRST)),
        on_platform_at_most: count(found.on_platform.len()),
        accounts: count(found.accounts.len()),
    })
}

/// What is done where most of the ids are unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing is written.
    Stop,
    /// It is told, and the run goes on: whoever asked for it knows better.
    Accept,
}

/// Looks, and refuses to go on where most of it is unknown to this platform, or is there in the other mode. `tell`: where what was
/// accepted is told.
pub async fn look(
    (conn, state): (&Connection, &Path),
    session: &Session,
    candidates: &Candidates,
    on_unknown: Unknown,
    tell: impl Fn(&str),
) -> Result<(), Failure> {
    if candidates.on_platform.is_empty() {
        return Ok(());
    }
    let mut accounts = Vec::new();
    for account in &candidates.accounts {
        accounts.push(sign(session.client.account(Some(account)).await)?);
    }
    let (mut signs, mut all) = (Vec::new(), candidates.on_platform.iter());
    loop {
        let most = if signs.is_empty() { FIRST } else { FURTHER };
        for named in all.by_ref().take(most - signs.len()) {
            signs.push(look_at(session, named).await?);
        }
        let stop = match judge(&signs, &accounts, !all.as_slice().is_empty()) {
            Verdict::LookFurther => continue,
            Verdict::Go => break,
            Verdict::OtherMode(tally) => return Err(other_mode(session, tally)),
            Verdict::Unknown(tally) => unknown(session, tally),
            Verdict::NoAccess(tally) => no_access(session, tally),
        };
        match on_unknown {
            Unknown::Stop => return Err(stop.into_failure()),
            Unknown::Accept => tell(&stop.accepted()),
        }
        break;
    }
    store::set_known(conn).map_err(|error| Failure::store(state, &error))
}

/// Why a run would stop, and what to do.
struct Reason {
    what: String,
    hint: &'static str,
}

impl Reason {
    fn into_failure(self) -> Failure {
        Failure::safety(format!("{}: nothing was written", self.what))
            .hint(self.hint)
            .hint("if that is as it should be: --accept-unknown-ids goes on, and what is unknown is refused or parked")
    }

    fn accepted(&self) -> String {
        format!(
            "Warning: {}. Going on, as --accept-unknown-ids says.",
            self.what
        )
    }
}

async fn look_at(session: &Session, named: &OnPlatform) -> Result<Sign, Failure> {
    match named {
        OnPlatform::Customer(id) => sign(session.client.customer(id, None).await),
        OnPlatform::PaymentMethod(id) => sign(session.client.payment_method(id, None).await),
    }
}

/// An outage, or a key that may not read, ends the run before it has written anything.
fn sign<T>(answer: ReadAnswer<T>) -> Result<Sign, Failure> {
    match answer {
        ReadAnswer::Found(_, _) => Ok(Sign::Known),
        ReadAnswer::Missing(refusal) if refusal.exists_in_other_mode() => Ok(Sign::OtherMode),
        ReadAnswer::Missing(_) | ReadAnswer::AccountInvalid(_) => Ok(Sign::Unknown),
        ReadAnswer::Failed(ReadFailure::Refused(_)) => Ok(Sign::Untold),
        ReadAnswer::Failed(failed) => Err(Failure::new(
            Exit::Unexpected,
            format!("whether the CSV belongs to this platform could not be looked up: {failed}"),
        )
        .hint("nothing was written; run the same command again")),
        ReadAnswer::Stop(stop) => Err(Failure::stop(&stop)),
    }
}

/// Whose key it is, and what it said of how many.
fn of(session: &Session) -> (&AccountId, &'static str) {
    (&session.account.id, session.client.mode().name())
}

fn unknown(session: &Session, tally: Tally) -> Reason {
    let (account, mode) = of(session);
    Reason {
        what: format!(
            "{} of {} from the CSV are unknown to {account} in {mode} mode, so this is most likely the key of another account",
            tally.unknown,
            count(tally.told, "id"),
        ),
        hint: "if the account is right: `pmclone check CSV` names what is unknown; take it out of the CSV",
    }
}

fn other_mode(session: &Session, tally: Tally) -> Failure {
    let (account, mode) = of(session);
    let (other, key) = match session.client.mode() {
        Mode::Live => (Mode::Test, "a test key"),
        Mode::Test => (Mode::Live, "a live key"),
    };
    Failure::safety(format!(
        "the CSV is of {account}'s {other} mode, and the key is for its {mode} mode ({} of {} looked up are there): nothing was written",
        tally.other_mode,
        count(tally.told, "id"),
    ))
    .hint(format!("use {key}, or the CSV of {mode} mode"))
}

fn no_access(session: &Session, tally: Tally) -> Reason {
    let (account, mode) = of(session);
    Reason {
        what: format!(
            "{} of {} from the CSV give {account} no access in {mode} mode, so this is most likely the key of another platform, or the CSV of another mode",
            tally.unknown,
            count(tally.told, "account"),
        ),
        hint: "`pmclone check CSV` names them; have their owners connect, or take them out of the CSV",
    }
}
