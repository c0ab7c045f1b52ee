//! The fake Stripe itself: one request in, one answer out, and the state between them. Pure.
//!
//! Hazard: [`World::handle`] also *rebuilds* the world from the journal, so the same requests at the same moments must
//! give the same objects, byte for byte. It reads no clock, draws no random number and does no I/O.
//!
//! ```text
//! key → both account headers? → may the account be reached → URL → key seen before? → parameters → execute → store
//! 401   400                     403 account_invalid         404   replay, or 400    400            anything
//! └──────────────────────────── nothing is stored under the idempotency key ───────────────────┘  └ stored ┘
//! ```

use super::accounts::Accounts;
use super::billing::{Invoice, Subscription};
use super::events::Happening;
use super::expand;
use super::idempotency::{self, Answer, Keys, Stored};
use super::ids::{self, Moment};
use super::keys::{Credentials, Kind as KeyKind};
use super::objects::{CustomerRecord, MethodRecord};
use super::params::Params;
use super::payments::{Charge, Fee, Intent, Refund, Setup};
use super::reply::Reply;
use super::request::{Method, Request};
use super::response::{Failure, Kind, Response};
use super::routes::Route;
use super::schema;
use super::shelf::{LedgerId, Shelf};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What makes one world differ from another. A journal can only be continued under the same laws.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Laws {
    /// Ids follow from it.
    pub seed: u64,
    /// The id of the account that the keys belong to.
    pub platform_account: String,
    /// Its two-letter country; Stripe offers no Search in India (`IN`).
    pub platform_country: String,
    /// Whether accounts, PaymentMethods and platform Customers exist as soon as they are named.
    pub sources_on_demand: bool,
    /// Virtual seconds until Search finds what was changed. Stripe: "under a minute" normally, an hour in outages.
    pub search_lag_s: i64,
    /// Whether attaching to the customer that it is attached to already is refused. Stripe is silent on it.
    pub refuse_reattach: bool,
}

/// Whether a request is handled as it should be, or made to fail on Stripe's side *and stored* under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Handling {
    /// Nothing special.
    Normal,
    /// Answer with this status and store that; `effect` says whether the work was done nevertheless.
    FailStored {
        /// A 5xx.
        status: u16,
        /// Whether the objects were made.
        effect: bool,
    },
}

/// One account in one mode.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub livemode: bool,
    pub account: Arc<str>,
    pub connected: bool,
    /// Pending balance by currency, in its smallest unit.
    pub balances: BTreeMap<String, i64>,
}

/// A stateful fake of Stripe.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) laws: Laws,
    pub(super) accounts: Accounts,
    pub(super) ledgers: Vec<Ledger>,
    ledger_ids: HashMap<Arc<str>, [Option<LedgerId>; 2]>,
    pub(super) customers: Shelf<CustomerRecord>,
    pub(super) methods: Shelf<MethodRecord>,
    pub(super) intents: Shelf<Intent>,
    pub(super) setups: Shelf<Setup>,
    pub(super) charges: Shelf<Charge>,
    pub(super) refunds: Shelf<Refund>,
    pub(super) fees: Shelf<Fee>,
    pub(super) subscriptions: Shelf<Subscription>,
    pub(super) invoices: Shelf<Invoice>,
    pub(super) events: Shelf<Happening>,
    pub(super) keys: Keys,
}

/// One request on its way through the world.
pub(super) struct Call<'a> {
    pub moment: Moment,
    pub ledger: LedgerId,
    pub livemode: bool,
    pub connected: bool,
    pub account: Arc<str>,
    pub key: KeyKind,
    pub params: &'a Params,
    drawn: Cell<u64>,
}

impl World {
    /// An empty world under these laws.
    pub fn new(laws: Laws) -> Self {
        let accounts = Accounts::new(
            &laws.platform_account,
            &laws.platform_country,
            laws.sources_on_demand,
        );
        Self {
            laws,
            accounts,
            ledgers: Vec::new(),
            ledger_ids: HashMap::new(),
            customers: Shelf::default(),
            methods: Shelf::default(),
            intents: Shelf::default(),
            setups: Shelf::default(),
            charges: Shelf::default(),
            refunds: Shelf::default(),
            fees: Shelf::default(),
            subscriptions: Shelf::default(),
            invoices: Shelf::default(),
            events: Shelf::default(),
            keys: Keys::default(),
        }
    }

    /// The laws that this world was made under.
    pub fn laws(&self) -> &Laws {
        &self.laws
    }

    /// Handles one request: the only way in which the world changes, apart from the control API.
    pub fn handle(&mut self, moment: Moment, request: &Request, handling: Handling) -> Response {
        let mut reply = Reply::new(&self.laws, moment, request);
        reply.handling = handling;
        let outcome = self.judge(&mut reply);
        reply.response(&self.laws, outcome)
    }

    /// Refuses a request in the shape that its answer would have had, without handling it.
    pub(super) fn refuse(&self, moment: Moment, request: &Request, failure: Failure) -> Response {
        Reply::new(&self.laws, moment, request).response(&self.laws, Err(failure))
    }

