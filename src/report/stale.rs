//! Stale clones: what was taken up, what was not and why, and the command that helps.

use serde::Serialize;

use super::commands::Flags;
use super::words::{count, plain, quoted, shorten, wrap};
use super::{Look, remedy};
use crate::store::{Renewals, StaleClone};

/// What `--refresh-stale` found, as programs get it. Fields are only ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RenewalsJson {
    /// Clones that are renewed from now on.
    pub clones: u64,
    /// Their customers.
    pub customers: u64,
    /// Those of the clones whose renewal was refused before, and is tried again.
    pub again: u64,
    /// Clones whose renewal was begun before, and goes on.
    pub begun: u64,
    /// Clones that cannot be renewed now.
    pub waiting: u64,
    /// Sources that were detached, so that nothing can be cloned from them.
    pub detached: u64,
}

impl From<Renewals> for RenewalsJson {
    fn from(renewals: Renewals) -> Self {
        let Renewals {
            clones,
            customers,
            again,
            begun,
            waiting,
            detached,
        } = renewals;
        Self {
            clones,
            customers,
            again,
            begun,
            waiting,
            detached,
        }
    }
}

/// A stale clone, as programs get it. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleJson {
    /// Whose.
    pub legacy_id: String,
    /// Where it is.
    pub connected_account: String,
    /// The source that changed.
    pub platform_payment_method: String,
    /// When, by Stripe's clock.
    pub since: String,
    /// How: `automatically_updated`, `updated` or `detached`.
    pub reason: String,
    /// The event that told.
    pub event: String,
    /// A renewal of it was asked for, and is not at its end.
    pub in_renewal: bool,
}

impl From<&StaleClone> for StaleJson {
    fn from(clone: &StaleClone) -> Self {
        Self {
            legacy_id: clone.legacy_id.to_string(),
            connected_account: clone.account.to_string(),
            platform_payment_method: clone.source.to_string(),
            since: super::words::second(clone.since),
            reason: clone.reason.clone(),
            event: clone.event.clone(),
            in_renewal: clone.in_renewal,
        }
    }
}

/// What was taken up, for people; `None` where nothing is stale.
pub fn taken_up(renewals: &Renewals, state: &str) -> Option<String> {
    let mut parts = Vec::new();
    if renewals.clones > 0 {
        let again = match renewals.again {
            0 => String::new(),
            again => format!(", {again} of them once more after a refusal"),
        };
        parts.push(format!(
            "To be renewed: {} of {}, since the source changed{again}. Each new clone is attached, and the default where the old one is, before the old one is detached.",
            count(renewals.clones, "stale clone"),
            count(renewals.customers, "customer"),
        ));
    }
    if renewals.begun > 0 {
        parts.push(format!(
            "{} already begun: that goes on.",
            were(renewals.begun, "renewal")
        ));
    }
    if renewals.waiting > 0 {
        parts.push(format!(
            "{} now, and stay stale: in doubt or not attached yet, on an account that is out of reach, or left out by what was asked for.",
            cannot(renewals.waiting, "stale clone")
        ));
    }
    if renewals.detached > 0 {
        parts.push(detached(renewals.detached, state));
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// What is told of sources that nothing can be cloned from any more.
pub fn detached(sources: u64, state: &str) -> String {
    format!(
        "{} detached from the platform's Customer and cannot be cloned again: {} (pmclone report --state {state} lists them)",
        were(sources, "source"),
        remedy::DETACHED
    )
}

/// What a run without `--refresh-stale` says.
pub fn hint(clones: u64, state: &str, flags: Flags) -> String {
    format!(
        "{} stale, since the source changed after it was made. To renew them:\n  {}",
        are(clones, "clone"),
        flags.command("resume --refresh-stale", state)
    )
}

fn are(n: u64, noun: &str) -> String {
    let verb = if n == 1 { "is" } else { "are" };
    format!("{} {verb}", count(n, noun))
}

fn were(n: u64, noun: &str) -> String {
    let verb = if n == 1 { "was" } else { "were" };
    format!("{} {verb}", count(n, noun))
}

fn cannot(n: u64, noun: &str) -> String {
    format!("{} cannot be renewed", count(n, noun))
}

/// What happened to a source, in words.
pub fn what(reason: &str) -> &'static str {
    match reason {
        "automatically_updated" => "was renewed by the card network",
        "detached" => "was detached from its Customer",
        _ => "was changed",
    }
}

/// The first of them for `status`, each in a line.
pub fn lines(clones: &[StaleJson], look: Look) -> Vec<String> {
    let line = |clone: &StaleJson| {
        let renewal = if clone.in_renewal {
            ", its renewal is on"
        } else {
            ""
        };
        let told = format!(
            "{}: {} {} on {} ({}), cloned onto {}{renewal}",
            shorten(&plain(&clone.legacy_id), 40),
            clone.platform_payment_method,
            what(&clone.reason),
            clone.since,
            plain(&clone.event),
            clone.connected_account,
        );
        wrap(&told, "  ", look.width)
    };
    clones.iter().map(line).collect()
}

/// A state file's name, as a shell takes it.
pub fn named(state: &std::path::Path) -> String {
    quoted(&state.display().to_string())
}
