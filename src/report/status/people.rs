//! The status for people: counts at a glance first, then what needs somebody, then the accounts.

use std::cmp::Reverse;

use super::{Account, AccountStanding, Extras, InDoubtRow, ReasonCount, Status};
use crate::ids::{AccountId, CustomerId};
use crate::report::Look;
use crate::report::remedy;
use crate::report::table::{Column, table};
use crate::report::words::{count, minute, number, percent, plain, shorten, wrap};
use crate::state::{Doubt, Standing};

/// Accounts, reasons and steps in doubt are each shown up to here.
const SHOWN: usize = 20;

/// The status for people, without a line feed at the end.
pub fn text(status: &Status, extras: &Extras, look: Look) -> String {
    let parts = [
        Some(headline(status, extras, look)),
        status.pace.as_ref().map(|pace| pace.text(look)),
        Some(counts(status, look)),
        refused(&extras.reasons, look),
        parked(&status.accounts, look),
        in_doubt(extras, look),
        clones_left(extras, look),
        accounts(&status.accounts, look),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn headline(status: &Status, extras: &Extras, look: Look) -> String {
    let mode = match (extras.simulated, status.livemode) {
        (true, _) => "a rehearsal".to_owned(),
        (false, true) => look.alarm("LIVE"),
        (false, false) => "test mode".to_owned(),
    };
    let running = if extras.running {
        "a run is on"
    } else {
        "no run is on"
    };
    format!(
        "{} {}\nof {}, {mode}; {running}",
        look.bold("Migration"),
        plain(&status.migration),
        status.platform_account
    )
}

/// The word for a standing, for people.
pub(in crate::report) fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::InDoubt => "in doubt",
        Standing::Parked => "parked",
        Standing::Refused => "refused",
        Standing::InProgress => "in progress",
        Standing::Pending => "pending",
        Standing::Migrated => "migrated",
    }
}

fn coloured(standing: Standing, text: &str, look: Look) -> String {
    match standing {
        Standing::InDoubt | Standing::Refused => look.bad(text),
        Standing::Parked => look.warn(text),
        Standing::Migrated => look.good(text),
        Standing::InProgress | Standing::Pending => text.to_owned(),
    }
}

/// Customers by standing, payment methods and requests: the numbers one below the other.
pub(in crate::report) fn counts(status: &Status, look: Look) -> String {
    let customers = &status.customers;
    let width = [
        customers.total,
        status.payment_methods.total,
        status.requests.sent,
    ]
    .map(|n| number(n).len())
    .into_iter()
    .fold(0, usize::max);
    let line = |label: &str, n: u64, more: &str| format!("{label:<16}{:>width$}{more}", number(n));
    let mut lines = vec![line("Customers", customers.total, "")];
    for standing in Standing::ALL.into_iter().rev() {
        let n = customers.of(standing);
        let share = match n {
            0 => String::new(),
            _ => format!("  {:>4}", percent(n, customers.total)),
        };
        let text = line(&format!("  {}", word(standing)), n, &share);
        lines.push(match n {
            0 => text,
            _ => coloured(standing, &text, look),
        });
    }
    let methods = &status.payment_methods;
    lines.push(line(
        "Clones wanted",
        methods.total,
        &format!("  {} attached", number(methods.cloned)),
    ));
    let requests = &status.requests;
    let more = format!(
        "  {} retried, {} rate limited",
        number(requests.retried),
        number(requests.rate_limited)
    );
    lines.push(line("Requests sent", requests.sent, &more));
    lines.join("\n")
}

/// Refusals by reason, each with what to do.
pub(in crate::report) fn refused(reasons: &[ReasonCount], look: Look) -> Option<String> {
    if reasons.is_empty() {
        return None;
    }
    let width = reasons
        .iter()
        .map(|each| number(each.customers).len())
        .fold(0, usize::max);
    let indent = " ".repeat(width + 4);
    let mut lines = vec![look.bold("Refused, by reason")];
    for each in reasons.iter().take(SHOWN) {
        let told = match plain(&each.message_sample) {
            message if message.trim().is_empty() => plain(&each.reason),
            message => format!(
                "{}: \"{}\"",
                plain(&each.reason),
                shorten(message.trim(), 200)
            ),
        };
        let told = wrap(&told, &indent, look.width);
        lines.push(format!(
            "  {:>width$}  {}",
            number(each.customers),
            told.trim_start()
        ));
        lines.push(wrap(
            remedy::for_refusal(&each.reason, &each.message_sample),
            &indent,
            look.width,
        ));
    }
    lines.extend(more(to_u64(reasons.len()), SHOWN, "reason"));
    Some(lines.join("\n"))
}

