//! A CSV becomes rows: in one transaction, so that a file with problems, or a crash, leaves nothing behind.
//!
//! Into a new state file, lines go straight into its tables. Where there are customers already, they go into a
//! temporary schema of the same form first, and what differs is taken over as far as the steps that were started allow.

mod checks;
mod emails;
mod gathering;
mod insert;
mod rows;
mod seen;

use rusqlite::{Connection, OptionalExtension};

use super::gather::gather;
use super::merge::{self, Listed, TakeUp};
use super::{StoreError, schema};
use crate::ids::{CustomerId, PaymentMethodId};
use crate::input::Problems;
use checks::{Suspects, check_against_state, check_customers};
pub use gathering::{Gathering, Named, Read};
use gathering::{Ready, numbers_text};
use rows::Rows;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Customers in the file.
    pub customers: u64,
    /// New ones.
    pub added: u64,
    /// Those that the state file has as they are.
    pub unchanged: u64,
    /// Those whose changes were taken up.
    pub updated: u64,
    /// Lines of customers that were changed after their migration began: not taken up, the first of them.
    pub kept: Vec<u64>,
    /// How many of those there are.
    pub kept_count: u64,
    /// Those with changes of Customers that exist, which are not sent without `--update-details`. What else they ask for is taken up.
    pub update_left: u64,
    /// Of those that were left, such as have a step in doubt: once that is settled, the same CSV is to be read again.
    pub in_doubt: u64,
    /// Customers that the state file has and this CSV does not: they stay.
    pub absent: u64,
    /// Those of them that were not begun: they are still to be migrated.
    pub absent_pending: u64,
    /// Whether the state file had customers before.
    pub is_delta: bool,
    /// The first that are new, changed or gone.
    pub named: Vec<Listed>,
}

/// Where an import writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A state file without customers.
    Main,
    /// Beside one that has some.
    Incoming,
}

impl Place {
    fn schema(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Incoming => "incoming",
        }
    }
}

/// Page cache of an import, in KiB: rows come in the CSV's order, but the index of their ids is met everywhere.
const IMPORT_CACHE_KIB: u32 = 16_000;

/// Page cache of everything else, in KiB: what some hundreds of customers in flight are written to stays in it.
pub(super) const RUN_CACHE_KIB: u32 = 8_000;

/// Takes a CSV's customers in, and gives all or nothing to the state file.
pub struct Importer<'c> {
    conn: &'c Connection,
    place: Place,
    rows: Rows<'c>,
    problems: Problems,
    customers: u64,
    take_up: TakeUp<'c>,
}

impl<'c> Importer<'c> {
    /// Begins the transaction.
    pub fn begin(conn: &'c Connection) -> Result<Self, StoreError> {
        let used: bool = conn.query_row("SELECT EXISTS (SELECT 1 FROM customer)", [], |row| {
            row.get(0)
        })?;
        let place = if used { Place::Incoming } else { Place::Main };
        if used {
            schema::attach_incoming(conn)?;
        }
        conn.execute_batch(&format!(
            "PRAGMA {}.cache_size = -{IMPORT_CACHE_KIB}; BEGIN IMMEDIATE",
            place.schema()
        ))?;
        let rows = Rows::prepare(conn, place)?;
        Ok(Self {
            conn,
            place,
            rows,
            problems: Problems::default(),
            customers: 0,
            take_up: TakeUp::default(),
        })
    }

    /// Keeps so many problems of each kind in full.
    #[must_use]
    pub fn keeping(mut self, problems: u64) -> Self {
        self.problems = Problems::keeping(problems);
        self
    }

    /// How a newer CSV is taken up.
    #[must_use]
    pub fn taking_up(mut self, take_up: TakeUp<'c>) -> Self {
        self.take_up = take_up;
        self
    }

