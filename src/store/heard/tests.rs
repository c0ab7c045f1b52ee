use super::*;
use crate::ids::{EventId, MigrationId};
use crate::store::{Recovery, create};
use crate::stripe::STRIPE_VERSION;

fn account() -> AccountId {
    AccountId::parse("acct_1A").unwrap()
}

fn inbox(rows: &str) -> (tempfile::TempDir, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let migration = Migration {
        id: MigrationId::draw(),
        platform_account: AccountId::parse("acct_1Platform").unwrap(),
        livemode: false,
        simulated: false,
        recovery: Recovery::No,
    };
    let conn = create(&path).unwrap();
    migration.write(&conn, STRIPE_VERSION).unwrap();
    conn.execute_batch("INSERT INTO account (id) VALUES ('acct_1A')")
        .unwrap();
    conn.execute_batch(rows).unwrap();
    drop(conn);
    let inbox = Inbox::open(&path, &migration).unwrap();
    (folder, inbox)
}

fn event(number: i64, created: i64, news: News) -> Event {
    Event {
        id: EventId::parse(&format!("evt_{number}")).unwrap(),
        kind: "x".to_owned(),
        created: StripeTime(created),
        livemode: false,
        account: None,
        news,
    }
}

fn parked(inbox: &Inbox) -> bool {
    inbox.accounts().unwrap()[0].parked
}

/// Every order of four events, each of them twice: what was told last at Stripe is what is known.
#[test]
fn events_of_an_account_come_to_the_same_in_any_order() {
    let left = || News::Deauthorized(account());
    let came = || News::Authorized(account());
    let told = || News::AccountUpdated {
        account: account(),
        country: None,
    };
    let histories = [
        ([left(), came(), left(), told()], false),
        ([came(), told(), came(), left()], true),
        ([left(), left(), came(), left()], true),
    ];
    for (history, expected) in histories {
        for order in 0..24_usize {
            let mut left: Vec<i64> = vec![0, 1, 2, 3];
            let picks = [order / 6, order % 6 / 2, order % 2, 0];
            let (_folder, mut inbox) = inbox("");
            for pick in picks {
                let which = left.remove(pick);
                let news = history[usize::try_from(which).unwrap()].clone();
                let event = event(which, 100 + which, news);
                assert!(matches!(inbox.take(&event, 0), Ok(Filed::Now(_))));
                assert!(matches!(inbox.take(&event, 0), Ok(Filed::Before)));
            }
            assert_eq!(parked(&inbox), expected, "{history:?} {picks:?}");
        }
    }
}

#[test]
fn of_one_second_leaving_counts() {
    for leaves_first in [true, false] {
        let (_folder, mut inbox) = inbox("");
        let mut pair = [News::Deauthorized(account()), News::Authorized(account())];
        if !leaves_first {
            pair.reverse();
        }
        for (number, news) in (0_i64..).zip(pair) {
            inbox.take(&event(number, 100, news), 0).unwrap();
        }
        assert!(parked(&inbox));
    }
}

