//! Every course of a proof against a Stripe of a few lines, which loses requests and answers, refuses, and lets days pass.

use super::*;
use crate::time::StripeTime;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    AnswerLost,
    RequestLost,
    /// The command is killed while the answer is on its way.
    Killed,
    /// The command is killed before the request is sent.
    KilledBefore,
}

const FATES: [Fate; 5] = [
    Fate::Answered,
    Fate::AnswerLost,
    Fate::RequestLost,
    Fate::Killed,
    Fate::KilledBefore,
];

/// How the card takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    Good,
    Declined,
}

/// Done, or the reason why not.
type Answer = Result<(), &'static str>;

/// As little of Stripe as there can be.
#[derive(Debug, Default)]
struct Stripe {
    /// Statuses of all intents that were ever made.
    intents: Vec<&'static str>,
    captured: i64,
    refunded: i64,
    /// Answers by key, for a day.
    keys: BTreeMap<(Step, u32), (i64, Answer)>,
}

impl Stripe {
    fn execute(&mut self, card: Card, now: i64, step: Step, try_no: u32, terms: &Terms) -> Answer {
        if let Some((at, answer)) = self.keys.get(&(step, try_no))
            && now - at < 24 * 3600
        {
            return *answer;
        }
        let answer = self.act(card, step, terms);
        self.keys.insert((step, try_no), (now, answer));
        answer
    }

    fn act(&mut self, card: Card, step: Step, terms: &Terms) -> Answer {
        let status = self.intents.last_mut();
        match (step, status, card) {
            (Step::Authorize | Step::SetUp, _, Card::Declined) => {
                self.intents.push("requires_payment_method");
                Err("card_declined")
            }
            (Step::Authorize, _, Card::Good) => {
                self.intents.push("requires_capture");
                Ok(())
            }
            (Step::SetUp, _, Card::Good) => {
                self.intents.push("succeeded");
                Ok(())
            }
            (Step::Capture, Some(status), _) if *status == "requires_capture" => {
                *status = "succeeded";
                self.captured = terms.capture;
                Ok(())
            }
            (Step::Cancel, Some(status), _) if !["succeeded", "canceled"].contains(status) => {
                *status = "canceled";
                Ok(())
            }
            (Step::Refund, Some(_), _) if self.captured > self.refunded => {
                self.refunded = self.captured;
                Ok(())
            }
            _ => Err("payment_intent_unexpected_state"),
        }
    }

    fn holds_money(&self) -> bool {
        self.intents.contains(&"requires_capture") || self.captured != self.refunded
    }
}

fn terms(kind: Kind) -> Terms {
    let money = kind != Kind::SetUp;
    Terms {
        kind,
        amount: if money { 100 } else { 0 },
        currency: if money { "usd".into() } else { String::new() },
        capture: if kind == Kind::Charge { 50 } else { 0 },
        fee: 0,
    }
}

/// A command's course; false where it was killed. `proof` is what the state file has afterwards.
fn course(
    proof: &mut Proof,
    purpose: Purpose,
    stripe: &mut Stripe,
    card: Card,
    now: i64,
    fates: &mut impl Iterator<Item = Fate>,
) -> Option<End> {
    for _ in 0..24 {
        match next(proof, purpose, StripeTime(now)) {
            Next::Over(end) => return Some(end),
            Next::Look(look) => see(proof, stripe, look),
            Next::Send(step) => {
                proof.apply(step, Event::Start(StripeTime(now))).unwrap();
                let fate = fates.next().unwrap_or(Fate::Answered);
                let try_no = proof.steps[&step].try_no;
                if fate == Fate::KilledBefore {
                    return None;
                }
                let answer = (fate != Fate::RequestLost)
                    .then(|| stripe.execute(card, now, step, try_no, &proof.terms.clone()));
                match (fate, answer) {
                    (Fate::Answered, Some(answer)) => take(proof, stripe, step, answer),
                    (Fate::Killed | Fate::KilledBefore, _) => return None,
                    (Fate::AnswerLost | Fate::RequestLost | Fate::Answered, _) => {
                        proof.apply(step, Event::Doubt(Doubt::NoAnswer)).unwrap();
                    }
                }
            }
        }
    }
    panic!("it does not come to an end: {proof:?}");
}

fn take(proof: &mut Proof, stripe: &Stripe, step: Step, answer: Answer) {
    let held =
        |proof: &Proof| Held::of_status(proof.terms.kind, stripe.intents.last().unwrap()).unwrap();
    match (step, answer) {
        (Step::Authorize | Step::SetUp, Err(reason)) => {
            let no = No {
                status: 402,
                reason: reason.into(),
                message: String::new(),
            };
            proof.declined = Some(no.clone());
            proof.apply(step, Event::Refuse(no)).unwrap();
            proof.intent = IntentId::parse("pi_1").ok();
            proof.held = held(proof);
        }
        (_, Err(reason)) => {
            let no = No {
                status: 400,
                reason: reason.into(),
                message: String::new(),
            };
            proof.apply(step, Event::Refuse(no)).unwrap();
            proof.stale = true;
            if step == Step::Refund {
                proof.see_refunds(stripe.refunded).unwrap();
            }
        }
        (Step::Refund, Ok(())) => proof.see_refunds(stripe.refunded).unwrap(),
        (_, Ok(())) => {
            proof.intent = IntentId::parse("pi_1").ok();
            proof.captured = stripe.captured;
            proof.see(held(proof), None).unwrap();
        }
    }
}

fn see(proof: &mut Proof, stripe: &Stripe, look: Look) {
    if look == Look::AtRefunds {
        return proof.see_refunds(stripe.refunded).unwrap();
    }
    let held = match stripe.intents.last() {
        Some(status) => {
            proof.intent = IntentId::parse("pi_1").ok();
            Held::of_status(proof.terms.kind, status).unwrap()
        }
        None => Held::Nothing,
    };
    proof.captured = stripe.captured;
    proof.see(held, None).unwrap();
}

