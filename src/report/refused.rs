//! The refused customers: by what is to be done about them, and as a CSV that can be mended and given to `pmclone retry`.
//!
//! Hazard: the CSV holds contact details, since it is of no use without. It goes to a file that only its owner can read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;

use super::Look;
use super::commands::rehearsed;
use super::remedy::{self, Group};
use super::words::{count, number, plain, shorten, wrap};
use crate::ids::{CustomerId, PaymentMethodId};
use crate::legacy::{AddressField, COLUMNS, Details, Line};
use crate::spreadsheet;
use crate::state::{Customer, Position, Reach, Refusal, StepId, StepKind, StepState};

/// Refusals by what is to be done: the object that `refused --json` prints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Customers with a refusal.
    pub customers: u64,
    /// The groups that there are, in a stable order.
    pub groups: Vec<RefusedGroup>,
    /// Groups that were asked for, with nobody in them.
    pub empty: Vec<Group>,
    /// Groups that were not asked for, with somebody in them.
    pub others: Vec<OtherGroup>,
}

/// A group that was not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherGroup {
    /// Its stable name, as `--group` takes it.
    pub group: Group,
    /// Customers with a refusal of this group.
    pub customers: u64,
}

/// Refusals about which the same kind of thing is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedGroup {
    /// Its stable name, as `--group` takes it.
    pub group: Group,
    /// What is to be done, in a few words.
    pub to_do: &'static str,
    /// Customers with a refusal of this group. A customer can be in several.
    pub customers: u64,
    /// Its reasons, the most frequent first.
    pub reasons: Vec<RefusedReason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedReason {
    /// Stripe's code, or ours.
    pub reason: String,
    /// One of Stripe's messages for it, masked.
    pub message: String,
    /// Customers that it hit.
    pub customers: u64,
    /// What to do: one or two sentences.
    pub remedy: &'static str,
}

/// Counts refusals, customer by customer.
#[derive(Debug, Default)]
pub struct Counting {
    /// Groups that are asked for; none: all.
    asked: Vec<Group>,
    customers: u64,
    groups: BTreeMap<Group, u64>,
    others: BTreeMap<Group, u64>,
    reasons: BTreeMap<(Group, String), (u64, String)>,
}

impl Counting {
    /// Of these groups; none: of all.
    pub fn of(asked: &[Group]) -> Self {
        Self {
            asked: asked.to_vec(),
            ..Self::default()
        }
    }

    /// Takes one customer's reasons and messages.
    pub fn add<'a>(&mut self, reasons: impl Iterator<Item = (&'a str, &'a str)>) {
        let (mut met, mut others) = (BTreeMap::new(), BTreeSet::new());
        for (reason, message) in reasons {
            let group = remedy::group_of(reason, message);
            if self.asked.is_empty() || self.asked.contains(&group) {
                met.entry((group, reason)).or_insert(message);
            } else {
                others.insert(group);
            }
        }
        for group in others {
            *self.others.entry(group).or_default() += 1;
        }
        self.customers += u64::from(!met.is_empty());
        let groups: BTreeSet<Group> = met.keys().map(|(group, _)| *group).collect();
        for group in groups {
            *self.groups.entry(group).or_default() += 1;
        }
        for ((group, reason), message) in met {
            let entry = self.reasons.entry((group, reason.to_owned())).or_default();
            entry.0 += 1;
            if entry.1.is_empty() {
                message.clone_into(&mut entry.1);
            }
        }
    }

    /// What it came to.
    pub fn end(self) -> Refused {
        let (reasons, met) = (self.reasons, &self.groups);
        let asked: BTreeSet<Group> = self.asked.into_iter().collect();
        let empty = asked.into_iter().filter(|group| !met.contains_key(group));
        let empty = empty.collect();
        let others = self.others.into_iter();
        let groups = self.groups.into_iter().map(|(group, customers)| {
            let own = reasons.iter().filter(|((of, _), _)| *of == group);
            let mut own: Vec<_> = own
                .map(|((_, reason), (customers, message))| {
                    (reason.clone(), *customers, message.clone())
                })
                .map(|(reason, customers, message)| RefusedReason {
                    remedy: remedy::for_refusal(&reason, &message),
                    reason,
                    message,
                    customers,
                })
                .collect();
            own.sort_by(|a, b| b.customers.cmp(&a.customers).then(a.reason.cmp(&b.reason)));
            RefusedGroup {
                group,
                to_do: group.heading(),
                customers,
                reasons: own,
            }
        });
        Refused {
            customers: self.customers,
            groups: groups.collect(),
            empty,
            others: others
                .map(|(group, customers)| OtherGroup { group, customers })
                .collect(),
        }
    }
}

