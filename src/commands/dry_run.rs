//! `pmclone run --dry-run`.
//!
//! The dry run imports into a state that lives nowhere: a copy of the state file if there is one, so that the plan is
//! the very one that the run would carry out.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::import::{Read, import_as};
use super::lists::Lists;
use super::undo::{More, not_taken_back};
use super::{check, gone_is_fine, pilot, problems, radar, refresh, session};
use crate::cli;
use crate::config::{Config, rates};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Problem, SourceFacts};
use crate::plan::{Plan, Rates};
use crate::report::check::{CheckJson, Checked};
use crate::report::delta::DeltaJson;
use crate::report::plan::PlanJson;
use crate::report::{self, print_json};
use crate::store::{self, Listed, Migration, Selection, StoreError, TakeUp};
use crate::stripe::Mode;

pub(super) const NOTHING_SENT: &str = "Nothing was sent, and nothing was kept: this was a dry run.";

/// What `run --dry-run --json` prints, one object. Fields are only ever added.
#[derive(Serialize)]
struct DryRunJson<'a> {
    file: &'a SourceFacts,
    errors: u64,
    warnings: u64,
    /// Problems by kind, with their counts.
    kinds: Vec<KindJson>,
    /// The first of each kind, by line.
    problems: Vec<&'a Problem>,
    /// Absent where there are errors: there is nothing that a run would carry out.
    plan: Option<PlanJson>,
    /// What is otherwise than in the state file; absent where that has no customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DeltaJson<'a>>,
    /// With --online, what `check --json` prints.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<CheckJson<'a>>,
}

#[derive(Serialize)]
struct KindJson {
    kind: &'static str,
    severity: input::Severity,
    count: u64,
}

/// Checks the CSV and prints problems and plan.
pub fn dry_run(config: &Config, args: &cli::Run) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let conn = copy_of(&state, args.rehearsal.simulate)?;
    let of = |error: StoreError| Failure::store(&state, &error);
    let reading = config.reading(&args.input)?;
    let csv = problems::csv(args, &reading)?;
    let mut lists = Lists::begin(args)?;
    let mut hear = |listed: &Listed| lists.hear(listed);
    let take_up = TakeUp {
        update_details: args.update_details,
        hear: args.delta.is_some().then_some(&mut hear),
    };
    let read = import_as(&conn, csv, take_up, |_| Ok(()), || Ok(()))?;
    lists.end(config, read.imported.as_ref())?;
    problems::write(config, args, csv, &read)?;
    let plan = if read.imported.is_some() {
        let selection = pilot::selection(&conn, &args.work, &state)?;
        store::take_up_left_out(&conn).map_err(of)?;
        renewed(config, args, &conn, (&state, &selection))?;
        let work = store::work(&conn, &selection).map_err(of)?;
        let radar = radar::planned(&conn, args.rehearsal.simulate).map_err(of)?;
        let waiting = store::waiting(&conn, &selection).map_err(of)?;
        let plan = Plan::new(work, rates(limits(config, args)?));
        Some(plan.with_radar(radar).with_waiting(waiting))
    } else {
        None
    };
    let checked = match &plan {
        Some(_) if args.online => Some(check::look(
            config,
            &conn,
            &state,
            &args.looks,
            &args.stripe,
            &args.rehearsal,
        )?),
        Some(_) | None => None,
    };
    show(config, args, &read, plan.as_ref(), checked.as_ref())?;
    if plan.is_some() {
        // What the run itself would be refused is not foretold as done.
        not_taken_back(&conn, &state, args.work.after_undo, More::Begun)?;
    }
    Ok(match (&plan, &checked) {
        (None, _) => Exit::Input,
        (Some(_), None) => Exit::Done,
        (Some(_), Some(checked)) => checked.exit(),
    })
}

/// What `--refresh-stale` would take up, and that it would.
fn renewed(
    config: &Config,
    args: &cli::Run,
    conn: &Connection,
    (state, selection): (&Path, &Selection),
) -> Result<(), Failure> {
    let migration = Migration::read(conn).map_err(|error| Failure::store(state, &error))?;
    if let Some(migration) = migration {
        let wanted = args.refresh_stale.then_some(selection);
        refresh::take_up(config, (conn, None), (&migration, state), wanted, None)?;
    }
    Ok(())
}

fn show(
    config: &Config,
    args: &cli::Run,
    read: &Read,
    plan: Option<&Plan>,
    checked: Option<&Checked>,
) -> Result<(), Failure> {
    let rates = rates(limits(config, args)?);
    let documented = Rates::documented(args.stripe.live);
    if config.json {
        let kind = |(kind, count): (input::ProblemKind, u64)| KindJson {
            kind: kind.name(),
            severity: kind.severity(),
            count,
        };
        let json = DryRunJson {
            file: &read.facts,
            errors: read.problems.errors(),
            warnings: read.problems.warnings(),
            kinds: read.problems.counts().map(kind).collect(),
            problems: read.problems.by_line(),
            plan: plan.map(|plan| PlanJson::new(plan, rates, documented)),
            delta: read.imported.as_ref().and_then(DeltaJson::of),
            online: checked.map(Checked::json),
        };
        return gone_is_fine(print_json(&mut io::stdout(), &json));
    }
    let look = config.stdout_look();
    let mut text = report::import::problems(&args.csv, &read.facts, &read.problems);
    if let Some(plan) = plan {
        let parts = [
            read.imported.as_ref().and_then(report::delta::text),
            Some(report::plan::text(plan, rates, &report::here::now(), look)),
            report::plan::what_if(plan, rates, documented, look),
            Some(checked.map_or_else(|| NOTHING_SENT.to_owned(), |checked| checked.text(look))),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        text = format!("{text}\n{}\n", parts.join("\n\n"));
    }
    gone_is_fine(report::print(&mut io::stdout(), &text))
}

/// The limits a run would have; without a key at hand, those of the mode that the flags ask for.
fn limits(config: &Config, args: &cli::Run) -> Result<crate::stripe::Limits, Failure> {
    let mode = if args.stripe.live {
        Mode::Live
    } else {
        Mode::Test
    };
    config.limits(&args.stripe, mode)
}

/// A nameless copy of the state file, or an empty one.
pub fn copy_of(state: &Path, simulate: bool) -> Result<Connection, Failure> {
    let of = |error: StoreError| Failure::store(state, &error);
    let mut conn = store::temporary().map_err(of)?;
    match store::open_readonly(state) {
        Ok(source) => {
            if let Some(migration) = Migration::read(&source).map_err(of)? {
                session::kind_fits(&migration, simulate)?;
            }
            store::copy(&source, &mut conn).map_err(of)?;
        }
        Err(StoreError::Missing) => {}
        Err(error) => return Err(of(error)),
    }
    Ok(conn)
}
