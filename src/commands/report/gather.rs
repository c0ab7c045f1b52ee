//! What the record is made of, read from the state file. Nothing is held for a customer that is not listed.

use std::io::{self, Write};
use std::path::Path;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::super::export::whole_mapping;
use super::super::status::{self, missing_or};
use super::hexadecimal;
use crate::failure::Failure;
use crate::report::here;
use crate::report::record::{
    ChangeTold, Changes, Csv, Done, DoubtHistory, DoubtTold, Fact, Mapping, Minute, ProofTold,
    Record, Run, Shown, StaleTold, TakenBack, Verification,
    customers::Listed,
    tries::{EarlierTries, EarlierTryTold},
};
use crate::report::refused::{Counting, Refused};
use crate::report::stale::StaleJson;
use crate::report::status::Requests;
use crate::report::words::second;
use crate::state::{Standing, StepState};
use crate::store::{
    self, Case, CsvFile, DoubtKept, Doubts, Loader, Made, Migration, Proofs, Recovery,
    RequestTally, RunKept, Settled, StoreError, Trace, VerificationKept,
};
use crate::time::StripeTime;
use crate::version;

/// Writes in doubt that are told one by one.
const MOST_DOUBTS: u32 = 500;

/// Stale clones that are told one by one.
const MOST_STALE: u32 = 500;

/// Changed fields that are told one by one.
const MOST_CHANGES: u32 = 500;

/// Earlier tries that are told one by one.
const MOST_TRIES: u32 = 500;

/// What is asked for.
pub(super) struct Asked {
    pub running: bool,
    pub unmasked: bool,
    /// How many customers are listed.
    pub customers: u64,
}

/// Gathers it, as of the moment of `conn`.
pub(super) fn record(conn: &Connection, state: &Path, asked: &Asked) -> Result<Record, Failure> {
    let of = |error: StoreError| missing_or(state, &error);
    let mapping = mapping(conn, state, asked.running)?;
    let found = with_mapping(conn, state, asked, mapping).map_err(of)?;
    found.ok_or_else(|| of(StoreError::Missing))
}

fn taken_back(taken: store::TakenBack) -> TakenBack {
    TakenBack {
        clones_detached: taken.clones,
        connected_customers: taken.connected,
        platform_customers: taken.platform,
        left: taken.left,
        left_for_source_cards: taken.for_source_cards,
    }
}

fn with_mapping(
    conn: &Connection,
    state: &Path,
    asked: &Asked,
    mapping: Mapping,
) -> Result<Option<Record>, StoreError> {
    let shown = Shown {
        unmasked: asked.unmasked,
    };
    let migration = Migration::read(conn)?;
    let status = status::of_connection(conn, state, asked.running)?;
    let (Some(migration), Some((status, extras))) = (migration, status) else {
        return Ok(None);
    };
    let pulses: Vec<Minute> = store::pulses(conn)?.into_iter().map(minute).collect();
    let made = Made::read(conn)?.into_iter();
    let (fields, changes) = store::changes(conn, MOST_CHANGES)?;
    Ok(Some(Record {
        written_at: here::now()
            .timestamp()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        running: asked.running,
        unmasked: asked.unmasked,
        migration: status.migration,
        platform_account: status.platform_account,
        livemode: status.livemode,
        simulated: migration.simulated,
        rebuilt: migration.recovery != Recovery::No,
        csv: CsvFile::read(conn)?.map(|csv| file(csv, shown)),
        customers: status.customers,
        payment_methods: status.payment_methods,
        requests: status.requests,
        made: made
            .map(|made| Done {
                step: made.kind.name(),
                done: made.done,
            })
            .collect(),
        taken_back: taken_back(store::TakenBack::read(conn)?),
        clones_left: extras.clones_left,
        runs: runs(conn, asked.running)?,
        accounts: status.accounts,
        refused: refused(conn)?,
        throughput: Minute::gathered(&pulses, 60),
        doubts: doubts(conn, asked.running, shown)?,
        stale: stale(conn, shown)?,
        earlier_tries: earlier_tries(conn, shown)?,
        changes: Changes {
            fields,
            first: changes
                .into_iter()
                .map(|change| changed(change, shown))
                .collect(),
        },
        proofs: proofs(conn, shown)?,
        verifications: verifications(conn, shown)?,
        versions: versions(),
        mapping,
        pulses,
        listed: listed(conn, asked, shown)?,
    }))
}

fn stale(conn: &Connection, shown: Shown) -> Result<StaleTold, StoreError> {
    let first = store::StaleClone::read(conn, None, MOST_STALE)?;
    let (clones, detached) = store::stale_clones(conn)?;
    let told = |clone: &store::StaleClone| StaleJson {
        legacy_id: shown.id(&clone.legacy_id),
        ..StaleJson::from(clone)
    };
    Ok(StaleTold {
        clones,
        detached,
        first: first.iter().map(told).collect(),
    })
}

