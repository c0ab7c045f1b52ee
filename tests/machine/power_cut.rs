//! Power cuts. Every write and sync of a run is recorded; then each state that the disk can be left in by a cut is built:
//! what was synced is there, and of the rest each write is there, or is not, or is there in part. Whatever request had been sent
//! by then, its intent is in the state file, and the outcome of the customer's step before it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use pmclone::ids::{IdempotencyKey, KeyMaterial};
use pmclone::state::{StepId, StepState};
use pmclone::store::{self, CustomerSeq, Loader, Migration};

use super::trace::{CALLS, Operation, operations};
use super::{can_trace, drawn, setting};
use crate::support::{Place, Result, Simulator};

/// Sectors are written whole.
const SECTOR: usize = 512;

/// How many images are looked at, unless `PMCLONE_TEST_IMAGES` says otherwise.
const IMAGES: u64 = 600;

/// A file on the disk, and what was not synced yet.
#[derive(Debug, Default, Clone)]
struct File {
    /// `None`: not there.
    synced: Option<Vec<u8>>,
    pending: Vec<Operation>,
}

/// The disk at a moment.
#[derive(Debug, Default, Clone)]
struct Disk {
    files: BTreeMap<String, File>,
}

/// What a power cut does to writes that were not synced.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Kept,
    Dropped,
    /// Each by itself: kept, dropped or torn.
    Torn(u64),
}

