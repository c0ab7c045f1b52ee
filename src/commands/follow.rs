//! `resume --follow`: what a listener hears while a run is on, and the wait for it once nothing is left to be done.
//!
//! Hazard: an account that took its access back costs a call for each customer that is sent there all the same; so every run hears,
//! before each step, whether it follows or not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use super::helm::Helm;
use super::interrupt::Pressed;
use crate::plan::{Plan, Rates};
use crate::report::Screen;
use crate::report::words::count;
use crate::run::Context;
use crate::store::{self, Listening, Loader, Selection, StoreError};

/// How often an idle run looks: one row of the state file, and nothing at Stripe.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A run that hears.
pub struct Follow {
    state: PathBuf,
    /// Some account can be reached again that could not be when this round began.
    again: bool,
    /// What could not be heard was said.
    unheard: bool,
}

impl Follow {
    /// Hears what a listener writes into the state file.
    pub fn new(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            again: false,
            unheard: false,
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

    /// Waits until there may be something to do again; false where the run is to end instead.
    pub async fn wait(
        &mut self,
        (context, screen): (&Context, &Screen),
        helm: &mut Helm,
        pressed: &mut watch::Receiver<Pressed>,
    ) -> Result<bool, StoreError> {
        let mut note = |word: &str| screen.line(word);
        note(
            "Nothing is left to be done: waiting for what `pmclone listen` hears. Ctrl-C ends it.",
        );
        if !Listening::is_on(&self.state) {
            note("Nobody listens now: start `pmclone listen` for this state file beside it.");
        }
        helm.set_idle(true);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let goes_on = loop {
            if pressed.borrow().first.is_some() {
                break false;
            }
            helm.idle_tick(context, &mut note);
            if helm.ended().is_some() {
                break false;
            }
            self.hear(context, &mut note);
            if std::mem::take(&mut self.again) {
                break true;
            }
            tokio::select! {
                _ = pressed.wait_for(|pressed| pressed.first.is_some()) => {}
                _ = looks.tick() => {}
            }
        };
        helm.set_idle(false);
        Ok(goes_on)
    }

    /// What there is to do now.
    pub fn round(
        &self,
        screen: &Screen,
        rates: Rates,
        selection: &Selection,
    ) -> Result<(Loader, Plan), StoreError> {
        let conn = store::open_readonly(&self.state)?;
        let plan = Plan::new(store::work(&conn, selection)?, rates);
        screen.line(&format!(
            "An account can be reached again, as was heard: {} taken up.",
            count(plan.work.customers, "customer")
        ));
        Ok((Loader::new(conn)?, plan))
    }
}
