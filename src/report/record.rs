//! The record of a migration: what was asked, what was done, and how that is known. One object for programs (`report --json`), and
//! one page for people ([`page::write`]), which needs nothing but itself.
//!
//! ```text
//!   commands::report gathers ─▶ Record ─▶ sections ─▶ page.html     style.css and script.js stand in it, named by their hashes
//!                              └──────▶ JSON
//! ```
//!
//! Hazard: the page is handed to people outside, and what it shows was written by others. So every text goes through the template's
//! escaping and [`visible`], nothing is fetched, no script runs but the one whose hash the page names; and personal data is
//! left out or masked ([`Shown`]) unless it was asked for.

mod charts;
pub mod customers;
mod done;
mod known;
pub mod page;
mod stale;
pub mod tries;
mod view;

use serde::Serialize;

use super::refused::Refused;
use super::stale::StaleJson;
use super::status::{Account, Customers, PaymentMethods, Requests};
use super::verify::Unlike;
use super::words::{count, number};
use crate::ids::{AccountId, LegacyId};
use crate::legacy::{AT, masked};
use crate::store::Selection;

/// All of it. Fields are only ever added.
#[expect(clippy::struct_excessive_bools, reason = "fields of a JSON object")]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// When it was written, by this machine's clock.
    pub written_at: String,
    /// A run was on: it shows one moment of it.
    pub running: bool,
    /// Personal data is shown as it is.
    pub unmasked: bool,
    /// The migration's id.
    pub migration: String,
    /// The account whose key is used.
    pub platform_account: AccountId,
    /// The mode.
    pub livemode: bool,
    /// A rehearsal: nothing of it is at Stripe.
    pub simulated: bool,
    /// The state file was rebuilt from Stripe after a loss.
    pub rebuilt: bool,
    /// The CSV that was imported last.
    pub csv: Option<Csv>,
    /// Every customer, counted once.
    pub customers: Customers,
    /// Sources, once for each account that they are asked for on.
    pub payment_methods: PaymentMethods,
    /// What was sent, all runs together.
    pub requests: Requests,
    /// Steps that were done, by kind.
    pub made: Vec<Done>,
    /// What `undo` took back of it.
    pub taken_back: TakenBack,
    /// Clones that may be left attached to nobody.
    pub clones_left: u64,
    /// Each run.
    pub runs: Vec<Run>,
    /// Every connected account.
    pub accounts: Vec<Account>,
    /// Refusals, by what is to be done.
    pub refused: Refused,
    /// What was sent and answered, minute by minute; minutes without anything are left out.
    pub throughput: Vec<Minute>,
    /// What was in doubt, and how it was settled.
    pub doubts: DoubtHistory,
    /// Clones whose sources changed since.
    pub stale: StaleTold,
    /// Tries that another took the place of.
    pub earlier_tries: tries::EarlierTries,
    /// What people changed of refused customers.
    pub changes: Changes,
    /// Charges that were made and taken back to prove that cards can be charged.
    pub proofs: Vec<ProofTold>,
    /// Each verification that was kept.
    pub verifications: Vec<Verification>,
    /// What it was made with.
    pub versions: Vec<Fact>,
    /// The mapping, as `pmclone export` writes it.
    pub mapping: Mapping,
    /// Ten seconds a row, for the charts.
    #[serde(skip)]
    pub pulses: Vec<Minute>,
    /// The customers that the page lists.
    #[serde(skip)]
    pub listed: Vec<customers::Listed>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What it is now.
    pub value: String,
}

/// Clones whose sources changed at Stripe after they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StaleTold {
    /// All of them.
    pub clones: u64,
    /// Those of them whose source was detached, so that nothing can renew them.
    pub detached: u64,
    /// The first of them.
    pub first: Vec<StaleJson>,
}

/// What `undo` took back, and what it left where it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// Clones that were detached.
    pub clones_detached: u64,
    /// Customers on connected accounts that were deleted.
    pub connected_customers: u64,
    /// Customers on the platform that were deleted.
    pub platform_customers: u64,
    /// Places where something was left.
    pub left: u64,
    /// Of these, Customers on the platform that stayed for the sake of the source cards attached to them.
    pub left_for_source_cards: u64,
}

