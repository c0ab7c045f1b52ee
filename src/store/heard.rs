//! What Stripe's events told: written by a listener beside a run, read by the run.
//!
//! ```text
//!   Inbox::take ── one transaction: the event's id, and what it changes ──▶ account, stale, migration.heard
//!   Ears::news  ◀── a run looks whether `migration.heard` was raised, and reads the accounts again
//! ```
//!
//! Hazards: events come twice, late and in any order. So each id is taken once; what an event says of an account counts only if none
//! of a later time was taken; and a change of a source counts only if a clone of it may be of before. A listener holds no
//! [`super::RunLock`]: its transactions are short, since a run waits for them.

mod ears;
mod told;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::open::open_beside;
use super::{Migration, RequestTally, RunLock, StoreError};
use crate::ids::{AccountId, PaymentMethodId};
use crate::stripe::RequestCounts;
use crate::time::StripeTime;
use crate::webhook::{Change, Event, News};
use ears::access;
pub(super) use ears::heard;
pub use ears::{Access, Ears};
pub use told::{Heard, Listening, StaleCounts};

/// For how long an event's id is kept. Stripe delivers one again for three days, and gives out thirty days of them.
const KEPT_SECONDS: i64 = 40 * 24 * 3600;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filed {
    /// It was taken now, and kept.
    Now(Effect),
    /// It had been taken before.
    Before,
    /// It tells nothing that a migration has to know: nothing is kept of it.
    Nothing,
}

/// What an event changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The account cannot be reached any more.
    Parked,
    /// It can be reached again.
    Unparked,
    /// What is known of the account is newer.
    Refreshed,
    /// So many customers' clones are of before the change.
    Stale(u64),
    /// Nothing: it is of no customer here, or was overtaken.
    Nothing,
}

impl Effect {
    /// The word that is kept of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Unparked => "unparked",
            Self::Refreshed => "refreshed",
            Self::Stale(_) => "stale",
            Self::Nothing => "nothing",
        }
    }
}

/// A listener's hand in the state file.
#[derive(Debug)]
pub struct Inbox {
    conn: Connection,
    path: PathBuf,
    platform: AccountId,
}

/// Gives sources an index by their ids, so that one that an event names is found in microseconds, not by a walk through all of them (50
/// ms for each million). Only where events are heard: it takes 37 bytes a source, and each million 0.6 s to make.
pub fn index_sources(conn: &Connection) -> Result<(), StoreError> {
    let sql = "CREATE INDEX IF NOT EXISTS payment_method_id ON payment_method (id)";
    Ok(conn.execute_batch(sql)?)
}

/// True where a listener is on, or was: the next events are looked up, too.
pub fn is_listened_for(conn: &Connection, state: &Path) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM migration WHERE caught_up IS NOT NULL)";
    let was: bool = conn.query_row(sql, [], |row| row.get(0))?;
    Ok(was || Listening::is_on(state))
}

/// What is known of a connected account, and what an event says of it.
struct AccountRow {
    parked: bool,
    unread: bool,
    country: Option<String>,
    access_at: Option<StripeTime>,
    updated_at: Option<StripeTime>,
}

impl Inbox {
    /// Opens the state file of a migration. Where no run is on, sources are given an index first, so that the ones an event names
    /// are found at once.
    pub fn open(path: &Path, migration: &Migration) -> Result<Self, StoreError> {
        let conn = open_beside(path)?;
        // Building it may take seconds, for which a run that is on could not write.
        if let Ok(_lock) = RunLock::take(path) {
            index_sources(&conn)?;
        }
        Ok(Self {
            conn,
            path: path.to_owned(),
            platform: migration.platform_account.clone(),
        })
    }

    /// Keeps an event and what it changes, durably, unless it was taken before. `now`: unix seconds by this machine's clock.
    pub fn take(&mut self, event: &Event, now: i64) -> Result<Filed, StoreError> {
        let Some(about) = self.about(event) else {
            return Ok(Filed::Nothing);
        };
        self.still_there()?;
        // Before the transaction: it may be a walk through the whole file.
        let sources = match &event.news {
            News::PaymentMethodChanged { payment_method, .. } => {
                self.customers_of(payment_method)?
            }
            News::Authorized(_)
            | News::Deauthorized(_)
            | News::AccountUpdated { .. }
            | News::Nothing => Vec::new(),
        };
        let transaction = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = "SELECT 1 FROM event WHERE id = ?1";
        if transaction.prepare_cached(known)?.exists([&event.id])? {
            return Ok(Filed::Before);
        }
        let effect = apply(&transaction, event, &sources)?;
        transaction
            .prepare_cached("INSERT INTO event (id, type, created, taken_at, about, effect) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![event.id, event.kind, event.created.0, now, about, effect.name()])?;
        transaction.commit()?;
        self.tidy()?;
        Ok(Filed::Now(effect))
    }

    /// Keeps the log short. Where no run is on it is emptied: a run that finds something in it reads the whole file first, lest it was
    /// left by a crash.
    fn tidy(&self) -> Result<(), StoreError> {
        if RunLock::is_held(&self.path) {
            super::writer::checkpoint_when_long(&self.conn)?;
        } else {
            // Whoever reads just now keeps it from being emptied; the next one does it.
            self.conn
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }

    /// What an event that has to be known is about. What happens to a clone, on a connected account, is that account's own affair.
    fn about<'e>(&self, event: &'e Event) -> Option<&'e str> {
        let on_platform = event
            .account
            .as_ref()
            .is_none_or(|account| *account == self.platform);
        match &event.news {
            News::Authorized(account)
            | News::Deauthorized(account)
            | News::AccountUpdated { account, .. } => Some(account.as_str()),
            News::PaymentMethodChanged { payment_method, .. } if on_platform => {
                Some(payment_method.as_str())
            }
            News::PaymentMethodChanged { .. } | News::Nothing => None,
        }
    }

