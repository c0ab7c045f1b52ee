//! The parameter tables of the endpoints that the simulator serves.

mod lists;

use super::schema::{LONG, Param, Shape, param};
use Shape::{Email, Flag, Hash, Id, Ignored, Integer, List, Metadata, OneOf, Text};

pub(super) use lists::{
    LIST, LIST_CHARGES, LIST_CUSTOMERS, LIST_EVENTS, LIST_INVOICES, LIST_PAYMENT_INTENTS,
    LIST_PAYMENT_METHODS, LIST_REFUNDS, LIST_SETUP_INTENTS, LIST_SUBSCRIPTIONS, SEARCH,
};

const EXPAND: Param = param("expand", List);

/// A table of only `expand`: plain reads, detach, delete.
pub(super) const NOTHING: &[Param] = &[EXPAND];

const ADDRESS: &[Param] = &[
    param("city", Text(LONG)),
    param("country", Text(LONG)),
    param("line1", Text(LONG)),
    param("line2", Text(LONG)),
    param("postal_code", Text(LONG)),
    param("state", Text(LONG)),
];

const SHIPPING: &[Param] = &[
    param("address", Hash(ADDRESS)),
    param("name", Text(LONG)),
    param("phone", Text(LONG)),
];

const INVOICE_SETTINGS: &[Param] = &[
    param("custom_fields", Ignored),
    param("default_payment_method", Text(LONG)),
    param("footer", Text(LONG)),
    param("rendering_options", Ignored),
];

/// `POST /v1/customers`
pub(super) const CREATE_CUSTOMER: &[Param] = &[
    param("address", Hash(ADDRESS)),
    param("balance", Integer),
    param("business_name", Text(150)),
    param("cash_balance", Ignored),
    param("description", Text(LONG)),
    param("email", Email),
    EXPAND,
    param("individual_name", Text(150)),
    param("invoice_prefix", Text(LONG)),
    param("invoice_settings", Hash(INVOICE_SETTINGS)),
    param("metadata", Metadata),
    param("name", Text(256)),
    param("next_invoice_sequence", Integer),
    param("payment_method", Id),
    param("phone", Text(20)),
    param("preferred_locales", List),
    param("shipping", Hash(SHIPPING)),
    param("source", Id),
    param("tax", Ignored),
    param("tax_exempt", OneOf(&["exempt", "none", "reverse"])),
    param("tax_id_data", Ignored),
    param("test_clock", Id),
];

/// `POST /v1/customers/{id}`
pub(super) const UPDATE_CUSTOMER: &[Param] = &[
    param("address", Hash(ADDRESS)),
    param("balance", Integer),
    param("business_name", Text(150)),
    param("cash_balance", Ignored),
    param("default_source", Id),
    param("description", Text(LONG)),
    param("email", Email),
    EXPAND,
    param("individual_name", Text(150)),
    param("invoice_prefix", Text(LONG)),
    param("invoice_settings", Hash(INVOICE_SETTINGS)),
    param("metadata", Metadata),
    param("name", Text(256)),
    param("next_invoice_sequence", Integer),
    param("phone", Text(20)),
    param("preferred_locales", List),
    param("shipping", Hash(SHIPPING)),
    param("source", Id),
    param("tax", Ignored),
    param("tax_exempt", OneOf(&["exempt", "none", "reverse"])),
];

/// The types of PaymentMethods, for the parameter `type`. Stripe adds to them every other month.
pub(super) const TYPES: &[&str] = &[
    "acss_debit",
    "affirm",
    "afterpay_clearpay",
    "alipay",
    "amazon_pay",
    "au_becs_debit",
    "bacs_debit",
    "bancontact",
    "blik",
    "boleto",
    "card",
    "card_present",
    "cashapp",
    "customer_balance",
    "eps",
    "fpx",
    "giropay",
    "grabpay",
    "ideal",
    "interac_present",
    "klarna",
    "konbini",
    "link",
    "mobilepay",
    "multibanco",
    "oxxo",
    "p24",
    "pay_by_bank",
    "paynow",
    "paypal",
    "payto",
    "pix",
    "promptpay",
    "revolut_pay",
    "sepa_debit",
    "sofort",
    "swish",
    "twint",
    "us_bank_account",
    "wechat_pay",
    "zip",
];

const BILLING_DETAILS: &[Param] = &[
    param("address", Hash(ADDRESS)),
    param("email", Email),
    param("name", Text(LONG)),
    param("phone", Text(LONG)),
    param("tax_id", Text(LONG)),
];

const CARD: &[Param] = &[
    param("cvc", Text(LONG)),
    param("exp_month", Integer),
    param("exp_year", Integer),
    param("networks", Ignored),
    param("number", Text(LONG)),
    param("token", Id),
];

const US_BANK_ACCOUNT: &[Param] = &[
    param("account_holder_type", OneOf(&["company", "individual"])),
    param("account_number", Text(LONG)),
    param("account_type", OneOf(&["checking", "savings"])),
    param("financial_connections_account", Text(LONG)),
    param("routing_number", Text(LONG)),
];

const REDISPLAY: &[&str] = &["always", "limited", "unspecified"];

