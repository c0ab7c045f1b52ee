//! Lines that stand side by side become a customer's rows: all that can be done to them without the tables, so that a
//! thread of its own can do it while another writes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::emails::Emails;
use super::seen::{Kind, Seen};
use crate::ids::{AccountId, CustomerId, LegacyId, PaymentMethodId};
use crate::input::Problems;
use crate::legacy::Line;
use crate::state::Position;
use crate::store::StoreError;
use crate::store::gather::{Digested, Gathered, details_digest, gather};

/// Takes a file's lines in, and gives customers out.
pub struct Gathering {
    pending: Vec<Line>,
    seen: Seen,
    repeated: Repeated,
    adopted_twice: bool,
    emails: Emails,
    problems: Problems,
}

/// What a file says of a customer in one place.
pub enum Named {
    /// It was certainly not named further up.
    First(Ready),
    /// Perhaps it was: then what is there is gathered with these lines.
    Again(Vec<Line>),
}

/// What a whole file comes to, beside its customers.
pub struct Read {
    /// What is wrong with its lines.
    pub problems: Problems,
    pub(super) repeated: Repeated,
    /// Whether two customers may name the same Customer to adopt.
    pub(super) adopted_twice: bool,
}

/// Sources that two customers may ask for.
pub(super) enum Repeated {
    /// At most these.
    Few(BTreeSet<PaymentMethodId>),
    /// Too many to be held in memory: the table is asked.
    Many,
}

/// Some megabytes.
const FEW_REPEATED: usize = 50_000;

impl Repeated {
    fn add(&mut self, source: &PaymentMethodId) {
        match self {
            Self::Few(sources) if sources.len() < FEW_REPEATED => {
                sources.insert(source.clone());
            }
            Self::Few(_) => *self = Self::Many,
            Self::Many => {}
        }
    }
}

impl Gathering {
    /// For a file of so many bytes.
    pub fn new(file_bytes: u64) -> Self {
        Self {
            pending: Vec::new(),
            seen: Seen::for_file_of(file_bytes),
            repeated: Repeated::Few(BTreeSet::new()),
            adopted_twice: false,
            emails: Emails::new(),
            problems: Problems::default(),
        }
    }

    /// Keeps so many problems of each kind in full.
    #[must_use]
    pub fn keeping(mut self, problems: u64) -> Self {
        self.problems = Problems::keeping(problems);
        self
    }

    /// Where the reader of the file adds what it finds.
    pub fn problems(&mut self) -> &mut Problems {
        &mut self.problems
    }

    /// Takes a line; gives the customer of the lines before once they are complete. Lines of one customer are cheapest side by
    /// side, and may stand anywhere.
    pub fn add(&mut self, line: Line) -> Result<Option<Named>, StoreError> {
        let same = |first: &Line| first.legacy_id == line.legacy_id;
        let named = if self.pending.first().is_none_or(same) {
            None
        } else {
            self.flush()?
        };
        self.pending.push(line);
        Ok(named)
    }

    /// The last customer, and what was found on the way.
    pub fn finish(mut self) -> Result<(Option<Named>, Read), StoreError> {
        let named = self.flush()?;
        self.emails.finish(&mut self.problems)?;
        let read = Read {
            problems: self.problems,
            repeated: self.repeated,
            adopted_twice: self.adopted_twice,
        };
        Ok((named, read))
    }

    fn flush(&mut self) -> Result<Option<Named>, StoreError> {
        self.note_email()?;
        let Some(first) = self.pending.first() else {
            return Ok(None);
        };
        if self.seen.insert(Kind::Customer, first.legacy_id.as_str()) {
            let lines = std::mem::take(&mut self.pending);
            for line in &lines {
                self.note(line.platform_customer.as_ref(), &line.payment_methods);
            }
            return Ok(Some(Named::Again(lines)));
        }
        let numbers = numbers_text(&self.pending);
        let Some(customer) = gather(self.pending.drain(..), &mut self.problems) else {
            return Ok(None);
        };
        self.note(customer.platform_customer.as_ref(), &customer.sources);
        Ok(Some(Named::First(Ready::new(customer, numbers)?)))
    }

    /// The address of the lines at hand, by the first of them that gives it.
    fn note_email(&mut self) -> Result<(), StoreError> {
        let mut lines = self.pending.iter();
        let given = lines.find_map(|line| Some((line, line.details.email.as_deref()?)));
        let Some((line, email)) = given else {
            return Ok(());
        };
        let email = if email.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(email.to_ascii_lowercase())
        } else {
            Cow::Borrowed(email)
        };
        let met = self.seen.insert(Kind::Email, &email);
        Ok(self
            .emails
            .take(&email, met, &line.legacy_id, line.number)?)
    }

    fn note(&mut self, adopted: Option<&CustomerId>, sources: &[PaymentMethodId]) {
        if let Some(adopted) = adopted {
            self.adopted_twice |= self.seen.insert(Kind::Adopted, adopted.as_str());
        }
        for source in sources {
            if self.seen.insert(Kind::Source, source.as_str()) {
                self.repeated.add(source);
            }
        }
    }
}

/// A customer in the form of its rows.
pub struct Ready {
    pub(super) legacy_id: LegacyId,
    /// Where the file names it, as the tables keep it.
    pub(super) lines: String,
    pub(super) platform_customer: Option<CustomerId>,
    pub(super) default: Option<PaymentMethodId>,
    /// Contact details as JSON.
    pub(super) details: String,
    pub(super) sources: Vec<PaymentMethodId>,
    pub(super) targets: Vec<(AccountId, Vec<Position>)>,
}

impl Ready {
    /// Whether it names a default that it does not have, by the lines so far.
    pub(super) fn lacks_default(&self) -> bool {
        let default = self.default.as_ref();
        default.is_some_and(|default| !self.sources.contains(default))
    }

    /// Worked out by who writes it, as the reading side has more to do.
    pub(super) fn digest(&self) -> i64 {
        let all = Digested {
            platform_customer: self.platform_customer.as_ref(),
            sources: &self.sources,
            targets: &self.targets,
        };
        all.digest()
    }

    /// The same of what its Customers are given.
    pub(super) fn details_digest(&self) -> i64 {
        let default = self.default.as_ref().or_else(|| self.sources.first());
        details_digest(&self.details, default)
    }

    pub(super) fn new(customer: Gathered, lines: String) -> Result<Self, StoreError> {
        let details = serde_json::to_string(&customer.details).map_err(|_| {
            StoreError::Damaged(format!(
                "the details of {} cannot be written",
                customer.legacy_id
            ))
        })?;
        Ok(Self {
            legacy_id: customer.legacy_id,
            lines,
            platform_customer: customer.platform_customer,
            default: customer.default,
            details,
            sources: customer.sources,
            targets: customer.targets,
        })
    }
}

/// Where the file names a customer, as the tables keep it.
pub(super) fn numbers_text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&line.number.to_string());
    }
    text
}
