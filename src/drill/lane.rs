//! One migration through all its kills: a simulated world, and one child after the other.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::child::{Child, Event, STATE, STDERR};
use super::points::{Point, Tally};
use super::policy::{Fate, Place, Policy, Verdict};
use super::world::{Findings, Told, World};
use super::{Broken, Watch};
use crate::simulator::{self, ControlAnswer, Method, Running, Sighting, Tap};
use crate::store::{self, Loader};

/// Nothing waits so long but a child that hangs: the longest pause between two attempts is a minute.
const HANG: Duration = Duration::from_secs(120);
/// How often an order to stop is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// What is about to happen is waited for so long at a time.
const SOON: Duration = Duration::from_micros(200);
/// In between, where a kill is resumed later.
const LATER_S: u32 = 25 * 3600;
/// Runs that what is in doubt is given in the end.
const LAST_RUNS: u32 = 5;

/// What a lane works on.
#[derive(Debug, Clone, Copy)]
pub struct Errand<'a> {
    /// The customers.
    pub csv: &'a Path,
    /// What the platform has before.
    pub seeds: &'a str,
    /// How children are started.
    pub program: &'a Path,
    /// Customers in flight.
    pub concurrency: u32,
    /// Where the simulator runs.
    pub runtime: &'a tokio::runtime::Handle,
    /// Progress, and who may end it.
    pub watch: &'a Watch,
}

/// A migration at its end.
#[derive(Debug)]
pub struct Migrated {
    /// At the simulator.
    pub world: World,
    /// In the state file.
    pub told: Told,
    /// What happened on the way.
    pub tally: Tally,
    /// Children that broke off.
    pub findings: Findings,
}

struct Lane<'a> {
    errand: Errand<'a>,
    place: tempfile::TempDir,
    running: Running,
    tap: Tap,
    sender: Sender<Event>,
    events: Receiver<Event>,
    policy: &'a mut Policy,
    /// Requests of killed children that arrive later.
    late: VecDeque<Sighting>,
    imported: bool,
    tally: Tally,
    findings: Findings,
}

/// How a child ended.
enum Life {
    Killed,
    Over,
}

/// Carries a migration to its end.
pub fn migrate(errand: Errand<'_>, root: &Path, policy: &mut Policy) -> Result<Migrated, Broken> {
    let (sender, events) = mpsc::channel();
    let seen = sender.clone();
    let tap = Tap::new(move |sighting| {
        // Where the lane has ended, the request is lost.
        drop(seen.send(Event::Request(sighting)));
    });
    let settings = settings();
    let running = errand
        .runtime
        .block_on(simulator::spawn_tapped(settings, tap.clone()))
        .map_err(|error| Broken::of(&error))?;
    let place = tempfile::Builder::new().prefix("lane-").tempdir_in(root)?;
    let mut lane = Lane {
        errand,
        place,
        running,
        tap,
        sender,
        events,
        policy,
        late: VecDeque::new(),
        imported: false,
        tally: Tally::default(),
        findings: Findings::default(),
    };
    if !errand.seeds.is_empty() {
        lane.control("/_sim/seed", errand.seeds)?;
    }
    lane.chain()?;
    lane.end()
}

#[expect(
    clippy::field_reassign_with_default,
    reason = "the simulator's settings have a private part"
)]
fn settings() -> simulator::Settings {
    let mut settings = simulator::Settings::default();
    settings.sources_on_demand = true;
    settings
}

