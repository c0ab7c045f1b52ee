//! PURE. What is asked of Stripe: the writes of a migration, and all reads, turned into method, path, query, form body and
//! account.
//!
//! Hazards: (1) the same step must always give the same bytes, or Stripe answers a resend with `idempotency_error`; so
//! bodies are built from ordered maps in a fixed order, and [`crate::ids::KEY_FORMAT`] is raised when this file changes
//! what it sends. (2) The clone is the only call that names *platform* objects while it runs on a connected account.

mod endpoint;
mod read;
#[cfg(test)]
mod tests;

use form_urlencoded::Serializer;
use sha2::{Digest, Sha256};

pub use endpoint::{Endpoint, Method};
pub use read::Read;

use crate::ids::{AccountId, CustomerId, KEY_FORMAT, LegacyId, MigrationId, PaymentMethodId};
use crate::legacy::Details;

/// Metadata key that holds the migration's id, on every Customer that is made.
pub const MARKER_MIGRATION: &str = "pmclone_migration";
/// Metadata key that holds the legacy customer's id, on every Customer that is made.
pub const MARKER_LEGACY_ID: &str = "legacy_customer_id";
/// Metadata key that holds the platform Customer's id, on connected accounts only.
pub const MARKER_PLATFORM_CUSTOMER: &str = "platform_customer";

/// The parameter that names a Customer's default.
const DEFAULT_METHOD: &str = "invoice_settings[default_payment_method]";

/// A step's write. It is sent only with a [`crate::store::Started`].
#[derive(Debug, Clone, Copy)]
pub enum Write<'a> {
    /// `POST /v1/customers` on the platform.
    CreatePlatformCustomer {
        /// The frozen contact details.
        details: &'a Details,
        /// A source to attach in the same call.
        payment_method: Option<&'a PaymentMethodId>,
        /// Makes `payment_method` the default in the same call; without one it says nothing.
        make_default: bool,
        /// How the Customer is found again.
        markers: Markers<'a>,
    },
    /// `POST /v1/payment_methods/{payment_method}/attach` on the platform.
    AttachPlatformPaymentMethod {
        /// The source.
        payment_method: &'a PaymentMethodId,
        /// The platform Customer.
        customer: &'a CustomerId,
    },
    /// `POST /v1/payment_methods` on the connected account, with ids of *platform* objects.
    ClonePaymentMethod {
        /// The platform Customer that the source is attached to.
        customer: &'a CustomerId,
        /// The source.
        payment_method: &'a PaymentMethodId,
        /// Where the clone is made.
        account: &'a AccountId,
    },
    /// `POST /v1/customers` on the connected account.
    CreateConnectedCustomer {
        /// The frozen contact details.
        details: &'a Details,
        /// A clone to attach in the same call.
        payment_method: Option<&'a PaymentMethodId>,
        /// Makes `payment_method` the default in the same call; without one it says nothing.
        make_default: bool,
        /// How the Customer is found again.
        markers: Markers<'a>,
        /// The same person's Customer on the platform.
        platform_customer: &'a CustomerId,
        /// Where the Customer is made.
        account: &'a AccountId,
    },
    /// `POST /v1/customers/{customer}` on the platform, or on a connected account: its contact details become these.
    UpdateCustomer {
        /// The Customer.
        customer: &'a CustomerId,
        /// What it shall have; a field that is there and empty is unset.
        details: &'a Details,
        /// How the Customer is known.
        markers: Markers<'a>,
        /// Where it is; none: the platform.
        account: Option<&'a AccountId>,
    },
    /// `POST /v1/customers/{customer}` on the platform, or on a connected account: this becomes its default.
    SetDefault {
        /// The Customer.
        customer: &'a CustomerId,
        /// What is attached to it.
        payment_method: &'a PaymentMethodId,
        /// How the Customer is known.
        markers: Markers<'a>,
        /// Where it is; none: the platform.
        account: Option<&'a AccountId>,
    },
    /// `POST /v1/payment_methods/{payment_method}/detach` on the connected account: never of a source. It is for good.
    DetachConnectedPaymentMethod {
        /// The clone.
        payment_method: &'a PaymentMethodId,
        /// Where it is.
        account: &'a AccountId,
    },
    /// `POST /v1/payment_methods/{payment_method}/attach` on the connected account, with ids of objects *there*.
    AttachConnectedPaymentMethod {
        /// The clone.
        payment_method: &'a PaymentMethodId,
        /// The Customer on the connected account.
        customer: &'a CustomerId,
        /// Where both are.
        account: &'a AccountId,
    },
}