/// The groups for people, without a line feed at the end.
pub fn text(refused: &Refused, simulated: bool, look: Look) -> String {
    if refused.groups.is_empty() {
        return nobody(refused);
    }
    let mut parts = vec![look.bold(&format!(
        "Refused: {}",
        count(refused.customers, "customer")
    ))];
    for each in &refused.groups {
        let heading = format!(
            "{} ({}): {}",
            each.to_do,
            each.group.name(),
            count(each.customers, "customer")
        );
        let mut lines = vec![look.bold(&heading)];
        for reason in &each.reasons {
            lines.push(told(reason, simulated, look));
        }
        parts.push(lines.join("\n"));
    }
    if !refused.empty.is_empty() {
        parts.push(nobody(refused));
    }
    parts.join("\n\n")
}

/// Where nobody was refused, or nobody of a group that was asked for; without a line feed at the end.
pub fn nobody(refused: &Refused) -> String {
    let names: Vec<_> = refused.empty.iter().map(|group| group.name()).collect();
    if names.is_empty() {
        return "Nobody was refused.".to_owned();
    }
    let mut lines = vec![format!("Nobody is in {}.", names.join(", "))];
    if refused.groups.is_empty() && refused.others.is_empty() {
        lines = vec!["Nobody was refused at all.".to_owned()];
    }
    for (index, other) in refused.others.iter().enumerate() {
        if index == 0 {
            lines.push("Refused customers are in:".to_owned());
        }
        let name = other.group.name();
        lines.push(format!("  {name:<16}{:>10}", number(other.customers)));
    }
    lines.join("\n")
}

fn told(reason: &RefusedReason, simulated: bool, look: Look) -> String {
    let message = plain(&reason.message);
    let told = match message.trim() {
        "" => plain(&reason.reason),
        message => format!("{}: \"{}\"", plain(&reason.reason), shorten(message, 200)),
    };
    let indent = " ".repeat(10);
    let told = wrap(&told, &indent, look.width);
    let remedy = wrap(&rehearsed(reason.remedy, simulated), &indent, look.width);
    format!(
        "  {:>6}  {}\n{remedy}",
        number(reason.customers),
        told.trim_start()
    )
}

/// The columns after them, which `retry` does not read.
pub const REMARKS: [&str; 3] = ["refused", "reason", "remedy"];

/// Excel takes a CSV without it for Windows-1252.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Writes refused customers as lines that `retry` reads.
pub struct Lines<W: Write> {
    csv: csv::Writer<W>,
    keys: Vec<String>,
}

impl<W: Write> Lines<W> {
    /// Writes the header; `keys` are those of all metadata.
    pub fn new(mut out: W, keys: Vec<String>) -> io::Result<Self> {
        out.write_all(BYTE_ORDER_MARK.as_bytes())?;
        let mut csv = csv::Writer::from_writer(out);
        let metadata = keys.iter().map(|key| format!("metadata.{key}"));
        let header = COLUMNS.iter().map(|name| (*name).to_owned());
        let header = header.chain(metadata).chain(REMARKS.map(str::to_owned));
        csv.write_record(header)?;
        Ok(Self { csv, keys })
    }

    /// Writes a customer: one line where each source is asked for on each account, else a line for each account. What was
    /// refused, and why, stands on the first.
    pub fn customer(&mut self, customer: &Customer, details: &Details) -> io::Result<()> {
        let mut details = Some(details);
        for (accounts, sources) in asked(customer) {
            let first = details.take();
            let record = self.record(customer, first, &accounts, &sources);
            self.csv.write_record(record)?;
        }
        Ok(())
    }

