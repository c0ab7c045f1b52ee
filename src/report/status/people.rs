//! The status for people: counts at a glance first, then what needs somebody, then the accounts.

use super::accounts::accounts;
use super::{Account, AccountStanding, Extras, InDoubtRow, ReasonCount, Status};
use crate::ids::{AccountId, CustomerId};
use crate::report::Look;
use crate::report::remedy;
use crate::report::stale::lines as told_of_stale;
use crate::report::words::{
    count, duration, minute, number, percent, plain, quoted, shorten, tenths, wrap,
};
use crate::state::{Doubt, Standing};

/// Accounts, reasons and steps in doubt are each shown up to here.
pub(super) const SHOWN: usize = 20;

/// The status for people, without a line feed at the end.
pub fn text(status: &Status, extras: &Extras, look: Look) -> String {
    let parts = [
        Some(headline(status, extras, look)),
        status.pace.as_ref().map(|pace| pace.text(look)),
        Some(counts(status, look)),
        purged(status, look),
        pace(status, look),
        refused(&status.reasons, look),
        parked(&status.accounts, look),
        in_doubt(extras, look),
        open_charges(status, extras, look),
        undo_unfinished(status, extras, look),
        taken_back(status, extras, look),
        clones_left(extras, look),
        stale(status, extras, look),
        listener(status, look),
        accounts(&status.accounts, SHOWN, look),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// Clones that are of before a change of their source.
fn stale(status: &Status, extras: &Extras, look: Look) -> Option<String> {
    let stale = &status.stale;
    if stale.total == 0 {
        return None;
    }
    let parts = [
        (stale.automatically_updated, "renewed by the network"),
        (stale.updated, "changed"),
        (stale.detached, "detached"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<_> = parts
        .map(|(n, what)| format!("{} {what}", number(*n)))
        .collect();
    let told = format!(
        "{} changed after being cloned ({}): the clones are of before.",
        count(stale.total, "source"),
        parts.join(", ")
    );
    let mut lines = vec![look.warn(&wrap(&told, "", look.width))];
    let first = stale.first.get(..SHOWN).unwrap_or(&stale.first);
    lines.extend(told_of_stale(first, look));
    let more = "  ... and more: pmclone report lists them";
    lines.extend((stale.first.len() > SHOWN).then(|| more.to_owned()));
    if stale.total > stale.detached {
        let (state, simulate) = (quoted(&extras.state_file), extras.simulate());
        lines.push(format!(
            "  To renew them: pmclone resume --refresh-stale --state {state}{simulate}"
        ));
    }
    if stale.detached > 0 {
        let told = format!("What was detached cannot be cloned again: {}", remedy::DETACHED);
        lines.push(wrap(&told, "  ", look.width));
    }
    Some(lines.join("\n"))
}

/// What a listener heard last.
fn listener(status: &Status, look: Look) -> Option<String> {
    let listener = status.listener.as_ref()?;
    let on = if listener.on {
        "on"
    } else {
        "nobody listens now"
    };
    let last = match (&listener.last_type, &listener.last_created) {
        (Some(kind), Some(created)) => format!("the last event is {} of {created}", plain(kind)),
        _ => "no event was taken yet".to_owned(),
    };
    Some(format!("{}  {on}; {last}", look.bold("Listener")))
}

pub(super) fn headline(status: &Status, extras: &Extras, look: Look) -> String {
    let mode = match (extras.simulated, status.livemode) {
        (true, _) => "a rehearsal".to_owned(),
        (false, true) => look.alarm("LIVE"),
        (false, false) => "test mode".to_owned(),
    };
    let running = if status.running {
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
        Standing::Undone => "undone",
        Standing::Migrated => "migrated",
    }
}

pub(in crate::report) fn coloured(standing: Standing, text: &str, look: Look) -> String {
    match standing {
        Standing::InDoubt | Standing::Refused => look.bad(text),
        Standing::Parked | Standing::Undone => look.warn(text),
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
        // Most migrations never are.
        if n == 0 && standing == Standing::Undone {
            continue;
        }
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

/// Charges of proofs that were broken off.
pub(in crate::report) fn open_charges(
    status: &Status,
    extras: &Extras,
    look: Look,
) -> Option<String> {
    let open = count(
        Some(status.open_charges).filter(|open| *open > 0)?,
        "charge",
    );
    let told = format!(
        "{open} of `verify --charge` may still be held: a run cancels or refunds it before anything else."
    );
    let command = format!(
        "  pmclone resume --state {}{}",
        quoted(&extras.state_file),
        extras.simulate()
    );
    Some(format!(
        "{}\n{command}",
        look.bad(&wrap(&told, "", look.width))
    ))
}

/// That no run takes anything up any more.
fn purged(status: &Status, look: Look) -> Option<String> {
    let at = status.purged_at.as_deref()?;
    let told = format!(
        "Purged on {at}: contact details are erased, the mapping is kept, and no run goes on from this state file."
    );
    Some(look.warn(&wrap(&told, "", look.width)))
}

/// What `undo` had begun and not ended.
pub(in crate::report) fn undo_unfinished(
    status: &Status,
    extras: &Extras,
    look: Look,
) -> Option<String> {
    let places = count(
        Some(status.undo_unfinished).filter(|left| *left > 0)?,
        "place",
    );
    let told = format!(
        "An undo was broken off: {places} taken back in part, and nothing more is made there. The same undo goes on."
    );
    let command = format!(
        "  pmclone undo --state {}{}",
        quoted(&extras.state_file),
        extras.simulate()
    );
    Some(format!(
        "{}\n{command}",
        look.warn(&wrap(&told, "", look.width))
    ))
}

/// What no run makes, since all was taken back.
fn taken_back(status: &Status, extras: &Extras, look: Look) -> Option<String> {
    let customers = &status.customers;
    let left = customers.left() + customers.parked + customers.in_doubt;
    if !extras.taken_back || left == 0 {
        return None;
    }
    let told = format!(
        "All of this migration was taken back, or was to be: run, resume and retry make nothing of the other {}, unless --after-undo is given.",
        count(left, "customer")
    );
    Some(look.warn(&wrap(&told, "", look.width)))
}

/// How fast it goes and how long it will still take, while a run is on; and what was refused last.
pub(super) fn pace(status: &Status, look: Look) -> Option<String> {
    let mut lines = Vec::new();
    if let Some(speed) = status.speed {
        let per_second = |per_minute: u64| tenths(per_minute.saturating_add(3) / 6);
        lines.push(format!(
            "{:<16}{} requests/s, {} customers/s lately",
            "Speed",
            per_second(speed.requests_per_minute),
            per_second(speed.customers_per_minute)
        ));
        let left = count(status.customers.left(), "customer");
        lines.push(match speed.seconds_left {
            Some(seconds) => {
                format!("{:<16}about {} for {left}", "Time left", duration(seconds))
            }
            None => format!("{:<16}not known yet, for {left}", "Time left"),
        });
    }
    if let Some(last) = &status.last_refusal {
        let account = last.account.as_ref();
        let told = format!(
            "{} {}: {} on {}, {}",
            last.at,
            shorten(&plain(&last.legacy_id), 40),
            last.step,
            account.map_or("the platform", AccountId::as_str),
            plain(&last.reason),
        );
        let told = wrap(&told, &" ".repeat(16), look.width);
        lines.push(format!("{:<16}{}", "Refused last", told.trim_start()));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
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
        let waiting = match each.parked {
            0 => "nobody waits for it".to_owned(),
            parked => format!("{} waiting", count(parked, "customer")),
        };
        let line = format!("{} ({waiting}): {}", each.id, shorten(reason.trim(), 200));
        lines.push(wrap(&line, "  ", look.width));
    }
    lines.extend(more(to_u64(parked.len()), SHOWN, "account"));
    lines.push(wrap(remedy::PARKED, "  ", look.width));
    Some(lines.join("\n"))
}

pub(super) fn more(all: u64, shown: usize, noun: &str) -> Option<String> {
    let left = all.saturating_sub(to_u64(shown));
    (left > 0).then(|| format!("  ... and {}", count(left, &format!("more {noun}"))))
}

pub(super) fn to_u64(n: usize) -> u64 {
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
        of acct_1PLATFORM, test mode; a run is on

        Customers       10,000
          migrated       9,000   90%
          pending          841    8%
          in progress       16   <1%
          refused          112    1%
          parked            30   <1%
          in doubt           1   <1%
        Clones wanted   12,345  11,030 attached
        Requests sent   33,700  41 retried, 12 rate limited

        Speed           38.0 requests/s, 10.0 customers/s lately
        Time left       about 85 s for 857 customers
        Refused last    2026-10-01T12:00:09Z cust-4712: attach_connected_payment_method
                        on acct_1COLOGNE, card_declined

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
          account                              customers  migrated       refused  parked
          acct_1BERLIN (parked)  [=========p]        230       200  86%        0      30
          acct_1COLOGNE          [=======x  ]        770       600  77%      112       0
          acct_1AUGSBURG         [========= ]      9,000     8,200  91%        0       0
          = migrated  x refused  p parked
        "#);
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
        \u{1b}[38;5;28m  migrated       9,000   90%\u{1b}[0m
        \u{1b}[38;5;160m  refused          112    1%\u{1b}[0m
        \u{1b}[38;5;130m  parked            30   <1%\u{1b}[0m
        \u{1b}[38;5;160m  in doubt           1   <1%\u{1b}[0m
        ");
        assert!(!text.contains("\u{1b}[38;5;160m  pending"));
    }
}
