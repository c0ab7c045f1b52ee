//! Ids and hashes of the fake world: the same seed and the same request always make the same id.
//!
//! Hazard: the journal rebuilds a world by handling its requests again, so nothing here may depend on a clock, on a
//! random source or on a hash that another build of Rust may compute otherwise.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// When and under which number a request is handled: all that the world knows of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The number of the request in the life of this world, from 1; ids are made from it.
    pub number: u64,
    /// Virtual time in unix seconds.
    pub unix: i64,
}

/// Scrambles 64 bits so that neighbours look unrelated (the finalizer of `SplitMix64`, a bijection).
pub(super) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Hashes text stably across builds (FNV-1a, then scrambled).
pub(super) fn hash(text: &str) -> u64 {
    let folded = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(folded)
}

/// Appends `count` letters and digits that stand for `value`.
pub(super) fn push_base62(out: &mut String, mut value: u64, count: usize) {
    for _ in 0..count {
        let digit = usize::try_from(value % 62).unwrap_or_default();
        out.push(char::from(ALPHABET[digit]));
        value /= 62;
    }
}

/// `count` letters and digits that stand for `value`.
pub(super) fn base62(value: u64, count: usize) -> String {
    let mut out = String::with_capacity(count);
    push_base62(&mut out, value, count);
    out
}

/// A hash of (seed, request number, ordinal): the only source of "randomness" for ids.
pub(super) fn draw(seed: u64, number: u64, ordinal: u64) -> u64 {
    mix(mix(seed ^ mix(number)).wrapping_add(ordinal))
}

/// The id of an answer: `req_` and fourteen characters.
pub(super) fn request_id(seed: u64, number: u64) -> String {
    let mut id = String::from("req_");
    let first = draw(seed ^ 0x5265_7175_6573_7449, number, 0);
    push_base62(&mut id, first, 10);
    push_base62(&mut id, mix(first), 4);
    id
}

/// The idempotency key that the server makes up for a POST that came without one, in the form of a version 4 UUID.
pub(super) fn made_up_key(seed: u64, number: u64) -> String {
    let first = draw(seed ^ 0x4B65_7900, number, 0);
    let second = mix(first);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        first >> 32,
        (first >> 16) & 0xFFFF,
        first & 0xFFF,
        second >> 52,
        second & 0xFFFF_FFFF_FFFF
    )
}

/// Makes an object id. Payment objects embed the last ten characters of the account's id, as observed of Stripe.
pub(super) fn object_id(prefix: &str, account: &str, moment: Moment, drawn: u64) -> String {
    let mut id = String::with_capacity(prefix.len() + 24);
    id.push_str(prefix);
    if matches!(prefix, "cus_") {
        push_base62(&mut id, drawn, 10);
        push_base62(&mut id, mix(drawn), 4);
        return id;
    }
    id.push('1');
    push_base62(
        &mut id,
        mix(u64::try_from(moment.unix).unwrap_or_default()),
        5,
    );
    push_account_suffix(&mut id, account);
    push_base62(&mut id, drawn, 8);
    id
}

fn push_account_suffix(out: &mut String, account: &str) {
    let letters: Vec<char> = account
        .trim_start_matches("acct_")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let missing = 10_usize.saturating_sub(letters.len());
    push_base62(out, hash(account), missing);
    out.extend(letters.iter().skip(letters.len().saturating_sub(10)));
}
