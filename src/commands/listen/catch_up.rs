//! What came while nobody listened: the platform's events, and how each connected account stands now.
//!
//! Events of an account that took its access back cannot be read with `Stripe-Account` any more, and a list of the platform's own
//! holds none of connected accounts: so an account is asked itself, which costs one read and tells more.

use super::Post;
use crate::commands::session::Session;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::{AccountId, EventId};
use crate::report::words::{count, minute};
use crate::store::{Effect, StoreError};
use crate::stripe::{EVENTS_KEPT_SECONDS, EventFacts, Page, ReadAnswer};
use crate::time::StripeTime;

/// Events are read from so many seconds before the time that is known: clocks, and events that are listed a little late.
const MARGIN_SECONDS: i64 = 300;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CaughtUp {
    /// All that could be.
    Wholly,
    /// It was broken off, or Stripe did not tell all: the next listener reads it again.
    InPart,
}

/// Reads the events first, then the accounts.
pub(super) async fn catch_up(session: &Session, post: &Post) -> Result<CaughtUp, Failure> {
    if events_missed(session, post).await? == CaughtUp::InPart {
        return Ok(CaughtUp::InPart);
    }
    accounts(session, post).await
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unkept(error: StoreError) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("what was read cannot be kept: {error}"),
    )
}

async fn events_missed(session: &Session, post: &Post) -> Result<CaughtUp, Failure> {
    let clock = session.client.clock();
    let (Some(since), Some(now)) = (
        post.inbox().events_since().map_err(unkept)?,
        clock.earliest_now(),
    ) else {
        return Ok(CaughtUp::Wholly);
    };
    let oldest = StripeTime(now.0.saturating_sub(EVENTS_KEPT_SECONDS));
    if since < oldest {
        post.screen.problem(&format!(
            "Stripe keeps events for 30 days: what happened from {} to {} cannot be read any more. Cards that changed then are not known to be stale.",
            minute(since),
            minute(oldest)
        ));
    }
    let from = StripeTime(since.max(oldest).0.saturating_sub(MARGIN_SECONDS));
    let (mut after, mut read, mut stale): (Option<EventId>, u64, u64) = (None, 0, 0);
    loop {
        let page = match page_of(session, from, after.as_ref()).await {
            Ok(page) => page,
            Err(Given::Up(why)) => {
                post.screen.problem(&format!(
                    "What came while nobody listened could not be read to the end: {why}. The next listener reads it again."
                ));
                return Ok(CaughtUp::InPart);
            }
            Err(Given::Stop(failure)) => return Err(failure),
        };
        read += u64::try_from(page.data.len()).unwrap_or(u64::MAX);
        for EventFacts(event) in &page.data {
            let delivered = post.deliver(event).map_err(unkept)?;
            if let super::Delivered::Filed(super::Filed::Now(Effect::Stale(customers))) = delivered
            {
                stale += customers;
            }
        }
        after = page.data.last().map(|EventFacts(event)| event.id.clone());
        if !page.has_more || after.is_none() {
            break;
        }
    }
    post.inbox().caught_up(now).map_err(unkept)?;
    post.screen.line(&format!(
        "Caught up with the platform's events since {}: {} read, {} newly stale.",
        minute(from),
        count(read, "event"),
        count(stale, "source")
    ));
    Ok(CaughtUp::Wholly)
}

/// Why a page was not read.
enum Given {
    /// It may be later.
    Up(String),
    /// It never will be.
    Stop(Failure),
}

async fn page_of(
    session: &Session,
    since: StripeTime,
    after: Option<&EventId>,
) -> Result<Page<EventFacts>, Given> {
    match session.client.events(since, after).await {
        ReadAnswer::Found(page, _) => Ok(page),
        ReadAnswer::Stop(stop) => Err(Given::Stop(Failure::stop(&stop))),
        ReadAnswer::Missing(refusal) | ReadAnswer::AccountInvalid(refusal) => {
            Err(Given::Up(refusal.message))
        }
        ReadAnswer::Failed(failed) => Err(Given::Up(failed.to_string())),
    }
}

/// Asks each account once. What an event tells meanwhile counts more.
async fn accounts(session: &Session, post: &Post) -> Result<CaughtUp, Failure> {
    let accounts = post.inbox().accounts().map_err(unkept)?;
    let (mut unread, mut parked, mut unparked) = (0_u64, 0_u64, 0_u64);
    for known in &accounts {
        match look(session, post, &known.account).await? {
            Some(Effect::Parked) => parked += 1,
            Some(Effect::Unparked) => unparked += 1,
            Some(Effect::Refreshed | Effect::Stale(_) | Effect::Nothing) => {}
            None => unread += 1,
        }
    }
    let looked_at = u64::try_from(accounts.len()).unwrap_or(u64::MAX) - unread;
    post.screen.line(&format!(
        "Looked at {}: {parked} cannot be reached any more, {unparked} can be again.",
        count(looked_at, "connected account")
    ));
    if unread == 0 {
        return Ok(CaughtUp::Wholly);
    }
    post.screen.problem(&format!(
        "{} could not be looked at: what is known of them is as before.",
        count(unread, "connected account")
    ));
    Ok(CaughtUp::InPart)
}

/// `None` where Stripe did not tell.
async fn look(
    session: &Session,
    post: &Post,
    account: &AccountId,
) -> Result<Option<Effect>, Failure> {
    // Before it is asked: what is told later counts more.
    let Some(at) = session.client.clock().earliest_now() else {
        return Ok(None);
    };
    let (out_of_reach, country) = match session.client.account(Some(account)).await {
        ReadAnswer::Found(facts, _) => (None, facts.country),
        ReadAnswer::AccountInvalid(refusal) => (Some(refusal.message), None),
        ReadAnswer::Missing(_) | ReadAnswer::Failed(_) => return Ok(None),
        ReadAnswer::Stop(stop) => return Err(Failure::stop(&stop)),
    };
    let looked = post
        .inbox()
        .looked(account, out_of_reach.as_deref(), country.as_deref(), at);
    looked.map(Some).map_err(unkept)
}
