//! What is sent for a portion, and what is known of it afterwards.

use super::One;
use super::look::{self, There};
use crate::ids::{IdempotencyKey, KeyMaterial};
use crate::proof::{Attempt, Event, No, Phase};
use crate::run::VisitError;
use crate::state::{Doubt, Position};
use crate::store::{Changes, Started, Store, StoreError, Taken};
use crate::stripe::{DoubtKind, Effect, Refusal, Removal, Removed};
use crate::undo::{Portion, Why};

/// One thing is sent at most so often by one command; the client's own attempts count as one.
const SENDS: u32 = 3;

/// An object of a place.
pub(super) type At = (Option<Position>, String);

/// How sending something went.
pub(super) enum Sent {
    Gone,
    Refused(Why),
    Unsettled(String),
}

/// What one call came to, before anything is read.
enum Told {
    Gone,
    /// A no, or no certain answer: what is there tells.
    Unsure(Option<Refusal>),
    Unsettled(String),
}

impl One<'_> {
    /// Sends a removal until it is known to be done, or known not to be.
    pub(super) async fn remove(
        &mut self,
        portion: &Portion,
        removal: Removal<'_>,
    ) -> Result<Sent, VisitError> {
        let object = match &removal {
            Removal::Detach { payment_method, .. } => payment_method.to_string(),
            Removal::DeleteCustomer { customer, .. } => customer.to_string(),
        };
        let at = (portion.target, object);
        // It was just seen to be there, whatever came of an earlier attempt.
        self.reopen(&at)?;
        for _ in 0..SENDS {
            let sent = match self.send(portion, removal, &at).await? {
                Told::Gone => Some(Sent::Gone),
                Told::Unsettled(why) => Some(Sent::Unsettled(why)),
                Told::Unsure(refusal) => self.read_back(portion, removal, &at, refusal).await?,
            };
            if let Some(sent) = sent {
                self.keep(&at).await?;
                return Ok(sent);
            }
        }
        self.keep(&at).await?;
        Ok(Sent::Unsettled(format!(
            "{} came to nothing for certain",
            at.1
        )))
    }

    /// Commits the intent, and sends.
    async fn send(
        &mut self,
        portion: &Portion,
        removal: Removal<'_>,
        at: &At,
    ) -> Result<Told, VisitError> {
        self.apply(at, Event::Start(self.now()?))?;
        let key = self.key(portion, removal, at);
        let started = self.start(portion, at, key).await?;
        let (removed, effect) = self.undo.client.remove(&started, &removal).await;
        let back = match effect {
            Effect::None => Event::Withdraw,
            Effect::Possible => Event::Doubt(Doubt::NoAnswer),
        };
        Ok(match removed {
            Removed::Done => {
                self.apply(at, Event::Succeed)?;
                Told::Gone
            }
            Removed::Refused(refusal) => Told::Unsure(Some(refusal)),
            Removed::Doubt(doubt) => {
                self.apply(at, Event::Doubt(kind(doubt.kind)))?;
                Told::Unsure(None)
            }
            Removed::AccountInvalid(refusal) => {
                self.apply(at, back)?;
                Told::Unsettled(refusal.message)
            }
            Removed::NotExecuted(why) => {
                self.apply(at, back)?;
                Told::Unsettled(why.to_string())
            }
            Removed::Stop(stop) => {
                self.apply(at, back)?;
                self.keep(at).await?;
                return Err(VisitError::Stop(stop));
            }
        })
    }

    /// After a no, which may be the no to a second one, or no certain answer. `None`: it is there, and may be sent once more.
    async fn read_back(
        &mut self,
        portion: &Portion,
        removal: Removal<'_>,
        at: &At,
        refusal: Option<Refusal>,
    ) -> Result<Option<Sent>, VisitError> {
        let there = look::is_there(&self.undo.client, removal, portion.customer.as_ref());
        Ok(match (there.await?, refusal) {
            (There::No, _) => {
                self.apply(at, Event::Succeed)?;
                Some(Sent::Gone)
            }
            (There::Yes, Some(refusal)) => {
                let why = Why {
                    reason: "refused",
                    message: format!("Stripe does not take back {}: {}", at.1, refusal.message),
                };
                let no = No {
                    status: refusal.status,
                    reason: refusal.reason().to_owned(),
                    message: refusal.message,
                };
                self.apply(at, Event::Refuse(no))?;
                Some(Sent::Refused(why))
            }
            (There::Yes, None) => {
                self.apply(at, Event::Miss)?;
                None
            }
            (There::Unread(why), refusal) => {
                if refusal.is_some() {
                    self.apply(at, Event::Doubt(Doubt::StoredServerError))?;
                }
                Some(Sent::Unsettled(why))
            }
        })
    }

    fn reopen(&mut self, at: &At) -> Result<(), VisitError> {
        let phase = self.undone.steps.get(at).map(|attempt| &attempt.phase);
        match phase {
            None | Some(Phase::Ready) => Ok(()),
            Some(Phase::Started | Phase::InDoubt(_)) => self.apply(at, Event::Miss),
            Some(Phase::Refused(_)) => self.apply(at, Event::Retry),
            // Stripe has the last word: it is there, so the next is another try.
            Some(Phase::Done) => {
                if let Some(attempt) = self.undone.steps.get_mut(at) {
                    attempt.phase = Phase::Ready;
                    attempt.try_no = attempt.try_no.saturating_add(1);
                }
                Ok(())
            }
        }
    }

    pub(super) fn apply(&mut self, at: &At, event: Event) -> Result<(), VisitError> {
        let attempt = Attempt::after(self.undone.steps.get(at), event)?;
        self.undone.steps.insert(at.clone(), attempt);
        Ok(())
    }

    fn key(&self, portion: &Portion, removal: Removal<'_>, at: &At) -> IdempotencyKey {
        let migration = &self.undo.migration;
        let attempt = self.undone.steps.get(at);
        IdempotencyKey::derive(&KeyMaterial {
            livemode: migration.livemode,
            platform_account: &migration.platform_account,
            migration: migration.id,
            legacy_id: &self.customer.legacy_id,
            step: match removal {
                Removal::Detach { .. } => "undo_detach",
                Removal::DeleteCustomer { .. } => "undo_delete",
            },
            connected_account: portion.account.as_ref(),
            source: match removal {
                Removal::Detach { payment_method, .. } => Some(payment_method),
                Removal::DeleteCustomer { .. } => None,
            },
            try_no: attempt.map_or(1, |attempt| attempt.try_no),
        })
    }

    pub(super) fn store(&self) -> Result<&Store, VisitError> {
        let without = || StoreError::Defect("something was to be sent in a dry run".to_owned());
        Ok(self.undo.store.as_ref().ok_or_else(without)?)
    }

    /// Marks the place, and commits the intent.
    async fn start(
        &mut self,
        portion: &Portion,
        at: &At,
        key: IdempotencyKey,
    ) -> Result<Started, VisitError> {
        let mut changes = self.changes(at)?;
        changes.undo_taken(self.place(portion, Taken::Begun)?);
        Ok(self.store()?.start_undo(changes, key).await?)
    }

    async fn keep(&self, at: &At) -> Result<(), VisitError> {
        let changes = self.changes(at)?;
        Ok(self.store()?.commit(changes).await?)
    }

    fn changes(&self, at: &At) -> Result<Changes, VisitError> {
        let mut changes = Changes::of(self.seq);
        changes.at(Some(self.now()?));
        if let Some(attempt) = self.undone.steps.get(at) {
            changes.undo_step(at.0, &at.1, attempt.clone());
        }
        Ok(changes)
    }
}

fn kind(kind: DoubtKind) -> Doubt {
    match kind {
        DoubtKind::NoAnswer(_) => Doubt::NoAnswer,
        DoubtKind::Expired => Doubt::Expired,
        DoubtKind::StoredServerError => Doubt::StoredServerError,
        DoubtKind::IdempotencyConflict => Doubt::IdempotencyConflict,
    }
}
