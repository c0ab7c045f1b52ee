//! What a look at Stripe beforehand found: accounts, then blockers and warnings with what to do, and the same as JSON.

mod json;

pub use json::CheckJson;

use super::Look;
use super::banner;
use super::table::{Column, table};
use super::words::{count, number, plain, wrap};
use crate::check::{Asked, Findings, Found, Kind, Looked, Severity};
use crate::cli::Sources;
use crate::exit::Exit;
use crate::stripe::AccountFacts;

/// Accounts that people are shown; programs get all.
const ACCOUNTS: usize = 30;

/// All that was looked at.
#[derive(Debug)]
pub struct Checked {
    /// Reads that it was to take at most.
    pub reads_planned: u64,
    /// Reads that it took.
    pub reads: u64,
    /// The mode of the key.
    pub livemode: bool,
    /// Where Stripe is.
    pub api_base: String,
    /// Whose key it is.
    pub platform: AccountFacts,
    /// Each connected account.
    pub accounts: Vec<(Asked, Looked<AccountFacts>)>,
    /// Which sources were looked up.
    pub sources: Sources,
    /// How many those were.
    pub sources_looked: u64,
    /// How many there are.
    pub sources_all: u64,
    /// Customers to adopt that were looked up.
    pub customers_looked: u64,
    /// What was found.
    pub findings: Findings,
}

impl Checked {
    /// Blockers come before what could not be read.
    pub fn exit(&self) -> Exit {
        if self.findings.count(Severity::Blocker) > 0 {
            Exit::Input
        } else if self.findings.unread() > 0 {
            Exit::Incomplete
        } else {
            Exit::Done
        }
    }

