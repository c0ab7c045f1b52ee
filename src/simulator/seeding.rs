//! Objects that are put into the world from outside, through the control API: one JSON object a line.
//!
//! ```text
//! {"account":"acct_1a","country":"DE","name":"A Shop","charges_enabled":false,"modes":"test","revoked":false,
//!  "capabilities":{"card_payments":"pending"},"disabled_reason":"rejected.fraud"}
//! {"customer":"cus_1","email":"a@example.com","name":"A","metadata":{"k":"v"},"created":1700000000,
//!  "payment_methods":[{"id":"pm_1","test_card":"visa"},{"id":"pm_2","type":"sepa_debit"}]}
//! {"payment_method":"pm_3","test_card":"chargeCustomerFail"}
//! {"payment_method":"pm_4","type":"us_bank_account","consumed":true}
//! {"subscription":"sub_1","of_customer":"cus_1","default_payment_method":"pm_1"}
//! {"invoice":"in_1","of_customer":"cus_1"}
//! ```
//!
//! Customers and PaymentMethods belong to the platform unless `on_account` says otherwise, in test mode unless
//! `"livemode":true`.

use super::accounts::{LONG_AGO, Modes, blank};
use super::ids::hash;
use super::methods::known_type;
use super::objects::{Conduct, Customer, Instrument, Standing};
use super::shelf::{LedgerId, Slot};
use super::sources::new_method;
use super::testcards::{self, Model};
use super::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One object to put into the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Seed {
    Account(SeedAccount),
    Customer(SeedCustomer),
    Method(SeedMethod),
    Subscription(SeedSubscription),
    Invoice(SeedInvoice),
}

/// Somebody bills a Customer, wherever that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedSubscription {
    pub subscription: String,
    pub of_customer: String,
    #[serde(default)]
    pub default_payment_method: Option<String>,
}

/// The same, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedInvoice {
    pub invoice: String,
    pub of_customer: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedAccount {
    #[serde(alias = "id")]
    pub account: String,
    #[serde(default = "united_states")]
    pub country: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default = "yes")]
    pub charges_enabled: bool,
    #[serde(default)]
    pub capabilities: Option<BTreeMap<String, Capability>>,
    #[serde(default)]
    pub disabled_reason: Option<String>,
    #[serde(default)]
    pub modes: SeedModes,
    #[serde(default)]
    pub revoked: bool,
}

/// How far a capability is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Capability {
    Active,
    Inactive,
    Pending,
}

