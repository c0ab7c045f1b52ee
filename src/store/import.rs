//! A CSV becomes rows: in one transaction, so that a file with problems, or a crash, leaves nothing behind.
//!
//! Into a new state file, lines go straight into its tables. Where there are customers already, they go into a
//! temporary schema of the same form first, and what differs is taken over as far as the steps that were started allow.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, Statement};

use super::codes::{positions_from, positions_text};
use super::gather::{Gathered, gather};
use super::{StoreError, merge, schema};
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::input::{Problem, Problems};
use crate::legacy::{Details, Line};
use crate::state::Standing;

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
    /// Customers that the state file has and this CSV does not: they stay.
    pub absent: u64,
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

/// Takes a CSV's lines in, and gives all or nothing to the state file.
pub struct Importer<'c> {
    conn: &'c Connection,
    place: Place,
    pending: Vec<Line>,
    rows: Rows<'c>,
    problems: Problems,
    customers: u64,
}

impl<'c> Importer<'c> {
    /// Begins the transaction.
    pub fn begin(conn: &'c Connection, problems: Problems) -> Result<Self, StoreError> {
        let used: bool = conn.query_row("SELECT EXISTS (SELECT 1 FROM customer)", [], |row| {
            row.get(0)
        })?;
        let place = if used { Place::Incoming } else { Place::Main };
        if used {
            schema::attach_incoming(conn)?;
        }
        conn.execute_batch("BEGIN IMMEDIATE")?;
        let rows = Rows::prepare(conn, place)?;
        Ok(Self {
            conn,
            place,
            pending: Vec::new(),
            rows,
            problems,
            customers: 0,
        })
    }

    /// Where the reader of the file adds what it finds.
    pub fn problems(&mut self) -> &mut Problems {
        &mut self.problems
    }

    /// Takes a line. Lines of one customer are cheapest side by side, and may stand anywhere.
    pub fn add(&mut self, line: Line) -> Result<(), StoreError> {
        if self
            .pending
            .first()
            .is_some_and(|first| first.legacy_id != line.legacy_id)
        {
            self.flush()?;
        }
        self.pending.push(line);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let numbers: Vec<String> = self
            .pending
            .iter()
            .map(|line| line.number.to_string())
            .collect();
        let Some(legacy_id) = self.pending.first().map(|line| line.legacy_id.clone()) else {
            return Ok(());
        };
        let lines = std::mem::take(&mut self.pending);
        if self.rows.insert_customer(&legacy_id, &numbers.join(" "))? {
            self.customers += 1;
            let seq = self.conn.last_insert_rowid();
            if let Some(customer) = gather(lines, &mut self.problems) {
                self.rows.fill(seq, &customer)?;
            }
            return Ok(());
        }
        // The customer was named further up: what is there is read back and gathered with what comes now.
        let (seq, mut all) = self.rows.read_back(&legacy_id)?;
        all.extend(lines);
        self.rows.add_lines(seq, &numbers.join(" "))?;
        if let Some(customer) = gather(all, &mut self.problems) {
            self.rows.clear(seq)?;
            self.rows.fill(seq, &customer)?;
        }
        Ok(())
    }

    /// Looks at the customers as wholes; then takes them over if `problems` holds no error. `Err(problems)` where it does:
    /// then nothing was changed. `seal` runs inside the transaction, last.
    pub fn finish(
        mut self,
        seal: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(Problems, Option<Imported>), StoreError> {
        self.flush()?;
        check_customers(self.conn, self.place.schema(), &mut self.problems)?;
        let imported = if self.problems.errors() > 0 {
            None
        } else {
            Some(match self.place {
                Place::Main => Imported {
                    customers: self.customers,
                    added: self.customers,
                    ..Imported::default()
                },
                Place::Incoming => merge::take_over(self.conn, self.customers)?,
            })
        };
        if self.place == Place::Incoming && imported.is_some() {
            check_against_state(self.conn, &mut self.problems)?;
        }
        let imported = imported.filter(|_| self.problems.errors() == 0);
        drop(self.rows);
        if imported.is_some() {
            seal(self.conn)?;
            self.conn.execute_batch("COMMIT")?;
        } else {
            self.conn.execute_batch("ROLLBACK")?;
        }
        if self.place == Place::Incoming {
            self.conn.execute_batch("DETACH incoming")?;
        }
        self.conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok((self.problems, imported))
    }
}

/// The prepared statements of an import.
struct Rows<'c> {
    conn: &'c Connection,
    schema: &'static str,
    insert_customer: Statement<'c>,
    fill_customer: Statement<'c>,
    insert_source: Statement<'c>,
    insert_target: Statement<'c>,
    insert_account: Statement<'c>,
    accounts: HashMap<AccountId, i64>,
}