fn minute(pulse: store::Pulse) -> Minute {
    Minute {
        at: pulse.at.0,
        sent: pulse.tally.sent,
        retried: pulse.tally.retried,
        rate_limited: pulse.tally.rate_limited,
        settled: pulse.finished,
    }
}

fn file(csv: CsvFile, shown: Shown) -> Csv {
    let name = Path::new(&csv.path).file_name();
    let name = name.map(|name| name.to_string_lossy().into_owned());
    Csv {
        name: if shown.unmasked {
            csv.path
        } else {
            name.unwrap_or_default()
        },
        bytes: csv.bytes,
        sha256: csv.sha256,
    }
}

/// Counts and digests the mapping as `export` writes it.
fn mapping(conn: &Connection, state: &Path, running: bool) -> Result<Mapping, Failure> {
    #[derive(Default)]
    struct Digesting {
        digest: Sha256,
        bytes: u64,
    }
    impl Write for Digesting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.digest.update(bytes);
            self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (whole, changed_at) = whole_mapping(conn, state, running, Digesting::default())?;
    Ok(Mapping {
        sha256: hexadecimal(whole.digest),
        bytes: whole.bytes,
        changed_at: changed_at.map(second),
    })
}

fn requests(tally: RequestTally) -> Requests {
    Requests {
        sent: tally.sent,
        retried: tally.retried,
        rate_limited: tally.rate_limited,
    }
}

/// A run without an end is the one that is on, if it is the last; else it was broken off.
fn runs(conn: &Connection, running: bool) -> Result<Vec<Run>, StoreError> {
    let kept = RunKept::read(conn)?;
    let last = kept.len();
    let run = |(number, run): (usize, RunKept)| {
        let asked = run.asked;
        let (ended_at, ended, told) = match run.ended {
            Some(ended) => (
                ended.at.map(second),
                ended.how,
                Some((requests(ended.requests), ended.settled)),
            ),
            None if running && number == last => (None, "running".to_owned(), None),
            None => (None, "broken_off".to_owned(), None),
        };
        Run {
            command: asked.command,
            asked: asked.asked,
            begun_at: second(asked.begun_at),
            ended_at,
            ended,
            requests: told.map(|(requests, _)| requests),
            settled: told.map(|(_, settled)| settled),
            csv_sha256: asked.csv_sha256,
            tool: tool(&asked.tool_version, &asked.tool_commit),
        }
    };
    Ok((1..).zip(kept).map(run).collect())
}

fn tool(version: &str, commit: &str) -> String {
    match commit {
        "not recorded" | "unknown" => version.to_owned(),
        commit => format!("{version} ({commit})"),
    }
}

fn refused(conn: &Connection) -> Result<Refused, StoreError> {
    let mut counting = Counting::default();
    store::for_each_refused(conn, |_, reasons| {
        let reasons = reasons.iter();
        counting.add(reasons.map(|reason| (reason.reason.as_str(), reason.message.as_str())));
        Ok::<_, StoreError>(())
    })?;
    Ok(counting.end())
}

fn doubts(conn: &Connection, running: bool, shown: Shown) -> Result<DoubtHistory, StoreError> {
    let kept = Doubts::read(conn, running, MOST_DOUBTS)?;
    let of = |settled: Settled| {
        let counts = kept.counts.iter();
        let counts = counts.filter(|(each, _)| *each == settled);
        counts.map(|(_, n)| n).sum()
    };
    Ok(DoubtHistory {
        open: of(Settled::Open),
        found: of(Settled::Found),
        absent: of(Settled::Absent),
        asked_again: of(Settled::AskedAgain),
        rebuilt: of(Settled::Rebuilt),
        steps: kept
            .rows
            .into_iter()
            .map(|step| doubt(step, shown))
            .collect(),
    })
}

fn doubt(step: DoubtKept, shown: Shown) -> DoubtTold {
    DoubtTold {
        legacy_id: shown.id(&step.legacy_id),
        lines: step.lines,
        step: step.kind.name(),
        account: step.account,
        try_no: step.try_no,
        intent_at: second(step.started_at),
        sent_at: second(step.sent_at),
        settled: step.settled.name(),
        doubt: step.doubt.map(crate::state::Doubt::name),
        looked_at: step.seen_at.map(second),
        seen: step.seen.iter().map(ToString::to_string).collect(),
        object: step.object,
        request_id: step.request_id,
    }
}

