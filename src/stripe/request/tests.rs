use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::legacy::AddressField;
use crate::state::Window;

struct Ids {
    details: Details,
    legacy_id: LegacyId,
    customer: CustomerId,
    payment_method: PaymentMethodId,
    account: AccountId,
}

impl Ids {
    fn new() -> Self {
        Self {
            details: Details {
                email: Some("jane+1@example.com".into()),
                name: Some("Jäne & Söhne = 100 %".into()),
                phone: Some("+1 555".into()),
                description: Some("a description".into()),
                address: AddressField::ALL
                    .into_iter()
                    .map(|f| (f, format!("the {}", f.name())))
                    .collect(),
                metadata: BTreeMap::from([("plan".into(), "gold".into())]),
            },
            legacy_id: LegacyId::parse("42").unwrap(),
            customer: CustomerId::parse("cus_platform").unwrap(),
            payment_method: PaymentMethodId::parse("pm_1").unwrap(),
            account: AccountId::parse("acct_1").unwrap(),
        }
    }

    fn markers(&self) -> Markers<'_> {
        Markers {
            migration: MigrationId(Uuid::nil()),
            legacy_id: &self.legacy_id,
        }
    }

    fn writes(&self) -> [Write<'_>; 5] {
        [
            Write::CreatePlatformCustomer {
                details: &self.details,
                payment_method: Some(&self.payment_method),
                make_default: true,
                markers: self.markers(),
            },
            Write::AttachPlatformPaymentMethod {
                payment_method: &self.payment_method,
                customer: &self.customer,
            },
            Write::ClonePaymentMethod {
                customer: &self.customer,
                payment_method: &self.payment_method,
                account: &self.account,
            },
            Write::CreateConnectedCustomer {
                details: &self.details,
                payment_method: Some(&self.payment_method),
                make_default: true,
                markers: self.markers(),
                platform_customer: &self.customer,
                account: &self.account,
            },
            Write::AttachConnectedPaymentMethod {
                payment_method: &self.payment_method,
                customer: &self.customer,
                account: &self.account,
            },
        ]
    }

    fn reads(&self) -> [Read<'_>; 6] {
        let account = Some(&self.account);
        [
            Read::Account { account },
            Read::PaymentMethod {
                id: &self.payment_method,
                account,
            },
            Read::Customer {
                id: &self.customer,
                account,
            },
            Read::Customers {
                created: Window {
                    from: crate::time::StripeTime(1),
                    to: crate::time::StripeTime(2),
                },
                after: Some(&self.customer),
                account,
            },
            Read::AllCustomers {
                after: Some(&self.customer),
                account,
            },
            Read::CustomerPaymentMethods {
                customer: &self.customer,
                after: Some(&self.payment_method),
                account,
            },
        ]
    }
}

