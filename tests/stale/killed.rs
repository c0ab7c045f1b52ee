//! SIGKILL at every commit.

use super::{agree, held, migrated, tell};
use crate::support::{Place, Result, Simulator};
use crate::undo::killed::killed_at;

#[test]
fn killed_before_and_after_every_commit_it_goes_on_and_nobody_is_ever_without_a_card() -> Result<()>
{
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let listener = migrated(&place, &simulator)?;
    let mut before = agree(&place, &simulator)?;
    let renew = ["resume", "--refresh-stale", "--concurrency", "1"];
    for number in 0.. {
        let at = i64::try_from(number)?;
        assert_eq!(
            tell(&listener, "pm_1Ada", "payment_method.updated", at)?,
            "taken: stale\n"
        );
        let killed = killed_at(&place, &simulator, &renew, number)?;
        for (attached, _) in held(&simulator)?.values() {
            assert!(!attached.is_empty(), "killed at {number}");
        }
        // It changed once more, while the renewal was half done.
        let again = killed && number % 5 == 0;
        if again {
            tell(&listener, "pm_1Ada", "payment_method.updated", at + 100_000)?;
        }
        if killed && number % 3 == 0 {
            simulator.advance_hours(25)?;
        }
        // What was begun is finished by any run; what was not, by one that is asked to.
        if killed && number % 2 == 0 {
            place.against(&simulator, &["resume"])?.with(0)?;
        }
        place
            .against(&simulator, &["resume", "--refresh-stale"])?
            .with(0)?;
        if again {
            place
                .against(&simulator, &["resume", "--refresh-stale"])?
                .with(0)?;
        }
        let after = agree(&place, &simulator)?;
        for (before, after) in before.iter().zip(&after) {
            let same = before[3] == after[3];
            assert_eq!(
                same,
                before[2] != "pm_1Ada",
                "killed at {number}: {before:?}"
            );
        }
        let status = place.status(&[])?;
        assert_eq!(status["stale"]["total"], 0, "killed at {number}");
        assert_eq!(status["customers"]["migrated"], 2, "killed at {number}");
        before = after;
        if !killed {
            assert!(number >= 16, "only {number} commits");
            break;
        }
    }
    Ok(())
}
