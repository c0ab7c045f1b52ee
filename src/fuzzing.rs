//! Everything that reads bytes from outside, as functions of bytes: what `fuzz/` calls, and what the tests give the kept
//! inputs to. Each ends without a panic, whatever it is given, and checks what must hold of what it made of it.

mod state;

use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId, PaymentMethodId};
use crate::input::{Problems, Reader};
use crate::legacy::Details;
use crate::simulator::FaultScript;
use crate::state::Window;
use crate::stripe::answer::{AnswerHeaders, WireAnswer, classify};
use crate::stripe::facts::{Fact, classify_read};
use crate::stripe::redact::MESSAGE_MAX_CHARS;
use crate::stripe::{
    AccountFacts, CustomerFacts, Markers, Mode, Outcome, Page, PaymentMethodFacts, Read,
    ReadAnswer, Refusal, Write,
};
use crate::time::StripeTime;
use crate::webhook::{News, Read as ReadEvent, Secrets, Unsigned};

pub use state::state;

/// A CSV file.
pub fn csv(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(Path::new("fuzz.csv"), Box::new(Cursor::new(bytes.to_vec())))
        .map_err(|wrong| wrong.to_string())
    else {
        return;
    };
    let mut problems = Problems::default();
    while let Ok(Some(line)) = reader.next(&mut problems) {
        assert!(LegacyId::parse(line.legacy_id.as_str()).is_ok());
    }
    assert!(reader.facts().bytes <= u64::try_from(bytes.len()).unwrap_or(u64::MAX));
}

/// `pmclone.toml`.
pub fn config(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(error) = toml::from_str::<crate::config::Toml>(text)
    {
        assert!(!error.to_string().is_empty());
    }
}

/// A webhook: the header of its signature, a line feed, and its body.
pub fn webhook(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (header, body) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(secrets) = Secrets::parse(["whsec_fuzzed"]) {
        // Nobody makes up a signature; the clock of the kept ones is long ago.
        let verified = secrets.verify(header, body.as_bytes(), 1_492_774_577);
        if header.is_empty() {
            assert_eq!(verified, Err(Unsigned::Malformed));
        }
    }
    for body in [bytes, body.as_bytes()] {
        if let Ok(ReadEvent::Event(event)) = ReadEvent::parse(body) {
            assert!(event.id.as_str().starts_with("evt_"));
            let told = event.news != News::Nothing;
            assert!(!told || !event.kind.is_empty());
        }
    }
}

/// A fault script of the simulator's.
pub fn faults(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(error) = FaultScript::parse(text)
    {
        assert!((1..=text.lines().count().max(1)).contains(&error.line));
    }
}

/// The ids that the fuzzed answers are answers about.
struct Ids {
    customer: CustomerId,
    payment_method: PaymentMethodId,
    account: AccountId,
    legacy_id: LegacyId,
    details: Details,
}

static IDS: LazyLock<Option<Ids>> = LazyLock::new(|| {
    Some(Ids {
        customer: CustomerId::parse("cus_1").ok()?,
        payment_method: PaymentMethodId::parse("pm_1").ok()?,
        account: AccountId::parse("acct_1").ok()?,
        legacy_id: LegacyId::parse("42").ok()?,
        details: Details {
            email: Some("jane@example.com".to_owned()),
            name: Some("Jane Doe".to_owned()),
            ..Details::default()
        },
    })
});

/// An answer of Stripe's: a byte for what was asked, one for the status, one for the headers, then the body.
pub fn answer(bytes: &[u8]) {
    const STATUS: [u16; 16] = [
        200, 200, 200, 400, 401, 402, 403, 404, 404, 408, 409, 429, 500, 503, 302, 201,
    ];
    let (Some(ids), [asked, status, headers, body @ ..]) = (&*IDS, bytes) else {
        return;
    };
    let flag = |bit: u8, value: &'static str| (headers & bit != 0).then_some(value);
    let wire = WireAnswer {
        status: STATUS[usize::from(status % 16)],
        headers: AnswerHeaders::read(|name| match name {
            "request-id" => flag(1, "req_1"),
            "stripe-should-retry" => flag(2, "false"),
            "idempotent-replayed" => flag(4, "true"),
            "date" => flag(8, "Thu, 01 Oct 2026 00:00:00 GMT"),
            _ => None,
        }),
        body: body.to_vec(),
    };
    match asked % 10 {
        5 => read::<AccountFacts>(&Read::Account { account: None }, &wire, None),
        6 => read::<AccountFacts>(
            &Read::Account {
                account: Some(&ids.account),
            },
            &wire,
            Some("acct_1"),
        ),
        7 => read::<PaymentMethodFacts>(
            &Read::PaymentMethod {
                id: &ids.payment_method,
                account: None,
            },
            &wire,
            Some("pm_1"),
        ),
        8 => read::<CustomerFacts>(
            &Read::Customer {
                id: &ids.customer,
                account: Some(&ids.account),
            },
            &wire,
            Some("cus_1"),
        ),
        9 => read::<Page<CustomerFacts>>(
            &Read::Customers {
                created: Window {
                    from: StripeTime(0),
                    to: StripeTime(9),
                },
                after: None,
                account: None,
            },
            &wire,
            None,
        ),
        _ => write(asked % 5, ids, &wire),
    }
}

