//! PURE. One SQL statement for each migrated source, from a template of the user's own.
//!
//! Hazard: the statements are run on somebody's database, and a legacy id is text that other people may have chosen. So values
//! are put in as whole literals, never as parts of one; a template with a placeholder inside quotes is refused. And since MySQL takes
//! a backslash in a literal for an escape and others do not, a value with one is written only once the dialect is said.

use std::fmt::Write as _;

use super::export::{HEADER, Row};
use crate::ids::{AccountId, CustomerId, PaymentMethodId};

/// How a backslash in a literal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Not said: the statements are the same in all of them.
    Any,
    /// As standard SQL, PostgreSQL and SQLite do: it stands for itself.
    Standard,
    /// As MySQL and MariaDB do by default: it escapes.
    Mysql,
}

/// A template that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A column of the mapping, by its place.
    Column(usize),
}

/// What a place in the template is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Quotes(char),
    Line,
    Block,
}

impl Template {
    /// Reads a template; the error is a sentence that says what is wrong.
    pub fn parse(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let (mut text, mut inside) = (String::new(), Inside::Nothing);
        let mut chars = template
            .trim()
            .trim_end_matches(';')
            .trim_end()
            .chars()
            .peekable();
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            match (c, next) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    chars.next();
                    text.push(c);
                }
                ('{', _) => {
                    let name = name(&mut chars)?;
                    let column = column(&name)?;
                    if inside != Inside::Nothing {
                        return Err(format!(
                            "{{{name}}} stands inside quotes or a comment: leave the quotes out, pmclone puts them"
                        ));
                    }
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(Part::Column(column));
                }
                ('}', _) => return Err("a } stands alone: write }} for one".to_owned()),
                _ => {
                    text.push(c);
                    inside = inside.after(c, next);
                    if matches!((c, next), ('*', Some('/'))) && inside == Inside::Nothing {
                        text.extend(chars.next());
                    }
                }
            }
        }
        if matches!(inside, Inside::Quotes(_) | Inside::Block) {
            return Err("a quote or comment is not closed".to_owned());
        }
        if parts.is_empty() {
            return Err(format!("it names no column; there are {}", names()));
        }
        parts.push(Part::Text(text));
        Ok(Self { parts })
    }

    /// The statement for a row; the error is a sentence.
    pub fn statement(&self, row: &Row, dialect: Dialect) -> Result<String, String> {
        let values = values(row);
        let mut statement = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => statement.push_str(text),
                Part::Column(column) => match values.get(*column) {
                    Some(Value::Text(text)) => literal(&mut statement, text, dialect)?,
                    Some(Value::Flag(true)) => statement.push_str("TRUE"),
                    Some(Value::Flag(false)) => statement.push_str("FALSE"),
                    Some(Value::Null) | None => statement.push_str("NULL"),
                },
            }
        }
        statement.push(';');
        Ok(statement)
    }
}

impl Inside {
    fn after(self, c: char, next: Option<char>) -> Self {
        match (self, c) {
            (Self::Nothing, '\'' | '"' | '`') => Self::Quotes(c),
            // A quote that is doubled closes and opens.
            (Self::Quotes(quote), _) if quote == c => Self::Nothing,
            (Self::Nothing, '-') if next == Some('-') => Self::Line,
            (Self::Line, '\n') => Self::Nothing,
            (Self::Nothing, '/') if next == Some('*') => Self::Block,
            (Self::Block, '*') if next == Some('/') => Self::Nothing,
            (inside, _) => inside,
        }
    }
}

/// The name up to the closing brace.
fn name(chars: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut name = String::new();
    for c in chars {
        if c == '}' {
            return Ok(name);
        }
        name.push(c);
    }
    Err(format!("{{{name} is not closed with a brace"))
}

fn column(name: &str) -> Result<usize, String> {
    let known = HEADER.iter().position(|known| *known == name);
    known.ok_or_else(|| format!("{{{name}}} is no column; there are {}", names()))
}

fn names() -> String {
    let names: Vec<_> = HEADER.iter().map(|name| format!("{{{name}}}")).collect();
    names.join(", ")
}

enum Value<'a> {
    Text(&'a str),
    Flag(bool),
    Null,
}

