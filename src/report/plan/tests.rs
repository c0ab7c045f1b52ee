use super::super::here::tests::evening;
use super::*;
use crate::plan::Work;
use crate::state::StepKind;

const LIVE: Rates = Rates {
    total: Some(80),
    endpoint: Some(20),
    account: Some(80),
    ..Rates::NONE
};

fn work() -> Work {
    Work {
        customers: 50_000,
        payment_methods: 62_345,
        accounts: 40,
        writes: [50_000, 12_345, 62_345, 50_000, 12_345, 0, 0, 0, 0, 0, 0],
        looks: 0,
        busiest_account_writes: 40_000,
        ..Work::default()
    }
}

#[test]
fn the_plan_names_calls_time_and_the_limit_that_binds() {
    let plan = Plan::new(work(), LIVE);
    insta::assert_snapshot!(text(&plan, LIVE, &evening(), Look::PLAIN), @r"
    Plan  50,000 customers with 62,345 PaymentMethods onto 40 accounts

      POST /v1/customers                                100,000
      POST /v1/payment_methods                           62,345
      POST /v1/payment_methods/{payment_method}/attach   24,690
      calls in all                                      187,035

      Time   about 1 h 24 min; 3.7 writes per customer
      Done   about Sat 28 Mar, 23:53 CET, if begun now
      Limit  POST /v1/customers at 20 requests/s binds
    ");
}

#[test]
fn one_customer_is_written_in_the_singular() {
    let work = Work {
        customers: 1,
        payment_methods: 1,
        accounts: 1,
        writes: [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        looks: 1,
        busiest_account_writes: 2,
        ..Work::default()
    };
    let rates = Rates {
        total: None,
        endpoint: None,
        account: None,
        ..Rates::NONE
    };
    insta::assert_snapshot!(text(&Plan::new(work, rates), rates, &evening(), Look::PLAIN), @r"
    Plan  1 customer with 1 PaymentMethod onto 1 account

      POST /v1/customers                        1
      POST /v1/payment_methods                  1
      GET /v1/payment_methods/{payment_method}  1
      calls in all                              3

      Time   not estimated; 2.0 writes per customer
      Limit  none is set: as fast as Stripe answers
    ");
}

#[test]
fn each_limit_that_can_bind_is_named() {
    let total = Rates {
        total: Some(20),
        endpoint: None,
        account: None,
        ..Rates::NONE
    };
    assert_eq!(
        limit(&Plan::new(work(), total), total),
        "all requests together at 20 requests/s bind"
    );
    let account = Rates {
        total: None,
        endpoint: None,
        account: Some(1),
        ..Rates::NONE
    };
    assert_eq!(
        limit(&Plan::new(work(), account), account),
        "the busiest account at 1 request/s binds: 40,000 writes are on it"
    );
}

#[test]
fn what_is_looked_up_before_any_write_is_told() {
    let looked_up = Radar {
        on_platform: 5,
        on_platform_at_most: 25,
        accounts: 1,
    };
    assert_eq!(
        radar(looked_up).unwrap(),
        "5 ids and 1 account looked up before any write: 6 reads, 26 if most are unknown"
    );
    assert_eq!(radar(Radar::default()), None);
}

#[test]
fn other_rates_are_compared_where_it_takes_long() {
    let plan = Plan::new(work(), LIVE);
    insta::assert_snapshot!(what_if(&plan, LIVE, Rates::documented(true), Look::PLAIN).unwrap(), @r"
    What if
      --rate 40 --endpoint-rate 10   about 2 h 47 min  half of what is chosen
      --rate 80 --endpoint-rate 20   about 1 h 24 min  as chosen
      --rate 100 --endpoint-rate 25  about 1 h 7 min   all that Stripe documents
      --rate 200 --endpoint-rate 50  about 34 min      twice that, once Stripe has raised it
    ");
    let soon = Plan::new(
        Work {
            writes: [9; StepKind::COUNT],
            ..Work::default()
        },
        LIVE,
    );
    assert_eq!(
        what_if(&soon, LIVE, Rates::documented(true), Look::PLAIN),
        None
    );
}

#[test]
fn nothing_left_is_said_in_a_line() {
    insta::assert_snapshot!(text(&Plan::new(Work::default(), LIVE), LIVE, &evening(), Look::PLAIN), @r"
    Plan  0 customers with 0 PaymentMethods onto 0 accounts
      Nothing is left to send.
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one object as it is printed")]
fn programs_get_the_same_as_an_object() {
    let plan = Plan::new(work(), LIVE);
    insta::assert_snapshot!(serde_json::to_string_pretty(&PlanJson::new(&plan, LIVE, Rates::documented(true))).unwrap(), @r#"
    {
      "customers": 50000,
      "payment_methods": 62345,
      "accounts": 40,
      "steps": [
        {
          "step": "create_platform_customer",
          "calls": 50000
        },
        {
          "step": "attach_platform_payment_method",
          "calls": 12345
        },
        {
          "step": "clone_payment_method",
          "calls": 62345
        },
        {
          "step": "create_connected_customer",
          "calls": 50000
        },
        {
          "step": "attach_connected_payment_method",
          "calls": 12345
        },
        {
          "step": "update_customer",
          "calls": 0
        },
        {
          "step": "set_default",
          "calls": 0
        },
        {
          "step": "renew_payment_method",
          "calls": 0
        },
        {
          "step": "attach_renewed_payment_method",
          "calls": 0
        },
        {
          "step": "set_renewed_default",
          "calls": 0
        },
        {
          "step": "detach_replaced_payment_method",
          "calls": 0
        }
      ],
      "calls": [
        {
          "endpoint": "POST /v1/customers",
          "calls": 100000
        },
        {
          "endpoint": "POST /v1/payment_methods",
          "calls": 62345
        },
        {
          "endpoint": "POST /v1/payment_methods/{payment_method}/attach",
          "calls": 24690
        }
      ],
      "total_calls": 187035,
      "estimated_seconds": 5000,
      "binds": {
        "limit": "endpoint",
        "endpoint": "POST /v1/customers",
        "requests_per_second": 20
      },
      "rates": {
        "total": 80,
        "endpoint": 20,
        "account": 80,
        "connected_budget": "shared",
        "auto": false
      },
      "what_if": [
        {
          "which": "half",
          "rates": {
            "total": 40,
            "endpoint": 10,
            "account": 40,
            "connected_budget": "shared",
            "auto": false
          },
          "estimated_seconds": 10000
        },
        {
          "which": "chosen",
          "rates": {
            "total": 80,
            "endpoint": 20,
            "account": 80,
            "connected_budget": "shared",
            "auto": false
          },
          "estimated_seconds": 5000
        },
        {
          "which": "documented",
          "rates": {
            "total": 100,
            "endpoint": 25,
            "account": 100,
            "connected_budget": "shared",
            "auto": false
          },
          "estimated_seconds": 4000
        },
        {
          "which": "raised",
          "rates": {
            "total": 200,
            "endpoint": 50,
            "account": 200,
            "connected_budget": "shared",
            "auto": false
          },
          "estimated_seconds": 2000
        }
      ],
      "radar": {
        "reads": 0,
        "reads_at_most": 0
      },
      "waiting": {
        "customers": 0,
        "accounts": 0
      }
    }
    "#);
}

#[test]
fn what_is_still_to_be_found_out_is_said_beside_the_estimate() {
    let auto = Rates {
        seeks: true,
        learns: true,
        ..LIVE
    };
    let plan = Plan::new(work(), auto);
    let told = text(&plan, auto, &evening(), Look::PLAIN);
    let or = told.lines().find(|line| line.contains("  Or ")).unwrap();
    assert_eq!(
        or,
        "  Or     about 42 min if each account turns out to have a budget of its own; more is asked for as Stripe grants it, so it may take less"
    );
    let json = serde_json::to_value(PlanJson::new(&plan, auto, Rates::documented(true))).unwrap();
    assert_eq!(json["rates"]["connected_budget"], "auto");
    assert_eq!(json["rates"]["auto"], true);
    assert_eq!(json["what_if"].as_array().unwrap().len(), 5);
    // Asked for as it is: nothing is left to be found out.
    let own = LIVE.with_own_budgets();
    let told = text(&Plan::new(work(), own), own, &evening(), Look::PLAIN);
    assert!(!told.contains("  Or "), "{told}");
    assert!(
        told.contains("POST /v1/customers on the platform at 20 requests/s binds"),
        "{told}"
    );
}
