//! PURE. The first part of the page: what was asked, what was done, where, what was refused, and how fast it went.

use super::charts::{self, Steps};
use super::view::{
    Block, Cell, Section, Table, code, id, id_or_none, number_column, share, standing, text,
    text_column, time, verdict, whole,
};
use super::{Minute, Record, Run, TakenBack};
use crate::report::status::AccountStanding;
use crate::report::words::{count, number, plain, second};
use crate::state::{Standing, StepKind};
use crate::time::StripeTime;

/// Accounts that are listed.
const MOST_ACCOUNTS: usize = 2_000;

/// Parked accounts of which Stripe's words are told.
const MOST_NOTES: usize = 20;

/// Longer tables can be sorted.
const WORTH_SORTING: usize = 6;

fn whole_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn fact(name: &str, value: Cell) -> (String, Cell) {
    (name.to_owned(), value)
}

/// What was asked.
pub fn asked(record: &Record) -> Section {
    let mode = match (record.simulated, record.livemode) {
        (true, _) => "rehearsal on the built-in simulator: nothing of it is at Stripe",
        (false, true) => "live",
        (false, false) => "test mode",
    };
    let mut facts = vec![
        fact("Platform account", code(record.platform_account.as_str())),
        fact("Mode", text(mode)),
        fact("Migration", code(&record.migration)),
    ];
    if let Some(csv) = &record.csv {
        let size = format!("{}, {}", csv.name, count(csv.bytes, "byte"));
        facts.push(fact("Customer file", text(size)));
        facts.push(fact("SHA-256 of the file", code(&csv.sha256)));
    }
    facts.extend([
        fact("Customers", whole(record.customers.total)),
        fact("Connected accounts", whole(whole_of(record.accounts.len()))),
        fact("Clones asked for", whole(record.payment_methods.total)),
    ]);
    Section {
        id: "asked",
        title: "What was asked",
        lead: vec![
            "Each customer of the file becomes a Customer on the platform account; its payment methods are cloned onto the connected \
             accounts that its lines name, and attached to a Customer there. A clone is asked for once for each payment method and \
             account."
                .to_owned(),
        ],
        blocks: vec![Block::Facts(facts)],
    }
}

/// What was done.
pub fn done(record: &Record) -> Section {
    let all = record.customers.total;
    let rows = Standing::ALL.into_iter().rev().map(|each| {
        let customers = record.customers.of(each);
        vec![standing(each), whole(customers), share(customers, all)]
    });
    let customers = Table {
        caption: "Customers by where they stand".to_owned(),
        columns: vec![
            text_column("Standing"),
            number_column("Customers"),
            text_column("Share"),
        ],
        rows: rows.collect(),
        sortable: false,
    };
    let made = Table {
        caption: "Writes to Stripe that were done".to_owned(),
        columns: vec![text_column("Write"), number_column("Done")],
        rows: made(record),
        sortable: false,
    };
    let requests = record.requests;
    let mut facts = vec![
        fact("Requests sent", whole(requests.sent)),
        fact("Sent again", whole(requests.retried)),
        fact("Answered with 429", whole(requests.rate_limited)),
    ];
    // A row that has no end has no sums either.
    let rows = record.runs.iter().filter_map(|run| run.requests.as_ref());
    let in_rows: u64 = rows.map(|requests| requests.sent).sum();
    let elsewhere = requests.sent.saturating_sub(in_rows);
    if elsewhere > 0 {
        let name = "Of those sent, by what was broken off or is on";
        facts.push(fact(name, whole(elsewhere)));
    }
    let mut blocks = vec![
        Block::Table(customers),
        Block::Table(made),
        Block::Facts(facts),
    ];
    if record.taken_back != TakenBack::default() {
        blocks.push(Block::Table(taken_back(record.taken_back)));
    }
    if record.clones_left > 0 {
        blocks.push(Block::Note(format!(
            "{} may be left attached to no Customer, since it was in doubt whether it was made and it was made again. Such a clone \
             can neither be listed nor charged.",
            count(record.clones_left, "clone")
        )));
    }
    if record.runs.is_empty() {
        blocks.push(Block::Note("No run is in the record.".to_owned()));
    } else {
        blocks.push(Block::Table(runs(record)));
    }
    Section {
        id: "done",
        title: "What was done",
        lead: vec![
            "Every customer is counted once, by the first that fits: in doubt, parked, refused, in progress, pending, undone, migrated. \
             Migrated is a customer of whom everything that was asked for is done."
                .to_owned(),
        ],
        blocks,
    }
}

