//! The look beforehand as one JSON object.

use serde::Serialize;

use super::{Checked, remedy};
use crate::check::{Asked, Found, Kind, Looked, Severity};
use crate::cli::Sources;
use crate::stripe::AccountFacts;

/// What `check --json` prints, one object. Fields are only ever added.
#[derive(Debug, Serialize)]
pub struct CheckJson<'a> {
    platform: PlatformJson<'a>,
    reads_planned: u64,
    reads: u64,
    accounts: Vec<AccountJson<'a>>,
    sources: SourcesJson,
    blockers: u64,
    warnings: u64,
    findings: Vec<FindingJson<'a>>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct PlatformJson<'a> {
    id: &'a str,
    name: Option<&'a str>,
    country: Option<&'a str>,
    livemode: bool,
}

#[derive(Debug, Serialize)]
struct AccountJson<'a> {
    id: &'a str,
    customers: u64,
    /// Null: it could not be read.
    reachable: Option<bool>,
    country: Option<&'a str>,
    charges_enabled: Option<bool>,
    card_payments: Option<&'a str>,
    us_bank_account_ach_payments: Option<&'a str>,
    disabled_reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SourcesJson {
    /// `all`, `sample` or `none`.
    which: &'static str,
    looked_up: u64,
    all: u64,
    customers_looked_up: u64,
}

#[derive(Debug, Serialize)]
struct FindingJson<'a> {
    kind: &'static str,
    severity: &'static str,
    /// The reason, type, state or pair of countries; null where there is none.
    detail: Option<&'a str>,
    count: u64,
    customers: Option<u64>,
    examples: &'a [String],
    remedy: &'static str,
}

impl Checked {
    /// For programs.
    pub fn json(&self) -> CheckJson<'_> {
        CheckJson {
            platform: PlatformJson {
                id: self.platform.id.as_str(),
                name: self.platform.display_name.as_deref(),
                country: self.platform.country.as_deref(),
                livemode: self.livemode,
            },
            reads_planned: self.reads_planned,
            reads: self.reads,
            accounts: self.accounts.iter().map(account_json).collect(),
            sources: SourcesJson {
                which: match self.sources {
                    Sources::All => "all",
                    Sources::Sample => "sample",
                    Sources::None => "none",
                },
                looked_up: self.sources_looked,
                all: self.sources_all,
                customers_looked_up: self.customers_looked,
            },
            blockers: self.findings.count(Severity::Blocker),
            warnings: self.findings.count(Severity::Warning),
            findings: self.findings.iter().map(finding_json).collect(),
            exit_code: self.exit().code(),
        }
    }
}

fn account_json((asked, looked): &(Asked, Looked<AccountFacts>)) -> AccountJson<'_> {
    let facts = match looked {
        Looked::Found(facts) => Some(facts),
        Looked::Missing | Looked::OtherMode | Looked::NoAccess | Looked::Unread => None,
    };
    let capability = |name: &str| Some(facts?.capabilities.get(name)?.as_str());
    AccountJson {
        id: asked.id.as_str(),
        customers: asked.customers,
        reachable: (*looked != Looked::Unread).then_some(facts.is_some()),
        country: facts.and_then(|facts| facts.country.as_deref()),
        charges_enabled: facts.and_then(|facts| facts.charges_enabled),
        card_payments: capability("card_payments"),
        us_bank_account_ach_payments: capability("us_bank_account_ach_payments"),
        disabled_reason: facts.and_then(|facts| facts.disabled_reason.as_deref()),
    }
}

fn finding_json<'a>((kind, detail, found): (Kind, &'a str, &'a Found)) -> FindingJson<'a> {
    FindingJson {
        kind: kind.name(),
        severity: kind.severity().name(),
        detail: (!detail.is_empty()).then_some(detail),
        count: found.count,
        customers: (found.customers > 0).then_some(found.customers),
        examples: &found.examples,
        remedy: remedy(kind, detail),
    }
}
