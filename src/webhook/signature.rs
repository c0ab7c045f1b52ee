//! PURE. `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…]`: HMAC-SHA256 of `<t>.<raw body>` under the endpoint's secret, the
//! whole text `whsec_…` being the key (stripe-node `Webhooks.ts`, <https://docs.stripe.com/webhooks#verify-manually>).
//!
//! Hazards: a comparison that tells by its time how much of a signature is right, and a body that was read and written again before
//! it is checked. While a secret is rolled Stripe signs with both, hence several `v1`; `v0` is for test deliveries of old and counts
//! for nothing.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How old, or how far ahead, a signature's time may be: Stripe's own libraries take five minutes.
pub const TOLERANCE_SECONDS: u64 = 300;

/// Signatures that are looked at in one header; Stripe sends one for each secret that is valid.
const SIGNATURES_MAX: usize = 16;

/// The signing secrets of an endpoint: more than one while they are rolled. They are never shown, and wiped when let go.
#[derive(Clone)]
pub struct Secrets(Vec<SecretString>);

/// Why a text is no signing secret. No part of the text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Nothing but blanks.
    #[error("there is no signing secret in it: it begins with `whsec_`")]
    None,
    /// `sk_…` or `rk_…`.
    #[error("this is an API key: a webhook's signing secret begins with `whsec_`")]
    ApiKey,
    /// Something else.
    #[error(
        "this is no signing secret: it begins with `whsec_`, and has letters, digits, `+`, `/`, `_`, `-` and `=` after it"
    )]
    Unknown,
}

/// Why a body does not count as Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The header is not of the form that Stripe documents.
    #[error("the header Stripe-Signature cannot be read")]
    Malformed,
    /// None of its signatures is of one of the secrets.
    #[error("no signature in it is of this endpoint's secret")]
    Forged,
    /// Signed with the secret, at another time than now.
    #[error("it was signed {} of this machine's clock, and {TOLERANCE_SECONDS} seconds are allowed", aside(*.ahead_seconds))]
    OutOfTime {
        /// Seconds that the signature's time is ahead of this machine's clock; negative where it is behind.
        ahead_seconds: i64,
    },
}

fn aside(ahead_seconds: i64) -> String {
    let side = if ahead_seconds > 0 { "ahead" } else { "behind" };
    format!("{} seconds {side}", ahead_seconds.unsigned_abs())
}

impl Secrets {
    /// Reads the secrets out of texts, in each of which several may stand, between blanks, line ends or commas.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidSecret> {
        let blank = |c: char| c.is_whitespace() || c == ',';
        let words = texts.into_iter().flat_map(|text| text.split(blank));
        let secrets: Vec<_> = words
            .filter(|word| !word.is_empty())
            .map(secret)
            .collect::<Result<_, _>>()?;
        if secrets.is_empty() {
            return Err(InvalidSecret::None);
        }
        Ok(Self(secrets))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether `body` was signed with one of them within [`TOLERANCE_SECONDS`] of `now`, unix seconds by this machine's clock.
    pub fn verify(&self, header: &str, body: &[u8], now: i64) -> Result<(), Unsigned> {
        let header = Header::parse(header).ok_or(Unsigned::Malformed)?;
        // Every pair is compared, whichever fits.
        let mut signed = false;
        for secret in &self.0 {
            for signature in &header.signatures {
                signed |= is_of(secret, header.time_text, body, signature);
            }
        }
        if !signed {
            return Err(Unsigned::Forged);
        }
        let ahead_seconds = header.time.saturating_sub(now);
        if ahead_seconds.unsigned_abs() > TOLERANCE_SECONDS {
            return Err(Unsigned::OutOfTime { ahead_seconds });
        }
        Ok(())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn secret(word: &str) -> Result<SecretString, InvalidSecret> {
    if word.starts_with("sk_") || word.starts_with("rk_") {
        return Err(InvalidSecret::ApiKey);
    }
    let of_one = |b: u8| b.is_ascii_alphanumeric() || b"+/_-=".contains(&b);
    let rest = word.strip_prefix("whsec_").ok_or(InvalidSecret::Unknown)?;
    if rest.is_empty() || !rest.bytes().all(of_one) {
        return Err(InvalidSecret::Unknown);
    }
    Ok(SecretString::from(word))
}

/// Compared in constant time.
fn is_of(secret: &SecretString, time: &str, body: &[u8], signature: &[u8; 32]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return false;
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

struct Header<'a> {
    /// As it stands there: that is what is signed.
    time_text: &'a str,
    time: i64,
    signatures: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    /// `None` where the time is missing, there twice or no number, or where there are too many signatures.
    fn parse(header: &'a str) -> Option<Self> {
        let (mut time_text, mut signatures) = (None, Vec::new());
        for item in header.split(',') {
            match item.trim().split_once('=')? {
                ("t", text) if time_text.is_none() => time_text = Some(text),
                ("t", _) => return None,
                ("v1", text) => signatures.extend(unhex(text)),
                _ => {}
            }
        }
        let time_text = time_text?;
        let digits = !time_text.is_empty() && time_text.bytes().all(|b| b.is_ascii_digit());
        (digits && signatures.len() <= SIGNATURES_MAX).then_some(())?;
        Some(Self {
            time_text,
            time: time_text.parse().ok()?,
            signatures,
        })
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
