//! One answer of each kind, broken off at every byte and held up at some: it is never taken for less than it is.

use super::*;
use crate::legacy::Details;
use crate::stripe::request::Markers;

/// Each thing that is asked of Stripe.
#[derive(Debug, Clone, Copy)]
enum Asked {
    CreatePlatformCustomer,
    AttachPlatformPaymentMethod,
    ClonePaymentMethod,
    CreateConnectedCustomer,
    AttachConnectedPaymentMethod,
    Account,
    PaymentMethod,
    Customer,
    Customers,
    CustomersThere,
}

const ASKED: [Asked; 10] = [
    Asked::CreatePlatformCustomer,
    Asked::AttachPlatformPaymentMethod,
    Asked::ClonePaymentMethod,
    Asked::CreateConnectedCustomer,
    Asked::AttachConnectedPaymentMethod,
    Asked::Account,
    Asked::PaymentMethod,
    Asked::Customer,
    Asked::Customers,
    Asked::CustomersThere,
];

const CUSTOMER: &str = r#"{"id":"cus_1","object":"customer","address":null,"created":1790000000,"email":"jane@example.com","invoice_settings":{"default_payment_method":"pm_1","footer":null},"livemode":false,"metadata":{"legacy_customer_id":"42","pmclone_migration":"00000000-0000-0000-0000-000000000000"},"name":"Jane Doé"}"#;
const ACCOUNT: &str = r#"{"id":"acct_1","object":"account","business_profile":{"name":"Shop"},"charges_enabled":true,"country":"CH","settings":{"dashboard":{"display_name":null}},"type":"standard"}"#;
const CARD: &str = r#"{"id":"pm_1","object":"payment_method","allow_redisplay":"unspecified","billing_details":{"address":{"city":null},"email":null},"card":{"brand":"visa","exp_month":12,"exp_year":2034,"fingerprint":"Xt5EWLLDS7FJjR1c","last4":"4242"},"created":1790000000,"customer":"cus_1","livemode":false,"metadata":{},"type":"card"}"#;

impl Asked {
    /// A whole and right answer, in Stripe's manner: with the key and the account of the request.
    fn answer(self) -> Vec<u8> {
        let body = match self {
            Self::CreatePlatformCustomer | Self::Customer => CUSTOMER.to_owned(),
            Self::CreateConnectedCustomer => CUSTOMER.replace(
                "\"metadata\":{",
                "\"metadata\":{\"platform_customer\":\"cus_2\",",
            ),
            Self::AttachPlatformPaymentMethod
            | Self::AttachConnectedPaymentMethod
            | Self::PaymentMethod => CARD.to_owned(),
            Self::ClonePaymentMethod => CARD.replace("pm_1", "pm_2").replace("\"cus_1\"", "null"),
            Self::Account => ACCOUNT.to_owned(),
            Self::Customers | Self::CustomersThere => {
                let second = CUSTOMER.replace("cus_1", "cus_2");
                format!(
                    r#"{{"object":"list","data":[{CUSTOMER},{second}],"has_more":true,"url":"/v1/customers"}}"#
                )
            }
        };
        let key = started(1, NOW_TIME).key().to_string();
        let headers = match self {
            Self::CreatePlatformCustomer | Self::AttachPlatformPaymentMethod => {
                vec![("idempotency-key", key.as_str())]
            }
            Self::ClonePaymentMethod
            | Self::CreateConnectedCustomer
            | Self::AttachConnectedPaymentMethod => {
                vec![
                    ("idempotency-key", key.as_str()),
                    ("stripe-account", "acct_1"),
                ]
            }
            Self::CustomersThere => vec![("stripe-account", "acct_1")],
            Self::Account | Self::PaymentMethod | Self::Customer | Self::Customers => vec![],
        };
        let headers = [&headers[..], &[("stripe-should-retry", "false")]].concat();
        answer(200, NOW, &headers, &body)
    }