impl<'c> Rows<'c> {
    fn prepare(conn: &'c Connection, place: Place) -> Result<Self, StoreError> {
        let schema = place.schema();
        let prepare = |sql: &str| conn.prepare(&sql.replace("{}", schema));
        let mut rows = Self {
            conn,
            schema,
            insert_customer: prepare(
                "INSERT INTO {}.customer (legacy_id, lines, digest, standing) VALUES (?1, ?2, 0, 0)
                 ON CONFLICT (legacy_id) DO NOTHING",
            )?,
            fill_customer: prepare(
                "UPDATE {}.customer SET digest = ?2, platform_customer = ?3, default_payment_method = ?4, details = ?5
                 WHERE seq = ?1",
            )?,
            insert_source: prepare("INSERT INTO {}.payment_method (customer, position, id) VALUES (?1, ?2, ?3)")?,
            insert_target: prepare(
                "INSERT INTO {}.target (customer, position, account, asked, sources, standing)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            insert_account: prepare("INSERT INTO {}.account (id) VALUES (?1)")?,
            accounts: HashMap::new(),
        };
        let mut statement = prepare("SELECT id, seq FROM {}.account")?;
        let known = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.accounts = known.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// False where the customer is there already.
    fn insert_customer(&mut self, legacy_id: &LegacyId, lines: &str) -> Result<bool, StoreError> {
        Ok(self
            .insert_customer
            .execute(rusqlite::params![legacy_id, lines])?
            == 1)
    }

    fn account(&mut self, account: &AccountId) -> Result<i64, StoreError> {
        if let Some(seq) = self.accounts.get(account) {
            return Ok(*seq);
        }
        let seq = self.insert_account.insert([account])?;
        self.accounts.insert(account.clone(), seq);
        Ok(seq)
    }

    fn fill(&mut self, seq: i64, customer: &Gathered) -> Result<(), StoreError> {
        let details = serde_json::to_string(&customer.details).map_err(|_| unreadable(seq))?;
        let digest = customer.digest(&details);
        self.fill_customer.execute(rusqlite::params![
            seq,
            digest,
            customer.platform_customer,
            customer.default,
            details
        ])?;
        for (position, source) in (0_u32..).zip(&customer.sources) {
            self.insert_source
                .execute(rusqlite::params![seq, position, source])?;
        }
        for (position, (account, sources)) in (0_u32..).zip(&customer.targets) {
            let account = self.account(account)?;
            let all = sources.len() == customer.sources.len();
            let text = (!all).then(|| positions_text(sources));
            let asked = i64::try_from(sources.len()).unwrap_or(i64::MAX);
            self.insert_target.execute(rusqlite::params![
                seq,
                position,
                account,
                asked,
                text,
                Standing::Pending
            ])?;
        }
        Ok(())
    }

    fn add_lines(&self, seq: i64, lines: &str) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {}.customer SET lines = lines || ' ' || ?2 WHERE seq = ?1",
            self.schema
        );
        self.conn
            .prepare_cached(&sql)?
            .execute(rusqlite::params![seq, lines])?;
        Ok(())
    }

    fn clear(&self, seq: i64) -> Result<(), StoreError> {
        for table in ["payment_method", "target"] {
            let sql = format!("DELETE FROM {}.{table} WHERE customer = ?1", self.schema);
            self.conn.prepare_cached(&sql)?.execute([seq])?;
        }
        Ok(())
    }

