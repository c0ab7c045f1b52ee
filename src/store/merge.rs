//! A newer CSV on a state file that has customers: what is new is added, what changed is taken up where that is safe, and what is
//! gone stays. Each customer of either falls into one of four lists: unchanged, new, changed, gone.
//!
//! Hazards: (1) details of a step that may be in flight are frozen, since the same key with other parameters is an error and a new
//! key makes a second of something. So a customer with an unanswered step stays as it is, and is reported. (2) What Customers that
//! exist were given is known by a digest alone once they are migrated. So a change that is not to be sent leaves that digest as it
//! is, and is told again with every newer CSV until it is sent.

mod differ;
mod taken;

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::import::Imported;
use super::load::{CustomerSeq, Loader};
use crate::ids::{CustomerId, LegacyId, PaymentMethodId};
use crate::legacy::Details;
use crate::state::{Left, Sent, Standing, Wanted};
pub use differ::Difference;

/// The first customers that are named of each list.
const MOST_NAMED: usize = 20;

/// In which of the lists a customer is that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The state file did not have it.
    New,
    /// The CSV says something else of it than the one before.
    Changed,
    /// The state file has it, and this CSV does not.
    Gone,
}

impl List {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Gone => "gone",
        }
    }
}

/// What becomes of a customer that is new, changed or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// All of it is taken up.
    TakenUp,
    /// What is to be added is taken up; what would change Customers that exist is not, without `--update-details`.
    UpdateLeft,
    /// Nothing: a step of it may have reached Stripe, which has to be settled first.
    InDoubt,
    /// Nothing: what was made of it is taken back, or on its way there.
    Undone,
    /// Nothing: another platform Customer is named than the one that is in use.
    PlatformCustomer,
    /// It was begun, and stays where it is.
    Stays,
    /// It was not begun, and is still to be migrated.
    StillPending,
}

impl Then {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::TakenUp => "taken_up",
            Self::UpdateLeft => "update_left",
            Self::InDoubt => "in_doubt",
            Self::Undone => "undone",
            Self::PlatformCustomer => "platform_customer_in_use",
            Self::Stays => "stays",
            Self::StillPending => "still_pending",
        }
    }

    fn left(left: Left) -> Self {
        match left {
            Left::Undone => Self::Undone,
            Left::PlatformCustomer => Self::PlatformCustomer,
            Left::InDoubt | Left::NotRefused | Left::Migrated | Left::Same => Self::InDoubt,
        }
    }

    /// True where what changed is not taken up at all.
    pub fn is_left(self) -> bool {
        matches!(self, Self::InDoubt | Self::Undone | Self::PlatformCustomer)
    }
}

/// A customer that is new, changed or gone. Nothing in it is personal: columns are named, values are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// In which list.
    pub list: List,
    /// The first of its lines in this CSV.
    pub line: Option<u64>,
    /// Which customer.
    pub legacy_id: LegacyId,
    /// What differs.
    pub difference: Difference,
    /// What becomes of it.
    pub then: Then,
}

/// Who hears of each customer that is new, changed or gone, in the CSV's order, those that are gone last.
pub type Hear<'h> = &'h mut dyn FnMut(&Listed) -> Result<(), StoreError>;

/// How a newer CSV is taken up.
#[derive(Default)]
pub struct TakeUp<'h> {
    /// Changed contact details and defaults are sent to Customers that exist.
    pub update_details: bool,
    /// Who hears of it.
    pub hear: Option<Hear<'h>>,
}

/// What the state file knows of a customer that the CSV names again.
struct Known {
    seq: i64,
    digest: i64,
    details_digest: i64,
    standing: Standing,
    /// Columns that were given before, of a customer whose details are erased.
    given: Option<String>,
}

/// A customer of the newer CSV.
struct Incoming {
    seq: i64,
    legacy_id: LegacyId,
    digest: i64,
    details_digest: i64,
    lines: String,
}

impl Incoming {
    fn first_line(&self) -> Option<u64> {
        self.lines.split(' ').next()?.parse().ok()
    }
}

