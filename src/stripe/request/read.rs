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
        let endpoint = self.endpoint();
        Request {
            query: self.query(),
            ..Request::new(endpoint, self.path(endpoint), String::new(), self.account())
        }
    }

    fn endpoint(&self) -> Endpoint {
        match *self {
            Self::Account { .. } => Endpoint::RetrieveAccount,
            Self::PaymentMethod { .. } => Endpoint::RetrievePaymentMethod,
            Self::Customer { .. } => Endpoint::RetrieveCustomer,
            Self::Customers { .. } | Self::AllCustomers { .. } => Endpoint::ListCustomers,
            Self::CustomerPaymentMethods { .. } => Endpoint::ListCustomerPaymentMethods,
            Self::Intent { id, .. } if id.is_setup() => Endpoint::RetrieveSetupIntent,
            Self::Intent { .. } => Endpoint::RetrievePaymentIntent,
            Self::Intents { setups: true, .. } => Endpoint::ListSetupIntents,
            Self::Intents { setups: false, .. } => Endpoint::ListPaymentIntents,
            Self::Refunds { .. } => Endpoint::ListRefunds,
            Self::Charge { .. } => Endpoint::RetrieveCharge,
            Self::ApplicationFee { .. } => Endpoint::RetrieveApplicationFee,
            Self::Uses { kind, .. } => kind.endpoint(),
            Self::Balance { .. } => Endpoint::RetrieveBalance,
            Self::Events { .. } => Endpoint::ListEvents,
        }
    }

    /// The endpoint's path, with the ids in it.
    fn path(&self, endpoint: Endpoint) -> String {
        match *self {
            Self::PaymentMethod { id, .. } => format!("/v1/payment_methods/{id}"),
            Self::Customer { id, .. } => format!("/v1/customers/{id}"),
            Self::CustomerPaymentMethods { customer, .. } => {
                format!("/v1/customers/{customer}/payment_methods")
            }
            Self::Intent { id, .. } if id.is_setup() => format!("/v1/setup_intents/{id}"),
            Self::Intent { id, .. } => format!("/v1/payment_intents/{id}"),
            Self::Charge { id, .. } => format!("/v1/charges/{id}"),
            Self::ApplicationFee { id } => format!("/v1/application_fees/{id}"),
            Self::Account { .. }
            | Self::Customers { .. }
            | Self::AllCustomers { .. }
            | Self::Intents { .. }
            | Self::Refunds { .. }
            | Self::Uses { .. }
            | Self::Balance { .. }
            | Self::Events { .. } => endpoint.name().trim_start_matches("GET ").to_owned(),
        }
    }

    /// The connected account that it is asked on; else the platform.
    fn account(&self) -> Option<&AccountId> {
        match *self {
            Self::Account { account }
            | Self::PaymentMethod { account, .. }
            | Self::Customer { account, .. }
            | Self::Customers { account, .. }
            | Self::AllCustomers { account, .. }
            | Self::CustomerPaymentMethods { account, .. }
            | Self::Uses { account, .. }
            | Self::Balance { account } => account,
            Self::Intent { account, .. }
            | Self::Intents { account, .. }
            | Self::Refunds { account, .. }
            | Self::Charge { account, .. } => Some(account),
            Self::ApplicationFee { .. } | Self::Events { .. } => None,
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
