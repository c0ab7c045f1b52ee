//! The smallest Stripe that can be doubled.

use std::collections::BTreeMap;

use crate::ids::{CustomerId, PaymentMethodId};
use crate::state::{Object, Position, StepId, StepKind};

/// Stripe prunes keys after a day.
const KEY_LIVES_SECONDS: i64 = 24 * 3600;

/// An idempotency key, as far as it tells requests of one customer apart.
pub type Key = (StepId, u32, u32);

/// What Stripe says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Done(Object),
    ServerError,
    OtherParameters,
    AlreadyAttached,
}

/// A request: which step, with which parameters, and the PaymentMethod that it names.
#[derive(Debug, Clone)]
pub struct Request {
    pub key: Key,
    pub digest: i64,
    pub carried: Option<PaymentMethodId>,
    /// The Customer that an attach names.
    pub customer: Option<CustomerId>,
}

#[derive(Debug, Clone)]
struct Stored {
    at: i64,
    digest: i64,
    reply: Reply,
}

/// A PaymentMethod: where it is, which source it comes from, whom it is attached to.
#[derive(Debug, Clone)]
struct Method {
    target: Option<Position>,
    source: Option<Position>,
    customer: Option<CustomerId>,
}

#[derive(Debug, Default)]
pub struct World {
    pub now: i64,
    stored: BTreeMap<Key, Stored>,
    /// The Customers with our marks, by account.
    customers: BTreeMap<Option<Position>, Vec<CustomerId>>,
    methods: BTreeMap<PaymentMethodId, Method>,
    made: u32,
    /// How often each step was executed, whatever came of it.
    pub executed: BTreeMap<StepId, u32>,
}

impl World {
    pub fn with_sources(now: i64, sources: &[PaymentMethodId]) -> Self {
        let method = |source| Method {
            target: None,
            source: Some(source),
            customer: None,
        };
        let methods = (0..)
            .zip(sources)
            .map(|(position, id)| (id.clone(), method(position)));
        Self {
            now,
            methods: methods.collect(),
            ..Self::default()
        }
    }

    /// Executes a request, unless its key is known.
    pub fn send(&mut self, request: &Request) -> Reply {
        if let Some(stored) = self.stored.get(&request.key)
            && self.now - stored.at < KEY_LIVES_SECONDS
        {
            return if stored.digest == request.digest {
                stored.reply.clone()
            } else {
                Reply::OtherParameters
            };
        }
        let reply = self.execute(request);
        self.store(request, reply.clone());
        reply
    }

    /// Executes a request, or not, and keeps a server error for it.
    pub fn break_down(&mut self, request: &Request, done: bool) {
        if done {
            self.execute(request);
        }
        self.store(request, Reply::ServerError);
    }

    fn store(&mut self, request: &Request, reply: Reply) {
        let stored = Stored {
            at: self.now,
            digest: request.digest,
            reply,
        };
        self.stored.insert(request.key, stored);
    }

    fn execute(&mut self, request: &Request) -> Reply {
        let step = request.key.0;
        self.made += 1;
        *self.executed.entry(step).or_default() += 1;
        let attached = |method: Option<&Method>| method.is_some_and(|m| m.customer.is_some());
        match step.kind {
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
                let id = CustomerId::parse(&format!("cus_{}", self.made)).unwrap();
                if let Some(carried) = &request.carried {
                    let method = self.methods.get_mut(carried);
                    if attached(method.as_deref()) {
                        return Reply::AlreadyAttached;
                    }
                    method.unwrap().customer = Some(id.clone());
                }
                self.customers
                    .entry(step.target)
                    .or_default()
                    .push(id.clone());
                Reply::Done(Object::Customer(id))
            }
            StepKind::ClonePaymentMethod | StepKind::RenewPaymentMethod => {
                let id = PaymentMethodId::parse(&format!("pm_clone{}", self.made)).unwrap();
                let clone = Method {
                    target: step.target,
                    source: step.source,
                    customer: None,
                };
                self.methods.insert(id.clone(), clone);
                Reply::Done(Object::PaymentMethod(id))
            }
            StepKind::AttachPlatformPaymentMethod
            | StepKind::AttachConnectedPaymentMethod
            | StepKind::AttachRenewedPaymentMethod => {
                let id = request.carried.clone().unwrap();
                let method = self.methods.get_mut(&id).unwrap();
                if attached(Some(method)) {
                    return Reply::AlreadyAttached;
                }
                method.customer.clone_from(&request.customer);
                Reply::Done(Object::PaymentMethod(id))
            }
            StepKind::DetachReplacedPaymentMethod => {
                let id = request.carried.clone().unwrap();
                self.methods.get_mut(&id).unwrap().customer = None;
                Reply::Done(Object::PaymentMethod(id))
            }
            StepKind::UpdateCustomer | StepKind::SetDefault | StepKind::SetRenewedDefault => {
                Reply::Done(Object::Changed(request.customer.clone().unwrap()))
            }
        }
    }

    /// The Customers with our marks on an account.
    pub fn list(&self, target: Option<Position>) -> Vec<CustomerId> {
        self.customers.get(&target).cloned().unwrap_or_default()
    }

    /// Whom a PaymentMethod is attached to.
    pub fn holder(&self, id: &PaymentMethodId) -> Option<CustomerId> {
        self.methods
            .get(id)
            .and_then(|method| method.customer.clone())
    }

    /// What is there twice, or, in the end, is not there.
    pub fn wrong(&self, sources: Position, targets: Position) -> Option<String> {
        for target in std::iter::once(None).chain((0..targets).map(Some)) {
            let customers = self.list(target).len();
            if customers != 1 {
                let many = if customers > 1 {
                    "two Customers"
                } else {
                    "no Customer"
                };
                return Some(format!("{many} on {target:?}"));
            }
            for source in 0..sources {
                let attached = self.methods.values().filter(|method| {
                    (method.target, method.source) == (target, Some(source))
                        && method.customer.is_some()
                });
                let attached = attached.count();
                if attached != 1 {
                    return Some(format!(
                        "source {source} is attached {attached} times on {target:?}"
                    ));
                }
            }
        }
        None
    }
}