    fn judge(&mut self, reply: &mut Reply<'_>) -> Result<(u16, String), Failure> {
        let request = reply.request;
        let key = authenticate(&request.credentials)?;
        if request.account.is_some() && request.context.is_some() {
            return Err(Failure::invalid(
                "You may only provide one of the headers `Stripe-Account` and `Stripe-Context`.",
            ));
        }
        let (account, connected) = match request.connected_account() {
            Some(id) => {
                let account = self.accounts.reach(id, key)?;
                let connected = account != self.accounts.platform.id;
                (account, connected)
            }
            None => (Arc::clone(&self.accounts.platform.id), false),
        };
        let route = Route::of(request.method, &request.path).ok_or_else(|| unknown_url(request))?;
        if !request.form && !request.body.is_empty() {
            return Err(Failure::invalid(
                "Invalid request (check that your POST content type is application/x-www-form-urlencoded).",
            ));
        }
        if request.method != Method::Get
            && let Credentials::Key {
                reads_only: true, ..
            } = &request.credentials
        {
            return Err(not_permitted(key, &account, route));
        }
        let params = read_params(request);
        let call = Call {
            moment: reply.moment,
            ledger: self.ledger(&account, key.livemode(), connected),
            livemode: key.livemode(),
            connected,
            account,
            key,
            params: &params,
            drawn: Cell::new(0),
        };
        self.answer(reply, &call, route)
    }

    /// Replays what is stored under the key, or executes the request and stores the result.
    fn answer(
        &mut self,
        reply: &mut Reply<'_>,
        call: &Call<'_>,
        route: Route<'_>,
    ) -> Result<(u16, String), Failure> {
        let request = reply.request;
        let key = match request.method {
            Method::Post => request.idempotency_key.as_deref(),
            Method::Get | Method::Delete | Method::Other => None,
        };
        if let Some(key) = key {
            if key.is_empty() || key.chars().count() > 255 {
                return Err(Failure::invalid(
                    "Idempotency keys must have 1 to 255 characters.",
                ));
            }
            let now = reply.moment.unix;
            if let Some(stored) =
                self.keys
                    .recall(call.ledger, key, &request.path, call.params, now)?
            {
                reply.original = Some(stored.number);
                return Ok((stored.status, stored.answer.body()));
            }
        }
        schema::check(call.params, route)?;
        expand::check(call.params, route)?;
        reply.executed = request.method != Method::Get;
        let result = match reply.handling {
            Handling::Normal => self.execute(call, route),
            Handling::FailStored { status, effect } => {
                if effect {
                    // Whatever came of it, the caller is told of the failure only.
                    drop(self.execute(call, route));
                }
                Err(Failure::server(status))
            }
        };
        let (status, answer) = match result {
            Ok(answer) => (200, answer),
            Err(failure) if failure.status == 429 => {
                reply.executed = false;
                return Err(failure);
            }
            Err(failure) => {
                let body = failure.body(&reply.request_id, call.livemode, &call.account);
                (failure.status, Answer::Text(body.into()))
            }
        };
        let body = answer.body();
        if let Some(key) = key {
            let stored = Stored {
                digest: call.params.digest(),
                path: idempotency::path(&request.path),
                at: reply.moment.unix,
                number: reply.moment.number,
                status,
                answer,
            };
            self.keys.store(call.ledger, key, stored);
        }
        Ok((status, body))
    }

    fn execute(&mut self, call: &Call<'_>, route: Route<'_>) -> Result<Answer, Failure> {
        match route {
            Route::CreateCustomer => self.create_customer(call),
            Route::ListCustomers => self.list_customers(call),
            Route::SearchCustomers => self.search_customers(call),
            Route::GetCustomer(id) => self.get_customer(call, id),
            Route::UpdateCustomer(id) => self.update_customer(call, id),
            Route::DeleteCustomer(id) => self.delete_customer(call, id),
            Route::ListCustomerPaymentMethods(id) => self.list_customer_methods(call, id),
            Route::GetCustomerPaymentMethod(id, method) => {
                self.get_customer_method(call, id, method)
            }
            Route::CreatePaymentMethod => self.create_method(call),
            Route::ListPaymentMethods => self.list_methods(call),
            Route::GetPaymentMethod(id) => self.get_method(call, id),
            Route::UpdatePaymentMethod(id) => self.update_method(call, id),
            Route::AttachPaymentMethod(id) => self.attach_method(call, id),
            Route::DetachPaymentMethod(id) => self.detach_method(call, id),
            Route::CreatePaymentIntent => self.create_intent(call),
            Route::ListPaymentIntents => self.list_intents(call),
            Route::GetPaymentIntent(id) => self.get_intent(call, id),
            Route::ConfirmPaymentIntent(id) => self.confirm_intent(call, id),
            Route::CapturePaymentIntent(id) => self.capture_intent(call, id),
            Route::CancelPaymentIntent(id) => self.cancel_intent(call, id),
            Route::CreateSetupIntent => self.create_setup(call),
            Route::ListSetupIntents => self.list_setups(call),
            Route::GetSetupIntent(id) => self.get_setup(call, id),
            Route::ConfirmSetupIntent(id) => self.confirm_setup(call, id),
            Route::CancelSetupIntent(id) => self.cancel_setup(call, id),
            Route::CreateRefund => self.create_refund(call),
            Route::ListRefunds => self.list_refunds(call),
            Route::GetRefund(id) => self.get_refund(call, id),
            Route::ListCharges => self.list_charges(call),
            Route::GetCharge(id) => self.get_charge(call, id),
            Route::GetApplicationFee(id) => self.get_fee(call, id),
            Route::GetOwnAccount => self
                .accounts
                .show(&call.account, call.key)
                .map(|own| text(&own)),
            Route::ListAccounts => self.list_accounts(call),
            Route::GetAccount(id) => self
                .accounts
                .show(id, call.key)
                .map(|account| text(&account)),
            Route::GetBalance => Ok(self.balance(call)),
            Route::ListSubscriptions => self.list_subscriptions(call),
            Route::ListInvoices => self.list_invoices(call),
            Route::ListEvents => self.list_events(call),
            Route::GetEvent(id) => self.get_event(call, id),
        }
    }

