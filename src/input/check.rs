//! From a record to a [`Line`], or to all that is wrong with it at once.

use std::collections::HashSet;

use super::card;
use super::cell::{self, Breaks, Complaint};
use super::columns::{Column, Content, Field, METADATA_KEYS_MAX};
use super::problem::{Problem, ProblemKind, Problems, Severity};
use super::records::Record;
use super::wrong_file::Why;
use crate::ids::{AccountId, CustomerId, InvalidId, LegacyId, PaymentMethodId};
use crate::legacy::{AddressField, Details, Line};

// Stripe's limits on a Customer's fields, in characters (its OpenAPI description, version 2026-09-30).
const NAME_CHARS_MAX: usize = 256;
const PHONE_CHARS_MAX: usize = 20;
const DESCRIPTION_CHARS_MAX: usize = 5_000;
/// Stripe names no limit on the parts of an address; this is ours, against cells that have run together.
const ADDRESS_CHARS_MAX: usize = 500;
/// Stripe's limit on a metadata value (<https://docs.stripe.com/api/metadata>).
const METADATA_VALUE_CHARS_MAX: usize = 500;

/// Stops the import at what passes for a card number, wherever digits have no business; in a line of any shape.
pub(super) fn refuse_card_numbers(record: &Record, columns: &[Column]) -> Result<(), Why> {
    let line = record.line;
    for (index, cell) in record.cells().enumerate() {
        let column = columns.get(index);
        if column.is_some_and(Column::may_hold_digits) || !card::holds_number(cell) {
            continue;
        }
        let column = column.map_or_else(|| (index + 1).to_string(), |c| c.label.clone());
        return Err(Why::CardNumber { line, column });
    }
    Ok(())
}

/// The line that a record is, or `None` when something stands against it; what, is among the problems then.
pub(super) fn line(record: &Record, columns: &[Column], problems: &mut Problems) -> Option<Line> {
    if let Some(problem) = misshapen(record, columns.len()) {
        problems.add(problem);
        return None;
    }
    let mut draft = Draft::new(record.line, problems);
    for (column, cell) in columns.iter().zip(record.cells()) {
        draft.column = &column.label;
        draft.take(&column.content, cell);
    }
    draft.finish()
}

/// Whether the record has as many cells as the header; if not, what may have happened to it.
fn misshapen(record: &Record, expected: usize) -> Option<Problem> {
    let found = record.len();
    let problem =
        |kind, what: String, remedy| Some(Problem::new(record.line, "", kind, what, remedy));
    let runs_on = if record.last_line > record.line {
        format!(" and runs on to line {}", record.last_line)
    } else {
        String::new()
    };
    if record.unclosed && !(found == expected && runs_on.is_empty()) {
        return problem(
            ProblemKind::UnclosedQuote,
            "has a quote that is not closed before the end of the file".to_owned(),
            "close it, or double it if it belongs to the text",
        );
    }
    let cells = if found == 1 { "cell" } else { "cells" };
    let what = format!("has {found} {cells}{runs_on}, where the header has {expected}");
    let remedy = match (runs_on.is_empty(), found < expected) {
        (false, _) => "look for a quote that is not closed, or not doubled inside a cell",
        (true, true) => "add the missing commas; are cells missing at the end?",
        (true, false) => "put cells that hold commas in quotes, or remove what is too much",
    };
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => problem(ProblemKind::TooFewCells, what, remedy),
        std::cmp::Ordering::Greater => problem(ProblemKind::TooManyCells, what, remedy),
    }
}

/// A line in the making.
struct Draft<'a> {
    number: u64,
    /// The label of the column that is looked at.
    column: &'a str,
    problems: &'a mut Problems,
    failed: bool,
    legacy_id: Option<LegacyId>,
    details: Details,
    platform_customer: Option<CustomerId>,
    payment_methods: Vec<PaymentMethodId>,
    default_payment_method: Option<PaymentMethodId>,
    connected_accounts: Vec<AccountId>,
}

impl<'a> Draft<'a> {
    fn new(number: u64, problems: &'a mut Problems) -> Self {
        Self {
            number,
            column: "",
            problems,
            failed: false,
            legacy_id: None,
            details: Details::default(),
            platform_customer: None,
            payment_methods: Vec::new(),
            default_payment_method: None,
            connected_accounts: Vec::new(),
        }
    }

    fn complain(&mut self, Complaint { kind, what, remedy }: Complaint) {
        self.failed |= kind.severity() == Severity::Error;
        self.problems
            .add(Problem::new(self.number, self.column, kind, what, remedy));
    }

    /// Notes the complaint, if it is one; gives the value, if there is one.
    fn accept<T>(&mut self, result: Result<T, Complaint>) -> Option<T> {
        result.map_err(|complaint| self.complain(complaint)).ok()
    }

    fn take(&mut self, content: &Content, cell: &[u8]) {
        if *content == Content::Unread {
            return;
        }
        let Ok(text) = std::str::from_utf8(cell) else {
            return self.complain(Complaint::new(
                ProblemKind::InvalidUtf8,
                "has bytes that are not UTF-8",
                "save the file as UTF-8, or correct the cell",
            ));
        };
        let text = cell::trim(text);
        match content {
            Content::Field(Field::LegacyId) if text.is_empty() => self.complain(Complaint::new(
                ProblemKind::MissingLegacyId,
                "is empty, so the line is nobody's",
                "fill in the customer's id in your own system",
            )),
            _ if text.is_empty() => {}
            Content::Field(field) => self.take_field(*field, text),
            Content::Metadata(key) => self.take_metadata(key, text),
            Content::Unread => {}
        }
    }

