//! What a seed stands for: everything that will go wrong is drawn here, before anything runs.

use fastrand::Rng;

use super::shape;

/// Milliseconds.
pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// Every so many-th seed is of keys that are about to expire.
pub const EDGE: u64 = 10;

/// Every so many-th seed goes on with a newer CSV.
pub const NEWER: u64 = 3;

/// A whole history.
#[derive(Debug)]
pub struct Plan {
    /// Which CSV: see [`shape`].
    pub shape: u64,
    /// The runs that are disturbed, before those that are not.
    pub lives: Vec<Life>,
    pub weather: Weather,
    /// Faults within Stripe, as a script of the simulator's.
    pub script: String,
    /// Accounts that are revoked at a time after the beginning, and for how long.
    pub revoked: Vec<Revoked>,
    pub concurrency: usize,
    pub adopt_attached: bool,
    /// Whether Stripe's documented limits hold, and whether the client keeps to them.
    pub limits: bool,
    pub polite: bool,
    /// Runs with a newer CSV, once all of the first is done; those that are disturbed.
    pub newer: Vec<Life>,
}

/// An account's access is taken away and given back.
#[derive(Debug)]
pub struct Revoked {
    pub account: usize,
    pub from_ms: i64,
    pub for_ms: i64,
}

/// One process, from its start to its end, and what follows.
#[derive(Debug)]
pub struct Life {
    pub crash: Option<Crash>,
    /// Ctrl-C, so long after the start.
    pub interrupted_ms: Option<i64>,
    pub mishap: Option<Mishap>,
    /// A second run is tried while this one is on.
    pub second_runner: bool,
    /// From this commit on, the disk is full.
    pub disk_full: Option<u32>,
    /// Only these accounts (positions in [`shape::ACCOUNTS`]), only so many customers.
    pub account: Option<usize>,
    pub limit: Option<u64>,
    /// What was refused is tried again.
    pub retry_refused: bool,
    /// The CSV is imported again before the start, with other contact details for this customer.
    pub edited: Option<usize>,
    /// Until the next one.
    pub pause_ms: i64,
}

/// When a process ends without a word.
#[derive(Debug, Clone, Copy)]
pub enum Crash {
    /// At the n-th moment between intent, commit, send, effect and answer.
    Boundary(u32),
    /// At any time.
    After(i64),
}

/// What happens to the machine's clocks, so long after a process's start.
#[derive(Debug, Clone, Copy)]
pub struct Mishap {
    pub at_ms: i64,
    pub kind: MishapKind,
}

#[derive(Debug, Clone, Copy)]
pub enum MishapKind {
    /// The wall clock is set.
    Jump(i64),
    /// The machine sleeps: its monotonic clock stands still.
    Sleep(i64),
    /// It sleeps, and its wall clock is set back afterwards by a part of that.
    SleepAndJump(i64, i64),
}

/// What becomes of requests on the way, in 1000.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub no_connection: u32,
    pub lost_request: u32,
    pub lost_answer: u32,
    pub late: u32,
    pub slow: u32,
}

impl Weather {
    /// Of 1000 requests, so many at most meet each kind.
    fn drawn(rng: &mut Rng, most: u32) -> Self {
        let mut some = || if rng.bool() { rng.u32(0..=most) } else { 0 };
        Self {
            no_connection: some(),
            lost_request: some(),
            lost_answer: some(),
            late: some(),
            slow: some(),
        }
    }
}

impl Plan {
    /// The history that a seed stands for.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let most = match rng.u32(0..10) {
            0 => 0,
            1..=6 => 40,
            _ => 150,
        };
        let mut lives: Vec<_> = (0..rng.usize(1..=4)).map(|_| Life::drawn(rng)).collect();
        let mut weather = Weather::drawn(rng, most);
        if seed.is_multiple_of(EDGE) {
            lives = Life::at_the_edge(rng);
            weather = Weather {
                lost_request: 350,
                late: 350,
                ..Weather::default()
            };
        }
        Self {
            shape: rng.u64(0..shape::SHAPES),
            lives,
            weather,
            script: script(rng, most),
            revoked: revoked(rng),
            concurrency: rng.usize(1..=6),
            adopt_attached: rng.u32(0..4) == 0,
            limits: rng.u32(0..4) == 0,
            polite: rng.u32(0..4) != 0,
            // Drawn last, so that what comes before is what it was without.
            newer: if seed.is_multiple_of(NEWER) {
                (0..rng.usize(1..=3)).map(|_| Life::drawn(rng)).collect()
            } else {
                Vec::new()
            },
        }
    }
}

