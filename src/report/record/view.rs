//! PURE. What the page is put together from: sections of facts, tables, charts and notes. The template knows these and nothing else,
//! so that every table looks, sorts and reads alike.

use super::visible;
use crate::report::words::{number, percent};
use crate::state::Standing;

/// A part of the page with a heading.
#[derive(Debug, Default)]
pub struct Section {
    /// For links.
    pub id: &'static str,
    /// The heading.
    pub title: &'static str,
    /// What it says before anything else.
    pub lead: Vec<String>,
    /// What follows, in order.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug)]
pub enum Block {
    /// Names and values.
    Facts(Vec<(String, Cell)>),
    /// A table.
    Table(Table),
    /// A chart.
    Chart(super::charts::Chart),
    /// A table that is opened when it is wanted.
    Folded(String, Table),
    /// A sentence.
    Note(String),
}

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    /// What it is of, for those who hear it and those who see it.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows; the first cell of each is its heading.
    pub rows: Vec<Vec<Cell>>,
    /// Long enough to be sorted by whoever reads it.
    pub sortable: bool,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Numbers stand to the right.
    pub is_number: bool,
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// How it looks.
    pub class: &'static str,
    /// A line each.
    pub lines: Vec<String>,
    /// What it is sorted by, where the text does not tell.
    pub sort: Option<u64>,
    /// How much of a bar is filled, in thousandths.
    pub share: Option<u64>,
}

/// Columns of text.
pub fn text_column(title: &'static str) -> Column {
    Column {
        title,
        is_number: false,
    }
}

/// A column of numbers.
pub fn number_column(title: &'static str) -> Column {
    Column {
        title,
        is_number: true,
    }
}

/// Words of ours, or of others.
pub fn text(text: impl AsRef<str>) -> Cell {
    Cell {
        class: "text",
        lines: vec![visible(text.as_ref())],
        ..Cell::default()
    }
}

/// An id, a digest, a code: in a typewriter's letters, broken anywhere.
pub fn code(text: impl AsRef<str>) -> Cell {
    Cell {
        class: "code",
        ..self::text(text)
    }
}

/// The same, with places to break it at: a reason.
pub fn codes(texts: impl IntoIterator<Item = String>, most: usize) -> Cell {
    Cell {
        class: "code",
        ..ids(texts, most)
    }
}

/// An id of Stripe's, in one piece.
pub fn id(text: impl AsRef<str>) -> Cell {
    Cell {
        class: "id",
        ..self::text(text)
    }
}

/// Several of them, a line each; the first few.
pub fn ids(texts: impl IntoIterator<Item = String>, most: usize) -> Cell {
    let all: Vec<String> = texts.into_iter().map(|text| visible(&text)).collect();
    let more = all.len().saturating_sub(most);
    let mut lines: Vec<String> = all.into_iter().take(most).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    Cell {
        class: "id",
        lines,
        ..Cell::default()
    }
}

/// An id that may be missing.
pub fn id_or_none(text: Option<impl AsRef<str>>) -> Cell {
    text.map_or_else(Cell::default, id)
}

/// A legacy id: anybody may have chosen it, as long as they liked.
pub fn name(text: impl AsRef<str>) -> Cell {
    /// Longer ones are cut off on the screen, until they are pointed at.
    const LONG: usize = 60;
    let cell = code(text);
    let long = cell.lines.iter().any(|line| line.chars().count() > LONG);
    Cell {
        class: if long { "code name long" } else { "code name" },
        ..cell
    }
}

/// A number.
pub fn whole(n: u64) -> Cell {
    Cell {
        class: if n == 0 { "number none" } else { "number" },
        lines: vec![number(n)],
        sort: Some(n),
        share: None,
    }
}

/// Whole percent, with a bar.
pub fn share(part: u64, all: u64) -> Cell {
    let thousandths = part.saturating_mul(1000) / all.max(1);
    Cell {
        class: "share",
        lines: vec![percent(part, all)],
        sort: Some(thousandths),
        share: Some(thousandths.min(1000)),
    }
}

/// Where something stands; sorted by how much it needs a look.
pub fn standing(standing: Standing) -> Cell {
    let rank = Standing::ALL.iter().position(|each| *each == standing);
    Cell {
        class: class_of(standing),
        lines: vec![crate::report::status::people::word(standing).to_owned()],
        sort: rank.and_then(|rank| u64::try_from(rank).ok()),
        share: None,
    }
}

/// The same as a class of the style sheet.
pub fn class_of(standing: Standing) -> &'static str {
    match standing {
        Standing::InDoubt => "is is-doubt",
        Standing::Parked => "is is-parked",
        Standing::Refused => "is is-refused",
        Standing::InProgress => "is is-progress",
        Standing::Pending => "is is-pending",
        Standing::Migrated => "is is-migrated",
        Standing::Undone | Standing::PartlyUndone => "is is-undone",
    }
}

/// A verdict that is good, bad, or neither.
pub fn verdict(good: Option<bool>, text: impl AsRef<str>) -> Cell {
    let class = match good {
        Some(true) => "is is-migrated",
        Some(false) => "is is-refused",
        None => "is is-pending",
    };
    Cell {
        class,
        ..self::text(text)
    }
}

/// A time as it is written in data, `2026-10-01T12:00:09Z`, for people.
pub fn time(at: &str) -> Cell {
    let told = at.replace('T', " ");
    Cell {
        class: "time",
        lines: vec![told.trim_end_matches('Z').to_owned()],
        ..Cell::default()
    }
}
