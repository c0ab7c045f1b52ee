//! `pmclone check`, and `run --dry-run --online`: what Stripe says of a CSV, asked by reading alone.
//!
//! Reads are scarce (Stripe allots 10,000 a month to the smallest platform), so they are counted first, said aloud, and
//! not begun where they are more than was allowed.

mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::task::JoinSet;

use self::wanted::{Adopted, HOLDERS, Wanted};
use super::dry_run::copy_of;
use super::import::{Csv, import};
use super::interrupt;
use super::rehearsal::{Rehearsal, World};
use super::run::listen;
use super::session::{self, Destination, Purpose, Session};
use super::{gone_is_fine, runtime};
use crate::check::{Findings, Looked, Month, Source};
use crate::cli::{self, Looks};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::{AccountId, CustomerId, MigrationId, PaymentMethodId};
use crate::report::check::Checked;
use crate::report::words::count;
use crate::report::{self, print_json};
use crate::store::StoreError;
use crate::stripe::{AccountFacts, Client, PaymentMethodFacts, ReadAnswer, Stop};
use crate::time::StripeTime;

/// Checks, and tells.
pub fn check(config: &Config, args: &cli::Check) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let conn = copy_of(&state, args.rehearsal.simulate)?;
    let reading = config.reading(&args.input)?;
    let csv = Csv::new(&args.csv, &reading);
    let read = import(&conn, csv, |_| Ok(()), || Ok(()))?;
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
        None => Destination::stripe(config, stripe, Purpose::Read)?,
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
        read((conn, state), wanted, session, concurrency).await
    };
    let checked = interrupt::unless(pressed, reading).await;
    if let Some(simulated) = simulated {
        simulated.stop().await?;
    }
    checked
}

async fn read(
    (conn, state): (&Connection, &Path),
    wanted: Wanted,
    session: Session,
    most: usize,
) -> Result<Checked, Failure> {
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
    let accounts: Vec<_> = wanted.accounts.iter().cloned().zip(looked).collect();
    let mut found: BTreeMap<AccountId, AccountFacts> = BTreeMap::new();
    for (asked, looked) in &accounts {
        findings.account(platform_country, asked, looked);
        if let Looked::Found(facts) = looked {
            found.insert(asked.id.clone(), facts.clone());
        }
    }
    let now = month(client.clock().earliest_now());
    let ours = wanted.migration.as_ref().map(|migration| migration.id);
    let of = |error: StoreError| Failure::store(state, &error);
    let (mut sources_looked, mut customers_looked) = (0, 0);
    let mut holders = Holders::default();
    let mut pages = wanted.pages(conn).map_err(of)?;
    while let Some(page) = pages.next().map_err(of)? {
        let ids = page.methods.iter().map(|(_, id)| id.clone());
        let looked = side_by_side(
            client,
            ids.collect(),
            most,
            |client, id: PaymentMethodId| async move { client.payment_method(&id, None).await },
        )
        .await?;
        for ((source, _), looked) in page.methods.iter().zip(&looked) {
            findings.source(source, looked, &found, now);
            holders.note(source, looked);
        }
        sources_looked += length(&page.methods);
        customers_looked += length(&page.adopted);
        customers(client, &mut findings, page.adopted, true, ours, most).await?;
    }
    drop(pages);
    customers(client, &mut findings, holders.all, false, ours, most).await?;
    Ok(Checked {
        reads_planned: wanted.reads,
        reads: client.counts().sent,
        livemode: client.mode().is_live(),
        api_base: session.api_base.clone(),
        platform: session.account.clone(),
        accounts,
        sources: wanted.sources,
        sources_looked,
        sources_all: wanted.all_sources,
        customers_looked,
        findings,
    })
}

/// Who holds what should be another's, each once.
#[derive(Default)]
struct Holders {
    met: BTreeSet<CustomerId>,
    all: Vec<Adopted>,
}

impl Holders {
    fn note(&mut self, source: &Source, looked: &Looked<PaymentMethodFacts>) {
        if let Looked::Found(facts) = looked
            && let Some(holder) = &facts.customer
            && source.customer.as_ref() != Some(holder)
            && self.all.len() < HOLDERS
            && self.met.insert(holder.clone())
        {
            let label = format!("{} held by {holder}", source.label);
            self.all.push((label, holder.clone()));
        }
    }
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
        ReadAnswer::Found(found, _) => Looked::Found(found),
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