    fn take_field(&mut self, field: Field, text: &str) {
        match field {
            Field::LegacyId => self.legacy_id = self.accept(legacy_id(text)),
            Field::Email => {
                self.details.email = self.accept(cell::email(text).map(|()| text.to_owned()));
            }
            Field::Name => self.details.name = self.text(text, NAME_CHARS_MAX, Breaks::Allowed),
            Field::Phone => self.details.phone = self.text(text, PHONE_CHARS_MAX, Breaks::Refused),
            Field::Description => {
                self.details.description = self.text(text, DESCRIPTION_CHARS_MAX, Breaks::Allowed);
            }
            Field::Address(part) => self.take_address(part, text),
            Field::PlatformCustomer => {
                self.platform_customer = self.id(text, CustomerId::parse);
            }
            Field::PaymentMethod => {
                self.payment_methods = self.list(text, PaymentMethodId::parse);
                self.warn_of_sources();
            }
            Field::DefaultPaymentMethod => {
                self.default_payment_method = self.id(text, PaymentMethodId::parse);
            }
            Field::ConnectedAccount => {
                self.connected_accounts = self.list(text, AccountId::parse);
            }
        }
    }

    fn text(&mut self, text: &str, max_chars: usize, breaks: Breaks) -> Option<String> {
        self.accept(cell::text(text, max_chars, breaks).map(|()| text.to_owned()))
    }

    fn take_address(&mut self, part: AddressField, text: &str) {
        let value = match part {
            AddressField::Country => self.accept(cell::country(text)),
            AddressField::Line1
            | AddressField::Line2
            | AddressField::City
            | AddressField::State
            | AddressField::PostalCode => self.text(text, ADDRESS_CHARS_MAX, Breaks::Allowed),
        };
        if let Some(value) = value {
            self.details.address.insert(part, value);
        }
    }

    fn take_metadata(&mut self, key: &str, text: &str) {
        if let Some(value) = self.text(text, METADATA_VALUE_CHARS_MAX, Breaks::Allowed) {
            self.details.metadata.insert(key.to_owned(), value);
        }
    }

    fn id<T>(&mut self, text: &str, parse: fn(&str) -> Result<T, InvalidId>) -> Option<T> {
        self.accept(parse(text).map_err(|error| cell::misfit(&error, text)))
    }

    /// One id or several, in their order, each once.
    fn list<T: std::fmt::Display>(
        &mut self,
        text: &str,
        parse: fn(&str) -> Result<T, InvalidId>,
    ) -> Vec<T> {
        if !text.contains(';') {
            return self.id(text, parse).into_iter().collect();
        }
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        for part in text.split(';').map(cell::trim) {
            if part.is_empty() {
                continue;
            }
            let Some(id) = self.id(part, parse) else {
                continue;
            };
            if seen.insert(part) {
                ids.push(id);
                continue;
            }
            self.complain(Complaint::new(
                ProblemKind::RepeatedInCell,
                format!("names {id} more than once"),
                "it is taken once; nothing needs to be done",
            ));
        }
        ids
    }

    fn warn_of_sources(&mut self) {
        let sources = self.payment_methods.iter();
        let complaints: Vec<_> = sources
            .filter(|id| id.as_str().starts_with("src_"))
            .map(|id| {
                Complaint::new(
                    ProblemKind::CannotBeCloned,
                    format!("{id} is a Source, which Stripe does not clone"),
                    "ask the customer for a card or bank account again",
                )
            })
            .collect();
        for complaint in complaints {
            self.complain(complaint);
        }
    }

    fn finish(mut self) -> Option<Line> {
        self.column = "";
        self.judge_metadata();
        if self.failed {
            return None;
        }
        self.warn_of_gaps();
        Some(Line {
            number: self.number,
            legacy_id: self.legacy_id?,
            details: self.details,
            platform_customer: self.platform_customer,
            payment_methods: self.payment_methods,
            default_payment_method: self.default_payment_method,
            connected_accounts: self.connected_accounts,
        })
    }

    fn judge_metadata(&mut self) {
        let count = self.details.metadata.len();
        if count > METADATA_KEYS_MAX {
            self.complain(Complaint::new(
                ProblemKind::TooMuchMetadata,
                format!("fills {count} metadata columns; {METADATA_KEYS_MAX} fit beside those that pmclone writes"),
                "leave some of them out",
            ));
        }
    }

    fn warn_of_gaps(&mut self) {
        let gap = match (
            self.payment_methods.is_empty(),
            self.connected_accounts.is_empty(),
        ) {
            (true, false) => Complaint::new(
                ProblemKind::NoPaymentMethod,
                "names accounts and no PaymentMethod, so this line brings them no card",
                "fill in payment_method if there is one",
            ),
            (false, true) => Complaint::new(
                ProblemKind::NoConnectedAccount,
                "names PaymentMethods and no connected account, so this line clones nothing",
                "fill in connected_account if there is one",
            ),
            (true, true) | (false, false) => return,
        };
        self.complain(gap);
    }
}

fn legacy_id(text: &str) -> Result<LegacyId, Complaint> {
    LegacyId::parse(text).map_err(|what| {
        let remedy = "correct it, as it is written into the metadata of all that is made";
        Complaint::new(ProblemKind::InvalidLegacyId, what, remedy)
    })
}
