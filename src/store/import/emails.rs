//! Customers with the same e-mail address: found by hashes, in memory that stays the same however many there are.
//!
//! The filter of what was met tells which addresses may be met a second time; a log of all of them, in memory while it is small and in a
//! nameless temporary file after that, is read once at the end to say which are. It holds hashes and line numbers, nothing of anybody.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};

use tempfile::SpooledTempFile;

use crate::ids::LegacyId;
use crate::input::{Problem, Problems};

/// What the log holds in memory.
const IN_MEMORY: usize = 4 * 1024 * 1024;

/// Addresses that are followed up; so many that occur twice are a sign that they are no addresses of persons.
const SUSPECTS_MAX: usize = 500_000;

/// Bytes of an entry: hash of the address, hash of the customer, line.
const ENTRY: usize = 24;

pub(super) struct Emails {
    hasher: RandomState,
    log: BufWriter<SpooledTempFile>,
    /// Hashes of addresses that may have been met before, and by whom first.
    suspects: HashMap<u64, Option<(u64, u64)>>,
}

impl Emails {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            log: BufWriter::new(SpooledTempFile::new(IN_MEMORY)),
            suspects: HashMap::new(),
        }
    }

    /// Takes a customer's address; `met` says whether it may have been met before.
    pub(super) fn take(
        &mut self,
        email: &str,
        met: bool,
        customer: &LegacyId,
        line: u64,
    ) -> io::Result<()> {
        let hash = self.hasher.hash_one(email);
        if met && self.suspects.len() < SUSPECTS_MAX {
            self.suspects.insert(hash, None);
        }
        let customer = self.hasher.hash_one(customer.as_str());
        for number in [hash, customer, line] {
            self.log.write_all(&number.to_le_bytes())?;
        }
        Ok(())
    }

    /// Tells of the customers that share an address, each with the first that has it.
    pub(super) fn finish(mut self, problems: &mut Problems) -> io::Result<()> {
        if self.suspects.is_empty() {
            return Ok(());
        }
        let mut log = self
            .log
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        log.rewind()?;
        let mut log = BufReader::new(log);
        let mut entry = [0; ENTRY];
        loop {
            match log.read_exact(&mut entry) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
            let [hash, customer, line] = numbers(&entry);
            match self.suspects.get_mut(&hash) {
                Some(first @ None) => *first = Some((customer, line)),
                Some(Some((other, first))) if *other != customer => {
                    problems.add(Problem::same_email(line, *first));
                }
                Some(Some(_)) | None => {}
            }
        }
    }
}

fn numbers(entry: &[u8; ENTRY]) -> [u64; 3] {
    let mut numbers = [0; 3];
    for (number, bytes) in numbers.iter_mut().zip(entry.as_chunks::<8>().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    numbers
}
