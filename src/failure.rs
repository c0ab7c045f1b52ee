//! An error as the person at the terminal meets it: what happened, what to do, and the exit code.

use crate::exit::Exit;
use crate::store::StoreError;
use crate::stripe::{Stop, StopKind};

/// What a command ends with when it cannot do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened: one sentence, or a few.
    pub message: String,
    /// What to do; one line each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without hints.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// Wrong usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Refused for safety.
    pub fn safety(message: impl Into<String>) -> Self {
        Self::new(Exit::Safety, message)
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A failure of the state file at `path`.
    pub fn store(path: &std::path::Path, error: &StoreError) -> Self {
        let exit = match error {
            StoreError::Missing => Exit::NoState,
            StoreError::Busy => Exit::Busy,
            StoreError::NotOurs | StoreError::Directory | StoreError::Version { .. } => Exit::Usage,
            StoreError::Io(_)
            | StoreError::Sqlite(_)
            | StoreError::NotDurable(_)
            | StoreError::WriterFailed(_)
            | StoreError::Damaged(_)
            | StoreError::Defect(_) => Exit::Unexpected,
        };
        let failure = Self::new(exit, format!("{}: {error}", path.display()));
        if matches!(error, StoreError::Damaged(_)) {
            failure
                .hint("put back a copy that was made since the last run, with its -wal; or move it away, and rebuild it from Stripe: pmclone recover CSV")
                .hint("never begin anew with `pmclone run` instead: that would make everything twice")
        } else {
            failure
        }
    }

    /// Stripe refuses to go on.
    pub fn stop(stop: &Stop) -> Self {
        let exit = match stop.kind {
            StopKind::Key | StopKind::Permission => Exit::Key,
            StopKind::WrongMode | StopKind::NotStripe => Exit::Safety,
            StopKind::ApiVersion => Exit::Unexpected,
        };
        Self::new(exit, format!("stopped: {stop}"))
    }
}

/// Writing to stdout failed.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Unexpected, format!("cannot write: {error}"))
    }
}
