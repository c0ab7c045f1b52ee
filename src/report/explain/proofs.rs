//! PURE. What `verify --charge` did with a customer's clones: each charge, hold or setup, what of it is held, and what settles it.

use serde::Serialize;

use super::super::Look;
use super::super::words::{plain, second, shorten, wrap};
use super::Facts;
use super::why::{NOTHING_LEFT, Why};
use crate::ids::{
    AccountId, ApplicationFeeId, ChargeId, CustomerId, IntentId, PaymentMethodId, RefundId,
};
use crate::proof::{Attempt, Held, Kind, No, Phase, Proof, Step};
use crate::store::Case;

/// A charge, a hold or a setup of `verify --charge`. Amounts are in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofExplained {
    /// `charge`, `authorize` or `setup`.
    pub kind: &'static str,
    /// `proven`, `declined`, `refused`, `taken_back`, or `open`: not known to be over.
    pub result: &'static str,
    /// Where.
    pub account: AccountId,
    /// The Customer there.
    pub customer: CustomerId,
    /// The clone.
    pub payment_method: PaymentMethodId,
    /// When it was begun, by Stripe's clock.
    pub begun_at: String,
    /// What was to be held; 0 for a setup.
    pub amount: i64,
    /// Empty for a setup.
    pub currency: String,
    /// How much of it was to be captured.
    pub capture: i64,
    /// The application fee that was to be taken.
    pub fee: i64,
    /// What is at Stripe, as it was known last: `unknown`, `nothing`, `open`, `authorised`, `captured`, `refunded`, `canceled`, `set_up`.
    pub held: &'static str,
    /// How much was captured.
    pub captured: i64,
    /// How much of that was refunded.
    pub refunded: i64,
    /// How much of the application fee went back.
    pub fee_refunded: i64,
    /// The `PaymentIntent`, or the `SetupIntent`.
    pub intent: Option<IntentId>,
    /// Its Charge.
    pub charge: Option<ChargeId>,
    /// The refund.
    pub refund: Option<RefundId>,
    /// The application fee.
    pub application_fee: Option<ApplicationFeeId>,
    /// Why the card was not charged, if so.
    pub declined: Option<NoExplained>,
    /// Its writes, in order.
    pub steps: Vec<ProofStepExplained>,
    /// The id that was asked for is one of its own.
    pub asked_for: bool,
}

/// A write of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofStepExplained {
    /// `authorize`, `set_up`, `capture`, `refund` or `cancel`.
    pub step: &'static str,
    /// `ready`, `started`, `done`, `refused`, `in_doubt`.
    pub state: &'static str,
    /// When this try's intent was committed first, by Stripe's clock.
    pub intent_at: String,
    /// When it was committed last.
    pub sent_at: String,
    /// Which deliberate try.
    pub try_no: u32,
    /// Its key.
    pub idempotency_key: String,
    /// Stripe's no.
    pub refusal: Option<NoExplained>,
    /// Why it is not known what came of it.
    pub doubt: Option<&'static str>,
}

/// Stripe's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoExplained {
    /// HTTP status; 200 for an intent that is there and asks for the cardholder.
    pub status: u16,
    /// Stripe's code.
    pub reason: String,
    /// Stripe's message, masked.
    pub message: String,
}

impl NoExplained {
    fn of(no: &No) -> Self {
        Self {
            status: no.status,
            reason: no.reason.clone(),
            message: no.message.clone(),
        }
    }

    fn text(&self) -> String {
        let message = shorten(plain(&self.message).trim(), 300);
        format!("HTTP {}, {}: {message}", self.status, plain(&self.reason))
    }
}

/// Explains one.
pub(super) fn explained(facts: &Facts<'_>, case: &Case) -> ProofExplained {
    let proof = &case.proof;
    let own = [
        proof.intent.as_ref().map(IntentId::as_str),
        proof.charge.as_ref().map(ChargeId::as_str),
        proof.refund.as_ref().map(RefundId::as_str),
        proof.application_fee.as_ref().map(ApplicationFeeId::as_str),
    ];
    let steps = proof.steps.iter();
    ProofExplained {
        kind: proof.terms.kind.name(),
        result: proof.result(),
        account: case.account.clone(),
        customer: case.connected_customer.clone(),
        payment_method: case.payment_method.clone(),
        begun_at: second(case.begun_at),
        amount: proof.terms.amount,
        currency: proof.terms.currency.clone(),
        capture: proof.terms.capture,
        fee: proof.terms.fee,
        held: proof.held.name(),
        captured: proof.captured,
        refunded: proof.refunded,
        fee_refunded: proof.fee_refunded,
        intent: proof.intent.clone(),
        charge: proof.charge.clone(),
        refund: proof.refund.clone(),
        application_fee: proof.application_fee.clone(),
        declined: proof.declined.as_ref().map(NoExplained::of),
        steps: steps
            .map(|(step, attempt)| step_of(facts, case, *step, attempt))
            .collect(),
        asked_for: own.contains(&Some(facts.asked.trim())),
    }
}

fn step_of(facts: &Facts<'_>, case: &Case, step: Step, attempt: &Attempt) -> ProofStepExplained {
    ProofStepExplained {
        step: step.name(),
        state: attempt.phase.name(),
        intent_at: second(attempt.started_at),
        sent_at: second(attempt.sent_at),
        try_no: attempt.try_no,
        idempotency_key: case.key(facts.migration, step).to_string(),
        refusal: match &attempt.phase {
            Phase::Refused(no) => Some(NoExplained::of(no)),
            Phase::Ready | Phase::Started | Phase::Done | Phase::InDoubt(_) => None,
        },
        doubt: match &attempt.phase {
            Phase::InDoubt(doubt) => Some(doubt.name()),
            Phase::Ready | Phase::Started | Phase::Done | Phase::Refused(_) => None,
        },
    }
}