    /// A state file that was moved away takes nothing any more: what is told it would be lost.
    fn still_there(&self) -> Result<(), StoreError> {
        if self.path.try_exists()? {
            Ok(())
        } else {
            Err(StoreError::Missing)
        }
    }

    fn customers_of(&self, source: &PaymentMethodId) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = "SELECT customer, position FROM payment_method WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([source], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets events that nobody can send again.
    pub fn prune(&self, now: i64) -> Result<(), StoreError> {
        let before = now.saturating_sub(KEPT_SECONDS);
        self.conn
            .execute("DELETE FROM event WHERE created < ?1", [before])?;
        Ok(())
    }

    /// Until when the platform's events were read; where they never were, since when they matter: when the first clone was begun.
    /// `None`: nothing was cloned yet, so no event can matter.
    pub fn events_since(&self) -> Result<Option<StripeTime>, StoreError> {
        let sql = "SELECT coalesce((SELECT caught_up FROM migration),
                   (SELECT min(started_at) FROM step WHERE kind = 3 AND state IN (1, 2, 4)))";
        let since: Option<i64> = self.conn.query_row(sql, [], |row| row.get(0))?;
        Ok(since.map(StripeTime))
    }

    /// The platform's events were read until then.
    pub fn caught_up(&self, until: StripeTime) -> Result<(), StoreError> {
        let sql = "UPDATE migration SET caught_up = max(coalesce(caught_up, 0), ?1)";
        self.conn.execute(sql, [until.0])?;
        Ok(())
    }

    /// Adds what was read to the counts of requests.
    pub fn tally(&self, sent: RequestCounts) -> Result<(), StoreError> {
        let tally = RequestTally {
            sent: sent.sent,
            retried: sent.retried,
            rate_limited: sent.rate_limited,
        };
        Ok(tally.add_to(&self.conn)?)
    }

    /// Every connected account that customers ask for, and whether it is parked; those that a lost state file has to be read of first
    /// are left out.
    pub fn accounts(&self) -> Result<Vec<Access>, StoreError> {
        access(&self.conn, "WHERE unread = 0")
    }

    /// Keeps what a look at an account told at `at`, unless an event told something later.
    pub fn looked(
        &mut self,
        account: &AccountId,
        out_of_reach: Option<&str>,
        country: Option<&str>,
        at: StripeTime,
    ) -> Result<Effect, StoreError> {
        let transaction = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(row) = AccountRow::read(&transaction, account)? else {
            return Ok(Effect::Nothing);
        };
        let same_country = country.is_none_or(|country| row.country.as_deref() == Some(country));
        if same_country && row.parked == out_of_reach.is_some() {
            return Ok(Effect::Nothing);
        }
        let refreshed = row.refresh(&transaction, account, country, at)?;
        let effect = row.set_reach(&transaction, account, out_of_reach, at)?;
        transaction.commit()?;
        Ok(if effect == Effect::Nothing {
            refreshed
        } else {
            effect
        })
    }
}

fn apply(
    conn: &Transaction<'_>,
    event: &Event,
    sources: &[(i64, i64)],
) -> Result<Effect, StoreError> {
    let at = event.created;
    let row = |account| AccountRow::read(conn, account);
    match &event.news {
        News::Authorized(account) => match row(account)? {
            Some(row) => row.set_reach(conn, account, None, at),
            None => Ok(Effect::Nothing),
        },
        News::Deauthorized(account) => match row(account)? {
            Some(row) => row.set_reach(conn, account, Some(DEAUTHORIZED), at),
            None => Ok(Effect::Nothing),
        },
        News::AccountUpdated { account, country } => {
            let Some(row) = row(account)? else {
                return Ok(Effect::Nothing);
            };
            let refreshed = row.refresh(conn, account, country.as_deref(), at)?;
            // No such event comes of an account that gives no access.
            let effect = row.set_reach(conn, account, None, at)?;
            Ok(if effect == Effect::Nothing {
                refreshed
            } else {
                effect
            })
        }
        News::PaymentMethodChanged { change, .. } => {
            let mut stale = 0;
            for (customer, position) in sources {
                stale += u64::from(mark_stale(conn, (*customer, *position), event, *change)?);
            }
            Ok(match stale {
                0 => Effect::Nothing,
                customers => Effect::Stale(customers),
            })
        }
        News::Nothing => Ok(Effect::Nothing),
    }
}

