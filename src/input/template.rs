//! What gives a field its value: a column, or several with text between them.

use std::borrow::Cow;

use super::cell;
use super::records::Record;
use super::words::Nulls;

/// Columns, each with the text that stands before it, and the text at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) parts: Vec<(String, usize)>,
    end: String,
}

/// A part of a template as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(String),
    Column(&'t str),
}

/// Takes a template apart: `{first_name} {last_name}`, with `{{` and `}}` for braces. A text without braces is one column.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    if !text.contains(['{', '}']) {
        return Ok(vec![Piece::Column(text.trim())]);
    }
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        literal.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            literal.push_str(from.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let inside = from.strip_prefix('{').ok_or("has a } without a {")?;
        let (name, after) = inside.split_once('}').ok_or("has a { without a }")?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Column(name.trim()));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
        return Err("names no column; a value that is the same on every line is a constant");
    }
    Ok(pieces)
}

impl Template {
    /// One column as it stands.
    pub(super) fn column(column: usize) -> Self {
        Self {
            parts: vec![(String::new(), column)],
            end: String::new(),
        }
    }

    /// Of pieces whose columns are found.
    pub(super) fn new(
        pieces: Vec<Piece<'_>>,
        mut find: impl FnMut(&str) -> Option<usize>,
    ) -> Option<Self> {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => literal.push_str(&text),
                Piece::Column(name) => parts.push((std::mem::take(&mut literal), find(name)?)),
            }
        }
        Some(Self {
            parts,
            end: literal,
        })
    }

    /// The same, of columns that stand further right.
    pub(super) fn moved(mut self, by: usize) -> Self {
        for (_, column) in &mut self.parts {
            *column += by;
        }
        self
    }

    /// The column, if it is one as it stands.
    pub(super) fn single(&self) -> Option<usize> {
        match self.parts.as_slice() {
            [(before, column)] if before.is_empty() && self.end.is_empty() => Some(*column),
            _ => None,
        }
    }

    /// The value on a line; empty where all of its columns are. Text between two columns is left out where one of them is empty.
    /// With `whole`, all of it is empty where any column is. `Err`: a column that is not UTF-8.
    pub(super) fn value<'r>(
        &self,
        record: &'r Record,
        nulls: &Nulls,
        whole: bool,
    ) -> Result<Cow<'r, str>, usize> {
        if let Some(column) = self.single() {
            return part(record, column, nulls).map(Cow::Borrowed);
        }
        let mut value = String::new();
        let mut any = false;
        for (at, (before, column)) in self.parts.iter().enumerate() {
            let text = part(record, *column, nulls)?;
            if text.is_empty() {
                if whole {
                    return Ok(Cow::Borrowed(""));
                }
                continue;
            }
            if any || at == 0 {
                value.push_str(before);
            }
            value.push_str(text);
            any = true;
        }
        if !any {
            return Ok(Cow::Borrowed(""));
        }
        value.push_str(&self.end);
        Ok(Cow::Owned(cell::trim(&value).to_owned()))
    }
}

fn part<'r>(record: &'r Record, column: usize, nulls: &Nulls) -> Result<&'r str, usize> {
    let text = std::str::from_utf8(record.cell(column)).map_err(|_| column)?;
    let text = cell::trim(text);
    Ok(if nulls.has(text) { "" } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::words::NullWords;

    fn value(template: &str, cells: [&str; 3]) -> String {
        let names = ["first", "middle", "last"];
        let pieces = pieces(template).unwrap();
        let find = |name: &str| names.iter().position(|each| *each == name);
        let template = Template::new(pieces, find).unwrap();
        let record = Record::of(2, cells.map(str::as_bytes));
        template
            .value(&record, &Nulls::new(&NullWords::Usual), false)
            .unwrap()
            .into_owned()
    }

    #[test]
    fn a_template_puts_columns_together() {
        let all = "{first} {middle} {last}";
        assert_eq!(value(all, ["Ada", "K.", "Lovelace"]), "Ada K. Lovelace");
        assert_eq!(value(all, ["Ada", "", "Lovelace"]), "Ada Lovelace");
        assert_eq!(value(all, ["", "NULL", " Lovelace "]), "Lovelace");
        assert_eq!(value(all, ["", "", ""]), "");
        assert_eq!(value("shop-{first}", ["7", "", ""]), "shop-7");
        assert_eq!(value("{last}, {first} (x)", ["Ada", "", "L"]), "L, Ada (x)");
        assert_eq!(value("{{{first}}}", ["Ada", "", ""]), "{Ada}");
        assert_eq!(value("first", ["Ada", "", ""]), "Ada");
    }

    #[test]
    fn a_template_that_cannot_be_read_says_why() {
        assert_eq!(pieces("{a"), Err("has a { without a }"));
        assert_eq!(pieces("a}"), Err("has a } without a {"));
        assert!(pieces("{{x}}").is_err());
    }
}
