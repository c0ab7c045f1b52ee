//! The explanation for people: what and where first, then the steps, then why and what to do.

use super::{
    AccountExplained, CustomerExplained, Explained, MendedExplained, Read, StepExplained, proofs,
};
use crate::report::Look;
use crate::report::export::{Fate, Row};
use crate::report::status::people::{coloured, word};
use crate::report::words::{count, number, plain, shorten, wrap};
use crate::state::Standing;

/// The explanation, without a line feed at the end.
pub fn text(explained: &Explained, look: Look) -> String {
    let mut parts = Vec::new();
    if explained.customers.len() > 1 {
        let found = count(len(&explained.customers), "customer");
        parts.push(look.bold(&format!("{} is of {found}", plain(&explained.id))));
    }
    parts.extend(explained.account.as_ref().map(|each| account(each, look)));
    parts.extend(explained.customers.iter().map(|each| customer(each, look)));
    if explained.also_line {
        let told = format!(
            "{0} is also the number of another customer's line: pmclone explain {0} --line",
            plain(&explained.id)
        );
        parts.push(wrap(&told, "", look.width));
    }
    if explained.simulated {
        let told = "A rehearsal: nothing of it is in the Dashboard.";
        parts.push(told.to_owned());
    }
    parts.join("\n\n")
}

fn len<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}

fn account(account: &AccountExplained, look: Look) -> String {
    let standing = if account.platform {
        "the platform, whose key is used"
    } else {
        account.standing.name()
    };
    let mut lines = vec![format!(
        "{} {}  {standing}",
        look.bold("Account"),
        account.id
    )];
    lines.extend(account.dashboard.iter().map(|link| format!("  {link}")));
    if let Some(why) = &account.parked_for {
        lines.push(wrap(&plain(why), "  ", look.width));
    }
    let customers = count(account.customers.total, "customer");
    lines.push(if account.platform {
        format!("  {customers} in this migration, on all accounts:")
    } else {
        format!("  {customers} for it:")
    });
    for standing in Standing::ALL.into_iter().rev() {
        let n = account.customers.of(standing);
        if n > 0 {
            let line = format!("    {:<12}{:>10}", word(standing), number(n));
            lines.push(coloured(standing, &line, look));
        }
    }
    for reason in &account.reasons {
        let told = format!(
            "{} refused there: {}",
            count(reason.customers, "customer"),
            plain(&reason.reason)
        );
        lines.push(wrap(&told, "  ", look.width));
        lines.push(wrap(reason.remedy, "    ", look.width));
    }
    lines.push(String::new());
    lines.push(ending(&[], &account.next, &account.commands, look));
    lines.join("\n")
}

fn customer(customer: &CustomerExplained, look: Look) -> String {
    let standing = Standing::ALL
        .into_iter()
        .find(|each| each.name() == customer.standing)
        .unwrap_or(Standing::InProgress);
    let since = customer.changed_at.as_ref();
    let since = since.map_or(String::new(), |at| format!(", since {at}"));
    let heading = format!(
        "{} {}  {}{since}",
        look.bold("Customer"),
        plain(&customer.legacy_id),
        coloured(standing, word(standing), look)
    );
    let mut parts = vec![
        format!("{heading}\n{}", read(customer, look)),
        mapped(&customer.mapped, look),
    ];
    if !customer.steps.is_empty() {
        let mut lines = vec![look.bold("Steps")];
        lines.extend(customer.steps.iter().map(|step| told(step, look)));
        parts.push(lines.join("\n"));
    }
    if !customer.dropped.is_empty() {
        let mut lines = vec![look.bold("Not asked for any more")];
        lines.extend(customer.dropped.iter().map(|step| told(step, look)));
        parts.push(lines.join("\n"));
    }
    parts.extend(mended(&customer.mended, look));
    parts.extend(proofs::text(&customer.proofs, look));
    parts.extend(undone(customer, look));
    parts.push(ending(
        &customer.why,
        &customer.next,
        &customer.commands,
        look,
    ));
    parts.join("\n\n")
}

