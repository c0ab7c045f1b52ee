//! A machine that runs the tool: one process after the other over one state file, each with the real run loop, the real store
//! and the real client on a runtime of its own. A crash drops that runtime with everything in flight.
//!
//! ```text
//!   live() ─▶ runtime ─▶ ┌ process: lock, state file, session, run, last commit ┐
//!                        │ carry:   what is on the wire                         │ ◀── the first that ends
//!                        └ disturb: crash, Ctrl-C, sleep, clock set             ┘
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::config::DbConfig;
use tokio::sync::watch;
use tokio::time::{Duration, sleep};

use super::mutants::Mutant;
use super::net::Boundary;
use super::plan::{Crash, Life, Mishap, MishapKind, Plan};
use super::shape::{ACCOUNTS, migration};
use super::wire::Wire;
use crate::ids::AccountId;
use crate::run::{self, Context, Drive, End};
use crate::store::{self, Loader, RunLock, Selection, Store, StoreError, Writer};
use crate::stripe::{ApiBase, Client, Limits, Mode, ReadAnswer, SecretKey, Settings};

/// What stays of a machine between two processes.
pub struct Machine<'a> {
    pub state: PathBuf,
    pub wire: Wire,
    pub plan: &'a Plan,
    pub mutant: Mutant,
    /// How far its wall clock is ahead of true time, in milliseconds.
    pub wall_ahead_ms: i64,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Killed,
    /// It could not begin: no answer, no date.
    NoSession,
    /// It said so, and stopped.
    DiskFull,
    Run(End),
    /// What must not happen.
    Broken(String),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Machine<'_> {
    /// Runs one process to its end.
    pub fn live(&mut self, life: &Life) -> Ended {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        let now_ms = self.wire.net().now_ms();
        if let Err(error) = self.mutant.tamper(&self.state, now_ms.div_euclid(1000)) {
            return Ended::Broken(error.to_string());
        }
        let ended = runtime.block_on(self.live_here(life));
        drop(runtime);
        self.wire.net().note(format_args!("{ended:?}"));
        ended
    }

    async fn live_here(&mut self, life: &Life) -> Ended {
        let boundaries = match life.crash {
            Some(Crash::Boundary(boundaries)) => Some(boundaries),
            Some(Crash::After(_)) | None => None,
        };
        let begun_ms = {
            let mut net = self.wire.net();
            net.begin(boundaries);
            net.now_ms()
        };
        let clocks = Clocks {
            wire: self.wire.clone(),
            wall: Arc::new(AtomicI64::new(begun_ms + self.wall_ahead_ms)),
        };
        self.wire.net().wall = Arc::clone(&clocks.wall);
        let (draining, _) = watch::channel(false);
        let ended = tokio::select! {
            biased;
            () = self.wire.killed.notified() => None,
            () = disturb(life, &clocks, &draining) => None,
            () = self.wire.carry() => None,
            ended = self.process(life, &clocks, &draining) => Some(ended),
        };
        let mut net = self.wire.net();
        self.wall_ahead_ms = clocks.wall.load(Ordering::Relaxed) - net.end();
        ended.unwrap_or(Ended::Killed)
    }

    async fn process(&self, life: &Life, clocks: &Clocks, draining: &watch::Sender<bool>) -> Ended {
        self.process_or_not(life, clocks, draining)
            .await
            .unwrap_or_else(|ended| ended)
    }

    /// What `resume` does: see `commands::migrate`.
    async fn process_or_not(
        &self,
        life: &Life,
        clocks: &Clocks,
        draining: &watch::Sender<bool>,
    ) -> Result<Ended, Ended> {
        let _lock = RunLock::take(&self.state)?;
        if life.second_runner {
            let second = RunLock::take_between(&self.state, || ());
            if !matches!(second, Err(StoreError::Busy)) {
                return Err(Ended::Broken("a second run got the lock".to_owned()));
            }
        }
        let mut conn = store::open_existing(&self.state)?;
        // A process that is killed does not tidy up: what it committed is found in the WAL.
        killed_or_closed(&conn, true)?;
        let client = self.client(clocks, draining.subscribe())?;
        let session = client.account(None).await;
        if !matches!(session, ReadAnswer::Found(_, _)) || client.clock().earliest_now().is_none() {
            return Ok(Ended::NoSession);
        }
        if life.retry_refused {
            store::retry_refused(&mut conn)?;
        }
        for (seq, account) in store::parked(&conn)? {
            if let ReadAnswer::Found(_, _) = client.account(Some(&account)).await {
                store::unpark(&conn, seq)?;
            }
        }
        store::take_up_left_out(&conn)?;
        let loader = store::open_readonly(&self.state).and_then(Loader::new)?;
        let (store, writer) = Store::by_hand(conn);
        let writer = tokio::spawn(write_all(writer, self.wire.clone(), life.disk_full));
        let context = Arc::new(Context {
            adopt_attached: self.plan.adopt_attached,
            concurrency: self.plan.concurrency,
            ..Context::new(Arc::new(client), store, migration(), draining.clone())
        });
        let account = life
            .account
            .map(|account| AccountId::parse(ACCOUNTS[account]).unwrap());
        let selection = Selection {
            limit: life.limit,
            accounts: account.into_iter().collect(),
            ..Selection::default()
        };
        let end = run::run_driven(
            Drive::Task,
            Arc::clone(&context),
            loader,
            selection,
            |_, _| {},
        )
        .await;
        drop(context);
        let written = writer
            .await
            .map_err(|error| Ended::Broken(error.to_string()))?;
        match (end, written) {
            (Ok(end), Ok(())) => Ok(Ended::Run(end)),
            (Err(StoreError::WriterFailed(why)), _) if &*why == DISK_FULL => Ok(Ended::DiskFull),
            // The last commit was of counts only, which nobody waits for.
            (Ok(_), Err(StoreError::WriterFailed(why))) if &*why == DISK_FULL => {
                Ok(Ended::DiskFull)
            }
            (Err(error), _) | (_, Err(error)) => Err(error.into()),
        }
    }

    fn client(&self, clocks: &Clocks, draining: watch::Receiver<bool>) -> Result<Client, Ended> {
        let of = |error: &dyn std::fmt::Display| Ended::Broken(error.to_string());
        let settings = Settings {
            api_base: ApiBase::parse("http://127.0.0.1:1", Mode::Test).map_err(|e| of(&e))?,
            key: SecretKey::parse("sk_test_simulation").map_err(|e| of(&e))?,
            limits: if self.plan.polite {
                Limits::for_mode(Mode::Test)
            } else {
                Limits::OFF
            },
            draining,
        };
        Client::simulated(settings, self.wire.clone(), Arc::clone(&clocks.wall)).map_err(|e| of(&e))
    }
}

