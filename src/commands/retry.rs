//! `pmclone retry`: takes mended lines in, and works on those customers alone.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::gone_is_fine;
use super::migrate::{Asked, Prepared, migrate};
use super::purge::is_not_purged;
use super::radar;
use super::resume::prepare;
use super::runtime;
use super::session::Purpose;
use super::status::missing_or;
use super::undo::{More, not_taken_back};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::LegacyId;
use crate::input::{self, OfRefused, Problems, Reading};
use crate::legacy::Line;
use crate::report::{self, print, print_json};
use crate::run::stop_loss::Bound;
use crate::spreadsheet;
use crate::store::{
    self, CsvFile, MendedCustomers, MendedFile, Migration, RunLock, Selection, StoreError,
};
use crate::time::StripeTime;

/// Takes the file in, and tries again what was refused.
pub fn retry(config: &Config, args: &cli::Retry) -> Result<Exit, Failure> {
    let (mut file, mut problems) = read(config, args)?;
    if args.dry_run {
        return dry_run(config, args, &file, &mut problems);
    }
    is_not_purged(&config.state_file(args.rehearsal.simulate))?;
    runtime()?.block_on(async {
        let prepared = prepare(config, &args.stripe, &args.rehearsal, Purpose::Write).await?;
        let lines = More::Lines(&args.csv);
        not_taken_back(&prepared.conn, &prepared.state, args.after_undo, lines)?;
        let clock = prepared.link.session.client.clock();
        file.at = clock.earliest_now().unwrap_or(StripeTime(0));
        let mended = take(
            &args.csv,
            &prepared.conn,
            &prepared.state,
            &file,
            &mut problems,
            config,
            true,
        )?;
        config.screen.line(&report::mended::text(
            &args.csv,
            &mended,
            config.screen.look(),
        ));
        begin(config, args, prepared, (&mended, &file.sha256)).await
    })
}

async fn begin(
    config: &Config,
    args: &cli::Retry,
    prepared: Prepared,
    (mended, sha256): (&MendedCustomers, &str),
) -> Result<Exit, Failure> {
    let asked = Asked {
        command: "retry",
        selection: Selection {
            only: Some(Arc::from(mended.rows.as_slice())),
            ..Selection::default()
        },
        adopt_attached: args.adopt_attached,
        on_unknown: radar::Unknown::Stop,
        bound: Bound::default(),
        concurrency: config.concurrency(&args.stripe),
        steering: args.steering.clone(),
        follow: false,
        refresh_stale: false,
        csv_sha256: Some(sha256.to_owned()),
    };
    migrate(config, asked, prepared).await
}

/// How the file is to be read: by pmclone's own names where those are the ones that it has, as the CSV was where it has that one's,
/// else as an import reads it.
fn reading(config: &Config, args: &cli::Retry) -> Result<(Reading, OfRefused), Failure> {
    let wrong = |error: &input::WrongFile| Failure::new(Exit::Input, error.to_string());
    let asked = Config::reading_of_ours(&args.input)?;
    let kept = if asked.digest() == Reading::default().digest() {
        kept_reading(&config.state_file(args.rehearsal.simulate))
    } else {
        // What is said of the file counts more than how the CSV was read.
        None
    };
    let of = input::is_of_refused(&args.csv, kept.as_ref()).map_err(|error| wrong(&error))?;
    let reading = match (of, kept) {
        (OfRefused::Standard, _) => asked,
        (OfRefused::Own, Some(kept)) => kept.of_own_refused(),
        (OfRefused::Own, None) => config.reading(&args.input)?.of_own_refused(),
        (OfRefused::No, _) => config.reading(&args.input)?,
    };
    Ok((reading, of))
}

/// How the CSV was read that was imported last. Where that cannot be known, what is wrong is told once the state file is opened.
fn kept_reading(state: &Path) -> Option<Reading> {
    let conn = store::open_readonly(state).ok()?;
    Reading::of_kept(&CsvFile::read(&conn).ok()??.settings)
}