fn write(kind: u8, ids: &Ids, wire: &WireAnswer) {
    let markers = Markers {
        migration: MigrationId(uuid::Uuid::nil()),
        legacy_id: &ids.legacy_id,
    };
    let (details, account) = (&ids.details, &ids.account);
    let (payment_method, customer) = (&ids.payment_method, &ids.customer);
    let (write, object) = match kind {
        0 => (
            Write::CreatePlatformCustomer {
                details,
                payment_method: Some(payment_method),
                make_default: true,
                markers,
            },
            "customer",
        ),
        1 => (
            Write::CreateConnectedCustomer {
                details,
                payment_method: None,
                make_default: false,
                markers,
                platform_customer: customer,
                account,
            },
            "customer",
        ),
        2 => (
            Write::AttachPlatformPaymentMethod {
                payment_method,
                customer,
            },
            "payment_method",
        ),
        3 => (
            Write::ClonePaymentMethod {
                customer,
                payment_method,
                account,
            },
            "payment_method",
        ),
        _ => (
            Write::AttachConnectedPaymentMethod {
                payment_method,
                customer,
                account,
            },
            "payment_method",
        ),
    };
    match classify(&write, Mode::Test, wire) {
        Ok(Outcome::Done(created)) => {
            assert_eq!(wire.status, 200);
            done(&wire.body, object, created.id.as_str(), kind);
        }
        Ok(Outcome::Refused(refusal) | Outcome::AlreadyAttached(refusal)) => {
            assert!((400..500).contains(&wire.status));
            shown(refusal, &ids.details);
        }
        Ok(Outcome::AccountInvalid(refusal)) => {
            assert!(wire.status == 403 && write.account().is_some());
            shown(refusal, &ids.details);
        }
        Ok(other) => assert!(!format!("{other:?}").contains("jane@example.com")),
        Err(again) => assert!(!again.to_string().contains("jane@example.com")),
    }
}

/// What is taken for done is the object that was asked for.
fn done(body: &[u8], object: &str, id: &str, kind: u8) {
    // What is nested too deeply for this reader was skipped unread by the other.
    let Ok(told) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    assert_eq!(
        (&told["object"], &told["livemode"]),
        (&object.into(), &false.into())
    );
    assert_eq!(told["id"], id);
    assert!(matches!(kind, 0 | 1 | 3) || told["customer"] == "cus_1");
}

fn shown(refusal: Refusal, details: &Details) {
    assert!(
        !refusal.reason().is_empty() || refusal.code.is_some() || refusal.decline_code.is_some()
    );
    let refusal = refusal.redacted(details);
    assert!(refusal.message.chars().count() <= MESSAGE_MAX_CHARS);
    assert!(
        !refusal.message.contains("jane@example.com"),
        "{}",
        refusal.message
    );
}

fn read<T: Fact>(read: &Read<'_>, wire: &WireAnswer, id: Option<&str>) {
    match classify_read::<T>(read, Mode::Test, wire) {
        Ok(ReadAnswer::Found(fact, _)) => {
            assert_eq!(wire.status, 200);
            assert!(id.is_none_or(|id| id == fact.id()));
            assert_ne!(fact.livemode(), Some(true));
        }
        Ok(ReadAnswer::Missing(_)) => {
            let told: Value = serde_json::from_slice(&wire.body).unwrap_or_default();
            assert_eq!(wire.status, 404);
            assert!(told.is_null() || told["error"]["code"] == "resource_missing");
        }
        Ok(_) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    /// Inputs that are kept: seeds, and whatever once failed.
    #[test]
    fn every_input_that_is_kept_is_taken_without_a_panic() {
        type Target = fn(&[u8]);
        let state: Target = |bytes| {
            super::state(bytes, tempfile::tempdir().unwrap().path());
        };
        let targets: [(&str, Target); 6] = [
            ("csv", super::csv),
            ("config", super::config),
            ("answer", super::answer),
            ("faults", super::faults),
            ("webhook", super::webhook),
            ("state", state),
        ];
        for (name, target) in targets {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/").to_owned() + name;
            let mut inputs = 0;
            for entry in std::fs::read_dir(folder).unwrap() {
                target(&std::fs::read(entry.unwrap().path()).unwrap());
                inputs += 1;
            }
            assert!(inputs > 2, "{name}");
        }
    }
}