    /// Asks, and tells in a word what came of it.
    async fn ask(self, client: &Client) -> String {
        let ids = Ids::new();
        let (details, legacy_id) = (Details::default(), LegacyId::parse("42").unwrap());
        let (payment_method, account) = (Some(&ids.payment_method), &ids.account);
        let platform_customer = CustomerId::parse("cus_2").unwrap();
        let markers = Markers {
            migration: MigrationId(uuid::Uuid::nil()),
            legacy_id: &legacy_id,
        };
        let write = match self {
            Self::CreatePlatformCustomer => Write::CreatePlatformCustomer {
                details: &details,
                payment_method,
                make_default: true,
                markers,
            },
            Self::CreateConnectedCustomer => Write::CreateConnectedCustomer {
                details: &details,
                payment_method,
                make_default: true,
                markers,
                platform_customer: &platform_customer,
                account,
            },
            Self::AttachPlatformPaymentMethod => ids.attach(),
            Self::ClonePaymentMethod => ids.clone(),
            Self::AttachConnectedPaymentMethod => Write::AttachConnectedPaymentMethod {
                payment_method: &ids.payment_method,
                customer: &ids.customer,
                account,
            },
            Self::Account => return read(client.account(None).await),
            Self::PaymentMethod => {
                return read(client.payment_method(&ids.payment_method, None).await);
            }
            Self::Customer => return read(client.customer(&ids.customer, None).await),
            Self::Customers => return read(client.customers(all(), None, None).await),
            Self::CustomersThere => {
                return read(client.customers(all(), None, Some(account)).await);
            }
        };
        told(&client.write(&started(1, NOW_TIME), &write).await)
    }

    /// What the whole answer comes to.
    fn done(self) -> &'static str {
        match self {
            Self::CreatePlatformCustomer | Self::CreateConnectedCustomer => "done cus_1",
            Self::AttachPlatformPaymentMethod | Self::AttachConnectedPaymentMethod => "done pm_1",
            Self::ClonePaymentMethod => "done pm_2",
            Self::Account
            | Self::PaymentMethod
            | Self::Customer
            | Self::Customers
            | Self::CustomersThere => "found",
        }
    }
}

fn all() -> crate::state::Window {
    crate::state::Window {
        from: StripeTime(0),
        to: NOW_TIME,
    }
}

fn read<T>(answer: ReadAnswer<T>) -> String {
    let told = match answer {
        ReadAnswer::Found(_, _) => "found",
        ReadAnswer::Missing(_) => "missing",
        ReadAnswer::AccountInvalid(_) => "account invalid",
        ReadAnswer::Stop(_) => "stop",
        ReadAnswer::Failed(ReadFailure::NoAnswer(again)) => {
            return format!("failed {:?}", again.cause);
        }
        ReadAnswer::Failed(_) => "failed",
    };
    told.to_owned()
}

/// Asks once for each byte of the answer (or each so many), which breaks off before that byte, and then comes whole.
async fn cut_everywhere(asked: Asked, stride: usize, cut: fn(Vec<u8>) -> Reply) -> usize {
    let whole = asked.answer();
    let length = whole.len();
    let server = Server::start(move |number, _| match number % 2 {
        0 => cut(whole[..number / 2 * stride].to_vec()),
        _ => Reply::Send(whole.clone()),
    })
    .await;
    let client = client(&server);
    let cases = length.div_ceil(stride);
    for case in 0..cases {
        let told = asked.ask(&client).await;
        assert_eq!(
            (told.as_str(), server.count()),
            (asked.done(), 2 * case + 2),
            "{asked:?} cut at {}",
            case * stride
        );
    }
    cases
}

async fn each_cut_everywhere(stride: usize, cut: fn(Vec<u8>) -> Reply) {
    let mut kinds = tokio::task::JoinSet::new();
    for asked in ASKED {
        kinds.spawn(cut_everywhere(asked, stride, cut));
    }
    let cases: usize = kinds.join_all().await.into_iter().sum();
    assert!(cases * stride > 4000, "{cases}");
}