/// Reads and checks the file as an import does; what `refused --csv` wrote for spreadsheets is taken back.
fn read(config: &Config, args: &cli::Retry) -> Result<(MendedFile, Problems), Failure> {
    let csv = &args.csv;
    let who = args.by.clone().unwrap_or_else(Config::user);
    let wrong = |error: &input::WrongFile| Failure::new(Exit::Input, error.to_string());
    let (reading, of) = reading(config, args)?;
    let mut reader = input::open(csv, &reading).map_err(|error| wrong(&error))?;
    let (mut problems, mut lines) = (Problems::default(), Vec::new());
    while let Some(line) = reader.next(&mut problems).map_err(|error| wrong(&error))? {
        lines.push(match of {
            // Its cells are taken as they were by who reads them.
            OfRefused::Own => line,
            OfRefused::Standard | OfRefused::No => as_it_was(line),
        });
    }
    let facts = reader.facts();
    let columns = reader.fields();
    let has = |name: &str| columns.iter().any(|column| column == name);
    if has("payment_method") != has("connected_account") {
        return Err(Failure::new(
            Exit::Input,
            format!(
                "{} has only one of the columns payment_method and connected_account: nothing was changed",
                csv.display()
            ),
        )
        .hint("keep both, or leave both out where neither shall change"));
    }
    let file = MendedFile {
        lines,
        columns,
        path: csv.display().to_string(),
        sha256: facts.sha256,
        who,
        at: StripeTime(0),
    };
    Ok((file, problems))
}

/// The line without the apostrophes that kept a spreadsheet from changing its cells.
fn as_it_was(mut line: Line) -> Line {
    let text = |text: &mut String| *text = spreadsheet::lasting_text(text).to_owned();
    if let Ok(id) = LegacyId::parse(spreadsheet::lasting_text(line.legacy_id.as_str())) {
        line.legacy_id = id;
    }
    let details = &mut line.details;
    let contact = [
        &mut details.email,
        &mut details.name,
        &mut details.phone,
        &mut details.description,
    ];
    contact.into_iter().flatten().for_each(text);
    details.address.values_mut().for_each(text);
    details.metadata.values_mut().for_each(text);
    line
}

/// Takes the lines in; where one cannot be, everything stays as it was.
fn take(
    csv: &Path,
    conn: &Connection,
    state: &Path,
    file: &MendedFile,
    problems: &mut Problems,
    config: &Config,
    keep: bool,
) -> Result<MendedCustomers, Failure> {
    let of = |error: StoreError| missing_or(state, &error);
    let mended = store::mend(conn, file, problems, keep).map_err(of)?;
    if !problems.is_empty() {
        config.screen.problem(problems.to_string().trim_end());
    }
    mended.ok_or_else(|| {
        let errors = report::words::count(problems.errors(), "error");
        Failure::new(
            Exit::Input,
            format!("{errors} in {}: nothing was changed, nothing was sent", csv.display()),
        )
        .hint("mend them and run the same command again; --dry-run shows what is left without sending anything")
    })
}

fn dry_run(
    config: &Config,
    args: &cli::Retry,
    file: &MendedFile,
    problems: &mut Problems,
) -> Result<Exit, Failure> {
    let state = config.state_file(args.rehearsal.simulate);
    let of = |error: StoreError| missing_or(&state, &error);
    if !state.exists() {
        return Err(of(StoreError::Missing));
    }
    let _lock = RunLock::take(&state).map_err(of)?;
    let conn = store::open_existing(&state).map_err(of)?;
    let migration = Migration::read(&conn).map_err(of)?;
    migration.ok_or_else(|| of(StoreError::Missing))?;
    // What would be refused is not foretold as done.
    not_taken_back(&conn, &state, args.after_undo, More::Lines(&args.csv))?;
    let mended = take(&args.csv, &conn, &state, file, problems, config, false)?;
    if config.json {
        gone_is_fine(print_json(
            &mut io::stdout(),
            &report::mended::json(&mended),
        ))?;
        return Ok(Exit::Done);
    }
    let text = report::mended::text(&args.csv, &mended, config.stdout_look());
    gone_is_fine(print(
        &mut io::stdout(),
        &format!("{text}\nNothing was sent, and nothing was kept: this was a dry run."),
    ))?;
    Ok(Exit::Done)
}
