//! What is looked up beforehand, and how many reads that takes at most.

use rusqlite::Connection;

use super::length;
use crate::check::{Asked, Source};
use crate::cli::{Looks, Sources};
use crate::failure::Failure;
use crate::ids::{CustomerId, PaymentMethodId};
use crate::report::words::{count, number};
use crate::store::{self, CustomerSeq, Loaded, Loader, Migration, SourcesAsked, StoreError};

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
    /// The customers whose sources are looked up, in rising order; `None`: all.
    only: Option<Vec<CustomerSeq>>,
    /// Platform Customers and sources that are looked up, by number.
    looked_up: SourcesAsked,
    /// Sources that there are.
    pub all_sources: u64,
    /// All reads, at most.
    pub reads: u64,
    /// That of the state file, if there is one.
    pub migration: Option<Migration>,
}

/// What is looked up of some customers.
#[derive(Default)]
pub struct Page {
    /// Sources.
    pub methods: Vec<(Source, PaymentMethodId)>,
    /// Platform Customers.
    pub adopted: Vec<Adopted>,
}

/// All that is looked up, some customers at a time: ten million are not held in memory.
pub struct Pages<'c> {
    loader: Loader<&'c Connection>,
    only: Option<&'c [CustomerSeq]>,
    after: CustomerSeq,
}

impl Pages<'_> {
    /// The next customers'.
    pub fn next(&mut self) -> Result<Option<Page>, StoreError> {
        let loaded = match self.only {
            Some(only) => self.loader.open_of(only, self.after, PAGE)?,
            None => self.loader.open_page(self.after, PAGE)?,
        };
        let Some(last) = loaded.last() else {
            return Ok(None);
        };
        self.after = last.seq;
        let mut page = Page::default();
        for each in loaded {
            page.take(each);
        }
        Ok(Some(page))
    }
}

impl Page {
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
}

impl Wanted {
    /// What the state asks for, as far as it is to be looked up.
    pub fn of(conn: &Connection, looks: &Looks) -> Result<Self, StoreError> {
        let sources = looks.sources.unwrap_or(Sources::Sample);
        let accounts = store::accounts_asked(conn)?;
        let accounts = accounts
            .into_iter()
            .map(|(id, customers)| Asked { id, customers });
        let all = store::sources_asked(conn)?;
        let mut wanted = Self {
            sources,
            accounts: accounts.collect(),
            only: match sources {
                Sources::None => Some(Vec::new()),
                Sources::Sample => Some(store::sample(conn, SAMPLE, &[])?),
                Sources::All => None,
            },
            looked_up: all,
            all_sources: all.sources,
            reads: 0,
            migration: Migration::read(conn)?,
        };
        if wanted.only.is_some() {
            wanted.count_pages(conn)?;
        }
        wanted.reads = wanted.count();
        Ok(wanted)
    }

    /// What is looked up, some customers at a time.
    pub fn pages<'c>(&'c self, conn: &'c Connection) -> Result<Pages<'c>, StoreError> {
        Ok(Pages {
            loader: Loader::new(conn)?,
            only: self.only.as_deref(),
            after: CustomerSeq::default(),
        })
    }

    fn count_pages(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let (mut sources, mut customers) = (0, 0);
        let mut pages = self.pages(conn)?;
        while let Some(page) = pages.next()? {
            sources += length(&page.methods);
            customers += length(&page.adopted);
        }
        self.looked_up = SourcesAsked {
            sources,
            customers,
            ..self.looked_up
        };
        Ok(())
    }

    /// Reads, at most: whose key it is, each account, each source and Customer, and some that hold a source which should be another's.
    fn count(&self) -> u64 {
        let SourcesAsked {
            sources, customers, ..
        } = self.looked_up;
        let holders = sources.min(u64::try_from(HOLDERS).unwrap_or(0));
        1 + length(&self.accounts) + customers + sources + holders
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
                number(self.looked_up.sources),
                count(self.all_sources, "source")
            ),
        };
        let finished = match self.looked_up.finished {
            0 => String::new(),
            finished => format!(" {} finished already, and passed over.", are(finished)),
        };
        format!(
            "Reading at most {}: {}, {sources}, {} to adopt. Nothing is written.{finished}",
            count(self.reads, "object"),
            count(length(&self.accounts), "account"),
            count(self.looked_up.customers, "Customer"),
        )
    }
}

fn are(customers: u64) -> String {
    let verb = if customers == 1 { "is" } else { "are" };
    format!("{} {verb}", count(customers, "customer"))
}
