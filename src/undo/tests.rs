use super::*;
use crate::state::{Event, Object, Reachable, Target};
use crate::stripe::UseKind;
use crate::time::StripeTime;

fn id<T>(parsed: Result<T, impl std::fmt::Debug>) -> T {
    parsed.unwrap()
}

fn pm(text: &str) -> PaymentMethodId {
    id(PaymentMethodId::parse(text))
}

fn cus(text: &str) -> CustomerId {
    id(CustomerId::parse(text))
}

fn migration() -> MigrationId {
    MigrationId(uuid::Uuid::from_u128(7))
}

fn step(kind: StepKind, target: Option<Position>, source: Option<Position>) -> StepId {
    StepId {
        kind,
        target,
        source,
    }
}

/// Two cards, one account; these steps are done.
fn customer(done: &[(StepId, Object)]) -> Customer {
    let mut customer = Customer {
        legacy_id: id(LegacyId::parse("c1")),
        platform_customer: None,
        sources: vec![pm("pm_a"), pm("pm_b")],
        default: 0,
        targets: vec![Target {
            account: id(AccountId::parse("acct_1")),
            sources: vec![0, 1],
            reach: Reachable::Yes,
        }],
        steps: std::collections::BTreeMap::new(),
        undone: false,
    };
    for (step, object) in done {
        begin(&mut customer, *step);
        customer
            .apply(*step, Event::Succeed(object.clone()), None)
            .unwrap();
    }
    customer
}

fn begin(customer: &mut Customer, step: StepId) {
    let at = StripeTime(1);
    customer
        .apply(step, Event::Start { at, digest: 0 }, None)
        .unwrap();
}

fn whole() -> Vec<(StepId, Object)> {
    use StepKind::{
        AttachConnectedPaymentMethod, AttachPlatformPaymentMethod, ClonePaymentMethod,
        CreateConnectedCustomer, CreatePlatformCustomer,
    };
    let method = |text: &str| Object::PaymentMethod(pm(text));
    vec![
        (
            step(CreatePlatformCustomer, None, Some(0)),
            Object::Customer(cus("cus_P")),
        ),
        (
            step(AttachPlatformPaymentMethod, None, Some(1)),
            method("pm_b"),
        ),
        (step(ClonePaymentMethod, Some(0), Some(0)), method("pm_a1")),
        (step(ClonePaymentMethod, Some(0), Some(1)), method("pm_b1")),
        (
            step(CreateConnectedCustomer, Some(0), Some(0)),
            Object::Customer(cus("cus_C")),
        ),
        (
            step(AttachConnectedPaymentMethod, Some(0), Some(1)),
            method("pm_b1"),
        ),
    ]
}

fn marked(id: &str) -> Sight {
    Sight {
        customer: CustomerFacts {
            id: cus(id),
            livemode: Some(false),
            marker_migration: Some(migration().to_string()),
            marker_legacy_id: Some("c1".to_owned()),
            marker_platform_customer: None,
            created: None,
            default: None,
            deleted: false,
        },
        methods: Vec::new(),
        uses: Vec::new(),
    }
}

fn attached(id: &str) -> PaymentMethodFacts {
    PaymentMethodFacts {
        id: pm(id),
        kind: "card".to_owned(),
        customer: None,
        fingerprint: None,
        expiry: None,
        brand: None,
        last4: None,
        created: None,
        livemode: false,
    }
}

fn used_for(kind: UseKind, proof: bool, is_over: bool) -> UseFacts {
    UseFacts {
        kind,
        id: "x_1".to_owned(),
        livemode: false,
        proof_of: proof.then(|| migration().to_string()),
        is_over,
        bills: None,
    }
}

fn terms(legacy_id: &LegacyId, spend_source_cards: bool) -> Terms<'_> {
    Terms {
        migration: migration(),
        legacy_id,
        spend_source_cards,
        settles_charges: false,
    }
}

fn reason(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::TakeBack(_) => "take back",
        Verdict::Gone => "gone",
        Verdict::Leave(why) => why.reason,
    }
}

#[test]
fn the_accounts_come_first_and_the_platform_last_with_its_sources() {
    let portions = portions(&customer(&whole()));
    let told: Vec<_> = portions
        .iter()
        .map(|each| (each.customer.clone(), each.methods.clone(), each.in_doubt))
        .collect();
    assert_eq!(
        told,
        [
            (Some(cus("cus_C")), vec![pm("pm_a1"), pm("pm_b1")], false),
            (Some(cus("cus_P")), vec![pm("pm_a"), pm("pm_b")], false),
        ]
    );
}

