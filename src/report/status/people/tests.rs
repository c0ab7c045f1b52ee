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
