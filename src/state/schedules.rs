//! The step machine against a table that a person can read: one customer with two sources on two accounts, and every schedule of one
//! or two faults, with a day's pause, an edited line and a failing look-up among them.
//!
//! [`world`] is the smallest Stripe that can be doubled; [`drive`] the smallest run that can be wrong: each of its rules can be
//! broken, and every broken one is caught.

mod drive;
mod world;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use drive::{Driven, Rules, drive};

use super::{StepId, StepKind};

/// What goes wrong with the first request of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is lost, and so nothing is heard.
    Dropped,
    /// It is done, and nothing is heard.
    Unheard,
    /// The process dies once the intent is kept.
    CrashUnsent,
    /// The process dies once it is done.
    CrashDone,
    /// The process dies, and the request arrives ten minutes later.
    Late,
    /// Stripe answers 500, and keeps that under the key.
    Stored,
    /// The same, and it was done.
    StoredDone,
    /// Stripe answers 429.
    Limited,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::Dropped,
        Self::Unheard,
        Self::CrashUnsent,
        Self::CrashDone,
        Self::Late,
        Self::Stored,
        Self::StoredDone,
        Self::Limited,
    ];
}

/// What happens until the step's turn comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    AtOnce,
    /// At once, but the customer's line was edited.
    Edited,
    /// 25 hours.
    ADay,
}

impl Pause {
    const ALL: [Self; 3] = [Self::AtOnce, Self::Edited, Self::ADay];
}

/// A fault at the `nth` step of the undisturbed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mishap {
    nth: usize,
    fault: Fault,
    pause: Pause,
    /// The first look-up that follows fails.
    blind: bool,
}

/// What becomes of a step after each fault and pause. "again": sent again under the same key. "look": Stripe is read. "take": what was
/// found is taken over. "anew": made under a new key.
const TABLE: &str = "
what         fault          at once       edited        a day later
a Customer   Dropped        again         look anew     look anew
a Customer   Unheard        again         look take     look take
a Customer   CrashUnsent    again         look anew     look anew
a Customer   CrashDone      again         look take     look take
a Customer   Late           again         look take     look take
a Customer   Stored         look anew     look anew     look anew
a Customer   StoredDone     look take     look take     look take
a Customer   Limited        again         again         again
an attach    Dropped        again         again         look anew
an attach    Unheard        again         again         look take
an attach    CrashUnsent    again         again         look anew
an attach    CrashDone      again         again         look take
an attach    Late           again         again         look take
an attach    Stored         look anew     look anew     look anew
an attach    StoredDone     look take     look take     look take
an attach    Limited        again         again         again
a clone      Dropped        again         again         anew
a clone      Unheard        again         again         anew
a clone      CrashUnsent    again         again         anew
a clone      CrashDone      again         again         anew
a clone      Late           again         again         anew
a clone      Stored         anew          anew          anew
a clone      StoredDone     anew          anew          anew
a clone      Limited        again         again         again
";

fn what(step: StepId) -> &'static str {
    match step.kind {
        StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => "a Customer",
        StepKind::AttachPlatformPaymentMethod | StepKind::AttachConnectedPaymentMethod => {
            "an attach"
        }
        StepKind::ClonePaymentMethod => "a clone",
        StepKind::UpdateCustomer | StepKind::SetDefault => "a change",
        StepKind::RenewPaymentMethod
        | StepKind::AttachRenewedPaymentMethod
        | StepKind::SetRenewedDefault
        | StepKind::DetachReplacedPaymentMethod => "a renewal",
    }
}

/// [`TABLE`] as it is asked: what, fault, pause.
type Cells = BTreeMap<(String, String, usize), String>;

/// The table, read once.
static CELLS: LazyLock<Cells> = LazyLock::new(expected);

fn expected() -> Cells {
    let mut cells = BTreeMap::new();
    for line in TABLE.trim().lines().skip(1) {
        let (what, rest) = line.split_at(13);
        let (fault, rest) = rest.split_at(15);
        for pause in 0..3 {
            let cell: String = rest.chars().skip(pause * 14).take(14).collect();
            let key = (what.trim().to_owned(), fault.trim().to_owned(), pause);
            cells.insert(key, cell.trim().to_owned());
        }
    }
    assert_eq!(cells.len(), 3 * 8 * 3);
    cells
}

