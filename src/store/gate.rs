//! Where a drill holds each commit: the child writes a line to stdout, and waits for one on stdin.
//!
//! Only a run that `pmclone drill` started has one. Such a child does not outlive its drill: it ends at once when stdin does.

use std::io::{self, BufRead, Write};
use std::sync::mpsc;

use crate::exit::Exit;

/// Which side of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Everything is written, nothing is durable.
    Begun,
    /// Durable, and nobody was told yet.
    Done,
}

/// The child's side of a drill.
#[derive(Debug)]
pub struct Gate {
    words: mpsc::Receiver<()>,
}

impl Gate {
    /// Takes stdin and stdout.
    pub fn open() -> io::Result<Self> {
        let (word, words) = mpsc::channel();
        std::thread::Builder::new()
            .name("drill".to_owned())
            .spawn(move || {
                for line in io::stdin().lock().lines() {
                    if line.is_err() || word.send(()).is_err() {
                        break;
                    }
                }
                leave();
            })?;
        Ok(Self { words })
    }

    /// Waits at a commit of `what`.
    pub fn pass(&self, commit: Commit, what: &str) {
        let word = match commit {
            Commit::Begun => "begun",
            Commit::Done => "done",
        };
        let told = || {
            let mut out = io::stdout().lock();
            writeln!(out, "{word}{what}").and_then(|()| out.flush())
        };
        if told().is_err() || self.words.recv().is_err() {
            leave();
        }
    }
}

/// The drill is gone, and nobody would ever look at what came of this run.
#[expect(
    clippy::exit,
    reason = "a child ends with its drill, whatever it is about"
)]
fn leave() -> ! {
    std::process::exit(Exit::Interrupted.code().into())
}
