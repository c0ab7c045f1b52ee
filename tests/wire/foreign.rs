//! A Stripe that is not like the simulator: other ids, other fields, other orders, other headers, other pages. Nothing in the
//! client may lean on what the simulator happens to do.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{as_it_is, tells_no_secrets};
use crate::support::proxy::{Answer, Kind, Request, Script, Told, Turn};
use crate::support::set_up::clean;
use crate::support::{Asked, Place, Proxy, Result, Simulator, World};

/// The ids that are made get other names: some of 255 characters, some with an account behind.
#[derive(Clone)]
struct Names {
    /// What the CSV names keeps its name.
    csv: Arc<str>,
}

const LONG: &str = "1A2bQQ";
const SUFFIX: &str = "_acct_1Shop";

impl Names {
    fn foreign(&self, id: &str) -> String {
        let (prefix, rest) = match id.split_once('_') {
            Some((prefix @ ("cus" | "pm"), rest)) if !self.csv.contains(id) => (prefix, rest),
            _ => return id.to_owned(),
        };
        match rest.bytes().map(usize::from).sum::<usize>() % 3 {
            0 => format!("{id}{SUFFIX}"),
            1 => format!("{prefix}_{LONG}_{rest}"),
            _ => {
                let fill = "x".repeat(255 - prefix.len() - LONG.len() - rest.len() - 2);
                format!("{prefix}_{LONG}{fill}_{rest}")
            }
        }
    }

    /// A request with the simulator's own names in it.
    fn native(text: &str) -> String {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut native = String::new();
        for piece in text.split_inclusive(|c| !word(c)) {
            let (id, rest) = piece.split_at(piece.find(|c| !word(c)).unwrap_or(piece.len()));
            let long = id
                .split_once('_')
                .filter(|(_, tail)| tail.starts_with(LONG));
            let last = id.rsplit_once('_');
            match (id.strip_suffix(SUFFIX), long.zip(last)) {
                (Some(id), _) => native += id,
                (None, Some(((prefix, _), (_, tail)))) => native += &[prefix, "_", tail].concat(),
                (None, None) => native += id,
            }
            native += rest;
        }
        native
    }
}

/// Writes JSON as Stripe does, on many lines, with the fields the other way round, and some in another spelling.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            *out += "{\n  ";
            for (number, (name, value)) in fields.iter().rev().enumerate() {
                *out += if number == 0 { "" } else { ",\n  " };
                let first = format!("\"\\u{:04x}", u32::from(name.as_bytes()[0]));
                *out += &[&first, &name[1..], "\" : "].concat();
                write(value, out);
            }
            *out += "\n}";
        }
        Value::Array(values) => {
            *out += "[\n";
            for (number, value) in values.iter().enumerate() {
                *out += if number == 0 { "" } else { ",\r\n\t" };
                write(value, out);
            }
            *out += " ]";
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            *out += &value.to_string();
        }
    }
}

