//! PURE. Where things are in Stripe's Dashboard.
//!
//! Paths: `/customers/cus_…` and `/workbench/logs?object=req_…`, as Stripe's own error bodies give the latter in `request_log_url`; `/test`
//! before them in test mode, and `/acct_…` before that for a connected account's own pages.

use crate::ids::{AccountId, CustomerId, RequestId};

const DASHBOARD: &str = "https://dashboard.stripe.com";

/// Makes links for one migration.
#[derive(Debug, Clone, Copy)]
pub struct Dashboard {
    livemode: bool,
}

impl Dashboard {
    /// `None` for a rehearsal: nothing of it is at Stripe.
    pub fn of(livemode: bool, simulated: bool) -> Option<Self> {
        (!simulated).then_some(Self { livemode })
    }

    fn base(self, account: Option<&AccountId>) -> String {
        let account = account.map_or(String::new(), |account| format!("/{account}"));
        let mode = if self.livemode { "" } else { "/test" };
        format!("{DASHBOARD}{account}{mode}")
    }

    /// A Customer's page, on a connected account or on the platform.
    pub fn customer(self, id: &CustomerId, account: Option<&AccountId>) -> String {
        format!("{}/customers/{id}", self.base(account))
    }

    /// A request's entry in the log. A request with `Stripe-Account` is in the log of that account.
    pub fn request(self, id: &RequestId, account: Option<&AccountId>) -> String {
        format!("{}/workbench/logs?object={id}", self.base(account))
    }

    /// A connected account's page on the platform.
    pub fn account(self, id: &AccountId) -> String {
        format!("{}/connect/accounts/{id}", self.base(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_tell_mode_and_account_apart() {
        let (customer, account) = (
            CustomerId::parse("cus_1").unwrap(),
            AccountId::parse("acct_1").unwrap(),
        );
        let request = RequestId::parse("req_1").unwrap();
        let (live, test) = (
            Dashboard::of(true, false).unwrap(),
            Dashboard::of(false, false).unwrap(),
        );
        assert!(Dashboard::of(false, true).is_none());
        assert_eq!(
            [
                live.customer(&customer, None),
                test.customer(&customer, Some(&account)),
                live.request(&request, Some(&account)),
                test.account(&account),
            ],
            [
                "https://dashboard.stripe.com/customers/cus_1",
                "https://dashboard.stripe.com/acct_1/test/customers/cus_1",
                "https://dashboard.stripe.com/acct_1/workbench/logs?object=req_1",
                "https://dashboard.stripe.com/test/connect/accounts/acct_1",
            ]
        );
    }
}
