//! The ids that travel through the tool, each a newtype that is checked once, at the edge.
//!
//! Hazard: a connected account's id in a PaymentMethod column, or a platform id in a connected call, is the accident
//! that costs most. So no function here or elsewhere takes a bare `String` for an id.
//!
//! Stripe calls its ids opaque: only the prefix and the alphabet are checked, never the length (up to 255).

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Says why a text is not the id it was taken for. Ids are not personal data, so `found` is shown as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}{}", hint(found))]
pub struct InvalidId {
    /// What the place asks for, as in ``a connected account (`acct_…`)``.
    pub expected: &'static str,
    /// What stands there, shortened to 40 characters.
    pub found: String,
}

/// Names the kind that a misplaced id belongs to, by its prefix.
fn hint(found: &str) -> &'static str {
    match found.split_once('_').map(|(prefix, _)| prefix) {
        Some("acct") => ", which is an account's id",
        Some("cus") => ", which is a Customer's id",
        Some("pm" | "card" | "ba" | "src") => ", which is a PaymentMethod's id",
        Some("sk" | "rk" | "pk") => ", which looks like an API key",
        Some("tok" | "btok") => ", which is a single-use token's id",
        _ => "",
    }
}

fn is_stripe_id(text: &str, prefixes: &[&str]) -> bool {
    text.len() <= 255
        && prefixes.iter().any(|prefix| {
            text.strip_prefix(prefix).is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
        })
}

fn invalid(expected: &'static str, found: &str) -> InvalidId {
    // A key pasted into the wrong place must not travel into an error text.
    let secret = ["sk_", "rk_"]
        .iter()
        .any(|prefix| found.starts_with(prefix));
    let found = if secret {
        found.chars().take(3).chain("…".chars()).collect()
    } else {
        found.chars().take(40).collect()
    };
    InvalidId { expected, found }
}

macro_rules! stripe_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, [$($prefix:literal),+]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks prefix, alphabet and length.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if is_stripe_id(text, &[$($prefix),+]) { Ok(Self(text.into())) } else { Err(invalid($expected, text)) }
            }

            /// The id as Stripe writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.into()
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }
    };
}

stripe_id!(
    /// A Customer, on the platform or on a connected account.
    CustomerId,
    "a Customer (`cus_…`)",
    ["cus_"]
);
stripe_id!(
    /// A PaymentMethod, or a legacy Card, bank account or Source that Stripe's PaymentMethods API accepts in its place.
    PaymentMethodId,
    "a PaymentMethod (`pm_…`, `card_…`, `ba_…` or `src_…`)",
    ["pm_", "card_", "ba_", "src_"]
);
stripe_id!(
    /// An account: the platform's own, or a connected one.
    AccountId,
    "an account (`acct_…`)",
    ["acct_"]
);
stripe_id!(
    /// An event, as webhooks and `GET /v1/events` carry it.
    EventId,
    "an event (`evt_…`)",
    ["evt_"]
);

stripe_id!(
    /// A `PaymentIntent` or a `SetupIntent`.
    IntentId,
    "an intent (`pi_…` or `seti_…`)",
    ["pi_", "seti_"]
);
stripe_id!(
    /// A Charge.
    ChargeId,
    "a Charge (`ch_…` or `py_…`)",
    ["ch_", "py_"]
);
stripe_id!(
    /// A Refund.
    RefundId,
    "a Refund (`re_…` or `pyr_…`)",
    ["re_", "pyr_"]
);
stripe_id!(
    /// An application fee, which is the platform's.
    ApplicationFeeId,
    "an application fee (`fee_…`)",
    ["fee_"]
);

/// The customer's id in the system that the CSV came from: 1 to 500 characters (it becomes a metadata value), no
/// control characters, no blank at either end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegacyId(Box<str>);

impl LegacyId {
    /// Longest value that Stripe takes for a metadata key, in characters.
    pub const MAX_CHARS: usize = 500;

    /// Checks length and alphabet; the error is a clause that completes "`legacy_id` …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "" => Err("is empty"),
            _ if text.chars().count() > Self::MAX_CHARS => {
                Err("has over 500 characters, the most that Stripe's metadata takes")
            }
            _ if text.chars().any(char::is_control) => Err("has a control character in it"),
            _ if text.trim() != text => Err("begins or ends with a blank"),
            _ => Ok(Self(text.into())),
        }
    }

    /// The id as the CSV writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LegacyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one answer of Stripe's (`req_…`), by which their support finds it. 403 `account_invalid` has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// Takes what a `Request-Id` header holds if it is sane: 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        sane.then(|| Self(text.into()))
    }

    /// The id as the header held it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The migration's own id: drawn once, when the state file is made; written into the metadata of all that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MigrationId(pub Uuid);

