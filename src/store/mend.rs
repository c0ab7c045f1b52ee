//! Lines of refused customers that a person has mended are taken in: what is asked for changes, what was refused is tried again,
//! and who changed what is kept.
//!
//! Hazard: a file from a spreadsheet may lack columns, or have others' lines in it. A column that is not there changes nothing; a
//! customer that was not refused is left as it is; and one error anywhere leaves everything as it was.

mod rows;

pub(super) use rows::write_asked;

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::gather::{Gathered, gather};
use super::load::{CustomerSeq, Loaded, Loader};
use crate::ids::{CustomerId, LegacyId, PaymentMethodId};
use crate::input::{Problem, Problems};
use crate::legacy::{Details, Line};
use crate::state::{Left, Mended, Standing, Tried, Wanted};
use crate::time::StripeTime;

/// A mended file, and who mended it.
#[derive(Debug, Clone)]
pub struct MendedFile {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The columns that it has, by their names in lower case (keys of metadata as they are).
    pub columns: Vec<String>,
    /// As it was named.
    pub path: String,
    /// Hexadecimal, of the whole file.
    pub sha256: String,
    /// Who gave it.
    pub who: String,
    /// When, by Stripe's clock.
    pub at: StripeTime,
}

/// What came of a mended file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MendedCustomers {
    /// Customers in the file.
    pub customers: u64,
    /// Those that are taken up again.
    pub taken: u64,
    /// Those of them whose line says something else than before.
    pub changed: u64,
    /// Refused steps that are tried again.
    pub steps: u64,
    /// Clones that stay behind, attached to nobody.
    pub clones_left: u64,
    /// Those that were taken up before and are not finished: they go on as they are.
    pub under_way: u64,
    /// Those that are left as they are: line, customer, and why.
    pub left: Vec<(u64, LegacyId, Left)>,
    /// The rows of those that a run has to look at.
    pub rows: Vec<CustomerSeq>,
}

/// Takes the lines in, all or nothing: `None` where there is an error among `problems`. Without `keep` nothing is kept, whatever
/// comes of it.
pub fn mend(
    conn: &Connection,
    file: &MendedFile,
    problems: &mut Problems,
    keep: bool,
) -> Result<Option<MendedCustomers>, StoreError> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let mended = Mending::new(conn, file, problems).and_then(Mending::take_all);
    let keep = keep && problems.errors() == 0 && mended.is_ok();
    conn.execute_batch(if keep { "COMMIT" } else { "ROLLBACK" })?;
    mended.map(|mended| (problems.errors() == 0).then_some(mended))
}

struct Mending<'a> {
    conn: &'a Connection,
    file: &'a MendedFile,
    problems: &'a mut Problems,
    loader: Loader<&'a Connection>,
    /// Ids that a customer did not ask for before, and the lines that name them.
    sources: HashMap<PaymentMethodId, (u64, CustomerSeq)>,
    adopted: HashMap<CustomerId, (u64, CustomerSeq)>,
    mended: MendedCustomers,
}