#[tokio::test]
async fn one_answer_of_each_kind_closed_at_every_byte_is_asked_for_again() {
    each_cut_everywhere(1, Reply::Cut).await;
}

#[tokio::test]
async fn one_answer_of_each_kind_reset_at_every_seventh_byte_is_asked_for_again() {
    each_cut_everywhere(7, Reply::CutHard).await;
}

/// An answer that never comes, or never comes to its end, is waited for no longer than the client's own timeout.
#[tokio::test]
async fn an_answer_of_any_kind_that_is_held_up_anywhere_ends_with_the_timeout() {
    let mut kinds = tokio::task::JoinSet::new();
    for asked in ASKED {
        let whole = asked.answer();
        let body = whole
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4;
        let line = b"x: ".to_vec();
        let replies = [
            Reply::Hang,
            Reply::Stall(whole[..body / 2].to_vec()),
            Reply::Stall(whole[..body].to_vec()),
            Reply::Stall(whole[..whole.len() - 1].to_vec()),
            // A slow loris: a head that never ends, and a body that never says anything.
            Reply::Drip(whole[..body - 2].to_vec(), [&line[..], b"y\r\n"].concat()),
            Reply::Drip(
                b"HTTP/1.1 200 X\r\ncontent-length: 99999\r\n\r\n".to_vec(),
                b" ".to_vec(),
            ),
            Reply::Drip(Vec::new(), b"HTTP/1.1 100 X\r\n\r\n".to_vec()),
        ];
        kinds.spawn(async move {
            for reply in replies {
                let shown = format!("{asked:?} {reply:?}");
                let server = Server::start(move |_, _| reply.clone()).await;
                let timeouts = Timeouts {
                    whole: Duration::from_millis(30),
                    ..TIMEOUTS
                };
                let policy = Policy {
                    attempts: 2,
                    ..POLICY
                };
                let client = client_of(server.address, Limits::OFF, policy, timeouts).0;
                let told = asked.ask(&client).await;
                let timed_out = ["doubt NoAnswer(TimedOut)", "failed TimedOut"];
                assert!(timed_out.contains(&told.as_str()), "{shown}: {told}");
                assert_eq!(client.counts().sent, 2, "{shown}");
            }
        });
    }
    kinds.join_all().await;
}

#[test]
fn stripe_is_waited_for_as_long_as_its_own_sdks_wait_and_no_longer() {
    assert_eq!(Timeouts::STRIPE.whole, Duration::from_secs(80));
    assert!(Timeouts::STRIPE.connect < Timeouts::STRIPE.whole);
}

/// Both ways round: the key of another step, and the account of another clone.
#[tokio::test]
async fn the_answer_to_another_request_is_not_taken_whatever_it_says() {
    let other = started(2, NOW_TIME).key().to_string();
    let swaps = [
        ("idempotency-key", other.as_str()),
        ("stripe-account", "acct_2"),
    ];
    for (name, value) in swaps {
        for (status, body) in [
            (200, CLONED),
            (402, REFUSED),
            (403, ACCOUNT_INVALID),
            (401, REFUSED),
        ] {
            let swapped = Reply::Send(answer(status, NOW, &[(name, value)], body));
            let right = ok(CLONED);
            let server = Server::start(move |number, _| match number {
                0 => swapped.clone(),
                _ => right.clone(),
            })
            .await;
            let written = client(&server)
                .write(&started(1, NOW_TIME), &Ids::new().clone())
                .await;
            assert_eq!(
                (told(&written).as_str(), server.count()),
                ("done pm_2", 2),
                "{name} {status}"
            );
            assert_eq!(written.effect, Effect::Possible);
        }
    }
}

const ACCOUNT_INVALID: &str = r#"{"error":{"code":"account_invalid"}}"#;
