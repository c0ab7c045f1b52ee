//! Steers a run that is on: takes up what other terminals, the pause file and the clock say, and tells how fast it goes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::{MetricsFile, Told};
use crate::cli;
use crate::config::Config;
use crate::failure::Failure;
use crate::report::pace::{self, Pace, PaceState};
use crate::report::progress::Holds;
use crate::run::Context;
use crate::run::steer::{Course, Ends, Hours, Said, Waits};
use crate::store::{self, Control, StoreError};
use crate::stripe::limiter::{Event, LaneName};
use crate::stripe::{Client, Limits};

/// How often a run tells how fast it goes.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked, before the run, whether it is to wait: as often as during it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// That a lane was slowed is said once in so long.
const SLOWED_EVERY: Duration = Duration::from_secs(300);

/// What a run is steered by.
pub struct Helm {
    state: PathBuf,
    pause_file: PathBuf,
    hours: Hours,
    /// What `--rate auto` begins with.
    auto: Limits,
    begun: Instant,
    control: Control,
    /// What could not be read was said.
    unread: bool,
    course: Course,
    told: Option<Instant>,
    sent: u64,
    per_second: f64,
    slowed: HashMap<String, Instant>,
    holds: Holds,
    /// Nothing is left to be done: it is waited for what a listener hears.
    idle: bool,
    /// What was told last.
    pace: Option<Pace>,
    /// Whom Prometheus hears of it.
    metrics: Option<MetricsFile>,
}

impl Helm {
    /// At the helm of a run of `state`; what was said to an earlier run is forgotten.
    pub fn take(
        config: &Config,
        steering: &cli::Steering,
        state: &Path,
        auto: Limits,
    ) -> Result<Self, Failure> {
        Control::remove(state).map_err(|error| Failure::store(state, &error))?;
        let hours = config.hours(steering)?;
        let pause_file = steering.pause_file.clone();
        Ok(Self {
            state: state.to_owned(),
            pause_file: pause_file.unwrap_or_else(|| store::pause_file(state)),
            hours,
            auto,
            begun: Instant::now(),
            control: Control::default(),
            unread: false,
            course: Course::Go,
            told: None,
            sent: 0,
            per_second: 0.0,
            slowed: HashMap::new(),
            holds: Holds::Nothing,
            idle: false,
            pace: None,
            metrics: None,
        })
    }

    /// Takes up what is said, and tells how it goes. `note` shows a line to whoever watches. What holds the run is given back.
    pub fn tick(&mut self, context: &Context, mut note: impl FnMut(&str)) -> Holds {
        self.steer(&context.client, &context.draining, &mut note);
        for event in context.client.limiter().events() {
            pace::log(&event);
            if self.is_news(&event) {
                note(&pace::event(&event));
            }
        }
        if self.is_time_to_tell()
            && let Some(told) = self.tell(&context.client)
        {
            context.store.pace(told);
        }
        self.holds
    }

    /// The run has nothing to do, or has again. What it tells of itself is told once, not every second.
    pub fn set_idle(&mut self, idle: bool) {
        self.idle = idle;
        self.told = None;
    }

    /// The same as [`Helm::tick`] while the run has nothing to do: nothing is written, unless there is something new to tell.
    pub fn idle_tick(&mut self, context: &Context, mut note: impl FnMut(&str)) {
        self.steer(&context.client, &context.draining, &mut note);
        if self.told.is_none()
            && let Some(told) = self.tell(&context.client)
        {
            context.store.pace(told);
        }
    }

