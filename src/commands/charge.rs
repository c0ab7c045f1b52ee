//! `pmclone verify --charge`: proves by a payment that a migrated card can be charged, and takes it back at once.
//!
//! Hazard: money on other people's cards. So it takes the run lock, a live key needs the amount typed twice, it is one card after
//! the other and few in all, no card is charged whose clone is not seen to be attached, and what an earlier command left is taken
//! back before anything is begun.

mod ask;
mod look;

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::watch;

use self::ask::{Chosen, bounded, choose_cards, confirmed, terms};
use super::interrupt::{self, Pressed};
use super::migrate::{Link, known_accounts};
use super::session::{self, Session};
use super::verify::{Looking, announce, link, open};
use super::{gone_is_fine, history, suggested, suggestion};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::proof::{Kind, Purpose, Terms};
use crate::report::charge::{Ended, Told, Verdict};
use crate::report::{self, print, print_json};
use crate::run::{Proved, Prover, VisitError};
use crate::store::{
    self, Case, Gate, Migration, Proofs, RequestTally, RunEnded, RunLock, RunSeq, Selection,
    StoreError,
};
use crate::time::StripeTime;

/// What is bounded is bounded for so long.
const A_DAY_SECONDS: i64 = 24 * 3600;

/// Proves, and tells.
pub async fn charge(config: &Config, args: &cli::Verify) -> Result<Exit, Failure> {
    let terms = terms(&args.charging)?;
    if args.only.is_empty() && args.sample.is_none() {
        return Err(Failure::usage(
            "--charge: say which customers: --only LEGACY_ID, or --sample N",
        ));
    }
    let looking = open(config, &args.rehearsal)?;
    confirmed(&args.charging, &terms, looking.migration.livemode)?;
    let of = |error: StoreError| Failure::store(&looking.state, &error);
    known_accounts(looking.loader.conn(), &args.accounts, &looking.state)?;
    if args.dry_run {
        let chosen = choose_cards(args, &looking, &terms)?;
        bounded(terms.kind, chosen.cases.len(), 0)?;
        return dry_run(config, &terms, chosen);
    }
    let lock = RunLock::take(&looking.state).map_err(of)?;
    let conn = store::open_existing(&looking.state).map_err(of)?;
    // Chosen under the lock: no run changes the state any more.
    let chosen = choose_cards(args, &looking, &terms)?;
    bounded(terms.kind, chosen.cases.len(), 0)?;
    let (_never, draining) = watch::channel(false);
    let link = link(
        config,
        &args.stripe,
        &args.rehearsal,
        &looking,
        (session::Purpose::Write, Some(draining)),
    )
    .await?;
    announce(config, &looking, &link);
    let selection = Selection {
        only: Some(chosen.cases.iter().map(|case| case.customer).collect()),
        ..Selection::default()
    };
    let run = history::keep(&conn, &link.session, "verify --charge", &selection, false);
    let run = run.map_err(of)?;
    let told = prove_all(config, args, &looking, (&conn, &link), (&terms, chosen)).await;
    let Link {
        session,
        rehearsal,
        pressed,
        ..
    } = link;
    let how = history::how(
        told.is_ok(),
        told.as_ref().is_ok_and(|ended| ended.interrupted),
        true,
        *pressed.borrow(),
    );
    let counted = count_requests(&conn, &session, run, how).map_err(of);
    if let Some(rehearsal) = rehearsal {
        rehearsal.stop().await?;
    }
    drop(lock);
    counted?;
    let pressed = *pressed.borrow();
    tell(config, &told?, pressed)
}

/// What came of it, for people and programs.
fn tell(config: &Config, ended: &Ended, pressed: Pressed) -> Result<Exit, Failure> {
    config.screen.line("");
    config
        .screen
        .line(&report::charge::ended(ended, config.screen.look()));
    if config.json {
        gone_is_fine(print_json(&mut io::stdout(), &ended.json()))?;
    }
    Ok(match (ended.interrupted, ended.is_whole()) {
        (true, _) => pressed.failure().exit,
        (false, true) => Exit::Done,
        (false, false) => Exit::Incomplete,
    })
}

fn dry_run(config: &Config, terms: &Terms, chosen: Chosen) -> Result<Exit, Failure> {
    let cards = u64::try_from(chosen.cases.len()).unwrap_or(u64::MAX);
    let look = config.screen.look();
    config
        .screen
        .line(&report::charge::before(terms, cards, look));
    config.screen.line("Nothing was sent: this was a dry run.");
    let dry = |case: &Case| told(case, Verdict::NotCharged("this was a dry run".to_owned()));
    let lines = chosen.cases.iter().map(dry).chain(chosen.without);
    let mut without = 0_u64;
    for told in lines {
        without += u64::from(told.payment_method.is_none());
        if !config.json {
            gone_is_fine(print(&mut io::stdout(), &told.line()))?;
        }
    }
    if config.json {
        gone_is_fine(print_json(
            &mut io::stdout(),
            &serde_json::json!({ "cards": cards, "without_card": without }),
        ))?;
    }
    Ok(if without > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    })
}