fn made(record: &Record) -> Vec<Vec<Cell>> {
    const TOLD: [(StepKind, &str); StepKind::COUNT] = [
        (
            StepKind::CreatePlatformCustomer,
            "Customers on the platform, made or adopted",
        ),
        (
            StepKind::AttachPlatformPaymentMethod,
            "Further payment methods attached on the platform",
        ),
        (StepKind::ClonePaymentMethod, "Payment methods cloned"),
        (
            StepKind::CreateConnectedCustomer,
            "Customers on connected accounts",
        ),
        (
            StepKind::AttachConnectedPaymentMethod,
            "Further clones attached on connected accounts",
        ),
        (StepKind::UpdateCustomer, "Contact details changed"),
        (StepKind::SetDefault, "Defaults set later"),
        (StepKind::RenewPaymentMethod, "Clones renewed"),
        (
            StepKind::AttachRenewedPaymentMethod,
            "Renewed clones attached",
        ),
        (
            StepKind::SetRenewedDefault,
            "Defaults looked at, and set to the renewed clone where need be",
        ),
        (
            StepKind::DetachReplacedPaymentMethod,
            "Replaced clones detached, for good",
        ),
    ];
    let done = |kind: StepKind| {
        let made = record.made.iter().find(|made| made.step == kind.name());
        made.map_or(0, |made| made.done)
    };
    TOLD.into_iter()
        .map(|(kind, told)| vec![text(told), whole(done(kind))])
        .collect()
}

fn taken_back(taken: TakenBack) -> Table {
    let rows = [
        ("Clones detached, for good", taken.clones_detached),
        (
            "Customers on connected accounts deleted",
            taken.connected_customers,
        ),
        (
            "Customers on the platform deleted",
            taken.platform_customers,
        ),
        (
            "Left: Customers on the platform that hold source cards",
            taken.left_for_source_cards,
        ),
        (
            "Left for another reason: pmclone explain has it",
            taken.left.saturating_sub(taken.left_for_source_cards),
        ),
    ];
    Table {
        caption: "Taken back".to_owned(),
        columns: vec![text_column("What"), number_column("Done")],
        rows: rows.map(|(told, n)| vec![text(told), whole(n)]).to_vec(),
        sortable: false,
    }
}

fn runs(record: &Record) -> Table {
    Table {
        caption: "Runs, and what else was sent".to_owned(),
        columns: vec![
            text_column("Begun (UTC)"),
            text_column("Ended (UTC)"),
            text_column("Command"),
            text_column("For"),
            text_column("How it ended"),
            number_column("Customers"),
            number_column("Requests"),
            number_column("429"),
            text_column("pmclone"),
            text_column("File"),
        ],
        rows: record.runs.iter().map(run).collect(),
        sortable: false,
    }
}

fn run(run: &Run) -> Vec<Cell> {
    let requests = |of: fn(&super::Requests) -> u64| {
        let requests = run.requests.as_ref();
        requests.map_or_else(Cell::default, |requests| whole(of(requests)))
    };
    vec![
        time(&run.begun_at),
        run.ended_at.as_deref().map_or_else(Cell::default, time),
        text(&run.command),
        text(&run.asked),
        ended(&run.ended),
        run.settled.map_or_else(Cell::default, whole),
        requests(|requests| requests.sent),
        requests(|requests| requests.rate_limited),
        text(&run.tool),
        id_or_none(
            run.csv_sha256
                .as_deref()
                .map(|digest| digest.get(..12).unwrap_or(digest)),
        ),
    ]
}

fn ended(how: &str) -> Cell {
    match how {
        "finished" => verdict(Some(true), "finished"),
        "confined" => verdict(Some(true), "did what it was confined to"),
        "limit_reached" => verdict(None, "stopped at its limit"),
        "interrupted" => verdict(None, "interrupted"),
        "terminated" => verdict(None, "terminated"),
        "stopped" => verdict(Some(false), "stopped by itself"),
        "running" => verdict(None, "it is on"),
        "broken_off" => verdict(Some(false), "broken off"),
        other => verdict(None, other),
    }
}

