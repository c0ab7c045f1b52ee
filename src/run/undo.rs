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
mod send;

use std::sync::Arc;

use self::look::Looked;
use self::send::{At, Sent};
use super::VisitError;
use super::visit::no_date;
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::proof::{Event, Phase};
use crate::state::{Customer, Next, Reachable, Standing};
use crate::store::{
    Changes, CustomerSeq, Loaded, Migration, ProofsMade, Store, Taken, TakenPlace, Undone,
};
use crate::stripe::{Client, Removal};
use crate::time::StripeTime;
use crate::undo::{Portion, Terms, Verdict, Why, known, may_hold_source_cards, portions};

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
    /// Platform Customers are deleted although their source cards are lost with them: so many as this were counted out.
    pub spends: Option<u64>,
    /// Charges of `verify --charge` that are taken back first: in a dry run they are open still.
    pub charges: ProofsMade,
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
            if let Outcome::Unsettled(why) = &outcome {
                one.keep_why(&portion, Why::unsettled(why.clone())).await?;
            }
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

    fn terms(&self, portion: &Portion) -> Terms<'_> {
        // Once they were to be taken back, what is open is open.
        let is_dry = self.undo.store.is_none();
        let account = portion.account.as_ref().filter(|_| is_dry);
        Terms {
            migration: self.undo.migration.id,
            legacy_id: &self.customer.legacy_id,
            spend_source_cards: self.undo.spends.is_some(),
            settles_charges: account
                .is_some_and(|account| self.undo.charges.is_open(self.seq, account)),
        }
    }

    async fn portion(&mut self, portion: &Portion) -> Result<(Outcome, u64), VisitError> {
        let verdict = match (known(portion), &portion.customer) {
            (Some(verdict), _) => verdict,
            (None, None) => Verdict::Gone,
            (None, Some(customer)) => match self.judged(portion, customer).await? {
                Ok(verdict) => verdict,
                Err(why) => return Ok((Outcome::Unsettled(why), 0)),
            },
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

    /// Looks at a Customer, and judges; or why it could not be seen.
    async fn judged(
        &self,
        portion: &Portion,
        customer: &CustomerId,
    ) -> Result<Result<Verdict, String>, VisitError> {
        let (client, account) = (&self.undo.client, portion.account.as_ref());
        let terms = self.terms(portion);
        // One read, where that is all it takes.
        if may_hold_source_cards(portion, terms) {
            match look::attached(client, customer).await? {
                Ok(0) => {}
                Ok(cards) => return Ok(Ok(Verdict::Leave(Why::source_cards(cards)))),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(match look::at(client, customer, account).await? {
            Looked::Seen(sight) => Ok(crate::undo::judge(portion, &sight, terms)),
            Looked::Absent(message) => Ok(Verdict::Leave(Why {
                reason: "not_found",
                message,
            })),
            Looked::Unread(why) => Err(why),
        })
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
        let place = self.place(portion, Taken::All)?;
        changes.undo_taken(place);
        Ok(self.store()?.commit(changes).await?)
    }

    /// Marks a place: nothing more is made there. Gives what is kept of it.
    fn place(&mut self, portion: &Portion, taken: Taken) -> Result<TakenPlace, VisitError> {
        self.undone.mark(portion.target, taken);
        match portion.target {
            None => self.customer.undone = true,
            Some(position) => {
                let index = usize::try_from(position).ok();
                if let Some(target) = index.and_then(|index| self.customer.targets.get_mut(index)) {
                    target.reach = match self.undone.taken(portion.target) {
                        Taken::All => Reachable::Undone,
                        Taken::Nothing | Taken::Begun => Reachable::UndoBegun,
                    };
                }
            }
        }
        Ok(TakenPlace {
            target: portion.target,
            taken,
            standing: self.standing()?,
            erase: self.customer.is_undone(),
            spends: match portion.target {
                None => self.undo.spends,
                Some(_) => None,
            },
        })
    }

    /// Where the customer stands with what is marked.
    fn standing(&self) -> Result<Standing, VisitError> {
        let now = self.undo.client.clock().latest_now().ok_or_else(no_date)?;
        Ok(match self.customer.next(now) {
            Next::Settled(review) => match (review.customer, self.undone.taken(None)) {
                (Standing::Undone, Taken::Begun) => Standing::PartlyUndone,
                (standing, _) => standing,
            },
            Next::Send(_) | Next::Look(_) | Next::Expire(_) | Next::SetAside(_) => {
                Standing::InProgress
            }
        })
    }

    async fn leave(&self, portion: &Portion, why: Why) -> Result<Outcome, VisitError> {
        self.keep_why(portion, why.clone()).await?;
        Ok(Outcome::Left(why))
    }

    /// Keeps why it is left, or not settled: for those who ask afterwards.
    async fn keep_why(&self, portion: &Portion, why: Why) -> Result<(), VisitError> {
        let Some(store) = &self.undo.store else {
            return Ok(());
        };
        let mut changes = Changes::of(self.seq);
        changes.at(Some(self.now()?));
        changes.undo_left(portion.target, why);
        Ok(store.commit(changes).await?)
    }
}

impl Reported {
    /// The Customer at Stripe, if it came so far.
    pub fn customer(&self) -> Option<&CustomerId> {
        self.portion.customer.as_ref()
    }
}
