//! Where a child is killed, what goes wrong on the wire, and how often each happened.

use crate::simulator::Fault;

/// A moment at which a child is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The whole CSV is imported, in a transaction that is not committed.
    ImportUncommitted,
    /// The import is committed.
    ImportCommitted,
    /// An intent is written, and not committed.
    IntentUncommitted,
    /// An intent is committed, and its request not sent.
    IntentCommitted,
    /// A write was sent, and nothing has come of it.
    RequestSent,
    /// A write was done, and not answered.
    RequestDone,
    /// A write was answered, and its outcome is not committed; often the next intent is in the same transaction.
    OutcomeUncommitted,
    /// An outcome is committed, with no intent beside it.
    OutcomeCommitted,
    /// A read was sent.
    ReadSent,
    /// A read was done, and not answered.
    ReadDone,
    /// Nothing moves: after a fault, the next attempt is waited for.
    Waiting,
}

impl Point {
    /// Every point, in the order in which a step meets them.
    pub const ALL: [Self; 11] = [
        Self::ImportUncommitted,
        Self::ImportCommitted,
        Self::IntentUncommitted,
        Self::IntentCommitted,
        Self::RequestSent,
        Self::RequestDone,
        Self::OutcomeUncommitted,
        Self::OutcomeCommitted,
        Self::ReadSent,
        Self::ReadDone,
        Self::Waiting,
    ];

    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImportUncommitted => "import_uncommitted",
            Self::ImportCommitted => "import_committed",
            Self::IntentUncommitted => "intent_uncommitted",
            Self::IntentCommitted => "intent_committed",
            Self::RequestSent => "request_sent",
            Self::RequestDone => "request_done",
            Self::OutcomeUncommitted => "outcome_uncommitted",
            Self::OutcomeCommitted => "outcome_committed",
            Self::ReadSent => "read_sent",
            Self::ReadDone => "read_done",
            Self::Waiting => "waiting",
        }
    }

    /// The same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ImportUncommitted => "CSV imported, not committed",
            Self::ImportCommitted => "import committed",
            Self::IntentUncommitted => "intent written, not committed",
            Self::IntentCommitted => "intent committed, request not sent",
            Self::RequestSent => "request sent, nothing done",
            Self::RequestDone => "done, not answered",
            Self::OutcomeUncommitted => "answered, outcome not committed",
            Self::OutcomeCommitted => "outcome committed",
            Self::ReadSent => "a read sent",
            Self::ReadDone => "a read done, not answered",
            Self::Waiting => "waiting to try again after a fault",
        }
    }

    /// The moment at a commit, by what a child tells of it: `begun` or `done`, and what is in it.
    pub fn of_commit(done: bool, what: &str) -> Self {
        let intent = what.contains("=started");
        let outcome = what
            .split(' ')
            .any(|each| each.contains('/') && !each.ends_with("=started"));
        match (done, what) {
            (false, " import") => Self::ImportUncommitted,
            (true, " import") => Self::ImportCommitted,
            (false, _) if outcome || !intent => Self::OutcomeUncommitted,
            (false, _) => Self::IntentUncommitted,
            (true, _) if intent => Self::IntentCommitted,
            (true, _) => Self::OutcomeCommitted,
        }
    }
}

const FAULT_COUNT: usize = 10;

/// What goes wrong on the wire. The last two are for writes alone: a read stores nothing.
pub static FAULTS: [Fault; FAULT_COUNT] = [
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::Half,
    Fault::RateLimit(Some("global-concurrency")),
    Fault::LockTimeout,
    Fault::Conflict,
    error(false, false),
    error(false, true),
    error(true, false),
    error(true, true),
];

/// How many of [`FAULTS`] can befall a read.
pub const FAULTS_OF_READS: usize = 7;

const fn error(stored: bool, done: bool) -> Fault {
    Fault::Error {
        status: 500,
        stored,
        done,
    }
}

/// How often what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By [`Point::ALL`].
    pub kills: [u64; Point::ALL.len()],
    /// By [`FAULTS`].
    pub faults: [u64; FAULT_COUNT],
    /// Children that went on after a kill.
    pub resumes: u64,
    /// Those of them that did so 25 hours later.
    pub resumes_later: u64,
    /// Migrations that were carried to their end.
    pub migrations: u64,
    /// Customers in them.
    pub customers: u64,
}

impl Tally {
    /// One kill more.
    pub fn kill(&mut self, point: Point) {
        let each = Point::ALL.iter().zip(&mut self.kills);
        each.filter(|(other, _)| **other == point)
            .for_each(|(_, kills)| *kills += 1);
    }

    /// One fault more.
    pub fn fault(&mut self, fault: &Fault) {
        let each = FAULTS.iter().zip(&mut self.faults);
        each.filter(|(other, _)| *other == fault)
            .for_each(|(_, faults)| *faults += 1);
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.kills.iter_mut().zip(other.kills) {
            *sum += more;
        }
        for (sum, more) in self.faults.iter_mut().zip(other.faults) {
            *sum += more;
        }
        self.resumes += other.resumes;
        self.resumes_later += other.resumes_later;
        self.migrations += other.migrations;
        self.customers += other.customers;
    }

    /// All kills.
    pub fn all_kills(&self) -> u64 {
        self.kills.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_known_by_what_is_in_it() {
        let intent = " 1/clone_payment_method/0/0=started";
        let both = " 1/clone_payment_method/0/0=done 1/create_connected_customer/0/0=started";
        let outcome = " 1/create_connected_customer/0/0=done 1=migrated";
        for (what, begun, done) in [
            (" import", Point::ImportUncommitted, Point::ImportCommitted),
            (intent, Point::IntentUncommitted, Point::IntentCommitted),
            (both, Point::OutcomeUncommitted, Point::IntentCommitted),
            (outcome, Point::OutcomeUncommitted, Point::OutcomeCommitted),
        ] {
            assert_eq!(Point::of_commit(false, what), begun, "{what}");
            assert_eq!(Point::of_commit(true, what), done, "{what}");
        }
    }
}