/// Account by account.
pub fn accounts(record: &Record) -> Section {
    let mut accounts: Vec<_> = record.accounts.iter().collect();
    // Those with anything amiss first, if not all can be listed.
    let amiss = |account: &&super::Account| {
        account.standing == AccountStanding::Parked || account.refused > 0
    };
    if accounts.len() > MOST_ACCOUNTS {
        accounts.sort_by_key(|account| !amiss(account));
    }
    let rows = accounts.iter().take(MOST_ACCOUNTS).map(|account| {
        let left = [
            account.migrated,
            account.refused,
            account.parked,
            account.undone,
        ];
        let left = left
            .into_iter()
            .fold(account.customers, u64::saturating_sub);
        vec![
            id(account.id.as_str()),
            match account.standing {
                AccountStanding::Active => verdict(Some(true), "active"),
                AccountStanding::Parked => verdict(Some(false), "parked"),
            },
            whole(account.customers),
            whole(account.migrated),
            share(account.migrated, account.customers),
            whole(account.refused),
            whole(account.parked),
            whole(account.undone),
            whole(left),
        ]
    });
    let table = Table {
        caption: "Customers on each connected account".to_owned(),
        columns: vec![
            text_column("Account"),
            text_column("Standing"),
            number_column("Customers"),
            number_column("Migrated"),
            text_column("Share"),
            number_column("Refused"),
            number_column("Parked"),
            number_column("Undone"),
            number_column("Other"),
        ],
        rows: rows.collect(),
        sortable: record.accounts.len() >= WORTH_SORTING,
    };
    let mut blocks = vec![Block::Table(table)];
    if record.accounts.len() > MOST_ACCOUNTS {
        blocks.push(Block::Note(format!(
            "{} of {} accounts are listed, those with refused or parked customers first; the sums are of all. `pmclone status --json` has every one.",
            number(whole_of(MOST_ACCOUNTS)),
            number(whole_of(record.accounts.len()))
        )));
    }
    let parked = record.accounts.iter();
    let parked = parked.filter_map(|account| Some((&account.id, account.reason.as_ref()?)));
    blocks.extend(parked.take(MOST_NOTES).map(|(id, reason)| {
        Block::Note(format!("{id} is parked. Stripe says: {}", plain(reason)))
    }));
    Section {
        id: "accounts",
        title: "Account by account",
        lead: vec![
            "A customer with several accounts is counted on each. Other is what is pending, in progress or in doubt there."
                .to_owned(),
        ],
        blocks,
    }
}

/// What was refused.
pub fn refused(record: &Record) -> Section {
    let refused = &record.refused;
    let lead = if refused.customers == 0 {
        "No customer was refused.".to_owned()
    } else {
        format!(
            "{} had something refused that was asked for. A refusal reaches one payment method or one customer on one account; everything \
             else goes on. A customer can have several reasons.",
            count(refused.customers, "customer")
        )
    };
    let rows = refused.groups.iter().flat_map(|group| {
        group.reasons.iter().map(|reason| {
            vec![
                code(&reason.reason),
                whole(reason.customers),
                text(group.to_do),
                text(reason.remedy),
                text(&reason.message),
            ]
        })
    });
    let rows: Vec<_> = rows.collect();
    let table = Table {
        caption: "Reasons for refusals".to_owned(),
        columns: vec![
            text_column("Reason"),
            number_column("Customers"),
            text_column("What is to be done"),
            text_column("How"),
            text_column("Stripe's words, of one of them"),
        ],
        sortable: rows.len() >= WORTH_SORTING,
        rows,
    };
    let any = !table.rows.is_empty();
    Section {
        id: "refused",
        title: "What was refused, and why",
        lead: vec![lead],
        blocks: any.then_some(Block::Table(table)).into_iter().collect(),
    }
}

/// How fast it went.
pub fn throughput(record: &Record) -> Section {
    let steps = Steps::of(&record.pulses);
    if steps.stretches() == 0 {
        return Section {
            id: "throughput",
            title: "Throughput",
            lead: vec!["Nothing was sent yet.".to_owned()],
            blocks: Vec::new(),
        };
    }
    let step = charts::span(steps.seconds);
    let step = match step.as_str() {
        "hour" => "an hour".to_owned(),
        "minute" | "day" => format!("a {step}"),
        _ => step,
    };
    let pauses = if steps.stretches() > 1 {
        format!(
            " There are {} stretches of work; the time in between, in which nothing was sent, is left out where a line stands.",
            number(whole_of(steps.stretches()))
        )
    } else {
        String::new()
    };
    let lead = format!("Requests and answers of all runs, each step {step} long.{pauses}");
    let charts = [
        steps.chart(("Requests a second", "a second", "sent"), |row, seconds| {
            charts::a_second(row.sent, seconds)
        }),
        steps.chart(
            ("Answers with 429 a minute", "a minute", "limited"),
            |row, seconds| charts::a_minute(row.rate_limited, seconds),
        ),
        steps.chart(
            ("Customers settled a minute", "a minute", "settled"),
            |row, seconds| charts::a_minute(row.settled, seconds),
        ),
    ];
    let mut blocks: Vec<Block> = charts.into_iter().map(Block::Chart).collect();
    let (seconds, rows) = charts::figures(&record.pulses);
    let every = charts::span(seconds);
    blocks.push(Block::Folded(
        format!("The figures, for every {every}"),
        figures(&rows, &every),
    ));
    Section {
        id: "throughput",
        title: "Throughput and rate limits over time",
        lead: vec![lead],
        blocks,
    }
}

fn figures(rows: &[Minute], every: &str) -> Table {
    let row = |row: &Minute| {
        vec![
            time(&second(StripeTime(row.at))),
            whole(row.sent),
            whole(row.retried),
            whole(row.rate_limited),
            whole(row.settled),
        ]
    };
    Table {
        caption: format!("What was sent, for every {every} in which anything was"),
        columns: vec![
            text_column("From (UTC)"),
            number_column("Requests"),
            number_column("Sent again"),
            number_column("429"),
            number_column("Customers settled"),
        ],
        rows: rows.iter().map(row).collect(),
        sortable: false,
    }
}
