//! PURE. The operations of Stripe's API that are used.

/// HTTP's verbs, those that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Looks.
    Get,
    /// Acts; carries an `Idempotency-Key`.
    Post,
    /// Deletes. Stripe gives an `Idempotency-Key` no effect here, so none is sent
    /// (<https://docs.stripe.com/api/idempotent_requests>).
    Delete,
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
    /// Makes a `PaymentIntent`.
    CreatePaymentIntent,
    /// Captures what a `PaymentIntent` holds.
    CapturePaymentIntent,
    /// Cancels a `PaymentIntent`.
    CancelPaymentIntent,
    /// Makes a `SetupIntent`.
    CreateSetupIntent,
    /// Cancels a `SetupIntent`.
    CancelSetupIntent,
    /// Gives back what was captured.
    CreateRefund,
    /// Reads a `PaymentIntent`.
    RetrievePaymentIntent,
    /// Reads a `SetupIntent`.
    RetrieveSetupIntent,
    /// Reads `PaymentIntent`s, a page at a time.
    ListPaymentIntents,
    /// Reads `SetupIntent`s, a page at a time.
    ListSetupIntents,
    /// Reads refunds, a page at a time.
    ListRefunds,
    /// Reads a Charge.
    RetrieveCharge,
    /// Reads an application fee, on the platform.
    RetrieveApplicationFee,
    /// Reads an account's balance.
    RetrieveBalance,
    /// Detaches a PaymentMethod, for good.
    DetachPaymentMethod,
    /// Deletes a Customer, for good.
    DeleteCustomer,
    /// Reads a Customer's Charges, a page at a time.
    ListCharges,
    /// Reads a Customer's Subscriptions, a page at a time.
    ListSubscriptions,
    /// Reads a Customer's Invoices, a page at a time.
    ListInvoices,
    /// Changes a Customer.
    UpdateCustomer,
    /// Reads events, a page at a time.
    ListEvents,
}

impl Endpoint {
    /// Every endpoint, in the order of declaration.
    pub const ALL: [Self; 29] = [
        Self::CreateCustomer,
        Self::CreatePaymentMethod,
        Self::AttachPaymentMethod,
        Self::RetrieveAccount,
        Self::RetrievePaymentMethod,
        Self::RetrieveCustomer,
        Self::ListCustomers,
        Self::ListCustomerPaymentMethods,
        Self::CreatePaymentIntent,
        Self::CapturePaymentIntent,
        Self::CancelPaymentIntent,
        Self::CreateSetupIntent,
        Self::CancelSetupIntent,
        Self::CreateRefund,
        Self::RetrievePaymentIntent,
        Self::RetrieveSetupIntent,
        Self::ListPaymentIntents,
        Self::ListSetupIntents,
        Self::ListRefunds,
        Self::RetrieveCharge,
        Self::RetrieveApplicationFee,
        Self::RetrieveBalance,
        Self::DetachPaymentMethod,
        Self::DeleteCustomer,
        Self::ListCharges,
        Self::ListSubscriptions,
        Self::ListInvoices,
        Self::UpdateCustomer,
        Self::ListEvents,
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
            Self::CreatePaymentIntent => "POST /v1/payment_intents",
            Self::CapturePaymentIntent => "POST /v1/payment_intents/{intent}/capture",
            Self::CancelPaymentIntent => "POST /v1/payment_intents/{intent}/cancel",
            Self::CreateSetupIntent => "POST /v1/setup_intents",
            Self::CancelSetupIntent => "POST /v1/setup_intents/{intent}/cancel",
            Self::CreateRefund => "POST /v1/refunds",
            Self::RetrievePaymentIntent => "GET /v1/payment_intents/{intent}",
            Self::RetrieveSetupIntent => "GET /v1/setup_intents/{intent}",
            Self::ListPaymentIntents => "GET /v1/payment_intents",
            Self::ListSetupIntents => "GET /v1/setup_intents",
            Self::ListRefunds => "GET /v1/refunds",
            Self::RetrieveCharge => "GET /v1/charges/{charge}",
            Self::RetrieveApplicationFee => "GET /v1/application_fees/{id}",
            Self::RetrieveBalance => "GET /v1/balance",
            Self::DetachPaymentMethod => "POST /v1/payment_methods/{payment_method}/detach",
            Self::DeleteCustomer => "DELETE /v1/customers/{customer}",
            Self::ListCharges => "GET /v1/charges",
            Self::ListSubscriptions => "GET /v1/subscriptions",
            Self::ListInvoices => "GET /v1/invoices",
            Self::UpdateCustomer => "POST /v1/customers/{customer}",
            Self::ListEvents => "GET /v1/events",
        }
    }

    /// The verb, as [`Endpoint::name`] begins.
    pub fn method(self) -> Method {
        match self {
            Self::CreateCustomer
            | Self::CreatePaymentMethod
            | Self::AttachPaymentMethod
            | Self::CreatePaymentIntent
            | Self::CapturePaymentIntent
            | Self::CancelPaymentIntent
            | Self::CreateSetupIntent
            | Self::CancelSetupIntent
            | Self::CreateRefund
            | Self::DetachPaymentMethod
            | Self::UpdateCustomer => Method::Post,
            Self::DeleteCustomer => Method::Delete,
            Self::RetrieveAccount
            | Self::RetrievePaymentMethod
            | Self::RetrieveCustomer
            | Self::ListCustomers
            | Self::ListCustomerPaymentMethods
            | Self::RetrievePaymentIntent
            | Self::RetrieveSetupIntent
            | Self::ListPaymentIntents
            | Self::ListSetupIntents
            | Self::ListRefunds
            | Self::RetrieveCharge
            | Self::RetrieveApplicationFee
            | Self::RetrieveBalance
            | Self::ListCharges
            | Self::ListSubscriptions
            | Self::ListInvoices
            | Self::ListEvents => Method::Get,
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
            Self::CreatePaymentIntent => 8,
            Self::CapturePaymentIntent => 9,
            Self::CancelPaymentIntent => 10,
            Self::CreateSetupIntent => 11,
            Self::CancelSetupIntent => 12,
            Self::CreateRefund => 13,
            Self::RetrievePaymentIntent => 14,
            Self::RetrieveSetupIntent => 15,
            Self::ListPaymentIntents => 16,
            Self::ListSetupIntents => 17,
            Self::ListRefunds => 18,
            Self::RetrieveCharge => 19,
            Self::RetrieveApplicationFee => 20,
            Self::RetrieveBalance => 21,
            Self::DetachPaymentMethod => 22,
            Self::DeleteCustomer => 23,
            Self::ListCharges => 24,
            Self::ListSubscriptions => 25,
            Self::ListInvoices => 26,
            Self::UpdateCustomer => 27,
            Self::ListEvents => 28,
        }
    }
}
