//! The rows of a mended customer, and the trace of what was mended.

use rusqlite::Connection;

use super::super::codes::{INSERT_STEP, positions_text, write_step};
use super::super::earlier;
use super::super::gather::{Gathered, details_digest};
use super::super::load::{CustomerSeq, Loaded};
use super::{MendedFile, StoreError};
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::legacy::{Details, masked};
use crate::state::{Mended, Position, Standing};
use crate::time::StripeTime;

/// One field of a line that says something else than before.
pub(super) struct Change {
    field: String,
    old: Option<String>,
    new: Option<String>,
}

/// Adds an account, as an import does: what a lost state file knew of it is not known.
pub(super) fn add_account(conn: &Connection, account: &AccountId) -> Result<(), StoreError> {
    let sql = "INSERT INTO account (id, unread, parked)
         SELECT ?1, rebuilt, CASE WHEN rebuilt THEN 'not read yet since the state file was lost' END
         FROM (SELECT EXISTS (SELECT 1 FROM migration WHERE recovery > 0) AS rebuilt)
         WHERE true ON CONFLICT (id) DO NOTHING";
    conn.prepare_cached(sql)?.execute([account])?;
    Ok(())
}

/// What a mended customer asks for otherwise; contact details are masked.
pub(super) fn changes(loaded: &Loaded, details: &Details, mended: &Mended) -> Vec<Change> {
    let customer = &loaded.customer;
    let asked = &mended.asked;
    let mut changes = Vec::new();
    let mut note = |field: &str, old: Option<String>, new: Option<String>| {
        if old != new {
            let field = field.to_owned();
            changes.push(Change { field, old, new });
        }
    };
    let id = |id: &Option<CustomerId>| id.as_ref().map(ToString::to_string);
    note(
        "platform_customer",
        id(&customer.platform_customer),
        id(&asked.platform_customer),
    );
    note(
        "payment_method",
        joined(&customer.sources),
        joined(&asked.sources),
    );
    let default = |default: Option<&PaymentMethodId>| default.map(ToString::to_string);
    note(
        "default_payment_method",
        default(customer.source(customer.default)),
        default(asked.default.as_ref().or_else(|| asked.sources.first())),
    );
    let old_of = |account: &AccountId| {
        let target = customer
            .targets
            .iter()
            .find(|target| target.account == *account)?;
        Some(named(&customer.sources, &target.sources))
    };
    let new_of = |account: &AccountId| {
        let (_, sources) = asked.targets.iter().find(|(id, _)| id == account)?;
        Some(named(&asked.sources, sources))
    };
    let mut accounts: Vec<_> = customer
        .targets
        .iter()
        .map(|target| &target.account)
        .collect();
    accounts.extend(asked.targets.iter().map(|(account, _)| account));
    accounts.sort_unstable();
    accounts.dedup();
    for account in accounts {
        note(
            &format!("payment_method on {account}"),
            old_of(account),
            new_of(account),
        );
    }
    changes.extend(changed_details(loaded.details.as_ref(), details));
    changes
}

fn changed_details(old: Option<&Details>, new: &Details) -> Vec<Change> {
    let (none, mut changes) = (Details::default(), Vec::new());
    let old = old.unwrap_or(&none);
    let of = |details: &Details, name: &str| {
        let mut fields = details.fields();
        fields
            .find(|(field, _)| field == name)
            .map(|(_, text)| text.to_owned())
    };
    let mut names: Vec<_> = old
        .fields()
        .chain(new.fields())
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (old, new) = (of(old, &name), of(new, &name));
        if old != new {
            let mask = |text: Option<String>| text.map(|text| masked(&text));
            changes.push(Change {
                field: name,
                old: mask(old),
                new: mask(new),
            });
        }
    }
    changes
}

fn joined(sources: &[PaymentMethodId]) -> Option<String> {
    let ids: Vec<_> = sources.iter().map(PaymentMethodId::as_str).collect();
    (!ids.is_empty()).then(|| ids.join(";"))
}

fn named(sources: &[PaymentMethodId], positions: &[Position]) -> String {
    let id = |position: &Position| {
        let index = usize::try_from(*position).ok()?;
        sources.get(index).map(PaymentMethodId::as_str)
    };
    let ids: Vec<_> = positions.iter().filter_map(id).collect();
    ids.join(";")
}

/// Who changed what, and the steps that are not asked for any more.
pub(super) fn keep_trace(
    conn: &Connection,
    file: &MendedFile,
    customer: CustomerSeq,
    line: u64,
    changes: &[Change],
    mended: &Mended,
) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO mended (customer, at, who, file, file_sha256, line, field, old, new)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let line = i64::try_from(line).unwrap_or(i64::MAX);
    let mut keep = |field: &str, old: Option<&str>, new: Option<&str>| {
        insert.execute(rusqlite::params![
            customer.0,
            file.at.0,
            file.who,
            file.path,
            file.sha256,
            line,
            field,
            old,
            new
        ])
    };
    for change in changes {
        keep(&change.field, change.old.as_deref(), change.new.as_deref())?;
    }
    if changes.is_empty() {
        keep("", None, None)?;
    }
    earlier::keep(conn, customer, mended)?;
    if mended.clones_left > 0 {
        conn.prepare_cached("UPDATE migration SET clones_left = clones_left + ?1")?
            .execute([mended.clones_left])?;
    }
    Ok(())
}

