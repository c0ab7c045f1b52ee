//! What comes next.

use super::{Attempt, Held, Kind, Phase, Proof, Step};
use crate::time::StripeTime;

/// What the proof is carried on for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To prove that the card can be charged.
    Prove,
    /// To take back what an earlier command left.
    TidyUp,
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The list of the Customer's intents, for the one with this proof's mark.
    ForIntent,
    /// The intent itself.
    AtIntent,
    /// The list of the intent's refunds.
    AtRefunds,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The intent of this step is committed, then it is sent.
    Send(Step),
    /// Stripe is read.
    Look(Look),
    /// Nothing more is done now.
    Over(End),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As asked for, and nothing is left.
    Proven,
    /// The card was not charged, and nothing is left.
    NotProven,
    /// What was begun is taken back.
    TakenBack,
    /// Stripe refuses to take it back: a person has to look.
    Left(Step),
}

/// Decides. `latest_now` is the latest time that it can be at Stripe.
pub fn next(proof: &Proof, purpose: Purpose, latest_now: StripeTime) -> Next {
    if proof.stale {
        return Next::Look(Look::AtIntent);
    }
    if let Some((step, attempt)) = proof.unsettled() {
        return settle(step, attempt, purpose, latest_now);
    }
    let take_back = |step| match proof.phase(step) {
        None | Some(Phase::Ready) => Next::Send(step),
        Some(Phase::Refused(_)) => Next::Over(End::Left(step)),
        // It was done, and is seen not to be: Stripe has the last word.
        Some(Phase::Done | Phase::Started | Phase::InDoubt(_)) => Next::Look(Look::AtIntent),
    };
    let first = Step::first(proof.terms.kind);
    match (proof.held, purpose) {
        (Held::Unknown, Purpose::Prove) => Next::Send(first),
        (Held::Authorised, Purpose::Prove)
            if proof.terms.kind == Kind::Charge
                && matches!(proof.phase(Step::Capture), None | Some(Phase::Ready)) =>
        {
            Next::Send(Step::Capture)
        }
        (
            Held::Unknown | Held::Nothing | Held::Refunded | Held::Canceled | Held::SetUp,
            Purpose::Prove | Purpose::TidyUp,
        ) => Next::Over(ended(proof)),
        (Held::Open | Held::Authorised, Purpose::Prove | Purpose::TidyUp) => {
            take_back(Step::Cancel)
        }
        (Held::Captured, _) => take_back(Step::Refund),
    }
}

fn ended(proof: &Proof) -> End {
    if proof.is_proven() {
        End::Proven
    } else if proof.declined.is_some() {
        End::NotProven
    } else {
        End::TakenBack
    }
}

/// What is sent again under its key, and what is looked for.
fn settle(step: Step, attempt: &Attempt, purpose: Purpose, now: StripeTime) -> Next {
    let unanswered = match &attempt.phase {
        Phase::Started => true,
        Phase::InDoubt(doubt) => doubt.is_unanswered(),
        Phase::Ready | Phase::Done | Phase::Refused(_) => false,
    };
    let young = unanswered && attempt.started_at.may_resend(now);
    match step {
        // Once nothing of it can arrive any more, whether it was made is read, and no card is touched to find out.
        Step::Authorize | Step::SetUp
            if young && (purpose == Purpose::Prove || attempt.sent_at.over_by() > now) =>
        {
            Next::Send(step)
        }
        Step::Authorize | Step::SetUp => Next::Look(Look::ForIntent),
        // What the intent shows settles these, and a second one of them Stripe refuses by itself.
        Step::Capture | Step::Cancel => Next::Look(Look::AtIntent),
        Step::Refund if young => Next::Send(step),
        Step::Refund => Next::Look(Look::AtRefunds),
    }
}
