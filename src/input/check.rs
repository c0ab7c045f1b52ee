//! From a record to a [`Line`], or to all that is wrong with it at once.

mod judge;

use std::collections::HashSet;

use super::cell::{self, Breaks, Complaint};
use super::columns::Layout;
use super::country;
use super::fields::{Field, Target};
use super::problem::{Problem, ProblemKind, Problems, Severity};
use super::profile::Profile;
use super::records::Record;
use super::words;
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

/// A line of a joined file that a record was extended with: where its columns begin, and its number there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    pub(super) start: usize,
    pub(super) line: u64,
}

/// The line that a record of the right shape is, or `None` when something stands against it; what, is among the problems then.
pub(super) fn line(
    record: &Record,
    layout: &Layout,
    beside: &[Beside],
    problems: &mut Problems,
) -> Option<Line> {
    let mut draft = Draft::new(record.line, layout, beside, problems);
    for (index, (column, cell)) in layout.columns.iter().zip(record.cells()).enumerate() {
        if let Some(target) = &column.target {
            draft.column = Some(index);
            draft.take(target, cell);
        }
    }
    for (target, template) in &layout.derived {
        draft.column = template.parts.first().map(|(_, column)| *column);
        let whole = *target == Target::Field(Field::LegacyId);
        match template.value(record, &layout.nulls, whole) {
            Ok(value) => draft.take_text(target, &value),
            Err(column) => {
                draft.column = Some(column);
                draft.complain(not_utf8());
            }
        }
    }
    for (target, value) in &layout.otherwise {
        draft.column = None;
        if !draft.has(target) {
            draft.take_text(target, value);
        }
    }
    draft.finish()
}

/// Constants and defaults are the same on every line: what is wrong with one is told once, and of none.
pub(super) fn values(layout: &Layout) -> Result<(), Why> {
    for (target, value) in &layout.otherwise {
        let field = target.name();
        if super::card::holds_number(value.as_bytes()) {
            return Err(Why::BadValue {
                field,
                what: "looks like a card number, which pmclone must never read".to_owned(),
            });
        }
        let mut problems = Problems::keeping(u64::MAX);
        Draft::new(0, layout, &[], &mut problems).take_text(target, value);
        let problems = problems.take();
        let mut errors = problems.into_iter();
        if let Some(wrong) = errors.find(|problem| problem.severity == Severity::Error) {
            return Err(Why::BadValue {
                field,
                what: wrong.what,
            });
        }
    }
    Ok(())
}

fn not_utf8() -> Complaint {
    Complaint::new(
        ProblemKind::InvalidUtf8,
        "has bytes that are not UTF-8",
        "save the file as UTF-8, or correct the cell, or say with --encoding what it is in",
    )
}

/// A line in the making.
struct Draft<'a> {
    number: u64,
    layout: &'a Layout,
    beside: &'a [Beside],
    /// The column that is looked at.
    column: Option<usize>,
    problems: &'a mut Problems,
    failed: bool,
    legacy_id: Option<LegacyId>,
    details: Details,
    platform_customer: Option<CustomerId>,
    payment_methods: Vec<PaymentMethodId>,
    default_payment_method: Option<PaymentMethodId>,
    is_default: Option<bool>,
    connected_accounts: Vec<AccountId>,
}

