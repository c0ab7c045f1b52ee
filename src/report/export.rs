//! The mapping: one row for each (source, connected account) that was asked for, streamed.
//!
//! | format | what it holds |
//! | --- | --- |
//! | `csv` | every row, whatever became of it; opens in a spreadsheet |
//! | `jsonl` | the same as one JSON object a line; nothing in it is ever escaped for a spreadsheet |
//! | `stripe` | the header of Stripe's own account copy; only what is migrated |
//! | `sql` | one statement for each row that is migrated, from a template ([`super::sql`]) |
//!
//! The legacy id is the one cell that other people choose (all others have a checked prefix or are ours), so it is the one that
//! [`crate::spreadsheet`] keeps from being run. A reader takes off one leading apostrophe, if there is one, and has the legacy
//! id back in every case; the JSON lines need no such care.
//!
//! Decision, `stripe`. That header has no column for the account (Stripe writes one file for each), so ids of several
//! accounts stand below each other: for one account's file the caller gives only that account's rows (`--account`).

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::sql::{Dialect, Template};
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::spreadsheet;
use crate::state::Standing;

/// One line of the mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The customer's id in the CSV that came in.
    #[serde(serialize_with = "legacy_id")]
    pub legacy_id: LegacyId,
    /// The Customer on the platform, once there is one.
    pub platform_customer: Option<CustomerId>,
    /// The source; `None` for a customer that has none.
    pub platform_payment_method: Option<PaymentMethodId>,
    /// The account asked for.
    pub connected_account: Option<AccountId>,
    /// The Customer there, once there is one.
    pub connected_customer: Option<CustomerId>,
    /// The clone there, once there is one.
    pub connected_payment_method: Option<PaymentMethodId>,
    /// The clone was made the default of the Customer there.
    pub is_default: bool,
    /// What became of it.
    pub status: Fate,
}

/// What became of a line of the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stands so.
    Stands(Standing),
    /// It is being taken back: that was begun, and is not done to the end.
    UndoUnfinished,
    /// The source is attached on the platform, and a line that was mended since asks for it nowhere any more.
    Replaced,
}

impl Fate {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stands(standing) => standing.name(),
            Self::UndoUnfinished => "undo_unfinished",
            Self::Replaced => "replaced",
        }
    }

    /// The standing that it counts as; none for what is not asked for.
    pub fn standing(self) -> Option<Standing> {
        match self {
            Self::Stands(standing) => Some(standing),
            Self::UndoUnfinished => Some(Standing::PartlyUndone),
            Self::Replaced => None,
        }
    }
}

impl Serialize for Fate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn legacy_id<S: Serializer>(id: &LegacyId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

/// How the mapping is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Format {
    /// [`HEADER`], comma, `\n`, UTF-8 without a byte-order mark.
    #[default]
    Csv,
    /// One object a line, with the same names; null for what is not there yet.
    Jsonl,
    /// [`STRIPE_HEADER`], only rows that are migrated.
    Stripe,
    /// A statement for each row that is migrated.
    Sql(Template, Dialect),
}

/// The columns of [`Format::Csv`].
pub const HEADER: [&str; 8] = [
    "legacy_id",
    "platform_customer",
    "platform_payment_method",
    "connected_account",
    "connected_customer",
    "connected_payment_method",
    "is_default",
    "status",
];

/// The columns of [`Format::Stripe`]: old are the platform's ids, new the connected account's.
pub const STRIPE_HEADER: [&str; 4] = [
    "customer_id_old",
    "source_id_old",
    "customer_id_new",
    "source_id_new",
];

/// Writes the mapping row by row; holds no more than a buffer.
pub struct Writer<W: Write> {
    form: Form<W>,
}

enum Form<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Jsonl(io::BufWriter<W>),
    Stripe(Box<csv::Writer<W>>),
    Sql(io::BufWriter<W>, Template, Dialect),
}

