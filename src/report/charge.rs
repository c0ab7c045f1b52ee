//! What `pmclone verify --charge` says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Look;
use super::words::{count, number, plain, shorten, wrap};
use crate::ids::{
    AccountId, ApplicationFeeId, ChargeId, CustomerId, IntentId, LegacyId, PaymentMethodId,
    RefundId,
};
use crate::proof::{End, Kind, No, Proof, Terms};
use crate::stripe::Money;

/// What became of one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It ended so.
    Over(End),
    /// Not known to the end: `resume` settles it.
    Unsettled(String),
    /// Nothing was sent for it, and why.
    NotCharged(String),
}

/// One card.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whose.
    pub legacy_id: LegacyId,
    /// Where.
    pub account: AccountId,
    /// The Customer there; `None` where there is none to charge.
    pub customer: Option<CustomerId>,
    /// The clone; `None` where there is none to charge.
    pub payment_method: Option<PaymentMethodId>,
    /// What became of it.
    pub verdict: Verdict,
    /// All of it.
    pub proof: Proof,
}

/// An account's balance before and after; `None` where it could not be read.
#[derive(Debug, Clone)]
pub struct Balance {
    /// None: the platform.
    pub account: Option<AccountId>,
    /// By currency.
    pub before: Option<BTreeMap<String, Money>>,
    /// The same, when all was over.
    pub after: Option<BTreeMap<String, Money>>,
}

/// How it all ended.
pub struct Ended {
    /// What was asked for.
    pub terms: Terms,
    /// Card by card.
    pub cards: Vec<Told>,
    /// What earlier commands left.
    pub tidied: Vec<Told>,
    /// Cards that were asked for and proven with the same terms in the last 24 hours: they were not charged again.
    pub proven_lately: u64,
    /// The command that takes back what may still be held.
    pub settle: String,
    /// The platform's and each account's.
    pub balances: Vec<Balance>,
    /// Requests that it took.
    pub requests: u64,
    /// True where it was interrupted before all cards had their turn.
    pub interrupted: bool,
    /// Cards that were left alone, since Stripe refuses the amount or the currency whatever the card.
    pub spared: u64,
}

/// `verify --charge --json`. Fields are only ever added.
#[derive(Serialize)]
pub struct EndedJson<'a> {
    kind: &'static str,
    amount: i64,
    currency: &'a str,
    capture: i64,
    fee: i64,
    cards: Vec<CardJson<'a>>,
    tidied: Vec<CardJson<'a>>,
    balances: Vec<BalanceJson<'a>>,
    requests: u64,
    interrupted: bool,
    proven_lately: u64,
    spared: u64,
}

#[derive(Serialize)]
struct CardJson<'a> {
    legacy_id: &'a str,
    account: &'a AccountId,
    customer: Option<&'a CustomerId>,
    payment_method: Option<&'a PaymentMethodId>,
    result: &'static str,
    reason: Option<String>,
    held: &'static str,
    captured: i64,
    refunded: i64,
    fee_refunded: i64,
    intent: Option<&'a IntentId>,
    charge: Option<&'a ChargeId>,
    refund: Option<&'a RefundId>,
    application_fee: Option<&'a ApplicationFeeId>,
}

#[derive(Serialize)]
struct BalanceJson<'a> {
    account: Option<&'a AccountId>,
    before: Option<&'a BTreeMap<String, Money>>,
    after: Option<&'a BTreeMap<String, Money>>,
}

impl Verdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Over(End::Proven) => "proven",
            Self::Over(End::NotProven) => "declined",
            Self::Over(End::TakenBack) => "taken_back",
            Self::Over(End::Left(_)) => "left",
            Self::Unsettled(_) => "unsettled",
            Self::NotCharged(_) => "not_charged",
        }
    }

    /// True where money may still be held.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Over(End::Left(_)) | Self::Unsettled(_) => true,
            Self::Over(End::Proven | End::NotProven | End::TakenBack) | Self::NotCharged(_) => {
                false
            }
        }
    }

    fn sign(&self) -> char {
        match self {
            Self::Over(End::Proven) => '=',
            Self::Over(End::NotProven) => '-',
            Self::Over(End::TakenBack | End::Left(_))
            | Self::Unsettled(_)
            | Self::NotCharged(_) => '!',
        }
    }
}

