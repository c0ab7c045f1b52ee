//! URLs: which endpoint a request is for, the name it is rate limited under, and the parameters it takes.

use super::request::Method;
use super::schema::Param;
use super::tables;

/// An endpoint together with the ids in its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    CreateCustomer,
    ListCustomers,
    SearchCustomers,
    GetCustomer(&'a str),
    UpdateCustomer(&'a str),
    DeleteCustomer(&'a str),
    ListCustomerPaymentMethods(&'a str),
    GetCustomerPaymentMethod(&'a str, &'a str),
    CreatePaymentMethod,
    ListPaymentMethods,
    GetPaymentMethod(&'a str),
    UpdatePaymentMethod(&'a str),
    AttachPaymentMethod(&'a str),
    DetachPaymentMethod(&'a str),
    CreatePaymentIntent,
    ListPaymentIntents,
    GetPaymentIntent(&'a str),
    ConfirmPaymentIntent(&'a str),
    CapturePaymentIntent(&'a str),
    CancelPaymentIntent(&'a str),
    CreateSetupIntent,
    ListSetupIntents,
    GetSetupIntent(&'a str),
    ConfirmSetupIntent(&'a str),
    CancelSetupIntent(&'a str),
    CreateRefund,
    ListRefunds,
    GetRefund(&'a str),
    ListCharges,
    GetCharge(&'a str),
    GetApplicationFee(&'a str),
    GetOwnAccount,
    ListAccounts,
    GetAccount(&'a str),
    GetBalance,
    ListSubscriptions,
    ListInvoices,
    ListEvents,
    GetEvent(&'a str),
}

impl<'a> Route<'a> {
    /// Finds the endpoint; `None` for a URL that Stripe does not know.
    pub fn of(method: Method, path: &'a str) -> Option<Self> {
        let mut parts = [""; 6];
        let mut count = 0;
        for segment in path.strip_prefix("/v1/")?.trim_end_matches('/').split('/') {
            *parts.get_mut(count)? = segment;
            count += 1;
        }
        match method {
            Method::Get => Self::read(&parts[..count]),
            Method::Post => Self::write(&parts[..count]),
            Method::Delete => match parts[..count] {
                ["customers", id] => Some(Self::DeleteCustomer(id)),
                _ => None,
            },
            Method::Other => None,
        }
    }

    fn read(parts: &[&'a str]) -> Option<Self> {
        Some(match *parts {
            ["customers"] => Self::ListCustomers,
            ["customers", "search"] => Self::SearchCustomers,
            ["customers", id] => Self::GetCustomer(id),
            ["customers", id, "payment_methods"] => Self::ListCustomerPaymentMethods(id),
            ["customers", id, "payment_methods", method] => {
                Self::GetCustomerPaymentMethod(id, method)
            }
            ["payment_methods"] => Self::ListPaymentMethods,
            ["payment_methods", id] => Self::GetPaymentMethod(id),
            ["payment_intents"] => Self::ListPaymentIntents,
            ["payment_intents", id] => Self::GetPaymentIntent(id),
            ["setup_intents"] => Self::ListSetupIntents,
            ["setup_intents", id] => Self::GetSetupIntent(id),
            ["refunds"] => Self::ListRefunds,
            ["refunds", id] => Self::GetRefund(id),
            ["charges"] => Self::ListCharges,
            ["charges", id] => Self::GetCharge(id),
            ["application_fees", id] => Self::GetApplicationFee(id),
            ["account"] => Self::GetOwnAccount,
            ["accounts"] => Self::ListAccounts,
            ["accounts", id] => Self::GetAccount(id),
            ["balance"] => Self::GetBalance,
            ["subscriptions"] => Self::ListSubscriptions,
            ["invoices"] => Self::ListInvoices,
            ["events"] => Self::ListEvents,
            ["events", id] => Self::GetEvent(id),
            _ => return None,
        })
    }

    fn write(parts: &[&'a str]) -> Option<Self> {
        Some(match *parts {
            ["customers"] => Self::CreateCustomer,
            ["customers", id] if id != "search" => Self::UpdateCustomer(id),
            ["payment_methods"] => Self::CreatePaymentMethod,
            ["payment_methods", id] => Self::UpdatePaymentMethod(id),
            ["payment_methods", id, "attach"] => Self::AttachPaymentMethod(id),
            ["payment_methods", id, "detach"] => Self::DetachPaymentMethod(id),
            ["payment_intents"] => Self::CreatePaymentIntent,
            ["payment_intents", id, "confirm"] => Self::ConfirmPaymentIntent(id),
            ["payment_intents", id, "capture"] => Self::CapturePaymentIntent(id),
            ["payment_intents", id, "cancel"] => Self::CancelPaymentIntent(id),
            ["setup_intents"] => Self::CreateSetupIntent,
            ["setup_intents", id, "confirm"] => Self::ConfirmSetupIntent(id),
            ["setup_intents", id, "cancel"] => Self::CancelSetupIntent(id),
            ["refunds"] => Self::CreateRefund,
            _ => return None,
        })
    }

    /// The operation's name: what Stripe's limit per endpoint counts under.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::CreateCustomer => "POST /v1/customers",
            Self::ListCustomers => "GET /v1/customers",
            Self::SearchCustomers => "GET /v1/customers/search",
            Self::GetCustomer(_) => "GET /v1/customers/{customer}",
            Self::UpdateCustomer(_) => "POST /v1/customers/{customer}",
            Self::DeleteCustomer(_) => "DELETE /v1/customers/{customer}",
            Self::ListCustomerPaymentMethods(_) => "GET /v1/customers/{customer}/payment_methods",
            Self::GetCustomerPaymentMethod(..) => {
                "GET /v1/customers/{customer}/payment_methods/{payment_method}"
            }
            Self::CreatePaymentMethod => "POST /v1/payment_methods",
            Self::ListPaymentMethods => "GET /v1/payment_methods",
            Self::GetPaymentMethod(_) => "GET /v1/payment_methods/{payment_method}",
            Self::UpdatePaymentMethod(_) => "POST /v1/payment_methods/{payment_method}",
            Self::AttachPaymentMethod(_) => "POST /v1/payment_methods/{payment_method}/attach",
            Self::DetachPaymentMethod(_) => "POST /v1/payment_methods/{payment_method}/detach",
            Self::CreatePaymentIntent => "POST /v1/payment_intents",
            Self::ListPaymentIntents => "GET /v1/payment_intents",
            Self::GetPaymentIntent(_) => "GET /v1/payment_intents/{intent}",
            Self::ConfirmPaymentIntent(_) => "POST /v1/payment_intents/{intent}/confirm",
            Self::CapturePaymentIntent(_) => "POST /v1/payment_intents/{intent}/capture",
            Self::CancelPaymentIntent(_) => "POST /v1/payment_intents/{intent}/cancel",
            Self::CreateSetupIntent => "POST /v1/setup_intents",
            Self::ListSetupIntents => "GET /v1/setup_intents",
            Self::GetSetupIntent(_) => "GET /v1/setup_intents/{intent}",
            Self::ConfirmSetupIntent(_) => "POST /v1/setup_intents/{intent}/confirm",
            Self::CancelSetupIntent(_) => "POST /v1/setup_intents/{intent}/cancel",
            Self::CreateRefund => "POST /v1/refunds",
            Self::ListRefunds => "GET /v1/refunds",
            Self::GetRefund(_) => "GET /v1/refunds/{refund}",
            Self::ListCharges => "GET /v1/charges",
            Self::GetCharge(_) => "GET /v1/charges/{charge}",
            Self::GetApplicationFee(_) => "GET /v1/application_fees/{id}",
            Self::GetOwnAccount => "GET /v1/account",
            Self::ListAccounts => "GET /v1/accounts",
            Self::GetAccount(_) => "GET /v1/accounts/{account}",
            Self::GetBalance => "GET /v1/balance",
            Self::ListSubscriptions => "GET /v1/subscriptions",
            Self::ListInvoices => "GET /v1/invoices",
            Self::ListEvents => "GET /v1/events",
            Self::GetEvent(_) => "GET /v1/events/{id}",
        }
    }

    /// The parameters that the endpoint takes.
    pub fn table(self) -> &'static [Param] {
        match self {
            Self::CreateCustomer => tables::CREATE_CUSTOMER,
            Self::UpdateCustomer(_) => tables::UPDATE_CUSTOMER,
            Self::ListCustomers => tables::LIST_CUSTOMERS,
            Self::SearchCustomers => tables::SEARCH,
            Self::ListCustomerPaymentMethods(_) | Self::ListPaymentMethods => {
                tables::LIST_PAYMENT_METHODS
            }
            Self::CreatePaymentMethod => tables::CREATE_PAYMENT_METHOD,
            Self::UpdatePaymentMethod(_) => tables::UPDATE_PAYMENT_METHOD,
            Self::AttachPaymentMethod(_) => tables::ATTACH,
            Self::CreatePaymentIntent => tables::CREATE_PAYMENT_INTENT,
            Self::ConfirmPaymentIntent(_) | Self::ConfirmSetupIntent(_) => tables::CONFIRM,
            Self::CapturePaymentIntent(_) => tables::CAPTURE,
            Self::CancelPaymentIntent(_) | Self::CancelSetupIntent(_) => tables::CANCEL,
            Self::CreateSetupIntent => tables::CREATE_SETUP_INTENT,
            Self::CreateRefund => tables::CREATE_REFUND,
            Self::ListPaymentIntents => tables::LIST_PAYMENT_INTENTS,
            Self::ListSetupIntents => tables::LIST_SETUP_INTENTS,
            Self::ListRefunds => tables::LIST_REFUNDS,
            Self::ListCharges => tables::LIST_CHARGES,
            Self::ListAccounts => tables::LIST,
            Self::ListSubscriptions => tables::LIST_SUBSCRIPTIONS,
            Self::ListInvoices => tables::LIST_INVOICES,
            Self::ListEvents => tables::LIST_EVENTS,
            Self::GetCustomer(_)
            | Self::DeleteCustomer(_)
            | Self::GetCustomerPaymentMethod(..)
            | Self::GetPaymentMethod(_)
            | Self::DetachPaymentMethod(_)
            | Self::GetPaymentIntent(_)
            | Self::GetSetupIntent(_)
            | Self::GetRefund(_)
            | Self::GetCharge(_)
            | Self::GetApplicationFee(_)
            | Self::GetOwnAccount
            | Self::GetAccount(_)
            | Self::GetEvent(_)
            | Self::GetBalance => tables::NOTHING,
        }
    }

    /// The parameters without which a request is refused before it is executed.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::AttachPaymentMethod(_) => &["customer"],
            Self::CreatePaymentIntent => &["amount", "currency"],
            Self::SearchCustomers => &["query"],
            _ => &[],
        }
    }

    /// The object that the URL names, which a write holds while it is being processed.
    pub fn object(self) -> Option<&'a str> {
        match self {
            Self::UpdateCustomer(id)
            | Self::DeleteCustomer(id)
            | Self::UpdatePaymentMethod(id)
            | Self::AttachPaymentMethod(id)
            | Self::DetachPaymentMethod(id)
            | Self::ConfirmPaymentIntent(id)
            | Self::CapturePaymentIntent(id)
            | Self::CancelPaymentIntent(id)
            | Self::ConfirmSetupIntent(id)
            | Self::CancelSetupIntent(id) => Some(id),
            _ => None,
        }
    }
}