/// The CSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Csv {
    /// Its name, without its folder unless personal data is shown: that may name a person.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Of the whole file.
    pub sha256: String,
}

/// Steps of one kind that were done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The stable name.
    pub step: &'static str,
    /// How many.
    pub done: u64,
}

/// A run, a resume or a retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The command's name.
    pub command: String,
    /// What it was confined to, in words.
    pub asked: String,
    /// When, by Stripe's clock.
    pub begun_at: String,
    /// The same; null where it is on, or was broken off.
    pub ended_at: Option<String>,
    /// How: the names of `run --json`, `running`, or `broken_off`.
    pub ended: String,
    /// What it sent; null where it is on, or was broken off.
    pub requests: Option<Requests>,
    /// Customers that it settled.
    pub settled: Option<u64>,
    /// Of the CSV that was imported last before it.
    pub csv_sha256: Option<String>,
    /// The version, and the commit that it was built from.
    pub tool: String,
}

/// What was sent from then on, for ten seconds or a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Minute {
    /// Seconds since 1970, by Stripe's clock.
    pub at: i64,
    /// Requests.
    pub sent: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Answers with status 429.
    pub rate_limited: u64,
    /// Customers that were settled.
    pub settled: u64,
}

impl Minute {
    /// The same in longer rows.
    pub fn gathered(rows: &[Self], seconds: i64) -> Vec<Self> {
        let mut longer: Vec<Self> = Vec::new();
        for row in rows {
            let at = row.at - row.at.rem_euclid(seconds);
            match longer.last_mut().filter(|last| last.at == at) {
                Some(last) => {
                    last.sent += row.sent;
                    last.retried += row.retried;
                    last.rate_limited += row.rate_limited;
                    last.settled += row.settled;
                }
                None => longer.push(Self { at, ..*row }),
            }
        }
        longer
    }
}

/// What was once in doubt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DoubtHistory {
    /// Not settled yet.
    pub open: u64,
    /// Settled by reading: it was done, and what was found was adopted.
    pub found: u64,
    /// Settled by reading: it was not done, and was sent anew under a new key.
    pub absent: u64,
    /// Settled by sending the request again under its own key.
    pub asked_again: u64,
    /// Known by reading alone, since the state file was rebuilt.
    pub rebuilt: u64,
    /// Some of them, with the evidence: those that are open first. Those that are rebuilt are not among them.
    pub steps: Vec<DoubtTold>,
}

/// A step that was in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoubtTold {
    /// Whose.
    pub legacy_id: String,
    /// The lines of the CSV that name it.
    pub lines: String,
    /// What was sent.
    pub step: &'static str,
    /// Where; null: the platform.
    pub account: Option<AccountId>,
    /// Which deliberate try it stands at.
    pub try_no: u32,
    /// When its intent was committed first, by Stripe's clock.
    pub intent_at: String,
    /// When it was committed last.
    pub sent_at: String,
    /// `open`, `found`, `absent`, `asked_again`.
    pub settled: &'static str,
    /// Why it is not known, where it still is not.
    pub doubt: Option<&'static str>,
    /// When it was looked for at Stripe.
    pub looked_at: Option<String>,
    /// The Customers that were seen then.
    pub seen: Vec<String>,
    /// What it made, or what was found.
    pub object: Option<String>,
    /// The answer that told.
    pub request_id: Option<String>,
}

/// What people changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// How many fields.
    pub fields: u64,
    /// The first of them.
    pub first: Vec<ChangeTold>,
}

/// A field that a person changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeTold {
    /// Whose.
    pub legacy_id: String,
    /// When, by Stripe's clock.
    pub at: String,
    /// Who.
    pub who: String,
    /// In which file and line.
    pub place: String,
    /// The column; empty where nothing was changed.
    pub field: String,
    /// As it was; contact details are masked.
    pub old: Option<String>,
    /// As it is.
    pub new: Option<String>,
}