/// Takes over what `incoming` has, inside the caller's transaction.
pub fn take_over(
    conn: &Connection,
    customers: u64,
    take_up: TakeUp<'_>,
) -> Result<Imported, StoreError> {
    conn.execute_batch(ADD_ACCOUNTS)?;
    let imported = Imported {
        customers,
        is_delta: true,
        ..Imported::default()
    };
    let mut taking = Taking {
        conn,
        loader: Loader::new(conn)?,
        update: take_up.update_details,
        hear: take_up.hear,
        imported,
    };
    let mut statement = conn.prepare(
        "SELECT seq, legacy_id, digest, details_digest, lines FROM incoming.customer ORDER BY seq",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        taking.take(&Incoming {
            seq: row.get(0)?,
            legacy_id: row.get(1)?,
            digest: row.get(2)?,
            details_digest: row.get(3)?,
            lines: row.get(4)?,
        })?;
    }
    taking.gone()?;
    Ok(taking.imported)
}

/// A state file that was rebuilt after a loss does not know what was done on an account that it never read.
const ADD_ACCOUNTS: &str = "
INSERT INTO main.account (id, unread, parked)
SELECT id, rebuilt, CASE WHEN rebuilt THEN 'not read yet since the state file was lost' END
FROM incoming.account, (SELECT EXISTS (SELECT 1 FROM main.migration WHERE recovery > 0) AS rebuilt)
WHERE true ON CONFLICT (id) DO NOTHING";

struct Taking<'c, 'h> {
    conn: &'c Connection,
    loader: Loader<&'c Connection>,
    update: bool,
    hear: Option<Hear<'h>>,
    imported: Imported,
}

impl Taking<'_, '_> {
    fn take(&mut self, incoming: &Incoming) -> Result<(), StoreError> {
        let Some(known) = self.known(&incoming.legacy_id)? else {
            taken::copy(self.conn, incoming.seq, None)?;
            self.imported.added += 1;
            return self.tell(
                List::New,
                Some(incoming),
                None,
                Difference::default(),
                Then::TakenUp,
            );
        };
        if known.digest == incoming.digest && known.details_digest == incoming.details_digest {
            self.imported.unchanged += 1;
            return Ok(());
        }
        let Some((difference, then)) = self.changed(&known, incoming)? else {
            self.imported.unchanged += 1;
            return Ok(());
        };
        if then.is_left() {
            self.imported.kept_count += 1;
            self.imported.in_doubt += u64::from(then == Then::InDoubt);
            if self.imported.kept.len() < MOST_NAMED {
                self.imported
                    .kept
                    .push(incoming.first_line().unwrap_or_default());
            }
        } else if then == Then::UpdateLeft {
            self.imported.update_left += 1;
        } else {
            self.imported.updated += 1;
        }
        self.tell(List::Changed, Some(incoming), None, difference, then)
    }

    /// What differs, and what became of it; `None` where nothing does but an order.
    fn changed(
        &mut self,
        known: &Known,
        incoming: &Incoming,
    ) -> Result<Option<(Difference, Then)>, StoreError> {
        let before = self.loader.whole(CustomerSeq(known.seq))?;
        let before = before.ok_or_else(|| {
            StoreError::Damaged(format!("customer {} cannot be read", incoming.legacy_id))
        })?;
        let (wanted, details) = self.wanted(incoming.seq)?;
        let customer = &before.customer;
        let old_default = customer.source(customer.default);
        let same_details =
            super::gather::details_digest(&json(&details)?, old_default) == known.details_digest;
        let difference = Difference::between(
            customer,
            &wanted,
            (!same_details).then(|| {
                differ::columns(
                    before.details.as_ref(),
                    known.given.as_deref(),
                    (&incoming.legacy_id, &details),
                )
            }),
        );
        if difference == Difference::default() {
            taken::note(self.conn, known.seq, incoming, incoming.details_digest)?;
            return Ok(None);
        }
        if customer.steps.is_empty() && !known.standing.is_undone() {
            taken::remove(self.conn, known.seq)?;
            taken::copy(self.conn, incoming.seq, Some(known.seq))?;
            return Ok(Some((difference, Then::TakenUp)));
        }
        let made = customer.is_made();
        let changes_made = made && (!same_details || difference.default);
        let sent = Sent {
            details: self.update && !same_details,
            default: self.update,
        };
        let tried = super::earlier::tried(self.conn, before.seq)?;
        let grown = customer.grown(&wanted, &tried, sent);
        let grown = match grown.map_err(|illegal| StoreError::Damaged(illegal.to_string()))? {
            Ok(grown) => grown,
            Err(left) => return Ok(Some((difference, Then::left(left)))),
        };
        let update_left = changes_made && !self.update;
        let details_digest = if update_left {
            known.details_digest
        } else {
            incoming.details_digest
        };
        let taken = taken::Taken {
            known,
            incoming,
            before: &before,
            grown: &grown,
            details: &details,
            adds: difference.adds(),
            details_digest,
        };
        taken.write(self.conn)?;
        let then = if update_left {
            Then::UpdateLeft
        } else {
            Then::TakenUp
        };
        Ok(Some((difference, then)))
    }

