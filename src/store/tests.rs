//! The state file, on real SQLite in temporary folders.

mod files;
mod importing;
mod planning;
mod writing;

use rusqlite::Connection;

use super::*;
use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId, PaymentMethodId};
use crate::input::Problems;
use crate::legacy::{Details, Line};
use crate::state::{
    Doubt, Event, Next, Object, Reach, Record, Refusal, Review, Standing, StepId, StepKind,
    StepState,
};
use crate::stripe::STRIPE_VERSION;
use crate::time::StripeTime;

fn line(number: u64, legacy_id: &str, sources: &[&str], accounts: &[&str]) -> Line {
    Line {
        number,
        legacy_id: LegacyId::parse(legacy_id).unwrap(),
        details: Details {
            email: Some(format!("{legacy_id}@example.com")),
            ..Details::default()
        },
        platform_customer: None,
        payment_methods: sources
            .iter()
            .map(|id| PaymentMethodId::parse(id).unwrap())
            .collect(),
        default_payment_method: None,
        connected_accounts: accounts
            .iter()
            .map(|id| AccountId::parse(id).unwrap())
            .collect(),
    }
}

fn import(conn: &Connection, lines: Vec<Line>) -> (Problems, Option<Imported>) {
    let mut gathering = Gathering::new(0);
    let mut importer = Importer::begin(conn).unwrap();
    for line in lines {
        if let Some(named) = gathering.add(line).unwrap() {
            importer.take(named).unwrap();
        }
    }
    let (last, read) = gathering.finish().unwrap();
    if let Some(named) = last {
        importer.take(named).unwrap();
    }
    importer.finish(read, |_, _| Ok(())).unwrap()
}

fn all(conn: Connection) -> (Vec<Loaded>, Loader) {
    let loader = Loader::new(conn).unwrap();
    (
        loader.page_of_all(CustomerSeq::default(), 1000).unwrap(),
        loader,
    )
}

fn on_disk() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    (folder, path)
}

/// Writes, as a run would, that a step of the customer was started and what came of it.
fn step_of(conn: &Connection, loaded: &Loaded, event: Option<Event>) -> StepId {
    let step = StepId {
        kind: StepKind::CreatePlatformCustomer,
        target: None,
        source: Some(0),
    };
    let mut record = Record::after(
        None,
        Event::Start {
            at: StripeTime(1_000),
            digest: 7,
        },
        None,
    )
    .unwrap();
    if let Some(event) = event {
        record = Record::after(Some(&record), event, None).unwrap();
    }
    let mut statement = conn.prepare_cached(codes::INSERT_STEP).unwrap();
    codes::write_step(&mut statement, loaded.seq.0, step, &record).unwrap();
    step
}

fn set_standing(conn: &Connection, loaded: &Loaded, standing: Standing) {
    conn.execute(
        "UPDATE customer SET standing = ?2 WHERE seq = ?1",
        rusqlite::params![loaded.seq.0, standing],
    )
    .unwrap();
}

#[test]
fn the_migration_row_is_read_as_it_was_written() {
    let (_folder, path) = on_disk();
    let conn = create(&path).unwrap();
    assert_eq!(Migration::read(&conn).unwrap(), None);
    let migration = Migration {
        id: MigrationId::draw(),
        platform_account: AccountId::parse("acct_1").unwrap(),
        livemode: true,
        simulated: false,
        recovery: Recovery::No,
    };
    migration.write(&conn, STRIPE_VERSION).unwrap();
    assert_eq!(Migration::read(&conn).unwrap(), Some(migration));
}