/// What was taken back, and what was left.
fn undone(customer: &CustomerExplained, look: Look) -> Option<String> {
    let place = |account: &Option<crate::ids::AccountId>| {
        let account = account.as_ref();
        account.map_or("the platform".to_owned(), ToString::to_string)
    };
    let mut lines = vec![look.bold("Undone")];
    for step in &customer.undone {
        let told = format!(
            "{} {} on {}: {}, {}",
            step.step,
            step.object,
            place(&step.account),
            step.state.replace('_', " "),
            step.sent_at
        );
        lines.push(wrap(&told, "  ", look.width));
        if let Some(refusal) = &step.refusal {
            lines.push(wrap(&plain(&refusal.message), "    ", look.width));
        }
    }
    for left in &customer.undo_left {
        let how = if left.reason == crate::undo::Why::UNSETTLED {
            "not settled"
        } else {
            "left"
        };
        let place = place(&left.account);
        let told = format!("{how} on {place}: {}", plain(&left.message));
        lines.push(wrap(&told, "  ", look.width));
    }
    (lines.len() > 1).then(|| lines.join("\n"))
}

fn read(customer: &CustomerExplained, look: Look) -> String {
    let lines: Vec<_> = customer.lines.iter().map(ToString::to_string).collect();
    let noun = if lines.len() == 1 { "line" } else { "lines" };
    let file = customer.csv.as_ref();
    let file = file.map_or(String::new(), |csv| format!(" of {}", plain(csv)));
    let Read {
        details,
        masked,
        platform_customer,
        payment_methods,
        default_payment_method,
        connected_accounts,
    } = &customer.read;
    let mut rows = vec![("read from", format!("{noun} {}{file}", lines.join(", ")))];
    match details {
        None if customer.standing == Standing::Migrated.name() => {
            rows.push(("details", "erased, since it is migrated".to_owned()));
        }
        None => rows.push(("details", "erased".to_owned())),
        Some(details) => {
            let hint = if *masked && !details.is_empty() {
                "  (--unmasked shows them)"
            } else {
                ""
            };
            let shown = details
                .iter()
                .map(|(name, text)| format!("{name} {}", plain(text)));
            let shown = shown.collect::<Vec<_>>().join(", ");
            let shown = if shown.is_empty() {
                "none".to_owned()
            } else {
                shown
            };
            rows.push(("details", format!("{shown}{hint}")));
        }
    }
    if let Some(adopted) = platform_customer {
        rows.push(("adopts", adopted.to_string()));
    }
    let source = |id: &crate::ids::PaymentMethodId| {
        let default = default_payment_method.as_ref() == Some(id) && payment_methods.len() > 1;
        format!("{id}{}", if default { " (default)" } else { "" })
    };
    let joined = |ids: Vec<String>| {
        if ids.is_empty() {
            "none".to_owned()
        } else {
            ids.join(", ")
        }
    };
    rows.push((
        "sources",
        joined(payment_methods.iter().map(source).collect()),
    ));
    rows.push((
        "accounts",
        joined(connected_accounts.iter().map(ToString::to_string).collect()),
    ));
    let rows = rows.into_iter().map(|(label, told)| {
        let told = wrap(&told, &" ".repeat(13), look.width);
        format!("  {label:<11}{}", told.trim_start())
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn mapped(rows: &[Row], look: Look) -> String {
    let mut lines = vec![look.bold("Mapped to")];
    for row in rows {
        let source = row.platform_payment_method.as_ref();
        let source = source.map_or("no source".to_owned(), ToString::to_string);
        let account = row.connected_account.as_ref();
        let account = account.map_or("no account".to_owned(), ToString::to_string);
        let default = if row.is_default { ", the default" } else { "" };
        let status = match row.status {
            Fate::Stands(standing) => coloured(standing, word(standing), look),
            Fate::UndoUnfinished => look.warn("undone in part"),
            Fate::Replaced => "replaced".to_owned(),
        };
        lines.push(format!("  {source} on {account}: {status}{default}"));
        let made = [
            row.connected_customer.as_ref().map(ToString::to_string),
            row.connected_payment_method
                .as_ref()
                .map(ToString::to_string),
        ];
        let made: Vec<_> = made.into_iter().flatten().collect();
        if !made.is_empty() {
            lines.push(format!("    {}", made.join(", ")));
        }
    }
    lines.join("\n")
}

fn mark(step: &StepExplained) -> &'static str {
    if step.asked_for { ">" } else { " " }
}

fn state(step: &StepExplained, look: Look) -> String {
    match step.state {
        "done" => look.good(step.state),
        "refused" | "in doubt" => look.bad(step.state),
        other => other.to_owned(),
    }
}

/// A step: what, where and how it ended; then its intent, key and answer, and the tries before.
fn told(step: &StepExplained, look: Look) -> String {
    let account = step.account.as_ref();
    let place = account.map_or("the platform".to_owned(), ToString::to_string);
    let heading = format!(
        "{} {} on {place}: {}",
        mark(step),
        step.step,
        state(step, look)
    );
    let mut lines = vec![heading];
    if let Some(source) = &step.source {
        lines.push(format!("    {:<9}{source}", "source"));
    }
    lines.extend(noted(step, look));
    for tried in &step.earlier {
        let heading = format!(
            "  {} try {} before: {}",
            mark(tried),
            tried.try_no,
            state(tried, look)
        );
        lines.push(heading);
        let narrower = Look {
            width: look.width.saturating_sub(4),
            ..look
        };
        let noted = noted(tried, narrower).join("\n");
        lines.extend(noted.lines().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

/// A try: what it made, its intent, key and answer.
fn noted(step: &StepExplained, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut note = |label: &str, told: &str| {
        lines.push(format!("    {label:<9}{told}"));
    };
    if let Some(object) = &step.object {
        note("made", object);
    }
    if let Some(link) = &step.object_dashboard {
        note("", link);
    }
    match (&step.intent_at, &step.sent_at) {
        (Some(intent), Some(sent)) if intent != sent => {
            note("intent", &format!("{intent}, last {sent}"));
        }
        (Some(intent), _) => note("intent", intent),
        (None, _) if step.recovered => note("intent", "not known: the state file was rebuilt"),
        (None, _) => note("intent", "none: no request was needed, or none yet"),
    }
    note(
        "key",
        &format!("{}, try {}", step.idempotency_key, step.try_no),
    );
    if let Some(request) = &step.request_id {
        note("request", request);
    }
    if let Some(link) = &step.request_dashboard {
        note("", link);
    }
    if let Some(refusal) = &step.refusal {
        let status = match refusal.status {
            0 => "not sent".to_owned(),
            status => format!("HTTP {status}"),
        };
        let answer = format!(
            "{status}, {}: {}",
            plain(&refusal.reason),
            shorten(plain(&refusal.message).trim(), 300)
        );
        let answer = wrap(&answer, &" ".repeat(13), look.width);
        note("answer", answer.trim_start());
    }
    if let Some(doubt) = step.doubt {
        note("doubt", doubt);
    }
    if let Some(at) = &step.looked_at {
        let ids: Vec<_> = step.seen.iter().map(ToString::to_string).collect();
        let seen = if ids.is_empty() {
            String::new()
        } else {
            format!(": {}", ids.join(", "))
        };
        let by = step.seen_request_id.as_ref();
        let by = by.map_or(String::new(), |id| format!(" ({id})"));
        note("looked at", &format!(" {at}{by}{seen}"));
    }
    lines
}

fn mended(fields: &[MendedExplained], look: Look) -> Option<String> {
    if fields.is_empty() {
        return None;
    }
    let mut lines = vec![look.bold("Mended")];
    let mut told = String::new();
    for each in fields {
        let by = format!(
            "  {} by {}, line {} of {}",
            each.at,
            plain(&each.who),
            each.line,
            plain(&each.file)
        );
        if told != by {
            told.clone_from(&by);
            lines.push(by);
        }
        let value = |text: &Option<String>| text.as_deref().map_or("(empty)".to_owned(), plain);
        lines.push(match each.field.as_str() {
            "" => "    nothing was changed; what was refused is tried again".to_owned(),
            field => format!(
                "    {}: {} -> {}",
                plain(field),
                value(&each.old),
                value(&each.new)
            ),
        });
    }
    Some(lines.join("\n"))
}

fn ending(why: &[String], next: &[String], commands: &[String], look: Look) -> String {
    let mut lines = Vec::new();
    for (heading, told) in [("Why", why), ("Next", next)] {
        for (index, each) in told.iter().enumerate() {
            let label = match index {
                0 => look.bold(&format!("{heading:<6}")),
                _ => " ".repeat(6),
            };
            let told = wrap(&plain(each), "      ", look.width);
            lines.push(format!("{label}{}", told.trim_start()));
        }
    }
    // On lines of their own and never broken, so that they can be copied.
    lines.extend(commands.iter().map(|command| format!("        {command}")));
    lines.join("\n")
}
