//! The secret key, its mode, and where it may be sent.
//!
//! Hazards: a key that is printed, a live key that goes to another host than Stripe's, and a live key taken for a test key.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Which of Stripe's two worlds a key is for. A sandbox's keys are test keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Real cards.
    Live,
    /// Play money.
    Test,
}

impl Mode {
    /// What Stripe's `livemode` says in this mode.
    pub fn is_live(self) -> bool {
        match self {
            Self::Live => true,
            Self::Test => false,
        }
    }

    /// `live` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The platform's secret or restricted key. It is never shown: `Debug` prints `[redacted]`, and there is no `Display`.
#[derive(Clone)]
pub struct SecretKey {
    secret: SecretString,
    mode: Mode,
}

/// Why a text is no key to work with. No part of the text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Nothing but blanks.
    #[error(
        "the API key is empty: give the platform's secret key (`sk_…`) or a restricted key (`rk_…`)"
    )]
    Empty,
    /// `pk_…`.
    #[error(
        "this is a publishable key (`pk_…`), which can only make tokens: give the platform's secret key (`sk_…`) or a restricted key (`rk_…`)"
    )]
    Publishable,
    /// `whsec_…`.
    #[error(
        "this is a webhook's signing secret (`whsec_…`): give the platform's secret key (`sk_…`) or a restricted key (`rk_…`)"
    )]
    WebhookSecret,
    /// `sk_org_…`.
    #[error(
        "this is an organization's key (`sk_org_…`): give the secret key of the platform account itself"
    )]
    Organization,
    /// Neither of the kinds above.
    #[error(
        "this is no Stripe API key: expected one that begins with `sk_test_`, `rk_test_`, `sk_live_` or `rk_live_`"
    )]
    Unknown,
    /// The right beginning, and then characters that no key has.
    #[error(
        "the API key has characters in it that no key has: it must be one line with nothing else on it"
    )]
    Malformed,
}

impl SecretKey {
    /// Checks the kind of key and reads its mode. Blanks and line ends around it are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let (mode, rest) = match text.split_at_checked("sk_test_".len()) {
            Some(("sk_test_" | "rk_test_", rest)) => (Mode::Test, rest),
            Some(("sk_live_" | "rk_live_", rest)) => (Mode::Live, rest),
            Some(_) | None => return Err(Self::no_key(text)),
        };
        if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(InvalidKey::Malformed);
        }
        Ok(Self {
            secret: SecretString::from(text),
            mode,
        })
    }

    fn no_key(text: &str) -> InvalidKey {
        match text.split_once('_') {
            Some(("pk", _)) => InvalidKey::Publishable,
            Some(("whsec", _)) => InvalidKey::WebhookSecret,
            Some(("sk", rest)) if rest.starts_with("org_") => InvalidKey::Organization,
            None if text.is_empty() => InvalidKey::Empty,
            Some(_) | None => InvalidKey::Unknown,
        }
    }

    /// The mode that the key's prefix tells.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// For the `Authorization` header alone.
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_keys() {
        let cases = [
            ("sk_test_123abc", Ok(Mode::Test)),
            ("rk_test_123", Ok(Mode::Test)),
            (" sk_live_123\r\n", Ok(Mode::Live)),
            ("rk_live_1_2", Ok(Mode::Live)),
            ("", Err(InvalidKey::Empty)),
            (" \n", Err(InvalidKey::Empty)),
            ("pk_live_123", Err(InvalidKey::Publishable)),
            ("whsec_123", Err(InvalidKey::WebhookSecret)),
            ("sk_org_live_123", Err(InvalidKey::Organization)),
            ("sk_prod_123", Err(InvalidKey::Unknown)),
            ("acct_123", Err(InvalidKey::Unknown)),
            ("hunter2", Err(InvalidKey::Unknown)),
            ("ключ_ключ", Err(InvalidKey::Unknown)),
            ("sk_test_", Err(InvalidKey::Malformed)),
            ("sk_test_1 # mine", Err(InvalidKey::Malformed)),
            ("sk_test_1\r\nX-Evil: 1", Err(InvalidKey::Malformed)),
        ];
        for (text, expected) in cases {
            assert_eq!(
                SecretKey::parse(text).map(|key| key.mode()),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = SecretKey::parse("sk_live_4eC39HqL").unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
        for bad in ["pk_live_4eC39HqL", "xx_live_4eC39HqL", "sk_live_4eC39HqL!"] {
            let error = SecretKey::parse(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("4eC39HqL"));
        }
    }
}