    /// For people, without a line feed at the end.
    pub fn text(&self, look: Look) -> String {
        let parts = [
            Some(self.headline(look)),
            self.accounts_table(look),
            self.findings_of(Severity::Blocker, look),
            self.findings_of(Severity::Warning, look),
            Some(self.verdict(look)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    fn headline(&self, look: Look) -> String {
        let mode = if self.livemode {
            look.alarm("LIVE")
        } else {
            "test".to_owned()
        };
        let platform = &self.platform;
        let account = banner::account(
            &platform.id,
            platform.display_name.as_deref(),
            platform.country.as_deref(),
        );
        let sources = match self.sources {
            Sources::None => "not looked up".to_owned(),
            Sources::All | Sources::Sample => format!(
                "{} of {} looked up",
                number(self.sources_looked),
                number(self.sources_all)
            ),
        };
        let rows = [
            ("Account", account),
            ("Mode", mode),
            ("API", plain(&self.api_base)),
            ("Reads", self.reads_told()),
            ("Sources", sources),
        ];
        let rows = rows.map(|(label, value)| format!("\n  {label:<9}{value}"));
        format!("{}{}", look.bold("Check"), rows.concat())
    }

    /// An answer that does not come is asked for again.
    fn reads_told(&self) -> String {
        let (reads, planned) = (number(self.reads), number(self.reads_planned));
        if self.reads > self.reads_planned {
            format!("{reads}, where {planned} were planned: some had to be asked for again")
        } else {
            format!("{reads} of {planned} at most")
        }
    }

    /// Those that something is wrong with first, then those that most customers ask for.
    fn accounts_table(&self, look: Look) -> Option<String> {
        let mut accounts: Vec<_> = self.accounts.iter().collect();
        accounts.sort_by_key(|(asked, looked)| (is_ready(looked), u64::MAX - asked.customers));
        let shown = accounts.iter().take(ACCOUNTS);
        let rows: Vec<_> = shown.map(|(asked, looked)| row(asked, looked)).collect();
        let columns = [
            ("account", Column::Left),
            ("country", Column::Left),
            ("charges", Column::Left),
            ("cards", Column::Left),
            ("ACH", Column::Left),
            ("customers", Column::Right),
        ];
        let more = self.accounts.len().saturating_sub(ACCOUNTS);
        let more = match u64::try_from(more).unwrap_or(u64::MAX) {
            0 => String::new(),
            more => format!("\n  and {} more: --json has all", count(more, "account")),
        };
        let heading = look.bold("Accounts");
        (!rows.is_empty()).then(|| format!("{heading}\n{}{more}", table(&columns, &rows)))
    }

    fn findings_of(&self, severity: Severity, look: Look) -> Option<String> {
        let heading = match severity {
            Severity::Blocker => look.bad("Blockers"),
            Severity::Warning => look.warn("Warnings"),
        };
        let of = self
            .findings
            .iter()
            .filter(|(kind, ..)| kind.severity() == severity);
        let told: Vec<_> = of
            .map(|(kind, detail, found)| finding(kind, detail, found, look))
            .collect();
        (!told.is_empty()).then(|| format!("{heading}\n{}", told.join("\n")))
    }

    fn verdict(&self, look: Look) -> String {
        let (blockers, warnings) = (
            self.findings.count(Severity::Blocker),
            self.findings.count(Severity::Warning),
        );
        let told = match (blockers, warnings) {
            (_, _) if self.is_most_unknown() => look.bad(
                "Most of the ids are not on this platform in this mode: most likely this is the key of another account.",
            ),
            (0, 0) => look.good("Nothing speaks against it."),
            (0, _) if self.findings.unread() > 0 => look.warn("No blockers in what could be read."),
            (0, _) => look.good("No blockers."),
            (_, _) => look.bad("Blockers: these would be refused, or parked, or could not be charged; everything else would go on."),
        };
        let unseen = if self.sources_looked < self.sources_all {
            let unseen = self.sources_all - self.sources_looked;
            let were = if unseen == 1 { "was" } else { "were" };
            format!(
                " {} {were} not looked up: --sources all.",
                count(unseen, "source")
            )
        } else {
            String::new()
        };
        let text = format!("{told}{unseen} Nothing was written.");
        wrap(&text, "", look.width)
    }
}

impl Checked {
    /// Sources that are unknown, or of the other mode, are most of those looked up.
    fn is_most_unknown(&self) -> bool {
        let of = self
            .findings
            .iter()
            .filter(|(kind, ..)| matches!(kind, Kind::SourceUnknown | Kind::OtherMode));
        let unknown: u64 = of.map(|(.., found)| found.count).sum();
        unknown * 2 > self.sources_looked
    }
}

fn is_ready(looked: &Looked<AccountFacts>) -> bool {
    matches!(looked, Looked::Found(facts) if facts.charges_enabled == Some(true))
}

fn row(asked: &Asked, looked: &Looked<AccountFacts>) -> Vec<String> {
    let [country, charges, cards, ach] = match looked {
        Looked::Found(facts) => {
            let capability = |name: &str| {
                let state = facts.capabilities.get(name);
                state.map_or_else(|| "-".to_owned(), |state| plain(state))
            };
            let charges = match facts.charges_enabled {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "-",
            };
            [
                facts
                    .country
                    .as_deref()
                    .map_or_else(|| "-".to_owned(), plain),
                charges.to_owned(),
                capability("card_payments"),
                capability("us_bank_account_ach_payments"),
            ]
        }
        Looked::Missing | Looked::OtherMode | Looked::NoAccess => {
            ["-", "no access", "-", "-"].map(str::to_owned)
        }
        Looked::Unread => ["-", "not read", "-", "-"].map(str::to_owned),
    };
    let id = asked.id.to_string();
    vec![id, country, charges, cards, ach, number(asked.customers)]
}

fn finding(kind: Kind, detail: &str, found: &Found, look: Look) -> String {
    let what = what(kind, &plain(detail), found.count);
    let customers = match found.customers {
        0 => String::new(),
        customers => format!(", for {}", count(customers, "customer")),
    };
    let examples: Vec<_> = found.examples.iter().map(|each| plain(each)).collect();
    let more = if found.count > u64::try_from(examples.len()).unwrap_or(u64::MAX) {
        ", …"
    } else {
        ""
    };
    let lines = [
        wrap(
            &format!("{what}{customers}: {}{more}", examples.join(", ")),
            "  ",
            look.width,
        ),
        wrap(remedy(kind, detail), "     ", look.width),
    ];
    lines.join("\n")
}

/// What was found, so often.
fn what(kind: Kind, detail: &str, n: u64) -> String {
    let account = count(n, "account");
    let source = count(n, "source");
    let customer = count(n, "Customer");
    match (kind, detail) {
        (Kind::AccountUnreachable, _) => format!("{account} without access"),
        (Kind::ChargesDisabled, "") => format!("{account} that may not charge"),
        (Kind::ChargesDisabled, reason) => format!("{account} that may not charge ({reason})"),
        (Kind::CardsInactive, _) => format!("{account} with card_payments inactive"),
        (Kind::AchInactive, state) => format!(
            "{} for an account whose us_bank_account_ach_payments is {state}",
            count(n, "bank account")
        ),
        (Kind::OtherMode, _) => format!("{} of the other mode", count(n, "id")),
        (Kind::SourceUnknown, _) => format!("{source} unknown to the platform"),
        (Kind::SourceUnclonable, kind) => format!("{source} of type {kind}"),
        (Kind::SourceOfAnother, _) => {
            format!("{source} attached to another Customer than the CSV names")
        }
        (Kind::CustomerUnknown, state) => format!("{customer} to adopt {state}"),
        (Kind::Restricted, reason) => format!("{account} with a reason to be disabled ({reason})"),
        (Kind::CardsPending, state) => format!("{account} with card_payments {state}"),
        (Kind::CrossBorder, pair) => {
            format!("{account} in another country than the platform ({pair})")
        }
        (Kind::India, _) => format!("{account} where India's rules hold"),
        (Kind::AchScope, _) => count(n, "US bank account"),
        (Kind::Expired, _) => format!("{} expired", count(n, "card")),
        (Kind::OtherMigration, id) => format!("{customer} with the marker of migration {id}"),
        (Kind::Unread, what) => format!("{} could not be read", count(n, what)),
    }
}

/// What to do about it.
fn remedy(kind: Kind, detail: &str) -> &'static str {
    match kind {
        Kind::ChargesDisabled if detail.starts_with("rejected.") => {
            "Stripe has closed it, or its platform has: leave it out."
        }
        Kind::AccountUnreachable => {
            "Have its owner connect to the platform in this mode, or leave it out: its customers would be parked."
        }
        Kind::ChargesDisabled => {
            "Its owner finishes onboarding in the Dashboard first. Cards may be cloned there, and cannot be charged."
        }
        Kind::CardsInactive => {
            "Its owner, or the platform, requests the capability first. Cards may be cloned there, and cannot be charged."
        }
        Kind::AchInactive => {
            "Request the capability us_bank_account_ach_payments there first, or leave the bank accounts out."
        }
        Kind::OtherMode => {
            "Key and CSV are of different modes: use the key of the CSV's mode, or the CSV of the key's."
        }
        Kind::SourceUnknown => {
            "Another account's, a typing error, or deleted. Correct the CSV, or leave them out: they would be refused."
        }
        Kind::SourceUnclonable => {
            "Stripe clones card and us_bank_account alone. Collect it again from the customer."
        }
        Kind::SourceOfAnother => {
            "Name that Customer in platform_customer, or, if it is the same person, run with --adopt-attached; else they would be refused."
        }
        Kind::CustomerUnknown => {
            "Correct platform_customer, or leave it empty to have a new one made."
        }
        Kind::Restricted => "Look at the account in the Dashboard: it may lose charges soon.",
        Kind::CardsPending => "Wait until it is active before you charge there.",
        Kind::CrossBorder => {
            "The first charge there may ask the customer for authentication (SCA). Try it in the pilot."
        }
        Kind::India => {
            "An e-mandate belongs to one PaymentMethod and does not go along: customers have to agree again."
        }
        Kind::AchScope => {
            "Cloning extends the mandate to the connected account: customers must have been told so. A mandate that was given on_behalf_of one account holds for that one only."
        }
        Kind::Expired => "It moves, and charges will fail. Ask for a new card.",
        Kind::OtherMigration => {
            "Another state file made or moved it. If that one asks for the same accounts, go on with it: here, second Customers would be made."
        }
        Kind::Unread => "Nothing is known of these, neither good nor bad: run the check again.",
    }
}
