//! `pmclone listen`: takes Stripe's webhooks for a state file, beside a run or without one.
//!
//! ```text
//!   Stripe ─▶ serve: method, path, size, signature ─▶ event ─▶ Inbox::take, committed ─▶ 200
//!   GET /v1/events, GET /v1/account ─▶ catch_up ──────────────▶ Inbox
//! ```
//!
//! Hazards: 200 before the commit would lose an event that Stripe then never sends again; and anybody can reach the address, so
//! nothing that is not signed costs more than its bounded body, and none of it is told at length.

mod catch_up;
mod serve;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::run::listen as signals;
use super::session::{self, Destination, Purpose, Session};
use super::status::missing_or;
use super::{gone_is_fine, interrupt, runtime};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::words::{count, second};
use crate::report::{Screen, here, print, print_json};
use crate::store::{self, Effect, Filed, Inbox, Listening, Migration, StoreError};
use crate::webhook::{Event, News, Secrets};

/// Listens until Ctrl-C.
pub fn listen(config: &Config, args: &cli::Listen) -> Result<Exit, Failure> {
    runtime()?.block_on(begin(config, args))
}

async fn begin(config: &Config, args: &cli::Listen) -> Result<Exit, Failure> {
    let state = config.state_file(false);
    let of = |error: StoreError| missing_or(&state, &error);
    let secrets = config.webhook_secrets(&args.webhook_secret_file, &args.stripe)?;
    let migration = store::open_readonly(&state)
        .and_then(|conn| Migration::read(&conn))
        .map_err(of)?
        .ok_or_else(|| of(StoreError::Missing))?;
    if migration.simulated {
        return Err(Failure::safety(
            "the state file is a rehearsal's whose simulator lives in the run itself: nobody can send it events",
        )
        .hint("rehearse with `pmclone simulate --webhook http://127.0.0.1:4242` and a run with --api-base"));
    }
    session::is_whole(&migration, &state)?;
    let (pressed, draining) = signals()?;
    let session = if config.has_key(&args.stripe) {
        let destination = Destination::stripe(config, &args.stripe, Purpose::Read)?;
        let listening = draining.subscribe();
        let begun = session::begin(config, &args.stripe, destination, Purpose::Read, listening);
        let session = interrupt::unless(pressed.clone(), begun).await?;
        let (account, mode) = (&session.account.id, session.client.mode());
        session::bound_to(&migration, account, mode, false)?;
        Some(session)
    } else {
        None
    };
    let now = here::now().timestamp().as_second();
    let inbox = Inbox::open(&state, &migration).map_err(of)?;
    inbox.prune(now).map_err(of)?;
    let _listening = Listening::begin(&state).map_err(of)?;
    let post = Arc::new(Post {
        inbox: Mutex::new(inbox),
        livemode: migration.livemode,
        screen: config.screen.clone(),
        json: config.json,
    });
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::usage(format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr()?;
    if !config.json {
        gone_is_fine(print(&mut io::stdout(), &format!("http://{address}")))?;
    }
    tell(config, &state, address, &secrets, session.as_ref());
    let (mut ended, door) = (
        pressed.clone(),
        serve::Door::new(secrets, Arc::clone(&post)),
    );
    let serving = serve::serve(listener, door, async move {
        drop(ended.wait_for(|pressed| pressed.first.is_some()).await);
    });
    let catching_up = async {
        let Some(session) = &session else {
            return Ok(());
        };
        let caught_up = catch_up::catch_up(session, &post).await;
        post.inbox().tally(session.client.counts()).map_err(of)?;
        caught_up.map(|_| ())
    };
    let (served, caught_up) = tokio::join!(serving, catching_up);
    let counts = served.map_err(|error| match error {
        serve::Ended::Store(error) => of(error),
        serve::Ended::Socket(error) => {
            Failure::new(Exit::Unexpected, format!("cannot listen any more: {error}"))
        }
    })?;
    config.screen.line(&counts.text());
    caught_up.map(|()| Exit::Done)
}

/// What is told before the first event.
fn tell(
    config: &Config,
    state: &Path,
    address: std::net::SocketAddr,
    secrets: &Secrets,
    session: Option<&Session>,
) {
    let screen = &config.screen;
    let keys = match secrets.count() {
        1 => "one signing secret".to_owned(),
        many => format!("{many} signing secrets"),
    };
    screen.line(&format!(
        "Listening on http://{address} for {}, with {keys}. Ctrl-C ends it.",
        state.display()
    ));
    if !address.ip().is_loopback() {
        screen.problem(
            "Warning: this is no loopback address, and it speaks plain HTTP: events hold names and addresses. Put a proxy that ends TLS before it.",
        );
    }
    if session.is_none() {
        screen.line(
            "Without an API key, what came while nobody listened is not read: Stripe sends it again for three days, and no longer.",
        );
    }
}

/// Where events go once they are known to be Stripe's.
struct Post {
    inbox: Mutex<Inbox>,
    livemode: bool,
    screen: Screen,
    json: bool,
}

/// What became of an event that is Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivered {
    /// It is of the other mode.
    NotOurs,
    /// See there.
    Filed(Filed),
}

impl Post {
    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event, and tells what it changed. Durable once it returns; it waits for the disk.
    fn deliver(&self, event: &Event) -> Result<Delivered, StoreError> {
        if event.livemode != self.livemode {
            return Ok(Delivered::NotOurs);
        }
        let now = here::now().timestamp().as_second();
        let filed = self.inbox().take(event, now)?;
        if let Filed::Now(effect) = filed {
            if let Some(word) = word(event, effect) {
                self.screen.line(&word);
            }
            if self.json {
                // Whoever reads it may have gone; the event is kept all the same.
                drop(print_json(&mut io::stdout(), &Line::of(event, effect)));
            }
        }
        Ok(Delivered::Filed(filed))
    }
}

/// What people are told of it; nothing where nothing changed.
fn word(event: &Event, effect: Effect) -> Option<String> {
    let at = second(event.created);
    let told = match (&event.news, effect) {
        (
            News::Authorized(account)
            | News::Deauthorized(account)
            | News::AccountUpdated { account, .. },
            effect,
        ) => match effect {
            Effect::Parked => {
                format!("{account} took the platform's access back: its customers are parked.")
            }
            Effect::Unparked => format!(
                "{account} can be reached again: `pmclone resume` takes its customers up, or a run with --follow."
            ),
            Effect::Refreshed => format!("{account} is known better: its country changed."),
            Effect::Stale(_) | Effect::Nothing => return None,
        },
        (
            News::PaymentMethodChanged {
                payment_method,
                change,
            },
            Effect::Stale(customers),
        ) => format!(
            "{payment_method} was {}: its clones, for {}, are of before.",
            change.name().replace('_', " "),
            count(customers, "customer")
        ),
        (News::PaymentMethodChanged { .. } | News::Nothing, _) => return None,
    };
    Some(format!("{at}  {told}"))
}

/// An event that was taken, as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    r#type: &'a str,
    created: String,
    effect: &'static str,
}

impl<'a> Line<'a> {
    fn of(event: &'a Event, effect: Effect) -> Self {
        Self {
            event: event.id.as_str(),
            r#type: &event.kind,
            created: second(event.created),
            effect: effect.name(),
        }
    }
}
