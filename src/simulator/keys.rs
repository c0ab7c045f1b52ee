//! Secret keys: what the simulator makes of the `Authorization` header, and why it keeps nothing of it.
//!
//! Hazard: people paste real keys. A key is reduced to its mode the moment it is read; no part of it that could help
//! anyone reaches the world, the journal, the transcript or an error message.

use super::ids::hash;

/// What the `Authorization` header said, without the secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// No key was sent.
    Missing,
    /// Something that is no secret key; holds no more than its harmless beginning.
    Refused(String),
    /// A key whose name says that it is expired (`sk_test_expired…`).
    Expired(Kind),
    /// A key of the platform. `digest` tells keys apart where the simulator was told to accept only some.
    Key {
        /// What kind of key.
        kind: Kind,
        /// A one-way digest of the key.
        digest: u64,
        /// A restricted key without any permission to write (`rk_test_readonly…`).
        reads_only: bool,
    },
}

/// The four kinds of keys that can act for a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `sk_test_…`
    SecretTest,
    /// `rk_test_…`
    RestrictedTest,
    /// `sk_live_…`
    SecretLive,
    /// `rk_live_…`
    RestrictedLive,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::SecretTest,
        Self::RestrictedTest,
        Self::SecretLive,
        Self::RestrictedLive,
    ];

    /// What keys of this kind begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::SecretTest => "sk_test_",
            Self::RestrictedTest => "rk_test_",
            Self::SecretLive => "sk_live_",
            Self::RestrictedLive => "rk_live_",
        }
    }

    /// Whether keys of this kind see live objects.
    pub fn livemode(self) -> bool {
        match self {
            Self::SecretTest | Self::RestrictedTest => false,
            Self::SecretLive | Self::RestrictedLive => true,
        }
    }

    /// Whether its permissions were chosen one by one.
    pub fn is_restricted(self) -> bool {
        match self {
            Self::SecretTest | Self::SecretLive => false,
            Self::RestrictedTest | Self::RestrictedLive => true,
        }
    }

    /// The kind of a key, by its prefix.
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            key.strip_prefix(kind.prefix())
                .is_some_and(|rest| !rest.is_empty())
        })
    }
}

/// Digests a key so that a list of accepted keys can be compared without being kept.
pub(super) fn digest(key: &str) -> u64 {
    hash(key)
}

/// Reads an `Authorization` header, `Bearer KEY` or `Basic base64(KEY:)`.
pub(super) fn credentials(header: &str) -> Credentials {
    let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64(rest.trim()).unwrap_or_default();
        decoded.split(':').next().unwrap_or_default().to_owned()
    } else {
        return Credentials::Refused("***".to_owned());
    };
    if key.is_empty() {
        return Credentials::Missing;
    }
    match Kind::of(&key) {
        Some(kind) if key[kind.prefix().len()..].starts_with("expired") => {
            Credentials::Expired(kind)
        }
        Some(kind) => Credentials::Key {
            kind,
            digest: digest(&key),
            reads_only: kind.is_restricted() && key[kind.prefix().len()..].starts_with("readonly"),
        },
        None => {
            let shown: String = key.chars().take(3).collect();
            Credentials::Refused(format!("{shown}***"))
        }
    }
}

/// Decodes standard base64; `None` for anything else.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0_u32, 0_u32);
    for symbol in text.bytes().take_while(|&symbol| symbol != b'=') {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = ((held << 6) | u32::from(value)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xFF).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}
