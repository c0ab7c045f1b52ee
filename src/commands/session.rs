//! How a session with Stripe begins: the key, the client, whose account it is, and whether that fits what was asked.
//!
//! Hazard: the first live run is the most dangerous minute of a migration. Nothing is written to Stripe before the key's
//! mode, `--live`, `--confirm` and the state file agree.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::AccountId;
use crate::report;
use crate::report::banner::Banner;
use crate::store::{Gate, Migration, Recovery};
use crate::stripe::{AccountFacts, ApiBase, Client, Limits, Mode, ReadAnswer, SecretKey, Settings};

/// A client that has met Stripe.
pub struct Session {
    /// Talks to Stripe.
    pub client: Arc<Client>,
    /// The platform account.
    pub account: AccountFacts,
    /// Where requests go, for the banner.
    pub api_base: String,
    /// What the client keeps to.
    pub limits: Limits,
}

impl Session {
    /// Tells people whose it is, and on which state file it works.
    pub fn announce(&self, config: &Config, migration: &Migration, state: &Path) {
        let banner = Banner {
            platform_account: self.account.id.clone(),
            account_name: self.account.display_name.clone(),
            country: self.account.country.clone(),
            livemode: migration.livemode,
            simulated: migration.simulated,
            api_base: self.api_base.clone(),
            state_file: state.display().to_string(),
            migration: migration.id.to_string(),
        };
        config.screen.line(&banner.text(config.screen.look()));
        config.screen.line("");
    }
}

/// Where a session goes, and with which key.
pub struct Destination {
    /// The platform's key.
    pub key: SecretKey,
    /// Where requests go.
    pub api_base: ApiBase,
}

impl Destination {
    /// Stripe, by arguments, environment and configuration. A command that only reads takes a live key as it is.
    pub fn stripe(config: &Config, args: &cli::Stripe, purpose: Purpose) -> Result<Self, Failure> {
        match purpose {
            Purpose::Write => Self::to_write(config, args),
            Purpose::Read => Self::to_read(config, args),
        }
    }

    /// Refuses a live key that was not asked for.
    fn to_write(config: &Config, args: &cli::Stripe) -> Result<Self, Failure> {
        let key = config.key(args)?;
        let typed = args.confirm.is_some() || config.asks(args);
        match (key.mode(), args.live, typed) {
            (Mode::Live, true, true) | (Mode::Test, false, _) => {}
            (Mode::Live, true, false) => {
                return Err(Failure::safety(
                    "a live migration needs the platform's account id, typed out",
                )
                .hint("add --confirm acct_… with the id that the Dashboard shows under Settings")
                .hint("on a terminal, with the key from a file or the environment, you are asked for it"));
            }
            (Mode::Live, false, _) => {
                return Err(Failure::safety(
                    "this is a live key, and test mode is the default: nothing was sent",
                )
                .hint("for the live migration: add --live --confirm acct_…")
                .hint("to rehearse: use a test key, or --simulate, which needs none"));
            }
            (Mode::Test, true, _) => {
                return Err(Failure::safety(
                    "--live was asked for, but the key is a test key: nothing was sent",
                ));
            }
        }
        Self::with(config, args, key)
    }

    /// The key alone says the mode, unless --live says otherwise.
    fn to_read(config: &Config, args: &cli::Stripe) -> Result<Self, Failure> {
        let key = config.key(args)?;
        if args.live && key.mode() == Mode::Test {
            return Err(Failure::safety(
                "--live was asked for, but the key is a test key: nothing was sent",
            ));
        }
        Self::with(config, args, key)
    }

    fn with(config: &Config, args: &cli::Stripe, key: SecretKey) -> Result<Self, Failure> {
        let base = config.api_base(args);
        let api_base = base.map_or_else(ApiBase::stripe, |base| ApiBase::parse(&base, key.mode()));
        let api_base = api_base.map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { key, api_base })
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Something may be written to Stripe: with a live key, the account has to be confirmed.
    Write,
    /// Nothing is.
    Read,
}

/// A drill's word is waited for only where nothing but a simulator can be meant.
pub fn gate(args: &cli::Stripe, destination: &Destination) -> Result<Option<Gate>, Failure> {
    if !args.drill_gate {
        return Ok(None);
    }
    if !destination.api_base.is_loopback() || destination.key.mode() != Mode::Test {
        return Err(Failure::usage(
            "--drill-gate is for the runs that `pmclone drill` starts on its own simulator",
        ));
    }
    Gate::open()
        .map(Some)
        .map_err(|error| Failure::new(Exit::Unexpected, format!("no drill: {error}")))
}

