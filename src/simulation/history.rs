//! One seed, from the import to the verdict.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use fastrand::Rng;

use super::machine::{Ended, Machine, fresh_state};
use super::mutants::Mutant;
use super::net::{Figures, Net};
use super::oracle::{self, Verdict};
use super::plan::{HOUR, Life, Plan};
use super::shape::{ACCOUNTS, Conduct, Shape};
use super::trace::Trace;
use super::wire::Wire;
use crate::run::End;
use crate::simulator::{self, Request, Simulator};
use crate::state::StepState;
use crate::store::{self, CustomerSeq, Loader, StoreError};

/// When every history begins, in milliseconds since 1970.
const BEGIN_MS: i64 = 1_795_392_000_000;

/// Runs without faults, at most, until nothing is left to do.
const CALM_RUNS: u32 = 8;

/// What came of a seed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The same for the same history.
    pub trace: u64,
    pub verdict: Verdict,
    /// What must not happen while the tool runs.
    pub broken: Vec<String>,
    pub crashes: u64,
    pub runs: u64,
    pub simulated_ms: i64,
    pub figures: Figures,
}

impl Told {
    /// True where nothing was doubled, lost or untrue.
    pub fn is_sound(&self) -> bool {
        self.broken.is_empty()
            && self.verdict.duplicates.is_empty()
            && self.verdict.lost.is_empty()
            && self.verdict.untrue.is_empty()
    }
}

/// A shape with the state file that it was imported into.
type Imported = Rc<(Shape, Vec<u8>)>;

thread_local! {
    static IMPORTED: RefCell<HashMap<u64, Imported>> = RefCell::default();
}

fn imported(number: u64, folder: &Path) -> Imported {
    IMPORTED.with_borrow_mut(|known| {
        let make = || {
            let shape = Shape::of(number);
            let path = folder.join(format!("shape{number}.db"));
            let file = shape.state_file(&path);
            Rc::new((shape, file))
        };
        Rc::clone(known.entry(number).or_insert_with(make))
    })
}

/// Lives through a seed. `folder` is for the state file; on a file system in memory a sync costs nothing.
pub fn live_through(seed: u64, mutant: Mutant, folder: &Path, spoken: bool) -> Told {
    let plan = Plan::of(seed);
    // What the client draws, its jitter, is drawn from here too.
    fastrand::seed(seed);
    let imported = imported(plan.shape, folder);
    let (shape, file) = &*imported;
    let state = folder.join("state.db");
    let mut told = Told::default();
    if let Err(error) = fresh_state(&state, file) {
        told.broken.push(error.to_string());
        return told;
    }
    let wire = Wire::new(Arc::new(Mutex::new(world(seed, &plan, shape, spoken))));
    wire.net().mutant = mutant;
    let mut machine = Machine {
        state,
        wire: wire.clone(),
        plan: &plan,
        mutant,
        wall_ahead_ms: 0,
    };
    for life in &plan.lives {
        if let Some(customer) = life.edited {
            let imported = shape.import_edited(&machine.state, customer);
            told.broken
                .extend(imported.err().map(|error| error.to_string()));
        }
        told.live(&mut machine, life);
        wire.net().pass(life.pause_ms);
    }
    wire.net().calm(&ACCOUNTS);
    told.come_to_rest(&mut machine);
    let newer = told.take_newer(&mut machine, shape);
    let shape = newer.as_ref().unwrap_or(shape);
    let mut net = wire.net();
    net.drain();
    told.simulated_ms = net.now_ms() - BEGIN_MS;
    told.figures = net.figures;
    match oracle::judge(&net.simulator, shape, plan.adopt_attached, &machine.state) {
        Ok(verdict) => told.verdict = verdict,
        Err(error) => told.broken.push(error.to_string()),
    }
    net.note(format_args!("{:?}", told.verdict));
    told.trace = net.trace.hash();
    told
}

