//! PURE. The second part of the page: how what was done is known. What was in doubt, what people changed, charges, verifications,
//! versions and digests.

use serde_json::Value;

use super::view::{
    Block, Cell, Section, Table, code, id, id_or_none, ids, name, number_column, text, text_column,
    time, verdict, whole,
};
use super::{ChangeTold, DoubtTold, ProofTold, Record, Verification};
use crate::report::words::{count, number};

/// Customers named in one cell.
const MOST_IDS: usize = 3;

fn length<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// What was in doubt.
pub fn doubts(record: &Record) -> Section {
    let doubts = &record.doubts;
    let settled = doubts.found + doubts.absent + doubts.asked_again;
    let any = settled + doubts.open + doubts.rebuilt > 0;
    let mut lead = vec![
        "A write is in doubt when it may have reached Stripe and its outcome is not known: a connection was lost, or a run was broken \
         off. It is never sent anew before Stripe has been read, so that nothing is made twice."
            .to_owned(),
    ];
    if !any {
        lead.push("No write was in doubt from one run to the next.".to_owned());
    }
    let mut blocks = Vec::new();
    if any {
        let row = |told: &str, n: u64, good: Option<bool>| vec![verdict(good, told), whole(n)];
        let mut rows = vec![
            row("Not settled yet", doubts.open, Some(doubts.open == 0)),
            row("Read and found done: adopted", doubts.found, Some(true)),
            row(
                "Read and found not done: sent anew, under a new key",
                doubts.absent,
                Some(true),
            ),
            row(
                "Asked again under the same key: Stripe answers with what it did",
                doubts.asked_again,
                Some(true),
            ),
        ];
        if doubts.rebuilt > 0 {
            rows.push(row(
                "Known by reading alone: the state file was rebuilt",
                doubts.rebuilt,
                Some(true),
            ));
        }
        blocks.push(Block::Table(Table {
            caption: "Writes that were in doubt, by how they were settled".to_owned(),
            columns: vec![text_column("Settled"), number_column("Writes")],
            rows,
            sortable: false,
        }));
    }
    if !doubts.steps.is_empty() {
        blocks.push(Block::Table(evidence(&doubts.steps)));
    }
    let listed = length(&doubts.steps);
    if listed < settled + doubts.open {
        blocks.push(Block::Note(format!(
            "{} of {} are listed, those that are open first; the sums are of all.",
            number(listed),
            number(settled + doubts.open)
        )));
    }
    Section {
        id: "doubts",
        title: "What was in doubt, and the evidence",
        lead,
        blocks,
    }
}

fn evidence(steps: &[DoubtTold]) -> Table {
    Table {
        caption: "Evidence, write by write".to_owned(),
        columns: vec![
            text_column("Customer"),
            text_column("Write, account"),
            text_column("Intent kept (UTC)"),
            text_column("Outcome"),
            text_column("Stripe was read (UTC), seen"),
            text_column("Object, request"),
        ],
        rows: steps.iter().map(witness).collect(),
        sortable: true,
    }
}

fn witness(step: &DoubtTold) -> Vec<Cell> {
    let account = step.account.as_ref().map(ToString::to_string);
    let write = step.step.replace("_payment_method", "").replace('_', " ");
    let mut sent = time(&step.intent_at);
    if step.sent_at != step.intent_at {
        sent.lines.extend(time(&step.sent_at).lines);
    }
    let mut read = step.looked_at.as_deref().map_or_else(Cell::default, time);
    let seen = ids(step.seen.clone(), MOST_IDS).lines;
    if step.looked_at.is_some() && seen.is_empty() {
        read.lines.push("none seen".to_owned());
    }
    read.lines.extend(seen);
    let told = [step.object.clone(), step.request_id.clone()];
    vec![
        name(&step.legacy_id),
        Cell {
            lines: [Some(write), account].into_iter().flatten().collect(),
            ..ids([], 0)
        },
        sent,
        settled(step),
        read,
        ids(told.into_iter().flatten(), 2),
    ]
}

fn settled(step: &DoubtTold) -> Cell {
    match (step.settled, step.doubt) {
        ("open", doubt) => {
            let why = doubt.unwrap_or("no_answer").replace('_', " ");
            verdict(Some(false), format!("open: {why}"))
        }
        ("found", _) => verdict(Some(true), "found, adopted"),
        ("absent", _) => verdict(Some(true), format!("absent, try {}", step.try_no)),
        ("asked_again", _) => verdict(Some(true), "asked again"),
        (other, _) => verdict(None, other),
    }
}

