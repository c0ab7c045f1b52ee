//! PURE. A Customer as Stripe writes it, and what is taken from it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    CustomerFacts, DefaultMethod, Fact, PaymentMethodFacts, PaymentMethodObject, json, kind,
};
use crate::ids::CustomerId;
use crate::stripe::answer::Garbled;
use crate::stripe::request::{MARKER_LEGACY_ID, MARKER_MIGRATION, MARKER_PLATFORM_CUSTOMER};
use crate::time::StripeTime;

/// An id, or the object where it was asked to be whole.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expandable {
    Id(String),
    Whole(Box<PaymentMethodObject>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize, Default)]
struct InvoiceSettings {
    default_payment_method: Option<Expandable>,
}

impl InvoiceSettings {
    /// What cannot be read is no default that anything is known of: whoever needs it reads the PaymentMethods.
    fn default(self) -> Option<DefaultMethod> {
        Some(match self.default_payment_method? {
            Expandable::Id(id) => DefaultMethod::Id(id),
            Expandable::Whole(method) => {
                let id = method.id.clone();
                PaymentMethodFacts::try_from(*method)
                    .map_or(DefaultMethod::Id(id), DefaultMethod::Whole)
            }
            Expandable::Other(_) => DefaultMethod::Id(String::new()),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct CustomerObject {
    object: String,
    id: String,
    livemode: Option<bool>,
    created: Option<i64>,
    invoice_settings: Option<InvoiceSettings>,
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    deleted: bool,
}

impl CustomerObject {
    /// True for a Customer of somebody else's whose id is not of Stripe's own making: an account may choose its ids itself.
    pub(super) fn is_of_no_concern(&self) -> bool {
        let marked = |marks: &BTreeMap<String, String>| marks.contains_key(MARKER_MIGRATION);
        CustomerId::parse(&self.id).is_err() && !self.metadata.as_ref().is_some_and(marked)
    }
}

impl TryFrom<CustomerObject> for CustomerFacts {
    type Error = Garbled;

    fn try_from(mut customer: CustomerObject) -> Result<Self, Garbled> {
        kind(&customer.object, "customer")?;
        if customer.livemode.is_none() && !customer.deleted {
            return Err(Garbled::NotAnObject);
        }
        let mut mark = |name| customer.metadata.as_mut()?.remove(name);
        Ok(Self {
            marker_migration: mark(MARKER_MIGRATION),
            marker_legacy_id: mark(MARKER_LEGACY_ID),
            marker_platform_customer: mark(MARKER_PLATFORM_CUSTOMER),
            id: CustomerId::parse(&customer.id).map_err(|_| Garbled::OtherId)?,
            livemode: customer.livemode,
            created: customer.created.map(StripeTime),
            default: customer.invoice_settings.and_then(InvoiceSettings::default),
            deleted: customer.deleted,
        })
    }
}

impl Fact for CustomerFacts {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        json::<CustomerObject>(body)?.try_into()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn livemode(&self) -> Option<bool> {
        self.livemode
    }
}
