//! `pmclone verify`: reads back what was made.
//!
//! Hazard: it may be used while a run is on. So it takes no lock and opens the state file for reading only; the result is kept there
//! afterwards, if no run is on.

use std::cell::RefCell;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::watch;

use super::charge;
use super::migrate::{Link, known_accounts};
use super::rehearsal::{Rehearsal, World};
use super::run::listen;
use super::session::{self, Destination, Purpose};
use super::status::missing_or;
use super::{gone_is_fine, interrupt, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::report::recover::Progress;
use crate::report::verify::{Ended, Scope, Unlike};
use crate::report::{self, print_json};
use crate::run::{Swept, Verify, VerifyError, Whom};
use crate::store::{
    self, CustomerSeq, Drawn, Loader, Migration, ReadsOfAll, RunLock, StoreError, VerificationKept,
};
use crate::time::StripeTime;
use crate::verify::{Line, Sign, Tally, expected};
use crate::version;

/// Customers looked at where nothing else was asked for.
const SAMPLE: u64 = 100;

/// Reads back, and tells.
pub fn verify(config: &Config, args: &cli::Verify) -> Result<Exit, Failure> {
    runtime()?.block_on(begin(config, args))
}

/// A state file that is only looked at.
pub(super) struct Looking {
    pub state: PathBuf,
    pub loader: Loader,
    pub migration: Migration,
}

async fn begin(config: &Config, args: &cli::Verify) -> Result<Exit, Failure> {
    if args.charging.charge {
        return charge::charge(config, args).await;
    }
    let looking = open(config, &args.rehearsal)?;
    let of = |error: StoreError| Failure::store(&looking.state, &error);
    known_accounts(looking.loader.conn(), &args.accounts, &looking.state)?;
    let (whom, scope) = choose(args, &looking)?;
    let reads = reads(args, &looking, &whom).map_err(of)?;
    let look = config.screen.look();
    if args.dry_run {
        config
            .screen
            .line(&report::verify::before(scope, reads, look));
        config.screen.line("Nothing was sent: this was a dry run.");
        if config.json {
            gone_is_fine(print_json(
                &mut io::stdout(),
                &serde_json::json!({ "reads": reads }),
            ))?;
        }
        return Ok(Exit::Done);
    }
    let purpose = (Purpose::Read, None);
    let link = link(config, &args.stripe, &args.rehearsal, &looking, purpose).await?;
    announce(config, &looking, &link);
    config
        .screen
        .line(&report::verify::before(scope, reads, look));
    config.screen.line("");
    let verify = Verify {
        client: Arc::clone(&link.session.client),
        loader: &looking.loader,
        migration: looking.migration.id,
        accounts: args.accounts.clone(),
        thorough: args.thorough,
        concurrency: config.concurrency(&args.stripe),
        named: !args.only.is_empty(),
        is_still: !RunLock::is_held(&looking.state),
    };
    let mut unlike = Vec::new();
    let looked = tokio::select! {
        biased;
        failure = pressed(link.pressed.clone()) => Err(failure),
        looked = look_at(config, args, &verify, &whom, &mut unlike) => looked.map_err(|error| failed(error, &looking.state)),
    };
    let client = &link.session.client;
    let (sent, at) = (client.counts().sent, client.clock().earliest_now());
    if let Some(rehearsal) = link.rehearsal {
        rehearsal.stop().await?;
    }
    // Those who read the lines have had enough.
    let Some(tally) = looked? else {
        return Ok(Exit::Done);
    };
    let ended = Ended {
        migration: looking.migration.id,
        livemode: looking.migration.livemode,
        scope,
        tally,
        reads: sent,
    };
    let exit = tell(config, &ended)?;
    let at = at.unwrap_or(StripeTime(0));
    if let Err(error) = keep(&looking.state, at, &ended, &unlike) {
        config
            .screen
            .problem(&report::verify::not_kept(&looking.state, &error));
    }
    Ok(exit)
}

/// Keeps the result for the record. A run that is on keeps its state file to itself: what is verified then is not the last word.
fn keep(state: &Path, at: StripeTime, ended: &Ended, unlike: &[Unlike]) -> Result<(), StoreError> {
    let json =
        |text: serde_json::Result<String>| text.map_err(|error| StoreError::Io(error.into()));
    let kept = VerificationKept {
        at,
        tool_version: version::VERSION.to_owned(),
        summary: json(serde_json::to_string(&ended.fields()))?,
        unlike: json(serde_json::to_string(unlike))?,
    };
    let _lock = RunLock::take(state)?;
    kept.keep(&store::open_existing(state)?)
}

/// Lines that are kept for the record, of those that are not `=`.
const MOST_UNLIKE: usize = 100;

/// Opens a state file that a run may be using.
pub(super) fn open(config: &Config, rehearsal: &cli::Rehearsal) -> Result<Looking, Failure> {
    if let Some(option) = rehearsal.misplaced() {
        return Err(Failure::usage(format!(
            "{option} is for a rehearsal: add --simulate, or leave it out"
        )));
    }
    let state = config.state_file(rehearsal.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    let conn = store::open_readonly(&state).map_err(of)?;
    let migration = Migration::read(&conn)
        .map_err(of)?
        .ok_or_else(|| of(StoreError::Missing))?;
    let loader = Loader::new(conn).map_err(of)?;
    session::is_whole(&migration, &state)?;
    if rehearsal.simulate {
        session::kind_fits(&migration, true)?;
    }
    Ok(Looking {
        state,
        loader,
        migration,
    })
}

pub(super) fn choose(args: &cli::Verify, looking: &Looking) -> Result<(Whom, Scope), Failure> {
    let of = |error: StoreError| Failure::store(&looking.state, &error);
    let conn = looking.loader.conn();
    if args.all {
        let thorough = args.thorough;
        return Ok((Whom::All, Scope::All { thorough }));
    }
    let length = |rows: &[CustomerSeq]| u64::try_from(rows.len()).unwrap_or(u64::MAX);
    if args.only.is_empty() {
        let seed = args.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000));
        let most = args.sample.map_or(SAMPLE, std::num::NonZeroU64::get);
        let whom = if args.charging.charge {
            Drawn::WithCard
        } else {
            Drawn::Done
        };
        let rows = store::draw(conn, most, seed, &args.accounts, whom).map_err(of)?;
        let customers = length(&rows);
        return Ok((Whom::Some(rows), Scope::Sample { customers, seed }));
    }
    let rows = named(&args.only, conn, &looking.state)?;
    let customers = length(&rows);
    Ok((Whom::Some(rows), Scope::Named { customers }))
}