/// Why an account is parked that took its access back.
const DEAUTHORIZED: &str =
    "the account took the platform's access back (account.application.deauthorized)";

impl AccountRow {
    fn read(conn: &Connection, account: &AccountId) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT parked IS NOT NULL, unread, country, access_at, updated_at FROM account WHERE id = ?1";
        let row = conn.prepare_cached(sql)?.query_row([account], |row| {
            Ok(Self {
                parked: row.get(0)?,
                unread: row.get(1)?,
                country: row.get(2)?,
                access_at: row.get::<_, Option<i64>>(3)?.map(StripeTime),
                updated_at: row.get::<_, Option<i64>>(4)?.map(StripeTime),
            })
        });
        Ok(row.optional()?)
    }

    /// Parks the account, or takes it up. Of two that were told of one second, the one that says that it cannot be reached counts:
    /// that costs a look, the other a call.
    fn set_reach(
        &self,
        conn: &Connection,
        account: &AccountId,
        out_of_reach: Option<&str>,
        at: StripeTime,
    ) -> Result<Effect, StoreError> {
        let overtaken = self.access_at.is_some_and(|known| match out_of_reach {
            Some(_) => known > at,
            None => known >= at,
        });
        // What a lost state file knew of it has to be read first.
        if overtaken || self.unread {
            return Ok(Effect::Nothing);
        }
        let sql = "UPDATE account SET parked = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(parked, ?2) END, access_at = ?3 WHERE id = ?1";
        conn.prepare_cached(sql)?
            .execute(params![account, out_of_reach, at.0])?;
        let effect = match (self.parked, out_of_reach) {
            (false, Some(_)) => Effect::Parked,
            (true, None) => Effect::Unparked,
            (true, Some(_)) | (false, None) => return Ok(Effect::Nothing),
        };
        raise(conn)?;
        Ok(effect)
    }

    fn refresh(
        &self,
        conn: &Connection,
        account: &AccountId,
        country: Option<&str>,
        at: StripeTime,
    ) -> Result<Effect, StoreError> {
        let overtaken = self.updated_at.is_some_and(|known| known > at);
        let Some(country) = country.filter(|_| !overtaken) else {
            return Ok(Effect::Nothing);
        };
        let sql = "UPDATE account SET country = ?2, updated_at = ?3 WHERE id = ?1";
        conn.prepare_cached(sql)?
            .execute(params![account, country, at.0])?;
        Ok(if self.country.as_deref() == Some(country) {
            Effect::Nothing
        } else {
            Effect::Refreshed
        })
    }
}

/// Marks a customer's clones of a source, where they may be of before the change: one that was begun after it is of after. True where
/// one was not stale yet.
fn mark_stale(
    conn: &Connection,
    (customer, position): (i64, i64),
    event: &Event,
    change: Change,
) -> Result<bool, StoreError> {
    // Kinds 3 and 8: cloned, and renewed; states started, done, in doubt. What is taken back is renewed by nobody.
    const CLONED: &str = "SELECT t.account FROM step s JOIN customer c ON c.seq = s.customer
        JOIN target t ON t.customer = s.customer AND t.position = s.target
        WHERE s.customer = ?1 AND s.kind = 3 AND s.source = ?2 AND s.state IN (1, 2, 4) AND s.started_at <= ?3
        AND c.undone = 0 AND t.undone = 0
        AND NOT EXISTS (SELECT 1 FROM step r WHERE r.customer = ?1 AND r.kind = 8 AND r.target = s.target AND r.source = ?2
            AND r.state IN (1, 2, 4) AND r.started_at > ?3)";
    // A detached card stays detached, whatever else is told of it.
    const MARK: &str =
        "INSERT INTO stale (customer, account, source, since, reason, event)
        SELECT ?1, ?2, id, ?4, ?5, ?6 FROM payment_method WHERE customer = ?1 AND position = ?3
        ON CONFLICT (customer, account, source) DO UPDATE SET since = ?4, reason = ?5, event = ?6
        WHERE reason <> 'detached' AND (?5 = 'detached' OR since <= ?4)";
    let at = event.created.0;
    let mut cloned = conn.prepare_cached(CLONED)?;
    let accounts = cloned.query_map(params![customer, position, at], |row| row.get(0))?;
    let mut is_news = false;
    for account in accounts.collect::<Result<Vec<i64>, _>>()? {
        let known = "SELECT 1 FROM stale s JOIN payment_method p ON p.customer = s.customer AND p.id = s.source
            WHERE s.customer = ?1 AND s.account = ?2 AND p.position = ?3";
        let mut known = conn.prepare_cached(known)?;
        is_news |= !known.exists(params![customer, account, position])?;
        conn.prepare_cached(MARK)?.execute(params![
            customer,
            account,
            position,
            at,
            change.name(),
            event.id
        ])?;
        raise(conn)?;
    }
    Ok(is_news)
}

/// Whoever works on the state file looks again.
fn raise(conn: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE migration SET heard = heard + 1";
    conn.prepare_cached(sql)?.execute([]).map(|_| ())
}

#[cfg(test)]
mod tests;
