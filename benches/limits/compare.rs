//! Part one: policies against each other, one lane each, without a client, a clock or a thread: events in their order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::model::{Kind, Model};
use super::policies::Policy;

/// What is granted, by the second.
pub struct Scene {
    pub name: &'static str,
    /// Requests per second that the client is asked for.
    pub asked: f64,
    /// Stripe's limit at a second.
    pub limit: fn(u64) -> f64,
    /// What somebody else sends of it, per second.
    pub neighbour: f64,
    /// How much its requests come out of step: 0 not at all, 1 by up to half of what is between two.
    pub swing: f64,
    /// From these seconds on, and until the second ones, all should have settled.
    pub settled: &'static [(u64, u64)],
    pub seconds: u64,
}

pub const SCENES: [Scene; 6] = [
    Scene {
        name: "100 granted, 100 asked",
        asked: 100.0,
        limit: |_| 100.0,
        neighbour: 0.0,
        swing: 0.0,
        settled: &[(300, 1200)],
        seconds: 1200,
    },
    Scene {
        name: "25 granted, 100 asked",
        asked: 100.0,
        limit: |_| 25.0,
        neighbour: 0.0,
        swing: 0.0,
        settled: &[(300, 1200)],
        seconds: 1200,
    },
    Scene {
        name: "a neighbour takes 50 of 100",
        asked: 100.0,
        limit: |_| 100.0,
        neighbour: 50.0,
        swing: 0.0,
        settled: &[(300, 1200)],
        seconds: 1200,
    },
    Scene {
        name: "the same, out of step",
        asked: 100.0,
        limit: |_| 100.0,
        neighbour: 50.0,
        swing: 1.0,
        settled: &[(300, 1200)],
        seconds: 1200,
    },
    Scene {
        name: "100, then 50, then 100",
        asked: 100.0,
        limit: |second| {
            if (600..1200).contains(&second) {
                50.0
            } else {
                100.0
            }
        },
        neighbour: 0.0,
        swing: 0.0,
        settled: &[(300, 600), (900, 1200), (1500, 1800)],
        seconds: 1800,
    },
    Scene {
        name: "an endpoint: 20 of 25 are left",
        asked: 25.0,
        limit: |_| 25.0,
        neighbour: 5.0,
        swing: 1.0,
        settled: &[(300, 1200)],
        seconds: 1200,
    },
];

/// What came of it, in the settled seconds.
#[derive(Debug, Default, Clone, Copy)]
pub struct Told {
    /// Let through, of what the neighbour left.
    pub used: f64,
    /// Per thousand sent.
    pub refused: f64,
    /// The neighbour's, per thousand of its own.
    pub neighbour_refused: f64,
}

/// Plays a scene with a policy; answers take `latency`.
pub fn play(scene: &Scene, name: &str, kind: Kind, latency: Duration) -> Told {
    let mut policy = Policy::named(name, scene.asked);
    let mut model = Model::new(kind);
    let mut answers: BinaryHeap<Reverse<(Duration, Duration, bool)>> = BinaryHeap::new();
    let (mut now, mut next, mut theirs) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut counts = [0.0_f64; 4];
    let mut granted = 0.0;
    for (from, to) in scene.settled {
        for second in *from..*to {
            granted += (scene.limit)(second) - scene.neighbour;
        }
    }
    let settled = |now: Duration| {
        let within = |(from, to): &(u64, u64)| (*from..*to).contains(&now.as_secs());
        scene.settled.iter().any(within)
    };
    let end = Duration::from_secs(scene.seconds);
    while now < end {
        let answer = answers.peek().map(|Reverse((at, _, _))| *at);
        now = answer.map_or(next, |at| at.min(next));
        let with_neighbour = scene.neighbour > 0.0;
        if with_neighbour && theirs <= now {
            now = theirs;
            let room = model.admits(now + latency / 2, (scene.limit)(now.as_secs()));
            if settled(now) {
                counts[2] += 1.0;
                counts[3] += f64::from(u8::from(!room));
            }
            // Not in step with anybody.
            let swing = 1.0 + scene.swing * (drawn(theirs) - 0.5);
            theirs += Duration::from_secs_f64(swing / scene.neighbour);
        } else if answer == Some(now) {
            if let Some(Reverse((_, sent, refused))) = answers.pop() {
                policy.answered(sent, now, refused);
            }
        } else {
            let room = model.admits(now + latency / 2, (scene.limit)(now.as_secs()));
            if settled(now) {
                counts[0] += 1.0;
                counts[1] += f64::from(u8::from(!room));
            }
            answers.push(Reverse((now + latency, now, !room)));
            next = now + Duration::from_secs_f64(1.0 / policy.rate(now));
        }
    }
    let [sent, refused, theirs, theirs_refused] = counts;
    Told {
        used: (sent - refused) / granted,
        refused: 1000.0 * refused / sent.max(1.0),
        neighbour_refused: 1000.0 * theirs_refused / theirs.max(1.0),
    }
}

/// Evenly from 0 to 1, and the same each time.
pub fn drawn(at: Duration) -> f64 {
    fastrand::Rng::with_seed(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)).f64()
}

/// The best that a client can do which sends at one rate for ever and knows beforehand which: the highest that has under one of its
/// requests in a thousand refused, beside a neighbour that takes `neighbour` of `limit` a second, out of step by a tenth. Who counts
/// whole requests in whole seconds cannot give away half a one, so this is below what the neighbour leaves.
pub fn best_constant(kind: Kind, limit: f64, neighbour: f64, latency: Duration) -> Told {
    let mut best = Told::default();
    for step in 0..=100 {
        let rate = (limit - neighbour) * (0.9 + 0.1 * f64::from(step) / 100.0);
        let told = constant(rate, kind, limit, neighbour, latency);
        if told.refused < 1.0 && told.used > best.used {
            best = told;
        }
    }
    best
}

fn constant(rate: f64, kind: Kind, limit: f64, neighbour: f64, latency: Duration) -> Told {
    const END: Duration = Duration::from_secs(1200);
    let mut model = Model::new(kind);
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    let (mut sent, mut refused, mut theirs_sent, mut theirs_refused) = (0.0, 0.0, 0.0, 0.0);
    while ours < END {
        if theirs <= ours {
            theirs_sent += 1.0;
            theirs_refused += f64::from(u8::from(!model.admits(theirs + latency / 2, limit)));
            theirs += Duration::from_secs_f64((0.9 + 0.2 * drawn(theirs)) / neighbour);
        } else {
            sent += 1.0;
            refused += f64::from(u8::from(!model.admits(ours + latency / 2, limit)));
            ours += Duration::from_secs_f64(1.0 / rate);
        }
    }
    Told {
        used: (sent - refused) / ((limit - neighbour) * END.as_secs_f64()),
        refused: 1000.0 * refused / sent,
        neighbour_refused: 1000.0 * theirs_refused / theirs_sent,
    }
}
