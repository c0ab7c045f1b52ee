//! The one thread that writes while a run is on. It takes whatever waits, commits it in one transaction, and then
//! answers all callers: as many callers as there are in flight share one sync, and nobody lingers for more.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{CachedStatement, Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot};

use super::codes::{INSERT_STEP, write_step};
use super::earlier;
use super::gate::{Commit, Gate};
use super::history::{RunEnded, RunSeq};
use super::load::CustomerSeq;
use super::pulse::Pulse;
use super::stale::{self, Renewal};
use super::undo::{self, UndoChanges};
use super::{Started, StoreError};
use crate::ids::{IdempotencyKey, LegacyId, PaymentMethodId};
use crate::legacy::{Details, Outline};
use crate::state::{Position, Record, Review, Standing, StepId, StepState};
use crate::time::StripeTime;

/// Row number of an account in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountSeq(pub i64);

/// An account that could not be reached.
#[derive(Debug, Clone)]
struct Park {
    account: AccountSeq,
    reason: String,
    sent_at: Option<StripeTime>,
}

/// What one customer's task wants kept, all in one transaction.
#[derive(Debug, Clone)]
pub struct Changes {
    customer: CustomerSeq,
    steps: Vec<(StepId, Record)>,
    standing: Option<Standing>,
    targets: Vec<Standing>,
    park: Option<Park>,
    renewals: Vec<(AccountSeq, PaymentMethodId, Renewal)>,
    clones_left: u32,
    at: Option<StripeTime>,
    pub(super) undo: UndoChanges,
}

impl Changes {
    /// Nothing yet, for this customer.
    pub fn of(customer: CustomerSeq) -> Self {
        Self {
            customer,
            steps: Vec::new(),
            standing: None,
            targets: Vec::new(),
            park: None,
            renewals: Vec::new(),
            clones_left: 0,
            at: None,
            undo: UndoChanges::default(),
        }
    }

    /// When it is now: kept where the standing changes.
    pub fn at(&mut self, now: Option<StripeTime>) {
        self.at = now;
    }

    /// A step's new record.
    pub fn step(&mut self, step: StepId, record: Record) {
        self.steps.push((step, record));
    }

    /// The customer has been taken up.
    pub fn in_progress(&mut self) {
        self.standing = Some(Standing::InProgress);
    }

    /// The customer is left with a step in doubt, before it is settled.
    pub fn in_doubt(&mut self) {
        self.standing = Some(Standing::InDoubt);
    }

    /// Where the customer and its targets stand now. A migrated customer's contact details are erased with it.
    pub fn settle(&mut self, review: Review) {
        self.standing = Some(review.customer);
        self.targets = review.targets;
    }

    /// The account cannot be reached, and why, as the answer told to a request whose intent was committed at `sent_at`: what an event
    /// told of a later time counts more.
    pub fn park(&mut self, account: AccountSeq, reason: String, sent_at: Option<StripeTime>) {
        self.park = Some(Park {
            account,
            reason,
            sent_at,
        });
    }

    /// How far the renewal of a source's clone on an account is.
    pub fn renewal(&mut self, account: AccountSeq, source: PaymentMethodId, renewal: Renewal) {
        self.renewals.push((account, source, renewal));
    }

    /// One more clone may exist that nothing is known of, and that never will be attached.
    pub fn clone_left(&mut self) {
        self.clones_left += 1;
    }

    /// The fault that a crash drill must find: the request goes out, and nothing tells that it might have.
    #[cfg(feature = "without-intents")]
    fn without_intent(mut self) -> Self {
        self.steps.pop();
        self
    }

    /// True where there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.standing.is_none()
            && self.park.is_none()
            && self.undo.is_empty()
    }
}

/// Requests sent, to be added to the state file's own counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestTally {
    /// Every attempt.
    pub sent: u64,
    /// Attempts after a step's first.
    pub retried: u64,
    /// Answers with status 429.
    pub rate_limited: u64,
}

enum Message {
    Commit(Changes, oneshot::Sender<Result<(), StoreError>>),
    Tally(RequestTally),
    Pulse(Pulse),
    Pace(String),
    Ended(RunSeq, RunEnded),
}

/// The run's handle to the state file; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    queue: mpsc::Sender<Message>,
}

/// More callers than this wait in the channel rather than in one transaction.
const MOST_IN_ONE_COMMIT: usize = 1024;

/// Pages of WAL (8 KiB each) after which the writer moves them into the database.
const CHECKPOINT_PAGES: i64 = 2_000;

/// Commits between two looks at the WAL's length, which cost a lock each.
const COMMITS_BETWEEN_LOOKS: u64 = 32;

