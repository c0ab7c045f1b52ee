//! PURE. The reads, turned into path and query.

use form_urlencoded::Serializer;

use super::{Endpoint, Request};
use crate::ids::{
    AccountId, ApplicationFeeId, ChargeId, CustomerId, EventId, IntentId, PaymentMethodId,
};
use crate::state::Window;
use crate::stripe::uses::UseKind;
use crate::time::StripeTime;
use crate::webhook::Change;

/// The most objects that Stripe gives at once.
const LONGEST_PAGE: &str = "100";

/// Makes a list of Customers carry their default PaymentMethods whole (<https://docs.stripe.com/api/expanding_objects>).
const WITH_DEFAULT: &str = "data.invoice_settings.default_payment_method";

/// A look at one object. Reads are scarce (Stripe allots some 10,000 a month to a small platform): none is on the straight path.
#[derive(Debug, Clone, Copy)]
pub enum Read<'a> {
    /// `GET /v1/account`: whose key this is, or what the connected account is.
    Account {
        /// The connected account, or `None` for the platform's own.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/payment_methods/{payment_method}`.
    PaymentMethod {
        /// The PaymentMethod.
        id: &'a PaymentMethodId,
        /// Where it is, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/customers/{customer}`.
    Customer {
        /// The Customer.
        id: &'a CustomerId,
        /// Where it is, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/customers`: a page of those that were made in a stretch of time, the newest first. Never Search, which lags.
    Customers {
        /// When they were made.
        created: Window,
        /// The last of the page before.
        after: Option<&'a CustomerId>,
        /// Where they are, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/customers`: a page of all of them, the newest first, each with its default PaymentMethod whole: for a customer
    /// with one card that spares a look at its PaymentMethods.
    AllCustomers {
        /// The last of the page before.
        after: Option<&'a CustomerId>,
        /// Where they are, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/customers/{customer}/payment_methods`: a page of what is attached to a Customer, of every type, the newest first.
    CustomerPaymentMethods {
        /// The Customer.
        customer: &'a CustomerId,
        /// The last of the page before.
        after: Option<&'a PaymentMethodId>,
        /// Where they are, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/payment_intents/{intent}`, or of a `SetupIntent`.
    Intent {
        /// The intent.
        id: &'a IntentId,
        /// Where it is.
        account: &'a AccountId,
    },
    /// `GET /v1/payment_intents`, or of `SetupIntent`s: a page of those of a Customer, the newest first.
    Intents {
        /// `SetupIntent`s, not `PaymentIntent`s.
        setups: bool,
        /// Whose.
        customer: &'a CustomerId,
        /// Made since then.
        since: StripeTime,
        /// The last of the page before.
        after: Option<&'a IntentId>,
        /// Where they are.
        account: &'a AccountId,
    },
    /// `GET /v1/refunds` of an intent.
    Refunds {
        /// The intent.
        intent: &'a IntentId,
        /// Where they are.
        account: &'a AccountId,
    },
    /// `GET /v1/charges/{charge}`.
    Charge {
        /// The Charge.
        id: &'a ChargeId,
        /// Where it is.
        account: &'a AccountId,
    },
    /// `GET /v1/application_fees/{fee}`, on the platform.
    ApplicationFee {
        /// The fee.
        id: &'a ApplicationFeeId,
    },
    /// `GET /v1/charges`, `/v1/payment_intents`, `/v1/setup_intents`, `/v1/subscriptions` or `/v1/invoices`: a page of those of a
    /// Customer, in whatever state they are, the newest first.
    Uses {
        /// Which.
        kind: UseKind,
        /// Whose.
        customer: &'a CustomerId,
        /// The last of the page before.
        after: Option<&'a str>,
        /// Where they are, or `None` for the platform.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/balance`.
    Balance {
        /// Whose, or `None` for the platform's.
        account: Option<&'a AccountId>,
    },
    /// `GET /v1/events`: a page of what became of the platform's PaymentMethods, the newest first.
    Events {
        /// Made since then.
        since: StripeTime,
        /// The last of the page before.
        after: Option<&'a EventId>,
    },
}

impl Read<'_> {
    /// The request.
    pub fn request(&self) -> Request {
        let (endpoint, path, account) = match *self {
            Self::Account { account } => (
                Endpoint::RetrieveAccount,
                String::from("/v1/account"),
                account,
            ),
            Self::PaymentMethod { id, account } => (
                Endpoint::RetrievePaymentMethod,
                format!("/v1/payment_methods/{id}"),
                account,
            ),
            Self::Customer { id, account } => (
                Endpoint::RetrieveCustomer,
                format!("/v1/customers/{id}"),
                account,
            ),
            Self::Customers { account, .. } | Self::AllCustomers { account, .. } => (
                Endpoint::ListCustomers,
                String::from("/v1/customers"),
                account,
            ),
            Self::CustomerPaymentMethods {
                customer, account, ..
            } => (
                Endpoint::ListCustomerPaymentMethods,
                format!("/v1/customers/{customer}/payment_methods"),
                account,
            ),
            Self::Intent { id, account } if id.is_setup() => (
                Endpoint::RetrieveSetupIntent,
                format!("/v1/setup_intents/{id}"),
                Some(account),
            ),
            Self::Intent { id, account } => (
                Endpoint::RetrievePaymentIntent,
                format!("/v1/payment_intents/{id}"),
                Some(account),
            ),
            Self::Intents {
                setups: true,
                account,
                ..
            } => (
                Endpoint::ListSetupIntents,
                String::from("/v1/setup_intents"),
                Some(account),
            ),
            Self::Intents { account, .. } => (
                Endpoint::ListPaymentIntents,
                String::from("/v1/payment_intents"),
                Some(account),
            ),
            Self::Refunds { account, .. } => (
                Endpoint::ListRefunds,
                String::from("/v1/refunds"),
                Some(account),
            ),
            Self::Charge { id, account } => (
                Endpoint::RetrieveCharge,
                format!("/v1/charges/{id}"),
                Some(account),
            ),
            Self::ApplicationFee { id } => (
                Endpoint::RetrieveApplicationFee,
                format!("/v1/application_fees/{id}"),
                None,
            ),
            Self::Uses { kind, account, .. } => {
                let endpoint = kind.endpoint();
                let path = endpoint.name().trim_start_matches("GET ");
                (endpoint, path.to_owned(), account)
            }
            Self::Balance { account } => (
                Endpoint::RetrieveBalance,
                String::from("/v1/balance"),
                account,
            ),
            Self::Events { .. } => (Endpoint::ListEvents, String::from("/v1/events"), None),
        };
        Request {
            query: self.query(),
            ..Request::new(endpoint, path, String::new(), account)
        }
    }

    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        let after = match *self {
            Self::Account { .. }
            | Self::PaymentMethod { .. }
            | Self::Customer { .. }
            | Self::Intent { .. }
            | Self::Charge { .. }
            | Self::ApplicationFee { .. }
            | Self::Balance { .. } => {
                return String::new();
            }
            Self::Intents {
                customer,
                since,
                after,
                ..
            } => {
                query
                    .append_pair("customer", customer.as_str())
                    .append_pair("created[gte]", &since.0.to_string());
                after.map(IntentId::as_str)
            }
            Self::Uses {
                kind,
                customer,
                after,
                ..
            } => {
                query.append_pair("customer", customer.as_str());
                // Without it those that are canceled are left out.
                if kind == UseKind::Subscription {
                    query.append_pair("status", "all");
                }
                after
            }
            Self::Refunds { intent, .. } => {
                query.append_pair("payment_intent", intent.as_str());
                None
            }
            Self::Customers { created, after, .. } => {
                query
                    .append_pair("created[gte]", &created.from.0.to_string())
                    .append_pair("created[lte]", &created.to.0.to_string());
                after.map(CustomerId::as_str)
            }
            Self::Events { since, after } => {
                for change in Change::ALL {
                    query.append_pair("types[]", change.event_type());
                }
                query.append_pair("created[gte]", &since.0.to_string());
                after.map(EventId::as_str)
            }
            Self::AllCustomers { after, .. } => {
                query.append_pair("expand[]", WITH_DEFAULT);
                after.map(CustomerId::as_str)
            }
            Self::CustomerPaymentMethods { after, .. } => after.map(PaymentMethodId::as_str),
        };
        query.append_pair("limit", LONGEST_PAGE);
        if let Some(after) = after {
            query.append_pair("starting_after", after);
        }
        query.finish()
    }
}