impl<W: Write> Writer<W> {
    /// Writes the header, where the format has one.
    pub fn new(format: Format, out: W) -> io::Result<Self> {
        let with_header = |out, header: &[&str]| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(header).map_err(as_io)?;
            Ok::<_, io::Error>(Box::new(csv))
        };
        let form = match format {
            Format::Csv => Form::Csv(with_header(out, &HEADER)?),
            Format::Jsonl => Form::Jsonl(io::BufWriter::new(out)),
            Format::Stripe => Form::Stripe(with_header(out, &STRIPE_HEADER)?),
            Format::Sql(template, dialect) => Form::Sql(io::BufWriter::new(out), template, dialect),
        };
        Ok(Self { form })
    }

    /// Writes a row, or leaves it out where the format does not hold it.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(csv) => {
                let id = spreadsheet::cell(row.legacy_id.as_str());
                csv.write_record(cells(&id, row)).map_err(as_io)
            }
            Form::Jsonl(out) => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
            Form::Stripe(csv) => match stripe_cells(row) {
                Some(cells) => csv.write_record(cells).map_err(as_io),
                None => Ok(()),
            },
            Form::Sql(out, template, dialect) if is_there(row) => {
                let statement = template.statement(row, *dialect);
                let unwritable = |why| io::Error::new(io::ErrorKind::InvalidData, why);
                writeln!(out, "{}", statement.map_err(unwritable)?)
            }
            Form::Sql(..) => Ok(()),
        }
    }

    /// Writes out what is still in the buffer and gives the output back. Without this call the mapping may be cut off.
    pub fn finish(self) -> io::Result<W> {
        match self.form {
            Form::Csv(csv) | Form::Stripe(csv) => {
                csv.into_inner().map_err(csv::IntoInnerError::into_error)
            }
            Form::Jsonl(out) | Form::Sql(out, ..) => {
                out.into_inner().map_err(io::IntoInnerError::into_error)
            }
        }
    }
}

fn cells<'a>(legacy_id: &'a str, row: &'a Row) -> [&'a str; 8] {
    [
        legacy_id,
        row.platform_customer
            .as_ref()
            .map_or("", CustomerId::as_str),
        row.platform_payment_method
            .as_ref()
            .map_or("", PaymentMethodId::as_str),
        row.connected_account.as_ref().map_or("", AccountId::as_str),
        row.connected_customer
            .as_ref()
            .map_or("", CustomerId::as_str),
        row.connected_payment_method
            .as_ref()
            .map_or("", PaymentMethodId::as_str),
        if row.is_default { "true" } else { "false" },
        row.status.name(),
    ]
}

/// What is asked for on no account is migrated without being anywhere: a statement would overwrite ids with nothing.
fn is_there(row: &Row) -> bool {
    row.status == Fate::Stands(Standing::Migrated) && row.connected_customer.is_some()
}

/// `None` where it is not migrated. A customer without any source has two empty cells.
fn stripe_cells(row: &Row) -> Option<[&str; 4]> {
    if row.status != Fate::Stands(Standing::Migrated) {
        return None;
    }
    let sources = match (&row.platform_payment_method, &row.connected_payment_method) {
        (Some(old), Some(new)) => (old.as_str(), new.as_str()),
        (None, None) => ("", ""),
        (Some(_), None) | (None, Some(_)) => return None,
    };
    let (old, new) = (
        row.platform_customer.as_ref()?,
        row.connected_customer.as_ref()?,
    );
    Some([old.as_str(), sources.0, new.as_str(), sources.1])
}

