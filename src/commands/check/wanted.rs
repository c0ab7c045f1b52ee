//! What is looked up beforehand, and how many reads that takes at most.

use rusqlite::Connection;

use super::length;
use crate::check::{Asked, Source};
use crate::cli::{Looks, Sources};
use crate::failure::Failure;
use crate::ids::{CustomerId, PaymentMethodId};
use crate::report::words::{count, number};
use crate::store::{self, CustomerSeq, Loaded, Loader, Migration, StoreError};

/// Customers whose sources are looked up where not all are.
const SAMPLE: u64 = 100;
/// Customers that hold a source which the CSV says is somebody else's, looked up at most.
pub const HOLDERS: usize = 20;
/// Half of what Stripe allots to the smallest platform in a month.
const MAX_READS: u64 = 5_000;
/// Customers read from the state at once.
const PAGE: u32 = 256;

/// A Customer that the CSV wants adopted, and how it is named.
pub type Adopted = (String, CustomerId);

/// What is looked up.
pub struct Wanted {
    /// Whose sources.
    pub sources: Sources,
    /// Connected accounts.
    pub accounts: Vec<Asked>,
    /// Platform Customers.
    pub adopted: Vec<Adopted>,
    /// Sources.
    pub methods: Vec<(Source, PaymentMethodId)>,
    /// Sources that there are.
    pub all_sources: u64,
    /// All reads, at most.
    pub reads: u64,
    /// That of the state file, if there is one.
    pub migration: Option<Migration>,
}

impl Wanted {
    /// What the state asks for, as far as it is to be looked up. Where that is too much, nothing is gathered.
    pub fn of(conn: &Connection, looks: &Looks) -> Result<Self, StoreError> {
        let sources = looks.sources.unwrap_or(Sources::Sample);
        let accounts = store::accounts_asked(conn)?;
        let accounts = accounts
            .into_iter()
            .map(|(id, customers)| Asked { id, customers });
        let (all_sources, all_adopted) = store::sources_asked(conn)?;
        let mut wanted = Self {
            sources,
            accounts: accounts.collect(),
            adopted: Vec::new(),
            methods: Vec::new(),
            all_sources,
            reads: 0,
            migration: Migration::read(conn)?,
        };
        let most = looks.max_reads.map_or(MAX_READS, std::num::NonZeroU64::get);
        wanted.reads = match sources {
            Sources::None => wanted.count(0, 0),
            Sources::All => wanted.count(all_sources, all_adopted),
            Sources::Sample => 0,
        };
        // What is not allowed is not gathered either.
        if wanted.reads > most {
            return Ok(wanted);
        }
        let only = match sources {
            Sources::None => Some(Vec::new()),
            Sources::Sample => Some(store::sample(conn, SAMPLE, &[])?),
            Sources::All => None,
        };
        wanted.gather(conn, only.as_deref())?;
        wanted.reads = wanted.count(length(&wanted.methods), length(&wanted.adopted));
        Ok(wanted)
    }

    fn gather(
        &mut self,
        conn: &Connection,
        only: Option<&[CustomerSeq]>,
    ) -> Result<(), StoreError> {
        let loader = Loader::new(conn)?;
        let mut after = CustomerSeq::default();
        loop {
            let page = match only {
                Some(only) => loader.open_of(only, after, PAGE)?,
                None => loader.open_page(after, PAGE)?,
            };
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.seq;
            for loaded in page {
                self.take(loaded);
            }
        }
    }

    fn take(&mut self, loaded: Loaded) {
        let customer = loaded.customer;
        let holder = customer.platform_customer().cloned();
        if let Some(adopted) = customer.platform_customer {
            let label = format!("{} ({adopted})", customer.legacy_id);
            self.adopted.push((label, adopted));
        }
        for (position, id) in customer.sources.into_iter().enumerate() {
            let asks = |sources: &[u32]| {
                u32::try_from(position).is_ok_and(|position| sources.contains(&position))
            };
            let accounts = customer.targets.iter();
            let source = Source {
                label: format!("{} ({id})", customer.legacy_id),
                customer: holder.clone(),
                accounts: accounts
                    .filter(|target| asks(&target.sources))
                    .map(|target| target.account.clone())
                    .collect(),
            };
            self.methods.push((source, id));
        }
    }

    /// Reads, at most, for so many sources and Customers: whose key it is, each account, each of them, and some that hold a
    /// source which should be another's.
    fn count(&self, sources: u64, adopted: u64) -> u64 {
        let holders = sources.min(u64::try_from(HOLDERS).unwrap_or(0));
        1 + length(&self.accounts) + adopted + sources + holders
    }

    /// Refuses more reads than are allowed.
    pub fn allowed(&self, looks: &Looks) -> Result<(), Failure> {
        let most = looks.max_reads.map_or(MAX_READS, std::num::NonZeroU64::get);
        if self.reads <= most {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "this would take up to {} reads, and at most {} are allowed: nothing was read",
            number(self.reads),
            number(most)
        ))
        .hint("Stripe allots some 500 reads for each payment of the last 30 days, and 10,000 at least")
        .hint(format!(
            "look up fewer (--sources sample, or none), or allow them: --max-reads {}",
            self.reads
        )))
    }

    /// What will be read, before it is.
    pub fn told(&self) -> String {
        let sources = match self.sources {
            Sources::None => "no sources".to_owned(),
            Sources::All | Sources::Sample => format!(
                "{} of {}",
                number(length(&self.methods)),
                count(self.all_sources, "source")
            ),
        };
        format!(
            "Reading at most {}: {}, {sources}, {} to adopt. Nothing is written.",
            count(self.reads, "object"),
            count(length(&self.accounts), "account"),
            count(length(&self.adopted), "Customer"),
        )
    }
}