/// Without what may be missing, with what nobody knows yet, and with other ids.
fn foreign(value: Value, names: &Names) -> Value {
    match value {
        Value::Object(fields) => {
            let is_object = fields.contains_key("object");
            let kept = fields.into_iter().filter(|(name, value)| {
                !value.is_null()
                    && !["fingerprint", "url", "email", "name"].contains(&name.as_str())
            });
            let mut fields: Map<_, _> = kept
                .map(|(name, value)| (name, foreign(value, names)))
                .collect();
            if is_object {
                let decoy = json!({"object": "customer", "id": "cus_1Decoy", "livemode": true, "customer": null});
                fields.insert(
                    "a_new_one".into(),
                    json!([decoy, [], {"deleted": true}, 1.5e300, "é\u{1f600}"]),
                );
                fields.insert("zz_new_one".into(), decoy);
            }
            Value::Object(fields)
        }
        Value::Array(values) => values
            .into_iter()
            .map(|value| foreign(value, names))
            .collect(),
        Value::String(text) => Value::String(names.foreign(&text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Other header case, no `Request-Id` or no `Date` now and then, and a `Date` in another format or that is none.
fn headers(turn: Turn, answer: &mut Answer) {
    let later = turn.kind != Kind::Account;
    let missing = |name: &str| match turn.number % 5 {
        1 => name == "request-id",
        2 => name == "date",
        _ => false,
    };
    answer.headers.retain(|(name, _)| !(later && missing(name)));
    for (name, value) in &mut answer.headers {
        if name == "date" && later {
            match turn.number % 5 {
                0 => *value = "yesterday".into(),
                3 => *value = value.replacen(", ", "day, ", 1),
                _ => {}
            }
        }
        let shout = |(at, c): (usize, char)| {
            if at % 2 == 0 {
                c.to_ascii_uppercase()
            } else {
                c
            }
        };
        *name = name.char_indices().map(shout).collect();
    }
}

struct Foreign(Names);

impl Script for Foreign {
    fn asked(&self, _: Turn, mut request: Request) -> Option<Request> {
        request.target = Names::native(&request.target.replace("limit=100", "limit=2"));
        request.body = Names::native(&request.body);
        Some(request)
    }

    fn told(&self, turn: Turn, _: &Request, answer: Option<Answer>) -> Told {
        let mut answer = answer.unwrap_or_else(super::nothing);
        if let Ok(body) = serde_json::from_str(&answer.body) {
            answer.body.clear();
            write(&foreign(body, &self.0), &mut answer.body);
        }
        headers(turn, &mut answer);
        as_it_is(Some(answer))
    }
}

fn ends_right(place: &Place, simulator: &Simulator, asked: &Asked, names: &Names) -> Result<()> {
    let world = World::of(simulator, asked)?.renamed(&|id| names.foreign(id));
    world.holds_all_of(asked)?;
    world.is_told_by(place, asked, &[])
}

#[test]
fn a_stripe_with_other_ids_fields_orders_and_headers_is_understood() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.sample("c.csv", 60, 4, 11)?;
    let csv = std::fs::read_to_string(place.path("c.csv"))?;
    let asked = Asked::of_text(&csv)?;
    let names = Names { csv: csv.into() };
    let proxy = Proxy::start(&simulator, Foreign(names.clone()))?;
    let ended = place.through(&proxy, &["run", "c.csv"])?.with(3)?;
    proxy.had_no_trouble()?;
    tells_no_secrets(&(ended.err + &ended.out));
    ends_right(&place, &simulator, &asked, &names)
}

/// One answer in so many has a date of another century; the next one is right.
struct OddDates(usize, &'static str);

impl Script for OddDates {
    fn told(&self, turn: Turn, _: &Request, answer: Option<Answer>) -> Told {
        let odd = |mut answer: Answer| {
            let dates = answer.headers.iter_mut().filter(|(name, _)| name == "date");
            for (_, date) in dates {
                self.1.clone_into(date);
            }
            answer
        };
        let is_odd = turn.number % self.0 == self.0 - 1 && turn.kind == Kind::Clone;
        as_it_is(if is_odd { answer.map(odd) } else { answer })
    }
}

#[test]
fn a_date_of_another_century_now_and_then_doubles_nothing() -> Result<()> {
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let place = Place::new()?;
        let simulator = Simulator::on_demand(&place)?;
        place.put("c.csv", clean(12))?;
        let asked = Asked::of_text(&clean(12))?;
        let proxy = Proxy::start(&simulator, OddDates(9, date))?;
        let ended = place.through(&proxy, &["run", "c.csv", "--concurrency", "4"])?;
        assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
        World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
        simulator.advance_hours(2)?;
        place.against(&simulator, &["resume"])?.with(0)?;
        let world = World::of(&simulator, &asked)?;
        world.holds_all_of(&asked)?;
        world.is_told_by(&place, &asked, &[])?;
    }
    Ok(())
}