impl Life {
    /// One that nothing disturbs.
    pub const CALM: Self = Self {
        crash: None,
        interrupted_ms: None,
        mishap: None,
        second_runner: false,
        disk_full: None,
        account: None,
        limit: None,
        retry_refused: false,
        edited: None,
        pause_ms: 0,
    };

    /// Keys that are about to expire: what was lost at first is sent again within the 23 hours, takes its time, and is looked
    /// for after them.
    fn at_the_edge(rng: &mut Rng) -> Vec<Self> {
        let pauses_ms = [
            22 * HOUR + rng.i64(50..58) * MINUTE,
            rng.i64(5..13) * MINUTE,
            0,
        ];
        let lives = pauses_ms.map(|pause_ms| Self {
            crash: Some(Crash::Boundary(rng.u32(6..18))),
            pause_ms,
            ..Self::CALM
        });
        lives.into()
    }

    fn drawn(rng: &mut Rng) -> Self {
        let crash = match rng.u32(0..10) {
            0 => None,
            1..=7 => Some(Crash::Boundary(rng.u32(1..=60))),
            _ => Some(Crash::After(rng.i64(0..20 * SECOND))),
        };
        let mishap = match rng.u32(0..8) {
            0 | 1 => Some(MishapKind::Jump(rng.i64(-30 * HOUR..30 * HOUR))),
            2 => Some(MishapKind::Sleep(rng.i64(0..40 * HOUR))),
            3 => {
                let asleep_ms = rng.i64(0..40 * HOUR);
                Some(MishapKind::SleepAndJump(asleep_ms, -rng.i64(0..=HOUR / 2)))
            }
            _ => None,
        };
        Self {
            crash,
            interrupted_ms: (rng.u32(0..8) == 0).then(|| rng.i64(0..5 * SECOND)),
            mishap: mishap.map(|kind| Mishap {
                at_ms: rng.i64(0..5 * SECOND),
                kind,
            }),
            second_runner: rng.u32(0..8) == 0,
            disk_full: (rng.u32(0..16) == 0).then(|| rng.u32(1..20)),
            account: (rng.u32(0..16) == 0).then(|| rng.usize(0..shape::ACCOUNTS.len())),
            limit: (rng.u32(0..16) == 0).then(|| rng.u64(1..4)),
            retry_refused: rng.u32(0..16) == 0,
            edited: (rng.u32(0..16) == 0).then(|| rng.usize(0..4)),
            pause_ms: pause_ms(rng),
        }
    }
}

fn pause_ms(rng: &mut Rng) -> i64 {
    let about = match rng.u32(0..12) {
        0..=3 => 0,
        4..=5 => rng.i64(1..=30) * MINUTE,
        6 | 7 => 22 * HOUR,
        8 => 23 * HOUR,
        9 | 10 => 25 * HOUR,
        _ => 72 * HOUR,
    };
    about + rng.i64(0..10 * MINUTE)
}

fn revoked(rng: &mut Rng) -> Vec<Revoked> {
    let mut revoked = Vec::new();
    if rng.u32(0..3) == 0 {
        revoked.push(Revoked {
            account: rng.usize(0..shape::ACCOUNTS.len()),
            from_ms: rng.i64(0..10 * SECOND),
            for_ms: [2 * SECOND, 10 * MINUTE, 30 * HOUR][rng.usize(0..3)],
        });
    }
    revoked
}

/// Faults within Stripe. Those that it stores leave a step in doubt for good, so only some histories have them.
fn script(rng: &mut Rng, most: u32) -> String {
    let kinds = [
        "error 500",
        "error 502 done",
        "limit endpoint-rate",
        "limit none",
        "lock",
        "conflict",
    ];
    let stored = ["error 500 stored", "error 503 stored done"];
    let mut lines = String::new();
    let mut add = |rng: &mut Rng, kind: &str, most: u32| {
        if most > 0 && rng.bool() {
            let chance = f64::from(rng.u32(0..=most)) / 1000.0;
            lines.extend(["chance ", &chance.to_string(), " ", kind, "\n"]);
        }
    };
    for kind in kinds {
        add(rng, kind, most);
    }
    if rng.u32(0..3) == 0 {
        for kind in stored {
            add(rng, kind, most / 2);
        }
    }
    lines
}
