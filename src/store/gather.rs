//! PURE. Several lines become one customer.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::input::{Problem, Problems};
use crate::legacy::{AddressField, Details, Line};
use crate::state::Position;

/// A customer, gathered from all lines that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// Whose lines they are.
    pub legacy_id: LegacyId,
    /// Contact details of all lines together.
    pub details: Details,
    /// The platform Customer to adopt.
    pub platform_customer: Option<CustomerId>,
    /// Every source, in the order of the file.
    pub sources: Vec<PaymentMethodId>,
    /// The default, as it is named.
    pub default: Option<PaymentMethodId>,
    /// The accounts asked for, in the order of the file, each with the positions of its sources in rising order.
    pub targets: Vec<(AccountId, Vec<Position>)>,
}

/// Gathers the lines of one customer; where two disagree, the earlier counts and a problem is added.
pub fn gather(lines: impl IntoIterator<Item = Line>, problems: &mut Problems) -> Option<Gathered> {
    let mut lines = lines.into_iter();
    let first = lines.next()?;
    let mut known = Origins::of(&first);
    let mut customer = Gathered {
        legacy_id: first.legacy_id,
        details: first.details,
        platform_customer: first.platform_customer,
        sources: Vec::new(),
        default: first.default_payment_method,
        targets: Vec::new(),
    };
    customer.ask(first.payment_methods, first.connected_accounts);
    for line in lines {
        known.merge(&mut customer, &line, problems);
        customer.ask(line.payment_methods, line.connected_accounts);
    }
    for (_, positions) in &mut customer.targets {
        positions.sort_unstable();
    }
    Some(customer)
}

impl Gathered {
    /// Takes up what a line asks for: its sources on its accounts.
    fn ask(&mut self, sources: Vec<PaymentMethodId>, accounts: Vec<AccountId>) {
        let positions: Vec<Position> = sources
            .into_iter()
            .map(|source| position_of(&mut self.sources, source))
            .collect();
        for account in accounts {
            let index = self
                .targets
                .iter()
                .position(|(each, _)| *each == account)
                .unwrap_or_else(|| {
                    self.targets.push((account, Vec::new()));
                    self.targets.len() - 1
                });
            let asked = &mut self.targets[index].1;
            for position in &positions {
                if !asked.contains(position) {
                    asked.push(*position);
                }
            }
        }
    }

    /// See [`Digested::digest`].
    pub fn digest(&self) -> i64 {
        let asked = Digested {
            platform_customer: self.platform_customer.as_ref(),
            sources: &self.sources,
            targets: &self.targets,
        };
        asked.digest()
    }
}

/// What the CSV asks for a customer.
pub struct Digested<'a> {
    /// See [`Gathered`], also for the others.
    pub platform_customer: Option<&'a CustomerId>,
    /// The sources.
    pub sources: &'a [PaymentMethodId],
    /// Where they go.
    pub targets: &'a [(AccountId, Vec<Position>)],
}

/// What most customers' ids and positions take.
const IDS_BYTES: usize = 256;

impl Digested<'_> {
    /// Eight bytes of SHA-256: what a newer CSV is compared with.
    pub fn digest(&self) -> i64 {
        let mut all = Vec::with_capacity(IDS_BYTES);
        let mut field = |text: &str| {
            all.extend_from_slice(text.as_bytes());
            all.push(0);
        };
        field(self.platform_customer.map_or("", CustomerId::as_str));
        for source in self.sources {
            field(source.as_str());
        }
        for (account, positions) in self.targets {
            field(account.as_str());
            field(&super::codes::positions_text(positions));
        }
        eight_bytes(&all)
    }
}

/// The same of what a Customer is given that is made: its contact details, as JSON, and the default, whether it is named or the first.
pub fn details_digest(details: &str, default: Option<&PaymentMethodId>) -> i64 {
    let default = default.map_or("", PaymentMethodId::as_str);
    eight_bytes([details, default].join("\0").as_bytes())
}

/// In one piece: the hash is slow at the beginning of each.
fn eight_bytes(all: &[u8]) -> i64 {
    let bytes: [u8; 32] = Sha256::digest(all).into();
    i64::from_be_bytes([
        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
    ])
}

fn position_of(sources: &mut Vec<PaymentMethodId>, source: PaymentMethodId) -> Position {
    let index = sources
        .iter()
        .position(|each| *each == source)
        .unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
    Position::try_from(index).unwrap_or(Position::MAX)
}

/// Which line said what first.
struct Origins {
    first_line: u64,
    default_line: u64,
    platform_customer_line: u64,
    /// Lines of contact fields that the first line left empty.
    later: BTreeMap<String, u64>,
}

impl Origins {
    fn of(first: &Line) -> Self {
        let line = first.number;
        Self {
            first_line: line,
            default_line: line,
            platform_customer_line: line,
            later: BTreeMap::new(),
        }
    }

    fn merge(&mut self, customer: &mut Gathered, line: &Line, problems: &mut Problems) {
        self.merge_details(&mut customer.details, line, problems);
        match (&customer.default, &line.default_payment_method) {
            (Some(one), Some(other)) if one != other => {
                problems.add(Problem::two_defaults(
                    (line.number, other),
                    (self.default_line, one),
                ));
            }
            (None, Some(default)) => {
                customer.default = Some(default.clone());
                self.default_line = line.number;
            }
            (Some(_), Some(_)) | (_, None) => {}
        }
        match (&customer.platform_customer, &line.platform_customer) {
            (Some(one), Some(other)) if one != other => {
                let other_line = self.platform_customer_line;
                problems.add(Problem::two_platform_customers(
                    (line.number, other),
                    (other_line, one),
                ));
            }
            (None, Some(adopted)) => {
                customer.platform_customer = Some(adopted.clone());
                self.platform_customer_line = line.number;
            }
            (Some(_), Some(_)) | (_, None) => {}
        }
    }

    fn merge_details(&mut self, into: &mut Details, line: &Line, problems: &mut Problems) {
        let from = &line.details;
        let texts = [
            ("email", &mut into.email, &from.email),
            ("name", &mut into.name, &from.name),
            ("phone", &mut into.phone, &from.phone),
            ("description", &mut into.description, &from.description),
        ];
        for (column, known, given) in texts {
            if let Some(given) = given {
                if let Some(known) = known {
                    self.compare(column, known, given, line.number, problems);
                } else {
                    *known = Some(given.clone());
                    self.later.insert(column.to_owned(), line.number);
                }
            }
        }
        for (field, given) in &from.address {
            self.merge_entry(
                &mut into.address,
                *field,
                given,
                &column_of(*field),
                line.number,
                problems,
            );
        }
        for (key, given) in &from.metadata {
            self.merge_entry(
                &mut into.metadata,
                key.clone(),
                given,
                &format!("metadata.{key}"),
                line.number,
                problems,
            );
        }
    }

    fn merge_entry<K: Ord>(
        &mut self,
        known: &mut BTreeMap<K, String>,
        key: K,
        given: &str,
        column: &str,
        line: u64,
        problems: &mut Problems,
    ) {
        if let Some(known) = known.get(&key) {
            self.compare(column, known, given, line, problems);
        } else {
            known.insert(key, given.to_owned());
            self.later.insert(column.to_owned(), line);
        }
    }

    fn compare(&self, column: &str, known: &str, given: &str, line: u64, problems: &mut Problems) {
        if known != given {
            let other_line = self.later.get(column).copied().unwrap_or(self.first_line);
            problems.add(Problem::conflicting_details(line, column, other_line));
        }
    }
}

fn column_of(field: AddressField) -> String {
    format!("address_{}", field.name())
}
