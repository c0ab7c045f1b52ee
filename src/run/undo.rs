//! SHELL. Takes back what a migration made: customers side by side, for each one request after the other, each with its committed
//! intent. [`crate::undo`] says what may be taken back.
//!
//! ```text
//!   portion ──▶ read Customer, PaymentMethods, uses ──▶ judge ──▶ detach, detach, … delete ──▶ taken
//!                        ▲                                              │
//!                        └────── no certain answer: read it back ◀──────┘
//! ```
//!
//! A second detach or delete has no further effect at Stripe. So what is not known to be done is read, and sent again where it is
//! still there; nothing has to be waited for.
//!
//! Hazard: time between the look and the last request. So each portion is looked at right before it is taken back, and again whenever
//! it is taken up anew.

mod look;

use std::sync::Arc;

use self::look::{Looked, There};
use super::VisitError;
use super::visit::no_date;
use crate::ids::{AccountId, CustomerId, IdempotencyKey, KeyMaterial, LegacyId, PaymentMethodId};
use crate::proof::{Event, No, Phase};
use crate::state::{Customer, Doubt, Next, Reachable, Standing};
use crate::store::{Changes, CustomerSeq, Loaded, Migration, Store, StoreError, Taken, Undone};
use crate::stripe::{Client, DoubtKind, Effect, Removal, Removed};
use crate::time::StripeTime;
use crate::undo::{Portion, Terms, Verdict, Why, known, portions};

/// One thing is sent at most so often by one command; the client's own attempts count as one.
const SENDS: u32 = 3;

/// What an undo works with.
pub struct Undo {
    /// Stripe.
    pub client: Arc<Client>,
    /// The state file; `None`: nothing is sent, and nothing kept (`--dry-run`).
    pub store: Option<Store>,
    /// Whose migration it is.
    pub migration: Migration,
    /// Only these accounts, and not the platform; empty: all.
    pub accounts: Vec<AccountId>,
    /// Platform Customers are deleted although their source cards are lost with them.
    pub spend_source_cards: bool,
}

/// What became of a portion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is gone.
    TakenBack,
    /// It was gone before this command, or there was nothing but clones that are attached to nothing.
    Gone,
    /// It would be taken back (`--dry-run`).
    Would,
    /// It is left where it is.
    Left(Why),
    /// Not known to the end, and why: the same command again goes on.
    Unsettled(String),
}

/// A portion, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Whose.
    pub legacy_id: LegacyId,
    /// Where, and what.
    pub portion: Portion,
    /// Clones that were detached, or would be.
    pub detached: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// A customer whose turn it is.
struct One<'a> {
    undo: &'a Undo,
    seq: CustomerSeq,
    customer: Customer,
    undone: Undone,
}

/// How sending something went.
enum Sent {
    Gone,
    Refused(Why),
    Unsettled(String),
}

impl Undo {
    /// The portions of a customer that this undo is about.
    pub fn portions(&self, loaded: &Loaded, undone: &Undone) -> Vec<Portion> {
        let wanted = |portion: &Portion| match &portion.account {
            Some(account) => self.accounts.is_empty() || self.accounts.contains(account),
            None => self.accounts.is_empty(),
        };
        let all = portions(&loaded.customer).into_iter();
        all.filter(|portion| wanted(portion) && undone.taken(portion.target) != Taken::All)
            .collect()
    }

    /// Takes back what may be taken back of a customer.
    pub async fn one(
        &self,
        loaded: Loaded,
        undone: Undone,
    ) -> Result<(CustomerSeq, Vec<Reported>), VisitError> {
        let portions = self.portions(&loaded, &undone);
        let mut one = One {
            undo: self,
            seq: loaded.seq,
            customer: loaded.customer,
            undone,
        };
        let mut reported = Vec::new();
        // Of those that this undo is not about something may be left, too.
        let mut anything_left = one.is_left_elsewhere(&portions);
        for portion in portions {
            let (outcome, detached) = match portion.account {
                None if anything_left => (one.leave(&portion, Why::not_alone()).await?, 0),
                Some(_) | None => one.portion(&portion).await?,
            };
            anything_left |= matches!(outcome, Outcome::Left(_) | Outcome::Unsettled(_));
            reported.push(Reported {
                legacy_id: one.customer.legacy_id.clone(),
                portion,
                detached,
                outcome,
            });
        }
        Ok((one.seq, reported))
    }
}