impl Told {
    /// Where the plan has it, and nothing is in doubt: a newer CSV, and what is to be changed with it, in the same weather.
    fn take_newer(&mut self, machine: &mut Machine<'_>, shape: &Shape) -> Option<Shape> {
        let plan = machine.plan;
        if plan.newer.is_empty() || !matches!(in_doubt(&machine.state), Ok(0)) {
            return None;
        }
        let newer = shape.newer();
        if let Err(error) = newer.import_newer(&machine.state) {
            self.broken.push(error.to_string());
        }
        {
            let mut net = machine.wire.net();
            net.weather = plan.weather;
            let now_ms = net.now_ms();
            net.control(now_ms, "/_sim/faults", &plan.script);
        }
        for life in &plan.newer {
            self.live(machine, life);
            machine.wire.net().pass(life.pause_ms);
        }
        machine.wire.net().calm(&ACCOUNTS);
        self.come_to_rest(machine);
        Some(newer)
    }

    fn live(&mut self, machine: &mut Machine<'_>, life: &Life) -> Ended {
        let ended = machine.live(life);
        self.runs += 1;
        self.crashes += u64::from(ended == Ended::Killed);
        match &ended {
            Ended::Broken(what) => self.broken.push(what.clone()),
            Ended::Run(End::Stopped(stop)) => self.broken.push(format!("{stop:?}")),
            Ended::Killed
            | Ended::NoSession
            | Ended::DiskFull
            | Ended::Run(End::Finished | End::Drained | End::Unreachable(_) | End::StopLoss(_)) => {
            }
        }
        ended
    }

    /// Runs without any fault until one has nothing to write, and nothing is left that only time can settle.
    fn come_to_rest(&mut self, machine: &mut Machine<'_>) {
        for run in 0..CALM_RUNS {
            let writes = machine.wire.net().figures.writes;
            let ended = self.live(machine, &Life::CALM);
            let idle = machine.wire.net().figures.writes == writes;
            if ended == Ended::Run(End::Finished) && idle {
                match in_doubt(&machine.state) {
                    Ok(doubts) if doubts > 0 && run == 0 => {}
                    Ok(_) => return,
                    Err(error) => self.broken.push(error.to_string()),
                }
            }
            // Absence is believed only once nothing can be on its way any more.
            machine.wire.net().pass(2 * HOUR);
        }
        self.broken.push("it does not come to rest".to_owned());
    }
}

/// Steps that only time or another run can settle.
fn in_doubt(state: &Path) -> Result<usize, StoreError> {
    let loader = Loader::new(store::open_readonly(state)?)?;
    let loaded = loader.page_of_all(CustomerSeq::default(), 1000)?;
    let steps = loaded.iter().flat_map(|each| each.customer.steps.values());
    let unknown = |state: &StepState| matches!(state, StepState::Started | StepState::InDoubt(_));
    Ok(steps.filter(|record| unknown(&record.state)).count())
}

/// The world before the first run: empty but for what the CSV says is there.
fn world(seed: u64, plan: &Plan, shape: &Shape, spoken: bool) -> Net {
    let settings = simulator::Settings {
        seed,
        sources_on_demand: true,
        limits: if plan.limits {
            simulator::Limits::Documented(simulator::Budget::Shared)
        } else {
            simulator::Limits::Off
        },
        latency_ms: 20,
        ..simulator::Settings::default()
    };
    let mut simulator = Simulator::open(settings, BEGIN_MS).unwrap();
    for asked in &shape.customers {
        let Some(holder) = &asked.adopts else {
            continue;
        };
        for source in &asked.sources {
            if source.conduct == Conduct::Held {
                hold(&mut simulator, holder, &source.id);
            }
        }
    }
    let rng = Rng::with_seed(seed ^ 0x0E7);
    let mut net = Net::new(simulator, BEGIN_MS, rng, Trace::new(spoken));
    net.weather = plan.weather;
    net.control(BEGIN_MS, "/_sim/faults", &plan.script);
    for revoked in &plan.revoked {
        let account = ACCOUNTS[revoked.account];
        let from_ms = BEGIN_MS + revoked.from_ms;
        net.schedule_access(from_ms, account, true);
        net.schedule_access(from_ms + revoked.for_ms, account, false);
    }
    net
}

/// Attaches a source to the Customer that is to be adopted, long before any run.
fn hold(simulator: &mut Simulator, holder: &str, source: &str) {
    let request = Request::from_parts(
        "POST",
        &format!("/v1/payment_methods/{source}/attach"),
        [("authorization", "Bearer sk_test_setup")],
        format!("customer={holder}").as_bytes(),
    );
    simulator.receive(BEGIN_MS - 60_000, &request);
}
