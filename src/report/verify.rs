//! What `pmclone verify` says.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Look;
use super::words::{count, number, plain, shorten, wrap};
use crate::ids::{CustomerId, MigrationId, PaymentMethodId};
use crate::store::StoreError;
use crate::verify::{About, Line, Sign, Tally};

/// What a platform is allotted at least in a month, whatever it turns over (<https://docs.stripe.com/rate-limits>).
const READS_A_MONTH: u64 = 10_000;

/// How many customers are looked at, and how they were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Drawn: so many, by this seed.
    Sample {
        /// How many.
        customers: u64,
        /// The number that draws the same ones again.
        seed: u64,
    },
    /// Named on the command line.
    Named {
        /// How many.
        customers: u64,
    },
    /// Everybody.
    All {
        /// Whether the list of every Customer is read.
        thorough: bool,
    },
}

/// How a verification ended.
pub struct Ended {
    /// Whose.
    pub migration: MigrationId,
    /// Of what mode.
    pub livemode: bool,
    /// Who was looked at.
    pub scope: Scope,
    /// What came of it.
    pub tally: Tally,
    /// Requests that it took, retries among them.
    pub reads: u64,
}

/// `{"summary":…}`, the last line of `verify --json`. Fields are only ever added.
#[derive(Serialize)]
pub struct SummaryJson {
    summary: SummaryFields,
}

/// What a verification was of, and what came of it.
#[derive(Serialize)]
pub struct SummaryFields {
    migration: String,
    livemode: bool,
    scope: &'static str,
    seed: Option<u64>,
    #[serde(flatten)]
    tally: Tally,
    differences: u64,
    reads: u64,
}

impl Ended {
    /// For programs.
    pub fn json(&self) -> SummaryJson {
        SummaryJson {
            summary: self.fields(),
        }
    }

    /// The same, to be kept.
    pub fn fields(&self) -> SummaryFields {
        let (scope, seed) = match self.scope {
            Scope::Sample { seed, .. } => ("sample", Some(seed)),
            Scope::Named { .. } => ("named", None),
            Scope::All { thorough: false } => ("all", None),
            Scope::All { thorough: true } => ("all_thorough", None),
        };
        SummaryFields {
            migration: self.migration.to_string(),
            livemode: self.livemode,
            scope,
            seed,
            tally: self.tally,
            differences: self.tally.differences(),
            reads: self.reads,
        }
    }
}

/// A line that is not `=`, as it is kept: without what was expected and found, which may tell of cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlike {
    /// [`Sign::char`].
    pub sign: char,
    /// Whose it is.
    pub legacy_id: String,
    /// The connected account; none: the platform.
    pub account: Option<String>,
    /// The Customer.
    pub customer: Option<String>,
    /// The PaymentMethod.
    pub payment_method: Option<String>,
    /// What is compared, for people.
    pub about: String,
}

impl Unlike {
    /// What is kept of a line.
    pub fn of(line: &Line) -> Self {
        Self {
            sign: line.sign.char(),
            legacy_id: line.legacy_id.to_string(),
            account: line.account.as_ref().map(ToString::to_string),
            customer: line.customer.as_ref().map(ToString::to_string),
            payment_method: line.payment_method.as_ref().map(ToString::to_string),
            about: name(line.about).to_owned(),
        }
    }
}

/// Why a result is not in the state file, for the record.
pub fn not_kept(state: &Path, error: &StoreError) -> String {
    let state = state.display();
    match error {
        StoreError::Busy => format!(
            "{state}: a run is on, so this result is not kept for `pmclone report`; verify again once it has ended."
        ),
        error => format!("{state}: this result is not kept for `pmclone report`: {error}"),
    }
}

/// Before anything is read: what it takes.
pub fn before(scope: Scope, reads: u64, look: Look) -> String {
    let (whom, more) = match scope {
        Scope::Sample { customers, seed } => (
            format!(
                "Looking at {} drawn with --seed {seed}",
                count(customers, "customer")
            ),
            ", a few more where something differs",
        ),
        Scope::Named { customers } => (
            format!("Looking at {}", count(customers, "customer")),
            ", a few more where something differs",
        ),
        Scope::All { .. } => (
            "Looking at all customers".to_owned(),
            ", more where accounts have other Customers",
        ),
    };
    let scarce = if reads > READS_A_MONTH {
        format!(
            " Stripe allots a platform {} reads a month at least, and more by its payments: --sample takes fewer.",
            number(READS_A_MONTH)
        )
    } else {
        String::new()
    };
    let reads = count(reads, "GET request");
    wrap(
        &format!("{whom}: about {reads}{more}.{scarce}"),
        "",
        look.width,
    )
}