/// The steps in their undisturbed order.
fn order() -> Vec<StepId> {
    let driven = drive(&[], &Rules::default());
    driven
        .unwrap()
        .steps
        .into_iter()
        .map(|(step, _)| step)
        .collect()
}

/// Every single mishap.
fn mishaps() -> Vec<Mishap> {
    let mut all = Vec::new();
    for nth in 0..order().len() {
        for fault in Fault::ALL {
            for pause in Pause::ALL {
                all.extend([false, true].map(|blind| Mishap {
                    nth,
                    fault,
                    pause,
                    blind,
                }));
            }
        }
    }
    all
}

/// Drives a schedule and holds it against the table; says what is wrong.
fn judge(schedule: &[Mishap], rules: &Rules) -> Result<(), String> {
    let driven: Driven =
        drive(schedule, rules).map_err(|wrong| format!("{schedule:?}: {wrong}"))?;
    for mishap in schedule {
        let (step, lived) = &driven.steps[mishap.nth];
        let pause = Pause::ALL.iter().position(|pause| *pause == mishap.pause);
        let key = (
            what(*step).to_owned(),
            format!("{:?}", mishap.fault),
            pause.unwrap_or(0),
        );
        let expected = &CELLS[&key];
        let found = lived.told();
        if found != *expected {
            return Err(format!(
                "{mishap:?} at {step:?}: expected {expected}, found {found}"
            ));
        }
        // Whatever was not made anew was executed once, an inert clone included.
        let executed = driven.executed.get(step).copied().unwrap_or_default();
        if !found.ends_with("anew") && executed != 1 {
            return Err(format!("{mishap:?} at {step:?}: executed {executed} times"));
        }
    }
    Ok(())
}

#[test]
fn nothing_goes_wrong_where_nothing_goes_wrong() {
    // n + 2nm writes for two sources on two accounts.
    assert_eq!(order().len(), 10);
}

#[test]
fn every_single_fault_ends_as_the_table_says() {
    for mishap in mishaps() {
        judge(&[mishap], &Rules::default()).unwrap();
    }
}

#[test]
fn every_pair_of_faults_ends_as_the_table_says() {
    let all: Vec<_> = mishaps()
        .into_iter()
        .filter(|mishap| !mishap.blind)
        .collect();
    let mut pairs = 0;
    for first in &all {
        for second in all.iter().filter(|second| second.nth > first.nth) {
            // An edited line is edited for all that comes after: the pauses of one schedule agree.
            judge(&[*first, *second], &Rules::default()).unwrap();
            pairs += 1;
        }
    }
    assert_eq!(pairs, 45 * 24 * 24);
}

/// The first single fault under which broken rules are seen.
fn caught(rules: &Rules) -> String {
    let wrong = mishaps()
        .into_iter()
        .find_map(|mishap| judge(&[mishap], rules).err());
    wrong.expect("the broken rule is not seen")
}

#[test]
fn a_window_of_48_hours_is_caught() {
    let wrong = caught(&Rules {
        window_hours: 48,
        ..Rules::default()
    });
    assert!(wrong.contains("ADay"), "{wrong}");
}

#[test]
fn a_skipped_look_up_is_caught() {
    let wrong = caught(&Rules {
        looks: false,
        ..Rules::default()
    });
    assert!(
        wrong.contains("two Customers") || wrong.contains("expected look"),
        "{wrong}"
    );
}

#[test]
fn a_key_that_changes_with_every_send_is_caught() {
    let wrong = caught(&Rules {
        key_per_send: true,
        ..Rules::default()
    });
    assert!(wrong.contains("Unheard"), "{wrong}");
}

#[test]
fn a_try_that_is_not_raised_is_caught() {
    caught(&Rules {
        raises_try: false,
        ..Rules::default()
    });
}

#[test]
fn an_intent_that_is_kept_after_the_effect_is_caught() {
    let wrong = caught(&Rules {
        intent_first: false,
        ..Rules::default()
    });
    assert!(wrong.contains("Crash"), "{wrong}");
}

#[test]
fn a_failed_look_up_that_is_taken_for_absence_is_caught() {
    let wrong = caught(&Rules {
        failure_is_absence: true,
        ..Rules::default()
    });
    assert!(wrong.contains("blind: true"), "{wrong}");
}

#[test]
fn an_absence_that_is_believed_too_soon_is_caught() {
    let wrong = caught(&Rules {
        waits: false,
        ..Rules::default()
    });
    assert!(wrong.contains("Late"), "{wrong}");
}
