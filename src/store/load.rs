//! Customers as the step machine wants them, read page by page: nothing is held in memory for those not in flight.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::codes::{SELECT_STEPS, positions_from, read_step};
use super::found::ASKED_FOR;
use super::{AccountSeq, StoreError};
use crate::ids::{AccountId, PaymentMethodId};
use crate::legacy::Details;
use crate::state::{Customer, Position, Reachable, Record, Standing, StepId, Target};
use crate::time::StripeTime;

/// Row number of a customer in the state file; rises in the order of the CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CustomerSeq(pub i64);

/// A customer and what belongs to it outside the step machine.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its row.
    pub seq: CustomerSeq,
    /// What the step machine decides on.
    pub customer: Customer,
    /// Contact details; `None` once they are erased.
    pub details: Option<Details>,
    /// The cached standing.
    pub standing: Standing,
    /// The row of each target's account, in order.
    pub accounts: Vec<AccountSeq>,
    /// When its standing was written last.
    pub changed_at: Option<StripeTime>,
    /// The targets (`None`: the platform) that an undo was begun on, and not ended.
    pub undo_begun: Vec<Option<Position>>,
    /// Sources that a mended line does not ask for any more, where it did.
    pub replaced: Vec<PaymentMethodId>,
}

/// A customer's targets, and what belongs to them.
struct Targets {
    asked: Vec<Target>,
    accounts: Vec<AccountSeq>,
    undo_begun: Vec<Option<Position>>,
}

/// Which customers to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that a run still looks at.
    Open,
    /// Those with a step whose outcome is not known.
    Unsettled,
    /// Those that a lost state file's Customers were found of.
    Found,
    /// Every one, without contact details.
    All,
    /// Every one, as it is.
    Whole,
    /// Those whose standing was written since, and those under way.
    Changed(StripeTime),
}

/// Reads customers in the CSV's order through a connection of its own, or one that is lent while nobody writes.
pub struct Loader<C = Connection> {
    conn: C,
    accounts: BTreeMap<AccountSeq, (AccountId, bool)>,
    /// Most migrations have no mended line at all.
    any_dropped: bool,
}

