//! The rows of an import, as they are written.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Statement};

use super::Place;
use super::gathering::Ready;
use crate::ids::{AccountId, LegacyId};
use crate::legacy::{Details, Line};
use crate::state::Standing;
use crate::store::StoreError;
use crate::store::codes::{positions_from, positions_text};

/// The prepared statements of an import.
pub(super) struct Rows<'c> {
    conn: &'c Connection,
    schema: &'static str,
    insert_customer: Statement<'c>,
    insert_source: Statement<'c>,
    insert_target: Statement<'c>,
    insert_account: Statement<'c>,
    accounts: HashMap<AccountId, i64>,
}

impl<'c> Rows<'c> {
    pub(super) fn prepare(conn: &'c Connection, place: Place) -> Result<Self, StoreError> {
        let schema = place.schema();
        let prepare = |sql: &str| conn.prepare(&sql.replace("{}", schema));
        let mut rows = Self {
            conn,
            schema,
            insert_customer: prepare(
                "INSERT INTO {}.customer
                 (seq, legacy_id, lines, digest, platform_customer, default_payment_method, details, standing)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
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

    fn account(&mut self, account: &AccountId) -> Result<i64, StoreError> {
        if let Some(seq) = self.accounts.get(account) {
            return Ok(*seq);
        }
        let seq = self.insert_account.insert([account])?;
        self.accounts.insert(account.clone(), seq);
        Ok(seq)
    }

    pub(super) fn insert(&mut self, customer: &Ready) -> Result<(), StoreError> {
        self.insert_as(None, customer, &customer.lines)
    }

    /// Writes a customer over its row; its lines come to those that the row has.
    pub(super) fn replace(&mut self, seq: i64, customer: &Ready) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {}.customer WHERE seq = ?1 RETURNING lines",
            self.schema
        );
        let known: String = self
            .conn
            .prepare_cached(&sql)?
            .query_row([seq], |row| row.get(0))?;
        for table in ["payment_method", "target"] {
            let sql = format!("DELETE FROM {}.{table} WHERE customer = ?1", self.schema);
            self.conn.prepare_cached(&sql)?.execute([seq])?;
        }
        self.insert_as(Some(seq), customer, &format!("{known} {}", customer.lines))
    }

    fn insert_as(
        &mut self,
        seq: Option<i64>,
        customer: &Ready,
        lines: &str,
    ) -> Result<(), StoreError> {
        let seq = self.insert_customer.insert(rusqlite::params![
            seq,
            customer.legacy_id,
            lines,
            customer.digest,
            customer.platform_customer,
            customer.default,
            customer.details,
            Standing::Pending,
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

    /// A customer's rows as the lines that would make them: one with all its sources, then one for each account.
    pub(super) fn read_back(
        &self,
        legacy_id: &LegacyId,
    ) -> Result<Option<(i64, Vec<Line>)>, StoreError> {
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
