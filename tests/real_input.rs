//! Sample files of every kind, with all outcomes accounted for by the simulator, `status` and `export`.

use crate::support::tool::repository;
use crate::support::{Asked, Place, Result, Simulator, World};

/// Customers of the large sample; `PMCLONE_TEST_CUSTOMERS` asks for another number, which a release build is for.
fn customers() -> Result<u32> {
    #[expect(clippy::disallowed_methods, reason = "the one setting of the tests")]
    let asked = std::env::var("PMCLONE_TEST_CUSTOMERS").ok();
    Ok(asked.map_or(Ok(1000), |number| number.parse())?)
}

#[test]
fn every_customer_of_a_large_sample_is_accounted_for() -> Result<()> {
    let (place, customers) = (Place::new()?, customers()?);
    place.sample("customers.csv", customers, 40, 11)?;
    let asked = Asked::of_file(&place.path("customers.csv"))?;
    assert_eq!(asked.customers.len(), usize::try_from(customers)?);
    let simulator = Simulator::on_demand(&place)?;
    place
        .against(&simulator, &["run", "customers.csv", "--quiet"])?
        .with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])?;
    // Once more: nothing is left to do but to ask whose key it is, and after each parked account.
    let before = simulator.requests()?;
    place
        .against(&simulator, &["run", "customers.csv", "--quiet"])?
        .with(3)?;
    let parked = asked
        .accounts()
        .into_iter()
        .filter(|account| asked.is_revoked(account))
        .count();
    let again = simulator.requests()? - before;
    assert!(again <= 1 + 2 * u64::try_from(parked)?, "{again} requests");
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}

#[test]
fn the_samples_of_the_repository_migrate_as_their_readme_says() -> Result<()> {
    for (sample, code) in [("customers.csv", 3), ("one-line-per-card.csv", 3)] {
        let place = Place::new()?;
        std::fs::copy(repository("samples").join(sample), place.path(sample))?;
        let asked = Asked::of_file(&place.path(sample))?;
        let simulator = Simulator::on_demand(&place)?;
        place.against(&simulator, &["run", sample])?.with(code)?;
        let world = World::of(&simulator, &asked)?;
        world.holds_all_of(&asked)?;
        world.is_told_by(&place, &asked, &[])?;
    }
    Ok(())
}