    /// The ledger of an account in a mode, opened when it is first used.
    pub(super) fn ledger(
        &mut self,
        account: &Arc<str>,
        livemode: bool,
        connected: bool,
    ) -> LedgerId {
        let ids = self.ledger_ids.entry(Arc::clone(account)).or_default();
        *ids[usize::from(livemode)].get_or_insert_with(|| {
            self.ledgers.push(Ledger {
                livemode,
                account: Arc::clone(account),
                connected,
                balances: BTreeMap::new(),
            });
            self.ledgers.len() - 1
        })
    }

    /// The ledger of an account in a mode, if anything was ever done in it.
    pub(super) fn known_ledger(&self, account: &str, livemode: bool) -> Option<LedgerId> {
        self.ledger_ids.get(account)?[usize::from(livemode)]
    }

    /// The platform's ledger in the same mode as the call's.
    pub(super) fn platform_ledger(&mut self, livemode: bool) -> LedgerId {
        let platform = Arc::clone(&self.accounts.platform.id);
        self.ledger(&platform, livemode, false)
    }

    /// A new id with this prefix.
    pub(super) fn mint(&self, call: &Call<'_>, prefix: &str) -> Arc<str> {
        let ordinal = call.drawn.get() + 1;
        call.drawn.set(ordinal);
        let drawn = ids::draw(self.laws.seed, call.moment.number, ordinal);
        ids::object_id(prefix, &call.account, call.moment, drawn).into()
    }
}

/// A JSON value as an answer.
pub(super) fn text(value: &serde_json::Value) -> Answer {
    Answer::Text(value.to_string().into())
}

fn read_params(request: &Request) -> Params {
    match (request.method, request.query.is_empty()) {
        (Method::Post, true) => Params::parse(&request.body),
        (Method::Post, false) => Params::parse(&format!("{}&{}", request.query, request.body)),
        (Method::Get | Method::Delete | Method::Other, _) => Params::parse(&request.query),
    }
}

fn authenticate(credentials: &Credentials) -> Result<KeyKind, Failure> {
    let unauthorized = |message: String| Failure::new(401, Kind::InvalidRequest, message);
    match credentials {
        Credentials::Key { kind, .. } => Ok(*kind),
        Credentials::Missing => Err(unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
                .to_owned(),
        )),
        Credentials::Refused(shown) => Err(unauthorized(format!("Invalid API Key provided: {shown}"))),
        Credentials::Expired(kind) => Err(unauthorized(format!(
            "Expired API Key provided: {}***",
            kind.prefix()
        ))
        .code("api_key_expired")),
    }
}

/// Told by Stripe in a public issue: which permission is missing, and on which account. Nothing of it is stored under a key.
fn not_permitted(key: KeyKind, account: &str, route: Route<'_>) -> Failure {
    let of_customers = matches!(
        route,
        Route::CreateCustomer | Route::UpdateCustomer(_) | Route::DeleteCustomer(_)
    );
    let needed = if of_customers {
        "\"Customers Write\" ('rak_customer_write')"
    } else {
        "\"PaymentMethods Write\" ('rak_payment_method_write')"
    };
    let message = format!(
        "The provided key '{}***' does not have the required permissions for this endpoint on account '{account}'. \
         Enabling {needed} permissions on this key would allow this request to continue.",
        key.prefix()
    );
    Failure::new(403, Kind::InvalidRequest, message)
}

fn unknown_url(request: &Request) -> Failure {
    let (method, path) = (request.method.name(), &request.path);
    Failure::new(
        404,
        Kind::InvalidRequest,
        format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at \
             https://support.stripe.com/."
        ),
    )
}
