//! The platform's account and the connected ones: who may be reached, and what `GET /v1/accounts` shows of them.

use super::keys::Kind as KeyKind;
use super::response::{Failure, Kind};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// In which modes a connected account granted access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modes {
    Both,
    TestOnly,
    LiveOnly,
}

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub id: Arc<str>,
    pub country: Box<str>,
    pub created: i64,
    /// `business_profile.name`.
    pub name: Option<Box<str>>,
    pub charges_enabled: bool,
    /// `active`, `inactive` or `pending`, by capability; `None`: what follows from `charges_enabled`.
    pub capabilities: Option<BTreeMap<Box<str>, Box<str>>>,
    /// Why it is disabled; `None`: what follows from `charges_enabled`.
    pub disabled_reason: Option<Box<str>>,
    pub revoked: bool,
    pub modes: Modes,
}

impl Account {
    fn open(&self, livemode: bool) -> bool {
        let mode = match self.modes {
            Modes::Both => true,
            Modes::TestOnly => !livemode,
            Modes::LiveOnly => livemode,
        };
        mode && !self.revoked
    }
}

/// Every account of the world.
#[derive(Debug, Clone)]
pub(super) struct Accounts {
    pub platform: Account,
    connected: BTreeMap<Arc<str>, Account>,
    on_demand: bool,
}

/// When accounts that nobody created came to be: long before any rehearsal.
pub(super) const LONG_AGO: i64 = 1_577_836_800;

impl Accounts {
    pub fn new(platform: &str, country: &str, on_demand: bool) -> Self {
        Self {
            platform: blank(platform.into(), country),
            connected: BTreeMap::new(),
            on_demand,
        }
    }

    /// The account that a request acts on, or Stripe's refusal to let it.
    pub fn reach(&mut self, id: &str, key: KeyKind) -> Result<Arc<str>, Failure> {
        if *id == *self.platform.id {
            return Ok(Arc::clone(&self.platform.id));
        }
        let account = self.find(id).filter(|account| account.open(key.livemode()));
        account
            .map(|account| Arc::clone(&account.id))
            .ok_or_else(|| no_access(id, key))
    }

    /// A connected account; with accounts on demand, any that is named.
    fn find(&mut self, id: &str) -> Option<&mut Account> {
        if self.on_demand && !self.connected.contains_key(id) {
            let name = id.strip_prefix("acct_").filter(|name| !name.is_empty())?;
            let mut account = blank(id.into(), "US");
            account.revoked = name.starts_with("revoked");
            self.connected.insert(Arc::clone(&account.id), account);
        }
        self.connected.get_mut(id)
    }

    /// A connected account that was named before.
    pub fn known(&self, id: &str) -> Option<&Account> {
        self.connected.get(id)
    }

    /// Adds an account, or replaces what is known of it; the platform's own, too.
    pub fn put(&mut self, account: Account) {
        if account.id == self.platform.id {
            self.platform = account;
            return;
        }
        self.connected.insert(Arc::clone(&account.id), account);
    }

    /// Withdraws or gives back the platform's access. False when there is no such account.
    pub fn set_revoked(&mut self, id: &str, revoked: bool) -> bool {
        match self.find(id) {
            Some(account) => {
                account.revoked = revoked;
                true
            }
            None => false,
        }
    }

    /// What the account looks like, to a key that may see it.
    pub fn show(&mut self, id: &str, key: KeyKind) -> Result<Value, Failure> {
        self.reach(id, key)?;
        let shown = if *id == *self.platform.id {
            Some(&self.platform)
        } else {
            self.connected.get(id)
        };
        shown.map(render).ok_or_else(|| no_access(id, key))
    }

    /// Connected accounts that are reachable, newest first.
    pub fn reachable(&self, livemode: bool) -> Vec<&Account> {
        let mut all: Vec<_> = self
            .connected
            .values()
            .filter(|account| account.open(livemode))
            .collect();
        all.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        all
    }

    pub fn count(&self) -> usize {
        self.connected.len()
    }
}

/// A Standard account that can do everything.
pub(super) fn blank(id: Arc<str>, country: &str) -> Account {
    Account {
        id,
        country: country.into(),
        created: LONG_AGO,
        name: None,
        charges_enabled: true,
        capabilities: None,
        disabled_reason: None,
        revoked: false,
        modes: Modes::Both,
    }
}

/// Observed: 403 `account_invalid` is the one answer without `Request-Id`.
fn no_access(id: &str, key: KeyKind) -> Failure {
    let mut failure = Failure::new(
        403,
        Kind::InvalidRequest,
        format!(
            "The provided key '{}***' does not have access to account '{id}' (or that account does not exist). \
             Application access may have been revoked.",
            key.prefix()
        ),
    )
    .code("account_invalid");
    failure.anonymous = true;
    failure
}

/// The two-letter country's currency, as far as the tests of a migration need it.
fn currency(country: &str) -> &'static str {
    match country {
        "GB" => "gbp",
        "CA" => "cad",
        "AU" => "aud",
        "JP" => "jpy",
        "IN" => "inr",
        "AT" | "BE" | "DE" | "ES" | "FI" | "FR" | "IE" | "IT" | "NL" | "PT" => "eur",
        _ => "usd",
    }
}

pub(super) fn render(account: &Account) -> Value {
    let enabled = account.charges_enabled;
    let capabilities = match &account.capabilities {
        Some(capabilities) => json!(capabilities),
        None if enabled => json!({"card_payments": "active", "transfers": "active",
            "us_bank_account_ach_payments": "active"}),
        None => json!({}),
    };
    let disabled_reason = match &account.disabled_reason {
        Some(reason) => Value::from(&**reason),
        None if enabled => Value::Null,
        None => "requirements.past_due".into(),
    };
    let requirements = json!({"alternatives": [], "current_deadline": null, "currently_due": [],
        "disabled_reason": disabled_reason, "errors": [], "eventually_due": [], "past_due": [],
        "pending_verification": []});
    json!({
        "id": &*account.id,
        "object": "account",
        "business_profile": {"mcc": null, "name": account.name, "product_description": null, "support_address": null,
            "support_email": null, "support_phone": null, "support_url": null, "url": null},
        "business_type": null,
        "capabilities": capabilities,
        "charges_enabled": enabled,
        "controller": {"fees": {"payer": "account"}, "is_controller": true, "losses": {"payments": "stripe"},
            "requirement_collection": "stripe", "stripe_dashboard": {"type": "full"}, "type": "application"},
        "country": &*account.country,
        "created": account.created,
        "default_currency": currency(&account.country),
        "details_submitted": enabled,
        "email": null,
        "external_accounts": {"object": "list", "data": [], "has_more": false,
            "url": format!("/v1/accounts/{}/external_accounts", account.id)},
        "future_requirements": {"alternatives": [], "current_deadline": null, "currently_due": [],
            "disabled_reason": null, "errors": [], "eventually_due": [], "past_due": [], "pending_verification": []},
        "metadata": {},
        "payouts_enabled": enabled,
        "requirements": requirements,
        "settings": {"branding": {"icon": null, "logo": null, "primary_color": null, "secondary_color": null},
            "card_payments": {"statement_descriptor_prefix": null},
            "dashboard": {"display_name": null, "timezone": "Etc/UTC"}},
        "tos_acceptance": {"date": null, "ip": null, "user_agent": null},
        "type": "standard",
    })
}
