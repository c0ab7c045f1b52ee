//! SHELL. Carries a proof of `verify --charge` on until it is over: one write at a time, each with its committed intent.
//! [`crate::proof`] decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::VisitError;
use super::visit::no_date;
use crate::ids::IntentId;
use crate::proof::{
    self, End, Event, Held, INVALID_CURRENCY, Illegal, Look, Next, No, Phase, Purpose, Step,
};
use crate::state::Doubt;
use crate::store::{Case, Migration, Proofs, StoreError};
use crate::stripe::{
    Card, Client, DoubtKind, Effect, IntentFacts, Made, Markers, Paid, Payment, ReadAnswer,
    RefundFacts, Refusal, Refused,
};
use crate::time::StripeTime;

/// A step is sent at most so often by one command; the client's own attempts count as one.
const SENDS: u32 = 4;

/// Decisions that one proof can take; a straight one takes four.
const DECISIONS: u32 = 24;

/// Clocks of Stripe's servers are within so many seconds of each other.
const CLOCKS_SECONDS: i64 = 3600;

/// What a proof works with.
pub struct Prover<'a> {
    /// Stripe.
    pub client: Arc<Client>,
    /// The table.
    pub proofs: Proofs<'a>,
    /// Whose migration it is.
    pub migration: &'a Migration,
}

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    /// To its end.
    Over(End),
    /// Not known, and why: a later command settles it.
    Unsettled(String),
}

impl From<Illegal> for VisitError {
    fn from(illegal: Illegal) -> Self {
        Self::Store(StoreError::Damaged(illegal.to_string()))
    }
}

/// What a look came to.
enum Looked {
    Yes,
    No(String),
}

/// The most telling word of a refusal.
fn why(refusal: &Refusal) -> &str {
    match (&refusal.code, refusal.param.as_deref()) {
        (None, Some("currency")) => INVALID_CURRENCY,
        _ => refusal.reason(),
    }
}

