use super::*;

/// `customers` with one card on one account each.
fn simple(customers: u64) -> Work {
    let writes = [customers, 0, customers, customers, 0, 0, 0, 0, 0, 0, 0];
    Work {
        customers,
        payment_methods: customers,
        accounts: 40,
        writes,
        looks: 0,
        ..Work::default()
    }
}

#[test]
fn a_customer_with_one_card_on_one_account_is_three_writes() {
    let plan = Plan::new(simple(1), Rates::NONE);
    assert_eq!(
        (plan.total_calls, plan.seconds, plan.binding),
        (3, 0, Binding::Nothing)
    );
}

#[test]
fn on_a_live_key_creating_customers_binds_and_in_test_mode_the_total_does() {
    let live = Rates {
        total: Some(80),
        endpoint: Some(20),
        account: Some(80),
        ..Rates::NONE
    };
    let plan = Plan::new(simple(1000), live);
    assert_eq!(
        (plan.seconds, plan.binding),
        (100, Binding::Endpoint(CREATE_CUSTOMER))
    );
    let test = Rates {
        total: Some(20),
        endpoint: Some(20),
        account: Some(20),
        ..Rates::NONE
    };
    let plan = Plan::new(simple(1000), test);
    assert_eq!((plan.seconds, plan.binding), (150, Binding::Total));
}

#[test]
fn other_rates_are_compared_the_slowest_first() {
    let rates = |total, endpoint| Rates {
        total: Some(total),
        endpoint: Some(endpoint),
        account: Some(total),
        ..Rates::NONE
    };
    let plan = Plan::new(simple(1000), rates(80, 20));
    let rows = plan.what_if(rates(80, 20), rates(100, 25));
    let told: Vec<_> = rows.iter().map(|row| (row.which, row.seconds)).collect();
    let expected = [
        (Which::Half, 200),
        (Which::Chosen, 100),
        (Which::Documented, 80),
        (Which::Raised, 40),
    ];
    assert_eq!(told, expected);
    // What is documented is not said twice, and no limit comes last.
    let rows = plan.what_if(rates(100, 25), rates(100, 25));
    assert_eq!(rows.len(), 3);
    let off = Rates::NONE;
    assert_eq!(plan.what_if(off, rates(100, 25)).last().unwrap().rates, off);
}

#[test]
fn one_busy_account_can_bind() {
    let work = Work {
        busiest_account_writes: 2000,
        ..simple(1000)
    };
    let plan = Plan::new(
        work,
        Rates {
            total: Some(80),
            endpoint: Some(80),
            account: Some(10),
            ..Rates::NONE
        },
    );
    assert_eq!((plan.seconds, plan.binding), (200, Binding::Account));
}

#[test]
fn with_budgets_of_their_own_the_platform_and_the_busiest_account_are_what_binds() {
    let work = Work {
        busiest_account_writes: 60,
        busiest_account_calls: [30, 30, 0, 0, 0],
        ..simple(1000)
    };
    let shared = Rates {
        total: Some(80),
        endpoint: Some(20),
        account: Some(80),
        ..Rates::NONE
    };
    let own = shared.with_own_budgets();
    let plan = Plan::new(work, shared);
    // Twice a customer in one budget, once in the platform's.
    assert_eq!(plan.at(shared), (100, Binding::Endpoint(CREATE_CUSTOMER)));
    assert_eq!(plan.at(own), (50, Binding::Endpoint(CREATE_CUSTOMER)));
    // One account has nearly all of it.
    let busy = Plan::new(
        Work {
            busiest_account_writes: 1980,
            busiest_account_calls: [990, 990, 0, 0, 0],
            ..simple(900)
        },
        own,
    );
    let expected = (50, Binding::AccountEndpoint(CREATE_PAYMENT_METHOD));
    assert_eq!((busy.seconds, busy.binding), expected);
    // A total that was asked for holds for all.
    let joint = Rates {
        total: Some(30),
        budgets: Budgets::Own {
            total_is_joint: true,
        },
        ..own
    };
    assert_eq!(plan.at(joint), (100, Binding::Total));
}

#[test]
fn what_is_to_be_learnt_is_compared_and_what_it_begins_with_is_estimated() {
    let auto = Rates {
        learns: true,
        seeks: true,
        ..Rates::documented(true)
    };
    let plan = Plan::new(simple(1000), auto);
    assert_eq!(plan.seconds, 80);
    let rows = plan.what_if(auto, Rates::documented(true));
    let told: Vec<_> = rows.iter().map(|row| (row.which, row.seconds)).collect();
    let expected = [
        (Which::Half, 154),
        (Which::Chosen, 80),
        (Which::Raised, 40),
        (Which::Own, 40),
    ];
    assert_eq!(told, expected);
}
