//! What a person, or an account that answers again, takes up once more. Before a run, on its own connection.

use rusqlite::Connection;

use super::codes::{INSERT_STEP, SELECT_STEPS, read_step, write_step};
use super::earlier;
use super::{AccountSeq, CustomerSeq, Selection, StoreError};
use crate::ids::AccountId;
use crate::plan::Waiting;
use crate::state::{Event, Position, Record, Standing, StepState};

/// The first of `accounts` that no customer asks for: a mistyped one, most likely.
pub fn unknown_account<'a>(
    conn: &Connection,
    accounts: &'a [AccountId],
) -> Result<Option<&'a AccountId>, StoreError> {
    let mut statement = conn.prepare("SELECT EXISTS (SELECT 1 FROM account WHERE id = ?1)")?;
    for account in accounts {
        if !statement.query_row([account], |row| row.get(0))? {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// The accounts that could not be reached. What was lost of one has to be read before anything else is done with it: those are
/// not among them, see [`super::unread`].
pub fn parked(conn: &Connection) -> Result<Vec<(AccountSeq, AccountId)>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT seq, id FROM account WHERE parked IS NOT NULL AND unread = 0 ORDER BY seq",
    )?;
    let rows = statement.query_map([], |row| Ok((AccountSeq(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What waits for those accounts, of the customers that `selection` takes.
pub fn waiting(conn: &Connection, selection: &Selection) -> Result<Waiting, StoreError> {
    let accounts = u64::try_from(parked(conn)?.len()).unwrap_or(u64::MAX);
    if accounts == 0 {
        return Ok(Waiting::default());
    }
    let mut statement = conn.prepare(
        "SELECT t.customer, a.id, t.standing FROM target t JOIN account a ON a.seq = t.account JOIN customer c ON c.seq = t.customer
         WHERE a.parked IS NOT NULL AND a.unread = 0 AND c.standing < 4 ORDER BY t.customer",
    )?;
    let mut rows = statement.query([])?;
    let (mut customers, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        let (customer, account): (CustomerSeq, AccountId) = (CustomerSeq(row.get(0)?), row.get(1)?);
        let standing: Standing = row.get(2)?;
        let is_over =
            standing.is_undone() || matches!(standing, Standing::Migrated | Standing::Refused);
        let only = selection.only.as_ref();
        let is_taken = only.is_none_or(|only| only.binary_search(&customer).is_ok())
            && (selection.accounts.is_empty() || selection.accounts.contains(&account));
        if is_taken && !is_over && last != Some(customer) {
            customers += 1;
            last = Some(customer);
        }
    }
    Ok(Waiting {
        customers,
        accounts,
    })
}

/// The account answers again.
pub fn unpark(conn: &Connection, account: AccountSeq) -> Result<(), StoreError> {
    conn.execute(
        "UPDATE account SET parked = NULL WHERE seq = ?1",
        [account.0],
    )?;
    Ok(())
}

/// Takes up customers of which a part was refused while `--account` left another out. The worst of a customer's parts is what
/// it counts as, and a run passes refused ones over.
pub fn take_up_left_out(conn: &Connection) -> Result<(), StoreError> {
    let sql = "UPDATE customer SET standing = ?1 WHERE standing = ?2
               AND EXISTS (SELECT 1 FROM target t WHERE t.customer = customer.seq AND t.standing IN (?1, ?3))";
    let standings = [Standing::InProgress, Standing::Refused, Standing::Pending];
    conn.execute(sql, standings)?;
    Ok(())
}

/// Makes every step that Stripe refused ready for another try, with a new key, and returns how many. What pmclone itself
/// set aside without a call stays so: another try would come to the same.
pub fn retry_refused(conn: &mut Connection) -> Result<u64, StoreError> {
    let transaction = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut retried = 0;
    {
        let mut customers =
            transaction.prepare("SELECT seq FROM customer WHERE standing IN (?1, ?2, ?3, ?4)")?;
        let standings = [
            Standing::Refused,
            Standing::Parked,
            Standing::InDoubt,
            Standing::InProgress,
        ];
        let mut rows = customers.query(standings)?;
        while let Some(row) = rows.next()? {
            retried += retry_customer(&transaction, row.get(0)?)?;
        }
    }
    transaction.commit()?;
    Ok(retried)
}

fn retry_customer(conn: &Connection, customer: i64) -> Result<u64, StoreError> {
    let mut select = conn.prepare_cached(SELECT_STEPS)?;
    let steps: Vec<_> = select
        .query_map([customer], read_step)?
        .collect::<Result<_, _>>()?;
    let mut insert = conn.prepare_cached(INSERT_STEP)?;
    // What is taken back there is not made again, so its refusals stay as they are.
    let sql = "SELECT position FROM target WHERE customer = ?1 AND undone > 0";
    let mut undone = conn.prepare_cached(sql)?;
    let undone = undone.query_map([customer], |row| row.get(0))?;
    let undone: Vec<Position> = undone.collect::<Result<_, _>>()?;
    let mut retried = 0;
    for (step, record) in steps {
        if step.target.is_some_and(|target| undone.contains(&target)) {
            continue;
        }
        if !matches!(&record.state, StepState::Refused(refusal) if refusal.status != 0) {
            continue;
        }
        let again = Record::after(Some(&record), Event::Retry, None);
        let again = again.map_err(|illegal| StoreError::Damaged(illegal.to_string()))?;
        earlier::keep_before(conn, customer, step, again.try_no)?;
        write_step(&mut insert, customer, step, &again)?;
        retried += 1;
    }
    if retried > 0 {
        let sql = "UPDATE customer SET standing = ?2 WHERE seq = ?1 AND standing = ?3";
        conn.prepare_cached(sql)?.execute(rusqlite::params![
            customer,
            Standing::InProgress,
            Standing::Refused
        ])?;
        let sql = "UPDATE target SET standing = ?2 WHERE customer = ?1 AND standing = ?3";
        conn.prepare_cached(sql)?.execute(rusqlite::params![
            customer,
            Standing::InProgress,
            Standing::Refused
        ])?;
    }
    Ok(retried)
}