impl Told {
    /// The stable name that outputs use.
    fn result(&self) -> &'static str {
        match (&self.verdict, &self.proof.declined) {
            (Verdict::Over(End::NotProven), Some(no)) if no.is_of_the_request() => "refused",
            (verdict, _) => verdict.name(),
        }
    }

    /// True where Stripe refused what was asked for, whatever the card.
    pub fn is_of_the_terms(&self) -> bool {
        let declined = self.proof.declined.as_ref();
        self.verdict == Verdict::Over(End::NotProven) && declined.is_some_and(No::is_of_the_terms)
    }

    fn reason(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Over(End::Proven | End::TakenBack) => None,
            Verdict::Over(End::NotProven) => self.proof.declined.as_ref().map(no),
            Verdict::Over(End::Left(step)) => match self.proof.phase(*step) {
                Some(crate::proof::Phase::Refused(refused)) => Some(no(&refused)),
                _ => None,
            },
            Verdict::Unsettled(why) | Verdict::NotCharged(why) => Some(why.clone()),
        }
    }

    fn json(&self) -> CardJson<'_> {
        let proof = &self.proof;
        CardJson {
            legacy_id: self.legacy_id.as_str(),
            account: &self.account,
            customer: self.customer.as_ref(),
            payment_method: self.payment_method.as_ref(),
            result: self.result(),
            reason: self.reason(),
            held: proof.held.name(),
            captured: proof.captured,
            refunded: proof.refunded,
            fee_refunded: proof.fee_refunded,
            intent: proof.intent.as_ref(),
            charge: proof.charge.as_ref(),
            refund: proof.refund.as_ref(),
            application_fee: proof.application_fee.as_ref(),
        }
    }

    /// A line, for people.
    pub fn line(&self) -> String {
        let ids = [
            self.proof.intent.as_ref().map(IntentId::as_str),
            self.proof.charge.as_ref().map(ChargeId::as_str),
            self.proof.refund.as_ref().map(RefundId::as_str),
        ];
        let ids: Vec<&str> = ids.into_iter().flatten().collect();
        format!(
            "{} {:<8} {:<21} {:<18} {}  {}",
            self.verdict.sign(),
            plain(self.legacy_id.as_str()),
            self.account,
            self.payment_method
                .as_ref()
                .map_or("no card", PaymentMethodId::as_str),
            self.what(),
            ids.join(" ")
        )
        .trim_end()
        .to_owned()
    }

    fn what(&self) -> String {
        let proof = &self.proof;
        let terms = &proof.terms;
        let reason = || plain(&shorten(&self.reason().unwrap_or_default(), 160));
        match &self.verdict {
            Verdict::Over(End::Proven) => match terms.kind {
                Kind::SetUp => "set up".to_owned(),
                Kind::Authorize => format!("held {}, let go", terms.amount),
                Kind::Charge if terms.fee > 0 => format!(
                    "held {}, captured {}, refunded {}, fee {} of {} given back",
                    terms.amount, proof.captured, proof.refunded, proof.fee_refunded, terms.fee
                ),
                Kind::Charge => format!(
                    "held {}, captured {}, refunded {}",
                    terms.amount, proof.captured, proof.refunded
                ),
            },
            Verdict::Over(End::NotProven) => format!("{}: {}", self.result(), reason()),
            Verdict::Over(End::TakenBack) => format!("taken back ({})", proof.held.name()),
            Verdict::Over(End::Left(_)) => {
                format!(
                    "LEFT ({}): Stripe does not take it back: {}",
                    proof.held.name(),
                    reason()
                )
            }
            Verdict::Unsettled(_) => format!("NOT SETTLED: {}", reason()),
            Verdict::NotCharged(_) => format!("not charged: {}", reason()),
        }
    }
}

impl Balance {
    fn json(&self) -> BalanceJson<'_> {
        BalanceJson {
            account: self.account.as_ref(),
            before: self.before.as_ref(),
            after: self.after.as_ref(),
        }
    }
}

fn no(no: &No) -> String {
    format!("{}: {}", no.reason, no.message)
}

impl Ended {
    /// For programs.
    pub fn json(&self) -> EndedJson<'_> {
        EndedJson {
            kind: self.terms.kind.name(),
            amount: self.terms.amount,
            currency: &self.terms.currency,
            capture: self.terms.capture,
            fee: self.terms.fee,
            cards: self.cards.iter().map(Told::json).collect(),
            tidied: self.tidied.iter().map(Told::json).collect(),
            balances: self.balances.iter().map(Balance::json).collect(),
            requests: self.requests,
            interrupted: self.interrupted,
            proven_lately: self.proven_lately,
            spared: self.spared,
        }
    }

    fn number(&self, name: &str) -> u64 {
        let all = self.cards.iter().chain(&self.tidied);
        let named = all.filter(|told| told.result() == name);
        u64::try_from(named.count()).unwrap_or(u64::MAX)
    }

    /// True where every card that was asked for was proven, and nothing is left.
    pub fn is_whole(&self) -> bool {
        !self.interrupted
            && self.spared == 0
            && self
                .cards
                .iter()
                .all(|told| told.verdict == Verdict::Over(End::Proven))
            && !self.tidied.iter().any(|told| told.verdict.is_open())
    }
}

