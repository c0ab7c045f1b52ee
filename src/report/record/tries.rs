//! PURE. Tries that another one took the place of, as the record tells them.

use serde::Serialize;

use super::Record;
use super::view::{
    Block, Cell, Section, Table, id_or_none, ids, name, number_column, text_column, time, verdict,
    whole,
};
use crate::ids::{AccountId, PaymentMethodId};
use crate::report::words::number;

/// Tries that another took the place of: of what was refused, in doubt and proven absent, or changed once more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EarlierTries {
    /// How many.
    pub tries: u64,
    /// The first of them.
    pub first: Vec<EarlierTryTold>,
}

/// A try that another took the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EarlierTryTold {
    /// Whose.
    pub legacy_id: String,
    /// What was sent.
    pub step: &'static str,
    /// Where; null: the platform.
    pub account: Option<AccountId>,
    /// With which source.
    pub source: Option<PaymentMethodId>,
    /// Which deliberate try.
    pub try_no: u32,
    /// No try follows: a mended line does not ask for the step any more.
    pub dropped: bool,
    /// `ready`, `started`, `done`, `refused`, `in doubt`.
    pub state: &'static str,
    /// Stripe's code, or ours; or why it was in doubt.
    pub reason: Option<String>,
    /// Stripe's message, masked.
    pub message: Option<String>,
    /// When its intent was committed last, by Stripe's clock; null where nothing was sent.
    pub sent_at: Option<String>,
    /// The answer that told.
    pub request_id: Option<String>,
}

/// The section; nothing where every write had but one try.
pub fn tries(record: &Record) -> Option<Section> {
    let EarlierTries { tries, first } = &record.earlier_tries;
    if *tries == 0 {
        return None;
    }
    let mut blocks = vec![Block::Table(Table {
        caption: "Tries before the one that counts".to_owned(),
        columns: vec![
            text_column("Customer"),
            text_column("Write, account, source"),
            number_column("Try"),
            text_column("Outcome"),
            text_column("Sent (UTC)"),
            text_column("Request"),
        ],
        rows: first.iter().map(row).collect(),
        sortable: true,
    })];
    let listed = u64::try_from(first.len()).unwrap_or(u64::MAX);
    if listed < *tries {
        blocks.push(Block::Note(format!(
            "The first {} of {} are listed; `pmclone explain` tells those of each customer.",
            number(listed),
            number(*tries)
        )));
    }
    Some(Section {
        id: "tries",
        title: "What was tried before",
        lead: vec![
            "Each deliberate try has a key of its own. A new one begins only where a person asks for it after a refusal, where Stripe was \
             read and the write proven absent, or where a newer CSV changes once more what is there."
                .to_owned(),
        ],
        blocks,
    })
}

fn row(tried: &EarlierTryTold) -> Vec<Cell> {
    let write = tried.step.replace("_payment_method", "").replace('_', " ");
    let account = tried.account.as_ref().map(ToString::to_string);
    let source = tried.source.as_ref().map(ToString::to_string);
    let told = match &tried.reason {
        Some(reason) => format!("{}: {reason}", tried.state),
        None => tried.state.to_owned(),
    };
    let mut outcome = verdict((tried.state == "done").then_some(true), told);
    if tried.dropped {
        outcome.lines.push("not asked for any more".to_owned());
    }
    vec![
        name(&tried.legacy_id),
        Cell {
            lines: [Some(write), account, source]
                .into_iter()
                .flatten()
                .collect(),
            ..ids([], 0)
        },
        whole(u64::from(tried.try_no)),
        outcome,
        tried.sent_at.as_deref().map_or_else(Cell::default, time),
        id_or_none(tried.request_id.as_ref()),
    ]
}
