//! What is judged of several values of a line together, and of ids that Stripe would answer with something else.

use super::super::cell::Complaint;
use super::super::fields::METADATA_KEYS_MAX;
use super::super::problem::ProblemKind;
use super::Draft;
use crate::ids::{LegacyId, PaymentMethodId};
use crate::legacy::Line;

impl Draft<'_> {
    /// Whatever names one of these is answered with another PaymentMethod, which a run could only take for somebody else's.
    pub(super) fn refuse_templates(&mut self) {
        let is_template = |id: &PaymentMethodId| {
            let templates = ["pm_card_", "pm_usBankAccount"];
            templates.iter().any(|kind| id.as_str().starts_with(kind))
        };
        let templates: Vec<_> = self
            .payment_methods
            .extract_if(.., |id| is_template(id))
            .collect();
        for id in templates {
            self.complain(Complaint::new(
                ProblemKind::InvalidId,
                format!("{id} is a template of Stripe's test mode, not a PaymentMethod: each use of it makes another one"),
                "attach it to a Customer, and name the pm_1… that Stripe answers",
            ));
        }
    }

    pub(super) fn warn_of_sources(&mut self) {
        let sources = self.payment_methods.iter();
        let complaints: Vec<_> = sources
            .filter(|id| id.as_str().starts_with("src_"))
            .map(|id| {
                Complaint::new(
                    ProblemKind::CannotBeCloned,
                    format!("{id} is a Source, which Stripe does not clone"),
                    "ask the customer for a card or bank account again",
                )
            })
            .collect();
        for complaint in complaints {
            self.complain(complaint);
        }
    }

    /// The line, unless something stands against it.
    pub(super) fn finish(mut self) -> Option<Line> {
        self.column = None;
        self.judge_metadata();
        self.judge_default();
        if self.failed {
            return None;
        }
        self.warn_of_gaps();
        Some(Line {
            number: self.number,
            legacy_id: self.legacy_id?,
            details: self.details,
            platform_customer: self.platform_customer,
            payment_methods: self.payment_methods,
            default_payment_method: self.default_payment_method,
            connected_accounts: self.connected_accounts,
        })
    }

    fn judge_metadata(&mut self) {
        let count = self.details.metadata.len();
        if count > METADATA_KEYS_MAX {
            self.complain(Complaint::new(
                ProblemKind::TooMuchMetadata,
                format!("fills {count} metadata columns; {METADATA_KEYS_MAX} fit beside those that pmclone writes"),
                "leave some of them out",
            ));
        }
    }

    /// `is_default` says it of the line's own source.
    fn judge_default(&mut self) {
        if self.is_default != Some(true) {
            return;
        }
        match self.payment_methods.as_slice() {
            [] => {}
            [one] => match &self.default_payment_method {
                Some(other) if other != one => self.complain(Complaint::new(
                    ProblemKind::TwoDefaults,
                    format!("says that {one} is the default, and names {other}"),
                    "keep one of them",
                )),
                Some(_) => {}
                None => self.default_payment_method = Some(one.clone()),
            },
            _ => self.complain(Complaint::new(
                ProblemKind::TwoDefaults,
                "says is_default of several PaymentMethods",
                "name the one in default_payment_method",
            )),
        }
    }

    fn warn_of_gaps(&mut self) {
        let is_stripes = |id: &LegacyId| id.as_str().starts_with("cus_");
        if self.platform_customer.is_none() && self.legacy_id.as_ref().is_some_and(is_stripes) {
            self.complain(Complaint::new(
                ProblemKind::LegacyIdOfStripe,
                "has a legacy_id that is a Customer's at Stripe, and no platform_customer: a new Customer is made beside it",
                "if it is on this platform, name it there too, as in --column platform_customer=id",
            ));
        }
        let gap = match (
            self.payment_methods.is_empty(),
            self.connected_accounts.is_empty(),
        ) {
            (true, false) => Complaint::new(
                ProblemKind::NoPaymentMethod,
                "names accounts and no PaymentMethod, so this line brings them no card",
                "fill in payment_method if there is one",
            ),
            (false, true) => Complaint::new(
                ProblemKind::NoConnectedAccount,
                "names PaymentMethods and no connected account, so this line clones nothing",
                "fill in connected_account if there is one",
            ),
            (true, true) | (false, false) => return,
        };
        self.complain(gap);
    }
}