fn pairs(body: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

/// Checked against literals, not against what the code computes: a change here is a change of every key's meaning.
#[test]
fn the_bytes_of_every_write_are_pinned() {
    let ids = Ids::new();
    let contact = "email=jane%2B1%40example.com&name=J%C3%A4ne+%26+S%C3%B6hne+%3D+100+%25&phone=%2B1+555\
        &description=a+description&address%5Bline1%5D=the+line1&address%5Bline2%5D=the+line2&address%5Bcity%5D=the+city\
        &address%5Bstate%5D=the+state&address%5Bpostal_code%5D=the+postal_code&address%5Bcountry%5D=the+country\
        &payment_method=pm_1&invoice_settings%5Bdefault_payment_method%5D=pm_1&metadata%5Bplan%5D=gold\
        &metadata%5Bpmclone_migration%5D=00000000-0000-0000-0000-000000000000&metadata%5Blegacy_customer_id%5D=42";
    let connected = format!("{contact}&metadata%5Bplatform_customer%5D=cus_platform");
    let expected = [
        ("/v1/customers", contact, None),
        (
            "/v1/payment_methods/pm_1/attach",
            "customer=cus_platform",
            None,
        ),
        (
            "/v1/payment_methods",
            "customer=cus_platform&payment_method=pm_1",
            Some("acct_1"),
        ),
        ("/v1/customers", connected.as_str(), Some("acct_1")),
        (
            "/v1/payment_methods/pm_1/attach",
            "customer=cus_platform",
            Some("acct_1"),
        ),
    ];
    for (write, (path, body, account)) in ids.writes().iter().zip(expected) {
        let request = write.request();
        assert_eq!(
            (
                request.path.as_str(),
                request.body.as_str(),
                request.account.as_ref().map(AccountId::as_str)
            ),
            (path, body, account)
        );
        assert_eq!(request.method, Method::Post);
        assert_eq!(write.account(), request.account.as_ref());
    }
}

/// An empty value unsets; what is not named stays. The marks are not touched, whatever the CSV says.
#[test]
fn the_bytes_of_every_change_are_pinned() {
    let ids = Ids::new();
    let mut details = Details {
        email: Some("new@example.com".to_owned()),
        ..Details::default()
    };
    for name in ["phone", "address_line2", "metadata.plan"] {
        details.fill(name);
    }
    let marker = MARKER_LEGACY_ID.to_owned();
    details.metadata.insert(marker, "another".to_owned());
    let update = |account| Write::UpdateCustomer {
        customer: &ids.customer,
        details: &details,
        markers: ids.markers(),
        account,
    };
    let set = |account| Write::SetDefault {
        customer: &ids.customer,
        payment_method: &ids.payment_method,
        markers: ids.markers(),
        account,
    };
    for account in [None, Some(&ids.account)] {
        for (write, body) in [
            (
                update(account),
                "email=new%40example.com&phone=&address%5Bline2%5D=&metadata%5Bplan%5D=",
            ),
            (
                set(account),
                "invoice_settings%5Bdefault_payment_method%5D=pm_1",
            ),
        ] {
            let request = write.request();
            assert_eq!(
                (request.path.as_str(), request.body.as_str()),
                ("/v1/customers/cus_platform", body)
            );
            assert_eq!(request.endpoint.name(), "POST /v1/customers/{customer}");
            assert_eq!(request.account.as_ref(), account);
            assert_eq!(write.account(), account);
        }
    }
}

#[test]
fn reads_carry_no_body_and_name_the_account() {
    let ids = Ids::new();
    let paths = [
        "/v1/account",
        "/v1/payment_methods/pm_1",
        "/v1/customers/cus_platform",
        "/v1/customers",
        "/v1/customers",
        "/v1/customers/cus_platform/payment_methods",
    ];
    let queries = [
        "",
        "",
        "",
        "created%5Bgte%5D=1&created%5Blte%5D=2&limit=100&starting_after=cus_platform",
        "expand%5B%5D=data.invoice_settings.default_payment_method&limit=100&starting_after=cus_platform",
        "limit=100&starting_after=pm_1",
    ];
    for ((read, path), query) in ids.reads().iter().zip(paths).zip(queries) {
        let request = read.request();
        assert_eq!(request.query, query);
        assert_eq!((request.path.as_str(), request.body.as_str()), (path, ""));
        assert_eq!(request.account.as_ref(), Some(&ids.account));
        assert_eq!(request.method, Method::Get);
    }
}

#[test]
fn each_digest_is_stable_and_differs_from_the_others() {
    let ids = Ids::new();
    let digests: std::collections::HashSet<_> = ids.writes().iter().map(Write::digest).collect();
    assert_eq!(digests.len(), 5);
    // printf '1\0POST\0/v1/payment_methods/pm_1/attach\0\0customer=cus_platform\0' | sha256sum
    let attach = ids.writes()[1].request();
    assert_eq!(attach.digest(), attach.clone().digest());
    assert_eq!(attach.digest().to_be_bytes(), ATTACH_DIGEST);
}
const ATTACH_DIGEST: [u8; 8] = [0x0b, 0x9c, 0x26, 0xfe, 0xf1, 0x67, 0x58, 0xf7];

#[test]
fn a_customer_without_a_source_gets_no_default() {
    let ids = Ids::new();
    let request = Write::CreatePlatformCustomer {
        details: &Details::default(),
        payment_method: None,
        make_default: true,
        markers: ids.markers(),
    }
    .request();
    let names: Vec<_> = pairs(&request.body)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "metadata[pmclone_migration]",
            "metadata[legacy_customer_id]"
        ]
    );
}

