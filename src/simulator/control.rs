//! The control API under `/_sim/`: what a test, or a person, asks of the simulator itself.

use super::engine::Simulator;
use super::faults::FaultScript;
use super::journal::Control;
use super::params::Params;
use super::render;
use super::request::Method;
use super::seeding;
use super::world::World;
use serde_json::{Value, json};

/// What the control API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlAnswer {
    /// Status and JSON, or JSON lines.
    Now(u16, String),
    /// All objects of one kind, to be fetched piece by piece with [`Simulator::dump`].
    Dump(Dump),
}

/// What is left to be dumped of one kind of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    kind: DumpKind,
    account: String,
    livemode: bool,
    next: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DumpKind {
    Customers,
    PaymentMethods,
}

impl Simulator {
    /// Answers a request to the control API. `wall_ms` is real time in unix milliseconds.
    pub fn answer_control(
        &mut self,
        wall_ms: i64,
        method: Method,
        path: &str,
        query: &str,
        body: &str,
    ) -> ControlAnswer {
        let parts: Vec<&str> = path
            .trim_start_matches("/_sim/")
            .trim_end_matches('/')
            .split('/')
            .collect();
        let unix = self.now(wall_ms);
        let done = |result: Result<(), String>| match result {
            Ok(()) => ControlAnswer::Now(200, json!({"ok": true}).to_string()),
            Err(problem) => refused(400, &problem),
        };
        match (method, parts.as_slice()) {
            (Method::Get, ["state"]) => ControlAnswer::Now(200, self.state(unix).to_string()),
            (Method::Get, ["requests"]) => {
                ControlAnswer::Now(200, json!(self.counters).to_string())
            }
            (Method::Get, ["transcript"]) => ControlAnswer::Now(200, self.transcript.text()),
            (Method::Get, ["customers"]) => self.start_dump(DumpKind::Customers, query),
            (Method::Get, ["payment_methods"]) => self.start_dump(DumpKind::PaymentMethods, query),
            (Method::Post, ["clock", "advance"]) => done(self.advance(unix, body)),
            (Method::Post, ["accounts" | "seed"]) => done(self.seed(unix, body)),
            (Method::Post, ["accounts", account, "revoke"]) => {
                let account = (*account).to_owned();
                done(self.control(unix, Control::Revoke { account }))
            }
            (Method::Post, ["accounts", account, "restore"]) => {
                let account = (*account).to_owned();
                done(self.control(unix, Control::Restore { account }))
            }
            (Method::Post, ["payment_methods", id, "renew"]) => {
                let payment_method = (*id).to_owned();
                done(self.control(unix, Control::Renew { payment_method }))
            }
            (Method::Get, ["webhooks"]) => ControlAnswer::Now(200, self.webhooks().to_string()),
            (Method::Post, ["faults"]) => done(self.replace_faults(body)),
            _ => refused(
                404,
                "the control API has no such path; see the documentation of the simulator",
            ),
        }
    }

    fn webhooks(&self) -> Value {
        let mut told = json!(self.deliveries);
        told["events"] = json!(self.world.events.len());
        told
    }

    fn advance(&mut self, unix: i64, body: &str) -> Result<(), String> {
        let asked: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let seconds = asked["seconds"]
            .as_u64()
            .and_then(|seconds| u32::try_from(seconds).ok());
        let seconds =
            seconds.ok_or("send {\"seconds\": N}, a whole number that is not negative")?;
        self.control(unix, Control::Advance { seconds })
    }

    fn seed(&mut self, unix: i64, body: &str) -> Result<(), String> {
        let seeds = seeding::parse(body)?;
        // Tried on a copy of the world first, since half a seed would be worse than none.
        let mut trial = self.world.clone();
        seeds.iter().try_for_each(|seed| trial.plant(seed))?;
        drop(trial);
        self.control(unix, Control::Seed(seeds))
    }

    fn replace_faults(&mut self, body: &str) -> Result<(), String> {
        let script = FaultScript::parse(body).map_err(|error| error.to_string())?;
        self.faults = Some(script);
        self.faults_seen.clear();
        Ok(())
    }

    fn state(&self, unix: i64) -> Value {
        let world = &self.world;
        let ledgers: Vec<Value> = world
            .ledgers
            .iter()
            .enumerate()
            .map(|(id, ledger)| {
                json!({
                    "account": &*ledger.account,
                    "livemode": ledger.livemode,
                    "platform": !ledger.connected,
                    "customers": world.customers.order(id).map_or(0, std::collections::BTreeSet::len),
                    "payment_methods": world.methods.order(id).map_or(0, std::collections::BTreeSet::len),
                    "balances": ledger.balances,
                    "payment_intents": world.intent_counts(id),
                    "setup_intents": world.setup_counts(id),
                    "refunds": world.refunds.order(id).map_or(0, std::collections::BTreeSet::len),
                })
            })
            .collect();
        json!({
            "now": unix,
            "seed": world.laws.seed,
            "platform_account": world.laws.platform_account,
            "sources_on_demand": world.laws.sources_on_demand,
            "requests": self.counters.requests,
            "accounts": world.accounts.count(),
            "customers": world.customers.len(),
            "payment_methods": world.methods.len(),
            "payment_intents": world.intents.len(),
            "refunds": world.refunds.len(),
            "idempotency_keys": world.keys.count(),
            "ledgers": ledgers,
        })
    }

    fn start_dump(&self, kind: DumpKind, query: &str) -> ControlAnswer {
        let params = Params::parse(query);
        let platform = &self.world.laws.platform_account;
        ControlAnswer::Dump(Dump {
            kind,
            account: params.filled("account").unwrap_or(platform).to_owned(),
            livemode: params.flag("livemode") == Some(true),
            next: 0,
        })
    }

    /// The next piece of a dump as JSON lines, oldest object first; `None` when it is complete.
    pub fn dump(&self, dump: &mut Dump) -> Option<String> {
        const PIECE: usize = 500;
        let world = &self.world;
        let ledger = world.known_ledger(&dump.account, dump.livemode)?;
        let order = match dump.kind {
            DumpKind::Customers => world.customers.order(ledger),
            DumpKind::PaymentMethods => world.methods.order(ledger),
        }?;
        let mut text = String::new();
        let mut taken = 0;
        // By position: a dump is for a world at rest, and says so.
        for &(_, slot) in order.iter().skip(dump.next).take(PIECE) {
            taken += 1;
            text.push_str(&match dump.kind {
                DumpKind::Customers => render::customer(&world.customers.get(slot).object, None),
                DumpKind::PaymentMethods => method_line(world, slot),
            });
            text.push('\n');
        }
        dump.next += taken;
        (taken > 0).then_some(text)
    }
}

/// A PaymentMethod with what Stripe does not show: whether it can still be used.
fn method_line(world: &World, slot: usize) -> String {
    let record = world.methods.get(slot);
    let mut value = render::payment_method_value(&record.object);
    value["_sim"] = json!({"standing": match record.standing {
        super::objects::Standing::Loose => "unattached",
        super::objects::Standing::Attached(_) => "attached",
        super::objects::Standing::Spent => "consumed",
    }});
    value.to_string()
}

fn refused(status: u16, problem: &str) -> ControlAnswer {
    ControlAnswer::Now(status, json!({"ok": false, "error": problem}).to_string())
}
