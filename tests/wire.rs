//! A network that is against us: whatever becomes of the answers, nothing is lost, nothing is made twice, and nothing that
//! Stripe did not say is kept.

mod foreign;
mod mixed;
mod pages;
mod reads;
mod ways;

use anyhow::Context;

use crate::support::proxy::{Answer, Kind, Request, Script, Then, Told, Turn, WRITES};
use crate::support::set_up::clean;
use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Proxy, Result, Simulator, World};

use ways::{BROKEN, ELSEWHERE, ENDING, MISFRAMED, UNEXPECTED, Way, told};

/// The first attempt at each request of these kinds goes wrong, in the next of these ways; the second is let through.
struct EachInTurn {
    ways: Vec<&'static Way>,
    kinds: &'static [Kind],
    /// Every so many requests of a kind one goes wrong.
    every: usize,
}

impl EachInTurn {
    fn way(&self, turn: Turn) -> Option<&'static Way> {
        let its_turn = turn.number.is_multiple_of(self.every) && self.kinds.contains(&turn.kind);
        let next = turn.number / self.every % self.ways.len();
        (its_turn && turn.attempt == 0).then(|| self.ways[next])
    }
}

fn as_it_is(answer: Option<Answer>) -> Told {
    let bytes = answer.map(|answer| answer.bytes()).unwrap_or_default();
    told(bytes, Then::Keep)
}

/// What a way that passes nothing on is given to work with.
fn nothing() -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: "{\"nothing\":\"was done\"}".to_owned(),
    }
}

impl Script for EachInTurn {
    fn asked(&self, turn: Turn, request: Request) -> Option<Request> {
        let passed_on = self.way(turn).is_none_or(|way| way.passed_on);
        passed_on.then_some(request)
    }

    fn told(&self, turn: Turn, request: &Request, answer: Option<Answer>) -> Told {
        match self.way(turn) {
            Some(way) => (way.told)(request, &answer.unwrap_or_else(nothing)),
            None => as_it_is(answer),
        }
    }
}

/// The state file and the outputs are right by the simulator's own state, and no clone was left behind.
fn ends_right(place: &Place, simulator: &Simulator, asked: &Asked) -> Result<()> {
    let world = World::of(simulator, asked)?;
    world.holds_all_of(asked)?;
    world.is_told_by(place, asked, &[])?;
    the_mapping_agrees_with_the_status(place)?;
    for (name, account) in &world.accounts {
        let made = account.methods.len();
        assert_eq!(account.attached(), u64::try_from(made)?, "clones on {name}");
    }
    Ok(())
}

/// Neither the key nor a customer's details are in what was said.
fn tells_no_secrets(text: &str) {
    for secret in ["Quetzalcoatl", "@example.com", "%40example.com"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

fn all_ways() -> Vec<&'static Way> {
    [BROKEN, MISFRAMED, UNEXPECTED]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn every_way_in_which_an_answer_to_any_write_goes_wrong_is_outlived_by_the_run() -> Result<()> {
    let script = EachInTurn {
        ways: all_ways(),
        kinds: &WRITES,
        every: 1,
    };
    let customers = u32::try_from(script.ways.len())?;
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let text = clean(customers);
    place.put("c.csv", &text)?;
    let asked = Asked::of_text(&text)?;
    let proxy = Proxy::start(&simulator, script)?;
    let ended = place
        .through(&proxy, &["run", "c.csv", "--concurrency", "100"])?
        .with(0)?;
    proxy.had_no_trouble()?;
    tells_no_secrets(&(ended.err + &ended.out));
    for kind in WRITES {
        assert!(proxy.count(kind) >= asked.customers.len(), "{kind:?}");
    }
    ends_right(&place, &simulator, &asked)
}

/// Every request of a kind from the second on goes wrong in one way.
struct OfOneKind {
    kind: Kind,
    way: &'static Way,
    elsewhere: String,
}

impl OfOneKind {
    fn is_met(&self, turn: Turn) -> bool {
        turn.kind == self.kind && (turn.number > 0 || self.kind == Kind::Account)
    }
}

impl Script for OfOneKind {
    fn asked(&self, turn: Turn, request: Request) -> Option<Request> {
        (self.way.passed_on || !self.is_met(turn)).then_some(request)
    }

    fn told(&self, turn: Turn, request: &Request, answer: Option<Answer>) -> Told {
        if !self.is_met(turn) {
            return as_it_is(answer);
        }
        let mut told = (self.way.told)(request, &answer.unwrap_or_else(nothing));
        if let Ok(text) = std::str::from_utf8(&told.bytes) {
            told.bytes = text.replace(ELSEWHERE, &self.elsewhere).into_bytes();
        }
        told
    }
}

/// The run ends at once with the code and a sentence, goes nowhere else, and the same command goes on afterwards.
fn ends_the_run(kind: Kind, way: &'static Way, code: i32) -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let text = clean(6);
    place.put("c.csv", &text)?;
    let asked = Asked::of_text(&text)?;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0")?;
    elsewhere.set_nonblocking(true)?;
    let script = OfOneKind {
        kind,
        way,
        elsewhere: format!("http://{}", elsewhere.local_addr()?),
    };
    let proxy = Proxy::start(&simulator, script)?;
    let arguments = ["run", "c.csv", "--concurrency", "2"];
    let ended = place.through(&proxy, &arguments)?.with(code)?;
    proxy.had_no_trouble()?;
    tells_no_secrets(&(ended.err + &ended.out));
    assert!(elsewhere.accept().is_err(), "a redirect was followed");
    World::of(&simulator, &asked)?.holds_nothing_twice(&asked)?;
    place.against(&simulator, &arguments)?.with(0)?;
    ends_right(&place, &simulator, &asked)
}

/// Each way that ends a run, with the kinds that `chosen` picks by the way's number.
fn each_ending(chosen: impl Fn(usize) -> Vec<Kind>) -> Result<()> {
    let ways = ENDING
        .iter()
        .flat_map(|(code, ways)| ways.iter().map(move |way| (*code, way)));
    for (number, (code, way)) in ways.enumerate() {
        for kind in chosen(number) {
            ends_the_run(kind, way, code).with_context(|| format!("{} on {kind:?}", way.name))?;
        }
    }
    Ok(())
}

#[test]
fn what_each_further_request_would_meet_too_ends_the_run_and_a_clean_one_goes_on() -> Result<()> {
    each_ending(|number| vec![WRITES[number % WRITES.len()]])
}

#[test]
#[ignore = "every way with every kind of write takes a while: with --include-ignored"]
fn every_ending_with_every_write() -> Result<()> {
    each_ending(|_| WRITES.to_vec())
}