impl Store {
    /// Starts the writer thread on a connection for a run. The thread ends, and gives its last word, once every handle is gone.
    pub fn spawn(
        conn: Connection,
    ) -> Result<(Self, JoinHandle<Result<(), StoreError>>), StoreError> {
        Self::spawn_watched(conn, None)
    }

    /// The same, each commit waiting for a drill's word where there is a gate.
    pub fn spawn_watched(
        conn: Connection,
        gate: Option<Gate>,
    ) -> Result<(Self, JoinHandle<Result<(), StoreError>>), StoreError> {
        let (queue, messages) = mpsc::channel(MOST_IN_ONE_COMMIT);
        let thread = std::thread::Builder::new()
            .name("state-file".to_owned())
            .spawn(move || {
                let writer = Writer::new(conn, messages);
                Writer { gate, ..writer }.write_all()
            })?;
        Ok((Self { queue }, thread))
    }

    /// The same without a thread: the caller drives the writer, for a simulation.
    #[cfg(test)]
    pub(crate) fn by_hand(conn: Connection) -> (Self, Writer) {
        let (queue, messages) = mpsc::channel(MOST_IN_ONE_COMMIT);
        (Self { queue }, Writer::new(conn, messages))
    }

    /// Returns once `changes` are durable.
    pub async fn commit(&self, changes: Changes) -> Result<(), StoreError> {
        let (done, committed) = oneshot::channel();
        let gone = || StoreError::WriterFailed("its writer has ended".into());
        self.queue
            .send(Message::Commit(changes, done))
            .await
            .map_err(|_| gone())?;
        committed.await.map_err(|_| gone())?
    }

    /// Commits `changes`, whose last step is the intent of the request that is sent under `key`, and proves it.
    pub async fn start(
        &self,
        changes: Changes,
        key: IdempotencyKey,
    ) -> Result<Started, StoreError> {
        let started = match changes.steps.last() {
            Some((_, record)) if record.state == StepState::Started => {
                Started::committed(key, record.started_at, record.sent_at)
            }
            _ => {
                return Err(StoreError::Defect(
                    "an intent was to be sent that was not to be kept".to_owned(),
                ));
            }
        };
        #[cfg(feature = "without-intents")]
        let changes = changes.without_intent();
        self.commit(changes).await?;
        Ok(started)
    }

    /// The same for `undo`: `changes` has the intent of the removal that is sent under `key`.
    pub async fn start_undo(
        &self,
        changes: Changes,
        key: IdempotencyKey,
    ) -> Result<Started, StoreError> {
        let Some(intent) = changes.undo.intent() else {
            return Err(StoreError::Defect(
                "a removal was to be sent whose intent was not to be kept".to_owned(),
            ));
        };
        let started = Started::committed(key, intent.started_at, intent.sent_at);
        self.commit(changes).await?;
        Ok(started)
    }

    /// Keeps how fast the run goes, for whoever looks, with the next commit. Where much waits to be written, it is left out: the
    /// next one comes soon.
    pub fn pace(&self, told: String) {
        drop(self.queue.try_send(Message::Pace(told)));
    }

    /// Adds to the counts of requests, with the next commit.
    pub async fn tally(&self, tally: RequestTally) -> Result<(), StoreError> {
        let gone = |_| StoreError::WriterFailed("its writer has ended".into());
        self.queue.send(Message::Tally(tally)).await.map_err(gone)
    }

    /// Adds to the counts of requests, and to what was done in these ten seconds, with the next commit.
    pub async fn pulse(&self, pulse: Pulse) -> Result<(), StoreError> {
        let gone = |_| StoreError::WriterFailed("its writer has ended".into());
        self.queue.send(Message::Pulse(pulse)).await.map_err(gone)
    }

    /// Adds to a run's row how it ended, with the last commit.
    pub async fn ended(&self, run: RunSeq, ended: RunEnded) -> Result<(), StoreError> {
        let gone = |_| StoreError::WriterFailed("its writer has ended".into());
        self.queue
            .send(Message::Ended(run, ended))
            .await
            .map_err(gone)
    }
}

/// The other end of a [`Store`]: what waits, and the connection that it is written to.
pub(crate) struct Writer {
    conn: Connection,
    messages: mpsc::Receiver<Message>,
    batch: Vec<Message>,
    commits: u64,
    gate: Option<Gate>,
}

impl Writer {
    fn new(conn: Connection, messages: mpsc::Receiver<Message>) -> Self {
        Self {
            conn,
            messages,
            batch: Vec::with_capacity(MOST_IN_ONE_COMMIT),
            commits: 0,
            gate: None,
        }
    }

