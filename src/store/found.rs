//! Customers that bear marks, while a lost state file is rebuilt from them: however many there are, memory stays the same.

use std::sync::LazyLock;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::codes::StateCode;
use super::counts::count;
use super::writer::{in_transaction, write_changes};
use super::{AccountSeq, Changes, StoreError};
use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId, PaymentMethodId, RequestId};
use crate::state::{Held, Likeness, StepKind};
use crate::time::StripeTime;

/// The marks of a migration on a Customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Whose migration made it.
    pub migration: MigrationId,
    /// Of which legacy customer.
    pub legacy_id: LegacyId,
}

/// A Customer with marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Where; `None`: the platform.
    pub account: Option<AccountSeq>,
    /// The Customer.
    pub id: CustomerId,
    /// When it was made.
    pub created: Option<StripeTime>,
    /// The platform Customer that it names.
    pub platform_customer: Option<CustomerId>,
    /// Its default PaymentMethod.
    pub default: KnownDefault,
    /// The request that showed it.
    pub request_id: Option<RequestId>,
}

/// A Customer's default PaymentMethod, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownDefault {
    /// It has none, or one that could not be read.
    Unknown,
    /// Which.
    Id(PaymentMethodId),
    /// The whole of it.
    Whole(Held),
}

impl KnownDefault {
    /// Its id.
    pub fn id(&self) -> Option<&PaymentMethodId> {
        match self {
            Self::Unknown => None,
            Self::Id(id) => Some(id),
            Self::Whole(held) => Some(&held.id),
        }
    }
}

/// A migration that has Customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFound {
    /// Which.
    pub id: MigrationId,
    /// Its legacy customers.
    pub customers: u64,
    /// Those of them that the CSV names.
    pub of_csv: u64,
    /// When the first and the last of its Customers were made.
    pub created: Option<(StripeTime, StripeTime)>,
}

/// What is there to be taken over, before it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Legacy customers of the CSV that have a Customer somewhere.
    pub customers: u64,
    /// Legacy customers of the migration that the CSV does not name.
    pub strangers: u64,
    /// Lists of PaymentMethods that are to be read for them, about.
    pub lists: u64,
}

/// `found.standard`.
#[derive(Serialize, Deserialize)]
struct Standard {
    id: PaymentMethodId,
    kind: Option<String>,
    fingerprint: Option<String>,
    expiry: Option<(u32, u32)>,
    created: Option<i64>,
}

impl Standard {
    fn text(default: &KnownDefault) -> Option<String> {
        let id = default.id()?.clone();
        let mut standard = Self {
            id,
            kind: None,
            fingerprint: None,
            expiry: None,
            created: None,
        };
        if let KnownDefault::Whole(held) = default {
            standard.kind = Some(held.likeness.kind.clone());
            standard.fingerprint.clone_from(&held.likeness.fingerprint);
            standard.expiry = held.likeness.expiry;
            standard.created = held.created.map(|at| at.0);
        }
        serde_json::to_string(&standard).ok()
    }

    /// What cannot be read is unknown: then the PaymentMethods are read.
    fn read(text: Option<&str>) -> KnownDefault {
        let standard: Option<Self> = text.and_then(|text| serde_json::from_str(text).ok());
        let Some(standard) = standard else {
            return KnownDefault::Unknown;
        };
        let Some(kind) = standard.kind else {
            return KnownDefault::Id(standard.id);
        };
        KnownDefault::Whole(Held {
            id: standard.id,
            likeness: Likeness {
                kind,
                fingerprint: standard.fingerprint,
                expiry: standard.expiry,
            },
            created: standard.created.map(StripeTime),
        })
    }
}

fn code(account: Option<AccountSeq>) -> i64 {
    account.map_or(-1, |account| account.0)
}

/// Lets those of a customer go that are taken over.
static TAKEN_OVER: LazyLock<String> = LazyLock::new(|| {
    format!(
        "DELETE FROM found AS f WHERE legacy_id = ?1
         AND EXISTS (SELECT 1 FROM customer c WHERE c.legacy_id = f.legacy_id AND {ASKED_FOR})"
    )
});

