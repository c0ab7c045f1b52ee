//! The journal: what rebuilds a simulated world after its process died.
//!
//! Every request that changed the world is appended, with one `write`, before its answer is sent: so a world that was
//! killed, even with SIGKILL, is rebuilt to what its clients were told, or one answer further. It is not synced: it has
//! to survive the death of a process, not a power cut. A last line that was torn by the death is cut off.
//!
//! Hazard: it holds the names and addresses that the requests carried (in a rehearsal those of the CSV), so the file is
//! readable by its owner only. It never holds a key.

use super::keys::{Credentials, Kind};
use super::request::{Method, Request};
use super::seeding::Seed;
use super::world::{Handling, Laws};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The first line: under which laws the world was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub pmclone_simulator_journal: u32,
    pub laws: Laws,
    /// Virtual time less real time, in milliseconds, when the world began.
    pub offset_ms: i64,
}

impl Header {
    pub fn new(laws: Laws, offset_ms: i64) -> Self {
        Self {
            pmclone_simulator_journal: FORMAT,
            laws,
            offset_ms,
        }
    }
}

/// One thing that changed the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The request's number.
    pub n: u64,
    /// Virtual time, unix seconds.
    pub t: i64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Request(Kept),
    Control(Control),
}

/// A request without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    method: String,
    path: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    livemode: bool,
    body: String,
    #[serde(default = "normal", skip_serializing_if = "is_normal")]
    pub handling: Handling,
}

/// What the control API changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Control {
    Advance { seconds: u32 },
    Revoke { account: String },
    Restore { account: String },
    Renew { payment_method: String },
    Seed(Vec<Seed>),
}

fn normal() -> Handling {
    Handling::Normal
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_normal(handling: &Handling) -> bool {
    *handling == Handling::Normal
}

impl Kept {
    pub fn new(request: &Request, handling: Handling) -> Self {
        let livemode =
            matches!(&request.credentials, Credentials::Key { kind, .. } if kind.livemode());
        Self {
            method: request.method.name().to_owned(),
            path: request.path.clone(),
            query: request.query.clone(),
            account: request.account.clone(),
            context: request.context.clone(),
            key: request.idempotency_key.clone(),
            livemode,
            body: request.body.clone(),
            handling,
        }
    }

    pub fn request(self) -> Request {
        let kind = if self.livemode {
            Kind::SecretLive
        } else {
            Kind::SecretTest
        };
        Request {
            method: Method::of(&self.method),
            path: self.path,
            query: self.query,
            credentials: Credentials::Key {
                kind,
                digest: 0,
                reads_only: false,
            },
            account: self.account,
            context: self.context,
            version: None,
            idempotency_key: self.key,
            form: true,
            body: self.body,
        }
    }
}

/// An open journal. Another process that has it open is refused.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    line: Vec<u8>,
}

/// Why a journal cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another process has it open.
    #[error("another simulator has it open")]
    InUse,
    /// A line in the middle is damaged, so what follows cannot be trusted.
    #[error("line {line} cannot be read: {source}")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// It belongs to a world under other laws, or to another version of the simulator.
    #[error("it was written by a simulator with other settings ({0}); use those, or another file")]
    OtherLaws(String),
}

impl Journal {
    /// Opens or starts a journal: gives its header and feeds each entry to `replay`, oldest first.
    pub fn open(
        path: &Path,
        fresh: &Header,
        mut replay: impl FnMut(&Header, Option<Entry>),
    ) -> Result<Self, JournalError> {
        let mut file = open_private(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(JournalError::InUse),
            Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let length = u64::try_from(whole).map_err(io::Error::other)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        let mut journal = Self {
            file,
            line: Vec::new(),
        };
        let mut lines = text[..whole]
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .enumerate();
        let damaged = |index: usize| {
            move |source| JournalError::Damaged {
                line: index + 1,
                source,
            }
        };
        let Some((_, first)) = lines.next() else {
            journal.write(fresh)?;
            replay(fresh, None);
            return Ok(journal);
        };
        let header: Header = serde_json::from_slice(first).map_err(damaged(0))?;
        if header.pmclone_simulator_journal != FORMAT || header.laws != fresh.laws {
            let theirs = serde_json::to_string(&header.laws).map_err(damaged(0))?;
            return Err(JournalError::OtherLaws(theirs));
        }
        replay(&header, None);
        for (index, line) in lines {
            replay(
                &header,
                Some(serde_json::from_slice(line).map_err(damaged(index))?),
            );
        }
        Ok(journal)
    }

    /// Appends one entry with one write.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.write(entry)
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.file.write_all(&self.line)
    }
}

/// Opens for reading and writing; on Unix nobody but the owner may read it.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    restrict(&mut options);
    let file = options.open(path)?;
    restrict_existing(&file)?;
    Ok(file)
}

/// Opens for appending, with the same care.
pub(super) fn append_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    restrict(&mut options);
    let file = options.open(path)?;
    restrict_existing(&file)?;
    Ok(file)
}

#[cfg(unix)]
fn restrict(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(unix)]
fn restrict_existing(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.is_file() {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &mut OpenOptions) {}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
fn restrict_existing(_: &File) -> io::Result<()> {
    Ok(())
}