/// Steps in doubt, and what to do about each kind of doubt among them.
pub(in crate::report) fn in_doubt(extras: &Extras, look: Look) -> Option<String> {
    if extras.in_doubt_steps == 0 {
        return None;
    }
    let heading = format!(
        "In doubt: {} may have reached Stripe",
        count(extras.in_doubt_steps, "step")
    );
    let mut lines = vec![look.bold(&heading)];
    let shown = &extras.in_doubt[..extras.in_doubt.len().min(SHOWN)];
    lines.extend(shown.iter().map(doubtful_step));
    let unanswered = extras.unanswered_steps;
    let doubtful = extras.in_doubt_steps.saturating_sub(unanswered);
    lines.extend(more(doubtful, shown.len(), "step"));
    if unanswered > 0 {
        let told = format!(
            "{} got no answer: pmclone resume asks again under the same keys, and looks for those whose keys are too old.",
            count(unanswered, "step")
        );
        lines.push(wrap(&told, "  ", look.width));
    }
    for doubt in Doubt::ALL {
        if shown.iter().any(|row| row.doubt == doubt) {
            let told = format!("{}: {}", doubt.name(), remedy::for_doubt(doubt));
            lines.push(wrap(&told, "  ", look.width));
        }
    }
    if !shown.is_empty() {
        lines.push(wrap(remedy::STILL_IN_DOUBT, "  ", look.width));
    }
    Some(lines.join("\n"))
}

/// What a clone that was in doubt, and was made again, may have left behind.
fn clones_left(extras: &Extras, look: Look) -> Option<String> {
    let told = match extras.clones_left {
        0 => return None,
        1 => "One clone may be left that is attached to nobody, since it was in doubt whether it was made. Nothing can ever be charged to it.".to_owned(),
        left => format!(
            "Up to {} may be left that are attached to nobody, since it was in doubt whether they were made. Nothing can ever be charged to them.",
            count(left, "clone")
        ),
    };
    Some(wrap(&told, "", look.width))
}

/// Two lines: whose and what, then since when and why.
fn doubtful_step(row: &InDoubtRow) -> String {
    let ids: Vec<_> = row.seen.iter().map(CustomerId::as_str).collect();
    let seen = match ids.as_slice() {
        [] => String::new(),
        ids => format!(": {}", ids.join(", ")),
    };
    format!(
        "  {}: {} on {}\n    since {}, {}{seen}",
        shorten(&plain(row.legacy_id.as_str()), 40),
        row.step.name(),
        row.account
            .as_ref()
            .map_or("the platform", AccountId::as_str),
        minute(row.since),
        row.doubt.name(),
    )
}

/// The accounts with the most trouble, then the largest.
fn accounts(accounts: &[Account], look: Look) -> Option<String> {
    if accounts.is_empty() {
        return None;
    }
    let mut ranked: Vec<&Account> = accounts.iter().collect();
    ranked.sort_by_key(|each| {
        let trouble = each.refused.saturating_add(each.parked);
        (
            Reverse(each.standing == AccountStanding::Parked),
            Reverse(trouble),
            Reverse(each.customers),
            &each.id,
        )
    });
    ranked.truncate(SHOWN);
    let number_column = |name| (name, Column::Right);
    let columns = [
        ("account", Column::Left),
        ("standing", Column::Left),
        number_column("customers"),
        number_column("migrated"),
        number_column("refused"),
        number_column("parked"),
    ];
    let cells = |each: &&Account| {
        let mut cells = vec![each.id.to_string(), each.standing.name().to_owned()];
        cells.extend([each.customers, each.migrated, each.refused, each.parked].map(number));
        cells
    };
    let rows: Vec<_> = ranked.iter().map(cells).collect();
    let mut lines = vec![look.bold("Accounts"), table(&columns, &rows)];
    lines.extend(more(to_u64(accounts.len()), SHOWN, "account"));
    Some(lines.join("\n"))
}

/// The parked accounts with Stripe's words, and what to do.
pub(in crate::report) fn parked(accounts: &[Account], look: Look) -> Option<String> {
    let parked: Vec<_> = accounts
        .iter()
        .filter(|each| each.standing == AccountStanding::Parked)
        .collect();
    if parked.is_empty() {
        return None;
    }
    let mut lines = vec![look.bold(&format!(
        "Parked: {}",
        count(to_u64(parked.len()), "account")
    ))];
    for each in parked.iter().take(SHOWN) {
        let reason = plain(each.reason.as_deref().unwrap_or("no reason was given"));
        let waiting = count(each.parked, "customer");
        let line = format!(
            "{} ({waiting} waiting): {}",
            each.id,
            shorten(reason.trim(), 200)
        );
        lines.push(wrap(&line, "  ", look.width));
    }
    lines.extend(more(to_u64(parked.len()), SHOWN, "account"));
    lines.push(wrap(remedy::PARKED, "  ", look.width));
    Some(lines.join("\n"))
}

