//! Where requests go: Stripe, or a stand-in.
//!
//! Hazard: whoever receives a request has the key. So plain HTTP goes to this machine's loopback alone, and a live key to
//! Stripe's own host or to loopback (where live flows are rehearsed against the simulator), whatever the certificate says.

use reqwest::Url;

use super::key::Mode;

/// Stripe's API, the default.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// A checked base URL, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiBase {
    url: Url,
    loopback: bool,
}

/// Why a text is no base that the key may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiBase {
    /// Not a URL with a host.
    #[error("--api-base {0:?} is not a URL: write it like {STRIPE_API} or http://127.0.0.1:12111")]
    NotAUrl(String),
    /// A path, a query, a fragment, or user information.
    #[error("--api-base {0:?} must be scheme, host and port alone, like http://127.0.0.1:12111")]
    NotBare(String),
    /// `http` to another machine, or another scheme.
    #[error(
        "--api-base {0:?} would send the key unencrypted: use https, or http to a loopback address (127.0.0.1, [::1], localhost)"
    )]
    Unencrypted(String),
    /// A live key, and neither Stripe nor loopback.
    #[error(
        "--api-base {0:?} is not Stripe's: a live key is sent to {STRIPE_API} or to a loopback address only; use a test key there"
    )]
    LiveKeyElsewhere(String),
}

impl ApiBase {
    /// Stripe's API itself.
    pub fn stripe() -> Result<Self, InvalidApiBase> {
        Self::parse(STRIPE_API, Mode::Live)
    }

    /// Checks that a key of that mode may be sent there.
    pub fn parse(text: &str, mode: Mode) -> Result<Self, InvalidApiBase> {
        let text = text.trim();
        let url = Url::parse(text)
            .ok()
            .filter(Url::has_host)
            .ok_or_else(|| InvalidApiBase::NotAUrl(shown(text)))?;
        let bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err(InvalidApiBase::NotBare(shown(text)));
        }
        let loopback = url.host_str().is_some_and(is_loopback);
        match (url.scheme(), loopback, mode) {
            ("http" | "https", true, Mode::Live | Mode::Test) | ("https", false, Mode::Test) => {}
            ("https", false, Mode::Live) if is_stripe(&url) => {}
            ("https", false, Mode::Live) => {
                return Err(InvalidApiBase::LiveKeyElsewhere(shown(text)));
            }
            (_, _, Mode::Live | Mode::Test) => {
                return Err(InvalidApiBase::Unencrypted(shown(text)));
            }
        }
        Ok(Self { url, loopback })
    }

    /// True where requests do not leave this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The base as a URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

/// A base that is shown in an error could hold a password.
fn shown(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    text.chars().take(80).collect()
}

fn is_stripe(url: &Url) -> bool {
    url.host_str() == Some("api.stripe.com") && url.port_or_known_default() == Some(443)
}

/// `host` as the URL parser writes it: lower case, addresses in their shortest form, IPv6 in brackets.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each base: whether a test key, and whether a live key, may be sent there.
    #[test]
    fn the_table_of_bases() {
        let cases = [
            ("https://api.stripe.com", true, true),
            ("https://api.stripe.com/", true, true),
            ("https://API.stripe.com:443", true, true),
            ("http://127.0.0.1:12111", true, true),
            ("http://127.8.8.8:1", true, true),
            ("http://[::1]:12111", true, true),
            ("http://localhost:12111", true, true),
            ("https://localhost", true, true),
            ("https://api.stripe.com:8443", true, false),
            ("https://stripe.example.com", true, false),
            ("https://api.stripe.com.example.com", true, false),
            ("http://api.stripe.com", false, false),
            ("http://10.0.0.1:12111", false, false),
            ("http://0.0.0.0:12111", false, false),
            ("http://localhost.example.com", false, false),
            ("ftp://127.0.0.1", false, false),
            ("https://user:password@api.stripe.com", false, false),
            ("https://api.stripe.com/v1", false, false),
            ("https://api.stripe.com?x", false, false),
            ("api.stripe.com", false, false),
            ("127.0.0.1:12111", false, false),
            ("file:///etc/passwd", false, false),
            ("", false, false),
        ];
        for (text, test, live) in cases {
            assert_eq!(
                ApiBase::parse(text, Mode::Test).is_ok(),
                test,
                "{text} with a test key"
            );
            assert_eq!(
                ApiBase::parse(text, Mode::Live).is_ok(),
                live,
                "{text} with a live key"
            );
        }
    }

    #[test]
    fn stripes_own_base_is_one_and_leaves_this_machine() {
        let base = ApiBase::stripe().unwrap();
        assert_eq!((base.as_str(), base.is_loopback()), (STRIPE_API, false));
    }

    #[test]
    fn an_error_does_not_show_a_password() {
        let error = ApiBase::parse("https://user:hunter2@x.com", Mode::Test).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
