//! What stands at the simulator in the end, against what would stand there if nothing had gone wrong.
//!
//! Both are taken from the simulator's own objects, by its control API; nothing is believed that the state file says, and
//! what it says is held against them too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::simulator::{ControlAnswer, Method, Simulator};
use crate::state::{Customer, Standing};
use crate::store::{CustomerSeq, Loader, StoreError};

/// Customers read from a state file at once.
const PAGE: u32 = 256;
/// In [`World`], as an account.
const PLATFORM: &str = "";
/// Metadata that differs from one migration to the next.
const OF_ONE_MIGRATION: [&str; 2] = ["pmclone_migration", "platform_customer"];

/// A Customer that a migration made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Portrait {
    id: String,
    /// What the CSV says of the person.
    details: Value,
    /// The source whose clone is the default.
    default: Option<String>,
    /// The sources of which a clone is attached, with the clones.
    attached: BTreeMap<String, Vec<String>>,
}

/// What the simulator has.
#[derive(Debug, Default)]
pub struct World {
    /// By account and legacy id.
    customers: BTreeMap<(String, String), Vec<Portrait>>,
    /// Clones that are attached to nobody, by account and source.
    loose: BTreeMap<(String, String), u64>,
}

/// What the state file says in the end.
#[derive(Debug, Default)]
pub struct Told {
    customers: Vec<(Customer, Standing)>,
}

/// How a migration ended, held against the reference. Objects, not customers, are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Customers and attached clones over those that were asked for.
    pub duplicates: u64,
    /// Customers and attached clones that are missing.
    pub lost: u64,
    /// Customers whose details, default or line in the state file are not what they should be.
    pub different: u64,
    /// Customers with a step in doubt.
    pub in_doubt: u64,
    /// Children that ended by themselves before their work was done.
    pub broken_off: u64,
    /// Clones, attached to nobody, over those of the reference. They harm nobody.
    pub orphans: u64,
    /// The first of all but the orphans, in words.
    pub remarks: Vec<String>,
}

/// Remarks that are kept.
const REMARKS: usize = 20;

impl Findings {
    /// True where nothing is wrong.
    pub fn clean(&self) -> bool {
        self.duplicates + self.lost + self.different + self.in_doubt + self.broken_off == 0
    }

    /// One more remark, while there are few.
    pub fn remark(&mut self, remark: String) {
        if self.remarks.len() < REMARKS {
            self.remarks.push(remark);
        }
    }

    /// Adds another migration's.
    pub fn add(&mut self, other: Self) {
        self.duplicates += other.duplicates;
        self.lost += other.lost;
        self.different += other.different;
        self.in_doubt += other.in_doubt;
        self.broken_off += other.broken_off;
        self.orphans += other.orphans;
        for remark in other.remarks {
            self.remark(remark);
        }
    }

    /// So many there are, and so many should be.
    fn count(&mut self, found: usize, wanted: usize, what: impl Fn() -> String) {
        let missing = wanted.saturating_sub(found);
        let over = found.saturating_sub(wanted);
        self.lost += u64::try_from(missing).unwrap_or(u64::MAX);
        self.duplicates += u64::try_from(over).unwrap_or(u64::MAX);
        if found != wanted {
            self.remark(format!("{}: {found}, not {wanted}", what()));
        }
    }

    fn differs(&mut self, remark: String) {
        self.different += 1;
        self.remark(remark);
    }
}

impl Told {
    /// Reads a state file whose run has ended.
    pub fn read(loader: &Loader) -> Result<Self, StoreError> {
        let mut told = Self::default();
        let mut after = CustomerSeq::default();
        loop {
            let page = loader.page_of_all(after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(told);
            };
            after = last.seq;
            for mut loaded in page {
                loaded.customer.doubt_started();
                told.customers.push((loaded.customer, loaded.standing));
            }
        }
    }

    /// Customers that another run would work on.
    pub fn unfinished(&self) -> u64 {
        let open = |standing| match standing {
            Standing::Pending | Standing::InProgress | Standing::InDoubt => true,
            Standing::Parked
            | Standing::Refused
            | Standing::PartlyUndone
            | Standing::Undone
            | Standing::Migrated => false,
        };
        let open = self
            .customers
            .iter()
            .filter(|(_, standing)| open(*standing));
        u64::try_from(open.count()).unwrap_or(u64::MAX)
    }