impl Capability {
    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SeedModes {
    #[default]
    Both,
    Test,
    Live,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedCustomer {
    pub customer: String,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub created: Option<i64>,
    #[serde(default)]
    pub on_account: Option<String>,
    #[serde(default)]
    pub livemode: bool,
    #[serde(default)]
    pub payment_methods: Vec<SeedAttached>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedAttached {
    pub id: String,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub test_card: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedMethod {
    pub payment_method: String,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub test_card: Option<String>,
    #[serde(default)]
    pub consumed: bool,
    #[serde(default)]
    pub on_account: Option<String>,
    #[serde(default)]
    pub livemode: bool,
}

fn united_states() -> String {
    "US".to_owned()
}

fn yes() -> bool {
    true
}

/// Reads seeds from JSON lines, a JSON array or a single object that may span lines.
pub(super) fn parse(text: &str) -> Result<Vec<Seed>, String> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .map(|seed| seed.map_err(|error| error.to_string()))
        .collect()
}

impl World {
    /// Puts one object into the world; says why not when its id is taken or its account unknown.
    pub(super) fn plant(&mut self, seed: &Seed) -> Result<(), String> {
        match seed {
            Seed::Account(seed) => {
                let mut account = blank(seed.account.as_str().into(), &seed.country);
                account.name = seed.name.as_deref().map(Box::from);
                account.charges_enabled = seed.charges_enabled;
                account.capabilities = seed.capabilities.as_ref().map(|all| {
                    all.iter()
                        .map(|(capability, state)| {
                            (capability.as_str().into(), state.name().into())
                        })
                        .collect()
                });
                account.disabled_reason = seed.disabled_reason.as_deref().map(Box::from);
                account.revoked = seed.revoked;
                account.modes = match seed.modes {
                    SeedModes::Both => Modes::Both,
                    SeedModes::Test => Modes::TestOnly,
                    SeedModes::Live => Modes::LiveOnly,
                };
                self.accounts.put(account);
                Ok(())
            }
            Seed::Customer(seed) => self.plant_customer(seed),
            Seed::Subscription(seed) => self.subscribe(
                &seed.subscription,
                &seed.of_customer,
                seed.default_payment_method.as_deref(),
            ),
            Seed::Invoice(seed) => self.invoice(&seed.invoice, &seed.of_customer),
            Seed::Method(seed) => {
                let ledger = self.home(seed.on_account.as_deref(), seed.livemode)?;
                let model = model(
                    &seed.payment_method,
                    seed.kind.as_deref(),
                    seed.test_card.as_deref(),
                )?;
                let slot = self.plant_method(ledger, &seed.payment_method, model)?;
                if seed.consumed {
                    self.methods.get_mut(slot).standing = Standing::Spent;
                }
                Ok(())
            }
        }
    }

    /// The same at a moment: an account that was known, and is another now, has an event.
    pub(super) fn plant_at(&mut self, unix: i64, seed: &Seed) -> Result<(), String> {
        let Seed::Account(SeedAccount { account, .. }) = seed else {
            return self.plant(seed);
        };
        let before = self.accounts.known(account).map(super::accounts::render);
        self.plant(seed)?;
        if let Some(before) = before {
            self.account_changed(unix, account, &before);
        }
        Ok(())
    }

    fn plant_customer(&mut self, seed: &SeedCustomer) -> Result<(), String> {
        if self.customers.slot(&seed.customer).is_some() {
            return Err(format!("{} exists already", seed.customer));
        }
        let ledger = self.home(seed.on_account.as_deref(), seed.livemode)?;
        let models = seed.payment_methods.iter().map(|method| {
            model(
                &method.id,
                method.kind.as_deref(),
                method.test_card.as_deref(),
            )
        });
        let models: Vec<Model> = models.collect::<Result<_, _>>()?;
        let created = seed.created.unwrap_or(LONG_AGO);
        let mut customer = Customer::blank(seed.customer.as_str().into(), created, seed.livemode);
        customer.email = seed.email.as_deref().map(Box::from);
        customer.name = seed.name.as_deref().map(Box::from);
        customer.metadata = seed
            .metadata
            .iter()
            .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
            .collect();
        let owner = self.put_customer(ledger, customer);
        for (method, model) in seed.payment_methods.iter().zip(models) {
            let slot = self.plant_method(ledger, &method.id, model)?;
            self.attach_to(slot, owner);
        }
        Ok(())
    }

    fn plant_method(&mut self, ledger: LedgerId, id: &str, model: Model) -> Result<Slot, String> {
        if self.methods.slot(id).is_some() {
            return Err(format!("{id} exists already"));
        }
        let object = new_method(
            id.into(),
            LONG_AGO,
            self.ledgers[ledger].livemode,
            model.instrument,
        );
        Ok(self.put_method(ledger, object, model.conduct))
    }

    fn home(&mut self, account: Option<&str>, livemode: bool) -> Result<LedgerId, String> {
        let platform = Arc::clone(&self.accounts.platform.id);
        match account.filter(|&account| *account != *platform) {
            None => Ok(self.ledger(&platform, livemode, false)),
            Some(account) => {
                let kind = if livemode {
                    super::keys::Kind::SecretLive
                } else {
                    super::keys::Kind::SecretTest
                };
                let account = self
                    .accounts
                    .reach(account, kind)
                    .map_err(|failure| failure.message)?;
                Ok(self.ledger(&account, livemode, true))
            }
        }
    }
}

/// What a seed describes. Without a test card the instrument follows from the id, as it does for a source on demand: two
/// sources are two instruments, or nobody could tell whose clone is whose.
fn model(id: &str, kind: Option<&str>, test_card: Option<&str>) -> Result<Model, String> {
    let drawn = hash(id);
    match (kind.unwrap_or("card"), test_card) {
        ("card", Some(name)) => testcards::token(&format!("tok_{name}"))
            .ok_or_else(|| format!("there is no test card `{name}`")),
        ("card", None) => Ok(Model {
            instrument: Instrument::Card(testcards::made_up_card(drawn)),
            conduct: Conduct::Good,
        }),
        ("us_bank_account", None) => Ok(testcards::us_bank_account(&format!(
            "{:012}",
            drawn % 1_000_000_000_000
        ))),
        (other, None) => Ok(Model {
            instrument: Instrument::Other(known_type(other).map_err(|failure| failure.message)?),
            conduct: Conduct::Good,
        }),
        (other, Some(_)) => Err(format!("a {other} has no test card")),
    }
}