#[test]
fn what_was_there_before_is_no_portion() {
    let mut adopted = customer(&whole()[1..]);
    adopted.platform_customer = Some(cus("cus_Theirs"));
    let found = portions(&adopted);
    assert!(found.iter().all(|each| each.target.is_some()), "{found:?}");
    assert!(portions(&customer(&[])).is_empty());
}

#[test]
fn a_step_of_unknown_outcome_keeps_its_portion_but_a_clone_nobody_knows_of_does_not() {
    for (at, (kind, target)) in [
        (4, (StepKind::CreateConnectedCustomer, Some(0))),
        (5, (StepKind::AttachConnectedPaymentMethod, Some(0))),
        (3, (StepKind::ClonePaymentMethod, Some(0))),
        (1, (StepKind::AttachPlatformPaymentMethod, None)),
    ] {
        let mut customer = customer(&whole()[..at]);
        let (begun, _) = whole()[at].clone();
        assert_eq!((begun.kind, begun.target), (kind, target));
        begin(&mut customer, begun);
        let doubtful: Vec<_> = portions(&customer)
            .into_iter()
            .filter(|portion| portion.in_doubt)
            .map(|portion| portion.target)
            .collect();
        let expected = match kind {
            StepKind::ClonePaymentMethod => Vec::new(),
            _ => vec![target],
        };
        assert_eq!(doubtful, expected, "{kind:?}");
        for portion in portions(&customer).iter().filter(|each| each.in_doubt) {
            assert_eq!(known(portion), Some(Verdict::Leave(Why::in_doubt())));
        }
    }
}

#[test]
fn source_cards_are_lost_only_where_that_was_asked_for_and_never_detached() {
    let customer = customer(&whole());
    let legacy_id = &customer.legacy_id;
    let platform = portions(&customer).pop().unwrap();
    let mut sight = marked("cus_P");
    sight.methods = vec![attached("pm_a"), attached("pm_b")];
    let kept = Verdict::Leave(Why::source_cards(2));
    assert_eq!(known(&platform), None);
    assert!(may_hold_source_cards(&platform, terms(legacy_id, false)));
    assert!(!may_hold_source_cards(&platform, terms(legacy_id, true)));
    assert_eq!(judge(&platform, &sight, terms(legacy_id, false)), kept);
    let deleted = Verdict::TakeBack(Vec::new());
    assert_eq!(judge(&platform, &sight, terms(legacy_id, true)), deleted);
    // The state file knows of none, and Stripe of one.
    let bare = Portion {
        methods: Vec::new(),
        ..platform.clone()
    };
    assert!(!may_hold_source_cards(&bare, terms(legacy_id, false)));
    let foreign = judge(&bare, &sight, terms(legacy_id, true));
    assert_eq!(reason(&foreign), "payment_method");
    // They were detached by hand: nothing is lost with it any more.
    sight.methods.clear();
    assert_eq!(judge(&platform, &sight, terms(legacy_id, false)), deleted);
    assert_eq!(judge(&bare, &sight, terms(legacy_id, false)), deleted);
}

#[test]
fn only_what_is_attached_is_detached_and_whatever_is_not_ours_keeps_the_customer() {
    let customer = customer(&whole());
    let legacy_id = &customer.legacy_id;
    let portion = portions(&customer).swap_remove(0);
    let judged = |change: &dyn Fn(&mut Sight)| {
        let mut sight = marked("cus_C");
        sight.methods = vec![attached("pm_b1")];
        change(&mut sight);
        judge(&portion, &sight, terms(legacy_id, false))
    };
    assert_eq!(judged(&|_| {}), Verdict::TakeBack(vec![pm("pm_b1")]));
    assert_eq!(
        judged(&|sight| sight.customer.deleted = true),
        Verdict::Gone
    );
    let foreign = [
        (
            "not_ours",
            judged(&|sight| sight.customer.marker_migration = None),
        ),
        (
            "not_ours",
            judged(&|sight| sight.customer.marker_legacy_id = Some("c2".to_owned())),
        ),
        (
            "payment_method",
            judged(&|sight| sight.methods.push(attached("pm_x"))),
        ),
    ];
    for (expected, verdict) in foreign {
        assert_eq!(reason(&verdict), expected);
    }
    for kind in UseKind::ALL {
        let of =
            |proof, is_over| judged(&|sight| sight.uses = vec![used_for(kind, proof, is_over)]);
        assert_eq!(reason(&of(false, true)), kind.name());
        assert_eq!(reason(&of(true, false)), "open_charge");
        assert_eq!(reason(&of(true, true)), "take back");
    }
}
