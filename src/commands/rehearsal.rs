//! The simulator inside the process, for `--simulate`. Its world lives beside the state file, so that a rehearsal can be
//! interrupted and resumed like the real thing, by SIGKILL too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::session::Destination;
use rusqlite::Connection;

use crate::cli::{self, Switch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::{CustomerId, PaymentMethodId};
use crate::simulator::{self, ControlAnswer, FaultScript, Limits, Running};
use crate::store::{self, StoreError};
use crate::stripe::{ApiBase, Mode, SecretKey};

/// The key that the simulator is spoken to with. It opens nothing else.
const SIMULATED_KEY: &str = "sk_test_rehearsal";

/// A rehearsal that is on.
pub struct Rehearsal {
    running: Running,
    /// True where the simulated world was made just now.
    new_world: bool,
}

/// What a rehearsal does with the simulated world beside its state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The state file has nothing in it yet: it gets a world of its own.
    New,
    /// The state file has steps, so its world must be there.
    Kept,
    /// The state file is lost: its world must be there still.
    Survived,
}

/// Where the simulated world of a state file is kept.
pub fn world_of(state: &Path) -> PathBuf {
    let mut name: OsString = state.as_os_str().to_owned();
    name.push(".world");
    PathBuf::from(name)
}

/// Reads a fault script.
pub fn faults(path: Option<&PathBuf>) -> Result<Option<FaultScript>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let wrong =
        |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    FaultScript::parse(&text)
        .map(Some)
        .map_err(|error| wrong(&error))
}

/// Stripe's limits, or none.
pub fn limits(switch: Switch) -> Limits {
    match switch {
        Switch::On => Limits::Documented(simulator::Budget::Shared),
        Switch::Off => Limits::Off,
    }
}

impl Rehearsal {
    #[expect(
        clippy::field_reassign_with_default,
        reason = "the simulator's settings have a private part"
    )]
    /// Starts the simulator.
    pub async fn start(args: &cli::Rehearsal, state: &Path, kept: World) -> Result<Self, Failure> {
        let world = world_of(state);
        match kept {
            // A world of another state file of this name: in it, every card belongs to somebody already.
            World::New => remove(&world)?,
            World::Kept | World::Survived if world.exists() => {}
            World::Kept => {
                let gone = format!(
                    "the rehearsal's simulated world, {}, is gone: it cannot go on",
                    world.display()
                );
                return Err(Failure::new(Exit::Unexpected, gone)
                    .hint(format!("begin a new rehearsal: remove {}", state.display())));
            }
            World::Survived => {
                let none = format!(
                    "there is no simulated world beside {}, so there is nothing to recover",
                    state.display()
                );
                return Err(Failure::new(Exit::NoState, none)
                    .hint("a rehearsal's world is kept in a file whose name ends in .world"));
            }
        }
        let mut settings = simulator::Settings::default();
        settings.sources_on_demand = true;
        settings.limits = limits(args.simulate_limits);
        settings.faults = faults(args.simulate_faults.as_ref())?;
        settings.latency_ms = args.simulate_latency;
        settings.journal = Some(world);
        let running = simulator::spawn(settings)
            .await
            .map_err(|error| broken(&error))?;
        Ok(Self {
            running,
            new_world: kept == World::New,
        })
    }

    /// How to reach it.
    pub fn destination(&self) -> Result<Destination, Failure> {
        let wrong =
            |error: &dyn std::fmt::Display| Failure::new(Exit::Unexpected, error.to_string());
        let key = SecretKey::parse(SIMULATED_KEY).map_err(|error| wrong(&error))?;
        let api_base =
            ApiBase::parse(&self.running.url(), Mode::Test).map_err(|error| wrong(&error))?;
        Ok(Destination { key, api_base })
    }

    /// Puts the platform Customers that the CSV wants adopted into the world, with their sources attached, as they would
    /// be at Stripe; those of an earlier CSV are there already. Everything else comes to be when it is first named.
    pub fn seed_adopted(&self, conn: &Connection) -> Result<(), StoreError> {
        let is_there = |customer: &CustomerId| {
            let known = |simulator: &mut simulator::Simulator| simulator.knows(customer.as_str());
            !self.new_world && self.running.inspect(known)
        };
        let seeds = seeds(conn, is_there)?;
        if seeds.is_empty() {
            return Ok(());
        }
        let seeded = |simulator: &mut simulator::Simulator| {
            simulator.answer_control(wall_ms(), simulator::Method::Post, "/_sim/seed", "", &seeds)
        };
        match self.running.inspect(seeded) {
            ControlAnswer::Now(200, _) | ControlAnswer::Dump(_) => Ok(()),
            ControlAnswer::Now(_, problem) => Err(StoreError::Defect(format!(
                "the simulator took no seeds: {problem}"
            ))),
        }
    }

    /// Ends it; says what went wrong in it meanwhile.
    pub async fn stop(self) -> Result<(), Failure> {
        self.running.stop().await.map_err(|error| broken(&error))
    }
}

/// The platform Customers that the CSV wants adopted, as the simulator takes them; without those that are there.
pub fn seeds(
    conn: &Connection,
    is_there: impl Fn(&CustomerId) -> bool,
) -> Result<String, StoreError> {
    let mut seeds = String::new();
    store::for_each_adopted(conn, |customer, sources| {
        if is_there(customer) {
            return;
        }
        let methods: Vec<_> = sources.iter().filter_map(seed_of).collect();
        let seed = serde_json::json!({ "customer": customer.as_str(), "payment_methods": methods });
        seeds.push_str(&seed.to_string());
        seeds.push('\n');
    })?;
    Ok(seeds)
}

fn remove(world: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(world) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(
            Exit::Unexpected,
            format!("{}: cannot be removed: {error}", world.display()),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn broken(error: &simulator::SimulatorError) -> Failure {
    Failure::new(Exit::Unexpected, error.to_string())
}

/// How a source of an adopted Customer is seeded, by the marker in its id; `None` leaves it to come to be unattached.
fn seed_of(source: &PaymentMethodId) -> Option<serde_json::Value> {
    let (prefix, rest) = source.as_str().split_once('_')?;
    let kind = match (
        prefix,
        rest.split_once('_').map_or("", |(marker, _)| marker),
    ) {
        ("ba", _) | (_, "bank") => "us_bank_account",
        (_, "sepa") => "sepa_debit",
        (_, "bacs") => "bacs_debit",
        (_, "link") => "link",
        ("src", _) | (_, "declined" | "missing" | "attached" | "consumed") => return None,
        (_, _) => "card",
    };
    Some(serde_json::json!({ "id": source.as_str(), "type": kind }))
}

/// Real time in unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's own clock, which no key's age is judged by"
)]
pub fn wall_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
