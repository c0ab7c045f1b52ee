//! `pmclone check`, and `run --dry-run --online`: what Stripe says of a CSV, asked by reading alone.
//!
//! Reads are scarce (Stripe allots 10,000 a month to the smallest platform), so they are counted first, said aloud, and
//! not begun where they are more than was allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::task::JoinSet;

use super::dry_run::copy_of;
use super::import::import;
use super::interrupt;
use super::rehearsal::{Rehearsal, World};
use super::run::listen;
use super::session::{self, Destination, Purpose, Session};
use super::{gone_is_fine, runtime};
use crate::check::{Asked, Findings, Looked, Month, Source};
use crate::cli::{self, Looks, Sources};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::{AccountId, CustomerId, MigrationId, PaymentMethodId};
use crate::report::check::Checked;
use crate::report::words::{count, number};
use crate::report::{self, print_json};
use crate::store::{self, CustomerSeq, Loaded, Loader, Migration, StoreError};
use crate::stripe::{AccountFacts, Client, PaymentMethodFacts, ReadAnswer, Stop};
use crate::time::StripeTime;

/// Customers whose sources are looked up where not all are.
const SAMPLE: u64 = 100;
/// Customers that hold a source which the CSV says is somebody else's, looked up at most.
const HOLDERS: usize = 20;
/// Half of what Stripe allots to the smallest platform in a month.
const MAX_READS: u64 = 5_000;
/// Customers read from the state at once.
const PAGE: u32 = 256;

/// Checks, and tells.
pub fn check(config: &Config, args: &cli::Check) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let conn = copy_of(&state, args.rehearsal.simulate)?;
    let read = import(&conn, &args.csv, |_| Ok(()), || Ok(()))?;
    if !read.problems.is_empty() {
        let told = report::import::problems(&args.csv, &read.facts, &read.problems);
        config.screen.problem(told.trim_end());
    }
    if read.imported.is_none() {
        let errors = count(read.problems.errors(), "error");
        return Err(Failure::new(
            Exit::Input,
            format!("{errors} in {}: Stripe was not asked", args.csv.display()),
        )
        .hint("mend them, and run the same command again"));
    }
    let checked = look(
        config,
        &conn,
        &state,
        &args.looks,
        &args.stripe,
        &args.rehearsal,
    )?;
    if config.json {
        gone_is_fine(print_json(&mut io::stdout(), &checked.json()))?;
    } else {
        let text = checked.text(config.stdout_look());
        gone_is_fine(report::print(&mut io::stdout(), &text))?;
    }
    Ok(checked.exit())
}

/// Looks at Stripe for what the state asks for. Nothing is kept of it.
pub fn look(
    config: &Config,
    conn: &Connection,
    state: &Path,
    looks: &Looks,
    stripe: &cli::Stripe,
    rehearsal: &cli::Rehearsal,
) -> Result<Checked, Failure> {
    if let Some(option) = rehearsal.misplaced() {
        return Err(Failure::usage(format!(
            "{option} is for a rehearsal: add --simulate, or leave it out"
        )));
    }
    let wanted = Wanted::of(conn, looks).map_err(|error| Failure::store(state, &error))?;
    wanted.allowed(looks)?;
    config.screen.line(&wanted.told());
    runtime()?.block_on(begin(config, conn, state, wanted, stripe, rehearsal))
}

/// A Customer that the CSV wants adopted, and how it is named.
type Adopted = (String, CustomerId);

/// What is looked up.
struct Wanted {
    sources: Sources,
    accounts: Vec<Asked>,
    adopted: Vec<Adopted>,
    methods: Vec<(Source, PaymentMethodId)>,
    /// Sources that there are.
    all_sources: u64,
    /// All reads, at most.
    reads: u64,
    migration: Option<Migration>,
}

impl Wanted {
    fn of(conn: &Connection, looks: &Looks) -> Result<Self, StoreError> {
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
                Some(only) => loader.open_among(only, after, PAGE)?,
                None => loader.open_page(after, PAGE)?,
            };
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.seq;
            page.into_iter().for_each(|loaded| self.take(loaded));
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