impl MigrationId {
    /// Draws a new id: the one random choice of a migration.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a migration's id is drawn"
    )]
    pub fn draw() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for MigrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `Idempotency-Key` carries: a UUIDv5 of the step's identity. Same step, same try, same key; nothing personal in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Uuid);

/// Raised whenever the same step would produce other parameters than the version before did.
pub const KEY_FORMAT: u32 = 1;

/// What one key is made of (see [`IdempotencyKey::derive`]).
#[derive(Debug, Clone, Copy)]
pub struct KeyMaterial<'a> {
    /// `live` or `test`: Stripe leaves open whether a key's scope includes the mode.
    pub livemode: bool,
    /// The account whose key is used.
    pub platform_account: &'a AccountId,
    /// The state file's migration.
    pub migration: MigrationId,
    /// The customer.
    pub legacy_id: &'a LegacyId,
    /// The step's stable name, such as `clone_payment_method`.
    pub step: &'a str,
    /// The account in `Stripe-Account`, if any: Stripe leaves open whether a key's scope includes it.
    pub connected_account: Option<&'a AccountId>,
    /// The source PaymentMethod that the step is about or carries along.
    pub source: Option<&'a PaymentMethodId>,
    /// Which deliberate try this is, from 1.
    pub try_no: u32,
}

impl IdempotencyKey {
    /// Derives the key. Fields are joined with NUL, which no field can contain, so no two materials collide by concatenation.
    pub fn derive(material: &KeyMaterial<'_>) -> Self {
        let name = [
            KEY_FORMAT.to_string().as_str(),
            if material.livemode { "live" } else { "test" },
            material.platform_account.as_str(),
            material.legacy_id.as_str(),
            material.step,
            material.connected_account.map_or("", AccountId::as_str),
            material.source.map_or("", PaymentMethodId::as_str),
            material.try_no.to_string().as_str(),
        ]
        .join("\0");
        Self(Uuid::new_v5(&material.migration.0, name.as_bytes()))
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_in_a_payment_method_column_is_named_as_such() {
        let error = PaymentMethodId::parse("acct_123").unwrap_err().to_string();
        assert!(
            error.contains("PaymentMethod") && error.contains("which is an account's id"),
            "{error}"
        );
    }

    #[test]
    fn a_pasted_key_is_not_echoed() {
        let error = AccountId::parse("sk_live_4eC39HqLyjWDarjtT1zdp7dc")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("4eC39"), "{error}");
    }

    #[test]
    fn ids_with_path_or_header_characters_are_refused() {
        for bad in [
            "pm_", "pm_a/b", "pm_a?b", "pm_a b", "pm_a\r\n", "pm_ä", "xpm_1", "",
        ] {
            assert!(PaymentMethodId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_part_of_the_material_changes_the_key() {
        let (platform, legacy, account, source) = (
            AccountId::parse("acct_1").unwrap(),
            LegacyId::parse("42").unwrap(),
            AccountId::parse("acct_2").unwrap(),
            PaymentMethodId::parse("pm_1").unwrap(),
        );
        let base = KeyMaterial {
            livemode: false,
            platform_account: &platform,
            migration: MigrationId(Uuid::nil()),
            legacy_id: &legacy,
            step: "clone_payment_method",
            connected_account: Some(&account),
            source: Some(&source),
            try_no: 1,
        };
        let other_legacy = LegacyId::parse("43").unwrap();
        let variants = [
            base,
            KeyMaterial {
                livemode: true,
                ..base
            },
            KeyMaterial {
                platform_account: &account,
                ..base
            },
            KeyMaterial {
                migration: MigrationId(Uuid::max()),
                ..base
            },
            KeyMaterial {
                legacy_id: &other_legacy,
                ..base
            },
            KeyMaterial {
                step: "attach_connected_payment_method",
                ..base
            },
            KeyMaterial {
                connected_account: None,
                ..base
            },
            KeyMaterial {
                source: None,
                ..base
            },
            KeyMaterial { try_no: 2, ..base },
        ];
        let keys: std::collections::HashSet<_> =
            variants.iter().map(IdempotencyKey::derive).collect();
        assert_eq!(keys.len(), variants.len());
        assert_eq!(IdempotencyKey::derive(&base), IdempotencyKey::derive(&base));
    }
}