fn killed_or_closed(conn: &rusqlite::Connection, killed: bool) -> Result<(), StoreError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, killed)?;
    Ok(())
}

/// What SQLite says then.
const DISK_FULL: &str = "database or disk is full";

/// The writer's own loop, with a commit's time between its parts, and a death at each.
async fn write_all(
    mut writer: Writer,
    wire: Wire,
    disk_full: Option<u32>,
) -> Result<(), StoreError> {
    let mut commits = 0;
    while writer.gathered().await {
        wire.survive(Boundary::BeforeCommit).await;
        commits += 1;
        let failed = if disk_full.is_some_and(|first| commits >= first) {
            Some(Arc::from(DISK_FULL))
        } else {
            writer.commit().err()
        };
        wire.survive(Boundary::AfterCommit).await;
        let sync_ms = wire.net().sync_ms();
        sleep(Duration::from_millis(sync_ms)).await;
        writer.answer(failed.as_ref());
        let failed = failed.or_else(|| writer.checkpoint().err());
        if let Some(why) = failed {
            while writer.gathered().await {
                writer.answer(Some(&why));
            }
            return Err(StoreError::WriterFailed(why));
        }
    }
    killed_or_closed(writer.conn(), false)?;
    writer.close()
}

/// The machine's clocks, as a process meets them.
struct Clocks {
    wire: Wire,
    /// The wall clock at the process's start, as it is set now.
    wall: Arc<AtomicI64>,
}

impl Clocks {
    fn meet(&self, mishap: MishapKind) {
        self.wire.net().note(format_args!("{mishap:?}"));
        match mishap {
            MishapKind::Jump(ms) => {
                self.wall.fetch_add(ms, Ordering::Relaxed);
            }
            MishapKind::Sleep(ms) => self.sleep(ms),
            MishapKind::SleepAndJump(ms, set_ms) => {
                self.sleep(ms);
                self.wall.fetch_add(set_ms, Ordering::Relaxed);
            }
        }
    }

    fn sleep(&self, ms: i64) {
        self.wire.net().leap(ms);
        self.wall.fetch_add(ms, Ordering::Relaxed);
        self.wire.stirred.notify_one();
    }
}

/// Ends when the process is killed.
async fn disturb(life: &Life, clocks: &Clocks, draining: &watch::Sender<bool>) {
    let after = |ms: i64| sleep(Duration::from_millis(ms.unsigned_abs()));
    let interrupt = async {
        if let Some(ms) = life.interrupted_ms {
            after(ms).await;
            clocks.wire.net().note(format_args!("Ctrl-C"));
            draining.send_replace(true);
        }
    };
    let mishap = async {
        if let Some(Mishap { at_ms, kind }) = life.mishap {
            after(at_ms).await;
            clocks.meet(kind);
        }
    };
    let crash = async {
        match life.crash {
            Some(Crash::After(ms)) => after(ms).await,
            Some(Crash::Boundary(_)) | None => std::future::pending().await,
        }
    };
    let others = async {
        tokio::join!(interrupt, mishap);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = crash => {}
        () = others => {}
    }
}

/// A state file as it was when nothing was sent yet, without what an earlier history left beside it.
pub fn fresh_state(path: &Path, content: &[u8]) -> std::io::Result<()> {
    for beside in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    std::fs::write(path, content)
}
