//! What reaches the world: a request without transport, and without the secret key.

use super::keys::{self, Credentials};

/// The HTTP methods that Stripe's v1 API knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates and updates.
    Post,
    /// Deletes.
    Delete,
    /// Anything else, which no URL accepts.
    Other,
}

impl Method {
    /// Reads the method's name as it stands in HTTP.
    pub fn of(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The method's name as it stands in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        }
    }
}

/// One request as the world sees it. The secret key was reduced to [`Credentials`] on the way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path without its query.
    pub path: String,
    /// The query without its question mark.
    pub query: String,
    /// Whose key it came with.
    pub credentials: Credentials,
    /// The header `Stripe-Account`.
    pub account: Option<String>,
    /// The header `Stripe-Context`.
    pub context: Option<String>,
    /// The header `Stripe-Version`.
    pub version: Option<String>,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// True unless the content type says that the body is something else than a form.
    pub form: bool,
    /// The body, a URL-encoded form.
    pub body: String,
}

impl Request {
    /// Builds a request from what any transport has: the names of the headers may be in any case.
    pub fn from_parts<'a>(
        method: &str,
        target: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: &[u8],
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: Method::of(method),
            path: path.to_owned(),
            query: query.to_owned(),
            credentials: Credentials::Missing,
            account: None,
            context: None,
            version: None,
            idempotency_key: None,
            form: true,
            body: String::from_utf8_lossy(body).into_owned(),
        };
        for (name, value) in headers {
            request.header(name, value);
        }
        request
    }

    /// Sets what one header says; headers that the simulator does not know are passed over.
    pub fn header(&mut self, name: &str, value: &str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("authorization") {
            self.credentials = keys::credentials(value);
        } else if is("stripe-account") {
            self.account = Some(value.to_owned());
        } else if is("stripe-context") {
            self.context = Some(value.to_owned());
        } else if is("stripe-version") {
            self.version = Some(value.to_owned());
        } else if is("idempotency-key") {
            self.idempotency_key = Some(value.to_owned());
        } else if is("content-type") {
            self.form = value.starts_with("application/x-www-form-urlencoded");
        }
    }

    /// The account whose objects this request is about: the connected one named, or none for the platform.
    pub fn connected_account(&self) -> Option<&str> {
        self.account.as_deref().or(self.context.as_deref())
    }
}