    /// Takes what the file says of a customer in one place.
    pub fn take(&mut self, named: Named) -> Result<(), StoreError> {
        let lines = match named {
            Named::First(customer) => return self.insert(customer),
            Named::Again(lines) => lines,
        };
        let Some(first) = lines.first() else {
            return Ok(());
        };
        let numbers = numbers_text(&lines);
        let Some((seq, mut all)) = self.rows.named_before(&first.legacy_id)? else {
            if let Some(customer) = gather(lines, &mut self.problems) {
                self.insert(Ready::new(customer, numbers)?)?;
            }
            return Ok(());
        };
        // The customer was named further up: what is there is gathered with what comes now.
        all.extend(lines);
        if let Some(customer) = gather(all, &mut self.problems) {
            self.rows.replace(seq, &Ready::new(customer, numbers)?)?;
        }
        Ok(())
    }

    fn insert(&mut self, customer: Ready) -> Result<(), StoreError> {
        self.rows.insert(customer)?;
        self.customers += 1;
        Ok(())
    }

    /// Looks at the customers as wholes; then takes them over if there is no error among the problems, of which these are
    /// all. Where there is one, nothing was changed. `seal` runs inside the transaction, last.
    pub fn finish(
        mut self,
        read: Read,
        seal: impl FnOnce(&Connection, &Imported) -> Result<(), StoreError>,
    ) -> Result<(Problems, Option<Imported>), StoreError> {
        self.rows.write()?;
        self.problems = read.problems.and(self.problems);
        let suspects = Suspects {
            lacking_default: self.rows.lacking_default,
            repeated: read.repeated,
            adopted_twice: read.adopted_twice,
        };
        let schema = self.place.schema();
        check_customers(self.conn, schema, &suspects, &mut self.problems)?;
        let imported = if self.problems.errors() > 0 {
            None
        } else {
            Some(match self.place {
                Place::Main => Imported {
                    customers: self.customers,
                    added: self.customers,
                    ..Imported::default()
                },
                Place::Incoming => merge::take_over(self.conn, self.customers, self.take_up)?,
            })
        };
        if self.place == Place::Incoming && imported.is_some() {
            check_against_state(self.conn, &mut self.problems)?;
        }
        let imported = imported.filter(|_| self.problems.errors() == 0);
        drop(self.rows);
        if let Some(imported) = &imported {
            seal(self.conn, imported)?;
            self.conn.execute_batch("COMMIT")?;
        } else {
            self.conn.execute_batch("ROLLBACK")?;
        }
        if self.place == Place::Incoming {
            self.conn.execute_batch("DETACH incoming")?;
        }
        self.conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.conn.execute_batch(&format!(
            "PRAGMA main.cache_size = -{RUN_CACHE_KIB}; PRAGMA shrink_memory"
        ))?;
        Ok((self.problems, imported))
    }
}

/// True once any step was ever started.
pub fn has_steps(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn
        .query_row("SELECT 1 FROM step LIMIT 1", [], |_| Ok(()))
        .optional()?
        .is_some())
}

/// Calls `each` with every Customer that is to be adopted, and its sources.
pub fn for_each_adopted(
    conn: &Connection,
    mut each: impl FnMut(&CustomerId, Vec<PaymentMethodId>),
) -> Result<(), StoreError> {
    let sql = "SELECT seq, platform_customer FROM customer WHERE platform_customer IS NOT NULL ORDER BY seq";
    let mut customers = conn.prepare(sql)?;
    let mut rows = customers.query([])?;
    while let Some(row) = rows.next()? {
        let sql = "SELECT id FROM payment_method WHERE customer = ?1 ORDER BY position";
        let mut sources = conn.prepare_cached(sql)?;
        let sources = sources
            .query_map([row.get::<_, i64>(0)?], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        each(&row.get(1)?, sources);
    }
    Ok(())
}

/// Every customer's legacy id, in the order of the CSV.
pub fn for_each_legacy_id(
    conn: &Connection,
    mut each: impl FnMut(crate::ids::LegacyId),
) -> Result<(), StoreError> {
    let mut customers = conn.prepare("SELECT legacy_id FROM customer ORDER BY seq")?;
    let mut rows = customers.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?);
    }
    Ok(())
}