/// `POST /v1/payment_methods`
pub(super) const CREATE_PAYMENT_METHOD: &[Param] = &[
    param("allow_redisplay", OneOf(REDISPLAY)),
    param("billing_details", Hash(BILLING_DETAILS)),
    param("card", Hash(CARD)),
    param("customer", Id),
    EXPAND,
    param("metadata", Metadata),
    param("payment_method", Id),
    param("radar_options", Ignored),
    param("type", OneOf(TYPES)),
    param("us_bank_account", Hash(US_BANK_ACCOUNT)),
    param("acss_debit", Ignored),
    param("au_becs_debit", Ignored),
    param("bacs_debit", Ignored),
    param("cashapp", Ignored),
    param("klarna", Ignored),
    param("link", Ignored),
    param("paypal", Ignored),
    param("sepa_debit", Ignored),
];

const CARD_UPDATE: &[Param] = &[
    param("exp_month", Integer),
    param("exp_year", Integer),
    param("networks", Ignored),
];

/// `POST /v1/payment_methods/{id}`
pub(super) const UPDATE_PAYMENT_METHOD: &[Param] = &[
    param("allow_redisplay", OneOf(REDISPLAY)),
    param("billing_details", Hash(BILLING_DETAILS)),
    param("card", Hash(CARD_UPDATE)),
    EXPAND,
    param("metadata", Metadata),
    param("us_bank_account", Hash(US_BANK_ACCOUNT)),
];

/// `POST /v1/payment_methods/{id}/attach`
pub(super) const ATTACH: &[Param] = &[param("customer", Id), param("customer_account", Id), EXPAND];

/// `POST /v1/payment_intents`
pub(super) const CREATE_PAYMENT_INTENT: &[Param] = &[
    param("amount", Integer),
    param("application_fee_amount", Integer),
    param("automatic_payment_methods", Ignored),
    param(
        "capture_method",
        OneOf(&["automatic", "automatic_async", "manual"]),
    ),
    param("confirm", Flag),
    param("confirmation_method", OneOf(&["automatic", "manual"])),
    param("currency", Text(3)),
    param("customer", Id),
    param("customer_account", Id),
    param("description", Text(1000)),
    param("error_on_requires_action", Flag),
    EXPAND,
    param("mandate", Id),
    param("mandate_data", Ignored),
    param("metadata", Metadata),
    param("off_session", Text(LONG)),
    param("on_behalf_of", Id),
    param("payment_method", Id),
    param("payment_method_configuration", Id),
    param("payment_method_data", Ignored),
    param("payment_method_options", Ignored),
    param("payment_method_types", List),
    param("radar_options", Ignored),
    param("receipt_email", Email),
    param("return_url", Text(LONG)),
    param("setup_future_usage", OneOf(&["off_session", "on_session"])),
    param("shipping", Ignored),
    param("statement_descriptor", Text(22)),
    param("statement_descriptor_suffix", Text(22)),
    param("transfer_data", Ignored),
    param("transfer_group", Text(LONG)),
    param("use_stripe_sdk", Flag),
];

/// `POST /v1/payment_intents/{id}/confirm` and `POST /v1/setup_intents/{id}/confirm`
pub(super) const CONFIRM: &[Param] = &[
    param("error_on_requires_action", Flag),
    EXPAND,
    param("mandate_data", Ignored),
    param("off_session", Text(LONG)),
    param("payment_method", Id),
    param("payment_method_options", Ignored),
    param("return_url", Text(LONG)),
    param("setup_future_usage", OneOf(&["off_session", "on_session"])),
    param("use_stripe_sdk", Flag),
];

/// `POST /v1/payment_intents/{id}/capture`
pub(super) const CAPTURE: &[Param] = &[
    param("amount_to_capture", Integer),
    param("application_fee_amount", Integer),
    EXPAND,
    param("metadata", Metadata),
    param("statement_descriptor", Text(22)),
];

/// `POST /v1/payment_intents/{id}/cancel` and `POST /v1/setup_intents/{id}/cancel`
pub(super) const CANCEL: &[Param] = &[
    param(
        "cancellation_reason",
        OneOf(&[
            "abandoned",
            "duplicate",
            "fraudulent",
            "requested_by_customer",
        ]),
    ),
    EXPAND,
];

/// `POST /v1/setup_intents`
pub(super) const CREATE_SETUP_INTENT: &[Param] = &[
    param("attach_to_self", Flag),
    param("automatic_payment_methods", Ignored),
    param("confirm", Flag),
    param("customer", Id),
    param("customer_account", Id),
    param("description", Text(1000)),
    EXPAND,
    param("flow_directions", List),
    param("mandate_data", Ignored),
    param("metadata", Metadata),
    param("on_behalf_of", Id),
    param("payment_method", Id),
    param("payment_method_configuration", Id),
    param("payment_method_data", Ignored),
    param("payment_method_options", Ignored),
    param("payment_method_types", List),
    param("return_url", Text(LONG)),
    param("single_use", Ignored),
    param("usage", OneOf(&["off_session", "on_session"])),
    param("use_stripe_sdk", Flag),
];

/// `POST /v1/refunds`
pub(super) const CREATE_REFUND: &[Param] = &[
    param("amount", Integer),
    param("charge", Id),
    param("currency", Text(3)),
    param("customer", Id),
    EXPAND,
    param("instructions_email", Email),
    param("metadata", Metadata),
    param("origin", OneOf(&["customer_balance"])),
    param("payment_intent", Id),
    param(
        "reason",
        OneOf(&["duplicate", "fraudulent", "requested_by_customer"]),
    ),
    param("refund_application_fee", Flag),
    param("reverse_transfer", Flag),
];
