//! `GET /v1/customers/search`: a query language, pages by token, and an index that lags behind the lists.
//!
//! A customer is found once its last change is older than the lag; until then it is not there at all. Stripe documents
//! the lag (normally under a minute, an hour in outages), the fields and operators, and that India has no Search.

use super::idempotency::Answer;
use super::objects::Customer;
use super::response::Failure;
use super::shelf::{Order, Slot};
use super::world::{Call, World};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Created,
    Email,
    Name,
    Phone,
    Metadata(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    Contains,
    More,
    MoreOrIs,
    Less,
    LessOrIs,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    negated: bool,
    field: Field,
    operator: Operator,
    /// `None` is the word `null`.
    value: Option<String>,
}

/// Clauses joined by AND, or by OR; Stripe forbids mixing them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Query {
    any: bool,
    clauses: Vec<Clause>,
}

impl World {
    pub(super) fn search_customers(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        if &*self.accounts.platform.country == "IN" {
            return Err(Failure::invalid(
                "Search is not available for accounts in India.",
            ));
        }
        let query = parse(call.params.filled("query").unwrap_or_default())?;
        let limit = call
            .params
            .integer("limit")
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(10);
        let skip: usize = match call.params.filled("page") {
            None => 0,
            Some(page) => page
                .strip_prefix("page_")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| Failure::invalid(format!("Invalid page: {page}")).param("page"))?,
        };
        let horizon = call.moment.unix - self.laws.search_lag_s;
        let nothing = Order::new();
        let order = self.customers.order(call.ledger).unwrap_or(&nothing);
        let found = order.iter().rev().map(|&(_, slot)| slot).filter(|&slot| {
            let record = self.customers.get(slot);
            record.changed <= horizon && query.fits(&record.object)
        });
        let mut page: Vec<Slot> = found.skip(skip).take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = more.then(|| format!("page_{}", skip + limit));
        let data: Vec<String> = page
            .into_iter()
            .map(|slot| self.render_customer(call, slot, "data."))
            .collect();
        let (data, next) = (data.join(","), json!(next));
        let body = format!(
            r#"{{"object":"search_result","data":[{data}],"has_more":{more},"next_page":{next},"url":"/v1/customers/search"}}"#
        );
        Ok(Answer::Text(body.into()))
    }
}

impl Query {
    fn fits(&self, customer: &Customer) -> bool {
        if self.any {
            self.clauses.iter().any(|clause| clause.fits(customer))
        } else {
            self.clauses.iter().all(|clause| clause.fits(customer))
        }
    }
}

impl Clause {
    fn fits(&self, customer: &Customer) -> bool {
        let created;
        let actual = match &self.field {
            Field::Created => {
                created = customer.created.to_string();
                Some(created.as_str())
            }
            Field::Email => customer.email.as_deref(),
            Field::Name => customer.name.as_deref(),
            Field::Phone => customer.phone.as_deref(),
            Field::Metadata(key) => customer
                .metadata
                .iter()
                .find(|(known, _)| **known == **key)
                .map(|(_, value)| &**value),
        };
        self.negated != self.compares(actual)
    }

    fn compares(&self, actual: Option<&str>) -> bool {
        let (Some(actual), Some(value)) = (actual, self.value.as_deref()) else {
            return actual.is_none() && self.value.is_none();
        };
        let number = |text: &str| text.parse::<i64>().unwrap_or_default();
        match self.operator {
            Operator::Is => actual.eq_ignore_ascii_case(value),
            Operator::Contains => actual
                .to_ascii_lowercase()
                .contains(&value.to_ascii_lowercase()),
            Operator::More => number(actual) > number(value),
            Operator::MoreOrIs => number(actual) >= number(value),
            Operator::Less => number(actual) < number(value),
            Operator::LessOrIs => number(actual) <= number(value),
        }
    }
}

fn parse(text: &str) -> Result<Query, Failure> {
    let mut rest = text.trim();
    let mut clauses = Vec::new();
    let mut any = None;
    loop {
        let (clause, after) = parse_clause(rest).ok_or_else(|| malformed(text))?;
        clauses.push(clause);
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(Query {
                any: any == Some(true),
                clauses,
            });
        }
        // A space alone joins by AND.
        let joined = [
            ("AND ", false),
            ("and ", false),
            ("OR ", true),
            ("or ", true),
        ]
        .into_iter()
        .find_map(|(word, or)| Some((or, rest.strip_prefix(word)?)));
        let (or, after) = joined.unwrap_or((false, rest));
        if any.is_some_and(|any| any != or) {
            return Err(
                Failure::invalid("You cannot use both AND and OR in the same query.")
                    .param("query"),
            );
        }
        any = Some(or);
        rest = after.trim_start();
    }
}

fn parse_clause(text: &str) -> Option<(Clause, &str)> {
    let (negated, text) = text
        .strip_prefix('-')
        .map_or((false, text), |text| (true, text));
    let (field, text) = parse_field(text)?;
    let operators = [
        (">=", Operator::MoreOrIs),
        ("<=", Operator::LessOrIs),
        (":", Operator::Is),
        ("~", Operator::Contains),
        (">", Operator::More),
        ("<", Operator::Less),
    ];
    let (operator, text) = operators
        .into_iter()
        .find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))?;
    let numeric = !matches!(operator, Operator::Is | Operator::Contains);
    if numeric && field != Field::Created {
        return None;
    }
    let (value, rest) = if let Some(rest) = text.strip_prefix("null") {
        (None, rest)
    } else if text.starts_with(['\'', '"']) {
        let (value, rest) = parse_quoted(text)?;
        (Some(value), rest)
    } else {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        (
            Some(digits)
                .filter(|digits| !digits.is_empty())
                .map(str::to_owned)
                .map(Some)?,
            rest,
        )
    };
    let clause = Clause {
        negated,
        field,
        operator,
        value,
    };
    Some((clause, rest))
}

fn parse_field(text: &str) -> Option<(Field, &str)> {
    if let Some(rest) = text.strip_prefix("metadata[") {
        let (key, rest) = parse_quoted(rest)?;
        return Some((Field::Metadata(key), rest.strip_prefix(']')?));
    }
    let names = [
        ("created", Field::Created),
        ("email", Field::Email),
        ("name", Field::Name),
        ("phone", Field::Phone),
    ];
    names
        .into_iter()
        .find_map(|(name, field)| Some((field, text.strip_prefix(name)?)))
}

/// Text in single or double quotes; a backslash takes the next character as it is.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut value = String::new();
    let mut chars = text[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            c if c == quote => return Some((value, &text[at + 2..])),
            c => value.push(c),
        }
    }
    None
}

fn malformed(query: &str) -> Failure {
    Failure::invalid(format!(
        "We were unable to parse your search query: {query}. See https://stripe.com/docs/search#search-query-language."
    ))
    .param("query")
}
