//! SHELL. The log of `--log FILE`: JSON lines, one for each attempt of a request and for each notable event.
//!
//! What may stand in it: names of endpoints (templates, no ids filled in), steps and events, ids of connected accounts, request
//! ids, idempotency keys, statuses, codes, numbers. What may not: whatever came from the CSV, ids of people's objects, messages
//! (Stripe quotes what it was sent), the key. Events are written with `tracing`'s macros, and only ever with fields of those kinds.
//!
//! Without `--log` there is no subscriber, and an event costs one relaxed load. With it, each line is one `write` to a file that
//! is opened for appending: a process that is killed loses none, and the file can be truncated or rotated under it. A log that
//! fails stops no run: it is said once, and the lines that could not be written are missing.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::report::Screen;

/// Our own events alone: what libraries say at their levels may hold headers.
const OURS: &str = "pmclone";

/// Whether a log is there.
pub fn is_one(path: &Path) -> bool {
    let mut first = [0; BEGINS.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == *BEGINS.as_bytes()
}

/// How a line begins, and so how a log is told from other files.
const BEGINS: &str = "{\"timestamp\":\"";

/// Begins to log to `path`, for the rest of the process. `spared` are files that it must not be.
pub fn begin(path: &Path, spared: &[PathBuf], screen: Screen) -> io::Result<()> {
    let log = Log::open(path, spared, screen)?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .log_internal_errors(false)
        .with_writer(log)
        .with_filter(Targets::new().with_target(OURS, LevelFilter::INFO));
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    tell_of_panics();
    Ok(())
}

/// Where it broke off, without the message, which may hold anything.
fn tell_of_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(event = "panic", place);
        shown(panic);
    }));
}

/// A code of Stripe's, as it may stand in the log: codes are words, and what is none may be anything.
pub fn code(told: &str) -> Option<&str> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_code = !told.is_empty() && told.len() <= 64 && told.bytes().all(is_word);
    is_code.then_some(told)
}

/// An id of a request as it may stand in the log, by the same rule: `req_` and what follows.
pub fn id(told: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_id = told.len() <= 64 && told.bytes().all(is_plain);
    is_id.then_some(told)
}

/// The file that lines are appended to.
struct Log {
    path: PathBuf,
    screen: Screen,
    end: Mutex<End>,
}

struct End {
    file: File,
    /// A write failed, and was told.
    failed: bool,
    /// The last line may be cut off.
    cut_off: bool,
}

impl Log {
    fn open(path: &Path, spared: &[PathBuf], screen: Screen) -> io::Result<Self> {
        if crate::report::file::is_one_of(path, spared) {
            return Err(not_a_log("it is a file of this migration itself"));
        }
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(not_a_log("it is not a regular file"));
        }
        let mut options = OpenOptions::new();
        options.append(true).read(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let cut_off = looked_at(&file)?;
        Ok(Self {
            path: path.to_owned(),
            screen,
            end: Mutex::new(End {
                file,
                failed: false,
                cut_off,
            }),
        })
    }

    fn append(&self, line: &[u8]) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = end.append(line) else { return };
        end.cut_off = true;
        if !std::mem::replace(&mut end.failed, true) {
            self.screen.problem(&format!(
                "The log {} cannot be written: {error}. The work goes on, without what is missing there.",
                self.path.display()
            ));
        }
    }
}

impl End {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.cut_off {
            self.file.write_all(b"\n")?;
            self.cut_off = false;
        }
        self.file.write_all(line)
    }
}

/// Refuses what is no log; true where its last line is cut off.
fn looked_at(file: &File) -> io::Result<bool> {
    let mut first = Vec::new();
    let most = u64::try_from(BEGINS.len()).unwrap_or(0);
    BufReader::new(file.take(most)).read_until(b'\n', &mut first)?;
    if first.is_empty() || first == b"\n" {
        return Ok(false);
    }
    if first != BEGINS.as_bytes() {
        return Err(not_a_log("something other than a log is there"));
    }
    let mut last = [0];
    let mut file = file;
    io::Seek::seek(&mut file, io::SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn not_a_log(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// What `tracing` writes a line into: it is told that all went well, since nothing shall come of it.
struct Line<'a>(&'a Log);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Settings;
    use crate::report::screen::tests::Written;

    fn silent() -> Screen {
        Screen::writing_to(Settings::default(), Box::new(Written::default()))
    }

    #[test]
    fn only_words_are_codes() {
        assert_eq!(code("card_declined"), Some("card_declined"));
        for told in ["", "Jenny Rosen", "jenny@example.com", "A", &"a".repeat(65)] {
            assert_eq!(code(told), None, "{told}");
        }
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_spoil_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let half = format!("{BEGINS}2026");
        std::fs::write(&path, &half).unwrap();
        Log::open(&path, &[], silent()).unwrap().append(b"{}\n");
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!("{half}\n{{}}\n")
        );
        Log::open(&path, &[], silent()).unwrap().append(b"{}\n");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{half}\n{{}}\n{{}}\n"));
    }

    #[test]
    fn what_is_no_log_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("customers.csv");
        for there in ["legacy_id,email\n", "SQLite format 3\0", "{\"world\":1}"] {
            std::fs::write(&path, there).unwrap();
            assert!(Log::open(&path, &[], silent()).is_err(), "{there}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), there);
        }
        assert!(Log::open(directory.path(), &[], silent()).is_err());
        let state = directory.path().join("pmclone.db");
        assert!(Log::open(&state, std::slice::from_ref(&state), silent()).is_err());
        assert!(!state.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_once_and_stops_nothing() {
        let written = Written::default();
        let log = Log {
            path: PathBuf::from("full"),
            screen: Screen::writing_to(Settings::default(), Box::new(written.clone())),
            end: Mutex::new(End {
                file: OpenOptions::new().write(true).open("/dev/full").unwrap(),
                failed: false,
                cut_off: false,
            }),
        };
        for _ in 0..3 {
            let mut line = log.make_writer();
            line.write_all(b"{}\n").unwrap();
        }
        assert_eq!(written.text().matches("cannot be written").count(), 1);
    }
}
