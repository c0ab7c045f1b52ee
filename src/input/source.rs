//! From a path to records, whatever the file is: text in columns, a workbook, or JSON as Stripe gives it back.

use std::io::Read;
use std::path::Path;

use super::bytes::{self, Form, Tally, Text};
use super::delimiter;
use super::encoding::Encoding;
use super::records::Records;
use super::wrong_file::Why;
use super::{nested, sheet};

/// How a file's text is to be taken, where it is said.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) encoding: Option<Encoding>,
    pub(super) delimiter: Option<u8>,
    /// Whether the file is read on a thread of its own, which takes memory and is worth it for the file that decides the speed.
    pub(super) ahead: bool,
    /// Whether a header's name is one that is known.
    pub(super) is_known: &'a dyn Fn(&str) -> bool,
}

/// A file's records, and what was found out about it.
pub(super) struct Opened {
    pub(super) records: Records,
    pub(super) tally: Tally,
    pub(super) kind: Kind,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text {
        form: Form,
        delimiter: u8,
    },
    /// The sheet that is read, and how many there are.
    #[cfg_attr(not(feature = "xlsx"), expect(dead_code, reason = "built without"))]
    Workbook {
        sheet: String,
        sheets: usize,
    },
    Nested,
}

/// Opens a file and finds out what it is.
pub(super) fn open(path: &Path, asked: Asked<'_>) -> Result<Opened, Why> {
    let source = bytes::open(path)?;
    let beginning = bytes::beginning(path)?;
    if sheet::is_one(&beginning) {
        return sheet::open(path);
    }
    if beginning.starts_with(b"{") {
        return nested::open(path);
    }
    let again = || bytes::open(path).map_err(|_| std::io::Error::other("it has changed meanwhile"));
    read(source, Some(&again), asked)
}

/// Reads text from any source.
pub(super) fn read(
    source: Box<dyn Read + Send>,
    again: Option<&dyn Fn() -> std::io::Result<Box<dyn Read + Send>>>,
    asked: Asked<'_>,
) -> Result<Opened, Why> {
    let Text { bytes, tally, form } = bytes::begin(
        source,
        again,
        asked.encoding,
        asked.ahead && again.is_some(),
    )?;
    let found = delimiter::find(bytes.buffer(), asked.delimiter, asked.is_known);
    let mut records = Records::new(bytes, found.byte);
    records.skip_lines(found.lines_above)?;
    Ok(Opened {
        records,
        tally,
        kind: Kind::Text {
            form,
            delimiter: found.byte,
        },
    })
}

impl Kind {
    /// What was assumed, for people to read.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Text { form, delimiter } => {
                let packed = if form.packed { "unpacked (gzip), " } else { "" };
                let mark = if form.marked {
                    " with a byte order mark"
                } else {
                    ""
                };
                let assumed = if form.assumed && form.encoding != Encoding::UTF_8 {
                    ", as it is not UTF-8 (--encoding says otherwise)"
                } else {
                    ""
                };
                format!(
                    "{packed}read as {}{mark}{assumed}, columns separated by {}",
                    form.encoding.name(),
                    delimiter::spoken(*delimiter)
                )
            }
            Self::Workbook { sheet, sheets: 1 } => {
                format!("read as an Excel workbook, sheet {sheet:?}; line numbers are its rows")
            }
            Self::Workbook { sheet, sheets } => format!(
                "read as an Excel workbook, the first of its {sheets} sheets ({sheet:?}); line numbers are its rows"
            ),
            Self::Nested => "read as JSON, as Stripe gives it back after an import".to_owned(),
        }
    }

    /// The character between columns with which a file for the same eyes is written.
    pub(super) fn delimiter(&self) -> u8 {
        match self {
            Self::Text {
                delimiter: delimiter @ (b';' | b'\t'),
                ..
            } => *delimiter,
            Self::Text { .. } | Self::Workbook { .. } | Self::Nested => b',',
        }
    }

    /// How much text a byte of the file is, about.
    pub(super) fn text_per_byte(&self) -> u64 {
        match self {
            Self::Text { form, .. } if form.packed => 6,
            Self::Workbook { .. } => 6,
            Self::Text { .. } | Self::Nested => 1,
        }
    }
}
