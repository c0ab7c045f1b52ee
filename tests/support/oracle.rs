//! What must become of a CSV, from the CSV itself and the documented markers of ids. It reads lines and cells as the
//! documentation says, with a crate that reads CSV, and shares nothing with the code under test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;

use super::Result;

/// Where something stands; of several that fit, the smallest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Parked,
    Refused,
    Migrated,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Refused => "refused",
            Self::Migrated => "migrated",
        }
    }
}

/// A legacy customer, its lines gathered.
#[derive(Debug, Default)]
pub struct Customer {
    pub adopted: Option<String>,
    pub email: Option<String>,
    /// In the order of the lines.
    pub sources: Vec<String>,
    pub default: Option<String>,
    /// Account and the sources asked for there, in the order of the lines.
    pub accounts: Vec<(String, Vec<String>)>,
}

/// Everything that a CSV asks for.
#[derive(Debug, Default)]
pub struct Asked {
    pub customers: BTreeMap<String, Customer>,
    /// `--adopt-attached` is on.
    pub adopts_attached: bool,
    /// Revoked accounts have been given back.
    pub restored: bool,
}

/// What the marker of a source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Moves,
    /// Attached on the platform, and never cloned.
    Unclonable,
    /// Not attached on the platform either.
    RefusedOnPlatform,
    /// Cloned; the clone is not attached.
    RefusedThere,
}

/// By the table in `samples/README.md` and in the simulator's documentation.
fn marker_of(source: &str) -> &str {
    let marked = [
        "pm_sepa_",
        "pm_bacs_",
        "pm_link_",
        "pm_declined_",
        "pm_declinedthere_",
        "pm_attached_",
        "pm_missing_",
        "src_",
    ];
    let found = marked.into_iter().find(|marker| source.starts_with(marker));
    found.unwrap_or_default()
}

impl Asked {
    pub fn of_file(path: &Path) -> Result<Self> {
        Self::of_text(&std::fs::read_to_string(path)?)
    }

    pub fn of_text(text: &str) -> Result<Self> {
        let mut asked = Self::default();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers()?.clone();
        for record in reader.records() {
            let record = record?;
            let cell = |name: &str| {
                let place = headers.iter().position(|header| header == name)?;
                record
                    .get(place)
                    .filter(|cell| !cell.is_empty())
                    .map(str::to_owned)
            };
            let many = |name: &str| -> Vec<String> {
                let text = cell(name).unwrap_or_default();
                text.split(';')
                    .filter(|id| !id.is_empty())
                    .map(str::to_owned)
                    .collect()
            };
            let id = cell("legacy_id").context("a line without legacy_id")?;
            let customer = asked.customers.entry(id).or_default();
            customer.adopted = customer
                .adopted
                .take()
                .or_else(|| cell("platform_customer"));
            customer.email = customer.email.take().or_else(|| cell("email"));
            customer.default = customer
                .default
                .take()
                .or_else(|| cell("default_payment_method"));
            let sources = many("payment_method");
            for source in &sources {
                push_new(&mut customer.sources, source.clone());
            }
            for account in many("connected_account") {
                let known = customer.accounts.iter().position(|(id, _)| *id == account);
                let place = known.unwrap_or_else(|| {
                    customer.accounts.push((account, Vec::new()));
                    customer.accounts.len() - 1
                });
                for source in &sources {
                    push_new(&mut customer.accounts[place].1, source.clone());
                }
            }
        }
        Ok(asked)
    }

    pub fn fate(&self, source: &str) -> Fate {
        match marker_of(source) {
            "pm_sepa_" | "pm_bacs_" | "pm_link_" => Fate::Unclonable,
            "pm_attached_" if self.adopts_attached => Fate::Moves,
            "pm_declined_" | "pm_missing_" | "pm_attached_" | "src_" => Fate::RefusedOnPlatform,
            "pm_declinedthere_" => Fate::RefusedThere,
            _ => Fate::Moves,
        }
    }

    pub fn is_revoked(&self, account: &str) -> bool {
        account.starts_with("acct_revoked") && !self.restored
    }

    /// Every account that is named.
    pub fn accounts(&self) -> BTreeSet<&str> {
        let each = self
            .customers
            .values()
            .flat_map(|customer| &customer.accounts);
        each.map(|(account, _)| account.as_str()).collect()
    }