impl<'a> Mending<'a> {
    fn new(
        conn: &'a Connection,
        file: &'a MendedFile,
        problems: &'a mut Problems,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            loader: Loader::new(conn)?,
            conn,
            file,
            problems,
            sources: HashMap::new(),
            adopted: HashMap::new(),
            mended: MendedCustomers::default(),
        })
    }

    fn take_all(mut self) -> Result<MendedCustomers, StoreError> {
        for account in self
            .file
            .lines
            .iter()
            .flat_map(|line| &line.connected_accounts)
        {
            rows::add_account(self.conn, account)?;
        }
        // The accounts that it knows are those of its making.
        self.loader = Loader::new(self.conn)?;
        for lines in by_customer(&self.file.lines) {
            self.mended.customers += 1;
            self.take(lines)?;
        }
        self.check_others()?;
        self.mended.rows.sort_unstable();
        self.mended.rows.dedup();
        Ok(self.mended)
    }

    fn take(&mut self, lines: Vec<Line>) -> Result<(), StoreError> {
        let Some(first) = lines.first() else {
            return Ok(());
        };
        let (line, legacy_id) = (first.number, first.legacy_id.clone());
        let Some(loaded) = self.customer(&legacy_id)? else {
            self.problems
                .add(Problem::unknown_customer(line, &legacy_id));
            return Ok(());
        };
        let Some(gathered) = gather(lines, self.problems) else {
            return Ok(());
        };
        let gathered = self.with_what_is_known(gathered, &loaded);
        let default = gathered.default.as_ref();
        if let Some(default) = default.filter(|id| !gathered.sources.contains(id)) {
            self.problems
                .add(Problem::default_not_among_sources(line, default));
        }
        let wanted = Wanted {
            platform_customer: gathered.platform_customer.clone(),
            sources: gathered.sources.clone(),
            default: gathered.default.clone(),
            targets: gathered.targets.clone(),
        };
        let tried = self.tried(loaded.seq)?;
        let mended = loaded.customer.mended(&wanted, &tried);
        let mended = mended.map_err(|illegal| StoreError::Damaged(illegal.to_string()))?;
        match mended {
            Ok(mended) => self.write(line, &loaded, &gathered, &mended),
            Err(left) => {
                self.leave(line, &loaded, left);
                Ok(())
            }
        }
    }

    /// One that an earlier retry, or run, has taken up goes on.
    fn leave(&mut self, line: u64, loaded: &Loaded, left: Left) {
        let under_way = matches!(
            loaded.standing,
            Standing::InProgress | Standing::InDoubt | Standing::Parked
        );
        if under_way && left != Left::PlatformCustomer {
            self.mended.under_way += 1;
            self.mended.rows.push(loaded.seq);
        } else {
            let left = match (left, loaded.standing) {
                (Left::NotRefused, Standing::Migrated) => Left::Migrated,
                (left, _) => left,
            };
            let legacy_id = loaded.customer.legacy_id.clone();
            self.mended.left.push((line, legacy_id, left));
        }
    }

    fn write(
        &mut self,
        line: u64,
        loaded: &Loaded,
        gathered: &Gathered,
        mended: &Mended,
    ) -> Result<(), StoreError> {
        for source in &mended.asked.sources {
            if !loaded.customer.sources.contains(source)
                && let Some((other, _)) = self.sources.insert(source.clone(), (line, loaded.seq))
            {
                let problem = Problem::payment_method_of_two_customers(line, source, other);
                self.problems.add(problem);
            }
        }
        if let Some(adopted) = &mended.asked.platform_customer
            && loaded.customer.platform_customer.as_ref() != Some(adopted)
            && let Some((other, _)) = self.adopted.insert(adopted.clone(), (line, loaded.seq))
        {
            let problem = Problem::platform_customer_of_two_customers(line, adopted, other);
            self.problems.add(problem);
        }
        let changes = rows::changes(loaded, &gathered.details, mended);
        self.mended.taken += 1;
        self.mended.changed += u64::from(!changes.is_empty());
        self.mended.steps += u64::from(mended.again);
        self.mended.clones_left += u64::from(mended.clones_left);
        self.mended.rows.push(loaded.seq);
        rows::keep_trace(self.conn, self.file, loaded.seq, line, &changes, mended)?;
        rows::replace(self.conn, self.file.at, loaded, gathered, mended)
    }

    fn customer(&self, legacy_id: &LegacyId) -> Result<Option<Loaded>, StoreError> {
        let sql = "SELECT seq FROM customer WHERE legacy_id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let seq = statement
            .query_row([legacy_id], |row| row.get(0))
            .optional()?;
        seq.map_or(Ok(None), |seq| self.loader.whole(CustomerSeq(seq)))
    }

    /// What the file has no column for stays as it was.
    fn with_what_is_known(&self, gathered: Gathered, loaded: &Loaded) -> Gathered {
        let has = |column: &str| self.file.columns.iter().any(|each| each == column);
        let customer = &loaded.customer;
        let mut all = gathered;
        if let Some(known) = &loaded.details {
            complete(&mut all.details, known, has);
        }
        if !has("platform_customer") {
            all.platform_customer
                .clone_from(&customer.platform_customer);
        }
        if !has("payment_method") {
            all.sources.clone_from(&customer.sources);
            let targets = customer.targets.iter();
            all.targets = targets
                .map(|target| (target.account.clone(), target.sources.clone()))
                .collect();
        }
        if !has("default_payment_method") {
            let default = customer.source(customer.default);
            all.default = default.filter(|id| all.sources.contains(id)).cloned();
        }
        all
    }

    fn tried(&self, seq: CustomerSeq) -> Result<Tried, StoreError> {
        super::earlier::tried(self.conn, seq)
    }

    /// Ids that are new to a customer must not be another one's.
    fn check_others(&mut self) -> Result<(), StoreError> {
        let ids: Vec<&str> = self.sources.keys().map(PaymentMethodId::as_str).collect();
        let of_others = rows::customers_of(
            self.conn,
            "SELECT p.id, c.seq, c.legacy_id FROM payment_method p JOIN customer c ON c.seq = p.customer
             WHERE p.id IN (SELECT value FROM json_each(?1))",
            &ids,
        )?;
        for (id, seq, legacy_id) in of_others {
            let id = PaymentMethodId::parse(&id).ok();
            let named = id.as_ref().and_then(|id| Some((id, self.sources.get(id)?)));
            if let Some((id, (line, _))) = named.filter(|(_, (_, ours))| *ours != seq) {
                let problem = Problem::payment_method_of_known_customer(*line, id, &legacy_id);
                self.problems.add(problem);
            }
        }
        let ids: Vec<&str> = self.adopted.keys().map(CustomerId::as_str).collect();
        let of_others = rows::customers_of(
            self.conn,
            "SELECT platform_customer, seq, legacy_id FROM customer
             WHERE platform_customer IN (SELECT value FROM json_each(?1))",
            &ids,
        )?;
        for (id, seq, legacy_id) in of_others {
            let id = CustomerId::parse(&id).ok();
            let named = id.as_ref().and_then(|id| Some((id, self.adopted.get(id)?)));
            if let Some((id, (line, _))) = named.filter(|(_, (_, ours))| *ours != seq) {
                let problem = Problem::platform_customer_of_known_customer(*line, id, &legacy_id);
                self.problems.add(problem);
            }
        }
        Ok(())
    }
}

/// The lines of each customer together, in the order in which the file names the customers.
fn by_customer(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut places = BTreeMap::new();
    let mut customers: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let place = *places
            .entry(line.legacy_id.clone())
            .or_insert(customers.len());
        match customers.get_mut(place) {
            Some(lines) => lines.push(line.clone()),
            None => customers.push(vec![line.clone()]),
        }
    }
    customers
}

/// Fills in the details that the file has no column for.
fn complete(details: &mut Details, known: &Details, has: impl Fn(&str) -> bool) {
    let texts = [
        ("email", &mut details.email, &known.email),
        ("name", &mut details.name, &known.name),
        ("phone", &mut details.phone, &known.phone),
        ("description", &mut details.description, &known.description),
    ];
    for (column, text, known) in texts {
        if !has(column) {
            text.clone_from(known);
        }
    }
    for (field, text) in &known.address {
        if !has(&format!("address_{}", field.name())) {
            details.address.insert(*field, text.clone());
        }
    }
    for (key, text) in &known.metadata {
        if !has(&format!("metadata.{key}")) {
            details.metadata.insert(key.clone(), text.clone());
        }
    }
}
