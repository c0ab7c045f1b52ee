//! Answers that are right in themselves, and belong to another request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{as_it_is, ends_right, tells_no_secrets, told};
use crate::support::proxy::{Answer, Kind, Request, Script, Then, Told, Turn, WRITES};
use crate::support::set_up::clean;
use crate::support::{Asked, Place, Proxy, Result, Simulator};

/// The first attempt at a write is answered with what another write of its kind was answered with.
struct AnothersAnswer {
    /// Whether the answer tells, by its headers, whose it is.
    named: fn(Kind) -> bool,
    last: Mutex<HashMap<Kind, Answer>>,
}

impl Script for AnothersAnswer {
    fn told(&self, turn: Turn, _: &Request, answer: Option<Answer>) -> Told {
        let judged = turn.attempt == 0 && WRITES.contains(&turn.kind);
        let (true, Some(answer)) = (judged, answer.clone()) else {
            return as_it_is(answer);
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut other = last.insert(turn.kind, answer.clone()).unwrap_or(answer);
        if !(self.named)(turn.kind) {
            let naming = ["idempotency-key", "stripe-account", "original-request"];
            other
                .headers
                .retain(|(name, _)| !naming.contains(&name.as_str()));
        }
        told(other.bytes(), Then::Keep)
    }
}

fn outlives(text: &str, script: impl Script) -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", text)?;
    let asked = Asked::of_text(text)?;
    let proxy = Proxy::start(&simulator, script)?;
    let ended = place.through(&proxy, &["run", "c.csv"])?.with(0)?;
    proxy.had_no_trouble()?;
    tells_no_secrets(&(ended.err + &ended.out));
    ends_right(&place, &simulator, &asked)
}

#[test]
fn the_answer_to_another_write_of_the_same_kind_is_never_taken() -> Result<()> {
    let script = AnothersAnswer {
        named: |_| true,
        last: Mutex::default(),
    };
    outlives(&clean(12), script)
}

/// A clone tells by its headers alone whose it is, and so do the Customers of one person on two accounts; all else tells
/// by itself.
#[test]
fn nor_is_it_where_only_the_object_tells_whose_it_is() -> Result<()> {
    let script = AnothersAnswer {
        named: |kind| kind == Kind::Clone,
        last: Mutex::default(),
    };
    outlives(&clean(12).replace(";acct_1Second", ""), script)
}

/// Each connection says again what it said last, before it answers: from there on it would be one answer behind.
#[derive(Default)]
struct OneBehind(Mutex<HashMap<usize, Answer>>);

impl Script for OneBehind {
    fn told(&self, turn: Turn, _: &Request, answer: Option<Answer>) -> Told {
        let judged = turn.attempt == 0 && WRITES.contains(&turn.kind);
        let (true, Some(answer)) = (judged, answer.clone()) else {
            return as_it_is(answer);
        };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.insert(turn.connection, answer.clone());
        let before = before.map(|before| before.bytes()).unwrap_or_default();
        told([before, answer.bytes()].concat(), Then::Keep)
    }
}

#[test]
fn an_answer_that_a_connection_gives_once_more_is_never_taken_for_the_next() -> Result<()> {
    outlives(&clean(12), OneBehind::default())
}
