use super::*;
use crate::ids::{LegacyId, MigrationId};
use crate::proof::Kind;
use crate::published::published;

struct Ids {
    account: AccountId,
    customer: CustomerId,
    method: PaymentMethodId,
    legacy_id: LegacyId,
    intent: IntentId,
    setup: IntentId,
    terms: Terms,
}

impl Ids {
    fn new() -> Self {
        Self {
            account: AccountId::parse("acct_1").unwrap(),
            customer: CustomerId::parse("cus_1").unwrap(),
            method: PaymentMethodId::parse("pm_1").unwrap(),
            legacy_id: LegacyId::parse("42").unwrap(),
            intent: IntentId::parse("pi_1").unwrap(),
            setup: IntentId::parse("seti_1").unwrap(),
            terms: Terms {
                kind: Kind::Charge,
                amount: 100,
                currency: "usd".into(),
                capture: 50,
                fee: 5,
            },
        }
    }

    fn card(&self) -> Card<'_> {
        Card {
            account: &self.account,
            customer: &self.customer,
            payment_method: &self.method,
            markers: Markers {
                migration: MigrationId(uuid::Uuid::nil()),
                legacy_id: &self.legacy_id,
            },
            mark: "m",
        }
    }

    fn payments(&self) -> [Payment<'_>; 6] {
        let account = &self.account;
        [
            Payment::Authorize {
                card: self.card(),
                terms: &self.terms,
            },
            Payment::SetUp { card: self.card() },
            Payment::Capture {
                intent: &self.intent,
                amount: 50,
                account,
            },
            Payment::Refund {
                intent: &self.intent,
                fee: true,
                mark: "m",
                account,
            },
            Payment::Cancel {
                intent: &self.intent,
                account,
            },
            Payment::Cancel {
                intent: &self.setup,
                account,
            },
        ]
    }
}

#[test]
fn every_payment_is_a_direct_one_on_the_connected_account() {
    let ids = Ids::new();
    let shown: Vec<String> = ids
        .payments()
        .iter()
        .map(|payment| {
            let request = payment.request();
            assert_eq!(request.account.as_ref(), Some(&ids.account));
            format!("{} {}", request.path, request.body)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    /v1/payment_intents amount=100&currency=usd&application_fee_amount=5&capture_method=manual&off_session=true&confirm=true&customer=cus_1&payment_method=pm_1&payment_method_types%5B%5D=card&description=pmclone+verify%3A+proves+that+a+migrated+card+can+be+charged%3B+taken+back+at+once&metadata%5Bpmclone_migration%5D=00000000-0000-0000-0000-000000000000&metadata%5Blegacy_customer_id%5D=42&metadata%5Bpmclone_verify%5D=m
    /v1/setup_intents usage=off_session&confirm=true&customer=cus_1&payment_method=pm_1&payment_method_types%5B%5D=card&description=pmclone+verify%3A+proves+that+a+migrated+card+can+be+charged%3B+taken+back+at+once&metadata%5Bpmclone_migration%5D=00000000-0000-0000-0000-000000000000&metadata%5Blegacy_customer_id%5D=42&metadata%5Bpmclone_verify%5D=m
    /v1/payment_intents/pi_1/capture amount_to_capture=50
    /v1/refunds payment_intent=pi_1&refund_application_fee=true&metadata%5Bpmclone_verify%5D=m
    /v1/payment_intents/pi_1/cancel cancellation_reason=abandoned
    /v1/setup_intents/seti_1/cancel cancellation_reason=abandoned
    ");
}

#[test]
fn the_parameters_are_in_stripes_own_specification() {
    let Some(spec) = published("spec-excerpts-2023-08-16.json") else {
        return;
    };
    for payment in Ids::new().payments() {
        let request = payment.request();
        let (_, template) = request.endpoint.name().split_once(' ').unwrap();
        let form = &spec["paths"][template]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"];
        let Some(known) = form["schema"]["properties"].as_object() else {
            continue;
        };
        for (name, _) in form_urlencoded::parse(request.body.as_bytes()) {
            let top = name.split('[').next().unwrap_or_default();
            assert!(known.contains_key(top), "{template}: {name}");
        }
    }
}
