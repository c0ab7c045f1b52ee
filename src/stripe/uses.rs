//! PURE. What a Customer was used for: its charges, intents, subscriptions and invoices, as far as `undo` has to know of them.
//!
//! Hazard: what is not recognised as our own is somebody's business. So an object counts as ours only where it has the marks of
//! `verify --charge`, and as taken back only where Stripe itself says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::Garbled;
use super::facts::{Fact, Page};
use super::payment::MARKER_PROOF;
use super::request::{Endpoint, MARKER_MIGRATION};

/// What there may be of a Customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UseKind {
    /// A Subscription, in whatever state.
    Subscription,
    /// An Invoice, drafts too.
    Invoice,
    /// A Charge.
    Charge,
    /// A `PaymentIntent`: it may be there without a Charge, and be paid later.
    PaymentIntent,
    /// A `SetupIntent`: somebody sets up a card.
    SetupIntent,
}

impl UseKind {
    /// Every one, in the order in which they are looked for.
    pub const ALL: [Self; 5] = [
        Self::Subscription,
        Self::Invoice,
        Self::Charge,
        Self::PaymentIntent,
        Self::SetupIntent,
    ];

    /// Stripe's name of the object, which outputs use too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
            Self::Charge => "charge",
            Self::PaymentIntent => "payment_intent",
            Self::SetupIntent => "setup_intent",
        }
    }

    /// The list that they are read from.
    pub(super) fn endpoint(self) -> Endpoint {
        match self {
            Self::Subscription => Endpoint::ListSubscriptions,
            Self::Invoice => Endpoint::ListInvoices,
            Self::Charge => Endpoint::ListCharges,
            Self::PaymentIntent => Endpoint::ListPaymentIntents,
            Self::SetupIntent => Endpoint::ListSetupIntents,
        }
    }

    fn of_object(object: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == object)
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseFacts {
    /// What it is.
    pub kind: UseKind,
    /// Its id.
    pub id: String,
    /// The mode it exists in.
    pub livemode: bool,
    /// Metadata `pmclone_migration`, where it has the mark of `verify --charge` too.
    pub proof_of: Option<String>,
    /// True where nothing is held or taken by it any more, and nothing can be: a charge that went back, an intent that is over.
    pub is_over: bool,
    /// The `PaymentMethod` that a Subscription which goes on names as its own, and that its next invoice is paid with.
    pub bills: Option<String>,
}

#[derive(Deserialize)]
struct UseObject {
    object: String,
    id: String,
    livemode: bool,
    status: Option<String>,
    refunded: Option<bool>,
    default_payment_method: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

impl TryFrom<UseObject> for UseFacts {
    type Error = Garbled;

    fn try_from(object: UseObject) -> Result<Self, Garbled> {
        let kind = UseKind::of_object(&object.object).ok_or(Garbled::OtherObject)?;
        if object.id.is_empty() {
            return Err(Garbled::OtherId);
        }
        let status = object.status.as_deref();
        let is_over = match kind {
            // What was captured of it is the Charge's matter.
            UseKind::PaymentIntent | UseKind::SetupIntent => {
                matches!(status, Some("succeeded" | "canceled"))
            }
            UseKind::Charge => object.refunded == Some(true) || status == Some("failed"),
            UseKind::Subscription | UseKind::Invoice => false,
        };
        let goes_on = kind == UseKind::Subscription
            && !matches!(status, Some("canceled" | "incomplete_expired"));
        let bills = object.default_payment_method.filter(|_| goes_on);
        let mut metadata = object.metadata.unwrap_or_default();
        let marked = metadata.contains_key(MARKER_PROOF);
        Ok(Self {
            kind,
            id: object.id,
            livemode: object.livemode,
            proof_of: metadata.remove(MARKER_MIGRATION).filter(|_| marked),
            is_over,
            bills,
        })
    }
}

impl Fact for Page<UseFacts> {
    fn parse(body: &[u8]) -> Result<Self, Garbled> {
        Self::parse_of::<UseObject>(body, |_| false, |each| Some(each.livemode))
    }

    /// A list has none.
    fn id(&self) -> &'static str {
        ""
    }

    fn livemode(&self) -> Option<bool> {
        self.data.first().map(|each| each.livemode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(object: &str) -> Result<Page<UseFacts>, Garbled> {
        let body = format!(r#"{{"object":"list","data":[{object}],"has_more":false}}"#);
        Page::parse(body.as_bytes())
    }

    fn one(object: &str) -> UseFacts {
        page(object).unwrap().data.remove(0)
    }

    #[test]
    fn only_what_has_both_marks_is_a_proof_of_ours() {
        let with = |metadata: &str| {
            one(&format!(
                r#"{{"object":"charge","id":"ch_1","livemode":false,"status":"succeeded","refunded":true,"metadata":{metadata}}}"#
            ))
            .proof_of
        };
        assert_eq!(
            with(r#"{"pmclone_migration":"m","pmclone_verify":"v"}"#),
            Some("m".to_owned())
        );
        for metadata in [
            r#"{"pmclone_migration":"m"}"#,
            r#"{"pmclone_verify":"v"}"#,
            "{}",
            "null",
        ] {
            assert_eq!(with(metadata), None, "{metadata}");
        }
    }

    #[test]
    fn the_table_of_what_is_over() {
        let cases = [
            ("charge", r#""status":"succeeded","refunded":true"#, true),
            ("charge", r#""status":"succeeded","refunded":false"#, false),
            ("charge", r#""status":"failed","refunded":false"#, true),
            ("charge", r#""status":"pending""#, false),
            ("payment_intent", r#""status":"canceled""#, true),
            ("payment_intent", r#""status":"requires_capture""#, false),
            ("payment_intent", r#""status":"newly_invented""#, false),
            ("setup_intent", r#""status":"succeeded""#, true),
            ("subscription", r#""status":"canceled""#, false),
            ("invoice", r#""status":"void""#, false),
        ];
        for (object, fields, over) in cases {
            let body = format!(r#"{{"object":"{object}","id":"x_1","livemode":false,{fields}}}"#);
            assert_eq!(one(&body).is_over, over, "{body}");
        }
    }

    #[test]
    fn a_subscription_that_goes_on_bills_the_payment_method_that_it_names() {
        let of = |object: &str, status: &str, method: &str| {
            one(&format!(
                r#"{{"object":"{object}","id":"x_1","livemode":false,"status":"{status}","default_payment_method":{method}}}"#
            ))
            .bills
        };
        for status in ["active", "past_due", "trialing", "paused", "newly_invented"] {
            let bills = of("subscription", status, r#""pm_1""#);
            assert_eq!(bills.as_deref(), Some("pm_1"), "{status}");
        }
        for status in ["canceled", "incomplete_expired"] {
            assert_eq!(of("subscription", status, r#""pm_1""#), None, "{status}");
        }
        assert_eq!(of("subscription", "active", "null"), None);
        assert_eq!(of("invoice", "open", r#""pm_1""#), None);
    }

    #[test]
    fn what_is_none_of_them_is_not_passed_over() {
        assert!(page(r#"{"object":"refund","id":"re_1","livemode":false}"#).is_err());
        assert!(page(r#"{"object":"charge","id":"","livemode":false}"#).is_err());
    }
}