fn more(all: u64, shown: usize, noun: &str) -> Option<String> {
    let left = all.saturating_sub(to_u64(shown));
    (left > 0).then(|| format!("  ... and {}", count(left, &format!("more {noun}"))))
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{empty, extras, troubled};
    use super::*;

    #[test]
    fn an_empty_state_file_is_said_in_a_few_lines() {
        insta::assert_snapshot!(text(&empty(), &Extras::default(), Look::PLAIN), @r"
        Migration 7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a
        of acct_1PLATFORM, test mode; no run is on

        Customers       0
          migrated      0
          pending       0
          in progress   0
          refused       0
          parked        0
          in doubt      0
        Clones wanted   0  0 attached
        Requests sent   0  0 retried, 0 rate limited
        ");
    }

    #[test]
    fn trouble_is_shown_with_what_to_do() {
        insta::assert_snapshot!(text(&troubled(), &extras(), Look::PLAIN), @r#"
        Migration 7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a
        of acct_1PLATFORM, test mode; no run is on

        Customers       10,000
          migrated       9,000   90%
          pending          841    8%
          in progress       16   <1%
          refused          112    1%
          parked            30   <1%
          in doubt           1   <1%
        Clones wanted   12,345  11,030 attached
        Requests sent   33,700  41 retried, 12 rate limited

        Refused, by reason
          100  card_declined: "Your card was declined."
               The issuer said no. Ask the customer for another card, or try once more
               later: pmclone resume --retry-refused.
           11  cannot_be_cloned
               Stripe clones only cards and US bank accounts. Collect this payment
               method again on the connected account.
            1  a_code_of_next_year: "Something [31m new."
               See https://docs.stripe.com/error-codes. Once the cause is mended:
               pmclone resume --retry-refused.

        Parked: 1 account
          acct_1BERLIN (30 customers waiting): The provided key does not have access to
          account 'acct_1BERLIN' (or that account does not exist).
          Stripe gives no access to it. Have its owner connect to the platform again,
          then: pmclone resume.

        In doubt: 21 steps may have reached Stripe
          cust-4711: create_connected_customer on acct_1COLOGNE
            since 2026-10-01 12:00 UTC, expired
          ... and 3 more steps
          17 steps got no answer: pmclone resume asks again under the same keys, and
          looks for those whose keys are too old.
          expired: Its key is too old to be sent again: the next run looks whether it
          was done.
          What is in doubt is never sent again before Stripe was read: pmclone reconcile
          does only that, and every run begins with it.

        Up to 3 clones may be left that are attached to nobody, since it was in doubt
        whether they were made. Nothing can ever be charged to them.

        Accounts
          account         standing  customers  migrated  refused  parked
          acct_1BERLIN    parked          230       200        0      30
          acct_1COLOGNE   active          770       600      112       0
          acct_1AUGSBURG  active        9,000     8,200        0       0
        "#);
    }

    #[test]
    fn ten_thousand_accounts_are_shortened_to_those_with_most_trouble() {
        let account = |n: u64| {
            let id = AccountId::parse(&format!("acct_{n:05}")).unwrap();
            let refused = u64::from(n == 7777);
            Account::counted(id, None, [0, 0, refused, 0, 0, 10 - refused])
        };
        let all: Vec<_> = (0..10_000).map(account).collect();
        let text = accounts(&all, Look::PLAIN).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[2].contains("acct_07777"), "{text}");
        assert!(lines[3].contains("acct_00000"), "{text}");
        assert_eq!(lines.len(), 2 + SHOWN + 1);
        assert_eq!(lines.last().unwrap(), &"  ... and 9,980 more accounts");
    }

    #[test]
    fn colour_marks_what_needs_somebody_and_nothing_else() {
        let look = Look {
            colour: true,
            width: 80,
        };
        let text = counts(&troubled(), look);
        let coloured: Vec<_> = text
            .lines()
            .filter(|line| line.contains('\u{1b}'))
            .collect();
        insta::assert_snapshot!(coloured.join("\n").escape_debug().to_string().replace("\\n", "\n"), @r"
        \u{1b}[32m  migrated       9,000   90%\u{1b}[0m
        \u{1b}[31m  refused          112    1%\u{1b}[0m
        \u{1b}[33m  parked            30   <1%\u{1b}[0m
        \u{1b}[31m  in doubt           1   <1%\u{1b}[0m
        ");
        assert!(!text.contains("\u{1b}[31m  pending"));
    }
}