    /// How many customers there are.
    pub fn customers(&self) -> u64 {
        u64::try_from(self.customers.len()).unwrap_or(u64::MAX)
    }

    /// The accounts that are asked for.
    pub fn accounts(&self) -> BTreeSet<String> {
        let targets = self.customers.iter().flat_map(|(each, _)| &each.targets);
        targets
            .map(|target| target.account.as_str().to_owned())
            .collect()
    }

    fn standings(&self) -> BTreeMap<&str, Standing> {
        let each = self.customers.iter();
        each.map(|(customer, standing)| (customer.legacy_id.as_str(), *standing))
            .collect()
    }
}

impl World {
    /// Everything on the platform and on these accounts.
    pub fn of(simulator: &mut Simulator, accounts: &BTreeSet<String>) -> Result<Self, String> {
        let mut world = Self::default();
        let methods = dump(simulator, "payment_methods", PLATFORM)?;
        // A clone has its source's fingerprint.
        let sources: BTreeMap<String, String> = methods
            .iter()
            .filter_map(|method| Some((fingerprint(method)?.to_owned(), text(method, "id"))))
            .collect();
        world.take(
            PLATFORM,
            dump(simulator, "customers", PLATFORM)?,
            &methods,
            |method| Some(text(method, "id")),
        );
        for account in accounts {
            let methods = dump(simulator, "payment_methods", account)?;
            let source_of = |method: &Value| sources.get(fingerprint(method)?).cloned();
            for method in methods.iter().filter(|method| method["customer"].is_null()) {
                let place = (account.clone(), source_of(method).unwrap_or_default());
                *world.loose.entry(place).or_default() += 1;
            }
            world.take(
                account,
                dump(simulator, "customers", account)?,
                &methods,
                source_of,
            );
        }
        Ok(world)
    }

    fn take(
        &mut self,
        account: &str,
        customers: Vec<Value>,
        methods: &[Value],
        source_of: impl Fn(&Value) -> Option<String>,
    ) {
        for customer in customers {
            let Some(legacy_id) = customer["metadata"]["legacy_customer_id"].as_str() else {
                continue;
            };
            let mut attached: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let default = &customer["invoice_settings"]["default_payment_method"];
            let mut default_source = None;
            for method in methods
                .iter()
                .filter(|each| each["customer"] == customer["id"])
            {
                let source = source_of(method).unwrap_or_else(|| "an unknown source".to_owned());
                if method["id"] == *default {
                    default_source = Some(source.clone());
                }
                attached.entry(source).or_default().push(text(method, "id"));
            }
            let portrait = Portrait {
                id: text(&customer, "id"),
                details: details(&customer),
                default: default_source,
                attached,
            };
            let place = (account.to_owned(), legacy_id.to_owned());
            self.customers.entry(place).or_default().push(portrait);
        }
    }

    fn at(&self, account: &str, legacy_id: &str) -> &[Portrait] {
        let place = (account.to_owned(), legacy_id.to_owned());
        self.customers.get(&place).map_or(&[], Vec::as_slice)
    }
}

/// Holds a migration's end against the reference, for the customers that are in its state file.
pub fn compare(reference: (&World, &Told), world: &World, told: &Told) -> Findings {
    let mut findings = Findings::default();
    let (wanted, wanted_told) = reference;
    let standings = wanted_told.standings();
    for (customer, standing) in &told.customers {
        let legacy_id = customer.legacy_id.as_str();
        let targets = customer.targets.iter().map(|each| each.account.as_str());
        for account in targets.chain([PLATFORM]) {
            let pair = (wanted.at(account, legacy_id), world.at(account, legacy_id));
            compare_customer(pair, account, legacy_id, &mut findings);
        }
        findings_of_state(customer, world, &mut findings);
        if *standing == Standing::InDoubt {
            findings.in_doubt += 1;
            findings.remark(format!("{legacy_id}: in doubt"));
        } else if standings.get(legacy_id) != Some(standing) {
            findings.differs(format!(
                "{legacy_id}: the state file says {}",
                standing.name()
            ));
        }
    }
    let known = told.standings();
    for ((account, legacy_id), portraits) in &world.customers {
        if !known.contains_key(legacy_id.as_str()) {
            findings.count(portraits.len(), 0, || {
                format!("{legacy_id} on {}", shown(account))
            });
        }
    }
    for (place, loose) in &world.loose {
        let expected = wanted.loose.get(place).copied().unwrap_or_default();
        findings.orphans += loose.saturating_sub(expected);
    }
    findings
}