impl Marked {
    /// Keeps a page of them until they are taken over.
    pub fn keep(conn: &Connection, page: &[(Marks, Self)]) -> Result<(), StoreError> {
        if page.is_empty() {
            return Ok(());
        }
        Ok(in_transaction(conn, || {
            let mut insert = conn.prepare_cached(
                "INSERT INTO found (legacy_id, account, id, migration, created, platform_customer, standard, request_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?;
            for (marks, marked) in page {
                insert.execute(rusqlite::params![
                    marks.legacy_id,
                    code(marked.account),
                    marked.id,
                    marks.migration.to_string(),
                    marked.created.map(|at| at.0),
                    marked.platform_customer,
                    Standard::text(&marked.default),
                    marked.request_id,
                ])?;
            }
            Ok(())
        })?)
    }

    /// Those of a legacy customer, the platform's first.
    pub fn of(conn: &Connection, legacy_id: &LegacyId) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare_cached(
            "SELECT account, id, created, platform_customer, standard, request_id FROM found WHERE legacy_id = ?1
             ORDER BY account, created, id",
        )?;
        let rows = statement.query_map([legacy_id], |row| {
            let account: i64 = row.get(0)?;
            let created: Option<i64> = row.get(2)?;
            Ok(Self {
                account: (account >= 0).then_some(AccountSeq(account)),
                id: row.get(1)?,
                created: created.map(StripeTime),
                platform_customer: row.get(3)?,
                default: Standard::read(row.get_ref(4)?.as_str_or_null()?),
                request_id: row.get_ref(5)?.as_str_or_null()?.and_then(RequestId::parse),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Commits what follows from those of some customers, which are let go. Those on accounts that the CSV does not ask for stay:
    /// a later one may.
    pub fn taken_over(
        conn: &Connection,
        changes: &[(LegacyId, Changes)],
    ) -> Result<(), StoreError> {
        Ok(in_transaction(conn, || {
            for (legacy_id, changes) in changes {
                write_changes(conn, changes)?;
                conn.prepare_cached(&TAKEN_OVER)?.execute([legacy_id])?;
            }
            Ok(())
        })?)
    }

    /// How many legacy customers of the CSV have some that wait still to be taken over.
    pub fn left(conn: &Connection) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT count(DISTINCT f.legacy_id) FROM found f JOIN customer c ON c.legacy_id = f.legacy_id WHERE {ASKED_FOR}"
        );
        Ok(conn.query_row(&sql, [], |row| count(row, 0))?)
    }

    /// True where some on this account wait still to be taken over.
    pub fn any_on(conn: &Connection, account: AccountSeq) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM found f JOIN customer c ON c.legacy_id = f.legacy_id
             WHERE f.account = ?1 AND {ASKED_FOR})"
        );
        Ok(conn.query_row(&sql, [account.0], |row| row.get(0))?)
    }

    /// Lets those of an account go.
    pub fn forget(conn: &Connection, account: AccountSeq) -> Result<(), StoreError> {
        conn.execute("DELETE FROM found WHERE account = ?1", [account.0])?;
        Ok(())
    }
}