/// Writes a mended customer over its rows.
pub(super) fn replace(
    conn: &Connection,
    at: StripeTime,
    loaded: &Loaded,
    gathered: &Gathered,
    mended: &Mended,
) -> Result<(), StoreError> {
    let seq = loaded.seq.0;
    let unwritable =
        |_| StoreError::Damaged(format!("the details of customer {seq} cannot be written"));
    let details = serde_json::to_string(&gathered.details).map_err(unwritable)?;
    let standing = match loaded.standing {
        Standing::Refused => Standing::InProgress,
        other => other,
    };
    let asked = &mended.asked;
    // A mended line's contact details go to what is made of it from now on. What Customers that exist have is known still, so that
    // a newer CSV with --update-details changes them too.
    let customer = &loaded.customer;
    let default = asked.default.as_ref().or_else(|| asked.sources.first());
    let details_digest = match &loaded.details {
        Some(_) if customer.is_made() && default == customer.source(customer.default) => None,
        Some(told) if customer.is_made() => {
            let told = serde_json::to_string(told).map_err(unwritable)?;
            Some(details_digest(&told, default))
        }
        Some(_) | None => Some(details_digest(&details, default)),
    };
    conn.prepare_cached(
        "UPDATE customer SET platform_customer = ?2, default_payment_method = ?3, details = ?4, digest = ?5,
         standing = ?6, changed_at = ?7, details_digest = coalesce(?8, details_digest) WHERE seq = ?1",
    )?
    .execute(rusqlite::params![
        seq,
        asked.platform_customer,
        asked.default,
        details,
        gathered.digest(),
        standing,
        at.0,
        details_digest
    ])?;
    let standings = target_standings(conn, loaded, mended)?;
    write_asked(conn, seq, mended, standings)
}

/// Writes what a customer asks for, and its steps, over what is there.
pub(in crate::store) fn write_asked(
    conn: &Connection,
    seq: i64,
    mended: &Mended,
    standings: Vec<Standing>,
) -> Result<(), StoreError> {
    let asked = &mended.asked;
    for table in ["payment_method", "target", "step"] {
        let sql = format!("DELETE FROM {table} WHERE customer = ?1");
        conn.prepare_cached(&sql)?.execute([seq])?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO payment_method (customer, position, id) VALUES (?1, ?2, ?3)",
    )?;
    for (position, source) in (0_i64..).zip(&asked.sources) {
        insert.execute(rusqlite::params![seq, position, source])?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO target (customer, position, account, asked, sources, standing)
         SELECT ?1, ?2, seq, ?4, ?5, ?6 FROM account WHERE id = ?3",
    )?;
    for ((position, (account, sources)), standing) in (0_i64..).zip(&asked.targets).zip(standings) {
        let all = sources.len() == asked.sources.len();
        let count = i64::try_from(sources.len()).unwrap_or(i64::MAX);
        let positions = (!all).then(|| positions_text(sources));
        insert.execute(rusqlite::params![
            seq, position, account, count, positions, standing
        ])?;
    }
    let mut insert = conn.prepare_cached(INSERT_STEP)?;
    for (step, record) in &mended.steps {
        write_step(&mut insert, seq, *step, record)?;
    }
    Ok(())
}

/// What is migrated stays so where nothing more is asked for on it.
fn target_standings(
    conn: &Connection,
    loaded: &Loaded,
    mended: &Mended,
) -> Result<Vec<Standing>, StoreError> {
    let sql = "SELECT standing FROM target WHERE customer = ?1 AND position = ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let customer = &loaded.customer;
    let targets = mended.asked.targets.iter().zip(&mended.was);
    targets
        .map(|((_, sources), was)| {
            let Some(target) = was.and_then(|was| customer.target(was)) else {
                return Ok(Standing::InProgress);
            };
            let standing = statement
                .query_row([loaded.seq.0, was.map_or(-1, i64::from)], |row| {
                    row.get::<_, Standing>(0)
                })?;
            let before = named(&customer.sources, &target.sources);
            let same = before.split(';').count() == sources.len().max(1);
            Ok(match standing {
                Standing::Migrated if same => Standing::Migrated,
                _ => Standing::InProgress,
            })
        })
        .collect()
}

/// Whose the ids are that `sql` finds: id, row, legacy id.
pub(super) fn customers_of(
    conn: &Connection,
    sql: &str,
    ids: &[&str],
) -> Result<Vec<(String, CustomerSeq, LegacyId)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = serde_json::Value::from(ids).to_string();
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([ids], |row| {
        Ok((row.get(0)?, CustomerSeq(row.get(1)?), row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