    fn known(&self, legacy_id: &LegacyId) -> Result<Option<Known>, StoreError> {
        let sql = "SELECT seq, digest, details_digest, standing, given FROM main.customer WHERE legacy_id = ?1";
        let row = |row: &rusqlite::Row<'_>| {
            Ok(Known {
                seq: row.get(0)?,
                digest: row.get(1)?,
                details_digest: row.get(2)?,
                standing: row.get(3)?,
                given: row.get(4)?,
            })
        };
        Ok(self
            .conn
            .prepare_cached(sql)?
            .query_row([legacy_id], row)
            .optional()?)
    }

    /// What the newer CSV asks for, and the contact details.
    fn wanted(&self, incoming: i64) -> Result<(Wanted, Details), StoreError> {
        let sql = "SELECT platform_customer, default_payment_method, details FROM incoming.customer WHERE seq = ?1";
        let (platform_customer, default, details): (
            Option<CustomerId>,
            Option<PaymentMethodId>,
            String,
        ) = self
            .conn
            .prepare_cached(sql)?
            .query_row([incoming], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let sql = "SELECT id FROM incoming.payment_method WHERE customer = ?1 ORDER BY position";
        let mut statement = self.conn.prepare_cached(sql)?;
        let sources = statement
            .query_map([incoming], |row| row.get(0))?
            .collect::<Result<Vec<PaymentMethodId>, _>>()?;
        let sql = "SELECT a.id, t.sources FROM incoming.target t JOIN incoming.account a ON a.seq = t.account
                   WHERE t.customer = ?1 ORDER BY t.position";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query([incoming])?;
        let mut targets = Vec::new();
        while let Some(row) = rows.next()? {
            let positions: Option<String> = row.get(1)?;
            let positions = match positions {
                Some(text) => super::codes::positions_from(&text).map_err(rusqlite::Error::from)?,
                None => (0..u32::try_from(sources.len()).unwrap_or(u32::MAX)).collect(),
            };
            targets.push((row.get(0)?, positions));
        }
        let unread =
            |_| StoreError::Damaged(format!("the details of incoming customer {incoming}"));
        let wanted = Wanted {
            platform_customer,
            sources,
            default,
            targets,
        };
        Ok((wanted, serde_json::from_str(&details).map_err(unread)?))
    }

    /// Customers that the state file has and this CSV does not.
    fn gone(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT c.legacy_id, c.standing FROM main.customer c
                   WHERE NOT EXISTS (SELECT 1 FROM incoming.customer i WHERE i.legacy_id = c.legacy_id) ORDER BY c.seq";
        let mut statement = self.conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let legacy_id: LegacyId = row.get(0)?;
            let pending = row.get::<_, Standing>(1)? == Standing::Pending;
            self.imported.absent += 1;
            self.imported.absent_pending += u64::from(pending);
            let then = if pending {
                Then::StillPending
            } else {
                Then::Stays
            };
            self.tell(
                List::Gone,
                None,
                Some(legacy_id),
                Difference::default(),
                then,
            )?;
        }
        Ok(())
    }

    fn tell(
        &mut self,
        list: List,
        incoming: Option<&Incoming>,
        gone: Option<LegacyId>,
        difference: Difference,
        then: Then,
    ) -> Result<(), StoreError> {
        let named = self.imported.named.iter();
        let is_named = named.filter(|each| each.list == list).count() < MOST_NAMED;
        if !is_named && self.hear.is_none() {
            return Ok(());
        }
        let Some(legacy_id) = gone.or_else(|| incoming.map(|each| each.legacy_id.clone())) else {
            return Ok(());
        };
        let listed = Listed {
            list,
            line: incoming.and_then(Incoming::first_line),
            legacy_id,
            difference,
            then,
        };
        if let Some(hear) = &mut self.hear {
            hear(&listed)?;
        }
        if is_named {
            self.imported.named.push(listed);
        }
        Ok(())
    }
}

fn json(details: &Details) -> Result<String, StoreError> {
    serde_json::to_string(details)
        .map_err(|_| StoreError::Damaged("contact details cannot be written".to_owned()))
}
