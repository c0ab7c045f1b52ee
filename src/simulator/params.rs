//! The parameters of one request: names as they are sent (`address[city]`, `expand[0]`), values as text.

use super::response::Failure;
use sha2::{Digest, Sha256};

/// The parameters of one request, in the order they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Parses a URL-encoded form, or a query.
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self { pairs }
    }

    /// All pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one parameter, even if empty. The last one wins when it was sent twice.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of one parameter unless it is missing or empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Whether the parameter, or any member of it, was sent.
    pub fn names(&self, name: &str) -> bool {
        self.pairs()
            .any(|(known, _)| known == name || members(known, name).is_some())
    }

    /// The elements of a list, however its indices were written (`name[]`, `name[0]`).
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.pairs()
            .filter(|(known, _)| members(known, name).is_some())
            .map(|(_, value)| value)
            .collect()
    }

    /// The members of a flat hash: `name[key]` gives `(key, value)`.
    pub fn hash(&self, name: &str) -> Vec<(&str, &str)> {
        self.pairs()
            .filter_map(|(known, value)| {
                let inner = members(known, name)?.strip_suffix(']')?;
                Some((inner, value))
            })
            .collect()
    }

    /// A truth value; absent is `None`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.filled(name).map(|value| value == "true")
    }

    /// A whole number; the parameter table has already refused anything else.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.filled(name).and_then(|value| value.parse().ok())
    }

    /// A digest that is the same for the same parameters in whatever order they were sent.
    pub fn digest(&self) -> [u8; 16] {
        let mut sorted: Vec<_> = self.pairs.iter().collect();
        sorted.sort();
        let mut hasher = Sha256::new();
        for (name, value) in sorted {
            hasher.update(name.len().to_le_bytes());
            hasher.update(name);
            hasher.update(value.len().to_le_bytes());
            hasher.update(value);
        }
        let whole = hasher.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        half
    }
}

/// What follows `name[` in `known`.
fn members<'a>(known: &'a str, name: &str) -> Option<&'a str> {
    known.strip_prefix(name)?.strip_prefix('[')
}

/// 400 `parameter_missing`.
pub(super) fn missing_param(name: &str) -> Failure {
    Failure::invalid(format!("Missing required param: {name}."))
        .code("parameter_missing")
        .param(name)
}