fn earlier_tries(conn: &Connection, shown: Shown) -> Result<EarlierTries, StoreError> {
    let (tries, first) = store::earlier_tries(conn, MOST_TRIES)?;
    let first = first.into_iter().map(|each| {
        let store::EarlierTry { name, record } = each.tried;
        let was_sent = record.sent_at.0 != 0 && !record.is_recovered();
        let (reason, message) = match &record.state {
            StepState::Refused(no) => (Some(no.reason.clone()), Some(no.message.clone())),
            StepState::InDoubt(doubt) => (Some(doubt.name().to_owned()), None),
            StepState::Ready | StepState::Started | StepState::Done(_) => (None, None),
        };
        EarlierTryTold {
            legacy_id: shown.id(&each.legacy_id),
            step: name.kind.name(),
            account: name.account,
            source: name.source,
            try_no: record.try_no,
            dropped: each.dropped,
            state: record.state.name(),
            reason,
            message,
            sent_at: was_sent.then(|| second(record.sent_at)),
            request_id: record.request_id.as_ref().map(ToString::to_string),
        }
    });
    Ok(EarlierTries {
        tries,
        first: first.collect(),
    })
}

fn changed(change: store::Change, shown: Shown) -> ChangeTold {
    let field = change.field;
    let name = Path::new(&field.file).file_name();
    let name = name.map(|name| name.to_string_lossy().into_owned());
    ChangeTold {
        legacy_id: shown.id(&change.legacy_id),
        at: second(field.at),
        who: field.who,
        place: format!("{}, line {}", name.unwrap_or_default(), field.line),
        field: field.field,
        old: field.old,
        new: field.new,
    }
}

fn proofs(conn: &Connection, shown: Shown) -> Result<Vec<ProofTold>, StoreError> {
    let cases = Proofs::new(conn, None).since(StripeTime(i64::MIN))?;
    Ok(cases.into_iter().map(|case| proof(case, shown)).collect())
}

fn proof(case: Case, shown: Shown) -> ProofTold {
    let proof = case.proof;
    let result = proof.result();
    let objects = [
        proof.intent.as_ref().map(ToString::to_string),
        proof.charge.as_ref().map(ToString::to_string),
        proof.refund.as_ref().map(ToString::to_string),
        proof.application_fee.as_ref().map(ToString::to_string),
    ];
    ProofTold {
        legacy_id: shown.id(&case.legacy_id),
        account: case.account,
        customer: case.connected_customer.to_string(),
        payment_method: case.payment_method.to_string(),
        begun_at: second(case.begun_at),
        kind: proof.terms.kind.name(),
        result,
        reason: proof.declined.map(|no| no.reason),
        amount: proof.terms.amount,
        currency: proof.terms.currency,
        captured: proof.captured,
        refunded: proof.refunded,
        fee_refunded: proof.fee_refunded,
        objects: objects.into_iter().flatten().collect(),
    }
}

fn verifications(conn: &Connection, shown: Shown) -> Result<Vec<Verification>, StoreError> {
    let damaged = |_| StoreError::Damaged("a verification cannot be read".to_owned());
    let kept = VerificationKept::read(conn)?.into_iter();
    let verification = |kept: VerificationKept| {
        let mut unlike: Vec<crate::report::verify::Unlike> =
            serde_json::from_str(&kept.unlike).map_err(damaged)?;
        for line in &mut unlike {
            line.legacy_id = shown.text(&line.legacy_id);
        }
        Ok(Verification {
            at: second(kept.at),
            tool: kept.tool_version,
            summary: serde_json::from_str(&kept.summary).map_err(damaged)?,
            unlike,
        })
    };
    kept.map(verification).collect()
}

fn versions() -> Vec<Fact> {
    let facts = [("pmclone", version::VERSION)].into_iter();
    let facts = facts.chain(version::facts());
    let fact = |(name, value): (&str, &str)| Fact {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    facts.map(fact).collect()
}

/// The customers that the page lists: those that need a look first, each kind in the CSV's order.
fn listed(conn: &Connection, asked: &Asked, shown: Shown) -> Result<Vec<Listed>, StoreError> {
    let loader = Loader::new(conn)?;
    let mut listed: Vec<Listed> = Vec::new();
    let mut left = asked.customers;
    for standing in Standing::ALL {
        for seq in store::standing_so(conn, standing, left)? {
            let Some(mut loaded) = loader.whole(seq)? else {
                continue;
            };
            if !asked.running {
                loaded.customer.doubt_started();
            }
            let trace = Trace::read(conn, seq)?;
            listed.push(Listed::of(&loaded, &trace, shown, asked.running));
            left = left.saturating_sub(1);
        }
    }
    listed.sort_by_key(|each| each.standing);
    Ok(listed)
}