fn told(case: &Case, verdict: Verdict) -> Told {
    Told {
        legacy_id: case.legacy_id.clone(),
        account: case.account.clone(),
        customer: Some(case.connected_customer.clone()),
        payment_method: Some(case.payment_method.clone()),
        verdict,
        proof: case.proof.clone(),
    }
}

/// Ends when Ctrl-C is pressed a second time.
async fn at_once(pressed: watch::Receiver<Pressed>, settle: &str) -> Failure {
    let pressed = interrupt::second(pressed).await;
    Failure::new(
        pressed.failure().exit,
        "stopped at once: a charge may be half way",
    )
    .hint(format!("to cancel or refund it: {settle}"))
}

async fn prove_all(
    config: &Config,
    args: &cli::Verify,
    looking: &Looking,
    (conn, link): (&Connection, &Link),
    (terms, chosen): (&Terms, Chosen),
) -> Result<Ended, Failure> {
    let prover = Prover {
        client: Arc::clone(&link.session.client),
        proofs: Proofs::new(conn, link.gate.as_ref()),
        migration: &looking.migration,
    };
    let work = Work {
        config,
        prover,
        state: &looking.state,
        settle: settle(conn, &looking.migration, &looking.state)?,
    };
    tokio::select! {
        biased;
        failure = at_once(link.pressed.clone(), &work.settle) => Err(failure),
        ended = work.all(args, terms, chosen, &link.pressed) => ended,
    }
}

/// What is left of the cards once those are left out that were proven lately.
struct Lately {
    cases: Vec<Case>,
    proven: u64,
}

/// A command that is on.
struct Work<'a> {
    config: &'a Config,
    prover: Prover<'a>,
    state: &'a Path,
    /// The command that takes back what may be held.
    settle: String,
}

/// The command that takes back what may be held: after an undo of everything nobody wants a run.
fn settle(conn: &Connection, migration: &Migration, state: &Path) -> Result<String, Failure> {
    let flags = suggested(conn, migration).map_err(|error| Failure::store(state, &error))?;
    let command = if flags.taken_back { "undo" } else { "resume" };
    Ok(suggestion(flags, command, state))
}

