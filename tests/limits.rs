//! Stripe's documented limits, and a client that does not keep to them: everything arrives nevertheless.

use crate::support::{Asked, Place, Result, Simulator, World};

fn arrives(concurrency: &str, should_retry: &str) -> Result<()> {
    let place = Place::new()?;
    place.sample("customers.csv", 25, 3, 5)?;
    let asked = Asked::of_file(&place.path("customers.csv"))?;
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "on", "--should-retry", should_retry])?;
    place
        .against(
            &simulator,
            &["run", "customers.csv", "--concurrency", concurrency],
        )?
        .with(3)?;
    let world = World::of(&simulator, &asked)?;
    world.holds_all_of(&asked)?;
    world.is_told_by(&place, &asked, &[])?;
    let limited = simulator.counters()?["by_status"]["429"].as_u64();
    let told = place.status(&[])?["requests"]["rate_limited"].as_u64();
    assert_eq!(told, Some(limited.unwrap_or_default()));
    assert!(concurrency == "1" || limited.is_some(), "no limit was met");
    Ok(())
}

#[test]
fn one_at_a_time_loses_nobody_to_the_limits() -> Result<()> {
    arrives("1", "off")
}

#[test]
fn eight_at_a_time_lose_nobody_to_the_limits() -> Result<()> {
    arrives("8", "off")
}

#[test]
fn a_hundred_at_a_time_lose_nobody_to_the_limits() -> Result<()> {
    arrives("100", "off")
}

#[test]
fn one_at_a_time_loses_nobody_where_a_429_says_to_retry() -> Result<()> {
    arrives("1", "on")
}

#[test]
fn eight_at_a_time_lose_nobody_where_a_429_says_to_retry() -> Result<()> {
    arrives("8", "on")
}

#[test]
fn a_hundred_at_a_time_lose_nobody_where_a_429_says_to_retry() -> Result<()> {
    arrives("100", "on")
}

#[test]
fn the_default_rates_meet_no_limit() -> Result<()> {
    let place = Place::new()?;
    place.sample("customers.csv", 12, 3, 6)?;
    let asked = Asked::of_file(&place.path("customers.csv"))?;
    let simulator = Simulator::start(&place, &["--on-demand", "on"])?;
    let ended = place.pmclone(&["run", "customers.csv", "--api-base", &simulator.url])?;
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    assert!(simulator.counters()?["by_status"]["429"].is_null());
    World::of(&simulator, &asked)?.holds_all_of(&asked)
}