/// What people changed; nothing where they did not.
pub fn changes(record: &Record) -> Option<Section> {
    let changes = &record.changes;
    if changes.fields == 0 {
        return None;
    }
    let row = |change: &ChangeTold| {
        vec![
            time(&change.at),
            text(&change.who),
            name(&change.legacy_id),
            text(if change.field.is_empty() {
                "(tried again as it was)"
            } else {
                &change.field
            }),
            text(change.old.as_deref().unwrap_or_default()),
            text(change.new.as_deref().unwrap_or_default()),
            text(&change.place),
        ]
    };
    let mut blocks = vec![Block::Table(Table {
        caption: "Changes to refused customers".to_owned(),
        columns: vec![
            text_column("When (UTC)"),
            text_column("Who"),
            text_column("Customer"),
            text_column("Field"),
            text_column("Before"),
            text_column("After"),
            text_column("File and line"),
        ],
        rows: changes.first.iter().map(row).collect(),
        sortable: true,
    })];
    if length(&changes.first) < changes.fields {
        blocks.push(Block::Note(format!(
            "The first {} of {} are listed.",
            number(length(&changes.first)),
            number(changes.fields)
        )));
    }
    Some(Section {
        id: "changes",
        title: "What people changed",
        lead: vec!["Lines of refused customers that were mended and tried again; contact details are masked.".to_owned()],
        blocks,
    })
}

/// Charges that were made to prove that cards can be charged.
pub fn proofs(record: &Record) -> Section {
    let proofs = &record.proofs;
    let proven = proofs.iter().filter(|proof| proof.result == "proven");
    let lead = if proofs.is_empty() {
        "No card was charged to prove that it can be: pmclone verify --charge does that, on cards that are chosen.".to_owned()
    } else {
        format!(
            "{}, {} proven: a payment on the connected account with the cloned payment method, taken back at once. Amounts are in the \
             currency's smallest unit.",
            count(length(proofs), "card"),
            number(u64::try_from(proven.count()).unwrap_or(u64::MAX))
        )
    };
    let row = |proof: &ProofTold| {
        let amount = |amount: i64| Cell {
            class: "number",
            lines: vec![number(amount.unsigned_abs())],
            sort: Some(amount.unsigned_abs()),
            share: None,
        };
        let where_to = [proof.account.to_string(), proof.payment_method.clone()];
        vec![
            name(&proof.legacy_id),
            time(&proof.begun_at),
            ids(where_to, 2),
            result(proof),
            text(proof.currency.to_uppercase()),
            amount(proof.amount),
            amount(proof.captured),
            amount(proof.refunded),
            amount(proof.fee_refunded),
            ids(proof.objects.clone(), 4),
        ]
    };
    let table = Table {
        caption: "Charge proofs".to_owned(),
        columns: vec![
            text_column("Customer"),
            text_column("Begun (UTC)"),
            text_column("Account, payment method"),
            text_column("Result"),
            text_column("In"),
            number_column("Authorised"),
            number_column("Captured"),
            number_column("Refunded"),
            number_column("Fee returned"),
            text_column("Objects"),
        ],
        rows: proofs.iter().map(row).collect(),
        sortable: true,
    };
    Section {
        id: "proofs",
        title: "Charge proofs",
        lead: vec![lead],
        blocks: if proofs.is_empty() {
            Vec::new()
        } else {
            vec![Block::Table(table)]
        },
    }
}

fn result(proof: &ProofTold) -> Cell {
    let reason = proof.reason.as_deref().unwrap_or_default();
    match proof.result {
        "proven" => verdict(Some(true), format!("{}: proven", proof.kind)),
        no @ ("declined" | "refused") => verdict(Some(false), format!("{no}: {reason}")),
        "taken_back" => verdict(None, "taken back"),
        _ => verdict(Some(false), "open: money may be held"),
    }
}

/// What was read back.
pub fn verifications(record: &Record) -> Section {
    let all = &record.verifications;
    let mut lead = vec![if all.is_empty() {
        "Nothing was read back from Stripe yet, or not while no run was on: pmclone verify does that.".to_owned()
    } else {
        "What was made was read back from Stripe and compared with the state file: that each Customer exists and bears its marks, that \
         each payment method is attached to the right one, is the same card as its source, and that nothing is there twice."
            .to_owned()
    }];
    let table = Table {
        caption: "Verifications".to_owned(),
        columns: vec![
            text_column("When (UTC)"),
            text_column("Result"),
            text_column("Looked at"),
            number_column("Customers"),
            number_column("Stripe Customers"),
            number_column("Payment methods"),
            number_column("Differences"),
            number_column("Not looked at"),
            number_column("Requests"),
        ],
        rows: all.iter().map(verification).collect(),
        sortable: false,
    };
    let mut blocks = Vec::new();
    if let Some(last) = all.last() {
        if last.sum("differences") == 0 && last.sum("not_looked_at") == 0 {
            lead.push(format!(
                "The last one found no difference, {}.",
                last.scope()
            ));
        }
        blocks.push(Block::Table(table));
        if !last.unlike.is_empty() {
            blocks.push(Block::Table(unlike(last)));
        }
    }
    Section {
        id: "verification",
        title: "Verification",
        lead,
        blocks,
    }
}