impl<C: Borrow<Connection>> Loader<C> {
    /// Reads the accounts once; `parked` is as it was then.
    pub fn new(conn: C) -> Result<Self, StoreError> {
        let mut accounts = BTreeMap::new();
        {
            let mut statement = conn
                .borrow()
                .prepare("SELECT seq, id, parked IS NOT NULL FROM account")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                accounts.insert(AccountSeq(row.get(0)?), (row.get(1)?, row.get(2)?));
            }
        }
        let any = "SELECT EXISTS (SELECT 1 FROM earlier WHERE dropped = 1)";
        let any_dropped = conn.borrow().query_row(any, [], |row| row.get(0))?;
        Ok(Self {
            conn,
            accounts,
            any_dropped,
        })
    }

    /// The accounts that cannot be reached, as of the opening.
    pub fn parked(&self) -> impl Iterator<Item = (AccountSeq, &AccountId)> {
        self.accounts
            .iter()
            .filter(|(_, (_, parked))| *parked)
            .map(|(seq, (id, _))| (*seq, id))
    }

    /// The connection, for other questions between two pages.
    pub fn conn(&self) -> &Connection {
        self.conn.borrow()
    }

    /// Open customers after `after`, at most `most` of them.
    pub fn open_page(&self, after: CustomerSeq, most: u32) -> Result<Vec<Loaded>, StoreError> {
        self.page(after, most, Which::Open)
    }

    /// The first and the last open customer, of the first `limit` ones; `None` where there are none.
    pub fn open_bounds(
        &self,
        limit: Option<u64>,
    ) -> Result<Option<(CustomerSeq, CustomerSeq)>, StoreError> {
        const FROM_THE_FIRST: &str =
            "SELECT seq FROM customer WHERE standing < 4 ORDER BY seq LIMIT 1 OFFSET ?1";
        const FROM_THE_LAST: &str =
            "SELECT seq FROM customer WHERE standing < 4 ORDER BY seq DESC LIMIT 1 OFFSET ?1";
        let one = |sql: &str, offset: i64| {
            let mut statement = self.conn.borrow().prepare_cached(sql)?;
            statement
                .query_row([offset], |row| row.get(0).map(CustomerSeq))
                .optional()
        };
        let Some(first) = one(FROM_THE_FIRST, 0)? else {
            return Ok(None);
        };
        let of_limit = match limit {
            Some(limit) => {
                let before = i64::try_from(limit.saturating_sub(1)).unwrap_or(i64::MAX);
                one(FROM_THE_FIRST, before)?
            }
            None => None,
        };
        let last = match of_limit {
            Some(last) => Some(last),
            None => one(FROM_THE_LAST, 0)?,
        };
        Ok(Some((first, last.unwrap_or(first))))
    }

    /// All customers after `after`, at most `most` of them, without their contact details.
    pub fn page_of_all(&self, after: CustomerSeq, most: u32) -> Result<Vec<Loaded>, StoreError> {
        self.page(after, most, Which::All)
    }

    /// The same of those whose standing was written since; those under way are always among them.
    pub fn page_of_changed(
        &self,
        since: StripeTime,
        after: CustomerSeq,
        most: u32,
    ) -> Result<Vec<Loaded>, StoreError> {
        self.page(after, most, Which::Changed(since))
    }

    /// Customers after `after` with a step whose outcome is not known, at most `most` of them. For when no visit is on.
    pub fn unsettled_page(&self, after: CustomerSeq, most: u32) -> Result<Vec<Loaded>, StoreError> {
        self.page(after, most, Which::Unsettled)
    }

    /// Customers after `after` that Customers of a lost state file were found of, at most `most` of them.
    pub fn found_page(&self, after: CustomerSeq, most: u32) -> Result<Vec<Loaded>, StoreError> {
        self.page(after, most, Which::Found)
    }

    /// One customer, as it is now.
    pub fn customer_of(&self, seq: CustomerSeq) -> Result<Option<Loaded>, StoreError> {
        let before = CustomerSeq(seq.0.saturating_sub(1));
        let found = self.page(before, 1, Which::Open)?;
        Ok(found.into_iter().find(|loaded| loaded.seq == seq))
    }

    /// One customer, wherever it stands.
    pub fn whole(&self, seq: CustomerSeq) -> Result<Option<Loaded>, StoreError> {
        let before = CustomerSeq(seq.0.saturating_sub(1));
        let found = self.page(before, 1, Which::Whole)?;
        Ok(found.into_iter().find(|loaded| loaded.seq == seq))
    }

    /// Those of `only`, in rising order, that come after `after` and are open, at most `most` of them.
    pub fn open_of(
        &self,
        only: &[CustomerSeq],
        after: CustomerSeq,
        most: u32,
    ) -> Result<Vec<Loaded>, StoreError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let begin = only.partition_point(|seq| *seq <= after);
        let mut page = Vec::new();
        for seq in only.get(begin..).unwrap_or_default() {
            page.extend(self.customer_of(*seq)?);
            if page.len() == most {
                break;
            }
        }
        Ok(page)
    }

    fn page(&self, after: CustomerSeq, most: u32, which: Which) -> Result<Vec<Loaded>, StoreError> {
        let found_sql = format!(
            "SELECT seq, legacy_id, platform_customer, default_payment_method, standing, details, changed_at, undone FROM customer c
             WHERE seq > ?1 AND EXISTS (SELECT 1 FROM found f WHERE f.legacy_id = c.legacy_id AND {ASKED_FOR})
             ORDER BY seq LIMIT ?2"
        );
        let changed_sql = match which {
            Which::Changed(StripeTime(since)) => format!(
                "SELECT seq, legacy_id, platform_customer, default_payment_method, standing, NULL, changed_at, undone FROM customer
                 WHERE seq > ?1 AND (changed_at >= {since} OR standing IN (1, 2)) ORDER BY seq LIMIT ?2"
            ),
            Which::Open | Which::Unsettled | Which::Found | Which::All | Which::Whole => String::new(),
        };
        let sql = match which {
            Which::Open => {
                "SELECT seq, legacy_id, platform_customer, default_payment_method, standing, details, changed_at, undone FROM customer
                 WHERE seq > ?1 AND standing < 4 ORDER BY seq LIMIT ?2"
            }
            Which::All => {
                "SELECT seq, legacy_id, platform_customer, default_payment_method, standing, NULL, changed_at, undone FROM customer
                 WHERE seq > ?1 ORDER BY seq LIMIT ?2"
            }
            Which::Whole => {
                "SELECT seq, legacy_id, platform_customer, default_payment_method, standing, details, changed_at, undone FROM customer
                 WHERE seq > ?1 ORDER BY seq LIMIT ?2"
            }
            Which::Changed(_) => &changed_sql,
            Which::Found => &found_sql,
            // Standings in progress, in doubt, parked; states started, in doubt.
            Which::Unsettled => {
                "SELECT seq, legacy_id, platform_customer, default_payment_method, standing, details, changed_at, undone FROM customer
                 WHERE seq > ?1 AND standing IN (1, 2, 3)
                 AND EXISTS (SELECT 1 FROM step WHERE customer = seq AND state IN (1, 4)) ORDER BY seq LIMIT ?2"
            }
        };
        let mut statement = self.conn.borrow().prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params![after.0, most])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(self.customer(row)?);
        }
        Ok(page)
    }

    fn customer(&self, row: &rusqlite::Row<'_>) -> Result<Loaded, StoreError> {
        let seq = CustomerSeq(row.get(0)?);
        let details: Option<String> = row.get(5)?;
        let damaged =
            |_| StoreError::Damaged(format!("the details of customer {} cannot be read", seq.0));
        let details = details
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(damaged)?;
        let sources = self.sources(seq)?;
        let Targets {
            asked: targets,
            accounts,
            mut undo_begun,
        } = self.targets(seq, sources.len())?;
        let undone: i64 = row.get(7)?;
        undo_begun.extend((undone == 1).then_some(None));
        let customer = Customer {
            legacy_id: row.get(1)?,
            platform_customer: row.get(2)?,
            default: default_position(&sources, row.get(3)?),
            sources,
            targets,
            steps: self.steps(seq)?,
            undone: undone > 0,
        };
        Ok(Loaded {
            seq,
            customer,
            details,
            standing: row.get(4)?,
            accounts,
            changed_at: row.get::<_, Option<i64>>(6)?.map(StripeTime),
            undo_begun,
            replaced: self.replaced(seq)?,
        })
    }

    fn sources(&self, seq: CustomerSeq) -> Result<Vec<PaymentMethodId>, StoreError> {
        let sql = "SELECT id FROM payment_method WHERE customer = ?1 ORDER BY position";
        let mut statement = self.conn.borrow().prepare_cached(sql)?;
        let sources = statement
            .query_map([seq.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(sources)
    }

    fn targets(&self, seq: CustomerSeq, sources: usize) -> Result<Targets, StoreError> {
        let sql =
            "SELECT account, sources, undone FROM target WHERE customer = ?1 ORDER BY position";
        let mut statement = self.conn.borrow().prepare_cached(sql)?;
        let mut rows = statement.query([seq.0])?;
        let (mut targets, mut accounts, mut undo_begun) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let account = AccountSeq(row.get(0)?);
            let Some((id, parked)) = self.accounts.get(&account) else {
                return Err(StoreError::Damaged(format!(
                    "customer {} asks for an account that is not there",
                    seq.0
                )));
            };
            let sources = match row
                .get_ref(1)?
                .as_str_or_null()
                .map_err(rusqlite::Error::from)?
            {
                Some(text) => positions_from(text).map_err(rusqlite::Error::from)?,
                None => (0..u32::try_from(sources).unwrap_or(u32::MAX)).collect(),
            };
            let undone: i64 = row.get(2)?;
            if undone == 1 {
                undo_begun.push(Position::try_from(targets.len()).ok());
            }
            let reach = match undone {
                0 if *parked => Reachable::Parked,
                0 => Reachable::Yes,
                2 => Reachable::Undone,
                _ => Reachable::UndoBegun,
            };
            targets.push(Target {
                account: id.clone(),
                sources,
                reach,
            });
            accounts.push(account);
        }
        Ok(Targets {
            asked: targets,
            accounts,
            undo_begun,
        })
    }

    /// A source is replaced where a step with it on an account was dropped: those of a platform alone never are.
    fn replaced(&self, seq: CustomerSeq) -> Result<Vec<PaymentMethodId>, StoreError> {
        if !self.any_dropped {
            return Ok(Vec::new());
        }
        let sql = "SELECT DISTINCT source FROM earlier WHERE customer = ?1 AND dropped = 1 AND account <> '' AND source <> ''";
        let mut statement = self.conn.borrow().prepare_cached(sql)?;
        let sources = statement.query_map([seq.0], |row| row.get(0))?;
        Ok(sources.collect::<Result<_, _>>()?)
    }

    fn steps(&self, seq: CustomerSeq) -> Result<BTreeMap<StepId, Record>, StoreError> {
        let mut statement = self.conn.borrow().prepare_cached(SELECT_STEPS)?;
        let steps = statement
            .query_map([seq.0], read_step)?
            .collect::<Result<_, _>>()?;
        Ok(steps)
    }
}

/// The first source, unless the CSV names another.
fn default_position(sources: &[PaymentMethodId], named: Option<PaymentMethodId>) -> Position {
    let index = named.and_then(|named| sources.iter().position(|source| *source == named));
    index
        .and_then(|index| Position::try_from(index).ok())
        .unwrap_or(0)
}
