//! What the simulator has, by its own dumps, and whether that is what was asked for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::Value;

use super::oracle::{Asked, Standing, count};
use super::{Place, Result, Simulator};

/// One account's objects.
#[derive(Debug, Default)]
pub struct Account {
    /// Customers that the migration made, by the legacy customer's id in their metadata.
    pub customers: BTreeMap<String, Vec<Value>>,
    pub methods: BTreeMap<String, Value>,
}

/// Everything in the simulated world.
#[derive(Debug)]
pub struct World {
    pub platform: Account,
    pub accounts: BTreeMap<String, Account>,
}

impl World {
    /// Asks the simulator about the platform and every account of the CSV.
    pub fn of(simulator: &Simulator, asked: &Asked) -> Result<Self> {
        let accounts = asked
            .accounts()
            .into_iter()
            .map(|account| Ok((account.to_owned(), Account::of(simulator, Some(account))?)));
        Ok(Self {
            platform: Account::of(simulator, None)?,
            accounts: accounts.collect::<Result<_>>()?,
        })
    }

    /// The same world as those know it who know its objects by other names.
    #[must_use]
    pub fn renamed(mut self, name: &impl Fn(&str) -> String) -> Self {
        self.platform.rename(name);
        for account in self.accounts.values_mut() {
            account.rename(name);
        }
        self
    }

    /// The end of a migration: everything that can be there is there once, and nothing else.
    pub fn holds_all_of(&self, asked: &Asked) -> Result<()> {
        let mut faults = self.doubled(asked);
        for (id, customer) in &asked.customers {
            let made = self.platform.of_customer(id).len();
            let wanted = usize::from(asked.is_made_on_platform(customer));
            if made != wanted {
                faults.push(format!(
                    "{id}: {made} Customers on the platform, not {wanted}"
                ));
            }
            for (account, sources) in &customer.accounts {
                let there = &self.accounts[account];
                let wanted = asked.moved(account, sources);
                let made = there.of_customer(id);
                if made.len() != usize::from(asked.is_made_on(account, sources)) {
                    faults.push(format!(
                        "{id} on {account}: {} Customers for {wanted:?}",
                        made.len()
                    ));
                }
                let Some(made) = made.first() else { continue };
                let found = self.attached_sources(there, made, sources);
                if found != wanted {
                    faults.push(format!(
                        "{id} on {account}: {found:?} attached, not {wanted:?}"
                    ));
                }
                let default = made["invoice_settings"]["default_payment_method"].as_str();
                let default =
                    default.and_then(|id| self.source_of(there.methods.get(id)?, sources));
                let wanted = asked.default_on(customer, account, sources);
                if default != wanted {
                    faults.push(format!(
                        "{id} on {account}: default {default:?}, not {wanted:?}"
                    ));
                }
                if made["email"].as_str() != customer.email.as_deref() {
                    faults.push(format!("{id} on {account}: email {}", made["email"]));
                }
            }
        }
        told(&faults)
    }

    /// Any moment of a migration: nothing is there twice.
    pub fn holds_nothing_twice(&self, asked: &Asked) -> Result<()> {
        told(&self.doubled(asked))
    }