#[test]
fn a_users_key_does_not_displace_a_marker() {
    let ids = Ids::new();
    let details = Details {
        metadata: BTreeMap::from([(MARKER_LEGACY_ID.into(), "forged".into())]),
        ..Details::default()
    };
    let request = Write::CreatePlatformCustomer {
        details: &details,
        payment_method: None,
        make_default: false,
        markers: ids.markers(),
    }
    .request();
    assert!(!request.body.contains("forged"));
}

#[test]
fn neither_a_request_nor_a_write_shows_personal_data() {
    let ids = Ids::new();
    let shown = format!("{:?} {:?}", ids.writes()[0], ids.writes()[0].request());
    assert!(!shown.contains("jane"), "{shown}");
}

#[test]
fn names_methods_and_positions_agree() {
    for (position, endpoint) in Endpoint::ALL.into_iter().enumerate() {
        assert_eq!(endpoint.index(), position);
        let verb = match endpoint.method() {
            Method::Get => "GET /v1/",
            Method::Post => "POST /v1/",
            Method::Delete => "DELETE /v1/",
        };
        assert!(endpoint.name().starts_with(verb));
    }
}

proptest! {
    #[test]
    fn whatever_the_details_hold_reaches_the_server_unchanged(
        email in ".*", name in ".*", city in ".*", metadata in prop::collection::btree_map("[^\\[\\]]{1,40}", ".*", 0..5)
    ) {
        let ids = Ids::new();
        let details = Details {
            email: Some(email.clone()),
            name: Some(name.clone()),
            address: BTreeMap::from([(AddressField::City, city.clone())]),
            metadata: metadata.clone(),
            ..Details::default()
        };
        let write = Write::CreatePlatformCustomer { details: &details, payment_method: None, make_default: false, markers: ids.markers() };
        let mut expected = vec![("email".to_owned(), email), ("name".to_owned(), name), ("address[city]".to_owned(), city)];
        expected.extend(metadata.into_iter().filter(|(key, _)| !is_marker(key)).map(|(key, value)| (format!("metadata[{key}]"), value)));
        expected.retain(|(_, value)| !value.is_empty());
        let mut found = pairs(&write.request().body);
        found.truncate(found.len() - 2);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(write.digest(), write.digest());
    }
}

/// Judges the reads by the same text: each query's names are among the operation's parameters.
#[test]
fn every_query_is_in_stripes_own_specification() {
    let Some(spec) = crate::published::published("spec-excerpts-2023-08-16.json") else {
        return;
    };
    let ids = Ids::new();
    for request in ids.reads().iter().map(Read::request) {
        let (verb, template) = request.endpoint.name().split_once(' ').unwrap();
        let operation = &spec["paths"][template][verb.to_lowercase()];
        for (name, _) in pairs(&request.query) {
            let top = name.split('[').next().unwrap_or_default();
            let known = operation["parameters"]
                .as_array()
                .is_some_and(|parameters| {
                    parameters
                        .iter()
                        .any(|each| each["name"] == top && each["in"] == "query")
                });
            assert!(known, "{name} is unknown to {verb} {template}");
        }
    }
}

/// Judges the requests by a text that Stripe wrote. It is older than the version that is pinned; all that we send is in both.
#[test]
fn every_parameter_is_in_stripes_own_specification() {
    let Some(spec) = crate::published::published("spec-excerpts-2023-08-16.json") else {
        return;
    };
    let ids = Ids::new();
    for request in ids.writes().iter().map(Write::request) {
        let (verb, template) = request.endpoint.name().split_once(' ').unwrap();
        let operation = &spec["paths"][template][verb.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
            ["properties"];
        for (name, _) in pairs(&request.body) {
            let (top, nested) = name
                .split_once('[')
                .map_or((name.as_str(), None), |(top, rest)| {
                    (top, rest.strip_suffix(']'))
                });
            assert!(
                schema[top].is_object(),
                "{name} is unknown to {verb} {template}"
            );
            if let Some(nested) = nested.filter(|_| top != "metadata") {
                let known = schema[top]["properties"][nested].is_object()
                    || schema[top]["anyOf"][0]["properties"][nested].is_object();
                assert!(known, "{name} is unknown to {verb} {template}");
            }
        }
    }
}
