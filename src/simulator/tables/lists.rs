//! The parameters of lists and searches.

use super::{EXPAND, REDISPLAY, TYPES};
use crate::simulator::schema::{LONG, Param, Shape, param};
use Shape::{Flag, Id, Ignored, Limit, List, OneOf, Range, Text};

const CURSORS: [Param; 4] = [
    param("ending_before", Id),
    EXPAND,
    param("limit", Limit),
    param("starting_after", Id),
];

/// `GET /v1/accounts` and other plain lists.
pub(in crate::simulator) const LIST: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
];

/// `GET /v1/customers`
pub(in crate::simulator) const LIST_CUSTOMERS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
    param("email", Text(512)),
    param("test_clock", Id),
];

/// `GET /v1/customers/search`
pub(in crate::simulator) const SEARCH: &[Param] = &[
    EXPAND,
    param("limit", Limit),
    param("page", Text(LONG)),
    param("query", Text(LONG)),
];

/// `GET /v1/customers/{id}/payment_methods` and `GET /v1/payment_methods`
pub(in crate::simulator) const LIST_PAYMENT_METHODS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("allow_redisplay", OneOf(REDISPLAY)),
    param("customer", Id),
    param("type", OneOf(TYPES)),
];

/// `GET /v1/payment_intents`
pub(in crate::simulator) const LIST_PAYMENT_INTENTS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
    param("customer", Id),
    param("customer_account", Id),
];

/// `GET /v1/setup_intents`
pub(in crate::simulator) const LIST_SETUP_INTENTS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
    param("attach_to_self", Flag),
    param("customer", Id),
    param("customer_account", Id),
    param("payment_method", Id),
];

/// `GET /v1/charges`
pub(in crate::simulator) const LIST_CHARGES: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
    param("customer", Id),
    param("payment_intent", Id),
    param("transfer_group", Text(LONG)),
];

/// `GET /v1/subscriptions`
pub(in crate::simulator) const LIST_SUBSCRIPTIONS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("automatic_tax", Ignored),
    param("collection_method", OneOf(COLLECTIONS)),
    param("created", Range),
    param("current_period_end", Range),
    param("current_period_start", Range),
    param("customer", Id),
    param("customer_account", Id),
    param("price", Id),
    param(
        "status",
        OneOf(&[
            "active",
            "all",
            "canceled",
            "ended",
            "incomplete",
            "incomplete_expired",
            "past_due",
            "paused",
            "trialing",
            "unpaid",
        ]),
    ),
    param("test_clock", Id),
];

/// `GET /v1/events`
pub(in crate::simulator) const LIST_EVENTS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
    param("delivery_success", Flag),
    param("type", Id),
    param("types", List),
];

/// `GET /v1/invoices`
pub(in crate::simulator) const LIST_INVOICES: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("collection_method", OneOf(COLLECTIONS)),
    param("created", Range),
    param("customer", Id),
    param("customer_account", Id),
    param("due_date", Range),
    param(
        "status",
        OneOf(&["draft", "open", "paid", "uncollectible", "void"]),
    ),
    param("subscription", Id),
];

const COLLECTIONS: &[&str] = &["charge_automatically", "send_invoice"];

/// `GET /v1/refunds`
pub(in crate::simulator) const LIST_REFUNDS: &[Param] = &[
    CURSORS[0],
    CURSORS[1],
    CURSORS[2],
    CURSORS[3],
    param("created", Range),
    param("charge", Id),
    param("payment_intent", Id),
];
