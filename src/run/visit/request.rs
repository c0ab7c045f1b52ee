//! The request of a step: made of what is frozen, and of what earlier steps gave.

use super::super::Context;
use crate::ids::{AccountId, CustomerId, PaymentMethodId};
use crate::legacy::Details;
use crate::state::{Customer, StepId, StepKind};
use crate::store::StoreError;
use crate::stripe::{Markers, Write};

/// The request of a step. Fails only where an earlier step that it rests on is not there: a damaged state file.
pub fn write_of<'a>(
    context: &'a Context,
    customer: &'a Customer,
    step: StepId,
    details: Option<&'a Details>,
) -> Result<Write<'a>, StoreError> {
    let parts = Parts {
        context,
        customer,
        step,
        details,
    };
    Ok(match step.kind {
        StepKind::CreatePlatformCustomer => Write::CreatePlatformCustomer {
            details: parts.details()?,
            payment_method: step.source.map(|_| parts.source()).transpose()?,
            make_default: step.source == Some(customer.default),
            markers: parts.markers(),
        },
        StepKind::AttachPlatformPaymentMethod => Write::AttachPlatformPaymentMethod {
            payment_method: parts.source()?,
            customer: parts.platform_customer()?,
        },
        StepKind::ClonePaymentMethod | StepKind::RenewPaymentMethod => Write::ClonePaymentMethod {
            customer: parts.holder()?,
            payment_method: parts.source()?,
            account: parts.account()?,
        },
        StepKind::CreateConnectedCustomer => Write::CreateConnectedCustomer {
            details: parts.details()?,
            payment_method: step.source.map(|_| parts.clone_before()).transpose()?,
            make_default: step.source.is_some()
                && step.target.and_then(|t| customer.default_on(t)) == step.source,
            markers: parts.markers(),
            platform_customer: parts.platform_customer()?,
            account: parts.account()?,
        },
        StepKind::AttachConnectedPaymentMethod => Write::AttachConnectedPaymentMethod {
            payment_method: parts.clone_before()?,
            customer: parts.customer_there()?,
            account: parts.account()?,
        },
        StepKind::AttachRenewedPaymentMethod => Write::AttachConnectedPaymentMethod {
            payment_method: parts.new_clone()?,
            customer: parts.customer_there()?,
            account: parts.account()?,
        },
        StepKind::SetRenewedDefault => Write::SetDefault {
            customer: parts.customer_there()?,
            payment_method: parts.new_clone()?,
            markers: parts.markers(),
            account: Some(parts.account()?),
        },
        StepKind::DetachReplacedPaymentMethod => Write::DetachConnectedPaymentMethod {
            payment_method: parts.clone_before()?,
            account: parts.account()?,
        },
        StepKind::UpdateCustomer => Write::UpdateCustomer {
            customer: parts.customer_there()?,
            details: parts.details()?,
            markers: parts.markers(),
            account: step.target.map(|_| parts.account()).transpose()?,
        },
        StepKind::SetDefault => Write::SetDefault {
            customer: parts.customer_there()?,
            payment_method: parts.default_there()?,
            markers: parts.markers(),
            account: step.target.map(|_| parts.account()).transpose()?,
        },
    })
}

/// What requests are made of.
struct Parts<'a> {
    context: &'a Context,
    customer: &'a Customer,
    step: StepId,
    details: Option<&'a Details>,
}

impl<'a> Parts<'a> {
    fn or_damaged<T>(&self, part: Option<T>, what: &str) -> Result<T, StoreError> {
        let (legacy_id, step) = (&self.customer.legacy_id, self.step.kind.name());
        part.ok_or_else(|| {
            StoreError::Damaged(format!("customer {legacy_id}: {step} lacks {what}"))
        })
    }

    fn details(&self) -> Result<&'a Details, StoreError> {
        self.or_damaged(self.details, "the contact details")
    }

    fn markers(&self) -> Markers<'a> {
        Markers {
            migration: self.context.migration.id,
            legacy_id: &self.customer.legacy_id,
        }
    }

    fn source(&self) -> Result<&'a PaymentMethodId, StoreError> {
        self.or_damaged(
            self.step
                .source
                .and_then(|source| self.customer.source(source)),
            "its source",
        )
    }

    fn account(&self) -> Result<&'a AccountId, StoreError> {
        let target = self
            .step
            .target
            .and_then(|target| self.customer.target(target));
        self.or_damaged(target.map(|target| &target.account), "its account")
    }

    fn platform_customer(&self) -> Result<&'a CustomerId, StoreError> {
        self.or_damaged(self.customer.platform_customer(), "its platform Customer")
    }

    /// The platform Customer that the source is attached to.
    fn holder(&self) -> Result<&'a CustomerId, StoreError> {
        self.or_damaged(
            self.step
                .source
                .and_then(|source| self.customer.holder_of(source)),
            "its platform Customer",
        )
    }

    fn clone_before(&self) -> Result<&'a PaymentMethodId, StoreError> {
        let place = self.step.target.zip(self.step.source);
        self.or_damaged(
            place.and_then(|(target, source)| self.customer.clone_before(target, source)),
            "its clone",
        )
    }

    fn new_clone(&self) -> Result<&'a PaymentMethodId, StoreError> {
        let place = self.step.target.zip(self.step.source);
        self.or_damaged(
            place.and_then(|(target, source)| self.customer.new_clone(target, source)),
            "its new clone",
        )
    }

    /// The source that is to be the default, or its clone.
    fn default_there(&self) -> Result<&'a PaymentMethodId, StoreError> {
        let (customer, target) = (self.customer, self.step.target);
        let source = customer.wanted_default(target);
        let default = source.and_then(|source| match target {
            Some(target) => customer.clone_of(target, source),
            None => customer.source(source),
        });
        self.or_damaged(default, "its default")
    }

    fn customer_there(&self) -> Result<&'a CustomerId, StoreError> {
        self.or_damaged(
            self.customer
                .made_on(self.step.target)
                .map(|(made, _)| made),
            "its Customer",
        )
    }
}