    /// A customer's rows as the lines that would make them: one with all its sources, then one for each account.
    fn read_back(&self, legacy_id: &LegacyId) -> Result<(i64, Vec<Line>), StoreError> {
        let sql = format!(
            "SELECT seq, lines, platform_customer, default_payment_method, details FROM {}.customer WHERE legacy_id = ?1",
            self.schema
        );
        let (seq, mut base) = self
            .conn
            .prepare_cached(&sql)?
            .query_row([legacy_id], |row| {
                let lines: String = row.get(1)?;
                let details: String = row.get(4)?;
                let number = lines
                    .split(' ')
                    .next()
                    .and_then(|first| first.parse().ok())
                    .unwrap_or(0);
                let details: Details = serde_json::from_str(&details).unwrap_or_default();
                let line = Line {
                    number,
                    legacy_id: legacy_id.clone(),
                    details,
                    platform_customer: row.get(2)?,
                    payment_methods: Vec::new(),
                    default_payment_method: row.get(3)?,
                    connected_accounts: Vec::new(),
                };
                Ok((row.get::<_, i64>(0)?, line))
            })?;
        let sql = format!(
            "SELECT id FROM {}.payment_method WHERE customer = ?1 ORDER BY position",
            self.schema
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        base.payment_methods = statement
            .query_map([seq], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let sql = format!(
            "SELECT a.id, t.sources FROM {0}.target t JOIN {0}.account a ON a.seq = t.account
             WHERE t.customer = ?1 ORDER BY t.position",
            self.schema
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query([seq])?;
        let mut lines = vec![base];
        while let Some(row) = rows.next()? {
            let all = lines[0].payment_methods.clone();
            let sources: Option<String> = row.get(1)?;
            let payment_methods = match sources {
                None => all,
                Some(text) => positions_from(&text)
                    .map_err(rusqlite::Error::from)?
                    .into_iter()
                    .filter_map(|position| all.get(usize::try_from(position).ok()?).cloned())
                    .collect(),
            };
            lines.push(Line {
                details: Details::default(),
                platform_customer: None,
                default_payment_method: None,
                payment_methods,
                connected_accounts: vec![row.get(0)?],
                ..lines[0].clone()
            });
        }
        Ok((seq, lines))
    }
}

fn unreadable(seq: i64) -> StoreError {
    StoreError::Damaged(format!("the details of customer {seq} cannot be written"))
}

/// The first line of a customer in a list of its lines.
fn first_line(lines: &str) -> u64 {
    lines
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0)
}

/// More problems of one kind than this are counted by nobody's eye.
const MOST_OF_A_KIND: u32 = 10_000;

/// A problem for each row.
fn problems_of(
    conn: &Connection,
    sql: &str,
    problem: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<Problem>,
) -> rusqlite::Result<Vec<Problem>> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([MOST_OF_A_KIND])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(problem(row)?);
    }
    Ok(found)
}

fn line(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, String>(index).map(|lines| first_line(&lines))
}

/// What only shows beside the customers that the state file has. A newer CSV that calls a customer by another `legacy_id`
/// would have its cards cloned a second time.
fn check_against_state(conn: &Connection, problems: &mut Problems) -> Result<(), StoreError> {
    let mut found = problems_of(
        conn,
        "SELECT i.lines, p.id, m.legacy_id FROM incoming.payment_method p JOIN incoming.customer i ON i.seq = p.customer
         JOIN main.payment_method q ON q.id = p.id JOIN main.customer m ON m.seq = q.customer
         WHERE m.legacy_id <> i.legacy_id LIMIT ?1",
        &mut |row| Ok(Problem::payment_method_of_known_customer(line(row, 0)?, &row.get(1)?, &row.get(2)?)),
    )?;
    found.extend(problems_of(
        conn,
        "SELECT i.lines, i.platform_customer, m.legacy_id FROM incoming.customer i
         JOIN main.customer m ON m.platform_customer = i.platform_customer
         WHERE m.legacy_id <> i.legacy_id LIMIT ?1",
        &mut |row| {
            Ok(Problem::platform_customer_of_known_customer(
                line(row, 0)?,
                &row.get(1)?,
                &row.get(2)?,
            ))
        },
    )?);
    for problem in found {
        problems.add(problem);
    }
    Ok(())
}

/// What only shows once every line is read.
fn check_customers(
    conn: &Connection,
    schema: &str,
    problems: &mut Problems,
) -> Result<(), StoreError> {
    let run = |sql: &str, add: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<Problem>| {
        problems_of(conn, &sql.replace("{}", schema), add)
    };
    let mut found = run(
        "SELECT c.lines, c.default_payment_method FROM {}.customer c WHERE c.default_payment_method IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM {}.payment_method p WHERE p.customer = c.seq AND p.id = c.default_payment_method)
         LIMIT ?1",
        &mut |row| Ok(Problem::default_not_among_sources(line(row, 0)?, &row.get(1)?)),
    )?;
    found.extend(run(
        "SELECT b.lines, a.lines, d.id FROM
         (SELECT id, min(customer) AS one, max(customer) AS other FROM {}.payment_method GROUP BY id HAVING count(*) > 1) d
         JOIN {}.customer a ON a.seq = d.one JOIN {}.customer b ON b.seq = d.other LIMIT ?1",
        &mut |row| Ok(Problem::payment_method_of_two_customers(line(row, 0)?, &row.get(2)?, line(row, 1)?)),
    )?);
    found.extend(run(
        "SELECT b.lines, a.lines, d.id FROM
         (SELECT platform_customer AS id, min(seq) AS one, max(seq) AS other FROM {}.customer
          WHERE platform_customer IS NOT NULL GROUP BY 1 HAVING count(*) > 1) d
         JOIN {}.customer a ON a.seq = d.one JOIN {}.customer b ON b.seq = d.other LIMIT ?1",
        &mut |row| {
            Ok(Problem::platform_customer_of_two_customers(
                line(row, 0)?,
                &row.get(2)?,
                line(row, 1)?,
            ))
        },
    )?);
    for problem in found {
        problems.add(problem);
    }
    Ok(())
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
