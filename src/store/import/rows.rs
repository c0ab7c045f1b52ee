//! The rows of an import, as they are written.

use std::collections::HashMap;

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Statement};

use super::Place;
use super::gathering::Ready;
use super::insert::Insert;
use crate::ids::{AccountId, LegacyId};
use crate::legacy::{Details, Line};
use crate::state::Standing;
use crate::store::StoreError;
use crate::store::codes::{positions_from, positions_text};

/// Customers that are written together.
const TOGETHER: usize = 256;

/// The rows of an import, and the customers that wait to become some.
pub(super) struct Rows<'c> {
    conn: &'c Connection,
    schema: &'static str,
    customers: Insert<'c>,
    sources: Insert<'c>,
    targets: Insert<'c>,
    insert_account: Statement<'c>,
    accounts: HashMap<AccountId, i64>,
    waiting: Vec<Ready>,
    last_seq: i64,
    /// Whether a customer's default was none of its sources, perhaps until a later line.
    pub(super) lacking_default: bool,
}

impl<'c> Rows<'c> {
    /// For tables without customers.
    pub(super) fn prepare(conn: &'c Connection, place: Place) -> Result<Self, StoreError> {
        let schema = place.schema();
        let insert = |table, columns: &[&str]| Insert::prepare(conn, schema, table, columns);
        let mut statement = conn.prepare(&format!("SELECT id, seq FROM {schema}.account"))?;
        let accounts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self {
            conn,
            schema,
            customers: insert(
                "customer",
                &[
                    "legacy_id",
                    "lines",
                    "digest",
                    "details_digest",
                    "platform_customer",
                    "default_payment_method",
                    "details",
                    "standing",
                ],
            )?,
            sources: insert("payment_method", &["customer", "position", "id"])?,
            targets: insert(
                "target",
                &[
                    "customer", "position", "account", "asked", "sources", "standing",
                ],
            )?,
            insert_account: conn
                .prepare(&format!("INSERT INTO {schema}.account (id) VALUES (?1)"))?,
            accounts: accounts.collect::<Result<_, _>>()?,
            waiting: Vec::with_capacity(TOGETHER),
            last_seq: 0,
            lacking_default: false,
        })
    }

    /// Takes a customer that has no row.
    pub(super) fn insert(&mut self, customer: Ready) -> Result<(), StoreError> {
        self.lacking_default |= customer.lacks_default();
        self.waiting.push(customer);
        if self.waiting.len() < TOGETHER {
            return Ok(());
        }
        self.write()
    }

    /// Writes a customer over its row; its lines come to those that the row has.
    pub(super) fn replace(&mut self, seq: i64, customer: &Ready) -> Result<(), StoreError> {
        self.lacking_default |= customer.lacks_default();
        let sql = format!(
            "UPDATE {}.customer SET (lines, digest, platform_customer, default_payment_method, details, details_digest)
             = (lines || ' ' || ?2, ?3, ?4, ?5, ?6, ?7) WHERE seq = ?1",
            self.schema
        );
        self.conn.prepare_cached(&sql)?.execute(rusqlite::params![
            seq,
            customer.lines,
            customer.digest(),
            customer.platform_customer,
            customer.default,
            customer.details,
            customer.details_digest()
        ])?;
        for table in ["payment_method", "target"] {
            let sql = format!("DELETE FROM {}.{table} WHERE customer = ?1", self.schema);
            self.conn.prepare_cached(&sql)?.execute([seq])?;
        }
        self.write_asked(&[(seq, customer)])
    }

    /// Writes the customers that wait. Their rows are numbered by SQLite, from 1 and without a gap, since none is ever deleted:
    /// a number that is given makes a statement keep copies of what it changes.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut values = Vec::with_capacity(waiting.len() * 8);
        for customer in &waiting {
            values.extend([
                customer.legacy_id.to_sql()?,
                customer.lines.to_sql()?,
                customer.digest().into(),
                customer.details_digest().into(),
                customer.platform_customer.to_sql()?,
                customer.default.to_sql()?,
                customer.details.to_sql()?,
                Standing::Pending.to_sql()?,
            ]);
        }
        self.customers.write(&values)?;
        let numbered: Vec<_> = (self.last_seq + 1..).zip(&waiting).collect();
        self.last_seq = numbered.last().map_or(self.last_seq, |(seq, _)| *seq);
        self.write_asked(&numbered)
    }

    /// Writes what customers ask for.
    fn write_asked(&mut self, customers: &[(i64, &Ready)]) -> Result<(), StoreError> {
        let mut values = Vec::new();
        for (seq, customer) in customers {
            for (position, source) in (0_i64..).zip(&customer.sources) {
                values.extend([(*seq).into(), position.into(), source.to_sql()?]);
            }
        }
        self.sources.write(&values)?;
        values.clear();
        for (seq, customer) in customers {
            for (position, (account, asked)) in (0_i64..).zip(&customer.targets) {
                let all = asked.len() == customer.sources.len();
                let count = i64::try_from(asked.len()).unwrap_or(i64::MAX);
                values.extend([
                    (*seq).into(),
                    position.into(),
                    self.account(account)?.into(),
                    count.into(),
                    ToSqlOutput::Owned((!all).then(|| positions_text(asked)).into()),
                    Standing::Pending.to_sql()?,
                ]);
            }
        }
        self.targets.write(&values)
    }

    fn account(&mut self, account: &AccountId) -> Result<i64, StoreError> {
        if let Some(seq) = self.accounts.get(account) {
            return Ok(*seq);
        }
        let seq = self.insert_account.insert([account])?;
        self.accounts.insert(account.clone(), seq);
        Ok(seq)
    }

    /// The row of a customer that may be among those taken, and lines that would make it.
    pub(super) fn named_before(
        &mut self,
        legacy_id: &LegacyId,
    ) -> Result<Option<(i64, Vec<Line>)>, StoreError> {
        let waits = |customer: &Ready| customer.legacy_id == *legacy_id;
        if self.waiting.iter().any(waits) {
            self.write()?;
        }
        self.read_back(legacy_id)
    }

    /// A customer's rows as the lines that would make them: one with all its sources, then one for each account.
    fn read_back(&self, legacy_id: &LegacyId) -> Result<Option<(i64, Vec<Line>)>, StoreError> {
        let sql = format!(
            "SELECT seq, lines, platform_customer, default_payment_method, details FROM {}.customer WHERE legacy_id = ?1",
            self.schema
        );
        let found = self
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
            })
            .optional()?;
        let Some((seq, mut base)) = found else {
            return Ok(None);
        };
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
        Ok(Some((seq, lines)))
    }
}