/// Every way in which the first five requests can go, then all is well.
fn fates(number: usize) -> impl Iterator<Item = Fate> {
    (0..5).map(move |place| FATES[number / FATES.len().pow(place) % FATES.len()])
}

#[test]
fn whatever_goes_wrong_nothing_stays_held_and_no_card_is_held_twice() {
    let waits = [0, 2 * 3600, 25 * 3600];
    for kind in [Kind::Charge, Kind::Authorize, Kind::SetUp] {
        for card in [Card::Good, Card::Declined] {
            for number in 0..FATES.len().pow(5) {
                for wait in waits {
                    let (mut proof, mut stripe) = (Proof::new(terms(kind)), Stripe::default());
                    let mut fates = fates(number);
                    let mut now = 1_000_000;
                    let mut purpose = Purpose::Prove;
                    let mut commands = 0;
                    let end = loop {
                        let end = course(&mut proof, purpose, &mut stripe, card, now, &mut fates);
                        if let Some(end) = end {
                            break end;
                        }
                        commands += 1;
                        assert!(commands < 10);
                        now += wait;
                        purpose = Purpose::TidyUp;
                        proof.reopen().unwrap();
                    };
                    let case = format!("{kind:?} {card:?} {number} {wait}: {proof:?} {stripe:?}");
                    assert!(!stripe.holds_money(), "{case}");
                    assert!(stripe.intents.len() <= 1, "{case}");
                    assert!(!matches!(end, End::Left(_)), "{case}");
                    assert!(
                        stripe
                            .intents
                            .iter()
                            .all(|status| *status != "requires_payment_method"),
                        "{case}"
                    );
                    assert!(
                        proof.held.is_over() || proof.held == Held::Unknown,
                        "{case}"
                    );
                    if end == End::Proven {
                        assert_eq!(card, Card::Good, "{case}");
                        assert_eq!(stripe.captured, proof.terms.capture, "{case}");
                    }
                    if commands == 0 && card == Card::Declined {
                        assert_eq!(end, End::NotProven, "{case}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_straight_course_has_the_steps_that_are_documented() {
    let cases = [
        (
            Kind::Charge,
            &[Step::Authorize, Step::Capture, Step::Refund][..],
        ),
        (Kind::Authorize, &[Step::Authorize, Step::Cancel]),
        (Kind::SetUp, &[Step::SetUp]),
    ];
    for (kind, steps) in cases {
        let (mut proof, mut stripe) = (Proof::new(terms(kind)), Stripe::default());
        let none = &mut std::iter::empty();
        let end = course(&mut proof, Purpose::Prove, &mut stripe, Card::Good, 0, none);
        assert_eq!(end, Some(End::Proven));
        let taken: Vec<_> = proof.steps.keys().copied().collect();
        assert_eq!(taken, steps);
    }
}

#[test]
fn what_stripe_will_not_take_back_is_left_to_a_person_and_tried_again_later() {
    let mut proof = Proof::new(terms(Kind::Charge));
    proof.held = Held::Captured;
    proof.captured = 50;
    proof.intent = IntentId::parse("pi_1").ok();
    let no = No {
        status: 400,
        reason: "insufficient_funds".into(),
        message: String::new(),
    };
    proof
        .apply(Step::Refund, Event::Start(StripeTime(0)))
        .unwrap();
    proof.apply(Step::Refund, Event::Refuse(no)).unwrap();
    let now = StripeTime(10);
    assert_eq!(
        next(&proof, Purpose::Prove, now),
        Next::Over(End::Left(Step::Refund))
    );
    proof.reopen().unwrap();
    assert_eq!(
        next(&proof, Purpose::TidyUp, now),
        Next::Look(Look::AtIntent)
    );
    proof.see(Held::Captured, None).unwrap();
    assert_eq!(next(&proof, Purpose::TidyUp, now), Next::Send(Step::Refund));
    assert_eq!(proof.steps[&Step::Refund].try_no, 2);
}

#[test]
fn the_table_of_transitions() {
    let at = StripeTime(5);
    let no = No {
        status: 402,
        reason: String::new(),
        message: String::new(),
    };
    let phases = [
        None,
        Some(Phase::Ready),
        Some(Phase::Started),
        Some(Phase::Done),
        Some(Phase::Refused(no.clone())),
        Some(Phase::InDoubt(Doubt::NoAnswer)),
        Some(Phase::InDoubt(Doubt::StoredServerError)),
    ];
    // A letter for the phase after each event, `.` where the event must not come.
    let events = [
        Event::Start(at),
        Event::Succeed,
        Event::Refuse(no),
        Event::Doubt(Doubt::Expired),
        Event::Withdraw,
        Event::Retry,
        Event::Miss,
    ];
    let table = [
        "s......", "s......", "sdxir.r", ".......", ".....r.", "sdxi..r", ".dxi..r",
    ];
    for (phase, row) in phases.into_iter().zip(table) {
        let before = phase.map(|phase| Attempt {
            try_no: 3,
            started_at: StripeTime(1),
            sent_at: StripeTime(1),
            phase,
        });
        let got: String = events
            .iter()
            .map(
                |event| match Attempt::after(before.as_ref(), event.clone()) {
                    Err(_) => '.',
                    Ok(after) => match after.phase {
                        Phase::Ready => 'r',
                        Phase::Started => 's',
                        Phase::Done => 'd',
                        Phase::Refused(_) => 'x',
                        Phase::InDoubt(_) => 'i',
                    },
                },
            )
            .collect();
        assert_eq!(got, row, "{before:?}");
    }
}
