//! A sample of seeds in every test run, as many as are asked for otherwise; and the proof that the harness can fail.

use super::campaign::{self, folder, one};
use super::mutants::Mutant;
use super::plan::EDGE;

/// Histories in an ordinary test run.
const SAMPLE: u64 = 100;

#[expect(
    clippy::disallowed_methods,
    reason = "a test that is told how much to do"
)]
fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the campaign tells how fast it was"
)]
fn seeds() {
    let first = asked("PMCLONE_SIMULATION_SEED");
    let count = asked("PMCLONE_SIMULATION_SEEDS");
    if let (Some(seed), None) = (first, count) {
        let told = one(seed, Mutant::Sound, folder().path(), true);
        eprintln!("{told:#?}");
        assert!(told.is_sound(), "seed {seed}");
        return;
    }
    let begun = std::time::Instant::now();
    let report = campaign::run(
        (first.unwrap_or(0)..).take(usize::try_from(count.unwrap_or(SAMPLE)).unwrap()),
        Mutant::Sound,
        |_| false,
    );
    let text = report.text(begun.elapsed().as_millis());
    eprintln!("{text}");
    assert!(report.failed.is_empty(), "{text}");
}

#[test]
fn a_seed_lived_through_twice_is_the_same_history() {
    let folder = folder();
    for seed in 0..10 {
        let first = one(seed, Mutant::Sound, folder.path(), false);
        let again = one(seed, Mutant::Sound, folder.path(), false);
        assert_eq!(first, again, "seed {seed}");
        assert_ne!(first.trace, 0);
    }
}

/// A client without a safeguard makes a second of something within these seeds. They begin shortly before the first that shows
/// it, to save time in every test run; that seed is another as soon as a history is drawn differently.
fn caught(mutant: Mutant, seeds: impl Iterator<Item = u64> + Send) {
    let report = campaign::run(seeds, mutant, |report| report.duplicates > 0);
    assert!(
        report.duplicates > 0,
        "{mutant:?} passes {} seeds",
        report.seeds
    );
}

#[test]
fn a_client_with_a_new_key_for_every_attempt_is_caught() {
    caught(Mutant::FreshKeys, 0..1000);
}

#[test]
fn a_client_that_commits_no_intents_is_caught() {
    caught(Mutant::NoIntents, 90..2000);
}

#[test]
fn a_client_that_resends_after_twenty_five_hours_is_caught() {
    caught(Mutant::LongWindow, 90..2000);
}

#[test]
fn a_client_that_goes_by_its_own_clock_is_caught() {
    caught(Mutant::WallClock, 185..3000);
}

#[test]
fn a_client_that_takes_a_failed_look_up_for_absence_is_caught() {
    caught(Mutant::BlindReads, 235..3000);
}

/// Only where a request is late and its key has just expired.
#[test]
fn a_client_that_believes_absence_at_once_is_caught() {
    caught(Mutant::Impatient, (85..3000).map(|each| each * EDGE));
}