impl Verification {
    /// A number of its summary; 0 where there is none.
    pub(super) fn sum(&self, name: &str) -> u64 {
        self.summary.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Whom it looked at, in words.
    pub(super) fn scope(&self) -> String {
        let scope = self.summary.get("scope").and_then(Value::as_str);
        match scope.unwrap_or_default() {
            "sample" => format!(
                "in a sample drawn with seed {}",
                self.summary
                    .get("seed")
                    .and_then(Value::as_u64)
                    .unwrap_or(0)
            ),
            "named" => "among customers that were named".to_owned(),
            "all" => "among all customers".to_owned(),
            "all_thorough" => "among all customers and all that they hold".to_owned(),
            other => other.to_owned(),
        }
    }

    /// What it came to, in words; and whether that is good.
    pub(super) fn verdict(&self) -> (Option<bool>, String) {
        match (
            self.sum("differences"),
            self.sum("not_looked_at"),
            self.sum("customers"),
        ) {
            (0, 0, 0) => (None, "nothing to look at".to_owned()),
            (0, 0, _) => (Some(true), "no difference".to_owned()),
            (0, some, _) => (None, format!("{} not looked at", number(some))),
            (some, _, _) => (Some(false), count(some, "difference")),
        }
    }
}

fn verification(each: &Verification) -> Vec<Cell> {
    let (good, told) = each.verdict();
    let sum = |name| whole(each.sum(name));
    vec![
        time(&each.at),
        verdict(good, told),
        text(each.scope()),
        sum("customers"),
        sum("stripe_customers"),
        sum("payment_methods"),
        sum("differences"),
        sum("not_looked_at"),
        sum("reads"),
    ]
}

fn unlike(last: &Verification) -> Table {
    let rows = last.unlike.iter().map(|line| {
        let sign = match line.sign {
            '-' => "missing at Stripe",
            '+' => "at Stripe only",
            '*' => "differs",
            _ => "not looked at",
        };
        vec![
            name(&line.legacy_id),
            verdict(if line.sign == '!' { None } else { Some(false) }, sign),
            text(&line.about),
            id(line.account.as_deref().unwrap_or("platform")),
            id_or_none(line.customer.as_deref()),
            id_or_none(line.payment_method.as_deref()),
        ]
    });
    Table {
        caption: "What the last verification did not find as it should be (the first hundred)"
            .to_owned(),
        columns: vec![
            text_column("Customer"),
            text_column("Finding"),
            text_column("What"),
            text_column("Account"),
            text_column("Stripe Customer"),
            text_column("Payment method"),
        ],
        rows: rows.collect(),
        sortable: true,
    }
}

/// What it was made with, and digests.
pub fn versions(record: &Record) -> Section {
    let fact = |name: &str, value: Cell| (name.to_owned(), value);
    let mut facts: Vec<_> = record
        .versions
        .iter()
        .map(|each| (each.name.clone(), text(&each.value)))
        .collect();
    facts.push(fact("Migration", code(&record.migration)));
    if let Some(csv) = &record.csv {
        facts.push(fact("SHA-256 of the customer file", code(&csv.sha256)));
    }
    facts.push(fact("SHA-256 of the mapping", code(&record.mapping.sha256)));
    facts.push(fact(
        "Length of the mapping",
        text(count(record.mapping.bytes, "byte")),
    ));
    if let Some(at) = &record.mapping.changed_at {
        facts.push(fact("Last change in it (UTC)", time(at)));
    }
    facts.push(fact(
        "This page was written (UTC)",
        time(&record.written_at),
    ));
    Section {
        id: "versions",
        title: "Versions and digests",
        lead: vec![
            "The mapping from old ids to new ones is what pmclone export writes. Its digest there, as long as nothing has changed since, \
             is the one here: pmclone export | sha256sum. Times of what was done are by Stripe's clock."
                .to_owned(),
        ],
        blocks: vec![Block::Facts(facts)],
    }
}