/// The metadata by which what was made is found again.
#[derive(Debug, Clone, Copy)]
pub struct Markers<'a> {
    /// The state file's migration.
    pub migration: MigrationId,
    /// The customer's id in the CSV.
    pub legacy_id: &'a LegacyId,
}

/// A request, ready to be sent as often as need be: the key, the limits and the transport come from elsewhere.
///
/// `Debug` does not show the body, which holds personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// Path with ids filled in. Ids have no character that would need escaping (see [`crate::ids`]).
    pub path: String,
    /// What limits and counts go by.
    pub endpoint: Endpoint,
    /// Form-encoded; empty for a write, and for most reads.
    pub query: String,
    /// Form-encoded; empty for a read.
    pub body: String,
    /// `Stripe-Account`, for calls on a connected account.
    pub account: Option<AccountId>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint.name())
            .field("path", &self.path)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl Write<'_> {
    /// The request. The same write gives the same bytes, always.
    pub fn request(&self) -> Request {
        match *self {
            Self::CreatePlatformCustomer {
                details,
                payment_method,
                make_default,
                markers,
            } => Request::new(
                Endpoint::CreateCustomer,
                String::from("/v1/customers"),
                customer_body(details, payment_method, make_default, markers, None),
                None,
            ),
            Self::CreateConnectedCustomer {
                details,
                payment_method,
                make_default,
                markers,
                platform_customer,
                account,
            } => Request::new(
                Endpoint::CreateCustomer,
                String::from("/v1/customers"),
                customer_body(
                    details,
                    payment_method,
                    make_default,
                    markers,
                    Some(platform_customer),
                ),
                Some(account),
            ),
            Self::AttachPlatformPaymentMethod {
                payment_method,
                customer,
            } => attach(payment_method, customer, None),
            Self::AttachConnectedPaymentMethod {
                payment_method,
                customer,
                account,
            } => attach(payment_method, customer, Some(account)),
            Self::DetachConnectedPaymentMethod {
                payment_method,
                account,
            } => Request::new(
                Endpoint::DetachPaymentMethod,
                format!("/v1/payment_methods/{payment_method}/detach"),
                String::new(),
                Some(account),
            ),
            Self::UpdateCustomer {
                customer,
                details,
                account,
                ..
            } => change(customer, update_body(details), account),
            Self::SetDefault {
                customer,
                payment_method,
                account,
                ..
            } => change(
                customer,
                form(&[(DEFAULT_METHOD, payment_method.as_str())]),
                account,
            ),
            Self::ClonePaymentMethod {
                customer,
                payment_method,
                account,
            } => Request::new(
                Endpoint::CreatePaymentMethod,
                String::from("/v1/payment_methods"),
                form(&[
                    ("customer", customer.as_str()),
                    ("payment_method", payment_method.as_str()),
                ]),
                Some(account),
            ),
        }
    }

    /// What [`Request::digest`] of this write's request is.
    pub fn digest(&self) -> i64 {
        self.request().digest()
    }

    /// The connected account that it runs on, if any.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::CreatePlatformCustomer { .. } | Self::AttachPlatformPaymentMethod { .. } => None,
            Self::ClonePaymentMethod { account, .. }
            | Self::CreateConnectedCustomer { account, .. }
            | Self::AttachConnectedPaymentMethod { account, .. }
            | Self::DetachConnectedPaymentMethod { account, .. } => Some(account),
            Self::UpdateCustomer { account, .. } | Self::SetDefault { account, .. } => *account,
        }
    }
}