/// One payment on one clone. Amounts are in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofTold {
    /// Whose.
    pub legacy_id: String,
    /// Where.
    pub account: AccountId,
    /// The Customer there.
    pub customer: String,
    /// The clone.
    pub payment_method: String,
    /// When it was begun, by Stripe's clock.
    pub begun_at: String,
    /// `charge`, `authorize`, `setup`.
    pub kind: &'static str,
    /// `proven`, `declined`, `refused`, `taken_back`, `open`.
    pub result: &'static str,
    /// Why it was declined or refused.
    pub reason: Option<String>,
    /// What was authorised.
    pub amount: i64,
    /// Three letters, or empty.
    pub currency: String,
    /// How much was captured.
    pub captured: i64,
    /// How much was refunded.
    pub refunded: i64,
    /// How much of the application fee was given back.
    pub fee_refunded: i64,
    /// The intent, the charge, the refund.
    pub objects: Vec<String>,
}

/// A verification that came to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// When, by Stripe's clock.
    pub at: String,
    /// The version that did it.
    pub tool: String,
    /// The summary of `verify --json`.
    pub summary: serde_json::Value,
    /// The first lines that are not as they should be.
    pub unlike: Vec<Unlike>,
}

/// The mapping, told by its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// Of what `pmclone export` writes, as of the same moment.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// The last change in it, by Stripe's clock.
    pub changed_at: Option<String>,
}

/// How names are shown that people chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// As they are.
    pub unmasked: bool,
}

impl Shown {
    /// A legacy id. One that is an e-mail address is masked.
    pub fn id(self, id: &LegacyId) -> String {
        self.text(id.as_str())
    }

    /// The same of a text.
    pub fn text(self, id: &str) -> String {
        if self.unmasked || !id.contains(AT) {
            visible(id)
        } else {
            visible(&masked(id))
        }
    }
}

/// The text with what cannot be seen, or turns the writing direction, written out: `\u{202e}`.
pub fn visible(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if unseen(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// What a run was confined to, in words.
pub fn confined_to(selection: &Selection, adopt_attached: bool) -> String {
    let length = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    if let Some(only) = &selection.only {
        let customers = count(length(only.len()), "customer");
        parts.push(format!("{customers}, named or drawn"));
    }
    if let Some(limit) = selection.limit {
        parts.push(format!("at most {}", count(limit, "customer")));
    }
    match selection.accounts.as_slice() {
        [] => {}
        accounts if accounts.len() <= 3 => {
            let names: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
            parts.push(format!("only on {}", names.join(", ")));
        }
        accounts => parts.push(format!(
            "only on {} accounts",
            number(length(accounts.len()))
        )),
    }
    if parts.is_empty() {
        parts.push("all customers".to_owned());
    }
    if adopt_attached {
        parts.push("sources of other platform Customers cloned from there".to_owned());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        let text = "a\u{202e}b\0c\u{200b}d\u{feff} é שלום";
        assert_eq!(
            visible(text),
            "a\\u{202e}b\\u{0}c\\u{200b}d\\u{feff} é שלום"
        );
    }

    #[test]
    fn a_legacy_id_that_is_an_address_is_masked_unless_asked_for() {
        let id = LegacyId::parse("jenny@example.com").unwrap();
        assert_eq!(Shown { unmasked: false }.id(&id), "j***@e***");
        assert_eq!(Shown { unmasked: true }.id(&id), "jenny@example.com");
        let id = LegacyId::parse("cust-1").unwrap();
        assert_eq!(Shown { unmasked: false }.id(&id), "cust-1");
    }

    #[test]
    fn rows_of_ten_seconds_become_rows_of_a_minute() {
        let row = |at, sent| Minute {
            at,
            sent,
            settled: 1,
            ..Minute::default()
        };
        let minutes = Minute::gathered(&[row(60, 1), row(110, 2), row(120, 4), row(600, 8)], 60);
        let told: Vec<_> = minutes.iter().map(|m| (m.at, m.sent, m.settled)).collect();
        assert_eq!(told, [(60, 3, 2), (120, 4, 1), (600, 8, 1)]);
    }

    #[test]
    fn what_a_run_was_confined_to_is_told_in_words() {
        let all = Selection::default();
        assert_eq!(confined_to(&all, false), "all customers");
        let some = Selection {
            limit: Some(10),
            accounts: vec![AccountId::parse("acct_1A").unwrap()],
            only: Some(vec![crate::store::CustomerSeq(1)].into()),
        };
        let told = "1 customer, named or drawn; at most 10 customers; only on acct_1A; sources of other platform Customers cloned from there";
        assert_eq!(confined_to(&some, true), told);
    }
}