impl MigrationFound {
    /// Every migration that has Customers, the oldest first.
    pub fn all(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(
            "SELECT f.migration, count(DISTINCT f.legacy_id),
             count(DISTINCT CASE WHEN c.seq IS NOT NULL THEN f.legacy_id END), min(f.created), max(f.created)
             FROM found f LEFT JOIN customer c ON c.legacy_id = f.legacy_id
             GROUP BY f.migration ORDER BY min(f.created), f.migration",
        )?;
        let rows = statement.query_map([], |row| {
            let id: String = row.get(0)?;
            let (from, to): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
            let found = |id| Self {
                id: MigrationId(id),
                customers: 0,
                of_csv: 0,
                created: from.map(StripeTime).zip(to.map(StripeTime)),
            };
            let mut found = found(Uuid::parse_str(&id).unwrap_or_default());
            found.customers = count(row, 1)?;
            found.of_csv = count(row, 2)?;
            Ok(found)
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets all go that are of other migrations, and tells what is left. Those of customers that the CSV does not name stay: a later
    /// CSV may, and they shall not be made twice then.
    pub fn choose(conn: &Connection, migration: MigrationId) -> Result<Scope, StoreError> {
        conn.execute(
            "DELETE FROM found WHERE migration <> ?1",
            [migration.to_string()],
        )?;
        let strangers = "SELECT count(DISTINCT legacy_id) FROM found f
            WHERE NOT EXISTS (SELECT 1 FROM customer c WHERE c.legacy_id = f.legacy_id)";
        Ok(Scope {
            customers: Marked::left(conn)?,
            strangers: conn.query_row(strangers, [], |row| count(row, 0))?,
            lists: conn.query_row(LISTS, [], |row| count(row, 0))?,
        })
    }
}

/// Of a row `f` of `found` and its customer `c`: the CSV asks for its account.
pub(super) const ASKED_FOR: &str = "(f.account = -1 OR EXISTS
    (SELECT 1 FROM target t WHERE t.customer = c.seq AND t.account = f.account))";

/// A Customer's PaymentMethods are read unless its default is the only one that matters.
const LISTS: &str = "
SELECT count(*) FROM found f JOIN customer c ON c.legacy_id = f.legacy_id
LEFT JOIN target t ON t.customer = c.seq AND t.account = f.account
WHERE (CASE WHEN f.account = -1 THEN (SELECT count(*) FROM payment_method p WHERE p.customer = c.seq)
       ELSE coalesce(t.asked, 0) END) > CASE WHEN f.standard IS NULL THEN 0 ELSE 1 END";

/// Pages of Customers that the sweeps will take if all was made, and no account has others: the platform's, and those of each account.
pub fn sweep_pages(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT (SELECT max(1, (count(*) + 99) / 100) FROM customer)
               + (SELECT coalesce(sum((n + 99) / 100), 0) FROM (SELECT count(*) AS n FROM target GROUP BY account))";
    Ok(conn.query_row(sql, [], |row| count(row, 0))?)
}

/// The accounts of which it is not read yet what a lost state file knew of them.
pub fn unread(conn: &Connection) -> Result<Vec<(AccountSeq, AccountId)>, StoreError> {
    let mut statement =
        conn.prepare("SELECT seq, id FROM account WHERE unread = 1 ORDER BY seq")?;
    let rows = statement.query_map([], |row| Ok((AccountSeq(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl AccountSeq {
    /// Every account that is asked for.
    pub fn all(conn: &Connection) -> Result<Vec<(Self, AccountId)>, StoreError> {
        let mut statement = conn.prepare("SELECT seq, id FROM account ORDER BY seq")?;
        let rows = statement.query_map([], |row| Ok((Self(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The account cannot be read: it is parked, and stays so until it was read to the end.
    pub fn set_unread(self, conn: &Connection, why: &str) -> Result<(), StoreError> {
        conn.execute(
            "UPDATE account SET unread = 1, parked = ?2 WHERE seq = ?1",
            rusqlite::params![self.0, why],
        )?;
        Marked::forget(conn, self)
    }

    /// The account was read to the end.
    pub fn set_read(self, conn: &Connection) -> Result<(), StoreError> {
        conn.execute(
            "UPDATE account SET unread = 0, parked = NULL WHERE seq = ?1",
            [self.0],
        )?;
        Ok(())
    }
}

/// For each account, customers whose platform Customer is there and whose Customer on the account is not: it was refused or not come
/// to, or it is deleted, which no list shows. Accounts without any are left out.
pub fn without_connected(conn: &Connection) -> Result<Vec<(AccountId, u64)>, StoreError> {
    let sql = "SELECT a.id, count(*) FROM account a JOIN target t ON t.account = a.seq
               JOIN step p ON p.customer = t.customer AND p.kind = ?1 AND p.state = ?3
               WHERE NOT EXISTS (SELECT 1 FROM step s WHERE s.customer = t.customer AND s.kind = ?2 AND s.target = t.position AND s.state = ?3)
               GROUP BY a.seq ORDER BY a.seq";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map(
        rusqlite::params![
            StepKind::CreatePlatformCustomer,
            StepKind::CreateConnectedCustomer,
            StateCode::Done
        ],
        |row| Ok((row.get(0)?, count(row, 1)?)),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