/// A line of the diff, for people.
pub fn line(line: &Line) -> String {
    let account = line.account.as_ref().map_or("platform", |id| id.as_str());
    let object = line
        .payment_method
        .as_ref()
        .map(PaymentMethodId::as_str)
        .or(line.customer.as_ref().map(CustomerId::as_str))
        .unwrap_or_default();
    format!(
        "{} {:<8} {:<21} {:<18} {}",
        line.sign.char(),
        plain(line.legacy_id.as_str()),
        account,
        object,
        told(line)
    )
    .trim_end()
    .to_owned()
}

fn told(line: &Line) -> String {
    let text = |value: &Option<String>| plain(&shorten(value.as_deref().unwrap_or("none"), 120));
    let (expected, found) = (text(&line.expected), text(&line.found));
    match (line.sign, line.about) {
        (Sign::Same, _) => "as it should be".to_owned(),
        (Sign::NotLooked, about) => format!("{} not looked at: {found}", name(about)),
        (Sign::Missing, About::Customer) => "there is no such Customer (any more)".to_owned(),
        (Sign::Missing, About::Source) => format!("its source {expected} is not there"),
        (Sign::Missing, _) => format!("not attached to {expected} (any more)"),
        (Sign::Extra, About::SecondPaymentMethod) => {
            format!("the same card as {expected}, attached a second time")
        }
        (Sign::Extra, _) if line.expected.is_some() => {
            format!("a second Customer: the state file has {expected}")
        }
        (Sign::Extra, _) => {
            "a Customer of this migration that the state file does not have".to_owned()
        }
        (Sign::Differs, about) => format!("{}: {found}, not {expected}", name(about)),
    }
}

fn name(about: About) -> &'static str {
    match about {
        About::Customer => "the Customer",
        About::MarkMigration => "metadata pmclone_migration",
        About::MarkLegacyId => "metadata legacy_customer_id",
        About::MarkPlatformCustomer => "metadata platform_customer",
        About::DefaultPaymentMethod => "default PaymentMethod",
        About::AttachedTo => "attached to",
        About::Type => "type",
        About::Fingerprint => "fingerprint",
        About::Brand => "brand",
        About::Last4 => "last four digits",
        About::Expiry => "expiry",
        About::Source => "the source",
        About::SecondCustomer => "a second Customer",
        About::SecondPaymentMethod => "a second PaymentMethod",
    }
}

/// What it came to, without a line feed at the end.
pub fn ended(ended: &Ended, look: Look) -> String {
    let tally = ended.tally;
    let heading = match (tally.differences(), tally.not_looked_at, tally.customers) {
        (0, 0, 0) => {
            "There was nothing to look at: nothing is made yet, or all of it is taken back"
                .to_owned()
        }
        (0, 0, _) => "Verified: no difference".to_owned(),
        (0, some, _) => format!(
            "No difference found, but {} not be looked at",
            if some == 1 {
                "1 thing could".to_owned()
            } else {
                format!("{} things could", number(some))
            }
        ),
        (some, _, _) => format!("Found {}", count(some, "difference")),
    };
    let looked = format!(
        "Looked at {}: {} and {}, with {}.",
        count(tally.customers, "customer"),
        count(tally.stripe_customers, "Stripe Customer"),
        count(tally.payment_methods, "PaymentMethod"),
        count(ended.reads, "request")
    );
    let mut lines = vec![look.bold(&heading), wrap(&looked, "  ", look.width)];
    let rows = [
        (
            Sign::Same,
            tally.same,
            "Customers as they should be, with what is attached to them",
        ),
        (Sign::Missing, tally.missing, "missing at Stripe"),
        (
            Sign::Extra,
            tally.extra,
            "at Stripe and not in the state file",
        ),
        (Sign::Differs, tally.different, "not the same"),
        (
            Sign::NotLooked,
            tally.not_looked_at,
            "not looked at, and so not told to be the same or different",
        ),
    ];
    let width = rows
        .iter()
        .map(|row| number(row.1).len())
        .fold(0, usize::max);
    for (sign, lines_of, told) in rows {
        if lines_of > 0 {
            lines.push(format!(
                "  {} {:>width$}  {told}",
                sign.char(),
                number(lines_of)
            ));
        }
    }
    lines.push(wrap(limits(ended.scope), "  ", look.width));
    lines.join("\n")
}

/// What this way of looking cannot tell.
fn limits(scope: Scope) -> &'static str {
    match scope {
        Scope::Sample { .. } | Scope::Named { .. } => {
            "Whether a Customer was made a second time only --all can tell."
        }
        Scope::All { thorough: false } => {
            "Of a Customer with one card its default was read, and not what else it holds: --thorough reads that."
        }
        Scope::All { thorough: true } => {
            "Every Customer with this migration's marks was read, and all that it holds."
        }
    }
}