    fn doubled(&self, asked: &Asked) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, account) in self
            .accounts
            .iter()
            .map(|(name, there)| (name.as_str(), there))
            .chain([("the platform", &self.platform)])
        {
            for (id, made) in &account.customers {
                if made.len() > 1 {
                    faults.push(format!("{id}: {} Customers on {name}", made.len()));
                }
                if !asked.customers.contains_key(id) {
                    faults.push(format!("{id} on {name}: nobody asked for it"));
                }
            }
        }
        for (name, account) in &self.accounts {
            let mut attached = BTreeSet::new();
            for method in account
                .methods
                .values()
                .filter(|method| !method["customer"].is_null())
            {
                let fingerprint = fingerprint(method).unwrap_or_default();
                if !attached.insert(fingerprint) {
                    faults.push(format!("{name}: {} is attached twice", method["id"]));
                }
            }
        }
        faults
    }

    /// The sources of which a clone is attached to the Customer.
    fn attached_sources<'a>(
        &self,
        there: &Account,
        customer: &Value,
        sources: &'a [String],
    ) -> BTreeSet<&'a str> {
        let of_customer = there
            .methods
            .values()
            .filter(|method| method["customer"] == customer["id"]);
        of_customer
            .map(|method| {
                self.source_of(method, sources)
                    .unwrap_or("an unknown source")
            })
            .collect()
    }

    /// The source that has a clone's fingerprint.
    fn source_of<'a>(&self, clone: &Value, sources: &'a [String]) -> Option<&'a str> {
        let is_it = |source: &&String| {
            let source = self.platform.methods.get(*source);
            source.is_some_and(|source| {
                fingerprint(source).is_some() && fingerprint(source) == fingerprint(clone)
            })
        };
        sources.iter().find(is_it).map(String::as_str)
    }

    /// `status --json` and `export` tell what this world holds, and what was asked for.
    pub fn is_told_by(&self, place: &Place, asked: &Asked, state: &[&str]) -> Result<()> {
        let mut faults = Vec::new();
        let status = place.status(state)?;
        let mut expect = |what: &str, wanted: u64| {
            let found = status.pointer(what).and_then(Value::as_u64);
            if found != Some(wanted) {
                faults.push(format!("status {what}: {found:?}, not {wanted}"));
            }
        };
        expect("/customers/total", count(asked.customers.iter()));
        for standing in [Standing::Parked, Standing::Refused, Standing::Migrated] {
            expect(
                &format!("/customers/{}", standing.name()),
                asked.customers_standing(standing),
            );
        }
        for nobody in ["pending", "in_progress", "in_doubt"] {
            expect(&format!("/customers/{nobody}"), 0);
        }
        let lines = asked.lines();
        expect("/payment_methods/total", asked.sources());
        expect(
            "/payment_methods/cloned",
            asked.sources_standing(Standing::Migrated),
        );
        let told_accounts = status["accounts"].as_array().context("accounts")?.len();
        if told_accounts != asked.accounts().len() {
            faults.push(format!("status tells {told_accounts} accounts"));
        }

        let export = place
            .pmclone_keyless(&[&["export"], state].concat())?
            .with(0)?
            .out;
        let mut exported = BTreeMap::new();
        for row in
            csv::Reader::from_reader(export.as_bytes()).deserialize::<BTreeMap<String, String>>()
        {
            let row = row?;
            let line = ["legacy_id", "platform_payment_method", "connected_account"]
                .map(|name| row[name].clone());
            let [id, source, account] = line;
            faults.extend(self.wrong_ids(&row));
            if exported
                .insert((id.clone(), source, account), row["status"].clone())
                .is_some()
            {
                faults.push(format!("{id}: a line of the mapping stands twice"));
            }
        }
        let named = |(line, standing): (&(String, String, String), &Standing)| {
            (line.clone(), standing.name().to_owned())
        };
        let wanted: BTreeMap<_, _> = lines.iter().map(named).collect();
        for (line, standing) in &wanted {
            let found = exported.get(line);
            if found != Some(standing) {
                faults.push(format!(
                    "{line:?}: {found:?} in the mapping, not {standing}"
                ));
            }
        }
        if exported.len() != wanted.len() {
            faults.push(format!(
                "{} lines in the mapping, not {}",
                exported.len(),
                wanted.len()
            ));
        }
        told(&faults)
    }

    /// The ids of a line of the mapping, against the objects that have them.
    fn wrong_ids(&self, row: &BTreeMap<String, String>) -> Option<String> {
        if row["status"] != "migrated" {
            return None;
        }
        let there = self.accounts.get(&row["connected_account"])?;
        let source = self.platform.methods.get(&row["platform_payment_method"])?;
        let made = there.of_customer(&row["legacy_id"]).first()?;
        let clone = there.methods.get(&row["connected_payment_method"]);
        let default = made["invoice_settings"]["default_payment_method"]
            == row["connected_payment_method"].as_str();
        let right = clone.is_some_and(|clone| {
            fingerprint(clone) == fingerprint(source) && clone["customer"] == made["id"]
        }) && made["id"] == row["connected_customer"].as_str()
            && source["customer"] == row["platform_customer"].as_str()
            && made["metadata"]["platform_customer"] == row["platform_customer"].as_str()
            && default == (row["is_default"] == "true");
        (!right)
            .then(|| format!("the mapping says {row:?}, the simulator has {made} and {clone:?}"))
    }
}

