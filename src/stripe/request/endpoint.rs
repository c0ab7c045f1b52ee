//! PURE. The operations of Stripe's API that are used.

/// HTTP's verbs, those that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Looks.
    Get,
    /// Acts; carries an `Idempotency-Key`.
    Post,
}

/// Method and path template: what Stripe counts by when it limits an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// Makes a Customer.
    CreateCustomer,
    /// Makes a PaymentMethod; here always a clone.
    CreatePaymentMethod,
    /// Attaches a PaymentMethod to a Customer.
    AttachPaymentMethod,
    /// Reads the account of the key, or of `Stripe-Account`.
    RetrieveAccount,
    /// Reads a PaymentMethod.
    RetrievePaymentMethod,
    /// Reads a Customer.
    RetrieveCustomer,
    /// Reads Customers, a page at a time.
    ListCustomers,
    /// Reads what is attached to a Customer, a page at a time.
    ListCustomerPaymentMethods,
}

impl Endpoint {
    /// Every endpoint, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::CreateCustomer,
        Self::CreatePaymentMethod,
        Self::AttachPaymentMethod,
        Self::RetrieveAccount,
        Self::RetrievePaymentMethod,
        Self::RetrieveCustomer,
        Self::ListCustomers,
        Self::ListCustomerPaymentMethods,
    ];

    /// Stripe's way to write it, as in `POST /v1/payment_methods/{payment_method}/attach`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateCustomer => "POST /v1/customers",
            Self::CreatePaymentMethod => "POST /v1/payment_methods",
            Self::AttachPaymentMethod => "POST /v1/payment_methods/{payment_method}/attach",
            Self::RetrieveAccount => "GET /v1/account",
            Self::RetrievePaymentMethod => "GET /v1/payment_methods/{payment_method}",
            Self::RetrieveCustomer => "GET /v1/customers/{customer}",
            Self::ListCustomers => "GET /v1/customers",
            Self::ListCustomerPaymentMethods => "GET /v1/customers/{customer}/payment_methods",
        }
    }

    /// The verb, as [`Endpoint::name`] begins.
    pub fn method(self) -> Method {
        match self {
            Self::CreateCustomer | Self::CreatePaymentMethod | Self::AttachPaymentMethod => {
                Method::Post
            }
            Self::RetrieveAccount
            | Self::RetrievePaymentMethod
            | Self::RetrieveCustomer
            | Self::ListCustomers
            | Self::ListCustomerPaymentMethods => Method::Get,
        }
    }

    /// Position in [`Endpoint::ALL`], for tables with one entry each.
    pub(in crate::stripe) fn index(self) -> usize {
        match self {
            Self::CreateCustomer => 0,
            Self::CreatePaymentMethod => 1,
            Self::AttachPaymentMethod => 2,
            Self::RetrieveAccount => 3,
            Self::RetrievePaymentMethod => 4,
            Self::RetrieveCustomer => 5,
            Self::ListCustomers => 6,
            Self::ListCustomerPaymentMethods => 7,
        }
    }
}