impl One<'_> {
    fn is_left_elsewhere(&self, portions: &[Portion]) -> bool {
        let known = crate::undo::portions(&self.customer);
        let mut others = known.iter().filter(|portion| portion.target.is_some());
        others.any(|other| {
            let is_wanted = portions
                .iter()
                .any(|portion| portion.target == other.target);
            !is_wanted && self.undone.taken(other.target) != Taken::All
        })
    }

    fn now(&self) -> Result<StripeTime, VisitError> {
        self.undo.client.clock().earliest_now().ok_or_else(no_date)
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            migration: self.undo.migration.id,
            legacy_id: &self.customer.legacy_id,
            spend_source_cards: self.undo.spend_source_cards,
        }
    }

    async fn portion(&mut self, portion: &Portion) -> Result<(Outcome, u64), VisitError> {
        let verdict = match (known(portion, self.terms()), &portion.customer) {
            (Some(verdict), _) => verdict,
            (None, None) => Verdict::Gone,
            (None, Some(customer)) => {
                let account = portion.account.as_ref();
                match look::at(&self.undo.client, customer, account).await? {
                    Looked::Seen(sight) => crate::undo::judge(portion, &sight, self.terms()),
                    Looked::Absent(message) => Verdict::Leave(Why {
                        reason: "not_found",
                        message,
                    }),
                    Looked::Unread(why) => return Ok((Outcome::Unsettled(why), 0)),
                }
            }
        };
        let clones = match verdict {
            Verdict::Leave(why) => return Ok((self.leave(portion, why).await?, 0)),
            Verdict::Gone if self.undo.store.is_none() => return Ok((Outcome::Gone, 0)),
            Verdict::Gone => {
                self.take(portion).await?;
                return Ok((Outcome::Gone, 0));
            }
            Verdict::TakeBack(clones) => clones,
        };
        let count = u64::try_from(clones.len()).unwrap_or(u64::MAX);
        match &self.undo.store {
            None => Ok((Outcome::Would, count)),
            Some(_) => self.take_back(portion, &clones).await,
        }
    }

    /// Detaches the clones and deletes the Customer.
    async fn take_back(
        &mut self,
        portion: &Portion,
        clones: &[PaymentMethodId],
    ) -> Result<(Outcome, u64), VisitError> {
        let (account, mut detached) = (portion.account.as_ref(), 0);
        let Some(customer) = &portion.customer else {
            return Ok((Outcome::Gone, 0));
        };
        let clones = clones.iter().zip(std::iter::repeat(account));
        let detaching = clones.filter_map(|(payment_method, account)| {
            Some(Removal::Detach {
                payment_method,
                account: account?,
            })
        });
        let deleting = Removal::DeleteCustomer { customer, account };
        for removal in detaching.chain([deleting]) {
            match self.remove(portion, removal).await? {
                Sent::Gone => {}
                Sent::Refused(why) => return Ok((self.leave(portion, why).await?, detached)),
                Sent::Unsettled(why) => return Ok((Outcome::Unsettled(why), detached)),
            }
            detached += u64::from(matches!(removal, Removal::Detach { .. }));
        }
        self.take(portion).await?;
        Ok((Outcome::TakenBack, detached))
    }

    /// Sends a removal until it is known to be done, or known not to be.
    async fn remove(
        &mut self,
        portion: &Portion,
        removal: Removal<'_>,
    ) -> Result<Sent, VisitError> {
        let (object, step) = match &removal {
            Removal::Detach { payment_method, .. } => (payment_method.to_string(), "undo_detach"),
            Removal::DeleteCustomer { customer, .. } => (customer.to_string(), "undo_delete"),
        };
        let at = (portion.target, object);
        // It was just seen to be there, whatever came of an earlier attempt.
        self.reopen(&at)?;
        for _ in 0..SENDS {
            self.apply(&at, Event::Start(self.now()?))?;
            let key = self.key(portion, removal, step, &at);
            let started = self.start(portion, &at, key).await?;
            let (removed, effect) = self.undo.client.remove(&started, &removal).await;
            let back = match effect {
                Effect::None => Event::Withdraw,
                Effect::Possible => Event::Doubt(Doubt::NoAnswer),
            };
            let refused = match removed {
                Removed::Done => {
                    self.apply(&at, Event::Succeed)?;
                    self.keep(&at).await?;
                    return Ok(Sent::Gone);
                }
                Removed::Refused(refusal) => Some(refusal),
                Removed::Doubt(doubt) => {
                    self.apply(&at, Event::Doubt(kind(&doubt.kind)))?;
                    None
                }
                Removed::AccountInvalid(refusal) => {
                    self.apply(&at, back)?;
                    self.keep(&at).await?;
                    return Ok(Sent::Unsettled(refusal.message));
                }
                Removed::NotExecuted(why) => {
                    self.apply(&at, back)?;
                    self.keep(&at).await?;
                    return Ok(Sent::Unsettled(why.to_string()));
                }
                Removed::Stop(stop) => {
                    self.apply(&at, back)?;
                    self.keep(&at).await?;
                    return Err(VisitError::Stop(stop));
                }
            };
            // A no to a second one, or no certain answer: what is there now tells.
            let there = look::is_there(&self.undo.client, removal, portion.customer.as_ref());
            match (there.await?, refused) {
                (There::No, _) => {
                    self.apply(&at, Event::Succeed)?;
                    self.keep(&at).await?;
                    return Ok(Sent::Gone);
                }
                (There::Yes, Some(refusal)) => {
                    let (reason, message) = (refusal.reason().to_owned(), refusal.message);
                    let status = refusal.status;
                    let why = Why {
                        reason: "refused",
                        message: format!("Stripe does not take back {}: {message}", at.1),
                    };
                    let no = No {
                        status,
                        reason,
                        message,
                    };
                    self.apply(&at, Event::Refuse(no))?;
                    self.keep(&at).await?;
                    return Ok(Sent::Refused(why));
                }
                (There::Yes, None) => self.apply(&at, Event::Miss)?,
                (There::Unread(why), refused) => {
                    if refused.is_some() {
                        self.apply(&at, Event::Doubt(Doubt::StoredServerError))?;
                    }
                    self.keep(&at).await?;
                    return Ok(Sent::Unsettled(why));
                }
            }
        }
        self.keep(&at).await?;
        Ok(Sent::Unsettled(format!(
            "{} came to nothing for certain",
            at.1
        )))
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

    fn apply(&mut self, at: &At, event: Event) -> Result<(), VisitError> {
        let attempt = crate::proof::Attempt::after(self.undone.steps.get(at), event)?;
        self.undone.steps.insert(at.clone(), attempt);
        Ok(())
    }

    fn key(&self, portion: &Portion, removal: Removal<'_>, step: &str, at: &At) -> IdempotencyKey {
        let migration = &self.undo.migration;
        let attempt = self.undone.steps.get(at);
        IdempotencyKey::derive(&KeyMaterial {
            livemode: migration.livemode,
            platform_account: &migration.platform_account,
            migration: migration.id,
            legacy_id: &self.customer.legacy_id,
            step,
            connected_account: portion.account.as_ref(),
            source: match removal {
                Removal::Detach { payment_method, .. } => Some(payment_method),
                Removal::DeleteCustomer { .. } => None,
            },
            try_no: attempt.map_or(1, |attempt| attempt.try_no),
        })
    }

    fn store(&self) -> Result<&Store, VisitError> {
        let without = || StoreError::Defect("something was to be sent in a dry run".to_owned());
        Ok(self.undo.store.as_ref().ok_or_else(without)?)
    }

    /// Marks the place, and commits the intent.
    async fn start(
        &mut self,
        portion: &Portion,
        at: &At,
        key: IdempotencyKey,
    ) -> Result<crate::store::Started, VisitError> {
        let mut changes = self.changes(at)?;
        self.mark(portion);
        let standing = self.standing()?;
        changes.undo_taken(
            portion.target,
            Taken::Begun,
            standing,
            self.customer.is_undone(),
        );
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

    /// All of the portion is gone.
    async fn take(&mut self, portion: &Portion) -> Result<(), VisitError> {
        let mut changes = Changes::of(self.seq);
        changes.at(Some(self.now()?));
        // What was sent and not known to be done is gone with the rest.
        let open: Vec<At> = self
            .undone
            .steps
            .iter()
            .filter(|((target, _), attempt)| {
                *target == portion.target
                    && matches!(attempt.phase, Phase::Started | Phase::InDoubt(_))
            })
            .map(|(at, _)| at.clone())
            .collect();
        for at in open {
            self.apply(&at, Event::Succeed)?;
            if let Some(attempt) = self.undone.steps.get(&at) {
                changes.undo_step(at.0, &at.1, attempt.clone());
            }
        }
        self.mark(portion);
        let standing = self.standing()?;
        changes.undo_taken(
            portion.target,
            Taken::All,
            standing,
            self.customer.is_undone(),
        );
        Ok(self.store()?.commit(changes).await?)
    }

    /// Nothing more is made there.
    fn mark(&mut self, portion: &Portion) {
        let Some(position) = portion.target else {
            self.customer.undone = true;
            return;
        };
        let index = usize::try_from(position).ok();
        if let Some(target) = index.and_then(|index| self.customer.targets.get_mut(index)) {
            target.reach = Reachable::Undone;
        }
    }

    /// Where the customer stands with what is marked.
    fn standing(&self) -> Result<Standing, VisitError> {
        let now = self.undo.client.clock().latest_now().ok_or_else(no_date)?;
        Ok(match self.customer.next(now) {
            Next::Settled(review) => review.customer,
            Next::Send(_) | Next::Look(_) | Next::Expire(_) | Next::SetAside(_) => {
                Standing::InProgress
            }
        })
    }

    /// Keeps why it is left.
    async fn leave(&self, portion: &Portion, why: Why) -> Result<Outcome, VisitError> {
        if let Some(store) = &self.undo.store {
            let mut changes = Changes::of(self.seq);
            changes.at(Some(self.now()?));
            changes.undo_left(portion.target, why.clone());
            store.commit(changes).await?;
        }
        Ok(Outcome::Left(why))
    }
}

/// An object of a place.
type At = (Option<crate::state::Position>, String);

fn kind(kind: &DoubtKind) -> Doubt {
    match kind {
        DoubtKind::NoAnswer(_) => Doubt::NoAnswer,
        DoubtKind::Expired => Doubt::Expired,
        DoubtKind::StoredServerError => Doubt::StoredServerError,
        DoubtKind::IdempotencyConflict => Doubt::IdempotencyConflict,
    }
}

impl Reported {
    /// The Customer at Stripe, if it came so far.
    pub fn customer(&self) -> Option<&CustomerId> {
        self.portion.customer.as_ref()
    }
}
