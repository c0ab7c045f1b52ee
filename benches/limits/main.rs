//! How well Stripe's limits are used: `cargo bench --bench limits`.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark prints what it found"
)]

mod compare;
mod model;
mod policies;

use std::time::Duration;

fn main() {
    for kind in [model::Kind::Window, model::Kind::Sliding, model::Kind::Bucket] {
        for scene in &compare::SCENES {
            for ms in [0, 150, 1000] {
                print!("{kind:?} {:<34} {ms:>5}", scene.name);
                for name in policies::Policy::NAMES {
                    let told = compare::play(scene, name, kind, Duration::from_millis(ms));
                    print!(" | {:>6.2} {:>6.2} {:>6.2}", 100.0 * told.used, told.refused, told.neighbour_refused);
                }
                println!();
            }
        }
    }
}
