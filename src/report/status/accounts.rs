//! The accounts as bars, and the status at a glance: what fits on a terminal that is looked at again and again.

use std::cmp::Reverse;

use super::people::{coloured, counts, headline, more, pace, to_u64, word};
use super::undone::{taken_back, undo_unfinished};
use super::{Account, AccountStanding, Extras, Status};
use crate::report::Look;
use crate::report::words::{number, percent, plain, shorten};
use crate::state::Standing;

/// The shortest bar that tells anything, and the longest that is of use.
const BAR: std::ops::RangeInclusive<usize> = 8..=60;

/// What each sign of a bar stands for.
const SIGNS: [(char, Standing); 5] = [
    ('=', Standing::Migrated),
    ('x', Standing::Refused),
    ('p', Standing::Parked),
    ('~', Standing::PartlyUndone),
    ('u', Standing::Undone),
];

/// The column with the share of the migrated.
const SHARE: usize = 3;

/// The accounts with the most trouble, then the largest, at most `shown` of them.
pub(super) fn accounts(accounts: &[Account], shown: usize, look: Look) -> Option<String> {
    if accounts.is_empty() || shown == 0 {
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
    ranked.truncate(shown);
    // Most migrations never have any.
    let any_undone = ranked
        .iter()
        .any(|each| each.undone > 0 || each.partly_undone > 0);
    let rows = ranked.iter().map(|each| (*each, cells(each, any_undone)));
    let mut rows: Vec<_> = rows.collect();
    let heading = ["account", "customers", "migrated", "", "refused", "parked"];
    let heading = heading.into_iter().chain(any_undone.then_some("undone"));
    let mut heading: Vec<_> = heading.map(str::to_owned).collect();
    let mut widths: Vec<usize> = heading.iter().map(String::len).collect();
    for (_, cells) in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.len());
        }
    }
    let taken: usize = widths.iter().map(|width| width + 2).sum();
    // With one column more, the share has to go where there is no room for it; and what is told above of accounts that are parked.
    if any_undone && taken > usize::from(look.width) {
        heading.remove(SHARE);
        widths.remove(SHARE);
        for (account, cells) in &mut rows {
            cells.remove(SHARE);
            cells[0] = account.id.to_string();
        }
        let ids = rows.iter().map(|(_, cells)| cells[0].len());
        widths[0] = ids.fold(heading[0].len(), usize::max);
    }
    let room = usize::from(look.width).saturating_sub(taken + 4);
    let bar_width = (room >= *BAR.start()).then(|| room.min(*BAR.end()));
    let mut lines = vec![
        look.bold("Accounts"),
        line(
            &heading,
            &widths,
            bar_width.map(|width| " ".repeat(width + 2)),
        ),
    ];
    for (account, cells) in &rows {
        lines.push(line(
            cells,
            &widths,
            bar_width.map(|width| bar(account, width, look)),
        ));
    }
    lines.extend(more(to_u64(accounts.len()), shown, "account"));
    lines.extend(bar_width.and_then(|_| legend(&ranked, look)));
    Some(lines.join("\n"))
}

fn cells(account: &Account, any_undone: bool) -> Vec<String> {
    let parked = if account.standing == AccountStanding::Parked {
        " (parked)"
    } else {
        ""
    };
    let mut cells = vec![
        format!("{}{parked}", account.id),
        number(account.customers),
        number(account.migrated),
        percent(account.migrated, account.customers),
        number(account.refused),
        number(account.parked),
    ];
    cells.extend(
        any_undone.then(|| match (account.undone, account.partly_undone) {
            (undone, 0) => number(undone),
            (undone, partly) => format!("{}+{}~", number(undone), number(partly)),
        }),
    );
    cells
}

fn line(cells: &[String], widths: &[usize], bar: Option<String>) -> String {
    let (Some((account, rest)), Some((first, widths))) =
        (cells.split_first(), widths.split_first())
    else {
        return String::new();
    };
    let mut line = format!("  {account:<first$}");
    if let Some(bar) = bar {
        line.push_str("  ");
        line.push_str(&bar);
    }
    for (cell, width) in rest.iter().zip(widths) {
        line += &[
            " ".repeat(width + 2 - cell.len().min(*width)).as_str(),
            cell,
        ]
        .concat();
    }
    line.trim_end().to_owned()
}

/// `[=========xp      ]`: in shares of the customers that ask for the account. What there is is never rounded to nothing.
fn bar(account: &Account, width: usize, look: Look) -> String {
    let mut left = width;
    let mut bar = String::new();
    // The small ones first, so that they find room.
    let mut shares = Vec::new();
    for (sign, standing) in SIGNS.into_iter().rev() {
        let n = of(account, standing);
        let share = u128::from(n) * u128::try_from(width).unwrap_or(0)
            / u128::from(account.customers.max(1));
        let share = usize::try_from(share).unwrap_or(width);
        let share = share.max(usize::from(n > 0)).min(left);
        left -= share;
        shares.push((sign, standing, share));
    }
    // Where everybody is told of, no blank is left over from rounding.
    let told: u64 = shares
        .iter()
        .map(|(_, standing, _)| of(account, *standing))
        .sum();
    if told > 0
        && told == account.customers
        && let Some((_, _, largest)) = shares.iter_mut().max_by_key(|(_, _, share)| *share)
    {
        *largest += std::mem::take(&mut left);
    }
    for (sign, standing, share) in shares.into_iter().rev() {
        if share > 0 {
            bar.push_str(&coloured(standing, &sign.to_string().repeat(share), look));
        }
    }
    format!("[{bar}{}]", " ".repeat(left))
}