impl Account {
    fn of(simulator: &Simulator, account: Option<&str>) -> Result<Self> {
        let mut found = Self::default();
        for customer in simulator.dump("customers", account)? {
            if let Some(id) = customer["metadata"]["legacy_customer_id"].as_str() {
                found
                    .customers
                    .entry(id.to_owned())
                    .or_default()
                    .push(customer);
            }
        }
        for method in simulator.dump("payment_methods", account)? {
            let id = method["id"].as_str().context("no id")?.to_owned();
            found.methods.insert(id, method);
        }
        Ok(found)
    }

    fn rename(&mut self, name: &impl Fn(&str) -> String) {
        for customer in self.customers.values_mut().flatten() {
            rename(customer, name);
        }
        let methods = std::mem::take(&mut self.methods);
        self.methods = methods
            .into_iter()
            .map(|(id, mut method)| {
                rename(&mut method, name);
                (name(&id), method)
            })
            .collect();
    }

    /// The Customers that the migration made of a legacy customer.
    pub fn of_customer(&self, id: &str) -> &[Value] {
        self.customers.get(id).map_or(&[], Vec::as_slice)
    }

    /// The PaymentMethods that are attached to a Customer.
    pub fn attached(&self) -> u64 {
        count(
            self.methods
                .values()
                .filter(|method| !method["customer"].is_null()),
        )
    }
}

/// Every text in it by its other name.
fn rename(value: &mut Value, name: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = name(text),
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, name)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rename(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// From the worst to the best.
const WORST_FIRST: [&str; 6] = [
    "in_doubt",
    "parked",
    "refused",
    "in_progress",
    "pending",
    "migrated",
];

/// Customers by the worst of their lines in the mapping are as many as `status` counts.
pub fn the_mapping_agrees_with_the_status(place: &Place) -> Result<()> {
    the_mapping_agrees_on(place, &WORST_FIRST)
}

/// The same for some standings. Before a run has come to its end, customers that it has not come to are pending, while
/// their lines on an account that is known to be parked are parked.
pub fn the_mapping_agrees_on(place: &Place, standings: &[&str]) -> Result<()> {
    let export = place.pmclone_keyless(&["export"])?.with(0)?.out;
    let mut worst: BTreeMap<String, usize> = BTreeMap::new();
    for row in csv::Reader::from_reader(export.as_bytes()).deserialize::<BTreeMap<String, String>>()
    {
        let row = row?;
        // Nobody asks for it any more.
        if row["status"] == "replaced" {
            continue;
        }
        let rank = WORST_FIRST
            .iter()
            .position(|standing| *standing == row["status"]);
        let rank = rank.with_context(|| format!("no such status: {row:?}"))?;
        let entry = worst.entry(row["legacy_id"].clone()).or_insert(rank);
        *entry = (*entry).min(rank);
    }
    let status = place.status(&[])?;
    let mut faults = Vec::new();
    for (rank, standing) in WORST_FIRST.into_iter().enumerate() {
        if !standings.contains(&standing) {
            continue;
        }
        let mapped = count(worst.values().filter(|worst| **worst == rank));
        let counted = &status["customers"][standing];
        if counted.as_u64() != Some(mapped) {
            faults.push(format!(
                "{mapped} customers are {standing} in the mapping, {counted} in the status"
            ));
        }
    }
    told(&faults)
}

/// The same for a clone as for its source.
fn fingerprint(method: &Value) -> Option<&str> {
    let kind = method["type"].as_str()?;
    method[kind]["fingerprint"].as_str()
}

fn told(faults: &[String]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = faults.iter().take(20).map(String::as_str).collect();
    bail!("{} faults:\n{}", faults.len(), shown.join("\n"))
}
