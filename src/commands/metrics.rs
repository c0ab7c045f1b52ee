//! `--metrics-file`: what a run tells of itself for Prometheus, written every few seconds and at the end.
//!
//! A thread of its own counts and writes, over a connection of its own: at ten million customers a count takes a while, and the
//! run shall not wait for it. A file that cannot be written before the run is an error; later it is said once, and the run goes on.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::spared::{spare, unwritable};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log;
use crate::report::file::AtomicFile;
use crate::report::metrics::{Metrics, Of, On};
use crate::report::pace::Pace;
use crate::report::{Screen, here};
use crate::store::{self, Migration, StoreError};
use crate::stripe::{AttemptCounts, Client};
use crate::version;

/// Between two writes, in milliseconds. Prometheus mostly looks every 15 s or every minute.
const EVERY_MS: u64 = 5000;

/// The file of a run that is on.
pub struct MetricsFile {
    sender: Option<SyncSender<Told>>,
    thread: Option<JoinHandle<()>>,
    writer: Writer,
    next_ms: u64,
    screen: Screen,
    ended: bool,
}

/// What the run itself knows.
#[derive(Clone, Default)]
pub struct Told {
    attempts: AttemptCounts,
    retried: u64,
    in_flight: u64,
    pace: Option<Pace>,
    left_seconds: Option<u64>,
}

impl Told {
    /// How far a run is.
    pub fn of(
        client: &Client,
        in_flight: usize,
        pace: Option<Pace>,
        left_seconds: Option<u64>,
    ) -> Self {
        Self {
            attempts: client.ends(),
            retried: client.counts().retried,
            in_flight: u64::try_from(in_flight).unwrap_or(u64::MAX),
            pace,
            left_seconds,
        }
    }
}

#[derive(Clone)]
struct Writer {
    path: PathBuf,
    state: PathBuf,
    of: Of,
}

impl MetricsFile {
    /// Writes the file for the first time. `None` where none is asked for.
    pub fn begin(
        config: &Config,
        path: Option<PathBuf>,
        (conn, state): (&Connection, &Path),
        migration: &Migration,
    ) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        spare(&path, state, conn)?;
        if log::is_one(&path) {
            let path = path.display();
            return Err(Failure::usage(format!(
                "--metrics-file {path}: a log is there, and is not replaced; nothing was written to Stripe"
            )));
        }
        let mode = match (migration.simulated, migration.livemode) {
            (true, _) => "simulated",
            (false, true) => "live",
            (false, false) => "test",
        };
        let writer = Writer {
            path,
            state: state.to_owned(),
            of: Of {
                migration: migration.id.to_string(),
                platform_account: migration.platform_account.to_string(),
                mode,
                version: version::VERSION,
            },
        };
        let cannot = |error: io::Error| {
            unwritable(&writer.path, &error)
                .hint("nothing was written to Stripe; without --metrics-file it runs too")
        };
        writer
            .write(conn, &Told::default(), On::Yes)
            .map_err(cannot)?;
        let (sender, receiver) = sync_channel::<Told>(1);
        let (of_thread, screen) = (writer.clone(), config.screen.clone());
        let keep_on = move || {
            let mut failed = false;
            for told in receiver {
                of_thread.tell(&told, On::Yes, &mut failed, &screen);
            }
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(keep_on).map_err(cannot)?;
        Ok(Some(Self {
            sender: Some(sender),
            thread: Some(thread),
            writer,
            next_ms: 0,
            screen: config.screen.clone(),
            ended: false,
        }))
    }

    /// Writes again where it is time to. Where the last time still goes on, the next takes its place.
    pub fn tick(&mut self, elapsed_ms: u64, told: impl FnOnce() -> Told) {
        if elapsed_ms < self.next_ms {
            return;
        }
        self.next_ms = elapsed_ms.saturating_add(EVERY_MS);
        if let Some(sender) = &self.sender {
            // Full: it is still writing.
            drop(sender.try_send(told()));
        }
    }

    /// Writes the file for the last time, with how the run ended.
    pub fn end(mut self, client: &Client, exit: Exit) {
        self.stop();
        let told = Told::of(client, 0, None, None);
        let on = On::Ended(Some(exit.code()));
        self.writer.tell(&told, on, &mut false, &self.screen);
        self.ended = true;
    }

    fn stop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic; if it did, the last word is said here all the same.
            drop(thread.join());
        }
    }
}

impl Drop for MetricsFile {
    fn drop(&mut self) {
        self.stop();
        if !self.ended {
            let told = Told::default();
            self.writer
                .tell(&told, On::Ended(None), &mut false, &self.screen);
        }
    }
}

impl Writer {
    fn tell(&self, told: &Told, on: On, failed: &mut bool, screen: &Screen) {
        let conn = store::open_readonly(&self.state).map_err(io::Error::other);
        let written = conn.and_then(|conn| self.write(&conn, told, on));
        if let Err(error) = written
            && !std::mem::replace(failed, true)
        {
            screen.problem(&format!(
                "The metrics in {} are not up to date: {error}. The run goes on.",
                self.path.display()
            ));
        }
    }

    fn write(&self, conn: &Connection, told: &Told, on: On) -> io::Result<()> {
        let of = |error: StoreError| io::Error::other(error);
        let metrics = Metrics {
            of: self.of.clone(),
            customers: store::standings(conn, on == On::Yes).map_err(of)?,
            parked_accounts: store::parked_count(conn).map_err(of)?,
            attempts: told.attempts.clone(),
            retried: told.retried,
            in_flight: told.in_flight,
            pace: told.pace.clone(),
            left_seconds: told.left_seconds,
            on,
            at: here::now().timestamp().as_second(),
        };
        let mut file = AtomicFile::create(&self.path)?;
        // Whoever collects it is another user; nothing in it is secret.
        file.for_all_to_read()?;
        file.write_all(metrics.text().as_bytes())?;
        file.commit()
    }
}
