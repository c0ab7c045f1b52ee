//! What `pmclone undo` says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Look;
use super::words::{count, number, plain, shorten, wrap};
use crate::ids::{AccountId, CustomerId, LegacyId};
use crate::run::{Outcome, Reported};
use crate::undo::Why;

/// What there is to be taken back, by the state file alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Before {
    /// Legacy customers.
    pub customers: u64,
    /// Connected accounts.
    pub accounts: u64,
    /// Customers there.
    pub connected_customers: u64,
    /// Clones there.
    pub clones: u64,
    /// Customers on the platform that are to be deleted.
    pub platform_customers: u64,
    /// Customers on the platform that stay, since source cards are attached to them.
    pub platform_customers_kept: u64,
    /// Source cards that stay with them.
    pub source_cards_kept: u64,
    /// Source cards that are lost, as was asked for.
    pub source_cards_lost: u64,
    /// Clones that are attached to nothing: nothing can be done with them, and nothing is.
    pub clones_unattached: u64,
    /// Customers of which nothing else was made: they are not made again.
    pub customers_of_clones: u64,
    /// Charges of `verify --charge`.
    pub charges: u64,
    /// Of these, those that are not known to be over: they are taken back first.
    pub open_charges: u64,
    /// Requests that it takes, about.
    pub requests: u64,
}

/// Reads of one Customer: itself, what is attached to it, and five lists.
const READS: u64 = 7;

impl Before {
    /// What the portions of a customer add to it. `accounts` are those that were met.
    pub fn add(
        &mut self,
        portions: &[crate::undo::Portion],
        spend_source_cards: bool,
        accounts: &mut std::collections::BTreeSet<AccountId>,
    ) {
        let is_made =
            |portion: &crate::undo::Portion| portion.customer.is_some() || portion.in_doubt;
        let any = portions.iter().any(is_made);
        self.customers += u64::from(any);
        self.customers_of_clones += u64::from(!any && !portions.is_empty());
        for portion in portions {
            let methods = u64::try_from(portion.methods.len()).unwrap_or(u64::MAX);
            let made = u64::from(portion.customer.is_some());
            match &portion.account {
                Some(_) if !is_made(portion) => self.clones_unattached += methods,
                Some(account) => {
                    accounts.insert(account.clone());
                    self.connected_customers += made;
                    self.clones += methods;
                    self.requests += made * (READS + methods + 1);
                }
                None if methods > 0 && !spend_source_cards => {
                    self.platform_customers_kept += made;
                    self.source_cards_kept += methods;
                    self.requests += made;
                }
                None => {
                    self.platform_customers += made;
                    self.source_cards_lost += methods;
                    self.requests += made * (READS + 1);
                }
            }
        }
        self.accounts = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
    }