    fn record(
        &self,
        customer: &Customer,
        first: Option<&Details>,
        accounts: &str,
        sources: &str,
    ) -> Vec<String> {
        let none = Details::default();
        let details = first.unwrap_or(&none);
        let text = |text: Option<&String>| {
            spreadsheet::lasting_cell(text.map_or("", String::as_str)).into_owned()
        };
        let id = |id: Option<String>| if first.is_some() { id } else { None }.unwrap_or_default();
        let adopted = customer.platform_customer.as_ref();
        let default = customer.source(customer.default);
        let mut record = vec![
            spreadsheet::lasting_cell(customer.legacy_id.as_str()).into_owned(),
            text(details.email.as_ref()),
            text(details.name.as_ref()),
            text(details.phone.as_ref()),
            text(details.description.as_ref()),
        ];
        record.extend(AddressField::ALL.map(|field| text(details.address.get(&field))));
        record.extend([
            id(adopted.map(CustomerId::to_string)),
            sources.to_owned(),
            id(default.map(PaymentMethodId::to_string)),
            accounts.to_owned(),
        ]);
        record.extend(self.keys.iter().map(|key| text(details.metadata.get(key))));
        let remarks = if first.is_some() {
            remarks(customer)
        } else {
            Default::default()
        };
        record.extend(remarks.map(|remark| spreadsheet::cell(&remark).into_owned()));
        record
    }

    /// Writes out what is still in the buffer, and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        self.csv
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }
}

/// What each line asks for: accounts and sources, as their cells have them.
fn asked(customer: &Customer) -> Vec<(String, String)> {
    let all: Vec<Position> = (0..)
        .zip(&customer.sources)
        .map(|(position, _)| position)
        .collect();
    let ids = |positions: &[Position]| {
        let ids = positions
            .iter()
            .filter_map(|position| customer.source(*position));
        ids.map(PaymentMethodId::as_str)
            .collect::<Vec<_>>()
            .join(";")
    };
    if customer.targets.iter().all(|target| target.sources == all) {
        let accounts = customer
            .targets
            .iter()
            .map(|target| target.account.as_str());
        return vec![(accounts.collect::<Vec<_>>().join(";"), ids(&all))];
    }
    let asked = |source: &Position| {
        let mut targets = customer.targets.iter();
        targets.any(|target| target.sources.contains(source))
    };
    let nowhere: Vec<Position> = all
        .iter()
        .copied()
        .filter(|source| !asked(source))
        .collect();
    let lines = customer.targets.iter();
    let mut lines: Vec<_> = lines
        .map(|target| (target.account.to_string(), ids(&target.sources)))
        .collect();
    if !nowhere.is_empty() {
        lines.push((String::new(), ids(&nowhere)));
    }
    lines
}

/// What was refused, why, and what to do: each of them once.
fn remarks(customer: &Customer) -> [String; 3] {
    remarks_of(customer, |_| true)
}

/// The same of a line of the CSV: what was refused of its sources, and on the customer's first line what is not of one source.
pub fn remarks_on(customer: &Customer, line: &Line, is_first: bool) -> [String; 3] {
    remarks_of(customer, |step| {
        let source = step.source.and_then(|source| customer.source(source));
        source.map_or(is_first, |source| line.payment_methods.contains(source))
    })
}

fn remarks_of(customer: &Customer, of: impl Fn(StepId) -> bool) -> [String; 3] {
    let mut remarks: [Vec<String>; 3] = Default::default();
    for (step, record) in &customer.steps {
        let StepState::Refused(refusal) = &record.state else {
            continue;
        };
        if !of(*step) {
            continue;
        }
        let each = [
            what(customer, *step, refusal),
            refusal.reason.clone(),
            remedy::for_refusal(&refusal.reason, &refusal.message).to_owned(),
        ];
        for (remarks, remark) in remarks.iter_mut().zip(each) {
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
    }
    let [what, reasons, remedies] = remarks;
    [what.join("; "), reasons.join("; "), remedies.join(" ")]
}

/// What was refused: a source, or the customer as a whole, and where.
pub fn what(customer: &Customer, step: StepId, refusal: &Refusal) -> String {
    let creates = matches!(
        step.kind,
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer
    );
    let source = step.source.and_then(|source| customer.source(source));
    let whole = creates && refusal.reach == Reach::Customer;
    let what = match source.filter(|_| !whole) {
        Some(source) => source.to_string(),
        None => "the customer".to_owned(),
    };
    let account = step.target.and_then(|target| customer.target(target));
    match account {
        Some(target) => format!("{what} on {}", target.account),
        None => format!("{what} on the platform"),
    }
}