/// The rows of the customers that are named: by legacy id, or by an object of theirs.
pub(super) fn named(
    only: &[String],
    conn: &Connection,
    state: &Path,
) -> Result<Vec<CustomerSeq>, Failure> {
    let mut rows = Vec::new();
    for id in only {
        let of = |error| Failure::store(state, &error);
        let legacy = store::by_legacy_id(conn, id).map_err(of)?;
        let mut found = if id.starts_with("cus_") || id.starts_with("pm_") {
            store::by_object(conn, id).map_err(of)?
        } else {
            // What people may have chosen as an id of their own is nothing else.
            Vec::new()
        };
        if let Some(other) = found
            .iter()
            .find(|row| legacy.is_some_and(|legacy| legacy != **row))
        {
            return Err(two_of_one_id(id, *other, conn, state));
        }
        found.extend(legacy);
        if found.is_empty() {
            return Err(Failure::usage(format!(
                "--only {}: the state file has no such customer",
                report::words::plain(id)
            ))
            .hint("a legacy id, or a cus_… or pm_… of the customer's"));
        }
        rows.extend(found);
    }
    rows.sort_unstable();
    rows.dedup();
    Ok(rows)
}

/// An id that is one customer's legacy id and another one's object names neither.
fn two_of_one_id(id: &str, other: CustomerSeq, conn: &Connection, state: &Path) -> Failure {
    let other = Loader::new(conn).and_then(|loader| loader.whole(other));
    let other = match other {
        Ok(other) => other.map(|other| report::words::plain(other.customer.legacy_id.as_str())),
        Err(error) => return Failure::store(state, &error),
    };
    let other = other.unwrap_or_default();
    Failure::usage(format!(
        "--only {}: it is the legacy id of one customer, and an object of another one, whose legacy id is {other}",
        report::words::plain(id)
    ))
    .hint(format!("if that other one is meant: --only {other}"))
    .hint("if not: name the customer by a cus_… or pm_… of its own; `pmclone explain` lists them")
}

/// How many requests it will take, about.
fn reads(args: &cli::Verify, looking: &Looking, whom: &Whom) -> Result<u64, StoreError> {
    /// For whose key it is.
    const OWN_ACCOUNT: u64 = 1;
    let rows = match whom {
        Whom::All => {
            let reads = ReadsOfAll::count(looking.loader.conn(), &args.accounts, args.thorough)?;
            return Ok(OWN_ACCOUNT + reads.pages + reads.lists);
        }
        Whom::Some(rows) => rows,
    };
    let mut reads = OWN_ACCOUNT;
    for row in rows {
        let Some(loaded) = looking.loader.whole(*row)? else {
            continue;
        };
        let wanted =
            |account: &AccountId| args.accounts.is_empty() || args.accounts.contains(account);
        let expected = expected(&loaded.customer);
        let customers = expected
            .customers
            .iter()
            .filter(|each| each.account.as_ref().is_none_or(wanted));
        // Each is read, and the list of what is attached to it.
        reads += 2 * u64::try_from(customers.count()).unwrap_or(u64::MAX);
    }
    Ok(reads)
}