    /// For people, before anything is done.
    pub fn text(&self, look: Look) -> String {
        let para = |text: &str| wrap(text, "", look.width);
        if *self == Self::default() {
            return "Nothing of this migration is left to be taken back.".to_owned();
        }
        let nothing = self.connected_customers + self.platform_customers == 0;
        let mut parts = vec![para(&if nothing {
            "Nothing that can be taken back is left.".to_owned()
        } else {
            format!(
                "To be taken back: {} on {} with {}, and {} on the platform. About {}.",
                count(self.connected_customers, "Customer"),
                count(self.accounts, "connected account"),
                count(self.clones, "clone"),
                count(self.platform_customers, "Customer"),
                count(self.requests, "request"),
            )
        })];
        let spent = "None of this can be undone: a clone that is detached can never be used again, and a deleted Customer stays deleted.";
        parts.extend((!nothing).then(|| para(spent)));
        if self.charges > 0 {
            parts.push(para(&self.of_charges()));
        }
        if self.clones_unattached > 0 {
            let clones = self.clones_unattached;
            let mut told = format!(
                "{} {} attached to nothing, since no Customer could be made there: nothing can be charged to {}, and {} so.",
                count(clones, "clone"),
                one(clones, "is", "are"),
                one(clones, "it", "them"),
                one(clones, "it stays", "they stay"),
            );
            if self.customers_of_clones > 0 {
                let customers = count(self.customers_of_clones, "customer");
                let counts = one(self.customers_of_clones, "counts", "count");
                told += &[
                    " ",
                    &customers,
                    " that nothing else was made of ",
                    counts,
                    " as undone.",
                ]
                .concat();
            }
            parts.push(para(&told));
        }
        if self.source_cards_lost > 0 {
            let lost = format!(
                "*** {} WILL BE LOST FOR GOOD ***",
                count(self.source_cards_lost, "source card").to_uppercase()
            );
            let told = "They are attached to platform Customers that are deleted, as --spend-source-cards asks for: nobody can charge, attach or clone them afterwards, neither here nor by another migration.";
            parts.push(format!("{}\n{}", look.alarm(&lost), para(told)));
        }
        if self.platform_customers_kept > 0 {
            parts.push(para(&format!(
                "{} on the platform {} where {}: by the state file {} attached to {}, and deleting would lose {} for good.",
                count(self.platform_customers_kept, "Customer"),
                one(self.platform_customers_kept, "stays", "stay"),
                one(self.platform_customers_kept, "it is", "they are"),
                cards(self.source_cards_kept),
                one(self.platform_customers_kept, "it", "them"),
                one(self.source_cards_kept, "it", "them"),
            )));
        }
        parts.push(para(
            "Customers, cards and attachments that were there before are not touched. What has a charge, an intent, a subscription, an invoice or a PaymentMethod that pmclone did not put there is left where it is.",
        ));
        parts.join("\n")
    }

    fn of_charges(&self) -> String {
        let stay = format!(
            "{} of `verify --charge` {} refunded or cancelled, not unmade.",
            count(self.charges, "charge"),
            one(self.charges, "stays", "stay"),
        );
        match self.open_charges {
            0 => stay,
            open => format!(
                "{stay} {} of them {} not known to be over: {} refunded or cancelled first.",
                number(open),
                one(open, "is", "are"),
                one(open, "it is", "they are"),
            ),
        }
    }
}

fn one(n: u64, single: &'static str, several: &'static str) -> &'static str {
    if n == 1 { single } else { several }
}

fn cards(n: u64) -> String {
    format!("{} {}", count(n, "source card"), one(n, "is", "are"))
}

/// A line of `undo --json`. Fields are only ever added.
#[derive(Serialize)]
pub struct LineJson<'a> {
    legacy_id: &'a str,
    account: Option<&'a AccountId>,
    customer: Option<&'a CustomerId>,
    clones_detached: u64,
    result: &'static str,
    reason: Option<&'a str>,
    message: Option<&'a str>,
}

impl Outcome {
    /// The stable name that outputs use.
    fn name(&self) -> &'static str {
        match self {
            Self::TakenBack => "undone",
            Self::Gone => "gone",
            Self::Would => "would_undo",
            Self::Left(_) => "left",
            Self::Unsettled(_) => "unsettled",
        }
    }

    fn sign(&self) -> char {
        match self {
            Self::TakenBack | Self::Would | Self::Gone => '-',
            Self::Left(why) if why.is_expected() => '=',
            Self::Left(_) | Self::Unsettled(_) => '!',
        }
    }
}