    /// Whether a Customer of the migration's own stands on the platform in the end.
    pub fn is_made_on_platform(&self, customer: &Customer) -> bool {
        let stays = |source: &String| !matches!(self.fate(source), Fate::RefusedOnPlatform);
        customer.adopted.is_none()
            && (customer.sources.is_empty() || customer.sources.iter().any(stays))
    }

    /// The sources that stand on an account in the end.
    pub fn moved<'a>(&self, account: &str, sources: &'a [String]) -> BTreeSet<&'a str> {
        let moves =
            |source: &&String| self.fate(source) == Fate::Moves && !self.is_revoked(account);
        sources.iter().filter(moves).map(String::as_str).collect()
    }

    /// Whether a Customer stands on an account in the end.
    pub fn is_made_on(&self, account: &str, sources: &[String]) -> bool {
        let bare = sources.is_empty() && !self.is_revoked(account);
        bare || !self.moved(account, sources).is_empty()
    }

    /// The source that is the default of the Customer on an account; none where the one that should be is refused.
    pub fn default_on<'a>(
        &self,
        customer: &'a Customer,
        account: &str,
        sources: &'a [String],
    ) -> Option<&'a str> {
        let named = customer
            .default
            .as_ref()
            .filter(|default| sources.contains(default));
        // "The default is the one named, else the first": of those asked for there, where it is not among them.
        let wanted = named.or_else(|| sources.first())?;
        self.moved(account, sources).get(wanted.as_str()).copied()
    }

    /// Where a line of the mapping stands. What is refused for good on the platform waits for no account.
    pub fn standing(&self, account: &str, source: &str) -> Standing {
        match (self.fate(source), self.is_revoked(account)) {
            (Fate::Moves, false) => Standing::Migrated,
            (Fate::Moves | Fate::Unclonable | Fate::RefusedThere, true) => Standing::Parked,
            (Fate::Unclonable | Fate::RefusedThere, false) | (Fate::RefusedOnPlatform, _) => {
                Standing::Refused
            }
        }
    }

    /// The lines of the mapping: legacy id, source, account.
    pub fn lines(&self) -> BTreeMap<(String, String, String), Standing> {
        let mut lines = BTreeMap::new();
        for (id, customer) in &self.customers {
            for (account, sources) in &customer.accounts {
                for source in sources {
                    let line = (id.clone(), source.clone(), account.clone());
                    lines.insert(line, self.standing(account, source));
                }
                // A customer without any has a line all the same.
                if sources.is_empty() {
                    let line = (id.clone(), String::new(), account.clone());
                    lines.insert(line, self.standing(account, ""));
                }
            }
        }
        lines
    }

    /// How many customers stand so. A customer is counted once, by the first that fits.
    pub fn customers_standing(&self, standing: Standing) -> u64 {
        let mut worst: BTreeMap<&str, Standing> = BTreeMap::new();
        let lines = self.lines();
        for ((id, _, _), standing) in &lines {
            let entry = worst.entry(id).or_insert(*standing);
            *entry = (*entry).min(*standing);
        }
        count(worst.values().filter(|each| **each == standing))
    }

    /// How many sources stand so, counted once for each account.
    pub fn sources_standing(&self, standing: Standing) -> u64 {
        let lines = self.lines();
        let all = lines
            .iter()
            .filter(|((_, source, _), _)| !source.is_empty());
        count(all.filter(|(_, each)| **each == standing))
    }

    /// How many sources are asked for, counted once for each account.
    pub fn sources(&self) -> u64 {
        let lines = self.lines();
        count(lines.keys().filter(|(_, source, _)| !source.is_empty()))
    }

    /// Writes to Stripe for customers whose sources all move: `n + 2nm` each.
    pub fn writes(&self) -> u64 {
        let of = |customer: &Customer| {
            let lines: usize = customer
                .accounts
                .iter()
                .map(|(_, sources)| sources.len())
                .sum();
            customer.sources.len() + 2 * lines
        };
        let all: usize = self.customers.values().map(of).sum();
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}

/// How many there are.
pub fn count<T>(all: impl Iterator<Item = T>) -> u64 {
    u64::try_from(all.count()).unwrap_or(u64::MAX)
}

fn push_new(list: &mut Vec<String>, id: String) {
    if !list.contains(&id) {
        list.push(id);
    }
}
