//! The documented exit codes, in one place. Other programs read them: a number never changes its meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for is done.
    Done,
    /// Something that the tool did not foresee.
    Unexpected,
    /// Wrong usage or configuration.
    Usage,
    /// Finished, with some customers refused, parked or in doubt.
    Incomplete,
    /// The input has problems, or `check` found blockers.
    Input,
    /// Refused for safety: mode, account or confirmation.
    Safety,
    /// The key is missing, wrong, or lacks a permission.
    Key,
    /// Stopped by a stop-loss.
    StopLoss,
    /// Stopped by a limit that was asked for, with work left.
    Limit,
    /// What is at Stripe is not what was asked for: `verify` found a difference, or `drill` something lost, doubled, or left in doubt.
    Difference,
    /// There is no state file.
    NoState,
    /// Another run holds the state file.
    Busy,
    /// Interrupted (Ctrl-C); the state is saved.
    Interrupted,
    /// Terminated (SIGTERM); the state is saved.
    Terminated,
}

impl Exit {
    /// Every way to end, in the order of the codes.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Incomplete,
        Self::Input,
        Self::Safety,
        Self::Key,
        Self::StopLoss,
        Self::Limit,
        Self::Difference,
        Self::NoState,
        Self::Busy,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Input => 4,
            Self::Safety => 5,
            Self::Key => 6,
            Self::StopLoss => 7,
            Self::Limit => 8,
            Self::Difference => 9,
            Self::NoState => 10,
            Self::Busy => 11,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