    /// Steers what is read before the run as the run itself is steered: while it has to wait, nothing is asked of Stripe. `None`
    /// where the run ends before it has begun; the reading is broken off then.
    pub async fn before<T>(
        &mut self,
        (config, conn): (&Config, &Connection),
        (client, draining): (&Client, &watch::Sender<bool>),
        reading: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        let mut reading = std::pin::pin!(reading);
        loop {
            // First: a run that has to wait asks nothing before it does.
            self.steer(client, draining, &mut |word: &str| config.screen.line(word));
            if self.ended().is_some() {
                return Ok(None);
            }
            if self.course != Course::Go
                && self.is_time_to_tell()
                && let Some(told) = self.tell(client)
            {
                let kept = store::keep_pace(conn, &told);
                kept.map_err(|error| Failure::store(&self.state, &error))?;
            }
            self.measure(client, 0, None);
            tokio::select! {
                biased;
                read = &mut reading => return read.map(Some),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Hears what is said, and holds what is to be held.
    fn steer(
        &mut self,
        client: &Client,
        draining: &watch::Sender<bool>,
        note: &mut impl FnMut(&str),
    ) {
        match Control::read(&self.state) {
            Ok(said) => self.take_up(said.unwrap_or_default(), client, note),
            Err(error) => self.cannot_read(&error, note),
        }
        self.take_course(client, draining, note);
    }

    fn is_time_to_tell(&self) -> bool {
        self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY)
    }

    /// From now on the run is told to Prometheus too, while it waits as well.
    pub fn measured(&mut self, metrics: Option<MetricsFile>) {
        self.metrics = metrics;
    }

    /// Who tells of the run's end.
    pub fn take_metrics(&mut self) -> Option<MetricsFile> {
        self.metrics.take()
    }

    /// Tells Prometheus how it goes, where it is time to.
    pub fn measure(&mut self, client: &Client, in_flight: usize, left_seconds: Option<u64>) {
        let elapsed_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(metrics) = &mut self.metrics {
            let pace = &self.pace;
            metrics.tick(elapsed_ms, || {
                Told::of(client, in_flight, pace.clone(), left_seconds)
            });
        }
    }

    /// Leaves the helm: what was said was said to this run.
    pub fn leave(self) -> Result<(), StoreError> {
        Control::remove(&self.state)
    }

    /// Why it ended the run, if it did.
    pub fn ended(&self) -> Option<Ends> {
        match self.course {
            Course::End(ends) => Some(ends),
            Course::Go | Course::Wait(_) => None,
        }
    }

    fn take_up(&mut self, said: Control, client: &Client, note: &mut impl FnMut(&str)) {
        if said.word == self.control.word {
            return;
        }
        if said.rate != self.control.rate
            && let Some(text) = &said.rate
            && let Ok(rate) = text.parse::<cli::TotalRate>()
        {
            client.limiter().ask_total(rate.into(), self.auto);
            note(&format!(
                "`pmclone throttle`: requests per second from now on: {text}."
            ));
        }
        self.control = said;
        self.told = None;
    }

    fn cannot_read(&mut self, error: &StoreError, note: &mut impl FnMut(&str)) {
        if !std::mem::replace(&mut self.unread, true) {
            note(&format!(
                "What `pmclone throttle` says cannot be heard: {error}"
            ));
        }
    }

    fn take_course(
        &mut self,
        client: &Client,
        draining: &watch::Sender<bool>,
        note: &mut impl FnMut(&str),
    ) {
        if self.ended().is_some() {
            return;
        }
        let said = Said {
            pause: self.control.pause,
            stop: self.control.stop,
            pause_file: self.pause_file.exists(),
        };
        // The first read of a session sets the clock; without one, no hour is known, and none is kept.
        let now = client.clock().latest_now();
        let now = now.and_then(|now| Timestamp::from_second(now.0).ok());
        let course = self.hours.course(
            now.unwrap_or(Timestamp::UNIX_EPOCH),
            self.begun.elapsed(),
            said,
        );
        if course == self.course {
            return;
        }
        client.limiter().hold(matches!(course, Course::Wait(_)));
        if matches!(course, Course::End(_)) {
            draining.send_replace(true);
        }
        note(&self.word(course));
        log(course);
        self.course = course;
        self.told = None;
    }

    /// What whoever watches is told of a new course.
    fn word(&self, course: Course) -> String {
        match course {
            Course::Go => "Going on.".to_owned(),
            Course::Wait(Waits::Throttle) => {
                "Paused by `pmclone throttle`; `pmclone throttle --go` lets it go on. What is under way is finished.".to_owned()
            }
            Course::Wait(Waits::PauseFile) => format!(
                "Paused: {} is there; delete it to go on. What is under way is finished.",
                self.pause_file.display()
            ),
            Course::Wait(Waits::Window { opens }) => format!(
                "Outside of the hours asked for: waiting until {}. What is under way is finished.",
                opens.map_or("they come".to_owned(), |opens| opens
                    .to_zoned(self.hours.zone.clone())
                    .strftime("%Y-%m-%d %H:%M %Z")
                    .to_string())
            ),
            Course::End(Ends::Throttle) => {
                "Stopping, as `pmclone throttle --stop` says: what is under way is finished first.".to_owned()
            }
            Course::End(Ends::MaxDuration) => {
                "Stopping: --max-duration is over. What is under way is finished first.".to_owned()
            }
        }
    }

    fn is_news(&mut self, event: &Event) -> bool {
        let Event::Slowed { lane, .. } = event else {
            return true;
        };
        let LaneName { account, endpoint } = lane;
        let name = format!("{account:?} {endpoint:?}");
        let told = self.slowed.get(&name).map(Instant::elapsed);
        let news = told.is_none_or(|ago| ago >= SLOWED_EVERY);
        if news {
            self.slowed.insert(name, Instant::now());
        }
        news
    }

    /// How it goes, as JSON.
    fn tell(&mut self, client: &Client) -> Option<String> {
        let sent = client.counts().sent;
        if let Some(told) = self.told {
            let newly = u32::try_from(sent - self.sent).unwrap_or(u32::MAX);
            let now = f64::from(newly) / told.elapsed().as_secs_f64();
            // Over some five seconds.
            self.per_second += (now - self.per_second) / 3.0;
        }
        let reading = client.limiter().reading();
        let pace = Pace {
            windows: self.hours.windows.iter().map(ToString::to_string).collect(),
            timezone: self.hours.zone.iana_name().map(str::to_owned),
            word: self.control.word,
            ..self.on_course(Pace::of(&reading, self.per_second))
        };
        self.holds = Holds::of(&pace, &reading);
        self.sent = sent;
        self.told = Some(Instant::now());
        let told = serde_json::to_string(&pace).ok();
        self.pace = Some(pace);
        told
    }

    fn on_course(&self, pace: Pace) -> Pace {
        let (state, because, until) = match self.course {
            Course::Go if self.idle => (PaceState::Waiting, Some("follow"), None),
            Course::Go => (PaceState::Sending, None, None),
            Course::Wait(Waits::Throttle) => (PaceState::Waiting, Some("throttle"), None),
            Course::Wait(Waits::PauseFile) => (PaceState::Waiting, Some("pause_file"), None),
            Course::Wait(Waits::Window { opens }) => (PaceState::Waiting, Some("window"), opens),
            Course::End(Ends::Throttle) => (PaceState::Ending, Some("throttle"), None),
            Course::End(Ends::MaxDuration) => (PaceState::Ending, Some("max_duration"), None),
        };
        Pace {
            state,
            // What it waited for last does not bind while it waits.
            binds: pace.binds.filter(|_| state != PaceState::Waiting),
            because: because.map(str::to_owned),
            until: until.map(|until| until.to_string()),
            ..pace
        }
    }
}

/// A new course, for the log.
fn log(course: Course) {
    let (state, because) = named(course);
    tracing::info!(event = "course", state, because);
}

/// The stable names of a course: what the run does, and what it was told by.
fn named(course: Course) -> (&'static str, Option<&'static str>) {
    match course {
        Course::Go => ("sending", None),
        Course::Wait(Waits::Throttle) => ("waiting", Some("throttle")),
        Course::Wait(Waits::PauseFile) => ("waiting", Some("pause_file")),
        Course::Wait(Waits::Window { .. }) => ("waiting", Some("window")),
        Course::End(Ends::Throttle) => ("ending", Some("throttle")),
        Course::End(Ends::MaxDuration) => ("ending", Some("max_duration")),
    }
}
