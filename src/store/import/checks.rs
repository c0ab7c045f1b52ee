//! What only shows once every line is read.

use rusqlite::{Connection, Params, Row};

use super::gathering::Repeated;
use crate::ids::PaymentMethodId;
use crate::input::{Problem, Problems};
use crate::store::StoreError;

/// More problems of one kind than this are counted by nobody's eye.
const MOST_OF_A_KIND: u32 = 10_000;

const DEFAULT_NOT_AMONG_SOURCES: &str = "
SELECT c.lines, c.default_payment_method FROM {}.customer c WHERE c.default_payment_method IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM {}.payment_method p WHERE p.customer = c.seq AND p.id = c.default_payment_method)
LIMIT ?1";

/// `{only}` narrows it to the sources that the import met more than once: to sort them all would take as long as to write them.
const SOURCE_OF_TWO_CUSTOMERS: &str = "
SELECT b.lines, a.lines, d.id FROM
(SELECT id, min(customer) AS one, max(customer) AS other FROM {}.payment_method {only} GROUP BY id HAVING count(*) > 1) d
JOIN {}.customer a ON a.seq = d.one JOIN {}.customer b ON b.seq = d.other LIMIT ?1";

const ADOPTED_BY_TWO_CUSTOMERS: &str = "
SELECT b.lines, a.lines, d.id FROM
(SELECT platform_customer AS id, min(seq) AS one, max(seq) AS other FROM {}.customer
 WHERE platform_customer IS NOT NULL GROUP BY 1 HAVING count(*) > 1) d
JOIN {}.customer a ON a.seq = d.one JOIN {}.customer b ON b.seq = d.other LIMIT ?1";

/// What must be looked for in the tables: there may be some of it. To look for what cannot be would take as long as to write
/// a good part of them.
pub(super) struct Suspects {
    /// Customers whose default is none of their sources.
    pub(super) lacking_default: bool,
    /// Sources of two customers.
    pub(super) repeated: Repeated,
    /// Platform Customers that two customers adopt.
    pub(super) adopted_twice: bool,
}

/// Adds what is wrong with the customers of `schema`, and between them.
pub(super) fn check_customers(
    conn: &Connection,
    schema: &str,
    suspects: &Suspects,
    problems: &mut Problems,
) -> Result<(), StoreError> {
    let most = [MOST_OF_A_KIND];
    let in_schema = |sql: &str| sql.replace("{}", schema);
    if suspects.lacking_default {
        each(conn, &in_schema(DEFAULT_NOT_AMONG_SOURCES), most, |row| {
            problems.add(Problem::default_not_among_sources(
                first_line(row, 0)?,
                &row.get(1)?,
            ));
            Ok(())
        })?;
    }
    let mut of_two = |row: &Row<'_>| {
        problems.add(Problem::payment_method_of_two_customers(
            first_line(row, 0)?,
            &row.get(2)?,
            first_line(row, 1)?,
        ));
        Ok(())
    };
    let sql = in_schema(SOURCE_OF_TWO_CUSTOMERS);
    match &suspects.repeated {
        Repeated::Few(sources) if sources.is_empty() => {}
        Repeated::Few(sources) => {
            let ids: Vec<&str> = sources.iter().map(PaymentMethodId::as_str).collect();
            let ids = serde_json::Value::from(ids).to_string();
            let sql = sql.replace("{only}", "WHERE id IN (SELECT value FROM json_each(?2))");
            each(conn, &sql, rusqlite::params![MOST_OF_A_KIND, ids], of_two)?;
        }
        Repeated::Many => each(conn, &sql.replace("{only}", ""), most, &mut of_two)?,
    }
    if !suspects.adopted_twice {
        return Ok(());
    }
    each(conn, &in_schema(ADOPTED_BY_TWO_CUSTOMERS), most, |row| {
        problems.add(Problem::platform_customer_of_two_customers(
            first_line(row, 0)?,
            &row.get(2)?,
            first_line(row, 1)?,
        ));
        Ok(())
    })
}

const SOURCE_OF_KNOWN_CUSTOMER: &str = "
SELECT i.lines, p.id, m.legacy_id FROM incoming.payment_method p JOIN incoming.customer i ON i.seq = p.customer
JOIN main.payment_method q ON q.id = p.id JOIN main.customer m ON m.seq = q.customer
WHERE m.legacy_id <> i.legacy_id LIMIT ?1";

const ADOPTED_BY_KNOWN_CUSTOMER: &str = "
SELECT i.lines, i.platform_customer, m.legacy_id FROM incoming.customer i
JOIN main.customer m ON m.platform_customer = i.platform_customer
WHERE m.legacy_id <> i.legacy_id LIMIT ?1";

/// What only shows beside the customers that the state file has. A newer CSV that calls a customer by another `legacy_id`
/// would have its cards cloned a second time.
pub(super) fn check_against_state(
    conn: &Connection,
    problems: &mut Problems,
) -> Result<(), StoreError> {
    let most = [MOST_OF_A_KIND];
    each(conn, SOURCE_OF_KNOWN_CUSTOMER, most, |row| {
        let (line, source) = (first_line(row, 0)?, row.get(1)?);
        problems.add(Problem::payment_method_of_known_customer(
            line,
            &source,
            &row.get(2)?,
        ));
        Ok(())
    })?;
    each(conn, ADOPTED_BY_KNOWN_CUSTOMER, most, |row| {
        let (line, adopted) = (first_line(row, 0)?, row.get(1)?);
        problems.add(Problem::platform_customer_of_known_customer(
            line,
            &adopted,
            &row.get(2)?,
        ));
        Ok(())
    })
}

fn each(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// The first of the lines that name a customer.
fn first_line(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let lines = row.get_ref(column)?.as_str()?;
    let first = lines.split(' ').next();
    Ok(first.and_then(|line| line.parse().ok()).unwrap_or(0))
}
