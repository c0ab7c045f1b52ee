//! `resume --follow`: what a listener hears while a run is on, and the wait for it once nothing is left to be done.
//!
//! Hazard: an account that took its access back costs a call for each customer that is sent there all the same; so every run hears,
//! before each step, whether it follows or not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::helm::Helm;
use super::interrupt::Pressed;
use crate::plan::{Plan, Rates};
use crate::report::words::count;
use crate::report::{Screen, stale};
use crate::run::Context;
use crate::store::{self, Listening, Loader, Selection, StoreError, TakeStale};

/// How often an idle run looks: one row of the state file, and nothing at Stripe.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The first look at what is in doubt comes so long after it was left, each one after that twice as long after the one before.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// The longest time between two of them.
const LAST_LOOK: Duration = Duration::from_secs(15 * 60);

/// A run that hears.
pub struct Follow {
    state: PathBuf,
    /// What is renewed as its sources change (`--refresh-stale`); `None`: nothing is.
    refresh: Option<Selection>,
    /// Some account can be reached again that could not be when this round began.
    again: bool,
    /// What could not be heard was said.
    unheard: bool,
    /// How often something had been heard when stale clones were taken up last.
    heard: Option<i64>,
    /// Looks in a row at what is in doubt.
    looks: u32,
}

/// Why a round begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An account can be reached again.
    Reached,
    /// Clones are stale.
    Stale,
    /// Something is in doubt.
    Doubt,
}

impl Follow {
    /// Hears what a listener writes into the state file.
    pub fn new(state: &Path, refresh: Option<Selection>) -> Self {
        Self {
            state: state.to_owned(),
            refresh,
            again: false,
            unheard: false,
            heard: None,
            looks: 0,
        }
    }

    /// Takes up what events told since the last time, and tells it. Accounts that gave access again are for the next round, or the
    /// next run.
    pub fn hear(&mut self, context: &Context, mut note: impl FnMut(&str)) {
        if let Err(error) = context.hear()
            && !std::mem::replace(&mut self.unheard, true)
        {
            note(&format!("What `pmclone listen` hears is not seen: {error}"));
        }
        for known in context.heard() {
            self.again |= !known.parked;
            if known.parked {
                note(&format!(
                    "{} cannot be reached, as was heard: its customers are parked.",
                    known.account
                ));
            }
        }
    }

    /// Waits until there may be something to do again, and tells why; `None` where the run is to end instead.
    pub async fn wait(
        &mut self,
        (context, screen): (&Context, &Screen),
        helm: &mut Helm,
        pressed: &mut watch::Receiver<Pressed>,
    ) -> Result<Option<Cause>, StoreError> {
        let mut note = |word: &str| screen.line(word);
        let conn = store::open_readonly(&self.state)?;
        let in_doubt = store::any_to_be_settled(&conn)?;
        if !in_doubt {
            self.looks = 0;
        }
        let look_at = in_doubt.then(|| Instant::now() + look_after(self.looks));
        note(&match look_at {
            None => "Nothing is left to be done: waiting for what `pmclone listen` hears. Ctrl-C ends it.".to_owned(),
            Some(_) => format!(
                "What is in doubt is looked at again in {} s; until then: waiting for what `pmclone listen` hears. Ctrl-C ends it.",
                look_after(self.looks).as_secs()
            ),
        });
        if !Listening::is_on(&self.state) {
            note("Nobody listens now: start `pmclone listen` for this state file beside it.");
        }
        helm.set_idle(true);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let cause = loop {
            if pressed.borrow().first.is_some() {
                break None;
            }
            helm.idle_tick(context, &mut note);
            if helm.ended().is_some() {
                break None;
            }
            self.hear(context, &mut note);
            if std::mem::take(&mut self.again) {
                self.looks = 0;
                break Some(Cause::Reached);
            }
            if self.take_up(&conn, context, &mut note)? {
                break Some(Cause::Stale);
            }
            if look_at.is_some_and(|at| at <= Instant::now()) {
                self.looks += 1;
                break Some(Cause::Doubt);
            }
            tokio::select! {
                _ = pressed.wait_for(|pressed| pressed.first.is_some()) => {}
                _ = looks.tick() => {}
            }
        };
        helm.set_idle(false);
        Ok(cause)
    }

    /// Takes up clones that became stale since this was done last; true where there are any. One row is read where nothing was heard.
    fn take_up(
        &mut self,
        conn: &Connection,
        context: &Context,
        mut note: impl FnMut(&str),
    ) -> Result<bool, StoreError> {
        let Some(selection) = &self.refresh else {
            return Ok(false);
        };
        let heard = store::heard(conn)?;
        if self.heard.replace(heard) == Some(heard) {
            return Ok(false);
        }
        let beside = store::open_beside(&self.state)?;
        let at = context.client.clock().earliest_now();
        let renewals = store::take_up_stale(&beside, selection, TakeStale::Changed, at)?;
        if renewals.clones == 0 {
            return Ok(false);
        }
        if let Some(told) = stale::taken_up(&renewals, &stale::named(&self.state)) {
            note(&told);
        }
        Ok(true)
    }

    /// What there is to do now.
    pub fn round(
        &self,
        cause: Cause,
        screen: &Screen,
        rates: Rates,
        selection: &Selection,
    ) -> Result<(Loader, Plan), StoreError> {
        let conn = store::open_readonly(&self.state)?;
        let plan = Plan::new(store::work(&conn, selection)?, rates);
        let why = match cause {
            Cause::Reached => "An account can be reached again, as was heard",
            Cause::Stale => "Sources changed, as was heard",
            Cause::Doubt => "What is in doubt is looked at again",
        };
        screen.line(&format!(
            "{why}: {} taken up.",
            count(plan.work.customers, "customer")
        ));
        Ok((Loader::new(conn)?, plan))
    }
}

/// How long what is in doubt is left alone after so many looks at it in a row.
fn look_after(looks: u32) -> Duration {
    let doubled = 1_u32.checked_shl(looks).unwrap_or(u32::MAX);
    FIRST_LOOK.saturating_mul(doubled).min(LAST_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_doubt_is_looked_at_less_and_less_often() {
        let seconds: Vec<_> = (0..10).map(|looks| look_after(looks).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(look_after(u32::MAX), LAST_LOOK);
    }
}