    fn write_all(mut self) -> Result<(), StoreError> {
        while let Some(first) = self.messages.blocking_recv() {
            // Where all cores are busy, those go first who have something for this commit; elsewhere it costs nothing.
            std::thread::yield_now();
            self.gather(first);
            let failed = self.commit().err();
            self.answer(failed.as_ref());
            // What is committed is durable: nobody waits for the checkpoint.
            let failed = failed.or_else(|| self.checkpoint().err());
            if let Some(why) = failed {
                // SQLite's state is not known after an error: nothing more goes through this connection.
                while let Some(message) = self.messages.blocking_recv() {
                    self.batch.push(message);
                    self.answer(Some(&why));
                }
                return Err(StoreError::WriterFailed(why));
            }
        }
        self.close()
    }

    /// Takes whatever waits besides the first.
    fn gather(&mut self, first: Message) {
        self.batch.push(first);
        while self.batch.len() < MOST_IN_ONE_COMMIT
            && let Ok(next) = self.messages.try_recv()
        {
            self.batch.push(next);
        }
    }

    /// Makes the batch durable, all of it or nothing.
    pub(crate) fn commit(&mut self) -> Result<(), Arc<str>> {
        self.commits += 1;
        write_batch(&self.conn, &self.batch, self.gate.as_ref()).map_err(|error| why(&error))
    }

    /// Tells those who wait for the batch.
    pub(crate) fn answer(&mut self, failed: Option<&Arc<str>>) {
        for message in self.batch.drain(..) {
            if let Message::Commit(_, done) = message {
                let result =
                    failed.map_or(Ok(()), |why| Err(StoreError::WriterFailed(Arc::clone(why))));
                // The caller is gone where the run was stopped at once; what it wanted kept is kept.
                drop(done.send(result));
            }
        }
    }

    pub(crate) fn checkpoint(&self) -> Result<(), Arc<str>> {
        if self.commits.is_multiple_of(COMMITS_BETWEEN_LOOKS) {
            checkpoint_when_long(&self.conn).map_err(|error| why(&error))?;
        }
        Ok(())
    }

    /// The last word, once every handle is gone.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        // Old pages in the WAL hold contact details that are erased in the database.
        self.conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

#[cfg(test)]
impl Writer {
    /// Waits until there is a batch to commit; false once every handle is gone.
    pub(crate) async fn gathered(&mut self) -> bool {
        match self.messages.recv().await {
            Some(first) => {
                self.gather(first);
                true
            }
            None => false,
        }
    }

    /// Its connection, to be dealt with as a crash would.
    pub(crate) fn conn(&self) -> &Connection {
        &self.conn
    }
}

fn why(error: &rusqlite::Error) -> Arc<str> {
    error.to_string().into()
}

fn write_batch(conn: &Connection, batch: &[Message], gate: Option<&Gate>) -> rusqlite::Result<()> {
    let told = gate
        .map(|gate| (gate, told(batch)))
        .filter(|(_, told)| !told.is_empty());
    let pass = |moment| {
        if let Some((gate, told)) = &told {
            gate.pass(moment, told);
        }
    };
    in_transaction(conn, || {
        let mut rows = Rows::new(conn);
        batch.iter().try_for_each(|message| match message {
            Message::Commit(changes, _) => rows.write(changes),
            Message::Tally(tally) => tally.add_to(conn),
            Message::Pulse(pulse) => {
                pulse.tally.add_to(conn)?;
                pulse.add_to(conn)
            }
            Message::Ended(run, ended) => ended.keep(conn, *run),
            Message::Pace(told) => conn
                .prepare_cached("UPDATE migration SET pace = ?1")?
                .execute([told])
                .map(|_| ()),
        })?;
        pass(Commit::Begun);
        Ok(())
    })?;
    pass(Commit::Done);
    Ok(())
}

/// Commits what `write` writes, or nothing of it.
pub(super) fn in_transaction(
    conn: &Connection,
    write: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    match write() {
        Ok(()) => conn.prepare_cached("COMMIT")?.execute([]).map(|_| ()),
        Err(error) => {
            // Where this fails too, the first error is the one to tell, and the connection is given up anyway.
            drop(conn.execute_batch("ROLLBACK"));
            Err(error)
        }
    }
}

/// What a drill is told of a commit: the steps in it, and where each stands. Counts of requests alone are not worth a word.
fn told(batch: &[Message]) -> String {
    let mut told = String::new();
    for message in batch {
        let Message::Commit(changes, _) = message else {
            continue;
        };
        let customer = changes.customer.0.to_string();
        for (step, record) in &changes.steps {
            let position =
                |position: Option<Position>| position.map_or("-".to_owned(), |at| at.to_string());
            let (target, source) = (position(step.target), position(step.source));
            let step = [&customer, step.kind.name(), &target, &source].join("/");
            told += &[" ", &step, "=", record.state.name()].concat();
        }
        if let Some(standing) = changes.standing {
            told += &[" ", &customer, "=", standing.name()].concat();
        }
        if changes.park.is_some() {
            told += " account=parked";
        }
        told += &undo::told(changes.customer, &changes.undo);
    }
    told
}

/// What one customer's task wants kept, outside of a run.
pub(super) fn write_changes(conn: &Connection, changes: &Changes) -> rusqlite::Result<()> {
    Rows::new(conn).write(changes)
}

/// The statements that nearly every customer needs, looked up once for a whole batch.
struct Rows<'c> {
    conn: &'c Connection,
    step: Option<CachedStatement<'c>>,
    target: Option<CachedStatement<'c>>,
}