    fn allowed(&self, looks: &Looks) -> Result<(), Failure> {
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

    fn told(&self) -> String {
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

async fn begin(
    config: &Config,
    conn: &Connection,
    state: &Path,
    wanted: Wanted,
    stripe: &cli::Stripe,
    rehearsal: &cli::Rehearsal,
) -> Result<Checked, Failure> {
    let (pressed, draining) = listen()?;
    // The simulated world of a check is its own, and goes with it.
    let folder = tempfile::tempdir()?;
    let simulated = if rehearsal.simulate {
        let world = folder.path().join("check.db");
        let started = Rehearsal::start(rehearsal, &world, World::New).await?;
        started
            .seed_adopted(conn)
            .map_err(|error| Failure::store(state, &error))?;
        Some(started)
    } else {
        None
    };
    let destination = match &simulated {
        Some(rehearsal) => rehearsal.destination()?,
        None => Destination::to_read(config, stripe)?,
    };
    let concurrency = config.concurrency(stripe);
    let reading = async {
        let session = session::begin(
            config,
            stripe,
            destination,
            Purpose::Read,
            draining.subscribe(),
        )
        .await?;
        if let Some(migration) = &wanted.migration {
            session::bound_to(
                migration,
                &session.account.id,
                session.client.mode(),
                rehearsal.simulate,
            )?;
        }
        read(wanted, session, concurrency).await
    };
    let checked = interrupt::unless(pressed, reading).await;
    if let Some(simulated) = simulated {
        simulated.stop().await?;
    }
    checked
}

async fn read(wanted: Wanted, session: Session, most: usize) -> Result<Checked, Failure> {
    let client = &session.client;
    let mut findings = Findings::default();
    let platform_country = session.account.country.as_deref();
    let ids = wanted.accounts.iter().map(|asked| asked.id.clone());
    let looked = side_by_side(
        client,
        ids.collect(),
        most,
        |client, id: AccountId| async move { client.account(Some(&id)).await },
    )
    .await?;
    let accounts: Vec<_> = wanted.accounts.into_iter().zip(looked).collect();
    let mut found: BTreeMap<AccountId, AccountFacts> = BTreeMap::new();
    for (asked, looked) in &accounts {
        findings.account(platform_country, asked, looked);
        if let Looked::Found(facts) = looked {
            found.insert(asked.id.clone(), facts.clone());
        }
    }
    let now = month(client.clock().earliest_now());
    let ids = wanted.methods.iter().map(|(_, id)| id.clone());
    let looked = side_by_side(
        client,
        ids.collect(),
        most,
        |client, id: PaymentMethodId| async move { client.payment_method(&id, None).await },
    )
    .await?;
    for ((source, _), looked) in wanted.methods.iter().zip(&looked) {
        findings.source(source, looked, &found, now);
    }
    let holders = holders(&wanted.methods, &looked);
    let customers_looked = length(&wanted.adopted);
    let ours = wanted.migration.map(|migration| migration.id);
    customers(client, &mut findings, wanted.adopted, true, ours, most).await?;
    customers(client, &mut findings, holders, false, ours, most).await?;
    Ok(Checked {
        reads_planned: wanted.reads,
        reads: client.counts().sent,
        livemode: client.mode().is_live(),
        api_base: session.api_base.clone(),
        platform: session.account.clone(),
        accounts,
        sources: wanted.sources,
        sources_looked: length(&wanted.methods),
        sources_all: wanted.all_sources,
        customers_looked,
        findings,
    })
}

/// Who holds what should be another's, each once.
fn holders(
    methods: &[(Source, PaymentMethodId)],
    looked: &[Looked<PaymentMethodFacts>],
) -> Vec<Adopted> {
    let mut met = BTreeSet::new();
    let mut holders = Vec::new();
    for ((source, _), looked) in methods.iter().zip(looked) {
        if let Looked::Found(facts) = looked
            && let Some(holder) = &facts.customer
            && source.customer.as_ref() != Some(holder)
            && holders.len() < HOLDERS
            && met.insert(holder.clone())
        {
            holders.push((format!("{} held by {holder}", source.label), holder.clone()));
        }
    }
    holders
}

async fn customers(
    client: &Arc<Client>,
    findings: &mut Findings,
    customers: Vec<Adopted>,
    adopted: bool,
    ours: Option<MigrationId>,
    most: usize,
) -> Result<(), Failure> {
    let ids = customers.iter().map(|(_, id)| id.clone());
    let looked = side_by_side(
        client,
        ids.collect(),
        most,
        |client, id: CustomerId| async move { client.customer(&id, None).await },
    )
    .await?;
    for ((label, _), looked) in customers.iter().zip(&looked) {
        findings.customer(label, looked, adopted, ours);
    }
    Ok(())
}

/// Looks at all of `ids`, at most `most` at once, and gives what came of each in their order.
async fn side_by_side<I, T, F>(
    client: &Arc<Client>,
    ids: Vec<I>,
    most: usize,
    look: impl Fn(Arc<Client>, I) -> F,
) -> Result<Vec<Looked<T>>, Failure>
where
    T: Send + 'static,
    F: Future<Output = ReadAnswer<T>> + Send + 'static,
{
    let mut all: Vec<Option<Looked<T>>> = ids.iter().map(|_| None).collect();
    let mut left = ids.into_iter().enumerate();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < most
            && let Some((index, id)) = left.next()
        {
            let looking = look(Arc::clone(client), id);
            tasks.spawn(async move { (index, looking.await) });
        }
        let Some(joined) = tasks.join_next().await else {
            break;
        };
        let broke_off =
            |error| Failure::new(Exit::Unexpected, format!("a look-up broke off: {error}"));
        let (index, answer) = joined.map_err(broke_off)?;
        all[index] = Some(looked(answer).map_err(|stop| Failure::stop(&stop))?);
    }
    Ok(all
        .into_iter()
        .map(|looked| looked.unwrap_or(Looked::Unread))
        .collect())
}

fn looked<T>(answer: ReadAnswer<T>) -> Result<Looked<T>, Stop> {
    Ok(match answer {
        ReadAnswer::Found(found) => Looked::Found(found),
        ReadAnswer::Missing(refusal) if refusal.exists_in_other_mode() => Looked::OtherMode,
        ReadAnswer::Missing(_) => Looked::Missing,
        ReadAnswer::AccountInvalid(_) => Looked::NoAccess,
        ReadAnswer::Failed(_) => Looked::Unread,
        ReadAnswer::Stop(stop) => return Err(stop),
    })
}

/// Cards are good until their month is over, anywhere on earth.
fn month(now: Option<StripeTime>) -> Month {
    let at = now.and_then(|now| jiff::Timestamp::from_second(now.0).ok());
    let date = at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    date.map_or((0, 0), |date| {
        let part = |part: i16| u32::try_from(part).unwrap_or(0);
        (part(date.year()), part(date.month().into()))
    })
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