/// Those that are not known to be over. What is told here stands above everything else.
pub(super) fn open(facts: &Facts<'_>, cases: &[Case], why: &mut Why) {
    let open = cases.iter().filter(|case| case.proof.is_open());
    let causes: Vec<_> = open.map(not_over).collect();
    if causes.is_empty() {
        return;
    }
    why.causes.splice(..0, causes);
    why.next.retain(|next| next != NOTHING_LEFT);
    if facts.running {
        let again = "A command is on: look again in a moment.";
        why.next.insert(0, again.to_owned());
        return;
    }
    // After an undo of everything nobody wants a run.
    let (who, command) = if facts.taken_back {
        ("an undo", "undo")
    } else {
        ("a run", "resume")
    };
    let next = format!(
        "What may be held {who} cancels or refunds before anything else. What Stripe refuses to take back, do in the Dashboard."
    );
    why.next.insert(0, next);
    why.commands.insert(0, facts.command(command));
}

fn not_over(case: &Case) -> String {
    let proof = &case.proof;
    let intent = proof.intent.as_ref();
    let intent = intent.map_or(String::new(), |id| format!(" ({id})"));
    let refused = [Step::Cancel, Step::Refund].into_iter().filter_map(|step| {
        let Some(Phase::Refused(no)) = proof.phase(step) else {
            return None;
        };
        Some(format!(
            " Stripe refused to {} it: {}.",
            step.name(),
            no.reason
        ))
    });
    let refused: Vec<String> = refused.collect();
    format!(
        "{} of `verify --charge` on {}{intent} is not known to be over: {}.{}",
        match proof.terms.kind {
            Kind::Charge => "A charge",
            Kind::Authorize => "A hold",
            Kind::SetUp => "A setup",
        },
        case.account,
        held(proof),
        refused.concat()
    )
}

/// What is at Stripe, in words.
fn held(proof: &Proof) -> String {
    let terms = &proof.terms;
    match (proof.held, terms.kind) {
        (Held::Unknown, Kind::SetUp) => "the card may be set up".to_owned(),
        (Held::Unknown, Kind::Charge | Kind::Authorize) => {
            format!("{} {} may be held", terms.amount, terms.currency)
        }
        (Held::Open, _) => "an intent without money is open".to_owned(),
        (Held::Authorised, _) => format!("{} {} is held", terms.amount, terms.currency),
        (Held::Captured, _) => format!(
            "{} {} was taken, and is not given back",
            proof.captured - proof.refunded,
            terms.currency
        ),
        (Held::Nothing | Held::Refunded | Held::Canceled, _) => "nothing".to_owned(),
        (Held::SetUp, _) => "no money: the card is set up".to_owned(),
    }
}

/// All of a customer's, for people; `None` where there are none.
pub(super) fn text(proofs: &[ProofExplained], look: Look) -> Option<String> {
    if proofs.is_empty() {
        return None;
    }
    let mut lines = vec![look.bold("Charge proofs")];
    lines.extend(proofs.iter().map(|proof| told(proof, look)));
    Some(lines.join("\n"))
}

fn told(proof: &ProofExplained, look: Look) -> String {
    let result = match proof.result {
        "proven" => look.good("proven"),
        "open" => look.bad("not known to be over"),
        other => other.replace('_', " "),
    };
    let mark = if proof.asked_for { ">" } else { " " };
    let mut lines = vec![format!(
        "{mark} {} on {}: {result}",
        proof.kind, proof.account
    )];
    let mut note = |label: &str, told: &str| {
        let told = wrap(told, &" ".repeat(14), look.width);
        lines.push(format!("    {label:<10}{}", told.trim_start()));
    };
    let card = format!("{}, of {}", proof.payment_method, proof.customer);
    note("card", &card);
    note("begun", &proof.begun_at);
    if proof.amount > 0 {
        note("amount", &money(proof));
    }
    note("held", proof.held);
    let ids = ids(proof).join(", ");
    if !ids.is_empty() {
        note("made", &ids);
    }
    if let Some(no) = &proof.declined {
        note("answer", &no.text());
    }
    for step in &proof.steps {
        let state = step.state.replace('_', " ");
        let doubt = step
            .doubt
            .map_or(String::new(), |doubt| format!(", {doubt}"));
        note(
            step.step,
            &format!("{state}{doubt}, {}, try {}", step.sent_at, step.try_no),
        );
        note("", &format!("key {}", step.idempotency_key));
        if let Some(no) = &step.refusal {
            note("", &no.text());
        }
    }
    lines.join("\n")
}

fn ids(proof: &ProofExplained) -> Vec<&str> {
    let ids = [
        proof.intent.as_ref().map(IntentId::as_str),
        proof.charge.as_ref().map(ChargeId::as_str),
        proof.refund.as_ref().map(RefundId::as_str),
        proof.application_fee.as_ref().map(ApplicationFeeId::as_str),
    ];
    ids.into_iter().flatten().collect()
}

fn money(proof: &ProofExplained) -> String {
    let asked = format!("{} {}", proof.amount, proof.currency);
    if proof.capture == 0 {
        return asked;
    }
    format!(
        "{asked}: captured {} of {}, refunded {}, fee {} of {} given back",
        proof.captured, proof.capture, proof.refunded, proof.fee_refunded, proof.fee
    )
}
