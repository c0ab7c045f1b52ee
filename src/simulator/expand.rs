//! `expand[]`: which properties may be asked for whole.

use super::params::Params;
use super::response::Failure;
use super::routes::Route;

const CUSTOMER: &[&str] = &[
    "cash_balance",
    "default_source",
    "discount",
    "invoice_settings.default_payment_method",
    "sources",
    "subscriptions",
    "tax",
    "tax_ids",
    "test_clock",
];
const PAYMENT_METHOD: &[&str] = &["customer"];
const INTENT: &[&str] = &[
    "application",
    "customer",
    "latest_charge",
    "latest_charge.balance_transaction",
    "on_behalf_of",
    "payment_method",
    "review",
];
const SETUP: &[&str] = &[
    "application",
    "customer",
    "latest_attempt",
    "mandate",
    "payment_method",
];
const CHARGE: &[&str] = &[
    "application_fee",
    "balance_transaction",
    "customer",
    "payment_intent",
    "refunds",
];
const REFUND: &[&str] = &["balance_transaction", "charge", "payment_intent"];

/// Refuses what cannot be expanded.
pub(super) fn check(params: &Params, route: Route<'_>) -> Result<(), Failure> {
    let (allowed, prefix) = allowed(route);
    for asked in params.list("expand") {
        let known = asked
            .strip_prefix(prefix)
            .is_some_and(|property| allowed.contains(&property));
        if !known {
            return Err(
                Failure::invalid(format!("This property cannot be expanded ({asked})."))
                    .param("expand"),
            );
        }
    }
    Ok(())
}

/// Whether a property was asked to be expanded.
pub(super) fn wants(params: &Params, property: &str) -> bool {
    params.list("expand").contains(&property)
}

fn allowed(route: Route<'_>) -> (&'static [&'static str], &'static str) {
    match route {
        Route::CreateCustomer | Route::GetCustomer(_) | Route::UpdateCustomer(_) => (CUSTOMER, ""),
        Route::ListCustomers | Route::SearchCustomers => (CUSTOMER, "data."),
        Route::CreatePaymentMethod
        | Route::GetPaymentMethod(_)
        | Route::GetCustomerPaymentMethod(..)
        | Route::UpdatePaymentMethod(_)
        | Route::AttachPaymentMethod(_)
        | Route::DetachPaymentMethod(_) => (PAYMENT_METHOD, ""),
        Route::ListPaymentMethods | Route::ListCustomerPaymentMethods(_) => {
            (PAYMENT_METHOD, "data.")
        }
        Route::CreatePaymentIntent
        | Route::GetPaymentIntent(_)
        | Route::ConfirmPaymentIntent(_)
        | Route::CapturePaymentIntent(_)
        | Route::CancelPaymentIntent(_) => (INTENT, ""),
        Route::ListPaymentIntents => (INTENT, "data."),
        Route::ListSetupIntents => (SETUP, "data."),
        Route::CreateSetupIntent
        | Route::GetSetupIntent(_)
        | Route::ConfirmSetupIntent(_)
        | Route::CancelSetupIntent(_) => (SETUP, ""),
        Route::GetCharge(_) => (CHARGE, ""),
        Route::ListCharges => (CHARGE, "data."),
        Route::CreateRefund | Route::GetRefund(_) => (REFUND, ""),
        Route::ListRefunds => (REFUND, "data."),
        Route::DeleteCustomer(_)
        | Route::GetApplicationFee(_)
        | Route::GetOwnAccount
        | Route::ListAccounts
        | Route::GetAccount(_)
        | Route::ListSubscriptions
        | Route::ListInvoices
        | Route::ListEvents
        | Route::GetEvent(_)
        | Route::GetBalance => (&[], ""),
    }
}
