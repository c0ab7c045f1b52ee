//! Everything in a world at once, for tests that live in this process. Read from the shelves, not through the API, so that a
//! mistake in a list or a search hides nothing.

use super::engine::Simulator;
use super::objects::{Instrument, Standing};

/// A Customer, as far as a judge needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomerSeen {
    pub account: String,
    pub id: String,
    pub email: Option<String>,
    pub metadata: Vec<(String, String)>,
    pub default_payment_method: Option<String>,
}

/// A PaymentMethod, as far as a judge needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MethodSeen {
    pub account: String,
    pub id: String,
    /// To whom it is attached.
    pub customer: Option<String>,
    /// The same for a clone as for its source; none for a type that cannot be cloned.
    pub fingerprint: Option<u64>,
    pub spent: bool,
}

impl CustomerSeen {
    pub fn marker(&self, name: &str) -> Option<&str> {
        let found = self.metadata.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Simulator {
    /// All Customers and PaymentMethods, account by account, oldest first.
    pub(crate) fn census(&self) -> (Vec<CustomerSeen>, Vec<MethodSeen>) {
        let (mut customers, mut methods) = (Vec::new(), Vec::new());
        for (id, ledger) in self.world.ledgers.iter().enumerate() {
            let account = || ledger.account.to_string();
            for (_, slot) in self.world.customers.order(id).into_iter().flatten() {
                let object = &self.world.customers.get(*slot).object;
                let pairs = object.metadata.iter();
                customers.push(CustomerSeen {
                    account: account(),
                    id: object.id.to_string(),
                    email: object.email.as_ref().map(ToString::to_string),
                    metadata: pairs
                        .map(|(key, value)| (key.to_string(), value.to_string()))
                        .collect(),
                    default_payment_method: object
                        .default_payment_method
                        .as_ref()
                        .map(ToString::to_string),
                });
            }
            for (_, slot) in self.world.methods.order(id).into_iter().flatten() {
                let record = self.world.methods.get(*slot);
                methods.push(MethodSeen {
                    account: account(),
                    id: record.object.id.to_string(),
                    customer: record.object.customer.as_ref().map(ToString::to_string),
                    fingerprint: match record.object.instrument {
                        Instrument::Card(card) => Some(card.fingerprint),
                        Instrument::UsBankAccount(account) => Some(account.fingerprint),
                        Instrument::Other(_) => None,
                    },
                    spent: record.standing == Standing::Spent,
                });
            }
        }
        (customers, methods)
    }
}