impl Work<'_> {
    fn of(&self, error: &StoreError) -> Failure {
        Failure::store(self.state, error)
    }

    fn failed(&self, error: VisitError) -> Failure {
        match error {
            VisitError::Stop(stop) => Failure::stop(&stop).hint(format!(
                "what may be held is cancelled or refunded by: {}",
                self.settle
            )),
            VisitError::Store(error) => self.of(&error),
        }
    }

    fn tell(&self, told: &Told) -> Result<(), Failure> {
        if self.config.json {
            return Ok(());
        }
        let line = told.line();
        gone_is_fine(print(&mut io::stdout(), &self.config.for_stdout(&line)))
    }

    async fn all(
        &self,
        args: &cli::Verify,
        terms: &Terms,
        chosen: Chosen,
        pressed: &watch::Receiver<Pressed>,
    ) -> Result<Ended, Failure> {
        let tidied = self.tidy_up().await?;
        for told in &tidied {
            self.tell(told)?;
        }
        let Lately { cases, proven } = self.not_lately(args, terms.kind, chosen.cases)?;
        let cards = u64::try_from(cases.len()).unwrap_or(u64::MAX);
        let look = self.config.screen.look();
        if cards > 0 {
            self.config
                .screen
                .line(&report::charge::before(terms, cards, look));
        }
        for told in &chosen.without {
            self.tell(told)?;
        }
        let mut balances = self.balances(&cases).await?;
        let mut cards = Vec::new();
        let (all, mut spared) = (cases.len(), 0);
        for case in cases {
            if pressed.borrow().first.is_some() {
                break;
            }
            let told = self.one(case).await?;
            self.tell(&told)?;
            let refused_for_all = told.is_of_the_terms();
            cards.push(told);
            if refused_for_all {
                spared = all - cards.len();
                break;
            }
        }
        for balance in &mut balances {
            balance.after = self.balance(balance.account.as_ref()).await?;
        }
        let interrupted = cards.len() + spared < all;
        cards.splice(..0, chosen.without);
        Ok(Ended {
            terms: terms.clone(),
            interrupted,
            cards,
            proven_lately: proven,
            spared: u64::try_from(spared).unwrap_or(u64::MAX),
            settle: self.settle.clone(),
            tidied,
            balances,
            requests: self.prover.client.counts().sent,
        })
    }

    /// Takes back what earlier commands left.
    async fn tidy_up(&self) -> Result<Vec<Told>, Failure> {
        let mut tidied = Vec::new();
        for mut case in self.prover.proofs.left().map_err(|error| self.of(&error))? {
            case.proof
                .reopen()
                .map_err(|illegal| self.failed(illegal.into()))?;
            let verdict = self.carry_on(&mut case, Purpose::TidyUp).await?;
            tidied.push(told(&case, verdict));
        }
        Ok(tidied)
    }

    async fn carry_on(&self, case: &mut Case, purpose: Purpose) -> Result<Verdict, Failure> {
        let proved = self.prover.carry_on(case, purpose).await;
        let verdict = match proved.map_err(|error| self.failed(error))? {
            Proved::Over(end) => Verdict::Over(end),
            Proved::Unsettled(why) => Verdict::Unsettled(why),
        };
        let read = self.prover.fee(case).await;
        read.map_err(|error| self.failed(error))?;
        Ok(verdict)
    }

    /// Leaves out the cards that were proven with the same terms in the last 24 hours, and keeps to the bound.
    fn not_lately(
        &self,
        args: &cli::Verify,
        kind: Kind,
        mut cases: Vec<Case>,
    ) -> Result<Lately, Failure> {
        let mut left_out = 0;
        let since = StripeTime(self.now()?.0 - A_DAY_SECONDS);
        let lately = self
            .prover
            .proofs
            .since(since)
            .map_err(|error| self.of(&error))?;
        if !args.charging.again {
            let before = cases.len();
            cases.retain(|case| {
                let proven = |other: &&Case| {
                    other.payment_method == case.payment_method
                        && other.account == case.account
                        && other.proof.terms == case.proof.terms
                        && other.proof.is_proven()
                };
                lately.iter().find(proven).is_none()
            });
            left_out = u64::try_from(before - cases.len()).unwrap_or(u64::MAX);
            if left_out > 0 {
                self.config
                    .screen
                    .line(&report::charge::proven_lately(left_out));
            }
        }
        let before = if cases.is_empty() { 0 } else { lately.len() };
        bounded(kind, cases.len(), before)?;
        Ok(Lately {
            cases,
            proven: left_out,
        })
    }

    fn now(&self) -> Result<StripeTime, Failure> {
        let now = self.prover.client.clock().earliest_now();
        now.ok_or_else(|| Failure::new(Exit::Unexpected, "Stripe's answers carried no date"))
    }

    async fn one(&self, mut case: Case) -> Result<Told, Failure> {
        if let Some(why) = self.why_not(&case).await? {
            return Ok(told(&case, Verdict::NotCharged(why)));
        }
        let now = self.now()?;
        self.prover
            .proofs
            .begin(&mut case, self.prover.migration, now)
            .map_err(|error| self.of(&error))?;
        let verdict = self.carry_on(&mut case, Purpose::Prove).await?;
        Ok(told(&case, verdict))
    }
}

/// Whether `verify --charge` left anything that is to be taken back.
pub fn is_left(conn: &Connection) -> Result<bool, StoreError> {
    Ok(!Proofs::new(conn, None).left()?.is_empty())
}

/// Before a run: takes back what `verify --charge` left, and gives how many it could not.
pub async fn tidy_up(
    config: &Config,
    (conn, gate): (&Connection, Option<&Gate>),
    session: &Session,
    (migration, state): (&Migration, &Path),
) -> Result<u64, Failure> {
    let work = Work {
        config,
        prover: Prover {
            client: Arc::clone(&session.client),
            proofs: Proofs::new(conn, gate),
            migration,
        },
        state,
        settle: settle(conn, migration, state)?,
    };
    let mut open = 0;
    for told in work.tidy_up().await? {
        let line = format!("verify --charge: {}", told.line());
        if told.verdict.is_open() {
            open += 1;
            config.screen.problem(&line);
        } else {
            config.screen.line(&line);
        }
    }
    Ok(open)
}

fn count_requests(
    conn: &Connection,
    session: &Session,
    run: RunSeq,
    how: &str,
) -> Result<(), StoreError> {
    let counts = session.client.counts();
    let tally = RequestTally {
        sent: counts.sent,
        retried: counts.retried,
        rate_limited: counts.rate_limited,
    };
    tally.add_to(conn)?;
    let ended = RunEnded {
        at: session.client.clock().earliest_now(),
        how: how.to_owned(),
        requests: tally,
        settled: 0,
    };
    Ok(ended.keep(conn, run)?)
}
