//! One receipt for each connected account: what was put there, for whoever owns it. It holds nothing of other accounts.
//!
//! The mapping comes customer by customer, so the lines of an account come between those of others: each is gathered in memory and
//! written out when all of them together have grown. The sums stand at the end, as on any receipt. All receipts are written beside
//! their places, and get their names together at the end.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::export::{Fate, Row};
use super::status::Customers;
use super::status::people::word;
use super::words::second;
use crate::ids::{AccountId, LegacyId};
use crate::spreadsheet;
use crate::state::Standing;
use crate::time::StripeTime;

/// What is gathered before it is written out, all accounts together.
const GATHERED_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What every receipt says of the migration.
#[derive(Debug, Clone)]
pub struct Head {
    /// The migration's id.
    pub migration: String,
    /// The account whose key was used.
    pub platform_account: AccountId,
    /// `LIVE`, `test mode`, `a rehearsal`.
    pub mode: &'static str,
}

/// The receipts in the making. Dropped without [`Receipts::commit`], they leave nothing behind.
#[derive(Debug)]
pub struct Receipts {
    head: Head,
    place: PathBuf,
    beside: tempfile::TempDir,
    accounts: BTreeMap<AccountId, Receipt>,
    gathered_bytes: usize,
}

#[derive(Debug)]
struct Receipt {
    gathered: Vec<u8>,
    digest: Sha256,
    customers: [u64; 8],
    asked: u64,
    attached: u64,
    /// The customer of the last lines, and the worst of those.
    last: Option<(LegacyId, Standing)>,
}

/// The columns of a receipt's lines.
const HEADER: [&str; 5] = [
    "legacy_id",
    "connected_customer",
    "connected_payment_method",
    "is_default",
    "status",
];

impl Receipts {
    /// Begins receipts that will stand in `place`, a folder that is made where there is none.
    pub fn create(place: &Path, head: Head) -> io::Result<Self> {
        fs::create_dir_all(place)?;
        Ok(Self {
            head,
            place: place.to_owned(),
            beside: tempfile::Builder::new()
                .prefix(".receipts-")
                .tempdir_in(place)?,
            accounts: BTreeMap::new(),
            gathered_bytes: 0,
        })
    }

    /// Takes a line of the mapping; those of one customer come side by side. One without an account is on no receipt.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let Some(account) = &row.connected_account else {
            return Ok(());
        };
        if !self.accounts.contains_key(account) {
            let receipt = Receipt::begin(account, &self.head)?;
            self.accounts.insert(account.clone(), receipt);
        }
        if let Some(receipt) = self.accounts.get_mut(account) {
            let before = receipt.gathered.len();
            receipt.take(row)?;
            self.gathered_bytes += receipt.gathered.len() - before;
        }
        if self.gathered_bytes > GATHERED_MAX_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    /// Writes out what is gathered. One file is open at a time, however many accounts there are.
    fn write_out(&mut self) -> io::Result<()> {
        for (account, receipt) in &mut self.accounts {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(self.beside.path().join(name(account)))?;
            file.write_all(&receipt.gathered)?;
            receipt.gathered.clear();
        }
        self.gathered_bytes = 0;
        Ok(())
    }

    /// Writes the sums, brings all to the disk and gives them their names; tells how many there are.
    pub fn commit(mut self, as_of: Option<StripeTime>) -> io::Result<usize> {
        for receipt in self.accounts.values_mut() {
            receipt.end(as_of)?;
        }
        self.write_out()?;
        for account in self.accounts.keys() {
            let beside = self.beside.path().join(name(account));
            File::open(&beside)?.sync_all()?;
            fs::rename(beside, self.place.join(name(account)))?;
        }
        if cfg!(unix) {
            File::open(&self.place)?.sync_all()?;
        }
        self.beside.close()?;
        Ok(self.accounts.len())
    }
}

fn name(account: &AccountId) -> String {
    format!("{account}.txt")
}

impl Receipt {
    fn begin(account: &AccountId, head: &Head) -> io::Result<Self> {
        let mut gathered = Vec::new();
        writeln!(gathered, "Customers and payment methods on {account}")?;
        writeln!(
            gathered,
            "from platform  {} ({})",
            head.platform_account, head.mode
        )?;
        writeln!(gathered, "migration      {}", head.migration)?;
        writeln!(gathered)?;
        let mut receipt = Self {
            gathered,
            digest: Sha256::new(),
            customers: [0; 8],
            asked: 0,
            attached: 0,
            last: None,
        };
        receipt.line(&HEADER)?;
        Ok(receipt)
    }

    /// A line of the list, which the digest is of.
    fn line(&mut self, cells: &[&str]) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(cells)?;
        let line = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
        self.digest.update(&line);
        self.gathered.extend(line);
        Ok(())
    }

    fn take(&mut self, row: &Row) -> io::Result<()> {
        self.line(&[
            &spreadsheet::cell(row.legacy_id.as_str()),
            row.connected_customer.as_ref().map_or("", |id| id.as_str()),
            row.connected_payment_method
                .as_ref()
                .map_or("", |id| id.as_str()),
            if row.is_default { "true" } else { "false" },
            row.status.name(),
        ])?;
        let source = u64::from(row.platform_payment_method.is_some());
        self.asked += source;
        self.attached += if row.status == Fate::Stands(Standing::Migrated) {
            source
        } else {
            0
        };
        let Some(standing) = row.status.standing() else {
            return Ok(());
        };
        match &mut self.last {
            Some((customer, worst)) if *customer == row.legacy_id => {
                *worst = (*worst).min(standing);
            }
            _ => {
                self.count_last();
                self.last = Some((row.legacy_id.clone(), standing));
            }
        }
        Ok(())
    }

    fn count_last(&mut self) {
        if let Some((_, worst)) = self.last.take() {
            for (standing, customers) in Standing::ALL.iter().zip(&mut self.customers) {
                *customers += u64::from(*standing == worst);
            }
        }
    }

    fn end(&mut self, as_of: Option<StripeTime>) -> io::Result<()> {
        self.count_last();
        let customers = Customers::counted(self.customers);
        let out = &mut self.gathered;
        writeln!(out)?;
        writeln!(out, "customers        {}", customers.total)?;
        for standing in Standing::ALL.into_iter().rev() {
            if customers.of(standing) > 0 {
                writeln!(out, "  {:<15}{}", word(standing), customers.of(standing))?;
            }
        }
        writeln!(
            out,
            "payment methods  {} of {} attached",
            self.attached, self.asked
        )?;
        if let Some(at) = as_of {
            writeln!(out, "last change      {}", second(at))?;
        }
        write!(out, "SHA-256 of the lines from legacy_id on  ")?;
        for byte in self.digest.clone().finalize() {
            write!(out, "{byte:02x}")?;
        }
        writeln!(out)
    }
}