/// Makes the client and asks whose key it is: the one read of a run, which also sets Stripe's clock.
pub async fn begin(
    config: &Config,
    args: &cli::Stripe,
    destination: Destination,
    purpose: Purpose,
    draining: watch::Receiver<bool>,
) -> Result<Session, Failure> {
    let api_base = destination.api_base.as_str().to_owned();
    let limits = config.limits(args, destination.key.mode())?;
    let settings = Settings {
        api_base: destination.api_base,
        key: destination.key,
        limits,
        draining,
    };
    let client = Client::new(settings).map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            format!("no client could be made: {error}"),
        )
    })?;
    let account = match client.account(None).await {
        ReadAnswer::Found(account, _) => account,
        ReadAnswer::Stop(stop) => return Err(Failure::stop(&stop)),
        ReadAnswer::Missing(refusal) | ReadAnswer::AccountInvalid(refusal) => {
            return Err(Failure::new(
                Exit::Key,
                format!(
                    "Stripe does not tell whose key this is: {}",
                    refusal.message
                ),
            ));
        }
        ReadAnswer::Failed(failed) => {
            return Err(Failure::new(Exit::Unexpected, format!("Stripe cannot be reached at {api_base}: {failed}"))
                .hint("nothing was written; check the network and --api-base, then run the same command again"));
        }
    };
    match (&args.confirm, purpose, client.mode()) {
        (Some(confirmed), _, _) => confirm(confirmed, &account.id)?,
        (None, Purpose::Write, Mode::Live) => {
            confirm_typed(&ask(config, &account).await?, &account.id)?;
        }
        (None, Purpose::Write, Mode::Test) | (None, Purpose::Read, _) => {}
    }
    if client.clock().earliest_now().is_none() {
        return Err(Failure::new(Exit::Unexpected, format!("answers from {api_base} carry no Date or no Request-Id"))
            .hint("without them the age of an idempotency key cannot be told; check --api-base and any proxy in between"));
    }
    tracing::info!(
        event = "session_begun",
        platform_account = account.id.as_str(),
        livemode = client.mode().is_live(),
        api_base = api_base.as_str(),
    );
    Ok(Session {
        client: Arc::new(client),
        account,
        api_base,
        limits,
    })
}

/// `--confirm` counts in test mode too, where it is given.
fn confirm(confirmed: &AccountId, actual: &AccountId) -> Result<(), Failure> {
    if confirmed == actual {
        return Ok(());
    }
    Err(Failure::safety(format!(
        "--confirm says {confirmed}, but the key is of {actual}: nothing was written"
    )))
}

/// What was typed, when it was asked for.
fn confirm_typed(typed: &AccountId, actual: &AccountId) -> Result<(), Failure> {
    if typed == actual {
        return Ok(());
    }
    Err(Failure::safety(format!(
        "{typed} was typed, but the key is of {actual}: nothing was written"
    ))
    .hint("if it is the other account that is meant: use its key"))
}

/// Shows whose key it is, and has the id typed. Nothing stands in for it: no other flag, and no plain Enter.
async fn ask(config: &Config, account: &AccountFacts) -> Result<AccountId, Failure> {
    let shown = report::banner::account(
        &account.id,
        account.display_name.as_deref(),
        account.country.as_deref(),
    );
    let alarm = config.screen.look().alarm("*** LIVE ***");
    config.screen.problem(&format!(
        "{alarm} This key moves real customers and real cards of\n  {shown}\nType the account's id to go on, or press Ctrl-C:"
    ));
    let (send, typed) = tokio::sync::oneshot::channel();
    // A thread of its own: nobody waits for it where Ctrl-C comes first.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_| line);
        drop(send.send(read));
    });
    let line = typed.await.ok().and_then(Result::ok).unwrap_or_default();
    AccountId::parse(line.trim()).map_err(|_| {
        Failure::safety(
            "what was typed is no account id, so the account is not confirmed: nothing was written",
        )
        .hint("it begins with acct_; it stands in the Dashboard under Settings")
    })
}

/// Refuses a state file of another account, another mode, or of a rehearsal.
pub fn bound_to(
    migration: &Migration,
    account: &AccountId,
    mode: Mode,
    simulated: bool,
) -> Result<(), Failure> {
    kind_fits(migration, simulated)?;
    if migration.livemode != mode.is_live() {
        let made = if migration.livemode { "live" } else { "test" };
        return Err(Failure::safety(format!(
            "the state file was made in {made} mode, and the key is for the other"
        ))
        .hint("use the key that began this migration, or another state file (--state)"));
    }
    if migration.platform_account != *account {
        return Err(Failure::safety(format!(
            "the state file belongs to {}, and the key to {account}",
            migration.platform_account
        ))
        .hint("use the key that began this migration, or another state file (--state)"));
    }
    Ok(())
}

/// Refuses a state file that is being rebuilt: what it does not know yet would be made twice.
pub fn is_whole(migration: &Migration, state: &Path) -> Result<(), Failure> {
    match migration.recovery {
        Recovery::No | Recovery::Done => Ok(()),
        Recovery::Unfinished => Err(Failure::safety(format!(
            "{} is being rebuilt, and not to the end yet: nothing was sent",
            state.display()
        ))
        .hint("go on with it: pmclone recover, with the same arguments as before")),
    }
}

/// Refuses what is meant for Stripe itself where the simulator stands in for it, rather than pass it over.
pub fn nothing_real(args: &cli::Stripe) -> Result<(), Failure> {
    let option = match args {
        cli::Stripe { live: true, .. } => "--live",
        cli::Stripe {
            api_base: Some(_), ..
        } => "--api-base",
        _ => return Ok(()),
    };
    Err(Failure::usage(format!(
        "{option} is for Stripe itself, and this is a rehearsal on the built-in simulator: nothing was sent"
    ))
    .hint("leave it out; or, for the real migration, name another state file (--state), without --simulate"))
}

/// Refuses to mix a rehearsal with the real thing.
pub fn kind_fits(migration: &Migration, simulated: bool) -> Result<(), Failure> {
    match (migration.simulated, simulated) {
        (true, false) => Err(Failure::safety(
            "the state file is a rehearsal's, made on the simulator",
        )
        .hint("add --simulate to go on with the rehearsal, or name another file with --state")),
        (false, true) => Err(Failure::safety(
            "the state file is of a real migration: it is not used with --simulate",
        )
        .hint("name another file with --state, or leave --state out for the rehearsal's own")),
        (true, true) | (false, false) => Ok(()),
    }
}
