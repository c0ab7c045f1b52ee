//! Stripe's result of an import as JSON, `{"<old customer>":{"id":"cus_…","cards":{"<old card>":{"id":"…",…}}}}`, as records of the CSV
//! that Stripe gives back for the same: a record a card. Customer by customer, so that memory does not grow with the file.
//!
//! Hazard: serde's errors quote what they found, and that may be a card number. They are told by their place alone.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};

use super::bytes::Tally;
use super::card;
use super::records::Records;
use super::source::{Kind, Opened};
use super::wrong_file::Why;

/// The header of the CSV of the same.
const HEADER: [&str; 5] = [
    "1",
    "old_id",
    "source_old_id",
    "created_customer",
    "source_new_id",
];

type Writer = csv::Writer<io::BufWriter<File>>;

/// Reads the whole file into a nameless temporary one, and gives that one's records.
pub(super) fn open(path: &Path) -> Result<Opened, Why> {
    let mut writer = csv::Writer::from_writer(io::BufWriter::new(tempfile::tempfile()?));
    writer.write_record(HEADER).map_err(io::Error::from)?;
    let line = Rc::new(Cell::new(1));
    let lines = Lines {
        source: BufReader::new(File::open(path)?),
        line: Rc::clone(&line),
    };
    let refused = Rc::new(Cell::new(None));
    let mut reader = serde_json::Deserializer::from_reader(lines);
    let customers = Customers {
        writer: &mut writer,
        line: &line,
        refused: &refused,
    };
    let read = customers
        .deserialize(&mut reader)
        .and_then(|()| reader.end());
    if let Some(why) = refused.take() {
        return Err(why);
    }
    read.map_err(|error| match error.io_error_kind() {
        Some(kind) => Why::from(io::Error::from(kind)),
        None => Why::Nested(format!(
            "line {}, character {}",
            error.line(),
            error.column()
        )),
    })?;
    let spool = writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut spool = spool.into_inner().map_err(io::IntoInnerError::into_error)?;
    spool.rewind()?;
    let bytes: Box<dyn Read + Send> = Box::new(spool);
    Ok(Opened {
        records: Records::numbered(BufReader::with_capacity(64 * 1024, bytes)),
        tally: Tally::of_all(File::open(path)?)?,
        kind: Kind::Nested,
    })
}

/// Counts the lines that have been read.
struct Lines<R> {
    source: R,
    line: Rc<Cell<u64>>,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        // serde_json asks for a byte at a time.
        for byte in buffer.get(..count).unwrap_or_default() {
            self.line.set(self.line.get() + u64::from(*byte == b'\n'));
        }
        Ok(count)
    }
}

struct Customers<'a> {
    writer: &'a mut Writer,
    line: &'a Rc<Cell<u64>>,
    refused: &'a Rc<Cell<Option<Why>>>,
}

impl<'de> DeserializeSeed<'de> for Customers<'_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Customers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of old customers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut customers: A) -> Result<(), A::Error> {
        while let Some(old) = customers.next_key::<String>()? {
            let customer = customers.next_value_seed(Customer {
                line: self.line,
                refused: self.refused,
            })?;
            let id = customer.id.ok_or_else(|| A::Error::custom("no id"))?;
            let mut write = |line: u64, old_card: &str, card: &str| {
                let line = line.to_string();
                let cells = [line.as_str(), &old, old_card, &id, card];
                self.writer.write_record(cells).map_err(A::Error::custom)
            };
            if customer.cards.is_empty() {
                write(self.line.get(), "", "")?;
            }
            for (line, old_card, card) in &customer.cards {
                write(*line, old_card, card)?;
            }
        }
        Ok(())
    }
}

/// A customer of the file, with its cards: where each ends, its old id, its new one.
#[derive(Default)]
struct Found {
    id: Option<String>,
    cards: Vec<(u64, String, String)>,
}

struct Customer<'a> {
    line: &'a Rc<Cell<u64>>,
    refused: &'a Rc<Cell<Option<Why>>>,
}

impl<'de> DeserializeSeed<'de> for Customer<'_> {
    type Value = Found;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Customer<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with id and cards")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "id" => found.id = Some(fields.next_value()?),
                "cards" => {
                    found.cards = fields.next_value_seed(Cards {
                        line: self.line,
                        refused: self.refused,
                    })?;
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// A customer's cards, one after the other, so that each has its line.
struct Cards<'a> {
    line: &'a Rc<Cell<u64>>,
    refused: &'a Rc<Cell<Option<Why>>>,
}

impl<'de> DeserializeSeed<'de> for Cards<'_> {
    type Value = Vec<(u64, String, String)>;
    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Cards<'_> {
    type Value = Vec<(u64, String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of old cards")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut cards: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some((old, card)) = cards.next_entry::<String, serde_json::Value>()? {
            self.refuse_numbers(&card)?;
            let id = card.get("id").and_then(serde_json::Value::as_str);
            let id = id.ok_or_else(|| A::Error::custom("no id"))?;
            found.push((self.line.get(), old, id.to_owned()));
        }
        Ok(found)
    }
}

impl Cards<'_> {
    /// Stops at a card's number or code, by its name or by what it holds.
    fn refuse_numbers<E: serde::de::Error>(&self, card: &serde_json::Value) -> Result<(), E> {
        let fields = card.as_object().into_iter().flatten();
        for (name, value) in fields {
            if card::is_named_by(name) {
                self.refused.set(Some(Why::CardColumn(name.clone())));
                return Err(E::custom("a card's number"));
            }
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            if name != "id" && name != "fingerprint" && card::holds_number(text.as_bytes()) {
                let (line, column) = (self.line.get(), name.clone());
                self.refused.set(Some(Why::CardNumber { line, column }));
                return Err(E::custom("a card's number"));
            }
        }
        Ok(())
    }
}