/// In the order of [`HEADER`].
fn values(row: &Row) -> [Value<'_>; 8] {
    fn text<'a, T>(id: Option<&'a T>, as_str: fn(&'a T) -> &'a str) -> Value<'a> {
        id.map_or(Value::Null, |id| Value::Text(as_str(id)))
    }
    [
        Value::Text(row.legacy_id.as_str()),
        text(row.platform_customer.as_ref(), CustomerId::as_str),
        text(
            row.platform_payment_method.as_ref(),
            PaymentMethodId::as_str,
        ),
        text(row.connected_account.as_ref(), AccountId::as_str),
        text(row.connected_customer.as_ref(), CustomerId::as_str),
        text(
            row.connected_payment_method.as_ref(),
            PaymentMethodId::as_str,
        ),
        Value::Flag(row.is_default),
        Value::Text(row.status.name()),
    ]
}

fn literal(statement: &mut String, text: &str, dialect: Dialect) -> Result<(), String> {
    if dialect == Dialect::Any && text.contains('\\') {
        return Err(format!(
            "{text:?} has a backslash, which databases read differently: say --dialect standard (PostgreSQL, SQLite and others) or --dialect mysql"
        ));
    }
    statement.push('\'');
    for c in text.chars() {
        match c {
            '\'' => statement.push_str("''"),
            '\\' if dialect == Dialect::Mysql => statement.push_str("\\\\"),
            c => statement
                .write_char(c)
                .map_err(|_| "out of memory".to_owned())?,
        }
    }
    statement.push('\'');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LegacyId;
    use crate::report::export::Fate;
    use crate::state::Standing;

    fn row(legacy_id: &str) -> Row {
        Row {
            legacy_id: LegacyId::parse(legacy_id).unwrap(),
            platform_customer: CustomerId::parse("cus_old").ok(),
            platform_payment_method: None,
            connected_account: AccountId::parse("acct_1").ok(),
            connected_customer: CustomerId::parse("cus_new").ok(),
            connected_payment_method: PaymentMethodId::parse("pm_new").ok(),
            is_default: true,
            status: Fate::Stands(Standing::Migrated),
        }
    }

    fn statement(template: &str, legacy_id: &str, dialect: Dialect) -> Result<String, String> {
        Template::parse(template)?.statement(&row(legacy_id), dialect)
    }

    #[test]
    fn values_are_literals_whatever_is_in_them() {
        let template = "UPDATE c SET a = {connected_customer}, p = {platform_payment_method}, d = {is_default} WHERE id = {legacy_id}";
        let of = |id, dialect| statement(template, id, dialect).unwrap();
        let begin = "UPDATE c SET a = 'cus_new', p = NULL, d = TRUE WHERE id = ";
        assert_eq!(of("42", Dialect::Any), format!("{begin}'42';"));
        assert_eq!(
            of("'; DROP TABLE c; --", Dialect::Any),
            format!("{begin}'''; DROP TABLE c; --';")
        );
        let evil = "\\' OR 1=1 -- ";
        let evil = evil.trim_end();
        assert!(statement(template, evil, Dialect::Any).is_err());
        assert_eq!(
            of(evil, Dialect::Standard),
            format!("{begin}'\\'' OR 1=1 --';")
        );
        assert_eq!(
            of(evil, Dialect::Mysql),
            format!("{begin}'\\\\'' OR 1=1 --';")
        );
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_a_value() {
        let told = statement("SELECT {legacy_id}", "{status}", Dialect::Any).unwrap();
        assert_eq!(told, "SELECT '{status}';");
    }

    #[test]
    fn templates_that_would_break_a_literal_are_refused() {
        let wrong = [
            ("UPDATE c SET a = '{legacy_id}'", "inside quotes"),
            ("UPDATE c SET a = \"{legacy_id}\"", "inside quotes"),
            ("UPDATE c -- {legacy_id}", "inside quotes or a comment"),
            ("UPDATE c /* {legacy_id} */", "inside quotes or a comment"),
            ("UPDATE c SET a = {nonsense}", "is no column"),
            ("UPDATE c SET a = {legacy_id", "not closed with a brace"),
            ("UPDATE c SET a = 1", "names no column"),
            ("UPDATE c SET a = } {legacy_id}", "stands alone"),
            ("UPDATE c SET a = {legacy_id} || 'x", "not closed"),
        ];
        for (template, why) in wrong {
            let told = Template::parse(template).err().unwrap_or_default();
            let is_it = told.contains(why);
            assert!(is_it, "{template}: {told}");
        }
    }

    #[test]
    fn quotes_braces_and_comments_of_the_template_stay() {
        let template = "UPDATE c /* all */ SET a = {legacy_id}, j = '{{\"it''s\": 1}}' -- done\nWHERE b = {status};";
        assert_eq!(
            statement(template, "1", Dialect::Any).unwrap(),
            "UPDATE c /* all */ SET a = '1', j = '{\"it''s\": 1}' -- done\nWHERE b = 'migrated';"
        );
    }
}