impl Reported {
    /// For programs.
    pub fn json(&self) -> LineJson<'_> {
        let legacy_id: &LegacyId = &self.legacy_id;
        LineJson {
            legacy_id: legacy_id.as_str(),
            account: self.portion.account.as_ref(),
            customer: self.customer(),
            clones_detached: self.detached,
            result: self.outcome.name(),
            reason: match &self.outcome {
                Outcome::Left(why) => Some(why.reason),
                Outcome::TakenBack | Outcome::Gone | Outcome::Would | Outcome::Unsettled(_) => None,
            },
            message: match &self.outcome {
                Outcome::Left(why) => Some(&why.message),
                Outcome::Unsettled(why) => Some(why),
                Outcome::TakenBack | Outcome::Gone | Outcome::Would => None,
            },
        }
    }

    /// A line, for people.
    pub fn line(&self) -> String {
        let account = self.portion.account.as_ref();
        let customer = self.customer().map_or("no Customer", CustomerId::as_str);
        let clones = count(self.detached, "clone");
        let what = match &self.outcome {
            Outcome::TakenBack if self.detached == 0 => "deleted".to_owned(),
            Outcome::TakenBack => format!("{clones} detached, deleted"),
            Outcome::Would if self.detached == 0 => "would be deleted".to_owned(),
            Outcome::Would => format!("would go, with {clones}"),
            Outcome::Gone if self.customer().is_none() => {
                "clones that are attached to nothing: they stay so".to_owned()
            }
            Outcome::Gone => "was gone already".to_owned(),
            Outcome::Left(why) if why.is_expected() => {
                format!("left: holds {}", why.brief())
            }
            Outcome::Left(why) => format!("left: {}", why.message),
            Outcome::Unsettled(why) => format!("NOT SETTLED: {why}"),
        };
        format!(
            "{} {:<8} {:<21} {:<18} {}",
            self.outcome.sign(),
            plain(self.legacy_id.as_str()),
            account.map_or("the platform", AccountId::as_str),
            customer,
            plain(&shorten(&what, 200))
        )
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ended {
    /// Nothing was changed or kept, only read.
    pub dry_run: bool,
    /// Customers on connected accounts that are gone by it, or would be.
    pub connected_customers: u64,
    /// Clones that were detached, or would be.
    pub clones: u64,
    /// Customers on the platform that are gone by it, or would be.
    pub platform_customers: u64,
    /// Places where nothing was left.
    pub gone: u64,
    /// What was left where it is, by reason.
    pub left: BTreeMap<&'static str, u64>,
    /// Places that are not settled.
    pub unsettled: u64,
    /// Charges of `verify --charge` that could not be taken back.
    pub open_charges: u64,
    /// Requests that it took.
    pub requests: u64,
    /// True where it was interrupted before all had their turn.
    pub interrupted: bool,
    /// Places with nothing but clones that are attached to nothing.
    pub unattached: u64,
    /// Customers that a run would still make something of, after all was taken back; null where only a part was to be.
    pub left_to_make: Option<u64>,
}

impl Ended {
    /// Adds a place.
    pub fn add(&mut self, reported: &Reported) {
        self.clones += reported.detached;
        match &reported.outcome {
            Outcome::TakenBack | Outcome::Would => match reported.portion.account {
                Some(_) => self.connected_customers += 1,
                None => self.platform_customers += 1,
            },
            Outcome::Gone if reported.customer().is_none() => self.unattached += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Left(why) => *self.left.entry(why.reason).or_default() += 1,
            Outcome::Unsettled(_) => self.unsettled += 1,
        }
    }

    /// True where all that was to be taken back is. What stays for its source cards' sake stays as it should.
    pub fn is_whole(&self) -> bool {
        let mut left = self.left.keys();
        let source_cards = |reason: &&str| *reason == "source_cards";
        !self.interrupted && self.unsettled == 0 && self.open_charges == 0 && left.all(source_cards)
    }

    /// For people, without a line feed at the end. `again` is the command that goes on.
    pub fn text(&self, again: &str, look: Look) -> String {
        let (head, verb) = match (self.dry_run, self.interrupted, self.is_whole()) {
            (true, ..) => (
                look.bold("This was a dry run: it only read, and changed nothing"),
                "would be",
            ),
            (_, true, _) => (look.warn("Interrupted; what was done is kept"), "are"),
            (_, _, true) => (look.good("Taken back"), "are"),
            (_, _, false) => (look.warn("Taken back in part"), "are"),
        };
        let gone = match self.gone {
            0 => String::new(),
            gone => format!("; {} had nothing left", count(gone, "place")),
        };
        let mut lines = vec![
            head,
            wrap(
                &format!(
                    "{} detached, {} on connected accounts and {} on the platform {verb} deleted{gone}. {}.",
                    count(self.clones, "clone"),
                    count(self.connected_customers, "Customer"),
                    count(self.platform_customers, "Customer"),
                    if self.dry_run {
                        count(self.requests, "read")
                    } else {
                        count(self.requests, "request")
                    },
                ),
                "",
                look.width,
            ),
        ];
        if self.unattached > 0 {
            let told = format!(
                "{} with clones that are attached to nothing: they stay so, and nothing is made there any more.",
                count(self.unattached, "place")
            );
            lines.push(wrap(&told, "  ", look.width));
        }
        for (reason, places) in &self.left {
            let told = format!("{} left: {}", number(*places), in_words(reason));
            lines.push(wrap(&told, "  ", look.width));
        }
        if self.unsettled > 0 {
            let told = format!(
                "{} not settled: the same command goes on.",
                number(self.unsettled)
            );
            lines.push(look.bad(&wrap(&told, "  ", look.width)));
        }
        if self.open_charges > 0 {
            let told =
                "Charges of `verify --charge` could not be taken back: look at what is said above.";
            lines.push(look.bad(&wrap(told, "  ", look.width)));
        }
        if !self.dry_run && (self.interrupted || self.unsettled > 0) {
            lines.push(format!("  {again}"));
        }
        if let Some(left) = self.left_to_make.filter(|left| *left > 0) {
            let told = format!(
                "{} {} not begun, or not to the end: since all was taken back, run, resume and retry make nothing of {} unless --after-undo is given.",
                count(left, "customer"),
                one(left, "was", "were"),
                one(left, "it", "them"),
            );
            lines.push(look.warn(&wrap(&told, "  ", look.width)));
        }
        lines.join("\n")
    }
}

/// What a reason means, and what to do.
fn in_words(reason: &str) -> &'static str {
    match reason {
        "source_cards" => {
            "platform Customers with source cards, which deleting would lose for good."
        }
        "in_doubt" => {
            "something of it is in doubt: the same command settles it, from an hour after it was sent on."
        }
        "left_on_account" => {
            "platform Customers of which something is left on a connected account."
        }
        "not_ours" => "its metadata is not this migration's: somebody changed it.",
        "not_found" => "Stripe does not know it: is this the right account and mode?",
        "payment_method" => "it has a PaymentMethod that pmclone did not put there.",
        "open_charge" => {
            "a charge of `verify --charge` is not taken back: the same command tries that first; what Stripe refuses, do in the Dashboard."
        }
        "refused" => "Stripe refused; see above.",
        _ => "it is in use: it has something that pmclone did not make. Whoever uses it decides.",
    }
}