/// Reaches Stripe, or what is left of a rehearsal. The client ends with the first Ctrl-C, or with `draining` where that is given.
pub(super) async fn link(
    config: &Config,
    stripe: &cli::Stripe,
    rehearsal: &cli::Rehearsal,
    looking: &Looking,
    (purpose, draining): (Purpose, Option<watch::Receiver<bool>>),
) -> Result<Link, Failure> {
    // The file itself says whether it is a rehearsal's.
    let simulate = looking.migration.simulated;
    let rehearsal = cli::Rehearsal {
        simulate,
        ..rehearsal.clone()
    };
    if simulate {
        session::nothing_real(stripe)?;
    }
    let (pressed, drained) = listen()?;
    let (rehearsal, destination) = if simulate {
        let rehearsal = Rehearsal::start(&rehearsal, &looking.state, World::Kept).await?;
        let destination = rehearsal.destination()?;
        (Some(rehearsal), destination)
    } else {
        (None, Destination::stripe(config, stripe, purpose)?)
    };
    let gate = session::gate(stripe, &destination)?;
    let draining = draining.unwrap_or_else(|| drained.subscribe());
    let session = session::begin(config, stripe, destination, purpose, draining);
    let session = interrupt::unless(pressed.clone(), session).await?;
    session::bound_to(
        &looking.migration,
        &session.account.id,
        session.client.mode(),
        simulate,
    )?;
    Ok(Link {
        session,
        rehearsal,
        pressed,
        draining: drained,
        gate,
    })
}

pub(super) fn announce(config: &Config, looking: &Looking, link: &Link) {
    link.session
        .announce(config, &looking.migration, &looking.state);
}

/// Ends when a signal comes.
async fn pressed(pressed: watch::Receiver<interrupt::Pressed>) -> Failure {
    let pressed = interrupt::first(pressed).await;
    Failure::new(
        pressed.failure().exit,
        "interrupted: it was not looked at everything, and nothing was written anywhere",
    )
}

/// Looks, and writes the lines as they come; `None` where stdout was closed.
async fn look_at(
    config: &Config,
    args: &cli::Verify,
    verify: &Verify<'_>,
    whom: &Whom,
    unlike: &mut Vec<Unlike>,
) -> Result<Option<Tally>, VerifyError> {
    let mut out = BufWriter::new(io::stdout());
    let progress = RefCell::new(Watched::new(config));
    let swept = |account: Option<&AccountId>, swept: Swept| {
        let name = account.map_or("the platform", |id| id.as_str());
        progress.borrow_mut().of(name).swept(swept);
    };
    let with_same = !args.all || args.same;
    let each = |lines: &[Line], customers: u64| {
        let others = lines.iter().filter(|line| line.sign != Sign::Same);
        let room = MOST_UNLIKE.saturating_sub(unlike.len());
        unlike.extend(others.take(room).map(Unlike::of));
        let shown = lines
            .iter()
            .filter(|line| with_same || line.sign != Sign::Same);
        let mut any = false;
        for line in shown {
            // A bar on the same terminal would be written into.
            if !std::mem::replace(&mut any, true) {
                progress.borrow_mut().end();
            }
            if config.json {
                print_json(&mut out, line)?;
            } else {
                let line = report::verify::line(line);
                writeln!(out, "{}", config.for_stdout(&line))?;
            }
        }
        if args.all {
            progress.borrow_mut().of("customers").looked(customers);
        }
        out.flush()
    };
    match verify.verify(whom, swept, each).await {
        Ok(tally) => Ok(Some(tally)),
        Err(VerifyError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is being read, on the screen.
struct Watched<'a> {
    config: &'a Config,
    now: Option<(String, Progress<'a>)>,
}

impl<'a> Watched<'a> {
    fn new(config: &'a Config) -> Self {
        Self { config, now: None }
    }

    fn end(&mut self) {
        self.now = None;
    }

    /// The progress of `name`, begun if it is another than the last.
    fn of(&mut self, name: &str) -> &mut Progress<'a> {
        if self.now.as_ref().is_some_and(|(now, _)| now != name) {
            self.now = None;
        }
        let config = self.config;
        let (_, progress) = self
            .now
            .get_or_insert_with(|| (name.to_owned(), Progress::new(&config.screen, name)));
        progress
    }
}

fn failed(error: VerifyError, state: &Path) -> Failure {
    match error {
        VerifyError::Stop(stop) => Failure::stop(&stop),
        VerifyError::Store(error) => Failure::store(state, &error),
        VerifyError::Write(error) => error.into(),
        VerifyError::Unreachable(why) => Failure::new(
            Exit::Unexpected,
            format!("Stripe cannot be reached, and the rest was not looked at: {why}"),
        )
        .hint("nothing was written anywhere; run the same command again"),
    }
}

fn tell(config: &Config, ended: &Ended) -> Result<Exit, Failure> {
    if config.json {
        gone_is_fine(print_json(&mut io::stdout(), &ended.json()))?;
    }
    config
        .screen
        .line(&report::verify::ended(ended, config.screen.look()));
    Ok(
        match (ended.tally.differences(), ended.tally.not_looked_at) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Incomplete,
            (_, _) => Exit::Difference,
        },
    )
}