impl Prover<'_> {
    fn latest_now(&self) -> Result<StripeTime, VisitError> {
        self.client.clock().latest_now().ok_or_else(no_date)
    }

    fn earliest_now(&self) -> Result<StripeTime, VisitError> {
        self.client.clock().earliest_now().ok_or_else(no_date)
    }

    /// Carries it on until it is over, or until nothing more can be known now.
    pub async fn carry_on(&self, case: &mut Case, purpose: Purpose) -> Result<Proved, VisitError> {
        let mut sent: BTreeMap<Step, u32> = BTreeMap::new();
        for _ in 0..DECISIONS {
            match proof::next(&case.proof, purpose, self.latest_now()?) {
                Next::Over(end) => {
                    // Nothing was ever sent, or all of it is known to have had no effect.
                    if case.proof.held == Held::Unknown {
                        case.proof.held = Held::Nothing;
                        self.proofs.keep(case)?;
                    }
                    return Ok(Proved::Over(end));
                }
                Next::Look(look) => {
                    if let Looked::No(why) = self.look(case, look).await? {
                        return Ok(Proved::Unsettled(why));
                    }
                    self.proofs.keep(case)?;
                }
                Next::Send(step) => {
                    let times = sent.entry(step).or_default();
                    *times += 1;
                    if *times > SENDS {
                        let why = format!("{} came to nothing for certain", step.name());
                        return Ok(Proved::Unsettled(why));
                    }
                    let why = self.send(case, step).await?;
                    self.proofs.keep(case)?;
                    if let Some(why) = why {
                        return Ok(Proved::Unsettled(why));
                    }
                }
            }
        }
        Ok(Proved::Unsettled("it does not come to an end".to_owned()))
    }

    /// Sends a step; gives why nothing more can be done now, if so.
    async fn send(&self, case: &mut Case, step: Step) -> Result<Option<String>, VisitError> {
        let fresh = matches!(case.proof.phase(step), None | Some(Phase::Ready));
        let at = self.earliest_now()?;
        case.proof.apply(step, Event::Start(at))?;
        let key = case.key(self.migration, step);
        let started = self.proofs.start(case, step, key)?;
        let (paid, effect) = {
            let payment = self.payment(case, step)?;
            self.client.pay(&started, &payment).await
        };
        // Only where nothing of it can have had effect is the intent taken back.
        let back = if fresh && effect == Effect::None {
            Event::Withdraw
        } else {
            Event::Doubt(Doubt::NoAnswer)
        };
        match paid {
            Paid::Done(made) => match *made {
                Made::Intent(facts) => Self::take(case, step, facts)?,
                Made::Refund(facts) => Self::take_refunds(case, &[facts])?,
            },
            Paid::Refused(refused) => return self.refused(case, step, *refused).await,
            Paid::Doubt(doubt) => {
                let kind = match doubt.kind {
                    DoubtKind::NoAnswer(_) => Doubt::NoAnswer,
                    DoubtKind::Expired => Doubt::Expired,
                    DoubtKind::StoredServerError => Doubt::StoredServerError,
                    DoubtKind::IdempotencyConflict => Doubt::IdempotencyConflict,
                };
                case.proof.apply(step, Event::Doubt(kind))?;
            }
            Paid::AccountInvalid(refusal) => {
                case.proof.apply(step, back)?;
                return Ok(Some(refusal.message));
            }
            Paid::NotExecuted(why) => {
                case.proof.apply(step, back)?;
                return Ok(Some(why.to_string()));
            }
            Paid::Stop(stop) => {
                case.proof.apply(step, back)?;
                self.proofs.keep(case)?;
                return Err(VisitError::Stop(stop));
            }
        }
        Ok(None)
    }

    fn payment<'c>(&'c self, case: &'c Case, step: Step) -> Result<Payment<'c>, StoreError> {
        let account = &case.account;
        let card = Card {
            account,
            customer: &case.connected_customer,
            payment_method: &case.payment_method,
            markers: Markers {
                migration: self.migration.id,
                legacy_id: &case.legacy_id,
            },
            mark: &case.mark,
        };
        let terms = &case.proof.terms;
        let intent = || intent_of(case);
        Ok(match step {
            Step::Authorize => Payment::Authorize { card, terms },
            Step::SetUp => Payment::SetUp { card },
            Step::Capture => Payment::Capture {
                intent: intent()?,
                amount: terms.capture,
                account,
            },
            Step::Refund => Payment::Refund {
                intent: intent()?,
                fee: terms.fee > 0,
                mark: &case.mark,
                account,
            },
            Step::Cancel => Payment::Cancel {
                intent: intent()?,
                account,
            },
        })
    }

    /// Takes over what an answer, or a look, shows of the intent.
    fn take(case: &mut Case, step: Step, facts: IntentFacts) -> Result<(), VisitError> {
        let Some(held) = Held::of_status(case.proof.terms.kind, &facts.status) else {
            // A status that is not known settles nothing: it is looked at again.
            case.proof.intent = Some(facts.id);
            case.proof
                .apply(step, Event::Doubt(Doubt::StoredServerError))?;
            return Ok(());
        };
        Self::see(case, held, facts)
    }

    fn see(case: &mut Case, held: Held, facts: IntentFacts) -> Result<(), VisitError> {
        case.proof.intent = Some(facts.id);
        case.proof.charge = facts.charge.or(case.proof.charge.take());
        case.proof.captured = case.proof.captured.max(facts.received);
        Ok(case.proof.see(held, facts.declined)?)
    }

    fn take_refunds(case: &mut Case, refunds: &[RefundFacts]) -> Result<(), VisitError> {
        let refunded = refunds.iter().map(RefundFacts::gives_back).sum();
        let last = refunds.iter().find(|refund| refund.gives_back() > 0);
        if let Some(refund) = last {
            case.proof.refund = Some(refund.id.clone());
        }
        Ok(case.proof.see_refunds(refunded)?)
    }

    async fn refused(
        &self,
        case: &mut Case,
        step: Step,
        refused: Refused,
    ) -> Result<Option<String>, VisitError> {
        let no = No {
            status: refused.refusal.status,
            reason: why(&refused.refusal).to_owned(),
            message: refused.refusal.message.clone(),
        };
        match (step, refused.intent) {
            (Step::Authorize | Step::SetUp, Some(facts)) => {
                let held = Held::of_status(case.proof.terms.kind, &facts.status);
                case.proof.intent = Some(facts.id);
                case.proof.charge = facts.charge;
                case.proof.declined = Some(no.clone());
                case.proof.apply(step, Event::Refuse(no))?;
                case.proof.held = held.unwrap_or(Held::Open);
            }
            // A decline makes an intent: it is looked for.
            (Step::Authorize | Step::SetUp, None) if no.status == 402 => {
                case.proof
                    .apply(step, Event::Doubt(Doubt::StoredServerError))?;
            }
            (Step::Authorize | Step::SetUp, None) => {
                case.proof.declined = Some(no.clone());
                case.proof.apply(step, Event::Refuse(no))?;
                case.proof.held = Held::Nothing;
            }
            // What is held now is read before anything else is done.
            (Step::Capture | Step::Cancel, _) => {
                case.proof.apply(step, Event::Refuse(no))?;
                case.proof.stale = true;
            }
            (Step::Refund, _) => {
                case.proof.apply(step, Event::Refuse(no))?;
                self.proofs.keep(case)?;
                if let Looked::No(why) = self.look(case, Look::AtRefunds).await? {
                    return Ok(Some(why));
                }
            }
        }
        Ok(None)
    }

    async fn look(&self, case: &mut Case, look: Look) -> Result<Looked, VisitError> {
        match look {
            Look::ForIntent => self.look_for(case).await,
            Look::AtIntent => {
                let answer = self.client.intent(intent_of(case)?, &case.account).await;
                let facts = match read(answer)? {
                    Ok(facts) => facts,
                    Err(why) => return Ok(Looked::No(why)),
                };
                match Held::of_status(case.proof.terms.kind, &facts.status) {
                    Some(held) => Self::see(case, held, facts).map(|()| Looked::Yes),
                    None => Ok(Looked::No(format!("its status is {}", facts.status))),
                }
            }
            Look::AtRefunds => {
                let answer = self.client.refunds(intent_of(case)?, &case.account).await;
                match read(answer)? {
                    Ok(page) => Self::take_refunds(case, &page.data).map(|()| Looked::Yes),
                    Err(why) => Ok(Looked::No(why)),
                }
            }
        }
    }

    /// Looks for the intent by its mark. Absence counts only where nothing of it can arrive any more.
    async fn look_for(&self, case: &mut Case) -> Result<Looked, VisitError> {
        let since = StripeTime(case.begun_at.0 - CLOCKS_SECONDS);
        let setups = Step::first(case.proof.terms.kind) == Step::SetUp;
        let mut found: Vec<IntentFacts> = Vec::new();
        let mut after: Option<IntentId> = None;
        loop {
            let (customer, account) = (&case.connected_customer, &case.account);
            let answer = self
                .client
                .intents(setups, customer, since, after.as_ref(), account)
                .await;
            let page = match read(answer)? {
                Ok(page) => page,
                Err(why) => return Ok(Looked::No(why)),
            };
            let last = page.data.last().map(|intent| intent.id.clone());
            let ours = |intent: &IntentFacts| intent.mark.as_deref() == Some(&case.mark);
            found.extend(page.data.into_iter().filter(ours));
            match (page.has_more, last) {
                (false, _) => break,
                (true, Some(last)) if after.as_ref() != Some(&last) => after = Some(last),
                (true, _) => {
                    let why = "Stripe's list of intents does not come to an end";
                    return Ok(Looked::No(why.to_owned()));
                }
            }
        }
        if found.len() > 1 {
            let ids: Vec<&str> = found.iter().map(|intent| intent.id.as_str()).collect();
            let why = format!(
                "there are several, cancel them in the Dashboard: {}",
                ids.join(", ")
            );
            return Ok(Looked::No(why));
        }
        let Some(facts) = found.pop() else {
            return self.absent(case);
        };
        match Held::of_status(case.proof.terms.kind, &facts.status) {
            Some(held) => Self::see(case, held, facts).map(|()| Looked::Yes),
            None => Ok(Looked::No(format!("its status is {}", facts.status))),
        }
    }

    fn absent(&self, case: &mut Case) -> Result<Looked, VisitError> {
        let now = self.earliest_now()?;
        let over = case.proof.unsettled().is_none_or(|(_, attempt)| {
            let answered = match attempt.phase {
                Phase::InDoubt(doubt) => doubt.was_answered(),
                Phase::Ready | Phase::Started | Phase::Done | Phase::Refused(_) => false,
            };
            answered || attempt.sent_at.over_by() <= now
        });
        if !over {
            let why = "it is not seen, but may still arrive: look again in an hour";
            return Ok(Looked::No(why.to_owned()));
        }
        case.proof.see(Held::Nothing, None)?;
        Ok(Looked::Yes)
    }

    /// Reads what became of the application fee, for the report. What cannot be read is left out.
    pub async fn fee(&self, case: &mut Case) -> Result<(), VisitError> {
        let Some(charge) = case.proof.charge.clone() else {
            return Ok(());
        };
        if case.proof.terms.fee == 0 || case.proof.captured == 0 {
            return Ok(());
        }
        let Ok(charge) = read(self.client.charge(&charge, &case.account).await)? else {
            return Ok(());
        };
        let Some(fee) = charge.application_fee else {
            return Ok(());
        };
        if let Ok(facts) = read(self.client.application_fee(&fee).await)? {
            case.proof.fee_refunded = facts.refunded;
        }
        case.proof.application_fee = Some(fee);
        Ok(self.proofs.keep(case)?)
    }
}

fn intent_of(case: &Case) -> Result<&IntentId, StoreError> {
    let lost = || StoreError::Damaged("a charge's step lacks its intent".to_owned());
    case.proof.intent.as_ref().ok_or_else(lost)
}

/// What a read told, or why it did not.
fn read<T>(answer: ReadAnswer<T>) -> Result<Result<T, String>, VisitError> {
    match answer {
        ReadAnswer::Found(fact, _) => Ok(Ok(fact)),
        ReadAnswer::Stop(stop) => Err(VisitError::Stop(stop)),
        ReadAnswer::Missing(refusal) | ReadAnswer::AccountInvalid(refusal) => {
            Ok(Err(refusal.message))
        }
        ReadAnswer::Failed(failed) => Ok(Err(failed.to_string())),
    }
}