#[test]
fn what_a_lost_state_file_knew_of_an_account_is_read_before_it_is_taken_up() {
    let (_folder, mut inbox) = inbox("UPDATE account SET unread = 1, parked = 'not read yet'");
    let came = event(1, 100, News::Authorized(account()));
    assert_eq!(inbox.take(&came, 0).unwrap(), Filed::Now(Effect::Nothing));
    let parked: bool = inbox
        .conn
        .query_row("SELECT parked IS NOT NULL FROM account", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(parked);
}

#[test]
fn a_look_tells_nothing_newer_than_an_event_of_later() {
    let (_folder, mut inbox) = inbox("");
    inbox
        .take(&event(1, 100, News::Deauthorized(account())), 0)
        .unwrap();
    let look = |inbox: &mut Inbox, at| inbox.looked(&account(), None, Some("DE"), StripeTime(at));
    assert_eq!(look(&mut inbox, 100).unwrap(), Effect::Refreshed);
    assert!(parked(&inbox));
    assert_eq!(look(&mut inbox, 101).unwrap(), Effect::Unparked);
    assert!(!parked(&inbox));
}

fn step(customer: i64, kind: i64, source: i64, state: i64, started_at: i64) -> String {
    format!(
        "INSERT INTO step (customer, kind, target, source, try_no, state, started_at, sent_at, digest)
         VALUES ({customer}, {kind}, 0, {source}, 1, {state}, {started_at}, {started_at}, 0);"
    )
}

#[test]
fn only_sources_with_a_clone_that_may_be_of_before_are_stale() {
    let customer = |seq: i64, undone: i64| {
        format!(
            "INSERT INTO customer (seq, legacy_id, lines, digest, details_digest, standing, undone) VALUES ({seq}, 'c{seq}', '{seq}', 0, 0, 5, {undone});
             INSERT INTO target (customer, position, account, asked, standing) VALUES ({seq}, 0, 1, 2, 5);
             INSERT INTO payment_method (customer, position, id) VALUES ({seq}, 0, 'pm_1'), ({seq}, 1, 'pm_2');"
        )
    };
    let rows = [
        // Cloned before, in doubt, under way in that second; begun after, refused, not a clone, another source, taken back.
        customer(1, 0) + &step(1, 3, 0, 2, 50),
        customer(2, 0) + &step(2, 3, 0, 4, 50),
        customer(3, 0) + &step(3, 3, 0, 1, 100),
        customer(4, 0) + &step(4, 3, 0, 2, 101),
        customer(5, 0) + &step(5, 3, 0, 3, 50),
        customer(6, 0) + &step(6, 2, 0, 2, 50),
        customer(7, 0) + &step(7, 3, 1, 2, 50),
        customer(8, 1) + &step(8, 3, 0, 2, 50),
    ];
    let (_folder, mut inbox) = inbox(&rows.concat());
    let changed = |number, created, change| {
        let payment_method = PaymentMethodId::parse("pm_1").unwrap();
        event(
            number,
            created,
            News::PaymentMethodChanged {
                payment_method,
                change,
            },
        )
    };
    let steps = [
        (
            1,
            100,
            Change::Updated,
            Effect::Stale(3),
            ["updated", "updated", "updated"],
        ),
        (
            2,
            99,
            Change::AutomaticallyUpdated,
            Effect::Nothing,
            ["updated", "updated", "updated"],
        ),
        (
            3,
            90,
            Change::Detached,
            Effect::Nothing,
            ["detached", "detached", "updated"],
        ),
        (
            4,
            100,
            Change::AutomaticallyUpdated,
            Effect::Nothing,
            // Of one second: the one before may be renewed for already.
            ["detached", "detached", "automatically_updated"],
        ),
    ];
    for (number, created, change, effect, reasons) in steps {
        let taken = inbox.take(&changed(number, created, change), 0).unwrap();
        assert_eq!(taken, Filed::Now(effect), "{number}");
        let mut found = inbox
            .conn
            .prepare("SELECT customer, reason FROM stale ORDER BY customer")
            .unwrap();
        let found: Vec<(i64, String)> = found
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let expected: Vec<_> = (1..=3).zip(reasons.map(str::to_owned)).collect();
        assert_eq!(found, expected, "{number}");
    }
    assert_eq!(StaleCounts::read(&inbox.conn).unwrap().sources, [1, 0, 2]);
    // What happens to a clone, on a connected account, is not told of its source.
    let mut of_a_clone = changed(9, 200, Change::Detached);
    of_a_clone.account = Some(account());
    assert_eq!(inbox.take(&of_a_clone, 0).unwrap(), Filed::Nothing);
}

#[test]
fn a_run_hears_what_changed_and_nothing_else() {
    let (folder, mut inbox) = inbox("INSERT INTO account (id) VALUES ('acct_1B')");
    let mut ears = Ears::open(&folder.path().join("state.db")).unwrap();
    assert_eq!(ears.news().unwrap(), []);
    // A run's own finding, kept by itself, is no news.
    inbox
        .conn
        .execute_batch("UPDATE account SET parked = '403' WHERE id = 'acct_1B'")
        .unwrap();
    assert_eq!(ears.news().unwrap(), []);
    for (number, news, parked) in [
        (1, News::Deauthorized(account()), true),
        (2, News::Authorized(account()), false),
    ] {
        inbox.take(&event(number, 100 + number, news), 0).unwrap();
        let news = ears.news().unwrap();
        let of_it = news.iter().find(|each| each.account == account());
        assert_eq!(of_it.map(|each| each.parked), Some(parked));
        assert_eq!(ears.news().unwrap(), []);
    }
}
