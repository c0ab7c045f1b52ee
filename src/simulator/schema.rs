//! Which parameters each endpoint takes, and what is refused before anything is executed.
//!
//! From Stripe's `OpenAPI` text of `2026-09-30.endive` as far as it is known, and of 2023-08-16 for the rest; every
//! schema there forbids further properties, so an unknown parameter is an error. What is refused here is *validation*:
//! it is not stored under the idempotency key.

use super::params::{Params, missing_param};
use super::response::Failure;
use super::routes::Route;

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Text of so many characters at most.
    Text(usize),
    /// An e-mail address of 512 characters at most.
    Email,
    /// The id of an object; it cannot be unset.
    Id,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A hash with these members.
    Hash(&'static [Param]),
    /// Free key-value pairs under Stripe's three limits.
    Metadata,
    /// A list of text.
    List,
    /// A number, or bounds `gt`, `gte`, `lt`, `lte`.
    Range,
    /// A page size from 1 to 100.
    Limit,
    /// Accepted and passed over: nothing that a migration does depends on it.
    Ignored,
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param {
    pub name: &'static str,
    pub shape: Shape,
}

/// The longest text that has no limit of its own.
pub(super) const LONG: usize = 5000;

pub(super) const fn param(name: &'static str, shape: Shape) -> Param {
    Param { name, shape }
}

/// Checks every parameter against the endpoint's table.
pub(super) fn check(params: &Params, route: Route<'_>) -> Result<(), Failure> {
    let table = route.table();
    let mut unknown: Vec<&str> = Vec::new();
    for (name, value) in params.pairs() {
        let (head, rest) = split_head(name);
        match table.iter().find(|known| known.name == head) {
            Some(known) => {
                if !check_one(known.shape, name, rest, value)? {
                    unknown.push(name);
                }
            }
            None => unknown.push(name),
        }
    }
    if let Some(first) = unknown.first() {
        let plural = if unknown.len() == 1 { "" } else { "s" };
        let names = unknown.join(", ");
        return Err(
            Failure::invalid(format!("Received unknown parameter{plural}: {names}"))
                .code("parameter_unknown")
                .param(*first),
        );
    }
    if let Some(absent) = route
        .required()
        .iter()
        .find(|name| params.filled(name).is_none())
    {
        return Err(missing_param(absent));
    }
    check_metadata(params)
}

/// Splits `a[b][c]` into `a` and `[b][c]`.
fn split_head(name: &str) -> (&str, &str) {
    name.find('[').map_or((name, ""), |at| name.split_at(at))
}

/// Takes the first member off `[b][c]`: `b` and `[c]`.
fn split_member(rest: &str) -> Option<(&str, &str)> {
    rest.strip_prefix('[')?.split_once(']')
}

/// Checks one value; `Ok(false)` means that the table knows no such member.
fn check_one(shape: Shape, name: &str, rest: &str, value: &str) -> Result<bool, Failure> {
    match shape {
        Shape::Hash(table) => {
            if rest.is_empty() {
                return if value.is_empty() {
                    Ok(true)
                } else {
                    Err(bad("hash", name, value))
                };
            }
            let Some((member, further)) = split_member(rest) else {
                return Ok(false);
            };
            match table.iter().find(|known| known.name == member) {
                Some(known) => check_one(known.shape, name, further, value),
                None => Ok(false),
            }
        }
        Shape::Metadata if rest.is_empty() && !value.is_empty() => Err(bad("hash", name, value)),
        Shape::Metadata | Shape::Ignored => Ok(true),
        Shape::List => {
            if rest.is_empty() && !value.is_empty() {
                return Err(Failure::invalid("Invalid array").param(name));
            }
            Ok(true)
        }
        Shape::Range => {
            let member = split_member(rest).map(|(member, _)| member);
            if !matches!(member, None | Some("gt" | "gte" | "lt" | "lte")) {
                return Ok(false);
            }
            integer(name, value)?;
            Ok(true)
        }
        _ if !rest.is_empty() => {
            Err(Failure::invalid(format!("Invalid string: {{{rest}}}")).param(name))
        }
        Shape::Text(most) => check_text(most, name, value),
        Shape::Email => check_email(name, value),
        Shape::Id if value.is_empty() => Err(empty(name)),
        Shape::Id => check_text(LONG, name, value),
        Shape::Integer => integer(name, value).map(|_| true),
        Shape::Limit => check_limit(name, value),
        Shape::Flag if matches!(value, "true" | "false" | "") => Ok(true),
        Shape::Flag => Err(bad("boolean", name, value)),
        Shape::OneOf(words) if value.is_empty() || words.contains(&value) => Ok(true),
        Shape::OneOf(words) => {
            let words = words.join(", ");
            Err(Failure::invalid(format!("Invalid {name}: must be one of {words}")).param(name))
        }
    }
}

fn check_text(most: usize, name: &str, value: &str) -> Result<bool, Failure> {
    // Characters, not bytes; the count of bytes spares counting nearly always.
    if value.len() <= most || value.chars().count() <= most {
        return Ok(true);
    }
    let shown: String = value.chars().take(10).collect();
    Err(Failure::invalid(format!(
        "Invalid string: {shown}...; must be at most {most} characters"
    ))
    .param(name))
}

fn check_email(name: &str, value: &str) -> Result<bool, Failure> {
    check_text(512, name, value)?;
    if value.is_empty() {
        return Ok(true);
    }
    let well_formed = !value.contains(char::is_whitespace)
        && value.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && !domain.starts_with('.')
                && domain.contains('.')
                && !domain.ends_with('.')
        });
    if well_formed {
        return Ok(true);
    }
    Err(Failure::invalid(format!("Invalid email address: {value}"))
        .code("email_invalid")
        .param(name))
}