fn of(account: &Account, standing: Standing) -> u64 {
    match standing {
        Standing::Migrated => account.migrated,
        Standing::Refused => account.refused,
        Standing::Parked => account.parked,
        Standing::Undone => account.undone,
        Standing::PartlyUndone => account.partly_undone,
        Standing::InDoubt | Standing::InProgress | Standing::Pending => 0,
    }
}

fn legend(accounts: &[&Account], look: Look) -> Option<String> {
    let known = SIGNS.into_iter().filter(|(_, standing)| {
        let mut accounts = accounts.iter();
        accounts.any(|account| of(account, *standing) > 0)
    });
    let known: Vec<_> = known
        .map(|(sign, standing)| {
            let told = format!("{sign} {}", word(standing));
            coloured(standing, &told, look)
        })
        .collect();
    (!known.is_empty()).then(|| format!("  {}", known.join("  ")))
}

/// Accounts that are shown before any reason.
const FEWEST: usize = 3;

/// Lines around the accounts: heading, header, legend, how many are not shown, and a blank.
const AROUND: usize = 5;

/// The status on at most `rows` lines: counts, speed, then the accounts and reasons that there is room for.
pub fn glance(status: &Status, extras: &Extras, look: Look, rows: usize) -> String {
    let mut parts = vec![headline(status, extras, look)];
    parts.extend(status.pace.as_ref().map(|pace| pace.text(look)));
    parts.push(counts(status, look));
    parts.extend(taken_back(status, extras, look));
    parts.extend(undo_unfinished(status, extras, look));
    parts.extend(pace(status, look));
    let used = |parts: &[String]| {
        parts
            .iter()
            .map(|part| part.lines().count() + 1)
            .sum::<usize>()
    };
    let reasons = status.reasons.len().min(5);
    let for_reasons = if reasons > 0 { reasons + 2 } else { 0 };
    let room = rows
        .saturating_sub(used(&parts) + AROUND + for_reasons)
        .max(FEWEST);
    parts.extend(accounts(&status.accounts, room, look));
    let room = rows.saturating_sub(used(&parts) + 1);
    if room > 0 && reasons > 0 {
        let mut lines = vec![look.bold("Refused, by reason")];
        lines.extend(status.reasons.iter().take(reasons.min(room)).map(|reason| {
            let told = format!(
                "  {:>6}  {}",
                number(reason.customers),
                plain(&reason.reason)
            );
            shorten(&told, usize::from(look.width))
        }));
        parts.push(lines.join("\n"));
    }
    let text = parts.join("\n\n");
    let lines: Vec<_> = text.lines().take(rows).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::people::SHOWN;
    use super::super::tests::{extras, troubled};
    use super::*;
    use crate::ids::AccountId;

    #[test]
    fn accounts_are_bars_where_there_is_room() {
        insta::assert_snapshot!(accounts(&troubled().accounts, SHOWN, Look::PLAIN).unwrap(), @r"
        Accounts
          account                              customers  migrated       refused  parked
          acct_1BERLIN (parked)  [=========p]        230       200  86%        0      30
          acct_1COLOGNE          [=======x  ]        770       600  77%      112       0
          acct_1AUGSBURG         [========= ]      9,000     8,200  91%        0       0
          = migrated  x refused  p parked
        ");
    }

    #[test]
    fn a_bar_never_rounds_trouble_away_and_is_never_too_long() {
        let account = |customers: [u64; 8]| {
            Account::counted(AccountId::parse("acct_1").unwrap(), None, customers)
        };
        let look = Look::PLAIN;
        assert_eq!(
            bar(&account([0, 1, 1, 0, 0, 0, 0, 9_998]), 10, look),
            "[========xp]"
        );
        assert_eq!(
            bar(&account([0, 0, 0, 0, 10, 0, 0, 0]), 10, look),
            "[          ]"
        );
        assert_eq!(
            bar(&account([0, 0, 0, 0, 0, 0, 0, 10]), 10, look),
            "[==========]"
        );
        assert_eq!(
            bar(&account([0, 5, 0, 0, 0, 0, 0, 5]), 10, look),
            "[=====ppppp]"
        );
        assert_eq!(bar(&account([0; 8]), 10, look), "[          ]");
    }

    #[test]
    fn ten_thousand_accounts_are_shortened_to_those_with_most_trouble() {
        let account = |n: u64| {
            let id = AccountId::parse(&format!("acct_{n:05}")).unwrap();
            let refused = u64::from(n == 7777);
            Account::counted(id, None, [0, 0, refused, 0, 0, 0, 0, 10 - refused])
        };
        let all: Vec<_> = (0..10_000).map(account).collect();
        let text = accounts(&all, SHOWN, Look::PLAIN).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[2].contains("acct_07777"), "{text}");
        assert!(lines[3].contains("acct_00000"), "{text}");
        assert_eq!(lines.len(), 2 + SHOWN + 2);
        assert_eq!(lines[2 + SHOWN], "  ... and 9,980 more accounts");
    }

    #[test]
    fn a_glance_fits_whatever_the_terminal_holds() {
        let status = troubled();
        for rows in [5, 14, 24, 50] {
            let text = glance(&status, &extras(), Look::PLAIN, rows);
            assert!(text.lines().count() <= rows, "{rows}: {text}");
        }
        insta::assert_snapshot!(glance(&status, &extras(), Look::PLAIN, 24), @r"
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

        Accounts
          account                              customers  migrated       refused  parked
          acct_1BERLIN (parked)  [=========p]        230       200  86%        0      30
          acct_1COLOGNE          [=======x  ]        770       600  77%      112       0
          acct_1AUGSBURG         [========= ]      9,000     8,200  91%        0       0
          = migrated  x refused  p parked
        ");
    }
}