/// The csv crate wraps every error of the output; `BrokenPipe` must be told from outside.
fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::Closed;

    fn row(legacy_id: &str, status: Standing) -> Row {
        let migrated = status == Standing::Migrated;
        Row {
            legacy_id: LegacyId::parse(legacy_id).unwrap(),
            platform_customer: CustomerId::parse("cus_old").ok(),
            platform_payment_method: PaymentMethodId::parse("pm_old").ok(),
            connected_account: AccountId::parse("acct_1A").ok(),
            connected_customer: CustomerId::parse("cus_new").ok().filter(|_| migrated),
            connected_payment_method: PaymentMethodId::parse("pm_new").ok().filter(|_| migrated),
            is_default: migrated,
            status: Fate::Stands(status),
        }
    }

    fn written(format: Format, rows: &[Row]) -> String {
        let mut writer = Writer::new(format, Vec::new()).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    fn samples() -> [Row; 3] {
        [
            row("42", Standing::Migrated),
            row("a,\"b\"", Standing::Refused),
            Row {
                platform_payment_method: None,
                connected_payment_method: None,
                is_default: false,
                ..row("no-card", Standing::Migrated)
            },
        ]
    }

    #[test]
    fn csv_holds_every_row() {
        insta::assert_snapshot!(written(Format::Csv, &samples()), @r#"
        legacy_id,platform_customer,platform_payment_method,connected_account,connected_customer,connected_payment_method,is_default,status
        42,cus_old,pm_old,acct_1A,cus_new,pm_new,true,migrated
        "a,""b""",cus_old,pm_old,acct_1A,,,false,refused
        no-card,cus_old,,acct_1A,cus_new,,false,migrated
        "#);
    }

    #[test]
    fn json_lines_hold_the_same_with_nulls() {
        insta::assert_snapshot!(written(Format::Jsonl, &samples()), @r#"
        {"legacy_id":"42","platform_customer":"cus_old","platform_payment_method":"pm_old","connected_account":"acct_1A","connected_customer":"cus_new","connected_payment_method":"pm_new","is_default":true,"status":"migrated"}
        {"legacy_id":"a,\"b\"","platform_customer":"cus_old","platform_payment_method":"pm_old","connected_account":"acct_1A","connected_customer":null,"connected_payment_method":null,"is_default":false,"status":"refused"}
        {"legacy_id":"no-card","platform_customer":"cus_old","platform_payment_method":null,"connected_account":"acct_1A","connected_customer":"cus_new","connected_payment_method":null,"is_default":false,"status":"migrated"}
        "#);
    }

    #[test]
    fn stripes_header_holds_what_is_migrated() {
        insta::assert_snapshot!(written(Format::Stripe, &samples()), @r"
        customer_id_old,source_id_old,customer_id_new,source_id_new
        cus_old,pm_old,cus_new,pm_new
        cus_old,,cus_new,
        ");
    }

    #[test]
    fn an_empty_mapping_still_has_its_header() {
        assert_eq!(written(Format::Csv, &[]), format!("{}\n", HEADER.join(",")));
        assert_eq!(written(Format::Jsonl, &[]), "");
    }

    #[test]
    fn every_legacy_id_comes_back_from_the_csv() {
        let ids = ["=x", "'=x", "''", "a\"b", "a,b", "-5", "ä ö", "a;b", "'"];
        let rows = ids.map(|id| row(id, Standing::Migrated));
        let text = written(Format::Csv, &rows);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(
            reader.headers().unwrap(),
            &csv::StringRecord::from(HEADER.to_vec())
        );
        let cells: Vec<_> = reader
            .records()
            .map(|record| record.unwrap()[0].to_owned())
            .collect();
        let read: Vec<_> = cells.iter().map(|cell| spreadsheet::text(cell)).collect();
        assert_eq!(read, ids);
    }

    #[test]
    fn json_lines_come_back_as_they_were() {
        let text = written(Format::Jsonl, &[row("=x", Standing::InDoubt)]);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&read["legacy_id"], &read["status"]),
            (&"=x".into(), &"in_doubt".into())
        );
        assert_eq!(read.as_object().unwrap().len(), HEADER.len());
    }

    #[test]
    fn a_reader_that_has_gone_is_told_as_a_broken_pipe() {
        for format in [Format::Csv, Format::Jsonl, Format::Stripe] {
            let mut writer = Writer::new(format.clone(), Closed).unwrap();
            writer.row(&row("1", Standing::Migrated)).unwrap();
            let error = writer.finish().map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format:?}");
        }
    }
}