/// That cards are left out.
pub fn proven_lately(cards: u64) -> String {
    let (verb, again) = match cards {
        1 => ("was", "it is"),
        _ => ("were", "they are"),
    };
    format!(
        "{} {verb} proven so in the last 24 hours, and {again} not charged again (--again does).",
        count(cards, "card")
    )
}

/// What will be done, before anything is.
pub fn before(terms: &Terms, cards: u64, look: Look) -> String {
    let cards = count(cards, "card");
    let unit = "Amounts are in the currency's smallest unit.";
    let text = match terms.kind {
        Kind::SetUp => format!(
            "Setting up {cards}, one after the other: the issuer is asked, no money is held."
        ),
        Kind::Authorize => format!(
            "Holding {} {} on {cards}, one after the other, and letting it go at once. {unit}",
            terms.amount, terms.currency
        ),
        Kind::Charge => format!(
            "Holding {} {} on {cards}, one after the other, capturing {} with an application fee of {}, and refunding both at once. {unit}",
            terms.amount, terms.currency, terms.capture, terms.fee
        ),
    };
    wrap(&text, "", look.width)
}

/// What it came to, without a line feed at the end.
pub fn ended(ended: &Ended, look: Look) -> String {
    let parts = [
        ("proven", "proven"),
        ("declined", "declined"),
        ("refused", "refused"),
        ("not_charged", "not charged"),
        ("taken_back", "taken back"),
        ("unsettled", "not settled"),
        ("left", "left"),
    ];
    let told: Vec<String> = parts
        .iter()
        .map(|(name, told)| (ended.number(name), told))
        .filter(|(n, _)| *n > 0)
        .map(|(n, told)| format!("{} {told}", count(n, "card")))
        .collect();
    let heading = match (told.is_empty(), ended.proven_lately) {
        (true, 0) => "No card was charged".to_owned(),
        (true, 1) => "The card is proven already: nothing was charged".to_owned(),
        (true, _) => "All of these cards are proven already: nothing was charged".to_owned(),
        (false, 0) => told.join(", "),
        (false, lately) => format!(
            "{}, {} proven before",
            told.join(", "),
            count(lately, "card")
        ),
    };
    let mut lines = vec![look.bold(&heading)];
    lines.extend(balances(&ended.balances));
    if ended.terms.kind == Kind::Charge && !ended.balances.is_empty() {
        let text = "Balances move by whatever else happens on the accounts, and live by Stripe's own fees, which a refund does not give back.";
        lines.push(wrap(text, "  ", look.width));
    }
    let all = ended.cards.iter().chain(&ended.tidied);
    if all.clone().any(|told| told.verdict.is_open()) {
        let text = "Money may still be held where it says LEFT or NOT SETTLED. What Stripe refuses to take back, do in the Dashboard. To cancel or refund it:";
        lines.push(wrap(text, "  ", look.width));
        lines.push(format!("  {}", ended.settle));
    }
    if ended.interrupted {
        lines.push("  Interrupted: the cards that are not named were not charged.".to_owned());
    }
    if ended.spared > 0 {
        let text = format!(
            "Stripe refuses this amount or currency whatever the card, so {} left alone: correct --amount or --currency.",
            match ended.spared {
                1 => "the other was".to_owned(),
                more => format!("{} more were", number(more)),
            }
        );
        lines.push(wrap(&text, "  ", look.width));
    }
    lines.join("\n")
}

fn balances(all: &[Balance]) -> Vec<String> {
    let mut lines = Vec::new();
    for balance in all {
        let name = balance
            .account
            .as_ref()
            .map_or("platform", |id| id.as_str());
        let (Some(before), Some(after)) = (&balance.before, &balance.after) else {
            lines.push(format!("  {name:<24} balance not read"));
            continue;
        };
        let currencies: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for currency in currencies {
            let of =
                |money: &BTreeMap<String, Money>| money.get(currency).copied().unwrap_or_default();
            let (before, after) = (of(before), of(after));
            lines.push(format!(
                "  {name:<24} {currency}  available {} -> {}, pending {} -> {}",
                before.available, after.available, before.pending, after.pending
            ));
        }
    }
    lines
}