impl<'a> Draft<'a> {
    fn new(
        number: u64,
        layout: &'a Layout,
        beside: &'a [Beside],
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            number,
            layout,
            beside,
            column: None,
            problems,
            failed: false,
            legacy_id: None,
            details: Details::default(),
            platform_customer: None,
            payment_methods: Vec::new(),
            default_payment_method: None,
            is_default: None,
            connected_accounts: Vec::new(),
        }
    }

    fn complain(&mut self, complaint: Complaint) {
        let Complaint {
            kind,
            mut what,
            remedy,
        } = complaint;
        self.failed |= kind.severity() == Severity::Error;
        let column = self.column.and_then(|index| self.layout.columns.get(index));
        let label = column.map_or("", |column| column.label.as_str());
        let beside = self.beside.iter().rev();
        let of_side = self.column.filter(|index| *index >= self.layout.own);
        let line = of_side.and_then(|index| beside.clone().find(|side| side.start <= index));
        if let Some(side) = line.filter(|side| side.line > 0) {
            what = format!("{what} (on line {} there)", side.line);
        }
        self.problems
            .add(Problem::new(self.number, label, kind, what, remedy));
    }

    /// Notes the complaint, if it is one; gives the value, if there is one.
    fn accept<T>(&mut self, result: Result<T, Complaint>) -> Option<T> {
        result.map_err(|complaint| self.complain(complaint)).ok()
    }

    fn take(&mut self, target: &Target, cell: &[u8]) {
        let Ok(text) = std::str::from_utf8(cell) else {
            return self.complain(not_utf8());
        };
        let text = cell::trim(text);
        let text = if self.layout.nulls.has(text) {
            ""
        } else {
            text
        };
        self.take_text(target, text);
    }

    fn take_text(&mut self, target: &Target, text: &str) {
        match target {
            Target::Field(Field::LegacyId) if text.is_empty() => self.complain(Complaint::new(
                ProblemKind::MissingLegacyId,
                "is empty, so the line is nobody's",
                "fill in the customer's id in your own system",
            )),
            _ if text.is_empty() => {}
            _ if words::is_spreadsheet_error(text) => self.complain(Complaint::new(
                ProblemKind::SpreadsheetError,
                "holds what a spreadsheet writes where a formula failed",
                "take the value from where the file was made",
            )),
            Target::Field(field) => self.take_field(*field, text),
            Target::Metadata(key) => self.take_metadata(key, text),
        }
    }

    /// Whether the line says something of it.
    fn has(&self, target: &Target) -> bool {
        match target {
            Target::Metadata(key) => self.details.metadata.contains_key(key),
            Target::Field(field) => match field {
                Field::LegacyId => self.legacy_id.is_some(),
                Field::Email => self.details.email.is_some(),
                Field::Name => self.details.name.is_some(),
                Field::Phone => self.details.phone.is_some(),
                Field::Description => self.details.description.is_some(),
                Field::Address(part) => self.details.address.contains_key(part),
                Field::PlatformCustomer => self.platform_customer.is_some(),
                Field::PaymentMethod => !self.payment_methods.is_empty(),
                Field::DefaultPaymentMethod => self.default_payment_method.is_some(),
                Field::IsDefault => self.is_default.is_some(),
                Field::ConnectedAccount => !self.connected_accounts.is_empty(),
            },
        }
    }

    fn take_field(&mut self, field: Field, text: &str) {
        match field {
            Field::LegacyId => self.legacy_id = self.accept(legacy_id(text)),
            Field::IsDefault => self.is_default = self.accept(boolean(text)),
            Field::Email => {
                self.details.email = self.accept(cell::email(text).map(|()| text.to_owned()));
            }
            Field::Name => self.details.name = self.text(text, NAME_CHARS_MAX, Breaks::Allowed),
            Field::Phone => self.take_phone(text),
            Field::Description => {
                self.details.description = self.text(text, DESCRIPTION_CHARS_MAX, Breaks::Allowed);
            }
            Field::Address(part) => self.take_address(part, text),
            Field::PlatformCustomer => {
                self.platform_customer = self.id(text, CustomerId::parse);
            }
            Field::PaymentMethod => {
                self.payment_methods = self.list(text, PaymentMethodId::parse);
                self.refuse_templates();
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
        if !text.is_ascii() && cell::is_damaged(text) {
            self.complain(Complaint::new(
                ProblemKind::DamagedText,
                "has characters that were lost or mixed up when it was converted",
                "take the value from where the file was made; it would reach the connected account like this",
            ));
        }
        self.accept(cell::text(text, max_chars, breaks).map(|()| text.to_owned()))
    }

    fn take_phone(&mut self, text: &str) {
        if words::is_rounded_number(text) {
            return self.complain(rounded());
        }
        let shortens = self.layout.profile.is_some_and(Profile::shortens_phones);
        if shortens && text.chars().count() > PHONE_CHARS_MAX {
            let short = cell::short_phone(text);
            self.details.phone = self.text(&short, PHONE_CHARS_MAX, Breaks::Refused);
            return;
        }
        self.details.phone = self.text(text, PHONE_CHARS_MAX, Breaks::Refused);
    }

    fn take_address(&mut self, part: AddressField, text: &str) {
        let value = match part {
            AddressField::Country => self.accept(country_code(text)),
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
        // The 15 digits that a spreadsheet keeps may be most of a card number.
        if words::is_rounded_number(text) {
            return self.complain(rounded());
        }
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
        let one = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.chars().all(one) {
            return self.id(text, parse).into_iter().collect();
        }
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        let parts = cell::parts(text);
        for part in parts.iter().map(|part| cell::trim(part)) {
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
}

fn legacy_id(text: &str) -> Result<LegacyId, Complaint> {
    if words::is_rounded_number(text) {
        return Err(rounded());
    }
    LegacyId::parse(text).map_err(|what| {
        let remedy = "correct it, as it is written into the metadata of all that is made";
        Complaint::new(ProblemKind::InvalidLegacyId, what, remedy)
    })
}

fn rounded() -> Complaint {
    Complaint::new(
        ProblemKind::RoundedNumber,
        "is a number that a spreadsheet rounded, as in 4.9E+12: its last digits are lost",
        "take the file as it was before it was saved there, or format the column as text first",
    )
}

fn boolean(text: &str) -> Result<bool, Complaint> {
    words::boolean(text).ok_or_else(|| {
        Complaint::new(
            ProblemKind::InvalidBoolean,
            "is neither yes nor no",
            "write true or false, yes or no, 1 or 0",
        )
    })
}

fn country_code(text: &str) -> Result<String, Complaint> {
    country::code(text).map(str::to_owned).ok_or_else(|| {
        Complaint::new(
            ProblemKind::InvalidCountry,
            "is neither a country's code nor its name",
            "write the ISO 3166 code, as in DE or US",
        )
    })
}