/// What can be done about what was left for a reason.
pub(super) fn remedy_of(reason: &str) -> &'static str {
    match reason {
        Why::SOURCE_CARDS => {
            "Deleting that Customer would lose its source cards for good, so it stays with them, as it should. For those who want that: --spend-source-cards N, where N is how many cards are lost."
        }
        "in_doubt" => "The same undo settles it, from an hour after it was sent on.",
        Why::UNSETTLED => "Once Stripe, or the account, can be reached, the same undo goes on.",
        "left_on_account" => {
            "That Customer goes once nothing of it is left on any connected account: then the same undo again."
        }
        "not_ours" => {
            "Somebody changed its metadata. If it is this migration's nevertheless, put pmclone_migration and legacy_customer_id back; then the same undo again."
        }
        "not_found" => {
            "Stripe does not know it, not even as deleted: look whether this is the right account and mode."
        }
        "payment_method" => {
            "Whoever put it there decides. Once it is detached, the same undo takes the rest back."
        }
        "open_charge" => {
            "The same undo tries first to take the charge back; what Stripe refuses to, do in the Dashboard."
        }
        "refused" => {
            "Stripe refused to take it back. Once the cause is mended, the same undo tries again."
        }
        _ => {
            "Somebody uses it, or has used it: pmclone leaves it to them, for good. If it shall go nevertheless, delete it in the Dashboard; then the same undo again."
        }
    }
}
