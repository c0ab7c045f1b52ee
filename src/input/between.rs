//! What is wrong *between* lines: found by whoever gathers the lines of a customer, told here.
//!
//! `line` is always the later of two lines and `other_line` the earlier, which stands in the text as well.

use super::problem::{Problem, ProblemKind};
use crate::ids::{CustomerId, LegacyId, PaymentMethodId};

impl Problem {
    fn between(self, other_line: u64) -> Self {
        Self {
            other_line: Some(other_line),
            ..self
        }
    }

    /// Two lines of one customer differ in `column`, a contact field or `metadata.KEY`. The values are personal: not shown.
    pub fn conflicting_details(line: u64, column: &str, other_line: u64) -> Self {
        Self::new(
            line,
            column,
            ProblemKind::ConflictingDetails,
            format!("differs from line {other_line}, which is of the same customer"),
            "make the two agree, or leave one of them empty",
        )
        .between(other_line)
    }

    /// Two lines of one customer name different defaults.
    pub fn two_defaults(
        (line, default): (u64, &PaymentMethodId),
        (other_line, other): (u64, &PaymentMethodId),
    ) -> Self {
        Self::new(
            line,
            "default_payment_method",
            ProblemKind::TwoDefaults,
            format!("names {default}, but line {other_line} of the same customer names {other}"),
            "keep one of them",
        )
        .between(other_line)
    }

    /// Two lines of one customer name different platform Customers.
    pub fn two_platform_customers(
        (line, customer): (u64, &CustomerId),
        (other_line, other): (u64, &CustomerId),
    ) -> Self {
        Self::new(
            line,
            "platform_customer",
            ProblemKind::TwoPlatformCustomers,
            format!("names {customer}, but line {other_line} of the same customer names {other}"),
            "keep the one that holds the PaymentMethods, or give the lines different legacy ids",
        )
        .between(other_line)
    }

    /// The default that `line` names is on no line of that customer.
    pub fn default_not_among_sources(line: u64, default: &PaymentMethodId) -> Self {
        Self::new(
            line,
            "default_payment_method",
            ProblemKind::DefaultNotAmongSources,
            format!("{default} is not among the customer's PaymentMethods"),
            "add it to payment_method, or name one that is there, or leave the cell empty to take the first",
        )
    }

    /// Two customers name the same `PaymentMethod`; Stripe lets it belong to one.
    pub fn payment_method_of_two_customers(
        line: u64,
        source: &PaymentMethodId,
        other_line: u64,
    ) -> Self {
        Self::new(
            line,
            "payment_method",
            ProblemKind::PaymentMethodOfTwoCustomers,
            format!("{source} is also on line {other_line}, which is of another customer"),
            "leave it with the customer whose card it is",
        )
        .between(other_line)
    }

    /// Two customers name the same platform Customer.
    pub fn platform_customer_of_two_customers(
        line: u64,
        customer: &CustomerId,
        other_line: u64,
    ) -> Self {
        Self::new(
            line,
            "platform_customer",
            ProblemKind::PlatformCustomerOfTwoCustomers,
            format!("{customer} is also on line {other_line}, which is of another customer"),
            "leave it with the right customer, or give both lines the same legacy_id",
        )
        .between(other_line)
    }

    /// Two customers have the same e-mail address. It is personal: not shown.
    pub fn same_email(line: u64, other_line: u64) -> Self {
        Self::new(
            line,
            "email",
            ProblemKind::SameEmail,
            format!("is the same as on line {other_line}, which is of another customer"),
            "give both the same legacy_id if they are one person; else nothing needs to be done",
        )
        .between(other_line)
    }

    /// The state file has the `PaymentMethod` for another customer, of an earlier CSV.
    pub fn payment_method_of_known_customer(
        line: u64,
        source: &PaymentMethodId,
        known: &LegacyId,
    ) -> Self {
        Self::new(
            line,
            "payment_method",
            ProblemKind::PaymentMethodOfTwoCustomers,
            format!("{source} is customer {known}'s in the state file"),
            KNOWN,
        )
    }

    /// A mended line whose customer the state file does not have.
    pub fn unknown_customer(line: u64, legacy_id: &LegacyId) -> Self {
        Self::new(
            line,
            "legacy_id",
            ProblemKind::UnknownCustomer,
            format!("{legacy_id} is no customer of the state file"),
            "correct it (spreadsheets drop leading zeros and round long numbers); new customers are imported with `pmclone run`",
        )
    }

    /// The state file has the platform Customer for another customer, of an earlier CSV.
    pub fn platform_customer_of_known_customer(
        line: u64,
        customer: &CustomerId,
        known: &LegacyId,
    ) -> Self {
        Self::new(
            line,
            "platform_customer",
            ProblemKind::PlatformCustomerOfTwoCustomers,
            format!("{customer} is customer {known}'s in the state file"),
            KNOWN,
        )
    }
}

/// What to do about a customer that the state file knows by another name.
const KNOWN: &str = "keep each customer's legacy_id as it was, and leave a card with the customer that it was migrated with";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_named() {
        let source = |id| PaymentMethodId::parse(id).unwrap();
        let customer = |id| CustomerId::parse(id).unwrap();
        let problems = [
            Problem::conflicting_details(9, "email", 4),
            Problem::two_defaults((9, &source("pm_1")), (4, &source("pm_2"))),
            Problem::two_platform_customers((9, &customer("cus_1")), (4, &customer("cus_2"))),
            Problem::default_not_among_sources(9, &source("pm_3")),
            Problem::payment_method_of_two_customers(9, &source("pm_1"), 4),
            Problem::platform_customer_of_two_customers(9, &customer("cus_1"), 4),
        ];
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r"
    line 9, column email: differs from line 4, which is of the same customer; make the two agree, or leave one of them empty [conflicting_details]
    line 9, column default_payment_method: names pm_1, but line 4 of the same customer names pm_2; keep one of them [two_defaults]
    line 9, column platform_customer: names cus_1, but line 4 of the same customer names cus_2; keep the one that holds the PaymentMethods, or give the lines different legacy ids [two_platform_customers]
    line 9, column default_payment_method: pm_3 is not among the customer's PaymentMethods; add it to payment_method, or name one that is there, or leave the cell empty to take the first [default_not_among_sources]
    line 9, column payment_method: pm_1 is also on line 4, which is of another customer; leave it with the customer whose card it is [payment_method_of_two_customers]
    line 9, column platform_customer: cus_1 is also on line 4, which is of another customer; leave it with the right customer, or give both lines the same legacy_id [platform_customer_of_two_customers]
    ");
    }
}