fn put(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

impl Disk {
    fn take(&mut self, operation: &Operation, directory: &str) {
        match operation {
            Operation::Write { file, .. } | Operation::Truncate { file, .. } => {
                let file = self.files.entry(file.clone()).or_default();
                file.pending.push(operation.clone());
            }
            Operation::Unlink(name) => {
                let file = self.files.entry(name.clone()).or_default();
                file.pending.push(operation.clone());
            }
            // Names are kept by the directory; a file that is new there was written, and is synced, by itself.
            Operation::Sync(name) if name == directory => {
                for file in self.files.values_mut() {
                    let unlinked = |op: &Operation| matches!(op, Operation::Unlink(_));
                    if let Some(place) = file.pending.iter().rposition(unlinked) {
                        file.synced = None;
                        file.pending.drain(..=place);
                    }
                }
            }
            Operation::Sync(name) => {
                if let Some(file) = self.files.get_mut(name) {
                    file.synced = file.after(Cut::Kept, 0);
                    file.pending.clear();
                }
            }
            Operation::Sent(_) => {}
        }
    }

    fn pending(&self) -> usize {
        self.files.values().map(|file| file.pending.len()).sum()
    }

    fn write_to(&self, cut: Cut, directory: &Path) -> Result<()> {
        for (salt, (name, file)) in (0..).zip(&self.files) {
            let name = Path::new(name).file_name().context("no name")?;
            let path = directory.join(name);
            match file.after(cut, salt) {
                Some(content) => std::fs::write(path, content)?,
                None if path.exists() => std::fs::remove_file(path)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl File {
    /// The file after a cut.
    fn after(&self, cut: Cut, salt: u64) -> Option<Vec<u8>> {
        let mut content = self.synced.clone();
        for (moment, operation) in (0..).zip(&self.pending) {
            let fate = match cut {
                Cut::Kept => 0,
                Cut::Dropped => 1,
                Cut::Torn(seed) => drawn(seed ^ (salt << 40), moment, 3),
            };
            if fate == 1 {
                continue;
            }
            match operation {
                Operation::Write { offset, data, .. } => {
                    let seed = if let Cut::Torn(seed) = cut { seed } else { 0 };
                    let sectors = u64::try_from(data.len().div_ceil(SECTOR)).unwrap_or(1);
                    let kept = if fate == 2 {
                        drawn(seed, !moment, sectors)
                    } else {
                        sectors
                    };
                    let kept = usize::try_from(kept).unwrap_or(0) * SECTOR;
                    let data = &data[..kept.min(data.len())];
                    put(content.get_or_insert_default(), *offset, data);
                }
                Operation::Truncate { length, .. } => {
                    content.get_or_insert_default().resize(*length, 0);
                }
                Operation::Unlink(_) => content = None,
                Operation::Sync(_) | Operation::Sent(_) => {}
            }
        }
        content
    }
}

/// A step, by its customer's id in the CSV.
type Step = (String, StepId);

/// A run that was recorded, and which step each of its keys belongs to.
struct Recorded {
    directory: String,
    operations: Vec<Operation>,
    steps: HashMap<String, Step>,
}

fn record(place: &Place) -> Result<Recorded> {
    let simulator = Simulator::on_demand(place)?;
    place.sample("c.csv", 10, 3, 11)?;
    let inner = place.command(&["run", "c.csv", "--rate", "off", "--concurrency", "4"]);
    let mut strace = Command::new("strace");
    strace
        .args([
            "-f", "-y", "-xx", "-s", "10000000", "-e", CALLS, "-o", "trace",
        ])
        .arg(inner.get_program())
        .args(inner.get_args())
        .args(["--api-base", &simulator.url, "--state", "state.db"])
        .current_dir(place.path("."))
        .env("STRIPE_API_KEY", crate::support::tool::KEY);
    let ended = strace.output()?;
    ensure!(
        ended
            .status
            .code()
            .is_some_and(|code| code == 0 || code == 3),
        "{ended:?}"
    );
    let directory = std::fs::canonicalize(place.path("."))?
        .to_string_lossy()
        .into_owned();
    let state = format!("{directory}/state.db");
    let ours = |name: &String| {
        let of_state = name.strip_prefix(&state);
        *name == directory || matches!(of_state, Some("" | "-wal" | "-journal"))
    };
    let mut operations = operations(&std::fs::read_to_string(place.path("trace"))?)?;
    operations.retain(|operation| match operation {
        Operation::Write { file, .. } | Operation::Truncate { file, .. } => ours(file),
        Operation::Sync(name) | Operation::Unlink(name) => ours(name),
        Operation::Sent(_) => true,
    });
    Ok(Recorded {
        directory,
        operations,
        steps: keys(&place.path("state.db"))?,
    })
}

/// The key of every step's first try.
fn keys(state: &Path) -> Result<HashMap<String, Step>> {
    let conn = store::open_readonly(state)?;
    let migration = Migration::read(&conn)?.context("no migration")?;
    let mut keys = HashMap::new();
    for loaded in Loader::new(conn)?.page_of_all(CustomerSeq::default(), 10_000)? {
        let customer = &loaded.customer;
        for step in customer.steps.keys() {
            let key = IdempotencyKey::derive(&KeyMaterial {
                livemode: migration.livemode,
                platform_account: &migration.platform_account,
                migration: migration.id,
                legacy_id: &customer.legacy_id,
                step: step.kind.name(),
                connected_account: step
                    .target
                    .and_then(|target| customer.target(target))
                    .map(|target| &target.account),
                source: step.source.and_then(|source| customer.source(source)),
                try_no: 1,
            });
            let name = customer.legacy_id.as_str().to_owned();
            keys.insert(key.to_string(), (name, *step));
        }
    }
    Ok(keys)
}

/// Opens an image as the next run would, and tells which promises it breaks.
fn broken(state: &Path, sent: &[Step]) -> Result<Option<String>> {
    let conn = match store::open_existing(state) {
        Ok(conn) => conn,
        Err(store::StoreError::Missing) if sent.is_empty() => return Ok(None),
        Err(error) => return Ok(Some(format!("it does not open: {error}"))),
    };
    let check: String = conn.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
    if check != "ok" {
        return Ok(Some(check));
    }
    let mut states = HashMap::new();
    for loaded in Loader::new(conn)?.page_of_all(CustomerSeq::default(), 10_000)? {
        let name = loaded.customer.legacy_id.as_str().to_owned();
        for (step, record) in loaded.customer.steps {
            states.insert((name.clone(), step), record.state);
        }
    }
    let mut last: HashMap<&str, &Step> = HashMap::new();
    for step in sent {
        if !states.contains_key(step) {
            return Ok(Some(format!("{step:?} was sent, and its intent is lost")));
        }
        if let Some(before) = last.insert(&step.0, step)
            && before != step
            && states.get(before) == Some(&StepState::Started)
        {
            return Ok(Some(format!(
                "{before:?} was answered, and its outcome is lost"
            )));
        }
    }
    Ok(None)
}

/// Looks at `images` states of the disk, evenly over all moments; gives how many and the first that breaks a promise.
fn cut_everywhere(recorded: &Recorded, images: u64) -> Result<(u64, Option<String>)> {
    let moments = u64::try_from(recorded.operations.len())?;
    let each = images.div_ceil(moments).max(3);
    let place = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() {
        "/dev/shm"
    } else {
        "."
    })?;
    let state = place.path().join("state.db");
    let (mut disk, mut sent, mut looked) = (Disk::default(), Vec::new(), 0);
    for (moment, operation) in (0..).zip(&recorded.operations) {
        disk.take(operation, &recorded.directory);
        if let Operation::Sent(key) = operation {
            sent.extend(recorded.steps.get(key).cloned());
        }
        let torn = (2..each).map(|seed| Cut::Torn(drawn(moment, seed, u64::MAX)));
        let cuts = [Cut::Kept, Cut::Dropped].into_iter().chain(torn);
        // Where nothing waits for a sync there is one image only.
        for cut in cuts.take(if disk.pending() == 0 { 1 } else { usize::MAX }) {
            for name in [
                "state.db",
                "state.db-wal",
                "state.db-shm",
                "state.db-journal",
            ] {
                drop(std::fs::remove_file(place.path().join(name)));
            }
            disk.write_to(cut, place.path())?;
            looked += 1;
            if let Some(broken) = broken(&state, &sent)? {
                return Ok((looked, Some(format!("moment {moment}, {cut:?}: {broken}"))));
            }
        }
    }
    Ok((looked, None))
}

/// `cargo test --features without-intents without_intents`: a client that power cuts must catch.
#[cfg(feature = "without-intents")]
#[test]
fn a_client_without_intents_is_caught_by_power_cuts() -> Result<()> {
    if !can_trace("the power cuts' test") {
        return Ok(());
    }
    let recorded = record(&Place::new()?)?;
    let (_, broken) = cut_everywhere(&recorded, IMAGES)?;
    ensure!(broken.is_some(), "no image lacks an intent");
    Ok(())
}

#[cfg_attr(
    feature = "without-intents",
    ignore = "of a client that keeps its intents"
)]
#[test]
fn no_power_cut_loses_an_intent_that_was_sent_or_an_outcome_that_was_built_on() -> Result<()> {
    if !can_trace("the power cuts' test") {
        return Ok(());
    }
    let images = setting("PMCLONE_TEST_IMAGES").map_or(Ok(IMAGES), |images| images.parse())?;
    let place = Place::new()?;
    let recorded = record(&place)?;
    let sent = |operation: &&Operation| matches!(operation, Operation::Sent(_));
    ensure!(
        recorded.operations.iter().filter(sent).count() > 50,
        "too little was recorded"
    );
    let (looked, broken) = cut_everywhere(&recorded, images)?;
    ensure!(broken.is_none(), "{broken:?}");
    ensure!(looked * 2 >= images, "only {looked} images");
    // And without the syncs, as with `synchronous = OFF`, it is seen that something is lost.
    let mut unsynced = recorded;
    let of_wal = |op: &Operation| matches!(op, Operation::Sync(name) if name.ends_with("-wal"));
    unsynced.operations.retain(|operation| !of_wal(operation));
    let (_, broken) = cut_everywhere(&unsynced, images)?;
    ensure!(broken.is_some(), "the test sees nothing");
    Ok(())
}
