use super::*;
use crate::time::StripeTime;

fn migration() -> MigrationId {
    MigrationId(uuid::Uuid::nil())
}

fn account() -> AccountId {
    AccountId::parse("acct_1Gone").unwrap()
}

fn ended_with(recovered: Recovered) -> String {
    let told = Ended {
        migration: migration(),
        recovered,
        strangers: 2,
        unread: vec![account()],
        reads: 1_204,
        left_to_make: 7,
        was_undone: false,
        without_connected: vec![(account(), 3)],
        next: "pmclone resume --state pmclone.db".into(),
    };
    ended(&told, Look::PLAIN)
}

#[test]
fn every_end_is_told_with_what_to_do() {
    let recovered = Recovered {
        customers: 1_200,
        stripe_customers: 2_399,
        clones: 1_800,
        several: 1,
        unmatched: 3,
        unread: 0,
    };
    insta::assert_snapshot!(ended_with(recovered), @r"
    Rebuilt, with 1,204 requests
      1,200 customers with 2,399 Stripe Customers and 1,800 attached clones
      1 customer found more than once on an account
        `pmclone status` names them. Delete all but one in the Dashboard, then:
        pmclone resume.
      3 PaymentMethods of no source in the CSV on connected Customers
        They stay as they are. A card whose number was replaced since it was cloned
        is among them: it would be cloned once more.
      Not in this CSV: 2 customers of it; nothing is done with them until a CSV
      names them
      acct_1Gone cannot be reached: nothing is made there before it is read
      What Stripe refused is not known any more, and is asked for again. A clone
      that was attached to nobody cannot be seen: it is made again, and nothing can
      ever be charged to the first.
      With a platform Customer, and none on the account: 3 customers on acct_1Gone.
      Each was refused there, was not come to, or was taken back by `pmclone undo`.
      What `pmclone undo` took back, if there was an undo, cannot be seen any more,
      neither in whole nor on one account: 7 customers may be of it, or were never
      finished, and a run makes them. If they shall not be made: delete this state
      file, and recover with --was-undone; or, where only an account was taken back,
      confine each resume to the others with --account.
    Next     Go on:
        pmclone resume --state pmclone.db
    ");
}

#[test]
fn what_could_not_be_read_is_read_by_the_same_command() {
    let recovered = Recovered {
        customers: 7,
        unread: 3,
        ..Recovered::default()
    };
    insta::assert_snapshot!(ended_with(recovered), @r"
    Not rebuilt to the end yet, with 1,204 requests
      7 customers with 0 Stripe Customers and 0 attached clones
      3 customers could not be read
        Nothing may be sent before they are. Run the same command again: it goes on
        with them.
      Not in this CSV: 2 customers of it; nothing is done with them until a CSV
      names them
      acct_1Gone cannot be reached: nothing is made there before it is read
    ");
}

#[test]
fn migrations_are_told_with_what_tells_them_apart() {
    let found = |of_csv| MigrationFound {
        id: migration(),
        customers: 1_000,
        of_csv,
        created: Some((StripeTime(1_700_000_000), StripeTime(1_700_090_000))),
    };
    insta::assert_snapshot!(migrations(&[found(1_000), found(0)]), @r"
    Migrations that have Customers here:
      00000000-0000-0000-0000-000000000000  1,000 customers (1,000 in this CSV), made 2023-11-14 22:13 UTC to 2023-11-15 23:13 UTC
      00000000-0000-0000-0000-000000000000  1,000 customers (0 in this CSV), made 2023-11-14 22:13 UTC to 2023-11-15 23:13 UTC
    ");
}

#[test]
fn the_sweeps_say_what_is_still_to_be_read() {
    let told = Looked {
        migration: migration(),
        scope: Scope {
            customers: 40,
            strangers: 1,
            lists: 12,
        },
        unreachable: vec![account()],
        reads: 9,
    };
    insta::assert_snapshot!(looked(&told, Look::PLAIN), @r"
    Found 40 customers of migration 00000000-0000-0000-0000-000000000000, with 9 requests
      To be read still: about 12 lists of PaymentMethods
      Not in this CSV: 1 customer of it; nothing is done with them until a CSV names
      them
      acct_1Gone cannot be reached: nothing is made there before it is read
    ");
}