fn check_limit(name: &str, value: &str) -> Result<bool, Failure> {
    let limit = integer(name, value)?;
    let refusal = |bound: &str| {
        Failure::invalid(format!("This value must be {bound} (you passed {limit})."))
            .code("parameter_invalid_integer")
            .param(name)
    };
    match limit {
        ..1 => Err(refusal("greater than or equal to 1")),
        1..=100 => Ok(true),
        101.. => Err(refusal("less than or equal to 100")),
    }
}

fn integer(name: &str, value: &str) -> Result<i64, Failure> {
    value.parse().map_err(|_| {
        Failure::invalid(format!("Invalid integer: {value}"))
            .code("parameter_invalid_integer")
            .param(name)
    })
}

fn bad(what: &str, name: &str, value: &str) -> Failure {
    Failure::invalid(format!("Invalid {what}: {value}")).param(name)
}

fn empty(name: &str) -> Failure {
    Failure::invalid(format!(
        "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however \
         '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value."
    ))
    .code("parameter_invalid_empty")
    .param(name)
}

/// At most 50 keys of at most 40 characters without square brackets, with values of at most 500 characters.
fn check_metadata(params: &Params) -> Result<(), Failure> {
    let mut keys = 0;
    for (name, value) in params.pairs() {
        let Some(rest) = name.strip_prefix("metadata[") else {
            continue;
        };
        let key = rest.strip_suffix(']').unwrap_or(rest);
        if key.contains(['[', ']']) || !rest.ends_with(']') {
            return Err(
                Failure::invalid("Metadata keys cannot contain square brackets.").param("metadata"),
            );
        }
        if key.chars().count() > 40 {
            return Err(Failure::invalid(format!(
                "Metadata keys can have up to 40 characters, but you passed in a key that is {} characters. Invalid \
                 key: {key}",
                key.chars().count()
            ))
            .param("metadata"));
        }
        let length = value.chars().count();
        if length > 500 {
            return Err(Failure::invalid(format!(
                "Metadata values can have up to 500 characters, but you passed in a value that is {length} characters. \
                 Invalid value: {value}"
            ))
            .param("metadata"));
        }
        keys += usize::from(!value.is_empty());
    }
    if keys > 50 {
        return Err(too_much_metadata(keys));
    }
    Ok(())
}

/// The refusal of a fifty-first key, also when the keys came one update after the other.
pub(super) fn too_much_metadata(keys: usize) -> Failure {
    Failure::invalid(format!(
        "Metadata can have up to 50 keys, but there would be {keys}."
    ))
    .param("metadata")
}

/// The refusal of a word that is none of those allowed.
pub(super) fn unknown_word(name: &str, value: &str) -> Failure {
    bad(name, name, value)
}