impl Lane<'_> {
    /// One child after the other, until one comes to its end.
    fn chain(&mut self) -> Result<(), Broken> {
        while let Life::Killed = self.life()? {
            self.tally.resumes += 1;
            if self.policy.later() {
                self.pass_time()?;
                self.tally.resumes_later += 1;
            }
        }
        self.policy.calm();
        for _ in 0..LAST_RUNS {
            if self.told()?.unfinished() == 0 || self.findings.broken_off > 0 {
                break;
            }
            self.pass_time()?;
            self.life()?;
        }
        self.settle()
    }

    /// 25 hours pass; by then everything has arrived that was under way.
    fn pass_time(&mut self) -> Result<(), Broken> {
        self.settle()?;
        self.control("/_sim/clock/advance", &format!("{{\"seconds\":{LATER_S}}}"))
    }

    /// One child, from its start to its end.
    fn life(&mut self) -> Result<Life, Broken> {
        if self.errand.watch.has_stormed_enough() && self.policy.is_storm() {
            self.policy.calm();
        }
        self.policy.begin();
        let url = self.running.url();
        let mut child = Child::start(
            self.errand.program,
            self.errand.concurrency,
            self.place.path(),
            &url,
            &self.command(),
            self.sender.clone(),
        )?;
        let mut still = Duration::ZERO;
        loop {
            if self.errand.watch.is_stopped() {
                child.kill()?;
                return Err(Broken::Stopped);
            }
            let patience = self.policy.patience();
            let wait = patience.map_or(LOOK, |patience| patience.min(LOOK));
            let event = match self.events.recv_timeout(wait) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    still += wait;
                    if patience.is_some_and(|patience| still >= patience) {
                        return self.kill(child, Point::Waiting, None);
                    }
                    if still > HANG {
                        child.kill()?;
                        return Err(Broken::Failed(format!("a child hangs: {}", self.stderr())));
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Broken::Stopped),
            };
            still = Duration::ZERO;
            match event {
                Event::Commit { done, what } => {
                    let place = Place::of_commit(done, &what);
                    self.imported |= place.point == Point::ImportCommitted;
                    if self.policy.at(place) == Verdict::Kill {
                        return self.kill(child, place.point, None);
                    }
                    child.go_on();
                    self.release_one();
                }
                Event::Request(sighting) => {
                    let place = Place::of_request(&sighting.request, sighting.handled);
                    match self.policy.at(place) {
                        Verdict::Kill => return self.kill(child, place.point, Some(sighting)),
                        Verdict::GoOn => sighting.go_on(None),
                        Verdict::Fault(fault) => {
                            self.tally.fault(&fault);
                            sighting.go_on(Some(fault));
                        }
                    }
                }
                Event::Ended => return Ok(self.over(child.wait()?)),
            }
        }
    }

    /// The same command goes on after an import; `resume` does too, so they take turns.
    fn command(&self) -> Vec<OsString> {
        if self.imported && self.tally.resumes % 2 == 1 {
            vec!["resume".into()]
        } else {
            vec!["run".into(), self.errand.csv.into()]
        }
    }

    fn kill(
        &mut self,
        child: Child,
        point: Point,
        sighting: Option<Sighting>,
    ) -> Result<Life, Broken> {
        child.kill()?;
        self.tally.kill(point);
        self.errand.watch.killed(self.policy.is_storm());
        let mut under_way: Vec<Sighting> = sighting.into_iter().collect();
        // What the child told last is of no use to anybody now.
        under_way.extend(self.events.try_iter().filter_map(|event| match event {
            Event::Request(sighting) => Some(sighting),
            Event::Commit { .. } | Event::Ended => None,
        }));
        for sighting in under_way {
            match self.policy.fate() {
                Fate::Lost => sighting.lose(),
                Fate::Arrives => sighting.go_on(None),
                Fate::ArrivesLate => self.late.push_back(sighting),
            }
        }
        Ok(Life::Killed)
    }

    /// A request of a killed child arrives.
    fn release_one(&mut self) {
        if let Some(sighting) = self.late.pop_front() {
            sighting.go_on(None);
        }
    }

    /// Everything that was under way has arrived or is lost. No child may be on.
    fn settle(&mut self) -> Result<(), Broken> {
        for sighting in self.late.drain(..) {
            sighting.go_on(None);
        }
        // Connections are taken in the order in which they came: after this one, none waits to be taken.
        drop(TcpStream::connect(self.running.addr())?);
        let mut waited = Duration::ZERO;
        while !self.tap.is_at_rest() {
            match self.events.recv_timeout(SOON) {
                Ok(Event::Request(sighting)) if sighting.handled => sighting.go_on(None),
                Ok(Event::Request(sighting)) => sighting.lose(),
                Ok(Event::Commit { .. } | Event::Ended) => {}
                Err(_) => waited += SOON,
            }
            if waited > HANG {
                return Err(Broken::Failed(
                    "the simulator does not come to rest".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn over(&mut self, code: Option<i32>) -> Life {
        // 0: all done, 3: some refused, parked or in doubt.
        if !matches!(code, Some(0 | 3)) {
            self.findings.broken_off += 1;
            let ended =
                code.map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
            let stderr = self.stderr();
            let said = match stderr.as_str() {
                "" => "it said nothing (is there room left where the drill works?)",
                said => said,
            };
            self.findings
                .remark(format!("a child ended {ended}: {said}"));
        }
        Life::Over
    }

    fn stderr(&self) -> String {
        let text = std::fs::read_to_string(self.place.path().join(STDERR)).unwrap_or_default();
        let lines: Vec<_> = text.trim().lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    fn told(&self) -> Result<Told, Broken> {
        let state: PathBuf = self.place.path().join(STATE);
        let loader = store::open_readonly(&state).and_then(Loader::new);
        let told = loader.and_then(|loader| Told::read(&loader));
        told.map_err(|error| Broken::of(&error))
    }

    fn control(&self, path: &str, body: &str) -> Result<(), Broken> {
        let wall_ms = self.errand.watch.wall_ms();
        let answer = self
            .running
            .inspect(|simulator| simulator.answer_control(wall_ms, Method::Post, path, "", body));
        match answer {
            ControlAnswer::Now(200, _) | ControlAnswer::Dump(_) => Ok(()),
            ControlAnswer::Now(_, problem) => Err(Broken::Failed(problem)),
        }
    }

    fn end(mut self) -> Result<Migrated, Broken> {
        let told = self.told()?;
        self.tally.migrations = 1;
        self.tally.customers = told.customers();
        let accounts = told.accounts();
        let looked = |simulator: &mut _| World::of(simulator, &accounts);
        let world = self.running.inspect(looked).map_err(Broken::Failed)?;
        self.errand
            .runtime
            .block_on(self.running.stop())
            .map_err(|error| Broken::of(&error))?;
        self.place.close()?;
        Ok(Migrated {
            world,
            told,
            tally: self.tally,
            findings: self.findings,
        })
    }
}