fn compare_customer(
    (wanted, found): (&[Portrait], &[Portrait]),
    account: &str,
    legacy_id: &str,
    findings: &mut Findings,
) {
    let place = || format!("{legacy_id} on {}", shown(account));
    findings.count(found.len(), wanted.len(), || {
        format!("{}: Customers", place())
    });
    let clones = |portraits: &[Portrait], source: &str| -> usize {
        let of_source = portraits
            .iter()
            .filter_map(|each| each.attached.get(source));
        of_source.map(Vec::len).sum()
    };
    let sources: BTreeSet<_> = wanted
        .iter()
        .chain(found)
        .flat_map(|portrait| portrait.attached.keys())
        .collect();
    for source in sources {
        let (found, wanted) = (clones(found, source), clones(wanted, source));
        findings.count(found, wanted, || format!("{}: {source} attached", place()));
    }
    if let ([wanted], [found]) = (wanted, found)
        && (&wanted.details, &wanted.default) != (&found.details, &found.default)
    {
        findings.differs(format!("{}: details or default", place()));
    }
}

/// The ids that a state file gives for what was made are those of what is there.
fn findings_of_state(customer: &Customer, world: &World, findings: &mut Findings) {
    let legacy_id = customer.legacy_id.as_str();
    for (position, target) in (0..).zip(&customer.targets) {
        let there = world.at(target.account.as_str(), legacy_id);
        let made = customer.made_on(Some(position)).map(|(id, _)| id.as_str());
        let right = match (made, there) {
            (None, []) => true,
            (Some(made), [portrait]) => {
                let agrees = |(source, clones): (&String, &Vec<String>)| {
                    let sources = (0..).zip(&customer.sources);
                    let mut named = sources.filter(|(_, id)| id.as_str() == source);
                    let known = named
                        .next()
                        .and_then(|(at, _)| customer.clone_of(position, at));
                    clones
                        .iter()
                        .all(|id| known.is_some_and(|known| known.as_str() == id))
                };
                portrait.id == made && portrait.attached.iter().all(agrees)
            }
            _ => false,
        };
        if !right {
            let account = &target.account;
            findings.differs(format!(
                "{legacy_id} on {account}: not what the state file says"
            ));
        }
    }
}

fn shown(account: &str) -> &str {
    if account == PLATFORM {
        "the platform"
    } else {
        account
    }
}

fn details(customer: &Value) -> Value {
    let mut metadata = customer["metadata"].clone();
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.retain(|name, _| !OF_ONE_MIGRATION.contains(&name.as_str()));
    }
    let [email, name, phone, description, address] =
        ["email", "name", "phone", "description", "address"].map(|field| &customer[field]);
    serde_json::json!([email, name, phone, description, address, metadata])
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_default().to_owned()
}

/// The same for a clone as for its source.
fn fingerprint(method: &Value) -> Option<&str> {
    let kind = method["type"].as_str()?;
    method[kind]["fingerprint"].as_str()
}

fn dump(simulator: &mut Simulator, kind: &str, account: &str) -> Result<Vec<Value>, String> {
    let path = format!("/_sim/{kind}");
    let query = if account == PLATFORM {
        String::new()
    } else {
        format!("account={account}")
    };
    let mut dump = match simulator.answer_control(0, Method::Get, &path, &query, "") {
        ControlAnswer::Dump(dump) => dump,
        ControlAnswer::Now(_, problem) => return Err(problem),
    };
    let mut all = Vec::new();
    while let Some(piece) = simulator.dump(&mut dump) {
        for line in piece.lines() {
            all.push(serde_json::from_str(line).map_err(|error| error.to_string())?);
        }
    }
    Ok(all)
}
