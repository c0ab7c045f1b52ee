//! The request of a step: made of what is frozen, and of what earlier steps gave.

use super::super::Context;
use crate::legacy::Details;
use crate::state::{Customer, StepId, StepKind};
use crate::store::StoreError;
use crate::stripe::{Markers, Write};

/// The request of a step, made of what is frozen and what earlier steps gave.
pub fn write_of<'a>(
    context: &'a Context,
    customer: &'a Customer,
    step: StepId,
    details: Option<&'a Details>,
) -> Result<Write<'a>, StoreError> {
    let missing = |what: &str| {
        StoreError::Damaged(format!(
            "customer {}: {} lacks {what}",
            customer.legacy_id,
            step.kind.name()
        ))
    };
    let source = || {
        step.source
            .and_then(|source| customer.source(source))
            .ok_or_else(|| missing("its source"))
    };
    let account = || {
        let target = step.target.and_then(|target| customer.target(target));
        target
            .map(|target| &target.account)
            .ok_or_else(|| missing("its account"))
    };
    let clone = || {
        let clone = step
            .target
            .zip(step.source)
            .and_then(|(target, source)| customer.clone_of(target, source));
        clone.ok_or_else(|| missing("its clone"))
    };
    let platform = || {
        customer
            .platform_customer()
            .ok_or_else(|| missing("its platform Customer"))
    };
    let details = || details.ok_or_else(|| missing("contact details"));
    let markers = Markers {
        migration: context.migration.id,
        legacy_id: &customer.legacy_id,
    };
    Ok(match step.kind {
        StepKind::CreatePlatformCustomer => Write::CreatePlatformCustomer {
            details: details()?,
            payment_method: step.source.map(|_| source()).transpose()?,
            make_default: step.source == Some(customer.default),
            markers,
        },
        StepKind::AttachPlatformPaymentMethod => Write::AttachPlatformPaymentMethod {
            payment_method: source()?,
            customer: platform()?,
        },
        StepKind::ClonePaymentMethod => {
            let holder = step.source.and_then(|source| customer.holder_of(source));
            Write::ClonePaymentMethod {
                customer: holder.ok_or_else(|| missing("its platform Customer"))?,
                payment_method: source()?,
                account: account()?,
            }
        }
        StepKind::CreateConnectedCustomer => Write::CreateConnectedCustomer {
            details: details()?,
            payment_method: step.source.map(|_| clone()).transpose()?,
            make_default: step.source.is_some()
                && step.target.and_then(|t| customer.default_on(t)) == step.source,
            markers,
            platform_customer: platform()?,
            account: account()?,
        },
        StepKind::AttachConnectedPaymentMethod => Write::AttachConnectedPaymentMethod {
            payment_method: clone()?,
            customer: customer
                .made_on(step.target)
                .map(|(made, _)| made)
                .ok_or_else(|| missing("its Customer"))?,
            account: account()?,
        },
    })
}