impl Request {
    pub(super) fn new(
        endpoint: Endpoint,
        path: String,
        body: String,
        account: Option<&AccountId>,
    ) -> Self {
        Self {
            method: endpoint.method(),
            path,
            endpoint,
            query: String::new(),
            body,
            account: account.cloned(),
        }
    }

    /// The first 8 bytes of SHA-256 over the format of keys, method, path, account and body, as `SQLite` keeps integers: equal digests mean that a
    /// resend under the same key is the same request, byte for byte. NUL, which none of them holds, stands between the parts.
    pub fn digest(&self) -> i64 {
        let verb = match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        let account = self.account.as_ref().map_or("", AccountId::as_str);
        let mut hash = Sha256::new();
        // The format of keys counts too: under another one a resend would not be the same request to Stripe.
        let format = KEY_FORMAT.to_string();
        for part in [&format, verb, &self.path, account, &self.body] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        i64::from_be_bytes(first)
    }
}

fn attach(
    payment_method: &PaymentMethodId,
    customer: &CustomerId,
    account: Option<&AccountId>,
) -> Request {
    Request::new(
        Endpoint::AttachPaymentMethod,
        format!("/v1/payment_methods/{payment_method}/attach"),
        form(&[("customer", customer.as_str())]),
        account,
    )
}

fn change(customer: &CustomerId, body: String, account: Option<&AccountId>) -> Request {
    let path = format!("/v1/customers/{customer}");
    Request::new(Endpoint::UpdateCustomer, path, body, account)
}

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Body of `POST /v1/customers`. Stripe writes nesting as `hash[key]`. A value that is empty is left out: Stripe reads an
/// empty string as "unset".
fn customer_body(
    details: &Details,
    payment_method: Option<&PaymentMethodId>,
    make_default: bool,
    markers: Markers<'_>,
    platform_customer: Option<&CustomerId>,
) -> String {
    let mut body = Serializer::new(String::with_capacity(512));
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            body.append_pair(name, value);
        }
    };
    for (name, value) in details.texts() {
        put(name, value);
    }
    for (field, value) in &details.address {
        put(&format!("address[{}]", field.name()), value);
    }
    if let Some(payment_method) = payment_method {
        put("payment_method", payment_method.as_str());
        if make_default {
            put(DEFAULT_METHOD, payment_method.as_str());
        }
    }
    for (key, value) in &details.metadata {
        // A user's key never displaces the marker by which the Customer is found again; the input refuses it anyway.
        if !is_marker(key) {
            put(&format!("metadata[{key}]"), value);
        }
    }
    put(
        &format!("metadata[{MARKER_MIGRATION}]"),
        &markers.migration.to_string(),
    );
    put(
        &format!("metadata[{MARKER_LEGACY_ID}]"),
        markers.legacy_id.as_str(),
    );
    if let Some(customer) = platform_customer {
        put(
            &format!("metadata[{MARKER_PLATFORM_CUSTOMER}]"),
            customer.as_str(),
        );
    }
    body.finish()
}

/// Body of `POST /v1/customers/{customer}`: what is not named stays, in metadata too, and an empty value unsets
/// (<https://docs.stripe.com/api/metadata>).
fn update_body(details: &Details) -> String {
    let mut body = Serializer::new(String::with_capacity(512));
    for (name, value) in details.texts() {
        body.append_pair(name, value);
    }
    for (field, value) in &details.address {
        body.append_pair(&format!("address[{}]", field.name()), value);
    }
    for (key, value) in &details.metadata {
        if !is_marker(key) {
            body.append_pair(&format!("metadata[{key}]"), value);
        }
    }
    body.finish()
}

/// True for the metadata keys that pmclone writes itself.
pub fn is_marker(key: &str) -> bool {
    [MARKER_MIGRATION, MARKER_LEGACY_ID, MARKER_PLATFORM_CUSTOMER].contains(&key)
}
