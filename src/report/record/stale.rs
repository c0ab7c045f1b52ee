//! PURE. Clones whose sources changed at Stripe: which, since when, why, and what helps.

use super::view::{Block, Section, Table, code, number_column, text, text_column, time, whole};
use super::{Record, StaleTold};
use crate::report::remedy;
use crate::report::stale::what;
use crate::report::words::number;

/// The section; none where nothing is stale.
pub fn section(record: &Record) -> Option<Section> {
    let StaleTold {
        clones,
        detached,
        first,
    } = &record.stale;
    if first.is_empty() {
        return None;
    }
    let rows = first.iter().map(|clone| {
        vec![
            text(&clone.legacy_id),
            code(&clone.platform_payment_method),
            code(&clone.connected_account),
            time(&clone.since),
            text(what(&clone.reason)),
            code(&clone.event),
            text(if clone.in_renewal { "begun" } else { "" }),
        ]
    });
    let mut blocks = vec![
        Block::Table(Table {
            caption: "Stale clones, by what helps".to_owned(),
            columns: vec![text_column("Clones"), number_column("Number")],
            rows: vec![
                vec![
                    text("Can be renewed: pmclone resume --refresh-stale"),
                    whole(clones.saturating_sub(*detached)),
                ],
                vec![
                    text(format!("Their source was detached: {}", remedy::DETACHED)),
                    whole(*detached),
                ],
            ],
            sortable: false,
        }),
        Block::Table(Table {
            caption: "Stale clones".to_owned(),
            columns: [
                "Customer",
                "Source",
                "Account",
                "Changed at",
                "The source",
                "Told by",
                "Renewal",
            ]
            .map(text_column)
            .into(),
            rows: rows.collect(),
            sortable: false,
        }),
    ];
    let listed = u64::try_from(first.len()).unwrap_or(u64::MAX);
    if listed < *clones {
        blocks.push(Block::Note(format!(
            "{} of {} are listed.",
            number(listed),
            number(*clones)
        )));
    }
    Some(Section {
        id: "stale",
        title: "What changed since it was cloned",
        lead: vec![
            "A clone is a copy of its own: what happens to its source afterwards does not reach it. These sources changed after they were \
             cloned, as events told."
                .to_owned(),
        ],
        blocks,
    })
}
