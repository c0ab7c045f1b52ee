//! A run of the real program as a child process that waits at each commit, and can be killed at any moment.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use crate::simulator::Sighting;

/// The key that the child speaks with. It opens nothing else.
const DRILL_KEY: &str = "sk_test_drill";

/// What a child, or the simulator about it, tells.
#[derive(Debug)]
pub enum Event {
    /// A commit waits, before or after it is durable.
    Commit {
        /// It is durable.
        done: bool,
        /// What is in it.
        what: String,
    },
    /// A request waits.
    Request(Sighting),
    /// The child has closed its stdout.
    Ended,
}

/// A child that runs.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    words: ChildStdin,
    listener: JoinHandle<()>,
}

impl Child {
    /// Starts `command` in `place`, where its state file is, and its stderr goes.
    pub fn start(
        program: &Path,
        concurrency: u32,
        place: &Path,
        url: &str,
        command: &[OsString],
        events: Sender<Event>,
    ) -> std::io::Result<Self> {
        let stderr = std::fs::File::create(place.join(STDERR))?;
        let mut child = Command::new(program);
        child
            .args(command)
            .args(["--state", STATE, "--quiet", "--no-color", "--drill-gate"])
            .args(["--rate", "off", "--api-base", url, "--concurrency"])
            .arg(concurrency.to_string())
            .env("STRIPE_API_KEY", DRILL_KEY)
            .current_dir(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr);
        // A Ctrl-C is the drill's: it ends its children itself.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut child, 0);
        let mut process = child.spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let Some((words, out)) = pipes else {
            return Err(std::io::Error::other("a child without pipes"));
        };
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let Ok(line) = line else { break };
                let (word, what) = line.split_at(line.find(' ').unwrap_or(line.len()));
                let commit = Event::Commit {
                    done: word == "done",
                    what: what.to_owned(),
                };
                if events.send(commit).is_err() {
                    return;
                }
            }
            // Nobody waits for it where the drill has ended.
            drop(events.send(Event::Ended));
        });
        Ok(Self {
            process,
            words,
            listener,
        })
    }

    /// Lets the commit go on that waits. A child that is gone shows by its end.
    pub fn go_on(&mut self) {
        drop(self.words.write_all(b"\n"));
    }

    /// SIGKILL; returns when the child is gone and has nothing more to tell.
    pub fn kill(mut self) -> std::io::Result<()> {
        self.process.kill()?;
        self.wait().map(drop)
    }

    /// Waits for its end; the exit code, if it was not killed by somebody else.
    pub fn wait(mut self) -> std::io::Result<Option<i32>> {
        let status = self.process.wait()?;
        let heard = self.listener.join();
        heard.map_err(|_| std::io::Error::other("a thread of the drill broke off"))?;
        Ok(status.code())
    }
}

/// Where a child's stderr goes.
pub const STDERR: &str = "stderr.txt";
/// A child's state file.
pub const STATE: &str = "drill.db";
