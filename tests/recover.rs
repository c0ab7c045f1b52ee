//! A lost state file is rebuilt from Stripe itself: a run after it makes nothing twice, and loses nothing.

use crate::answers::clean;
use crate::support::world::the_mapping_agrees_with_the_status;
use crate::support::{Asked, Place, Result, Simulator, World};

/// How many requests of a method arrived.
fn count_of(simulator: &Simulator, method: &str) -> Result<usize> {
    let all = simulator.transcript()?;
    Ok(all.iter().filter(|line| line["method"] == method).count())
}

/// The state file is gone, with all that belongs to it.
fn lose(place: &Place) -> Result<()> {
    for name in place.listing()? {
        if name.starts_with("pmclone.db") {
            std::fs::remove_file(place.path(&name))?;
        }
    }
    Ok(())
}

fn holds_all(place: &Place, simulator: &Simulator, asked: &Asked) -> Result<()> {
    let world = World::of(simulator, asked)?;
    world.holds_all_of(asked)?;
    world.is_told_by(place, asked, &[])?;
    the_mapping_agrees_with_the_status(place)
}

fn mapping(place: &Place) -> Result<String> {
    Ok(place.pmclone_keyless(&["export"])?.with(0)?.out)
}

const RECOVER: [&str; 3] = ["recover", "c.csv", "--no-wait"];

#[test]
fn after_the_end_of_a_migration_the_same_mapping_is_rebuilt_and_nothing_is_sent() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", clean(20))?;
    let asked = Asked::of_text(&clean(20))?;
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    let before = mapping(&place)?;
    lose(&place)?;
    simulator.advance_hours(25)?;
    let (posts, gets) = (count_of(&simulator, "POST")?, count_of(&simulator, "GET")?);
    let ended = place.against(&simulator, &RECOVER)?.with(0)?;
    assert!(ended.err.contains("Rebuilt, with "), "{}", ended.err);
    assert_eq!(mapping(&place)?, before);
    // Whose key, one page for each of three accounts, and a list for each of sixty Customers.
    assert_eq!(count_of(&simulator, "GET")? - gets, 1 + 3 + 60);
    place.against(&simulator, &["run", "c.csv"])?.with(0)?;
    assert_eq!(count_of(&simulator, "POST")?, posts, "something was sent");
    holds_all(&place, &simulator, &asked)
}