impl<'c> Rows<'c> {
    fn new(conn: &'c Connection) -> Self {
        Self {
            conn,
            step: None,
            target: None,
        }
    }

    fn write(&mut self, changes: &Changes) -> rusqlite::Result<()> {
        let customer = changes.customer.0;
        for (step, record) in &changes.steps {
            // What is to be sent under a new key: the try before is kept.
            if record.try_no > 1 && record.state == StepState::Ready {
                earlier::keep_before(self.conn, customer, *step, record.try_no)?;
            }
            let statement = prepared(&mut self.step, self.conn, INSERT_STEP)?;
            write_step(statement, customer, *step, record)?;
        }
        let is_known =
            |state: &StepState| !matches!(state, StepState::Started | StepState::InDoubt(_));
        if changes
            .steps
            .iter()
            .any(|(_, record)| is_known(&record.state))
        {
            undo::settled(self.conn, changes.customer)?;
        }
        for (position, standing) in (0_u32..).zip(&changes.targets) {
            const SQL: &str =
                "UPDATE target SET standing = ?3 WHERE customer = ?1 AND position = ?2";
            let position: Position = position;
            prepared(&mut self.target, self.conn, SQL)?
                .execute(rusqlite::params![customer, position, standing])?;
        }
        write_rest(self.conn, changes)
    }
}

fn prepared<'s, 'c>(
    statement: &'s mut Option<CachedStatement<'c>>,
    conn: &'c Connection,
    sql: &str,
) -> rusqlite::Result<&'s mut CachedStatement<'c>> {
    let found = match statement.take() {
        Some(found) => found,
        None => conn.prepare_cached(sql)?,
    };
    Ok(statement.insert(found))
}

/// What is written once for a customer, or seldom.
fn write_rest(conn: &Connection, changes: &Changes) -> rusqlite::Result<()> {
    let customer = changes.customer.0;
    if let Some(standing) = changes.standing {
        let at = changes.at.map(|at| at.0);
        conn.prepare_cached(
            "UPDATE customer SET standing = ?2, changed_at = coalesce(?3, changed_at) WHERE seq = ?1",
        )?
        .execute(rusqlite::params![customer, standing, at])?;
        // Nothing more is made of it.
        if standing == Standing::Migrated || standing.is_undone() {
            erase(conn, customer)?;
        }
    }
    for (account, source, renewal) in &changes.renewals {
        stale::write(conn, changes.customer, *account, source, *renewal)?;
    }
    undo::write(conn, changes.customer, &changes.undo, changes.at)?;
    if let Some(park) = &changes.park {
        let sql = "UPDATE account SET parked = ?2 WHERE seq = ?1 AND (?3 IS NULL OR access_at IS NULL OR access_at < ?3)";
        let sent_at = park.sent_at.map(|at| at.0);
        conn.prepare_cached(sql)?.execute(rusqlite::params![
            park.account.0,
            park.reason,
            sent_at
        ])?;
    }
    if changes.clones_left > 0 {
        conn.prepare_cached("UPDATE migration SET clones_left = clones_left + ?1")?
            .execute([changes.clones_left])?;
    }
    Ok(())
}

/// Erases a customer's contact details; which fields they had is kept.
fn erase(conn: &Connection, customer: i64) -> rusqlite::Result<()> {
    let sql = "SELECT legacy_id, details FROM customer WHERE seq = ?1 AND details IS NOT NULL";
    let mut statement = conn.prepare_cached(sql)?;
    let found: Option<(LegacyId, String)> = statement
        .query_row([customer], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((legacy_id, details)) = found else {
        return Ok(());
    };
    let details: Details = serde_json::from_str(&details).unwrap_or_default();
    let given = Outline::of(&legacy_id, &details).text();
    conn.prepare_cached("UPDATE customer SET details = NULL, given = ?2 WHERE seq = ?1")?
        .execute(rusqlite::params![customer, given])?;
    Ok(())
}

/// Automatic checkpoints are off, since an error inside one may not reach the committer.
pub(super) fn checkpoint_when_long(conn: &Connection) -> rusqlite::Result<()> {
    let pages: i64 = conn
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?
        .query_row([], |row| row.get(1))?;
    if pages >= CHECKPOINT_PAGES {
        conn.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
            .query_row([], |_| Ok(()))?;
    }
    Ok(())
}
